// Whole flows by the keyboard alone: no click, and the focus goes nowhere but by keys. Wherever it
// is, it can be seen.
import assert from "node:assert/strict";
import { test } from "node:test";
import { browserHere, eventually, skip } from "./on.mjs";

const on = browserHere();
const TABS_MAX = 60;

const isFocused = (locator) => locator.evaluate((element) => element === document.activeElement);

/** Presses Tab until `locator` has the focus, which must show. */
async function tabTo(page, locator, key = "Tab") {
  await locator.waitFor();
  for (let left = TABS_MAX; !(await isFocused(locator)); left -= 1) {
    assert.ok(left > 0, `${locator} is not reached by ${key}`);
    await page.keyboard.press(key);
  }
  const seen = await locator.evaluate((element) => {
    const { outlineStyle, outlineWidth } = getComputedStyle(element);
    return element.matches(":focus-visible") && outlineStyle !== "none" && Number.parseFloat(outlineWidth) > 0;
  });
  assert.ok(seen, `the focus on ${locator} cannot be seen`);
}

/** Goes to a field and writes into it, over what is there. */
async function write(page, locator, text) {
  await tabTo(page, locator);
  await page.keyboard.press("Control+A");
  await page.keyboard.type(text);
}

async function press(page, locator) {
  await tabTo(page, locator);
  await page.keyboard.press("Enter");
}

test("by keyboard alone: from the door to Metrics", { skip }, () =>
  on("metrics?range=31d", { session: { state: "signedOut" }, opens: true }, async (page) => {
    // The first field that has to be filled in has the focus.
    await eventually(async () => assert.ok(await isFocused(page.getByLabel("User"))));
    await page.keyboard.type("ops");
    await write(page, page.getByLabel("Password"), "correct horse battery");
    await press(page, page.getByRole("button", { name: "Sign in" }));
    await page.locator(".figures").waitFor();
    assert.match(page.url(), /metrics\?range=31d$/);
    // And on: past the bar to the page, and to another one.
    await press(page, page.getByRole("link", { name: "Skip to the page" }));
    await eventually(async () => assert.equal(await page.evaluate(() => document.activeElement.id), "main"));
    await tabTo(page, page.locator(".chart"));
    await page.keyboard.press("End");
    await eventually(async () => assert.match(await page.locator(".chart [aria-live]").textContent(), /Sent/));
    await press(page, page.getByRole("link", { name: "Webhooks", exact: true }));
    await page.getByRole("heading", { name: "Webhooks" }).waitFor();
  }));

test("by keyboard alone: a webhook, from the choice of the sender to its first event", { skip }, () =>
  on("webhooks", {}, async (page, fake) => {
    const add = page.getByRole("button", { name: "Set up a webhook" });
    await press(page, add);
    const dialog = page.getByRole("dialog");
    await dialog.waitFor();
    const sender = dialog.getByLabel("Sender");
    await tabTo(page, sender);
    await page.keyboard.press("ArrowDown");
    await eventually(async () => assert.equal(await sender.inputValue(), "cams"));
    await page.keyboard.press("ArrowUp");
    await eventually(async () => assert.equal(await sender.inputValue(), "whatsapp"));
    await write(page, dialog.getByLabel("Name"), "whatsapp-eu");
    await write(page, dialog.getByLabel("App secret"), "0123456789abcdef0123456789abcdef");
    await press(page, dialog.getByRole("button", { name: "Continue" }));
    await dialog.getByText("Verify token", { exact: true }).waitFor();
    // What is shown once is not left by accident.
    await page.keyboard.press("Escape");
    assert.ok(await dialog.isVisible());
    await tabTo(page, dialog.getByRole("button", { name: "Copy Verify token" }));
    await press(page, dialog.getByRole("button", { name: "Continue" }));
    await dialog.getByText("The first event has arrived").waitFor();
    await press(page, dialog.getByRole("button", { name: "Finish", exact: true }));
    await dialog.waitFor({ state: "detached" });
    await eventually(async () => assert.ok(await isFocused(add), "the focus comes back"));
    assert.ok(fake.calls.includes("POST webhooks"));
  }));

test("by keyboard alone: an access key, whose secret is shown once", { skip }, () =>
  on("access/keys", { keys: 1 }, async (page) => {
    const user = page.getByLabel("User", { exact: true });
    await tabTo(page, user);
    await page.keyboard.press("ArrowDown");
    await eventually(async () => assert.equal(await user.inputValue(), "finance"));
    const made = page.waitForRequest((request) => request.url().endsWith("/console/api/call") && /CreateAccessKey/.test(request.postData() ?? ""));
    const add = page.getByRole("button", { name: "New AccessKey" });
    await eventually(async () => assert.ok(await add.isEnabled()));
    await press(page, add);
    assert.match((await made).postData(), /finance/);
    const dialog = page.getByRole("dialog");
    await dialog.getByText("exampleSecret0123456789abcdefgh").waitFor();
    await page.keyboard.press("Escape");
    assert.ok(await dialog.isVisible(), "a secret is not left by accident");
    await tabTo(page, dialog.getByRole("button", { name: "Copy AccessKey secret" }));
    // The focus stays in the dialog, both ways round.
    for (const key of ["Tab", "Shift+Tab"]) {
      for (let turn = 0; turn < 8; turn += 1) {
        await page.keyboard.press(key);
        assert.ok(await page.evaluate(() => document.activeElement === document.body || document.activeElement.closest("dialog") !== null));
      }
    }
    await press(page, dialog.getByRole("button", { name: "I have kept it" }));
    await dialog.waitFor({ state: "detached" });
    assert.equal(await page.getByText("exampleSecret0123456789abcdefgh").count(), 0);
    // On from where one was, and not from the top of the window.
    await eventually(async () => assert.ok(await page.evaluate(() => document.activeElement.closest("main") !== null), "the focus comes back"));
  }));
