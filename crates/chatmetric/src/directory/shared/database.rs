//! The connection to the directory's file, and the one way to change what is in it.
//!
//! Not here: what a change consists of (`rows`). Invariant: of a shared directory nothing
//! is committed that is not a change of its log with the number behind the last one.

use super::{ProposeError, Shared, rows};
use crate::directory::error::DirectoryError;
use crate::master_key::RecordKind;
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior};
use std::ops::Deref;

/// Where the number of the last change is, in `meta`.
pub(super) const META_REVISION: &str = "cluster_revision";

/// A connection whose transactions other nodes may have to hear of.
pub(in crate::directory) struct Database {
    connection: Connection,
    shared: Option<Shared>,
}

impl Database {
    pub(in crate::directory) fn new(connection: Connection) -> Self {
        Self {
            connection,
            shared: None,
        }
    }

    pub(super) fn share(&mut self, shared: Shared) -> Result<(), DirectoryError> {
        rows::watch(&self.connection)?;
        self.shared = Some(shared);
        Ok(())
    }

    pub(super) fn is_shared(&self) -> bool {
        self.shared.is_some()
    }

    /// Begins a change.
    pub(in crate::directory) fn begin(&self) -> rusqlite::Result<Change<'_>> {
        let behavior = TransactionBehavior::Immediate;
        Ok(Change {
            transaction: Transaction::new_unchecked(&self.connection, behavior)?,
            shared: self.shared.as_ref(),
        })
    }

    /// Waits until all changes that were made so far are there to be taken in.
    pub(in crate::directory) fn refresh(&self) -> Result<(), DirectoryError> {
        let Some(shared) = &self.shared else {
            return Ok(());
        };
        let refreshed = shared.log.refresh();
        refreshed.map_err(|reason| DirectoryError::Cluster { reason })
    }

    pub(super) fn revision(&self) -> Result<u64, DirectoryError> {
        revision(&self.connection)
    }

    /// Puts the changes of others into the file; tells how many.
    pub(super) fn take_in(&self) -> Result<usize, DirectoryError> {
        let Some(shared) = &self.shared else {
            return Ok(0);
        };
        let mut count = 0;
        let mut next = self.revision()?.saturating_add(1);
        while let Some(sealed) = shared.log.take(next) {
            let change = shared.open(next, &sealed)?;
            rows::apply(&self.connection, &change, |transaction| {
                keep_revision(transaction, next)
            })?;
            count += 1;
            next = next.saturating_add(1);
        }
        Ok(count)
    }
}

impl Deref for Database {
    type Target = Connection;
    fn deref(&self) -> &Connection {
        &self.connection
    }
}

/// A transaction; without [`Change::commit`] it changes nothing.
pub(in crate::directory) struct Change<'a> {
    transaction: Transaction<'a>,
    shared: Option<&'a Shared>,
}

impl<'a> Deref for Change<'a> {
    type Target = Transaction<'a>;
    fn deref(&self) -> &Transaction<'a> {
        &self.transaction
    }
}

impl Change<'_> {
    /// Makes it durable, here and, in a cluster, for all nodes.
    ///
    /// # Errors
    /// As `database` names what SQLite says; [`DirectoryError::Conflict`] when another
    /// node was faster; [`DirectoryError::Cluster`] when nobody knows whether it was made.
    pub(in crate::directory) fn commit(
        self,
        database: impl Fn(rusqlite::Error) -> DirectoryError,
    ) -> Result<(), DirectoryError> {
        if let Some(shared) = self.shared
            && let Some(change) = rows::take_noted(&self.transaction)?
        {
            let next = revision(&self.transaction)?.saturating_add(1);
            keep_revision(&self.transaction, next)?;
            let sealed = shared.seal(RecordKind::DirectoryChange, next, &change)?;
            match shared.log.propose(next, sealed) {
                Ok(()) => {}
                Err(ProposeError::Taken) => return Err(DirectoryError::Conflict),
                Err(ProposeError::Unknown(reason)) => {
                    return Err(DirectoryError::Cluster { reason });
                }
            }
        }
        self.transaction.commit().map_err(database)
    }
}

/// The number of the last change that is in the file.
pub(in crate::directory) fn revision(connection: &Connection) -> Result<u64, DirectoryError> {
    let read = DirectoryError::database("read");
    let found: Option<Vec<u8>> = connection
        .query_one(
            "SELECT value FROM meta WHERE name = ?1",
            [META_REVISION],
            |row| row.get(0),
        )
        .optional()
        .map_err(read)?;
    let Some(bytes) = found else { return Ok(0) };
    let bytes = bytes.try_into().map_err(|_| DirectoryError::Damaged {
        what: "the revision of the cluster has another length".to_owned(),
    })?;
    Ok(u64::from_be_bytes(bytes))
}

pub(super) fn keep_revision(connection: &Connection, revision: u64) -> Result<(), DirectoryError> {
    let bytes = revision.to_be_bytes();
    connection
        .execute(
            "INSERT INTO meta (name, value) VALUES (?1, ?2)
             ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            (META_REVISION, bytes.as_slice()),
        )
        .map(drop)
        .map_err(DirectoryError::database("write"))
}
