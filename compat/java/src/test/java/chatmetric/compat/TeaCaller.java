package chatmetric.compat;

import com.aliyun.tea.TeaException;
import com.aliyun.teaopenapi.Client;
import com.aliyun.teaopenapi.models.Config;
import com.aliyun.teaopenapi.models.OpenApiRequest;
import com.aliyun.teaopenapi.models.Params;
import com.aliyun.teautil.models.RuntimeOptions;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;

/** The generic call of tea-openapi, the library below every generated synchronous client. */
record TeaCaller(String way, String method, String algorithm) implements Caller {
    private static final String V1 = "v2";

    @Override
    public String artifact() {
        return "tea-openapi";
    }

    @Override
    public String signature() {
        return algorithm == null ? "ACS3-HMAC-SHA256" : algorithm.equals(V1) ? "RPC 1.0" : algorithm;
    }

    @Override
    @SuppressWarnings("unchecked")
    public Map<String, Object> call(Fixture on, Fixture.Case test) throws Exception {
        var key = on.keys.get(test.key);
        Config config = new Config()
                .setAccessKeyId(key.get(0))
                .setAccessKeySecret(key.get(1))
                .setSecurityToken(key.size() > 2 ? key.get(2) : null)
                .setType(key.size() > 2 ? "sts" : null)
                .setEndpoint(on.endpoint)
                .setProtocol(on.scheme)
                .setSignatureAlgorithm(algorithm);
        if (on.caFile != null) {
            config.setCa(Files.readString(Path.of(on.caFile)));
        }
        Params params = new Params()
                .setAction(METRIC)
                .setVersion(VERSION)
                .setProtocol(on.scheme)
                .setPathname("/")
                .setMethod(method)
                .setAuthType("AK")
                .setStyle("RPC")
                .setReqBodyType("formData")
                .setBodyType("json");
        Map<String, String> query = new HashMap<>();
        test.parameters.forEach((name, value) -> query.put(name, value.toString()));
        OpenApiRequest request = new OpenApiRequest().setQuery(query);
        if (test.clockS != 0) {
            // The SDK lets a caller write the time of a request.
            if (V1.equals(algorithm)) {
                query.put("Timestamp", Caller.stamp(test.clockS));
            } else {
                request.setHeaders(Map.of("x-acs-date", Caller.stamp(test.clockS)));
            }
        }
        try {
            return (Map<String, Object>) new Client(config).callApi(params, request, new RuntimeOptions()).get("body");
        } catch (TeaException error) {
            if (error.getData() == null) {
                throw error;
            }
            throw new Failure(
                    error.getCode(),
                    error.getStatusCode(),
                    error.getMessage(),
                    String.valueOf(error.getData().get("RequestId")),
                    error.getAccessDeniedDetail(),
                    error);
        }
    }
}
