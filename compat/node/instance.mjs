// A real chatmetric process with the accounts of compat/directory.toml; events
// come in as signed webhooks over HTTP. Nothing is mocked.

import { spawn, spawnSync } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const START_TIMEOUT_MS = 20_000;
const root = fileURLToPath(new URL('../../', import.meta.url));

export const APP_SECRET = 'acme-app-secret';

function program() {
  return process.env.CHATMETRIC_BIN ?? join(root, 'target/debug/chatmetric');
}

function cleanEnvironment() {
  const kept = Object.entries(process.env).filter(([name]) => !/^(CHATMETRIC_|ALIBABA_CLOUD_)/.test(name));
  return Object.fromEntries(kept);
}

function freePort() {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
}

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

export class Instance {
  static async start() {
    const instance = new Instance();
    instance.directory = mkdtempSync(join(tmpdir(), 'chatmetric-compat-'));
    instance.port = await freePort();
    const dataDir = join(instance.directory, 'data');
    const applied = spawnSync(
      program(),
      ['apply', '-f', join(root, 'compat/directory.toml'), '--data-dir', dataDir],
      { env: cleanEnvironment(), encoding: 'utf8' },
    );
    if (applied.status !== 0) {
      throw new Error(`apply: exit ${applied.status} ${applied.error ?? ''}\n${applied.stderr}`);
    }
    instance.logPath = join(instance.directory, 'serve.log');
    const log = openSync(instance.logPath, 'a');
    instance.process = spawn(
      program(),
      ['serve', '--data-dir', dataDir, '--listen', `127.0.0.1:${instance.port}`],
      { env: cleanEnvironment(), stdio: ['ignore', log, log] },
    );
    closeSync(log);
    await instance.ready();
    return instance;
  }

  async ready() {
    const deadline = Date.now() + START_TIMEOUT_MS;
    while (Date.now() < deadline && this.process.exitCode === null) {
      try {
        const answer = await fetch(`http://127.0.0.1:${this.port}/readyz`);
        await answer.arrayBuffer();
        if (answer.status === 200) {
          return;
        }
      } catch {
        // Not listening yet.
      }
      await sleep(20);
    }
    throw new Error(`the server is not ready:\n${this.log()}`);
  }

  log() {
    return readFileSync(this.logPath, 'utf8');
  }

  async stop() {
    const ended = new Promise((resolve) => this.process.once('exit', resolve));
    this.process.kill('SIGTERM');
    const code = await ended;
    const log = this.log();
    if (code !== 0 || log.includes('panicked')) {
      throw new Error(`serve ended with ${code}:\n${log}`);
    }
    rmSync(this.directory, { recursive: true });
  }

  // Posts one signed webhook with events of [number, message, status, time in s].
  async webhook(events) {
    const changes = events.map(([number, id, status, atS]) => ({
      field: 'messages',
      value: {
        messaging_product: 'whatsapp',
        metadata: { display_phone_number: number, phone_number_id: '1' },
        statuses: [{ id, status, timestamp: String(atS), recipient_id: '16505550000' }],
      },
    }));
    const body = JSON.stringify({ object: 'whatsapp_business_account', entry: [{ id: '1', changes }] });
    const digest = createHmac('sha256', APP_SECRET).update(body).digest('hex');
    const answer = await fetch(`http://127.0.0.1:${this.port}/webhooks/whatsapp/acme-all`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-hub-signature-256': `sha256=${digest}` },
      body,
    });
    await answer.arrayBuffer();
    return answer.status;
  }
}
