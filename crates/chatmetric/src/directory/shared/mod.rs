//! One directory of several nodes: every transaction is a numbered change, and a change
//! is made only if it is the next one.
//!
//! A node keeps the directory in its own file as ever. What a transaction did to the rows
//! (`rows`) is sealed and proposed as change n + 1 before it is committed here; if another
//! node was faster, nothing happens and the caller may try again on what is there then.
//! Changes of others come in through the same [`ChangeLog`] and are put into the file in
//! their order.
//!
//! Not here: where changes are kept (`crate::cluster`), and what is a node's own: alerts
//! and the memory of the watch.
//!
//! Invariants: the file of a node is the fold of changes 1 to n of its cluster, with n in
//! the file, in the same transaction; what was proposed and accepted is never rolled back
//! for good, since it comes in again; changes are readable under the master key alone.

mod database;
mod picture;
mod rows;
#[cfg(test)]
mod tests;

pub(super) use database::{Database, revision};

use super::error::DirectoryError;
use super::sign_in::{StoredSession, stored_sessions};
use super::{Directory, rows as tables};
use crate::entropy::Entropy;
use crate::master_key::{MessageSealer, RecordKind, SealContext};
use std::sync::{Arc, MutexGuard, PoisonError};

/// How often a change is tried again on a directory that others changed meanwhile.
const TRIES_MAX: u32 = 16;

/// Where the changes of a cluster's directory are: a list that only grows.
pub trait ChangeLog: Send + Sync {
    /// Makes change `revision`, if there is none of that number and all before are there.
    ///
    /// # Errors
    /// [`ProposeError`]
    fn propose(&self, revision: u64, change: Vec<u8>) -> Result<(), ProposeError>;

    /// The change with this number, if it came in.
    fn take(&self, revision: u64) -> Option<Vec<u8>>;

    /// Waits until every change that was made before this call is here, or for as long as
    /// the implementation cares to.
    ///
    /// # Errors
    /// Why nobody knows what was made.
    fn refresh(&self) -> Result<(), String>;
}

/// A change was not made, as far as is known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProposeError {
    /// Another one has the number.
    #[error("another node changed the directory at the same moment")]
    Taken,
    /// It may have been made all the same; if it was, it comes in.
    #[error("{0}")]
    Unknown(String),
}

/// What a node needs to take part.
pub(super) struct Shared {
    pub(super) log: Arc<dyn ChangeLog>,
    pub(super) sealer: MessageSealer,
    pub(super) entropy: Arc<dyn Entropy>,
}

impl Shared {
    pub(super) fn seal(
        &self,
        kind: RecordKind,
        revision: u64,
        bytes: &[u8],
    ) -> Result<Vec<u8>, DirectoryError> {
        let record = revision.to_string();
        let sealed = self
            .sealer
            .seal(context(kind, &record), bytes, &*self.entropy);
        sealed.map_err(|source| DirectoryError::Secret {
            what: format!("change {revision}"),
            source,
        })
    }

    fn open(&self, revision: u64, sealed: &[u8]) -> Result<Vec<u8>, DirectoryError> {
        let record = revision.to_string();
        let context = context(RecordKind::DirectoryChange, &record);
        let opened = self.sealer.open(context, sealed);
        let opened = opened.map_err(|source| DirectoryError::Secret {
            what: format!("change {revision}"),
            source,
        })?;
        Ok(opened.to_vec())
    }
}

/// Where a change or a picture of the directory belongs.
pub(crate) const fn context(kind: RecordKind, revision: &str) -> SealContext<'_> {
    SealContext {
        kind,
        tenant: "",
        record: revision,
    }
}

/// An error that says whether the same again may work.
pub(super) trait MayConflict {
    /// Whether another node was faster, and nothing else is wrong.
    fn is_conflict(&self) -> bool;
}

impl MayConflict for DirectoryError {
    fn is_conflict(&self) -> bool {
        matches!(self, Self::Conflict)
    }
}

impl Directory {
    /// Shares the directory: from now on its changes are the log's. The caller has seen to
    /// it that the file is a fold of the log's first changes.
    ///
    /// # Errors
    /// What the file says.
    pub fn share(&self, log: Arc<dyn ChangeLog>) -> Result<(), DirectoryError> {
        {
            let mut writer = self.lock();
            let shared = Shared {
                log,
                sealer: writer.master_key.message_sealer(),
                entropy: Arc::clone(&self.entropy),
            };
            writer.connection.share(shared)?;
        }
        self.follow()
    }

    /// Takes in what other nodes changed. Cheap when there is nothing.
    ///
    /// # Errors
    /// What the file says, or a change that cannot be read: the directory stays as it was
    /// before it, and changes nothing any more.
    pub fn follow(&self) -> Result<(), DirectoryError> {
        let mut writer = self.lock();
        self.take_in(&mut writer)
    }

    /// How many changes of the cluster this directory has; 0 when it is not shared.
    ///
    /// # Errors
    /// What the file says.
    pub fn revision(&self) -> Result<u64, DirectoryError> {
        self.lock().connection.revision()
    }

    pub(super) fn take_in(&self, writer: &mut super::Writer) -> Result<(), DirectoryError> {
        if writer.connection.take_in()? == 0 {
            return Ok(());
        }
        let snapshot = tables::load_snapshot(&writer.connection, &writer.master_key)?;
        self.publish(snapshot);
        self.note_setup(&writer.connection)?;
        self.note_sessions(&writer.connection)
    }

    /// Has the sessions read again, where they may be other ones than here.
    pub(super) fn note_sessions(&self, connection: &Database) -> Result<(), DirectoryError> {
        if connection.is_shared() {
            let all = stored_sessions(connection)?;
            *self.changed_sessions() = Some(all);
        }
        Ok(())
    }

    /// All sessions, if they may have changed since the last call.
    #[must_use]
    pub fn take_changed_sessions(&self) -> Option<Vec<StoredSession>> {
        self.changed_sessions().take()
    }

    fn changed_sessions(&self) -> MutexGuard<'_, Option<Vec<StoredSession>>> {
        // A list that is replaced whole is sound behind a poisoned lock.
        self.changed_sessions
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Does it again while another node is faster. Each try begins with what the last one
    /// missed.
    pub(super) fn again<T, E: MayConflict>(
        &self,
        mut change: impl FnMut() -> Result<T, E>,
    ) -> Result<T, E> {
        let mut tries = 0;
        loop {
            match change() {
                Err(error) if error.is_conflict() && tries < TRIES_MAX => tries += 1,
                result => return result,
            }
        }
    }
}
