// The real program for the browser tests: where it is, an instance of it with a directory of its
// own, and how a person signs in. What is here knows no page but that one.
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { executable, open } from "./browser.mjs";
import { TYPES, dist, headersOf } from "./fake.mjs";

const here = dirname(fileURLToPath(import.meta.url));
export const program = process.env.CHATMETRIC ?? join(here, "../../target/debug/chatmetric");
export const skip = !executable ? "there is no Chromium" : !existsSync(program) ? "there is no chatmetric: set CHATMETRIC" : false;
const PASSWORD = "correct horse battery staple";
const START_MS = 120_000;

/** `chatmetric serve` with data, log and configuration in a directory that goes with it. */
export async function serve(configure = () => "") {
  const dir = mkdtempSync(join(tmpdir(), "chatmetric-e2e-"));
  const at = (name) => join(dir, name);
  writeFileSync(at("password"), PASSWORD);
  writeFileSync(at("chatmetric.toml"), configure(dir));
  const child = spawn(program, ["serve", "--config", at("chatmetric.toml"), "--data-dir", at("data"), "--listen", "127.0.0.1:0", "--admin-password-file", at("password")], { stdio: ["ignore", "pipe", "pipe"] });
  let log = "";
  child.stderr.on("data", (chunk) => (log += chunk));
  const ended = new Promise((resolve) => child.on("exit", resolve));
  const stop = async () => {
    child.kill("SIGTERM");
    await ended;
    rmSync(dir, { recursive: true, force: true });
  };
  let said = "";
  try {
    const endpoint = await new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`the server did not start: ${log}`)), START_MS);
      child.on("error", reject);
      child.on("exit", () => reject(new Error(`the server ended: ${log}`)));
      child.stdout.on("data", (chunk) => {
        said += chunk;
        const found = /"listening":"([^"]+)"/.exec(said);
        if (!found) return;
        clearTimeout(timer);
        resolve(found[1]);
      });
    });
    return { endpoint, dir, dataDir: at("data"), stop, log: () => log };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Runs a command of the program to its end; gives what it printed. */
export function run(...args) {
  const { status, stdout, stderr } = spawnSync(program, args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`chatmetric ${args[0]} ended with ${status}: ${stderr}`);
  return stdout;
}

/** With FROM_DIST=1 the built files are shown and not those in the program: for work on the console. */
async function fromDist(page, endpoint) {
  if (process.env.FROM_DIST !== "1") return;
  await page.route(`${endpoint}/console/**`, (route) => {
    const name = new URL(route.request().url()).pathname.replace(/^\/console\//, "");
    if (name.startsWith("api/")) return route.continue();
    const file = join(dist, name.includes(".") ? name : "index.html");
    if (!existsSync(file)) return route.fulfill({ status: 404, body: "" });
    const type = TYPES[file.split(".").pop()];
    const body = readFileSync(file, "utf8");
    return route.fulfill({ status: 200, headers: { ...headersOf(type === TYPES.html ? body : ""), "content-type": type }, body });
  });
}

/** Signs in as the first user. */
async function signIn(page, endpoint) {
  await fromDist(page, endpoint);
  await page.goto(`${endpoint}/console/signin`);
  await page.getByLabel("User").fill("admin");
  await page.getByLabel("Password").fill(PASSWORD);
  await page.keyboard.press("Enter");
  await page.locator(".nav a").first().waitFor();
}

/** A page of a server, signed in; it may use the clipboard. */
export async function enter(browser, server) {
  const opened = await open(browser, server.endpoint, { width: 1280, permissions: ["clipboard-read", "clipboard-write"], acceptDownloads: true });
  await signIn(opened.page, server.endpoint);
  return opened;
}
