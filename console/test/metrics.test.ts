// The Metrics page's state in its address, its ranges, and its counts.
import assert from "node:assert/strict";
import { test } from "node:test";
import { hourly } from "../src/chart/heatmap.tsx";
import { bucketAt, held, rateFloor, xsOf } from "../src/chart/plot.ts";
import { condense } from "../src/chart/sparkline.tsx";
import { figuresFrom, isEmpty, known, rates, totalOf, withChanges } from "../src/pages/metrics/counts.ts";
import { before, readState, resolve, writeState } from "../src/pages/metrics/state.ts";
import type { Metrics } from "../src/types.ts";
import { DAY, HALF_HOUR, HOUR } from "../src/zone.ts";

const utc = (text: string): number => Date.parse(`${text}Z`);
const START = utc("2026-11-23T00:00:00");

function answer(more: Partial<Metrics> = {}): Metrics {
  const buckets: [number, number][] = [0, 1, 2].map((at) => [START + at * HALF_HOUR, START + (at + 1) * HALF_HOUR]);
  const series = [
    { number: "1", sent: [10, 0, 4], delivered: [8, 3, 4], cohort: [9, 0, 3] },
    { number: "2", sent: [1, 0, 0], delivered: [1, 0, 0], cohort: [1, 0, 0] },
  ];
  return { space: "s", timeZone: "UTC", granularity: "half-hour", startMs: START, endMs: START + 4 * HALF_HOUR, nowMs: START, floorMs: 0, settlingFromMs: START + HALF_HOUR, buckets, series, failed: [], numbersTotal: 2, ...more };
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

test("live changes are whole counts, not differences", () => {
  const total = totalOf(answer());
  const next = withChanges(answer({ total }), [{ number: "1", startMs: START, sent: 12, delivered: 9, cohort: 9 }]);
  assert.equal(next?.series[0]?.sent[0], 12);
  assert.equal(next?.total?.sent[0], 13);
  assert.equal(total.sent[0], 11, "the answer before is as it was");
});

test("changes of other numbers, of new buckets and of days are asked for again", () => {
  const change = { startMs: START, sent: 1, delivered: 0, cohort: 0 };
  assert.equal(withChanges(answer(), [{ number: "3", ...change }]), null);
  assert.equal(withChanges(answer(), [{ number: "1", ...change, startMs: START + 3 * HALF_HOUR }]), null);
  assert.equal(withChanges(answer({ granularity: "daily" }), [{ number: "1", ...change }]), null);
  assert.ok(withChanges(answer(), [{ number: "1", ...change, startMs: START - HALF_HOUR }]));
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
  assert.equal(condense(values).reduce((a, b) => a + b), values.reduce((a, b) => a + b));
});

test("hours of the week are averages of the hours that were there", () => {
  const buckets: [number, number][] = Array.from({ length: 48 * 14 }, (_, at) => [START + at * HALF_HOUR, START + (at + 1) * HALF_HOUR]);
  const cells = hourly(buckets, buckets.map(() => 2), "UTC");
  for (const row of cells) for (const cell of row) assert.equal(cell, 4);
  assert.equal(hourly(buckets.slice(0, 2), [1, null], "UTC")[0]?.[0], 1);
  assert.equal(hourly(buckets.slice(0, 2), [1, 1], "UTC")[1]?.[0], null);
});
