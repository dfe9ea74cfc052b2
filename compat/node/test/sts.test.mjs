// Temporary credentials: pop-core gets them. What signs with them is in sdk.test.mjs.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import PopCore from '@alicloud/pop-core';
import { Fixture } from '../fixture.mjs';

const OWNER = ['LTAIacmeowner0000000001', 'acme-owner-secret'];
const READER = ['LTAIacmereader000000001', 'acme-reader-secret'];
const ASSUMER = ['LTAIacmeassumer00000001', 'acme-assumer-secret'];
const REPORTER = 'acs:ram::1000000000000001:role/reporter';

let on;

before(async () => {
  on = await Fixture.start('http');
});

after(() => on?.stop());

function pop([accessKeyId, accessKeySecret, securityToken], apiVersion) {
  const endpoint = `http://${on.endpoint}`;
  return new PopCore.RPCClient({ accessKeyId, accessKeySecret, securityToken, endpoint, apiVersion });
}

async function assume(key, more = {}, method = 'POST') {
  const parameters = { RoleArn: REPORTER, RoleSessionName: 'alice', ...more };
  return pop(key, '2015-04-01').request('AssumeRole', parameters, { method, formatParams: false });
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

  test('the owner of an account gets none', async () => {
    await assert.rejects(assume(OWNER), { code: 'NoPermission', message: /root accounts/ });
    await assert.rejects(assume(READER), { code: 'NoPermission', message: /authorized by RAM/ });
  });
});
