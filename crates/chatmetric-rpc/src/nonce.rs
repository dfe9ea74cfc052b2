//! The nonce cache: refuses a second use of (AccessKeyId, nonce). Time is passed in; the program
//! may persist the entries and give them back after a restart.
//!
//! Invariants: an entry is kept for the whole retention (twice the accepted skew, because a stamp
//! may lie in the future by one skew), whatever happens; at the cap new entries are refused, none
//! is evicted. A request that could have been admitted before the oldest purge, because the clock
//! stepped back, is refused as well, so a clock cannot reopen a window.

use std::collections::{HashSet, VecDeque};

use sha2::{Digest, Sha256};

/// Entries that fit by default: 30 minutes of 550 calls per second, about 60 MB.
pub const NONCES_MAX_DEFAULT: usize = 1_000_000;

/// The 16-byte name of (AccessKeyId, nonce).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NonceHash([u8; 16]);

impl NonceHash {
    /// Hashes a pair; the length of the id is hashed too, so pairs cannot run into each other.
    #[must_use]
    pub fn of(access_key_id: &str, nonce: &str) -> Self {
        let mut hasher = Sha256::new();
        hasher.update(
            u64::try_from(access_key_id.len())
                .unwrap_or(u64::MAX)
                .to_le_bytes(),
        );
        hasher.update(access_key_id.as_bytes());
        hasher.update(nonce.as_bytes());
        let digest: [u8; 32] = hasher.finalize().into();
        let mut short = [0; 16];
        short
            .iter_mut()
            .zip(digest)
            .for_each(|(to, from)| *to = from);
        Self(short)
    }

    /// From stored bytes.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// To be stored.
    #[must_use]
    pub fn to_bytes(self) -> [u8; 16] {
        self.0
    }
}

/// One remembered nonce, as it is persisted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NonceEntry {
    /// Which pair.
    pub hash: NonceHash,
    /// Until when it must be remembered, Unix time in ms.
    pub expires_ms: i64,
}

/// Why a nonce is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NonceRefusal {
    /// It was used.
    Used,
    /// It may have been used and forgotten: its request was valid only before a purge.
    Forgotten,
    /// The cache is full of nonces that must still be remembered.
    Full,
}

/// The cache. Not synchronised: [`crate::admission::Admission`] holds it under its lock.
#[derive(Debug)]
pub struct NonceCache {
    retention_ms: i64,
    entries_max: usize,
    used: HashSet<NonceHash>,
    by_age: VecDeque<NonceEntry>,
    /// The latest time at which something was forgotten.
    purged_ms: i64,
}

impl NonceCache {
    /// A cache that remembers each nonce for `retention_ms` and at most `entries_max` of them.
    #[must_use]
    pub fn new(retention_ms: i64, entries_max: usize) -> Self {
        Self {
            retention_ms,
            entries_max,
            used: HashSet::new(),
            by_age: VecDeque::new(),
            purged_ms: i64::MIN,
        }
    }

    /// Says whether [`Self::record`] may be called; changes nothing but expired entries.
    ///
    /// `valid_until_ms` is when the request's own time stamp leaves the accepted skew.
    ///
    /// # Errors
    /// See [`NonceRefusal`].
    pub fn check(
        &mut self,
        hash: NonceHash,
        valid_until_ms: i64,
        now_ms: i64,
    ) -> Result<(), NonceRefusal> {
        self.purge(now_ms);
        if self.used.contains(&hash) {
            return Err(NonceRefusal::Used);
        }
        if valid_until_ms < self.purged_ms {
            return Err(NonceRefusal::Forgotten);
        }
        if self.used.len() >= self.entries_max {
            return Err(NonceRefusal::Full);
        }
        Ok(())
    }

    /// Remembers a nonce that [`Self::check`] let pass, and returns what to persist. It is kept for
    /// the retention, and in any case until the request's own time stamp is no longer valid.
    pub fn record(&mut self, hash: NonceHash, valid_until_ms: i64, now_ms: i64) -> NonceEntry {
        let expires_ms = now_ms.saturating_add(self.retention_ms).max(valid_until_ms);
        let entry = NonceEntry { hash, expires_ms };
        if self.used.insert(hash) {
            self.by_age.push_back(entry);
        }
        entry
    }

    /// Takes persisted entries back, in any order, and leaves out those that are over at `now_ms`.
    /// More than the cap are taken too: none may be forgotten.
    pub fn restore(&mut self, entries: impl IntoIterator<Item = NonceEntry>, now_ms: i64) {
        for entry in entries {
            if entry.expires_ms < now_ms {
                self.purged_ms = self.purged_ms.max(now_ms);
            } else if self.used.insert(entry.hash) {
                self.by_age.push_back(entry);
            }
        }
        self.by_age
            .make_contiguous()
            .sort_unstable_by_key(|entry| entry.expires_ms);
    }

    /// What must still be remembered at `now_ms`, oldest first.
    pub fn entries(&self, now_ms: i64) -> impl Iterator<Item = NonceEntry> + '_ {
        self.by_age
            .iter()
            .copied()
            .filter(move |entry| entry.expires_ms >= now_ms)
    }

    /// How many nonces are remembered.
    #[must_use]
    pub fn len(&self) -> usize {
        self.used.len()
    }

    /// Whether none is remembered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.used.is_empty()
    }

    fn purge(&mut self, now_ms: i64) {
        while let Some(oldest) = self.by_age.front() {
            if oldest.expires_ms >= now_ms {
                return;
            }
            self.used.remove(&oldest.hash);
            self.by_age.pop_front();
            self.purged_ms = self.purged_ms.max(now_ms);
        }
    }
}

#[cfg(test)]
mod tests;
