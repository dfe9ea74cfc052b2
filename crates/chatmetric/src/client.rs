//! The client side of the RPC API: signs (ACS3-HMAC-SHA256) and sends what any
//! SDK would, and reads the answer.
//!
//! Knows nothing of the server's inside: it works against any endpoint that
//! speaks the operation. Secrets are never logged and never in a URL.

use crate::clock::Clock;
use crate::entropy::Entropy;
use crate::tls::CaFile;
use chatmetric_core::EpochMs;
use chatmetric_rpc::format_utc_seconds;
use chatmetric_rpc::request::Method;
use chatmetric_rpc::sign::{Algorithm, Call, Credentials, sign_v3};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use ureq::config::ConfigBuilder;
use ureq::tls::{Certificate, RootCerts, TlsConfig};
use ureq::typestate::AgentScope;

/// The version of the product that is called.
pub const API_VERSION: &str = "2020-06-06";
/// Longest answer that is read, in bytes: 100,000 rows have about 16 MB.
pub const ANSWER_BYTES_MAX: u64 = 256 * 1024 * 1024;
/// How long one call may take.
pub const CALL_TIMEOUT: Duration = Duration::from_secs(60);

/// How long nothing may come of an answer that is a stream.
pub const STREAM_STALL_TIMEOUT: Duration = Duration::from_secs(5 * 60);

/// Where an API is: scheme, host and port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    scheme: &'static str,
    authority: String,
    is_loopback: bool,
}

/// A text is not an endpoint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not an endpoint: use `http://HOST:PORT` or `https://HOST`")]
pub struct EndpointError {
    text: String,
}

impl Endpoint {
    /// Reads `http://host:port`, `https://host`, or `host:port` (https, as SDKs do,
    /// but http for a loopback address).
    ///
    /// # Errors
    /// [`EndpointError`] for anything else, also for a path, a query or a user.
    pub fn parse(text: &str) -> Result<Self, EndpointError> {
        let fail = || EndpointError {
            text: text.to_owned(),
        };
        let with_scheme = if text.contains("://") {
            text.to_owned()
        } else {
            format!("any://{text}")
        };
        let uri: http::Uri = with_scheme.parse().map_err(|_| fail())?;
        let authority = uri.authority().ok_or_else(fail)?;
        if !matches!(uri.path(), "" | "/")
            || uri.query().is_some()
            || authority.as_str().contains('@')
        {
            return Err(fail());
        }
        let host = authority
            .host()
            .trim_start_matches('[')
            .trim_end_matches(']');
        if host.is_empty() {
            return Err(fail());
        }
        let is_loopback = host.eq_ignore_ascii_case("localhost")
            || host
                .parse::<std::net::IpAddr>()
                .is_ok_and(|ip| ip.is_loopback());
        let scheme = match uri.scheme_str() {
            Some("http") => "http",
            Some("https") => "https",
            Some("any") => {
                if is_loopback {
                    "http"
                } else {
                    "https"
                }
            }
            _ => return Err(fail()),
        };
        Ok(Self {
            scheme,
            authority: authority.as_str().to_owned(),
            is_loopback,
        })
    }

    /// `host:port`, as it is signed.
    #[must_use]
    pub fn authority(&self) -> &str {
        &self.authority
    }
}

impl Endpoint {
    /// Whether what is sent there can be read on the way.
    #[must_use]
    pub fn is_plain_and_far(&self) -> bool {
        self.scheme == "http" && !self.is_loopback
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme, self.authority)
    }
}

/// Why a call brought no answer.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// No connection, no answer, or a broken one.
    #[error("could not reach `{endpoint}`")]
    Transport {
        /// Where.
        endpoint: String,
        /// Why.
        #[source]
        source: Box<ureq::Error>,
    },
    /// The server refused the call.
    #[error("{code}: {message}")]
    Api {
        /// The HTTP status.
        status: u16,
        /// The error code, as `SignatureDoesNotMatch`.
        code: String,
        /// What the server says.
        message: String,
        /// Its name for the call.
        request_id: String,
    },
    /// Something answered that is not this API.
    #[error("`{endpoint}` answered HTTP {status} with a body that is not an answer of the API")]
    Body {
        /// Where.
        endpoint: String,
        /// The HTTP status.
        status: u16,
    },
}

impl ClientError {
    /// Whether the server's certificate was refused.
    #[must_use]
    pub fn is_untrusted(&self) -> bool {
        let Self::Transport { source, .. } = self else {
            return false;
        };
        let error = match source.as_ref() {
            ureq::Error::Rustls(error) => Some(error),
            ureq::Error::Io(error) => error.get_ref().and_then(|cause| cause.downcast_ref()),
            _ => None,
        };
        matches!(error, Some(rustls::Error::InvalidCertificate(_)))
    }
}

/// A row of the answer, with the API's names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Row {
    /// First instant of the bucket, ms.
    pub start: i64,
    /// First instant after it, ms.
    pub end: i64,
    /// Digits.
    pub phone_number: String,
    /// `DAILY` or `HALF_HOUR`.
    pub granularity: String,
    /// Messages sent.
    pub sent_count: u64,
    /// Messages delivered.
    pub delivered_count: u64,
}

/// What to ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetricCall {
    /// First instant of the range.
    pub start: EpochMs,
    /// First instant after it.
    pub end: EpochMs,
    /// `DAILY` or `HALF_HOUR`.
    pub granularity: &'static str,
    /// One number, or all of the space.
    pub number: Option<String>,
    /// The CustSpaceId, or the default one.
    pub space: Option<String>,
    /// The IsvCode.
    pub isv_code: Option<String>,
}

/// A successful answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetricAnswer {
    /// The server's name for the call.
    pub request_id: String,
    /// The rows.
    pub rows: Vec<Row>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct AnswerBody {
    request_id: Option<String>,
    code: Option<String>,
    message: Option<String>,
    #[serde(default)]
    data: Vec<Row>,
}

/// Calls one endpoint with one pair of keys.
pub struct ApiClient {
    endpoint: Endpoint,
    credentials: Credentials,
    agent: ureq::Agent,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
}

impl ApiClient {
    /// A client; connects on the first call.
    #[must_use]
    pub fn new(
        endpoint: Endpoint,
        credentials: Credentials,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Self {
        Self {
            agent: agent(&endpoint, None),
            endpoint,
            credentials,
            clock,
            entropy,
        }
    }

    /// The same, trusting these CAs and no others when the endpoint is https.
    #[must_use]
    pub fn trusting(mut self, ca: &CaFile) -> Self {
        self.agent = agent(&self.endpoint, Some(ca));
        self
    }

    /// Calls `GetChatappPhoneNumberMetric`.
    ///
    /// # Errors
    /// [`ClientError`]
    pub fn metric(&self, call: &MetricCall) -> Result<MetricAnswer, ClientError> {
        let (start, end) = (call.start.0.to_string(), call.end.0.to_string());
        let mut query = vec![
            ("Start", start.as_str()),
            ("End", &end),
            ("Granularity", call.granularity),
        ];
        let optional = [
            ("PhoneNumber", &call.number),
            ("CustSpaceId", &call.space),
            ("IsvCode", &call.isv_code),
        ];
        query.extend(
            optional
                .iter()
                .filter_map(|(name, value)| Some((*name, value.as_deref()?))),
        );
        self.call("GetChatappPhoneNumberMetric", &query)
    }

    fn call(&self, action: &str, query: &[(&str, &str)]) -> Result<MetricAnswer, ClientError> {
        let mut nonce = [0_u8; 16];
        self.entropy.fill(&mut nonce);
        // A clock beyond the year 9999 cannot be written; the server then says so.
        let date = format_utc_seconds(self.clock.now().0.div_euclid(1000)).unwrap_or_default();
        let signed = sign_v3(
            Algorithm::HmacSha256,
            &self.credentials,
            &Call {
                method: Method::Post,
                host: &self.endpoint.authority,
                action,
                version: API_VERSION,
                query,
                headers: &[("accept", "application/json")],
                body: b"",
                content_type: None,
                form: &[],
                date: &date,
                nonce: &hex::encode(nonce),
            },
        );
        let mut request = self
            .agent
            .post(format!("{}{}", self.endpoint, signed.target));
        for (name, value) in &signed.headers {
            request = request.header(name, value);
        }
        let transport = |source: ureq::Error| ClientError::Transport {
            endpoint: self.endpoint.to_string(),
            source: Box::new(source),
        };
        let mut response = request.send(&signed.body).map_err(transport)?;
        let status = response.status().as_u16();
        let body = response
            .body_mut()
            .with_config()
            .limit(ANSWER_BYTES_MAX)
            .read_to_vec()
            .map_err(transport)?;
        self.read_answer(status, &body)
    }

    fn read_answer(&self, status: u16, body: &[u8]) -> Result<MetricAnswer, ClientError> {
        let not_ours = || ClientError::Body {
            endpoint: self.endpoint.to_string(),
            status,
        };
        let answer: AnswerBody = serde_json::from_slice(body).map_err(|_| not_ours())?;
        let code = answer.code.ok_or_else(not_ours)?;
        let request_id = answer.request_id.unwrap_or_default();
        if status == 200 && code == "OK" {
            return Ok(MetricAnswer {
                request_id,
                rows: answer.data,
            });
        }
        let message = answer.message.unwrap_or_default();
        Err(ClientError::Api {
            status,
            code,
            message,
            request_id,
        })
    }
}

pub(crate) fn agent(endpoint: &Endpoint, ca: Option<&CaFile>) -> ureq::Agent {
    let config = config(endpoint, ca).timeout_global(Some(CALL_TIMEOUT));
    config.build().new_agent()
}

/// One whose answers may take as long as something of them comes.
pub(crate) fn stream_agent(endpoint: &Endpoint, ca: Option<&CaFile>) -> ureq::Agent {
    let config = config(endpoint, ca)
        .timeout_connect(Some(CALL_TIMEOUT))
        .timeout_send_body(Some(CALL_TIMEOUT))
        .timeout_per_read(Some(STREAM_STALL_TIMEOUT));
    config.build().new_agent()
}

fn config(endpoint: &Endpoint, ca: Option<&CaFile>) -> ConfigBuilder<AgentScope> {
    let mut config = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .user_agent(concat!("chatmetric/", env!("CARGO_PKG_VERSION")));
    if endpoint.is_loopback {
        // No proxy can reach what listens on our own loopback.
        config = config.proxy(None);
    }
    if let Some(ca) = ca {
        let roots = ca
            .roots()
            .map(|root| Certificate::from_der(root).to_owned());
        let roots = RootCerts::from(roots);
        config = config.tls_config(TlsConfig::builder().root_certs(roots).build());
    }
    config
}

impl fmt::Debug for ApiClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiClient")
            .field("endpoint", &self.endpoint)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_are_read() {
        for (text, shown) in [
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
            ("http://127.0.0.1:8080/", "http://127.0.0.1:8080"),
            ("https://metrics.example", "https://metrics.example"),
            ("localhost:8080", "http://localhost:8080"),
            ("[::1]:8080", "http://[::1]:8080"),
            ("cams.example.com", "https://cams.example.com"),
        ] {
            assert_eq!(
                Endpoint::parse(text).map(|e| e.to_string()),
                Ok(shown.to_owned()),
                "{text}"
            );
        }
        for text in [
            "",
            "ftp://x",
            "http://",
            "http://x/path",
            "http://x?q=1",
            "http://u:p@x",
            "a b",
        ] {
            assert!(Endpoint::parse(text).is_err(), "{text}");
        }
    }
}
