// How uPlot is told to draw: stepped paths, a zone's own axis, the hatch over what still settles.
// It holds no state and reads no page; colours come resolved from the theme.
import uPlot from "uplot";
import { clock, count, dayMonth, monthYear, NOTHING } from "../format.ts";
import { colour } from "../theme.ts";
import { DAY, ticks, wallAt } from "../zone.ts";

/** One thing that is drawn over the buckets. */
export interface Layer {
  key: string;
  label: string;
  kind: "area" | "line" | "ghost";
  /** Token of the line's colour. */
  token: string;
  values: (number | null)[];
}

export interface Range {
  fromMs: number;
  toMs: number;
}

/** Pixels between two lines of the time axis, at least. */
const TICK_PX = 86;
const AXIS_FONT = "12px system-ui, -apple-system, 'Segoe UI', Roboto, 'Liberation Sans', Arial, sans-serif";
const LEFT_PX = 58;

/** Where colours come from: the theme, or for a while something else, such as paper. */
let ink = colour;
export function drawWith(other: typeof colour | null): void {
  ink = other ?? colour;
}

/** The x of uPlot: starts of buckets and the end of the last, in seconds. */
export function xsOf(buckets: [number, number][]): number[] {
  const xs = buckets.map(([start]) => start / 1000);
  const last = buckets.at(-1);
  if (last) xs.push(last[1] / 1000);
  return xs;
}

/** Steps hold until the next start, so the last value stands twice. */
export const held = (values: (number | null)[]): (number | null)[] => (values.length === 0 ? values : [...values, values.at(-1) ?? null]);

/** The bucket that holds an instant, or the nearest at an end. */
export function bucketAt(buckets: [number, number][], ms: number): number {
  let low = 0;
  let high = buckets.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (buckets[middle]![0] <= ms) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** Labels of ticks: the clock, the day where a day begins, months when they are far apart. */
export function tickLabels(zone: string, at: number[]): string[] {
  const step = at.length > 1 ? at[1]! - at[0]! : DAY;
  return at.map((ms) => {
    if (step > 20 * DAY) return monthYear(ms, zone);
    const wall = wallAt(zone, ms);
    return step >= 0.9 * DAY || (wall.hour === 0 && wall.minute === 0) ? dayMonth(ms, zone) : clock(ms, zone);
  });
}

function timeAxis(zone: string, labels: boolean): uPlot.Axis {
  const splits = (u: uPlot, _axis: number, min: number, max: number): number[] => ticks(zone, min * 1000, max * 1000, Math.max(2, Math.floor(u.width / TICK_PX))).map((ms) => ms / 1000);
  return {
    splits,
    values: (_u, at) => (labels ? tickLabels(zone, at.map((s) => Math.round(s * 1000))) : at.map(() => "")),
    stroke: () => ink("ink-3"),
    grid: { stroke: () => ink("grid"), width: 1 },
    ticks: { show: false },
    font: AXIS_FONT,
    size: labels ? 26 : 6,
    gap: 6,
  };
}

const valueAxis = (values: (at: number[]) => string[], space: number): uPlot.Axis => ({
  values: (_u, at) => values(at),
  stroke: () => ink("ink-3"),
  grid: { stroke: () => ink("grid"), width: 1 },
  ticks: { show: false },
  font: AXIS_FONT,
  size: LEFT_PX,
  gap: 6,
  space,
});

/** Slanted lines over what may still change, under the data. */
function hatch(u: uPlot, fromMs: number): void {
  const { ctx, bbox } = u;
  const left = Math.max(bbox.left, Math.round(u.valToPos(fromMs / 1000, "x", true)));
  const right = bbox.left + bbox.width;
  if (left >= right) return;
  const gap = 7 * devicePixelRatio;
  ctx.save();
  ctx.beginPath();
  ctx.rect(left, bbox.top, right - left, bbox.height);
  ctx.clip();
  ctx.strokeStyle = ink("hatch");
  ctx.globalAlpha = 0.22;
  ctx.lineWidth = devicePixelRatio;
  ctx.beginPath();
  for (let x = left - bbox.height; x < right; x += gap) {
    ctx.moveTo(x, bbox.top + bbox.height);
    ctx.lineTo(x + bbox.height, bbox.top);
  }
  ctx.stroke();
  ctx.restore();
}

export interface PlotInput {
  width: number;
  height: number;
  zone: string;
  range: () => Range;
  settlingFromMs: () => number;
  sync: string;
  onCursor: (u: uPlot) => void;
  onSelect: (range: Range) => void;
  onDrawn?: () => void;
}

/** The cursor's line: where the pointer is, shared by both plots, drag to zoom. */
function cursor(input: PlotInput): uPlot.Cursor {
  return { sync: { key: input.sync }, drag: { x: true, y: false, setScale: false }, points: { show: false }, y: false, focus: { prox: -1 } };
}

function hooks(input: PlotInput): uPlot.Hooks.Arrays {
  return {
    drawClear: [(u) => hatch(u, input.settlingFromMs())],
    setCursor: [input.onCursor],
    setSelect: [
      (u) => {
        if (u.select.width < 4) return;
        const fromMs = Math.round(u.posToVal(u.select.left, "x") * 1000);
        const toMs = Math.round(u.posToVal(u.select.left + u.select.width, "x") * 1000);
        u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
        input.onSelect({ fromMs, toMs });
      },
    ],
    draw: input.onDrawn ? [input.onDrawn] : [],
  };
}

function series(layer: Layer): uPlot.Series {
  const steps = uPlot.paths.stepped!({ align: 1 });
  const drawn: uPlot.Series = { label: layer.label, paths: steps, points: { show: false }, width: 1, stroke: () => ink(layer.token), spanGaps: false };
  if (layer.kind === "area") drawn.fill = () => ink(`${layer.token}-fill`);
  if (layer.kind === "ghost") drawn.dash = [4, 3];
  return drawn;
}

const frame = (input: PlotInput): Pick<uPlot.Options, "width" | "height" | "padding" | "legend" | "cursor" | "hooks"> => ({
  width: input.width,
  height: input.height,
  padding: [10, 20, 0, 0],
  legend: { show: false },
  cursor: cursor(input),
  hooks: hooks(input),
});

const timeScale = (input: PlotInput): uPlot.Scale => ({
  time: false,
  range: () => [input.range().fromMs / 1000, input.range().toMs / 1000],
});

/** Counts: areas below, lines on top, from zero upwards. */
export function countOptions(input: PlotInput, layers: Layer[]): uPlot.Options {
  return {
    ...frame(input),
    scales: { x: timeScale(input), y: { range: (_u, _min, max) => [0, max > 0 ? max * 1.06 : 1] } },
    series: [{}, ...layers.map(series)],
    axes: [timeAxis(input.zone, false), valueAxis((at) => at.map((value) => (Number.isInteger(value) ? count(value) : "")), 44)],
  };
}

/** The delivery rate: from the lowest whole ten per cent to 100. */
export function rateOptions(input: PlotInput): uPlot.Options {
  return {
    ...frame(input),
    scales: { x: timeScale(input), y: { range: (_u, min) => [rateFloor(min), 100] } },
    series: [{}, series({ key: "rate", label: "", kind: "line", token: "delivered", values: [] })],
    axes: [
      timeAxis(input.zone, true),
      {
        ...valueAxis((at) => at.map((value) => (value === null ? NOTHING : `${value}\u202f%`)), 30),
        splits: (_u, _axis, min, max) => [min, (min + max) / 2, max],
      },
    ],
  };
}

export const rateFloor = (lowest: number | null): number => (lowest === null ? 0 : Math.min(90, Math.max(0, Math.floor(lowest / 10) * 10)));

export type { uPlot };
