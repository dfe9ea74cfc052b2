// Moving a number to another space of the account, or taking it out. It lists nothing.
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { call } from "../api.ts";
import { useAct } from "../components/act.ts";
import { Dialog } from "../components/dialog.tsx";
import { Select } from "../components/field.tsx";
import { Failed } from "../components/states.tsx";
import { phone } from "../format.ts";
import { numbers as m } from "../messages/en/directory.ts";
import { shell } from "../messages/en/shell.ts";
import type { Space } from "../types.ts";

/** What stands for no space in the list. */
const NOBODY = "";

export function ChangeDialog(props: { number: string; space: string; spaces: Space[]; onClose: (changed: boolean) => void }): JSX.Element {
  const others = props.spaces.filter((one) => !one.isvCode && one.id !== props.space);
  const [to, setTo] = useState(others[0]?.id ?? NOBODY);
  const act = useAct();
  const change = (event: Event): void => {
    event.preventDefault();
    const space = to === NOBODY ? null : to;
    void act.run(() => call<{ from: string }>("PATCH", `numbers/${encodeURIComponent(props.number)}`, { space }), () => props.onClose(true));
  };
  return (
    <Dialog title={m.changeTitle(phone(props.number))} onClose={() => props.onClose(false)}>
      <form class="stack" onSubmit={change}>
        <Select label={m.changeTo} value={to} options={[...others.map((one) => ({ value: one.id, label: one.id })), { value: NOBODY, label: m.nobody }]} onValue={setTo} />
        <p class="hint">{to === NOBODY ? m.releaseWhat : m.moveWhat}</p>
        <Failed error={act.error} />
        <div class="dialog-foot">
          <button type="button" class="button" onClick={() => props.onClose(false)}>
            {shell.cancel}
          </button>
          <button type="submit" class="button primary" disabled={act.busy}>
            {to === NOBODY ? m.release : m.move}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
