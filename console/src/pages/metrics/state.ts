// What the Metrics page shows, as its address holds it, so that it can be shared. Pure: reads and
// writes queries, resolves ranges with a clock that is given.
import { DAY, HALF_HOUR, MINUTE, dayStart } from "../../zone.ts";
import type { Granularity } from "../../types.ts";

export const RANGES = ["today", "yesterday", "24h", "7d", "31d", "90d", "12m", "custom"] as const;
export type RangeName = (typeof RANGES)[number];
export type View = "numbers" | "intervals" | "hours";

export interface MetricsState {
  /** Empty: the default one. */
  space: string;
  isv: string;
  /** Empty: all. */
  numbers: string[];
  range: RangeName;
  fromMs: number;
  toMs: number;
  granularity: Granularity;
  show: "total" | "numbers";
  /** Whether times are those of the space or UTC. */
  utc: boolean;
  compare: boolean;
  view: View;
  zoom: { fromMs: number; toMs: number } | null;
}

/** Half hours are answered for so long. */
export const HALF_HOURS_MAX_MS = 31 * DAY;
/** Numbers that can be asked for at once. */
export const NUMBERS_MAX = 20;

const oneOf = <T extends string>(value: string | null, valid: readonly T[], otherwise: T): T => (valid.includes(value as T) ? (value as T) : otherwise);
const instant = (value: string | null): number => (value !== null && /^\d{1,15}$/.test(value) ? Number(value) : 0);

export function readState(query: URLSearchParams): MetricsState {
  const range = oneOf(query.get("range"), RANGES, "7d");
  const zoom = /^(\d{1,15})-(\d{1,15})$/.exec(query.get("zoom") ?? "");
  const numbers = (query.get("numbers") ?? "").split(",").filter((number) => /^\d{1,20}$/.test(number));
  return {
    space: query.get("space") ?? "",
    isv: query.get("isv") ?? "",
    numbers: numbers.slice(0, NUMBERS_MAX),
    range,
    fromMs: instant(query.get("from")),
    toMs: instant(query.get("to")),
    granularity: longOnly(range) ? "daily" : oneOf(query.get("granularity"), ["half-hour", "daily"], "half-hour"),
    show: oneOf(query.get("show"), ["total", "numbers"], "total"),
    utc: query.get("zone") === "utc",
    compare: query.get("compare") === "1",
    view: oneOf(query.get("view"), ["numbers", "intervals", "hours"], "numbers"),
    zoom: zoom ? { fromMs: Number(zoom[1]), toMs: Number(zoom[2]) } : null,
  };
}

/** Ranges that are too long for half hours. */
export const longOnly = (range: RangeName): boolean => range === "90d" || range === "12m";

/** Only what is not as it is without a query. */
export function writeState(state: MetricsState): URLSearchParams {
  const query = new URLSearchParams();
  const put = (name: string, value: string, otherwise: string): void => {
    if (value !== otherwise) query.set(name, value);
  };
  put("space", state.space, "");
  put("isv", state.isv, "");
  put("numbers", state.numbers.join(","), "");
  put("range", state.range, "7d");
  if (state.range === "custom") {
    query.set("from", String(state.fromMs));
    query.set("to", String(state.toMs));
  }
  put("granularity", longOnly(state.range) ? "half-hour" : state.granularity, "half-hour");
  put("show", state.show, "total");
  put("zone", state.utc ? "utc" : "", "");
  put("compare", state.compare ? "1" : "", "");
  put("view", state.view, "numbers");
  if (state.zoom) query.set("zoom", `${state.zoom.fromMs}-${state.zoom.toMs}`);
  return query;
}

/** Ranges that end now, and so move on with the clock. */
export const isMoving = (range: RangeName): boolean => range !== "custom" && range !== "yesterday";

export interface Span {
  startMs: number;
  endMs: number;
}

export type Asked = Pick<MetricsState, "range" | "fromMs" | "toMs" | "granularity">;

/** The instants of a range. Days begin where the zone makes them begin. */
export function resolve(state: Asked, nowMs: number, zone: string): Span {
  const days = (count: number): Span => ({ startMs: dayStart(zone, nowMs, 1 - count), endMs: dayStart(zone, nowMs, 1) });
  const next = (Math.floor(nowMs / HALF_HOUR) + 1) * HALF_HOUR;
  const last = (ms: number): Span => ({ startMs: next - ms, endMs: next });
  switch (state.range) {
    case "today":
      return days(1);
    case "yesterday":
      return { startMs: dayStart(zone, nowMs, -1), endMs: dayStart(zone, nowMs) };
    case "24h":
      return last(DAY);
    case "7d":
      return state.granularity === "daily" ? days(7) : last(7 * DAY);
    case "31d":
      return state.granularity === "daily" ? days(31) : last(31 * DAY);
    case "90d":
      return days(90);
    case "12m":
      return days(365);
    case "custom":
      return { startMs: state.fromMs, endMs: state.toMs };
  }
}

/** The span of the same length that ends where this one begins. */
export function before(span: Span, granularity: Granularity, zone: string): Span {
  if (granularity === "half-hour") return { startMs: span.startMs - (span.endMs - span.startMs), endMs: span.startMs };
  const days = Math.round((span.endMs - span.startMs) / DAY);
  return { startMs: dayStart(zone, span.startMs, -days), endMs: span.startMs };
}

/** Days and half hours of all zones begin at such instants. */
export const slotOf = (ms: number): number => Math.floor(ms / (15 * MINUTE));
