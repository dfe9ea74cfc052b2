// What pages do when the server does not: it is slow, takes a call and never answers, or has other
// scripts than the open window. And that what tests stand on tells why it failed.
import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { visited } from "./alone.mjs";
import { NEVER, fakeServer } from "./fake.mjs";
import { browserHere, eventually, skip } from "./on.mjs";
import { settled } from "./pages.mjs";

const on = browserHere();
/** Makes the patience of 30 s a shorter one, before any script of the page. */
const hurried = (patienceMs) => (page) =>
  page.addInitScript((ms) => {
    const real = AbortSignal.timeout.bind(AbortSignal);
    AbortSignal.timeout = () => real(ms);
  }, patienceMs);
const waiting = (page) => page.getByRole("status").getByText("Still waiting for the server");

test("a session that is slow: the page says that it waits, then is there", { skip }, () =>
  on("metrics", { delays: { session: 4_000 } }, async (page) => {
    await waiting(page).waitFor();
    // The bar that came with the document is still there, so the page is not blank before, either.
    assert.ok(await page.locator(".top.first").isVisible());
    await page.locator(".figures").waitFor();
    assert.equal(await waiting(page).count(), 0);
    assert.equal(await page.locator(".top.first").isVisible(), false);
  }, { rests: false }));

test("a session that never comes: an error after the patience, and another try", { skip }, () =>
  on("metrics", { delays: { session: NEVER } }, async (page, fake) => {
    await waiting(page).waitFor();
    await page.getByRole("alert").getByText("The server did not answer in time").waitFor();
    // Trying again is seen, too.
    await page.getByRole("button", { name: "Try again" }).click();
    await waiting(page).waitFor();
    await page.getByRole("alert").waitFor();
    fake.scenario = {};
    await page.getByRole("button", { name: "Try again" }).click();
    await page.locator(".figures").waitFor();
  }, { rests: false, prepare: hurried(6_000) }));

test("counts that were asked for early and never come are an error with another try", { skip }, () =>
  on("metrics", { delays: { metrics: NEVER } }, async (page, fake) => {
    await page.getByRole("alert").getByText("The server did not answer in time").waitFor();
    fake.scenario = {};
    await page.getByRole("button", { name: "Try again" }).click();
    await page.locator(".figures").waitFor();
  }, { rests: false, prepare: hurried(1_500) }));

test("a session that fails after signing in is told", { skip }, () =>
  on("signin", { session: { state: "signedOut" } }, async (page, fake) => {
    await page.getByLabel("User").fill("ops");
    await page.getByLabel("Password").fill("correct horse battery");
    fake.scenario = { session: { state: "signedOut" }, faults: { session: "drop" } };
    await page.keyboard.press("Enter");
    await page.getByRole("alert").getByText("The server cannot be reached").waitFor();
    fake.scenario = {};
    await page.getByRole("button", { name: "Try again" }).click();
    await page.locator(".figures").waitFor();
  }));

/** What stands where a script is missing; `again` is there once the window was loaded again. */
async function missing(page, fake, again) {
  const failed = page.getByRole("alert").filter({ hasText: "This could not be loaded" });
  await failed.waitFor();
  assert.ok(await failed.evaluate((element) => {
    const box = element.getBoundingClientRect();
    return box.top >= 0 && box.bottom <= innerHeight + 1;
  }), "it is in sight");
  fake.scenario = {};
  await failed.getByRole("button", { name: "Reload" }).click();
  await again.waitFor();
}

test("without the script of the door there is no blank page", { skip }, () =>
  on("signin", { session: { state: "signedOut" }, missing: /door-/ }, (page, fake) => missing(page, fake, page.locator(".figures"))));

test("without the script of a page", { skip }, () => on("spaces", { missing: /spaces-/ }, (page, fake) => missing(page, fake, page.getByRole("button", { name: "Change" }).first())));

test("without the script of the tables", { skip }, () => on("metrics", { missing: /tables-/ }, async (page, fake) => {
  // The figures and the chart are there all the same.
  assert.ok(await page.locator(".figures").isVisible());
  await page.getByRole("alert").scrollIntoViewIfNeeded();
  await missing(page, fake, page.locator(".table"));
}));

test("without the script of the picker its button does not do nothing", { skip }, () =>
  on("metrics", { missing: /picker-/ }, async (page, fake) => {
    await page.locator("#numbers-value").click();
    await missing(page, fake, page.locator(".figures"));
  }));

test("without the script of the explanation its button does not do nothing", { skip }, () =>
  on("metrics?view=intervals", { missing: /explanation-/ }, async (page, fake) => {
    await page.getByRole("button", { name: /^Explain / }).nth(2).click();
    await missing(page, fake, page.locator(".figures"));
  }));

test("a session that ends without the script of the door", { skip }, () =>
  on("metrics", { missing: /door-/ }, async (page, fake) => {
    fake.scenario.faults = { metrics: { status: 401, code: "NotSignedIn", message: "" } };
    await page.getByLabel("Range").selectOption("31d");
    await missing(page, fake, page.locator(".figures"));
  }));

test("a space of more numbers than are listed says so, and how to see the others", { skip }, () =>
  on("numbers", { numbers: 1_200 }, async (page) => {
    const note = page.getByRole("status").filter({ hasText: "The first 1,000 of 1,200 are listed" });
    await note.waitFor();
    const find = page.getByLabel("Find a number");
    await find.fill("15550100107");
    await eventually(async () => assert.equal(await page.locator("tbody tr").count(), 1));
    assert.equal(await note.getByRole("link").count(), 0);
    await find.fill("+1 555 999 0000");
    await note.getByRole("link", { name: "Metrics of +15559990000" }).click();
    await page.waitForURL(/metrics\?space=293483938849493&numbers=15559990000$/);
  }));

test("a space whose numbers are all listed says nothing of others", { skip }, () =>
  on("numbers", { numbers: 1_000 }, async (page) => {
    await settled(page);
    await page.locator("tbody tr").first().waitFor();
    assert.equal(await page.getByText(/^The first /).count(), 0);
  }));

for (const [what, program, why] of [["ends at once", "/bin/false", /ended by itself \(1\)/], ["cannot be started", "/nowhere/chromium", /could not start \/nowhere\/chromium: .*ENOENT/]]) {
  test(`a browser that ${what} is told as such and leaves nothing`, async () => {
    const { TMPDIR } = process.env;
    const own = mkdtempSync(join(tmpdir(), "chatmetric-robust-"));
    const fake = await fakeServer({});
    process.env.TMPDIR = own;
    try {
      await assert.rejects(() => visited(fake, "metrics", program), why);
      assert.deepEqual(readdirSync(own), []);
    } finally {
      if (TMPDIR === undefined) delete process.env.TMPDIR;
      else process.env.TMPDIR = TMPDIR;
      rmSync(own, { recursive: true, force: true });
      await fake.close();
    }
  });
}
