// Ours, in the shape of the generated C++ client that cannot be had here:
// ../../../README.md. See Openapi.hpp.
#pragma once

#include <alibabacloud/Openapi.hpp>
#include <cstdlib>
#include <vector>

namespace AlibabaCloud {
namespace Cams20200606 {
namespace Models {
class GetChatappPhoneNumberMetricRequest {
public:
  Standin::Members members;
  STANDIN_MEMBER(GetChatappPhoneNumberMetricRequest, setCustSpaceId, "custSpaceId")
  STANDIN_MEMBER(GetChatappPhoneNumberMetricRequest, setGranularity, "granularity")
  STANDIN_MEMBER(GetChatappPhoneNumberMetricRequest, setIsvCode, "isvCode")
  STANDIN_MEMBER(GetChatappPhoneNumberMetricRequest, setPhoneNumber, "phoneNumber")
  GetChatappPhoneNumberMetricRequest &setStart(int64_t value) { return setNumber("start", value); }
  GetChatappPhoneNumberMetricRequest &setEnd(int64_t value) { return setNumber("end", value); }

private:
  GetChatappPhoneNumberMetricRequest &setNumber(const char *name, int64_t value) {
    members[name] = std::to_string(value);
    return *this;
  }
};

class GetChatappPhoneNumberMetricResponseBody {
public:
  class Data {
  public:
    Data(int64_t start, std::string number, int32_t sent, int32_t delivered) : start(start), number(number), sent(sent), delivered(delivered) {}
    int32_t getDeliveredCount() const { return delivered; }
    std::string getPhoneNumber() const { return number; }
    int32_t getSentCount() const { return sent; }
    int64_t getStart() const { return start; }

  private:
    int64_t start;
    std::string number;
    int32_t sent, delivered;
  };
  // What is not const is handed out as a copy, as by the vendor: a reference would dangle.
  const std::vector<Data> &getData() const { return data; }
  std::vector<Data> getData() { return data; }
  std::vector<Data> data;
};

class GetChatappPhoneNumberMetricResponse {
public:
  const GetChatappPhoneNumberMetricResponseBody &getBody() const { return body; }
  GetChatappPhoneNumberMetricResponseBody getBody() { return body; }
  GetChatappPhoneNumberMetricResponseBody body;
};
} // namespace Models

class Client : public OpenApi::Client {
public:
  Client(OpenApi::Utils::Models::Config &config) : OpenApi::Client(config) {}

  Models::GetChatappPhoneNumberMetricResponse getChatappPhoneNumberMetric(const Models::GetChatappPhoneNumberMetricRequest &request) {
    Standin::seen("request", request.members);
    Models::GetChatappPhoneNumberMetricResponse response;
    const char *rows = std::getenv("STANDIN_ROWS");
    if (rows == nullptr || std::string(rows) != "none") {
      response.body.data.emplace_back(1693107714687, "15550100101", 3, 2);
      response.body.data.emplace_back(1693194114687, "15550100102", 1, 0);
    }
    return response;
  }
};
} // namespace Cams20200606
} // namespace AlibabaCloud
