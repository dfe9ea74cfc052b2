package com.aliyun.cams20200606.models;

import com.aliyun.tea.NameInMap;
import com.aliyun.tea.TeaModel;
import java.util.Map;

/** Ours, in the shape of the generated class: ../README.md. */
public class GetChatappPhoneNumberMetricResponse extends TeaModel {
    @NameInMap("headers")
    public Map<String, String> headers;

    @NameInMap("statusCode")
    public Integer statusCode;

    @NameInMap("body")
    public GetChatappPhoneNumberMetricResponseBody body;

    public GetChatappPhoneNumberMetricResponse setHeaders(Map<String, String> headers) {
        this.headers = headers;
        return this;
    }

    public Map<String, String> getHeaders() {
        return this.headers;
    }

    public GetChatappPhoneNumberMetricResponse setStatusCode(Integer statusCode) {
        this.statusCode = statusCode;
        return this;
    }

    public Integer getStatusCode() {
        return this.statusCode;
    }

    public GetChatappPhoneNumberMetricResponse setBody(GetChatappPhoneNumberMetricResponseBody body) {
        this.body = body;
        return this;
    }

    public GetChatappPhoneNumberMetricResponseBody getBody() {
        return this.body;
    }
}
