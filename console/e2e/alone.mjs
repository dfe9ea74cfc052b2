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
/** Of what a browser says, the end is told when it dies. */
const SAID_MAX = 2_000;

/** What the page runs beside its own scripts: tells when the first chart was drawn, half a second later. */
export const PROBE = `
const told = () => ({
  beganMs: performance.timeOrigin,
  firstChart: performance.getEntriesByName("first-chart")[0].startTime,
  firstText: performance.getEntriesByName("first-contentful-paint")[0]?.startTime,
  blocked: long.reduce((sum, task) => sum + task.duration - 50, 0),
});
// What takes longer than 50 ms keeps people waiting for the rest.
const long = [];
new PerformanceObserver((list) => long.push(...list.getEntries())).observe({ type: "longtask", buffered: true });
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
 * A browser that dies is an error that tells why, and leaves nothing behind.
 */
export async function visited(fake, path, program = executable) {
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
  const browser = spawn(program, [...ARGS, ...window], { stdio: ["ignore", "ignore", "pipe"], detached: true });
  let said = "";
  browser.stderr.on("data", (chunk) => (said = (said + chunk).slice(-SAID_MAX)));
  // It may not start, or end by itself; then there is nothing to wait for.
  const gone = new Promise((resolve) => {
    browser.once("error", (error) => resolve(() => `could not start ${program}: ${error.message}`));
    browser.once("exit", (code, signal) => resolve(() => `the browser ended by itself (${signal ?? code}): ${said}`));
  });
  try {
    return await Promise.race([
      done,
      gone.then(async (why) => {
        // Its last words may still be on their way.
        await new Promise((resolve) => setTimeout(resolve, 100));
        throw new Error(why());
      }),
    ]);
  } finally {
    try {
      // Its processes are of one group.
      if (browser.pid) process.kill(-browser.pid, "SIGKILL");
    } catch (error) {
      if (error.code !== "ESRCH") throw error;
    } finally {
      await gone;
      browser.stderr?.destroy();
      elsewhere.close();
      elsewhere.closeAllConnections();
      rmSync(profile, { recursive: true, force: true, maxRetries: 10 });
    }
  }
}
