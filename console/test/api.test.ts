// The client's patience: an answer that the first script asked for has as long as any other, and
// ends when whoever takes it has left.
import assert from "node:assert/strict";
import { test } from "node:test";
import { call } from "../src/api.ts";

const never = (): Promise<never> => new Promise(() => undefined);
const early = (path: string, answer: Promise<[Response, string]>): void => {
  (globalThis as unknown as { window: { early: Record<string, Promise<[Response, string]>> } }).window = { early: { [path]: answer } };
};
/** Runs `work` while no answer may take longer than a moment. */
async function impatient<T>(work: () => Promise<T>): Promise<T> {
  const real = AbortSignal.timeout;
  // Node's own would not keep the process until then.
  AbortSignal.timeout = () => {
    const over = new AbortController();
    setTimeout(() => over.abort(new DOMException("", "TimeoutError")), 20);
    return over.signal;
  };
  try {
    return await work();
  } finally {
    AbortSignal.timeout = real;
  }
}

test("an answer that came early is given once", async () => {
  early("session", Promise.resolve([new Response(), '{"state":"setup"}']));
  assert.deepEqual(await call("GET", "session"), { ok: true, data: { state: "setup" } });
  assert.equal(Object.keys(window.early ?? {}).length, 0);
});

test("an early answer that never comes is a time-out", async () => {
  early("session", never());
  const result = await impatient(() => call("GET", "session"));
  assert.equal(result.ok ? "" : `${result.error.kind} ${result.error.code}`, "offline Timeout");
});

test("an early answer ends with the call that took it", async () => {
  early("metrics", never());
  const abort = new AbortController();
  const asked = call("GET", "metrics", undefined, abort.signal);
  abort.abort();
  const result = await asked;
  assert.equal(result.ok ? "" : result.error.kind, "offline");
});

test("an early answer that failed is told as such", async () => {
  early("session", Promise.reject(new TypeError("failed to fetch")));
  const result = await call("GET", "session");
  assert.equal(result.ok ? "" : `${result.error.kind} ${result.error.code}`, "offline Offline");
});
