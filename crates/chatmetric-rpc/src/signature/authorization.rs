//! The `Authorization` header of an ACS3 request: syntax only.
//!
//! Invariant: the names in SignedHeaders are lower-case, distinct and few, and the algorithm is on
//! the allow-list.

use std::fmt;

use super::v3::Algorithm;
use crate::error::ApiError;
use crate::params::echo;
use crate::request::text;

/// Most names in SignedHeaders.
pub const SIGNED_HEADERS_MAX: usize = 64;
/// Names that SDKs send, or a few more.
const USUAL_NAMES: usize = 16;

/// A well-formed Authorization header.
pub(crate) struct Authorization<'a> {
    pub(crate) algorithm: Algorithm,
    pub(crate) access_key_id: &'a str,
    /// As sent, because it is signed as sent: old C++ SDKs join with `,`.
    pub(crate) signed_headers: &'a str,
    pub(crate) signature: &'a str,
    /// The names in `signed_headers`: they are gone through for every header.
    names: Vec<&'a str>,
}

impl fmt::Debug for Authorization<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Authorization({} {})",
            self.algorithm.as_str(),
            self.access_key_id
        )
    }
}

impl<'a> Authorization<'a> {
    /// Parses `<alg> Credential=<id>,SignedHeaders=<names>,Signature=<hex>`; one SDK, the older
    /// Java core, changes the order of the last two.
    pub(crate) fn parse(value: &'a [u8]) -> Result<Self, ApiError> {
        let value = text(value)
            .ok_or_else(|| ApiError::incomplete("The Authorization header is not UTF-8."))?;
        let (name, rest) = value.split_once(' ').unwrap_or((value, ""));
        let Some(algorithm) = Algorithm::parse(name) else {
            return Err(ApiError::incomplete(format!(
                "The signature algorithm '{}' is not supported; use ACS3-HMAC-SHA256 or \
                 ACS3-HMAC-SM3.",
                echo(name)
            )));
        };
        let malformed = || {
            ApiError::incomplete(
                "The Authorization header must be '<algorithm> Credential=<AccessKeyId>,\
                 SignedHeaders=<names>,Signature=<hex>'.",
            )
        };
        let rest = rest
            .trim_ascii()
            .strip_prefix("Credential=")
            .ok_or_else(malformed)?;
        let (access_key_id, rest) = rest.split_once(',').ok_or_else(malformed)?;
        let (signed_headers, signature) = match rest.strip_prefix("Signature=") {
            Some(rest) => rest
                .split_once(",SignedHeaders=")
                .map(|(signature, names)| (names, signature)),
            None => rest
                .strip_prefix("SignedHeaders=")
                .and_then(|rest| rest.split_once(",Signature=")),
        }
        .ok_or_else(malformed)?;
        if access_key_id.is_empty() {
            return Err(ApiError::missing("AccessKeyId"));
        }
        if signed_headers.is_empty() || signature.is_empty() {
            return Err(malformed());
        }
        Ok(Self {
            algorithm,
            access_key_id,
            signed_headers,
            signature,
            names: checked_names(signed_headers)?,
        })
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &'a str> + Clone {
        self.names.iter().copied()
    }

    pub(crate) fn signs(&self, header: &str) -> bool {
        self.names().any(|name| header.eq_ignore_ascii_case(name))
    }
}

fn checked_names(signed_headers: &str) -> Result<Vec<&str>, ApiError> {
    let mut names: Vec<&str> = Vec::with_capacity(USUAL_NAMES);
    for name in signed_headers.split([';', ',']) {
        let lower = !name.is_empty()
            && name.bytes().all(|b| {
                b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_' | b'.')
            });
        if !lower {
            return Err(ApiError::incomplete(format!(
                "'{}' in SignedHeaders is not a lower-case header name.",
                echo(name)
            )));
        }
        if names.contains(&name) {
            return Err(ApiError::incomplete(format!(
                "'{}' is twice in SignedHeaders.",
                echo(name)
            )));
        }
        if names.len() >= SIGNED_HEADERS_MAX {
            return Err(ApiError::incomplete(format!(
                "There are more than {SIGNED_HEADERS_MAX} names in SignedHeaders."
            )));
        }
        names.push(name);
    }
    Ok(names)
}
