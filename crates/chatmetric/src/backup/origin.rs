//! Where a backup comes from: an instance that is open here, held in one state.
//!
//! The cut: the directory is held; the store is cut; the directory is copied and let go.
//! An event reaches the store after the directory was told of its space and number, so
//! the copy knows everything that the cut names. A number that is bound without an event
//! in the store is what a crash between the two leaves as well. Everything else is read
//! from the cut afterwards, while the server goes on.
//!
//! Not here: where the bytes go, and instances elsewhere (`remote`). Invariant: everything
//! that was acknowledged before [`Held::take`] is in what it gives.

use super::copy::CHUNK_BYTES;
use super::place::remove_file;
use super::wire::{PartOf, State};
use super::{BackupError, FILES_MAX, Source};
use chatmetric_store::{CutPart, StoreCut};
use sha2::{Digest as _, Sha256};
use std::fs::File;
use std::io::{BufReader, Read as _};
use std::sync::{Mutex, PoisonError};

/// The end of the name of the directory's copy.
const COPY_EXTENSION: &str = "backup";

/// Only one copy of the directory is made at a time: all have one name.
static COPYING: Mutex<()> = Mutex::new(());

/// Takes the bytes of a part; says `false` when it wants no more.
pub(super) type Give<'a> = dyn FnMut(&[u8]) -> bool + 'a;

/// A file that is there under the name of a part, with the length of the part.
pub(super) struct There<'a> {
    pub(super) file: File,
    /// Its SHA-256, where a backup vouches for it.
    pub(super) sha256: Option<&'a str>,
}

/// Where the bytes of a backup come from. They are asked for in order: the directory,
/// the parts of the store, the end.
pub(super) trait Origin {
    /// Gives the directory; tells whether all was taken.
    fn directory(&mut self, give: &mut Give<'_>) -> Result<bool, BackupError>;

    /// The SHA-256 of what is there, when it has the bytes of a part.
    fn present(&mut self, part: usize, there: There<'_>) -> Result<Option<String>, BackupError>;

    /// Gives a part of the store; tells whether all was taken.
    fn part(&mut self, part: usize, give: &mut Give<'_>) -> Result<bool, BackupError>;

    /// Checks that there was nothing more and nothing less.
    fn finish(&mut self) -> Result<(), BackupError>;
}

/// One state of an open instance, held until it was read.
pub(crate) struct Held {
    pub(super) state: State,
    /// The copy of the directory, which has no name any more.
    directory: File,
    /// What a part holds open is let go once it was read.
    parts: Vec<Option<CutPart>>,
}

impl Held {
    /// Holds what is there now.
    pub(crate) fn take(source: Source<'_>) -> Result<Self, BackupError> {
        let (directory, cut) = copy_directory(source)?;
        if cut.parts.len() >= FILES_MAX {
            return Err(BackupError::TooMany {
                path: source.directory.path().to_owned(),
                what: "files",
                max: FILES_MAX,
            });
        }
        let parts = cut.parts.iter().map(|part| PartOf {
            name: part.name.clone(),
            identity: part.identity.clone(),
            bytes: part.bytes,
        });
        Ok(Self {
            state: State {
                instance: source.directory.instance_id().to_owned(),
                master_key_id: source.directory.master_key_id().to_string(),
                store_format: cut.format,
                positions: cut.positions,
                parts: parts.collect(),
            },
            directory,
            parts: cut.parts.into_iter().map(Some).collect(),
        })
    }

    /// Lets a part go that is not asked for.
    pub(super) fn let_go(&mut self, part: usize) {
        if let Some(part) = self.parts.get_mut(part) {
            *part = None;
        }
    }

    /// The part; each is there until it was read.
    fn held(&self, part: usize) -> Result<&CutPart, BackupError> {
        let held = self.parts.get(part).and_then(Option::as_ref);
        held.ok_or(BackupError::Stopped)
    }

    /// The SHA-256 of a part; `None` when `watch`, which is told of each piece, wanted no
    /// more.
    pub(super) fn sum(
        &self,
        part: usize,
        watch: &mut Give<'_>,
    ) -> Result<Option<String>, BackupError> {
        let mut sum = Sha256::new();
        let taken = self.held(part)?.read(&mut |bytes| {
            sum.update(bytes);
            watch(bytes)
        });
        let taken = taken.map_err(BackupError::store("read"))?;
        Ok(taken.then(|| hex::encode(sum.finalize())))
    }
}

/// Copies the directory and cuts the store.
fn copy_directory(source: Source<'_>) -> Result<(File, StoreCut), BackupError> {
    // Beside the original: while the directory is held, no other disk is waited for.
    let path = source.directory.path().with_extension(COPY_EXTENSION);
    let _copying = COPYING.lock().unwrap_or_else(PoisonError::into_inner);
    // Of a process that was killed; one at a time has the data directory.
    remove_file(&path)?;
    let copied = source.directory.backup_with(&path, || {
        source
            .store
            .cut()
            .map_err(BackupError::store("take a cut of"))
    });
    let opened = copied.and_then(|cut| {
        let file = File::open(&path).map_err(BackupError::file("open", &path))?;
        Ok((file, cut))
    });
    // Open it stays readable, and no crash leaves it behind.
    let removed = remove_file(&path);
    let opened = opened?;
    removed?;
    Ok(opened)
}

impl Origin for Held {
    fn directory(&mut self, give: &mut Give<'_>) -> Result<bool, BackupError> {
        let mut piece = vec![0; CHUNK_BYTES];
        loop {
            match self.directory.read(&mut piece) {
                Ok(0) => return Ok(true),
                Ok(read) => {
                    if !give(piece.get(..read).unwrap_or_default()) {
                        return Ok(false);
                    }
                }
                Err(source) => {
                    let operation = "read the copy of the directory";
                    return Err(BackupError::Step { operation, source });
                }
            }
        }
    }

    fn present(&mut self, part: usize, there: There<'_>) -> Result<Option<String>, BackupError> {
        if let Some(sum) = there.sha256 {
            self.let_go(part);
            return Ok(Some(sum.to_owned()));
        }
        let mut file = BufReader::with_capacity(CHUNK_BYTES, there.file);
        let mut piece = Vec::new();
        let sum = self.sum(part, &mut |bytes| {
            piece.resize(bytes.len(), 0);
            file.read_exact(&mut piece).is_ok() && piece == bytes
        })?;
        if sum.is_some() {
            self.let_go(part);
        }
        Ok(sum)
    }

    fn part(&mut self, part: usize, give: &mut Give<'_>) -> Result<bool, BackupError> {
        let taken = self.held(part)?.read(give);
        self.let_go(part);
        taken.map_err(BackupError::store("read"))
    }

    fn finish(&mut self) -> Result<(), BackupError> {
        Ok(())
    }
}
