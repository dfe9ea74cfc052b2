// The Explorer without a browser: whose answer is shown, what a denial says, every code of the
// server's sources with its cause and cure, and times that can be written in three ways.
import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { test } from "node:test";
import { gatewayCodes, helpFor } from "../src/messages/en/errors.ts";
import { handOver, taken } from "../src/pages/explorer/handover.ts";
import { begun, deniedIn, ended, faultOf, isOfForm, runOf } from "../src/pages/explorer/outcome.ts";
import type { Runs } from "../src/pages/explorer/outcome.ts";
import { runWithKeys, wireOf } from "../src/pages/explorer/run.ts";
import { instantIn, instantOfWall, isMs, wallText } from "../src/pages/explorer/times.ts";
import type { CallAnswer, Operation } from "../src/types.ts";

const repository = `${CONSOLE_ROOT}/..`;
const crates = `${repository}/crates`;
const read = (path: string): string => readFileSync(`${repository}/${path}`, "utf8");

const answer = (status: number, body: unknown): CallAnswer => ({
  status,
  reason: "",
  tookMs: 1,
  headers: [],
  body: JSON.stringify(body),
  request: { method: "POST", target: "/?Start=1", headers: [["host", "a"]], body: "", canonicalRequest: "", stringToSign: "" },
  requestId: "",
  denied: null,
});

test("a late answer belongs to the operation that it was asked of", () => {
  const a = { operation: "A", params: { Start: "x" } };
  const b = { operation: "B", params: { Start: "x" } };
  const refused = answer(400, { Code: "InvalidParameter.Start", Message: "no" });
  let runs: Runs = begun({}, a);
  assert.equal(runOf(runs, "A").busy, true);
  assert.deepEqual(runOf(runs, "B"), { busy: false, outcome: null });
  runs = begun(runs, b);
  runs = ended(runs, b, { ok: true, data: answer(200, { Code: "OK" }) });
  runs = ended(runs, a, { ok: true, data: refused });
  assert.equal(runOf(runs, "B").outcome?.answer?.status, 200);
  assert.equal(faultOf(runOf(runs, "B").outcome, b.params), null);
  assert.equal(runOf(runs, "A").outcome?.answer, refused);
  // The old answer stays while the next is on its way.
  assert.equal(runOf(begun(runs, a), "A").outcome?.answer, refused);
});

test("a refused parameter is marked until it is changed", () => {
  const of = (code: string, asked: Record<string, string>, form: Record<string, string>): string | undefined => faultOf({ operation: "A", params: asked, answer: answer(400, { Code: code, Message: "why" }), error: null }, form)?.name;
  assert.equal(of("InvalidParameter.Start", { Start: "1" }, { Start: "1", End: "2" }), "Start");
  assert.equal(of("InvalidParameter.Start", { Start: "1" }, { Start: "2" }), undefined);
  assert.equal(of("InvalidParameter.UserName.InvalidChars", { UserName: "?" }, { UserName: "?" }), "UserName");
  assert.equal(of("MissingEnd", {}, {}), "End");
  assert.equal(of("MissingEnd", {}, { End: "2" }), undefined);
  assert.equal(of("NoPermission", {}, {}), undefined);
});

test("an answer is of a form only while both say the same", () => {
  const outcome = { operation: "A", params: { Start: "1" }, answer: null, error: null };
  assert.equal(isOfForm(outcome, { Start: "1" }), true);
  assert.equal(isOfForm(outcome, { Start: "1", End: "2" }), false);
  assert.equal(isOfForm(outcome, {}), false);
});

const detail = (action: string, type = "ImplicitDeny"): Record<string, string> => ({ PolicyType: "AccountLevelIdentityBasedPolicy", AuthPrincipalOwnerId: "1000000000000001", AuthPrincipalType: "SubUser", AuthPrincipalDisplayName: "reader", NoPermissionType: type, AuthAction: action });

test("a denial in the body of an error says what is missing", () => {
  const denied = (body: unknown, params: Record<string, string> = {}) => deniedIn(JSON.stringify(body), params);
  assert.deepEqual(denied({ Code: "Ram.PermissionDeny", Message: "You are not authorized to perform the operation.", AccessDeniedDetail: detail("cams:GetChatappPhoneNumberMetric") }), {
    action: "cams:GetChatappPhoneNumberMetric",
    resource: "acs:cams:*:1000000000000001:*",
    statement: { Effect: "Allow", Action: "cams:GetChatappPhoneNumberMetric", Resource: "acs:cams:*:1000000000000001:*" },
  });
  const ram = denied({ Code: "NoPermission", Message: "You are not authorized to do this action. Resource: acs:ram:*:1000000000000001:user/alice Action: ram:GetUser", AccessDeniedDetail: detail("ram:GetUser") });
  assert.equal(ram?.resource, "acs:ram:*:1000000000000001:user/alice");
  const role = "acs:ram::1000000000000001:role/auditor";
  assert.equal(denied({ Code: "NoPermission", AccessDeniedDetail: detail("sts:AssumeRole") }, { RoleArn: role })?.resource, role);
  assert.equal(denied({ AccessDeniedDetail: detail("cams:GetChatappPhoneNumberMetric", "ExplicitDeny") })?.statement, null);
  // A success has a string there, and an IsvCode of somebody else no detail at all.
  for (const body of [{ AccessDeniedDetail: "NONE" }, { Code: "Ram.PermissionDeny" }, { AccessDeniedDetail: null }, { AccessDeniedDetail: {} }, [], null, 1]) assert.equal(denied(body), null);
  assert.equal(deniedIn("no JSON", {}), null);
});

test("a denial of the server is told in the words that the Explorer reads", () => {
  const members = read("crates/chatmetric-rpc/src/error/denied.rs");
  for (const name of ["AuthPrincipalOwnerId", "NoPermissionType", "AuthAction"]) assert.ok(members.includes(`"${name}"`), name);
  assert.ok(read("crates/chatmetric/src/api/rights.rs").includes("{message} Resource: {resource} Action: {action}"));
  assert.ok(read("crates/chatmetric/src/api/call.rs").includes("acs:cams:*:{}:*"));
});

test("a call that is signed with a key is denied as any other", async () => {
  const operation = { name: "GetChatappPhoneNumberMetric", version: "2020-06-06", product: "cams" } as Operation;
  const body = JSON.stringify({ RequestId: "R", Code: "Ram.PermissionDeny", Message: "no", AccessDeniedDetail: detail("cams:GetChatappPhoneNumberMetric") });
  const real = { fetch: globalThis.fetch, location: globalThis.location };
  Object.assign(globalThis, { location: { host: "metrics.example.com" }, fetch: () => Promise.resolve(new Response(body, { status: 400 })) });
  try {
    const result = await runWithKeys(operation, { Start: "1" }, { id: "LTAI5tExample", secret: "secretSecret", token: "" });
    assert.ok(result.ok);
    assert.deepEqual(result.data.denied?.statement, { Effect: "Allow", Action: "cams:GetChatappPhoneNumberMetric", Resource: "acs:cams:*:1000000000000001:*" });
    // What goes to the debugger has the signature and not the secret.
    const wire = wireOf(result.data);
    assert.match(wire, /^POST \/\?Start=1 HTTP\/1\.1\nhost: metrics\.example\.com\n[^]*\nAuthorization: ACS3-HMAC-SHA256 Credential=LTAI5tExample,/);
    assert.ok(!wire.includes("secretSecret"));
  } finally {
    Object.assign(globalThis, real);
  }
});

test("a request is handed over once", () => {
  handOver("POST / HTTP/1.1");
  assert.equal(taken(), "POST / HTTP/1.1");
  assert.equal(taken(), "");
});

/** Codes with their status, as a table of docs/reference/errors.md has them. */
function documented(): { status: number; code: string }[] {
  const found: { status: number; code: string }[] = [];
  for (const row of read("docs/reference/errors.md").matchAll(/^\| (\d{3}) \| (.*?) \|/gm)) {
    let whole = "";
    for (const [, text] of row[2]!.matchAll(/`([^`]+)`/g)) {
      // `.Group` goes on where the code before it has its last common part.
      const common = whole.includes("<Name>") ? whole.replace(/<Name>.*/, "<Name>") : (whole.split(".")[0] ?? "");
      const code = text!.startsWith(".") ? common + text : text!;
      if (!text!.startsWith(".")) whole = text!;
      found.push({ status: Number(row[1]), code: code.replace("<Name>", "UserName") });
    }
  }
  return found;
}

/** Codes in the sources of the server: those of its errors, and those that operations declare. */
function inSources(): string[] {
  const codes = new Set<string>();
  const rpc = read("crates/chatmetric-rpc/src/error.rs");
  const body = rpc.slice(rpc.indexOf("pub fn code(&self)"), rpc.indexOf("pub fn http_status(&self)"));
  for (const [, code] of body.matchAll(/=>\s*\{?\s*"([\w.]+)"/g)) codes.add(code!);
  for (const [, code] of read("crates/chatmetric-rpc/src/error/ram.rs").matchAll(/=> "((?:EntityNotExist|EntityAlreadyExists|DeleteConflict|LimitExceeded|MalformedPolicyDocument)[\w.]*)"/g)) codes.add(code!);
  const api = `${crates}/chatmetric/src/api`;
  for (const name of readdirSync(api, { recursive: true }) as string[]) if (name.endsWith(".rs")) for (const [, code] of readFileSync(`${api}/${name}`, "utf8").matchAll(/\bcode: "([\w.]+)"/g)) codes.add(code!);
  return [...codes];
}

test("every code of the server has a cause and a cure", () => {
  const sources = inSources();
  // What the readers above must not miss.
  assert.ok(sources.length >= 60, String(sources.length));
  for (const code of ["NoPermission", "Throttling.User", "EntityNotExist.Policy.Version", "DeleteConflict.Policy.Version.Default", "LimitExceeded.Role.Policy", "MalformedPolicyDocument", "InvalidParameter.EncodedDiagnosticMessage", "ServiceUnavailable", "Unknown.ResourceOwnerId"]) assert.ok(sources.includes(code), code);
  for (const code of sources) {
    const help = helpFor(code);
    assert.ok(help && help.cause !== "" && help.cure !== "", code);
  }
});

test("every documented code has a cause, a cure and the documented status", () => {
  const rows = documented();
  assert.ok(rows.length >= 80, String(rows.length));
  for (const code of ["InvalidParameter.End", "InvalidParameter.SourceIdentity", "EntityNotExist.User.AccessKey", "DeleteConflict.Group.Policy", "InvalidParameter.UserName.Length"]) assert.ok(rows.some((row) => row.code === code), code);
  for (const { status, code } of rows) {
    const help = helpFor(code);
    assert.ok(help && help.cause !== "" && help.cure !== "", code);
    assert.equal(help.status, status, code);
  }
  for (const product of ["cams", "Ram", "Sts"]) for (const code of gatewayCodes(product)) assert.ok(helpFor(code), code);
  assert.equal(helpFor("Nothing.Such"), undefined);
  assert.equal(helpFor("constructor"), undefined);
});

test("the cure of a wrong version names the version of each product", () => {
  const cure = helpFor("InvalidVersion")?.cure ?? "";
  const spec = read("crates/chatmetric/src/api/spec.rs");
  const versions = [...spec.slice(spec.indexOf("pub const fn version")).matchAll(/Self::(\w+) => "(\d{4}-\d\d-\d\d)"/g)];
  assert.equal(versions.length, 3);
  for (const [, product, version] of versions) assert.match(cure, new RegExp(`${version} to ${product}`, "i"));
});

test("a time is milliseconds or ISO with a zone", () => {
  const at = Date.UTC(2026, 10, 23, 7, 42, 10);
  assert.equal(instantIn(String(at)), at);
  for (const text of ["2026-11-23T07:42:10Z", " 2026-11-23t07:42:10z ", "2026-11-23 07:42:10Z", "2026-11-23T15:42:10+08:00", "2026-11-23T15:42:10+0800", "2026-11-23T02:12:10-05:30"]) assert.equal(instantIn(text), at, text);
  assert.equal(instantIn("2026-11-23T07:42Z"), at - 10_000);
  assert.equal(instantIn("2026-11-23T07:42:10.5Z"), at + 500);
  assert.equal(instantIn("2026-11-23T07:42:10.1239999Z"), at + 123);
  assert.equal(instantIn("1970-01-01T00:00:00Z"), 0);
  assert.equal(instantIn("2024-02-29T00:00:00Z"), Date.UTC(2024, 1, 29));
  for (const text of ["", "soon", "2026", "-1", "1.5", "2026-11-23", "2026-11-23T07:42:10", "2026-02-30T00:00:00Z", "2026-13-01T00:00:00Z", "2026-11-23T24:00:00Z", "2026-11-23T07:60:00Z", "2026-11-23T07:42:60Z", "2026-11-23T07:42:10+24:00", "2026-11-23T07:42:10+08:60", "2026-11-23T07:42:10+8", "1969-12-31T23:59:59Z", "0099-01-01T00:00:00Z", "1970-01-01T00:00:00+08:00", "1234567890123456"]) {
    if (text !== "2026") assert.equal(instantIn(text), null, text);
  }
  assert.equal(isMs("2026-11-23T07:42:10Z"), false);
});

test("who types a time is not interrupted by one that is shorter", () => {
  for (const whole of ["2026-11-23T15:42:10.123+08:00", "2026-11-23T15:42:10+0800", "2026-11-23T07:42Z"]) {
    for (let length = 5; length < whole.length; length += 1) assert.equal(instantIn(whole.slice(0, length)), null, whole.slice(0, length));
  }
});

test("a calendar shows and says the same instant, in its zone", () => {
  const at = Date.UTC(2026, 10, 23, 7, 42, 10);
  assert.equal(wallText("UTC", at), "2026-11-23T07:42:10");
  assert.equal(wallText("Asia/Singapore", at + 687), "2026-11-23T15:42:10");
  for (const zone of ["UTC", "Asia/Singapore", "Europe/Berlin", "Asia/Kathmandu", "America/New_York"]) assert.equal(instantOfWall(zone, wallText(zone, at)), at, zone);
  assert.equal(instantOfWall("Asia/Singapore", "2026-11-23T15:42"), at - 10_000);
  // Years while they are being typed, and what is no time.
  for (const text of ["0002-11-23T15:42:10", "0099-11-23T15:42:10", "1969-12-31T23:59:59", "", "2026-11-23"]) assert.equal(instantOfWall("UTC", text), null, text);
  assert.equal(wallText("UTC", 999_999_999_999_999), "");
});
