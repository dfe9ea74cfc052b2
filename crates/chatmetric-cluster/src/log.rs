//! Publishing into the logs: acknowledged is what a majority of servers has on disk.
//!
//! Not here: encoding and splitting (`entry`). Invariants: success is told after every part
//! of a batch was acknowledged by its own stream; what is on the way is bounded; a part whose
//! acknowledgement does not come is sent again until the time is over. So an entry may be in
//! a log twice, as when its sender sends again: no count changes, the books have duplicates.

use crate::engine::Engine;
use crate::error::{ClusterError, failed};
use crate::partition::Partition;
use async_nats::jetstream::context::PublishErrorKind;
use bytes::Bytes;
use futures_util::future::try_join_all;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::Semaphore;

/// How long one acknowledgement is waited for: an elected leader needs less.
const ACKNOWLEDGED_WITHIN: Duration = Duration::from_secs(3);
/// The wait before a part is sent again that no leader took.
const AGAIN_AFTER: Duration = Duration::from_millis(50);

/// The logs of all partitions, as a publisher sees them.
#[derive(Debug, Clone)]
pub struct Log {
    engine: Engine,
    on_the_way: Arc<Semaphore>,
    in_flight_max: usize,
    timeout: Duration,
    /// The last place of each partition that was acknowledged here.
    acknowledged: Arc<[AtomicU64]>,
}

impl Log {
    /// A publisher with `in_flight_max` entries on the way at most.
    #[must_use]
    pub fn new(engine: Engine, in_flight_max: usize, timeout: Duration) -> Self {
        let partitions = engine.partitions.all();
        Self {
            acknowledged: partitions.map(|_| AtomicU64::new(0)).collect(),
            on_the_way: Arc::new(Semaphore::new(in_flight_max)),
            in_flight_max,
            engine,
            timeout,
        }
    }

    /// Publishes entries, and waits until all of them are durable; gives their places.
    ///
    /// # Errors
    /// When one was not acknowledged in time; others may have been taken.
    pub async fn publish(
        &self,
        entries: Vec<(Partition, Bytes)>,
    ) -> Result<Vec<(Partition, u64)>, ClusterError> {
        let all = async {
            let mut places = Vec::with_capacity(entries.len());
            for window in entries.chunks(self.in_flight_max) {
                let permits = u32::try_from(window.len()).unwrap_or(u32::MAX);
                let permit = self.on_the_way.acquire_many(permits).await;
                let _permit = permit.map_err(|_| ClusterError::Closed)?;
                let window = window.iter().map(|(partition, entry)| {
                    let entry = entry.clone();
                    async move {
                        self.one(*partition, entry)
                            .await
                            .map(|place| (*partition, place))
                    }
                });
                places.extend(try_join_all(window).await?);
            }
            Ok(places)
        };
        let done = tokio::time::timeout(self.timeout, all).await;
        done.map_err(|_| ClusterError::Timeout {
            operation: "publish to the log".to_owned(),
        })?
    }

    async fn one(&self, partition: Partition, entry: Bytes) -> Result<u64, ClusterError> {
        let operation = || format!("publish to partition {partition}");
        loop {
            let subject = self.engine.subject(partition);
            let publish = async {
                let sent = self.engine.context.publish(subject, entry.clone());
                sent.await?.await
            };
            let Ok(acknowledged) = tokio::time::timeout(ACKNOWLEDGED_WITHIN, publish).await else {
                continue;
            };
            match acknowledged {
                Ok(ack) if ack.stream == self.engine.stream(partition) => {
                    self.note(partition, ack.sequence);
                    return Ok(ack.sequence);
                }
                Ok(ack) => {
                    let reason = format!("the stream `{}` took the entry", ack.stream);
                    return Err(failed(operation(), reason));
                }
                // Nobody was there to take it: the leader is being elected, or the connection
                // was lost.
                Err(error) if is_passing(error.kind()) => tokio::time::sleep(AGAIN_AFTER).await,
                Err(error) => return Err(failed(operation(), error)),
            }
        }
    }

    fn note(&self, partition: Partition, sequence: u64) {
        if let Some(last) = self.acknowledged.get(usize::from(partition.0)) {
            last.fetch_max(sequence, Ordering::AcqRel);
        }
    }

    /// The last place of a partition that was acknowledged to this publisher.
    #[must_use]
    pub fn acknowledged(&self, partition: Partition) -> u64 {
        let last = self.acknowledged.get(usize::from(partition.0));
        last.map_or(0, |last| last.load(Ordering::Acquire))
    }
}

/// Whether the same may work soon.
const fn is_passing(kind: PublishErrorKind) -> bool {
    match kind {
        PublishErrorKind::StreamNotFound
        | PublishErrorKind::TimedOut
        | PublishErrorKind::BrokenPipe
        | PublishErrorKind::MaxAckPending => true,
        PublishErrorKind::WrongLastMessageId
        | PublishErrorKind::WrongLastSequence
        | PublishErrorKind::MaxPayloadExceeded
        | PublishErrorKind::Other => false,
    }
}
