//! Folding a log that is not ours: changes are applied in the order of the log, and their
//! place in it is kept in the frame of the counts that they made.
//!
//! For the replicas of a cluster, whose journal is a stream that others keep too. Not here:
//! what a place means and where the changes come from. Invariants: one call is one frame, so
//! a crash leaves all of it or nothing, and nothing behind what it took; what a fold leaves
//! does not depend on how the log was cut into calls, for all changes of a frame were received
//! in one quarter-hour.

use super::EmbeddedStore;
use super::generation::lock;
use super::queue::Job;
use super::writer::{EVENT_BYTES_MAX, FRAME_EXTRA_BYTES, Seen, Writer, room_of};
use super::{check_limits, fault};
use crate::api::{BATCH_EVENTS_MAX, Batch, SourceName, StatusEvent, StoreError};
use crate::stream_offset::StreamOffset;
use chatmetric_core::{EpochMs, PhoneNumber, Slot, SpaceKey};
use std::sync::{PoisonError, mpsc};

/// A change that a log brings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// What came in.
    Batch(Batch),
    /// Events of a quarantined item that is kept in another store. They were judged by
    /// whoever replays the item, and the books have them there.
    Replayed {
        /// Which source brought the item.
        source: SourceName,
        /// When the item came.
        received_at: EpochMs,
        /// The events, each with its space.
        events: Vec<(StatusEvent, SpaceKey)>,
    },
}

impl Change {
    fn received(&self) -> Slot {
        match self {
            Self::Batch(batch) => batch.received_at.slot(),
            Self::Replayed { received_at, .. } => received_at.slot(),
        }
    }

    fn events(&self) -> usize {
        match self {
            Self::Batch(batch) => batch.events.len(),
            Self::Replayed { events, .. } => events.len(),
        }
    }

    /// The most bytes that it takes in a frame.
    fn room(&self) -> u64 {
        match self {
            Self::Batch(batch) => room_of(batch),
            Self::Replayed { source, events, .. } => {
                (events.len() as u64 + 1) * (EVENT_BYTES_MAX + source.len() as u64)
            }
        }
    }
}

/// Changes, and the place behind the last of them.
pub(crate) struct Fold {
    changes: Vec<Change>,
    log: SourceName,
    place: StreamOffset,
}

impl EmbeddedStore {
    /// Applies changes of the log `log` and keeps `place`, in one frame; without changes
    /// the place alone. The frame is durable, or one of the last
    /// [`fold_frames_unsynced_max`](crate::Options::fold_frames_unsynced_max), of which a
    /// power cut may take some: the place is then that of the last one that is left.
    /// [`stream_offsets`](crate::Store::stream_offsets) gives it
    /// back under the name of the log.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] for a store of several shards, for changes that were not
    /// received in one quarter-hour, and beyond the limits of a batch, all of them together;
    /// else as [`commit`](crate::Store::commit). Nothing of it is applied then.
    pub fn fold(
        &self,
        changes: Vec<Change>,
        log: SourceName,
        place: StreamOffset,
    ) -> Result<(), StoreError> {
        self.shared.check()?;
        self.check_fold(&changes)?;
        let (sender, receiver) = mpsc::sync_channel(1);
        let done = Box::new(move |result| drop(sender.send(result)));
        let fold = Fold {
            changes,
            log,
            place,
        };
        self.push(0, Job::Fold(fold, done));
        receiver.recv().unwrap_or(Err(StoreError::Closed)).map(drop)
    }

    fn check_fold(&self, changes: &[Change]) -> Result<(), StoreError> {
        let invalid = |reason: String| Err(StoreError::Invalid { reason });
        if self.shared.shards.len() != 1 {
            return invalid("a log is folded into a store of one shard".to_owned());
        }
        let events: usize = changes.iter().map(Change::events).sum();
        if events > BATCH_EVENTS_MAX {
            return invalid(format!(
                "{events} events, at most {BATCH_EVENTS_MAX} are allowed"
            ));
        }
        let mut received = changes.iter().map(Change::received);
        if let Some(first) = received.next()
            && received.any(|it| it != first)
        {
            return invalid("changes of several quarter-hours in one frame".to_owned());
        }
        for change in changes {
            if let Change::Batch(batch) = change {
                check_limits(batch)?;
            }
        }
        Ok(())
    }

    /// Everything that something was ever counted for, sorted.
    #[must_use]
    pub fn bindings(&self) -> Vec<(SpaceKey, PhoneNumber)> {
        let all = self.shared.bindings.read();
        let all = all.unwrap_or_else(PoisonError::into_inner);
        all.keys().copied().collect()
    }

    /// The place in a log of which all before it is counted.
    #[must_use]
    pub fn place(&self, log: &str) -> Option<StreamOffset> {
        lock(&self.shared.offsets).get(log).copied()
    }
}

impl Writer {
    pub(super) fn fold(&mut self, fold: &Fold) -> Result<u64, StoreError> {
        self.shared.check()?;
        let room: u64 = fold.changes.iter().map(Change::room).sum();
        self.make_room(FRAME_EXTRA_BYTES + fold.log.len() as u64 + room)?;
        let received = fold.changes.iter().map(|change| match change {
            Change::Batch(batch) => batch.received_at,
            Change::Replayed { received_at, .. } => *received_at,
        });
        let latest = received.max().unwrap_or(EpochMs(0));
        let folded = self.in_frame(latest, |writer| {
            let known = writer.known();
            for change in &fold.changes {
                match change {
                    Change::Batch(batch) => {
                        writer.apply(batch, &known)?;
                    }
                    Change::Replayed { source, events, .. } => {
                        writer.reported_by(source);
                        for (event, space) in events {
                            writer.count(event, *space, Seen::default(), &known)?;
                        }
                    }
                }
            }
            writer.frame.offsets.push((fold.log.clone(), fold.place));
            writer.frame.unsynced_max = writer.shared.options.fold_frames_unsynced_max;
            Ok(0)
        });
        if let Err(error) = &folded {
            tracing::debug!(reason = fault::chain(error), "a fold failed");
        }
        self.mark();
        folded
    }
}
