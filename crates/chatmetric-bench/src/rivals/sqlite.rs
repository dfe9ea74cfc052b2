//! SQLite as the program itself uses it, through `rusqlite`: a log ahead of the
//! file, synced by each commit, statements prepared once.
//!
//! Not a server: it runs in this process. The log may grow to 64 MB before it is
//! copied into the file, sixteen times the usual, which saves it work. Invariant:
//! a batch is one transaction.

use super::fold::{Cells, Times, apply};
use super::{CACHE_BYTES, Number, Rival, Tally};
use crate::feed::Arrival;
use crate::resources;
use anyhow::{Result, ensure};
use rusqlite::{CachedStatement, Connection, OptionalExtension, Transaction, params};
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

const SCHEMA: &str = "
    CREATE TABLE message (
        fingerprint BLOB PRIMARY KEY, sent INTEGER NOT NULL, delivered INTEGER) WITHOUT ROWID;
    CREATE TABLE tally (
        number INTEGER, slot INTEGER, sent INTEGER NOT NULL, delivered INTEGER NOT NULL,
        PRIMARY KEY (number, slot)) WITHOUT ROWID;";

const FIND: &str = "SELECT sent, delivered FROM message WHERE fingerprint = ?1";

const UPSERT: &str = "
    INSERT INTO message (fingerprint, sent, delivered) VALUES (?1, ?2, ?3)
    ON CONFLICT (fingerprint) DO UPDATE SET sent = excluded.sent, delivered = excluded.delivered";

const ADD: &str = "
    INSERT INTO tally (number, slot, sent, delivered) VALUES (?1, ?2, ?3, ?4)
    ON CONFLICT (number, slot)
    DO UPDATE SET sent = sent + excluded.sent, delivered = delivered + excluded.delivered";

const TALLIES: &str = "
    SELECT slot, sent, delivered FROM tally
    WHERE number = ?1 AND slot >= ?2 AND slot < ?3 ORDER BY slot";

/// An open database.
pub(crate) struct Sqlite {
    dir: PathBuf,
    connection: Connection,
}

impl Sqlite {
    pub(crate) fn open(dir: &Path) -> Result<Self> {
        fs::create_dir_all(dir)?;
        let connection = Connection::open(dir.join("bench.sqlite"))?;
        let mode: String =
            connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))?;
        ensure!(mode == "wal", "SQLite has no write-ahead log here");
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "cache_size", -i64::try_from(CACHE_BYTES >> 10)?)?;
        connection.pragma_update(None, "wal_autocheckpoint", 16_384)?;
        connection.execute_batch(SCHEMA)?;
        Ok(Self {
            dir: dir.to_owned(),
            connection,
        })
    }
}

struct Statements<'a> {
    find: CachedStatement<'a>,
    upsert: CachedStatement<'a>,
    add: CachedStatement<'a>,
}

impl<'a> Statements<'a> {
    fn of(transaction: &'a Transaction<'_>) -> Result<Self> {
        Ok(Self {
            find: transaction.prepare_cached(FIND)?,
            upsert: transaction.prepare_cached(UPSERT)?,
            add: transaction.prepare_cached(ADD)?,
        })
    }
}

impl Cells for Statements<'_> {
    fn message(&mut self, fingerprint: u128) -> Result<Option<Times>> {
        let found = self
            .find
            .query_row([fingerprint.to_be_bytes()], |row| {
                Ok(Times::new(row.get(0)?, row.get(1)?))
            })
            .optional()?;
        Ok(found)
    }

    fn put_message(&mut self, fingerprint: u128, times: Times) -> Result<()> {
        self.upsert.execute(params![
            fingerprint.to_be_bytes(),
            times.sent(),
            times.delivered()
        ])?;
        Ok(())
    }

    fn add_tally(&mut self, number: u64, slot: u32, change: Tally) -> Result<()> {
        self.add.execute(params![
            i64::try_from(number)?,
            slot,
            change.sent,
            change.delivered
        ])?;
        Ok(())
    }
}

impl Rival for Sqlite {
    fn commit(&mut self, arrival: Arrival) -> Result<()> {
        let transaction = self.connection.transaction()?;
        apply(&arrival.reports, &mut Statements::of(&transaction)?)?;
        Ok(transaction.commit()?)
    }

    /// Copies the log into the file.
    fn settle(&mut self) -> Result<()> {
        let busy: i64 =
            self.connection
                .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
        ensure!(busy == 0, "SQLite's log is in use");
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
        let mut statement = self.connection.prepare_cached(TALLIES)?;
        let mut rows = statement.query(params![
            i64::try_from(number.digits)?,
            slots.start,
            slots.end
        ])?;
        while let Some(row) = rows.next()? {
            let tally = Tally {
                sent: row.get(1)?,
                delivered: row.get(2)?,
            };
            each(row.get(0)?, tally);
        }
        Ok(())
    }
}
