// The statement builder.
import assert from "node:assert/strict";
import { test } from "node:test";
import { withStatement } from "../src/pages/access/policies.tsx";

test("a statement is added to what is there", () => {
  const next = JSON.parse(withStatement('{"Version":"1","Statement":{"Effect":"Allow"}}', { Effect: "Deny" }) ?? "") as { Statement: object[] };
  assert.deepEqual(next.Statement, [{ Effect: "Allow" }, { Effect: "Deny" }]);
  assert.equal(withStatement("{", {}), null);
});
