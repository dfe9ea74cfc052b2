// Chromium as these tests use it. What is here knows no page.
import { chromium } from "playwright-core";
import { existsSync } from "node:fs";

const PATHS = [process.env.CHROMIUM, "/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
export const executable = PATHS.find((path) => path && existsSync(path));
/** How the browser is started. */
export const ARGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage"];

export const launch = () => chromium.launch({ executablePath: executable, args: ARGS });

/** A page that notes every console error and every request to a third party. */
export async function open(browser, base, { theme = "light", width = 1360, height = 900, bypassCSP = false, nowMs, ...more } = {}) {
  const context = await browser.newContext({ viewport: { width, height }, colorScheme: theme, bypassCSP, reducedMotion: "reduce", timezoneId: "America/New_York", ...more });
  const page = await context.newPage();
  if (nowMs) await page.clock.setFixedTime(nowMs);
  const faults = [];
  page.on("console", (message) => {
    // A refused call is logged by the browser itself; the page shows it.
    if (message.type() === "error" && !/Failed to load resource/.test(message.text())) faults.push(message.text());
  });
  page.on("pageerror", (error) => faults.push(String(error)));
  page.on("dialog", (dialog) => {
    faults.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on("request", (request) => {
    if (!request.url().startsWith(base) && !/^(data|blob):/.test(request.url())) faults.push(`third party: ${request.url()}`);
  });
  return { page, context, faults };
}
