//! Admission: the nonce is recorded and the throttle is charged together, under one lock, once the
//! signature is verified. A call that either refuses leaves no trace in the other.
//!
//! It is not persistence: it returns the nonce entry for the program to write before it answers.
//!
//! Invariant: an [`AdmittedRequest`] exists only for a verified request whose nonce was unused and
//! that was charged to its account and operation; one verified request is admitted once.

use std::fmt;
use std::hash::Hash;
use std::ops::Deref;
use std::sync::PoisonError;

use crate::credential::AccountId;
use crate::error::ApiError;
use crate::nonce::{NONCES_MAX_DEFAULT, NonceCache, NonceEntry, NonceHash, NonceRefusal};
use crate::signature::VerifiedRequest;
use crate::sync::{Mutex, MutexGuard};
use crate::throttle::{KEYS_MAX_DEFAULT, Throttle, ThrottleRefusal};

/// Bounds of the admission state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AdmissionSettings {
    /// How long a nonce is remembered, in ms: at least twice the accepted skew.
    pub nonce_retention_ms: i64,
    /// How many nonces are remembered. When they run out, calls are refused with 503, first those of
    /// accounts that hold the most.
    pub nonces_max: usize,
    /// How many (account, operation) pairs may be active within a second.
    pub throttle_keys_max: usize,
}

impl AdmissionSettings {
    /// The settings for an accepted skew in ms, with default bounds.
    #[must_use]
    pub fn for_skew_ms(skew_ms: i64) -> Self {
        Self {
            nonce_retention_ms: skew_ms.saturating_mul(2),
            nonces_max: NONCES_MAX_DEFAULT,
            throttle_keys_max: KEYS_MAX_DEFAULT,
        }
    }
}

/// The two clocks of one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallTime {
    /// Unix time in ms, for the nonce.
    pub now_ms: i64,
    /// Monotonic time in ns from any origin, for the throttle.
    pub monotonic_ns: u64,
}

/// What decides whether a verified call is admitted.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a, O> {
    /// Who is charged.
    pub account: &'a AccountId,
    /// For which operation.
    pub operation: &'a O,
    /// The nonce of the call.
    pub nonce: NonceHash,
    /// Until when the call's time stamp is accepted, Unix time in ms.
    pub valid_until_ms: i64,
    /// How many calls of this operation the account has a second.
    pub calls_per_second: u32,
}

/// Admits a verified call as `decide` says: where one place decides for several programs, each
/// asks it.
///
/// # Errors
/// What `decide` says.
pub fn admit_elsewhere<P, O>(
    verified: VerifiedRequest<P, O>,
    calls_per_second: u32,
    decide: impl FnOnce(&Asked<'_, O>) -> Result<NonceEntry, ApiError>,
) -> Result<AdmittedRequest<P, O>, ApiError> {
    let nonce = decide(&Asked {
        account: verified.account(),
        operation: verified.operation(),
        nonce: verified.nonce_hash(),
        valid_until_ms: verified.valid_until_ms(),
        calls_per_second,
    })?;
    Ok(AdmittedRequest { verified, nonce })
}

/// Admits verified calls. `O` is the program's operation, a part of the throttle's key.
#[derive(Debug)]
pub struct Admission<O> {
    state: Mutex<State<O>>,
}

#[derive(Debug)]
struct State<O> {
    nonces: NonceCache,
    throttle: Throttle<(AccountId, O)>,
}

impl<O: Hash + Eq + Clone> Admission<O> {
    /// An empty state.
    #[must_use]
    pub fn new(settings: AdmissionSettings) -> Self {
        Self {
            state: Mutex::new(State {
                nonces: NonceCache::new(settings.nonce_retention_ms, settings.nonces_max),
                throttle: Throttle::new(settings.throttle_keys_max),
            }),
        }
    }

    /// Admits a call: its nonce must be unused and its account under `calls_per_second` for this
    /// operation. Both are charged or neither is.
    ///
    /// # Errors
    /// As [`Self::decide`].
    pub fn admit<P>(
        &self,
        verified: VerifiedRequest<P, O>,
        calls_per_second: u32,
        at: CallTime,
    ) -> Result<AdmittedRequest<P, O>, ApiError> {
        admit_elsewhere(verified, calls_per_second, |asked| self.decide(asked, at))
    }

    /// Charges nonce and throttle of a call that is verified here or by somebody who is believed.
    ///
    /// # Errors
    /// `SignatureNonceUsed`, `System.LimitControl` with the time to wait, `ServiceUnavailable` when
    /// a bound of the state or the account's share of it is reached, `InvalidTimeStamp.Expired` when the clock stepped back
    /// behind what is remembered.
    pub fn decide(&self, asked: &Asked<'_, O>, at: CallTime) -> Result<NonceEntry, ApiError> {
        let key = (asked.account.clone(), asked.operation.clone());
        let mut state = self.lock();
        state
            .nonces
            .check(asked.account, asked.nonce, asked.valid_until_ms, at.now_ms)
            .map_err(|refusal| match refusal {
                NonceRefusal::Used => ApiError::NonceUsed,
                NonceRefusal::Forgotten => ApiError::TimestampExpired,
                NonceRefusal::Full | NonceRefusal::Share => ApiError::ServiceUnavailable,
            })?;
        state
            .throttle
            .check(&key, asked.calls_per_second, at.monotonic_ns)
            .map_err(|refusal| match refusal {
                ThrottleRefusal::Limited { retry_after_ms } => {
                    ApiError::LimitControl { retry_after_ms }
                }
                ThrottleRefusal::TooManyKeys => ApiError::ServiceUnavailable,
            })?;
        state.throttle.charge(key, at.monotonic_ns);
        Ok(state
            .nonces
            .record(asked.account, asked.nonce, asked.valid_until_ms, at.now_ms))
    }

    /// Takes persisted nonces back after a restart.
    pub fn restore_nonces(&self, entries: impl IntoIterator<Item = NonceEntry>, now_ms: i64) {
        self.lock().nonces.restore(entries, now_ms);
    }

    /// A copy of the nonces that must still be remembered, oldest first.
    #[must_use]
    pub fn nonces(&self, now_ms: i64) -> Vec<NonceEntry> {
        self.lock().nonces.entries(now_ms).collect()
    }

    /// How many nonces are remembered, for a gauge.
    #[must_use]
    pub fn nonces_len(&self) -> usize {
        self.lock().nonces.len()
    }

    /// A panic elsewhere cannot leave the state half charged: nothing between the two charges can
    /// panic, so a poisoned lock is taken as it is.
    fn lock(&self) -> MutexGuard<'_, State<O>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A verified request that was also admitted. Only [`Admission::admit`] and [`admit_elsewhere`]
/// make one.
pub struct AdmittedRequest<P, O> {
    verified: VerifiedRequest<P, O>,
    nonce: NonceEntry,
}

impl<P, O> AdmittedRequest<P, O> {
    /// The nonce entry, to be written before the call is answered.
    #[must_use]
    pub fn nonce(&self) -> NonceEntry {
        self.nonce
    }
}

impl<P, O> Deref for AdmittedRequest<P, O> {
    type Target = VerifiedRequest<P, O>;

    fn deref(&self) -> &VerifiedRequest<P, O> {
        &self.verified
    }
}

impl<P: fmt::Debug, O: fmt::Debug> fmt::Debug for AdmittedRequest<P, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AdmittedRequest")
            .field("verified", &self.verified)
            .finish_non_exhaustive()
    }
}
