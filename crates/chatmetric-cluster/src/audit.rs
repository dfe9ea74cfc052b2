//! Are the replicas of a partition the same, and are they the fold of its log?
//!
//! A mark goes into the log: every replica remembers the digest of what it has there, while
//! nothing moves. The digests are compared with each other and with that of a fresh fold of
//! the log, which begins with the newest snapshot where the log is not whole any more.
//!
//! Not here: the digest (`tally/digest.rs`). Invariant: what is compared is of one place.

use crate::entry::Entry;
use crate::error::{ClusterError, failed};
use crate::follow::{Progress, created_ns, follow};
use crate::partition::Partition;
use crate::query::{Answer, Question};
use crate::replica::open_store;
use crate::snapshot;
use crate::store::ClusterStore;
use crate::tally::{Digest, Outcome, Tally};
use std::path::Path;
use std::sync::Arc;
use tokio::sync::watch;

/// What an audit found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Of which partition.
    pub partition: Partition,
    /// At which place.
    pub sequence: u64,
    /// The members whose replicas were compared.
    pub members: Vec<String>,
    /// How many numbers have counts.
    pub numbers: usize,
    /// The first differences, each with who differs from what.
    pub differences: Vec<String>,
}

/// Compares the replicas of `members` and a fresh fold in `scratch`, which must not exist
/// and is removed again.
///
/// # Errors
/// When a replica does not answer, or the log cannot be folded; differences are no error.
pub fn audit(
    store: &ClusterStore,
    partition: Partition,
    members: &[String],
    scratch: &Path,
) -> Result<Report, ClusterError> {
    let (log, asker) = (store.log().clone(), store.asker().clone());
    let names = members.to_vec();
    let asked = async move {
        let places = log.publish(vec![(partition, Entry::Mark.encode())]).await?;
        let sequence = places.first().map_or(0, |(_, sequence)| *sequence);
        let question = Question::Outcome(sequence);
        let mut digests = Vec::new();
        for member in names {
            let answer = asker
                .ask_at(partition, Some(&member), &question, sequence)
                .await?;
            match answer {
                Answer::Outcome(Some(Outcome::Digest(digest))) => digests.push((member, digest)),
                _ => {
                    let reason = format!("`{member}` does not know what it had at {sequence}");
                    return Err(ClusterError::Undecided { reason });
                }
            }
        }
        Ok((sequence, digests))
    };
    let (sequence, digests) = store.wait(asked)?;
    let fresh = fold(store, partition, scratch, sequence);
    let removed = std::fs::remove_dir_all(scratch);
    let fresh = fresh?;
    removed.map_err(|error| failed(format!("remove `{}`", scratch.display()), error))?;
    let differs = |(member, digest): &(String, Arc<Digest>)| {
        let found = digest.difference(&fresh)?;
        Some(format!("`{member}` and the fold of the log: {found}"))
    };
    let mut differences: Vec<String> = digests.iter().filter_map(differs).collect();
    for (one, other) in digests.iter().zip(digests.iter().skip(1)) {
        if let Some(found) = one.1.difference(&other.1) {
            differences.push(format!("`{}` and `{}`: {found}", one.0, other.0));
        }
    }
    Ok(Report {
        partition,
        sequence,
        members: members.to_vec(),
        numbers: fresh.numbers.len(),
        differences,
    })
}

/// The digest of a fresh fold up to a mark.
fn fold(
    store: &ClusterStore,
    partition: Partition,
    scratch: &Path,
    sequence: u64,
) -> Result<Arc<Digest>, ClusterError> {
    let (engine, topology) = (store.engine().clone(), store.topology().clone());
    let settings = store.settings().clone();
    let scratch = scratch.to_owned();
    store.wait(async move {
        let stream = topology.stream(partition)?.clone();
        let info = stream.get_info().await;
        let info = info.map_err(|error| failed("look at the log", error))?;
        if info.state.first_sequence > 1 {
            snapshot::bootstrap(&topology, &settings, partition, &scratch, &info).await?;
        }
        let created_ns = created_ns(&info);
        let opened = tokio::task::spawn_blocking(move || {
            let store = open_store(&scratch, &settings.store)?;
            Tally::new(Arc::new(store), partition, created_ns)
        });
        let tally = opened
            .await
            .map_err(|error| failed("open a store", error))??;
        let tally = Arc::new(tally);
        let first = Progress::CatchingUp { last: sequence };
        let (sender, mut progress) = watch::channel(first);
        let reading = follow(engine, stream, Arc::clone(&tally), Arc::new(sender));
        let mut positions = tally.positions();
        let stopped = progress.wait_for(|it| matches!(it, Progress::Stopped(_)));
        tokio::select! {
            () = reading => {}
            _ = positions.wait_for(|position| *position >= sequence) => {}
            _ = stopped => {}
        }
        match tally.outcome(sequence) {
            Some(Outcome::Digest(digest)) => Ok(digest),
            _ => match progress.borrow().clone() {
                Progress::Stopped(error) => Err(error),
                _ => Err(ClusterError::Undecided {
                    reason: format!("a mark at {sequence} was not found in the log"),
                }),
            },
        }
    })
}
