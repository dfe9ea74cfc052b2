//! Used nonces on disk, so that a restart does not make replays possible.
//!
//! An append-only file of fixed records, written before a call is answered (it
//! survives a killed process) and synced once a second (a power cut may bring the
//! last second's back). When the disk fails, queries go on: a nonce is then
//! remembered in memory only, and the log says so.
//!
//! Invariant: a record that was written whole is read back; a torn tail is
//! dropped, never misread, because records have one length.

use chatmetric_rpc::nonce::{NonceEntry, NonceHash};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The file below the data directory.
pub(super) const NONCE_FILE: &str = "nonces.log";
/// Largest file that is read, in bytes: far above what compaction lets grow.
pub(super) const NONCE_FILE_BYTES_MAX: u64 = 256 * 1024 * 1024;
/// What the file begins with; the digit is the version of its format.
const HEADER: &[u8; 8] = b"cmnonce1";
/// Hash and time.
const RECORD_BYTES: usize = 24;
/// Records after which the file is written anew with what still matters.
const COMPACT_RECORDS_MIN: usize = 200_000;

/// The file.
#[derive(Debug)]
pub(crate) struct NonceLog {
    path: PathBuf,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    file: File,
    records: usize,
    unsynced: bool,
    failing: bool,
}

impl NonceLog {
    /// Opens the log below `data_dir`, writes it anew with the entries that still
    /// matter at `now_ms`, and gives them back.
    pub(crate) fn open(data_dir: &Path, now_ms: i64) -> io::Result<(Self, Vec<NonceEntry>)> {
        let path = data_dir.join(NONCE_FILE);
        let mut entries = read(&path)?;
        entries.retain(|entry| entry.expires_ms >= now_ms);
        let state = State {
            file: write_new(&path, &entries)?,
            records: entries.len(),
            unsynced: false,
            failing: false,
        };
        let log = Self {
            path,
            state: Mutex::new(state),
        };
        Ok((log, entries))
    }

    /// Writes an entry; the kernel has it when this returns. After a failure
    /// nothing is added until the file is written anew: half an entry may be at its
    /// end, and what follows half an entry would be misread.
    pub(crate) fn append(&self, entry: NonceEntry) {
        let mut state = self.state();
        if state.failing {
            return;
        }
        match state.file.write_all(&encode(entry)) {
            Ok(()) => {
                state.records += 1;
                state.unsynced = true;
            }
            Err(error) => {
                state.failing = true;
                tracing::warn!(%error, "nonces cannot be written; a restart forgets them");
            }
        }
    }

    /// Syncs what was appended, and writes the file anew when most of it is old.
    /// `live` gives what must still be remembered.
    pub(crate) fn keep(&self, live: impl FnOnce() -> Vec<NonceEntry>) -> io::Result<()> {
        let mut state = self.state();
        if state.records >= COMPACT_RECORDS_MIN || state.failing {
            let entries = live();
            if state.failing || state.records >= 2 * entries.len().max(COMPACT_RECORDS_MIN / 2) {
                self.rewrite(&mut state, &entries)?;
            }
        }
        if !state.unsynced {
            return Ok(());
        }
        state.unsynced = false;
        let file = state.file.try_clone()?;
        // Appends go on while the disk works.
        drop(state);
        file.sync_data().inspect_err(|_| {
            self.state().failing = true;
        })
    }

    /// Returns once everything that was appended is on the disk; `live` gives what
    /// must still be remembered, and is asked only when the file has to be written
    /// anew, because something could not be appended or synced before.
    ///
    /// # Errors
    /// What the disk says: then nothing is known of the last entries.
    pub(crate) fn sync(&self, live: impl FnOnce() -> Vec<NonceEntry>) -> io::Result<()> {
        let mut state = self.state();
        if state.failing {
            return self.rewrite(&mut state, &live());
        }
        // Whoever syncs at this moment may have begun before the last entry, so this
        // does not rely on it.
        let file = state.file.try_clone()?;
        drop(state);
        file.sync_data().inspect_err(|_| {
            // What a failed sync leaves on the disk is unknown, and a second sync of
            // the same file may say that all is well.
            self.state().failing = true;
        })
    }

    fn rewrite(&self, state: &mut State, entries: &[NonceEntry]) -> io::Result<()> {
        state.file = write_new(&self.path, entries)?;
        state.records = entries.len();
        state.failing = false;
        state.unsynced = false;
        Ok(())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn encode(entry: NonceEntry) -> [u8; RECORD_BYTES] {
    let mut record = [0; RECORD_BYTES];
    let bytes = entry
        .hash
        .to_bytes()
        .into_iter()
        .chain(entry.expires_ms.to_le_bytes());
    record
        .iter_mut()
        .zip(bytes)
        .for_each(|(to, from)| *to = from);
    record
}

fn decode(record: &[u8]) -> Option<NonceEntry> {
    let (hash, time) = record.split_first_chunk::<16>()?;
    Some(NonceEntry {
        hash: NonceHash::from_bytes(*hash),
        expires_ms: i64::from_le_bytes(time.try_into().ok()?),
    })
}

fn read(path: &Path) -> io::Result<Vec<NonceEntry>> {
    let invalid = |reason| io::Error::new(io::ErrorKind::InvalidData, reason);
    let length = match fs::metadata(path) {
        Ok(metadata) => metadata.len(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    if length > NONCE_FILE_BYTES_MAX {
        return Err(invalid("the file is longer than it can be"));
    }
    let bytes = fs::read(path)?;
    let records = bytes
        .strip_prefix(HEADER)
        .ok_or_else(|| invalid("the file is not a log of nonces"))?;
    Ok(records
        .chunks_exact(RECORD_BYTES)
        .filter_map(decode)
        .collect())
}

/// Writes a file beside it, syncs it, and puts it in place.
fn write_new(path: &Path, entries: &[NonceEntry]) -> io::Result<File> {
    let draft = path.with_extension("new");
    let mut bytes = HEADER.to_vec();
    entries
        .iter()
        .for_each(|entry| bytes.extend_from_slice(&encode(*entry)));
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&draft)?;
    file.write_all(&bytes)?;
    file.sync_all()?;
    fs::rename(&draft, path)?;
    if let Some(directory) = path.parent() {
        File::open(directory)?.sync_all()?;
    }
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(n: u8, expires_ms: i64) -> NonceEntry {
        NonceEntry {
            hash: NonceHash::from_bytes([n; 16]),
            expires_ms,
        }
    }

    #[test]
    fn entries_come_back_until_they_expire() {
        let dir = tempfile::tempdir().expect("a directory");
        let (log, entries) = NonceLog::open(dir.path(), 0).expect("opens");
        assert!(entries.is_empty());
        log.append(entry(1, 10));
        log.append(entry(2, 20));
        log.keep(Vec::new).expect("synced");
        let (_, entries) = NonceLog::open(dir.path(), 11).expect("opens");
        assert_eq!(entries, [entry(2, 20)]);
    }

    #[test]
    fn a_torn_tail_is_dropped_and_another_file_is_refused() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join(NONCE_FILE);
        let (log, _) = NonceLog::open(dir.path(), 0).expect("opens");
        log.append(entry(1, 10));
        let mut bytes = fs::read(&path).expect("read");
        bytes.extend_from_slice(&[7; 11]);
        fs::write(&path, &bytes).expect("written");
        let (_, entries) = NonceLog::open(dir.path(), 0).expect("opens");
        assert_eq!(entries, [entry(1, 10)]);
        fs::write(&path, b"something else").expect("written");
        assert!(NonceLog::open(dir.path(), 0).is_err());
    }

    /// A log whose file takes nothing.
    fn full(dir: &Path) -> NonceLog {
        let (log, _) = NonceLog::open(dir, 0).expect("opens");
        let device = OpenOptions::new().write(true).open("/dev/full");
        log.state().file = device.expect("a device that is always full");
        log
    }

    #[test]
    fn a_sync_after_a_failure_writes_everything_anew() {
        let dir = tempfile::tempdir().expect("a directory");
        let log = full(dir.path());
        log.append(entry(1, 10));
        assert!(log.state().failing);
        log.append(entry(2, 20));
        log.sync(|| vec![entry(1, 10), entry(2, 20)])
            .expect("written anew");
        log.append(entry(3, 30));
        log.sync(|| panic!("nothing failed")).expect("synced");
        let (_, entries) = NonceLog::open(dir.path(), 0).expect("opens");
        assert_eq!(entries, [entry(1, 10), entry(2, 20), entry(3, 30)]);
    }

    #[test]
    fn a_sync_that_cannot_be_done_fails_until_it_can() {
        let dir = tempfile::tempdir().expect("a directory");
        let log = full(dir.path());
        log.append(entry(1, 10));
        // The draft of a new file cannot be written either.
        let draft = dir.path().join(NONCE_FILE).with_extension("new");
        std::os::unix::fs::symlink("/dev/full", &draft).expect("linked");
        assert!(log.sync(|| vec![entry(1, 10)]).is_err());
        assert!(log.sync(|| vec![entry(1, 10)]).is_err());
        fs::remove_file(&draft).expect("removed");
        log.sync(|| vec![entry(1, 10)]).expect("written anew");
        let (_, entries) = NonceLog::open(dir.path(), 0).expect("opens");
        assert_eq!(entries, [entry(1, 10)]);
    }

    #[test]
    fn it_does_not_grow_for_ever() {
        let dir = tempfile::tempdir().expect("a directory");
        let (log, _) = NonceLog::open(dir.path(), 0).expect("opens");
        for _ in 0..COMPACT_RECORDS_MIN {
            log.append(entry(1, 10));
        }
        log.keep(|| vec![entry(1, 10)]).expect("kept");
        log.append(entry(2, 20));
        let (_, entries) = NonceLog::open(dir.path(), 0).expect("opens");
        assert_eq!(entries, [entry(1, 10), entry(2, 20)]);
    }
}
