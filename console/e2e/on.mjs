// How the tests of behaviour open a page of a fake server, and how they wait. It knows no page.
import assert from "node:assert/strict";
import { after, before } from "node:test";
import { NOW } from "./answers.mjs";
import { executable, launch, open } from "./browser.mjs";
import { fakeServer } from "./fake.mjs";
import { settled } from "./pages.mjs";

export const skip = executable ? false : "there is no Chromium";

/** A browser for the tests of a file; gives what opens a page in it. */
export function browserHere() {
  let browser;
  before(async () => {
    if (!skip) browser = await launch();
  });
  after(() => browser?.close());
  /** Opens a page of a fake server, runs `body`, and finds the console silent. */
  const on = async (path, scenario, body, { prepare, rests = true, ...how } = {}) => {
    const fake = await fakeServer(scenario);
    const { page, context, faults } = await open(browser, fake.url, { nowMs: NOW, ...how });
    try {
      await prepare?.(page);
      await page.goto(`${fake.url}/console/${path}`);
      if (rests) await settled(page);
      await body(page, fake);
      assert.deepEqual(faults, []);
    } finally {
      await context.close();
      await fake.close();
    }
  };
  return Object.assign(on, { browser: () => browser });
}

/** Pages draw a moment after what was pressed: asks again until it holds. */
export async function eventually(check) {
  for (let left = 100; ; left -= 1) {
    try {
      return await check();
    } catch (error) {
      if (left === 0) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}
