//! The nonce cache: refuses a second use of (AccessKeyId, nonce). Time is passed in; the program
//! may persist the entries and give them back after a restart.
//!
//! Invariants: an entry is kept for the whole retention (twice the accepted skew, because a stamp
//! may lie in the future by one skew), whatever happens; at the cap new entries are refused, none
//! is evicted. A request that could have been admitted before the oldest purge, because the clock
//! stepped back, is refused as well, so a clock cannot reopen a window. No account can take the
//! room of all: each may hold at most [`HELD_PER_FREE`] times what is free.

use std::collections::VecDeque;
use std::hash::{BuildHasher, RandomState};

use hashbrown::HashTable;
use sha2::{Digest, Sha256};

use crate::credential::AccountId;
use holders::{Holder, Holders};

mod holders;

/// Entries that fit by default: 2,200 calls per second for 30 minutes, and 1,480 of one account.
/// Measured: 70 MB at 1,000 calls per second, 170 MB when it is full; nothing when nobody calls.
pub const NONCES_MAX_DEFAULT: usize = 4_000_000;
/// An account that holds so many times what is free has to wait until some of its own expire. One
/// account alone gets two thirds of the cache, two get two fifths each, and somebody who holds
/// little is let in as long as anything is free.
pub const HELD_PER_FREE: usize = 2;

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
    /// The account holds more than its share of a cache that fills up.
    Share,
}

/// An entry with the account that its end gives room to; 32 bytes.
#[derive(Debug)]
struct Remembered {
    entry: NonceEntry,
    holder: Holder,
}

/// The cache. Not synchronised: [`crate::admission::Admission`] holds it under its lock.
///
/// The table holds positions only, counted from the first entry that was ever queued, so that an
/// entry's bytes exist once.
#[derive(Debug)]
pub struct NonceCache {
    retention_ms: i64,
    entries_max: usize,
    by_age: VecDeque<Remembered>,
    /// The position of the front of the queue; wraps around.
    front: u32,
    positions: HashTable<u32>,
    hashing: RandomState,
    holders: Holders,
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
            by_age: VecDeque::new(),
            front: 0,
            positions: HashTable::new(),
            hashing: RandomState::new(),
            holders: Holders::default(),
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
        account: &AccountId,
        hash: NonceHash,
        valid_until_ms: i64,
        now_ms: i64,
    ) -> Result<(), NonceRefusal> {
        self.purge(now_ms);
        if self.holds(hash) {
            return Err(NonceRefusal::Used);
        }
        if valid_until_ms < self.purged_ms {
            return Err(NonceRefusal::Forgotten);
        }
        let free = self.entries_max.saturating_sub(self.len());
        if free == 0 {
            return Err(NonceRefusal::Full);
        }
        if self.holders.held_by(account) >= free.saturating_mul(HELD_PER_FREE) {
            return Err(NonceRefusal::Share);
        }
        Ok(())
    }

    /// Remembers a nonce that [`Self::check`] let pass, and returns what to persist. It is kept for
    /// the retention, and in any case until the request's own time stamp is no longer valid.
    pub fn record(
        &mut self,
        account: &AccountId,
        hash: NonceHash,
        valid_until_ms: i64,
        now_ms: i64,
    ) -> NonceEntry {
        let expires_ms = now_ms.saturating_add(self.retention_ms).max(valid_until_ms);
        let entry = NonceEntry { hash, expires_ms };
        if !self.holds(hash) {
            let holder = self.holders.add(account);
            self.push(Remembered { entry, holder });
        }
        entry
    }

    /// Takes persisted entries back, in any order, and leaves out those that are over at `now_ms`.
    /// More than the cap are taken too: none may be forgotten. Nobody remembers whose they were.
    pub fn restore(&mut self, entries: impl IntoIterator<Item = NonceEntry>, now_ms: i64) {
        for entry in entries {
            if entry.expires_ms < now_ms {
                self.purged_ms = self.purged_ms.max(now_ms);
            } else if !self.holds(entry.hash) {
                let holder = Holder::NOBODY;
                self.push(Remembered { entry, holder });
            }
        }
        let mut sorted = std::mem::take(&mut self.by_age);
        sorted
            .make_contiguous()
            .sort_unstable_by_key(|remembered| remembered.entry.expires_ms);
        self.positions.clear();
        for remembered in sorted {
            self.push(remembered);
        }
    }

    /// What must still be remembered at `now_ms`, oldest first.
    pub fn entries(&self, now_ms: i64) -> impl Iterator<Item = NonceEntry> + '_ {
        self.by_age
            .iter()
            .map(|remembered| remembered.entry)
            .filter(move |entry| entry.expires_ms >= now_ms)
    }

    /// How many nonces are remembered.
    #[must_use]
    pub fn len(&self) -> usize {
        self.by_age.len()
    }

    /// Whether none is remembered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_age.is_empty()
    }

    fn holds(&self, hash: NonceHash) -> bool {
        let key = self.hashing.hash_one(hash);
        let is_it = |position: &u32| hash_at(&self.by_age, self.front, *position) == Some(hash);
        self.positions.find(key, is_it).is_some()
    }

    fn push(&mut self, remembered: Remembered) {
        let Ok(length) = u32::try_from(self.by_age.len()) else {
            return;
        };
        let position = self.front.wrapping_add(length);
        let key = self.hashing.hash_one(remembered.entry.hash);
        self.by_age.push_back(remembered);
        let (by_age, front, hashing) = (&self.by_age, self.front, &self.hashing);
        self.positions.insert_unique(key, position, |moved| {
            hashing.hash_one(hash_at(by_age, front, *moved).unwrap_or(NonceHash([0; 16])))
        });
    }

    fn purge(&mut self, now_ms: i64) {
        while let Some(oldest) = self.by_age.front() {
            if oldest.entry.expires_ms >= now_ms {
                return;
            }
            let position = self.front;
            let key = self.hashing.hash_one(oldest.entry.hash);
            if let Ok(found) = self.positions.find_entry(key, |other| *other == position) {
                found.remove();
            }
            self.holders.remove(oldest.holder);
            self.by_age.pop_front();
            self.front = self.front.wrapping_add(1);
            self.purged_ms = self.purged_ms.max(now_ms);
        }
    }
}

fn hash_at(by_age: &VecDeque<Remembered>, front: u32, position: u32) -> Option<NonceHash> {
    let at = usize::try_from(position.wrapping_sub(front)).ok()?;
    by_age.get(at).map(|remembered| remembered.entry.hash)
}

#[cfg(test)]
mod tests;
