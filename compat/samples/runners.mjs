// How a sample is compiled and run, as its reader would: the text goes into the file that
// it is shown under, and nothing in it is changed. `prepare` gets all texts of a language
// at once, because compilers are slow to start.

import { spawn, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../', import.meta.url));
export const target = join(process.env.CARGO_TARGET_DIR ?? join(root, 'target'));
export const place = join(target, 'compat/samples');
export const inside = (...path) => join(root, 'compat', ...path);

export const program = process.env.CHATMETRIC_BIN ?? join(target, 'debug/chatmetric');
const python = process.env.CHATMETRIC_SAMPLES_PYTHON ?? join(target, 'compat/python-current/bin/python');

// A short life needs no second compiler.
const BRIEF = ['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC'];
const BRIEF_COMPILER = BRIEF.map((option) => `-J${option}`);

export const works = (command, ...arguments_) => spawnSync(command, arguments_, { stdio: 'ignore' }).status === 0;

function write(path, text) {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

export function must(command, arguments_, cwd, environment = {}) {
  const done = spawnSync(command, arguments_, { cwd, encoding: 'utf8', maxBuffer: 1 << 26, env: { ...process.env, ...environment } });
  if (done.status !== 0) {
    throw new Error(`${command} ${arguments_.join(' ')}: ${done.error ?? ''}\n${done.stdout}${done.stderr}`);
  }
  return done.stdout;
}

// Runs a command with the keys in its environment: {status, stdout, stderr}.
export function run([command, ...arguments_], cwd, [id, secret], more = {}) {
  const ours = /^(CHATMETRIC_|ALIBABA_CLOUD_|https?_proxy$|no_proxy$)/i;
  const environment = Object.fromEntries(Object.entries(process.env).filter(([name]) => !ours.test(name)));
  const child = spawn(command, arguments_, {
    cwd,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...environment, ALIBABA_CLOUD_ACCESS_KEY_ID: id, ALIBABA_CLOUD_ACCESS_KEY_SECRET: secret, PATH: `${dirname(program)}:${process.env.PATH}`, ...more },
  });
  const said = { stdout: '', stderr: '' };
  for (const stream of ['stdout', 'stderr']) {
    child[stream].setEncoding('utf8').on('data', (text) => (said[stream] += text));
  }
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (status) => resolve({ status, ...said }));
  });
}

// A folder for each text; what is left of earlier runs goes.
export function folders(id, texts, file) {
  const base = join(place, id);
  return Object.fromEntries(
    Object.entries(texts).map(([name, text]) => {
      const folder = join(base, name);
      rmSync(folder, { recursive: true, force: true });
      write(join(folder, file), text);
      return [name, folder];
    }),
  );
}

const script = (command) => (id, texts, file) =>
  Object.fromEntries(Object.entries(folders(id, texts, file)).map(([name, cwd]) => [name, { command: [...command, file], cwd }]));

function typescript(id, texts, file) {
  const base = join(place, id);
  mkdirSync(base, { recursive: true });
  // Modules are looked for upwards from the sample.
  rmSync(join(base, 'node_modules'), { force: true });
  symlinkSync(inside('node/node_modules'), join(base, 'node_modules'));
  write(join(base, 'package.json'), '{ "private": true, "type": "commonjs" }\n');
  const made = folders(id, texts, file);
  const config = {
    compilerOptions: { target: 'es2022', module: 'commonjs', moduleResolution: 'bundler', strict: true, skipLibCheck: true, types: ['node'] },
    files: Object.values(made).map((folder) => join(folder, file)),
  };
  write(join(base, 'tsconfig.json'), JSON.stringify(config));
  must(join(base, 'node_modules/.bin/tsc'), ['-p', base], base);
  return Object.fromEntries(Object.entries(made).map(([name, cwd]) => [name, { command: ['node', file.replace(/ts$/, 'js')], cwd }]));
}

let classPath;

// The vendor's libraries of ../java, and our stand-ins for its clients.
function javaClassPath() {
  if (classPath === undefined) {
    const list = join(place, 'class-path.txt');
    mkdirSync(place, { recursive: true });
    must('mvn', ['-B', '-q', 'dependency:build-classpath', '-Dmdep.includeScope=test', `-Dmdep.outputFile=${list}`], inside('java'));
    const libraries = readFileSync(list, 'utf8').trim();
    const classes = join(place, 'standin-classes');
    rmSync(classes, { recursive: true, force: true });
    const sources = must('find', ['-L', inside('samples/standin/java'), '-name', '*.java']).trim().split('\n');
    must('javac', [...BRIEF_COMPILER, '-proc:none', '-d', classes, '-cp', libraries, ...sources]);
    classPath = `${classes}:${libraries}`;
  }
  return classPath;
}

function java(id, texts, file) {
  const made = folders(id, texts, file);
  const path = javaClassPath();
  for (const cwd of Object.values(made)) {
    must('javac', [...BRIEF_COMPILER, '-proc:none', '-d', 'classes', '-cp', path, file], cwd);
  }
  return Object.fromEntries(
    Object.entries(made).map(([name, cwd]) => [name, { command: ['java', ...BRIEF, '-cp', `classes:${path}`, 'Sample'], cwd }]),
  );
}

function go(id, texts, file) {
  const base = join(place, id);
  rmSync(base, { recursive: true, force: true });
  const made = folders(id, texts, file);
  const module = readFileSync(inside('samples/go/go.mod'), 'utf8').replace('../standin/go', inside('samples/standin/go'));
  write(join(base, 'go.mod'), module);
  cpSync(inside('samples/go/go.sum'), join(base, 'go.sum'));
  must('go', ['vet', './...'], base);
  must('go', ['build', '-o', 'bin/', './...'], base);
  return Object.fromEntries(Object.entries(made).map(([name, cwd]) => [name, { command: [join(base, 'bin', name)], cwd }]));
}

// The crate is made by the command that is shown, with the versions of our own lock file.
// All Rust samples are in one, because its dependencies take a minute.
function rust(id, texts, _, install) {
  const base = join(place, 'rust');
  const bins = join(base, 'src/bin');
  const made = Object.fromEntries(Object.keys(texts).map((name) => [name, `${id}-${name}`]));
  for (const [name, text] of Object.entries(texts)) {
    write(join(bins, `${made[name]}.rs`), text);
  }
  write(join(base, 'Cargo.toml'), '[package]\nname = "samples"\nversion = "0.0.0"\nedition = "2024"\n\n[workspace]\n');
  cpSync(join(root, 'Cargo.lock'), join(base, 'Cargo.lock'));
  const environment = { CARGO_TARGET_DIR: join(base, 'target'), RUSTFLAGS: '-D warnings' };
  const [command, ...arguments_] = install.split(' ');
  must(command, [...arguments_, '--quiet'], base, environment);
  const wanted = Object.values(made).flatMap((bin) => ['--bin', bin]);
  must('cargo', ['build', '--quiet', ...wanted], base, environment);
  return Object.fromEntries(Object.entries(made).map(([name, bin]) => [name, { command: [join(base, 'target/debug', bin)], cwd: base }]));
}

// The real command line cannot be had: ../README.md. This one says what it was given.
function aliyun(id, texts, file) {
  const base = join(place, id);
  const made = script(['bash'])(id, texts, file);
  write(join(base, 'bin/aliyun'), '#!/bin/sh\nprintf \'%s\\0\' "$@"\n');
  must('chmod', ['+x', join(base, 'bin/aliyun')]);
  for (const one of Object.values(made)) {
    one.command = ['env', `PATH=${join(base, 'bin')}:${process.env.PATH}`, ...one.command];
  }
  return made;
}

const haveJava = () => works('javac', '-version') && works('mvn', '--version');

export const RUNNERS = {
  python: { ready: () => existsSync(python), prepare: script([python]) },
  typescript: { ready: () => existsSync(inside('node/node_modules/typescript')), prepare: typescript },
  java: { ready: haveJava, prepare: java },
  'java-async': { ready: haveJava, prepare: java },
  go: { ready: () => works('go', 'version'), prepare: go },
  rust: { ready: () => works('cargo', '--version'), prepare: rust },
  curl: { ready: () => works('curl', '--version') && works('openssl', 'version'), prepare: script(['bash']) },
  chatmetric: { ready: () => existsSync(program), prepare: script(['bash']) },
  aliyun: { ready: () => true, prepare: aliyun },
};
