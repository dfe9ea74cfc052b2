// Every sample that a toolchain is here for, filled with values that need escaping, and
// compiled and run exactly as it is shown, against the real program.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { fill } from '../../console/samples/fill.mjs';
import { Fixture } from '../node/fixture.mjs';
import { Recorder } from './recorder.mjs';
import { RUNNERS, run } from './runners.mjs';

const { operations } = JSON.parse(readFileSync(new URL('../../console/samples/templates.json', import.meta.url), 'utf8'));
const METRIC = 'GetChatappPhoneNumberMetric';
const OWN = ['CustSpaceId', 'End', 'Granularity', 'IsvCode', 'PhoneNumber', 'Start'];

// What no shell and no compiler may take for anything but text; digits and all, it is the
// number +1 555 010 0101.
const BAD = '\'"`$HOME$(id)#{x}%s!!\\n\\ ??/ </script>\n\r\t*/ \u2028\u202e\u{1f600}é中文;&|<>-';
const NUMBER = `+1 ${BAD} 555${BAD}010-0101`;
const CODE = `no-such ${BAD} code`;
// RAM wants no control characters here.
const COMMENTS = `it's "${BAD.replace(/\p{Cc}/gu, '')}"`;

const fixture = await Fixture.start('http');
const recorder = await Recorder.before(fixture.endpoint);
after(async () => {
  await recorder.stop();
  await fixture.stop();
});

const known = (name) => fixture.cases.find((one) => one.name === name);
const oneNumber = known('half hours of one number');
const everything = known('days without a granularity');
const range = ({ Start, End }) => ({ Start: String(Start), End: String(End) });
// The space of ../directory.toml that the two cases are in.
const SPACE = '293483938849493';

const TYPED = {
  everything: { ...range(everything.parameters) },
  number: { ...range(oneNumber.parameters), CustSpaceId: SPACE, Granularity: 'HALF_HOUR', PhoneNumber: NUMBER },
  refused: { ...range(oneNumber.parameters), IsvCode: CODE, CustSpaceId: CODE, Granularity: 'DAILY', PhoneNumber: NUMBER },
};
const ROWS = { everything: everything.rows, number: oneNumber.rows };

// Rows as [Start, PhoneNumber, SentCount, DeliveredCount], from JSON or from lines.
function rowsOf(stdout) {
  if (/^\s*[[{]/.test(stdout)) {
    const read = JSON.parse(stdout);
    const rows = read.Data ?? read.rows ?? read;
    return rows.map((row) => [row.Start, row.PhoneNumber, row.SentCount, row.DeliveredCount].map(String));
  }
  return stdout.trim().split('\n').map((line) => line.split(' '));
}

function asked(action) {
  const calls = recorder.take();
  assert.equal(calls.length, 1, JSON.stringify(calls));
  assert.equal(calls[0].action, action);
  assert.equal(calls[0].pathname, '/');
  return calls[0].query;
}

function samplesOf(name) {
  return operations[name].filter(({ id }) => id in RUNNERS && id !== 'aliyun');
}

function skipped(id) {
  if (RUNNERS[id].ready()) {
    return false;
  }
  assert.equal(process.env.CI, undefined, `${id} cannot be run here`);
  return `what ${id} needs is not installed`;
}

describe(METRIC, () => {
  for (const sample of samplesOf(METRIC)) {
    describe(sample.title, { skip: skipped(sample.id) }, () => {
      let made;
      before(() => {
        const texts = {};
        for (const [name, values] of Object.entries(TYPED)) {
          const { text, missing } = fill(sample, { endpoint: recorder.endpoint, ...values });
          assert.deepEqual(missing, []);
          texts[name] = text;
        }
        made = RUNNERS[sample.id].prepare(`typed-${sample.id}`, texts, sample.file.split('/').pop(), sample.install);
        recorder.take();
      });

      for (const [name, rows] of Object.entries(ROWS)) {
        test(`prints the rows: ${name}`, async () => {
          const { command, cwd } = made[name];
          const done = await run(command, cwd, fixture.keys.owner);
          assert.equal(done.status, 0, done.stderr);
          const wanted = rows.map(([start, , number, sent, delivered]) => [start, number, sent, delivered].map(String));
          assert.ok(wanted.length > 0);
          assert.deepEqual(rowsOf(done.stdout), wanted);
          const query = asked(METRIC);
          const sent = Object.fromEntries(OWN.filter((key) => key in query).map((key) => [key, query[key]]));
          const meant = { ...TYPED[name] };
          if (sample.id === 'chatmetric') {
            // It always says which granularity, and tidies the number up.
            meant.Granularity ??= 'DAILY';
            if (meant.PhoneNumber) {
              assert.equal(sent.PhoneNumber.replace(/\D/g, ''), meant.PhoneNumber.replace(/\D/g, ''));
              delete meant.PhoneNumber;
              delete sent.PhoneNumber;
            }
          }
          assert.deepEqual(sent, meant);
        });
      }

      test('sends every value as it was typed, and shows a refusal', async () => {
        const { command, cwd } = made.refused;
        const done = await run(command, cwd, fixture.keys.owner);
        // What answers in plain HTTP has nothing to fail with.
        if (!['curl', 'rust'].includes(sample.id)) {
          assert.notEqual(done.status, 0, done.stdout);
        }
        // tea-openapi tells the message alone.
        assert.match(done.stdout + done.stderr, /Ram\.PermissionDeny|You are not authorized/);
        const query = asked(METRIC);
        for (const key of OWN) {
          if (key !== 'PhoneNumber' || sample.id !== 'chatmetric') {
            assert.equal(query[key], TYPED.refused[key], key);
          }
        }
      });
    });
  }
});

describe('any operation', () => {
  const ANY = {
    nothing: { product: 'Sts', version: '2015-04-01', action: 'GetCallerIdentity', params: [] },
    enable: { product: 'cams', version: '2020-06-06', action: 'EnableWhatsappROIMetric', params: [['CustSpaceId', SPACE]] },
    user: {
      product: 'Ram',
      version: '2015-05-01',
      action: 'CreateUser',
      params: [['UserName', 'NAME'], ['DisplayName', ''], ['Comments', COMMENTS]],
    },
  };

  for (const sample of samplesOf('*')) {
    describe(sample.title, { skip: skipped(sample.id) }, () => {
      let made;
      const valuesOf = (name) => {
        const { params, ...rest } = ANY[name];
        return { ...rest, params: params.map(([key, value]) => [key, value === 'NAME' ? `by-${sample.id}` : value]) };
      };
      before(() => {
        const texts = Object.fromEntries(
          Object.keys(ANY).map((name) => [name, fill(sample, { endpoint: recorder.endpoint, ...valuesOf(name) }).text]),
        );
        made = RUNNERS[sample.id].prepare(`any-${sample.id}`, texts, sample.file.split('/').pop(), sample.install);
        recorder.take();
      });
      const answer = async (name) => {
        const done = await run(made[name].command, made[name].cwd, fixture.keys.owner);
        assert.equal(done.status, 0, done.stderr);
        const query = asked(ANY[name].action);
        for (const [key, value] of valuesOf(name).params) {
          assert.equal(query[key], value === '' ? undefined : value, key);
        }
        return JSON.parse(done.stdout);
      };

      test('without parameters', async () => {
        assert.equal((await answer('nothing')).AccountId, '1000000000000001');
      });

      test('with one', async () => {
        assert.equal((await answer('enable')).Code, 'OK');
      });

      test('with a value that needs escaping', async () => {
        const { User } = await answer('user');
        assert.equal(User.UserName, `by-${sample.id}`);
        assert.equal(User.Comments, COMMENTS);
      });
    });
  }
});

// The samples of `aliyun` reach a program that prints its arguments.
describe('aliyun', () => {
  const host = recorder.endpoint.slice('http://'.length);
  const argumentsOf = async (operation, values) => {
    const sample = operations[operation].find(({ id }) => id === 'aliyun');
    const { text } = fill(sample, { endpoint: recorder.endpoint, ...values });
    const { one } = RUNNERS.aliyun.prepare('aliyun', { one: text }, sample.file, sample.install);
    const done = await run(one.command, one.cwd, fixture.keys.owner);
    assert.equal(done.status, 0, done.stderr);
    return done.stdout.split('\0').slice(0, -1);
  };

  test('is given every value as one argument', async () => {
    const { Start, End } = TYPED.refused;
    assert.deepEqual(await argumentsOf(METRIC, TYPED.refused), [
      'cams',
      METRIC,
      `--endpoint=${host}`,
      '--insecure',
      '--region=ap-southeast-1',
      `--IsvCode=${CODE}`,
      `--CustSpaceId=${CODE}`,
      '--Granularity=DAILY',
      `--PhoneNumber=${NUMBER}`,
      `--Start=${Start}`,
      `--End=${End}`,
    ]);
  });

  test('is given any operation', async () => {
    const values = { product: 'Ram', version: '2015-05-01', action: 'CreateUser', params: [['UserName', 'x'], ['Comments', COMMENTS]] };
    assert.deepEqual(await argumentsOf('*', values), [
      'ram',
      'CreateUser',
      `--endpoint=${host}`,
      '--insecure',
      '--region=ap-southeast-1',
      '--version=2015-05-01',
      '--UserName=x',
      `--Comments=${COMMENTS}`,
      '--force',
    ]);
  });
});
