// Bundles src/ so that the first page needs one script: what it is made of is shared with the
// pages that come later through a registry instead of through chunks of its own, which would all
// have to be fetched first. Knows esbuild and modules; writes no file.
//
// 1. Follow main.tsx without the pages that are imported later: these modules are the core.
// 2. Bundle the later pages; what they take from the core becomes look-ups in the registry.
// 3. Bundle the core with the registry of what step 2 left of these, and with the names of its files.
import { build } from "esbuild";
import { join, relative } from "node:path";

const REGISTRY = "globalThis.chatmetricConsole";
const PACKAGES = ["preact", "preact/hooks", "preact/jsx-runtime"];

/**
 * Nearly all of the first script is called for the first picture: where a browser knows this, its
 * functions are compiled beside the page and not one by one when they are called.
 */
const HINT = "//# allFunctionsCalledOnLoad";

const options = (root) => ({
  absWorkingDir: root,
  bundle: true,
  format: "esm",
  target: ["es2022"],
  minify: true,
  charset: "ascii",
  legalComments: "none",
  jsx: "automatic",
  jsxImportSource: "preact",
  metafile: true,
  write: false,
  logLevel: "warning",
});

/** Leaves imports that come later to the browser; `name` says what they are called then. */
const later = (root, targets, name) => ({
  name: "later",
  setup(of) {
    of.onResolve({ filter: /^\./ }, async (args) => {
      if (args.kind !== "dynamic-import") return undefined;
      const path = join(args.resolveDir, args.path);
      targets.add(path);
      return { path: name(path), external: true };
    });
  },
});

/** Turns modules of the core into look-ups, one for each name: those that nobody uses are left out. */
const lookUps = (root, core, exportsOf) => ({
  name: "look-ups",
  setup(of) {
    of.onResolve({ filter: /.*/ }, async (args) => {
      if (args.pluginData === "asked" || args.namespace === "core" || args.kind === "entry-point") return undefined;
      const key = PACKAGES.includes(args.path) ? args.path : args.path.startsWith(".") ? relative(root, join(args.resolveDir, args.path)) : null;
      if (key === null || !core.has(key) || args.kind === "dynamic-import") return undefined;
      return { path: key, namespace: "core", sideEffects: false };
    });
    of.onLoad({ filter: /.*/, namespace: "core" }, ({ path }) => {
      const lookUp = (name) => `export const ${name}=/* @__PURE__ */(()=>${REGISTRY}["${path}:${name}"])();`;
      return { contents: exportsOf.get(path).map(lookUp).join(""), loader: "js" };
    });
  },
});

async function exportsOfAll(root, keys) {
  const entries = Object.fromEntries(keys.map((key, at) => [`m${at}`, PACKAGES.includes(key) ? key : `./${key}`]));
  const { metafile } = await build({ ...options(root), entryPoints: entries, outdir: join(root, "none"), loader: { ".svg": "copy" } });
  const found = new Map();
  for (const [path, output] of Object.entries(metafile.outputs)) {
    const at = /\/m(\d+)\.js$/.exec(path);
    if (at) found.set(keys[Number(at[1])], output.exports);
  }
  return found;
}

/** What bundled pages look up: module and name of each. */
function lookedUp(outputs) {
  const text = outputs.map((output) => output.text).join("\n");
  const found = text.split(REGISTRY).slice(1).map((after) => /^\["([^":]+):([\w$]+)"\]/.exec(after));
  if (found.includes(null)) throw new Error("a look-up in the registry has another form than it was written in");
  return [...new Map(found.map(([asked, path, name]) => [asked, [path, name]])).values()].sort();
}

/** The registry as code: no more than what is looked up, so that the rest can be left out. */
function registryOf(used) {
  const imports = used.map(([path, name], at) => `import {${name} as r${at}} from ${JSON.stringify(PACKAGES.includes(path) ? path : `./${path}`)};`);
  const entries = used.map(([path, name], at) => `"${path}:${name}":r${at}`);
  return `${imports.join("")}${REGISTRY}={${entries}};`;
}

/** The scripts by name, the first being the app; and the metadata of the pages' bundle. */
export async function bundle(root) {
  const targets = new Set();
  const first = await build({ ...options(root), entryPoints: ["src/main.tsx"], outdir: join(root, "none"), plugins: [later(root, targets, (path) => path)] });
  const core = new Set([...Object.keys(first.metafile.inputs).filter((path) => path.startsWith("src/")), ...PACKAGES]);
  const exportsOf = await exportsOfAll(root, [...core]);

  const pages = await build({
    ...options(root),
    entryPoints: Object.fromEntries([...targets].sort().map((path) => [relative(join(root, "src"), path).replace(/\.tsx?$/, "").replace(/\W/g, "_").replace(/^pages_/, "").replace(/_page$/, ""), path])),
    outdir: join(root, "none"),
    entryNames: "[name]-[hash]",
    chunkNames: "[name]-[hash]",
    splitting: true,
    plugins: [lookUps(root, core, exportsOf)],
  });
  const names = new Map();
  for (const [path, output] of Object.entries(pages.metafile.outputs)) if (output.entryPoint) names.set(join(root, output.entryPoint), `./${path.split("/").pop()}`);

  const registry = registryOf(lookedUp(pages.outputFiles));
  const app = await build({
    ...options(root),
    stdin: { contents: `${registry}import "./src/main.tsx";`, resolveDir: root, sourcefile: "app.js", loader: "js" },
    outdir: join(root, "none"),
    entryNames: "app-[hash]",
    banner: { js: HINT },
    plugins: [later(root, new Set(), (path) => names.get(path))],
  });
  const scripts = new Map();
  for (const file of [...app.outputFiles, ...pages.outputFiles]) scripts.set(file.path.split("/").pop(), file.contents);
  return { app: app.outputFiles[0].path.split("/").pop(), scripts };
}

/** What is written into the document itself: the style sheet and what runs before the app, as texts. */
export async function bundleInline(root) {
  const text = async (entry, format) => {
    const { outputFiles } = await build({ ...options(root), entryPoints: [entry], outdir: join(root, "none"), format });
    return outputFiles[0].text.trim();
  };
  // What runs before the app is no module: it must not wait for it.
  return { style: await text("src/styles/app.css", "esm"), early: await text("src/early.ts", "iife") };
}
