// The official Node SDKs against a spawned server: rows, each declared error,
// throttling, tenancy.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { ENABLE, Refused, callers, rows } from '../callers.mjs';
import { Instance } from '../instance.mjs';

const OWNER = ['LTAIacmeowner0000000001', 'acme-owner-secret'];
const INACTIVE = ['LTAIacmeowner0000000002', 'acme-inactive-secret'];
const READER = ['LTAIacmereader000000001', 'acme-reader-secret'];
const NOBODY = ['LTAIacmenobody000000001', 'acme-nobody-secret'];
const DENIED = ['LTAIacmedenied000000001', 'acme-denied-secret'];
const CUSTOMER = ['LTAIcustomerowner000001', 'customer-owner-secret'];
const LAPSED = ['LTAIlapsedowner00000001', 'lapsed-owner-secret'];
const BUSY = ['LTAIbusyowner0000000001', 'busy-owner-secret'];
const UNKNOWN = ['LTAInobodyhasthiskey001', 'no-secret'];
const SPACE_CUSTOMER = '293483938849495';
const ISV_CODE = 'skdi3kksloslikdkkdk';
const NUMBER = '15550100101';
const OTHER_NUMBER = '15550100102';
const NUMBER_CUSTOMER = '15550100301';

const HALF_HOUR_MS = 1_800_000;
const DAY_MS = 86_400_000;
const RANGE = { Start: 1_700_000_000_000, End: 1_700_086_400_000 };
// Yesterday 12:10 UTC: in the middle of a day and of a half hour.
const AT_MS = Math.floor(Date.now() / DAY_MS) * DAY_MS - DAY_MS / 2 + 600_000;
const AT_S = AT_MS / 1000;

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

let instance;

before(async () => {
  instance = await Instance.start();
  const events = [
    // Sent and delivered, delivered twice, out of order.
    [NUMBER, 'wamid.1', 'delivered', AT_S + 2],
    [NUMBER, 'wamid.1', 'sent', AT_S],
    [NUMBER, 'wamid.1', 'delivered', AT_S + 2],
    // Read implies delivered and sent.
    [NUMBER, 'wamid.2', 'read', AT_S + 3],
    // Failed counts nothing.
    [NUMBER, 'wamid.3', 'failed', AT_S],
    // Sent before the half hour ended, delivered in the next.
    [NUMBER, 'wamid.4', 'sent', AT_S + 1199],
    [NUMBER, 'wamid.4', 'delivered', AT_S + 1200],
    // The same id under another number is another message.
    [OTHER_NUMBER, 'wamid.1', 'sent', AT_S],
    [NUMBER_CUSTOMER, 'wamid.9', 'sent', AT_S],
  ];
  assert.equal(await instance.webhook(events), 200);
});

after(async () => {
  await instance?.stop();
});

async function refusal(caller, key, parameters, action) {
  try {
    await caller.call(instance.port, key, parameters, action);
  } catch (error) {
    assert.ok(error instanceof Refused, String(error.stack));
    assert.match(error.requestId, /^[0-9A-F-]{36}$/);
    return error;
  }
  return assert.fail('the call was answered');
}

for (const caller of callers) {
  describe(caller.name, { concurrency: false }, () => {
    const call = (key, parameters, action) => caller.call(instance.port, key, parameters, action);
    const expectRefusal = async (key, parameters, code, status = 400) => {
      const error = await refusal(caller, key, parameters);
      assert.equal(error.code, code);
      if (error.status !== undefined) {
        assert.equal(error.status, status);
      }
      return error;
    };

    test('daily rows of all numbers', async () => {
      const body = await call(READER, { Start: AT_MS - DAY_MS, End: AT_MS + DAY_MS, Granularity: 'DAILY' });
      const start = AT_MS - (AT_MS % DAY_MS);
      assert.deepEqual(rows(body), [
        [start, start + DAY_MS, NUMBER, 3, 3],
        [start, start + DAY_MS, OTHER_NUMBER, 1, 0],
      ]);
      assert.equal(body.Code, 'OK');
      assert.equal(body.Message, 'None');
      assert.equal(body.AccessDeniedDetail, 'NONE');
      assert.equal(body.Data[0].Granularity, 'DAILY');
      assert.match(body.RequestId, /^[0-9A-F-]{36}$/);
    });

    test('half-hour rows of one number', async () => {
      const body = await call(OWNER, {
        Start: AT_MS,
        End: AT_MS + DAY_MS / 2,
        Granularity: 'HALF_HOUR',
        PhoneNumber: '+1 555-010-0101',
      });
      const start = AT_MS - (AT_MS % HALF_HOUR_MS);
      assert.deepEqual(rows(body), [
        [start, start + HALF_HOUR_MS, NUMBER, 3, 2],
        [start + HALF_HOUR_MS, start + 2 * HALF_HOUR_MS, NUMBER, 0, 1],
      ]);
    });

    test('nothing counted', async () => {
      const body = await call(OWNER, { ...RANGE, PhoneNumber: '15550100199' });
      assert.deepEqual(body.Data, []);
    });

    test('Product.Unsubscript', async () => {
      const error = await expectRefusal(LAPSED, RANGE, 'Product.Unsubscript');
      assert.match(error.message, /You have not subscribed to the specified product\./);
    });

    test('Ram.PermissionDeny', async () => {
      for (const key of [NOBODY, DENIED]) {
        const error = await expectRefusal(key, RANGE, 'Ram.PermissionDeny');
        assert.match(error.message, /You are not authorized to perform the operation\./);
      }
      await expectRefusal(CUSTOMER, { ...RANGE, IsvCode: 'nosuchcode' }, 'Ram.PermissionDeny');
    });

    test('System.LimitControl', async () => {
      await sleep(1100);
      for (let index = 0; index < 3; index += 1) {
        assert.equal((await call(BUSY, RANGE)).Code, 'OK');
      }
      const error = await expectRefusal(BUSY, RANGE, 'System.LimitControl');
      assert.match(error.message, /The system is under flow control\./);
    });

    test('Unknown.ResourceOwnerId', async () => {
      for (const foreign of [{ CustSpaceId: '593483938849499' }, { CustSpaceId: '0' }, { PhoneNumber: '15550100501' }]) {
        const error = await expectRefusal(OWNER, { ...RANGE, ...foreign }, 'Unknown.ResourceOwnerId');
        assert.match(error.message, /The resource does not belong to the current user\./);
      }
    });

    test('spaces of an ISV', async () => {
      const range = { Start: AT_MS - DAY_MS, End: AT_MS + DAY_MS };
      const granted = await call(CUSTOMER, { ...range, CustSpaceId: SPACE_CUSTOMER, IsvCode: ISV_CODE });
      assert.deepEqual(rows(granted).map((row) => row.slice(2)), [[NUMBER_CUSTOMER, 1, 0]]);
      await expectRefusal(CUSTOMER, { ...range, CustSpaceId: SPACE_CUSTOMER }, 'Unknown.ResourceOwnerId');
    });

    test('missing and invalid parameters', async () => {
      await expectRefusal(OWNER, { End: RANGE.End }, 'MissingStart');
      await expectRefusal(OWNER, { Start: RANGE.Start }, 'MissingEnd');
      await expectRefusal(OWNER, { ...RANGE, Granularity: 'daily' }, 'InvalidParameter.Granularity');
      await expectRefusal(OWNER, { ...RANGE, Start: -1 }, 'InvalidParameter.Start');
      await expectRefusal(OWNER, { ...RANGE, End: RANGE.Start }, 'InvalidParameter.TimeRange');
      await expectRefusal(OWNER, { ...RANGE, PhoneNumber: '+' }, 'InvalidParameter.PhoneNumber');
    });

    test('credentials', async () => {
      await expectRefusal([OWNER[0], 'not the secret'], RANGE, 'SignatureDoesNotMatch');
      await expectRefusal(UNKNOWN, RANGE, 'InvalidAccessKeyId.NotFound', 404);
      await expectRefusal(INACTIVE, RANGE, 'InvalidAccessKeyId.Inactive');
    });

    test('clock skew', async (context) => {
      context.mock.timers.enable({ apis: ['Date'], now: Date.now() - 960_000 });
      await expectRefusal(OWNER, RANGE, 'InvalidTimeStamp.Expired');
      context.mock.timers.reset();
      context.mock.timers.enable({ apis: ['Date'], now: Date.now() + 840_000 });
      assert.equal((await call(OWNER, RANGE)).Code, 'OK');
    });

    test('EnableWhatsappROIMetric', async () => {
      await sleep(1100);
      for (let index = 0; index < 2; index += 1) {
        assert.equal((await call(OWNER, {}, ENABLE)).Code, 'OK');
      }
    });
  });
}
