// The client of /console/api: one function that never throws, errors as data. It decides what kind
// of failure something is (offline, session over, denied, refused) and nothing about how it looks.
import type { Denied } from "./types.ts";

export interface Failure {
  kind: "offline" | "expired" | "denied" | "refused" | "broken";
  status: number;
  code: string;
  message: string;
  requestId: string | null;
  denied: Denied | null;
  field: string | null;
  retryAfterMs: number | null;
}
export type Result<T> = { ok: true; data: T } | { ok: false; error: Failure };

type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

/** How long an answer may take before the server counts as down. */
const PATIENCE_MS = 30_000;

const expiredListeners = new Set<() => void>();
/** Calls `listener` whenever an answer says that there is no session. */
export function onExpired(listener: () => void): () => void {
  expiredListeners.add(listener);
  return () => expiredListeners.delete(listener);
}

export const failure = (kind: Failure["kind"], code: string, message: string, more: Partial<Failure> = {}): Failure => ({
  kind,
  status: 0,
  code,
  message,
  requestId: null,
  denied: null,
  field: null,
  retryAfterMs: null,
  ...more,
});

function refusal(status: number, body: unknown, requestId: string | null): Failure {
  const said = (typeof body === "object" && body !== null ? body : {}) as Record<string, unknown>;
  const text = (key: string) => (typeof said[key] === "string" ? (said[key] as string) : null);
  const code = text("code") ?? `HTTP ${status}`;
  const denied = (said["denied"] as Denied | undefined) ?? null;
  const kind = status === 401 && code === "NotSignedIn" ? "expired" : denied ? "denied" : status >= 500 ? "broken" : "refused";
  return failure(kind, code, text("message") ?? "", {
    status,
    denied,
    requestId: text("requestId") ?? requestId,
    field: text("field"),
    retryAfterMs: typeof said["retryAfterMs"] === "number" ? said["retryAfterMs"] : null,
  });
}

const offline = (cause: unknown): Failure =>
  cause instanceof DOMException && cause.name === "TimeoutError"
    ? failure("offline", "Timeout", "")
    : failure("offline", "Offline", "");

declare global {
  interface Window {
    /** Answers that `early.ts` asked for, by path. */
    early?: Record<string, Promise<[Response, string]>>;
  }
}

/** The answer to the first call of the window, each once. */
function taken(method: Method, path: string): Promise<[Response, string]> | undefined {
  const answer = method === "GET" ? window.early?.[path] : undefined;
  delete window.early?.[path];
  return answer;
}

/** Whether the first script asked for this, and nobody has taken the answer. */
export const isAsked = (path: string): boolean => window.early?.[path] !== undefined;

const sent = (path: string, init: RequestInit): Promise<[Response, string]> => fetch(`/console/api/${path}`, init).then(async (answer) => [answer, await answer.text()]);

/** Fails when the signal does: an answer that came early knows nothing of whoever takes it. */
const ends = (signal: AbortSignal): Promise<never> => new Promise((_, fail) => signal.addEventListener("abort", () => fail(signal.reason)));

/** One call. `path` is what stands behind `/console/api/`. */
export async function call<T>(method: Method, path: string, body?: unknown, signal?: AbortSignal): Promise<Result<T>> {
  const patience = AbortSignal.timeout(PATIENCE_MS);
  let answer: Response;
  let text: string;
  try {
    const until = signal ? AbortSignal.any([signal, patience]) : patience;
    const init: RequestInit = {
      method,
      headers: { "X-Chatmetric": "1", ...(body === undefined ? {} : { "Content-Type": "application/json" }) },
      credentials: "same-origin",
      cache: "no-store",
      signal: until,
    };
    if (body !== undefined) init.body = JSON.stringify(body);
    [answer, text] = await Promise.race([ends(until), taken(method, path) ?? sent(path, init)]);
  } catch (cause) {
    return { ok: false, error: offline(cause) };
  }
  let json: unknown = null;
  if (text !== "") {
    try {
      json = JSON.parse(text);
    } catch {
      const id = answer.headers.get("x-acs-request-id");
      return { ok: false, error: failure("broken", `HTTP ${answer.status}`, "", { status: answer.status, requestId: id }) };
    }
  }
  if (answer.ok) return { ok: true, data: json as T };
  const error = refusal(answer.status, json, answer.headers.get("x-acs-request-id"));
  if (error.kind === "expired") for (const listener of expiredListeners) listener();
  return { ok: false, error };
}

/** How long an answer that came early waits to be wanted. */
const EARLY_KEPT_MS = 5_000;
/** Answers that were asked for before anybody wanted them; each is given once. */
const early = new Map<string, Promise<Result<unknown>>>();

/** Keeps an answer that is on its way while the page is still being made. */
export function keep<T>(path: string, answer: Promise<Result<T>>): Promise<Result<T>> {
  early.set(path, answer);
  // A refusal is for whoever waits already, and so is what nobody wanted for a while.
  void answer.then(({ ok }) => setTimeout(() => early.get(path) === answer && early.delete(path), ok ? EARLY_KEPT_MS : 0));
  return answer;
}

export function get<T>(path: string, signal?: AbortSignal): Promise<Result<T>> {
  const known = early.get(path) as Promise<Result<T>> | undefined;
  early.delete(path);
  return known ?? call<T>("GET", path, undefined, signal);
}

/** A query string of what is set. */
export function query(values: Record<string, string | number | null | undefined | string[]>): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) {
    if (value === null || value === undefined || value === "") continue;
    if (Array.isArray(value)) for (const one of value) search.append(name, one);
    else search.append(name, String(value));
  }
  const text = search.toString();
  return text === "" ? "" : `?${text}`;
}
