//! Used nonces on disk, so that a restart does not make replays possible.
//!
//! An append-only file of fixed records, written before a call is answered (it
//! survives a killed process) and synced once a second (a power cut may bring the
//! last second's back). When the disk fails, queries go on: a nonce is then
//! remembered in memory only, and the log says so.
//!
//! Invariants: records have one length and stand one after the other, so a torn
//! tail is dropped, never misread. After a failed write nothing is appended until
//! the file was written anew, with every nonce that was admitted meanwhile.

use chatmetric_rpc::nonce::{NonceEntry, NonceHash};
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The file below the data directory.
pub(super) const NONCE_FILE: &str = "nonces.log";
/// Largest file that is read, in bytes: far above what compaction lets grow.
pub(super) const NONCE_FILE_BYTES_MAX: u64 = 512 * 1024 * 1024;
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
    /// Held by whoever writes the file anew: one at a time, and never awaited while
    /// the state is held.
    renewing: Mutex<()>,
}

#[derive(Debug)]
struct State {
    file: File,
    records: usize,
    unsynced: bool,
    /// A write failed, perhaps in the middle of a record.
    failing: bool,
    /// While the file is written anew: what was appended since.
    since: Option<Vec<NonceEntry>>,
}

impl NonceLog {
    /// Opens the log below `data_dir`, writes it anew with the entries that still
    /// matter at `now_ms`, and gives them back.
    pub(crate) fn open(data_dir: &Path, now_ms: i64) -> io::Result<(Self, Vec<NonceEntry>)> {
        let path = data_dir.join(NONCE_FILE);
        let entries = read(&path, now_ms)?;
        let file = write_draft(&path, &entries)?;
        put_in_place(&path)?;
        sync_parent(&path)?;
        let state = State {
            file,
            records: entries.len(),
            unsynced: false,
            failing: false,
            since: None,
        };
        let log = Self {
            path,
            state: Mutex::new(state),
            renewing: Mutex::new(()),
        };
        Ok((log, entries))
    }

    /// Writes an entry; the kernel has it when this returns.
    pub(crate) fn append(&self, entry: NonceEntry) {
        let mut state = self.state();
        if let Some(since) = &mut state.since {
            since.push(entry);
        }
        // Behind a torn record the next one would be read out of step.
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

    /// Syncs what was appended, and writes the file anew when most of it is old or
    /// a write failed. `live` gives what must still be remembered.
    pub(crate) fn keep(&self, live: impl FnOnce() -> Vec<NonceEntry>) -> io::Result<()> {
        if self.renew(live)? {
            return Ok(());
        }
        if std::mem::take(&mut self.state().unsynced) {
            self.sync_file()
        } else {
            Ok(())
        }
    }

    /// Returns once everything that was appended is on the disk; `live` gives what
    /// must still be remembered, and is asked only when the file has to be written
    /// anew, because something could not be appended or synced before.
    ///
    /// # Errors
    /// What the disk says: then nothing is known of the last entries.
    pub(crate) fn sync(&self, live: impl FnOnce() -> Vec<NonceEntry>) -> io::Result<()> {
        // Whoever syncs at this moment may have begun before the last entry, so this
        // does not rely on it.
        if self.state().failing && self.renew(live)? {
            Ok(())
        } else {
            self.sync_file()
        }
    }

    /// Appends go on while the disk works.
    fn sync_file(&self) -> io::Result<()> {
        let file = self.state().file.try_clone()?;
        file.sync_data().inspect_err(|_| {
            // What a failed sync leaves on the disk is unknown, and a second sync of
            // the same file may say that all is well.
            self.state().failing = true;
        })
    }

    /// Writes the file anew if most of it is old or something failed, and says whether
    /// it did: then everything that `live` gave is on the disk.
    fn renew(&self, live: impl FnOnce() -> Vec<NonceEntry>) -> io::Result<bool> {
        let _turn = self.renewing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut state = self.state();
        if state.records < COMPACT_RECORDS_MIN && !state.failing {
            return Ok(false);
        }
        // What is admitted from here on is in `live` or comes to `since`, or both.
        state.since = Some(Vec::new());
        drop(state);
        let entries = live();
        let mut state = self.state();
        let mostly_old = state.records >= 2 * entries.len().max(COMPACT_RECORDS_MIN / 2);
        if !mostly_old && !state.failing {
            state.since = None;
            return Ok(false);
        }
        drop(state);
        let draft = write_draft(&self.path, &entries);
        let mut state = self.state();
        let since = state.since.take().unwrap_or_default();
        let mut file = draft?;
        // Appends wait here: whoever syncs next may rely on the new file being the one
        // that a restart finds.
        if !since.is_empty() {
            file.write_all(&encode_all(&since))?;
            file.sync_data()?;
        }
        put_in_place(&self.path)?;
        if state.failing {
            tracing::info!("nonces can be written again");
        }
        state.file = file;
        state.records = entries.len() + since.len();
        state.unsynced = false;
        // Until its name is on the disk, the file is not to be relied on.
        state.failing = true;
        sync_parent(&self.path)?;
        state.failing = false;
        Ok(true)
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

/// The entries that still matter at `now_ms`; the others are never held in memory.
fn read(path: &Path, now_ms: i64) -> io::Result<Vec<NonceEntry>> {
    let invalid = |reason| io::Error::new(io::ErrorKind::InvalidData, reason);
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    if file.metadata()?.len() > NONCE_FILE_BYTES_MAX {
        return Err(invalid("the file is longer than it can be"));
    }
    let mut input = BufReader::new(file);
    let mut header = [0; HEADER.len()];
    let has_header = input.read_exact(&mut header).is_ok() && header == *HEADER;
    if !has_header {
        return Err(invalid("the file is not a log of nonces"));
    }
    let mut entries = Vec::new();
    let mut record = [0; RECORD_BYTES];
    loop {
        match input.read_exact(&mut record) {
            Ok(()) => entries.extend(decode(&record).filter(|entry| entry.expires_ms >= now_ms)),
            // The end, or a torn tail.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(entries),
            Err(error) => return Err(error),
        }
    }
}

fn encode_all(entries: &[NonceEntry]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(entries.len() * RECORD_BYTES);
    entries
        .iter()
        .for_each(|entry| bytes.extend_from_slice(&encode(*entry)));
    bytes
}

fn draft_of(path: &Path) -> PathBuf {
    path.with_extension("new")
}

/// Writes a file beside it and syncs it.
fn write_draft(path: &Path, entries: &[NonceEntry]) -> io::Result<File> {
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(draft_of(path))?;
    file.write_all(HEADER)?;
    file.write_all(&encode_all(entries))?;
    file.sync_all()?;
    Ok(file)
}

fn put_in_place(path: &Path) -> io::Result<()> {
    fs::rename(draft_of(path), path)
}

fn sync_parent(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(directory) => File::open(directory)?.sync_all(),
        None => Ok(()),
    }
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
    #[test]
    fn after_a_torn_record_nothing_is_read_out_of_step() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join(NONCE_FILE);
        let (log, _) = NonceLog::open(dir.path(), 0).expect("opens");
        log.append(entry(1, 10));
        // A file that cannot be written, as on a full disk.
        let unwritable = File::open(&path).expect("opens");
        let file = std::mem::replace(&mut log.state().file, unwritable);
        log.append(entry(2, 20));
        // Half a record got through; then there is room again.
        (&file).write_all(&[7; 11]).expect("written");
        log.state().file = file;
        log.append(entry(3, 30));
        let (_, entries) = NonceLog::open(dir.path(), 0).expect("opens");
        assert_eq!(entries, [entry(1, 10)], "whole records only");
        let live = || {
            // Admitted while the file is written anew.
            log.append(entry(4, 40));
            vec![entry(1, 10), entry(2, 20), entry(3, 30)]
        };
        log.keep(live).expect("written anew");
        log.append(entry(5, 50));
        let (_, entries) = NonceLog::open(dir.path(), 0).expect("opens");
        let all = [(1, 10), (2, 20), (3, 30), (4, 40), (5, 50)];
        assert_eq!(entries, all.map(|(n, expires_ms)| entry(n, expires_ms)));
    }

    #[test]
    fn a_file_that_cannot_be_written_anew_stays_as_it_was() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join(NONCE_FILE);
        let (log, _) = NonceLog::open(dir.path(), 0).expect("opens");
        log.append(entry(1, 10));
        log.state().failing = true;
        // A directory in the place of the draft.
        fs::create_dir(draft_of(&path)).expect("made");
        assert!(log.keep(|| vec![entry(2, 20)]).is_err());
        assert!(log.state().failing && log.state().since.is_none());
        fs::remove_dir(draft_of(&path)).expect("removed");
        log.keep(|| vec![entry(1, 10), entry(2, 20)]).expect("kept");
        let (_, entries) = NonceLog::open(dir.path(), 0).expect("opens");
        assert_eq!(entries, [entry(1, 10), entry(2, 20)]);
    }

    #[test]
    fn the_largest_file_is_one_that_is_read() {
        let records_max = 2 * chatmetric_rpc::nonce::NONCES_MAX_DEFAULT * RECORD_BYTES;
        assert!(u64::try_from(records_max).expect("fits") < NONCE_FILE_BYTES_MAX / 2);
    }
}
