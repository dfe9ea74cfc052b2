//! When each AccessKey was used last.
//!
//! Every verified call notes it, so it is kept in memory and written now and then:
//! a crash loses at most the last [`FLUSH_INTERVAL_MS`]. It is the one thing of a
//! snapshot that moves on by itself.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use chatmetric_core::EpochMs;
use chatmetric_rpc::credential::AccessKeyId;

use super::info::LastUse;

/// A key's last use is written at most this often.
pub const FLUSH_INTERVAL_MS: i64 = 60_000;

/// The last uses of all keys.
#[derive(Debug, Default)]
pub(in crate::directory) struct KeyUses {
    uses: Mutex<HashMap<AccessKeyId, Use>>,
}

#[derive(Debug)]
struct Use {
    last: LastUse,
    /// When it was written; `None` for not in this run of the program.
    written_ms: Option<i64>,
    is_new: bool,
}

impl KeyUses {
    pub(in crate::directory) fn new(stored: HashMap<AccessKeyId, LastUse>) -> Self {
        let uses = stored.into_iter().map(|(id, last)| {
            let used = Use {
                last,
                written_ms: None,
                is_new: false,
            };
            (id, used)
        });
        Self {
            uses: Mutex::new(uses.collect()),
        }
    }

    pub(in crate::directory) fn note(&self, key: &AccessKeyId, product: &str, now: EpochMs) {
        let mut uses = self.lock();
        if let Some(used) = uses.get_mut(key) {
            // A clock that went back does not make an earlier use the last one.
            if now.0 >= used.last.at_ms {
                used.last.at_ms = now.0;
                if used.last.product != product {
                    used.last.product = product.to_owned();
                }
                used.is_new = true;
            }
            return;
        }
        let used = Use {
            last: LastUse {
                at_ms: now.0,
                product: product.to_owned(),
            },
            written_ms: None,
            is_new: true,
        };
        uses.insert(key.clone(), used);
    }

    pub(in crate::directory) fn last(&self, key: &AccessKeyId) -> Option<LastUse> {
        self.lock().get(key).map(|used| used.last.clone())
    }

    /// What is to be written now: all that is new, or what was not written lately.
    pub(in crate::directory) fn due(
        &self,
        now: EpochMs,
        everything: bool,
    ) -> Vec<(AccessKeyId, LastUse)> {
        let rested = |written_ms: i64| {
            // Also when the clock went back.
            !(0..FLUSH_INTERVAL_MS).contains(&now.0.saturating_sub(written_ms))
        };
        let uses = self.lock();
        let due = uses
            .iter()
            .filter(|(_, used)| used.is_new && (everything || used.written_ms.is_none_or(rested)));
        due.map(|(id, used)| (id.clone(), used.last.clone()))
            .collect()
    }

    /// Notes that these were written. A use since then stays new.
    pub(in crate::directory) fn written(&self, written: &[(AccessKeyId, LastUse)], now: EpochMs) {
        let mut uses = self.lock();
        for (id, last) in written {
            if let Some(used) = uses.get_mut(id) {
                used.written_ms = Some(now.0);
                used.is_new = used.last != *last;
            }
        }
    }

    /// Forgets keys that are gone.
    pub(in crate::directory) fn retain(&self, exists: impl Fn(&AccessKeyId) -> bool) {
        self.lock().retain(|id, _| exists(id));
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<AccessKeyId, Use>> {
        // Nothing here panics between two changes of one entry.
        self.uses.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
