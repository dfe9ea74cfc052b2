// Ours, in the shape of the generated client that cannot be had here: ../../../README.md.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace AlibabaCloud {
namespace OpenApi {
namespace Utils {
namespace Models {
struct Config {
  Config &setAccessKeyId(std::string value);
  Config &setAccessKeySecret(std::string value);
  Config &setProtocol(std::string value);
  Config &setEndpoint(std::string value);
};
} // namespace Models
} // namespace Utils
} // namespace OpenApi

namespace Cams20200606 {
namespace Models {
struct GetChatappPhoneNumberMetricRequest {
  GetChatappPhoneNumberMetricRequest &setCustSpaceId(std::string value);
  GetChatappPhoneNumberMetricRequest &setEnd(int64_t value);
  GetChatappPhoneNumberMetricRequest &setGranularity(std::string value);
  GetChatappPhoneNumberMetricRequest &setIsvCode(std::string value);
  GetChatappPhoneNumberMetricRequest &setPhoneNumber(std::string value);
  GetChatappPhoneNumberMetricRequest &setStart(int64_t value);
};

struct GetChatappPhoneNumberMetricResponseBody {
  struct Data {
    int32_t getDeliveredCount() const;
    int64_t getEnd() const;
    std::string getGranularity() const;
    std::string getPhoneNumber() const;
    int32_t getSentCount() const;
    int64_t getStart() const;
  };
  const std::vector<Data> &getData() const;
  std::vector<Data> getData();
};

struct GetChatappPhoneNumberMetricResponse {
  const GetChatappPhoneNumberMetricResponseBody &getBody() const;
  GetChatappPhoneNumberMetricResponseBody getBody();
};
} // namespace Models

struct Client {
  explicit Client(OpenApi::Utils::Models::Config &config);
  Models::GetChatappPhoneNumberMetricResponse getChatappPhoneNumberMetric(const Models::GetChatappPhoneNumberMetricRequest &request);
};
} // namespace Cams20200606
} // namespace AlibabaCloud
