package com.aliyun.sdk.service.cams20200606.models;

import java.util.Map;

/** Ours, in the shape of the generated class: ../README.md. */
public final class GetChatappPhoneNumberMetricResponse {
    private final GetChatappPhoneNumberMetricResponseBody body;

    public GetChatappPhoneNumberMetricResponse(Map<String, Object> body) {
        this.body = new GetChatappPhoneNumberMetricResponseBody(body);
    }

    public GetChatappPhoneNumberMetricResponseBody getBody() {
        return body;
    }
}
