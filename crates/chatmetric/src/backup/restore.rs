//! An instance made from a backup.
//!
//! It is made beside its place, every file compared with the manifest on the way, then
//! verified as `verify` does, and renamed into its place at the end. Invariant: the data
//! directory becomes the whole instance or stays what it was, and nothing in the backup
//! is changed.

use super::copy::{CHUNK_BYTES, Hashing, NewFile, sync_dir};
use super::manifest::{DIRECTORY_PART, FileEntry, Manifest, STORE_PREFIX};
use super::place::{Place, take_lock};
use super::{BackupError, Progress, refuse_inside};
use crate::directory::{DIRECTORY_FILE, Directory};
use crate::entropy::Entropy;
use crate::master_key::{MasterKey, MasterKeyError, key_path_beside};
use chatmetric_store::{EmbeddedStore, Options, Store, StoreRestore, VerifyReport};
use rustix::fs::FlockOperation;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, BufReader, Read};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The end of the name of the directory in which an instance is made.
const MAKING_SUFFIX: &str = ".restoring";
/// Marks that directory as ours while it is made; locked by whoever makes it.
const MARK_FILE: &str = "restoring";

/// What is wanted.
#[derive(Debug)]
pub struct WantedRestore<'a> {
    /// The directory with the backups.
    pub source: &'a Path,
    /// The name of the backup; `None` is the newest.
    pub at: Option<&'a str>,
    /// Where the instance is to be: nothing, or an empty directory.
    pub data_dir: &'a Path,
    /// The file with the master key, when it is not beside the data directory.
    pub master_key_file: Option<&'a Path>,
    /// How the store is opened to verify it.
    pub store: Options,
}

/// What was restored.
#[derive(Debug, Clone)]
pub struct Restored {
    /// The name of the backup.
    pub id: String,
    /// When it was made, RFC 3339.
    pub created_at: String,
    /// For each shard, the place in its journal up to which it goes.
    pub positions: Vec<u64>,
    /// Its files.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// What was verified.
    pub verified: VerifyReport,
    /// The public name of the master key that the instance needs.
    pub master_key_id: String,
    /// The file that has it; `None` when no key was there to be tried.
    pub key_path: Option<PathBuf>,
}

/// Makes the instance; `watch` is told how far it is and says `false` to break it off.
///
/// # Errors
/// [`BackupError`]; the data directory is what it was then.
pub fn restore(
    wanted: WantedRestore<'_>,
    entropy: &Arc<dyn Entropy>,
    watch: &mut dyn FnMut(Progress) -> bool,
) -> Result<Restored, BackupError> {
    let place = Place::read(wanted.source)?;
    let manifest = chosen(&place, wanted.at)?;
    refuse_inside(wanted.data_dir, wanted.source)?;
    let key = key_for(&wanted, &manifest)?;
    check_target(wanted.data_dir)?;
    let making = Making::begin(wanted.data_dir)?;
    let made = making.fill(
        &place,
        &manifest,
        key.as_ref().map(|(_, path)| path.as_path()),
        entropy,
        wanted.store,
        watch,
    );
    let verified = match made.and_then(|verified| making.finish(wanted.data_dir).map(|()| verified))
    {
        Ok(verified) => verified,
        Err(error) => {
            // It is ours, and nobody can use it.
            drop(std::fs::remove_dir_all(&making.dir));
            return Err(error);
        }
    };
    Ok(Restored {
        files: u64::try_from(manifest.files.len()).unwrap_or(u64::MAX),
        bytes: manifest.bytes(),
        verified,
        key_path: key.map(|(_, path)| path),
        id: manifest.id,
        created_at: manifest.created_at,
        positions: manifest.positions,
        master_key_id: manifest.master_key_id,
    })
}

/// The manifest of the backup that is wanted.
fn chosen(place: &Place, at: Option<&str>) -> Result<Manifest, BackupError> {
    let ids = place.ids()?;
    let id = match at {
        None => ids.last(),
        Some(at) => ids.iter().find(|id| *id == at),
    };
    let id = id.ok_or_else(|| BackupError::NoSuchBackup {
        path: place.path().to_owned(),
        known: match ids.as_slice() {
            [] => "none that is complete".to_owned(),
            ids => ids.join(", "),
        },
    })?;
    let manifest = place.manifest(id)?;
    if manifest.instance != place.instance() {
        let path = place.path().join("backups").join(id);
        return Err(BackupError::damaged(
            &path,
            "belongs to another instance than those around it",
        ));
    }
    Ok(manifest)
}

/// The master key, if there is one to try; another key than the right one is refused.
fn key_for(
    wanted: &WantedRestore<'_>,
    manifest: &Manifest,
) -> Result<Option<(MasterKey, PathBuf)>, BackupError> {
    let path = match wanted.master_key_file {
        Some(path) => path.to_owned(),
        None => key_path_beside(wanted.data_dir)?,
    };
    let key = match MasterKey::load(&path) {
        Ok(key) => key,
        Err(MasterKeyError::Read { source, .. })
            if source.kind() == io::ErrorKind::NotFound && wanted.master_key_file.is_none() =>
        {
            return Ok(None);
        }
        Err(error) => return Err(error.into()),
    };
    let given = key.id().to_string();
    if given != manifest.master_key_id {
        return Err(BackupError::WrongMasterKey {
            needed: manifest.master_key_id.clone(),
            given,
        });
    }
    Ok(Some((key, path)))
}

/// Refuses a place that is used, or that nothing can be renamed to.
fn check_target(data_dir: &Path) -> Result<(), BackupError> {
    let look = |path: &Path| path.metadata().map_err(BackupError::file("look at", path));
    let data = match data_dir.symlink_metadata() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(BackupError::file("look at", data_dir)(error)),
        Ok(data) => data,
    };
    let listed = std::fs::read_dir(data_dir).map(|mut entries| entries.next().is_none());
    if !data.is_dir() || !listed.map_err(BackupError::file("list", data_dir))? {
        return Err(BackupError::NotEmpty {
            path: data_dir.to_owned(),
        });
    }
    if look(&data_dir.join(".."))?.dev() != data.dev() {
        return Err(BackupError::MountPoint {
            path: data_dir.to_owned(),
        });
    }
    Ok(())
}

/// The directory in which the instance is made.
struct Making {
    dir: PathBuf,
    /// Held open for its lock.
    _mark: File,
}

impl Making {
    fn begin(data_dir: &Path) -> Result<Self, BackupError> {
        let named = std::path::absolute(data_dir).unwrap_or_else(|_| data_dir.to_owned());
        let mut name = named.file_name().unwrap_or_default().to_owned();
        name.push(MAKING_SUFFIX);
        let dir = named.with_file_name(name);
        let parent = dir.parent().unwrap_or(Path::new("/"));
        let mut builder = DirBuilder::new();
        builder
            .recursive(true)
            .mode(0o700)
            .create(parent)
            .map_err(BackupError::file("make", parent))?;
        let mark = dir.join(MARK_FILE);
        if dir.symlink_metadata().is_ok() {
            remove_interrupted(&dir, &mark)?;
        }
        DirBuilder::new()
            .mode(0o700)
            .create(&dir)
            .map_err(BackupError::file("make", &dir))?;
        let mut options = OpenOptions::new();
        let file = options.write(true).create_new(true).mode(0o600).open(&mark);
        let file = file.map_err(BackupError::file("create", &mark))?;
        take_lock(&dir, &file, FlockOperation::NonBlockingLockExclusive)?;
        Ok(Self { dir, _mark: file })
    }

    fn fill(
        &self,
        place: &Place,
        manifest: &Manifest,
        key: Option<&Path>,
        entropy: &Arc<dyn Entropy>,
        options: Options,
        watch: &mut dyn FnMut(Progress) -> bool,
    ) -> Result<VerifyReport, BackupError> {
        let store_dir = self.dir.join(crate::cli::STORE_DIR);
        let mut store = StoreRestore::begin(&store_dir, manifest.store_format)
            .map_err(BackupError::store("make"))?;
        let mut progress = Progress {
            files_all: u64::try_from(manifest.files.len()).unwrap_or(u64::MAX),
            bytes_all: manifest.bytes(),
            ..Progress::default()
        };
        for entry in &manifest.files {
            self.take(place, entry, &mut store)?;
            progress.files += 1;
            progress.bytes += entry.bytes;
            if !watch(progress) {
                return Err(BackupError::Stopped);
            }
        }
        store.finish().map_err(BackupError::store("make"))?;
        let directory = self.dir.join(DIRECTORY_FILE);
        Directory::check_copy(&directory)?;
        if let Some(key) = key {
            // Every secret is opened once.
            let key = MasterKey::load(key)?;
            drop(Directory::open(&self.dir, key, Arc::clone(entropy))?);
        }
        let store = EmbeddedStore::open(&store_dir, options).map_err(BackupError::store("open"))?;
        let verified = store.verify().map_err(BackupError::store("verify"))?;
        store.close();
        Ok(verified)
    }

    /// One file, compared with what the manifest says of it.
    fn take(
        &self,
        place: &Place,
        entry: &FileEntry,
        store: &mut StoreRestore,
    ) -> Result<(), BackupError> {
        let path = place.path().join(&entry.path);
        let file = place.open(&entry.path)?;
        let length = file
            .metadata()
            .map_err(BackupError::file("look at", &path))?;
        if length.len() != entry.bytes {
            let what = format!(
                "has {} bytes, the manifest says {}",
                length.len(),
                entry.bytes
            );
            return Err(BackupError::damaged(&path, what));
        }
        let mut hashing =
            Hashing::new(BufReader::with_capacity(CHUNK_BYTES, file).take(entry.bytes));
        let taken = if entry.part == DIRECTORY_PART {
            self.take_directory(&mut hashing)
        } else if let Some(part) = entry.part.strip_prefix(STORE_PREFIX) {
            store
                .part(part, &mut hashing)
                .map_err(BackupError::store("make"))
        } else {
            let what = format!(
                "is the part `{}`, which no backup has",
                entry.part.escape_debug()
            );
            Err(BackupError::damaged(&path, what))
        };
        let sum = hashing.finish().map_err(BackupError::file("read", &path))?;
        if sum != entry.sha256 {
            let what = format!("has the SHA-256 {sum}, the manifest says {}", entry.sha256);
            return Err(BackupError::damaged(&path, what));
        }
        taken
    }

    fn take_directory(&self, reader: &mut impl Read) -> Result<(), BackupError> {
        let path = self.dir.join(DIRECTORY_FILE);
        let mut file = NewFile::create(&path)?;
        let mut piece = vec![0; CHUNK_BYTES];
        loop {
            match reader.read(&mut piece) {
                Ok(0) => return file.finish().map(drop),
                Ok(read) => file.write(piece.get(..read).unwrap_or_default())?,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(BackupError::file("read", &path)(error)),
            }
        }
    }

    /// Gives the instance its name.
    fn finish(&self, data_dir: &Path) -> Result<(), BackupError> {
        sync_dir(&self.dir)?;
        // Refused by the system if something came there meanwhile.
        std::fs::rename(&self.dir, data_dir).map_err(BackupError::file("rename", &self.dir))?;
        let parent = self.dir.parent().unwrap_or(Path::new("/"));
        sync_dir(parent)?;
        // Last: without it, nobody would know an interrupted restore as one. It is empty
        // and does no harm where it stays: the instance is there, whatever becomes of it.
        drop(std::fs::remove_file(data_dir.join(MARK_FILE)));
        Ok(())
    }
}

/// Removes what an interrupted restore left; anything else of that name stays.
fn remove_interrupted(dir: &Path, mark: &Path) -> Result<(), BackupError> {
    let opened = OpenOptions::new().write(true).open(mark);
    let file = opened.map_err(|_| BackupError::NotEmpty {
        path: dir.to_owned(),
    })?;
    take_lock(dir, &file, FlockOperation::NonBlockingLockExclusive)?;
    // The mark last: without it nobody would know what this is.
    let entries = std::fs::read_dir(dir).map_err(BackupError::file("list", dir))?;
    for entry in entries {
        let path = entry.map_err(BackupError::file("list", dir))?.path();
        let is_dir = path.symlink_metadata().is_ok_and(|data| data.is_dir());
        let removed = match (path == mark, is_dir) {
            (true, _) => Ok(()),
            (false, true) => std::fs::remove_dir_all(&path),
            (false, false) => std::fs::remove_file(&path),
        };
        removed.map_err(BackupError::file("remove", &path))?;
    }
    std::fs::remove_dir_all(dir).map_err(BackupError::file("remove", dir))
}
