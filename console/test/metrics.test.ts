// The Metrics page's state in its address, its ranges, and its counts.
import assert from "node:assert/strict";
import { test } from "node:test";
import { hourly } from "../src/chart/heatmap.tsx";
import { bucketAt, held, rateFloor, xsOf } from "../src/chart/plot.ts";
import { condense, outlines } from "../src/chart/sparkline.tsx";
import { callOf } from "../src/pages/metrics/ask.ts";
import { Waiting, patched } from "../src/pages/metrics/changes.ts";
import { figuresBefore, figuresFrom, isEmpty, known, nothingOf, rates, totalOf } from "../src/pages/metrics/counts.ts";
import { movedOn } from "../src/pages/metrics/moved.ts";
import { RANGES, before, isMoving, readState, resolve, writeState } from "../src/pages/metrics/state.ts";
import type { RangeName } from "../src/pages/metrics/state.ts";
import type { Change, Metrics } from "../src/types.ts";
import { DAY, HALF_HOUR, HOUR } from "../src/zone.ts";

const utc = (text: string): number => Date.parse(`${text}Z`);
const START = utc("2026-11-23T00:00:00");

function answer(more: Partial<Metrics> = {}): Metrics {
  const buckets: [number, number][] = [0, 1, 2].map((at) => [START + at * HALF_HOUR, START + (at + 1) * HALF_HOUR]);
  const series = [
    { number: "1", sent: [10, 0, 4], delivered: [8, 3, 4], cohort: [9, 0, 3] },
    { number: "2", sent: [1, 0, 0], delivered: [1, 0, 0], cohort: [1, 0, 0] },
  ];
  // As for ranges of half hours that end now: the last bucket ends where the range does.
  return { space: "s", timeZone: "UTC", granularity: "half-hour", startMs: START, endMs: START + 3 * HALF_HOUR, nowMs: START, floorMs: 0, settlingFromMs: START + HALF_HOUR, buckets, series, failed: [], numbersTotal: 2, ...more };
}

test("the state survives its address", () => {
  const query = new URLSearchParams("space=a&numbers=15550100,15550101&range=custom&from=5&to=9&granularity=daily&show=numbers&zone=utc&compare=1&view=hours&zoom=6-8");
  const state = readState(query);
  assert.equal(writeState(state).toString(), "space=a&numbers=15550100%2C15550101&range=custom&from=5&to=9&granularity=daily&show=numbers&zone=utc&compare=1&view=hours&zoom=6-8");
  assert.deepEqual(readState(writeState(state)), state);
  assert.equal(writeState(readState(new URLSearchParams())).toString(), "");
});

test("nonsense in an address is not believed", () => {
  const state = readState(new URLSearchParams("range=<b>&granularity=x&numbers=<script>,1&zoom=a-b&from=-1"));
  assert.deepEqual([state.range, state.granularity, state.numbers, state.zoom, state.fromMs], ["7d", "half-hour", ["1"], null, 0]);
});

test("long ranges are daily", () => assert.equal(readState(new URLSearchParams("range=90d&granularity=half-hour")).granularity, "daily"));

test("31 days of half hours are within the server's limit", () => {
  const span = resolve({ range: "31d", granularity: "half-hour", fromMs: 0, toMs: 0 }, START + 7 * HOUR + 60_000, "Asia/Singapore");
  assert.equal((span.endMs - span.startMs) / HALF_HOUR, 1488);
});

test("today in a zone, on a day of 25 hours", () => {
  const span = resolve({ range: "today", granularity: "half-hour", fromMs: 0, toMs: 0 }, utc("2026-10-25T12:00:00"), "Europe/Berlin");
  assert.equal(span.endMs - span.startMs, 25 * HOUR);
});

test("the period before has as many days", () => {
  const span = resolve({ range: "7d", granularity: "daily", fromMs: 0, toMs: 0 }, utc("2026-10-26T12:00:00"), "Europe/Berlin");
  const earlier = before(span, "daily", "Europe/Berlin");
  assert.equal(earlier.endMs, span.startMs);
  assert.equal(earlier.endMs - earlier.startMs, 7 * DAY);
});

test("totals are the server's, or the sum", () => {
  assert.deepEqual(totalOf(answer()).sent, [11, 0, 4]);
  const total = { sent: [1, 1, 1], delivered: [1, 1, 1], cohort: [1, 1, 1] };
  assert.equal(totalOf(answer({ total })), total);
});

test("nothing sent is no rate, and nothing kept is no zero", () => {
  const metrics = answer({ floorMs: START + HALF_HOUR });
  assert.deepEqual(known(metrics, [11, 0, 4]), [null, 0, 4]);
  assert.deepEqual(rates(metrics, totalOf(metrics)), [null, null, 75]);
});

test("figures of what still settles", () => assert.deepEqual(figuresFrom(totalOf(answer()), answer().buckets, START + HALF_HOUR), { sent: 4, delivered: 7, cohort: 3 }));

test("emptiness", () => {
  assert.ok(!isEmpty(answer()));
  assert.ok(isEmpty(answer({ series: [] })));
});

const change = (more: Partial<Change> = {}): Change => ({ number: "1", startMs: START, sent: 12, delivered: 9, cohort: 9, ...more });
const BEHIND = START + 3 * HALF_HOUR;

test("live changes are whole counts, not differences", () => {
  const total = totalOf(answer());
  const { metrics: next, again } = patched(answer({ total }), [change({ sent: 11 }), change()], true);
  assert.deepEqual([next.series[0]?.sent, next.total?.sent, again], [[12, 0, 4], [13, 0, 4], "never"]);
  assert.equal(total.sent[0], 11, "the answer before is as it was");
});

test("what is told as it is changes nothing", () => {
  const metrics = answer();
  const next = patched(metrics, [change({ sent: 10, delivered: 8 }), change({ startMs: START - HALF_HOUR })], true);
  assert.deepEqual(next, { metrics, again: "never" });
  assert.equal(next.metrics, metrics);
});

test("a half hour behind the last one is asked for where the range moves on, not where it is over", () => {
  for (const range of RANGES) {
    const { again } = patched(answer(), [change({ startMs: BEHIND })], isMoving(range));
    assert.equal(again, range === "custom" || range === "yesterday" ? "never" : "soon", range);
  }
  // A range that ends later gets its half hours, whatever its name.
  assert.equal(patched(answer({ endMs: BEHIND + HALF_HOUR }), [change({ startMs: BEHIND })], false).again, "soon");
});

test("days are asked for again, but not those of a range that is over", () => {
  const daily = answer({ granularity: "daily" });
  assert.equal(patched(daily, [change()], false).again, "soon");
  assert.equal(patched(daily, [change({ startMs: BEHIND })], false).again, "never");
  assert.equal(patched(daily, [change({ startMs: BEHIND })], true).again, "soon");
});

test("a number that is not listed leaves the total for later, and what is listed is put in place", () => {
  const total = totalOf(answer());
  const next = patched(answer({ total, numbersTotal: 40 }), [change({ number: "3" }), change()], true);
  assert.deepEqual([next.again, next.metrics.series[0]?.sent[0], next.metrics.total?.sent[0]], ["rarely", 12, 13]);
  assert.equal(patched(answer(), [change({ number: "3" })], true).again, "soon", "the space has a new number");
  assert.equal(patched(answer({ numbersTotal: 40 }), [change({ startMs: BEHIND }), change({ number: "3" })], true).again, "soon");
});

test("what is told while an answer is on its way is in it, the latest of each half hour", () => {
  const waiting = new Waiting();
  waiting.add([change({ sent: 20 })]);
  waiting.add([change({ sent: 21 }), change({ number: "2", startMs: START + HALF_HOUR, sent: 5 })]);
  const { metrics, again } = waiting.into(answer(), true);
  assert.deepEqual([metrics.series.map((one) => one.sent), again], [[[21, 0, 4], [1, 5, 0]], "never"]);
});

test("what is told while an answer is on its way has a bound, and what is lost is asked for again", () => {
  const waiting = new Waiting();
  waiting.add([change()]);
  waiting.add(Array.from({ length: 6_000 }, (_, at) => change({ startMs: START - (at + 1) * HALF_HOUR })));
  waiting.add([change({ sent: 30 })]);
  const { metrics, again } = waiting.into(answer(), true);
  assert.deepEqual([metrics.series[0]?.sent[0], again], [30, "rarely"]);
});

test("ranges move on with the clock alone", () => {
  const asked = utc("2026-11-23T07:42:10");
  const moved = (range: RangeName, at: string, more: object = {}): boolean => movedOn({ range, granularity: "half-hour", fromMs: 0, toMs: asked, ...more }, asked, utc(at), "Asia/Singapore");
  for (const range of ["today", "24h", "7d", "31d"] as const) {
    assert.equal(moved(range, "2026-11-23T07:59:59"), false, range);
    assert.equal(moved(range, "2026-11-23T08:00:01"), true, range);
  }
  assert.equal(moved("yesterday", "2026-11-23T08:00:01"), false);
  assert.equal(moved("yesterday", "2026-11-23T16:00:01"), true, "yesterday is another day");
  assert.equal(moved("custom", "2026-11-30T08:00:01"), false);
  assert.equal(moved("custom", "2026-11-23T08:00:01", { toMs: asked + DAY }), true);
  assert.equal(moved("7d", "2026-11-23T08:00:01", { granularity: "daily" }), false);
  assert.equal(moved("7d", "2026-11-23T16:00:01", { granularity: "daily" }), true);
  assert.equal(moved("custom", "2026-11-23T16:00:01", { granularity: "daily", toMs: asked + 2 * DAY }), true);
});

test("a period before that is not all there is not compared", () => {
  assert.deepEqual(figuresBefore(answer(), answer()), { sent: 15, delivered: 16, cohort: 13 });
  assert.equal(figuresBefore(answer(), answer({ floorMs: START + HALF_HOUR })), null);
  assert.equal(figuresBefore(answer(), answer({ failed: [{ number: "3", code: "Unavailable" }] })), null);
});

test("there are three kinds of nothing", () => {
  const none = { total: { sent: [0, 0, 0], delivered: [0, 0, 0], cohort: [0, 0, 0] } };
  assert.equal(nothingOf(answer()), null);
  assert.equal(nothingOf(answer(none)), "uncounted");
  assert.equal(nothingOf(answer({ ...none, floorMs: START + 2 * HALF_HOUR })), "uncounted", "a part is kept");
  assert.equal(nothingOf(answer({ ...none, floorMs: BEHIND })), "unkept");
  assert.equal(nothingOf(answer({ ...none, series: [], failed: [{ number: "3", code: "NotFound" }] })), "unread");
});

test("the call of the API is of one number, or of all", () => {
  const call = (numbers: string): Record<string, string> => callOf(readState(new URLSearchParams(`numbers=${numbers}`)), { startMs: 1, endMs: 2 }, "s");
  assert.deepEqual(call("7"), { CustSpaceId: "s", Granularity: "HALF_HOUR", Start: "1", End: "2", PhoneNumber: "7" });
  assert.equal("PhoneNumber" in call("7,8"), false);
});

test("steps hold to the end of the last bucket", () => {
  assert.deepEqual(xsOf(answer().buckets), [0, 1, 2, 3].map((at) => (START + at * HALF_HOUR) / 1000));
  assert.deepEqual(held([1, null, 3]), [1, null, 3, 3]);
  assert.deepEqual(held([]), []);
  assert.equal(bucketAt(answer().buckets, START + HALF_HOUR), 1);
  assert.equal(bucketAt(answer().buckets, START - 1), 0);
  assert.equal(bucketAt(answer().buckets, START + DAY), 2);
});

test("the strip of rates begins at a whole ten", () => {
  assert.equal(rateFloor(77.9), 70);
  assert.equal(rateFloor(99), 90);
  assert.equal(rateFloor(null), 0);
});

test("sparklines add up and lose nothing", () => {
  const values = Array.from({ length: 1_500 }, (_, at) => at % 7);
  assert.ok(condense(values).length <= 60);
  assert.equal(condense(values).reduce((a, b) => a! + b!), values.reduce((a, b) => a + b));
});

test("sparklines have gaps where nothing is known", () => {
  assert.deepEqual(condense([null, null, null, 2, 0, 0], 3), [null, 2, 0]);
  assert.deepEqual(outlines([null, 2, null, 1]), { line: "M30.0 2.0H60.0M90.0 12.0H120.0", area: "M30.0 2.0H60.0V24H30.0ZM90.0 12.0H120.0V24H90.0Z" });
  assert.equal(outlines([1, 2]).line, "M0.0 12.0H60.0V2.0H120.0");
  assert.deepEqual(outlines([null]), { line: "", area: "" });
});

test("hours of the week are averages of the hours that were there", () => {
  const buckets: [number, number][] = Array.from({ length: 48 * 14 }, (_, at) => [START + at * HALF_HOUR, START + (at + 1) * HALF_HOUR]);
  const cells = hourly(buckets, buckets.map(() => 2), "UTC");
  for (const row of cells) for (const cell of row) assert.equal(cell, 4);
  assert.equal(hourly(buckets.slice(0, 2), [1, null], "UTC")[0]?.[0], 1);
  assert.equal(hourly(buckets.slice(0, 2), [1, 1], "UTC")[1]?.[0], null);
});
