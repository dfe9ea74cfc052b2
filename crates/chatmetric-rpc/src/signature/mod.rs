//! The verifier: from a [`ParsedRequest`] to a [`VerifiedRequest`], in the order of checks that
//! callers rely on: action and version → mandatory common parameters → time stamp → key → token →
//! signature. The nonce is only named here; [`crate::admission`] looks at it.
//!
//! Invariants: only [`Verifier::verify`] makes a [`VerifiedRequest`]; algorithms are an allow-list;
//! comparisons are constant-time and an unknown key costs the same work as a known one; what the
//! signature does not cover is not in the result.

pub(crate) mod authorization;
pub mod v1;
pub mod v3;
mod verified;

pub use authorization::SIGNED_HEADERS_MAX;
use subtle::ConstantTimeEq;
pub use verified::VerifiedRequest;

use crate::credential::{AccessKeyId, KeyLookup, KeyRecord, KeyStatus, SecretKey, SessionRefusal};
use crate::error::ApiError;
use crate::nonce::NonceHash;
use crate::params::Params;
use crate::request::{Credentials, ParsedRequest, USER_AGENT_BYTES_MAX};
use crate::timestamp::parse_utc_seconds;

/// Accepted distance between the time stamp and the server's clock by default, in ms.
pub const SKEW_MS_DEFAULT: i64 = 900_000;
/// Longest nonce, in bytes.
pub const NONCE_BYTES_MAX: usize = 128;

/// The one table of operations: what is resolved here is what is checked and what is executed.
pub trait OperationTable {
    /// The program's name of an operation.
    type Operation;

    /// The operation of an action and version, both compared exactly.
    ///
    /// # Errors
    /// [`ApiError::ActionNotFound`] or [`ApiError::InvalidVersion`].
    fn resolve(&self, action: &str, version: &str) -> Result<Self::Operation, ApiError>;
}

/// What an operator may set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifierSettings {
    /// Accepted distance between time stamp and clock, in ms; the bound itself passes.
    pub skew_ms: i64,
    /// Hosts that a V3 signature may have been made for, tried in place of the Host header that
    /// arrived; for proxies that rewrite it.
    pub public_hosts: Vec<String>,
    /// Whether V1 (SHA-1) signatures are accepted.
    pub v1_enabled: bool,
}

impl Default for VerifierSettings {
    fn default() -> Self {
        Self {
            skew_ms: SKEW_MS_DEFAULT,
            public_hosts: Vec::new(),
            v1_enabled: true,
        }
    }
}

/// Verifies signatures; stateless.
#[derive(Clone, Debug, Default)]
pub struct Verifier {
    settings: VerifierSettings,
}

/// The parameters that every signed request has, from wherever its dialect keeps them.
pub(crate) struct CommonParameters<'a> {
    access_key_id: &'a str,
    security_token: Option<&'a str>,
    time_stamp: &'a str,
    nonce: &'a str,
}

impl Verifier {
    /// A verifier with these settings.
    #[must_use]
    pub fn new(settings: VerifierSettings) -> Self {
        Self { settings }
    }

    /// The settings.
    #[must_use]
    pub fn settings(&self) -> &VerifierSettings {
        &self.settings
    }

    /// Verifies a request at `now_ms` (Unix time in ms).
    ///
    /// # Errors
    /// In the order of the checks: `MissingAction`, `MissingVersion` and what `operations` says;
    /// `IncompleteSignature`, `MissingAccessKeyId` and other mandatory parameters,
    /// `InvalidParameter.SignatureType`/`.SignatureMethod`/`.SignatureVersion`/`.SignatureNonce`;
    /// `InvalidTimeStamp.*`; `InvalidAccessKeyId.*`; `InvalidSecurityToken.*` and
    /// `MissingSecurityToken`; `SignatureDoesNotMatch`.
    pub fn verify<K: KeyLookup, T: OperationTable>(
        &self,
        request: ParsedRequest<'_>,
        operations: &T,
        keys: &K,
        now_ms: i64,
    ) -> Result<VerifiedRequest<K::Principal, T::Operation>, ApiError> {
        let action = request
            .action()
            .ok_or_else(|| ApiError::missing("Action"))?
            .to_owned();
        let version = request
            .version()
            .ok_or_else(|| ApiError::missing("Version"))?
            .to_owned();
        let operation = operations.resolve(&action, &version)?;

        let common = self.common_parameters(&request)?;
        let valid_until_ms = self.check_time(common.time_stamp, now_ms)?;
        let key_id = AccessKeyId::parse(common.access_key_id);
        let nonce_hash = NonceHash::of(common.access_key_id, common.nonce);
        let found = match &key_id {
            Ok(id) => find_key(keys, id, common.security_token, now_ms),
            Err(_) => Err(ApiError::AccessKeyNotFound),
        };
        // The same work is done for a key that is refused, with a secret that fits nothing.
        let secret = match &found {
            Ok(record) => record.secret.clone(),
            Err(_) => SecretKey::new(*b"a secret that belongs to nobody"),
        };
        let checked = self.check_signature(&request, &secret);
        let record = found?;
        let covered = checked?;
        let access_key_id = key_id.map_err(|_| ApiError::AccessKeyNotFound)?;

        let dialect = request.dialect();
        let format = request.format();
        let user_agent = signed_user_agent(&request).map(user_agent_text);
        let host = request
            .known
            .host
            .map(|host| String::from_utf8_lossy(host).into_owned());
        let ParsedRequest {
            raw,
            method,
            mut params,
            ..
        } = request;
        covered.restrict(&mut params);
        Ok(VerifiedRequest {
            principal: record.principal,
            account: record.account,
            access_key_id,
            operation,
            action,
            version,
            method,
            params,
            dialect,
            format,
            host,
            peer_ip: raw.peer_ip,
            tls: raw.tls,
            user_agent,
            nonce_hash,
            valid_until_ms,
        })
    }

    fn common_parameters<'r>(
        &self,
        request: &'r ParsedRequest<'_>,
    ) -> Result<CommonParameters<'r>, ApiError> {
        let common = match &request.credentials {
            Credentials::V3(authorization) => v3::common_parameters(request, authorization)?,
            Credentials::V1 => v1::common_parameters(request, self.settings.v1_enabled)?,
            Credentials::Bearer => {
                return Err(ApiError::invalid(
                    "SignatureType",
                    "Bearer and identity tokens are not supported; sign with an AccessKey.",
                ));
            }
            Credentials::Anonymous => return Err(ApiError::missing("AccessKeyId")),
            Credentials::Faulty(_, error) => return Err(error.clone()),
        };
        if common.nonce.len() > NONCE_BYTES_MAX {
            return Err(ApiError::invalid(
                "SignatureNonce",
                format!("It is longer than {NONCE_BYTES_MAX} bytes."),
            ));
        }
        Ok(common)
    }

    /// Returns until when the stamp is valid.
    pub(crate) fn check_time(&self, time_stamp: &str, now_ms: i64) -> Result<i64, ApiError> {
        let stamp_ms = parse_utc_seconds(time_stamp)
            .and_then(|seconds| seconds.checked_mul(1000))
            .ok_or(ApiError::TimestampFormat)?;
        if now_ms.abs_diff(stamp_ms) > self.settings.skew_ms.max(0).unsigned_abs() {
            return Err(ApiError::TimestampExpired);
        }
        Ok(stamp_ms.saturating_add(self.settings.skew_ms))
    }

    pub(crate) fn check_signature(
        &self,
        request: &ParsedRequest<'_>,
        secret: &SecretKey,
    ) -> Result<Covered, ApiError> {
        match &request.credentials {
            Credentials::V3(authorization) => {
                v3::check(request, authorization, secret, &self.settings.public_hosts)
            }
            Credentials::V1 => v1::check(request, secret),
            Credentials::Bearer | Credentials::Anonymous | Credentials::Faulty(..) => {
                Err(ApiError::missing("AccessKeyId"))
            }
        }
    }
}

/// Which parameters a matching signature covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Covered {
    /// All of them: query and body are in the signature.
    All,
    /// All but the signature itself.
    AllButSignature,
    /// Those with a value: the signer left empty ones out.
    NonEmpty,
}

impl Covered {
    /// Anything unsigned has no effect, so it is not in the result.
    fn restrict(self, params: &mut Params) {
        match self {
            Self::All => {}
            Self::AllButSignature => params.retain(|param| param.name() != "Signature"),
            Self::NonEmpty => {
                params.retain(|param| param.name() != "Signature" && !param.value().is_empty());
            }
        }
    }
}

fn find_key<K: KeyLookup>(
    keys: &K,
    id: &AccessKeyId,
    security_token: Option<&str>,
    now_ms: i64,
) -> Result<KeyRecord<K::Principal>, ApiError> {
    let record = match (security_token, keys.sessions()) {
        (None, _) if id.is_session() => return Err(ApiError::missing("SecurityToken")),
        (None, _) => keys.find_key(id).ok_or(ApiError::AccessKeyNotFound)?,
        (Some(token), Some(sessions)) => {
            sessions
                .find_session(id, token, now_ms)
                .map_err(|refusal| match refusal {
                    SessionRefusal::UnknownKey => ApiError::AccessKeyNotFound,
                    SessionRefusal::Inactive => ApiError::AccessKeyInactive,
                    SessionRefusal::Malformed => ApiError::SecurityTokenMalformed,
                    SessionRefusal::Expired => ApiError::SecurityTokenExpired,
                    SessionRefusal::Mismatch => ApiError::SecurityTokenMismatch,
                })?
        }
        // Nothing here can check a token, so none is good.
        (Some(_), None) => {
            let known = (!id.is_session()).then(|| keys.find_key(id)).flatten();
            return Err(match known.map(|record| record.status) {
                None if !id.is_session() => ApiError::AccessKeyNotFound,
                Some(KeyStatus::Inactive) => ApiError::AccessKeyInactive,
                None | Some(KeyStatus::Active) => ApiError::SecurityTokenMalformed,
            });
        }
    };
    match record.status {
        KeyStatus::Active => Ok(record),
        KeyStatus::Inactive => Err(ApiError::AccessKeyInactive),
    }
}

/// Compares a signature that was sent with the one that was computed, in constant time.
pub(crate) fn same_signature(sent: &str, computed: &[u8]) -> bool {
    sent.as_bytes().ct_eq(computed).into()
}

/// The User-Agent, where the signature covers it: a policy must not hang on what anybody on the way
/// can write.
fn signed_user_agent<'a>(request: &ParsedRequest<'a>) -> Option<&'a [u8]> {
    match &request.credentials {
        Credentials::V3(authorization) if authorization.signs("user-agent") => {
            request.known.user_agent
        }
        Credentials::V3(_)
        | Credentials::V1
        | Credentials::Bearer
        | Credentials::Anonymous
        | Credentials::Faulty(..) => None,
    }
}

fn user_agent_text(value: &[u8]) -> String {
    let short = value.get(..USER_AGENT_BYTES_MAX).unwrap_or(value);
    String::from_utf8_lossy(short).into_owned()
}
