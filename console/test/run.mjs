// Bundles each test with esbuild and runs it with node --test: the Node that we support does not
// read TypeScript. It is not the browser's test; that is e2e/.
import { build } from "esbuild";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const out = mkdtempSync(join(tmpdir(), "console-test-"));
try {
  await build({
    absWorkingDir: here,
    entryPoints: readdirSync(here).filter((name) => name.endsWith(".test.ts")),
    outdir: out,
    outExtension: { ".js": ".mjs" },
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node20",
    jsx: "automatic",
    jsxImportSource: "preact",
    external: ["esbuild"],
    define: { CONSOLE_ROOT: JSON.stringify(dirname(here)) },
    logLevel: "warning",
  });
  const tests = readdirSync(out).filter((name) => name.endsWith(".test.mjs")).map((name) => join(out, name));
  process.exitCode = spawnSync(process.execPath, ["--test", ...tests], { stdio: "inherit" }).status ?? 1;
} finally {
  rmSync(out, { recursive: true, force: true });
}
