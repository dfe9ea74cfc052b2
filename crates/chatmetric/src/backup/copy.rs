//! Copying with a checksum: the same bytes are written and counted into a SHA-256.
//!
//! Not here: which files. Invariant: a file that was written here is durable, under its
//! name once its directory was synced, before anything says that it exists.

use super::BackupError;
use sha2::{Digest as _, Sha256};
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// A file is synced after so many bytes: no single sync may fill the queue of the disk
/// while the journal of a running server waits behind it.
const SYNC_EVERY_BYTES: u64 = 4 * 1024 * 1024;
/// Bytes that are read at once.
pub(super) const CHUNK_BYTES: usize = 256 * 1024;

/// A new file (mode 0600) that is being written.
pub(super) struct NewFile {
    file: File,
    path: PathBuf,
    digest: Sha256,
    bytes: u64,
    unsynced_bytes: u64,
}

impl NewFile {
    /// Makes it; a file of this name is an error.
    pub(super) fn create(path: &Path) -> Result<Self, BackupError> {
        let mut options = OpenOptions::new();
        let file = options.write(true).create_new(true).mode(0o600).open(path);
        Ok(Self {
            file: file.map_err(BackupError::file("create", path))?,
            path: path.to_owned(),
            digest: Sha256::new(),
            bytes: 0,
            unsynced_bytes: 0,
        })
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), BackupError> {
        let path = &self.path;
        self.file
            .write_all(bytes)
            .map_err(BackupError::file("write", path))?;
        self.digest.update(bytes);
        let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        self.bytes += length;
        self.unsynced_bytes += length;
        if self.unsynced_bytes >= SYNC_EVERY_BYTES {
            self.unsynced_bytes = 0;
            self.file
                .sync_data()
                .map_err(BackupError::file("sync", path))?;
        }
        Ok(())
    }

    /// Syncs it; gives its length and its SHA-256 in hexadecimal digits.
    pub(super) fn finish(self) -> Result<(u64, String), BackupError> {
        let path = &self.path;
        self.file
            .sync_all()
            .map_err(BackupError::file("sync", path))?;
        Ok((self.bytes, hex::encode(self.digest.finalize())))
    }
}

/// Writes a whole small file.
pub(super) fn write_new(path: &Path, bytes: &[u8]) -> Result<(), BackupError> {
    let mut file = NewFile::create(path)?;
    file.write(bytes)?;
    file.finish().map(drop)
}

/// A reader that counts what passes into a SHA-256.
pub(super) struct Hashing<R> {
    reader: R,
    digest: Sha256,
}

impl<R: Read> Hashing<R> {
    pub(super) fn new(reader: R) -> Self {
        Self {
            reader,
            digest: Sha256::new(),
        }
    }

    /// Reads what is left; the SHA-256 of everything, in hexadecimal digits.
    pub(super) fn finish(mut self) -> io::Result<String> {
        io::copy(&mut self, &mut io::sink())?;
        Ok(hex::encode(self.digest.finalize()))
    }
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.reader.read(into)?;
        self.digest.update(into.get(..read).unwrap_or_default());
        Ok(read)
    }
}

/// Makes a directory (mode 0700); one that is there is good too.
pub(super) fn make_dir(path: &Path) -> Result<(), BackupError> {
    match DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            Err(BackupError::file("make", path)(error))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Makes the names in a directory durable.
pub(super) fn sync_dir(path: &Path) -> Result<(), BackupError> {
    File::open(path)
        .and_then(|dir| dir.sync_all())
        .map_err(BackupError::file("sync", path))
}
