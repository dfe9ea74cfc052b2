// The signer against every ACS3-HMAC-SHA256 request that was captured from the vendor's SDKs.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { percent, sign } from "../src/signer.ts";

interface Vector {
  name: string;
  scheme: string;
  credentials: { access_key_id: string; access_key_secret: string };
  request: { request_line: string; headers: [string, string][]; body: string };
  expected: { signature: string; signed_headers: string; string_to_sign: string; canonical_request: string };
}

const vectors = (JSON.parse(readFileSync(`${CONSOLE_ROOT}/../testdata/signature-vectors.json`, "utf8")) as Vector[]).filter((vector) => vector.scheme === "ACS3-HMAC-SHA256");

test("there are vectors of ACS3-HMAC-SHA256", () => assert.equal(vectors.length, 14));

for (const vector of vectors) {
  test(`signs as ${vector.name}`, async () => {
    const [method, target] = vector.request.request_line.split(" ") as [string, string];
    const [path, search = ""] = target.split("?") as [string, string?];
    const sent = new Map(vector.request.headers.map(([name, value]) => [name.toLowerCase(), value]));
    const headers = Object.fromEntries(vector.expected.signed_headers.split(";").map((name) => [name, sent.get(name) ?? ""]));
    const params = search === "" ? [] : search.split("&").map((pair) => pair.split("=").map((part) => decodeURIComponent(part.replaceAll("+", " "))) as [string, string]);
    const signed = await sign({ method, path, params, headers, body: vector.request.body, accessKeyId: vector.credentials.access_key_id, accessKeySecret: vector.credentials.access_key_secret });
    assert.equal(signed.canonicalRequest, vector.expected.canonical_request);
    assert.equal(signed.stringToSign, vector.expected.string_to_sign);
    assert.equal(signed.signature, vector.expected.signature);
    assert.equal(signed.authorization, sent.get("authorization"));
  });
}

test("escapes what encodeURIComponent leaves", () => assert.equal(percent("a !'()*~-_.b/ü"), "a%20%21%27%28%29%2A~-_.b%2F%C3%BC"));
