// What the chart needs after its first picture: the values where the reader is, to see and to hear,
// and the chart on paper.
import type { JSX } from "preact";
import type uPlot from "uplot";
import { bucket, count, decimal, NOTHING } from "../format.ts";
import { metrics as m } from "../messages/en/metrics.ts";
import { tables as t } from "../messages/en/tables.ts";
import type { ChartProps } from "./chart.tsx";
import { usePaper } from "./paper.ts";

const TIP_PX = 236;
/** Rows of a tooltip, at most; the largest stand first. */
const ROWS_MAX = 8;

export interface BesideProps {
  chart: ChartProps;
  /** The bucket that is read. */
  at: number | null;
  /** Where it is, in pixels. */
  left: number;
  box: { current: HTMLElement | null };
  plots: { current: uPlot[] };
}

function readingAt(props: ChartProps, at: number) {
  const found = props.buckets[at];
  if (!found) return null;
  const rows = props.layers.map((layer) => ({ key: layer.key, token: layer.token, label: layer.label, at: layer.values[at] ?? null }));
  if (rows.length > ROWS_MAX) rows.sort((a, b) => (b.at ?? -1) - (a.at ?? -1));
  const rate = props.rate[at] ?? null;
  return {
    when: `${bucket(found[0], found[1], props.zone)} ${props.zone}`,
    rows: rows.slice(0, ROWS_MAX).map((row) => ({ ...row, value: row.at === null ? NOTHING : count(row.at) })),
    rate: rate === null ? NOTHING : `${decimal(rate)}\u202f%`,
    settling: found[1] > props.settlingFromMs,
  };
}

export function Beside(props: BesideProps): JSX.Element {
  const { chart, at, left, box } = props;
  usePaper(props.plots, box);
  const reading = at === null ? null : readingAt(chart, at);
  const width = box.current?.clientWidth ?? 0;
  return (
    <>
      {reading && (
        <div class="tip no-print" aria-hidden="true" style={{ left: `${left + 16 + TIP_PX > width ? Math.max(0, left - 16 - TIP_PX) : left + 16}px` }}>
          <div class="tip-when">{reading.when}</div>
          {reading.rows.map((row) => (
            <div class="tip-row" key={row.key}>
              <i style={{ background: `var(--${row.token})` }} />
              <span>{row.label}</span>
              <b>{row.value}</b>
            </div>
          ))}
          <div class="tip-row">
            <i />
            <span>{m.rate}</span>
            <b>{reading.rate}</b>
          </div>
          {reading.settling && <div class="tip-note">{t.settling}</div>}
        </div>
      )}
      <div class="visually-hidden" aria-live="polite">
        {reading && [reading.when, ...reading.rows.map((row) => `${row.label} ${row.value}`), `${m.rate} ${reading.rate}`, reading.settling ? t.settling : ""].filter(Boolean).join(", ")}
      </div>
    </>
  );
}
