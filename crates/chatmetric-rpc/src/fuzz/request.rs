//! Requests: whatever verifies under the known secret was signed as it is.
//!
//! An input is a request as text: `METHOD target`, headers, an empty line, the body. It is tried
//! twice. As it stands, it is accepted only if it means what a captured request means. Then its
//! parts are signed by [`crate::sign`]: that is verified, with exactly these parts, and after a
//! change of one byte it is refused or means the same. Not here: how an input comes about.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::OnceLock;

use serde_json::Value;

use crate::credential::{AccessKeyId, AccountId, KeyLookup, KeyRecord, KeyStatus, SecretKey};
use crate::error::ApiError;
use crate::params::ParamSource;
use crate::request::{BODY_BYTES_MAX_DEFAULT, Dialect, Method, ParsedRequest, RawRequest};
use crate::sign::{Algorithm, Call, Credentials, SignedCall, sign_v1, sign_v3};
use crate::signature::{OperationTable, VerifiedRequest, Verifier};

/// 2026-01-02T03:04:05Z, at which the requests were captured.
const NOW_MS: i64 = 1_767_323_045_000;
const DATE: &str = "2026-01-02T03:04:05Z";
const KEY_ID: &str = "LTAI5tVectorKey000000001";
const SECRET: &str = "vectorSecret0123456789abcdefgh";
/// Most captured requests are neither of a session nor unsigned.
const CAPTURED_MIN: usize = 20;
const VECTORS: &str = include_str!("../../../../testdata/signature-vectors.json");

/// An RPC 1.0 request; see the module.
pub fn v1_request(data: &[u8]) {
    let wire = Wire::read(data);
    as_it_stands(&wire);
    let Some((call, names)) = Parts::of(&wire) else {
        return;
    };
    let form: Vec<(&str, &str)> = pairs(&call.body).collect();
    let query: Vec<(&str, &str)> = pairs(&call.query).collect();
    let signed = sign_v1(&credentials(), &call.call(&query, &names, &form));
    signed_by_us(&wire, &signed, &query, Dialect::V1);
}

/// An ACS3 request; see the module.
pub fn acs3_request(data: &[u8]) {
    let wire = Wire::read(data);
    as_it_stands(&wire);
    let Some((call, names)) = Parts::of(&wire) else {
        return;
    };
    let algorithm = if data.len().is_multiple_of(2) {
        Algorithm::HmacSha256
    } else {
        Algorithm::HmacSm3
    };
    let query: Vec<(&str, &str)> = pairs(&call.query).collect();
    let signed = sign_v3(algorithm, &credentials(), &call.call(&query, &names, &[]));
    signed_by_us(&wire, &signed, &query, Dialect::V3);
}

fn credentials() -> Credentials {
    Credentials {
        access_key_id: KEY_ID.to_owned(),
        secret: SecretKey::new(SECRET),
        security_token: None,
    }
}

/// Accepted only with the meaning of a captured request: nobody else had the secret.
fn as_it_stands(wire: &Wire) {
    static CAPTURED: OnceLock<Vec<Meaning>> = OnceLock::new();
    let captured = CAPTURED.get_or_init(|| {
        let wires = captured();
        let meanings: Vec<Meaning> = wires.iter().filter_map(|it| verify(it).ok()).collect();
        assert!(meanings.len() > CAPTURED_MIN, "what SDKs sign verifies");
        meanings
    });
    match verify(wire) {
        Ok(meaning) => assert!(captured.contains(&meaning), "{meaning:?} was never signed"),
        Err(refused) => {
            // What a client is told can always be said.
            assert!((400..=599).contains(&refused.http_status()));
            assert!(!refused.code().is_empty() && !refused.message().is_empty());
        }
    }
}

/// Verified with its parts, and refused or the same after a change.
fn signed_by_us(wire: &Wire, signed: &SignedCall, query: &[(&str, &str)], dialect: Dialect) {
    let mut sent = Wire {
        method: wire.method.clone(),
        target: signed.target.clone(),
        headers: signed
            .headers
            .iter()
            .map(|(name, value)| (name.clone(), value.clone().into_bytes()))
            .collect(),
        body: signed.body.clone(),
    };
    let original = match verify(&sent) {
        Ok(original) => original,
        Err(ApiError::SignatureMismatchV1 { .. } | ApiError::SignatureMismatchV3 { .. }) => {
            panic!("what we signed is no right signature: {sent:?}")
        }
        // Too long, given twice, or no value of its parameter.
        Err(_) => return,
    };
    assert_eq!(original.dialect, dialect);
    for (name, value) in query {
        assert!(
            original.has(name, value) || (dialect == Dialect::V1 && value.is_empty()),
            "`{name}` is not what was signed: {original:?}"
        );
    }
    let end = wire.body.last_chunk::<3>().copied().unwrap_or([0, 1, 2]);
    if sent.change(end)
        && let Ok(changed) = verify(&sent)
    {
        assert_eq!(changed, original, "accepted after a change: {sent:?}");
    }
}

/// A request that owns its parts.
#[derive(Clone, Debug)]
struct Wire {
    method: String,
    target: String,
    headers: Vec<(String, Vec<u8>)>,
    body: Vec<u8>,
}

impl Wire {
    fn read(data: &[u8]) -> Self {
        let end = data.windows(2).position(|pair| pair == b"\n\n");
        let (head, body) = match end {
            Some(at) => (&data[..at], &data[at + 2..]),
            None => (data, &[][..]),
        };
        let mut lines = head.split(|byte| *byte == b'\n');
        let first = String::from_utf8_lossy(lines.next().unwrap_or_default()).into_owned();
        let (method, target) = first.split_once(' ').unwrap_or(("GET", &first));
        let header = |line: &[u8]| {
            let colon = line.iter().position(|byte| *byte == b':')?;
            let name = String::from_utf8_lossy(&line[..colon]).into_owned();
            let value = &line[colon + 1..];
            Some((name, value.strip_prefix(b" ").unwrap_or(value).to_vec()))
        };
        Self {
            method: method.to_owned(),
            target: target.to_owned(),
            headers: lines.filter_map(header).collect(),
            body: body.to_vec(),
        }
    }

    fn header(&self, name: &str) -> Option<&[u8]> {
        let is_it = |(own, _): &&(String, Vec<u8>)| own.eq_ignore_ascii_case(name);
        self.headers
            .iter()
            .find(is_it)
            .map(|(_, value)| value.as_slice())
    }

    /// Changes one byte somewhere; `false` when there is none.
    fn change(&mut self, [part, at, by]: [u8; 3]) -> bool {
        // Seven bits, so that a target stays text.
        let by = (by & 0x7f).max(1);
        let flip = |bytes: &mut [u8]| {
            let at = usize::from(at) % bytes.len().max(1);
            bytes.get_mut(at).is_some_and(|byte| {
                *byte ^= by;
                true
            })
        };
        let part = usize::from(part);
        match part % 3 {
            0 => {
                let mut bytes = std::mem::take(&mut self.target).into_bytes();
                let changed = flip(&mut bytes);
                self.target = String::from_utf8_lossy(&bytes).into_owned();
                changed
            }
            1 => {
                let count = self.headers.len().max(1);
                let header = self.headers.get_mut(part / 3 % count);
                header.is_some_and(|(_, value)| flip(value))
            }
            _ => flip(&mut self.body),
        }
    }
}

/// The parts of a request that can be signed anew.
struct Parts {
    method: Method,
    action: String,
    query: String,
    body: String,
    content_type: Option<String>,
}

impl Parts {
    /// With further headers to sign; `None` for what no client could send.
    fn of(wire: &Wire) -> Option<(Self, Vec<(&str, &str)>)> {
        let method = match wire.method.as_str() {
            "GET" => Method::Get,
            "POST" => Method::Post,
            _ => return None,
        };
        let text = |name: &str| wire.header(name).and_then(plain).map(str::to_owned);
        let query = wire.target.split_once('?').map_or("", |(_, query)| query);
        let mut names: Vec<(&str, &str)> = Vec::new();
        for (name, value) in &wire.headers {
            let token = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
            let ours = ["host", "authorization", "content-type"]
                .iter()
                .any(|own| name.eq_ignore_ascii_case(own))
                || name.to_ascii_lowercase().starts_with("x-acs-");
            let again = names.iter().any(|(own, _)| own.eq_ignore_ascii_case(name));
            if ours || again || name.is_empty() || !name.bytes().all(token) {
                continue;
            }
            if let Some(value) = plain(value) {
                names.push((name.as_str(), value));
            }
        }
        let parts = Self {
            method,
            action: text("x-acs-action").filter(|it| !it.is_empty())?,
            query: query.to_owned(),
            body: String::from_utf8_lossy(&wire.body).into_owned(),
            content_type: text("content-type"),
        };
        Some((parts, names))
    }

    fn call<'a>(
        &'a self,
        query: &'a [(&'a str, &'a str)],
        headers: &'a [(&'a str, &'a str)],
        form: &'a [(&'a str, &'a str)],
    ) -> Call<'a> {
        Call {
            method: self.method,
            host: "localhost",
            action: &self.action,
            version: "2020-06-06",
            query,
            headers,
            body: self.body.as_bytes(),
            content_type: self.content_type.as_deref(),
            form,
            date: DATE,
            nonce: "n",
        }
    }
}

/// A value that a client can send and sign.
fn plain(value: &[u8]) -> Option<&str> {
    let graphic = |b: &u8| (b' '..=b'~').contains(b);
    let text = std::str::from_utf8(value).ok()?;
    value.iter().all(graphic).then(|| text.trim())
}

/// Names and values as they stand, not decoded.
fn pairs(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let parts = text.split('&').filter(|part| !part.is_empty());
    parts.map(|part| part.split_once('=').unwrap_or((part, "")))
}

/// What a request means, as far as its signature must protect it.
#[derive(Debug, PartialEq)]
struct Meaning {
    dialect: Dialect,
    method: &'static str,
    action: String,
    version: String,
    /// V3 tells the sources apart. A V1 signer may leave empty values out.
    params: Vec<(Option<ParamSource>, String, String)>,
    /// V3 only.
    signed_headers: Vec<(String, Vec<u8>)>,
    /// V3 only.
    body: Vec<u8>,
}

impl Meaning {
    fn of(wire: &Wire, verified: &VerifiedRequest<(), ()>) -> Self {
        let v3 = verified.dialect() == Dialect::V3;
        let params = verified.params().iter();
        let params = params.filter(|param| v3 || !param.value().is_empty());
        let authorization = wire.header("authorization").unwrap_or_default();
        let authorization = String::from_utf8_lossy(authorization);
        let names = authorization.split("SignedHeaders=").nth(1);
        let names = names.and_then(|rest| rest.split(',').next());
        let names = names.filter(|_| v3).unwrap_or_default();
        let value = |name: &str| wire.header(name).unwrap_or_default().trim_ascii().to_vec();
        Self {
            dialect: verified.dialect(),
            method: verified.method().as_str(),
            action: verified.action().to_owned(),
            version: verified.version().to_owned(),
            params: params
                .map(|param| {
                    let source = v3.then(|| param.source());
                    (source, param.name().to_owned(), param.value().to_owned())
                })
                .collect(),
            // Without the filter, V1 would have one header without a name.
            signed_headers: names
                .split(';')
                .filter(|_| v3)
                .map(|name| (name.to_owned(), value(name)))
                .collect(),
            body: if v3 { wire.body.clone() } else { Vec::new() },
        }
    }

    fn has(&self, name: &str, value: &str) -> bool {
        self.params
            .iter()
            .any(|(_, own, its)| own == name && its == value)
    }
}

fn verify(wire: &Wire) -> Result<Meaning, ApiError> {
    let headers: Vec<(&str, &[u8])> = wire
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_slice()))
        .collect();
    let raw = RawRequest {
        method: &wire.method,
        target: &wire.target,
        headers: &headers,
        body: &wire.body,
        peer_ip: IpAddr::V4(Ipv4Addr::LOCALHOST),
        tls: false,
    };
    let parsed =
        ParsedRequest::parse(raw, BODY_BYTES_MAX_DEFAULT).map_err(|refusal| refusal.error)?;
    let verified = Verifier::default().verify(parsed, &AnyOperation, &OneKey, NOW_MS)?;
    Ok(Meaning::of(wire, &verified))
}

struct AnyOperation;

impl OperationTable for AnyOperation {
    type Operation = ();

    fn resolve(&self, _action: &str, _version: &str) -> Result<(), ApiError> {
        Ok(())
    }
}

struct OneKey;

impl KeyLookup for OneKey {
    type Principal = ();

    fn find_key(&self, id: &AccessKeyId) -> Option<KeyRecord<()>> {
        (id.as_str() == KEY_ID).then(|| KeyRecord {
            secret: SecretKey::new(SECRET),
            status: KeyStatus::Active,
            account: AccountId::parse("1000000000000001").expect("digits"),
            principal: (),
        })
    }
}

/// The requests that official SDKs signed.
fn captured() -> Vec<Wire> {
    let all: Vec<Value> = serde_json::from_str(VECTORS).expect("the vectors are JSON");
    let wire = |vector: &Value| {
        let request = &vector["request"];
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let line = text(&request["request_line"]);
        let mut parts = line.split(' ').map(str::to_owned);
        let headers = request["headers"].as_array().into_iter().flatten();
        Wire {
            method: parts.next().unwrap_or_default(),
            target: parts.next().unwrap_or_default(),
            headers: headers
                .map(|header| (text(&header[0]), text(&header[1]).into_bytes()))
                .collect(),
            body: text(&request["body"]).into_bytes(),
        }
    };
    all.iter().map(wire).collect()
}
