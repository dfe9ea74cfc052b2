//! A replica on this member: its store, its reading of the log, its answers.
//!
//! Not here: which replicas a member has (`node`). Invariants: a member has one replica of
//! a partition at most; dropping it ends its tasks, and its store stays as a crash would
//! leave it.

use crate::engine::Engine;
use crate::error::{ClusterError, failed};
use crate::follow::{self, Progress, created_ns};
use crate::partition::Partition;
use crate::query::own::OwnReplica;
use crate::query::serve::{QUESTIONS_MAX, Server};
use crate::settings::Settings;
use crate::snapshot;
use crate::tally::Tally;
use crate::topology::Topology;
use chatmetric_store::{EmbeddedStore, Options, Store as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;

/// Commits that may be lost with the power, each of some entries: the log has them, and
/// what is lost is read again in a moment.
const FRAMES_UNSYNCED_MAX: u64 = 256;

/// A running replica.
#[derive(Debug)]
pub struct Replica {
    tally: Arc<Tally>,
    progress: watch::Receiver<Progress>,
    reading: JoinHandle<()>,
    answering: JoinHandle<()>,
    /// While it is kept, this member asks it first.
    _own: Arc<OwnReplica>,
}

/// The directory of a partition's replica.
#[must_use]
pub fn dir_of(dir: &Path, partition: Partition) -> PathBuf {
    dir.join(format!("partition-{:04}", partition.0))
}

/// A store for a replica.
pub(crate) fn open_store(dir: &Path, options: &Options) -> Result<EmbeddedStore, ClusterError> {
    let options = Options {
        shards: 1,
        keep_shards: false,
        fold_frames_unsynced_max: FRAMES_UNSYNCED_MAX,
        ..options.clone()
    };
    if let Some(parent) = dir.parent() {
        let made = std::fs::create_dir_all(parent);
        made.map_err(|error| failed(format!("make `{}`", parent.display()), error))?;
    }
    Ok(EmbeddedStore::open(dir, options)?)
}

/// Moves a directory to the first free name beside it; tells whether there was one.
pub(crate) fn set_aside(dir: &Path) -> std::io::Result<bool> {
    if !dir.exists() {
        return Ok(false);
    }
    for nth in 1_u32.. {
        let aside = dir.with_extension(format!("aside-{nth}"));
        if !aside.exists() {
            return std::fs::rename(dir, aside).map(|()| true);
        }
    }
    Ok(false)
}

impl Replica {
    /// Opens the replica of a partition and lets it run.
    ///
    /// # Errors
    /// When its store cannot be opened, or is of another log.
    pub async fn start(
        engine: &Engine,
        topology: &Topology,
        settings: &Settings,
        partition: Partition,
    ) -> Result<Self, ClusterError> {
        let stream = topology.stream(partition)?.clone();
        let info = stream.get_info().await;
        let info = info.map_err(|error| failed("look at the log", error))?;
        let created_ns = created_ns(&info);
        let dir = dir_of(&settings.dir, partition);
        if !dir.exists() {
            snapshot::bootstrap(topology, settings, partition, &dir, &info).await?;
        }
        let options = settings.store.clone();
        let opened = tokio::task::spawn_blocking(move || {
            let store = Arc::new(open_store(&dir, &options)?);
            Tally::new(store, partition, created_ns)
        });
        let tally = opened
            .await
            .map_err(|error| failed("open a replica", error))??;
        let tally = Arc::new(tally);
        let first = Progress::CatchingUp { last: u64::MAX };
        let (sender, progress) = watch::channel(first);
        let reading = follow::follow(engine.clone(), stream, Arc::clone(&tally), Arc::new(sender));
        let server = Server {
            engine: engine.clone(),
            tally: Arc::clone(&tally),
            catch_up_timeout: settings.catch_up_timeout,
            open: Arc::new(Semaphore::new(QUESTIONS_MAX)),
        };
        let own = Arc::new(OwnReplica {
            server: server.clone(),
            progress: progress.clone(),
        });
        engine.own.put(&own);
        Ok(Self {
            reading: tokio::spawn(reading),
            answering: tokio::spawn(server.run(progress.clone())),
            progress,
            tally,
            _own: own,
        })
    }

    /// The fold.
    #[must_use]
    pub const fn tally(&self) -> &Arc<Tally> {
        &self.tally
    }

    /// How far it is.
    #[must_use]
    pub fn progress(&self) -> Progress {
        self.progress.borrow().clone()
    }

    /// Tells of every change.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<Progress> {
        self.progress.clone()
    }

    /// Ends it in order: no more questions, nothing more read, the store closed.
    pub async fn stop(self) {
        self.answering.abort();
        self.reading.abort();
        let tally = Arc::clone(&self.tally);
        drop(self);
        // What is being counted ends first: the store closes behind it.
        let closed = tokio::task::spawn_blocking(move || {
            tally.at_rest(|store| store.close());
        });
        drop(closed.await);
    }
}

impl Drop for Replica {
    fn drop(&mut self) {
        self.answering.abort();
        self.reading.abort();
    }
}
