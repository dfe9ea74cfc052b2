// A TypeScript program that uses the SDK as its types say: it compiles strictly, runs,
// and reads what the other suites read.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Fixture, record } from '../fixture.mjs';

const here = (path) => fileURLToPath(new URL(`../${path}`, import.meta.url));
const caller = { package: '@alicloud/cams20200606', name: 'TypeScript', signature: 'ACS3-HMAC-SHA256' };

// HTTPS is what the SDK does unless it is told otherwise.
let on;
before(async () => {
  on = await Fixture.start('https');
});
after(() => on?.stop());

function run(program, args, env = process.env) {
  const done = spawnSync(program, args, { encoding: 'utf8', env });
  assert.equal(done.status, 0, `${done.error ?? ''}${done.stdout}${done.stderr}`);
  return done.stdout;
}

test('a typed program compiles and reads its rows', () => {
  let pass = false;
  try {
    run(process.execPath, [here('node_modules/typescript/bin/tsc'), '-p', here('typed')]);
    const one = on.cases.find(({ column, parameters }) => column === 'rows' && parameters.Granularity === 'DAILY');
    const output = run(process.execPath, [here('node_modules/.compat-typed/usage.js')], {
      ...process.env,
      ALIBABA_CLOUD_ACCESS_KEY_ID: on.keys[one.key][0],
      ALIBABA_CLOUD_ACCESS_KEY_SECRET: on.keys[one.key][1],
      CAMS_ENDPOINT: on.endpoint,
      CAMS_PROTOCOL: on.scheme,
      CAMS_CA: on.ca,
      CAMS_START: String(one.parameters.Start),
      CAMS_END: String(one.parameters.End),
    });
    const sent = {};
    for (const [, , number, count] of one.rows) {
      sent[number] = (sent[number] ?? 0) + count;
    }
    assert.deepEqual(JSON.parse(output), { sent, code: 'InvalidParameter.TimeRange' });
    pass = true;
  } finally {
    record(caller, on.scheme, 'rows', pass);
  }
});
