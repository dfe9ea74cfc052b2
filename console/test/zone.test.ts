// Days and hours in zones, on the days when they are not 24 hours long.
import assert from "node:assert/strict";
import { test } from "node:test";
import { DAY, HOUR, MINUTE, dayStart, instantOf, knows, offsetAt, ticks, wallAt } from "../src/zone.ts";

const utc = (text: string): number => Date.parse(`${text}Z`);

test("offsets follow the zone's changes to the minute", () => {
  assert.equal(offsetAt("Europe/Berlin", utc("2026-03-29T00:59:00")), HOUR);
  assert.equal(offsetAt("Europe/Berlin", utc("2026-03-29T01:00:00")), 2 * HOUR);
  assert.equal(offsetAt("Asia/Kathmandu", utc("2026-01-01T00:00:00")), 5 * HOUR + 45 * MINUTE);
  assert.equal(offsetAt("UTC", 0), 0);
});

test("a day of 23 hours and a day of 25 hours", () => {
  const spring = dayStart("Europe/Berlin", utc("2026-03-29T12:00:00"));
  assert.equal(dayStart("Europe/Berlin", spring, 1) - spring, 23 * HOUR);
  const autumn = dayStart("Europe/Berlin", utc("2026-10-25T12:00:00"));
  assert.equal(dayStart("Europe/Berlin", autumn, 1) - autumn, 25 * HOUR);
  const lordHowe = dayStart("Australia/Lord_Howe", utc("2026-04-04T20:00:00"));
  assert.equal(dayStart("Australia/Lord_Howe", lordHowe, 1) - lordHowe, 24.5 * HOUR);
});

test("a day that begins at one o'clock, because midnight was skipped", () => {
  const start = dayStart("America/Sao_Paulo", utc("2018-11-04T15:00:00"));
  assert.equal(start, utc("2018-11-04T03:00:00"));
  assert.equal(wallAt("America/Sao_Paulo", start).hour, 1);
});

test("a date that a zone skipped begins where the next one does", () => {
  assert.equal(instantOf("Pacific/Apia", 2011, 12, 30), instantOf("Pacific/Apia", 2011, 12, 31));
});

test("a wall time that is there twice is the first of them", () => {
  assert.equal(instantOf("Europe/Berlin", 2026, 10, 25, 2, 30), utc("2026-10-25T00:30:00"));
});

test("wall clocks", () => {
  const wall = wallAt("Asia/Singapore", utc("2026-11-22T16:30:10"));
  assert.deepEqual(wall, { year: 2026, month: 11, day: 23, hour: 0, minute: 30, second: 10, weekday: 0 });
});

test("every day of ten years begins at its first instant", () => {
  for (const zone of ["America/New_York", "Asia/Tehran", "Africa/Casablanca", "Australia/Lord_Howe", "America/Santiago"]) {
    for (let at = utc("2016-01-01T12:00:00"); at < utc("2026-01-01T00:00:00"); at += 3 * DAY) {
      const start = dayStart(zone, at);
      const here = wallAt(zone, at);
      const first = wallAt(zone, start);
      assert.deepEqual([first.year, first.month, first.day], [here.year, here.month, here.day], `${zone} ${at}`);
      assert.ok(wallAt(zone, start - MINUTE).day !== here.day, `${zone} ${at}`);
    }
  }
});

test("ticks stand on midnights across a change of the clock", () => {
  const from = utc("2026-03-26T00:00:00");
  const found = ticks("Europe/Berlin", from, from + 7 * DAY, 8);
  assert.ok(found.length >= 6 && found.length <= 8);
  for (const tick of found) assert.equal(wallAt("Europe/Berlin", tick).hour, 0);
});

test("ticks of hours, months and nothing", () => {
  const from = utc("2026-03-29T00:00:00");
  for (const tick of ticks("Europe/Berlin", from, from + 6 * HOUR, 8)) assert.equal(wallAt("Europe/Berlin", tick).minute, 0);
  for (const tick of ticks("Asia/Tokyo", from, from + 400 * DAY, 10)) assert.equal(wallAt("Asia/Tokyo", tick).day, 1);
  assert.deepEqual(ticks("UTC", from, from, 5), [from]);
});

test("zones that nobody knows", () => {
  assert.ok(!knows("Mars/Olympus"));
  assert.ok(knows("Asia/Singapore"));
});
