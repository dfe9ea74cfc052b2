//! What a node tells of its cluster, and what it can be asked to do with it.
//!
//! Not here: doing it (`crate::cluster`). Invariant: an instance that is alone says so.

use super::{Operator, Refusal};
use serde::{Deserialize, Serialize};

/// What a node is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClusterTask {
    /// Who is there, and what each holds.
    Status,
    /// Whether replicas are equal to each other and to their logs.
    Audit,
    /// A snapshot of every replica of this node, on the servers.
    Snapshot,
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
        let mut value = peers.run(task).map_err(|reason| refused(reason, false))?;
        if task == ClusterTask::Status
            && let Some(report) = value.as_object_mut()
        {
            let revision = self.directory.revision();
            let revision = revision.map_err(|error| Refusal::failed(&error))?;
            report.insert("directoryRevision".to_owned(), revision.into());
        }
        Ok(value)
    }
}
