package chatmetric.compat;

import com.aliyun.auth.credentials.Credential;
import com.aliyun.auth.credentials.provider.StaticCredentialProvider;
import com.aliyun.core.http.HttpMethod;
import com.aliyun.httpcomponent.httpclient.ApacheAsyncHttpClientBuilder;
import com.aliyun.sdk.gateway.pop.Configuration;
import com.aliyun.sdk.gateway.pop.auth.SignatureAlgorithm;
import com.aliyun.sdk.gateway.pop.auth.SignatureVersion;
import com.aliyun.sdk.gateway.pop.clients.CommonAsyncClient;
import com.aliyun.sdk.gateway.pop.exception.PopClientException;
import com.aliyun.sdk.gateway.pop.models.CommonRequest;
import darabonba.core.client.ClientOverrideConfiguration;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.X509TrustManager;

/** The common client of aliyun-gateway-pop, the library below every generated asynchronous client. */
record AsyncCaller(String way, HttpMethod method, SignatureVersion version, SignatureAlgorithm algorithm) implements Caller {
    private static final long TIMEOUT_S = 30;

    @Override
    public String artifact() {
        return "aliyun-gateway-pop";
    }

    @Override
    public String signature() {
        return version == SignatureVersion.V1 ? "RPC 1.0" : algorithm.algorithmName();
    }

    @Override
    @SuppressWarnings("unchecked")
    public Map<String, Object> call(Fixture on, Fixture.Case test) throws Exception {
        var key = on.keys.get(test.key);
        Configuration configuration = Configuration.create().setSignatureVersion(version);
        if (version == SignatureVersion.V3) {
            configuration.setSignatureAlgorithmV3(algorithm);
        }
        CommonRequest.Builder request = CommonRequest.builder()
                .product("cams")
                .version(VERSION)
                .action(METRIC)
                .httpMethod(method);
        test.parameters.forEach((name, value) -> request.putQueryParameters(name, value.toString()));
        if (test.clockS != 0) {
            // The SDK lets a caller write the time of a request.
            if (version == SignatureVersion.V1) {
                request.putQueryParameters("Timestamp", Caller.stamp(test.clockS));
            } else {
                request.putHeaderParameters("x-acs-date", Caller.stamp(test.clockS));
            }
        }
        ApacheAsyncHttpClientBuilder http = new ApacheAsyncHttpClientBuilder();
        if (on.caFile != null) {
            http.x509TrustManagers(new X509TrustManager[] {Trust.in(on.caFile)});
        }
        Credential.Builder credential = Credential.builder().accessKeyId(key.get(0)).accessKeySecret(key.get(1));
        if (key.size() > 2) {
            credential.securityToken(key.get(2));
        }
        try (CommonAsyncClient client = CommonAsyncClient.builder()
                .httpClient(http.build())
                .credentialsProvider(StaticCredentialProvider.create(credential.build()))
                .serviceConfiguration(configuration)
                .overrideConfiguration(ClientOverrideConfiguration.create()
                        .setProtocol(on.scheme.toUpperCase(java.util.Locale.ROOT))
                        .setEndpointOverride(on.endpoint))
                .build()) {
            return (Map<String, Object>) client.callApi(request.build()).get(TIMEOUT_S, TimeUnit.SECONDS).getBody();
        } catch (ExecutionException failed) {
            if (failed.getCause() instanceof PopClientException error && error.getData() != null) {
                throw new Failure(
                        error.getErrCode(),
                        error.getStatusCode(),
                        error.getErrMessage(),
                        error.getRequestId(),
                        error.getAccessDeniedDetail(),
                        error);
            }
            throw failed;
        }
    }
}
