//! What one account may have in flight: bodies of webhooks, by number and by bytes, so that
//! whoever sends more than can be taken is refused and the others find room.
//!
//! Not here: the memory of all bodies together (`limits`). Invariant: what is in flight of
//! an account is never more than its share, but for a body that is alone.

use super::limits::{ACCOUNT_BODIES_BYTES_MAX, ACCOUNT_BODIES_MAX};
use chatmetric_core::AccountKey;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What is in flight, by account; none without anything.
type InFlight = HashMap<AccountKey, Load>;

#[derive(Debug, Clone, Copy, Default)]
struct Load {
    bodies: usize,
    bytes: usize,
}

/// The shares of all accounts.
#[derive(Debug, Default)]
pub(crate) struct Shares(Arc<Mutex<InFlight>>);

/// A body in flight; no more when it is dropped.
#[derive(Debug)]
pub(crate) struct Share {
    in_flight: Arc<Mutex<InFlight>>,
    account: AccountKey,
    bytes: usize,
}

fn lock(in_flight: &Mutex<InFlight>) -> MutexGuard<'_, InFlight> {
    in_flight.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shares {
    /// `None` when the account has too much in flight already.
    pub(crate) fn admit(&self, account: AccountKey, bytes: usize) -> Option<Share> {
        let mut in_flight = lock(&self.0);
        let load = in_flight.entry(account).or_default();
        let fits = load.bodies < ACCOUNT_BODIES_MAX
            && load.bytes.saturating_add(bytes) <= ACCOUNT_BODIES_BYTES_MAX;
        if load.bodies > 0 && !fits {
            return None;
        }
        load.bodies += 1;
        load.bytes = load.bytes.saturating_add(bytes);
        Some(Share {
            in_flight: Arc::clone(&self.0),
            account,
            bytes,
        })
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut in_flight = lock(&self.in_flight);
        if let Some(load) = in_flight.get_mut(&self.account) {
            load.bodies = load.bodies.saturating_sub(1);
            load.bytes = load.bytes.saturating_sub(self.bytes);
            if load.bodies == 0 {
                in_flight.remove(&self.account);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    //! The limits.

    use super::*;

    const HEAVY: AccountKey = AccountKey(1);
    const LIGHT: AccountKey = AccountKey(2);

    #[test]
    fn an_account_that_has_too_much_in_flight_is_refused_and_others_are_not() {
        let shares = Shares::default();
        let many: Vec<_> = (0..ACCOUNT_BODIES_MAX)
            .map(|_| shares.admit(HEAVY, 1).expect("within its share"))
            .collect();
        assert!(shares.admit(HEAVY, 1).is_none());
        assert!(shares.admit(LIGHT, 1).is_some());
        drop(many);
        assert!(shares.admit(HEAVY, 1).is_some());
        assert!(lock(&shares.0).is_empty());
    }

    #[test]
    fn bytes_are_shared_too_and_one_body_alone_always_fits() {
        let shares = Shares::default();
        let large = shares.admit(HEAVY, ACCOUNT_BODIES_BYTES_MAX + 1);
        assert!(large.is_some());
        assert!(shares.admit(HEAVY, 1).is_none());
        assert!(shares.admit(LIGHT, ACCOUNT_BODIES_BYTES_MAX).is_some());
        drop(large);
        let half = shares.admit(HEAVY, ACCOUNT_BODIES_BYTES_MAX / 2);
        assert!(half.is_some());
        assert!(
            shares
                .admit(HEAVY, ACCOUNT_BODIES_BYTES_MAX / 2 + 1)
                .is_none()
        );
        assert!(shares.admit(HEAVY, ACCOUNT_BODIES_BYTES_MAX / 2).is_some());
    }
}
