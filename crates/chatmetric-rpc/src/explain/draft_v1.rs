//! What an RPC 1.0 client signs, in parts that can be made wrong on purpose, and the mistakes that
//! such clients make.
//!
//! Invariant: an unchanged draft has the string to sign and the signature of the verifier; a test
//! compares them on every captured request.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::query::{self, HasQuery, Query};
use super::secret_suspects::secret_suspects;
use super::suspect::{Draft, Suspect};
use crate::credential::SecretKey;
use crate::params::ParamSource;
use crate::percent;
use crate::request::ParsedRequest;
use crate::signature::v1;

/// The digest of the signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Digest {
    Sha1,
    Sha256,
}

/// How the signature is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Written {
    Base64,
    Hex,
    /// Percent-encoded, and encoded again with the other parameters.
    EncodedTwice,
    /// Base64 that was put into the URL as it is: each `+` arrives as a space.
    PlusAsSpace,
}

/// The parts.
#[derive(Clone)]
pub(super) struct DraftV1 {
    method: String,
    path: String,
    pub(super) query: Query,
    encoded_again: bool,
    secret: Option<SecretKey>,
    ampersand: bool,
    digest: Digest,
    written: Written,
}

impl DraftV1 {
    pub(super) fn new(request: &ParsedRequest<'_>, secret: Option<&SecretKey>) -> Self {
        let params = request
            .params
            .iter()
            .filter(|param| param.name() != "Signature");
        let raw_query = super::draft_v3::raw_query(request.raw.target);
        Self {
            method: request.method.as_str().to_owned(),
            path: "%2F".to_owned(),
            query: Query::new(params, &[raw_query.as_bytes(), request.raw.body]),
            encoded_again: true,
            secret: secret.cloned(),
            ampersand: true,
            digest: Digest::Sha1,
            written: Written::Base64,
        }
    }

    /// Base64 of the HMAC.
    fn mac(&self, secret: &SecretKey) -> String {
        let text = self.string_to_sign();
        if self.ampersand && self.digest == Digest::Sha1 {
            return v1::signature(secret, &text);
        }
        let ampersand: &[u8] = if self.ampersand { b"&" } else { b"" };
        let key = zeroize::Zeroizing::new([secret.expose(), ampersand].concat());
        match self.digest {
            Digest::Sha1 => v1::signature_with_key(&key, &text),
            Digest::Sha256 => {
                // HMAC takes keys of any length, so the error arm is never reached.
                let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&key) else {
                    return String::new();
                };
                mac.update(text.as_bytes());
                STANDARD.encode(mac.finalize().into_bytes())
            }
        }
    }
}

impl HasQuery for DraftV1 {
    fn query_mut(&mut self) -> &mut Query {
        &mut self.query
    }
}

impl Draft for DraftV1 {
    fn canonical_request(&self) -> Option<String> {
        None
    }

    fn string_to_sign(&self) -> String {
        let query = self.query.text();
        let query = if self.encoded_again {
            percent::encode(&query)
        } else {
            query
        };
        format!("{}&{}&{query}", self.method, self.path)
    }

    fn signature(&self) -> Option<String> {
        let base64 = self.mac(self.secret.as_ref()?);
        Some(match self.written {
            Written::Base64 => base64,
            Written::Hex => hex::encode(STANDARD.decode(&base64).unwrap_or_default()),
            Written::EncodedTwice => percent::encode(&base64),
            Written::PlusAsSpace => base64.replace('+', " "),
        })
    }
}

type V1Suspect = Suspect<DraftV1>;

/// All mistakes that fit the request, the likely ones first.
pub(super) fn suspects(request: &ParsedRequest<'_>, draft: &DraftV1) -> Vec<V1Suspect> {
    let mut suspects: Vec<V1Suspect> = vec![
        Suspect::new(
            "key-without-ampersand",
            "The client uses the secret alone as the key, as ACS3 does.",
            "The key of RPC 1.0 is the secret with a `&` behind it.",
            |draft: &mut DraftV1| draft.ampersand = false,
        )
        .paired(),
        Suspect::new(
            "signature-not-encoded",
            "The client put the signature into the URL as it is: its `+` arrived as a space.",
            "Percent-encode the value of Signature like every other value (`+` is `%2B`).",
            |draft: &mut DraftV1| draft.written = Written::PlusAsSpace,
        )
        .paired(),
        Suspect::new(
            "signature-encoded-twice",
            "The client encoded the signature twice on its way into the URL.",
            "Percent-encode the value of Signature once.",
            |draft: &mut DraftV1| draft.written = Written::EncodedTwice,
        )
        .paired(),
    ];
    suspects.extend(secret_suspects(
        draft.secret.as_ref(),
        |draft: &mut DraftV1, secret| {
            draft.secret = Some(secret);
        },
    ));
    suspects.extend(query::suspects(&draft.query));
    suspects.extend(methods(&draft.method));
    suspects.extend(text_suspects());
    suspects.extend(source_suspects(request));
    suspects
}

fn methods(own: &str) -> Vec<V1Suspect> {
    let others = ["GET", "POST", "get", "post"];
    let others = others.into_iter().filter(|other| *other != own);
    others
        .map(|other| {
            Suspect::new(
                "method",
                format!("The client signs the method `{other}`, but sends `{own}`."),
                format!("Sign the method that is sent, in capitals: `{own}`."),
                move |draft: &mut DraftV1| other.clone_into(&mut draft.method),
            )
            .paired()
        })
        .collect()
}

fn text_suspects() -> Vec<V1Suspect> {
    const TEXT: &str = "The string to sign is `METHOD&%2F&` and the sorted, encoded pairs, which \
                        are then encoded once more as one text.";
    vec![
        Suspect::new(
            "not-encoded-again",
            "The client joins the encoded pairs, but does not encode the result once more.",
            TEXT,
            |draft: &mut DraftV1| draft.encoded_again = false,
        )
        .paired(),
        Suspect::new(
            "plain-path",
            "The client signs the path as `/`, without encoding it.",
            TEXT,
            |draft: &mut DraftV1| "/".clone_into(&mut draft.path),
        )
        .paired(),
        Suspect::new(
            "sha256",
            "The client computes HMAC-SHA256, but says HMAC-SHA1.",
            "Use HMAC-SHA1, or sign with ACS3.",
            |draft: &mut DraftV1| draft.digest = Digest::Sha256,
        )
        .paired(),
        Suspect::new(
            "signature-hex",
            "The client sends the signature in hexadecimal digits, as ACS3 does.",
            "Write the signature in Base64.",
            |draft: &mut DraftV1| draft.written = Written::Hex,
        )
        .paired(),
    ]
}

/// Query and form count together.
fn source_suspects(request: &ParsedRequest<'_>) -> Vec<V1Suspect> {
    let names = |source| -> Vec<String> {
        let params = request
            .params
            .iter()
            .filter(move |param| param.source() == source);
        params.map(|param| param.name().to_owned()).collect()
    };
    [
        ("form-left-out", "of the form", ParamSource::Form),
        (
            "query-parameters-left-out",
            "of the query",
            ParamSource::Query,
        ),
    ]
    .into_iter()
    .map(|(code, which, source)| {
        let names = names(source);
        Suspect::new(
            code,
            format!("The client does not sign the parameters {which}."),
            "Sign the parameters of query and form together, sorted as one list.",
            move |draft: &mut DraftV1| draft.query.keep(|piece| !names.contains(&piece.name)),
        )
    })
    .collect()
}
