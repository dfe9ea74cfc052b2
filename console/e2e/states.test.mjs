// Every page in every state, light and dark: axe finds nothing, the console is silent under the real
// headers, nothing scrolls sideways at any width. Pictures are kept to be looked at.
import assert from "node:assert/strict";
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { NOW } from "./answers.mjs";
import { executable, launch, open } from "./browser.mjs";
import { fakeServer } from "./fake.mjs";
import { STATES, settled } from "./pages.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const axeSource = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
const WIDTHS = [360, 640, 768, 1360];
const only = process.env.ONLY;
let browser;

const skip = executable ? false : "there is no Chromium";
before(async () => {
  if (skip) return;
  mkdirSync(join(here, "shots"), { recursive: true });
  browser = await launch();
});
after(() => browser?.close());

for (const [name, path, scenario, act] of STATES) {
  if (only && !new RegExp(only).test(name)) continue;
  test(name, { skip }, async () => {
    const fake = await fakeServer(scenario);
    const { page, context, faults } = await open(browser, fake.url, { nowMs: NOW });
    try {
      await page.goto(`${fake.url}/console/${path}`);
      if (scenario.delayMs) await page.waitForTimeout(300);
      else await settled(page);
      await act?.(page);
      if (!scenario.delayMs) await settled(page);
      for (const width of WIDTHS) {
        await page.setViewportSize({ width, height: width === 1360 ? 900 : 800 });
        await page.waitForTimeout(30);
        const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
        assert.ok(wide <= 0, `scrolls ${wide} px sideways at ${width}`);
        if (width === 360) await page.screenshot({ path: join(here, "shots", `${name}-360.png`), fullPage: true });
      }
      for (const theme of ["light", "dark"]) {
        await page.emulateMedia({ colorScheme: theme });
        await page.waitForTimeout(60);
        await page.screenshot({ path: join(here, "shots", `${name}-${theme}.png`) });
        // What the browser refused until here is the page's fault; what comes now may be axe's.
        assert.deepEqual(faults, []);
        await page.evaluate(axeSource);
        const { violations } = await page.evaluate((values) => globalThis.axe.run({ runOnly: { type: "tag", values } }), RULES);
        const told = violations.map((violation) => `${theme} ${violation.id}: ${violation.nodes.slice(0, 3).map((node) => `${node.target.join(" ")} (${node.failureSummary?.split("\n")[1]?.trim()})`).join("; ")}`);
        assert.deepEqual(told, []);
        faults.length = 0;
      }
    } finally {
      await context.close();
      await fake.close();
    }
  });
}
