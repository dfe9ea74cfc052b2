//! What can go wrong between machines, by what the caller should do about it.
//!
//! Not here: what a client of the program is told. Invariant: an error that may be over
//! after a while becomes [`StoreError::Unavailable`], one of the request itself
//! [`StoreError::Invalid`]; nothing else of a cluster stops a program.

use crate::partition::Partition;
use chatmetric_store::StoreError;
use std::error::Error;
use std::sync::Arc;

/// A failure of an operation on a cluster.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ClusterError {
    /// The settings contradict each other or what was made with others.
    #[error("the settings of the cluster are wrong: {reason}")]
    Settings {
        /// Which, and why.
        reason: String,
    },
    /// What was acknowledged could be lost with the power of several machines.
    #[error("the cluster may lose what it acknowledged: {reason}")]
    WeakDurability {
        /// What is weak, and what would be enough.
        reason: String,
    },
    /// The servers refused something, or could not be reached.
    #[error("could not {operation}")]
    Engine {
        /// What was tried.
        operation: String,
        /// Why it failed.
        #[source]
        source: Arc<dyn Error + Send + Sync>,
    },
    /// No answer within the limit; it may have happened all the same.
    #[error("no answer in time: {operation}")]
    Timeout {
        /// What was tried.
        operation: String,
    },
    /// It would not fit into a message or an answer.
    #[error("{what} of {bytes} bytes, at most {bytes_max} are allowed")]
    TooLarge {
        /// What is too large.
        what: String,
        /// Its size.
        bytes: usize,
        /// The limit.
        bytes_max: usize,
    },
    /// An entry of the log is damaged, or written by a newer program.
    #[error("entry {sequence} of partition {partition} cannot be read: {reason}")]
    Entry {
        /// Of which log.
        partition: Partition,
        /// Its place.
        sequence: u64,
        /// What is wrong.
        reason: String,
    },
    /// Entries are gone that a replica needs; it has to begin with a snapshot.
    #[error("partition {partition} has entry {found} next, the replica needs {expected}")]
    Gap {
        /// Of which log.
        partition: Partition,
        /// What comes next for the replica.
        expected: u64,
        /// What comes next in the log.
        found: u64,
    },
    /// The log was deleted and made again: the replica is of another one.
    #[error("the log of partition {partition} is another one than the replica was made of")]
    OtherLog {
        /// Of which log.
        partition: Partition,
    },
    /// Nobody answers for a partition.
    #[error("no replica of partition {partition} answers")]
    NoReplica {
        /// Which.
        partition: Partition,
    },
    /// A replica did not reach the asked place in time.
    #[error("a replica of partition {partition} has not caught up: {applied} of {wanted}")]
    Behind {
        /// Which.
        partition: Partition,
        /// How far it is.
        applied: u64,
        /// How far it should be.
        wanted: u64,
    },
    /// A message between machines makes no sense.
    #[error("{what} cannot be read")]
    Message {
        /// Which.
        what: String,
    },
    /// What an owner decides cannot be decided now.
    #[error("no decision for now: {reason}")]
    Undecided {
        /// Why.
        reason: String,
    },
    /// Replicas, or a replica and its log, have different counts.
    #[error("the replicas differ: {detail}")]
    Differs {
        /// The first difference.
        detail: String,
    },
    /// There is something already where the counts of an instance should go.
    #[error("the counts cannot be moved into this cluster: {reason}")]
    Occupied {
        /// What is there.
        reason: String,
    },
    /// What was read back from the servers is not what the instance counted.
    #[error("what the servers have is not what was counted: {detail}")]
    Unlike {
        /// The first difference.
        detail: String,
    },
    /// A store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It is being stopped.
    #[error("the cluster is closed")]
    Closed,
}

/// What could not be done, and why.
pub(crate) fn failed(
    operation: impl Into<String>,
    error: impl Into<Box<dyn Error + Send + Sync>>,
) -> ClusterError {
    ClusterError::Engine {
        operation: operation.into(),
        source: Arc::from(error.into()),
    }
}

/// An error with its causes.
pub(crate) fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        // Some errors of the client repeat their cause.
        let own = error.to_string();
        if !text.ends_with(&own) {
            text.push_str(": ");
            text.push_str(&own);
        }
        cause = error.source();
    }
    text
}

impl From<ClusterError> for StoreError {
    fn from(error: ClusterError) -> Self {
        let reason = chain(&error);
        match error {
            ClusterError::Store(error) => error,
            ClusterError::Settings { .. }
            | ClusterError::TooLarge { .. }
            | ClusterError::Occupied { .. } => Self::Invalid { reason },
            ClusterError::Differs { .. } | ClusterError::Unlike { .. } => {
                Self::Differs { detail: reason }
            }
            ClusterError::Closed => Self::Closed,
            ClusterError::WeakDurability { .. }
            | ClusterError::Engine { .. }
            | ClusterError::Timeout { .. }
            | ClusterError::Entry { .. }
            | ClusterError::Gap { .. }
            | ClusterError::OtherLog { .. }
            | ClusterError::NoReplica { .. }
            | ClusterError::Behind { .. }
            | ClusterError::Message { .. }
            | ClusterError::Undecided { .. } => Self::Unavailable { reason },
        }
    }
}
