// Pictures of a page as it stands, and what may be said of any page at any width: nothing scrolls
// sideways, nothing sticks out of the window, no text is cut without a sign that it goes on.
import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** Where pictures are kept: SHOTS says, as `cargo xtask` does. */
export const folder = process.env.SHOTS ?? join(dirname(fileURLToPath(import.meta.url)), "shots");
const WIDTHS = [390, 1280];

/** Runs in the page. */
function misfits() {
  const out = [];
  const wide = document.documentElement.scrollWidth - document.documentElement.clientWidth;
  if (wide > 0) out.push(`the page scrolls ${wide} px sideways`);
  const name = (element) => `${element.tagName.toLowerCase()}.${element.className} "${element.textContent.slice(0, 40)}"`;
  const scrolls = (element) => /auto|scroll/.test(getComputedStyle(element).overflowX);
  const within = (element, is) => {
    for (let up = element; up; up = up.parentElement) if (is(up)) return true;
    return false;
  };
  for (const element of document.querySelectorAll("body *")) {
    if (element.closest("svg, canvas") || element.closest(".visually-hidden")) continue;
    if (!element.checkVisibility({ visibilityProperty: true })) continue;
    const box = element.getBoundingClientRect();
    if (box.width === 0 || box.height === 0) continue;
    if ((box.right > innerWidth + 1 || box.left < -1) && !within(element.parentElement, scrolls) && !within(element, (up) => getComputedStyle(up).position === "fixed" || up.classList.contains("skip"))) out.push(`sticks out: ${name(element)}`);
    const style = getComputedStyle(element);
    if (/hidden|clip/.test(style.overflowX) && style.textOverflow !== "ellipsis" && element.scrollWidth > element.clientWidth + 1 && element.innerText?.trim()) out.push(`cut: ${name(element)}`);
  }
  return out;
}

/** Asserts that the page fits its window as it is now. */
export async function fits(page, what) {
  assert.deepEqual(await page.evaluate(misfits), [], what);
}

/** Pictures at both widths in both themes; the page must fit each. */
export async function shots(page, name) {
  mkdirSync(folder, { recursive: true });
  const before = page.viewportSize();
  for (const width of WIDTHS) {
    await page.setViewportSize({ width, height: 900 });
    for (const colorScheme of ["light", "dark"]) {
      await page.emulateMedia({ colorScheme });
      await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))));
      // A dialog is as high as the window; of pages all is of interest.
      const fullPage = (await page.locator("dialog[open]").count()) === 0;
      await page.screenshot({ path: join(folder, `${name}-${width}-${colorScheme}.png`), fullPage, animations: "disabled" });
    }
    await fits(page, `${name} at ${width}`);
  }
  await page.emulateMedia({ colorScheme: "light" });
  await page.setViewportSize(before);
}
