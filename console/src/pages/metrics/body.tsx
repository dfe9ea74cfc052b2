// What there is to see of an answer: figures, chart, tables; or why there is nothing.
import type { JSX } from "preact";
import { useMemo, useState } from "preact/hooks";
import { Chart } from "../../chart/chart.tsx";
import type { Heatmap as HeatmapOf } from "../../chart/heatmap.tsx";
import type { Layer } from "../../chart/plot.ts";
import { Check } from "../../components/field.tsx";
import { Banner, Skeleton } from "../../components/states.tsx";
import { Tabs } from "../../components/tabs.tsx";
import { count, moment, phone } from "../../format.ts";
import { useModule } from "../../lazy.tsx";
import { metrics as m } from "../../messages/en/metrics.ts";
import type { Metrics } from "../../types.ts";
import { cutAt, figuresBefore, figuresFrom, figuresOf, known, nothingOf, rates, totalOf } from "./counts.ts";
import { Figures } from "./figures.tsx";
import type { NothingProps } from "./nothing.tsx";
import type { MetricsState, Span, View } from "./state.ts";

interface BodyProps {
  metrics: Metrics;
  compared: Metrics | null;
  state: MetricsState;
  busy: boolean;
  zone: string;
  span: Span;
  onState: (change: Partial<MetricsState>) => void;
}

/** Lines that have a colour of their own; the others are grey. */
const COLOURS = 5;

function layersOf(props: BodyProps): Layer[] {
  const { metrics, compared, state } = props;
  if (state.show === "numbers") {
    const order = metrics.series.map((series) => ({ series, sent: figuresOf(series).sent })).sort((a, b) => b.sent - a.sent);
    // The largest are drawn last, above the grey ones.
    return order
      .map(({ series }, at): Layer => ({ key: series.number, label: phone(series.number), kind: "line", token: at < COLOURS ? `series-${at + 1}` : "series-rest", values: known(metrics, series.sent) }))
      .reverse();
  }
  const total = totalOf(metrics);
  const sentBefore = compared && known(compared, totalOf(compared).sent);
  // Its line comes later, its name does not.
  const ghost: Layer[] = state.compare ? [{ key: "before", label: m.sentBefore, kind: "ghost", token: "ghost", values: metrics.buckets.map((_, at) => sentBefore?.[at] ?? null) }] : [];
  return [
    { key: "delivered", label: m.delivered, kind: "area", token: "delivered", values: known(metrics, total.delivered) },
    ...ghost,
    { key: "sent", label: m.sent, kind: "line", token: "sent", values: known(metrics, total.sent) },
  ];
}

function Legend(props: { layers: Layer[] }): JSX.Element {
  const shown = [...props.layers].reverse().slice(0, COLOURS);
  return (
    <div class="legend">
      {shown.map((layer) => (
        <span key={layer.key}>
          <i class={`key ${layer.kind}`} style={{ color: `var(--${layer.token})`, background: layer.kind === "area" ? `var(--${layer.token}-fill)` : undefined }} />
          {layer.label}
        </span>
      ))}
      <span>
        <i class="key hatch" />
        {m.settlingKey}
      </span>
    </div>
  );
}

function Heatmap(props: Parameters<typeof HeatmapOf>[0]): JSX.Element | null {
  const module = useModule(() => import("../../chart/heatmap.tsx"));
  return module && <module.Heatmap {...props} />;
}

export function Nothing(props: NothingProps): JSX.Element {
  const module = useModule(() => import("./nothing.tsx"));
  return <div class="card">{module ? <module.Nothing {...props} /> : <Skeleton height={240} shown={false} />}</div>;
}

/** The tables come after the chart: nobody waits for them, and the chart does not wait either. */
function Tables(props: { view: "numbers" | "intervals"; metrics: Metrics; isv: string; zone: string; onPoint: (number: string | null) => void }): JSX.Element {
  const module = useModule(() => import("./tables.tsx"));
  if (!module) return <Skeleton height={320} shown={false} />;
  return props.view === "numbers" ? <module.NumbersTable metrics={props.metrics} onPoint={props.onPoint} /> : <module.IntervalsTable {...props} />;
}

export function Body(props: BodyProps): JSX.Element {
  const { metrics, compared, state, zone, span } = props;
  const [pointed, setPointed] = useState<string | null>(null);
  const total = useMemo(() => totalOf(metrics), [metrics]);
  const layers = useMemo(() => layersOf(props), [metrics, compared, state.show, state.compare]);
  const rate = useMemo(() => rates(metrics, total), [metrics, total]);
  const recent = useMemo(() => figuresFrom(total, metrics.buckets, metrics.settlingFromMs), [total, metrics]);
  const range = state.zoom ?? { fromMs: metrics.buckets[0]?.[0] ?? span.startMs, toMs: Math.max(metrics.buckets.at(-1)?.[1] ?? 0, span.endMs) };
  const about = m.about(moment(range.fromMs, zone), moment(range.toMs, zone), zone);
  const cut = cutAt(metrics);
  const floor = cut === null ? null : `${moment(cut, zone)} ${zone}`;
  const why = nothingOf(metrics);
  if (why) return <Nothing why={why} about={about} floor={floor} numbers={metrics.numbersTotal > 0} />;
  const earlier = compared && figuresBefore(metrics, compared);
  return (
    <>
      {floor && <Banner>{m.floor(floor)}</Banner>}
      {compared && !earlier && <Banner>{m.beforeCut}</Banner>}
      <section class="card instrument" aria-label={m.tables}>
        <div class={`progress-line${props.busy ? " on" : ""}`} />
        <div class="instrument-head">
          <Figures now={figuresOf(total)} before={earlier} compares={state.compare} recent={Math.max(0, recent.sent - recent.cohort)} />
          <Legend layers={layers} />
        </div>
        <Chart buckets={metrics.buckets} layers={layers} rate={rate} zone={zone} range={range} settlingFromMs={metrics.settlingFromMs} label={m.chartLabel(about)} onZoom={(zoom) => props.onState({ zoom })} highlight={pointed} />
        <div class="instrument-foot">
          <span>
            {about} · {m.intervalsOf(count(metrics.buckets.length), count(state.numbers.length || metrics.numbersTotal))}
            <span class="no-print"> · {m.zoomHow}</span>
          </span>
          <span class="row no-print">
            <Check label={m.compare} checked={state.compare} onChecked={(compare) => props.onState({ compare })} />
            {state.zoom && (
              <button type="button" class="button slim" onClick={() => props.onState({ zoom: null })}>
                {m.resetZoom}
              </button>
            )}
          </span>
        </div>
      </section>
      <section class="card">
        <Tabs
          label={m.tables}
          value={state.view}
          tabs={[
            { key: "numbers", title: m.perNumber },
            { key: "intervals", title: m.intervals },
            { key: "hours", title: m.hours },
          ]}
          onValue={(view) => props.onState({ view: view as View })}
        >
          {state.view !== "hours" && <Tables key={state.view} view={state.view} metrics={metrics} isv={state.isv} zone={zone} onPoint={state.show === "numbers" ? setPointed : () => undefined} />}
          {state.view === "hours" && (metrics.granularity === "half-hour" ? <Heatmap buckets={metrics.buckets} values={known(metrics, total.sent)} zone={zone} /> : <p class="card-body quiet">{m.hoursNeed}</p>)}
          {state.view === "numbers" && metrics.numbersTotal > metrics.series.length && state.numbers.length === 0 && <p class="pager">{m.busiest(count(metrics.series.length), count(metrics.numbersTotal))}</p>}
        </Tabs>
      </section>
    </>
  );
}
