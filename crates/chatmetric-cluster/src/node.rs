//! A member at work: its store, its replicas as the assignment wants them, its decisions.
//!
//! Not here: what replicas do. Invariants: a replica is given up only after those that
//! should have it follow the log; one that cannot go on in its log begins anew with a
//! snapshot, and its old directory is kept aside; nothing is skipped.

use crate::assignment::{plan, replicas_of};
use crate::error::{ClusterError, chain};
use crate::follow::Progress;
use crate::members::{Members, View};
use crate::partition::Partition;
use crate::placement;
use crate::replica::{Replica, dir_of, set_aside};
use crate::snapshot::{self, Manifest};
use crate::store::ClusterStore;
use chatmetric_core::EpochMs;
use futures_util::future::join_all;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::watch;

/// How often replicas are looked at.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// Replicas that are started at a time.
const STARTS_MAX: usize = 8;
/// The wait before a replica that could not be started is tried again.
const AGAIN_AFTER: Duration = Duration::from_secs(2);

/// What a replica of this member is doing.
#[derive(Debug, Clone)]
pub struct ReplicaStatus {
    /// Of which partition.
    pub partition: Partition,
    /// The last place that is counted.
    pub position: u64,
    /// How it gets on.
    pub progress: Progress,
}

/// A member of a cluster.
#[derive(Debug)]
pub struct Node {
    store: Arc<ClusterStore>,
    members: Arc<Members>,
    replicas: Arc<Mutex<BTreeMap<Partition, Replica>>>,
    stop: watch::Sender<bool>,
    stopped: watch::Receiver<bool>,
}

impl Node {
    /// Joins; `holds` says whether this member holds replicas.
    ///
    /// # Errors
    /// When the servers fail.
    pub fn start(store: Arc<ClusterStore>, holds: bool) -> Result<Self, ClusterError> {
        let (engine, topology) = (store.engine().clone(), store.topology().clone());
        let ttl = store.settings().member_ttl;
        let joined = async move { Members::join(&engine, &topology, ttl, holds).await };
        let members = Arc::new(store.wait(joined)?);
        store.engine().own.see(members.changes());
        let replicas = Arc::new(Mutex::default());
        let (stop, told) = watch::channel(false);
        let (ended, stopped) = watch::channel(false);
        let keeper = Keeper {
            store: Arc::downgrade(&store),
            members: Arc::clone(&members),
            replicas: Arc::clone(&replicas),
        };
        store.spawn(async move {
            keeper.run(told).await;
            ended.send_replace(true);
        });
        Ok(Self {
            store,
            members,
            replicas,
            stop,
            stopped,
        })
    }

    /// The store of the whole cluster.
    #[must_use]
    pub const fn store(&self) -> &Arc<ClusterStore> {
        &self.store
    }

    /// Who is there.
    #[must_use]
    pub const fn members(&self) -> &Arc<Members> {
        &self.members
    }

    /// The replicas of this member.
    #[must_use]
    pub fn replicas(&self) -> Vec<ReplicaStatus> {
        let replicas = lock(&self.replicas);
        let all = replicas.iter().map(|(partition, replica)| ReplicaStatus {
            partition: *partition,
            position: replica.tally().position(),
            progress: replica.progress(),
        });
        all.collect()
    }

    /// The fold of a partition, if this member has it.
    #[must_use]
    pub fn tally(&self, partition: Partition) -> Option<Arc<crate::tally::Tally>> {
        let replicas = lock(&self.replicas);
        replicas.get(&partition).map(|it| Arc::clone(it.tally()))
    }

    /// Takes snapshots of the partitions that this member is the first to hold, as far as
    /// something has changed, and lets go of what they cover. For a schedule of the caller;
    /// every member may have one.
    ///
    /// # Errors
    /// The first failure; snapshots that were taken before it are known.
    pub fn snapshots(&self, now: EpochMs) -> Result<Vec<Manifest>, ClusterError> {
        let (engine, topology) = (self.store.engine().clone(), self.store.topology().clone());
        let settings = self.store.settings().clone();
        let view = self.members.view();
        let first = |partition: &Partition| {
            let holders = replicas_of(*partition, &view, settings.tally_replicas);
            holders.first() == Some(&self.members.name())
        };
        let own = engine.partitions.all().filter(first);
        let own: Vec<_> = own.filter_map(|partition| self.tally(partition)).collect();
        self.store.wait(async move {
            let mut taken = Vec::new();
            for tally in own {
                let partition = tally.partition();
                let newest = snapshot::newest(&topology, partition).await?;
                let covered = newest.map_or(0, |it| it.sequence);
                if tally.position() > covered {
                    taken.push(snapshot::take(&engine, &topology, &settings, &tally).await?);
                }
                snapshot::retire(&topology, partition, now).await?;
            }
            Ok(taken)
        })
    }

    /// Puts a partition on certain members from now on, whatever the hash says; on nobody
    /// gives it back to the hash. Replicas move by themselves: an old one is given up when
    /// the new ones follow the log.
    ///
    /// # Errors
    /// [`ClusterError::Settings`] says what would be valid; else the servers failed.
    pub fn place(&self, partition: Partition, names: &[String]) -> Result<(), ClusterError> {
        let partitions = self.store.engine().partitions;
        let count = self.store.settings().tally_replicas;
        placement::check(partitions, partition, names, &self.members.view(), count)?;
        let bucket = self.store.topology().placements.clone();
        let names = names.to_vec();
        self.store
            .wait(async move { placement::put(&bucket, partition, &names).await })
    }

    /// Stops the replicas in order and leaves the members.
    pub fn stop(self) {
        self.stop.send_replace(true);
        let (mut stopped, members) = (self.stopped, self.members);
        let left = self.store.wait(async move {
            drop(stopped.wait_for(|it| *it).await);
            members.leave().await;
            Ok(())
        });
        if let Err(error) = left {
            tracing::debug!(%error, "could not leave in order");
        }
    }
}

/// Keeps the replicas as they should be.
struct Keeper {
    store: std::sync::Weak<ClusterStore>,
    members: Arc<Members>,
    replicas: Arc<Mutex<BTreeMap<Partition, Replica>>>,
}

impl Keeper {
    async fn run(self, mut told: watch::Receiver<bool>) {
        let mut changes = self.members.changes();
        loop {
            let view = changes.borrow_and_update().clone();
            let kept = {
                let Some(store) = self.store.upgrade() else {
                    break;
                };
                self.keep(&store, &view).await
            };
            let wait = if kept { LOOK_EVERY } else { AGAIN_AFTER };
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                changed = changes.changed(), if kept => if changed.is_err() {
                    break;
                },
                _ = told.wait_for(|it| *it) => break,
            }
        }
        let replicas = std::mem::take(&mut *lock(&self.replicas));
        for replica in replicas.into_values() {
            replica.stop().await;
        }
    }

    /// Does what is to be done now; tells whether all of it was.
    async fn keep(&self, store: &ClusterStore, view: &View) -> bool {
        let mut done = self.begin_anew(store).await;
        let (settings, engine) = (store.settings(), store.engine());
        let running: BTreeSet<Partition> = lock(&self.replicas).keys().copied().collect();
        let count = settings.tally_replicas;
        let name = self.members.name();
        let plan = plan(name, view, engine.partitions, count, &running);
        for some in plan.start.chunks(STARTS_MAX) {
            let starts = some.iter().map(|partition| async move {
                let started = Replica::start(engine, store.topology(), settings, *partition);
                (*partition, started.await)
            });
            for (partition, started) in join_all(starts).await {
                match started {
                    Ok(replica) => drop(lock(&self.replicas).insert(partition, replica)),
                    Err(error) => {
                        let reason = chain(&error);
                        tracing::warn!(%partition, reason, "a replica cannot be started yet");
                        done = self.aside(store, partition, &error).await && done;
                    }
                }
            }
            self.tell();
        }
        for partition in plan.stop {
            let given_up = lock(&self.replicas).remove(&partition);
            // Nobody is to count on it before it is gone.
            self.tell();
            if let Some(replica) = given_up {
                tracing::info!(%partition, "a replica was given up");
                replica.stop().await;
            }
        }
        self.tell();
        done
    }

    fn tell(&self) {
        let replicas = lock(&self.replicas);
        // A break is no reason to move a partition.
        let follows = replicas.iter().filter(|(_, it)| it.progress().follows());
        self.members.follow(follows.map(|(it, _)| *it).collect());
    }

    /// Replicas that cannot go on in their log begin anew.
    async fn begin_anew(&self, store: &ClusterStore) -> bool {
        let stopped: Vec<(Partition, ClusterError)> = lock(&self.replicas)
            .iter()
            .filter_map(|(partition, replica)| match replica.progress() {
                Progress::Stopped(error @ ClusterError::Gap { .. }) => Some((*partition, error)),
                _ => None,
            })
            .collect();
        let mut done = true;
        for (partition, error) in stopped {
            let replica = lock(&self.replicas).remove(&partition);
            if let Some(replica) = replica {
                replica.stop().await;
            }
            done = self.aside(store, partition, &error).await && done;
        }
        done
    }

    /// Puts the directory of a replica aside that the log has left behind; `false`: there
    /// was none, and trying again at once would not help.
    async fn aside(
        &self,
        store: &ClusterStore,
        partition: Partition,
        error: &ClusterError,
    ) -> bool {
        if !matches!(error, ClusterError::Gap { .. }) {
            return false;
        }
        let dir = dir_of(&store.settings().dir, partition);
        let moved = tokio::task::spawn_blocking(move || set_aside(&dir)).await;
        matches!(moved, Ok(Ok(true)))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
