// Running an operation: as the console session, or signed here with an AccessKey. Both ways give the
// same kind of answer. The secret is an argument and nothing else.
import { call, failure } from "../../api.ts";
import type { Result } from "../../api.ts";
import { now } from "../../clock.ts";
import { nonce, sha256, sign } from "../../signer.ts";
import type { CallAnswer, Operation } from "../../types.ts";
import { deniedIn } from "./outcome.ts";

export interface Keys {
  id: string;
  secret: string;
  token: string;
}

export const runAsSession = (operation: Operation, params: Record<string, string>): Promise<Result<CallAnswer>> =>
  call<CallAnswer>("POST", "call", { product: operation.product, action: operation.name, params });

/** Headers of an answer that are worth a row come first. */
export async function runWithKeys(operation: Operation, params: Record<string, string>, keys: Keys): Promise<Result<CallAnswer>> {
  const headers: Record<string, string> = {
    host: location.host,
    "x-acs-action": operation.name,
    "x-acs-version": operation.version,
    "x-acs-date": new Date(now()).toISOString().replace(/\.\d+Z$/, "Z"),
    "x-acs-signature-nonce": nonce(),
    "x-acs-content-sha256": await sha256(""),
    ...(keys.token ? { "x-acs-security-token": keys.token } : {}),
  };
  const signed = await sign({ method: "POST", path: "/", params: Object.entries(params), headers, body: "", accessKeyId: keys.id, accessKeySecret: keys.secret });
  const { host: _, ...own } = headers;
  const target = `/${signed.query ? `?${signed.query}` : ""}`;
  const started = performance.now();
  try {
    const answer = await fetch(target, { method: "POST", headers: { ...own, accept: "application/json", authorization: signed.authorization }, credentials: "omit", cache: "no-store" });
    const body = await answer.text();
    const said = [...answer.headers.entries()] as [string, string][];
    return {
      ok: true,
      data: {
        status: answer.status,
        reason: answer.statusText,
        tookMs: Math.round(performance.now() - started),
        headers: said,
        body,
        request: { method: "POST", target, headers: [...(Object.entries(headers) as [string, string][]), ["Authorization", signed.authorization]], body: "", canonicalRequest: signed.canonicalRequest, stringToSign: signed.stringToSign },
        requestId: answer.headers.get("x-acs-request-id") ?? requestIdOf(body),
        denied: answer.ok ? null : deniedIn(body, params),
      },
    };
  } catch {
    return { ok: false, error: failure("offline", "Offline", "") };
  }
}

function requestIdOf(body: string): string {
  return /"RequestId"\s*:\s*"([^"]+)"/.exec(body)?.[1] ?? "";
}

/** The request as it was sent. */
export const wireOf = ({ request }: CallAnswer): string => [`${request.method} ${request.target} HTTP/1.1`, ...request.headers.map(([name, value]) => `${name}: ${value}`), "", request.body].join("\n");

/** JSON with line breaks, or the text as it came. */
export function pretty(body: string): string {
  try {
    return JSON.stringify(JSON.parse(body), null, 2);
  } catch {
    return body;
  }
}
