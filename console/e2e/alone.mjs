// A browser that nobody looks into, as people have one: what a test asks of a page by DevTools takes
// about a third of the page's time. The page tells its times itself. It judges nothing.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ARGS, executable } from "./browser.mjs";

/** A browser does things of its own when it has just been started. */
const QUIET_MS = 3_000;
const PATIENCE_MS = 60_000;

/** What the page runs beside its own scripts: tells when the first chart was drawn, half a second later. */
export const PROBE = `
const told = () => ({
  firstChart: performance.getEntriesByName("first-chart")[0].startTime,
  firstText: performance.getEntriesByName("first-contentful-paint")[0]?.startTime,
});
const tell = () => fetch("/console/probe", { method: "POST", body: JSON.stringify(told()) })
  .then((answer) => answer.text())
  .then((next) => { if (next) location.href = next; });
new PerformanceObserver((list, observer) => {
  if (list.getEntriesByName("first-chart").length === 0) return;
  observer.disconnect();
  setTimeout(tell, 500);
}).observe({ type: "mark", buffered: true });
`;

/**
 * Opens `path` of a fake server twice, from a page of another site, in a browser with an empty profile:
 * as somebody who was never here, and in a window that was. Gives the times of both, in ms.
 */
export async function visited(fake, path) {
  const profile = mkdtempSync(join(tmpdir(), "chatmetric-alone-"));
  const times = [];
  const address = `${fake.url}/console/${path}`;
  const done = new Promise((resolve, reject) => {
    setTimeout(() => reject(new Error(`no chart within ${PATIENCE_MS} ms`)), PATIENCE_MS).unref();
    fake.scenario.probed = (told) => {
      times.push(told);
      if (times.length < 2) return address;
      resolve(times);
      return "";
    };
  });
  const elsewhere = createServer((_request, response) => {
    response.writeHead(200, { "content-type": "text/html" });
    response.end(`<!doctype html><title>elsewhere</title><script>setTimeout(() => { location.href = ${JSON.stringify(address)}; }, ${QUIET_MS})</script>`);
  });
  // Another address of this machine is another site, which has a process of its own.
  await new Promise((resolve) => elsewhere.listen(0, "127.0.0.2", resolve));
  const window = ["--headless=new", "--window-size=1360,900", `--user-data-dir=${profile}`, `http://127.0.0.2:${elsewhere.address().port}/`];
  const browser = spawn(executable, [...ARGS, ...window], { stdio: "ignore", detached: true });
  try {
    return await done;
  } finally {
    const gone = new Promise((resolve) => browser.once("exit", resolve));
    // Its processes are of one group.
    process.kill(-browser.pid, "SIGKILL");
    await gone;
    elsewhere.close();
    elsewhere.closeAllConnections();
    rmSync(profile, { recursive: true, force: true, maxRetries: 10 });
  }
}
