//! LMDB, a B-tree that copies on write, by the `heed` crate: two databases of one
//! environment, keys of fixed size.
//!
//! Not tuned beyond a large map: no flag that gives up a sync. Invariant: a batch
//! is one write transaction, synced by its commit, and touches keys in order.

use super::fold::{Cells, Times, apply, slot_of_key, tally_from_bytes, tally_key, tally_to_bytes};
use super::{Number, Rival, Tally};
use crate::feed::Arrival;
use crate::resources;
use anyhow::Result;
use heed::types::Bytes;
use heed::{CommitOrAbort, Database, Env, EnvOpenOptions, RwTxn};
use std::convert::Infallible;
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// Addresses that are kept free for the file; it grows to what is in use.
const MAP_BYTES: usize = 64 << 30;

/// Keys and values are bytes.
type Table = Database<'static, Bytes, Bytes>;

/// An open environment and its two databases.
pub(crate) struct Lmdb {
    dir: PathBuf,
    environment: Env,
    messages: Table,
    tallies: Table,
}

impl Lmdb {
    pub(crate) fn open(dir: &Path) -> Result<Self> {
        fs::create_dir_all(dir)?;
        let mut options = EnvOpenOptions::new();
        options.map_size(MAP_BYTES).max_dbs(2);
        #[expect(
            unsafe_code,
            reason = "nobody else opens, changes or truncates the mapped file: it lives in the directory of this run"
        )]
        // SAFETY: see the reason above.
        let environment = unsafe { options.open(dir)? };
        let opened = environment.create_databases_and_commit(
            environment.write_txn()?,
            |opener, transaction| -> Result<_> {
                let messages = opener.create_database(transaction, Some("message"))?;
                let tallies = opener.create_database(transaction, Some("tally"))?;
                Ok(CommitOrAbort::<_, Infallible>::Commit((messages, tallies)))
            },
        )?;
        let CommitOrAbort::Commit((messages, tallies)) = opened;
        Ok(Self {
            dir: dir.to_owned(),
            environment,
            messages,
            tallies,
        })
    }
}

struct Transaction<'a> {
    open: RwTxn<'a>,
    messages: Table,
    tallies: Table,
}

impl Cells for Transaction<'_> {
    fn message(&mut self, fingerprint: u128) -> Result<Option<Times>> {
        match self.messages.get(&self.open, &fingerprint.to_be_bytes())? {
            Some(bytes) => Times::from_bytes(bytes).map(Some),
            None => Ok(None),
        }
    }

    fn put_message(&mut self, fingerprint: u128, times: Times) -> Result<()> {
        Ok(self.messages.put(
            &mut self.open,
            &fingerprint.to_be_bytes(),
            &times.to_bytes(),
        )?)
    }

    fn add_tally(&mut self, number: u64, slot: u32, change: Tally) -> Result<()> {
        let key = tally_key(number, slot);
        let mut tally = match self.tallies.get(&self.open, &key)? {
            Some(bytes) => tally_from_bytes(bytes)?,
            None => Tally::default(),
        };
        tally.add(change);
        Ok(self
            .tallies
            .put(&mut self.open, &key, &tally_to_bytes(tally)?)?)
    }
}

impl Rival for Lmdb {
    fn commit(&mut self, arrival: Arrival) -> Result<()> {
        let mut transaction = Transaction {
            open: self.environment.write_txn()?,
            messages: self.messages,
            tallies: self.tallies,
        };
        apply(&arrival.reports, &mut transaction)?;
        Ok(transaction.open.commit()?)
    }

    /// It has no log: the file is up to date after each commit.
    fn settle(&mut self) -> Result<()> {
        Ok(())
    }

    fn stored_bytes(&mut self) -> Result<u64> {
        resources::stored_bytes(&self.dir)
    }

    fn tallies(
        &mut self,
        number: &Number,
        slots: Range<u32>,
        each: &mut dyn FnMut(u32, Tally),
    ) -> Result<()> {
        let transaction = self.environment.read_txn()?;
        let start = tally_key(number.digits, slots.start);
        let end = tally_key(number.digits, slots.end);
        let range = (
            std::ops::Bound::Included(start.as_slice()),
            std::ops::Bound::Excluded(end.as_slice()),
        );
        for entry in self.tallies.range(&transaction, &range)? {
            let (key, value) = entry?;
            each(slot_of_key(key)?, tally_from_bytes(value)?);
        }
        Ok(())
    }
}
