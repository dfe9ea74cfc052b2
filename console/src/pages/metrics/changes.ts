// Live changes put into an answer, and what of them has to be asked for again. Pure: it knows no
// clock and asks nothing.
import type { Change, Counts, Metrics, Series } from "../../types.ts";

/** Whether the answer has to be asked for again to be whole, and how much of a hurry there is. */
export type Again = "never" | "soon" | "rarely";

export interface Patched {
  /** The answer that was given when nothing changed. */
  metrics: Metrics;
  again: Again;
}

const KEYS = ["sent", "delivered", "cohort"] as const;
const copy = <T extends Counts>(counts: T): T => ({ ...counts, sent: [...counts.sent], delivered: [...counts.delivered], cohort: [...counts.cohort] });

/** An answer with changes in it. `moving`: the range ends now, so what is behind its end belongs to it. */
export function patched(metrics: Metrics, changes: Change[], moving: boolean): Patched {
  const { buckets, endMs } = metrics;
  const series = new Map<string, Series>(metrics.series.map((one) => [one.number, one]));
  const starts = new Map(buckets.map(([start], at) => [start, at]));
  const firstMs = buckets[0]?.[0] ?? endMs;
  const lastMs = buckets.at(-1)?.[1] ?? metrics.startMs;
  const fresh = new Map<string, Series>();
  let total = metrics.total;
  let again: Again = "never";
  for (const change of changes) {
    // What is told of a range that is over is no news for it.
    if (change.startMs >= lastMs ? !moving && change.startMs >= endMs : change.startMs < firstMs) continue;
    const at = starts.get(change.startMs);
    if (metrics.granularity === "daily" || at === undefined) {
      again = "soon";
      continue;
    }
    const old = fresh.get(change.number) ?? series.get(change.number);
    if (!old) {
      // Of a space with more numbers than are listed the server tells whole counts of all, but the
      // answer holds no old value of the others by which the total could be corrected. Such changes
      // come every second in a busy space, so the total follows less often than what is listed.
      if (again !== "soon") again = metrics.numbersTotal > metrics.series.length ? "rarely" : "soon";
      continue;
    }
    if (KEYS.every((key) => old[key][at] === change[key])) continue;
    if (!fresh.has(change.number)) fresh.set(change.number, copy(old));
    if (total && total === metrics.total) total = copy(total);
    const mine = fresh.get(change.number)!;
    for (const key of KEYS) {
      if (total) total[key][at]! += change[key] - (mine[key][at] ?? 0);
      mine[key][at] = change[key];
    }
  }
  if (fresh.size === 0) return { metrics, again };
  return { metrics: { ...metrics, series: metrics.series.map((one) => fresh.get(one.number) ?? one), ...(total && { total }) }, again };
}

/** Changes that are kept while an answer is on its way: those of 50 numbers on two days. */
const WAITING_MAX = 5_000;

/** What is told while an answer is on its way, which may be older: of each bucket the latest. */
export class Waiting {
  private readonly changes = new Map<string, Change>();
  private lost = false;

  add(changes: Change[]): void {
    for (const change of changes) {
      const key = `${change.number}|${change.startMs}`;
      if (this.changes.size < WAITING_MAX || this.changes.has(key)) this.changes.set(key, change);
      else this.lost = true;
    }
  }

  /** The answer with all that was told. */
  into(metrics: Metrics, moving: boolean): Patched {
    const next = patched(metrics, [...this.changes.values()], moving);
    return this.lost && next.again === "never" ? { ...next, again: "rarely" } : next;
  }
}
