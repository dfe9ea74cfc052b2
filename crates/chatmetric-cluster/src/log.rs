//! Publishing into the logs: acknowledged is what a majority of servers has on disk.
//!
//! Not here: encoding and splitting (`entry`), and what goes together (`log/lane.rs`).
//! Invariants: success is told after every part of a batch was acknowledged by its own stream;
//! what is on the way is bounded; a part whose acknowledgement does not come is sent again
//! until the time is over. So an entry may be in a log twice, as when its sender sends again:
//! no count changes, the books have duplicates.

mod lane;

use crate::engine::Engine;
use crate::entry::split::Part;
use crate::error::{ClusterError, failed};
use crate::partition::Partition;
use async_nats::jetstream::context::PublishErrorKind;
use bytes::Bytes;
use futures_util::future::{BoxFuture, try_join_all};
use lane::Lane;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::{Semaphore, oneshot};

/// How long one acknowledgement is waited for: an elected leader needs less.
const ACKNOWLEDGED_WITHIN: Duration = Duration::from_secs(3);
/// The wait before a part is sent again that no leader took.
const AGAIN_AFTER: Duration = Duration::from_millis(50);
/// A message that takes longer does not hold up those behind it: its leader may be gone.
const SLOW_AFTER: Duration = Duration::from_millis(300);

/// The logs of all partitions, as a publisher sees them.
#[derive(Debug, Clone)]
pub struct Log {
    engine: Engine,
    on_the_way: Arc<Semaphore>,
    lanes: Arc<[Lane]>,
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
            lanes: engine.partitions.all().map(|_| Lane::default()).collect(),
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
        self.all(entries, |(partition, entry)| async move {
            self.one(partition, entry)
                .await
                .map(|place| (partition, place))
        })
        .await
    }

    /// Publishes parts of batches, together with those of others where some are on the way
    /// already, and waits until all of them are durable; gives their places.
    ///
    /// # Errors
    /// As [`Self::publish`].
    pub async fn publish_parts(
        &self,
        parts: Vec<Part>,
    ) -> Result<Vec<(Partition, u64)>, ClusterError> {
        self.all(parts, |part| async move {
            let partition = part.partition;
            let lane = self.lanes.get(usize::from(partition.0));
            let lane = lane.ok_or(ClusterError::NoReplica { partition })?;
            let (told, hears) = oneshot::channel();
            if lane.put(part, told) {
                tokio::spawn(self.clone().send(partition));
            }
            let place = hears.await.unwrap_or(Err(ClusterError::Closed))?;
            Ok((partition, place))
        })
        .await
    }

    /// Does it for all of them, `in_flight_max` at a time, in time.
    async fn all<T: Clone, F>(
        &self,
        all: Vec<T>,
        publish: impl Fn(T) -> F,
    ) -> Result<Vec<(Partition, u64)>, ClusterError>
    where
        F: Future<Output = Result<(Partition, u64), ClusterError>>,
    {
        let work = async {
            let mut places = Vec::with_capacity(all.len());
            for window in all.chunks(self.in_flight_max) {
                let permits = u32::try_from(window.len()).unwrap_or(u32::MAX);
                let permit = self.on_the_way.acquire_many(permits).await;
                let _permit = permit.map_err(|_| ClusterError::Closed)?;
                let window = window.iter().cloned().map(&publish);
                places.extend(try_join_all(window).await?);
            }
            Ok(places)
        };
        let done = tokio::time::timeout(self.timeout, work).await;
        done.map_err(|_| ClusterError::Timeout {
            operation: "publish to the log".to_owned(),
        })?
    }

    /// Publishes what waits for a partition, one message after the other.
    async fn send(self, partition: Partition) {
        let Some(lane) = self.lanes.get(usize::from(partition.0)) else {
            return;
        };
        let bytes_max = self.engine.entry_bytes_max();
        while let Some(message) = lane.take(bytes_max) {
            let publishing = self.one(partition, message.entry.clone());
            let publishing = tokio::time::timeout(self.timeout, publishing);
            tokio::pin!(publishing);
            let in_time = tokio::time::timeout(SLOW_AFTER, &mut publishing).await;
            let is_slow = in_time.is_err();
            if is_slow && lane.note_slow() {
                tokio::spawn(self.clone().again(partition));
            }
            let published = match in_time {
                Ok(published) => published,
                Err(_) => publishing.await,
            };
            message.tell(&published.unwrap_or_else(|_| {
                Err(ClusterError::Timeout {
                    operation: "publish to the log".to_owned(),
                })
            }));
            if is_slow {
                return;
            }
        }
    }

    /// [`Self::send`], of a type that does not name itself.
    fn again(self, partition: Partition) -> BoxFuture<'static, ()> {
        Box::pin(self.send(partition))
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
