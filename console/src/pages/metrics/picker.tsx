// The list of numbers with a filter, in a dialog. It is loaded when it is opened, because a space
// may have very many.
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { get, query } from "../../api.ts";
import { Dialog } from "../../components/dialog.tsx";
import { Text } from "../../components/field.tsx";
import { useLoad } from "../../components/load.ts";
import { Loaded } from "../../components/states.tsx";
import { count, phone } from "../../format.ts";
import { picker as m } from "../../messages/en/picker.ts";
import type { PhoneNumber, Space } from "../../types.ts";
import { NUMBERS_MAX } from "./state.ts";

export interface PickerProps {
  space: Space | null;
  isv: string;
  total: number | null;
  chosen: string[];
  onChosen: (numbers: string[]) => void;
}

/** Rows of the list that are there at once; the filter finds the others. */
const SHOWN_MAX = 200;

export function Picker(props: PickerProps & { space: Space; onClose: () => void }): JSX.Element {
  const [chosen, setChosen] = useState(new Set(props.chosen));
  const [filter, setFilter] = useState("");
  const numbers = useLoad(props.space.id, (signal) => get<{ numbers: PhoneNumber[] }>(`numbers${query({ space: props.space.id, isv: props.isv })}`, signal));
  const toggle = (number: string, on: boolean): void => {
    const next = new Set(chosen);
    if (on) next.add(number);
    else next.delete(number);
    setChosen(next);
  };
  const done = (list: string[]): void => {
    props.onChosen(list);
    props.onClose();
  };
  return (
    <Dialog title={m.pickNumbers} onClose={props.onClose}>
      <Text label={m.filterNumbers} value={filter} onValue={setFilter} inputMode="tel" autoFocus />
      <div class="picker" tabIndex={-1}>
        <Loaded of={numbers} height={200}>
          {({ numbers: all }) => {
            const digits = filter.replace(/\D/g, "");
            const fit = all.filter((one) => one.number.includes(digits)).sort((a, b) => b.sent24h - a.sent24h);
            return fit.length === 0 ? (
              <p class="quiet">{m.noNumberFits}</p>
            ) : (
              <ul>
                {fit.slice(0, SHOWN_MAX).map((one) => (
                  <li key={one.number}>
                    <label class="choice">
                      <input type="checkbox" checked={chosen.has(one.number)} disabled={!chosen.has(one.number) && chosen.size >= NUMBERS_MAX} onChange={(event) => toggle(one.number, event.currentTarget.checked)} />
                      <span class="grow">{phone(one.number)}</span>
                      <span class="quiet small">{count(one.sent24h)}</span>
                    </label>
                  </li>
                ))}
              </ul>
            );
          }}
        </Loaded>
      </div>
      {chosen.size >= NUMBERS_MAX && <p class="hint">{m.pickMost(NUMBERS_MAX)}</p>}
      <div class="dialog-foot">
        <button type="button" class="button" onClick={() => done([])}>
          {m.useAll}
        </button>
        <button type="button" class="button primary" disabled={chosen.size === 0} onClick={() => done([...chosen].sort())}>
          {m.apply}
        </button>
      </div>
    </Dialog>
  );
}
