//! What a store on a cluster needs for its calls, and the calls that take several steps:
//! commands that have an outcome, replays over several partitions.
//!
//! Not here: the calls themselves. Invariant: a step that can be repeated comes before the
//! one that makes it final.

use super::merge;
use crate::engine::Engine;
use crate::entry::Entry;
use crate::error::ClusterError;
use crate::log::Log;
use crate::partition::Partition;
use crate::query::{Answer, Asker, Question};
use crate::settings::Settings;
use crate::tally::Outcome;
use crate::topology::Topology;
use bytes::Bytes;
use chatmetric_core::EpochMs;
use chatmetric_store::{QuarantineFilter, QuarantineId, SourceName, StatusEvent, StoreError};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use tokio::sync::Semaphore;

/// No floor is known.
pub(super) const NO_FLOOR: i64 = i64::MIN;

#[derive(Debug)]
pub(super) struct Inner {
    pub(super) settings: Settings,
    pub(super) engine: Engine,
    pub(super) topology: Topology,
    pub(super) log: Log,
    pub(super) asker: Asker,
    pub(super) queued: Arc<Semaphore>,
    pub(super) floor_ms: AtomicI64,
    pub(super) is_closed: AtomicBool,
}

/// An answer of another shape than its question.
pub(super) fn odd() -> ClusterError {
    ClusterError::Message {
        what: "an answer to another question".to_owned(),
    }
}

/// Takes the parts out of answers of one kind.
macro_rules! parts {
    ($answers:expr, $kind:ident) => {
        $answers
            .into_iter()
            .map(|answer| match answer {
                Answer::$kind(part) => Ok(part),
                _ => Err(odd()),
            })
            .collect::<Result<Vec<_>, ClusterError>>()
    };
}
pub(super) use parts;

impl Inner {
    pub(super) fn check(&self) -> Result<(), StoreError> {
        if self.is_closed.load(Ordering::Acquire) {
            return Err(StoreError::Closed);
        }
        Ok(())
    }

    /// The lowest floor of all partitions; none before all of them have one.
    pub(super) async fn ask_floor(&self) -> Result<Option<EpochMs>, ClusterError> {
        let floors = parts!(self.asker.ask_all(&Question::Floor).await?, Floor)?;
        let floors: Option<Vec<EpochMs>> = floors.into_iter().collect();
        Ok(floors.and_then(|floors| floors.into_iter().min()))
    }

    pub(super) fn note_floor(&self, floor: Option<EpochMs>) {
        if let Some(floor) = floor {
            self.floor_ms.fetch_max(floor.0, Ordering::AcqRel);
        }
    }

    pub(super) async fn publish(
        &self,
        partition: Partition,
        entry: &Entry,
    ) -> Result<u64, ClusterError> {
        let entry: Bytes = entry.encode();
        let bytes_max = self.engine.entry_bytes_max();
        if entry.len() > bytes_max {
            return Err(ClusterError::TooLarge {
                what: "an entry".to_owned(),
                bytes: entry.len(),
                bytes_max,
            });
        }
        let places = self.log.publish(vec![(partition, entry)]).await?;
        places
            .first()
            .map(|(_, sequence)| *sequence)
            .ok_or(ClusterError::Closed)
    }

    /// Publishes a command and gives what it did.
    pub(super) async fn command(
        &self,
        partition: Partition,
        entry: Entry,
    ) -> Result<u64, ClusterError> {
        let sequence = self.publish(partition, &entry).await?;
        let question = Question::Outcome(sequence);
        // A replica that was started since then does not know; another one may.
        for _ in 0..3 {
            let told = self
                .asker
                .ask_at(partition, None, &question, sequence)
                .await?;
            match told {
                Answer::Outcome(Some(Outcome::Count(count))) => return Ok(count),
                Answer::Outcome(Some(Outcome::Refused(reason))) => {
                    return Err(StoreError::Invalid { reason }.into());
                }
                Answer::Outcome(None) => {}
                _ => return Err(odd()),
            }
        }
        let reason = "it was done, and what it did is not known any more".to_owned();
        Err(StoreError::Unavailable { reason }.into())
    }

    /// Counts what is due in a partition; nothing is written where nothing waits.
    pub(super) async fn release_due(
        &self,
        partition: Partition,
        now: EpochMs,
    ) -> Result<u64, ClusterError> {
        let waiting = QuarantineFilter {
            reason: Some(chatmetric_store::Reason::Future),
            ..QuarantineFilter::default()
        };
        match self
            .asker
            .ask(partition, &Question::Quarantine(waiting, 1))
            .await?
        {
            Answer::Items(items) if items.is_empty() => Ok(0),
            Answer::Items(_) => self.command(partition, Entry::ReleaseDue(now)).await,
            _ => Err(odd()),
        }
    }

    pub(super) async fn replay(
        &self,
        wide: QuarantineId,
        events: Vec<StatusEvent>,
    ) -> Result<bool, ClusterError> {
        let (home, id) = self.engine.partitions.own_id(wide.0);
        let filter = QuarantineFilter {
            after: id.checked_sub(1).map(QuarantineId),
            ..QuarantineFilter::default()
        };
        let found = match self
            .asker
            .ask(home, &Question::Quarantine(filter, 1))
            .await?
        {
            Answer::Items(items) => items.into_iter().find(|item| item.id.0 == id),
            _ => return Err(odd()),
        };
        let Some(item) = found else {
            return Ok(false);
        };
        merge::check_replay(&item, &events)?;
        let (own, others) = merge::by_partition(self.engine.partitions, home, events);
        // The partition of the item comes last: until then all of it can be repeated.
        for (partition, events) in others {
            let entry = Entry::Replayed {
                source: SourceName::clone(&item.source),
                received_at: item.received_at,
                events,
            };
            self.publish(partition, &entry).await?;
        }
        let entry = Entry::Replay {
            item: QuarantineId(id),
            events: own,
        };
        Ok(self.command(home, entry).await? > 0)
    }
}
