//! Snapshots of the partitions, made by themselves, and what may go once they are there.
//!
//! Of the members that count a partition the first makes its snapshots. Not here: what a
//! snapshot is (`chatmetric_cluster::snapshot`). Invariant: entries of a log go only when a
//! proven snapshot covers them and they are older than the retention.

use super::ClusterNode;
use crate::clock::{Clock as _, SystemClock};
use chatmetric_cluster::assignment::replicas_of;
use chatmetric_cluster::tally::Tally;
use chatmetric_cluster::{ClusterError, ClusterStore, Partition, snapshot};
use std::sync::Arc;
use std::time::Duration;

/// How often each partition gets one.
const EVERY: Duration = Duration::from_secs(6 * 60 * 60);

/// Takes one of a replica and lets go of what nobody needs; gives its place.
pub(super) async fn take(store: Arc<ClusterStore>, tally: Arc<Tally>) -> Result<u64, ClusterError> {
    let (engine, topology) = (store.engine(), store.topology());
    let made = snapshot::take(engine, topology, store.settings(), &tally).await?;
    let now = SystemClock::default().now();
    snapshot::retire(topology, tally.partition(), now).await?;
    Ok(made.sequence)
}

/// Takes them for as long as the node is there.
pub(crate) fn keep(node: &Arc<ClusterNode>) {
    let own = Arc::downgrade(node);
    node.store().spawn(async move {
        loop {
            tokio::time::sleep(EVERY).await;
            let Some(node) = own.upgrade() else { return };
            for partition in node.store().engine().partitions.all() {
                let Some(tally) = of_this(&node, partition) else {
                    continue;
                };
                match take(Arc::clone(node.store()), tally).await {
                    Ok(sequence) => tracing::info!(%partition, sequence, "a snapshot was made"),
                    Err(error) => tracing::debug!(%partition, %error, "no snapshot was made"),
                }
            }
        }
    });
}

/// The replica of this node, if it is the one that makes snapshots.
fn of_this(node: &ClusterNode, partition: Partition) -> Option<Arc<Tally>> {
    let view = node.view()?;
    let settings = node.store().settings();
    let first = replicas_of(partition, &view, settings.tally_replicas);
    let is_first = first.first().is_some_and(|name| *name == settings.member);
    node.tally(partition).filter(|_| is_first)
}
