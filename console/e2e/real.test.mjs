// The console of the real server: a throw-away instance of `chatmetric demo`, signed in as a person
// would be, every page looked at. `CHATMETRIC` names the program; without one the test is skipped.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { launch, open } from "./browser.mjs";
import { settled } from "./pages.mjs";
import { program, skip } from "./program.mjs";
import { folder } from "./shots.mjs";

const PAGES = ["metrics", "metrics?range=31d&show=numbers", "metrics?range=90d&compare=1", "metrics?range=31d&view=hours", "explorer", "signature", "ingest", "ingest/quarantine", "ingest/unclaimed", "ingest/import", "numbers", "spaces", "webhooks", "access/users", "access/groups", "access/keys", "access/policies", "access/roles", "access/isv", "accounts", "system", "alerts", "reconcile", "audit", "account", "third-party"];
const START_MS = 120_000;

let demo;
let browser;
let endpoint;
let user;
let password;

before(async () => {
  if (skip) return;
  mkdirSync(folder, { recursive: true });
  demo = spawn(program, ["demo", "--listen", "127.0.0.1:0", "--events", "40000"], { stdio: ["ignore", "pipe", "inherit"] });
  let said = "";
  await new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`the demo did not start: ${said}`)), START_MS);
    demo.on("exit", () => reject(new Error(`the demo ended: ${said}`)));
    demo.stdout.on("data", (chunk) => {
      said += chunk;
      const found = /console\s+(http\S+)\/console\/[\s\S]*user (\S+), password (\S+)\s/.exec(said);
      if (!found) return;
      clearTimeout(timer);
      [, endpoint, user, password] = found;
      resolve();
    });
  });
  browser = await launch();
});
after(async () => {
  await browser?.close();
  demo?.kill("SIGINT");
});

test("signing in, every page, running an operation, signing out", { skip, timeout: 300_000 }, async () => {
  const { page, context, faults } = await open(browser, endpoint);
  await page.goto(`${endpoint}/console/`);
  await page.getByLabel("User").fill(user);
  await page.getByLabel("Password").fill("wrong wrong wrong");
  await page.keyboard.press("Enter");
  await page.getByText("Account, user or password is wrong").waitFor();
  await page.getByLabel("Password").fill(password);
  await page.keyboard.press("Enter");
  await page.locator(".figures").waitFor();
  const cookie = (await context.cookies()).find((one) => /cm_session/.test(one.name));
  assert.ok(cookie?.httpOnly);
  const seen = [];
  for (const path of PAGES) {
    await page.goto(`${endpoint}/console/${path}`);
    await settled(page);
    const failed = await page.locator(".blank.error, .blank.denied").allTextContents();
    if (failed.length > 0) seen.push(`${path}: ${failed.join(" ")}`);
    await page.screenshot({ path: join(folder, `real-${path.replace(/\W+/g, "-")}.png`) });
  }
  await page.goto(`${endpoint}/console/explorer`);
  await page.getByRole("button", { name: "Run", exact: true }).click();
  await page.getByText(/^200/).waitFor();
  await page.screenshot({ path: join(folder, "real-run.png") });
  await page.locator(".menu summary").click();
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByRole("heading", { name: "Sign in" }).waitFor();
  assert.deepEqual(seen, []);
  assert.deepEqual(faults, []);
  await context.close();
});
