// The committed templates: their shape, and that filling them changes holes alone.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { literal } from '../escape.mjs';
import { Unwritable, endpointParts, fill } from '../fill.mjs';
import { parse } from '../markup.mjs';
import { nasty } from './nasty.mjs';

const { operations } = JSON.parse(readFileSync(new URL('../templates.json', import.meta.url), 'utf8'));
const METRIC = 'GetChatappPhoneNumberMetric';
const HTTP = 'http://127.0.0.1:8080';
const ALL = { IsvCode: 'a', CustSpaceId: 'b', Granularity: 'DAILY', PhoneNumber: 'c', Start: '1', End: '2' };
const OTHER = { product: 'Ram', version: '2015-05-01', action: 'CreateUser' };

/** Every sample with values that fill it. */
const samples = [
  ...operations[METRIC].map((sample) => ({ sample, values: { endpoint: HTTP, ...ALL } })),
  ...operations['*'].map((sample) => ({ sample, values: { endpoint: HTTP, ...OTHER, params: [['UserName', 'a']] } })),
];
const byId = (operation, id) => operations[operation].find((sample) => sample.id === id);

/** Calls `see` for every part, however deep. */
function walk(parts, see) {
  for (const part of parts) {
    see(part);
    walk(part.parts ?? [], see);
  }
}

test('every language of the vendor and our own are there', () => {
  const ids = operations[METRIC].map(({ id }) => id).sort();
  assert.deepEqual(ids, ['aliyun', 'chatmetric', 'cpp', 'csharp', 'curl', 'go', 'java', 'java-async', 'php', 'python', 'rust', 'swift', 'typescript']);
  const any = operations['*'].map(({ id }) => id).sort();
  assert.deepEqual(any, ['aliyun', 'cpp', 'csharp', 'curl', 'go', 'java', 'java-async', 'php', 'python', 'rust', 'swift', 'typescript']);
});

test('every sample has the shape that README.md tells', () => {
  for (const { sample } of samples) {
    const { id, title, language, install, file, community, template, ...more } = sample;
    assert.deepEqual(more, {}, id);
    for (const text of [id, title, install, file]) {
      assert.match(text, /^[ -~]+$/, id);
    }
    assert.ok(language in literal, id);
    assert.ok(community === undefined || community === true, id);
    walk(template, (part) => {
      const kinds = ['text', 'hole', 'optional', 'choice', 'each'].filter((kind) => kind in part);
      assert.equal(kinds.length, 1, JSON.stringify(part));
      if (kinds[0] === 'hole') {
        assert.ok(['string', 'int', 'query', 'name'].includes(part.type), JSON.stringify(part));
      }
      if (kinds[0] === 'text') {
        assert.doesNotMatch(part.text, /[⟦⟧]|__(?:env|key|value|host|protocol|IsvCode)/, id);
      }
    });
  }
});

test('keys come from the environment', () => {
  for (const { sample, values } of samples) {
    const { text } = fill(sample, values);
    if (sample.id !== 'aliyun') {
      assert.match(text, /ALIBABA_CLOUD_ACCESS_KEY_ID/, sample.id);
      assert.match(text, /ALIBABA_CLOUD_ACCESS_KEY_SECRET/, sample.id);
    }
  }
});

test('what is not given is not in the text', () => {
  for (const sample of operations[METRIC]) {
    const bare = fill(sample, { endpoint: 'https://metrics.example.com', Start: '11', End: '22' });
    assert.deepEqual(bare.missing, []);
    assert.doesNotMatch(bare.text, /isv-?_?code|cust-?_?space-?_?id|--space|phone-?_?number["'=:]|granularity["'=:]/i, sample.id);
    assert.doesNotMatch(bare.text, /protocol|insecure/i, sample.id);
    assert.match(bare.text, /metrics\.example\.com/, sample.id);
    assert.match(bare.text, /\b11L?\b/, sample.id);
    assert.match(bare.text, /\b22L?\b/, sample.id);
    const empty = fill(sample, { endpoint: 'https://metrics.example.com', ...ALL, IsvCode: '', CustSpaceId: '', Granularity: '', PhoneNumber: '', Start: '11', End: '22' });
    assert.equal(empty.text, bare.text, sample.id);
  }
});

test('an example stands for a required value that is missing, and is named', () => {
  for (const sample of operations[METRIC]) {
    const { text, missing } = fill(sample, { endpoint: HTTP });
    assert.deepEqual([...missing].sort(), ['End', 'Start'], sample.id);
    assert.match(text, /1693107714687/, sample.id);
    assert.match(text, /1693407714687/, sample.id);
  }
});

test('http is said, https is what SDKs do', () => {
  for (const { sample, values } of samples) {
    const secure = fill(sample, { ...values, endpoint: 'https://metrics.example.com:8443' }).text;
    assert.doesNotMatch(secure, /["']https?["']|"HTTP"|insecure/, sample.id);
    assert.notEqual(fill(sample, values).text, secure);
  }
});

test('values change nothing but their own literals', () => {
  const texts = nasty(30).filter((text) => !text.includes('\0') && text !== '');
  for (const { sample, values } of samples) {
    // What stands around the value, from a value that stands nowhere else.
    const mark = 'q0Z9MARK';
    const params = values.params && [['UserName', mark]];
    const names = values.params ? ['params'] : ['IsvCode', 'CustSpaceId', 'PhoneNumber'];
    for (const name of names) {
      const around = fill(sample, { ...values, [name]: params ?? mark }).text;
      assert.equal(around.split(mark).length, 2, `${sample.id} ${name}`);
      const isQuery = sample.id === 'curl';
      for (const text of texts) {
        const filled = fill(sample, { ...values, [name]: values.params ? [['UserName', text]] : text }).text;
        const write = isQuery ? encodeQuery : literal[sample.language];
        assert.equal(filled, around.replace(write(mark), () => write(text)), `${sample.id} ${name} ${JSON.stringify(text)}`);
      }
    }
  }
});

function encodeQuery(text) {
  const clean = text.replace(/\p{Surrogate}/gu, '\ufffd');
  return encodeURIComponent(clean).replace(/[!'()*]/g, (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`);
}

test('names of parameters are literals too', () => {
  const texts = nasty(30).filter((text) => !text.includes('\0') && text !== '');
  // A query is sorted by them, and the command line wants a name.
  for (const sample of operations['*'].filter(({ id }) => !['aliyun', 'curl'].includes(id))) {
    const around = fill(sample, { endpoint: HTTP, ...OTHER, params: [['q0Z9MARK', 'a'], ['b', 'c']] }).text;
    for (const text of texts) {
      const filled = fill(sample, { endpoint: HTTP, ...OTHER, params: [[text, 'a'], ['b', 'c']] }).text;
      const write = literal[sample.language];
      assert.equal(filled, around.replace(write('q0Z9MARK'), () => write(text)), `${sample.id} ${JSON.stringify(text)}`);
    }
  }
});

test('a call without parameters is a whole program', () => {
  const ends = { php: '"query" => []', csharp: '{},', swift: '"query": [:] as [String: String]', cpp: 'query;\n  AlibabaCloud' };
  for (const [id, end] of Object.entries(ends)) {
    const { text } = fill(byId('*', id), { endpoint: HTTP, ...OTHER });
    assert.ok(text.includes(end), `${id}\n${text}`);
    assert.doesNotMatch(text, /UserName/);
  }
});

test('numbers and names are checked', () => {
  const python = byId(METRIC, 'python');
  for (const Start of ['1; import os', '1e5', '1.5', ' 1', '0x1', '01', '--1', 'null', '9007199254740992', '99999999999999999999']) {
    assert.throws(() => fill(python, { endpoint: HTTP, ...ALL, Start }), Unwritable, Start);
  }
  assert.match(fill(python, { endpoint: HTTP, ...ALL, Start: '-1' }).text, /start=-1,/);
  for (const { sample } of samples.filter(({ values }) => values.params)) {
    for (const bad of ['a b', 'x;id', '$(id)', "a'", 'a"', '', '-x', 'a..b', 'é']) {
      assert.throws(() => fill(sample, { endpoint: HTTP, ...OTHER, action: bad }), Unwritable, `${sample.id} ${bad}`);
    }
  }
  assert.throws(() => fill(byId('*', 'aliyun'), { endpoint: HTTP, ...OTHER, params: [['a b', 'x']] }), Unwritable);
});

test('what a language cannot say is told', () => {
  assert.throws(() => fill(byId(METRIC, 'aliyun'), { endpoint: HTTP, ...ALL, IsvCode: 'a\0' }), /NUL/);
  assert.throws(() => fill(byId(METRIC, 'chatmetric'), { endpoint: HTTP, ...ALL, Granularity: 'WEEKLY' }), /DAILY, HALF_HOUR/);
  assert.match(fill(byId(METRIC, 'chatmetric'), { endpoint: HTTP, ...ALL, Granularity: 'HALF_HOUR' }).text, /--granularity=half-hour/);
  for (const endpoint of ['', 'metrics.example.com', 'ftp://x', 'javascript:alert(1)']) {
    assert.throws(() => fill(byId(METRIC, 'curl'), { endpoint, ...ALL }), Unwritable, endpoint);
  }
});

test('a prototype gives no values', () => {
  assert.throws(() => fill(byId(METRIC, 'chatmetric'), { endpoint: HTTP, ...ALL, Granularity: 'constructor' }), Unwritable);
  const sample = { id: 'x', title: 'x', language: 'python', install: 'x', file: 'x', template: parse('⟦?constructor⟧no⟦/⟧⟦toString:string=yes⟧') };
  assert.deepEqual(fill(sample, { endpoint: HTTP }), { text: "'yes'", missing: ['toString'] });
});

test('parameters are sorted where they are signed, and empty ones left out', () => {
  const params = [['b', '2'], ['a.1', '1'], ['B', '3'], ['c', '']];
  const { text } = fill(byId('*', 'curl'), { endpoint: HTTP, ...OTHER, params });
  assert.match(text, /^query='B=3&a\.1=1&b=2'$/m);
  assert.match(fill(byId('*', 'curl'), { endpoint: HTTP, ...OTHER }).text, /^query=''$/m);
});

test('an endpoint has its parts', () => {
  assert.deepEqual(endpointParts('https://Metrics.example.com/'), { url: 'https://metrics.example.com', host: 'metrics.example.com', protocol: undefined });
  assert.deepEqual(endpointParts('http://[::1]:80'), { url: 'http://[::1]', host: '[::1]', protocol: 'http' });
});

test('wrong markup is refused', () => {
  for (const text of ['⟦/⟧', '⟦?a⟧', '⟦a⟧', '⟦a:text⟧', '⟦*⟧⟦?b⟧⟦/⟧']) {
    assert.throws(() => parse(text), text);
  }
});
