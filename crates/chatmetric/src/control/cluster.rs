//! What a node tells of its cluster, and what it can be asked to do with it.
//!
//! Not here: doing it (`crate::cluster`). Invariant: an instance that is alone says so.

use super::{Operator, Refusal};
use crate::directory::Directory;
use crate::server::Peers;
use serde::{Deserialize, Serialize};

/// What a node is asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClusterTask {
    /// Who is there, and what each holds.
    Status,
    /// Whether replicas are equal to each other and to their logs.
    Audit,
    /// A snapshot of every replica of this node, on the servers.
    Snapshot,
    /// A partition is counted by these nodes from now on; by nobody named: by those that
    /// the hash names.
    Move {
        /// Which one.
        partition: u16,
        /// The names of the nodes.
        to: Vec<String>,
    },
}

/// A member.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberReport {
    /// Its name.
    pub name: String,
    /// Whether it counts.
    pub tally: bool,
    /// The partitions whose log it follows.
    pub follows: Vec<u16>,
}

/// A replica of the node that is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplicaReport {
    /// Of which partition.
    pub partition: u16,
    /// The place in the log up to which it has counted.
    pub applied: u64,
    /// Entries behind the end of the log, when it was last seen; `None` until it was.
    pub lag: Option<u64>,
    /// Whether it answers queries.
    pub answers: bool,
}

/// A cluster, as one node sees it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClusterReport {
    /// The node that tells.
    pub node: String,
    /// Whether it has a server of NATS now.
    pub connected: bool,
    /// How many partitions there are.
    pub partitions: u16,
    /// How many members should hold each.
    pub tally_replicas: usize,
    /// How many changes of the directory it has.
    pub directory_revision: u64,
    /// Who is there.
    pub members: Vec<MemberReport>,
    /// Its own replicas.
    pub replicas: Vec<ReplicaReport>,
    /// The members that should count each partition, in order.
    pub wanted: Vec<Vec<String>>,
    /// The partitions that were put on certain members.
    pub placed: Vec<u16>,
}

impl Operator {
    /// Does a task.
    ///
    /// # Errors
    /// [`Refusal`] for an instance that is alone, and when the task fails.
    pub fn cluster(&self, task: ClusterTask) -> Result<serde_json::Value, Refusal> {
        let refused = |message: String, is_usage| Refusal { message, is_usage };
        let Some(peers) = &self.peers else {
            let message = "this instance is alone: there is no `[cluster]` in its configuration";
            return Err(refused(message.to_owned(), true));
        };
        let done = match task {
            ClusterTask::Status => status(peers.as_ref(), &self.directory),
            ClusterTask::Audit | ClusterTask::Snapshot | ClusterTask::Move { .. } => {
                peers.run(task)
            }
        };
        done.map_err(|reason| refused(reason, false))
    }
}

/// What a node sees of its cluster.
///
/// # Errors
/// Why it sees nothing, for people.
pub(crate) fn status(
    peers: &dyn Peers,
    directory: &Directory,
) -> Result<serde_json::Value, String> {
    let mut told = peers.run(ClusterTask::Status)?;
    let revision = directory.revision();
    let revision = revision.map_err(|error| crate::cli::error_chain(&error))?;
    if let Some(report) = told.as_object_mut() {
        report.insert("directoryRevision".to_owned(), revision.into());
    }
    Ok(told)
}
