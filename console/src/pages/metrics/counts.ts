// From an answer of the server to what is drawn: gaps instead of zeros where nothing is known,
// sums, rates from the cohort. Pure; the chart and the tables only show this.
import type { Counts, Metrics } from "../../types.ts";

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
  const floor = cutAt(metrics);
  return floor === null ? values : metrics.buckets.map(([start], at) => (start < floor ? null : (values[at] ?? null)));
}

/** The delivery rate by bucket in per cent; null where nothing was sent. */
export const rates = (metrics: Metrics, counts: Counts): (number | null)[] =>
  known(metrics, counts.sent).map((sent, at) => (sent === null || sent === 0 ? null : Math.min(100, ((counts.cohort[at] ?? 0) / sent) * 100)));

/** Whether there is anything to draw. */
export const isEmpty = (metrics: Metrics): boolean => {
  const { sent, delivered } = figuresOf(totalOf(metrics));
  return sent === 0 && delivered === 0;
};

/** Where counts are no longer kept, when it is after the first bucket. */
export const cutAt = ({ floorMs, buckets }: Metrics): number | null => (floorMs !== null && floorMs > (buckets[0]?.[0] ?? floorMs) ? floorMs : null);

/**
 * The figures of the period before, or null where they would be less than what was: a part of it
 * is no longer kept, or other numbers could be read then than now.
 */
export function figuresBefore(metrics: Metrics, compared: Metrics): Figures | null {
  return cutAt(compared) !== null || compared.failed.length !== metrics.failed.length ? null : figuresOf(totalOf(compared));
}

/** Why there is nothing to draw, or null when there is something. */
export function nothingOf(metrics: Metrics): "unread" | "unkept" | "uncounted" | null {
  if (!isEmpty(metrics)) return null;
  if (metrics.series.length === 0 && metrics.failed.length > 0) return "unread";
  const floor = cutAt(metrics);
  return floor !== null && metrics.buckets.every(([start]) => start < floor) ? "unkept" : "uncounted";
}
