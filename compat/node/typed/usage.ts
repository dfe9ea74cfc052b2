// What a user of the TypeScript SDK writes: typed requests, typed rows, the code of an
// error. Prints one line of JSON; `test/typescript.test.mjs` checks types and output.

import Client, {
  GetChatappPhoneNumberMetricRequest,
  GetChatappPhoneNumberMetricResponseBodyData,
} from '@alicloud/cams20200606';
import { Config } from '@alicloud/openapi-client';

interface Refusal {
  code: string;
  data: { RequestId: string };
}

function setting(name: string): string {
  const value = process.env[name];
  if (value === undefined) {
    throw new Error(`set ${name}`);
  }
  return value;
}

function client(): Client {
  return new Client(
    new Config({
      accessKeyId: setting('ALIBABA_CLOUD_ACCESS_KEY_ID'),
      accessKeySecret: setting('ALIBABA_CLOUD_ACCESS_KEY_SECRET'),
      endpoint: setting('CAMS_ENDPOINT'),
      protocol: setting('CAMS_PROTOCOL'),
      ca: process.env.CAMS_CA,
    }),
  );
}

async function sentByNumber(start: number, end: number): Promise<Map<string, number>> {
  const request = new GetChatappPhoneNumberMetricRequest({ start, end, granularity: 'DAILY' });
  const { body } = await client().getChatappPhoneNumberMetric(request);
  const sent = new Map<string, number>();
  const rows: GetChatappPhoneNumberMetricResponseBodyData[] = body?.data ?? [];
  for (const row of rows) {
    const number: string = row.phoneNumber ?? '';
    sent.set(number, (sent.get(number) ?? 0) + (row.sentCount ?? 0));
  }
  return sent;
}

async function codeOfAnEmptyRange(at: number): Promise<string> {
  try {
    await sentByNumber(at, at);
  } catch (error) {
    return (error as Refusal).code;
  }
  return 'none';
}

async function main(): Promise<void> {
  const end = Number(setting('CAMS_END'));
  const sent = await sentByNumber(Number(setting('CAMS_START')), end);
  console.log(JSON.stringify({ sent: Object.fromEntries(sent), code: await codeOfAnEmptyRange(end) }));
}

void main();
