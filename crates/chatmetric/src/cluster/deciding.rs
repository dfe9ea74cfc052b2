//! Nonce and throttle of an account, decided by one node for all.
//!
//! The owner decides from memory; the node that asked puts the nonce on the servers before
//! the call goes on, in time for the next owner of the account. A new owner decides nothing
//! before it has read the account's nonces, once the owner before can admit no more.
//!
//! Not here: who is the owner (`chatmetric_cluster::owner`), the rules (the admission).
//! Invariants: of two calls with one nonce one is admitted, whichever nodes they reach and
//! whoever owned the account meanwhile; a question that cannot be read is refused.

use super::nonces::Nonces;
use crate::api::action::Action;
use crate::server::Decider;
use chatmetric_cluster::owner;
use chatmetric_core::AccountKey;
use chatmetric_rpc::ApiError;
use chatmetric_rpc::admission::Asked;
use chatmetric_rpc::credential::AccountId;
use chatmetric_rpc::nonce::{NonceEntry, NonceHash};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

/// How often something that is about to be there is looked for.
pub(super) const AGAIN_AFTER: Duration = Duration::from_millis(20);

/// What is asked of the owner.
#[derive(Debug, Serialize, Deserialize)]
struct Question {
    account: String,
    action: String,
    nonce: [u8; 16],
    valid_until_ms: i64,
    calls_per_second: u32,
}

/// What it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Decision {
    Admitted {
        expires_ms: i64,
    },
    Used,
    Expired,
    Limited {
        retry_after_ms: u64,
    },
    /// The owner is new and reads what was admitted before it.
    NotRead,
    /// Not now.
    Unavailable,
}

/// How far the nonces of an account are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reading {
    /// For the owner with this token.
    Since(u64),
    Done,
}

/// Decides on this node.
pub(super) struct Deciding {
    nonces: Nonces,
    decider: OnceLock<Arc<dyn Decider>>,
    accounts: Mutex<HashMap<AccountKey, Reading>>,
    own: std::sync::Weak<Self>,
}

impl Deciding {
    pub(super) fn new(nonces: Nonces) -> Arc<Self> {
        Arc::new_cyclic(|own| Self {
            nonces,
            decider: OnceLock::new(),
            accounts: Mutex::default(),
            own: own.clone(),
        })
    }

    pub(super) const fn nonces(&self) -> &Nonces {
        &self.nonces
    }

    /// Says who has the admission, once there is somebody.
    pub(super) fn decide_with(&self, decider: Arc<dyn Decider>) {
        // A process has one server.
        drop(self.decider.set(decider));
    }

    fn decided(&self, account: AccountKey, question: &[u8]) -> Option<Decision> {
        let decider = self.decider.get()?;
        if self.lock().get(&account) != Some(&Reading::Done) {
            return Some(Decision::NotRead);
        }
        let question: Question = serde_json::from_slice(question).ok()?;
        let action = Action::all().find(|action| action.name() == question.action)?;
        let asked = Asked {
            account: &AccountId::parse(&question.account).ok()?,
            operation: &action,
            nonce: NonceHash::from_bytes(question.nonce),
            valid_until_ms: question.valid_until_ms,
            calls_per_second: question.calls_per_second,
        };
        Some(match decider.decide_here(&asked) {
            Ok(entry) => Decision::Admitted {
                expires_ms: entry.expires_ms,
            },
            Err(ApiError::NonceUsed) => Decision::Used,
            Err(ApiError::TimestampExpired) => Decision::Expired,
            Err(ApiError::LimitControl { retry_after_ms }) => Decision::Limited { retry_after_ms },
            Err(_) => Decision::Unavailable,
        })
    }

    /// Reads what owners before this one admitted.
    async fn read(self: Arc<Self>, account: AccountKey, token: u64, silent_for: Duration) {
        tokio::time::sleep(silent_for).await;
        let entries = self.nonces.of_account(account).await;
        // Others may ask before the server of this node has begun.
        let decider = loop {
            match self.decider.get() {
                Some(decider) => break decider,
                None => tokio::time::sleep(AGAIN_AFTER).await,
            }
        };
        decider.restore(entries);
        let mut accounts = self.lock();
        if accounts.get(&account) == Some(&Reading::Since(token)) {
            accounts.insert(account, Reading::Done);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<AccountKey, Reading>> {
        self.accounts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl owner::Decider for Deciding {
    fn begin(&self, account: AccountKey, token: u64, silent_for: Duration) {
        self.lock().insert(account, Reading::Since(token));
        if let Some(own) = self.own.upgrade() {
            tokio::spawn(own.read(account, token, silent_for));
        }
    }

    fn decide(&self, account: AccountKey, question: &[u8]) -> Vec<u8> {
        let decision = self.decided(account, question);
        let decision = decision.unwrap_or(Decision::Unavailable);
        serde_json::to_vec(&decision).unwrap_or_default()
    }
}

/// The question about a call.
pub(super) fn question(asked: &Asked<'_, Action>) -> Vec<u8> {
    let question = Question {
        account: asked.account.as_str().to_owned(),
        action: asked.operation.name().to_owned(),
        nonce: asked.nonce.to_bytes(),
        valid_until_ms: asked.valid_until_ms,
        calls_per_second: asked.calls_per_second,
    };
    serde_json::to_vec(&question).unwrap_or_default()
}

/// Whether the same question is worth asking again at once.
pub(super) fn is_early(decision: &[u8]) -> bool {
    matches!(serde_json::from_slice(decision), Ok(Decision::NotRead))
}

/// What the owner's answer says about it.
pub(super) fn answer(asked: &Asked<'_, Action>, decision: &[u8]) -> Result<NonceEntry, ApiError> {
    match serde_json::from_slice(decision) {
        Ok(Decision::Admitted { expires_ms }) => Ok(NonceEntry {
            hash: asked.nonce,
            expires_ms,
        }),
        Ok(Decision::Used) => Err(ApiError::NonceUsed),
        Ok(Decision::Expired) => Err(ApiError::TimestampExpired),
        Ok(Decision::Limited { retry_after_ms }) => Err(ApiError::LimitControl { retry_after_ms }),
        Ok(Decision::NotRead | Decision::Unavailable) | Err(_) => Err(ApiError::ServiceUnavailable),
    }
}
