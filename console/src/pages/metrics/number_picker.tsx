// Which numbers: a button that opens the list.
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { DownIcon } from "../../components/icons.tsx";
import { count } from "../../format.ts";
import { useModule } from "../../lazy.tsx";
import { metrics as m } from "../../messages/en/metrics.ts";
import { shell } from "../../messages/en/shell.ts";
import type { PickerProps } from "./picker.tsx";

function LazyPicker(props: PickerProps & { onClose: () => void; space: NonNullable<PickerProps["space"]> }): JSX.Element | null {
  const module = useModule(() => import("./picker.tsx"));
  return module && <module.Picker {...props} />;
}

export function NumberPicker(props: PickerProps): JSX.Element {
  const [open, setOpen] = useState(false);
  const total = props.total ?? props.space?.numbers ?? null;
  const text = props.chosen.length > 0 ? m.someNumbers(count(props.chosen.length), total === null ? "…" : count(total)) : total === null ? shell.loading : m.allNumbers(count(total));
  return (
    <div class="field">
      <span class="label" id="numbers-label">
        {m.numbers}
      </span>
      <button type="button" class="button picker-button" id="numbers-value" aria-haspopup="dialog" aria-labelledby="numbers-label numbers-value" disabled={!props.space} onClick={() => setOpen(true)}>
        <span class="grow">{text}</span>
        <DownIcon />
      </button>
      {open && props.space && <LazyPicker {...props} space={props.space} onClose={() => setOpen(false)} />}
    </div>
  );
}
