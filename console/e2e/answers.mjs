// The answers of the fake server, by method and path, shaped as docs/internals/console-api.md has
// them. Everything a scenario can change is read from it here.
import { DAY, HALF_HOUR, countsOf, numberOf, totalOf } from "./counts.mjs";

/** Where time stands still: 2026-11-23T07:42:10Z. */
export const NOW = Date.UTC(2026, 10, 23, 7, 42, 10);
export const XSS = `"><img src=x onerror=alert(1)>'\${7*7}</script>`;
const BOOKS = { received: 482_113, new: 470_001, duplicate: 11_203, moved: 12, ignored: 604, late: 31, quarantined: 293, released: 31, expired: 0 };
const RIGHTS = ["cams:GetChatappPhoneNumberMetric", "chatmetric:*", "ram:*", "sts:*"];

const nameOf = (scenario, plain) => (scenario.xss ? XSS : plain);

function metrics(scenario, params) {
  const nowMs = scenario.nowMs ?? NOW;
  const start = Number(params.get("start"));
  const end = Number(params.get("end"));
  const daily = params.get("granularity") === "daily";
  const size = daily ? DAY : HALF_HOUR;
  const shift = daily && !scenario.zone ? 8 * 3_600_000 : 0;
  const buckets = scenario.buckets ?? [];
  if (!scenario.buckets) {
    const first = Math.floor((start + shift) / size) * size - shift;
    for (let at = first; at < Math.min(end, nowMs + 1); at += size) buckets.push([at, at + size]);
  }
  const asked = params.getAll("number");
  const count = scenario.empty ? 0 : (scenario.numbers ?? 5);
  const numbers = Array.from({ length: Math.min(20, count) }, (_, at) => at).filter((at) => asked.length === 0 || asked.includes(numberOf(at)));
  const series = countsOf(numbers, buckets, nowMs);
  if (scenario.xss && series[0]) series[0].number = XSS;
  return {
    space: params.get("space") ?? scenario.defaultSpace ?? "293483938849493",
    timeZone: scenario.zone ?? "Asia/Singapore",
    granularity: params.get("granularity"),
    startMs: start,
    endMs: end,
    nowMs,
    floorMs: scenario.floorMs ?? 0,
    settlingFromMs: nowMs - DAY,
    buckets,
    series,
    total: totalOf(series, buckets.length),
    failed: scenario.partial ? [{ number: "15550109999", code: "Unavailable" }] : [],
    numbersTotal: scenario.empty ? (scenario.empty === "new" ? 0 : 3) : count,
  };
}

/** What made a count, from the digits of what is asked. */
function explanation(scenario, params) {
  const startMs = Number(params.get("bucket"));
  const share = (reported, implied, moved) => ({ total: reported + implied + moved, reported, implied, moved });
  const none = share(0, 0, 0);
  const origin = (source, kind, sent, delivered, duplicates = 0, late = 0) => ({ source, kind, sent, delivered, duplicates, late });
  const origins = [origin(null, "unknown", share(12, 0, 0), share(11, 0, 0)), origin(nameOf(scenario, "whatsapp-eu"), "whatsapp", share(1_204, 6, -2), share(1_150, 21, 0), 33, 1), origin("import", "import", none, none, 4), origin(null, "other", share(2, 0, 0), none)];
  const later = (hours, sent, delivered) => ({ receivedStartMs: startMs + hours * 3_600_000, receivedEndMs: startMs + hours * 3_600_000 + 900_000, sent, delivered });
  return {
    space: params.get("space"),
    timeZone: scenario.zone ?? "Asia/Singapore",
    number: params.get("number"),
    granularity: params.get("granularity"),
    startMs,
    endMs: startMs + HALF_HOUR,
    sent: scenario.unexplained ? 0 : 1_222,
    delivered: scenario.unexplained ? 0 : 1_182,
    origins: scenario.unexplained ? [] : origins,
    revisions: scenario.unexplained ? [] : [later(1, 0, 7), later(9, -2, 0)],
    settledSinceMs: scenario.unexplained ? null : startMs + 9.25 * 3_600_000,
    finalMs: scenario.unexplained ? null : startMs + 45 * DAY,
  };
}

const ram = {
  ListUsers: (s) => ({ Users: { User: ["admin", nameOf(s, "finance"), "grafana", "reader"].map((name, at) => ({ UserId: `22274892453843190${at}`, UserName: name, DisplayName: nameOf(s, name === "finance" ? "Finance team" : ""), Comments: "", Email: "", MobilePhone: "", CreateDate: "2026-01-23T12:33:18Z", UpdateDate: "2026-01-23T12:33:18Z" })) }, IsTruncated: false }),
  ListGroups: (s) => ({ Groups: { Group: [{ GroupId: "322", GroupName: nameOf(s, "staff"), Comments: "everyone who reads", CreateDate: "2026-02-01T08:00:00Z" }] }, IsTruncated: false }),
  ListUsersForGroup: () => ({ Users: { User: [{ UserName: "finance", DisplayName: "Finance team", JoinDate: "2026-02-01T08:00:00Z" }] }, IsTruncated: false }),
  ListGroupsForUser: () => ({ Groups: { Group: [{ GroupId: "322", GroupName: "staff", Comments: "", JoinDate: "2026-02-01T08:00:00Z" }] } }),
  ListAccessKeys: (s) => ({ AccessKeys: { AccessKey: [{ AccessKeyId: "LTAI5tExampleKey0000000001", Status: "Active", CreateDate: "2026-03-02T10:12:00Z" }, { AccessKeyId: "LTAI5tExampleKey0000000002", Status: "Inactive", CreateDate: "2025-11-02T10:12:00Z" }].slice(0, s.keys) } }),
  GetAccessKeyLastUsed: () => ({ AccessKeyLastUsed: { LastUsedDate: "2026-11-23T06:11:09Z" } }),
  CreateAccessKey: () => ({ AccessKey: { AccessKeyId: "LTAI5tExampleKey0000000009", AccessKeySecret: "exampleSecret0123456789abcdefgh", Status: "Active", CreateDate: "2026-11-23T07:42:10Z" } }),
  ListPolicies: (s) => ({ Policies: { Policy: [{ PolicyName: nameOf(s, "ReadCounts"), PolicyType: "Custom", Description: nameOf(s, "reads the counts of all spaces"), DefaultVersion: "v2", CreateDate: "2026-01-23T12:33:18Z", UpdateDate: "2026-10-02T09:00:00Z", AttachmentCount: 3 }, { PolicyName: "ConsoleAdministrator", PolicyType: "Custom", Description: "everything", DefaultVersion: "v1", CreateDate: "2026-01-23T12:30:00Z", UpdateDate: "2026-01-23T12:30:00Z", AttachmentCount: 1 }] }, IsTruncated: false }),
  ListPoliciesForUser: () => ({ Policies: { Policy: [{ PolicyName: "ReadCounts", PolicyType: "Custom", Description: "reads the counts", DefaultVersion: "v2", AttachDate: "2026-01-23T12:33:18Z" }] } }),
  ListPoliciesForGroup: () => ({ Policies: { Policy: [] } }),
  ListPoliciesForRole: () => ({ Policies: { Policy: [] } }),
  GetPolicy: () => ({ Policy: { PolicyName: "ReadCounts" }, DefaultPolicyVersion: { VersionId: "v2", IsDefaultVersion: true, PolicyDocument: JSON.stringify({ Version: "1", Statement: [{ Effect: "Allow", Action: "cams:GetChatappPhoneNumberMetric", Resource: "*" }] }), CreateDate: "2026-10-02T09:00:00Z" } }),
  ListPolicyVersions: () => ({ PolicyVersions: { PolicyVersion: [{ VersionId: "v2", IsDefaultVersion: true, PolicyDocument: "{}", CreateDate: "2026-10-02T09:00:00Z" }, { VersionId: "v1", IsDefaultVersion: false, PolicyDocument: "{}", CreateDate: "2026-01-23T12:33:18Z" }] } }),
  GetPolicyVersion: (s, { VersionId }) => ({ PolicyVersion: { VersionId, IsDefaultVersion: VersionId === "v2", PolicyDocument: JSON.stringify({ Version: "1", Statement: [{ Effect: "Allow", Action: `of:${VersionId}`, Resource: "*" }] }), CreateDate: "2026-01-23T12:33:18Z" } }),
  ListEntitiesForPolicy: () => ({ Users: { User: [{ UserName: "finance", DisplayName: "Finance team" }] }, Groups: { Group: [] }, Roles: { Role: [] } }),
  ListRoles: (s) => ({ Roles: { Role: [{ RoleId: "422", RoleName: nameOf(s, "auditor"), Arn: "acs:ram::1045098765437731:role/auditor", Description: "reads for a day", MaxSessionDuration: 3600, CreateDate: "2026-05-01T00:00:00Z", UpdateDate: "2026-05-01T00:00:00Z" }] }, IsTruncated: false }),
  GetRole: () => ({ Role: { RoleId: "422", RoleName: "auditor", Arn: "acs:ram::1045098765437731:role/auditor", Description: "reads for a day", MaxSessionDuration: 3600, CreateDate: "2026-05-01T00:00:00Z", AssumeRolePolicyDocument: JSON.stringify({ Version: "1", Statement: [{ Effect: "Allow", Action: "sts:AssumeRole", Principal: { RAM: ["acs:ram::1045098765437731:user/finance"] } }] }) } }),
};

function callAnswer(scenario, { product, action, params }) {
  const denied = scenario.denyCall ? { action: `${product.toLowerCase()}:${action}`, resource: "acs:cams:*:1045098765437731:*", statement: { Effect: "Allow", Action: `${product.toLowerCase()}:${action}`, Resource: "*" } } : null;
  const requestId = "1612C226-E271-4CFE-9F18-4066D6E1A0B7";
  const made = denied
    ? { RequestId: requestId, Code: product === "cams" ? "Ram.PermissionDeny" : "NoPermission", Message: "You are not authorized to perform the operation.", HostId: "localhost" }
    : product === "Ram"
      ? { RequestId: requestId, ...(ram[action]?.(scenario, params) ?? {}) }
      : { RequestId: requestId, Code: "OK", Message: nameOf(scenario, "None"), Data: [{ SentCount: 10, DeliveredCount: 5, Start: 1693107000000, End: 1693108800000, PhoneNumber: "861380000", Granularity: params.Granularity ?? "DAILY" }], AccessDeniedDetail: "NONE" };
  return {
    status: denied ? 400 : 200,
    reason: denied ? "Bad Request" : "OK",
    tookMs: 3,
    headers: [["content-type", "application/json"], ["x-acs-request-id", requestId], ["x-acs-trace-id", "5e1c0d7a2b"]],
    body: JSON.stringify(made),
    request: {
      method: "POST",
      target: `/?${new URLSearchParams(params)}`,
      headers: [["host", "127.0.0.1:8080"], ["x-acs-action", action], ["x-acs-version", "2020-06-06"], ["x-acs-date", "2026-11-23T07:42:10Z"]],
      body: "",
      canonicalRequest: `POST\n/\n${new URLSearchParams(params)}\nhost:127.0.0.1:8080\nx-acs-action:${action}\n\nhost;x-acs-action\ne3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855`,
      stringToSign: "ACS3-HMAC-SHA256\n12de9d9bd89e6b2928d0e2e216025d4e23fbf4c221869fd8ab1333b270670a55",
    },
    requestId,
    denied,
  };
}

const parameter = (name, type, required, description, example, more = {}) => ({ name, type, format: type === "integer" ? "int64" : null, required, enum: null, example, description, pattern: null, ...more });
const operation = (name, product, more) => ({ name, product, version: product === "cams" ? "2020-06-06" : product === "Ram" ? "2015-05-01" : "2015-04-01", kind: "read", summary: "", description: "", callsPerSecond: 50, ramAction: `${product.toLowerCase()}:${name}`, parameters: [], response: [{ name: "RequestId", type: "string", description: "The id of the request.", example: "04F0F334-1335-436C-A1D7-6C044FE73368" }], errors: [], changes: [], ...more });
const OPERATIONS = [
  operation("GetChatappPhoneNumberMetric", "cams", {
    summary: "Queries the number of messages that are sent by using a phone number by a specific metric.",
    description: "Each bucket is returned whole, with its own start and end. Buckets without messages are not returned.",
    parameters: [
      parameter("IsvCode", "string", false, "The ISV verification code, which is used to verify whether the RAM user is authorized by the ISV account.", "skdi3kksloslikdkkdk"),
      parameter("CustSpaceId", "string", false, "The space ID of the RAM user within the ISV account.", "293483938849493"),
      parameter("Granularity", "string", false, "The granularity of the metric.", "DAILY", { enum: ["DAILY", "HALF_HOUR"] }),
      parameter("Start", "integer", true, "The beginning of the time range to query, in ms.", "1693107714687"),
      parameter("End", "integer", true, "The end of the time range to query, in ms.", "1693407714687"),
      parameter("PhoneNumber", "string", false, "The business phone number.", "861380000"),
    ],
    response: [
      { name: "RequestId", type: "string", description: "The id of the request.", example: "1612C226-E271-4CFE-9F18-4066D" },
      { name: "Data[].SentCount", type: "integer", description: "The number of sent messages.", example: "10" },
      { name: "Data[].DeliveredCount", type: "integer", description: "The number of delivered messages.", example: "5" },
    ],
    errors: [
      { code: "Product.Unsubscript", status: 400, message: "You have not subscribed to the specified product." },
      { code: "Ram.PermissionDeny", status: 400, message: "You are not authorized to perform the operation." },
      { code: "System.LimitControl", status: 400, message: "The system is under flow control." },
    ],
    changes: [{ date: "2026-11-01", text: "PhoneNumber is compared by its digits." }],
  }),
  operation("EnableWhatsappROIMetric", "cams", { kind: "write", summary: "Enables the metrics; they always are.", callsPerSecond: 5 }),
  operation("CreateUser", "Ram", { kind: "write", summary: "Makes a user.", parameters: [parameter("UserName", "string", true, "The name of the user.", "alice")] }),
  operation("ListUsers", "Ram", { summary: "Lists the users of the account." }),
  operation("GetCallerIdentity", "Sts", { summary: "Tells who calls.", ramAction: null }),
];

const phones = (scenario) =>
  Array.from({ length: scenario.empty ? 0 : (scenario.numbers ?? 5) }, (_, at) => ({
    number: scenario.xss && at === 0 ? XSS : numberOf(at),
    sinceMs: NOW - 200 * DAY,
    firstMs: at === 4 ? null : NOW - 190 * DAY,
    lastMs: at === 4 ? null : NOW - (at === 3 ? 9 * DAY : at * 190_000),
    sent24h: at === 3 || at === 4 ? 0 : 4_120 - at * 700,
    delivered24h: at === 3 || at === 4 ? 0 : 4_011 - at * 700,
    state: at === 4 ? "new" : at === 3 ? "quiet" : "active",
  }));

const alert = (id, state, rule, subject, summary, more = {}) => ({ id, rule, state, account: "1045098765437731", subject, summary, facts: {}, sinceMs: NOW - id * 3_600_000, firedMs: NOW - id * 3_600_000 + 900_000, resolvedMs: null, resolvedWhy: null, acknowledgedMs: null, acknowledgedBy: null, note: null, ...more });
const ALERTS = [
  alert(4, "open", "delivery_rate", "number/15550100101", "38.2 % of 144 messages delivered, usually 96.8 % at this hour"),
  alert(3, "open", "disk_full", "disk", "the disk of the data will be full in 1.8 days at the pace of the last hours; 88.4 GiB are free", { account: null }),
  alert(2, "acknowledged", "silent_source", "source/whatsapp-eu", "nothing came for 1 h 30 min, usually at most 15 min at this hour of this weekday", { acknowledgedMs: NOW - 3_600_000, acknowledgedBy: "console/ops", note: "the provider is at it" }),
  alert(1, "resolved", "no_report", "numbers", "12 numbers have far more messages without a report than usual: 15550100101, 15550100102, 15550100103, 15550100104, 15550100105 and 7 more", { resolvedMs: NOW - 1_800_000, resolvedWhy: "as usual again" }),
];

const ingest = (s) => ({
  sources: s.empty ? [] : [
    { name: nameOf(s, "whatsapp-eu"), kind: "whatsapp", lastMs: NOW - 1_800, perSecond: 14.2, books: BOOKS, lagMs: { p50: 210, p99: 1_840 }, stream: null },
    { name: "stream/orders", kind: "stream", lastMs: NOW - 900, perSecond: 80, books: BOOKS, lagMs: { p50: 300, p99: 900 }, stream: { state: "reading", why: null, sequence: 1_204_881, lag: 12, lastMs: NOW - 900, missing: s.xss ? 3 : 0, recreated: 0 } },
    { name: "import", kind: "import", lastMs: null, perSecond: 0, books: { ...BOOKS, received: 12_000, new: 11_988, duplicate: 12, quarantined: 0 }, lagMs: null, stream: null },
  ],
  total: s.empty ? Object.fromEntries(Object.keys(BOOKS).map((key) => [key, 0])) : BOOKS,
  health: s.health ?? "ready",
  queuedEvents: 3,
  floorMs: NOW - 400 * DAY,
});

const GETS = {
  session: (s) => s.session ?? { state: "signedIn", account: { id: "1045098765437731", name: nameOf(s, "Acme Retail") }, user: nameOf(s, "ops"), operator: true, serverMs: s.serverMs ?? s.nowMs ?? NOW, version: "0.1.0", endpoint: "http://127.0.0.1:8080", secure: false, rights: s.rights ?? RIGHTS },
  account: (s) => ({ user: nameOf(s, "ops"), account: { id: "1045098765437731", name: nameOf(s, "Acme Retail") }, sessions: [{ id: "a", createdMs: NOW - 3_600_000, usedMs: NOW - 2_000, address: "192.0.2.7", agent: nameOf(s, "Mozilla/5.0 (X11; Linux x86_64) Chrome/156.0"), current: true }, { id: "b", createdMs: NOW - 3 * DAY, usedMs: NOW - DAY, address: "2001:db8::17", agent: "Mozilla/5.0 (iPhone) Safari/605", current: false }] }),
  spaces: (s) => ({ spaces: s.noSpaces ? [] : s.spaces ?? [{ id: "293483938849493", default: true, timeZone: s.zone ?? "Asia/Singapore", unknownNumbers: "auto", numbersMax: 1000, numbers: s.numbers ?? 5, isvCode: null, owner: { id: "1045098765437731", name: nameOf(s, "Acme Retail") } }, { id: "cams-7f3a", default: false, timeZone: "Europe/Berlin", unknownNumbers: "quarantine", numbersMax: 50, numbers: 2, isvCode: nameOf(s, "skdi3kksloslikdkkdk"), owner: { id: "2045098765437731", name: nameOf(s, "Partner GmbH") } }] }),
  numbers: (s) => ({ numbers: phones(s).slice(0, 1_000), numbersTotal: phones(s).length }),
  metrics,
  explanation,
  operations: () => ({ operations: OPERATIONS }),
  ingest,
  quarantine: (s) => ({ items: s.empty ? [] : ["foreign_number", "unparsable", "late"].map((reason, at) => ({ id: `q${at}`, receivedMs: NOW - at * 90_000, source: nameOf(s, "whatsapp-eu"), space: at ? "293483938849493" : null, reason, number: "15550100777", status: "delivered", atMs: NOW - at * 90_000 - 900, sealed: reason === "unparsable" })), next: null }),
  unclaimed: (s) => ({ numbers: s.empty ? [] : [{ number: nameOf(s, "15550100777"), events: 182, firstMs: NOW - DAY, lastMs: NOW - 90_000 }] }),
  webhooks: (s) => ({ webhooks: s.empty ? [] : [{ id: nameOf(s, "whatsapp-eu"), kind: "whatsapp", space: "293483938849493", url: "https://metrics.example.com/webhooks/whatsapp/whatsapp-eu", appSecrets: 1, lastMs: s.firstEventMs ?? NOW - 1_800, received: 482_113 },
    { id: "receipts", kind: "cams", space: null, url: "https://metrics.example.com/webhooks/cams/receipts/…", appSecrets: 0, lastMs: NOW - 61_000, received: 20_114 },
    { id: "events", kind: "events", space: "cams-7f3a", url: "https://metrics.example.com/webhooks/events/events", appSecrets: 0, lastMs: null, received: 0 }] }),
  grants: (s) => ({ given: [{ code: "skd…dkk", account: "3045098765437731", users: ["*"], spaces: ["293483938849493"] }], received: [{ code: "isv-9d2", isv: { id: "2045098765437731", name: nameOf(s, "Partner GmbH") }, spaces: [nameOf(s, "cams-7f3a")] }] }),
  audit: (s) => ({ entries: s.empty ? [] : ["ram:CreateUser", "chatmetric:OpenQuarantine", "console:SignIn"].map((action, at) => ({ id: `e${at}`, atMs: NOW - at * 3_600_000, account: "1045098765437731", actor: nameOf(s, "ops"), sourceIp: "192.0.2.7", requestId: "9C2E4A10-7B1D-4F0B-8A55-0D6C9E3B7F21", accessKeyId: at ? null : "LTAI5tExampleKey0000000001", action, target: "alice", before: null, after: { UserName: nameOf(s, "alice") } })), next: null }),
  alerts: (s, params) => ({ alerts: s.empty ? [] : ALERTS.filter((alert) => alert.state === (params.get("state") ?? "open")).map((alert) => ({ ...alert, summary: nameOf(s, alert.summary), note: alert.note && nameOf(s, alert.note) })), next: null, enabled: !s.watchOff, told: { webhook: "https://hooks.example.com", webhookError: s.watchUntold ? "could not reach `https://hooks.example.com`" : null, alertmanager: null, alertmanagerError: null } }),
  accounts: (s) => ({ accounts: [{ id: "1045098765437731", name: nameOf(s, "Acme Retail"), subscribed: true, callsPerSecond: 50, spaces: 2, numbers: 20, users: 4, sent31d: 348_393, delivered31d: 337_205 }, { id: "2045098765437731", name: "Partner GmbH", subscribed: false, callsPerSecond: null, spaces: 1, numbers: 2, users: 1, sent31d: 0, delivered31d: 0 }] }),
  system: (s) => ({ version: "0.1.0", commit: "f62db84", timeZones: "2026b", startedMs: NOW - 4 * DAY, uptimeMs: 4 * DAY, dataDir: nameOf(s, "/var/lib/chatmetric"), store: { diskBytes: 81_788_928, runs: 12, runRecords: 1_204_331, hotRecords: 20_114, journalBytes: 4_194_304, syncs: 90_112, queuedEvents: 3 }, health: "ready", floorMs: NOW - 400 * DAY, licences: "/console/third-party.txt", backup: { dir: "/mnt/backups/chatmetric", lastMs: NOW - 3 * 3_600_000, id: "20261129T090000Z", positions: [90_112], bytes: 81_788_928, nextMs: NOW + 21 * 3_600_000, made: 12, failed: 1, error: null, errorMs: null, ...s.backup }, cluster: s.cluster ?? null }),
};

const explain = { verdict: { outcome: "does_not_match" }, findings: [{ weight: "cause", code: "query_not_sorted", what: "the client's query is not sorted by name", fix: "sort the parameters by name before joining them", difference: { text: "canonical request", part: "query", line: 3, column: 1, ours: { text: "End=1693407714687&Start=1", at: 0 }, theirs: { text: "Start=1693107714687&End=1", at: 0 } } }], request: { method: "POST", dialect: "ACS3", action: "GetChatappPhoneNumberMetric", version: "2020-06-06", access_key_id: "LTAI5tVectorKey000000001", time_stamp: "2026-11-23T07:42:10Z", security_token: "absent", parameters: [{ name: "Start", value: "1693107714687", source: "query" }], headers: [{ name: "host", value: "127.0.0.1:8080", signed: true }, { name: "accept", value: "*/*", signed: false }], body_bytes: 0 }, signed: { algorithm: "ACS3-HMAC-SHA256", canonical: [{ part: "method", text: "POST" }, { part: "path", text: "/" }, { part: "query", text: "End=1693407714687&Start=1693107714687" }], string_to_sign: [{ part: "algorithm", text: "ACS3-HMAC-SHA256" }, { part: "hash", text: "12de9d9bd89e6b2928d0e2e216025d4e" }], key: "the secret", computed: null, sent: "ffe000bd" }, comparison: [], notes: ["the body is taken as empty"] };

/** The same with hostile texts wherever a client's own words stand. */
function hostile(answer) {
  const [finding] = answer.findings;
  return { ...answer, findings: [{ ...finding, what: XSS, fix: XSS }], request: { ...answer.request, action: XSS, access_key_id: XSS, parameters: [{ name: XSS, value: XSS, source: "query" }] }, notes: [XSS] };
}

/** What comparing finds: by what the pasted text says. */
function reconciled(scenario, { answer, tolerance }) {
  const first = Date.UTC(2026, 10, 16) - 8 * 3_600_000;
  const row = (day, status, ours, theirs, within = false) => ({ startMs: first + day * DAY, endMs: first + (day + 1) * DAY, number: nameOf(scenario, "sum of 2 numbers"), status, within, ours, theirs, difference: { sent: ours.sent - theirs.sent, delivered: ours.delivered - theirs.delivered } });
  const some = (sent, delivered) => ({ sent, delivered });
  const cut = answer.includes("cut");
  const rows = cut ? [] : [row(0, "matched", some(4_120, 4_011), some(4_120, 4_011), true), row(1, "differs", some(4_003, 3_950), some(4_000, 3_950), true), row(2, "differs", some(4_120, 4_011), some(3_120, 4_012)), row(3, "ours_only", some(12, 11), some(0, 0)), row(4, "theirs_only", some(0, 0), some(7, 6)), row(6, "settling", some(901, 700), some(870, 650), true)];
  const sum = (side, of) => rows.reduce((all, one) => all + one[side][of], 0);
  const of = (status) => rows.filter((one) => one.status === status).length;
  return {
    against: "meta",
    status: cut ? "not_comparable" : "beyond",
    granularity: "daily",
    startMs: cut ? null : first,
    endMs: cut ? null : first + 7 * DAY,
    timeZone: "Asia/Singapore",
    tolerance,
    settlingFromMs: NOW - DAY,
    includesSettling: false,
    totals: { buckets: rows.length, matched: of("matched"), oursOnly: of("ours_only"), theirsOnly: of("theirs_only"), differs: of("differs"), settling: of("settling"), beyond: rows.filter((one) => !one.within).length, ours: some(sum("ours", "sent"), sum("ours", "delivered")), theirs: some(sum("theirs", "sent"), sum("theirs", "delivered")) },
    notComparable: cut ? [{ number: null, reason: "cut", message: nameOf(scenario, "the provider's answer is cut: it ends at line 1, column 42") }] : [],
    notes: cut ? [] : [nameOf(scenario, "the sum is of 15550100101, 15550100102")],
    rows,
    csv: "start_ms,end_ms,number\r\n1795190400000,1795276800000,15550100101\r\n",
  };
}

/** What a call is answered: JSON, `{status, body}`, text, null for 204, undefined for 404. */
export function answersOf(scenario, method, call, params, body) {
  const json = body ? safe(body) : null;
  const [name, id, rest] = call.split("/");
  if (method === "GET" && GETS[call]) return GETS[call](scenario, params);
  if (call === "call") return { status: 200, body: callAnswer(scenario, json) };
  if (call === "reconcile") return { status: 200, body: reconciled(scenario, json) };
  if (call === "sign/explain") return scenario.xss ? hostile(explain) : explain;
  if (call === "policies/check") return json.document.includes("Statement") ? { ok: true } : { ok: false, message: "`Statement` is missing" };
  if (call === "policies/simulate") return { allowed: true, decidedBy: { policy: "ReadCounts", statement: 0, effect: "Allow" } };
  if (name === "quarantine" && rest === "open") return { body: nameOf(scenario, '{"object":"whatsapp_business_account"}') };
  if (name === "quarantine" && rest === "replay") return { events: 1 };
  if (name === "unclaimed") return { result: { events: 182 } };
  if (name === "import") return '{"rows":500,"new":480,"duplicate":20,"ignored":0,"late":0,"quarantined":0,"bad":0,"done":false}\n{"rows":1001,"new":980,"duplicate":20,"ignored":0,"late":0,"quarantined":0,"bad":1,"done":true,"badLines":[{"line":7,"message":"no time"}]}\n';
  if (method === "PATCH" && call.startsWith("numbers/")) return { from: "293483938849493" };
  if (method === "POST" && call === "numbers") return { results: json.numbers.map((number, at) => ({ number: number.replace(/\D/g, ""), outcome: ["bound", "alreadyBound", "boundElsewhere"][at % 3] })) };
  if (method === "POST" && call === "webhooks" && json.kind === "cams") return { id: json.id, url: `https://metrics.example.com/webhooks/cams/${json.id}/0123456789abcdef0123456789abcdef`, token: "0123456789abcdef0123456789abcdef" };
  if (method === "POST" && call === "webhooks" && json.kind === "events") return { id: json.id, url: `https://metrics.example.com/webhooks/events/${json.id}`, token: "0123456789abcdef0123456789abcdef" };
  if (method === "POST" && call === "webhooks") return { id: json.id, url: `https://metrics.example.com/webhooks/whatsapp/${json.id}`, verifyToken: "vt-0123456789abcdef0123456789abcdef" };
  if (name === "webhooks" && method === "PATCH") return json.newVerifyToken ? { verifyToken: "vt-new" } : json.newToken ? { token: "fedcba9876543210fedcba9876543210" } : {};
  if (method === "POST" && call === "accounts") return { id: "3045098765437731", accessKeyId: "LTAI5tExampleKey0000000010", accessKeySecret: "exampleSecret0123456789abcdefgi" };
  if (method === "POST" && call === "grants") return { code: "skdi3kksloslikdkkdk" };
  if (name === "users" && rest === "console" && method === "GET") return { console: true, password: id !== "reader", lastSignInMs: NOW - DAY };
  if (name === "users" && rest === "setup-token") return { token: "st-0123456789", url: "http://127.0.0.1:8080/console/set-password?token=st-0123456789", expiresMs: NOW + 3_600_000 };
  return method === "GET" ? undefined : null;
}

function safe(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
