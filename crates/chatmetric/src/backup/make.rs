//! Making a backup in a place: of an instance that is open here, whether a server runs on
//! it or not, or of one elsewhere (`remote`).
//!
//! Runs are copied and not linked: a linked file is one file, and what damages it in the
//! data directory damages the backup.
//!
//! Not here: where the bytes come from (`origin`). Invariant: until the manifest is
//! durable and the backup has its name, it does not exist; a failure or a stop leaves the
//! backups of before as they were.

use super::copy::{self, NewFile};
use super::manifest::{
    BACKUPS_DIR, DIRECTORY_PART, FileEntry, MANIFEST_FILE, MANIFEST_SUM_FILE, Manifest, RUN_SUFFIX,
    RUNS_DIR, STORE_PREFIX,
};
use super::origin::{Held, Origin, There};
use super::place::{Known, NEW_SUFFIX, Place, remove_file};
use super::prune::{prune, remove_stray};
use super::wire::{PartOf, State};
use super::{BACKUPS_MAX, BackupError, FORMAT, refuse_inside};
use crate::clock::Clock;
use crate::directory::Directory;
use chatmetric_rpc::format_utc_seconds;
use chatmetric_store::Store;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// The file of the copied directory.
pub(super) const DIRECTORY_COPY: &str = "directory.sqlite";

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
    check_room(&known, wanted)?;
    let mut held = Held::take(source)?;
    let state = held.state.clone();
    let started = Started {
        place,
        known,
        clock: source.clock,
        started_ms,
    };
    started.make(wanted, &state, &mut held, watch)
}

/// Refuses one backup more than there may be.
pub(super) fn check_room(known: &Known, wanted: &Wanted) -> Result<(), BackupError> {
    let there = known.whole.len() + known.damaged.len();
    // One more than may stay, until the older ones are removed.
    if there > BACKUPS_MAX || (there == BACKUPS_MAX && keep(wanted) > BACKUPS_MAX) {
        return Err(BackupError::TooMany {
            path: wanted.dest.clone(),
            what: "backups",
            max: BACKUPS_MAX - 1,
        });
    }
    Ok(())
}

fn keep(wanted: &Wanted) -> usize {
    let keep = wanted.keep;
    keep.map_or(usize::MAX, |keep| usize::try_from(keep).unwrap_or(1))
}

/// A place that is ready for one more backup.
pub(super) struct Started<'a> {
    pub(super) place: Place,
    pub(super) known: Known,
    pub(super) clock: &'a dyn Clock,
    pub(super) started_ms: u64,
}

impl Started<'_> {
    /// Makes the backup of a state whose bytes `origin` has.
    pub(super) fn make(
        self,
        wanted: &Wanted,
        state: &State,
        origin: &mut dyn Origin,
        watch: &mut dyn FnMut(Progress) -> bool,
    ) -> Result<Made, BackupError> {
        let Self {
            place,
            known,
            clock,
            started_ms,
        } = self;
        let created_ms = clock.now().0;
        let id = next_id(&place.ids()?, created_ms);
        let backups = place.path().join(BACKUPS_DIR);
        let new = backups.join(format!("{id}{NEW_SUFFIX}"));
        copy::make_dir(&new)?;
        let making = Making {
            place: &place,
            backups: &known,
            known: known_files(&known),
            new: &new,
            id: &id,
            origin,
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
        let made = making.run(state).and_then(|made| {
            std::fs::rename(&new, backups.join(&id)).map_err(BackupError::file("rename", &new))?;
            copy::sync_dir(&backups)?;
            Ok(made)
        });
        let mut made = made.inspect_err(|_| {
            // The next backup removes it too; now it takes space that may be short.
            drop(std::fs::remove_dir_all(&new));
        })?;
        // The backup is made, whatever becomes of older ones.
        match prune(&place, keep(wanted)) {
            Ok(pruned) => {
                made.removed_backups = pruned.backups;
                made.removed_files = pruned.files;
            }
            Err(error) => made.prune_error = Some(crate::cli::error_chain(&error)),
        }
        made.damaged = known.damaged.into_iter().map(|(id, _)| id).collect();
        made.took_ms = clock.monotonic_ms().saturating_sub(started_ms);
        Ok(made)
    }
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
pub(super) fn known_files(known: &Known) -> HashMap<String, (u64, String)> {
    let files = known.whole.iter().flat_map(|manifest| &manifest.files);
    let files = files.filter(|file| file.path.starts_with(RUNS_DIR));
    files
        .map(|file| (file.path.clone(), (file.bytes, file.sha256.clone())))
        .collect()
}

/// The name of the file of a part that belongs to one backup alone.
pub(super) fn own_name(part: &str) -> String {
    part.replace('/', "-")
}

/// A backup that is being made.
struct Making<'a> {
    place: &'a Place,
    backups: &'a Known,
    known: HashMap<String, (u64, String)>,
    new: &'a Path,
    id: &'a str,
    origin: &'a mut dyn Origin,
    made: Made,
    progress: Progress,
    files: Vec<FileEntry>,
    watch: &'a mut dyn FnMut(Progress) -> bool,
}

impl Making<'_> {
    fn run(mut self, state: &State) -> Result<Made, BackupError> {
        self.progress.files_all = u64::try_from(state.parts.len() + 1).unwrap_or(u64::MAX);
        self.progress.bytes_all = state.parts.iter().filter_map(|part| part.bytes).sum();
        let identities = state.parts.iter().filter_map(|part| part.identity.as_ref());
        let wanted = identities.map(|identity| format!("{identity}{RUN_SUFFIX}"));
        remove_stray(self.place, self.backups, &wanted.collect())?;
        let (bytes, sum) = self.copy(None, &self.new.join(DIRECTORY_COPY))?;
        self.copied()?;
        self.note(self.own_path(DIRECTORY_COPY), DIRECTORY_PART, bytes, sum);
        for (at, part) in state.parts.iter().enumerate() {
            match &part.identity {
                Some(identity) => self.shared(at, part, identity)?,
                None => self.own(at, part)?,
            }
        }
        self.origin.finish()?;
        self.made.positions.clone_from(&state.positions);
        self.made.files = self.progress.files;
        self.made.bytes = self.made.copied_bytes + self.made.present_bytes;
        copy::sync_dir(&self.place.path().join(RUNS_DIR))?;
        self.manifest(state.store_format, &state.master_key_id)?;
        Ok(self.made)
    }

    /// A part that belongs to this backup alone.
    fn own(&mut self, at: usize, part: &PartOf) -> Result<(), BackupError> {
        let name = own_name(&part.name);
        let (bytes, sum) = self.copy(Some(at), &self.new.join(&name))?;
        self.copied()?;
        let part = format!("{STORE_PREFIX}{}", part.name);
        self.note(self.own_path(&name), &part, bytes, sum);
        Ok(())
    }

    /// A part that never changes: copied unless it is there.
    fn shared(&mut self, at: usize, part: &PartOf, identity: &str) -> Result<(), BackupError> {
        let path = format!("{RUNS_DIR}/{identity}{RUN_SUFFIX}");
        let name = format!("{STORE_PREFIX}{}", part.name);
        if let Some((bytes, sum)) = self.present(at, part, &path)? {
            self.made.present_files += 1;
            self.made.present_bytes += bytes;
            self.progress.bytes_all = self.progress.bytes_all.saturating_sub(bytes);
            self.step()?;
            self.note(path, &name, bytes, sum);
            return Ok(());
        }
        let named = self.place.path().join(&path);
        let new = self.place.path().join(format!("{path}{NEW_SUFFIX}"));
        let copied = self.copy(Some(at), &new).and_then(|copied| {
            std::fs::rename(&new, &named).map_err(BackupError::file("rename", &new))?;
            Ok(copied)
        });
        let (bytes, sum) = copied.inspect_err(|_| drop(remove_file(&new)))?;
        self.copied()?;
        self.note(path, &name, bytes, sum);
        Ok(())
    }

    /// Length and SHA-256 of the file when it is there: as a backup knows it, or, left by
    /// an interrupted one, when it has the bytes of the part.
    fn present(
        &mut self,
        at: usize,
        part: &PartOf,
        path: &str,
    ) -> Result<Option<(u64, String)>, BackupError> {
        let Ok(file) = self.place.open(path) else {
            return Ok(None);
        };
        let length = file.metadata().map(|data| data.len()).ok();
        let (Some(bytes), true) = (length, length == part.bytes) else {
            return Ok(None);
        };
        let sha256 = match self.known.get(path) {
            Some((known, _)) if *known != bytes => return Ok(None),
            known => known.map(|(_, sum)| sum.as_str()),
        };
        let there = There { file, sha256 };
        Ok(self.origin.present(at, there)?.map(|sum| (bytes, sum)))
    }

    /// Copies a part of the store, or the directory.
    fn copy(&mut self, part: Option<usize>, to: &Path) -> Result<(u64, String), BackupError> {
        let mut file = NewFile::create(to)?;
        let (progress, watch) = (&mut self.progress, &mut self.watch);
        let mut failed = None;
        let mut give = |bytes: &[u8]| {
            let written = file.write(bytes).and_then(|()| {
                // The directory is not among the bytes that are counted.
                if part.is_some() {
                    progress.bytes += u64::try_from(bytes.len()).unwrap_or(u64::MAX);
                }
                told(watch, *progress)
            });
            failed = written.err();
            failed.is_none()
        };
        let taken = match part {
            Some(part) => self.origin.part(part, &mut give),
            None => self.origin.directory(&mut give),
        };
        if let Some(error) = failed {
            return Err(error);
        }
        if !taken? {
            return Err(BackupError::Stopped);
        }
        let (bytes, sum) = file.finish()?;
        self.made.copied_bytes += bytes;
        Ok((bytes, sum))
    }

    fn copied(&mut self) -> Result<(), BackupError> {
        self.made.copied_files += 1;
        self.step()
    }

    /// One file more is done.
    fn step(&mut self) -> Result<(), BackupError> {
        self.progress.files += 1;
        told(self.watch, self.progress)
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

/// Tells how far it is; whoever is told may break it off.
fn told(watch: &mut dyn FnMut(Progress) -> bool, progress: Progress) -> Result<(), BackupError> {
    if watch(progress) {
        Ok(())
    } else {
        Err(BackupError::Stopped)
    }
}
