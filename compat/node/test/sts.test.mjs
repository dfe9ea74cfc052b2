// Temporary credentials: pop-core gets them, every SDK signs with them.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import Cams, { GetChatappPhoneNumberMetricRequest } from '@alicloud/cams20200606';
import OpenApi from '@alicloud/openapi-client';
import PopCore from '@alicloud/pop-core';
import { METRIC } from '../callers.mjs';
import { Instance } from '../instance.mjs';

const OWNER = ['LTAIacmeowner0000000001', 'acme-owner-secret'];
const READER = ['LTAIacmereader000000001', 'acme-reader-secret'];
const ASSUMER = ['LTAIacmeassumer00000001', 'acme-assumer-secret'];
const REPORTER = 'acs:ram::1000000000000001:role/reporter';
const RANGE = { Start: 1_700_000_000_000, End: 1_700_086_400_000 };

let instance;

before(async () => {
  instance = await Instance.start();
});

after(async () => {
  await instance?.stop();
});

function pop([accessKeyId, accessKeySecret, securityToken], apiVersion) {
  const endpoint = `http://127.0.0.1:${instance.port}`;
  return new PopCore.RPCClient({ accessKeyId, accessKeySecret, securityToken, endpoint, apiVersion });
}

async function assume(key, more = {}, method = 'POST') {
  const parameters = { RoleArn: REPORTER, RoleSessionName: 'alice', ...more };
  return pop(key, '2015-04-01').request('AssumeRole', parameters, { method, formatParams: false });
}

async function session() {
  const { Credentials } = await assume(ASSUMER);
  return [Credentials.AccessKeyId, Credentials.AccessKeySecret, Credentials.SecurityToken];
}

function teaMetric([accessKeyId, accessKeySecret, securityToken], signatureAlgorithm) {
  const client = new Cams.default(
    new OpenApi.Config({
      accessKeyId,
      accessKeySecret,
      securityToken,
      endpoint: `127.0.0.1:${instance.port}`,
      protocol: 'http',
      signatureAlgorithm,
    }),
  );
  const request = new GetChatappPhoneNumberMetricRequest({ start: RANGE.Start, end: RANGE.End });
  return client.getChatappPhoneNumberMetric(request);
}

const ways = [
  ['cams-v3', async (key) => (await teaMetric(key)).body.code],
  ['cams-v3-sm3', async (key) => (await teaMetric(key, 'ACS3-HMAC-SM3')).body.code],
  ['cams-v1', async (key) => (await teaMetric(key, 'v2')).body.code],
  ['pop-core-get', async (key) => (await pop(key, '2020-06-06').request(METRIC, RANGE, { method: 'GET' })).Code],
  ['pop-core-post', async (key) => (await pop(key, '2020-06-06').request(METRIC, RANGE, { method: 'POST' })).Code],
];

async function refusal(call) {
  try {
    await call();
  } catch (error) {
    return error.code;
  }
  return 'OK';
}

describe('temporary credentials', () => {
  test('pop-core gets them by GET and POST', async () => {
    for (const method of ['GET', 'POST']) {
      const answer = await assume(ASSUMER, { DurationSeconds: 900 }, method);
      assert.equal(answer.AssumedRoleUser.Arn, `${REPORTER}/alice`);
      assert.match(answer.Credentials.AccessKeyId, /^STS\./);
      assert.match(answer.Credentials.Expiration, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    }
  });

  for (const [name, ask] of ways) {
    test(`${name} signs with them`, async () => {
      const [one, other] = [await session(), await session()];
      assert.equal(await ask(one), 'OK');
      const mismatch = 'InvalidSecurityToken.MismatchWithAccessKey';
      assert.equal(await refusal(() => ask([one[0], one[1], other[2]])), mismatch);
      assert.equal(await refusal(() => ask([...READER, one[2]])), mismatch);
      assert.equal(await refusal(() => ask([one[0], one[1], one[2].slice(8)])), 'InvalidSecurityToken.Malformed');
      assert.equal(await refusal(() => ask([one[0], one[1]])), 'MissingSecurityToken');
    });
  }

  test('the owner of an account gets none', async () => {
    await assert.rejects(assume(OWNER), { code: 'NoPermission', message: /root accounts/ });
    await assert.rejects(assume(READER), { code: 'NoPermission', message: /authorized by RAM/ });
  });
});
