package com.aliyun.cams20200606;

import com.aliyun.cams20200606.models.GetChatappPhoneNumberMetricRequest;
import com.aliyun.cams20200606.models.GetChatappPhoneNumberMetricResponse;
import com.aliyun.tea.TeaModel;
import com.aliyun.teaopenapi.models.Config;
import com.aliyun.teaopenapi.models.OpenApiRequest;
import com.aliyun.teaopenapi.models.Params;
import com.aliyun.teautil.models.RuntimeOptions;
import java.util.HashMap;
import java.util.Map;

/** Ours, in the shape of the generated client that cannot be had here: ../README.md. */
public class Client extends com.aliyun.teaopenapi.Client {
    public Client(Config config) throws Exception {
        super(config);
    }

    public GetChatappPhoneNumberMetricResponse getChatappPhoneNumberMetric(GetChatappPhoneNumberMetricRequest request) throws Exception {
        Map<String, String> query = new HashMap<>();
        request.toMap().forEach((name, value) -> {
            if (value != null) {
                query.put(name, value.toString());
            }
        });
        Params params = new Params()
                .setAction("GetChatappPhoneNumberMetric")
                .setVersion("2020-06-06")
                .setProtocol("HTTPS")
                .setPathname("/")
                .setMethod("POST")
                .setAuthType("AK")
                .setStyle("RPC")
                .setReqBodyType("formData")
                .setBodyType("json");
        Map<String, ?> answer = callApi(params, new OpenApiRequest().setQuery(query), new RuntimeOptions());
        return TeaModel.toModel(answer, new GetChatappPhoneNumberMetricResponse());
    }
}
