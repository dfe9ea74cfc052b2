// How events come in, in the console of the real program: webhooks of each kind set up, used and
// their tokens exchanged; files imported. No figure here depends on the day: events happen now, by
// the clock of this machine.
import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { launch } from "./browser.mjs";
import { settled } from "./pages.mjs";
import { enter, serve, skip } from "./program.mjs";
import { shots } from "./shots.mjs";

const SPACE = "feeds-1";
const NUMBER_LINK = /^Metrics of \+?86 ?138/;
const options = { skip, timeout: 180_000 };
const testdata = join(dirname(fileURLToPath(import.meta.url)), "../../testdata");

let server;
let browser;
let page;
let context;
let faults;

async function go(path) {
  await page.goto(`${server.endpoint}/console/${path}`);
  await settled(page);
}

before(async () => {
  if (skip) return;
  server = await serve();
  browser = await launch();
  ({ page, context, faults } = await enter(browser, server));
  const status = await page.evaluate(async (id) => {
    const headers = { "X-Chatmetric": "1", "Content-Type": "application/json" };
    const body = JSON.stringify({ id, timeZone: "Asia/Singapore", unknownNumbers: "auto", numbersMax: 50 });
    return (await fetch("/console/api/spaces", { method: "POST", headers, body })).status;
  }, SPACE);
  assert.equal(status, 204);
});
after(async () => {
  await context?.close();
  await browser?.close();
  await server?.stop();
});

// --- Webhooks ---

const dialog = () => page.getByRole("dialog");
const row = (id) => page.getByRole("row").filter({ has: page.locator("b", { hasText: new RegExp(`^${id}$`) }) });
const secrets = () => dialog().locator(".secret code").allTextContents();

async function post(url, body, headers = {}) {
  const answer = await fetch(url, { method: "POST", body, headers });
  return { status: answer.status, body: await answer.text() };
}

/** The wizard's first step. */
async function choose(kind, appSecret) {
  await go("webhooks");
  await page.getByRole("button", { name: "Set up a webhook" }).first().click();
  await dialog().getByLabel("Sender").selectOption(kind);
  assert.equal(await dialog().getByLabel("Name").inputValue(), kind);
  await dialog().getByLabel("Space").selectOption(SPACE);
  if (appSecret) await dialog().getByLabel("App secret").fill(appSecret);
  await shots(page, `webhooks-${kind}-1`);
  await dialog().getByRole("button", { name: "Continue" }).click();
  await dialog().locator(".secret").first().waitFor();
}

/** Copies each secret that is shown; what is in the clipboard must be what is on the page. */
async function copied() {
  const shown = await secrets();
  for (const [at, text] of shown.entries()) {
    await dialog().locator(".secret button").nth(at).click();
    await dialog().locator(".secret").nth(at).getByText("Copied").waitFor();
    assert.equal(await page.evaluate(() => navigator.clipboard.readText()), text);
  }
  // What is shown once is not lost by a slip of the finger.
  await page.keyboard.press("Escape");
  assert.deepEqual(await secrets(), shown);
  return shown;
}

async function waiting(kind) {
  await dialog().getByRole("button", { name: "Continue" }).click();
  await dialog().getByText("Waiting for the first event").waitFor();
  await shots(page, `webhooks-${kind}-3`);
  assert.equal(await dialog().getByText("The first event has arrived").count(), 0);
}

async function arrived(kind) {
  await dialog().getByText("The first event has arrived").waitFor();
  assert.match(await dialog().getByRole("link", { name: "See the metrics" }).getAttribute("href"), new RegExp(`metrics\\?space=${SPACE}$`));
  await shots(page, `webhooks-${kind}-done`);
  await dialog().getByRole("button", { name: "Finish" }).click();
  await row(kind).waitFor();
}

/** Exchanges the token of receipts or events; gives what the dialog shows. */
async function exchanged(id) {
  await row(id).getByRole("button", { name: "Rotate secrets" }).click();
  await dialog().getByText("The token of before ends at once").waitFor();
  await shots(page, `webhooks-${id}-rotate`);
  await dialog().getByRole("button", { name: "Make a new token" }).click();
  await dialog().locator(".secret").waitFor();
  const shown = await copied();
  const [download] = await Promise.all([page.waitForEvent("download"), dialog().getByRole("button", { name: "Download" }).click()]);
  const text = readFileSync(await download.path(), "utf8");
  for (const one of shown) assert.ok(text.includes(one), "what was downloaded lacks what is shown");
  await shots(page, `webhooks-${id}-rotated`);
  await dialog().getByRole("button", { name: "Finish" }).click();
  await dialog().waitFor({ state: "detached" });
  return shown;
}

/** Waits until the list says so many; it is asked anew each time. */
async function received(id, count) {
  for (let left = 40; ; left -= 1) {
    await go("webhooks");
    const cells = await row(id).locator("td").allTextContents();
    if (cells.includes(String(count))) return;
    if (left === 0) assert.fail(`${id}: ${cells.join(" | ")} and not ${count}`);
  }
}

/** Nothing that was told once is told again, on the page or in the log. */
async function nowhere(tokens) {
  await go("webhooks");
  const html = await page.content();
  for (const token of tokens) {
    assert.ok(!html.includes(token), "the page tells the token again");
    assert.ok(!server.log().includes(token), "the token is in the log");
  }
}

/** A name that has a webhook gets no other one, and no token is shown. */
async function taken(kind) {
  await page.getByRole("button", { name: "Set up a webhook" }).click();
  await dialog().getByLabel("Sender").selectOption(kind);
  await dialog().getByRole("button", { name: "Continue" }).click();
  await dialog().getByText("The id is or was in use; take another one.").waitFor();
  assert.equal(await dialog().locator(".secret").count(), 0);
  await shots(page, "webhooks-taken");
  await page.keyboard.press("Escape");
  await dialog().waitFor({ state: "detached" });
}

/** The receipts of the samples, but of now and with ids of their own. */
const receipts = (series) =>
  JSON.stringify(JSON.parse(readFileSync(join(testdata, "webhooks/cams_01_status_http_batch.json"), "utf8")).map((one, at) => ({ ...one, MessageId: `${series}${one.MessageId}`, Timestamp: Date.now() - 60_000 + at })));

test("a webhook of CAMS: URL once, first receipt, another token", options, async () => {
  await choose("cams");
  await dialog().getByText("The URL with its token is shown once.").waitFor();
  await shots(page, "webhooks-cams-2");
  const shown = await copied();
  assert.equal(shown.length, 1, "the URL has the token, so it is all there is");
  const [url] = shown;
  const { pathname } = new URL(url);
  assert.match(pathname, /^\/webhooks\/cams\/cams\/[A-Za-z0-9]{32}$/);
  await waiting("cams");
  assert.deepEqual(await post(`${url.slice(0, -1)}!`, receipts(1)), await post(`${server.endpoint}/webhooks/cams/nobody/${pathname.split("/")[4]}`, receipts(1)), "a wrong token tells no more than a wrong name");
  const answer = await post(url, receipts(1));
  assert.deepEqual([answer.status, JSON.parse(answer.body)], [200, { code: 0, msg: "success" }]);
  await arrived("cams");
  await received("cams", 3);
  await page.getByRole("cell", { name: /\/webhooks\/cams\/cams\/…$/ }).waitFor();
  assert.equal(await row("cams").getByRole("button", { name: /^Copy/ }).count(), 0, "a URL without its token is nothing to copy");
  const single = await post(url, readFileSync(join(testdata, "webhooks/cams_03_status_mns_body.json"), "utf8").replace(/"Timestamp":\d+/, `"Timestamp":${Date.now()}`));
  assert.equal(single.status, 200);
  await received("cams", 4);
  const [fresh] = await exchanged("cams");
  assert.match(new URL(fresh).pathname, /^\/webhooks\/cams\/cams\/[A-Za-z0-9]{32}$/);
  assert.notEqual(fresh, url);
  assert.equal((await post(url, receipts(2))).status, 404);
  assert.equal((await post(fresh, receipts(2))).status, 200);
  await received("cams", 7);
  await nowhere([url, fresh].map((one) => one.split("/").pop()));
  await taken("cams");
  await go(`numbers?space=${SPACE}`);
  await page.getByRole("link", { name: NUMBER_LINK }).waitFor();
  assert.deepEqual(faults, []);
});

const stamped = (id) => JSON.stringify({ specversion: "1.0", id, source: "//e2e", type: "chatmetric.message.sent", subject: "15550100101", time: new Date().toISOString(), data: { message_id: id, status: "sent" } });

test("a webhook of events: token once, a CloudEvent, NDJSON, another token", options, async () => {
  await choose("events");
  await dialog().getByText("The token is shown once.").waitFor();
  await shots(page, "webhooks-events-2");
  const [url, token] = await copied();
  assert.equal(url, `${server.endpoint}/webhooks/events/events`);
  assert.match(token, /^[A-Za-z0-9]{32}$/);
  await waiting("events");
  const send = (bearer, type, body) => post(url, body, { ...(bearer && { authorization: `Bearer ${bearer}` }), "content-type": type });
  const CLOUD = "application/cloudevents+json";
  assert.equal((await send(null, CLOUD, stamped("e-0"))).status, 401);
  assert.equal((await send(token.toLowerCase().toUpperCase(), CLOUD, stamped("e-0"))).status, 401);
  const one = await send(token, CLOUD, stamped("e-1"));
  assert.equal(one.status, 200);
  assert.equal(JSON.parse(one.body).new, 1);
  await arrived("events");
  const line = (status) => `${JSON.stringify({ number: "15550100101", message_id: "e-2", status, ts: Date.now() })}\n`;
  const two = await send(token, "application/x-ndjson", line("sent") + line("delivered"));
  assert.equal(two.status, 200);
  assert.equal(JSON.parse(two.body).new, 2);
  await received("events", 3);
  const [fresh] = await exchanged("events");
  assert.equal((await send(token, CLOUD, stamped("e-3"))).status, 401);
  assert.equal((await send(fresh, CLOUD, stamped("e-3"))).status, 200);
  await received("events", 4);
  await nowhere([token, fresh]);
  assert.deepEqual(faults, []);
});

test("a webhook of WhatsApp: verified by its token, reports by their signature", options, async () => {
  const secret = "0123456789abcdef0123456789abcdef";
  await choose("whatsapp", secret);
  const [url, token] = await copied();
  await shots(page, "webhooks-whatsapp-2");
  const verify = async (word) => {
    const answer = await fetch(`${url}?${new URLSearchParams({ "hub.mode": "subscribe", "hub.challenge": "1158201444", "hub.verify_token": word })}`);
    return [answer.status, answer.status === 200 ? await answer.text() : ""];
  };
  assert.deepEqual(await verify(token), [200, "1158201444"]);
  assert.deepEqual(await verify(`${token}x`), [403, ""]);
  await waiting("whatsapp");
  const body = readFileSync(join(testdata, "webhooks/wa_02_sent_v24.json"), "utf8").replace(/"timestamp":\s*"\d+"/, `"timestamp":"${Math.floor(Date.now() / 1000)}"`);
  const signed = (key) => ({ "content-type": "application/json", "x-hub-signature-256": `sha256=${createHmac("sha256", key).update(body).digest("hex")}` });
  assert.equal((await post(url, body, signed("another"))).status, 401);
  assert.equal((await post(url, body, signed(secret))).status, 200);
  await arrived("whatsapp");
  await row("whatsapp").getByRole("button", { name: "Rotate secrets" }).click();
  await dialog().getByRole("button", { name: "Make a new verify token" }).click();
  await dialog().locator(".secret").waitFor();
  const [fresh] = await copied();
  await dialog().getByRole("button", { name: "Finish" }).click();
  assert.deepEqual(await verify(token), [403, ""]);
  assert.deepEqual(await verify(fresh), [200, "1158201444"]);
  await nowhere([token, fresh, secret]);
  await shots(page, "webhooks-list");
  assert.deepEqual(faults, []);
});

// --- Files ---

/** Imports a file; gives the figures, the banner and the bad lines that the page tells. */
async function imported(files, format) {
  await go("ingest/import");
  await page.getByLabel("Space").selectOption(SPACE);
  await page.locator('input[type="file"]').setInputFiles(files);
  if (format) await page.getByLabel("Format").selectOption(format);
  return begun();
}

async function begun() {
  const begins = page.waitForRequest((request) => request.url().includes("/console/api/import"));
  await page.getByRole("button", { name: "Import", exact: true }).click();
  await begins;
  // What was told before goes with the press; the button has its name back at the end.
  await page.getByRole("button", { name: "Import", exact: true }).waitFor();
  await page.locator("form .figures").waitFor();
  const pairs = await page.locator("form .figures > div").evaluateAll((all) => all.map((one) => [one.querySelector("dt").textContent, Number(one.querySelector("dd").textContent)]));
  const lines = await page.locator("form .facts .contents").evaluateAll((all) => all.map((one) => [one.querySelector("dt").textContent, one.querySelector("dd").textContent]));
  return { figures: Object.fromEntries(pairs), lines, told: await page.locator("form .banner").allTextContents() };
}

const named = (name, content) => ({ name, mimeType: "application/octet-stream", buffer: Buffer.from(content) });
const none = { Rows: 0, New: 0, Duplicate: 0, Ignored: 0, Late: 0, Quarantined: 0, "Not readable": 0 };

test("a file of NDJSON: counts, the bad line by its number, and again without counting twice", options, async () => {
  const line = (id, status) => JSON.stringify({ number: "15550100101", message_id: id, status, ts: Date.now() - 60_000 });
  const file = named("day.ndjson", [line("f-1", "sent"), line("f-1", "delivered"), '{"number":"15550100101","status":"sent"}', line("f-2", "sent"), "no JSON"].join("\n"));
  const first = await imported(file);
  assert.deepEqual(first.figures, { ...none, Rows: 5, New: 3, "Not readable": 2 });
  assert.deepEqual(first.lines.map(([name]) => name), ["Line 3", "Line 5"]);
  assert.match(first.lines[0][1], /message_id/);
  assert.deepEqual(first.told, ["The file was imported; not readable in it: 2"]);
  await shots(page, "import-ndjson");
  const second = await begun();
  assert.deepEqual(second.figures, { ...none, Rows: 5, Duplicate: 3, "Not readable": 2 });
  assert.deepEqual(faults, []);
});

test("a file of CSV, plain and packed", options, async () => {
  const at = new Date(Date.now() - 60_000).toISOString();
  const text = `number;message_id;status;timestamp\r\n15550100101;g-1;sent;${at}\r\n15550100101;g-1;delivered;yesterday\r\n15550100101;g-2;read;${at}\r\n`;
  const plain = await imported(named("day.csv", text));
  assert.deepEqual(plain.figures, { ...none, Rows: 3, New: 2, "Not readable": 1 });
  assert.equal(plain.lines.length, 1);
  assert.equal(plain.lines[0][0], "Line 3");
  assert.match(plain.lines[0][1], /timestamp/);
  await shots(page, "import-csv");
  const packed = await imported(named("day.csv.gz", gzipSync(text)));
  assert.deepEqual(packed.figures, { ...none, Rows: 3, Duplicate: 2, "Not readable": 1 });
  assert.deepEqual(faults, []);
});

test("a file of receipts of CAMS, by its content and by its name in the list", options, async () => {
  const file = named("receipts.json", receipts(3));
  const first = await imported(file);
  assert.deepEqual(first.figures, { ...none, Rows: 3, New: 3 });
  assert.deepEqual(first.told, ["The file was imported"]);
  await shots(page, "import-cams");
  const second = await imported(file, "cams");
  assert.deepEqual(second.figures, { ...none, Rows: 3, Duplicate: 3 });
  assert.deepEqual(faults, []);
});

test("a file of Parquet; its third row lacks an id", options, async () => {
  const file = join(testdata, "parquet/snappy.parquet");
  const first = await imported(file);
  // The samples are of 2025: counted or late, by how long data is kept.
  assert.equal(first.figures.New + first.figures.Late + first.figures.Quarantined, 3);
  assert.deepEqual([first.figures.Rows, first.figures["Not readable"], first.figures.Duplicate], [5, 1, 0]);
  assert.deepEqual(first.lines.map(([name]) => name), ["Line 3"]);
  assert.match(first.lines[0][1], /message_id/);
  await shots(page, "import-parquet");
  const second = await imported(file, "parquet");
  assert.deepEqual([second.figures.Rows, second.figures.New, second.figures["Not readable"]], [5, 0, 1]);
  assert.deepEqual(faults, []);
});

test("what is no file of events is refused clearly", options, async () => {
  const refused = async (name, content, why, format) => {
    const { told, figures } = await imported(named(name, content), format);
    assert.equal(told.length, 1, name);
    assert.match(told[0], why, name);
    assert.equal(figures.New, 0, name);
  };
  await refused("photo.png", [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 13], /The import stopped.* the file is binary, not text/);
  await shots(page, "import-refused");
  await refused("letter.txt", "Dear Sir or Madam,\nhello.\n", /The import stopped.*number/);
  await refused("sheet.csv", [0xff, 0xfe, 0x6e, 0], /UTF-16/);
  await refused("cut.parquet", "PAR1 and no more", /The import stopped.*Parquet/i);
  await refused("brotli.parquet", readFileSync(join(testdata, "parquet/wrong-brotli.parquet")), /Brotli/i);
  await refused("cut.gz", gzipSync("number,message_id,status,timestamp\n".repeat(9)).subarray(0, 20), /The import stopped.*cannot be read/);
  await refused("other.json", '{"name":"x"}\n{"name":"y"}\n', /^Nothing in the file could be read$/);
  await shots(page, "import-nothing");
  await refused("empty.ndjson", "", /^The file was read; there are no events in it$/);
  assert.deepEqual(faults, []);
});

test("a file that was saved again after it was chosen", options, async () => {
  const file = join(server.dir, "again.csv");
  const head = "number,message_id,status,timestamp\n";
  writeFileSync(file, `${head}15550100101,h-1,sent,then\n`);
  const first = await imported(file);
  assert.deepEqual(first.lines.map(([name]) => name), ["Line 2"]);
  writeFileSync(file, `${head}15550100101,h-1,sent,${Date.now() - 1_000}\n15550100101,h-1,read,${Date.now()}\n`);
  await page.getByRole("button", { name: "Import" }).click();
  await page.getByText("The file was changed since it was chosen").waitFor();
  assert.equal(await page.locator("form .figures").count(), 0, "figures of before are gone");
  await shots(page, "import-changed");
  // As a person does it: the browser is silent when a field gets the file again that it holds.
  const [chooser] = await Promise.all([page.waitForEvent("filechooser"), page.getByText("again.csv").click()]);
  await chooser.setFiles(file);
  await page.getByText("The file was changed since it was chosen").waitFor({ state: "detached" });
  const second = await begun();
  assert.deepEqual(second.figures, { ...none, Rows: 2, New: 2 });
  faults.splice(0, faults.length, ...faults.filter((one) => !/ERR_UPLOAD_FILE_CHANGED/.test(one)));
  assert.deepEqual(faults, []);
});
