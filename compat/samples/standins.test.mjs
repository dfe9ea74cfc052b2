// The samples of PHP, C#, C++ and Swift, whose SDKs cannot be had: each exactly as it is
// shown, filled with values that need escaping, is read by its language and told what
// every value means. The broken ones at the end show that the checks can fail.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { before, describe, test } from 'node:test';
import { fill } from '../../console/samples/fill.mjs';
import { nasty } from '../../console/samples/test/nasty.mjs';
import { run } from './runners.mjs';
import { STANDINS } from './standins.mjs';

const { operations } = JSON.parse(readFileSync(new URL('../../console/samples/templates.json', import.meta.url), 'utf8'));
const METRIC = 'GetChatappPhoneNumberMetric';
const KEYS = ['an-id', 'a "secret"'];
const ENDPOINT = 'http://metrics.example.com:8080';
const clean = (text) => text.replace(/\p{Surrogate}/gu, '\ufffd');

const BAD = '\'"`$HOME$(id)#{x}${x}{$x}{0}%s!!\\n\\(id)\\\\ ??/ </script>\n\r\t\0*/ \u2028\u202e\ud83d\u{1f600}é中文;&|<>-';
const TYPED = {
  bare: { Start: '1693107714687', End: '1693407714687' },
  bad: { Start: '-1', End: '9007199254740991', IsvCode: BAD, CustSpaceId: `${BAD}"`, Granularity: `\\${BAD}`, PhoneNumber: `${BAD}\\` },
};
const OTHER = { product: 'Ram', version: '2015-05-01', action: 'CreateUser' };
const ANY = {
  none: { ...OTHER, params: [] },
  one: { ...OTHER, params: [['UserName', 'alice']] },
  // Names are typed by people too.
  bad: {
    ...OTHER,
    version: BAD,
    params: [[BAD, BAD], ...nasty().filter((text) => text !== '').map((text, at) => [`${text}${at}`, text])],
  },
};

const sampleOf = (operation, id) => operations[operation].find((one) => one.id === id);

function textOf(sample, values) {
  const { text, missing } = fill(sample, { endpoint: ENDPOINT, ...values });
  assert.deepEqual(missing, []);
  return text;
}

/** What a stand-in wrote down: lines of hex, names and values. */
function seen(stderr) {
  const text = (hex) => Buffer.from(hex, 'hex').toString('utf8');
  return Object.fromEntries([...stderr.matchAll(/^seen (\w+) (\w*)$/gm)].map(([, name, value]) => [text(name), text(value)]));
}

const CONFIG = { 'config.accessKeyId': KEYS[0], 'config.accessKeySecret': KEYS[1], 'config.protocol': 'http', 'config.endpoint': 'metrics.example.com:8080' };
const PARAMS = {
  protocol: 'HTTPS', pathname: '/', method: 'POST', authType: 'AK', style: 'RPC', reqBodyType: 'formData', bodyType: 'json',
};
const named = (prefix, entries) => Object.fromEntries(entries.map(([name, value]) => [`${prefix}.${clean(name)}`, clean(value)]));
const lower = (name) => name[0].toLowerCase() + name.slice(1);

const wantedTyped = (values) => ({ ...CONFIG, ...named('request', Object.entries(values).map(([name, value]) => [lower(name), value])) });
const wantedAny = ({ action, version, params }) => ({
  ...CONFIG,
  ...named('params', Object.entries({ ...PARAMS, action, version })),
  ...named('query', params),
});

function skipped(id) {
  const { ready, needs } = STANDINS[id];
  if (ready()) {
    return false;
  }
  assert.equal(process.env.CI, undefined, `${id} needs ${needs}`);
  return `${needs} is not installed`;
}

const prepare = (name, sample, values) =>
  STANDINS[sample.id].prepare(
    `${name}-${sample.id}`,
    Object.fromEntries(Object.entries(values).map(([of, one]) => [of, textOf(sample, one)])),
    sample.file,
  );

async function done({ command, cwd }, more) {
  const result = await run(command, cwd, KEYS, more);
  assert.equal(result.status, 0, result.stderr);
  return result;
}

for (const id of Object.keys(STANDINS).filter((one) => STANDINS[one].runs)) {
  describe(`${id}, with stand-ins for its SDK`, { skip: skipped(id) }, () => {
    let typed;
    let any;
    before(() => {
      typed = prepare('typed', sampleOf(METRIC, id), TYPED);
      any = prepare('any', sampleOf('*', id), ANY);
    });

    for (const [name, values] of Object.entries(TYPED)) {
      test(`gives the client what was typed: ${name}`, async () => {
        const { stdout, stderr } = await done(typed[name]);
        assert.deepEqual(seen(stderr), wantedTyped(values));
        assert.equal(stdout, '1693107714687 15550100101 3 2\n1693194114687 15550100102 1 0\n');
      });
    }

    test('prints nothing where there are no rows', async () => {
      assert.equal((await done(typed.bare, { STANDIN_ROWS: 'none' })).stdout, '');
    });

    for (const [name, values] of Object.entries(ANY)) {
      test(`calls any operation with what was typed: ${name}`, async () => {
        const { stdout, stderr } = await done(any[name]);
        assert.deepEqual(seen(stderr), wantedAny(values));
        assert.deepEqual(JSON.parse(stdout), { RequestId: 'stand-in' });
      });
    }
  });
}

describe('swift, read with its grammar', { skip: skipped('swift') }, () => {
  const literals = async (one) => (await done(one)).stdout.split('\n').slice(0, -1).map((hex) => Buffer.from(hex, 'hex').toString('utf8'));

  test('every literal means what was typed', async () => {
    const made = prepare('typed', sampleOf(METRIC, 'swift'), TYPED);
    const found = await literals(made.bad);
    for (const name of ['IsvCode', 'CustSpaceId', 'Granularity', 'PhoneNumber']) {
      assert.equal(found[found.indexOf(name) + 1], clean(TYPED.bad[name]), name);
    }
    assert.ok(!(await literals(made.bare)).includes('IsvCode'));
  });

  test('names and values of any operation mean what was typed', async () => {
    const made = prepare('any', sampleOf('*', 'swift'), ANY);
    for (const [name, { version, params }] of Object.entries(ANY)) {
      const found = await literals(made[name]);
      assert.equal(found[found.indexOf('version') + 1], clean(version));
      const from = found.indexOf('query') + 1;
      assert.deepEqual(found.slice(from, from + 2 * params.length), params.flat().map(clean));
    }
  });
});

// What a careless template or encoder would make; `q0Z9` stands in a literal.
const BROKEN = {
  'a value that ends its literal': (text) => text.replace('q0Z9', 'q0"Z9'),
  'a line break in a literal': (text) => text.replace('q0Z9', 'q0\nZ9'),
  'a backslash at the end of a literal': (text) => text.replace('q0Z9', 'q0Z9\\'),
  'a bracket that is missing': (text) => text.replace(/[)}](?=[^)}]*$)/, ''),
};
const CARELESS = {
  php: { 'a variable in a literal': (text) => text.replace('q0Z9', '$q0Z9') },
  csharp: { 'an escape that is none': (text) => text.replace('q0Z9', '\\q0Z9') },
  cpp: { 'an escape that is none': (text) => text.replace('q0Z9', '\\q0Z9') },
  swift: {
    'an interpolation in a literal': (text) => text.replace('q0Z9', '\\(q0Z9)'),
    'an escape that is none': (text) => text.replace('q0Z9', '\\q0Z9'),
  },
};
// Names that the vendor's SDKs do not have.
const MISNAMED = {
  'a method that is none': (text) => text.replace(/\b(c|C)allApi\b|\b(g|G)etChatappPhoneNumberMetric\b(?=\()/, 'noSuchMethod'),
  'a class that is none': (text) => text.replace(/\bConfig\b/g, 'NoConfig'),
  'a member that is none': (text) => text.replace(/\b(set|)(E|e)ndpoint\b/, '$1$2ndpoind'),
};

for (const [id, { runs, prepare: make }] of Object.entries(STANDINS)) {
  describe(`${id}: a broken sample is refused`, { skip: skipped(id) }, () => {
    const kinds = {
      typed: textOf(sampleOf(METRIC, id), { ...TYPED.bare, PhoneNumber: 'q0Z9' }),
      any: textOf(sampleOf('*', id), { ...OTHER, params: [['UserName', 'q0Z9']] }),
    };
    const { file } = sampleOf('*', id);
    for (const [kind, text] of Object.entries(kinds)) {
      for (const [what, spoil] of Object.entries({ ...BROKEN, ...CARELESS[id], ...(runs ? MISNAMED : {}) })) {
        // A line break may stand in a literal of PHP; it means what it says.
        if (id === 'php' && what === 'a line break in a literal') {
          continue;
        }
        test(`${kind}: ${what}`, async () => {
          const spoilt = spoil(text);
          assert.notEqual(spoilt, text);
          let refusal = '';
          try {
            const { one } = make(`broken-${id}`, { one: spoilt }, file);
            await done(one);
          } catch (error) {
            refusal = String(error);
          }
          assert.notEqual(refusal, '', spoilt);
        });
      }
    }

    test('another value is noticed', async () => {
      const { one } = make(`broken-${id}`, { one: kinds.any.replace('q0Z9', 'q0Z8') }, file);
      const { stdout, stderr } = await done(one);
      const values = runs ? Object.values(seen(stderr)) : stdout.split('\n').map((hex) => Buffer.from(hex, 'hex').toString('utf8'));
      assert.ok(values.includes('q0Z8'));
      assert.ok(!values.includes('q0Z9'));
    });
  });
}
