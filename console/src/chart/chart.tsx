// The chart of counts with its strip of rates: mouse, keyboard and screen reader get the same.
// Zoom is its owner's state; it keeps only where the reader is. What is read there, and the chart on
// paper, come after the first picture (beside.tsx).
import type { JSX } from "preact";
import { useLayoutEffect, useId, useMemo, useRef, useState } from "preact/hooks";
import uPlot from "uplot";
import { useModule } from "../lazy.tsx";
import { metrics as m } from "../messages/en/metrics.ts";
import { onTheme } from "../theme.ts";
import { DAY } from "../zone.ts";
import { bucketAt, countOptions, held, rateOptions, xsOf } from "./plot.ts";
import type { Layer, PlotInput, Range } from "./plot.ts";

export interface ChartProps {
  buckets: [number, number][];
  layers: Layer[];
  /** Per cent by bucket; null where nothing was sent. */
  rate: (number | null)[];
  zone: string;
  range: Range;
  settlingFromMs: number;
  label: string;
  onZoom: (range: Range) => void;
  /** The layer that stands out. */
  highlight?: string | null;
}

const COUNT_PX = 300;
const RATE_PX = 116;

export function Chart(props: ChartProps): JSX.Element {
  const box = useRef<HTMLDivElement>(null);
  const counts = useRef<HTMLDivElement>(null);
  const rates = useRef<HTMLDivElement>(null);
  const plots = useRef<uPlot[]>([]);
  const latest = useRef(props);
  // When the data changed that is not drawn yet.
  const refreshing = useRef<number | null>(null);
  latest.current = props;
  const [at, setAt] = useState<number | null>(null);
  const [left, setLeft] = useState(0);
  const beside = useModule(() => import("./beside.tsx"));
  const id = useId();
  const keys = props.layers.map((layer) => `${layer.key}${layer.kind}`).join("|");

  const data = useMemo(() => {
    const xs = xsOf(props.buckets);
    return [[xs, ...props.layers.map((layer) => held(layer.values))], [xs, held(props.rate)]] as uPlot.AlignedData[];
  }, [props.buckets, props.layers, props.rate]);

  const drawn = useRef(data);

  useLayoutEffect(() => {
    if (!counts.current || !rates.current || !box.current) return undefined;
    const width = box.current.clientWidth;
    const input: PlotInput = {
      width,
      height: COUNT_PX,
      zone: props.zone,
      range: () => latest.current.range,
      settlingFromMs: () => latest.current.settlingFromMs,
      sync: id,
      onSelect: (range) => latest.current.onZoom(range),
      onCursor: (u) => {
        const x = u.cursor.left ?? -1;
        if (x < 0) {
          setAt(null);
          return;
        }
        setAt(bucketAt(latest.current.buckets, u.posToVal(x, "x") * 1000));
        setLeft(x + u.bbox.left / devicePixelRatio);
      },
      onDrawn: () => {
        if (performance.getEntriesByName("first-chart").length === 0) performance.mark("first-chart");
        if (refreshing.current !== null) performance.measure("chart-refresh", { start: refreshing.current, end: performance.now() });
        refreshing.current = null;
      },
    };
    const above = new uPlot(countOptions(input, latest.current.layers), data[0], counts.current);
    const below = new uPlot(rateOptions({ ...input, height: RATE_PX, onCursor: () => undefined }), data[1], rates.current);
    plots.current = [above, below];
    const size = new ResizeObserver(() => {
      const wide = box.current?.clientWidth ?? 0;
      if (wide === 0 || wide === above.width) return;
      above.setSize({ width: wide, height: COUNT_PX });
      below.setSize({ width: wide, height: RATE_PX });
    });
    size.observe(box.current);
    const stop = onTheme(() => plots.current.forEach((plot) => plot.redraw(false, true)));
    return () => {
      size.disconnect();
      stop();
      plots.current.forEach((plot) => plot.destroy());
      plots.current = [];
    };
  }, [keys, props.zone]);

  useLayoutEffect(() => {
    if (drawn.current === data) return;
    drawn.current = data;
    refreshing.current = performance.now();
    plots.current.forEach((plot, index) => plot.setData(data[index]!, true));
  }, [data]);

  useLayoutEffect(() => {
    plots.current.forEach((plot) => plot.setScale("x", { min: props.range.fromMs / 1000, max: props.range.toMs / 1000 }));
  }, [props.range.fromMs, props.range.toMs]);

  useLayoutEffect(() => {
    const plot = plots.current[0];
    if (!plot || props.layers.length === 0) return;
    const index = props.layers.findIndex((layer) => layer.key === props.highlight);
    plot.series.forEach((series, at) => {
      if (at > 0) series.alpha = index < 0 || at === index + 1 ? 1 : 0.18;
    });
    plot.redraw(false, false);
  }, [props.highlight, keys]);

  const move = (index: number): void => {
    const plot = plots.current[0];
    const found = props.buckets[index];
    if (!plot || !found) return;
    const x = Math.max(0, plot.valToPos((found[0] + found[1]) / 2000, "x"));
    plot.setCursor({ left: x, top: 10 });
    setAt(index);
  };
  const keyed = (event: KeyboardEvent): void => {
    const last = props.buckets.length - 1;
    const first = bucketAt(props.buckets, props.range.fromMs);
    const visible = bucketAt(props.buckets, props.range.toMs - 1);
    const from = at ?? visible;
    const [start, end] = props.buckets[from] ?? [0, DAY];
    const day = Math.max(1, Math.round(DAY / (end - start)));
    const steps: Record<string, number> = { ArrowLeft: from - 1, ArrowRight: from + 1, PageUp: from - day, PageDown: from + day, Home: first, End: visible };
    const wanted = steps[event.key];
    if (event.key === "Escape") setAt(null);
    if (wanted === undefined) return;
    event.preventDefault();
    move(at === null && event.key.startsWith("Arrow") ? visible : Math.min(last, Math.max(0, wanted)));
  };

  return (
    <div class="chart" ref={box} tabIndex={0} role="application" aria-label={props.label} aria-roledescription={m.chartRole} aria-describedby={`${id}d`} onKeyDown={keyed} onBlur={() => setAt(null)}>
      <span class="visually-hidden" id={`${id}d`}>
        {m.chartHow}
      </span>
      <div ref={counts} />
      <div class="chart-strip" ref={rates} />
      {beside && <beside.Beside chart={props} at={at} left={left} box={box} plots={plots} />}
    </div>
  );
}
