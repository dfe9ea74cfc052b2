//! fjall 3, the engine that keeps our tallies, used alone: each message and each
//! tally is a key of it, looked up and written through its own log.
//!
//! Not a use that its bulk loading was made for; see `hot_fjall.rs` for the one
//! with memory in front. Invariant: a batch is one atomic write batch, synced.

use super::fold::{Cells, Times, apply, slot_of_key, tally_from_bytes, tally_key, tally_to_bytes};
use super::{CACHE_BYTES, Number, Rival, Tally};
use crate::feed::Arrival;
use anyhow::Result;
use fjall::{Database, Keyspace, KeyspaceCreateOptions, OwnedWriteBatch, PersistMode};
use std::ops::Range;
use std::path::Path;

/// An open database and its two keyspaces.
pub(crate) struct Fjall {
    database: Database,
    messages: Keyspace,
    tallies: Keyspace,
}

impl Fjall {
    pub(crate) fn open(dir: &Path) -> Result<Self> {
        let database = Database::builder(dir).cache_size(CACHE_BYTES).open()?;
        Ok(Self {
            messages: database.keyspace("message", KeyspaceCreateOptions::default)?,
            tallies: database.keyspace("tally", KeyspaceCreateOptions::default)?,
            database,
        })
    }

    /// A batch that is durable when it is committed.
    pub(super) fn batch(&self) -> OwnedWriteBatch {
        self.database.batch().durability(Some(PersistMode::SyncAll))
    }

    pub(super) fn message(&self, fingerprint: u128) -> Result<Option<Times>> {
        match self.messages.get(fingerprint.to_be_bytes())? {
            Some(bytes) => Times::from_bytes(&bytes).map(Some),
            None => Ok(None),
        }
    }

    pub(super) fn put_message(&self, batch: &mut OwnedWriteBatch, fingerprint: u128, times: Times) {
        batch.insert(&self.messages, fingerprint.to_be_bytes(), times.to_bytes());
    }

    pub(super) fn tally(&self, number: u64, slot: u32) -> Result<Tally> {
        match self.tallies.get(tally_key(number, slot))? {
            Some(bytes) => tally_from_bytes(&bytes),
            None => Ok(Tally::default()),
        }
    }

    pub(super) fn put_tally(
        &self,
        batch: &mut OwnedWriteBatch,
        number: u64,
        slot: u32,
        tally: Tally,
    ) -> Result<()> {
        batch.insert(
            &self.tallies,
            tally_key(number, slot),
            tally_to_bytes(tally)?,
        );
        Ok(())
    }
}

struct Batch<'a> {
    tables: &'a Fjall,
    writes: OwnedWriteBatch,
}

impl Cells for Batch<'_> {
    fn message(&mut self, fingerprint: u128) -> Result<Option<Times>> {
        self.tables.message(fingerprint)
    }

    fn put_message(&mut self, fingerprint: u128, times: Times) -> Result<()> {
        self.tables
            .put_message(&mut self.writes, fingerprint, times);
        Ok(())
    }

    fn add_tally(&mut self, number: u64, slot: u32, change: Tally) -> Result<()> {
        let mut tally = self.tables.tally(number, slot)?;
        tally.add(change);
        self.tables.put_tally(&mut self.writes, number, slot, tally)
    }
}

impl Rival for Fjall {
    fn commit(&mut self, arrival: Arrival) -> Result<()> {
        let mut batch = Batch {
            writes: self.batch(),
            tables: self,
        };
        apply(&arrival.reports, &mut batch)?;
        Ok(batch.writes.commit()?)
    }

    /// What its log alone has is written to tables.
    fn settle(&mut self) -> Result<()> {
        self.messages.rotate_memtable_and_wait()?;
        Ok(self.tallies.rotate_memtable_and_wait()?)
    }

    /// Tables alone: the log has nothing that they have not.
    fn stored_bytes(&mut self) -> Result<u64> {
        Ok(self.messages.disk_space() + self.tallies.disk_space())
    }

    fn tallies(
        &mut self,
        number: &Number,
        slots: Range<u32>,
        each: &mut dyn FnMut(u32, Tally),
    ) -> Result<()> {
        let range = tally_key(number.digits, slots.start)..tally_key(number.digits, slots.end);
        for entry in self.tallies.range(range) {
            let (key, value) = entry.into_inner()?;
            each(slot_of_key(&key)?, tally_from_bytes(&value)?);
        }
        Ok(())
    }
}
