// Backups as the console of the real program shows them: made by hand beside the server, by a
// schedule, and by one that fails. How a backup is made is no matter of these tests.
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { launch } from "./browser.mjs";
import { settled } from "./pages.mjs";
import { enter, run, serve, skip } from "./program.mjs";
import { shots } from "./shots.mjs";

const HOUR_MS = 3_600_000;
const options = { skip, timeout: 180_000 };
let browser;

before(async () => {
  if (!skip) browser = await launch();
});
after(() => browser?.close());

/** What the card Backup says, by name. */
async function backup(of) {
  const card = of.locator("section").filter({ has: of.getByRole("heading", { name: "Backup" }) });
  await card.waitFor();
  const pairs = await card.locator("dl").evaluate((list) => [...list.querySelectorAll("dt")].map((name) => [name.textContent, { text: name.nextElementSibling.textContent, at: name.nextElementSibling.querySelector("time")?.dateTime ?? null }]));
  return Object.fromEntries(pairs);
}

/** Looks until the state is this one. */
async function state(of, endpoint, wanted) {
  for (let left = 200; ; left -= 1) {
    await of.goto(`${endpoint}/console/system`);
    await settled(of);
    const said = await backup(of);
    if (said.State.text === wanted) return said;
    if (left === 0) assert.fail(`${JSON.stringify(said)} and not ${wanted}`);
  }
}

test("a backup by hand beside the server", options, async () => {
  const server = await serve();
  try {
    const { page, context, faults } = await enter(browser, server);
    const none = await state(page, server.endpoint, "none known");
    assert.equal(none.Directory.text, "none: made by hand alone");
    assert.equal(none.Newest.at, null);
    await shots(page, "system-none");
    const made = JSON.parse(run("backup", join(server.dir, "backups"), "--data-dir", server.dataDir, "-o", "json"));
    const said = await state(page, server.endpoint, "made");
    assert.equal(said.Name.text, made.id);
    assert.equal(Date.parse(said.Newest.at), made.created_ms);
    assert.equal(said["Made since the start"].text, "1");
    assert.equal(said["Failed since the start"].text, "0");
    assert.equal(said.Next.at, null, "nothing is scheduled");
    await shots(page, "system-by-hand");
    assert.deepEqual(faults, []);
    await context.close();
  } finally {
    await server.stop();
  }
});

test("a schedule of backups: place and next time", options, async () => {
  const other = await serve((dir) => `[backup]\ndir = ${JSON.stringify(join(dir, "backups"))}\nevery_hours = 6\nkeep = 3\n`);
  try {
    const entered = await enter(browser, other);
    const said = await state(entered.page, other.endpoint, "made");
    assert.equal(said.Directory.text, join(other.dir, "backups"));
    // Counted from the end of a backup, and its name is of its beginning.
    const between = Date.parse(said.Next.at) - Date.parse(said.Newest.at);
    assert.ok(between >= 6 * HOUR_MS && between < 7 * HOUR_MS, `${between} ms`);
    assert.equal(said["Made since the start"].text, "1");
    assert.equal(said["Last error"], undefined);
    await shots(entered.page, "system-schedule");
    assert.deepEqual(entered.faults, []);
    await entered.context.close();
  } finally {
    await other.stop();
  }
});

test("a schedule of backups that fails says why", options, async () => {
  const other = await serve((dir) => {
    mkdirSync(join(dir, "holidays"));
    writeFileSync(join(dir, "holidays/photo.jpg"), "x");
    return `[backup]\ndir = ${JSON.stringify(join(dir, "holidays"))}\n`;
  });
  try {
    const entered = await enter(browser, other);
    const said = await state(entered.page, other.endpoint, "failed");
    assert.match(said["Last error"].text, /holidays` is not empty and holds no backups of chatmetric; nothing was touched/);
    assert.notEqual(said["Last error"].at, null);
    assert.equal(said["Made since the start"].text, "0");
    assert.equal(said.Newest.at, null);
    assert.ok(Date.parse(said.Next.at) > Date.parse(said["Last error"].at), "it is tried again");
    await shots(entered.page, "system-failed");
    assert.deepEqual(entered.faults, []);
    await entered.context.close();
  } finally {
    await other.stop();
  }
});
