//! Who calls: long-term keys from the directory, temporary ones from their tokens.
//!
//! Invariant: a session is of a role that exists now, under the id that it had when
//! it was assumed, and its rights are those that the role has now.

use super::token::SessionToken;
use crate::api::call_key::CallKey;
use crate::directory::{Principal, RoleSession, Snapshot};
use crate::master_key::MessageSealer;
use chatmetric_core::EpochMs;
use chatmetric_rpc::credential::{
    AccessKeyId, KeyLookup, KeyRecord, KeyStatus, SessionLookup, SessionRefusal,
};
use chatmetric_rpc::ram::Policy;
use std::sync::Arc;

/// All keys, as one call sees them.
pub(in crate::api) struct Keys<'a> {
    snapshot: &'a Snapshot,
    sealer: &'a MessageSealer,
    own_key: Option<&'a CallKey>,
}

impl<'a> Keys<'a> {
    /// The keys of one snapshot.
    pub(in crate::api) fn new(snapshot: &'a Snapshot, sealer: &'a MessageSealer) -> Self {
        Self {
            snapshot,
            sealer,
            own_key: None,
        }
    }

    /// The same with the key of this call.
    pub(in crate::api) fn with(self, own_key: Option<&'a CallKey>) -> Self {
        Self { own_key, ..self }
    }
}

impl KeyLookup for Keys<'_> {
    type Principal = Principal;

    fn find_key(&self, id: &AccessKeyId) -> Option<KeyRecord<Principal>> {
        let own = self.own_key.and_then(|key| key.record_of(id));
        own.or_else(|| self.snapshot.find_key(id))
    }

    fn sessions(&self) -> Option<&dyn SessionLookup<Principal = Principal>> {
        Some(self)
    }
}

impl SessionLookup for Keys<'_> {
    type Principal = Principal;

    fn find_session(
        &self,
        id: &AccessKeyId,
        security_token: &str,
        now_ms: i64,
    ) -> Result<KeyRecord<Principal>, SessionRefusal> {
        let token = SessionToken::open(security_token, self.sealer);
        if !id.is_session() {
            // A long-term key needs no token, and none makes it better.
            let key = self.snapshot.find_key(id);
            return Err(match (key.map(|key| key.status), token) {
                (None, _) => SessionRefusal::UnknownKey,
                (Some(KeyStatus::Inactive), _) => SessionRefusal::Inactive,
                (Some(KeyStatus::Active), Ok(_)) => SessionRefusal::Mismatch,
                (Some(KeyStatus::Active), Err(_)) => SessionRefusal::Malformed,
            });
        }
        let token = token.map_err(|_| SessionRefusal::Malformed)?;
        if token.key_id != *id {
            return Err(SessionRefusal::Mismatch);
        }
        if now_ms >= token.expires.0 {
            return Err(SessionRefusal::Expired);
        }
        // With its role, a session is over: whoever assumes the role again is told
        // what became of it.
        let (account, role) = self
            .snapshot
            .role_by_id(&token.role)
            .filter(|(account, _)| account.id == token.account)
            .ok_or(SessionRefusal::Expired)?;
        let policy = token.policy.as_deref().map(Policy::parse_session);
        let session = RoleSession {
            role: Arc::clone(role),
            name: token.session,
            policy: policy.transpose().map_err(|_| SessionRefusal::Malformed)?,
            assumed_by: token.assumed_by,
            source_identity: token.source_identity,
            expires: EpochMs(token.expires.0),
        };
        Ok(KeyRecord {
            secret: self.sealer.session_secret(id),
            status: KeyStatus::Active,
            account: account.id.clone(),
            principal: Principal::Session(Arc::new(session)),
        })
    }
}
