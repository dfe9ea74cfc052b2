//! This process as a member of its cluster: the store that is spread over all of them, its
//! replicas, and who decides for which account.
//!
//! Not here: what any of that does (`chatmetric-cluster`). Invariant: replicas are stopped
//! in order before the process ends.

use super::JoinError;
use super::connection::connect;
use super::deciding::{AGAIN_AFTER, Deciding, answer, is_early, question};
use super::nonces::Nonces;
use super::snapshots;
use crate::api::action::Action;
use crate::config::{ClusterRole, Settings};
use crate::control::{ClusterReport, ClusterTask, MemberReport, ReplicaReport};
use crate::server::{Decider, Keeping, Peers};
use async_nats::jetstream;
use chatmetric_cluster::assignment::replicas_of;
use chatmetric_cluster::audit::audit;
use chatmetric_cluster::follow::Progress;
use chatmetric_cluster::members::View;
use chatmetric_cluster::node::{Node, ReplicaStatus};
use chatmetric_cluster::owner::{KEPT_WITHIN, Owners};
use chatmetric_cluster::tally::Tally;
use chatmetric_cluster::{ClusterError, ClusterStore, Partition};
use chatmetric_core::AccountKey;
use chatmetric_rpc::ApiError;
use chatmetric_rpc::admission::Asked;
use chatmetric_rpc::nonce::NonceEntry;
use chatmetric_store::{Options, StoreError};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// The replicas below the data directory.
const REPLICAS_DIR: &str = "partitions";
/// Beside them, for as long as an audit runs.
const SCRATCH_DIR: &str = "audit";

/// How often an owner is asked that is about to decide.
const EARLY_TRIES_MAX: u32 = 50;
/// How long a call waits for a decision while an owner changes: longer than a change
/// takes, shorter than an SDK waits for an answer (10 s).
const DECISION_TIMEOUT: Duration = Duration::from_secs(6);

/// A member with everything that it has.
pub(crate) struct ClusterNode {
    store: Arc<ClusterStore>,
    node: Mutex<Option<Node>>,
    owners: Mutex<Option<Owners>>,
    deciding: Arc<Deciding>,
    /// Where an audit folds logs anew.
    scratch: PathBuf,
}

impl ClusterNode {
    /// Connects and joins; `context` is a connection for what is the program's own.
    ///
    /// # Errors
    /// [`ClusterError`]
    pub(crate) fn start(settings: &Settings, options: Options) -> Result<Self, ClusterError> {
        let cluster = &settings.cluster;
        let dir = settings.store.data_dir.join(REPLICAS_DIR);
        let store = Arc::new(ClusterStore::open(of_settings(settings, &dir, options))?);
        let holds = cluster.does(ClusterRole::Tally);
        let node = Node::start(Arc::clone(&store), holds)?;
        let skew = Duration::from_secs(settings.limits.clock_skew_seconds.into());
        let (own, members) = (cluster.clone(), Arc::clone(node.members()));
        let (engine, topology) = (store.engine().clone(), store.topology().clone());
        let lease_ttl = store.settings().lease_ttl;
        let (owners, deciding) = store.wait(async move {
            let context = connect(&own).await.map(jetstream::new);
            let context = context.map_err(|error| settings_error(&error))?;
            let nonces = Nonces::open(context, &own.name, own.replicas, skew * 2).await;
            let nonces = nonces.map_err(|reason| ClusterError::Settings { reason })?;
            let deciding = Deciding::new(nonces);
            let decider: Arc<Deciding> = Arc::clone(&deciding);
            let timeout = DECISION_TIMEOUT;
            let owners =
                Owners::start(&engine, &topology, members, lease_ttl, timeout, decider).await?;
            Ok((owners, deciding))
        })?;
        Ok(Self {
            store,
            node: Mutex::new(Some(node)),
            owners: Mutex::new(Some(owners)),
            deciding,
            scratch: settings.store.data_dir.join(SCRATCH_DIR),
        })
    }

    /// The store of the whole cluster.
    pub(crate) const fn store(&self) -> &Arc<ClusterStore> {
        &self.store
    }

    /// Says who decides here, once there is somebody.
    pub(crate) fn decide_with(&self, decider: Arc<dyn Decider>) {
        self.deciding.decide_with(decider);
    }

    /// Stops the replicas and leaves.
    pub(crate) fn stop(&self) {
        // They hold on to the members, which could not leave.
        drop(self.owners().take());
        if let Some(node) = self.lock().take() {
            node.stop();
        }
    }

    fn status(&self) -> ClusterReport {
        let view = self.view().unwrap_or_default();
        let count = self.store.settings().tally_replicas;
        let partitions = self.store.engine().partitions;
        let wanted = partitions.all().map(|partition| {
            let all = replicas_of(partition, &view, count);
            all.into_iter().map(str::to_owned).collect()
        });
        let wanted = wanted.collect();
        let placed = view.placed.keys().map(|it| it.0).collect();
        let members = view.members.into_iter().map(|(name, member)| MemberReport {
            name,
            tally: member.holds,
            follows: member.follows.iter().map(|it| it.0).collect(),
        });
        let settings = self.store.settings();
        ClusterReport {
            node: settings.member.clone(),
            connected: self.store.engine().is_connected(),
            partitions: settings.partitions,
            tally_replicas: settings.tally_replicas,
            directory_revision: 0,
            members: members.collect(),
            replicas: self.replicas(),
            wanted,
            placed,
        }
    }

    /// Compares all replicas of every partition.
    fn audit(&self) -> Result<serde_json::Value, ClusterError> {
        let members = self.status().members;
        let mut all = Vec::new();
        let mut differences = Vec::new();
        for partition in self.store.engine().partitions.all() {
            let holders = members
                .iter()
                .filter(|it| it.follows.contains(&partition.0));
            let holders: Vec<String> = holders.map(|it| it.name.clone()).collect();
            let report = audit(&self.store, partition, &holders, &self.scratch)?;
            all.push(serde_json::json!({
                "partition": partition.0,
                "sequence": report.sequence,
                "members": report.members,
                "numbers": report.numbers,
                "differences": report.differences,
            }));
            let of = report.differences.into_iter();
            differences.extend(of.map(|it| format!("partition {partition}: {it}")));
        }
        if differences.is_empty() {
            return Ok(serde_json::json!({ "partitions": all }));
        }
        Err(ClusterError::Differs {
            detail: differences.join("; "),
        })
    }

    /// Puts a partition on certain nodes.
    fn place(&self, partition: u16, to: &[String]) -> Result<serde_json::Value, ClusterError> {
        let node = self.lock();
        let node = node.as_ref().ok_or_else(|| ClusterError::Undecided {
            reason: "this node leaves".to_owned(),
        })?;
        node.place(Partition(partition), to)?;
        Ok(serde_json::json!({ "partition": partition, "to": to }))
    }

    /// A snapshot of every replica of this node that has none of its place.
    fn snapshot(&self) -> Result<serde_json::Value, ClusterError> {
        let mut all = Vec::new();
        for replica in self.replicas() {
            let partition = Partition(replica.partition);
            let Some(tally) = self.tally(partition).filter(|_| replica.applied > 0) else {
                continue;
            };
            let made = self
                .store
                .wait(snapshots::take(Arc::clone(&self.store), tally));
            all.push(match made {
                Ok(sequence) => serde_json::json!({
                    "partition": replica.partition,
                    "sequence": sequence,
                }),
                Err(ClusterError::Store(StoreError::Invalid { reason })) => serde_json::json!({
                    "partition": replica.partition,
                    "none": reason,
                }),
                Err(error) => return Err(error),
            });
        }
        Ok(serde_json::json!({ "snapshots": all }))
    }

    /// The members that are there, while this one is.
    pub(super) fn view(&self) -> Option<View> {
        self.lock().as_ref().map(|node| node.members().view())
    }

    pub(super) fn tally(&self, partition: Partition) -> Option<Arc<Tally>> {
        self.lock().as_ref().and_then(|node| node.tally(partition))
    }

    fn owners(&self) -> std::sync::MutexGuard<'_, Option<Owners>> {
        self.owners.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Node>> {
        self.node.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn settings_error(error: &JoinError) -> ClusterError {
    ClusterError::Settings {
        reason: crate::cli::error_chain(error),
    }
}

/// The settings in the words of the crate.
pub(crate) fn of_settings(
    settings: &Settings,
    dir: &Path,
    options: Options,
) -> chatmetric_cluster::Settings {
    let cluster = &settings.cluster;
    chatmetric_cluster::Settings {
        urls: cluster.nats_urls.clone(),
        credentials_file: cluster.credentials_file.clone(),
        tls_ca_file: cluster.tls_ca_file.clone(),
        system_credentials_file: cluster.system_credentials_file.clone(),
        replicas: cluster.replicas,
        partitions: cluster.partitions,
        prefix: cluster.name.clone(),
        member: cluster.node.clone(),
        tally_replicas: cluster.tally_replicas,
        dir: dir.to_owned(),
        store: options,
        allow_weak_durability: cluster.allow_weak_durability,
        states_sync_always: cluster.servers_sync_always,
        ..chatmetric_cluster::Settings::default()
    }
}

fn report(status: &ReplicaStatus) -> ReplicaReport {
    let (lag, answers) = match &status.progress {
        Progress::Following => (Some(0), true),
        Progress::CatchingUp { last } => (
            // Before the end was seen.
            (*last != u64::MAX).then(|| last.saturating_sub(status.position)),
            false,
        ),
        Progress::Away { .. } | Progress::Stopped(_) => (None, false),
    };
    ReplicaReport {
        partition: status.partition.0,
        applied: status.position,
        lag,
        answers,
    }
}

impl Peers for ClusterNode {
    fn decide(
        &self,
        account: AccountKey,
        asked: &Asked<'_, Action>,
    ) -> Result<(NonceEntry, Keeping), ApiError> {
        let question = question(asked);
        let owners = self.owners().clone();
        let owners = owners.ok_or(ApiError::ServiceUnavailable)?;
        let ask = async move {
            let mut tries = 0;
            loop {
                let decided = owners.ask(account, &question).await?;
                if tries == EARLY_TRIES_MAX || !is_early(&decided.bytes) {
                    return Ok(decided);
                }
                tries += 1;
                tokio::time::sleep(AGAIN_AFTER).await;
            }
        };
        // Whoever calls runs tasks of the server: others take them over meanwhile.
        let decided = tokio::task::block_in_place(|| self.store.wait(ask));
        let decided = decided.map_err(|error| {
            tracing::debug!(%error, "nobody decides whether a call is admitted");
            ApiError::ServiceUnavailable
        })?;
        let entry = answer(asked, &decided.bytes)?;
        let deciding = Arc::clone(&self.deciding);
        let (says, keeping) = Keeping::begun();
        self.store.spawn(async move {
            // Later, the next owner may have looked already.
            let kept = deciding.nonces().keep(account, entry);
            let kept = tokio::time::timeout_at(decided.asked_at + KEPT_WITHIN, kept).await;
            let kept = kept.unwrap_or_else(|_| Err("the servers took too long".to_owned()));
            let kept = kept.map_err(|error| {
                tracing::warn!(error, "the nonce of a call is not kept");
                ApiError::ServiceUnavailable
            });
            // Who has gone away gets no answer.
            drop(says.send(kept));
        });
        Ok((entry, keeping))
    }

    fn replicas(&self) -> Vec<ReplicaReport> {
        let node = self.lock();
        let all = node.as_ref().map(Node::replicas).unwrap_or_default();
        all.iter().map(report).collect()
    }

    fn trouble(&self) -> Option<&'static str> {
        if !self.store.engine().is_connected() {
            return Some("no server of the cluster is connected\n");
        }
        let node = self.lock();
        let has_rival = node.as_ref().is_some_and(|it| it.members().has_rival());
        has_rival.then_some("another process has the name of this node (`cluster.node`)\n")
    }

    fn run(&self, task: ClusterTask) -> Result<serde_json::Value, String> {
        let done = match task {
            ClusterTask::Status => {
                return serde_json::to_value(self.status()).map_err(|error| error.to_string());
            }
            ClusterTask::Audit => self.audit(),
            ClusterTask::Snapshot => self.snapshot(),
            ClusterTask::Move { partition, to } => self.place(partition, &to),
        };
        done.map_err(|error| crate::cli::error_chain(&error))
    }
}
