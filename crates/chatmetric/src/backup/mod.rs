//! Backups of an instance in a directory of their own, and an instance made from one.
//!
//! Reading order: this file (errors, limits), `place` (the directory with the backups),
//! `manifest` (what a backup says of itself), `origin` (an open instance, held), `make`,
//! `prune`, `restore`, `schedule`; then `wire`, `frames`, `send` and `remote`, for one on
//! another machine. Not here: what is in a store's part (chatmetric-store knows bytes on disk) or in the
//! copy of the directory.
//!
//! ```text
//! DEST/chatmetric-backup.json          whose backups these are
//! DEST/runs/<identity>.run             shared by backups: such files never change
//! DEST/backups/<id>/manifest.json      what belongs to the backup; manifest.sha256 proves it
//! DEST/backups/<id>/…                  the catalog, the journals, the directory
//! ```
//!
//! Invariants: a backup exists once its directory has its name, and then all of it is
//! durable; secrets are in it only as the instance keeps them, sealed; neither the
//! master key nor `first-start.toml` is in it.

mod copy;
mod frames;
mod make;
mod manifest;
mod origin;
mod place;
mod prune;
mod remote;
mod restore;
mod schedule;
mod send;
mod wire;

pub use frames::PIECE_BYTES_MAX;
pub use make::{Made, Progress, Source, Wanted, make};
pub(crate) use origin::Held;
pub use place::{Listed, list};
pub use remote::make_remote;
pub use restore::{Restored, WantedRestore, restore};
pub(crate) use schedule::run as run_schedule;
pub use schedule::{BackupState, BackupStatus, LastBackup, LastError};
pub(crate) use send::send;
pub use wire::{HAVE_MAX, Have, REQUEST_BYTES_MAX, Request, WIRE_FORMAT};

use crate::directory::DirectoryError;
use crate::master_key::MasterKeyError;
use chatmetric_store::StoreError;
use std::io;
use std::path::{Path, PathBuf};

/// The version of manifests and of the places of files.
pub const FORMAT: u32 = 1;
/// Most backups in one directory; `--keep` makes room.
pub const BACKUPS_MAX: usize = 1_000;
/// Most files of one backup.
pub const FILES_MAX: usize = 100_000;
/// Longest manifest, in bytes.
pub const MANIFEST_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Why there is no backup, or nothing was restored.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// It holds something else.
    #[error("`{}` is not empty and holds no backups of chatmetric; nothing was touched", path.display())]
    NotABackup {
        /// The directory.
        path: PathBuf,
    },
    /// There is nothing that could be read as backups.
    #[error("`{}` holds no backups of chatmetric", path.display())]
    NoBackups {
        /// The directory.
        path: PathBuf,
    },
    /// It holds backups of somebody else.
    #[error(
        "`{}` holds the backups of another instance ({found}, this one is {own}); nothing was touched",
        path.display()
    )]
    OtherInstance {
        /// The directory.
        path: PathBuf,
        /// Whose it is.
        found: String,
        /// Who wanted it.
        own: String,
    },
    /// One of two directories that must be apart is in the other.
    #[error("`{}` is inside `{}`: a backup belongs outside the data", inner.display(), outer.display())]
    Inside {
        /// What was named.
        inner: PathBuf,
        /// Where it lies.
        outer: PathBuf,
    },
    /// Somebody writes or reads it.
    #[error("another backup or restore uses `{}` now", path.display())]
    Busy {
        /// The directory.
        path: PathBuf,
    },
    /// A newer program wrote it.
    #[error("`{}` has format {found}, this program reads up to {supported}: use the newer program", file.display())]
    Newer {
        /// What says so.
        file: PathBuf,
        /// Its format.
        found: u32,
        /// What is known here.
        supported: u32,
    },
    /// A file is not what was written.
    #[error("the backup is damaged: `{}` {what}", file.display())]
    Damaged {
        /// The file.
        file: PathBuf,
        /// What differs, as the end of a sentence.
        what: String,
    },
    /// More than is allowed.
    #[error("`{}` has more than {max} {what}", path.display())]
    TooMany {
        /// Where.
        path: PathBuf,
        /// Of what.
        what: &'static str,
        /// The limit.
        max: usize,
    },
    /// There is nothing to restore.
    #[error("`{}` holds no backup of this name; it has {known}", path.display())]
    NoSuchBackup {
        /// The directory.
        path: PathBuf,
        /// What there is.
        known: String,
    },
    /// Data would be written over.
    #[error("the data directory `{}` is not empty; nothing was touched", path.display())]
    NotEmpty {
        /// The data directory.
        path: PathBuf,
    },
    /// A file system is mounted there, which nothing can be renamed to.
    #[error("`{}` is where a file system is mounted: name a directory below it", path.display())]
    MountPoint {
        /// The data directory.
        path: PathBuf,
    },
    /// Another key than the one that sealed the secrets.
    #[error(
        "wrong master key: the backup needs key `{needed}`, the given one is `{given}`; nothing was touched"
    )]
    WrongMasterKey {
        /// The key of the backup.
        needed: String,
        /// The key that was given.
        given: String,
    },
    /// The key file cannot be used.
    #[error(transparent)]
    MasterKey(#[from] MasterKeyError),
    /// The file system refused.
    #[error("could not {operation} `{}`", path.display())]
    File {
        /// What was tried.
        operation: &'static str,
        /// With what.
        path: PathBuf,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
    /// The store could not be copied, made or verified.
    #[error("could not {operation} the store")]
    Store {
        /// What was tried.
        operation: &'static str,
        /// Why it failed.
        #[source]
        source: StoreError,
    },
    /// The directory could not be copied or read.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    /// A step without a file of a name failed.
    #[error("could not {operation}")]
    Step {
        /// What was tried.
        operation: &'static str,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
    /// The connection ended, or stood still, before all of a backup had come.
    #[error("the server's answer was cut off before all of it had come; no backup was made")]
    StreamCut {
        /// Why.
        #[source]
        source: io::Error,
    },
    /// What came is not what a server of ours sends.
    #[error("the server's answer {what}; no backup was made")]
    StrangeStream {
        /// What is wrong, as the end of a sentence.
        what: String,
    },
    /// The server broke it off.
    #[error("the server could not go on, its log says why; no backup was made")]
    ServerFailed,
    /// Whoever wanted it does not want it any more.
    #[error("it was broken off; no backup was made")]
    Stopped,
}

impl BackupError {
    /// A maker of [`BackupError::File`].
    fn file(operation: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::File {
            operation,
            path,
            source,
        }
    }

    /// A maker of [`BackupError::Store`].
    fn store(operation: &'static str) -> impl Fn(StoreError) -> Self {
        move |source| Self::Store { operation, source }
    }

    fn damaged(file: &Path, what: impl Into<String>) -> Self {
        Self::Damaged {
            file: file.to_owned(),
            what: what.into(),
        }
    }
}

/// Where a path leads, as far as it exists already.
fn resolved(path: &Path) -> PathBuf {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    for known in path.ancestors() {
        if let (Ok(there), Ok(rest)) = (known.canonicalize(), path.strip_prefix(known)) {
            return there.join(rest);
        }
    }
    path
}

/// Refuses `inner` in or at `outer`.
fn refuse_inside(inner: &Path, outer: &Path) -> Result<(), BackupError> {
    if resolved(inner).starts_with(resolved(outer)) {
        return Err(BackupError::Inside {
            inner: inner.to_owned(),
            outer: outer.to_owned(),
        });
    }
    Ok(())
}
