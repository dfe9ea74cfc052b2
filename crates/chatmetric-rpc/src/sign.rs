//! The client's side of both signatures: for `chatmetric query`, the demo and tests.
//!
//! It sends nothing and reads neither clock nor randomness: date and nonce are passed in.
//! Invariant: what it signs is exactly what it returns to be sent.

use std::fmt;

use crate::credential::SecretKey;
use crate::percent;
use crate::request::Method;
use crate::signature::v1::{self, SIGNATURE_METHOD, SIGNATURE_VERSION};
use crate::signature::v3;
pub use crate::signature::v3::Algorithm;

/// Who signs.
#[derive(Clone)]
pub struct Credentials {
    /// The AccessKey id.
    pub access_key_id: String,
    /// Its secret.
    pub secret: SecretKey,
    /// The security token of temporary credentials.
    pub security_token: Option<SecretKey>,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Credentials({})", self.access_key_id)
    }
}

impl Credentials {
    fn token(&self) -> Option<String> {
        let token = self.security_token.as_ref()?;
        Some(String::from_utf8_lossy(token.expose()).into_owned())
    }
}

/// A call to be signed.
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    /// The method.
    pub method: Method,
    /// What goes into the Host header, with the port.
    pub host: &'a str,
    /// The action.
    pub action: &'a str,
    /// The version.
    pub version: &'a str,
    /// Parameters for the query, in any order.
    pub query: &'a [(&'a str, &'a str)],
    /// Further headers to send and, in V3, to sign; names in any case.
    pub headers: &'a [(&'a str, &'a str)],
    /// The body and its content type; in V1 the body is not used, its parameters go into `form`.
    pub body: &'a [u8],
    /// The content type of the body.
    pub content_type: Option<&'a str>,
    /// Parameters for a form body in V1.
    pub form: &'a [(&'a str, &'a str)],
    /// `YYYY-MM-DDThh:mm:ssZ`.
    pub date: &'a str,
    /// Something that was never used before.
    pub nonce: &'a str,
}

/// A signed call: send exactly this.
#[derive(Clone, PartialEq, Eq)]
pub struct SignedCall {
    /// Path and query.
    pub target: String,
    /// Headers, `host` among them; lower-case names.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
    /// The signature alone.
    pub signature: String,
    /// What was signed.
    pub string_to_sign: String,
    /// V3: what the string to sign is the hash of.
    pub canonical_request: Option<String>,
}

impl fmt::Debug for SignedCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignedCall").finish_non_exhaustive()
    }
}

/// Signs with ACS3: everything goes into headers.
#[must_use]
pub fn sign_v3(algorithm: Algorithm, credentials: &Credentials, call: &Call<'_>) -> SignedCall {
    let body_hash = algorithm.hash_hex(call.body);
    let mut headers: Vec<(String, String)> = vec![
        ("host".into(), call.host.into()),
        ("x-acs-action".into(), call.action.into()),
        ("x-acs-version".into(), call.version.into()),
        ("x-acs-date".into(), call.date.into()),
        ("x-acs-signature-nonce".into(), call.nonce.into()),
        ("x-acs-content-sha256".into(), body_hash.clone()),
    ];
    if let Some(content_type) = call.content_type {
        headers.push(("content-type".into(), content_type.into()));
    }
    if let Some(token) = credentials.token() {
        headers.push((
            "x-acs-accesskey-id".into(),
            credentials.access_key_id.clone(),
        ));
        headers.push(("x-acs-security-token".into(), token));
    }
    headers.extend(
        call.headers
            .iter()
            .map(|(n, v)| (n.to_ascii_lowercase(), (*v).to_owned())),
    );
    headers.sort();
    let mut query = call.query.to_vec();
    query.sort_unstable();
    let borrowed: Vec<(&str, &str)> = headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let signed = v3::sign_as_client(
        algorithm,
        &credentials.secret,
        call.method.as_str(),
        &query,
        &borrowed,
        &body_hash,
    );
    let names: Vec<&str> = borrowed.iter().map(|(name, _)| *name).collect();
    let authorization = format!(
        "{} Credential={},SignedHeaders={},Signature={}",
        algorithm.as_str(),
        credentials.access_key_id,
        names.join(";"),
        signed.signature
    );
    headers.push(("authorization".into(), authorization));
    SignedCall {
        target: target(&encode_pairs(query.iter().copied())),
        headers,
        body: call.body.to_vec(),
        signature: signed.signature,
        string_to_sign: signed.string_to_sign,
        canonical_request: Some(signed.canonical_request),
    }
}

/// Signs with RPC 1.0 (HMAC-SHA1): everything goes into the query, `form` into the body.
#[must_use]
pub fn sign_v1(credentials: &Credentials, call: &Call<'_>) -> SignedCall {
    let token = credentials.token();
    let mut query = call.query.to_vec();
    query.extend([
        ("Action", call.action),
        ("Version", call.version),
        ("AccessKeyId", credentials.access_key_id.as_str()),
        ("Timestamp", call.date),
        ("SignatureNonce", call.nonce),
        ("SignatureMethod", SIGNATURE_METHOD),
        ("SignatureVersion", SIGNATURE_VERSION),
    ]);
    if let Some(token) = &token {
        query.push(("SecurityToken", token));
    }
    let mut all = query.clone();
    all.extend_from_slice(call.form);
    all.sort_unstable();
    let string_to_sign = v1::string_to_sign(call.method, all.into_iter());
    let signature = v1::signature(&credentials.secret, &string_to_sign);
    query.push(("Signature", &signature));
    let mut headers: Vec<(String, String)> = vec![("host".into(), call.host.into())];
    headers.extend(
        call.headers
            .iter()
            .map(|(n, v)| (n.to_ascii_lowercase(), (*v).to_owned())),
    );
    if !call.form.is_empty() {
        headers.push((
            "content-type".into(),
            "application/x-www-form-urlencoded".into(),
        ));
    }
    SignedCall {
        target: target(&encode_pairs(query.iter().copied())),
        headers,
        body: encode_pairs(call.form.iter().copied()).into_bytes(),
        signature: signature.clone(),
        string_to_sign,
        canonical_request: None,
    }
}

/// `a=b&c=d`, percent-encoded, in the given order; also a form body.
pub fn encode_pairs<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let encoded: Vec<String> = pairs
        .map(|(n, v)| format!("{}={}", percent::encode(n), percent::encode(v)))
        .collect();
    encoded.join("&")
}

fn target(query: &str) -> String {
    if query.is_empty() {
        "/".to_owned()
    } else {
        format!("/?{query}")
    }
}
