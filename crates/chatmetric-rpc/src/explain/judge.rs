//! Asks the verifier itself what it makes of a request: with one key that fits every id, at the
//! time that the request names, for whatever action.
//!
//! Invariant: the verdict is the verifier's, never our own reading of it.

use super::report::Verdict;
use crate::credential::{
    AccessKeyId, AccountId, KeyLookup, KeyRecord, KeyStatus, SecretKey, SessionLookup,
    SessionRefusal,
};
use crate::error::ApiError;
use crate::request::{ParsedRequest, RawRequest};
use crate::signature::{OperationTable, Verifier};
use crate::timestamp::parse_utc_seconds;

/// The key of the request, whatever its id and token.
struct TheKey<'a> {
    secret: &'a SecretKey,
    account: AccountId,
}

impl TheKey<'_> {
    fn record(&self) -> KeyRecord<()> {
        KeyRecord {
            secret: self.secret.clone(),
            status: KeyStatus::Active,
            account: self.account.clone(),
            principal: (),
        }
    }
}

impl KeyLookup for TheKey<'_> {
    type Principal = ();

    fn find_key(&self, _id: &AccessKeyId) -> Option<KeyRecord<()>> {
        Some(self.record())
    }

    fn sessions(&self) -> Option<&dyn SessionLookup<Principal = ()>> {
        Some(self)
    }
}

impl SessionLookup for TheKey<'_> {
    type Principal = ();

    fn find_session(
        &self,
        _id: &AccessKeyId,
        _security_token: &str,
        _now_ms: i64,
    ) -> Result<KeyRecord<()>, SessionRefusal> {
        Ok(self.record())
    }
}

/// Every operation exists.
struct AnyOperation;

impl OperationTable for AnyOperation {
    type Operation = ();

    fn resolve(&self, _action: &str, _version: &str) -> Result<(), ApiError> {
        Ok(())
    }
}

/// The verdict, and the error behind it.
pub(super) fn judge(
    raw: RawRequest<'_>,
    body_bytes_max: u64,
    verifier: &Verifier,
    secret: Option<&SecretKey>,
    time_stamp: Option<&str>,
) -> (Verdict, Option<ApiError>) {
    let parsed = match ParsedRequest::parse(raw, body_bytes_max) {
        Ok(parsed) => parsed,
        Err(refusal) => return (refused(&refusal.error), Some(refusal.error)),
    };
    let stamp_ms = time_stamp
        .and_then(parse_utc_seconds)
        .and_then(|seconds| seconds.checked_mul(1000));
    // Without a secret, everything before the signature is judged all the same.
    let nobodys = SecretKey::new(*b"a secret that belongs to nobody");
    let Ok(account) = AccountId::parse("0") else {
        return (
            refused(&ApiError::InternalError),
            Some(ApiError::InternalError),
        );
    };
    let key = TheKey {
        secret: secret.unwrap_or(&nobodys),
        account,
    };
    let judged = verifier.verify(parsed, &AnyOperation, &key, stamp_ms.unwrap_or_default());
    match judged.map(drop) {
        Ok(()) if secret.is_some() => (Verdict::Matches, None),
        Ok(()) => (Verdict::NotChecked, None),
        Err(error) if is_mismatch(&error) => {
            let verdict = match secret {
                Some(_) => Verdict::DoesNotMatch,
                None => Verdict::NotChecked,
            };
            (verdict, Some(error))
        }
        Err(error) => (refused(&error), Some(error)),
    }
}

pub(super) fn is_mismatch(error: &ApiError) -> bool {
    matches!(
        error,
        ApiError::SignatureMismatchV1 { .. } | ApiError::SignatureMismatchV3 { .. }
    )
}

fn refused(error: &ApiError) -> Verdict {
    Verdict::Refused {
        code: error.code().into_owned(),
        message: error.message().into_owned(),
    }
}
