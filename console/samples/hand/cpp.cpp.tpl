#include <alibabacloud/Cams20200606.hpp>
#include <cstdlib>
#include <iostream>

int main() {
  AlibabaCloud::OpenApi::Utils::Models::Config config;
  config.setAccessKeyId(std::getenv("ALIBABA_CLOUD_ACCESS_KEY_ID"));
  config.setAccessKeySecret(std::getenv("ALIBABA_CLOUD_ACCESS_KEY_SECRET"));
⟦?protocol⟧  config.setProtocol(⟦protocol:string⟧);
⟦/⟧  config.setEndpoint(⟦host:string⟧);
  AlibabaCloud::Cams20200606::Client client(config);

  AlibabaCloud::Cams20200606::Models::GetChatappPhoneNumberMetricRequest request;
⟦?IsvCode⟧  request.setIsvCode(⟦IsvCode:string⟧);
⟦/⟧⟦?CustSpaceId⟧  request.setCustSpaceId(⟦CustSpaceId:string⟧);
⟦/⟧⟦?Granularity⟧  request.setGranularity(⟦Granularity:string⟧);
⟦/⟧⟦?PhoneNumber⟧  request.setPhoneNumber(⟦PhoneNumber:string⟧);
⟦/⟧  request.setStart(⟦Start:int=1693107714687⟧);
  request.setEnd(⟦End:int=1693407714687⟧);

  const auto response = client.getChatappPhoneNumberMetric(request);
  for (const auto &row : response.getBody().getData()) {
    std::cout << row.getStart() << " " << row.getPhoneNumber() << " " << row.getSentCount() << " " << row.getDeliveredCount() << "\n";
  }
}
