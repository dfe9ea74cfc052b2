//! One replica of one partition: entries in the order of the log, folded into an embedded
//! store.
//!
//! Entries that only count are gathered and committed together with the place of the last
//! one; what else an entry may do is done alone, and is such that doing it again changes
//! nothing: a crash between it and its place repeats it at a state in which nothing came
//! after it.
//!
//! Not here: where entries come from (`follow`) and who asks (`query`). Invariants: the
//! store's place in the log is never ahead of what is counted; an entry is applied only
//! right behind the one before it; what is left does not depend on how entries came together.

mod digest;
mod outcome;

pub use digest::Digest;
pub use outcome::Outcome;

use crate::entry::Entry;
use crate::error::ClusterError;
use crate::partition::Partition;
use bytes::Bytes;
use chatmetric_core::Slot;
use chatmetric_store::{
    BATCH_EVENTS_MAX, BATCH_SEALED_BYTES_MAX, Batch, Change, EmbeddedStore, SourceName, Store,
    StoreError, StreamOffset,
};
use outcome::Outcomes;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

/// An entry with its place.
#[derive(Debug, Clone)]
pub struct Placed {
    /// Its place in the log.
    pub sequence: u64,
    /// When it came into the log.
    pub at_ms: u64,
    /// Its bytes.
    pub payload: Bytes,
}

/// The fold of a partition's log.
#[derive(Debug)]
pub struct Tally {
    store: Arc<EmbeddedStore>,
    partition: Partition,
    log: SourceName,
    created_ns: u64,
    /// How far it is, for those who wait for a place.
    position: watch::Sender<u64>,
    outcomes: Mutex<Outcomes>,
    /// Held while entries are applied, and by whoever needs the store to stand still.
    folding: Mutex<()>,
}

/// Changes for one commit.
#[derive(Default)]
struct Group {
    changes: Vec<Change>,
    items: usize,
    sealed_bytes: usize,
    slot: Option<Slot>,
    last: Option<(u64, u64)>,
}

impl Group {
    /// Whether batches may be committed together with the others.
    fn takes(&self, batches: &[Batch]) -> bool {
        let items: usize = batches.iter().map(items_of).sum();
        let sealed_bytes: usize = batches.iter().map(sealed_bytes_of).sum();
        let is_slot = |slot: Slot| batches.iter().all(|it| it.received_at.slot() == slot);
        self.slot.is_none_or(is_slot)
            && self.items + items <= BATCH_EVENTS_MAX
            && self.sealed_bytes + sealed_bytes <= BATCH_SEALED_BYTES_MAX
    }

    fn add(&mut self, batch: Batch) {
        self.slot = Some(batch.received_at.slot());
        self.items += items_of(&batch);
        self.sealed_bytes += sealed_bytes_of(&batch);
        self.changes.push(Change::Batch(batch));
    }
}

fn items_of(batch: &Batch) -> usize {
    batch.events.len() + batch.sealed.len()
}

fn sealed_bytes_of(batch: &Batch) -> usize {
    batch.sealed.iter().map(|item| item.sealed.len()).sum()
}

impl Tally {
    /// Goes on with a store, at the place that is in it.
    ///
    /// # Errors
    /// [`ClusterError::OtherLog`] for a store that holds counts of another log.
    pub fn new(
        store: Arc<EmbeddedStore>,
        partition: Partition,
        created_ns: u64,
    ) -> Result<Self, ClusterError> {
        let log = log_name(partition);
        let place = store.place(&log);
        if place.is_some_and(|place| place.created_ns != created_ns) {
            return Err(ClusterError::OtherLog { partition });
        }
        if place.is_none() && !store.books()?.is_empty() {
            return Err(ClusterError::OtherLog { partition });
        }
        Ok(Self {
            position: watch::Sender::new(place.map_or(0, |place| place.sequence)),
            store,
            partition,
            log,
            created_ns,
            outcomes: Mutex::default(),
            folding: Mutex::new(()),
        })
    }

    /// The store, to be read.
    #[must_use]
    pub const fn store(&self) -> &Arc<EmbeddedStore> {
        &self.store
    }

    /// Which log.
    #[must_use]
    pub const fn partition(&self) -> Partition {
        self.partition
    }

    /// When the log was made that this is a fold of.
    #[must_use]
    pub const fn created_ns(&self) -> u64 {
        self.created_ns
    }

    /// The place of the last entry that is counted.
    #[must_use]
    pub fn position(&self) -> u64 {
        *self.position.borrow()
    }

    /// The place of the last entry that is counted, and when it came into the log.
    #[must_use]
    pub fn last(&self) -> Option<(u64, u64)> {
        let place = self.store.place(&self.log)?;
        Some((place.sequence, place.last_ms))
    }

    /// Tells of every step.
    #[must_use]
    pub fn positions(&self) -> watch::Receiver<u64> {
        self.position.subscribe()
    }

    /// What a command did, if that is still known.
    #[must_use]
    pub fn outcome(&self, sequence: u64) -> Option<Outcome> {
        lock(&self.outcomes).get(sequence)
    }

    /// Does something while no entry is applied; gives the place, too.
    pub fn at_rest<T>(&self, with: impl FnOnce(&EmbeddedStore) -> T) -> (u64, T) {
        let _folding = lock(&self.folding);
        (self.position(), with(&self.store))
    }

    /// Applies entries, durably. Those that are counted already are passed over.
    ///
    /// # Errors
    /// [`ClusterError::Gap`], [`ClusterError::Entry`], and what the store says. What is
    /// before the error is counted.
    pub fn apply(&self, entries: &[Placed]) -> Result<(), ClusterError> {
        let _folding = lock(&self.folding);
        let mut group = Group::default();
        let mut next = self.position().saturating_add(1);
        let gathered = entries.iter().try_for_each(|placed| {
            if placed.sequence < next {
                return Ok(());
            }
            if placed.sequence > next {
                return Err(ClusterError::Gap {
                    partition: self.partition,
                    expected: next,
                    found: placed.sequence,
                });
            }
            next = next.saturating_add(1);
            self.take(&mut group, placed)
        });
        // What was gathered before an error is sound.
        let committed = self.commit(&mut group);
        gathered.and(committed)
    }

    fn take(&self, group: &mut Group, placed: &Placed) -> Result<(), ClusterError> {
        let entry = Entry::decode(&placed.payload).map_err(|error| ClusterError::Entry {
            partition: self.partition,
            sequence: placed.sequence,
            reason: error.to_string(),
        })?;
        let place = Some((placed.sequence, placed.at_ms));
        let batches = match entry {
            Entry::Events(batch) => vec![batch],
            Entry::Gathered(batches) => batches,
            command => {
                self.commit(group)?;
                group.changes = self.command(command, placed.sequence)?;
                group.last = place;
                return self.commit(group);
            }
        };
        // All of an entry goes into one commit, with its place.
        if !group.takes(&batches) {
            self.commit(group)?;
        }
        for batch in batches {
            group.add(batch);
        }
        group.last = place;
        Ok(())
    }

    /// Does what an entry says; gives what is still to be committed with its place.
    fn command(&self, entry: Entry, sequence: u64) -> Result<Vec<Change>, ClusterError> {
        let store = &self.store;
        let done = match entry {
            Entry::Events(batch) => return Ok(vec![Change::Batch(batch)]),
            Entry::Gathered(batches) => {
                return Ok(batches.into_iter().map(Change::Batch).collect());
            }
            Entry::Replayed {
                source,
                received_at,
                events,
            } => {
                return Ok(vec![Change::Replayed {
                    source,
                    received_at,
                    events,
                }]);
            }
            Entry::RaiseFloor(floor) => store.raise_floor(floor).map(|()| Outcome::Count(0)),
            Entry::ReleaseDue(now) => store.release_due(now).map(Outcome::Count),
            Entry::Claim {
                account,
                number,
                space,
            } => store.claim(account, number, space).map(Outcome::Count),
            Entry::Replay { item, events } => {
                let replayed = store.replay(item, &events);
                replayed.map(|was_there| Outcome::Count(u64::from(was_there)))
            }
            Entry::Mark => digest::of(store, sequence).map(|it| Outcome::Digest(Arc::new(it))),
            // Whoever has the counts of before stands behind it.
            Entry::Base => {
                return Err(ClusterError::Gap {
                    partition: self.partition,
                    expected: sequence,
                    found: sequence.saturating_add(1),
                });
            }
        };
        let outcome = match done {
            Ok(outcome) => outcome,
            // It is so for every replica.
            Err(StoreError::Invalid { reason }) => Outcome::Refused(reason),
            Err(error) => return Err(error.into()),
        };
        lock(&self.outcomes).put(sequence, outcome);
        Ok(Vec::new())
    }

    fn commit(&self, group: &mut Group) -> Result<(), ClusterError> {
        let group = std::mem::take(group);
        let Some((sequence, last_ms)) = group.last else {
            return Ok(());
        };
        let place = StreamOffset {
            created_ns: self.created_ns,
            sequence,
            last_ms,
            ..StreamOffset::default()
        };
        self.store.fold(group.changes, self.log.clone(), place)?;
        self.position.send_replace(sequence);
        Ok(())
    }
}

/// The name under which a store keeps its place.
#[must_use]
pub fn log_name(partition: Partition) -> SourceName {
    format!("log/{partition}").into()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
