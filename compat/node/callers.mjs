// The official Node SDKs behind one small face. Each is used unchanged; only the
// endpoint (and, for http, the protocol; for a private CA, the CA) is set.

import { Agent } from 'node:https';
import Cams, { GetChatappPhoneNumberMetricRequest } from '@alicloud/cams20200606';
import OpenApi from '@alicloud/openapi-client';
import * as OpenApiCore from '@alicloud/openapi-core';
import * as Dara from '@darabonba/typescript';
import PopCore from '@alicloud/pop-core';
import TeaUtil from '@alicloud/tea-util';

const VERSION = '2020-06-06';
export const METRIC = 'GetChatappPhoneNumberMetric';
export const ENABLE = 'EnableWhatsappROIMetric';

// An error as the SDK reported it.
export class Refused extends Error {
  constructor(code, status, message, requestId, detail) {
    super(message);
    Object.assign(this, { code, status, requestId, detail });
  }
}

export function rows(body) {
  return body.Data.map((row) => [row.Start, row.End, row.PhoneNumber, row.SentCount, row.DeliveredCount]);
}

function signatureName(algorithm = 'ACS3-HMAC-SHA256') {
  return algorithm === 'v2' ? 'RPC 1.0' : algorithm;
}

function configuration(on, [accessKeyId, accessKeySecret, securityToken], signatureAlgorithm) {
  return {
    accessKeyId,
    accessKeySecret,
    securityToken,
    type: securityToken === undefined ? undefined : 'sts',
    endpoint: on.endpoint,
    protocol: on.scheme,
    ca: on.ca,
    signatureAlgorithm,
  };
}

function parameters(action, method, scheme) {
  return {
    action,
    version: VERSION,
    protocol: scheme,
    pathname: '/',
    method,
    authType: 'AK',
    style: 'RPC',
    reqBodyType: 'formData',
    bodyType: 'json',
  };
}

function texts(query) {
  return Object.fromEntries(Object.entries(query).map(([key, value]) => [key, String(value)]));
}

function teaCaller(name, { signatureAlgorithm, method = 'POST', typed = true } = {}) {
  return {
    name,
    package: '@alicloud/cams20200606',
    signature: signatureName(signatureAlgorithm),
    async call(on, key, query, action = METRIC) {
      const client = new Cams.default(new OpenApi.Config(configuration(on, key, signatureAlgorithm)));
      try {
        if (typed && action === METRIC) {
          const names = Object.entries(GetChatappPhoneNumberMetricRequest.names());
          const request = new GetChatappPhoneNumberMetricRequest(
            Object.fromEntries(names.map(([field, wire]) => [field, query[wire]])),
          );
          const answer = await client.getChatappPhoneNumberMetric(request);
          return wireBody(answer.body);
        }
        const params = new OpenApi.Params(parameters(action, method, on.scheme));
        const request = new OpenApi.OpenApiRequest({ query: texts(query) });
        return (await client.callApi(params, request, new TeaUtil.RuntimeOptions({}))).body;
      } catch (error) {
        if (error.code === undefined || error.data === undefined) {
          throw error;
        }
        const { statusCode, RequestId } = error.data;
        throw new Refused(error.code, statusCode, error.message, RequestId, error.accessDeniedDetail);
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

function coreCaller(name, { signatureAlgorithm, method = 'POST' } = {}) {
  const { Config, OpenApiRequest, Params } = OpenApiCore.$OpenApiUtil;
  return {
    name,
    package: '@alicloud/openapi-core',
    signature: signatureName(signatureAlgorithm),
    async call(on, key, query, action = METRIC) {
      const client = new OpenApiCore.default.default(new Config(configuration(on, key, signatureAlgorithm)));
      const params = new Params(parameters(action, method, on.scheme));
      try {
        const request = new OpenApiRequest({ query: texts(query) });
        return (await client.callApi(params, request, new Dara.RuntimeOptions({}))).body;
      } catch (error) {
        if (!(error instanceof OpenApiCore.ClientError)) {
          throw error;
        }
        const { code, statusCode, message, data, accessDeniedDetail } = error;
        throw new Refused(code, statusCode, message, data.RequestId, accessDeniedDetail);
      }
    },
  };
}

function popCaller(name, method) {
  return {
    name,
    package: '@alicloud/pop-core',
    signature: 'RPC 1.0',
    async call(on, [accessKeyId, accessKeySecret, securityToken], query, action = METRIC) {
      const client = new PopCore.RPCClient({
        accessKeyId,
        accessKeySecret,
        securityToken,
        endpoint: `${on.scheme}://${on.endpoint}`,
        apiVersion: VERSION,
        opts: on.ca === undefined ? {} : { agent: new Agent({ ca: on.ca, keepAlive: true }) },
      });
      try {
        return await client.request(action, query, { method, formatParams: false });
      } catch (error) {
        if (error.code === undefined || error.data === undefined) {
          throw error;
        }
        // pop-core does not hand the HTTP status on.
        const { RequestId, AccessDeniedDetail } = error.data;
        throw new Refused(error.code, undefined, error.message, RequestId, AccessDeniedDetail);
      }
    },
  };
}

export const callers = [
  teaCaller('typed POST'),
  teaCaller('generic GET', { method: 'GET', typed: false }),
  teaCaller('typed SM3', { signatureAlgorithm: 'ACS3-HMAC-SM3' }),
  teaCaller('typed V1', { signatureAlgorithm: 'v2' }),
  teaCaller('generic V1 GET', { signatureAlgorithm: 'v2', method: 'GET', typed: false }),
  coreCaller('generic POST'),
  coreCaller('generic GET', { method: 'GET' }),
  coreCaller('generic SM3', { signatureAlgorithm: 'ACS3-HMAC-SM3' }),
  coreCaller('generic V1', { signatureAlgorithm: 'v2' }),
  popCaller('GET', 'GET'),
  popCaller('POST', 'POST'),
];
