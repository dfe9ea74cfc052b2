// A small line of how a number went: shape only, no axis. The exact figures stand beside it.
import type { JSX } from "preact";
import { useMemo } from "preact/hooks";

const WIDTH = 120;
const HEIGHT = 24;
/** Points that fit; more buckets are added up. */
export const POINTS = 60;

/** Sums of neighbouring buckets, so that there are at most `points`; null where none is known. */
export function condense(values: (number | null)[], points = POINTS): (number | null)[] {
  const size = Math.max(1, Math.ceil(values.length / points));
  const sums: (number | null)[] = [];
  for (let start = 0; start < values.length; start += size) {
    const known = values.slice(start, start + size).filter((value) => value !== null);
    sums.push(known.length === 0 ? null : known.reduce((a, b) => a + b, 0));
  }
  return sums;
}

/** The outline of steps and the area below them: a piece for each run of what is known. */
export function outlines(sums: (number | null)[]): { line: string; area: string } {
  const most = sums.reduce<number>((a, b) => Math.max(a, b ?? 0), 0) || 1;
  const step = WIDTH / Math.max(1, sums.length);
  const x = (at: number): string => (step * at).toFixed(1);
  let line = "";
  let area = "";
  sums.forEach((sum, at) => {
    if (sum === null) return;
    const begins = (sums[at - 1] ?? null) === null;
    const piece = `${begins ? `M${x(at)} ` : "V"}${y(sum, most)}H${x(at + 1)}`;
    line += piece;
    area += piece;
    // Back along the ground to where the run began.
    if ((sums[at + 1] ?? null) === null) area += `V${HEIGHT}H${x(sums.lastIndexOf(null, at) + 1)}Z`;
  });
  return { line, area };
}

export function Sparkline(props: { values: (number | null)[] }): JSX.Element {
  const { line, area } = useMemo(() => outlines(condense(props.values)), [props.values]);
  return (
    <svg class="spark" width={WIDTH} height={HEIGHT} viewBox={`0 0 ${WIDTH} ${HEIGHT}`} aria-hidden="true" preserveAspectRatio="none">
      <path d={area} class="spark-fill" />
      <path d={line} class="spark-line" />
    </svg>
  );
}

const y = (value: number, most: number): string => (HEIGHT - 2 - (value / most) * (HEIGHT - 4)).toFixed(1);
