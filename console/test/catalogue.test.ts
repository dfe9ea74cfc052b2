// The message catalogue is complete and used, and no text stands in a component; and other rules of
// the sources that a machine can check.
import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { test } from "node:test";
const root = `${CONSOLE_ROOT}/src`;
const files = readdirSync(root, { recursive: true }).filter((name) => /\.tsx?$/.test(name));
const texts = new Map(files.map((name) => [name, readFileSync(`${root}/${name}`, "utf8")]));
const code = [...texts].filter(([name]) => !name.startsWith("messages/")).map(([, text]) => text).join("\n");

type Messages = Record<string, unknown>;

/** Every file of messages by its name: a new one is here by itself. */
async function catalogues(): Promise<[string, Messages][]> {
  const names = readdirSync(`${root}/messages/en`).map((file) => file.replace(/\.ts$/, ""));
  return Promise.all(names.map(async (name): Promise<[string, Messages]> => [name, (await import(`../src/messages/en/${name}.ts`)) as Messages]));
}

function walk(value: unknown, path: string, seen: (path: string, value: unknown) => void): void {
  if (typeof value === "object" && value !== null) for (const [key, inner] of Object.entries(value)) walk(inner, `${path}.${key}`, seen);
  else seen(path, value);
}

test("every file of messages is read", async () => {
  const names = (await catalogues()).map(([name]) => name);
  for (const name of ["alerts", "door", "errors", "explanation", "picker", "reconcile", "shell", "tables"]) assert.ok(names.includes(name), name);
  for (const [name, catalogue] of await catalogues()) assert.ok(Object.keys(catalogue).length > 0, name);
});

test("every message says something", async () => {
  for (const [name, catalogue] of await catalogues()) {
    walk({ ...catalogue }, name, (path, value) => {
      assert.ok(typeof value === "function" || typeof value === "number" || (typeof value === "string" && value.trim() !== ""), path);
    });
  }
});

test("every message is used", async () => {
  const unused: string[] = [];
  for (const [name, catalogue] of await catalogues()) {
    for (const [area, messages] of Object.entries(catalogue)) {
      // Each is imported by its name, or is a part of what is.
      const own = texts.get(`messages/en/${name}.ts`)?.match(new RegExp(`\\b${area}\\b`, "g"))?.length ?? 0;
      if (own < 2 && !new RegExp(`\\b${area}\\b[^;]*messages/en/${name}\\.ts"`).test(code)) unused.push(`${name}.${area}`);
      if (typeof messages !== "object" || messages === null || Array.isArray(messages)) continue;
      for (const key of Object.keys(messages)) if (!/^[A-Z]/.test(key) && !new RegExp(`\\.${key}\\b`).test(code)) unused.push(`${area}.${key}`);
    }
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
