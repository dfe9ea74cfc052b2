//! The ACS3 signature: an HMAC over a canonical request of method, query, chosen headers and the
//! hash of the body.
//!
//! Invariants: the content hash is computed from the body that arrived; every header that has an
//! effect (all `x-acs-*`, `content-type` of a body) must be signed and unique, as must any other
//! that the signer names; the query is decoded and re-encoded, never used raw; algorithms are an
//! allow-list.

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use sm3::Sm3;
use subtle::ConstantTimeEq;

use super::authorization::Authorization;
use super::{CommonParameters, Covered, same_signature};
use crate::credential::SecretKey;
use crate::error::{ApiError, SignedText};
use crate::params::{ParamSource, Params, echo};
use crate::percent;
use crate::request::{ParsedRequest, text};

/// The headers that carry what the protocol acts on; each must be there and signed. The hash of the
/// body has two names and is looked for apart. `host` is none of them: two official Java SDKs leave
/// it out, and nothing here depends on it.
const REQUIRED_HEADERS: [&str; 4] = [
    "x-acs-action",
    "x-acs-version",
    "x-acs-date",
    "x-acs-signature-nonce",
];

/// The path of every call, as it is signed.
pub(crate) const CANONICAL_URI: &str = "/";

/// The accepted algorithms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// `ACS3-HMAC-SHA256`.
    HmacSha256,
    /// `ACS3-HMAC-SM3`.
    HmacSm3,
}

impl Algorithm {
    /// The wire name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::HmacSha256 => "ACS3-HMAC-SHA256",
            Self::HmacSm3 => "ACS3-HMAC-SM3",
        }
    }

    pub(super) fn parse(name: &str) -> Option<Self> {
        [Self::HmacSha256, Self::HmacSm3]
            .into_iter()
            .find(|known| known.as_str() == name)
    }

    /// Lower-case hexadecimal hash.
    pub(crate) fn hash_hex(self, data: &[u8]) -> String {
        match self {
            Self::HmacSha256 => hex_text(Sha256::digest(data).into()),
            Self::HmacSm3 => hex_text(Sm3::digest(data).into()),
        }
    }

    /// Lower-case hexadecimal HMAC; the key is the raw secret.
    pub(crate) fn hmac_hex(self, secret: &SecretKey, data: &[u8]) -> String {
        // HMAC takes keys of any length, so the error arms are never reached.
        match self {
            Self::HmacSha256 => {
                let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.expose()) else {
                    return String::new();
                };
                mac.update(data);
                hex_text(mac.finalize().into_bytes().into())
            }
            Self::HmacSm3 => {
                let Ok(mut mac) = Hmac::<Sm3>::new_from_slice(secret.expose()) else {
                    return String::new();
                };
                mac.update(data);
                hex_text(mac.finalize().into_bytes().into())
            }
        }
    }
}

/// Lower-case hexadecimal, in one piece: it is done several times a call.
fn hex_text(hash: [u8; 32]) -> String {
    let mut text = vec![0; 64];
    // Both lengths are fixed, so the error arm is never reached.
    match hex::encode_to_slice(hash, &mut text) {
        Ok(()) => String::from_utf8(text).unwrap_or_default(),
        Err(_) => String::new(),
    }
}

/// Reads the common parameters from headers, once it is certain that all of them are signed.
pub(super) fn common_parameters<'r>(
    request: &'r ParsedRequest<'_>,
    authorization: &'r Authorization<'_>,
) -> Result<CommonParameters<'r>, ApiError> {
    let known = &request.known;
    if request.params.optional("SignatureType").is_some() {
        return Err(ApiError::invalid(
            "SignatureType",
            "It has no meaning in an ACS3 request.",
        ));
    }
    let required = |value: Option<&'r [u8]>, name: &'static str, header: &'static str| {
        value
            .and_then(text)
            .filter(|value| !value.is_empty())
            .ok_or_else(|| ApiError::Missing {
                name: name.into(),
                header: Some(header),
            })
    };
    let time_stamp = required(known.date, "Timestamp", "x-acs-date")?;
    let nonce = required(known.nonce, "SignatureNonce", "x-acs-signature-nonce")?;
    let body_hash = content_hash(request, authorization.algorithm);
    required(body_hash, "ContentSha256", "x-acs-content-sha256")?;
    check_coverage(request, authorization)?;
    // A token that is there is never taken for none: what is not text cannot be checked.
    let security_token = match known.security_token.map(text) {
        Some(None) => return Err(ApiError::SecurityTokenMalformed),
        Some(Some("")) | None => None,
        Some(Some(token)) => Some(token),
    };
    if known
        .access_key_id
        .is_some_and(|id| id != authorization.access_key_id.as_bytes())
    {
        return Err(ApiError::incomplete(
            "Header x-acs-accesskey-id names another AccessKey than Credential.",
        ));
    }
    Ok(CommonParameters {
        access_key_id: authorization.access_key_id,
        security_token,
        time_stamp,
        nonce,
    })
}

/// The hash of the body as it was sent. With SM3, Python, Node and Go name the header as with
/// SHA-256; the asynchronous Java client gives it a name of its own.
fn content_hash<'r>(request: &'r ParsedRequest<'_>, algorithm: Algorithm) -> Option<&'r [u8]> {
    let known = &request.known;
    match algorithm {
        Algorithm::HmacSha256 => known.content_hash,
        Algorithm::HmacSm3 => known.content_hash_sm3.or(known.content_hash),
    }
}

/// Everything that has an effect must be signed, and every signed header must be there once.
fn check_coverage(
    request: &ParsedRequest<'_>,
    authorization: &Authorization<'_>,
) -> Result<(), ApiError> {
    let unsigned = |name: &str| {
        ApiError::incomplete(format!("Header '{}' must be in SignedHeaders.", echo(name)))
    };
    let must = REQUIRED_HEADERS.into_iter();
    let body_type = (!request.raw.body.is_empty()).then_some("content-type");
    if let Some(name) = must
        .chain(body_type)
        .find(|name| !authorization.signs(name))
    {
        return Err(unsigned(name));
    }
    let own = request.raw.headers.iter().map(|(name, _)| *name);
    let mut own = own.filter(|name| {
        name.get(..6)
            .is_some_and(|prefix| prefix.eq_ignore_ascii_case("x-acs-"))
    });
    if let Some(name) = own.find(|name| !authorization.signs(name)) {
        return Err(unsigned(name));
    }
    authorization
        .names()
        .try_for_each(|name| check_signed_header(request, name))
}

fn check_signed_header(request: &ParsedRequest<'_>, name: &str) -> Result<(), ApiError> {
    let mut values = request
        .raw
        .headers
        .iter()
        .filter(|(n, _)| n.eq_ignore_ascii_case(name));
    let fault = match (values.next(), values.next()) {
        // HTTP knows no control characters in a value; one could fake a canonical line.
        (Some((_, value)), None) if value.iter().any(|&b| b < b' ' && b != b'\t') => {
            "holds a control character"
        }
        (Some(_), None) => return Ok(()),
        (None, _) => "is in SignedHeaders but not in the request",
        (Some(_), Some(_)) => "is signed and given more than once",
    };
    Err(ApiError::incomplete(format!(
        "Header '{}' {fault}.",
        echo(name)
    )))
}

/// How names stand in the canonical query: SDKs disagree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NameForm {
    /// Java, PHP.
    Encoded,
    /// Python, Node, Go, C#, C++.
    Raw,
}

pub(super) fn check(
    request: &ParsedRequest<'_>,
    authorization: &Authorization<'_>,
    secret: &SecretKey,
    public_hosts: &[String],
) -> Result<Covered, ApiError> {
    let algorithm = authorization.algorithm;
    let body_hash = algorithm.hash_hex(request.raw.body);
    let own_host = request.known.host.unwrap_or_default();
    let attempt = |host: &[u8], form: NameForm| {
        let canonical = canonical_request(request, authorization, host, form, &body_hash);
        let to_sign = string_to_sign(algorithm, &canonical);
        let computed = algorithm.hmac_hex(secret, to_sign.as_bytes());
        (
            same_signature(authorization.signature, computed.as_bytes()),
            canonical,
            to_sign,
        )
    };
    let (mut matches, canonical, to_sign) = attempt(own_host, NameForm::Encoded);
    if !matches {
        let raw_differs = raw_names_differ_safely(&request.params);
        let hosts = public_hosts
            .iter()
            .map(String::as_bytes)
            .filter(|host| *host != own_host);
        matches = (raw_differs && attempt(own_host, NameForm::Raw).0)
            || hosts.into_iter().any(|host| {
                attempt(host, NameForm::Encoded).0
                    || (raw_differs && attempt(host, NameForm::Raw).0)
            });
    }
    let sent_hash = content_hash(request, algorithm).unwrap_or_default();
    let same_body: bool = sent_hash.ct_eq(body_hash.as_bytes()).into();
    if matches && same_body {
        return Ok(Covered::All);
    }
    let canonical = String::from_utf8_lossy(&canonical).into_owned();
    Err(ApiError::SignatureMismatchV3 {
        string_to_sign: SignedText::new(to_sign),
        canonical_request: SignedText::new(canonical),
    })
}

pub(crate) fn string_to_sign(algorithm: Algorithm, canonical_request: &[u8]) -> String {
    format!(
        "{}\n{}",
        algorithm.as_str(),
        algorithm.hash_hex(canonical_request)
    )
}

/// Raw names are tried only if they differ from the encoded ones and cannot be read as anything
/// else: with `&`, `=` or `%` in a name, one canonical text would stand for two different queries,
/// and a control character could leave its line.
fn raw_names_differ_safely(params: &Params) -> bool {
    let mut differ = false;
    for name in query_pairs(params).map(|(name, _)| name) {
        if name
            .bytes()
            .any(|b| matches!(b, b'&' | b'=' | b'%') || b.is_ascii_control())
        {
            return false;
        }
        differ |= percent::encode(name) != name;
    }
    differ
}

/// The parameters that the canonical query holds, sorted by name.
pub(crate) fn query_pairs(params: &Params) -> impl Iterator<Item = (&str, &str)> {
    let query = params
        .iter()
        .filter(|param| param.source() == ParamSource::Query);
    query.map(|param| (param.name(), param.value()))
}

fn canonical_request(
    request: &ParsedRequest<'_>,
    authorization: &Authorization<'_>,
    host: &[u8],
    form: NameForm,
    body_hash: &str,
) -> Vec<u8> {
    assemble(
        request.method.as_str(),
        CANONICAL_URI,
        |out| write_query(query_pairs(&request.params), form, out),
        canonical_headers(request, authorization, host),
        authorization.signed_headers,
        body_hash,
    )
}

/// Names and values of the canonical headers, in the order of SignedHeaders.
pub(crate) fn canonical_headers<'r>(
    request: &'r ParsedRequest<'_>,
    authorization: &'r Authorization<'_>,
    host: &'r [u8],
) -> impl Iterator<Item = (&'r str, &'r [u8])> {
    authorization.names().map(move |name| {
        let sent = request
            .raw
            .headers
            .iter()
            .find(|(n, _)| n.eq_ignore_ascii_case(name));
        let value = sent
            .map(|(_, value)| value.trim_ascii())
            .unwrap_or_default();
        (name, if name == "host" { host } else { value })
    })
}

/// Appends the canonical query of sorted pairs.
pub(crate) fn write_query<'a>(
    pairs: impl Iterator<Item = (&'a str, &'a str)>,
    form: NameForm,
    out: &mut Vec<u8>,
) {
    let mut first = true;
    for (name, value) in pairs {
        if !first {
            out.push(b'&');
        }
        first = false;
        match form {
            NameForm::Encoded => percent::encode_into(name, out),
            NameForm::Raw => out.extend_from_slice(name.as_bytes()),
        }
        out.push(b'=');
        percent::encode_into(value, out);
    }
}

/// Puts a canonical request together; `query` appends the canonical query.
pub(crate) fn assemble<'a>(
    method: &str,
    uri: &str,
    query: impl FnOnce(&mut Vec<u8>),
    headers: impl Iterator<Item = (&'a str, &'a [u8])>,
    signed_headers: &str,
    body_hash: &str,
) -> Vec<u8> {
    let mut out = Vec::with_capacity(1024);
    out.extend_from_slice(method.as_bytes());
    out.push(b'\n');
    out.extend_from_slice(uri.as_bytes());
    out.push(b'\n');
    query(&mut out);
    out.push(b'\n');
    for (name, value) in headers {
        out.extend_from_slice(name.as_bytes());
        out.push(b':');
        out.extend_from_slice(value);
        out.push(b'\n');
    }
    out.push(b'\n');
    out.extend_from_slice(signed_headers.as_bytes());
    out.push(b'\n');
    out.extend_from_slice(body_hash.as_bytes());
    out
}

/// What a client computes: canonical request, string to sign and signature.
pub(crate) struct ClientSignature {
    pub(crate) canonical_request: String,
    pub(crate) string_to_sign: String,
    pub(crate) signature: String,
}

/// Signs as a client does; `query` and `headers` are sorted, header names lower-case.
pub(crate) fn sign_as_client(
    algorithm: Algorithm,
    secret: &SecretKey,
    method: &str,
    query: &[(&str, &str)],
    headers: &[(&str, &str)],
    body_hash: &str,
) -> ClientSignature {
    let names: Vec<&str> = headers.iter().map(|(name, _)| *name).collect();
    let canonical = assemble(
        method,
        CANONICAL_URI,
        |out| write_query(query.iter().copied(), NameForm::Encoded, out),
        headers
            .iter()
            .map(|(name, value)| (*name, value.trim().as_bytes())),
        &names.join(";"),
        body_hash,
    );
    let string_to_sign = string_to_sign(algorithm, &canonical);
    let signature = algorithm.hmac_hex(secret, string_to_sign.as_bytes());
    let canonical_request = String::from_utf8_lossy(&canonical).into_owned();
    ClientSignature {
        canonical_request,
        string_to_sign,
        signature,
    }
}
