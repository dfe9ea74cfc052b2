import com.aliyun.auth.credentials.Credential;
import com.aliyun.auth.credentials.provider.StaticCredentialProvider;
import com.aliyun.sdk.service.cams20200606.AsyncClient;
import com.aliyun.sdk.service.cams20200606.models.GetChatappPhoneNumberMetricRequest;
import com.aliyun.sdk.service.cams20200606.models.GetChatappPhoneNumberMetricResponse;
import com.aliyun.sdk.service.cams20200606.models.GetChatappPhoneNumberMetricResponseBody;
import darabonba.core.client.ClientOverrideConfiguration;
import java.util.concurrent.CompletableFuture;

public class Sample {
    public static void main(String[] args) throws Exception {
        StaticCredentialProvider credentials = StaticCredentialProvider.create(Credential.builder()
                .accessKeyId(System.getenv("ALIBABA_CLOUD_ACCESS_KEY_ID"))
                .accessKeySecret(System.getenv("ALIBABA_CLOUD_ACCESS_KEY_SECRET"))
                .build());
        try (AsyncClient client = AsyncClient.builder()
                .credentialsProvider(credentials)
                .overrideConfiguration(ClientOverrideConfiguration.create()
⟦?protocol⟧                        .setProtocol("HTTP")
⟦/⟧                        .setEndpointOverride(⟦host:string⟧))
                .build()) {
            GetChatappPhoneNumberMetricRequest request = GetChatappPhoneNumberMetricRequest.builder()
⟦?IsvCode⟧                    .isvCode(⟦IsvCode:string⟧)
⟦/⟧⟦?CustSpaceId⟧                    .custSpaceId(⟦CustSpaceId:string⟧)
⟦/⟧⟦?Granularity⟧                    .granularity(⟦Granularity:string⟧)
⟦/⟧⟦?PhoneNumber⟧                    .phoneNumber(⟦PhoneNumber:string⟧)
⟦/⟧                    .start(⟦Start:int=1693107714687⟧L)
                    .end(⟦End:int=1693407714687⟧L)
                    .build();
            CompletableFuture<GetChatappPhoneNumberMetricResponse> future = client.getChatappPhoneNumberMetric(request);
            for (GetChatappPhoneNumberMetricResponseBody.Data row : future.get().getBody().getData()) {
                System.out.println(row.getStart() + " " + row.getPhoneNumber() + " " + row.getSentCount() + " " + row.getDeliveredCount());
            }
        }
    }
}
