// What came of a run, and of which form: an answer is shown for the operation that it was asked of
// and marks a field only while the form still says what was asked.
import type { Failure, Result } from "../../api.ts";
import type { CallAnswer, Denied } from "../../types.ts";

export type Params = Record<string, string>;

export interface Asked {
  operation: string;
  params: Params;
}
export interface Outcome extends Asked {
  answer: CallAnswer | null;
  error: Failure | null;
}
/** Each operation has its own run: a late answer finds its place without disturbing another. */
export interface Run {
  busy: boolean;
  outcome: Outcome | null;
}
export type Runs = Record<string, Run>;

const IDLE: Run = { busy: false, outcome: null };

export const runOf = (runs: Runs, operation: string): Run => runs[operation] ?? IDLE;
/** The old answer stays until the new one is there. */
export const begun = (runs: Runs, asked: Asked): Runs => ({ ...runs, [asked.operation]: { ...runOf(runs, asked.operation), busy: true } });
export const ended = (runs: Runs, asked: Asked, result: Result<CallAnswer>): Runs => ({
  ...runs,
  [asked.operation]: { busy: false, outcome: { ...asked, answer: result.ok ? result.data : null, error: result.ok ? null : result.error } },
});

/** Whether the form still says what was asked. */
export const isOfForm = (outcome: Outcome, params: Params): boolean =>
  [...new Set([...Object.keys(outcome.params), ...Object.keys(params)])].every((name) => outcome.params[name] === params[name]);

export interface Said {
  Code?: string;
  Message?: string;
  Data?: unknown[];
  AccessDeniedDetail?: unknown;
}
/** The members of a body, whatever it is. */
export function saidIn(body: string): Said {
  try {
    const said: unknown = JSON.parse(body);
    return typeof said === "object" && said !== null ? (said as Said) : {};
  } catch {
    return {};
  }
}

/** The parameter that an answer refuses, unless it was changed since. */
export function faultOf(outcome: Outcome | null, params: Params): { name: string; message: string } | null {
  if (!outcome?.answer || outcome.answer.status < 400) return null;
  const said = saidIn(outcome.answer.body);
  const name = /^(?:Missing|InvalidParameter\.)([A-Za-z]+)(?:\.\w+)?$/.exec(said.Code ?? "")?.[1];
  return name && outcome.params[name] === params[name] ? { name, message: said.Message ?? "" } : null;
}

/**
 * What a policy denied, from the body of an error. The body names the action and not the resource:
 * Ram says it in its message, Sts judges the role that was named, Cams the whole account.
 */
export function deniedIn(body: string, params: Params): Denied | null {
  const said = saidIn(body);
  const detail = said.AccessDeniedDetail as Record<string, unknown> | null | undefined;
  if (typeof detail !== "object" || detail === null || typeof detail["AuthAction"] !== "string") return null;
  const action = detail["AuthAction"];
  const resource =
    / Resource: (\S+) Action: /.exec(said.Message ?? "")?.[1] ??
    (action.startsWith("sts:") ? params["RoleArn"] : undefined) ??
    (action.startsWith("cams:") && typeof detail["AuthPrincipalOwnerId"] === "string" ? `acs:cams:*:${detail["AuthPrincipalOwnerId"]}:*` : "*");
  return { action, resource, statement: detail["NoPermissionType"] === "ExplicitDeny" ? null : { Effect: "Allow", Action: action, Resource: resource } };
}
