//! Making a backup of an open instance, whether a server runs on it or not.
//!
//! The cut: the directory is held; the store is cut; the directory is copied and let go.
//! An event reaches the store after the directory was told of its space and number, so
//! the copy knows everything that the cut names. A number that is bound without an event
//! in the store is what a crash between the two leaves as well. Everything else is
//! copied from the cut afterwards, while the server goes on.
//!
//! Runs are copied and not linked: a linked file is one file, and what damages it in the
//! data directory damages the backup.
//!
//! Invariant: until the manifest is durable and the backup has its name, it does not
//! exist; a failure or a stop leaves the backups of before as they were.

use super::copy::{self, CHUNK_BYTES, NewFile};
use super::manifest::{
    BACKUPS_DIR, DIRECTORY_PART, FileEntry, MANIFEST_FILE, MANIFEST_SUM_FILE, Manifest, RUN_SUFFIX,
    RUNS_DIR, STORE_PREFIX,
};
use super::place::{Known, NEW_SUFFIX, Place, remove_file};
use super::prune::{prune, remove_stray};
use super::{BACKUPS_MAX, BackupError, FILES_MAX, FORMAT, refuse_inside};
use crate::clock::Clock;
use crate::directory::Directory;
use chatmetric_rpc::format_utc_seconds;
use chatmetric_store::{CutPart, Store, StoreCut};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::collections::HashMap;
use std::fs::File;
use std::io::{BufReader, Read as _};
use std::path::{Path, PathBuf};

/// The file of the copied directory.
const DIRECTORY_COPY: &str = "directory.sqlite";

/// An open instance.
#[derive(Clone, Copy)]
pub struct Source<'a> {
    /// Accounts, keys, spaces, webhooks.
    pub directory: &'a Directory,
    /// Events and tallies.
    pub store: &'a dyn Store,
    /// Times.
    pub clock: &'a dyn Clock,
}

/// What kind of backup is wanted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wanted {
    /// The directory for backups.
    pub dest: PathBuf,
    /// How many backups stay, this one included; `None` keeps all.
    pub keep: Option<u32>,
}

/// How far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Progress {
    /// Files that are done, those included that were there.
    pub files: u64,
    /// Of so many.
    pub files_all: u64,
    /// Bytes that were copied.
    pub bytes: u64,
    /// Of so many, the catalog not among them.
    pub bytes_all: u64,
}

/// A backup that was made.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Made {
    /// Its name.
    pub id: String,
    /// The directory that it is in.
    pub dest: PathBuf,
    /// When, RFC 3339.
    pub created_at: String,
    /// The same in ms.
    pub created_ms: i64,
    /// For each shard, the place in its journal up to which it goes.
    pub positions: Vec<u64>,
    /// Its files.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Of these, what was copied now.
    pub copied_files: u64,
    /// Their bytes.
    pub copied_bytes: u64,
    /// Of these, what an earlier backup had brought.
    pub present_files: u64,
    /// Their bytes.
    pub present_bytes: u64,
    /// Older backups that were removed.
    pub removed_backups: u64,
    /// Files of theirs, and of interrupted backups.
    pub removed_files: u64,
    /// Why older backups could not be removed.
    #[serde(default)]
    pub prune_error: Option<String>,
    /// Backups whose manifest is damaged; while there are any, no shared file goes.
    pub damaged: Vec<String>,
    /// How long it took.
    pub took_ms: u64,
}

/// Makes a backup; `watch` is told how far it is and says `false` to break it off.
///
/// # Errors
/// [`BackupError`]; the backups of before are as they were.
pub fn make(
    source: Source<'_>,
    wanted: &Wanted,
    watch: &mut dyn FnMut(Progress) -> bool,
) -> Result<Made, BackupError> {
    let started_ms = source.clock.monotonic_ms();
    let data_dir = source.directory.path().parent();
    refuse_inside(&wanted.dest, data_dir.unwrap_or(Path::new(".")))?;
    let place = Place::claim(&wanted.dest, source.directory.instance_id())?;
    let known = place.known()?;
    let keep = wanted
        .keep
        .map_or(usize::MAX, |keep| usize::try_from(keep).unwrap_or(1));
    let there = known.whole.len() + known.damaged.len();
    // One more than may stay, until the older ones are removed.
    if there > BACKUPS_MAX || (there == BACKUPS_MAX && keep > BACKUPS_MAX) {
        return Err(BackupError::TooMany {
            path: wanted.dest.clone(),
            what: "backups",
            max: BACKUPS_MAX - 1,
        });
    }
    let created_ms = source.clock.now().0;
    let id = next_id(&place.ids()?, created_ms);
    let new = place
        .path()
        .join(BACKUPS_DIR)
        .join(format!("{id}{NEW_SUFFIX}"));
    copy::make_dir(&new)?;
    let making = Making {
        place: &place,
        backups: &known,
        known: known_files(&known),
        new: &new,
        id: &id,
        made: Made {
            dest: wanted.dest.clone(),
            id: id.clone(),
            created_at: format_utc_seconds(created_ms.div_euclid(1_000)).unwrap_or_default(),
            created_ms,
            ..Made::default()
        },
        progress: Progress::default(),
        files: Vec::new(),
        watch,
    };
    let made = making.run(source).and_then(|made| {
        let named = place.path().join(BACKUPS_DIR).join(&id);
        std::fs::rename(&new, &named).map_err(BackupError::file("rename", &new))?;
        copy::sync_dir(&place.path().join(BACKUPS_DIR))?;
        Ok(made)
    });
    let mut made = made.inspect_err(|_| {
        // The next backup removes it too; now it takes space that may be short.
        drop(std::fs::remove_dir_all(&new));
    })?;
    // The backup is made, whatever becomes of older ones.
    match prune(&place, keep) {
        Ok(pruned) => {
            made.removed_backups = pruned.backups;
            made.removed_files = pruned.files;
        }
        Err(error) => made.prune_error = Some(crate::cli::error_chain(&error)),
    }
    made.damaged = known.damaged.into_iter().map(|(id, _)| id).collect();
    made.took_ms = source.clock.monotonic_ms().saturating_sub(started_ms);
    Ok(made)
}

/// The name of the next backup: greater than all, whatever the clock says.
fn next_id(ids: &[String], created_ms: i64) -> String {
    let last = ids
        .iter()
        .filter_map(|id| id.split('-').next()?.parse::<u64>().ok());
    let next = last.max().unwrap_or(0) + 1;
    let time = format_utc_seconds(created_ms.div_euclid(1_000)).unwrap_or_default();
    let time: String = time.chars().filter(|it| !matches!(it, '-' | ':')).collect();
    format!("{next:06}-{time}")
}

/// The runs that whole backups have, with length and SHA-256.
fn known_files(known: &Known) -> HashMap<String, (u64, String)> {
    let files = known.whole.iter().flat_map(|manifest| &manifest.files);
    let files = files.filter(|file| file.path.starts_with(RUNS_DIR));
    files
        .map(|file| (file.path.clone(), (file.bytes, file.sha256.clone())))
        .collect()
}

/// A copy of the directory that is made while it is held; gone when this is dropped.
struct HeldCopy(PathBuf);

impl HeldCopy {
    fn new(directory: &Path) -> Result<Self, BackupError> {
        let path = directory.with_extension("backup");
        // Of a process that was killed; one at a time has the data directory.
        remove_file(&path)?;
        Ok(Self(path))
    }
}

impl Drop for HeldCopy {
    fn drop(&mut self) {
        // The next backup removes it too.
        drop(remove_file(&self.0));
    }
}

/// A backup that is being made.
struct Making<'a> {
    place: &'a Place,
    backups: &'a Known,
    known: HashMap<String, (u64, String)>,
    new: &'a Path,
    id: &'a str,
    made: Made,
    progress: Progress,
    files: Vec<FileEntry>,
    watch: &'a mut dyn FnMut(Progress) -> bool,
}

impl Making<'_> {
    fn run(mut self, source: Source<'_>) -> Result<Made, BackupError> {
        // Beside the original: while the directory is held, no other disk is waited for.
        let held_copy = HeldCopy::new(source.directory.path())?;
        let cut: StoreCut = source.directory.backup_with(&held_copy.0, || {
            source
                .store
                .cut()
                .map_err(BackupError::store("take a cut of"))
        })?;
        if cut.parts.len() >= FILES_MAX {
            return Err(BackupError::TooMany {
                path: self.new.to_owned(),
                what: "files",
                max: FILES_MAX,
            });
        }
        let files_all = cut.parts.len() + 1;
        self.progress.files_all = u64::try_from(files_all).unwrap_or(u64::MAX);
        self.progress.bytes_all = cut.parts.iter().filter_map(|part| part.bytes).sum();
        let identities = cut.parts.iter().filter_map(|part| part.identity.as_ref());
        let wanted = identities.map(|identity| format!("{identity}{RUN_SUFFIX}"));
        remove_stray(self.place, self.backups, &wanted.collect())?;
        self.directory(&held_copy.0)?;
        drop(held_copy);
        let StoreCut {
            format,
            positions,
            parts,
        } = cut;
        // What a part holds open is let go once it is copied.
        for part in parts {
            match &part.identity {
                Some(identity) => self.shared(&part, identity)?,
                None => self.own(&part)?,
            }
        }
        self.made.positions = positions;
        self.made.files = self.progress.files;
        self.made.bytes = self.made.copied_bytes + self.made.present_bytes;
        copy::sync_dir(&self.place.path().join(RUNS_DIR))?;
        self.manifest(format, &source.directory.master_key_id().to_string())?;
        Ok(self.made)
    }

    fn directory(&mut self, path: &Path) -> Result<(), BackupError> {
        let mut from = File::open(path).map_err(BackupError::file("open", path))?;
        let mut file = NewFile::create(&self.new.join(DIRECTORY_COPY))?;
        let mut piece = vec![0; CHUNK_BYTES];
        loop {
            let read = from.read(&mut piece);
            match read.map_err(BackupError::file("read", path))? {
                0 => break,
                read => file.write(piece.get(..read).unwrap_or_default())?,
            }
        }
        let (bytes, sum) = file.finish()?;
        self.copied(bytes)?;
        self.note(self.own_path(DIRECTORY_COPY), DIRECTORY_PART, bytes, sum);
        Ok(())
    }

    /// A part that belongs to this backup alone.
    fn own(&mut self, part: &CutPart) -> Result<(), BackupError> {
        let name = part.name.replace('/', "-");
        let (bytes, sum) = self.copy(part, &self.new.join(&name))?;
        self.copied(0)?;
        let part = format!("{STORE_PREFIX}{}", part.name);
        self.note(self.own_path(&name), &part, bytes, sum);
        Ok(())
    }

    /// A part that never changes: copied unless it is there.
    fn shared(&mut self, part: &CutPart, identity: &str) -> Result<(), BackupError> {
        let path = format!("{RUNS_DIR}/{identity}{RUN_SUFFIX}");
        let name = format!("{STORE_PREFIX}{}", part.name);
        if let Some((bytes, sum)) = self.present(part, &path)? {
            self.made.present_files += 1;
            self.made.present_bytes += bytes;
            self.progress.bytes_all = self.progress.bytes_all.saturating_sub(bytes);
            self.step(1, 0)?;
            self.note(path, &name, bytes, sum);
            return Ok(());
        }
        let named = self.place.path().join(&path);
        let new = self.place.path().join(format!("{path}{NEW_SUFFIX}"));
        let copied = self.copy(part, &new).and_then(|copied| {
            std::fs::rename(&new, &named).map_err(BackupError::file("rename", &new))?;
            Ok(copied)
        });
        let (bytes, sum) = copied.inspect_err(|_| drop(remove_file(&new)))?;
        self.copied(0)?;
        self.note(path, &name, bytes, sum);
        Ok(())
    }

    /// Length and SHA-256 of the file when it is there: as a backup knows it, or, left by
    /// an interrupted one, when it has the bytes of the part.
    fn present(&self, part: &CutPart, path: &str) -> Result<Option<(u64, String)>, BackupError> {
        let Ok(file) = self.place.open(path) else {
            return Ok(None);
        };
        let length = file.metadata().map(|data| data.len()).ok();
        if length.is_none() || length != part.bytes {
            return Ok(None);
        }
        if let Some((bytes, sum)) = self.known.get(path) {
            return Ok((Some(*bytes) == length).then(|| (*bytes, sum.clone())));
        }
        let mut there = BufReader::with_capacity(CHUNK_BYTES, file);
        let (mut same, mut piece) = (true, Vec::new());
        let mut sum = Sha256::new();
        part.read(&mut |bytes| {
            piece.resize(bytes.len(), 0);
            same = there.read_exact(&mut piece).is_ok() && piece == bytes;
            sum.update(bytes);
            same
        })
        .map_err(BackupError::store("read"))?;
        Ok(same.then(|| (length.unwrap_or(0), hex::encode(sum.finalize()))))
    }

    fn copy(&mut self, part: &CutPart, to: &Path) -> Result<(u64, String), BackupError> {
        let mut file = NewFile::create(to)?;
        let mut failed = None;
        let taken = part.read(&mut |bytes| {
            let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
            let written = file.write(bytes).and_then(|()| self.step(0, length));
            failed = written.err();
            failed.is_none()
        });
        if let Some(error) = failed {
            return Err(error);
        }
        taken.map_err(BackupError::store("read"))?;
        let (bytes, sum) = file.finish()?;
        self.made.copied_bytes += bytes;
        Ok((bytes, sum))
    }

    fn copied(&mut self, more_bytes: u64) -> Result<(), BackupError> {
        self.made.copied_files += 1;
        self.made.copied_bytes += more_bytes;
        self.step(1, 0)
    }

    fn step(&mut self, files: u64, bytes: u64) -> Result<(), BackupError> {
        self.progress.files += files;
        self.progress.bytes += bytes;
        if (self.watch)(self.progress) {
            Ok(())
        } else {
            Err(BackupError::Stopped)
        }
    }

    fn own_path(&self, name: &str) -> String {
        format!("{BACKUPS_DIR}/{}/{name}", self.id)
    }

    fn note(&mut self, path: String, part: &str, bytes: u64, sha256: String) {
        self.files.push(FileEntry {
            path,
            part: part.to_owned(),
            bytes,
            sha256,
        });
    }

    fn manifest(&mut self, store_format: u32, master_key_id: &str) -> Result<(), BackupError> {
        let manifest = Manifest {
            format: FORMAT,
            program: env!("CARGO_PKG_VERSION").to_owned(),
            id: self.id.to_owned(),
            instance: self.place.instance().to_owned(),
            created_at: self.made.created_at.clone(),
            created_ms: self.made.created_ms,
            master_key_id: master_key_id.to_owned(),
            store_format,
            positions: self.made.positions.clone(),
            files: std::mem::take(&mut self.files),
        };
        let path = self.new.join(MANIFEST_FILE);
        let (text, sum) = manifest
            .to_files()
            .map_err(|error| BackupError::file("write", &path)(error.into()))?;
        copy::write_new(&path, &text)?;
        copy::write_new(&self.new.join(MANIFEST_SUM_FILE), sum.as_bytes())?;
        copy::sync_dir(self.new)
    }
}
