// Makes templates.json: `npm ci --ignore-scripts && npm run samples`. README.md tells
// how. `--check` only compares.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { LANGUAGES, markup } from './generated.mjs';
import { parse } from './markup.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const sources = join(here, 'dara');
const require = createRequire(import.meta.url);
const read = (/** @type {string[]} */ ...path) => readFileSync(join(here, ...path), 'utf8');

// Some files are written after a generator has returned.
const outputs = mkdtempSync(join(tmpdir(), 'chatmetric-samples-'));
process.once('exit', () => rmSync(outputs, { recursive: true, force: true }));

/** The file that a generator makes of a source. */
function generate(of, kind) {
  const base = dirname(require.resolve(`@darabonba/${of.generator}-generator/package.json`));
  const Generator = require(base);
  // Each generator wants the parser that it was written with.
  const parser = require(require.resolve('@darabonba/parser', { paths: [base] }));
  const meta = JSON.parse(read('dara', 'Darafile'));
  const name = of.generator === 'typescript' ? 'ts' : of.generator;
  const outputDir = join(outputs, kind, of.id);
  const log = console.log;
  try {
    // They talk a lot.
    console.log = () => {};
    const path = join(sources, `${kind}.dara`);
    const options = {
      outputDir,
      pkgDir: sources,
      libraries: JSON.parse(read('dara', '.libraries.json')),
      exec: true,
      editable: true,
      ...meta,
      ...meta[name],
    };
    new Generator(options, name).visit(parser.parse(readFileSync(path, 'utf8'), path));
    return readFileSync(join(outputDir, of.output), 'utf8');
  } finally {
    console.log = log;
  }
}

const made = new Map(
  LANGUAGES.map((of) => [of.id, (kind) => markup(generate(of, kind), of, kind)]),
);

const head = ({ id, title, language, file, community }, install) => ({
  id,
  title,
  language,
  install,
  file,
  ...(community ? { community } : {}),
});

const byGenerator = (id, kind) => {
  const of = LANGUAGES.find((one) => one.id === id);
  return { ...head(of, kind === 'any' ? of.any.install : of.install), template: parse(made.get(id)(kind)) };
};

const byHand = (id, title, language, file, install, source) => ({
  ...head({ id, title, language, file }, install),
  template: parse(read('hand', `${source}.tpl`)),
});

const SHELL = 'bash, curl and openssl';
const CRATES = 'cargo add ureq@3 hmac@0.13 sha2@0.11 hex@0.4 jiff@1 getrandom@0.4';
const CPP = 'git clone https://github.com/aliyun/alibabacloud-cpp-sdk, then build its cams-20200606 with CMake';
const CPP_ANY = 'git clone https://github.com/aliyun/darabonba-openapi, then build its cpp with CMake';
const CLI = 'brew install aliyun-cli, or a release of github.com/aliyun/aliyun-cli';

const templates = {
  operations: {
    GetChatappPhoneNumberMetric: [
      byGenerator('python', 'typed'),
      byGenerator('typescript', 'typed'),
      byGenerator('java', 'typed'),
      byHand('java-async', 'Java (async)', 'java', 'Sample.java', 'Maven or Gradle: com.aliyun:alibabacloud-cams20200606', 'java-async.java'),
      byGenerator('go', 'typed'),
      byGenerator('php', 'typed'),
      byGenerator('csharp', 'typed'),
      { ...byHand('cpp', 'C++', 'cpp', 'main.cpp', CPP, 'cpp.cpp'), community: true },
      byGenerator('swift', 'typed'),
      byHand('rust', 'Rust', 'rust', 'src/main.rs', CRATES, 'rust.rs'),
      byHand('curl', 'curl', 'shell', 'sample.sh', SHELL, 'curl.sh'),
      byHand('chatmetric', 'chatmetric query', 'shell', 'sample.sh', 'comes with the server', 'chatmetric.sh'),
      byHand('aliyun', 'aliyun CLI', 'shell', 'sample.sh', CLI, 'aliyun.sh'),
    ],
    '*': [
      byGenerator('python', 'any'),
      byGenerator('typescript', 'any'),
      byGenerator('java', 'any'),
      byHand('java-async', 'Java (async)', 'java', 'Sample.java', 'Maven or Gradle: com.aliyun:aliyun-gateway-pop', 'java-async.any.java'),
      byGenerator('go', 'any'),
      byGenerator('php', 'any'),
      byGenerator('csharp', 'any'),
      { ...byHand('cpp', 'C++', 'cpp', 'main.cpp', CPP_ANY, 'cpp.any.cpp'), community: true },
      byGenerator('swift', 'any'),
      byHand('rust', 'Rust', 'rust', 'src/main.rs', CRATES, 'rust.any.rs'),
      byHand('curl', 'curl', 'shell', 'sample.sh', SHELL, 'curl.any.sh'),
      byHand('aliyun', 'aliyun CLI', 'shell', 'sample.sh', CLI, 'aliyun.any.sh'),
    ],
  },
};

const text = `${JSON.stringify(templates, null, 1)}\n`;
const path = join(here, 'templates.json');
if (process.argv.includes('--check')) {
  if (readFileSync(path, 'utf8') !== text) {
    console.error('templates.json is not what its sources make; run `npm run samples`');
    process.exit(1);
  }
} else {
  writeFileSync(path, text);
}
