// Instants as people write them: milliseconds, ISO with a zone, or a wall clock of a calendar. It
// knows no fields and shows nothing.
import { instantOf, wallAt } from "../../zone.ts";

const MS = /^\d{1,15}$/;
// A text that goes on is never one already: who types is not interrupted in the middle.
const ISO = /^(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?(?:([Zz])|([+-])(\d\d):?(\d\d))$/;
const WALL = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d)(?::(\d\d)(?:\.\d+)?)?$/;

/** Whether a text is milliseconds as the API takes them. */
export const isMs = (text: string): boolean => MS.test(text);

/** The instant that a text says, in ms; null when it says none, or one before 1970. */
export function instantIn(text: string): number | null {
  const plain = text.trim();
  if (MS.test(plain)) return Number(plain);
  const parts = ISO.exec(plain);
  if (!parts) return null;
  const [year, month, day, hour, minute, second, offsetHours, offsetMinutes] = [1, 2, 3, 4, 5, 6, 10, 11].map((at) => Number(parts[at] ?? 0)) as [number, number, number, number, number, number, number, number];
  const wall = Date.UTC(year, month - 1, day, hour, minute, second, Number((parts[7] ?? "").padEnd(3, "0").slice(0, 3)));
  // Date.UTC goes on into the next month or hour: what does not come out as it went in is no time.
  const back = new Date(wall);
  if (back.getUTCMonth() !== month - 1 || back.getUTCDate() !== day || back.getUTCHours() !== hour || back.getUTCMinutes() !== minute || second > 59 || offsetHours > 23 || offsetMinutes > 59) return null;
  const ms = wall - (parts[9] === "-" ? -1 : 1) * (offsetHours * 60 + offsetMinutes) * 60_000;
  return year >= 1970 && ms >= 0 ? ms : null;
}

const two = (value: number): string => String(value).padStart(2, "0");

/** What a calendar in the zone shows at an instant; empty beyond its years. */
export function wallText(zone: string, ms: number): string {
  const { year, month, day, hour, minute, second } = wallAt(zone, ms);
  return year >= 1970 && year <= 9999 ? `${year}-${two(month)}-${two(day)}T${two(hour)}:${two(minute)}:${two(second)}` : "";
}

/** The instant that a calendar in the zone says; null while a year is being typed. */
export function instantOfWall(zone: string, text: string): number | null {
  const parts = WALL.exec(text);
  if (!parts) return null;
  const [year, month, day, hour, minute, second] = [1, 2, 3, 4, 5, 6].map((at) => Number(parts[at] ?? 0)) as [number, number, number, number, number, number];
  if (year < 1970) return null;
  const ms = instantOf(zone, year, month, day, hour, minute) + second * 1000;
  return ms >= 0 ? ms : null;
}
