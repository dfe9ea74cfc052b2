// Numbers, rates, times and spans as text. Counts are never abbreviated; a time never stands
// without its zone where zones can differ. Knows no page.
import { DAY, HOUR, MINUTE, wallAt } from "./zone.ts";

const LOCALE = "en";
const whole = new Intl.NumberFormat(LOCALE, { maximumFractionDigits: 0 });
const one = new Intl.NumberFormat(LOCALE, { minimumFractionDigits: 1, maximumFractionDigits: 1 });
const NARROW_SPACE = "\u202f";

/** What stands where there is no data. */
export const NOTHING = "\u2013";

export const count = (value: number): string => whole.format(value);
export const decimal = (value: number): string => one.format(value);

/** A part of a whole as per cent; never rounded up to 100 when something is missing. */
export function rate(part: number, of: number): string {
  if (of === 0) return NOTHING;
  const percent = (part / of) * 100;
  const shown = part < of ? Math.min(Math.floor(percent * 10) / 10, 99.9) : Math.round(percent * 10) / 10;
  return `${one.format(shown)}${NARROW_SPACE}%`;
}

/** A change against an earlier figure, with its sign. */
export function change(now: number, before: number): string {
  if (before === 0) return NOTHING;
  const percent = ((now - before) / before) * 100;
  return `${percent < 0 ? "\u2212" : "+"}${one.format(Math.abs(percent))}${NARROW_SPACE}%`;
}

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
export const WEEKDAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
const two = (value: number): string => String(value).padStart(2, "0");

export const clock = (ms: number, zone: string): string => {
  const wall = wallAt(zone, ms);
  return `${two(wall.hour)}:${two(wall.minute)}`;
};
export const dayMonth = (ms: number, zone: string): string => {
  const wall = wallAt(zone, ms);
  return `${wall.day} ${MONTHS[wall.month - 1]}`;
};
export const monthYear = (ms: number, zone: string): string => {
  const wall = wallAt(zone, ms);
  return `${MONTHS[wall.month - 1]} ${wall.year}`;
};
export const date = (ms: number, zone: string): string => {
  const wall = wallAt(zone, ms);
  return `${WEEKDAYS[wall.weekday]} ${wall.day} ${MONTHS[wall.month - 1]} ${wall.year}`;
};
export const moment = (ms: number, zone: string): string => {
  const wall = wallAt(zone, ms);
  return `${wall.day} ${MONTHS[wall.month - 1]} ${wall.year}, ${two(wall.hour)}:${two(wall.minute)}`;
};
export const momentSeconds = (ms: number, zone: string): string => `${moment(ms, zone)}:${two(wallAt(zone, ms).second)}`;

/** A bucket: a day by its date, half an hour by its ends. */
export function bucket(startMs: number, endMs: number, zone: string): string {
  if (endMs - startMs > 2 * HOUR) return date(startMs, zone);
  return `${WEEKDAYS[wallAt(zone, startMs).weekday]} ${moment(startMs, zone)}${NOTHING}${clock(endMs, zone)}`;
}

export const iso = (ms: number): string => {
  const at = new Date(ms);
  return Number.isNaN(at.getTime()) ? NOTHING : at.toISOString();
};

/** The zone's offset at an instant, as in `+08:00`. */
export function offset(offsetMs: number): string {
  const minutes = Math.round(Math.abs(offsetMs) / MINUTE);
  return `${offsetMs < 0 ? "\u2212" : "+"}${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`;
}

/** How long ago, roughly: for signs of life, never for counts. */
export function ago(ms: number): string {
  if (ms < 5_000) return "now";
  if (ms < MINUTE) return `${Math.floor(ms / 1000)} s`;
  if (ms < HOUR) return `${Math.floor(ms / MINUTE)} min`;
  if (ms < 2 * DAY) return `${Math.floor(ms / HOUR)} h`;
  return `${Math.floor(ms / DAY)} d`;
}

/** A span as days, hours, minutes. */
export function span(ms: number): string {
  const days = Math.floor(ms / DAY);
  const hours = Math.floor((ms % DAY) / HOUR);
  const minutes = Math.floor((ms % HOUR) / MINUTE);
  if (days > 0) return `${days} d ${hours} h`;
  return hours > 0 ? `${hours} h ${minutes} min` : `${minutes} min`;
}

const BYTE_UNITS = ["bytes", "KiB", "MiB", "GiB", "TiB"];
export function bytes(value: number): string {
  let size = value;
  let unit = 0;
  while (size >= 1024 && unit < BYTE_UNITS.length - 1) {
    size /= 1024;
    unit += 1;
  }
  return `${unit === 0 ? whole.format(size) : one.format(size)} ${BYTE_UNITS[unit]}`;
}

/** A number as people write it. */
export const phone = (digits: string): string => (/^\d+$/.test(digits) ? `+${digits}` : digits);
