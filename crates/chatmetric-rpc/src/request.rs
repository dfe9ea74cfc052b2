//! A request as it came in, and as it was understood: which dialect, which parameters.
//!
//! Nothing here is trusted: [`ParsedRequest`] is the only input of the verifier, which reads
//! every value that it signs and hands on from it, so verification and dispatch cannot differ.
//!
//! Invariants: a request is of exactly one dialect (credentials in two places are ambiguous and
//! refused), and the choice depends only on whether a credential is there, never on whether it is good.

use std::net::IpAddr;

use crate::error::ApiError;
use crate::params::{ParamList, ParamSource, Params};
use crate::response::ResponseFormat;
use crate::signature::authorization::Authorization;

/// Longest body by default, in bytes.
pub const BODY_BYTES_MAX_DEFAULT: u64 = 4 * 1024 * 1024;
/// How much of a User-Agent is kept, in bytes.
pub const USER_AGENT_BYTES_MAX: usize = 512;

/// A request as the transport delivers it.
#[derive(Clone, Copy)]
pub struct RawRequest<'a> {
    /// The method token.
    pub method: &'a str,
    /// Path and raw query, as on the request line.
    pub target: &'a str,
    /// Names (of any case) and raw values, in wire order. `host` is the raw value: some SDKs send
    /// a URL there and sign it.
    pub headers: &'a [(&'a str, &'a [u8])],
    /// The body, de-chunked.
    pub body: &'a [u8],
    /// The caller's address, behind trusted proxies.
    pub peer_ip: IpAddr,
    /// Whether the caller came over TLS.
    pub tls: bool,
}

/// The methods that the protocol has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// GET.
    Get,
    /// POST.
    Post,
}

impl Method {
    /// As it is signed.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
        }
    }
}

/// How a request identifies itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// `Authorization: ACS3-…`.
    V3,
    /// A `Signature` parameter.
    V1,
    /// A bearer or identity token, which is not supported.
    Bearer,
    /// Not at all.
    Anonymous,
}

/// What was found of credentials; faults are kept until their turn in the order of checks.
#[derive(Debug)]
pub(crate) enum Credentials<'a> {
    V3(Authorization<'a>),
    V1,
    Bearer,
    Anonymous,
    Faulty(Dialect, ApiError),
}

/// A parse failure, with the format in which the caller reads the error.
#[derive(Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What is wrong.
    pub error: ApiError,
    /// How to render it.
    pub format: ResponseFormat,
}

/// The headers that the protocol reads, found in one pass.
#[derive(Clone, Copy, Default)]
pub(crate) struct KnownHeaders<'a> {
    pub(crate) host: Option<&'a [u8]>,
    pub(crate) user_agent: Option<&'a [u8]>,
    pub(crate) content_type: Option<&'a [u8]>,
    pub(crate) action: Option<&'a [u8]>,
    pub(crate) version: Option<&'a [u8]>,
    pub(crate) date: Option<&'a [u8]>,
    pub(crate) nonce: Option<&'a [u8]>,
    pub(crate) content_hash: Option<&'a [u8]>,
    pub(crate) content_hash_sm3: Option<&'a [u8]>,
    pub(crate) access_key_id: Option<&'a [u8]>,
    pub(crate) security_token: Option<&'a [u8]>,
    pub(crate) authorization: Option<&'a [u8]>,
    bearer: bool,
    authorization_twice: bool,
    content_type_twice: bool,
}

impl<'a> KnownHeaders<'a> {
    fn find(headers: &'a [(&'a str, &'a [u8])]) -> Self {
        let mut known = Self::default();
        for &(name, value) in headers {
            let is = |wanted: &str| name.eq_ignore_ascii_case(wanted);
            let slot = match name.len() {
                4 if is("host") => &mut known.host,
                10 if is("user-agent") => &mut known.user_agent,
                12 if is("content-type") => {
                    known.content_type_twice |= known.content_type.is_some();
                    &mut known.content_type
                }
                13 if is("authorization") => {
                    known.authorization_twice |= known.authorization.is_some();
                    &mut known.authorization
                }
                12 if is("x-acs-action") => &mut known.action,
                13 if is("x-acs-version") => &mut known.version,
                10 if is("x-acs-date") => &mut known.date,
                21 if is("x-acs-signature-nonce") => &mut known.nonce,
                20 if is("x-acs-content-sha256") => &mut known.content_hash,
                17 if is("x-acs-content-sm3") => &mut known.content_hash_sm3,
                18 if is("x-acs-accesskey-id") => &mut known.access_key_id,
                20 if is("x-acs-security-token") => &mut known.security_token,
                18 if is("x-acs-bearer-token") => {
                    known.bearer = true;
                    continue;
                }
                24 if is("x-acs-zero-trust-idtoken") => {
                    known.bearer = true;
                    continue;
                }
                _ => continue,
            };
            // The first stays: a second one of a header that is read is refused by the dialect.
            slot.get_or_insert(value.trim_ascii());
        }
        known
    }
}

/// A request that was understood and not yet verified.
pub struct ParsedRequest<'a> {
    pub(crate) raw: RawRequest<'a>,
    pub(crate) method: Method,
    pub(crate) params: Params,
    pub(crate) known: KnownHeaders<'a>,
    pub(crate) credentials: Credentials<'a>,
    format: ResponseFormat,
}

impl<'a> ParsedRequest<'a> {
    /// Understands a request: size, method and path first, then parameters, then the dialect.
    ///
    /// # Errors
    /// 413, 405, 404, and `InvalidParameter.<Name>` for parameters that cannot be decoded, are
    /// given twice or break a limit.
    pub fn parse(raw: RawRequest<'a>, body_bytes_max: u64) -> Result<Self, Refusal> {
        let json = |error| Refusal {
            error,
            format: ResponseFormat::Json,
        };
        if u64::try_from(raw.body.len()).unwrap_or(u64::MAX) > body_bytes_max {
            return Err(json(ApiError::RequestTooLarge {
                limit_bytes: body_bytes_max,
            }));
        }
        let method = match raw.method {
            "GET" => Method::Get,
            "POST" => Method::Post,
            _ => return Err(json(ApiError::UnsupportedMethod)),
        };
        let (path, query) = raw.target.split_once('?').unwrap_or((raw.target, ""));
        if !matches!(path, "/" | "") {
            return Err(json(ApiError::PathNotFound));
        }
        let known = KnownHeaders::find(raw.headers);
        let mut list = ParamList::new();
        list.add_encoded(query.as_bytes(), ParamSource::Query)
            .map_err(json)?;
        let body = add_body(&mut list, &raw, &known);

        let format = format_of(&list, &known);
        let refuse = |error| Refusal { error, format };
        let body = body.map_err(refuse)?;
        let params = list.finish().map_err(refuse)?;
        if known.authorization.is_none() {
            // Without an Authorization header the signature itself is among the parameters.
            params.check_unique().map_err(refuse)?;
        }
        let credentials = Credentials::find(&params, &known, body);
        Ok(Self {
            raw,
            method,
            params,
            known,
            credentials,
            format,
        })
    }

    /// How the caller reads the answer.
    #[must_use]
    pub fn format(&self) -> ResponseFormat {
        self.format
    }

    /// How the request identifies itself.
    #[must_use]
    pub fn dialect(&self) -> Dialect {
        match &self.credentials {
            Credentials::V3(_) => Dialect::V3,
            Credentials::V1 => Dialect::V1,
            Credentials::Bearer => Dialect::Bearer,
            Credentials::Anonymous => Dialect::Anonymous,
            Credentials::Faulty(dialect, _) => *dialect,
        }
    }

    /// The action that is asked for, not yet verified: from the header in V3, from the parameters
    /// in V1, from either otherwise. For logs and for recognising a browser, not for dispatch.
    #[must_use]
    pub fn action(&self) -> Option<&str> {
        self.named(self.known.action, "Action")
    }

    /// The version that is asked for, as [`Self::action`].
    #[must_use]
    pub fn version(&self) -> Option<&str> {
        self.named(self.known.version, "Version")
    }

    /// The method.
    #[must_use]
    pub fn method(&self) -> Method {
        self.method
    }

    /// The AccessKey id that is claimed, not yet verified, for logs.
    #[must_use]
    pub fn claimed_access_key_id(&self) -> Option<&str> {
        match &self.credentials {
            Credentials::V3(authorization) => Some(authorization.access_key_id),
            Credentials::V1 => self.params.optional("AccessKeyId"),
            Credentials::Bearer | Credentials::Anonymous | Credentials::Faulty(..) => None,
        }
    }

    fn named(&self, header: Option<&'a [u8]>, param: &str) -> Option<&str> {
        let header = header.and_then(text).filter(|value| !value.is_empty());
        match self.dialect() {
            Dialect::V3 => header,
            Dialect::V1 => self.params.optional(param),
            Dialect::Bearer | Dialect::Anonymous => header.or_else(|| self.params.optional(param)),
        }
    }
}

impl std::fmt::Debug for ParsedRequest<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ParsedRequest")
            .field("method", &self.method)
            .field("dialect", &self.dialect())
            .field("action", &self.action())
            .finish_non_exhaustive()
    }
}

/// A header value as text; the protocol's own headers are ASCII.
pub(crate) fn text(value: &[u8]) -> Option<&str> {
    std::str::from_utf8(value).ok()
}

impl<'a> Credentials<'a> {
    fn find(params: &Params, known: &KnownHeaders<'a>, body: BodyKind) -> Self {
        let ambiguous = |dialect| {
            let reason = "The request carries credentials in more than one place; use either the \
                          Authorization header or a Signature parameter.";
            Self::Faulty(dialect, ApiError::incomplete(reason))
        };
        let named = |name| params.get(name).is_some();
        let bearer_params =
            named("BearerToken") || params.get("SignatureType") == Some("BEARERTOKEN");
        if let Some(authorization) = known.authorization {
            let other = ["Signature", "AccessKeyId", "SecurityToken"]
                .into_iter()
                .any(named);
            if known.authorization_twice || other || known.bearer || bearer_params {
                return ambiguous(Dialect::V3);
            }
            return match Authorization::parse(authorization) {
                Ok(authorization) => Self::V3(authorization),
                Err(error) => Self::Faulty(Dialect::V3, error),
            };
        }
        if bearer_params {
            return Self::Bearer;
        }
        if named("Signature") || named("AccessKeyId") {
            let other = known.security_token.is_some() || known.access_key_id.is_some();
            if other || known.bearer {
                return ambiguous(Dialect::V1);
            }
            return match body {
                BodyKind::Empty | BodyKind::Form => Self::V1,
                BodyKind::Json => Self::Faulty(Dialect::V1, json_is_unsigned()),
            };
        }
        if known.bearer {
            Self::Bearer
        } else {
            Self::Anonymous
        }
    }
}

/// XML only for a V1 signature whose Format is XML or absent: every V3 client reads JSON.
fn format_of(list: &ParamList, known: &KnownHeaders<'_>) -> ResponseFormat {
    let signed = list
        .first("Signature")
        .is_some_and(|value| !value.is_empty());
    let asked = list.first("Format").unwrap_or_default();
    let xml = asked.is_empty() || asked.eq_ignore_ascii_case("xml");
    if signed && xml && known.authorization.is_none() {
        ResponseFormat::Xml
    } else {
        ResponseFormat::Json
    }
}

/// What a body was read as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum BodyKind {
    Empty,
    Form,
    Json,
}

fn add_body(
    list: &mut ParamList,
    raw: &RawRequest<'_>,
    known: &KnownHeaders<'_>,
) -> Result<BodyKind, ApiError> {
    // An empty body may be of any type: aiohttp calls it an octet stream.
    if raw.body.is_empty() {
        return Ok(BodyKind::Empty);
    }
    if known.content_type_twice {
        return Err(ApiError::invalid(
            "Content-Type",
            "The header is given more than once.",
        ));
    }
    let content_type = known.content_type.unwrap_or_default();
    let essence = content_type
        .split(|&b| b == b';')
        .next()
        .unwrap_or_default()
        .trim_ascii();
    if essence.eq_ignore_ascii_case(b"application/x-www-form-urlencoded") {
        list.add_encoded(raw.body, ParamSource::Form)?;
        Ok(BodyKind::Form)
    } else if essence.eq_ignore_ascii_case(b"application/json") {
        list.add_json(raw.body)?;
        Ok(BodyKind::Json)
    } else {
        Err(ApiError::invalid(
            "Content-Type",
            "A body must be application/x-www-form-urlencoded or, with an ACS3 signature, \
             application/json.",
        ))
    }
}

/// A V1 signature covers query and form only.
fn json_is_unsigned() -> ApiError {
    ApiError::invalid(
        "Body",
        "A JSON body is accepted only with an ACS3 signature; send parameters in the query or as \
         a form.",
    )
}

#[cfg(test)]
mod tests;
