//! How far an import came, kept beside the data, so that one that was killed goes on
//! where it was.
//!
//! One small file below the data directory for each file and space: the file's path,
//! size, time and beginning, and a place. Loading rows twice is harmless and leaving one
//! out is not, so whatever is doubtful (a file that changed, a damaged note) means: from
//! the start. Invariant: a place is written down only after everything before it is
//! durable in the store of the same directory.

use crate::cli::Terminal;
use crate::cli::data_dir::system_clock;
use crate::clock::Clock;
use crate::ingest::file::{FileFormat, Reached};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, FileExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

/// Below the data directory.
const FOLDER: &str = "imports";
/// The first version of a note.
const VERSION: u32 = 1;
/// Bytes of a file's beginning that belong to its identity.
const START_BYTES: usize = 64 * 1024;
/// Time between two notes, in ms.
const EVERY_MS: u64 = 200;
/// Longest note, in bytes: a path and a few figures.
const NOTE_BYTES_MAX: u64 = 64 * 1024;
/// Most notes: of imports that were interrupted and never taken up again.
const NOTES_MAX: usize = 1_000;

/// What a file is, as far as can be told without reading it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Identity {
    path: String,
    bytes: u64,
    modified_ns: i128,
    /// SHA-256 of its beginning, in hex.
    start: String,
    space: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Note {
    version: u32,
    file: Identity,
    format: String,
    reached: Reached,
}

/// The progress of one file.
pub(super) struct Resume {
    folder: PathBuf,
    note: PathBuf,
    file: File,
    identity: Identity,
    format: Option<FileFormat>,
    clock: Arc<dyn Clock>,
    kept_ms: u64,
    terminal: Terminal,
    is_failing: bool,
}

impl Resume {
    /// The progress of a file that is loaded into a space; `None` for what is no file (a
    /// pipe has no beginning to go back to).
    pub(super) fn of(
        data_dir: &Path,
        path: &Path,
        file: &File,
        space: &str,
        terminal: &Terminal,
    ) -> Option<Self> {
        let identity = Identity::of(path, file, space)?;
        let folder = data_dir.join(FOLDER);
        let name = Sha256::digest(format!("{}\n{}", identity.space, identity.path));
        let name: String = hex::encode(name).chars().take(32).collect();
        let clock = system_clock();
        Some(Self {
            note: folder.join(format!("{name}.json")),
            folder,
            file: file.try_clone().ok()?,
            identity,
            format: None,
            kept_ms: clock.monotonic_ms(),
            clock,
            terminal: terminal.clone(),
            is_failing: false,
        })
    }

    /// Where to go on; `None` is at the start.
    pub(super) fn begin(&mut self, format: FileFormat, from_start: bool) -> Option<Reached> {
        self.format = Some(format);
        let is_short = std::fs::metadata(&self.note).ok()?.len() <= NOTE_BYTES_MAX;
        let text = is_short.then(|| std::fs::read(&self.note).ok()).flatten();
        let note = text.and_then(|text| serde_json::from_slice::<Note>(&text).ok());
        let fits = |note: &Note| {
            note.version == VERSION
                && note.file == self.identity
                && note.format == format.as_str()
                && note.reached.mark.rows > 0
        };
        let reached = note.filter(fits).map(|note| note.reached);
        if reached.is_none() || from_start {
            self.forget();
            return None;
        }
        reached
    }

    /// Whether the file is another one than when it was opened.
    pub(super) fn has_changed(&self) -> bool {
        let path = Path::new(&self.identity.path);
        Identity::of(path, &self.file, &self.identity.space).is_none_or(|now| now != self.identity)
    }

    /// Notes how far everything is durable, unless it did so just now.
    pub(super) fn keep_now_and_then(&mut self, durable: Reached) {
        let now_ms = self.clock.monotonic_ms();
        if now_ms.saturating_sub(self.kept_ms) >= EVERY_MS {
            self.kept_ms = now_ms;
            self.keep(durable);
        }
    }

    /// Notes how far everything is durable.
    pub(super) fn keep(&mut self, durable: Reached) {
        let Some(format) = self.format else { return };
        let note = Note {
            version: VERSION,
            file: self.identity.clone(),
            format: format.as_str().to_owned(),
            reached: durable,
        };
        let written = serde_json::to_vec(&note)
            .map_err(io::Error::other)
            .and_then(|text| self.write(&text));
        if let Err(error) = written
            && !std::mem::replace(&mut self.is_failing, true)
        {
            self.terminal.warn(&format!(
                "could not note how far the import is in `{}`: {error}; if it is interrupted, it \
                 begins at the start",
                self.folder.display()
            ));
        }
    }

    /// Removes the note: the file is loaded, or is another one.
    pub(super) fn forget(&self) {
        // One that cannot be removed is compared with the file before it is used.
        drop(std::fs::remove_file(&self.note));
    }

    fn write(&self, text: &[u8]) -> io::Result<()> {
        if !self.folder.is_dir() {
            DirBuilder::new().mode(0o700).create(&self.folder)?;
        }
        if !self.note.exists() {
            self.make_room()?;
        }
        let temporary = self.note.with_extension("new");
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&temporary)?;
        file.write_all(text)?;
        // Not synced: a note that a power cut takes away, or back, costs time alone.
        std::fs::rename(&temporary, &self.note)
    }

    /// Removes the oldest note where there are too many.
    fn make_room(&self) -> io::Result<()> {
        let mut notes: Vec<(SystemTime, PathBuf)> = Vec::new();
        for entry in std::fs::read_dir(&self.folder)? {
            let entry = entry?;
            notes.push((entry.metadata()?.modified()?, entry.path()));
        }
        notes.sort();
        let surplus = (notes.len() + 1).saturating_sub(NOTES_MAX);
        for (_, note) in notes.iter().take(surplus) {
            std::fs::remove_file(note)?;
        }
        Ok(())
    }
}

impl Identity {
    fn of(path: &Path, file: &File, space: &str) -> Option<Self> {
        let metadata = file.metadata().ok().filter(std::fs::Metadata::is_file)?;
        let path = path.canonicalize().ok()?;
        let mut start = vec![0; START_BYTES];
        let read = read_start(file, &mut start).ok()?;
        start.truncate(read);
        Some(Self {
            path: path.to_string_lossy().into_owned(),
            bytes: metadata.len(),
            modified_ns: i128::from(metadata.mtime()) * 1_000_000_000
                + i128::from(metadata.mtime_nsec()),
            start: hex::encode(Sha256::digest(&start)),
            space: space.to_owned(),
        })
    }
}

fn read_start(file: &File, to: &mut [u8]) -> io::Result<usize> {
    let mut read = 0;
    while let Some(rest) = to.get_mut(read..).filter(|rest| !rest.is_empty()) {
        let at = u64::try_from(read).unwrap_or(u64::MAX);
        match file.read_at(rest, at) {
            Ok(0) => break,
            Ok(more) => read += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(read)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::ColorChoice;
    use crate::ingest::file::Mark;

    const REACHED: Reached = Reached {
        mark: Mark {
            rows: 7,
            bytes: 70,
            is_apart: false,
        },
        bad: 2,
    };

    struct Place {
        folder: tempfile::TempDir,
    }

    impl Place {
        fn new() -> Self {
            let folder = tempfile::tempdir().expect("a directory");
            std::fs::write(folder.path().join("events"), "text\n").expect("written");
            Self { folder }
        }

        fn resume(&self, space: &str) -> Resume {
            let path = self.folder.path().join("events");
            let file = File::open(&path).expect("opens");
            let terminal = Terminal::of_process(ColorChoice::Never, true, 0);
            Resume::of(self.folder.path(), &path, &file, space, &terminal).expect("a file")
        }
    }

    #[test]
    fn a_note_is_found_for_the_same_file_space_and_format_alone() {
        let place = Place::new();
        let keep = || {
            let mut resume = place.resume("a");
            resume.begin(FileFormat::Csv, true);
            resume.keep(REACHED);
        };
        keep();
        let found = |space, format, from_start| place.resume(space).begin(format, from_start);
        assert_eq!(found("a", FileFormat::Csv, false), Some(REACHED));
        assert_eq!(found("b", FileFormat::Csv, false), None);
        assert_eq!(found("a", FileFormat::Csv, false), Some(REACHED));
        // What does not fit is forgotten.
        assert_eq!(found("a", FileFormat::Ndjson, false), None);
        assert_eq!(found("a", FileFormat::Csv, false), None);
        keep();
        assert_eq!(found("a", FileFormat::Csv, true), None);
        assert_eq!(found("a", FileFormat::Csv, false), None);
        keep();
        let path = place.folder.path().join("events");
        let resume = place.resume("a");
        assert!(!resume.has_changed());
        std::fs::write(&path, "text\nmore\n").expect("written");
        assert!(resume.has_changed());
        assert_eq!(found("a", FileFormat::Csv, false), None);
    }

    #[test]
    fn a_note_that_is_damaged_means_from_the_start() {
        let place = Place::new();
        let mut resume = place.resume("a");
        resume.begin(FileFormat::Csv, false);
        resume.keep(REACHED);
        std::fs::write(&resume.note, "{\"version\":1").expect("written");
        assert_eq!(place.resume("a").begin(FileFormat::Csv, false), None);
        resume.keep(REACHED);
        let long = vec![b' '; 70_000];
        std::fs::write(&resume.note, long).expect("written");
        assert_eq!(place.resume("a").begin(FileFormat::Csv, false), None);
    }

    #[test]
    fn notes_have_an_end() {
        let place = Place::new();
        let mut resume = place.resume("a");
        resume.begin(FileFormat::Csv, false);
        resume.keep(REACHED);
        resume.forget();
        for number in 0..NOTES_MAX + 5 {
            std::fs::write(resume.folder.join(format!("{number}.json")), "").expect("written");
        }
        resume.keep(REACHED);
        let notes = std::fs::read_dir(&resume.folder).expect("there").count();
        assert_eq!(notes, NOTES_MAX);
        assert!(resume.note.exists());
    }
}
