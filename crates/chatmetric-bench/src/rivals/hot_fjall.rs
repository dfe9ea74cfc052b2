//! fjall 3 with a hot table in memory in front: what was touched lately is looked
//! up in memory, and every key is still written through fjall's own log.
//!
//! Not our design: ours writes a log of its own and cold records in bulk. It shows
//! what a cache alone gains. Invariant: the hot table repeats what fjall has, so
//! that forgetting a part of it loses nothing.

use super::fjall::Fjall;
use super::fold::{Cells, Times, apply};
use super::{HalfHour, Number, Rival, Tally};
use crate::feed::Arrival;
use anyhow::Result;
use fjall::OwnedWriteBatch;
use rustc_hash::FxHashMap;
use std::hash::Hash;
use std::ops::Range;
use std::path::Path;

/// Messages and tallies of one half of each table.
const ENTRIES_MAX: usize = 1 << 18;

/// What was used lately: two halves, of which the older one is forgotten when the
/// younger one is full.
struct Hot<K, V> {
    young: FxHashMap<K, V>,
    old: FxHashMap<K, V>,
    entries_max: usize,
}

impl<K: Copy + Eq + Hash, V: Copy> Hot<K, V> {
    fn new(entries_max: usize) -> Self {
        Self {
            young: FxHashMap::default(),
            old: FxHashMap::default(),
            entries_max,
        }
    }

    fn get(&self, key: &K) -> Option<V> {
        self.young.get(key).or_else(|| self.old.get(key)).copied()
    }

    fn put(&mut self, key: K, value: V) {
        if self.young.len() >= self.entries_max {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key, value);
    }
}

/// The database and what was touched lately.
pub(crate) struct HotFjall {
    tables: Fjall,
    messages: Hot<u128, Times>,
    tallies: Hot<(u64, u32), Tally>,
}

impl HotFjall {
    pub(crate) fn open(dir: &Path) -> Result<Self> {
        Self::with_entries(dir, ENTRIES_MAX)
    }

    pub(super) fn with_entries(dir: &Path, entries_max: usize) -> Result<Self> {
        Ok(Self {
            tables: Fjall::open(dir)?,
            messages: Hot::new(entries_max),
            tallies: Hot::new(entries_max),
        })
    }
}

struct Batch<'a> {
    rival: &'a mut HotFjall,
    writes: OwnedWriteBatch,
}

impl Cells for Batch<'_> {
    fn message(&mut self, fingerprint: u128) -> Result<Option<Times>> {
        match self.rival.messages.get(&fingerprint) {
            Some(times) => Ok(Some(times)),
            None => self.rival.tables.message(fingerprint),
        }
    }

    fn put_message(&mut self, fingerprint: u128, times: Times) -> Result<()> {
        self.rival.messages.put(fingerprint, times);
        self.rival
            .tables
            .put_message(&mut self.writes, fingerprint, times);
        Ok(())
    }

    fn add_tally(&mut self, number: u64, slot: u32, change: Tally) -> Result<()> {
        let mut tally = match self.rival.tallies.get(&(number, slot)) {
            Some(tally) => tally,
            None => self.rival.tables.tally(number, slot)?,
        };
        tally.add(change);
        self.rival.tallies.put((number, slot), tally);
        self.rival
            .tables
            .put_tally(&mut self.writes, number, slot, tally)
    }
}

impl Rival for HotFjall {
    fn commit(&mut self, arrival: Arrival) -> Result<()> {
        let mut batch = Batch {
            writes: self.tables.batch(),
            rival: self,
        };
        apply(&arrival.reports, &mut batch)?;
        // An error here ends the run, so that memory and disk cannot differ.
        Ok(batch.writes.commit()?)
    }

    fn settle(&mut self) -> Result<()> {
        self.tables.settle()
    }

    fn stored_bytes(&mut self) -> Result<u64> {
        self.tables.stored_bytes()
    }

    fn tallies(
        &mut self,
        number: &Number,
        slots: Range<u32>,
        each: &mut dyn FnMut(u32, Tally),
    ) -> Result<()> {
        self.tables.tallies(number, slots, each)
    }

    fn series(&mut self, number: &Number, slots: Range<u32>) -> Result<Vec<HalfHour>> {
        self.tables.series(number, slots)
    }
}
