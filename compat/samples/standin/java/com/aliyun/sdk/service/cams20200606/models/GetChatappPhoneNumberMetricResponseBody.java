package com.aliyun.sdk.service.cams20200606.models;

import java.util.List;
import java.util.Map;

/** Ours, in the shape of the generated class: ../README.md. */
public final class GetChatappPhoneNumberMetricResponseBody {
    private final List<Data> data;

    @SuppressWarnings("unchecked")
    GetChatappPhoneNumberMetricResponseBody(Map<String, Object> body) {
        this.data = ((List<Map<String, Object>>) body.get("Data")).stream().map(Data::new).toList();
    }

    public List<Data> getData() {
        return data;
    }

    /** A row. */
    public static final class Data {
        private final Map<String, Object> row;

        Data(Map<String, Object> row) {
            this.row = row;
        }

        public Integer getDeliveredCount() {
            return ((Number) row.get("DeliveredCount")).intValue();
        }

        public Long getEnd() {
            return ((Number) row.get("End")).longValue();
        }

        public String getGranularity() {
            return (String) row.get("Granularity");
        }

        public String getPhoneNumber() {
            return (String) row.get("PhoneNumber");
        }

        public Integer getSentCount() {
            return ((Number) row.get("SentCount")).intValue();
        }

        public Long getStart() {
            return ((Number) row.get("Start")).longValue();
        }
    }
}
