// The heroes of the page: four figures, each with its change when a comparison is asked for.
import type { JSX } from "preact";
import { change, count, rate } from "../../format.ts";
import { metrics as m } from "../../messages/en/metrics.ts";
import type { Figures as Sums } from "./counts.ts";

interface FiguresProps {
  now: Sums;
  before: Sums | null;
  /** Whether a comparison is asked for, also before it is there. */
  compares: boolean;
  /** Sent but not delivered among the last day's. */
  recent: number;
}

export function Figures(props: FiguresProps): JSX.Element {
  const { now, before } = props;
  const against = (current: number, old: number | undefined): string | null => (before && old !== undefined ? change(current, old) : null);
  const tiles: { label: string; value: string; note: string | null; what?: string; kind?: string }[] = [
    { label: m.sent, value: count(now.sent), note: against(now.sent, before?.sent), kind: "sent" },
    { label: m.delivered, value: count(now.delivered), note: against(now.delivered, before?.delivered), kind: "delivered" },
    { label: m.rate, value: rate(now.cohort, now.sent), note: before && before.sent > 0 ? rate(before.cohort, before.sent) : null },
    { label: m.notYet, value: count(now.sent - now.cohort), note: null, what: m.notYetWhat },
  ];
  return (
    <dl class={props.compares ? "figures compared" : "figures"}>
      {tiles.map((tile) => (
        <div key={tile.label}>
          <dt title={tile.what}>
            {tile.kind && <i class={`key ${tile.kind}`} />}
            {tile.label}
          </dt>
          <dd>{tile.value}</dd>
          {(tile.note || (props.compares && !tile.what)) && <dd class="figure-note">{tile.note && (tile.label === m.rate ? `${tile.note} ${m.before}` : m.against(tile.note))}</dd>}
          {tile.what && props.recent > 0 && <dd class="figure-note">{m.notYetRecent(count(props.recent))}</dd>}
        </div>
      ))}
    </dl>
  );
}
