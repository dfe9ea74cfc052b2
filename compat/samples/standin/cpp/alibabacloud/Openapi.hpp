// Ours, in the shape of the vendor's generic C++ client that cannot be had here:
// ../../../README.md. Nothing is sent: what a sample gives to a client is written down in
// hex, and the answer is always the same. The vendor's Json is that of nlohmann.
#pragma once

#include <cstdint>
#include <cstdio>
#include <map>
#include <stdexcept>
#include <string>

namespace Standin {
inline std::string hex(const std::string &text) {
  std::string written;
  for (const unsigned char byte : text) {
    char digits[3];
    std::snprintf(digits, sizeof digits, "%02x", byte);
    written += digits;
  }
  return written;
}

inline void seen(const std::string &name, const std::string &value) {
  std::fprintf(stderr, "seen %s %s\n", hex(name).c_str(), hex(value).c_str());
}

// The members that were set, by their names.
using Members = std::map<std::string, std::string>;

inline void seen(const std::string &prefix, const Members &members) {
  for (const auto &member : members) {
    seen(prefix + "." + member.first, member.second);
  }
}
} // namespace Standin

#define STANDIN_MEMBER(Model, Set, name)                                                                               \
  Model &Set(std::string value) {                                                                                      \
    members[name] = value;                                                                                             \
    return *this;                                                                                                      \
  }

namespace Darabonba {
struct RuntimeOptions {};

class Json {
public:
  explicit Json(std::string written, bool whole = true) : written(written), whole(whole) {}
  Json at(const std::string &name) const {
    if (!whole || name != "body") {
      throw std::out_of_range(name);
    }
    return Json(written, false);
  }
  std::string dump(int = -1) const { return written; }

private:
  std::string written;
  bool whole;
};
} // namespace Darabonba

namespace AlibabaCloud {
namespace OpenApi {
namespace Utils {
namespace Models {
struct Config {
  Standin::Members members;
  STANDIN_MEMBER(Config, setAccessKeyId, "accessKeyId")
  STANDIN_MEMBER(Config, setAccessKeySecret, "accessKeySecret")
  STANDIN_MEMBER(Config, setProtocol, "protocol")
  STANDIN_MEMBER(Config, setEndpoint, "endpoint")
};

struct Params {
  Standin::Members members;
  STANDIN_MEMBER(Params, setAction, "action")
  STANDIN_MEMBER(Params, setVersion, "version")
  STANDIN_MEMBER(Params, setProtocol, "protocol")
  STANDIN_MEMBER(Params, setPathname, "pathname")
  STANDIN_MEMBER(Params, setMethod, "method")
  STANDIN_MEMBER(Params, setAuthType, "authType")
  STANDIN_MEMBER(Params, setBodyType, "bodyType")
  STANDIN_MEMBER(Params, setReqBodyType, "reqBodyType")
  STANDIN_MEMBER(Params, setStyle, "style")
};

struct OpenApiRequest {
  std::map<std::string, std::string> query;
  OpenApiRequest &setQuery(const std::map<std::string, std::string> &value) {
    query = value;
    return *this;
  }
  OpenApiRequest &setQuery(std::map<std::string, std::string> &&value) {
    query = value;
    return *this;
  }
};
} // namespace Models
} // namespace Utils

class Client {
public:
  Client(Utils::Models::Config &config) { Standin::seen("config", config.members); }

  Darabonba::Json callApi(const Utils::Models::Params &params, const Utils::Models::OpenApiRequest &request, const Darabonba::RuntimeOptions &) {
    Standin::seen("params", params.members);
    Standin::seen("query", request.query);
    return Darabonba::Json("{\"RequestId\":\"stand-in\"}");
  }
};
} // namespace OpenApi
} // namespace AlibabaCloud
