//! What an ACS3 client signs, in parts that can be made wrong on purpose.
//!
//! Invariant: an unchanged draft has the canonical request, string to sign and signature of the
//! verifier: it is filled from the verifier's parts and put together by the verifier's code.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::query::{HasQuery, Query};
use super::suspect::Draft;
use crate::credential::SecretKey;
use crate::params::ParamSource;
use crate::request::ParsedRequest;
use crate::signature::authorization::Authorization;
use crate::signature::v3::{self, Algorithm, CANONICAL_URI};

/// A canonical header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct HeaderLine {
    pub(super) name: String,
    pub(super) value: Vec<u8>,
    /// As it was sent: any case, with its blanks.
    pub(super) sent_name: String,
    pub(super) sent_value: Vec<u8>,
    /// Its place on the wire.
    pub(super) at: usize,
}

/// How the canonical request gets into the string to sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hashed {
    Lower,
    Upper,
    Not,
}

/// How the signature is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Written {
    Hex,
    UpperHex,
    Base64,
}

/// The parts.
#[derive(Clone)]
pub(super) struct DraftV3 {
    pub(super) method: String,
    pub(super) uri: String,
    pub(super) query: Query,
    pub(super) headers: Vec<HeaderLine>,
    /// The empty line between headers and names.
    pub(super) blank_line: bool,
    pub(super) signed_headers: String,
    pub(super) body_hash: String,
    pub(super) algorithm_name: String,
    pub(super) hash: Algorithm,
    pub(super) mac: Algorithm,
    pub(super) hashed: Hashed,
    pub(super) line_end: bool,
    pub(super) secret: Option<SecretKey>,
    pub(super) written: Written,
}

impl DraftV3 {
    pub(super) fn new(
        request: &ParsedRequest<'_>,
        authorization: &Authorization<'_>,
        secret: Option<&SecretKey>,
    ) -> Self {
        let host = request.known.host.unwrap_or_default();
        let headers = v3::canonical_headers(request, authorization, host).map(|(name, value)| {
            let mut sent = request.raw.headers.iter().enumerate();
            let sent = sent.find(|(_, (known, _))| known.eq_ignore_ascii_case(name));
            let (at, (sent_name, sent_value)) =
                sent.map_or((usize::MAX, (name, value)), |(at, h)| (at, *h));
            HeaderLine {
                name: name.to_owned(),
                value: value.to_vec(),
                sent_name: sent_name.to_owned(),
                sent_value: sent_value.to_vec(),
                at,
            }
        });
        let params = request.params.iter();
        let raw_query = raw_query(request.raw.target);
        Self {
            method: request.method.as_str().to_owned(),
            uri: CANONICAL_URI.to_owned(),
            query: Query::new(
                params.filter(|param| param.source() == ParamSource::Query),
                &[raw_query.as_bytes()],
            ),
            headers: headers.collect(),
            blank_line: true,
            signed_headers: authorization.signed_headers.to_owned(),
            body_hash: authorization.algorithm.hash_hex(request.raw.body),
            algorithm_name: authorization.algorithm.as_str().to_owned(),
            hash: authorization.algorithm,
            mac: authorization.algorithm,
            hashed: Hashed::Lower,
            line_end: false,
            secret: secret.cloned(),
            written: Written::Hex,
        }
    }

    fn canonical_bytes(&self) -> Vec<u8> {
        let query = self.query.text();
        let bytes = v3::assemble(
            &self.method,
            &self.uri,
            |out| out.extend_from_slice(query.as_bytes()),
            self.headers
                .iter()
                .map(|line| (line.name.as_str(), line.value.as_slice())),
            &self.signed_headers,
            &self.body_hash,
        );
        if self.blank_line {
            return bytes;
        }
        let tail = self.signed_headers.len() + self.body_hash.len() + 2;
        let mut bytes = bytes;
        bytes.remove(bytes.len().saturating_sub(tail));
        bytes
    }
}

/// The query as it was sent.
pub(super) fn raw_query(target: &str) -> &str {
    target.split_once('?').map_or("", |(_, query)| query)
}

impl HasQuery for DraftV3 {
    fn query_mut(&mut self) -> &mut Query {
        &mut self.query
    }
}

impl Draft for DraftV3 {
    fn canonical_request(&self) -> Option<String> {
        Some(String::from_utf8_lossy(&self.canonical_bytes()).into_owned())
    }

    fn string_to_sign(&self) -> String {
        let canonical = self.canonical_bytes();
        let correct = v3::string_to_sign(self.hash, &canonical);
        let hash = correct.split_once('\n').map_or("", |(_, hash)| hash);
        let hash = match self.hashed {
            Hashed::Lower => hash.to_owned(),
            Hashed::Upper => hash.to_ascii_uppercase(),
            Hashed::Not => String::from_utf8_lossy(&canonical).into_owned(),
        };
        let line_end = if self.line_end { "\n" } else { "" };
        format!("{}\n{hash}{line_end}", self.algorithm_name)
    }

    fn signature(&self) -> Option<String> {
        let secret = self.secret.as_ref()?;
        let digits = self.mac.hmac_hex(secret, self.string_to_sign().as_bytes());
        Some(match self.written {
            Written::Hex => digits,
            Written::UpperHex => digits.to_ascii_uppercase(),
            Written::Base64 => STANDARD.encode(hex::decode(digits).unwrap_or_default()),
        })
    }
}
