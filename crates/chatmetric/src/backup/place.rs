//! The directory that holds the backups of one instance.
//!
//! Files in it are opened from the directory on, step by step, without following links:
//! what is there may have been put there by somebody else. Invariant: nothing is changed
//! in a directory that is neither empty nor the place of this instance's backups, and
//! one process at a time changes it.

use super::manifest::{BACKUPS_DIR, MANIFEST_FILE, MANIFEST_SUM_FILE, Manifest, RUNS_DIR, is_name};
use super::{BACKUPS_MAX, BackupError, FORMAT, MANIFEST_BYTES_MAX, copy};
use rustix::fs::{FlockOperation, Mode, OFlags};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};
use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Says whose backups these are.
const PLACE_FILE: &str = "chatmetric-backup.json";
/// Who uses it has this file locked.
const LOCK_FILE: &str = "lock";
/// The end of names of what is being written.
pub(super) const NEW_SUFFIX: &str = ".new";
/// The end of names of what is being removed.
pub(super) const GONE_SUFFIX: &str = ".gone";
/// Longest [`PLACE_FILE`], and longest [`MANIFEST_SUM_FILE`], in bytes.
const SMALL_FILE_BYTES_MAX: u64 = 4096;

/// Most backups that are read.
const READ_MAX: usize = 10 * BACKUPS_MAX;

/// What [`PLACE_FILE`] says.
#[derive(Debug, Serialize, Deserialize)]
struct Belongs {
    format: u32,
    instance: String,
}

/// A directory of backups, locked.
pub(super) struct Place {
    path: PathBuf,
    instance: String,
    dir: File,
    /// Held open for its lock.
    _lock: Option<File>,
}

/// A backup as a list shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listed {
    /// Its name; later ones are greater.
    pub id: String,
    /// When it was made, RFC 3339; `None` when it is damaged.
    pub created_at: Option<String>,
    /// For each shard, the place in its journal up to which it goes.
    pub positions: Vec<u64>,
    /// Its files.
    pub files: u64,
    /// Their bytes, those included that other backups have too.
    pub bytes: u64,
    /// What is wrong with its manifest.
    pub damage: Option<String>,
}

/// The manifests of a place, the oldest first.
pub(super) struct Known {
    pub(super) whole: Vec<Manifest>,
    /// Names of those that cannot be read, and why.
    pub(super) damaged: Vec<(String, BackupError)>,
}

/// Lists the backups in a directory, the oldest first.
///
/// # Errors
/// [`BackupError::NoBackups`] and what the file system says; what is wrong with a
/// single backup is told in its row.
pub fn list(path: &Path) -> Result<Vec<Listed>, BackupError> {
    let known = Place::read(path)?.known()?;
    let whole = known.whole.iter().map(|manifest| Listed {
        id: manifest.id.clone(),
        created_at: Some(manifest.created_at.clone()),
        positions: manifest.positions.clone(),
        files: u64::try_from(manifest.files.len()).unwrap_or(u64::MAX),
        bytes: manifest.bytes(),
        damage: None,
    });
    let damaged = known.damaged.iter().map(|(id, error)| Listed {
        id: id.clone(),
        created_at: None,
        positions: Vec::new(),
        files: 0,
        bytes: 0,
        damage: Some(crate::cli::error_chain(error)),
    });
    let mut all: Vec<_> = whole.chain(damaged).collect();
    all.sort_by(|a, b| a.id.cmp(&b.id));
    Ok(all)
}

impl Place {
    /// Takes a place for writing: makes it where nothing is, refuses what is not this
    /// instance's, and removes what an interrupted backup left.
    pub(super) fn claim(path: &Path, instance: &str) -> Result<Self, BackupError> {
        match path.symlink_metadata() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                make_all(path)?;
            }
            Err(error) => return Err(BackupError::file("look at", path)(error)),
            Ok(_) => {}
        }
        let dir = open_dir(path)?;
        let belongs = read_place(path, &dir)?;
        refuse_other(path, belongs.as_ref(), instance)?;
        if belongs.is_none() {
            refuse_foreign(path)?;
        }
        let lock_path = path.join(LOCK_FILE);
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let flags = i32::try_from(OFlags::NOFOLLOW.bits()).unwrap_or(0);
        let lock = options.mode(0o600).custom_flags(flags).open(&lock_path);
        let lock = lock.map_err(BackupError::file("open", &lock_path))?;
        take_lock(path, &lock, FlockOperation::NonBlockingLockExclusive)?;
        // Somebody may have come first while nobody had the lock.
        let belongs = read_place(path, &dir)?;
        refuse_other(path, belongs.as_ref(), instance)?;
        let place = Self {
            path: path.to_owned(),
            instance: instance.to_owned(),
            dir,
            _lock: Some(lock),
        };
        if belongs.is_none() {
            place.say_whose()?;
        }
        for name in [RUNS_DIR, BACKUPS_DIR] {
            copy::make_dir(&path.join(name))?;
            place.refuse_link(name)?;
        }
        copy::sync_dir(path)?;
        place.remove_left_over()?;
        Ok(place)
    }

    /// Whose place it is; `None` for one that may become anybody's.
    pub(super) fn owner(path: &Path) -> Result<Option<String>, BackupError> {
        match path.symlink_metadata() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(BackupError::file("look at", path)(error)),
            Ok(_) => {}
        }
        let belongs = read_place(path, &open_dir(path)?)?;
        if belongs.is_none() {
            refuse_foreign(path)?;
        }
        Ok(belongs.map(|belongs| belongs.instance))
    }

    /// Refuses another instance than the one whose place it is.
    pub(super) fn check_instance(&self, instance: &str) -> Result<(), BackupError> {
        if self.instance == instance {
            return Ok(());
        }
        Err(other_instance(&self.path, &self.instance, instance))
    }

    /// Takes a place for reading. Nothing is changed.
    pub(super) fn read(path: &Path) -> Result<Self, BackupError> {
        let dir = open_dir(path)?;
        let belongs = read_place(path, &dir)?.ok_or_else(|| BackupError::NoBackups {
            path: path.to_owned(),
        })?;
        // A copy on a medium that cannot be written may have no lock to take.
        let lock = open_below(&dir, LOCK_FILE).ok();
        if let Some(lock) = &lock {
            take_lock(path, lock, FlockOperation::NonBlockingLockShared)?;
        }
        Ok(Self {
            path: path.to_owned(),
            instance: belongs.instance,
            dir,
            _lock: lock,
        })
    }

    /// What is removed by name must be in this place and nowhere else.
    fn refuse_link(&self, name: &str) -> Result<(), BackupError> {
        let path = self.path.join(name);
        let opened = open_below(&self.dir, &format!("{name}/."));
        opened.map(drop).map_err(|error| match error {
            Errno::LOOP | Errno::NOTDIR => {
                BackupError::damaged(&path, "is a link or no directory: move it into the place")
            }
            _ => BackupError::file("open", &path)(error.into()),
        })
    }

    /// Whose backups these are.
    pub(super) fn instance(&self) -> &str {
        &self.instance
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    fn say_whose(&self) -> Result<(), BackupError> {
        let belongs = Belongs {
            format: FORMAT,
            instance: self.instance.clone(),
        };
        let path = self.path.join(PLACE_FILE);
        let text = serde_json::to_vec(&belongs)
            .map_err(|error| BackupError::file("write", &path)(error.into()))?;
        let new = self.path.join(format!("{PLACE_FILE}{NEW_SUFFIX}"));
        remove_file(&new)?;
        copy::write_new(&new, &text)?;
        std::fs::rename(&new, &path).map_err(BackupError::file("rename", &new))
    }

    /// Half-written files, and backups that did not become one or are not one any more.
    fn remove_left_over(&self) -> Result<(), BackupError> {
        for name in names(&self.path.join(RUNS_DIR))? {
            if name.ends_with(NEW_SUFFIX) {
                remove_file(&self.path.join(RUNS_DIR).join(name))?;
            }
        }
        for name in names(&self.path.join(BACKUPS_DIR))? {
            if name.ends_with(NEW_SUFFIX) || name.ends_with(GONE_SUFFIX) {
                let path = self.path.join(BACKUPS_DIR).join(name);
                std::fs::remove_dir_all(&path).map_err(BackupError::file("remove", &path))?;
            }
        }
        Ok(())
    }

    /// Names of the backups, sorted.
    pub(super) fn ids(&self) -> Result<Vec<String>, BackupError> {
        let dir = self.path.join(BACKUPS_DIR);
        if !dir.exists() {
            return Ok(Vec::new());
        }
        let mut ids = names(&dir)?;
        ids.retain(|name| {
            is_name(name) && !name.ends_with(NEW_SUFFIX) && !name.ends_with(GONE_SUFFIX)
        });
        ids.sort();
        // More than may be made are read: each of them may be the one that is needed.
        if ids.len() > READ_MAX {
            return Err(BackupError::TooMany {
                path: dir,
                what: "backups",
                max: READ_MAX,
            });
        }
        Ok(ids)
    }

    /// Reads all manifests.
    pub(super) fn known(&self) -> Result<Known, BackupError> {
        let mut known = Known {
            whole: Vec::new(),
            damaged: Vec::new(),
        };
        for id in self.ids()? {
            match self.manifest(&id) {
                Ok(manifest) => known.whole.push(manifest),
                Err(error) => known.damaged.push((id, error)),
            }
        }
        Ok(known)
    }

    pub(super) fn manifest(&self, id: &str) -> Result<Manifest, BackupError> {
        let place = |file| format!("{BACKUPS_DIR}/{id}/{file}");
        let text = self.small_file(&place(MANIFEST_FILE), MANIFEST_BYTES_MAX)?;
        let sum = self.small_file(&place(MANIFEST_SUM_FILE), SMALL_FILE_BYTES_MAX)?;
        let path = self.path.join(place(MANIFEST_FILE));
        Manifest::from_files(&path, id, &text, &sum)
    }

    /// Opens a file of the place for reading: a regular one, reached without a link.
    pub(super) fn open(&self, name: &str) -> Result<File, BackupError> {
        let path = self.path.join(name);
        let file = open_below(&self.dir, name).map_err(|error| match error {
            Errno::NOENT => BackupError::damaged(&path, "is missing"),
            Errno::LOOP | Errno::NOTDIR => {
                BackupError::damaged(&path, "is a link or leads over one, which no backup has")
            }
            _ => BackupError::file("open", &path)(error.into()),
        })?;
        let data = file
            .metadata()
            .map_err(BackupError::file("look at", &path))?;
        if !data.is_file() {
            return Err(BackupError::damaged(&path, "is not a regular file"));
        }
        Ok(file)
    }

    fn small_file(&self, name: &str, bytes_max: u64) -> Result<Vec<u8>, BackupError> {
        let path = self.path.join(name);
        let mut bytes = Vec::new();
        self.open(name)?
            .take(bytes_max + 1)
            .read_to_end(&mut bytes)
            .map_err(BackupError::file("read", &path))?;
        if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > bytes_max {
            let what = format!("is longer than {bytes_max} bytes");
            return Err(BackupError::damaged(&path, what));
        }
        Ok(bytes)
    }
}

/// Makes a directory and those above it.
fn make_all(path: &Path) -> Result<(), BackupError> {
    use std::os::unix::fs::DirBuilderExt;
    let mut builder = std::fs::DirBuilder::new();
    let made = builder.recursive(true).mode(0o700).create(path);
    made.map_err(BackupError::file("make", path))?;
    let parent = path.parent().filter(|it| !it.as_os_str().is_empty());
    copy::sync_dir(parent.unwrap_or(Path::new(".")))
}

fn open_dir(path: &Path) -> Result<File, BackupError> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let opened = rustix::fs::open(path, flags, Mode::empty());
    opened
        .map(File::from)
        .map_err(|error| BackupError::file("open the directory", path)(error.into()))
}

/// Opens `name` below a directory, piece by piece, and follows no link.
fn open_below(dir: &File, name: &str) -> Result<File, Errno> {
    let safe = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let (mut within, mut rest) = (None::<File>, name);
    while let Some((piece, after)) = rest.split_once('/') {
        let from = within.as_ref().unwrap_or(dir);
        let next = rustix::fs::openat(from, piece, safe | OFlags::DIRECTORY, Mode::empty())?;
        within = Some(File::from(next));
        rest = after;
    }
    let from = within.as_ref().unwrap_or(dir);
    // A pipe that nobody writes to must not hold the opening up.
    let opened = rustix::fs::openat(from, rest, safe | OFlags::NONBLOCK, Mode::empty())?;
    Ok(File::from(opened))
}

pub(super) fn take_lock(path: &Path, lock: &File, how: FlockOperation) -> Result<(), BackupError> {
    match rustix::fs::flock(lock, how) {
        Ok(()) => Ok(()),
        Err(Errno::WOULDBLOCK) => Err(BackupError::Busy {
            path: path.to_owned(),
        }),
        Err(error) => Err(BackupError::file("lock", path)(error.into())),
    }
}

/// Whose place it is; `None` where nothing says so.
fn read_place(path: &Path, dir: &File) -> Result<Option<Belongs>, BackupError> {
    let file = path.join(PLACE_FILE);
    let mut text = Vec::new();
    match open_below(dir, PLACE_FILE) {
        Err(Errno::NOENT) => return Ok(None),
        Err(error) => return Err(BackupError::file("open", &file)(error.into())),
        Ok(opened) => {
            let mut some = opened.take(SMALL_FILE_BYTES_MAX);
            let read = some.read_to_end(&mut text);
            read.map_err(BackupError::file("read", &file))?;
        }
    }
    let belongs: Belongs = serde_json::from_slice(&text)
        .map_err(|_| BackupError::damaged(&file, "does not say whose backups these are"))?;
    if belongs.format > FORMAT {
        return Err(BackupError::Newer {
            file,
            found: belongs.format,
            supported: FORMAT,
        });
    }
    Ok(Some(belongs))
}

/// Refuses the place of another instance.
fn refuse_other(path: &Path, belongs: Option<&Belongs>, instance: &str) -> Result<(), BackupError> {
    match belongs {
        Some(belongs) if belongs.instance != instance => {
            Err(other_instance(path, &belongs.instance, instance))
        }
        Some(_) | None => Ok(()),
    }
}

fn other_instance(path: &Path, found: &str, own: &str) -> BackupError {
    BackupError::OtherInstance {
        path: path.to_owned(),
        found: found.to_owned(),
        own: own.to_owned(),
    }
}

/// A directory without [`PLACE_FILE`] must be empty but for what is written before it.
fn refuse_foreign(path: &Path) -> Result<(), BackupError> {
    let first = [LOCK_FILE.to_owned(), format!("{PLACE_FILE}{NEW_SUFFIX}")];
    if names(path)?.iter().all(|name| first.contains(name)) {
        return Ok(());
    }
    Err(BackupError::NotABackup {
        path: path.to_owned(),
    })
}

/// The names in a directory; one that is no text is shown as well as it goes.
pub(super) fn names(dir: &Path) -> Result<Vec<String>, BackupError> {
    let entries = std::fs::read_dir(dir).map_err(BackupError::file("list", dir))?;
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.map_err(BackupError::file("list", dir))?;
        names.push(entry.file_name().to_string_lossy().into_owned());
    }
    Ok(names)
}

/// Removes a file; one that is not there is good too.
pub(super) fn remove_file(path: &Path) -> Result<(), BackupError> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(BackupError::file("remove", path)(error))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(dir: &Path) -> Place {
        Place::claim(&dir.join("backups"), "aa").expect("claimed")
    }

    #[test]
    fn a_place_has_a_limit_of_backups() {
        let dir = tempfile::tempdir().expect("a directory");
        let place = place(dir.path());
        let backups = place.path().join(BACKUPS_DIR);
        for number in 0..READ_MAX {
            std::fs::create_dir(backups.join(format!("{number:06}-x"))).expect("made");
        }
        assert_eq!(place.ids().expect("listed").len(), READ_MAX);
        std::fs::create_dir(backups.join("900000-x")).expect("made");
        assert!(matches!(place.ids(), Err(BackupError::TooMany { .. })));
    }

    #[test]
    fn a_manifest_that_is_too_long_is_not_read() {
        let dir = tempfile::tempdir().expect("a directory");
        let place = place(dir.path());
        let own = place.path().join(BACKUPS_DIR).join("000001-x");
        std::fs::create_dir(&own).expect("made");
        std::fs::write(own.join(MANIFEST_SUM_FILE), "x").expect("written");
        let file = File::create(own.join(MANIFEST_FILE)).expect("made");
        file.set_len(MANIFEST_BYTES_MAX).expect("long");
        let said = |place: &Place| place.manifest("000001-x").expect_err("bad").to_string();
        assert!(said(&place).contains("is not what"), "{}", said(&place));
        file.set_len(MANIFEST_BYTES_MAX + 1).expect("longer");
        assert!(said(&place).contains("is longer than"), "{}", said(&place));
    }

    #[test]
    fn what_an_interrupted_first_backup_left_is_no_stranger() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("backups");
        std::fs::create_dir(&path).expect("made");
        std::fs::write(path.join(LOCK_FILE), "").expect("written");
        std::fs::write(path.join(format!("{PLACE_FILE}{NEW_SUFFIX}")), "{").expect("written");
        assert_eq!(place(dir.path()).instance(), "aa");
        assert!(place(dir.path()).known().expect("read").whole.is_empty());
    }

    #[test]
    fn one_writes_and_nobody_reads_meanwhile() {
        let dir = tempfile::tempdir().expect("a directory");
        let held = place(dir.path());
        let busy =
            |found: Result<Place, BackupError>| matches!(found, Err(BackupError::Busy { .. }));
        assert!(busy(Place::claim(held.path(), "aa")));
        assert!(busy(Place::read(held.path())));
        let path = held.path().to_owned();
        drop(held);
        let _one = Place::read(&path).expect("read");
        let _other = Place::read(&path).expect("read");
        assert!(busy(Place::claim(&path, "aa")));
    }
}
