// Paths and queries to places and back.
import assert from "node:assert/strict";
import { test } from "node:test";
import { placeOf, to } from "../src/router.ts";

test("pages and their parts", () => {
  assert.deepEqual(placeOf("/console/explorer/GetUser", "?UserName=a%20b").parts, ["explorer", "GetUser"]);
  assert.equal(placeOf("/console/explorer", "?UserName=a%20b").query.get("UserName"), "a b");
  assert.equal(placeOf("/console/", "").page, "");
  assert.equal(placeOf("/console", "").page, "");
  assert.equal(placeOf("/elsewhere/metrics", "").page, "");
});

test("a broken escape does not break the page", () => assert.deepEqual(placeOf("/console/explorer/%E0%A4%A", "").parts, ["explorer", "%E0%A4%A"]));

test("addresses are escaped", () => assert.equal(to("metrics", { space: "a&b=c" }), "/console/metrics?space=a%26b%3Dc"));
