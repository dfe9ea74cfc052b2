// The statement builder.
import assert from "node:assert/strict";
import { test } from "node:test";
import { contextOf, withStatement } from "../src/pages/access/policies.tsx";

test("a statement is added to what is there", () => {
  const next = JSON.parse(withStatement('{"Version":"1","Statement":{"Effect":"Allow"}}', { Effect: "Deny" }) ?? "") as { Statement: object[] };
  assert.deepEqual(next.Statement, [{ Effect: "Allow" }, { Effect: "Deny" }]);
  assert.equal(withStatement("{", {}), null);
});

test("condition keys are lines of key=value", () => {
  assert.deepEqual(contextOf(" acs:SourceIp = 192.0.2.7 \n\nacs:MFAPresent=true=1\n"), { "acs:SourceIp": "192.0.2.7", "acs:MFAPresent": "true=1" });
  assert.deepEqual(contextOf(""), {});
  assert.equal(contextOf("acs:SourceIp"), null);
  assert.equal(contextOf("=x"), null);
});
