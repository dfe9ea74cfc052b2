// Arithmetic with instants and time zones: offsets, wall clocks, first instants of days. It formats
// nothing and has no clock. Days have 22 to 26 hours; nothing here assumes 24.

export const MINUTE = 60_000;
export const HALF_HOUR = 30 * MINUTE;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

export interface Wall {
  year: number;
  /** 1 to 12. */
  month: number;
  day: number;
  hour: number;
  minute: number;
  second: number;
  /** 0 is Monday. */
  weekday: number;
}

const formats = new Map<string, Intl.DateTimeFormat>();
function format(zone: string): Intl.DateTimeFormat {
  let found = formats.get(zone);
  if (!found) {
    found = new Intl.DateTimeFormat("en-US", {
      timeZone: zone,
      hourCycle: "h23",
      year: "numeric",
      month: "2-digit",
      day: "2-digit",
      hour: "2-digit",
      minute: "2-digit",
      second: "2-digit",
    });
    formats.set(zone, found);
  }
  return found;
}

/** Whether the browser knows the zone. */
export function knows(zone: string): boolean {
  try {
    format(zone);
    return true;
  } catch {
    return false;
  }
}

function offsetSlow(zone: string, ms: number): number {
  const parts: Record<string, number> = {};
  for (const { type, value } of format(zone).formatToParts(ms)) parts[type] = Number(value);
  const wall = Date.UTC(parts["year"]!, parts["month"]! - 1, parts["day"], parts["hour"], parts["minute"], parts["second"]);
  return wall - Math.floor(ms / 1000) * 1000;
}

const offsets = new Map<string, number>();
/** Offsets that are remembered before they are forgotten together. */
const OFFSETS_MAX = 20_000;

/** What a wall clock in the zone is ahead of UTC at an instant, in ms. */
export function offsetAt(zone: string, ms: number): number {
  if (zone === "UTC") return 0;
  // Within a UTC day there is at most one change, so a day whose ends agree has none.
  const day = Math.floor(ms / DAY) * DAY;
  const remembered = (at: number): number => {
    const key = `${zone}|${at}`;
    let offset = offsets.get(key);
    if (offset === undefined) {
      if (offsets.size > OFFSETS_MAX) offsets.clear();
      offset = offsetSlow(zone, at);
      offsets.set(key, offset);
    }
    return offset;
  };
  const first = remembered(day);
  if (first === remembered(day + DAY)) return first;
  return remembered(Math.floor(ms / (15 * MINUTE)) * 15 * MINUTE);
}

export function wallAt(zone: string, ms: number): Wall {
  const shifted = new Date(ms + offsetAt(zone, ms));
  return {
    year: shifted.getUTCFullYear(),
    month: shifted.getUTCMonth() + 1,
    day: shifted.getUTCDate(),
    hour: shifted.getUTCHours(),
    minute: shifted.getUTCMinutes(),
    second: shifted.getUTCSeconds(),
    weekday: (shifted.getUTCDay() + 6) % 7,
  };
}

/** The instant of a wall time. In a gap: the instant after it; when it is there twice: the first. */
export function instantOf(zone: string, year: number, month: number, day: number, hour = 0, minute = 0): number {
  const wall = Date.UTC(year, month - 1, day, hour, minute);
  const candidates = [wall - offsetAt(zone, wall - DAY), wall - offsetAt(zone, wall + DAY)].sort((a, b) => a - b);
  for (const candidate of candidates) if (candidate + offsetAt(zone, candidate) === wall) return candidate;
  // In a gap: the change lies between the two candidates.
  let low = candidates[0]! - HOUR;
  let high = candidates[1]! + HOUR;
  while (high - low > MINUTE) {
    const middle = Math.floor((low + high) / 2 / MINUTE) * MINUTE;
    if (middle + offsetAt(zone, middle) >= wall) high = middle;
    else low = middle;
  }
  return high;
}

/** The first instant of the day that holds `ms`, moved by whole days of the calendar. */
export function dayStart(zone: string, ms: number, days = 0): number {
  const { year, month, day } = wallAt(zone, ms);
  return instantOf(zone, year, month, day + days);
}

/** The instants at which a chart has its lines: days, hours or months, at most `most`. */
export function ticks(zone: string, fromMs: number, toMs: number, most: number): number[] {
  const span = toMs - fromMs;
  const hours = [1, 2, 3, 6, 12].find((step) => span / (step * HOUR) <= most);
  if (hours) return hourTicks(zone, fromMs, toMs, hours);
  const days = [1, 2, 3, 7, 14].find((step) => span / (step * DAY) <= most);
  if (days) return dayTicks(zone, fromMs, toMs, days);
  const months = [1, 2, 3, 6, 12, 24, 60].find((step) => span / (step * 30 * DAY) <= most) ?? 120;
  const { year, month } = wallAt(zone, fromMs);
  const found: number[] = [];
  for (let at = Math.floor((month - 1) / months) * months; ; at += months) {
    const instant = instantOf(zone, year, at + 1, 1);
    if (instant > toMs) return found;
    if (instant >= fromMs) found.push(instant);
  }
}

function hourTicks(zone: string, fromMs: number, toMs: number, step: number): number[] {
  const found: number[] = [];
  const { year, month, day } = wallAt(zone, fromMs);
  for (let hour = 0; ; hour += step) {
    const instant = instantOf(zone, year, month, day, hour);
    if (instant > toMs) return found;
    if (instant >= fromMs && instant !== found.at(-1)) found.push(instant);
  }
}

function dayTicks(zone: string, fromMs: number, toMs: number, step: number): number[] {
  const found: number[] = [];
  const { year, month, day } = wallAt(zone, fromMs);
  // Steps count from a fixed Monday, so that lines stay where they are when the range moves.
  const serial = Math.floor(Date.UTC(year, month - 1, day) / DAY) - 4;
  const first = day - (((serial % step) + step) % step);
  for (let days = 0; ; days += step) {
    const instant = instantOf(zone, year, month, first + days);
    if (instant > toMs) return found;
    if (instant >= fromMs) found.push(instant);
  }
}
