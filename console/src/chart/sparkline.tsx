// A small line of how a number went: shape only, no axis. The exact figures stand beside it.
import type { JSX } from "preact";
import { useMemo } from "preact/hooks";

const WIDTH = 120;
const HEIGHT = 24;
/** Points that fit; more buckets are added up. */
export const POINTS = 60;

/** Sums of neighbouring buckets, so that there are at most `points`. */
export function condense(values: (number | null)[], points = POINTS): number[] {
  const size = Math.max(1, Math.ceil(values.length / points));
  const sums: number[] = [];
  for (let start = 0; start < values.length; start += size) {
    let sum = 0;
    for (let at = start; at < Math.min(values.length, start + size); at += 1) sum += values[at] ?? 0;
    sums.push(sum);
  }
  return sums;
}

export function Sparkline(props: { values: (number | null)[] }): JSX.Element {
  const path = useMemo(() => {
    const sums = condense(props.values);
    const most = sums.reduce((a, b) => Math.max(a, b), 0) || 1;
    const step = WIDTH / Math.max(1, sums.length);
    return sums.map((sum, at) => `${at === 0 ? "M" : "V"}${at === 0 ? `0 ${y(sum, most)}` : y(sum, most)}H${(step * (at + 1)).toFixed(1)}`).join("");
  }, [props.values]);
  return (
    <svg class="spark" width={WIDTH} height={HEIGHT} viewBox={`0 0 ${WIDTH} ${HEIGHT}`} aria-hidden="true" preserveAspectRatio="none">
      <path d={`${path}V${HEIGHT}H0Z`} class="spark-fill" />
      <path d={path} class="spark-line" />
    </svg>
  );
}

const y = (value: number, most: number): string => (HEIGHT - 2 - (value / most) * (HEIGHT - 4)).toFixed(1);
