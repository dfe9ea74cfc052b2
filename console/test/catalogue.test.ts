// The message catalogue is complete and used, and no text stands in a component; and other rules of
// the sources that a machine can check.
import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { test } from "node:test";
import * as access from "../src/messages/en/access.ts";
import * as directory from "../src/messages/en/directory.ts";
import * as door from "../src/messages/en/door.ts";
import * as explorer from "../src/messages/en/explorer.ts";
import * as ingest from "../src/messages/en/ingest.ts";
import * as metrics from "../src/messages/en/metrics.ts";
import * as operator from "../src/messages/en/operator.ts";
import * as shell from "../src/messages/en/shell.ts";

const root = `${CONSOLE_ROOT}/src`;
const files = readdirSync(root, { recursive: true }).filter((name) => /\.tsx?$/.test(name));
const texts = new Map(files.map((name) => [name, readFileSync(`${root}/${name}`, "utf8")]));
const code = [...texts].filter(([name]) => !name.startsWith("messages/")).map(([, text]) => text).join("\n");

function walk(value: unknown, path: string, seen: (path: string, value: unknown) => void): void {
  if (typeof value === "object" && value !== null) for (const [key, inner] of Object.entries(value)) walk(inner, `${path}.${key}`, seen);
  else seen(path, value);
}

test("every message says something", () => {
  walk({ access, directory, door, explorer, ingest, metrics, operator, shell }, "", (path, value) => {
    assert.ok(typeof value === "function" || (typeof value === "string" && value.trim() !== ""), path);
  });
});

test("every message is used", () => {
  const unused: string[] = [];
  for (const catalogue of [access, directory, door, explorer, ingest, metrics, operator, shell]) {
    for (const [area, messages] of Object.entries(catalogue)) for (const key of Object.keys(messages)) if (!/^[A-Z]/.test(key) && !new RegExp(`\\.${key}\\b`).test(code)) unused.push(`${area}.${key}`);
  }
  assert.deepEqual(unused, []);
});

test("no component has a text of its own", () => {
  for (const [name, text] of texts) {
    if (!name.endsWith(".tsx")) continue;
    const found = /(?:<[a-z][^<>=]*>|^\s+)(?!\/\/|\*)([A-Z][a-z]+ [a-z]+[^<>{}();=]*)<\//m.exec(text);
    assert.equal(found?.[1], undefined, name);
    assert.equal(/(?:aria-label|title|placeholder|alt)="[^"]*[a-z] /.exec(text)?.[0], undefined, name);
  }
});

test("no source makes markup of text", () => {
  for (const [name, text] of texts) assert.equal(/innerHTML|outerHTML|insertAdjacentHTML|document\.write|dangerouslySet|\beval\(|new Function/.exec(text)?.[0], undefined, name);
});

test("each file says what it is and stays small", () => {
  for (const [name, text] of texts) {
    assert.match(text, /^\/\/ \S/, name);
    assert.ok(text.split("\n").length <= 400, name);
  }
});

test("secrets and sessions are kept nowhere", () => {
  for (const [name, text] of texts) if (name !== "theme.ts") assert.equal(/localStorage|sessionStorage|indexedDB|document\.cookie/.exec(text)?.[0], undefined, name);
});
