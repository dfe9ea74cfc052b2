// The figures below the chart: per number with its trend, or interval by interval.
import type { JSX } from "preact";
import { useMemo, useState } from "preact/hooks";
import { useOnPaper } from "../../chart/paper.ts";
import { Sparkline } from "../../chart/sparkline.tsx";
import { Table } from "../../components/table.tsx";
import type { Column } from "../../components/table.tsx";
import { bucket, count, phone, rate } from "../../format.ts";
import { useModule } from "../../lazy.tsx";
import { explain, explainOf } from "../../messages/en/explanation.ts";
import { metrics as m } from "../../messages/en/metrics.ts";
import { tables as t, toReconcile } from "../../messages/en/tables.ts";
import type { Metrics } from "../../types.ts";
import { figuresOf, known, totalOf } from "./counts.ts";
import type { Figures } from "./counts.ts";

interface NumberRow extends Figures {
  number: string;
  values: (number | null)[];
  share: number;
}

/** Below this rate a number is marked. */
const RATE_LOW = 0.955;
/** Below so many messages a rate says little. */
const SENT_ENOUGH = 100;

const low = (row: Figures): boolean => row.sent >= SENT_ENOUGH && row.cohort / row.sent < RATE_LOW;
const rateBy = (row: Figures): number => (row.sent === 0 ? -1 : row.cohort / row.sent);

const NUMBER_COLUMNS: Column<NumberRow>[] = [
  { key: "number", title: t.number, cell: (row) => <span class="nowrap">{phone(row.number)}</span>, by: (row) => row.number, upFirst: true },
  { key: "trend", title: t.trend, cell: (row) => <Sparkline values={row.values} /> },
  { key: "sent", title: m.sent, cell: (row) => count(row.sent), by: (row) => row.sent, number: true },
  { key: "delivered", title: m.delivered, cell: (row) => count(row.delivered), by: (row) => row.delivered, number: true },
  { key: "notYet", title: m.notYet, cell: (row) => count(row.sent - row.cohort), by: (row) => row.sent - row.cohort, number: true },
  { key: "rate", title: m.rate, cell: (row) => <span class={low(row) ? "low" : ""}>{rate(row.cohort, row.sent)}</span>, by: rateBy, number: true },
  {
    key: "share",
    title: t.share,
    cell: (row) => (
      <div class="bar" title={rate(row.share, 1)}>
        <i style={{ width: `${row.share * 100}%` }} />
      </div>
    ),
  },
];

const ReconcileLink = (): JSX.Element => (
  <p class="card-body hint">
    <a href="/console/reconcile">{toReconcile}</a>
  </p>
);

export function NumbersTable(props: { metrics: Metrics; onPoint: (number: string | null) => void }): JSX.Element {
  const rows = useMemo(() => {
    const all = figuresOf(totalOf(props.metrics)).sent || 1;
    return props.metrics.series.map((series): NumberRow => {
      const figures = figuresOf(series);
      return { ...figures, number: series.number, values: known(props.metrics, series.sent), share: figures.sent / all };
    });
  }, [props.metrics]);
  return (
    <>
      <Table caption={m.perNumber} columns={NUMBER_COLUMNS} rows={rows} rowKey={(row) => row.number} sort={{ key: "sent", down: true }} onPoint={(row) => props.onPoint(row?.number ?? null)} />
      <ReconcileLink />
    </>
  );
}

/** Rows of a page on the screen, and on paper: all of the longest range of half hours. */
const SCREEN_ROWS = 96;
const PAPER_ROWS = 1_500;

interface IntervalRow extends Figures {
  startMs: number;
  endMs: number;
}

function Explained(props: { metrics: Metrics; isv: string; startMs: number; zone: string; onClose: () => void }): JSX.Element | null {
  const module = useModule(() => import("./explanation.tsx"));
  return module && <module.ExplanationDialog {...props} />;
}

export function IntervalsTable(props: { metrics: Metrics; isv: string; zone: string }): JSX.Element {
  const { metrics, zone } = props;
  const [asked, setAsked] = useState<number | null>(null);
  const onPaper = useOnPaper();
  const rows = useMemo(() => {
    const total = totalOf(metrics);
    return metrics.buckets
      .map(([startMs, endMs], at): IntervalRow => ({ startMs, endMs, sent: total.sent[at] ?? 0, delivered: total.delivered[at] ?? 0, cohort: total.cohort[at] ?? 0 }))
      .filter((row) => metrics.floorMs === null || row.startMs >= metrics.floorMs);
  }, [metrics]);
  const columns: Column<IntervalRow>[] = useMemo(
    () => [
      { key: "interval", title: `${t.interval}, ${zone}`, cell: (row) => <span class="nowrap">{bucket(row.startMs, row.endMs, zone)}</span>, by: (row) => row.startMs, number: false },
      { key: "sent", title: m.sent, cell: (row) => count(row.sent), by: (row) => row.sent, number: true },
      { key: "delivered", title: m.delivered, cell: (row) => count(row.delivered), by: (row) => row.delivered, number: true },
      { key: "notYet", title: m.notYet, cell: (row) => count(row.sent - row.cohort), by: (row) => row.sent - row.cohort, number: true },
      { key: "rate", title: m.rate, cell: (row) => rate(row.cohort, row.sent), by: rateBy, number: true },
      {
        key: "explain",
        title: explain,
        cell: (row) => (
          <button type="button" class="button slim no-print" aria-label={explainOf(bucket(row.startMs, row.endMs, zone))} onClick={() => setAsked(row.startMs)}>
            {explain}
          </button>
        ),
        actions: true,
      },
    ],
    [zone],
  );
  return (
    <>
      <Table caption={m.intervals} columns={columns} rows={rows} rowKey={(row) => String(row.startMs)} sort={{ key: "interval", down: true }} pageSize={onPaper ? PAPER_ROWS : SCREEN_ROWS} />
      {asked !== null && <Explained metrics={metrics} isv={props.isv} startMs={asked} zone={zone} onClose={() => setAsked(null)} />}
      <ReconcileLink />
    </>
  );
}
