// Whether the clock alone is a reason to ask again. Pure: it is given the time.
import { HALF_HOUR, dayStart } from "../../zone.ts";
import { resolve, slotOf } from "./state.ts";
import type { Asked } from "./state.ts";

/** Whether a range is another one than when it was asked for, or a bucket of it has begun since. */
export function movedOn(state: Asked, askedMs: number, nowMs: number, zone: string): boolean {
  if (slotOf(askedMs) === slotOf(nowMs)) return false;
  const [then, current] = [resolve(state, askedMs, zone), resolve(state, nowMs, zone)];
  if (then.startMs !== current.startMs || then.endMs !== current.endMs) return true;
  const bucketOf = (ms: number): number => (state.granularity === "daily" ? dayStart(zone, ms) : Math.floor(ms / HALF_HOUR));
  return askedMs < current.endMs && bucketOf(askedMs) !== bucketOf(nowMs);
}
