// Operations of the products as the signed-in user: what the Access page is made of. Errors are data
// here too. Only for pages that come later; the first page does not need it.
import { call, failure } from "./api.ts";
import type { Failure, Result } from "./api.ts";
import type { CallAnswer } from "./types.ts";

/** What an operation's own body says when it refused. */
export function refusalOf(answer: CallAnswer): Failure {
  let said: { Code?: string; Message?: string } = {};
  try {
    said = JSON.parse(answer.body) as typeof said;
  } catch {
    // A body that is no JSON has no code: the status stands for it.
  }
  return failure(answer.denied ? "denied" : answer.status >= 500 ? "broken" : "refused", said.Code ?? `HTTP ${answer.status}`, said.Message ?? "", {
    status: answer.status,
    requestId: answer.requestId,
    denied: answer.denied,
  });
}

/** Runs an operation as the signed-in user and gives its answer as data. */
export async function operate<T>(product: string, action: string, params: Record<string, string>): Promise<Result<T>> {
  const result = await call<CallAnswer>("POST", "call", { product, action, params });
  if (!result.ok) return result;
  if (result.data.status >= 300) return { ok: false, error: refusalOf(result.data) };
  return { ok: true, data: JSON.parse(result.data.body) as T };
}

export const ram = <T>(action: string, params: Record<string, string> = {}): Promise<Result<T>> => operate<T>("Ram", action, params);

/** Pages that a list is followed for; more than any console can show. */
const PAGES_MAX = 20;

/** All pages of a Ram list whose answer is `{outer:{inner:[…]},IsTruncated,Marker}`. */
export async function ramList<T>(action: string, outer: string, inner: string, params: Record<string, string> = {}): Promise<Result<T[]>> {
  const all: T[] = [];
  let marker: string | undefined;
  for (let page = 0; page < PAGES_MAX; page += 1) {
    const answer = await ram<Record<string, unknown>>(action, marker ? { ...params, Marker: marker } : params);
    if (!answer.ok) return answer;
    const list = (answer.data[outer] as Record<string, T[]> | undefined)?.[inner];
    all.push(...(list ?? []));
    marker = answer.data["IsTruncated"] === true ? (answer.data["Marker"] as string | undefined) : undefined;
    if (!marker) break;
  }
  return { ok: true, data: all };
}
