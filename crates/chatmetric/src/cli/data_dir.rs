//! Opening an instance: the lock of its data directory, its master key, its
//! directory and its store.
//!
//! Invariant: one process at a time has a data directory open; a wrong or
//! missing key, or a directory that is in use, is refused before anything in it
//! is changed.

use crate::clock::Clock;
#[cfg(feature = "nats")]
use crate::cluster::{ClusterNode, Joiner, join, keep_snapshots};
#[cfg(feature = "nats")]
use crate::config::Settings;
use crate::config::StoreSettings;
use crate::directory::{Directory, DirectoryError};
use crate::entropy::Entropy;
use crate::master_key::{MasterKey, MasterKeyError};
use crate::server::{Peers, RunningServer};
#[cfg(feature = "nats")]
use chatmetric_cluster::ClusterStore;
use chatmetric_store::{
    EmbeddedStore, MEMORY_BYTES_DEFAULT, MEMORY_BYTES_MIN, Options, SHARDS_MAX, Store, StoreError,
};
use rustix::fs::FlockOperation;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The lock below the data directory; holds the pid of the process.
pub(super) const LOCK_FILE: &str = "lock";
/// The store below the data directory.
pub(crate) const STORE_DIR: &str = "store";

/// Why an instance could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum DataDirError {
    /// There is nothing.
    #[error("there is no data directory `{}`", path.display())]
    Missing {
        /// The data directory.
        path: PathBuf,
    },
    /// Another process has it.
    #[error("the data directory `{}` is in use by process {pid}", path.display())]
    InUse {
        /// The data directory.
        path: PathBuf,
        /// The process, as it wrote it.
        pid: String,
    },
    /// The file system refused.
    #[error("could not {operation} `{}`", path.display())]
    File {
        /// What was tried.
        operation: &'static str,
        /// With what.
        path: PathBuf,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
    /// The master key.
    #[error(transparent)]
    MasterKey(#[from] MasterKeyError),
    /// The directory.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    /// The store.
    #[error("could not open the store")]
    Store(#[from] StoreError),
    /// What is in it belongs to a cluster.
    #[error("the data directory `{}` is that of a node of a cluster", path.display())]
    OfNode {
        /// The data directory.
        path: PathBuf,
    },
    /// The cluster does not take this node.
    #[error("could not join the cluster: {reason}")]
    Cluster {
        /// Why.
        reason: String,
    },
}

/// Whether a data directory may be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OpenMode {
    /// Makes it when it is not there.
    Create,
    /// It must be there.
    Existing,
}

/// The right to a data directory, until dropped or the process ends.
#[derive(Debug)]
pub(crate) struct DataDirLock {
    file: File,
    path: PathBuf,
}

impl DataDirLock {
    pub(crate) fn acquire(data_dir: &Path, mode: OpenMode) -> Result<Self, DataDirError> {
        let fail = |operation, path: &Path| {
            let path = path.to_owned();
            move |source| DataDirError::File {
                operation,
                path,
                source,
            }
        };
        match mode {
            OpenMode::Existing if !data_dir.is_dir() => {
                return Err(DataDirError::Missing {
                    path: data_dir.to_owned(),
                });
            }
            OpenMode::Existing => {}
            OpenMode::Create => {
                make_private(data_dir).map_err(fail("create the data directory", data_dir))?;
                close_to_others(data_dir)
                    .map_err(fail("set the permissions of the data directory", data_dir))?;
            }
        }
        let path = data_dir.join(LOCK_FILE);
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(fail("open the lock", &path))?;
        match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => {
                let mut pid = String::new();
                // The holder may be about to write it, and the one before it may have left
                // its own; the refusal stands anyway.
                let _ = file.take(32).read_to_string(&mut pid);
                let pid = pid.trim();
                let known = !pid.is_empty() && pid.bytes().all(|byte| byte.is_ascii_digit());
                return Err(DataDirError::InUse {
                    path: data_dir.to_owned(),
                    pid: if known {
                        pid.to_owned()
                    } else {
                        "of an unknown id".to_owned()
                    },
                });
            }
            Err(error) => return Err(fail("lock", &path)(error.into())),
        }
        Ok(Self { file, path })
    }

    /// Writes who has it, once it is certain that this process may use it.
    pub(super) fn write_pid(&mut self) -> Result<(), DataDirError> {
        let file = &mut self.file;
        file.set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| writeln!(file, "{}", std::process::id()))
            .map_err(|source| DataDirError::File {
                operation: "write the lock",
                path: self.path.clone(),
                source,
            })
    }
}

/// What commands beside `serve` open the store with: they leave the number of its
/// shards alone.
pub(super) fn visiting_options() -> Options {
    Options {
        shards: writers(),
        keep_shards: true,
        ..Options::default()
    }
    .with_memory(memory_bytes_default())
}

/// What the store takes that was told nothing: a quarter of what the control group allows
/// leaves room for bodies and connections in a small container.
fn memory_bytes_default() -> u64 {
    let limit = super::memory_limit::bytes().unwrap_or(u64::MAX);
    MEMORY_BYTES_DEFAULT.min(limit / 4).max(MEMORY_BYTES_MIN)
}

/// One writer a core.
fn writers() -> u32 {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    u32::try_from(cores).map_or(SHARDS_MAX, |cores| cores.min(SHARDS_MAX))
}

/// What the settings say about the store.
pub(super) fn store_options(settings: &StoreSettings) -> Options {
    let options = Options {
        shards: writers(),
        ..Options::default()
    };
    let memory = settings.memory_bytes_max;
    let options = options.with_memory(memory.unwrap_or_else(memory_bytes_default));
    // The store knows no clock: it counts from the floor, a horizon behind it.
    let keep = settings.retention_days;
    Options {
        tally_days_behind_floor: keep
            .map(|days| days.saturating_sub(settings.message_horizon_days)),
        ..options
    }
}

/// What a replica of one partition may use: the node's share, as if it had all of them.
#[cfg(feature = "nats")]
pub(super) fn options_of_a_replica(settings: &Settings) -> Options {
    let all = settings.store.memory_bytes_max;
    let all = all.unwrap_or_else(memory_bytes_default);
    let share = all / u64::from(settings.cluster.partitions.max(1));
    store_options(&settings.store).with_memory(share.max(MEMORY_BYTES_MIN))
}

/// Makes a directory for us alone, and those above it, durable with their names.
fn make_private(dir: &Path) -> io::Result<()> {
    if dir.is_dir() {
        return Ok(());
    }
    let parent = match dir.parent() {
        Some(parent) if parent.as_os_str().is_empty() => Path::new("."),
        Some(parent) => parent,
        None => Path::new("/"),
    };
    make_private(parent)?;
    match DirBuilder::new().mode(0o700).create(dir) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        Ok(()) | Err(_) => {}
    }
    File::open(parent)?.sync_all()
}

/// A directory that somebody made for us may be open to others; while it holds
/// nothing, nobody relies on that.
fn close_to_others(data_dir: &Path) -> io::Result<()> {
    let mode = std::fs::metadata(data_dir)?.permissions().mode();
    let is_empty = std::fs::read_dir(data_dir)?.next().is_none();
    if mode & 0o077 != 0 && is_empty {
        std::fs::set_permissions(data_dir, std::fs::Permissions::from_mode(0o700))?;
    }
    Ok(())
}

/// An instance that this process has open.
pub struct Instance {
    /// Accounts, keys, spaces, webhooks.
    pub directory: Arc<Directory>,
    /// Events and tallies.
    pub store: Arc<dyn Store>,
    /// Where the master key is.
    pub key_path: PathBuf,
    /// Whether this opening made it.
    pub key_created: bool,
    /// What it is in a cluster.
    #[cfg(feature = "nats")]
    node: Option<Arc<ClusterNode>>,
    lock: DataDirLock,
}

impl Instance {
    /// Opens the instance of a data directory.
    ///
    /// # Errors
    /// [`DataDirError`]
    pub fn open(
        data_dir: &Path,
        master_key_file: Option<&Path>,
        mode: OpenMode,
        store: Options,
        entropy: &Arc<dyn Entropy>,
    ) -> Result<Self, DataDirError> {
        if let Some(path) = master_key_file {
            // Before a directory is made for it.
            drop(MasterKey::load(path)?);
        }
        let mut lock = DataDirLock::acquire(data_dir, mode)?;
        let loaded = MasterKey::for_data_dir(data_dir, master_key_file, entropy.as_ref())?;
        let (key_path, key_created) = (loaded.path, loaded.created);
        let directory = Directory::open(data_dir, loaded.key, Arc::clone(entropy))?;
        if directory.revision()? > 0 {
            return Err(DataDirError::OfNode {
                path: data_dir.to_owned(),
            });
        }
        lock.write_pid()?;
        let store = EmbeddedStore::open(data_dir.join(STORE_DIR), store)?;
        Ok(Self {
            directory: Arc::new(directory),
            store: Arc::new(store),
            key_path,
            key_created,
            #[cfg(feature = "nats")]
            node: None,
            lock,
        })
    }

    /// The other nodes, when there are any.
    #[must_use]
    pub fn peers(&self) -> Option<Arc<dyn Peers>> {
        #[cfg(feature = "nats")]
        if let Some(node) = &self.node {
            let peers: Arc<ClusterNode> = Arc::clone(node);
            return Some(peers);
        }
        None
    }

    /// Lets this server decide for accounts that this node owns.
    pub(super) fn decide_with(&self, server: &RunningServer) {
        #[cfg(feature = "nats")]
        if let Some(node) = &self.node {
            node.decide_with(server.decider());
        }
        #[cfg(not(feature = "nats"))]
        let _ = server;
    }

    /// Opens the data directory of a node: its directory is the cluster's.
    ///
    /// # Errors
    /// [`DataDirError`]
    #[cfg(feature = "nats")]
    pub(super) fn open_node(
        settings: &Settings,
        master_key_file: Option<&Path>,
        entropy: &Arc<dyn Entropy>,
    ) -> Result<Self, DataDirError> {
        if let Some(path) = master_key_file {
            drop(MasterKey::load(path)?);
        }
        let data_dir = &settings.store.data_dir;
        let mut lock = DataDirLock::acquire(data_dir, OpenMode::Create)?;
        let load = || MasterKey::for_data_dir(data_dir, master_key_file, entropy.as_ref());
        let loaded = load()?;
        let joiner = Joiner {
            data_dir,
            entropy,
            key: &|| load().map(|loaded| loaded.key),
        };
        let directory =
            join(&settings.cluster, &joiner).map_err(|error| DataDirError::Cluster {
                reason: super::error_chain(&error),
            })?;
        lock.write_pid()?;
        let options = options_of_a_replica(settings);
        let node = ClusterNode::start(settings, options);
        let node = node.map_err(|error| DataDirError::Cluster {
            reason: super::error_chain(&error),
        })?;
        let node = Arc::new(node);
        keep_snapshots(&node);
        let store: Arc<ClusterStore> = Arc::clone(node.store());
        Ok(Self {
            directory,
            store,
            key_path: loaded.path,
            key_created: loaded.created,
            node: Some(node),
            lock,
        })
    }

    /// Finishes what is queued and lets the data directory go.
    pub fn close(self) {
        #[cfg(feature = "nats")]
        if let Some(node) = &self.node {
            node.stop();
        }
        self.store.close();
        drop(self.lock);
    }
}

impl std::fmt::Debug for Instance {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Instance")
            .field("directory", &self.directory)
            .finish_non_exhaustive()
    }
}

/// The clock that commands use.
pub(crate) fn system_clock() -> Arc<dyn Clock> {
    Arc::new(crate::clock::SystemClock::default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_settings_of_the_store_reach_it() {
        let defaults = visiting_options();
        let none = store_options(&StoreSettings::default());
        assert_eq!(none.tally_days_behind_floor, None);
        assert!(none.shards == defaults.shards && !none.keep_shards && defaults.keep_shards);
        assert_eq!(none.day_cache_bytes, defaults.day_cache_bytes);
        let some = store_options(&StoreSettings {
            message_horizon_days: 45,
            retention_days: Some(400),
            memory_bytes_max: Some(16 << 20),
            ..StoreSettings::default()
        });
        assert_eq!(some.tally_days_behind_floor, Some(355));
        assert!(some.generation_records_max < defaults.generation_records_max);
        assert!(some.day_cache_bytes < defaults.day_cache_bytes);
    }

    #[test]
    fn a_data_directory_is_made_with_those_above_it_for_us_alone() {
        let root = tempfile::tempdir().expect("a directory");
        let dir = root.path().join("a").join("b");
        make_private(&dir).expect("made");
        make_private(&dir).expect("it is there");
        for made in [&dir, &root.path().join("a")] {
            let mode = std::fs::metadata(made).expect("there").permissions().mode();
            assert_eq!(mode & 0o777, 0o700, "{}", made.display());
        }
    }
}
