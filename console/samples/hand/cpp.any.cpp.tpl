#include <alibabacloud/Openapi.hpp>
#include <cstdlib>
#include <iostream>
#include <map>
#include <string>

int main() {
  AlibabaCloud::OpenApi::Utils::Models::Config config;
  config.setAccessKeyId(std::getenv("ALIBABA_CLOUD_ACCESS_KEY_ID"));
  config.setAccessKeySecret(std::getenv("ALIBABA_CLOUD_ACCESS_KEY_SECRET"));
⟦?protocol⟧  config.setProtocol(⟦protocol:string⟧);
⟦/⟧  config.setEndpoint(⟦host:string⟧);
  AlibabaCloud::OpenApi::Client client(config);

  AlibabaCloud::OpenApi::Utils::Models::Params params;
  params.setAction("⟦action:name⟧");
  params.setVersion(⟦version:string⟧);
  params.setProtocol("HTTPS");
  params.setPathname("/");
  params.setMethod("POST");
  params.setAuthType("AK");
  params.setStyle("RPC");
  params.setReqBodyType("formData");
  params.setBodyType("json");

  std::map<std::string, std::string> query;
⟦*⟧  query[⟦key:string⟧] = ⟦value:string⟧;
⟦/⟧  AlibabaCloud::OpenApi::Utils::Models::OpenApiRequest request;
  request.setQuery(query);

  const auto response = client.callApi(params, request, Darabonba::RuntimeOptions());
  std::cout << response.at("body").dump(2) << "\n";
}
