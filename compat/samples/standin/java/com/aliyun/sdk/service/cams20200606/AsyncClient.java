package com.aliyun.sdk.service.cams20200606;

import com.aliyun.auth.credentials.provider.ICredentialProvider;
import com.aliyun.sdk.gateway.pop.clients.CommonAsyncClient;
import com.aliyun.sdk.gateway.pop.clients.CommonAsyncClientBuilder;
import com.aliyun.sdk.gateway.pop.models.CommonRequest;
import com.aliyun.sdk.service.cams20200606.models.GetChatappPhoneNumberMetricRequest;
import com.aliyun.sdk.service.cams20200606.models.GetChatappPhoneNumberMetricResponse;
import darabonba.core.client.ClientOverrideConfiguration;
import java.util.Map;
import java.util.concurrent.CompletableFuture;

/** Ours, in the shape of the generated client that cannot be had here: ../README.md. */
public final class AsyncClient implements AutoCloseable {
    private final CommonAsyncClient client;

    private AsyncClient(CommonAsyncClient client) {
        this.client = client;
    }

    public static Builder builder() {
        return new Builder();
    }

    @SuppressWarnings("unchecked")
    public CompletableFuture<GetChatappPhoneNumberMetricResponse> getChatappPhoneNumberMetric(GetChatappPhoneNumberMetricRequest request) {
        CommonRequest.Builder call =
                CommonRequest.builder().product("cams").version("2020-06-06").action("GetChatappPhoneNumberMetric");
        request.query().forEach(call::putQueryParameters);
        return client.callApi(call.build())
                .thenApply(answer -> new GetChatappPhoneNumberMetricResponse((Map<String, Object>) answer.getBody()));
    }

    @Override
    public void close() {
        client.close();
    }

    /** Builds a client. */
    public static final class Builder {
        private final CommonAsyncClientBuilder builder = CommonAsyncClient.builder();

        public Builder credentialsProvider(ICredentialProvider provider) {
            builder.credentialsProvider(provider);
            return this;
        }

        public Builder overrideConfiguration(ClientOverrideConfiguration configuration) {
            builder.overrideConfiguration(configuration);
            return this;
        }

        public AsyncClient build() {
            return new AsyncClient(builder.build());
        }
    }
}
