// For people at work: `node look.mjs PATH [width] [theme] [scenario as JSON]` takes one picture.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { launch, open } from "./browser.mjs";
import { NOW } from "./answers.mjs";
import { fakeServer } from "./fake.mjs";
import { folder } from "./shots.mjs";

const [path = "metrics", width = "1360", theme = "light", scenario = "{}"] = process.argv.slice(2);
const fake = await fakeServer(JSON.parse(scenario));
const browser = await launch();
const { page, faults } = await open(browser, fake.url, { width: Number(width), theme, nowMs: NOW });
await page.goto(`${fake.url}/console/${path}`);
await page.waitForTimeout(900);
mkdirSync(folder, { recursive: true });
await page.screenshot({ path: join(folder, "look.png"), fullPage: process.env.FULL === "1" });
console.log(faults.join("\n"), await page.evaluate(() => performance.getEntriesByName("first-chart")[0]?.startTime));
await browser.close();
await fake.close();
