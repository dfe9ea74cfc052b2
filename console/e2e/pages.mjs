// The pages and the states they can be in, for the tests that go through all of them; and by what a
// state is known.
import { NEVER } from "./fake.mjs";

const METRICS_7D = "metrics";
const fault = (name, what) => ({ faults: { [name]: what } });
const DENIED = { status: 403, code: "Denied", message: "you may not do this", denied: { action: "cams:GetChatappPhoneNumberMetric", resource: "acs:cams:*:1045098765437731:*", statement: { Effect: "Allow", Action: "cams:GetChatappPhoneNumberMetric", Resource: "*" } } };
const BROKEN = { status: 500, code: "Internal", message: "something broke" };

const reconcile = (text) => async (page) => {
  await page.getByLabel("Answer of the Graph API").fill(text);
  await page.getByRole("button", { name: "Compare" }).click();
  await page.locator("[aria-live] .banner, form .banner").first().waitFor();
};

const INTERVALS = "metrics?view=intervals";
const explain = async (page) => {
  await page.getByRole("button", { name: /^Explain / }).nth(2).click();
  await page.getByRole("dialog").waitFor();
};

const CLUSTER = {
  node: "a",
  connected: true,
  partitions: 4,
  tallyReplicas: 2,
  members: [
    { name: "a", tally: true, follows: [0, 1, 3] },
    { name: "b", tally: true, follows: [0, 3] },
    { name: "c", tally: true, follows: [1] },
  ],
  replicas: [
    { partition: 0, applied: 1_204_331, lag: 0, answers: true },
    { partition: 1, applied: 98_102, lag: 12_004, answers: false },
    { partition: 3, applied: 1_198_004, lag: null, answers: true },
  ],
};

/** name, path, scenario, and what may be done before looking. */
export const STATES = [
  ["signin", "signin", { session: { state: "signedOut" } }],
  ["setup", "setup", { session: { state: "setup" } }],
  ["set-password", "set-password#token", { session: { state: "signedOut" } }],
  ["metrics", METRICS_7D, {}],
  ["metrics-20", "metrics?range=31d", { numbers: 20 }],
  ["metrics-by-number", "metrics?range=31d&show=numbers", { numbers: 20 }],
  ["metrics-daily", "metrics?range=90d&compare=1", { numbers: 20 }],
  ["metrics-custom", "metrics?range=custom&from=1795000000000&to=1795300000000&view=intervals", {}],
  ["metrics-explained", INTERVALS, {}, explain],
  ["metrics-explained-nothing", INTERVALS, { unexplained: true }, explain],
  ["metrics-explained-loading", INTERVALS, { delays: { explanation: 60_000 } }, explain],
  ["metrics-explained-error", INTERVALS, fault("explanation", BROKEN), explain],
  ["metrics-explained-denied", INTERVALS, fault("explanation", DENIED), explain],
  ["metrics-hours", "metrics?range=31d&view=hours", {}],
  ["metrics-loading", METRICS_7D, { delayMs: 60_000 }],
  ["metrics-empty", METRICS_7D, { empty: "quiet" }],
  ["metrics-new", METRICS_7D, { empty: "new" }],
  ["metrics-no-spaces", METRICS_7D, { noSpaces: true }],
  ["metrics-partial", METRICS_7D, { partial: true }],
  ["metrics-floor", METRICS_7D, { floorMs: Date.UTC(2026, 10, 19) }],
  ["metrics-error", METRICS_7D, fault("metrics", BROKEN)],
  ["metrics-denied", METRICS_7D, fault("metrics", DENIED)],
  ["metrics-down", METRICS_7D, fault("metrics", "drop")],
  ["metrics-clock", METRICS_7D, { serverMs: Date.UTC(2026, 10, 23, 9, 42, 10) }],
  ["metrics-picker", METRICS_7D, {}, async (page) => page.locator("#numbers-value").click()],
  ["server-down", METRICS_7D, fault("session", "drop")],
  ["server-loading", METRICS_7D, { delays: { session: NEVER } }],
  // Scripts that are not there, as when the server was updated behind an open window.
  ["page-missing", "numbers", { missing: /numbers-/ }],
  ["door-missing", "signin", { session: { state: "signedOut" }, missing: /door-/ }],
  ["tables-missing", METRICS_7D, { missing: /tables-/ }],
  ["picker-missing", METRICS_7D, { missing: /picker-/ }, async (page) => page.locator("#numbers-value").click()],
  ["explorer", "explorer", {}],
  ["explorer-response", "explorer", {}, async (page) => page.getByRole("button", { name: "Run", exact: true }).click()],
  ["explorer-denied", "explorer", { denyCall: true }, async (page) => page.getByRole("button", { name: "Run", exact: true }).click()],
  ["explorer-signed", "explorer", {}, async (page) => {
    await page.getByRole("button", { name: "Run", exact: true }).click();
    await page.getByRole("tab", { name: "Signed request" }).click();
  }],
  ["explorer-docs", "explorer", {}, async (page) => page.getByRole("tab", { name: "Documentation" }).click()],
  ["explorer-ram", "explorer/CreateUser", {}, async (page) => page.getByLabel("AccessKey, signed in this browser").check()],
  ["explorer-unknown", "explorer/Nothing", {}],
  ["signature", "signature", {}, async (page) => {
    await page.getByLabel("Request", { exact: true }).fill("curl");
    await page.getByRole("button", { name: "Explain" }).click();
    await page.getByText("Cause").first().waitFor();
  }],
  ["reconcile", "reconcile", {}],
  ["reconcile-found", "reconcile", {}, reconcile("{}")],
  ["reconcile-cut", "reconcile", {}, reconcile("cut")],
  ["reconcile-loading", "reconcile", { delayMs: 60_000 }],
  ["reconcile-no-spaces", "reconcile", { noSpaces: true }],
  ["reconcile-error", "reconcile", fault("spaces", BROKEN)],
  ["reconcile-denied", "reconcile", fault("reconcile", DENIED), reconcile("{}")],
  ["reconcile-invalid", "reconcile", fault("reconcile", { status: 400, code: "InvalidField", field: "tolerance", message: "`x` is not a tolerance." }), reconcile("{}")],
  ["ingest", "ingest", {}],
  ["ingest-empty", "ingest", { empty: "new" }],
  ["ingest-poisoned", "ingest", { health: "poisoned" }],
  ["ingest-quarantine", "ingest/quarantine", {}],
  ["ingest-quarantine-empty", "ingest/quarantine", { empty: "new" }],
  ["ingest-unclaimed", "ingest/unclaimed", {}],
  ["ingest-claim", "ingest/unclaimed", {}, async (page) => page.getByRole("button", { name: "Claim" }).click()],
  ["ingest-import", "ingest/import", {}, async (page) => {
    await page.locator('input[type="file"]').setInputFiles({ name: "events.csv", mimeType: "text/csv", buffer: Buffer.from("a,b\n") });
    await page.getByRole("button", { name: "Import" }).click();
    await page.getByText("The file was imported").waitFor();
  }],
  ["ingest-error", "ingest", fault("ingest", BROKEN)],
  ["numbers", "numbers", {}],
  ["numbers-empty", "numbers", { empty: "new" }],
  ["numbers-many", "numbers", { numbers: 1_200 }, async (page) => page.getByLabel("Find a number").fill("+1 555 999 0000")],
  ["numbers-move", "numbers", {}, async (page) => page.getByRole("button", { name: /^Move or take out/ }).first().click()],
  ["numbers-add", "numbers", {}, async (page) => page.getByRole("button", { name: "Add numbers" }).click()],
  ["spaces", "spaces", {}],
  ["spaces-edit", "spaces", {}, async (page) => page.getByRole("button", { name: "Change" }).click()],
  ["webhooks", "webhooks", {}],
  ["webhooks-empty", "webhooks", { empty: "new" }],
  ["webhooks-wizard", "webhooks", {}, async (page) => {
    await page.getByRole("button", { name: "Set up a webhook" }).click();
    await page.getByLabel("App secret").fill("0123456789abcdef0123456789abcdef");
    await page.getByRole("button", { name: "Continue" }).click();
    await page.getByText("Verify token", { exact: true }).waitFor();
  }],
  ["webhooks-rotate", "webhooks", {}, async (page) => page.getByRole("button", { name: "Rotate secrets" }).first().click()],
  ["webhooks-cams", "webhooks", {}, async (page) => {
    await page.getByRole("button", { name: "Set up a webhook" }).click();
    await page.getByLabel("Sender").selectOption("cams");
    await page.getByRole("button", { name: "Continue" }).click();
    await page.getByText("The URL with its token is shown once.").waitFor();
  }],
  ["webhooks-token", "webhooks", {}, async (page) => {
    await page.getByRole("button", { name: "Rotate secrets" }).last().click();
    await page.getByRole("button", { name: "Make a new token" }).click();
    await page.getByText("The token is shown once.").waitFor();
  }],
  ["access-users", "access/users", {}],
  ["access-user", "access/users", {}, async (page) => page.getByRole("button", { name: "finance", exact: true }).click()],
  ["access-groups", "access/groups", {}],
  ["access-keys", "access/keys", {}],
  ["access-policies", "access/policies", {}, async (page) => {
    await page.getByRole("button", { name: "Would it be allowed?" }).click();
    await page.getByText("by statement 1").waitFor();
  }],
  ["access-policy", "access/policies", {}, async (page) => page.getByRole("button", { name: "ReadCounts", exact: true }).click()],
  ["access-roles", "access/roles", {}],
  ["access-role", "access/roles", {}, async (page) => page.getByRole("button", { name: "auditor", exact: true }).click()],
  ["access-isv", "access/isv", {}],
  ["access-denied", "access/users", { denyCall: true }],
  ["accounts", "accounts", {}],
  ["accounts-made", "accounts", {}, async (page) => {
    await page.getByRole("button", { name: "Make an account" }).click();
    await page.getByLabel("Name").fill("New Co");
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByText("The account was made").waitFor();
  }],
  ["system", "system", {}],
  // A replica that is behind, and a partition that nobody counts.
  ["system-cluster", "system", { cluster: CLUSTER }],
  ["system-cluster-alone", "system", { cluster: { ...CLUSTER, connected: false, members: [], replicas: [] } }],
  ["system-no-backup", "system", { backup: { dir: null, lastMs: null, id: null, positions: null, bytes: null, nextMs: null, made: 0, failed: 0 } }],
  ["system-backup-failed", "system", { backup: { failed: 3, error: "`/mnt/backups/chatmetric` is not empty and holds no backups of chatmetric; nothing was touched", errorMs: Date.UTC(2026, 10, 23, 7, 40) } }],
  ["alerts", "alerts", {}],
  ["alerts-empty", "alerts", { empty: "new" }],
  ["alerts-off", "alerts", { watchOff: true, watchUntold: true }],
  ["alerts-over", "alerts", {}, async (page) => page.getByRole("tab", { name: "Resolved" }).click()],
  ["alerts-acknowledge", "alerts", {}, async (page) => page.getByRole("button", { name: "Acknowledge" }).first().click()],
  ["alerts-error", "alerts", fault("alerts", BROKEN)],
  ["audit", "audit", {}],
  ["audit-empty", "audit", { empty: "new" }],
  ["audit-entry", "audit", {}, async (page) => page.getByRole("button", { name: "Show" }).first().click()],
  ["account", "account", {}],
  ["third-party", "third-party", {}],
  ["not-found", "nowhere", {}],
];

/** Pages by the call that they wait for. */
const ASKS = [
  ["numbers", "numbers", "numbers"],
  ["spaces", "spaces", "spaces"],
  ["webhooks", "webhooks", "webhooks"],
  ["accounts", "accounts", "accounts"],
  ["system", "system", "system"],
  ["alerts", "alerts", "alerts"],
  ["audit", "audit", "audit"],
  ["account", "account", "account"],
  ["access-users", "access/users", "call"],
  ["access-groups", "access/groups", "call"],
  ["access-keys", "access/keys", "call"],
  ["access-policies", "access/policies", "call"],
  ["access-roles", "access/roles", "call"],
  ["access-isv", "access/isv", "grants"],
  ["ingest", "ingest", "ingest"],
  ["ingest-quarantine", "ingest/quarantine", "quarantine"],
  ["ingest-unclaimed", "ingest/unclaimed", "unclaimed"],
  ["third-party", "third-party", "third-party.txt"],
];
const named = new Set(STATES.map(([name]) => name));
const faultsOf = ([name, path, call]) => [
  [`${name}-loading`, path, { delays: { [call]: NEVER } }],
  [`${name}-error`, path, fault(call, BROKEN)],
  // Who has a session may read the licences.
  ...(call === "third-party.txt" ? [] : [[`${name}-denied`, path, call === "call" ? { denyCall: true } : fault(call, DENIED)]]),
];
/** What can go wrong on each page. These look alike, so they are looked at more briefly. */
export const FAULTS = ASKS.flatMap(faultsOf).filter(([name]) => !named.has(name));

/** By what a state is known, where its name alone does not say it. */
const SHOWS = {
  "metrics-explained-nothing": "Nothing was reported for it.",
  "metrics-empty": "This space has numbers, but none of their messages fall into the range.",
  "metrics-new": "No event of this space's numbers has arrived yet.",
  "metrics-no-spaces": "There is no space that you may look at",
  "metrics-partial": "1 of 6 numbers could not be read",
  "metrics-floor": "are no longer kept; nothing is drawn there.",
  "metrics-clock": "The clock of this computer is",
  "server-loading": "Still waiting for the server",
  "numbers-many": "The first 1,000 of 1,200 are listed",
  "explorer-denied": "Your policies do not allow this on",
  "reconcile-no-spaces": "There is no space that you may look at",
  "reconcile-invalid": "`x` is not a tolerance.",
  "ingest-empty": "Nothing has arrived yet",
  "ingest-quarantine-empty": "The quarantine is empty",
  "numbers-empty": "This space has no numbers yet",
  "webhooks-empty": "No webhook is set up",
  "alerts-empty": "Nothing is wrong",
  "alerts-off": "The watch is switched off",
  "audit-empty": "Nothing has been written yet",
  "system-backup-failed": "is not empty and holds no backups of chatmetric",
  "not-found": "No such page",
};
const KINDS = [
  [/-denied$/, (page) => page.locator(".blank.denied, .banner[role=alert], dialog").getByText(/^You may not: /)],
  [/-error$/, (page) => page.getByRole("alert").getByText("The server failed", { exact: true })],
  [/-down$/, (page) => page.getByRole("alert").getByText("The server cannot be reached")],
  [/-loading$/, (page) => page.locator('.skeleton[role="status"]', { hasText: "Loading" })],
  [/-missing$/, (page) => page.getByRole("alert").getByText("This could not be loaded")],
];
const NAMED = /-(denied|error|down|loading|missing|empty|partial|new|no-spaces)$/;

/** Waits until what the name of a state says is there to be seen; a state that names no fault shows none. */
export async function shown(page, name) {
  const kind = KINDS.find(([end]) => end.test(name));
  const sign = SHOWS[name] ? page.getByText(SHOWS[name]) : kind?.[1](page);
  if (!sign && NAMED.test(name)) throw new Error(`nothing says by what ${name} is known`);
  await sign?.first().waitFor({ timeout: 5_000 });
  if (kind) return;
  const faults = await page.locator(".blank.error, .blank.denied, .failed, .skeleton").allTextContents();
  if (faults.length > 0) throw new Error(`${name} shows what it does not name: ${faults.join()}`);
}

/** Waits until a page shows what it has: nothing moves and nothing is loading. */
export async function settled(page) {
  await page.waitForFunction(() => document.querySelector("h1, .blank h2") !== null && document.querySelector(".waiting") === null);
  await page.waitForFunction(() => document.querySelectorAll(".progress-line.on, [role=status] > .visually-hidden").length === 0, null, { timeout: 15_000 });
  await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))));
  await page.waitForTimeout(60);
}
