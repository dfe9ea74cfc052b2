//! How a PEM file is read: regular, short, and, when it holds a key, its
//! owner's alone. Not here: what it holds.

use std::fs::{File, Metadata};
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use zeroize::Zeroizing;

/// Longest PEM file that is read, in bytes: a chain has some 5,000, a bundle of
/// public CAs some 230,000.
pub const TLS_FILE_BYTES_MAX: u64 = 512 * 1024;

/// Permission bits that a key file must not have, as of the master key.
const KEY_MODE_FORBIDDEN: u32 = 0o177;

/// Why a file was not read.
#[derive(Debug, thiserror::Error)]
pub enum FileFault {
    /// The system refused.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// A directory, a device, a pipe.
    #[error("it is not a regular file")]
    NotAFile,
    /// Too long to be what it should be.
    #[error("it has {bytes} bytes, more than {TLS_FILE_BYTES_MAX}")]
    TooLong {
        /// Its length.
        bytes: u64,
    },
    /// Group or others may read or write a key.
    #[error("it has mode {mode:04o} and must be 0600 or stricter (chmod 600 it)")]
    Mode {
        /// Its permission bits.
        mode: u32,
    },
}

/// Whom a file may be open to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Holds {
    /// Anybody may read it.
    Certificates,
    /// Its owner alone.
    Key,
}

pub(super) fn read(path: &Path, holds: Holds) -> Result<Zeroizing<Vec<u8>>, FileFault> {
    // By the name first: to open a pipe would wait for who writes into it.
    check(&std::fs::metadata(path)?, holds)?;
    let file = File::open(path)?;
    let metadata = file.metadata()?;
    check(&metadata, holds)?;
    // Room for all of it at once: a buffer that grows leaves copies behind.
    let room = usize::try_from(metadata.len()).unwrap_or(0);
    let mut bytes = Zeroizing::new(Vec::with_capacity(room.saturating_add(1)));
    file.take(TLS_FILE_BYTES_MAX).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn check(metadata: &Metadata, holds: Holds) -> Result<(), FileFault> {
    if !metadata.is_file() {
        return Err(FileFault::NotAFile);
    }
    let bytes = metadata.len();
    if bytes > TLS_FILE_BYTES_MAX {
        return Err(FileFault::TooLong { bytes });
    }
    let mode = metadata.mode() & 0o7777;
    match holds {
        Holds::Key if mode & KEY_MODE_FORBIDDEN != 0 => Err(FileFault::Mode { mode }),
        Holds::Key | Holds::Certificates => Ok(()),
    }
}
