package chatmetric.compat;

import static org.mockito.ArgumentMatchers.any;

import com.aliyuncs.CommonRequest;
import com.aliyuncs.DefaultAcsClient;
import com.aliyuncs.auth.AlibabaCloudCredentials;
import com.aliyuncs.auth.BasicCredentials;
import com.aliyuncs.auth.BasicSessionCredentials;
import com.aliyuncs.auth.SignatureVersion;
import com.aliyuncs.auth.StaticCredentialsProvider;
import com.aliyuncs.exceptions.ClientException;
import com.aliyuncs.http.HttpClientConfig;
import com.aliyuncs.http.MethodType;
import com.aliyuncs.http.ProtocolType;
import com.aliyuncs.http.clients.ApacheHttpClient;
import com.aliyuncs.profile.DefaultProfile;
import com.aliyuncs.utils.ParameterHelper;
import java.util.Map;
import javax.net.ssl.X509TrustManager;
import org.mockito.MockedStatic;
import org.mockito.Mockito;

/** CommonRequest of aliyun-java-sdk-core. */
record CoreCaller(String way, MethodType method, SignatureVersion version) implements Caller {
    @Override
    public String artifact() {
        return "aliyun-java-sdk-core";
    }

    @Override
    public String signature() {
        return switch (version) {
            case V1 -> "RPC 1.0";
            case V3 -> "ACS3-HMAC-SHA256";
        };
    }

    @Override
    public boolean tellsStatus() {
        return false;
    }

    @Override
    public Map<String, Object> call(Fixture on, Fixture.Case test) throws Exception {
        if (test.clockS == 0) {
            return send(on, test);
        }
        // The SDK reads the clock itself.
        try (MockedStatic<ParameterHelper> clock = Mockito.mockStatic(ParameterHelper.class, Mockito.CALLS_REAL_METHODS)) {
            clock.when(() -> ParameterHelper.getISO8601Time(any())).thenReturn(Caller.stamp(test.clockS));
            return send(on, test);
        }
    }

    @SuppressWarnings("unchecked")
    private Map<String, Object> send(Fixture on, Fixture.Case test) throws Exception {
        var key = on.keys.get(test.key);
        AlibabaCloudCredentials credentials = key.size() > 2
                ? new BasicSessionCredentials(key.get(0), key.get(1), key.get(2))
                : new BasicCredentials(key.get(0), key.get(1));
        DefaultProfile profile = DefaultProfile.getProfile("ap-southeast-1");
        HttpClientConfig http = HttpClientConfig.getDefault();
        if (on.caFile != null) {
            http.setX509TrustManagers(new X509TrustManager[] {Trust.in(on.caFile)});
        }
        profile.setHttpClientConfig(http);
        DefaultAcsClient client = new DefaultAcsClient(profile, new StaticCredentialsProvider(credentials));
        CommonRequest request = new CommonRequest();
        request.setSysMethod(method);
        request.setSysProtocol(ProtocolType.valueOf(on.scheme.toUpperCase(java.util.Locale.ROOT)));
        request.setSysDomain(on.endpoint);
        request.setSysProduct("cams");
        request.setSysVersion(VERSION);
        request.setSysAction(METRIC);
        request.setSysSignatureVersion(version);
        test.parameters.forEach((name, value) -> request.putQueryParameter(name, value.toString()));
        try {
            return Fixture.Json.GSON.fromJson(client.getCommonResponse(request).getData(), Map.class);
        } catch (ClientException error) {
            if (error.getRequestId() == null) {
                throw error;
            }
            throw new Failure(
                    error.getErrCode(), null, error.getErrMsg(), error.getRequestId(), error.getAccessDeniedDetail(), error);
        } finally {
            // It is one for the whole process and would keep the CA of its first user.
            ApacheHttpClient.getInstance().close();
        }
    }
}
