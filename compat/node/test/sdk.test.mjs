// The official Node SDKs against a spawned server: every case of ../python/cases.py
// with every way to call.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { ENABLE, Refused, callers, rows } from '../callers.mjs';
import { Fixture, record } from '../fixture.mjs';

// A little more than the rolling second of the throttle.
const WINDOW_PAUSE_MS = 1050;
const WINDOW_MS = 1000;
const THROTTLE_TRIES = 3;
const REQUEST_ID = /^[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}$/;
const SCHEMES = ['http', 'https'];

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const realNow = Date.now;

function checkAnswer(one, body) {
  assert.deepEqual(rows(body), one.rows);
  assert.deepEqual([body.Code, body.Message, body.AccessDeniedDetail], ['OK', 'None', 'NONE']);
  assert.match(body.RequestId, REQUEST_ID);
  const granularity = one.parameters.Granularity || 'DAILY';
  assert.ok(body.Data.every((row) => row.Granularity === granularity));
}

function checkRefusal(one, error) {
  assert.ok(error instanceof Refused, String(error?.stack ?? 'the call was answered'));
  const { code, status, message } = one.refused;
  assert.equal(error.code, code);
  assert.ok(error.status === undefined || error.status === status, `${error.status}`);
  assert.ok(error.message.includes(message), error.message);
  assert.match(error.requestId, REQUEST_ID);
  for (const [name, value] of Object.entries(one.detail ?? {})) {
    assert.equal(error.detail[name], value);
  }
}

const failure = (promise) => promise.then(() => undefined, (error) => error);

// The calls that are still allowed and one more, within a second.
async function throttled(call, one) {
  for (let tries = 0; tries < THROTTLE_TRIES; tries += 1) {
    await sleep(WINDOW_PAUSE_MS);
    const started = realNow();
    for (let count = 0; count < one.calls; count += 1) {
      assert.equal((await call()).Code, 'OK');
    }
    const error = await failure(call());
    if (realNow() - started < WINDOW_MS) {
      checkRefusal(one, error);
      return;
    }
  }
  assert.fail('the machine was too slow for this case');
}

async function check(context, one, call) {
  if (one.clock_s) {
    context.mock.timers.enable({ apis: ['Date'], now: realNow() + one.clock_s * 1000 });
  }
  if (one.calls) {
    await throttled(call, one);
  } else if (one.refused) {
    checkRefusal(one, await failure(call()));
  } else {
    checkAnswer(one, await call());
  }
}

for (const scheme of SCHEMES) {
  describe(scheme, { concurrency: false }, () => {
    let on;
    before(async () => {
      on = await Fixture.start(scheme);
    });
    after(() => on?.stop());

    for (const caller of callers) {
      test(`${caller.package} ${caller.name}`, async (suite) => {
        for (const one of on.cases) {
          await suite.test(`${one.column}: ${one.name}`, async (context) => {
            let pass = false;
            try {
              await check(context, one, () => caller.call(on, on.keys[one.key], one.parameters));
              pass = true;
            } finally {
              record(caller, scheme, one.column, pass);
            }
          });
        }
        await suite.test('EnableWhatsappROIMetric', async () => {
          await sleep(WINDOW_PAUSE_MS / 5);
          assert.equal((await caller.call(on, on.keys.owner, {}, ENABLE)).Code, 'OK');
        });
      });
    }
  });
}
