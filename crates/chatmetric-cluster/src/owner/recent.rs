//! Decisions of a moment ago, by who asked: an asker whose answer was lost or late asks
//! again, and must not hear that it has asked before.
//!
//! Not here: whether this member may decide. Invariants: what is asked twice is decided
//! once; what is remembered is bounded, and forgotten when a lease begins anew.

use chatmetric_core::AccountKey;
use std::collections::{HashMap, VecDeque};
use std::time::Duration;
use tokio::time::Instant;

/// Longer than an asker asks again.
const KEPT_FOR: Duration = Duration::from_secs(8);
/// Decisions that are remembered; who asks again after more of them hears what it hears.
const DECISIONS_MAX: usize = 65_536;

/// An account and an asking for it.
type Asking = (AccountKey, Box<[u8]>);

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Recent {
    decisions: HashMap<Asking, Vec<u8>>,
    order: VecDeque<(Instant, Asking)>,
}

impl Recent {
    /// What was decided for this asking.
    pub(super) fn get(&self, account: AccountKey, ask: &[u8]) -> Option<Vec<u8>> {
        self.decisions.get(&(account, ask.into())).cloned()
    }

    /// Remembers a decision.
    pub(super) fn put(&mut self, account: AccountKey, ask: &[u8], decision: &[u8], now: Instant) {
        while let Some((at, _)) = self.order.front()
            && (self.order.len() >= DECISIONS_MAX || now >= *at + KEPT_FOR)
            && let Some((_, asking)) = self.order.pop_front()
        {
            self.decisions.remove(&asking);
        }
        let asking: Asking = (account, ask.into());
        self.order.push_back((now, asking.clone()));
        self.decisions.insert(asking, decision.to_vec());
    }

    /// Somebody else may have decided for the account since.
    pub(super) fn forget(&mut self, account: AccountKey) {
        self.decisions.retain(|(of, _), _| *of != account);
        self.order.retain(|(_, (of, _))| *of != account);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decision_is_remembered_for_a_while_and_not_without_end() {
        let mut recent = Recent::default();
        let (one, other) = (AccountKey(1), AccountKey(2));
        let began = Instant::now();
        recent.put(one, b"a", b"yes", began);
        recent.put(other, b"a", b"no", began + Duration::from_secs(5));
        assert_eq!(recent.get(one, b"a").as_deref(), Some(&b"yes"[..]));
        assert_eq!(recent.get(other, b"a").as_deref(), Some(&b"no"[..]));
        assert_eq!(recent.get(one, b"b"), None);
        recent.put(one, b"b", b"yes", began + KEPT_FOR);
        assert_eq!(recent.get(one, b"a"), None);
        recent.forget(one);
        assert_eq!(recent.get(one, b"b"), None);
        assert!(recent.get(other, b"a").is_some());
        let later = began + KEPT_FOR;
        for nth in 0..=DECISIONS_MAX {
            recent.put(one, &nth.to_be_bytes(), b"yes", later);
        }
        assert_eq!(recent.decisions.len(), DECISIONS_MAX);
        assert_eq!(recent.order.len(), DECISIONS_MAX);
        assert_eq!(recent.get(one, &0_usize.to_be_bytes()), None);
    }
}
