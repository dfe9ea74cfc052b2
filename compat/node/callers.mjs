// The official Node SDKs behind one small face. Each is used unchanged; only the
// endpoint (and, for http, the protocol) is set.

import Cams, { GetChatappPhoneNumberMetricRequest } from '@alicloud/cams20200606';
import OpenApi from '@alicloud/openapi-client';
import PopCore from '@alicloud/pop-core';
import TeaUtil from '@alicloud/tea-util';

const VERSION = '2020-06-06';
export const METRIC = 'GetChatappPhoneNumberMetric';
export const ENABLE = 'EnableWhatsappROIMetric';

// An error as the SDK reported it.
export class Refused extends Error {
  constructor(code, status, message, requestId) {
    super(message);
    Object.assign(this, { code, status, requestId });
  }
}

export function rows(body) {
  return body.Data.map((row) => [row.Start, row.End, row.PhoneNumber, row.SentCount, row.DeliveredCount]);
}

function teaCaller(name, { signatureAlgorithm, method = 'POST', typed = true } = {}) {
  return {
    name,
    async call(port, [accessKeyId, accessKeySecret], parameters, action = METRIC) {
      const client = new Cams.default(
        new OpenApi.Config({
          accessKeyId,
          accessKeySecret,
          endpoint: `127.0.0.1:${port}`,
          protocol: 'http',
          signatureAlgorithm,
        }),
      );
      try {
        if (typed && action === METRIC) {
          const names = Object.entries(GetChatappPhoneNumberMetricRequest.names());
          const request = new GetChatappPhoneNumberMetricRequest(
            Object.fromEntries(names.map(([field, wire]) => [field, parameters[wire]])),
          );
          const answer = await client.getChatappPhoneNumberMetric(request);
          return wireBody(answer.body);
        }
        const params = new OpenApi.Params({
          action,
          version: VERSION,
          protocol: 'http',
          pathname: '/',
          method,
          authType: 'AK',
          style: 'RPC',
          reqBodyType: 'formData',
          bodyType: 'json',
        });
        const query = Object.fromEntries(Object.entries(parameters).map(([key, value]) => [key, String(value)]));
        const request = new OpenApi.OpenApiRequest({ query });
        return (await client.callApi(params, request, new TeaUtil.RuntimeOptions({}))).body;
      } catch (error) {
        if (error.code === undefined || error.data === undefined) {
          throw error;
        }
        throw new Refused(error.code, error.data.statusCode, error.message, error.data.RequestId);
      }
    },
  };
}

function wireBody(body) {
  return {
    RequestId: body.requestId,
    Code: body.code,
    Message: body.message,
    AccessDeniedDetail: body.accessDeniedDetail,
    Data: body.data.map((row) => ({
      Start: row.start,
      End: row.end,
      PhoneNumber: row.phoneNumber,
      SentCount: row.sentCount,
      DeliveredCount: row.deliveredCount,
      Granularity: row.granularity,
    })),
  };
}

function popCaller(name, method) {
  return {
    name,
    async call(port, [accessKeyId, accessKeySecret], parameters, action = METRIC) {
      const client = new PopCore.RPCClient({
        accessKeyId,
        accessKeySecret,
        endpoint: `http://127.0.0.1:${port}`,
        apiVersion: VERSION,
      });
      try {
        return await client.request(action, parameters, { method, formatParams: false });
      } catch (error) {
        if (error.code === undefined || error.data === undefined) {
          throw error;
        }
        // pop-core does not hand the HTTP status on.
        throw new Refused(error.code, undefined, error.message, error.data.RequestId);
      }
    },
  };
}

export const callers = [
  teaCaller('cams-v3'),
  teaCaller('cams-v3-get', { method: 'GET', typed: false }),
  teaCaller('cams-v3-sm3', { signatureAlgorithm: 'ACS3-HMAC-SM3' }),
  teaCaller('cams-v1', { signatureAlgorithm: 'v2' }),
  popCaller('pop-core-get', 'GET'),
  popCaller('pop-core-post', 'POST'),
];
