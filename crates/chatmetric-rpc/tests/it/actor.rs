//! The surroundings of a verifier in tests: captured requests, a directory with the captured key,
//! an operation table. They are the real types of the crate over data in memory.

use std::net::{IpAddr, Ipv4Addr};

use chatmetric_rpc::ApiError;
use chatmetric_rpc::credential::{
    AccessKeyId, AccountId, KeyLookup, KeyRecord, KeyStatus, SecretKey, SessionLookup,
    SessionRefusal,
};
use chatmetric_rpc::request::{BODY_BYTES_MAX_DEFAULT, ParsedRequest, RawRequest};
use chatmetric_rpc::signature::{OperationTable, VerifiedRequest, Verifier, VerifierSettings};
use serde_json::Value;

/// 2026-01-02T03:04:05Z, at which every request was captured.
pub(crate) const NOW_MS: i64 = 1_767_323_045_000;
/// The captured key.
pub(crate) const KEY_ID: &str = "LTAI5tVectorKey000000001";
/// Its secret.
pub(crate) const SECRET: &str = "vectorSecret0123456789abcdefgh";
/// The token of the captured session.
pub(crate) const TOKEN: &str = "CAISvectorToken+/=~* 0001";
/// The account of the key.
pub(crate) const ACCOUNT: &str = "1000000000000001";

/// A request that owns its parts, so that tests can change them.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Wire {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) headers: Vec<(String, Vec<u8>)>,
    pub(crate) body: Vec<u8>,
}

impl Wire {
    pub(crate) fn header(&self, name: &str) -> Option<&[u8]> {
        let found = self
            .headers
            .iter()
            .find(|(n, _)| n.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_slice())
    }

    pub(crate) fn set_header(&mut self, name: &str, value: &str) {
        self.headers.retain(|(n, _)| !n.eq_ignore_ascii_case(name));
        self.headers
            .push((name.to_owned(), value.as_bytes().to_vec()));
    }

    pub(crate) fn remove_header(&mut self, name: &str) {
        self.headers.retain(|(n, _)| !n.eq_ignore_ascii_case(name));
    }

    /// Runs `f` on the borrowed form.
    pub(crate) fn with_raw<T>(&self, f: impl FnOnce(RawRequest<'_>) -> T) -> T {
        let headers: Vec<(&str, &[u8])> = self
            .headers
            .iter()
            .map(|(n, v)| (n.as_str(), v.as_slice()))
            .collect();
        f(RawRequest {
            method: &self.method,
            target: &self.target,
            headers: &headers,
            body: &self.body,
            peer_ip: IpAddr::V4(Ipv4Addr::LOCALHOST),
            tls: false,
        })
    }
}

/// One captured request.
pub(crate) struct Vector {
    pub(crate) name: String,
    pub(crate) scheme: String,
    pub(crate) wire: Wire,
    pub(crate) expected: Value,
    pub(crate) json: Value,
}

/// All captured requests.
pub(crate) fn vectors() -> Vec<Vector> {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../testdata/signature-vectors.json"
    );
    let text = std::fs::read_to_string(path).expect("the vectors are in the repository");
    let all: Vec<Value> = serde_json::from_str(&text).expect("the vectors are JSON");
    all.into_iter().map(vector).collect()
}

/// The captured request with this name.
pub(crate) fn named(name: &str) -> Vector {
    vectors()
        .into_iter()
        .find(|vector| vector.name == name)
        .expect("a known vector")
}

fn vector(json: Value) -> Vector {
    let text = |value: &Value| value.as_str().expect("a string").to_owned();
    let line = text(&json["request"]["request_line"]);
    let mut parts = line.split(' ');
    let headers = json["request"]["headers"].as_array().expect("headers");
    let wire = Wire {
        method: parts.next().expect("a method").to_owned(),
        target: parts.next().expect("a target").to_owned(),
        headers: headers
            .iter()
            .map(|h| (text(&h[0]), text(&h[1]).into_bytes()))
            .collect(),
        body: text(&json["request"]["body"]).into_bytes(),
    };
    Vector {
        name: text(&json["name"]),
        scheme: text(&json["scheme"]),
        wire,
        expected: json["expected"].clone(),
        json,
    }
}

/// A directory with one key and one session under the same id.
pub(crate) struct Directory {
    pub(crate) status: KeyStatus,
    pub(crate) sessions: bool,
}

impl Directory {
    pub(crate) fn new() -> Self {
        Self {
            status: KeyStatus::Active,
            sessions: true,
        }
    }

    fn record(&self) -> KeyRecord<&'static str> {
        KeyRecord {
            secret: SecretKey::new(SECRET),
            status: self.status,
            account: AccountId::parse(ACCOUNT).expect("digits"),
            principal: "owner",
        }
    }
}

impl KeyLookup for Directory {
    type Principal = &'static str;

    fn find_key(&self, id: &AccessKeyId) -> Option<KeyRecord<&'static str>> {
        assert!(
            !id.is_session(),
            "ids of temporary credentials are not asked for"
        );
        (id.as_str() == KEY_ID).then(|| self.record())
    }

    fn sessions(&self) -> Option<&dyn SessionLookup<Principal = &'static str>> {
        self.sessions.then_some(self)
    }
}

impl SessionLookup for Directory {
    type Principal = &'static str;

    fn find_session(
        &self,
        id: &AccessKeyId,
        security_token: &str,
        now_ms: i64,
    ) -> Result<KeyRecord<&'static str>, SessionRefusal> {
        assert_eq!(
            now_ms / 10_000_000,
            NOW_MS / 10_000_000,
            "the verifier's clock is passed on"
        );
        match (id.as_str(), security_token) {
            (KEY_ID, TOKEN) => Ok(KeyRecord {
                principal: "session",
                ..self.record()
            }),
            (KEY_ID, "expired") => Err(SessionRefusal::Expired),
            (KEY_ID, "another key's") => Err(SessionRefusal::Mismatch),
            (KEY_ID, _) => Err(SessionRefusal::Malformed),
            (_, _) => Err(SessionRefusal::UnknownKey),
        }
    }
}

/// The operations that exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Operation {
    Metric,
    Enable,
}

/// The table of operations.
pub(crate) struct Table;

impl OperationTable for Table {
    type Operation = Operation;

    fn resolve(&self, action: &str, version: &str) -> Result<Operation, ApiError> {
        let operation = match action {
            "GetChatappPhoneNumberMetric" => Operation::Metric,
            "EnableWhatsappROIMetric" => Operation::Enable,
            _ => return Err(ApiError::ActionNotFound),
        };
        if version == "2020-06-06" {
            Ok(operation)
        } else {
            Err(ApiError::InvalidVersion)
        }
    }
}

pub(crate) type Verified = VerifiedRequest<&'static str, Operation>;

/// Parses and verifies with default settings at the time of capture.
pub(crate) fn verify(wire: &Wire) -> Result<Verified, ApiError> {
    verify_with(
        wire,
        &VerifierSettings::default(),
        &Directory::new(),
        NOW_MS,
    )
}

/// Parses and verifies.
pub(crate) fn verify_with(
    wire: &Wire,
    settings: &VerifierSettings,
    directory: &Directory,
    now_ms: i64,
) -> Result<Verified, ApiError> {
    wire.with_raw(|raw| {
        let parsed =
            ParsedRequest::parse(raw, BODY_BYTES_MAX_DEFAULT).map_err(|refusal| refusal.error)?;
        Verifier::new(settings.clone()).verify(parsed, &Table, directory, now_ms)
    })
}

/// The code that a request is refused with.
pub(crate) fn code_of(wire: &Wire) -> String {
    match verify(wire) {
        Ok(_) => "accepted".to_owned(),
        Err(error) => error.code().into_owned(),
    }
}
