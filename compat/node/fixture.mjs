// A real chatmetric process with the accounts of compat/directory.toml and events in
// it. ../python/fixture.py starts it and says what must come out; it stops when its
// standard input ends.

import { spawn } from 'node:child_process';
import { appendFileSync, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const script = fileURLToPath(new URL('../python/fixture.py', import.meta.url));

export class Fixture {
  // `scheme` is `http` or `https`.
  static async start(scheme) {
    const fixture = new Fixture();
    fixture.process = spawn('python3', [script, scheme], { stdio: ['pipe', 'pipe', 'inherit'] });
    const ended = new Promise((resolve) => fixture.process.once('exit', resolve));
    fixture.ended = ended;
    const lines = createInterface({ input: fixture.process.stdout });
    const line = await Promise.race([
      new Promise((resolve) => lines.once('line', resolve)),
      ended.then((code) => Promise.reject(new Error(`there is no instance: exit ${code}`))),
    ]);
    Object.assign(fixture, JSON.parse(line));
    fixture.ca = fixture.ca_file === null ? undefined : readFileSync(fixture.ca_file, 'utf8');
    return fixture;
  }

  async stop() {
    this.process.stdin.end();
    const code = await this.ended;
    if (code !== 0) {
      throw new Error(`the instance did not end well: exit ${code}`);
    }
  }
}

// The version of an installed package.
export function version(name) {
  const path = new URL(`node_modules/${name}/package.json`, import.meta.url);
  return JSON.parse(readFileSync(path, 'utf8')).version;
}

// Appends one result for the table in COMPATIBILITY.md.
export function record(caller, scheme, column, pass) {
  const path = process.env.CHATMETRIC_COMPAT_RESULTS;
  if (path) {
    const line = {
      language: 'Node',
      sdk: caller.package,
      version: version(caller.package),
      signature: caller.signature,
      way: caller.name,
      scheme,
      case: column,
      pass,
    };
    appendFileSync(path, `${JSON.stringify(line)}\n`);
  }
}
