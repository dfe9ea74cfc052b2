package com.aliyun.sdk.service.cams20200606.models;

import java.util.HashMap;
import java.util.Map;

/** Ours, in the shape of the generated class: ../README.md. */
public final class GetChatappPhoneNumberMetricRequest {
    private final Map<String, String> query;

    private GetChatappPhoneNumberMetricRequest(Map<String, String> query) {
        this.query = query;
    }

    public static Builder builder() {
        return new Builder();
    }

    public Map<String, String> query() {
        return query;
    }

    /** Builds a request. */
    public static final class Builder {
        private final Map<String, String> query = new HashMap<>();

        public Builder custSpaceId(String custSpaceId) {
            query.put("CustSpaceId", custSpaceId.toString());
            return this;
        }

        public Builder end(Long end) {
            query.put("End", end.toString());
            return this;
        }

        public Builder granularity(String granularity) {
            query.put("Granularity", granularity.toString());
            return this;
        }

        public Builder isvCode(String isvCode) {
            query.put("IsvCode", isvCode.toString());
            return this;
        }

        public Builder phoneNumber(String phoneNumber) {
            query.put("PhoneNumber", phoneNumber.toString());
            return this;
        }

        public Builder start(Long start) {
            query.put("Start", start.toString());
            return this;
        }

        public GetChatappPhoneNumberMetricRequest build() {
            return new GetChatappPhoneNumberMetricRequest(query);
        }
    }
}
