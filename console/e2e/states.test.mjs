// Every page in every state, light and dark: axe finds nothing, the console is silent under the real
// headers, nothing scrolls sideways at any width. Pictures are kept to be looked at.
import assert from "node:assert/strict";
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { NOW } from "./answers.mjs";
import { executable, launch, open } from "./browser.mjs";
import { fakeServer } from "./fake.mjs";
import { FAULTS, STATES, settled, shown } from "./pages.mjs";
import { folder } from "./shots.mjs";

const axeSource = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
/** The last one is that of the pictures. */
const WIDTHS = [360, 640, 768, 1360];
/** A window of the largest kind, for one state of each page. */
const BROAD = 2_560;
const BRIEF_WIDTHS = [360, 1360];
const only = process.env.ONLY;
/** The first state of each page and tab. */
const broad = new Set([...new Map([...STATES].reverse().map(([name, path]) => [path.replace(/[?#].*/, ""), name])).values()]);
let browser;

const skip = executable ? false : "there is no Chromium";
before(async () => {
  if (skip) return;
  mkdirSync(folder, { recursive: true });
  browser = await launch();
});
after(() => browser?.close());

/** What axe finds in the page as it is. */
async function violationsOf(page) {
  await page.evaluate(axeSource);
  const { violations } = await page.evaluate((values) => globalThis.axe.run({ runOnly: { type: "tag", values } }), RULES);
  return violations.map((violation) => `${violation.id}: ${violation.nodes.slice(0, 3).map((node) => `${node.target.join(" ")} (${node.failureSummary?.split("\n")[1]?.trim()})`).join("; ")}`);
}

async function fitsAt(page, width) {
  await page.setViewportSize({ width, height: width >= 1360 ? 900 : 800 });
  await page.waitForTimeout(30);
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  assert.ok(wide <= 0, `scrolls ${wide} px sideways at ${width}`);
}

/** Opens a state, looks whether it is the one that is named, and gives the page. */
async function reached([name, path, scenario, act], look) {
  const fake = await fakeServer(scenario);
  const { page, context, faults } = await open(browser, fake.url, { nowMs: NOW });
  // What loads for ever never settles.
  const rest = async () => /-loading$/.test(name) || (await settled(page));
  try {
    await page.goto(`${fake.url}/console/${path}`);
    await rest();
    await act?.(page);
    await rest();
    await shown(page, name);
    await look(page, faults);
  } finally {
    await context.close();
    await fake.close();
  }
}

for (const state of STATES) {
  const [name] = state;
  if (only && !new RegExp(only).test(name)) continue;
  test(name, { skip }, () =>
    reached(state, async (page, faults) => {
      if (broad.has(name)) await fitsAt(page, BROAD);
      for (const width of WIDTHS) {
        await fitsAt(page, width);
        if (width === 360) await page.screenshot({ path: join(folder, `${name}-360.png`), fullPage: true });
      }
      for (const theme of ["light", "dark"]) {
        await page.emulateMedia({ colorScheme: theme });
        await page.waitForTimeout(60);
        await page.screenshot({ path: join(folder, `${name}-${theme}.png`) });
        // What the browser refused until here is the page's fault; what comes now may be axe's.
        assert.deepEqual(faults, []);
        assert.deepEqual(await violationsOf(page), [], theme);
        faults.length = 0;
      }
    }));
}

for (const state of FAULTS) {
  const [name] = state;
  if (only && !new RegExp(only).test(name)) continue;
  test(name, { skip }, () =>
    reached(state, async (page, faults) => {
      for (const width of BRIEF_WIDTHS) await fitsAt(page, width);
      await page.screenshot({ path: join(folder, `${name}.png`) });
      assert.deepEqual(faults, []);
      assert.deepEqual(await violationsOf(page), []);
    }));
}
