// From an answer of the server to what is drawn: gaps instead of zeros where nothing is known,
// sums, rates from the cohort, live changes. Pure; the chart and the tables only show this.
import type { Change, Counts, Metrics, Series } from "../../types.ts";

export interface Figures {
  sent: number;
  delivered: number;
  /** Of those that were sent in the range, how many are delivered. */
  cohort: number;
}

export const sum = (values: number[]): number => values.reduce((a, b) => a + b, 0);
export const figuresOf = (counts: Counts): Figures => ({ sent: sum(counts.sent), delivered: sum(counts.delivered), cohort: sum(counts.cohort) });

/** The figures of the buckets from an instant on. */
export function figuresFrom(counts: Counts, buckets: [number, number][], fromMs: number): Figures {
  const from = buckets.findIndex(([, end]) => end > fromMs);
  if (from < 0) return { sent: 0, delivered: 0, cohort: 0 };
  return figuresOf({ sent: counts.sent.slice(from), delivered: counts.delivered.slice(from), cohort: counts.cohort.slice(from) });
}

/** The counts over all that was asked for: the server's total, or the sum of what came. */
export function totalOf(metrics: Metrics): Counts {
  if (metrics.total) return metrics.total;
  const add = (key: keyof Counts): number[] => metrics.buckets.map((_, at) => metrics.series.reduce((total, series) => total + (series[key][at] ?? 0), 0));
  return { sent: add("sent"), delivered: add("delivered"), cohort: add("cohort") };
}

/** Values with gaps where counts are no longer kept: a gap is no zero. */
export function known(metrics: Metrics, values: number[]): (number | null)[] {
  const { floorMs } = metrics;
  if (floorMs === null || floorMs <= (metrics.buckets[0]?.[0] ?? 0)) return values;
  return metrics.buckets.map(([start], at) => (start < floorMs ? null : (values[at] ?? null)));
}

/** The delivery rate by bucket in per cent; null where nothing was sent. */
export const rates = (metrics: Metrics, counts: Counts): (number | null)[] =>
  known(metrics, counts.sent).map((sent, at) => (sent === null || sent === 0 ? null : Math.min(100, ((counts.cohort[at] ?? 0) / sent) * 100)));

/** Whether there is anything to draw. */
export const isEmpty = (metrics: Metrics): boolean => {
  const { sent, delivered } = figuresOf(totalOf(metrics));
  return sent === 0 && delivered === 0;
};

/** An answer with live changes in it, or null when it has to be asked for again. */
export function withChanges(metrics: Metrics, changes: Change[]): Metrics | null {
  if (metrics.granularity !== "half-hour") return null;
  const series = new Map<string, Series>(metrics.series.map((one) => [one.number, one]));
  const starts = new Map(metrics.buckets.map(([start], at) => [start, at]));
  const lastEnd = metrics.buckets.at(-1)?.[1] ?? 0;
  const total = metrics.total && copy(metrics.total);
  for (const change of changes) {
    const at = starts.get(change.startMs);
    if (at === undefined) {
      if (change.startMs >= lastEnd && change.startMs < metrics.endMs) return null;
      continue;
    }
    const old = series.get(change.number);
    if (!old) return null;
    const fresh = { ...old, ...copy(old) };
    for (const key of ["sent", "delivered", "cohort"] as const) {
      if (total) total[key][at] = (total[key][at] ?? 0) + change[key] - (old[key][at] ?? 0);
      fresh[key][at] = change[key];
    }
    series.set(change.number, fresh);
  }
  const fresh: Metrics = { ...metrics, series: metrics.series.map((one) => series.get(one.number) ?? one) };
  if (total) fresh.total = total;
  return fresh;
}

const copy = (counts: Counts): Counts => ({ sent: [...counts.sent], delivered: [...counts.delivered], cohort: [...counts.cohort] });
