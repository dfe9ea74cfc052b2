import com.aliyun.auth.credentials.Credential;
import com.aliyun.auth.credentials.provider.StaticCredentialProvider;
import com.aliyun.sdk.gateway.pop.Configuration;
import com.aliyun.sdk.gateway.pop.auth.SignatureVersion;
import com.aliyun.sdk.gateway.pop.clients.CommonAsyncClient;
import com.aliyun.sdk.gateway.pop.models.CommonRequest;
import com.google.gson.Gson;
import darabonba.core.client.ClientOverrideConfiguration;

public class Sample {
    public static void main(String[] args) throws Exception {
        StaticCredentialProvider credentials = StaticCredentialProvider.create(Credential.builder()
                .accessKeyId(System.getenv("ALIBABA_CLOUD_ACCESS_KEY_ID"))
                .accessKeySecret(System.getenv("ALIBABA_CLOUD_ACCESS_KEY_SECRET"))
                .build());
        try (CommonAsyncClient client = CommonAsyncClient.builder()
                .credentialsProvider(credentials)
                .serviceConfiguration(Configuration.create().setSignatureVersion(SignatureVersion.V3))
                .overrideConfiguration(ClientOverrideConfiguration.create()
⟦?protocol⟧                        .setProtocol("HTTP")
⟦/⟧                        .setEndpointOverride(⟦host:string⟧))
                .build()) {
            CommonRequest request = CommonRequest.builder()
                    .product("⟦product:name⟧")
                    .version(⟦version:string⟧)
                    .action("⟦action:name⟧")
⟦*⟧                    .putQueryParameters(⟦key:string⟧, ⟦value:string⟧)
⟦/⟧                    .build();
            System.out.println(new Gson().toJson(client.callApi(request).get().getBody()));
        }
    }
}
