// ACS3-HMAC-SHA256 in the browser: from a call to a signed request, with the texts on the way. It
// sends nothing and keeps no secret. Needs a secure context, because WebCrypto does.

const encoder = new TextEncoder();
const hex = (bytes: ArrayBuffer | Uint8Array): string => Array.from(new Uint8Array(bytes), (byte) => byte.toString(16).padStart(2, "0")).join("");

/** RFC 3986 encoding: what is not a letter, a digit or `-_.~` is escaped. */
export const percent = (text: string): string => encodeURIComponent(text).replace(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);
export const sha256 = async (text: string): Promise<string> => hex(await crypto.subtle.digest("SHA-256", encoder.encode(text)));

export const canSign = (): boolean => globalThis.crypto?.subtle !== undefined;

export interface ToSign {
  method: string;
  path: string;
  params: [string, string][];
  /** Those that are signed, by lower-case name. */
  headers: Record<string, string>;
  body: string;
  accessKeyId: string;
  accessKeySecret: string;
}

export interface Signed {
  query: string;
  canonicalRequest: string;
  stringToSign: string;
  signature: string;
  authorization: string;
}

/** Code units decide the order, as the vendor's SDKs sort. */
const byName = (a: [string, string], b: [string, string]): number => (a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : a[1] < b[1] ? -1 : a[1] > b[1] ? 1 : 0);

export async function sign(call: ToSign): Promise<Signed> {
  const query = [...call.params].sort(byName).map(([name, value]) => `${percent(name)}=${percent(value)}`).join("&");
  const names = Object.keys(call.headers).sort();
  const headers = names.map((name) => `${name}:${call.headers[name]!.trim()}\n`).join("");
  const signedHeaders = names.join(";");
  const canonicalRequest = [call.method, call.path, query, headers, signedHeaders, await sha256(call.body)].join("\n");
  const stringToSign = `ACS3-HMAC-SHA256\n${await sha256(canonicalRequest)}`;
  const key = await crypto.subtle.importKey("raw", encoder.encode(call.accessKeySecret), { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  const signature = hex(await crypto.subtle.sign("HMAC", key, encoder.encode(stringToSign)));
  return { query, canonicalRequest, stringToSign, signature, authorization: `ACS3-HMAC-SHA256 Credential=${call.accessKeyId},SignedHeaders=${signedHeaders},Signature=${signature}` };
}

/** 16 random bytes. */
export const nonce = (): string => hex(crypto.getRandomValues(new Uint8Array(16)));
