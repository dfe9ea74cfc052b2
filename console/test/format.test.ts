// Numbers, rates and times as text.
import assert from "node:assert/strict";
import { test } from "node:test";
import { ago, bucket, bytes, change, count, moment, offset, phone, rate, span } from "../src/format.ts";
import { HALF_HOUR, HOUR } from "../src/zone.ts";

const utc = (text: string): number => Date.parse(`${text}Z`);

test("counts are whole, with separators", () => assert.equal(count(348393), "348,393"));

test("a rate is never rounded up to a whole", () => {
  assert.equal(rate(99_999, 100_000), "99.9\u202f%");
  assert.equal(rate(10, 10), "100.0\u202f%");
  assert.equal(rate(0, 10), "0.0\u202f%");
  assert.equal(rate(0, 0), "\u2013");
});

test("changes have a sign and no false zero", () => {
  assert.equal(change(110, 100), "+10.0\u202f%");
  assert.equal(change(90, 100), "\u221210.0\u202f%");
  assert.equal(change(5, 0), "\u2013");
});

test("buckets name their day in the zone", () => {
  const start = utc("2026-11-22T16:30:00");
  assert.equal(bucket(start, start + HALF_HOUR, "Asia/Singapore"), "Mon 23 Nov 2026, 00:30\u201301:00");
  assert.equal(bucket(start, start + 24 * HOUR, "Asia/Singapore"), "Mon 23 Nov 2026");
  assert.equal(moment(start, "UTC"), "22 Nov 2026, 16:30");
});

test("offsets, spans, sizes, numbers", () => {
  assert.equal(offset(-3.5 * HOUR), "\u221203:30");
  assert.equal(span(26 * HOUR), "1 d 2 h");
  assert.equal(ago(61_000), "1 min");
  assert.equal(bytes(1536), "1.5 KiB");
  assert.equal(phone("15550100"), "+15550100");
  assert.equal(phone("<b>"), "<b>");
});
