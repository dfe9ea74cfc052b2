// A server that answers the console's contract with made-up data, under the real security headers:
// for states that are hard to reach with a real one. It counts nothing and checks no password.
import { createHash } from "node:crypto";
import { createServer } from "node:http";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { PROBE } from "./alone.mjs";
import { answersOf } from "./answers.mjs";

export const dist = join(dirname(fileURLToPath(import.meta.url)), "../../crates/chatmetric/console-dist");
export const TYPES = { html: "text/html; charset=utf-8", js: "text/javascript; charset=utf-8", txt: "text/plain; charset=utf-8" };
const HEADERS = {
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cross-origin-opener-policy": "same-origin",
};
/** A hash for each block between two tags, as the real server allows them. */
const hashes = (html, tag) => [...html.matchAll(new RegExp(`<${tag}>(.*?)</${tag}>`, "gs"))].map(([, block]) => ` 'sha256-${createHash("sha256").update(block).digest("base64")}'`).join("");

/** The headers of every answer; those of a page allow what is in it. */
export const headersOf = (html = "") => ({
  ...HEADERS,
  "content-security-policy": `default-src 'none'; script-src 'self'${hashes(html, "script")}; style-src 'self'${hashes(html, "style")}; img-src 'self' data:; font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'`,
});

/** A delay: the call is taken and never answered. */
export const NEVER = Number.POSITIVE_INFINITY;

/** Large answers that were made before: the real server has its counts ready, too. */
const made = new Map();
/** Files of the console, compressed once as the real server does. */
const built = new Map();

/** Starts one; `scenario` may be changed while it runs. */
export async function fakeServer(scenario = {}) {
  const fake = { scenario, calls: [], requests: [], streams: new Set() };
  const server = createServer((request, response) => {
    fake.requests.push({ path: request.url, atMs: Date.now() });
    const url = new URL(request.url, "http://fake");
    const put = (status, type, bytes, zip, more) => {
      response.writeHead(status, { ...headersOf(), "content-type": type, ...(zip ? { "content-encoding": "gzip" } : {}), ...more });
      response.end(bytes);
    };
    const send = (status, type, body, more = {}) => {
      const bytes = Buffer.from(body);
      const zip = bytes.length > 1_000 && /gzip/.test(request.headers["accept-encoding"] ?? "");
      put(status, type, zip ? gzipSync(bytes, { level: 1 }) : bytes, zip, more);
    };
    /** Waits as long as the scenario says; true when there is to be no answer at all. */
    const slow = async (name, otherwiseMs) => {
      const delayMs = fake.scenario.delays?.[name] ?? otherwiseMs;
      if (delayMs === NEVER) return true;
      // What nobody waits for any more keeps no process.
      if (delayMs) await new Promise((resolve) => setTimeout(resolve, delayMs).unref());
      return false;
    };
    const chunks = [];
    request.on("data", (chunk) => chunks.push(chunk));
    request.on("end", async () => {
      const path = url.pathname;
      if (fake.scenario.probed) {
        if (path === "/console/probe.js") return send(200, TYPES.js, PROBE);
        if (path === "/console/probe") return send(200, TYPES.txt, fake.scenario.probed(JSON.parse(Buffer.concat(chunks))));
      }
      if (!path.startsWith("/console/api/")) {
        if (request.method === "POST" && path === "/") return send(200, "application/json", '{"RequestId":"1612C226-E271-4CFE-9F18-4066D0000000","Code":"OK","Message":"None","Data":[],"AccessDeniedDetail":"NONE"}', { "x-acs-request-id": "1612C226-E271-4CFE-9F18-4066D0000000" });
        if (!path.startsWith("/console")) return send(302, "text/plain", "", { location: "/console/" });
        const name = path.replace(/^\/console\/?/, "");
        if (fake.scenario.missing?.test(name)) return send(404, "application/json", '{"code":"NotFound","message":"no such file","requestId":"F"}');
        if (name === "third-party.txt") {
          if (await slow(name)) return undefined;
          const fault = fake.scenario.faults?.[name];
          if (fault) return send(fault.status, TYPES.txt, fault.message);
        }
        const file = join(dist, name.includes(".") ? name : "index.html");
        if (!existsSync(file)) return send(404, "application/json", '{"code":"NotFound","message":"no such file","requestId":"F"}');
        const kept = name.startsWith("assets/") ? "public, max-age=31536000, immutable" : "no-cache";
        const type = TYPES[file.split(".").pop()];
        if (!built.has(file)) {
          const text = readFileSync(file, "utf8");
          built.set(file, { text, zipped: gzipSync(text, { level: 9 }), headers: headersOf(type === TYPES.html ? text : "") });
        }
        const { text, zipped, headers } = built.get(file);
        if (fake.scenario.probed && type === TYPES.html) return send(200, type, text.replace("</head>", '<script async src="/console/probe.js"></script></head>'), headers);
        return put(200, type, zipped, true, { ...headers, "cache-control": kept });
      }
      const call = path.slice("/console/api/".length);
      fake.calls.push(`${request.method} ${call}${url.search}`);
      if (call === "live") {
        response.writeHead(200, { ...headersOf(), "content-type": "text/event-stream" });
        response.write(": alive\n\n");
        fake.streams.add(response);
        response.on("close", () => fake.streams.delete(response));
        return undefined;
      }
      // The session is as slow as the rest only where a scenario says so.
      if (await slow(call, call === "session" ? 0 : fake.scenario.delayMs)) return undefined;
      // Signing in works once there is somebody to sign in; until then nothing else does.
      const out = fake.scenario.session?.state === "signedOut";
      if (out && call === "sign-in" && fake.scenario.opens) fake.scenario = {};
      else if (out && !/^(session|sign-in|set-password|setup)$/.test(call)) return send(401, "application/json", '{"code":"NotSignedIn","message":"","requestId":"F"}');
      const fault = fake.scenario.faults?.[call.split("/")[0]];
      if (fault === "drop") return response.destroy();
      if (fault) return send(fault.status, "application/json", JSON.stringify({ requestId: "9C2E4A10-7B1D-4F0B-8A55-0D6C9E3B7F21", message: "", ...fault }));
      const body = Buffer.concat(chunks).toString();
      // Its lines come one by one, as a test wants them.
      if (call === "import" && fake.scenario.imports) return fake.scenario.imports(response.writeHead(200, { ...headersOf(), "content-type": "application/x-ndjson" }));
      if (call === "metrics" && fake.scenario.large) {
        const key = `${url.search} ${fake.scenario.numbers}`;
        if (!made.has(key)) made.set(key, gzipSync(JSON.stringify(answersOf(fake.scenario, "GET", call, url.searchParams, body)), { level: 1 }));
        return put(200, "application/json", made.get(key), true, {});
      }
      const answer = answersOf(fake.scenario, request.method, call, url.searchParams, body);
      if (answer === undefined) return send(404, "application/json", '{"code":"NotFound","message":"there is no such call","requestId":"F"}');
      if (answer === null) return send(204, "application/json", "");
      if (typeof answer === "string") return send(200, "text/plain", answer);
      return send(answer.status ?? 200, "application/json", JSON.stringify(answer.body ?? answer));
    });
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  fake.url = `http://127.0.0.1:${server.address().port}`;
  fake.say = (changes) => {
    for (const stream of fake.streams) stream.write(`event: buckets\ndata: ${JSON.stringify({ atMs: fake.scenario.nowMs, changes })}\n\n`);
  };
  fake.close = () => new Promise((resolve) => {
    server.closeAllConnections();
    server.close(resolve);
  });
  return fake;
}
