// What pages do: keyboard only, live changes, a session that ends, hostile names, very long and very
// short charts, days of 23 hours, addresses as state, and the time bars.
import assert from "node:assert/strict";
import { loadavg } from "node:os";
import { test } from "node:test";
import { visited } from "./alone.mjs";
import { NOW, XSS } from "./answers.mjs";
import { open } from "./browser.mjs";
import { DAY, HALF_HOUR, numberOf } from "./counts.mjs";
import { fakeServer } from "./fake.mjs";
import { browserHere, eventually, skip } from "./on.mjs";
import { fits } from "./shots.mjs";

const on = browserHere();

test("metrics by keyboard: skip, choose, read, zoom out of nothing", { skip }, () =>
  on("metrics", {}, async (page) => {
    await page.keyboard.press("Tab");
    await eventually(async () => assert.equal(await page.evaluate(() => document.activeElement.textContent), "Skip to the page"));
    await page.keyboard.press("Enter");
    await eventually(async () => assert.equal(await page.evaluate(() => document.activeElement.id), "main"));
    await page.locator(".chart").focus();
    const reading = page.locator(".chart [aria-live]");
    await page.keyboard.press("End");
    const last = await reading.textContent();
    assert.match(last, /Mon 23 Nov 2026, 15:30.16:00 Asia\/Singapore, Delivered \d+, Sent \d+, Delivery rate/);
    assert.match(last, /Still settling/);
    await page.keyboard.press("ArrowLeft");
    await eventually(async () => assert.match(await reading.textContent(), /15:00.15:30/));
    await page.keyboard.press("PageUp");
    await eventually(async () => assert.match(await reading.textContent(), /Sun 22 Nov 2026, 15:00/));
    await page.keyboard.press("Home");
    await eventually(async () => assert.match(await reading.textContent(), /Mon 16 Nov 2026, 16:00/));
    await page.getByRole("radio", { name: "Total" }).focus();
    await page.keyboard.press("ArrowRight");
    await eventually(async () => assert.match(page.url(), /show=numbers/));
    await page.getByRole("button", { name: /Phone numbers/ }).focus();
    await page.keyboard.press("Enter");
    await page.getByRole("dialog").waitFor();
    await page.getByRole("dialog").getByRole("checkbox").first().focus();
    await page.keyboard.press("Space");
    await page.getByRole("button", { name: "Apply" }).focus();
    await page.keyboard.press("Enter");
    await page.waitForURL(/numbers=\d+/);
    // The address changes before the dialog is gone; then the focus comes back.
    await page.waitForFunction(() => document.activeElement.id === "numbers-value");
  }));

test("explorer by keyboard: fill in, run, read, debug", { skip }, () =>
  on("explorer", {}, async (page) => {
    assert.match(page.url(), /Start=\d+&End=\d+/);
    await page.getByLabel("PhoneNumber").focus();
    await page.keyboard.type("861380000");
    await page.keyboard.press("Enter");
    await page.getByText("200 OK").waitFor();
    await eventually(async () => assert.match(page.url(), /PhoneNumber=861380000/));
    const tab = page.getByRole("tab", { name: "Response" });
    await tab.focus();
    await page.keyboard.press("ArrowRight");
    await eventually(async () => assert.equal(await page.getByRole("tab", { name: "Signed request" }).getAttribute("aria-selected"), "true"));
    await page.getByRole("heading", { name: "String to sign" }).waitFor();
    await page.getByRole("tab", { name: "History" }).click();
    await page.getByRole("button", { name: "Fill in again" }).waitFor();
  }));

test("an AccessKey signs in the browser, and its secret goes nowhere", { skip }, () =>
  on("explorer", {}, async (page, fake) => {
    const secret = "canarySecret0123456789abcdefgh";
    const sent = [];
    page.on("request", (request) => sent.push(`${request.url()} ${JSON.stringify(request.headers())} ${request.postData() ?? ""}`));
    await page.getByLabel("AccessKey, signed in this browser").check();
    await page.getByLabel("AccessKey id").fill("LTAI5tExampleKey0000000001");
    await page.getByLabel("AccessKey secret").fill(secret);
    await page.getByRole("button", { name: "Run", exact: true }).click();
    await page.getByText("200 OK").waitFor();
    assert.ok(sent.some((request) => /authorization":"ACS3-HMAC-SHA256 Credential=LTAI5tExampleKey0000000001,SignedHeaders=host;x-acs-action/.test(request)));
    assert.ok(!sent.some((request) => request.includes(secret)));
    assert.ok(!page.url().includes(secret));
    assert.equal(await page.evaluate((text) => JSON.stringify({ ...localStorage, ...sessionStorage }).includes(text), secret), false);
    assert.ok(!fake.calls.join().includes(secret));
  }));

test("a quarantined event is replayed, and only what can be", { skip }, () =>
  on("ingest/quarantine", {}, async (page, fake) => {
    assert.equal(await page.getByRole("button", { name: "Replay", exact: true }).count(), 2);
    assert.equal(await page.getByRole("button", { name: "Open", exact: true }).count(), 1);
    await page.getByRole("button", { name: "Replay", exact: true }).first().click();
    const dialog = page.getByRole("dialog");
    await dialog.getByText("If it still cannot be counted, it stays here.").waitFor();
    await dialog.getByRole("button", { name: "Replay", exact: true }).click();
    await dialog.getByText("Taken out of quarantine; events in it: 1.").waitFor();
    await dialog.locator(".dialog-foot").getByRole("button", { name: "Close" }).click();
    await page.getByRole("dialog").waitFor({ state: "detached" });
    await eventually(async () => assert.ok(fake.calls.includes("POST quarantine/q0/replay")));
    await eventually(async () => assert.equal(fake.calls.filter((call) => call.startsWith("GET quarantine?")).length, 2));
  }));

/** What was sent to operations of Ram. */
function ramCalls(page) {
  const sent = [];
  page.on("request", (request) => {
    if (request.url().endsWith("/console/api/call")) sent.push(JSON.parse(request.postData()));
  });
  return (action) => sent.filter((call) => call.action === action).map((call) => call.params);
}

test("an older version of a policy is looked at and put in effect", { skip }, () =>
  on("access/policies", {}, async (page) => {
    const calls = ramCalls(page);
    await page.getByRole("button", { name: "ReadCounts", exact: true }).click();
    await page.getByRole("button", { name: "Show version v1" }).click();
    await page.waitForFunction(() => [...document.querySelectorAll("textarea")].some((field) => field.value.includes("of:v1")));
    await page.getByRole("button", { name: "Put in effect v1" }).click();
    await page.getByRole("dialog").waitFor({ state: "detached" });
    await eventually(async () => assert.deepEqual(calls("SetDefaultPolicyVersion"), [{ PolicyName: "ReadCounts", VersionId: "v1" }]));
  }));

test("a trial has condition keys", { skip }, () =>
  on("access/policies", {}, async (page) => {
    const asked = page.waitForRequest((request) => request.url().endsWith("/policies/simulate"));
    await page.getByLabel("Condition keys").fill("no key");
    await page.getByText("A line is key=value.").waitFor();
    await eventually(async () => assert.ok(await page.getByRole("button", { name: "Would it be allowed?" }).isDisabled()));
    await page.getByLabel("Condition keys").fill("acs:SourceIp=192.0.2.7");
    await page.getByRole("button", { name: "Would it be allowed?" }).click();
    assert.deepEqual(JSON.parse((await asked).postData()).context, { "acs:SourceIp": "192.0.2.7" });
    await page.getByText("by statement 1 (Allow) of ReadCounts").waitFor();
  }));

test("only what was changed of a user is sent", { skip }, () =>
  on("access/users", {}, async (page) => {
    const calls = ramCalls(page);
    await page.getByRole("button", { name: "finance", exact: true }).click();
    const save = page.getByRole("button", { name: "Save", exact: true });
    await eventually(async () => assert.ok(await save.isDisabled()));
    await page.getByRole("dialog").getByLabel("Comments").fill("month's end");
    await save.click();
    await page.getByText("Saved").waitFor();
    await eventually(async () => assert.deepEqual(calls("UpdateUser"), [{ UserName: "finance", NewComments: "month's end" }]));
  }));

test("counts are compared with a file: what differs first, all on demand, as CSV", { skip }, () =>
  on("reconcile", {}, async (page) => {
    const asked = page.waitForRequest((request) => request.url().includes("/console/api/reconcile?"));
    await page.locator('input[type="file"]').setInputFiles({ name: "analytics.json", mimeType: "application/json", buffer: Buffer.from('{"analytics":{}}') });
    await page.getByText("analytics.json").waitFor();
    await page.getByLabel("Phone numbers that it sums").fill("+1 555 010 0101, 15550100102");
    await page.getByLabel("Tolerance a bucket").fill("0.5%");
    await page.getByLabel("From").fill("2026-11-16T00:00");
    await page.getByRole("button", { name: "Compare" }).click();
    const request = await asked;
    assert.equal(new URL(request.url()).searchParams.get("space"), "293483938849493");
    assert.deepEqual(JSON.parse(request.postData()), { answer: '{"analytics":{}}', numbers: ["+1 555 010 0101", "15550100102"], startMs: Date.UTC(2026, 10, 15, 16), endMs: null, tolerance: "0.5%", includeSettling: false });
    await page.getByText("Some buckets differ by more than the tolerance").waitFor();
    const rows = page.locator("tbody tr");
    await eventually(async () => assert.equal(await rows.count(), 5));
    await eventually(async () => assert.match(await rows.nth(0).textContent(), /Differs, within the tolerance.*\+3/));
    await eventually(async () => assert.match(await rows.nth(1).textContent(), /\+1,000/));
    await page.getByText("All buckets", { exact: true }).click();
    await eventually(async () => assert.equal(await rows.count(), 6));
    const [saved] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "Save as CSV" }).click()]);
    assert.equal(saved.suggestedFilename(), "reconcile.csv");
    // Too large for the server: said before it is sent.
    await page.locator('input[type="file"]').setInputFiles({ name: "large.json", mimeType: "application/json", buffer: Buffer.alloc(901 * 1024, 32) });
    await page.getByText("The file has more than 900 KiB.").waitFor();
  }));

test("an interval is explained: its number is chosen, its sources sum up, the focus comes back", { skip }, () =>
  on("metrics?view=intervals", { numbers: 3 }, async (page) => {
    const button = page.getByRole("button", { name: /^Explain / }).nth(2);
    await button.focus();
    const [first] = await Promise.all([page.waitForRequest((request) => request.url().includes("/console/api/explanation?")), page.keyboard.press("Enter")]);
    const asked = new URL(first.url()).searchParams;
    assert.equal(asked.get("granularity"), "half-hour");
    assert.equal(asked.get("number"), numberOf(0));
    assert.equal(Number(asked.get("bucket")) % HALF_HOUR, 0);
    const dialog = page.getByRole("dialog", { name: "What made this count" });
    await dialog.getByText("Sent 1,222, Delivered 1,182").waitFor();
    const rows = dialog.getByRole("region", { name: "By source" }).locator("tbody tr");
    await eventually(async () => assert.match(await rows.nth(2).textContent(), /^whatsapp-eu WhatsApp webhookSent1,2081,2046.2331$/));
    await eventually(async () => assert.match(await rows.nth(3).textContent(), /^Delivered1,1711,150210$/));
    await dialog.getByText("Unchanged since").waitFor();
    const [second] = await Promise.all([page.waitForRequest((request) => request.url().includes("/console/api/explanation?")), dialog.getByLabel("Phone number").selectOption(numberOf(1))]);
    assert.equal(new URL(second.url()).searchParams.get("number"), numberOf(1));
    await page.keyboard.press("Escape");
    await eventually(async () => assert.equal(await button.evaluate((element) => document.activeElement === element), true));
  }));

test("Metrics leads to the comparison", { skip }, () =>
  on("metrics", {}, async (page) => {
    await page.getByRole("link", { name: "Compare with the provider's own counts" }).click();
    await page.waitForURL(/console\/reconcile$/);
    await page.getByRole("heading", { name: "Reconcile" }).waitFor();
  }));

test("samples carry what the form says, escaped", { skip }, () =>
  on(`explorer?Start=1&End=2&PhoneNumber=${encodeURIComponent(`a"b'c$d`)}`, {}, async (page) => {
    await page.locator(".code pre").first().waitFor();
    const text = await page.locator(".code pre").first().textContent();
    assert.match(text, /phone_number=/);
    assert.ok(!text.includes(`"a"b`));
    await page.getByLabel("Language").selectOption("curl");
    await eventually(async () => assert.match(await page.locator(".code pre").first().textContent(), /curl/));
  }));

test("live changes arrive without asking again", { skip }, () =>
  on("metrics?range=24h", {}, async (page, fake) => {
    await page.locator(".signs.live").waitFor();
    const asked = fake.calls.filter((call) => call.startsWith("GET metrics")).length;
    const sent = async () => Number((await page.locator(".figures dd").first().textContent()).replaceAll(",", ""));
    const first = await sent();
    const start = Math.floor(NOW / HALF_HOUR) * HALF_HOUR;
    fake.say([{ number: numberOf(0), startMs: start, sent: 100_000, delivered: 90_000, cohort: 90_000 }]);
    await page.waitForFunction(() => Number(document.querySelector(".figures dd").textContent.replaceAll(",", "")) > 90_000);
    assert.ok((await sent()) > first);
    assert.equal(fake.calls.filter((call) => call.startsWith("GET metrics")).length, asked);
    await page.getByRole("button", { name: "Pause" }).click();
    await page.getByText("Paused").waitFor();
    await page.waitForTimeout(100);
    await eventually(async () => assert.equal(fake.streams.size, 0, "paused is quiet"));
  }));

const sentNow = async (page) => Number((await page.locator(".figures dd").first().textContent()).replaceAll(",", ""));
const countsAsked = (fake) => fake.calls.filter((call) => call.startsWith("GET metrics?")).length;

test("a half hour behind the last one makes the range move on, unless the range is over", { skip }, async () => {
  const next = [{ number: numberOf(0), startMs: (Math.floor(NOW / HALF_HOUR) + 1) * HALF_HOUR, sent: 7, delivered: 0, cohort: 0 }];
  await on("metrics?range=24h", {}, async (page, fake) => {
    await page.locator(".signs.live").waitFor();
    const asked = countsAsked(fake);
    fake.say(next);
    await page.waitForResponse((response) => response.url().includes("/console/api/metrics?"), { timeout: 8_000 });
    assert.equal(countsAsked(fake), asked + 1);
  });
  await on("metrics?range=yesterday", {}, async (page, fake) => {
    await page.locator(".signs.live").waitFor();
    const asked = countsAsked(fake);
    fake.say(next);
    await page.waitForTimeout(6_000);
    assert.equal(countsAsked(fake), asked);
  });
});

test("a half hour begins by the clock, although nothing is told", { skip }, () => {
  const begins = (Math.floor(NOW / HALF_HOUR) + 1) * HALF_HOUR;
  const almost = begins - 15_000;
  // The browser's clock goes, and the page follows the server's.
  return on("metrics?range=24h", { serverMs: almost, nowMs: almost }, async (page, fake) => {
    await page.locator(".signs.live").waitFor();
    const asked = () => fake.calls.filter((call) => call.startsWith("GET metrics?") && call.includes(`end=${begins + HALF_HOUR}&`)).length;
    assert.equal(asked(), 0);
    fake.scenario.nowMs = begins + 9_000;
    await page.waitForResponse((response) => response.url().includes("/console/api/metrics?"), { timeout: 30_000 });
    await page.waitForTimeout(6_000);
    assert.equal(asked(), 1);
  }, { nowMs: undefined });
});

test("what is told while the counts are on their way is in them", { skip }, () =>
  on("metrics?range=7d", {}, async (page, fake) => {
    await page.locator(".signs.live").waitFor();
    const without = await sentNow(page);
    await page.getByLabel("Range").selectOption("24h");
    await eventually(async () => assert.ok((await sentNow(page)) < without));
    fake.scenario = { delays: { metrics: 2_000 } };
    const asked = countsAsked(fake);
    await page.getByLabel("Range").selectOption("7d");
    await eventually(() => assert.equal(countsAsked(fake), asked + 1));
    fake.say([{ number: numberOf(0), startMs: Math.floor(NOW / HALF_HOUR) * HALF_HOUR, sent: 100_000, delivered: 90_000, cohort: 90_000 }]);
    await page.waitForTimeout(500);
    assert.ok((await sentNow(page)) < without, "there are no counts yet");
    await eventually(async () => assert.ok((await sentNow(page)) > without + 90_000));
    assert.equal(countsAsked(fake), asked + 1);
  }));

test("changes are listened to after the first picture, also when it takes long", { skip }, () =>
  on("metrics?range=24h", { delays: { metrics: 2_000 } }, async (page, fake) => {
    await page.waitForTimeout(1_000);
    assert.equal(fake.streams.size, 0);
    assert.ok(!fake.requests.some(({ path }) => /metrics_live/.test(path)));
    await page.locator(".figures").waitFor();
    await page.locator(".signs.live").waitFor();
  }, { rests: false }));

test("a number that is not among the busiest does not make everything load again and again", { skip }, () =>
  on("metrics?range=24h", { numbers: 40 }, async (page, fake) => {
    await page.locator(".signs.live").waitFor();
    const asked = countsAsked(fake);
    const change = { startMs: Math.floor(NOW / HALF_HOUR) * HALF_HOUR, sent: 100_000, delivered: 90_000, cohort: 90_000 };
    fake.say([{ number: numberOf(30), ...change }, { number: numberOf(0), ...change }]);
    await eventually(async () => assert.ok((await sentNow(page)) > 90_000));
    await page.waitForTimeout(6_000);
    assert.equal(countsAsked(fake), asked);
  }));

test("a session that ends keeps the page and lets one sign in again", { skip }, () =>
  on("metrics", {}, async (page, fake) => {
    const before = await page.locator(".figures").textContent();
    fake.scenario = { faults: { metrics: { status: 401, code: "NotSignedIn", message: "" } } };
    await page.getByLabel("Range").selectOption("31d");
    await page.getByRole("dialog").getByText("Your session has ended").waitFor();
    assert.equal(await page.locator(".figures").textContent(), before);
    fake.scenario = {};
    await page.getByLabel("Password").fill("correct horse battery");
    await page.getByRole("dialog").getByRole("button", { name: "Sign in" }).click();
    await page.getByRole("dialog").waitFor({ state: "detached" });
    await page.waitForFunction((text) => document.querySelector(".figures")?.textContent !== text, before);
  }));

/** As when the window is seen again: the page asks again. */
const seenAgain = (page) => page.evaluate(() => document.dispatchEvent(new Event("visibilitychange")));

test("a refresh that fails keeps old figures and says how old they are", { skip }, () =>
  on("metrics", {}, async (page, fake) => {
    const before = await page.locator(".figures").textContent();
    fake.scenario = { faults: { metrics: "drop" } };
    await seenAgain(page);
    await page.getByText("The server cannot be reached").waitFor();
    await page.getByText(/No contact · as of/).waitFor();
    assert.equal(await page.locator(".figures").textContent(), before);
  }));

test("figures of a range do not stand under another one that cannot be had, nor come back later", { skip }, () =>
  on("metrics", {}, async (page, fake) => {
    fake.scenario = { faults: { metrics: { status: 500, code: "Internal", message: "something broke" } } };
    await page.getByLabel("Range").selectOption("31d");
    await page.locator(".blank.error").waitFor();
    assert.equal(await page.locator(".figures").count(), 0);
    fake.scenario = { delays: { metrics: 1_500 } };
    await page.getByLabel("Range").selectOption("24h");
    await page.locator(".skeleton").first().waitFor();
    assert.equal(await page.locator(".figures").count(), 0);
    await page.locator(".figures").waitFor();
    await page.getByText("48 intervals").waitFor();
  }));

test("there are figures of a period before only where all of it is known, and its failure is told", { skip }, () =>
  on("metrics?range=24h&compare=1", { floorMs: NOW - 30 * 3_600_000 }, async (page, fake) => {
    await page.getByText("There are no figures to compare with").waitFor();
    assert.equal(await page.locator(".figures").getByText("against the period before").count(), 0);
    const before = await page.locator(".figures").textContent();
    await page.getByRole("checkbox", { name: "Compare" }).uncheck();
    await page.getByText("There are no figures to compare with").waitFor({ state: "detached" });
    fake.scenario = { faults: { metrics: { status: 500, code: "Internal", message: "something broke" } } };
    await page.getByRole("checkbox", { name: "Compare" }).check();
    await page.getByRole("alert").getByText("The period before could not be read. something broke").waitFor();
    assert.equal(await page.locator(".figures").textContent(), before);
    fake.scenario = {};
    await page.getByRole("alert").getByRole("button", { name: "Try again" }).click();
    await page.locator(".figures").getByText("against the period before").first().waitFor();
    // A refresh leaves it in sight until the new one is there.
    fake.scenario = { delays: { metrics: 1_500 } };
    await seenAgain(page);
    await page.locator(".progress-line.on").first().waitFor();
    assert.equal(await page.locator(".legend").getByText("Sent before").count(), 1);
  }));

test("what is not known is not called nothing", { skip }, async () => {
  await on("metrics?range=24h", { empty: "quiet", floorMs: NOW }, (page) => page.getByRole("heading", { name: "This range is before what is kept" }).waitFor());
  await on("metrics?range=24h&numbers=15550109999", { empty: "quiet", partial: true }, (page) => page.getByRole("heading", { name: "None of the chosen numbers could be read" }).waitFor());
});

test("a call of the API names one number: of several chosen ones it is of all, and says so", { skip }, () =>
  on(`metrics?numbers=${numberOf(0)},${numberOf(1)}`, {}, async (page) => {
    await page.getByRole("button", { name: "Copy as API call" }).click();
    await page.getByText("It is of all numbers of the space").waitFor();
    await page.waitForURL(/explorer\/GetChatappPhoneNumberMetric/);
    assert.ok(!page.url().includes("PhoneNumber="), page.url());
  }));

test("a wrong password and too many of them", { skip }, () =>
  on("signin", { session: { state: "signedOut" }, faults: { "sign-in": { status: 401, code: "WrongSignIn" } } }, async (page, fake) => {
    await page.getByLabel("User").fill("ops");
    await page.getByLabel("Password").fill("nonsense");
    await page.keyboard.press("Enter");
    await page.getByText("Account, user or password is wrong").waitFor();
    fake.scenario.faults["sign-in"] = { status: 429, code: "SlowDown", retryAfterMs: 540_000 };
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByText("Try again in 9 min").waitFor();
  }));

test("signing in leads to the page that was wanted", { skip }, () =>
  on("metrics?range=31d", { session: { state: "signedOut" }, opens: true }, async (page) => {
    await page.getByLabel("User").fill("ops");
    await page.getByLabel("Password").fill("correct horse battery");
    await page.keyboard.press("Enter");
    await page.locator(".figures").waitFor();
    await eventually(async () => assert.match(page.url(), /metrics\?range=31d$/));
  }));

test("a token in the address leaves it at once", { skip }, () =>
  on("set-password#secret-token", { session: { state: "signedOut" } }, async (page) => {
    assert.equal(await page.getByLabel("One-time token").inputValue(), "secret-token");
    assert.ok(!page.url().includes("secret-token"));
  }));

/** What is done before a hostile text is on a page; nothing for most. */
const HOSTILE_PAGES = {
  metrics: null,
  "metrics?show=numbers": null,
  "metrics?view=intervals": async (page) => {
    await page.getByRole("button", { name: /^Explain / }).first().click();
    await page.getByRole("dialog").waitFor();
  },
  numbers: null,
  spaces: null,
  ingest: null,
  "ingest/quarantine": async (page) => page.getByRole("button", { name: "Open", exact: true }).click(),
  "ingest/unclaimed": async (page) => page.getByRole("button", { name: "Claim" }).click(),
  webhooks: null,
  "access/users": null,
  "access/groups": null,
  "access/policies": null,
  "access/roles": null,
  "access/isv": null,
  accounts: null,
  alerts: null,
  audit: null,
  account: null,
  system: null,
  explorer: async (page) => {
    await page.getByLabel("PhoneNumber").fill(XSS);
    await page.getByRole("button", { name: "Run", exact: true }).click();
    await page.getByText("200 OK").waitFor();
  },
  signature: async (page) => {
    await page.getByRole("textbox").first().fill(XSS);
    await page.getByRole("button", { name: "Explain", exact: true }).click();
  },
  reconcile: async (page) => {
    await page.getByLabel("Answer of the Graph API").fill("{}");
    await page.getByRole("button", { name: "Compare" }).click();
    await page.locator("tbody tr").first().waitFor();
  },
};

for (const [path, act] of Object.entries(HOSTILE_PAGES)) {
  test(`hostile names are text: ${path}`, { skip }, () =>
    on(path, { xss: true }, async (page) => {
      const alerts = [];
      page.on("dialog", (dialog) => {
        alerts.push(dialog.message());
        return dialog.dismiss();
      });
      await act?.(page);
      // In the page's own part or in a dialog of it: the bar shows such a name on every page.
      const said = () => page.evaluate(() => ["#main", '[role="dialog"]'].flatMap((one) => [...document.querySelectorAll(one)].map((part) => part.textContent)).join());
      await eventually(async () => assert.ok((await said()).includes(XSS), "the hostile text is there"));
      assert.equal(await page.locator("img").count(), 0);
      assert.equal(await page.locator("[onerror]").count(), 0);
      assert.deepEqual(alerts, []);
    }));
}

test("a chart of one bucket", { skip }, () =>
  on("metrics", { buckets: [[NOW - HALF_HOUR, NOW]] }, async (page) => {
    await page.locator(".chart").focus();
    await page.keyboard.press("End");
    assert.match(await page.locator(".chart [aria-live]").textContent(), /Sent/);
  }));

test("a chart of 100,000 buckets", { skip }, () =>
  on("metrics?view=intervals", { numbers: 1, buckets: Array.from({ length: 100_000 }, (_, at) => [NOW - (100_000 - at) * HALF_HOUR, NOW - (99_999 - at) * HALF_HOUR]) }, async (page) => {
    await page.getByText("100,000 intervals").waitFor({ timeout: 15_000 });
    await page.getByRole("button", { name: "Next", exact: true }).click();
    await page.getByText("97–192 of 100,000").waitFor();
  }));

test("days are the zone's: 23 hours in Berlin", { skip }, () => {
  const start = Date.UTC(2026, 2, 27, 23);
  const buckets = [0, 1, 2, 3].map((day) => [start + day * DAY - (day > 1 ? 3_600_000 : 0), start + (day + 1) * DAY - (day > 0 ? 3_600_000 : 0)]);
  return on(`metrics?range=custom&from=${start}&to=${buckets[3][1]}&granularity=daily&view=intervals`, { zone: "Europe/Berlin", buckets }, async (page) => {
    const days = page.locator(".table tbody tr td:first-child");
    await eventually(async () => assert.deepEqual(await days.allTextContents(), ["Tue 31 Mar 2026", "Mon 30 Mar 2026", "Sun 29 Mar 2026", "Sat 28 Mar 2026"]));
    await page.getByText("Days of Europe/Berlin").waitFor();
  });
});

test("nothing kept is not drawn as zero", { skip }, () =>
  on("metrics?view=intervals", { floorMs: Date.UTC(2026, 10, 19) }, async (page) => {
    await page.getByText(/Counts before 19 Nov 2026, 08:00 Asia\/Singapore are no longer kept/).waitFor();
    await page.locator(".chart").focus();
    await page.keyboard.press("Home");
    assert.match(await page.locator(".chart [aria-live]").textContent(), /Delivered –, Sent –/);
  }));

test("an address brings back what was seen, and the back button too", { skip }, () =>
  on("metrics?range=31d&show=numbers&view=intervals&zone=utc", {}, async (page) => {
    assert.equal(await page.getByLabel("Range").inputValue(), "31d");
    assert.ok(await page.getByRole("radio", { name: "By number" }).isChecked());
    await page.getByText(/Interval, UTC/).waitFor();
    const intervals = page.locator(".instrument-foot").getByText(/1,\d{3} intervals/);
    await intervals.waitFor();
    const address = page.url();
    await page.getByLabel("Range").selectOption("24h");
    await page.waitForURL(/range=24h/);
    await intervals.waitFor({ state: "detached" });
    await page.goBack();
    await eventually(async () => assert.equal(await page.getByLabel("Range").inputValue(), "31d"));
    assert.equal(page.url(), address);
    assert.ok(await page.getByRole("radio", { name: "By number" }).isChecked());
    await page.getByText(/Interval, UTC/).waitFor();
    await intervals.waitFor();
  }));

test("drag zooms, and the zoom is in the address", { skip }, () =>
  on("metrics", {}, async (page) => {
    const box = await page.locator(".chart .u-over").first().boundingBox();
    await page.mouse.move(box.x + 200, box.y + 100);
    await page.mouse.down();
    await page.mouse.move(box.x + 500, box.y + 100, { steps: 5 });
    await page.mouse.up();
    await page.waitForURL(/zoom=\d+-\d+/);
    await page.getByRole("button", { name: "Reset zoom" }).click();
    await page.waitForFunction(() => !location.search.includes("zoom"));
  }));

test("print leaves out what paper cannot do", { skip }, () =>
  on("metrics", {}, async (page) => {
    await page.emulateMedia({ media: "print" });
    assert.equal(await page.locator("#app .top").isVisible(), false);
    assert.equal(await page.locator(".filters").isVisible(), false);
    assert.ok(await page.locator(".figures").isVisible());
    await page.getByText(/Printed 23 Nov 2026/).waitFor();
  }));

/** Widths of the chart's canvases, and how many points of them have a colour of the light and of the dark theme. */
const drawn = (page) =>
  page.evaluate(() => {
    const all = [...document.querySelectorAll(".chart canvas")];
    const { width, height } = all[0];
    const points = all[0].getContext("2d").getImageData(0, 0, width, height).data;
    const of = ([r, g, b]) => {
      let found = 0;
      for (let at = 0; at < points.length; at += 4) if (points[at] === r && points[at + 1] === g && points[at + 2] === b) found += 1;
      return found > 500;
    };
    return { widths: all.map((one) => Math.round(one.getBoundingClientRect().width)), light: of([0xb9, 0xde, 0xdb]), dark: of([0x1a, 0x47, 0x48]) };
  });

test("paper gets a chart that fits it in light colours, and all intervals", { skip }, () =>
  on("metrics?range=31d&view=intervals", {}, async (page) => {
    const rows = page.locator(".table tbody tr");
    await eventually(async () => assert.equal(await rows.count(), 96));
    const screen = await drawn(page);
    assert.deepEqual([screen.light, screen.dark], [false, true]);
    // By a script, as the button does it: nothing can be drawn later.
    const once = await page.evaluate(() => {
      dispatchEvent(new Event("beforeprint"));
      return { rows: document.querySelectorAll(".table tbody tr").length, width: Math.round(document.querySelector(".chart canvas").getBoundingClientRect().width) };
    });
    assert.deepEqual(once, { rows: 1_488, width: 660 });
    assert.deepEqual(await drawn(page), { widths: [660, 660], light: true, dark: false });
    await page.evaluate(() => dispatchEvent(new Event("afterprint")));
    assert.deepEqual(await drawn(page), screen);
    assert.equal(await rows.count(), 96);
    const paper = (await page.pdf({ format: "A4", preferCSSPageSize: true })).toString("latin1");
    const pages = paper.match(/\/Type\s*\/Page\b/g).length;
    assert.ok(pages > 15, `${pages} pages`);
    await eventually(async () => assert.deepEqual(await drawn(page), screen));
    // What A4 has between its margins.
    await page.emulateMedia({ media: "print" });
    await page.setViewportSize({ width: 688, height: 1_000 });
    for (const tab of ["intervals", "numbers"]) {
      await page.evaluate((view) => history.replaceState(null, "", `?range=31d&view=${view}`), tab);
      await page.evaluate(() => dispatchEvent(new PopStateEvent("popstate")));
      await page.locator(".table").first().waitFor();
      await eventually(async () => assert.ok((await page.locator(".table th").count()) === (tab === "numbers" ? 7 : 6)));
      assert.ok((await page.locator(".table").evaluate((table) => table.getBoundingClientRect().right)) <= 688, tab);
    }
  }, { theme: "dark" }));

for (const path of ["metrics?range=31d&show=numbers", "metrics?range=31d", "webhooks", "system", "ingest/import"]) {
  test(`twice as large, nothing is cut: ${path}`, { skip }, () =>
    // What a window of 1280 px has at 200 %.
    on(path, { numbers: 20 }, (page) => fits(page, path), { width: 640, height: 400, deviceScaleFactor: 2 }));
}

test("the tab that is shown is in view where not all have room", { skip }, () =>
  on("ingest/import", {}, async (page) => {
    const seen = () =>
      page.locator(".page nav.tabs, nav.tabs").first().evaluate((list) => {
        const [room, tab] = [list, list.querySelector('[aria-current="page"]')].map((one) => one.getBoundingClientRect());
        return tab.left >= room.left - 1 && tab.right <= room.right + 1;
      });
    await eventually(async () => assert.ok(await seen()));
    await page.getByRole("link", { name: "Sources" }).click();
    await page.getByRole("heading", { name: "Ingest" }).waitFor();
    await eventually(async () => assert.ok(await seen()));
  }, { width: 390 }));

/** What jumped since the page began, without anybody having touched it. */
const jumps = (page) =>
  page.evaluate(() => new Promise((resolve) => {
    const seen = [];
    const told = (entries) => seen.push(...entries.map(({ value, sources }) => ({ value, of: sources.map(({ node }) => node?.className ?? node?.nodeName) })));
    const observer = new PerformanceObserver((list) => told(list.getEntries()));
    // All since the page began are told at once; two pictures later all of them are here.
    observer.observe({ type: "layout-shift", buffered: true });
    requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(() => {
      told(observer.takeRecords());
      resolve(seen);
    })));
  }));

const PHONE = ["a phone", { width: 390, height: 844 }];
const DESK = ["a desk", { width: 1280 }];
const BROAD_DESK = ["a broad desk", { width: 1920, height: 1080 }];
/** Without a clock that stands still: the browser's own would stand, too. */
const ticking = (how) => ({ nowMs: undefined, ...how });
/** Answers that come one after another, each a picture of its own. */
const ONE_BY_ONE = { session: 100, spaces: 300, metrics: 500 };

for (const [name, how] of [PHONE, DESK, BROAD_DESK]) {
  test(`nothing jumps while Metrics loads and changes, on ${name}`, { skip }, async () => {
    for (const delays of [{}, ONE_BY_ONE]) {
      const nowMs = Date.now();
      await on("metrics?range=31d", { numbers: 20, nowMs, delays }, async (page, fake) => {
        await page.waitForFunction(() => performance.getEntriesByName("first-chart").length > 0);
        await page.locator(".signs.live").waitFor();
        fake.say([{ number: numberOf(0), startMs: Math.floor(nowMs / HALF_HOUR) * HALF_HOUR, sent: 900, delivered: 800, cohort: 800 }]);
        await page.waitForFunction(() => performance.getEntriesByName("chart-refresh").length > 0);
        assert.deepEqual(await jumps(page), []);
      }, ticking(how));
    }
  });

  test(`nothing jumps while Metrics waits for its session, or for what it compares with, on ${name}`, { skip }, async () => {
    const nowMs = Date.now();
    await on("metrics", { nowMs, delays: { session: 2_000 } }, async (page) => assert.deepEqual(await jumps(page), []), ticking(how));
    await on("metrics?range=90d&compare=1", { numbers: 20, nowMs, delays: ONE_BY_ONE }, async (page) => {
      await page.getByText("in the period before", { exact: false }).first().waitFor();
      assert.deepEqual(await jumps(page), []);
    }, ticking(how));
  });
}

// Not the Explorer: the browser's own calendar fields move their parts when they know the zone.
const CALM = ["ingest", "numbers", "spaces", "webhooks", "access", "alerts", "accounts", "system", "audit", "account", "reconcile", "signature", "third-party"];
for (const [name, how] of [PHONE, DESK]) {
  test(`nothing jumps while the other pages load, on ${name}`, { skip }, async () => {
    for (const path of CALM) await on(path, { nowMs: Date.now(), delayMs: 200 }, async (page) => assert.deepEqual(await jumps(page), [], path), ticking(how));
  });
}

test("rights decide what is there", { skip }, () =>
  on("metrics", { rights: ["cams:GetChatappPhoneNumberMetric"] }, async (page) => {
    assert.deepEqual(await page.locator(".nav a").allTextContents(), ["Metrics", "API Explorer"]);
  }));

const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
/** CI tells what it saw and has no quiet machine; the bars are those of nine. */
const TURNS = process.env.CI ? 3 : 9;
/** Above this the first chart fails, whatever the bar is, where the machine has time for it. */
const FIRST_CHART_MAX_MS = 1_000;
const QUIET_LOAD = 2;
const ms = (values) => `${median(values).toFixed(0)} ms`;

/** What the first chart needs, beside the app; the bar is five. */
const FIRST_REQUESTS = ["/console/api/metrics", "/console/api/session", "/console/api/spaces", "/console/metrics"];

/** What the server was asked for from the beginning of a page to its first chart, the icon too. */
const askedBeforeChart = (fake, { beganMs, firstChart }) =>
  fake.requests
    .filter(({ path, atMs }) => atMs >= Math.floor(beganMs) && atMs <= beganMs + firstChart && path !== "/console/probe.js")
    .map(({ path }) => path.replace(/\?.*/, "").replace(/-[A-Z0-9]{8}\./, "-*."))
    .sort();

test("time bars: first chart with 20 numbers × 1,488 half hours", { skip }, async () => {
  const [load] = loadavg();
  const [cold, warm, contentful, blocked] = [[], [], [], []];
  for (let turn = 0; turn < TURNS; turn += 1) {
    const beganMs = Date.now();
    const fake = await fakeServer({ numbers: 20, large: true, nowMs: beganMs });
    try {
      const [first, second] = await visited(fake, "metrics?range=31d");
      cold.push(first.firstChart);
      contentful.push(first.firstText);
      blocked.push(first.blocked);
      warm.push(second.firstChart);
      assert.deepEqual(askedBeforeChart(fake, first), [...FIRST_REQUESTS, "/console/assets/app-*.js"].sort());
      // Who was here has the app.
      assert.deepEqual(askedBeforeChart(fake, second), FIRST_REQUESTS);
    } finally {
      await fake.close();
    }
    // The clock of the fake stands still: when a half hour begins meanwhile, the page asks again.
    if (Math.floor(beganMs / HALF_HOUR) !== Math.floor(Date.now() / HALF_HOUR)) continue;
    const calls = fake.calls.filter((call) => !/ live/.test(call)).map((call) => call.replace(/start=\d+&end=\d+/, "start&end"));
    // One more way to the server and back would be the page's fault.
    const each = ["GET metrics?start&end&granularity=half-hour&total=1", "GET session", "GET spaces"];
    assert.deepEqual(calls.sort(), [...each, ...each].sort());
  }
  console.log(`first chart ${ms(cold)} in a browser that has nothing, ${ms(warm)} in a window that was here before (bar 400); first text ${ms(contentful)} (bar 400); blocked for ${ms(blocked)} (bar 150); all of the first: ${cold.map((value) => value.toFixed(0)).join(" ")}`);
  // A busy machine is no fault of the page, so there the times are told and not judged.
  if (load < QUIET_LOAD) assert.ok(median(cold) <= FIRST_CHART_MAX_MS, `first chart ${ms(cold)}`);
});

test("time bars: refresh and granularity with 20 numbers × 1,488 half hours", { skip }, async () => {
  const [refresh, toggle] = [[], []];
  for (let turn = 0; turn < TURNS; turn += 1) {
    // Without a clock that stands still, which would take the browser's own measures away.
    const nowMs = Date.now();
    const fake = await fakeServer({ numbers: 20, large: true, nowMs });
    const { page, context, faults } = await open(on.browser(), fake.url);
    await page.goto(`${fake.url}/console/metrics?range=31d`, { waitUntil: "commit" });
    await page.locator(".signs.live").waitFor();
    const bytes = await page.evaluate(() => performance.getEntriesByType("resource").filter((entry) => /assets/.test(entry.name)).reduce((sum, entry) => sum + entry.encodedBodySize, 0));
    assert.ok(bytes < 80 * 1024, `${bytes} bytes of assets`);
    fake.say([{ number: numberOf(0), startMs: Math.floor(nowMs / HALF_HOUR) * HALF_HOUR, sent: 900, delivered: 800, cohort: 800 }]);
    await page.waitForFunction(() => performance.getEntriesByName("chart-refresh").length > 0);
    refresh.push(await page.evaluate(() => performance.getEntriesByName("chart-refresh")[0].duration));
    toggle.push(await page.evaluate(() => new Promise((resolve) => {
      const daily = [...document.querySelectorAll('input[type="radio"], [role="radio"]')].find((one) => /Daily/.test(one.closest("label")?.textContent ?? one.textContent));
      const began = performance.now();
      daily.click();
      requestAnimationFrame(() => resolve(performance.now() - began));
    })));
    await page.waitForURL(/granularity=daily/);
    assert.deepEqual(faults, []);
    await context.close();
    await fake.close();
  }
  console.log(`refresh ${median(refresh).toFixed(1)} ms (bar 16); from the click on a granularity to the next picture ${median(toggle).toFixed(1)} ms (bar 50)`);
});

test("counts of another space than the default are asked for with its id", { skip }, () =>
  on("metrics?space=cams-7f3a&isv=skdi3kksloslikdkkdk", {}, async (page, fake) => {
    const counts = fake.calls.filter((call) => call.startsWith("GET metrics?"));
    assert.equal(counts.length, 1, counts.join());
    assert.match(counts[0], /space=cams-7f3a&isv=skdi3kksloslikdkkdk/);
  }));

test("counts that came early and are of another space are asked for again", { skip }, () =>
  // What the server takes for the default is not what the list says.
  on("metrics", { defaultSpace: "cams-7f3a" }, async (page, fake) => {
    await eventually(async () => assert.equal(await page.locator(".chart").count(), 1));
    const counts = fake.calls.filter((call) => call.startsWith("GET metrics?"));
    assert.ok(counts.length >= 2 && counts.some((call) => call.includes("space=293483938849493")), counts.join());
  }));
