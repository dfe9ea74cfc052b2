// Back and forth through pages that a server gives one after the other: it tells the next one, the
// ones before are remembered. It does not load.
import type { JSX } from "preact";
import { shell as m } from "../messages/en/shell.ts";

/** `after` is the way here: what each page before this one had as its next. */
export function Pager<Mark>(props: { after: Mark[]; next: Mark | null; onAfter: (after: Mark[]) => void }): JSX.Element | null {
  const { after, next, onAfter } = props;
  if (after.length === 0 && next === null) return null;
  return (
    <div class="pager">
      <button type="button" class="button slim" disabled={after.length === 0} onClick={() => onAfter(after.slice(0, -1))}>
        {m.previous}
      </button>
      <button type="button" class="button slim" disabled={next === null} onClick={() => next !== null && onAfter([...after, next])}>
        {m.next}
      </button>
    </div>
  );
}
