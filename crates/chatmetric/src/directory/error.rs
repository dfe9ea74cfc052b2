//! What can go wrong with the directory itself; faults of a document are in
//! `document`.

use std::io;
use std::path::PathBuf;

use chatmetric_rpc::credential::AccountId;

use crate::master_key::{KeyId, SealError};

use super::document::Faults;
use super::shared::MayConflict;

/// An operation on the directory failed; nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryError {
    /// The directory's secrets are sealed under another key.
    #[error(
        "wrong master key: the directory belongs to key `{expected}`, the given one is `{given}`"
    )]
    WrongMasterKey {
        /// The directory's key.
        expected: String,
        /// The key that was given.
        given: KeyId,
    },
    /// A newer program wrote it.
    #[error(
        "the directory has schema {found}, this program knows up to {known}: use the newer program"
    )]
    NewerSchema {
        /// Its schema version.
        found: i64,
        /// The newest that is known here.
        known: i64,
    },
    /// The file is some other SQLite database.
    #[error("`{}` is not a directory of this program", path.display())]
    NotADirectory {
        /// The file.
        path: PathBuf,
    },
    /// The file or its folder could not be made, read or synced.
    #[error("cannot {operation} `{}`", path.display())]
    File {
        /// What was tried.
        operation: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Another process has it open.
    #[error("another process has the directory `{}` open", path.display())]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// SQLite refused.
    #[error("cannot {operation} the directory")]
    Database {
        /// What was tried.
        operation: &'static str,
        /// What SQLite said.
        #[source]
        source: rusqlite::Error,
    },
    /// A sealed secret does not open.
    #[error("cannot open the secret of {what}")]
    Secret {
        /// Whose secret.
        what: String,
        /// Why.
        #[source]
        source: SealError,
    },
    /// A stored value is not one that this program writes.
    #[error("the directory is damaged: {what}")]
    Damaged {
        /// What is wrong with which record.
        what: String,
    },
    /// There is no such account (any more).
    #[error("there is no account {account}")]
    UnknownAccount {
        /// Its id.
        account: AccountId,
    },
    /// Another node of the cluster changed the directory at the same moment; nothing was
    /// changed here, and the same again may work.
    #[error("another node changed the directory at the same moment: try again")]
    Conflict,
    /// The servers of the cluster did not say whether the change was made.
    #[error("the servers of the cluster do not take the change: {reason}")]
    Cluster {
        /// Why.
        reason: String,
    },
    /// No space has this key (any more).
    #[error("there is no space with key {key}")]
    UnknownSpace {
        /// The key.
        key: u32,
    },
}

impl DirectoryError {
    /// Whether the same again may work, without anybody doing anything.
    #[must_use]
    pub const fn is_passing(&self) -> bool {
        matches!(self, Self::Conflict | Self::Cluster { .. })
    }

    pub(super) fn database(operation: &'static str) -> impl Fn(rusqlite::Error) -> Self + Copy {
        move |source| Self::Database { operation, source }
    }
}

impl MayConflict for ApplyError {
    fn is_conflict(&self) -> bool {
        matches!(self, Self::Directory(error) if error.is_conflict())
    }
}

/// A document was not applied; nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// Everything that is wrong with it.
    #[error("the document has faults")]
    Faults(#[source] Faults),
    /// The directory failed.
    #[error("cannot apply the document")]
    Directory(#[from] DirectoryError),
}
