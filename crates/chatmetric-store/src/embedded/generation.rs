//! A generation: what one journal segment brought, as readers and the sealer see
//! it. Its differences, books, bindings and quarantine become visible only after
//! the sync of their frame.
//!
//! Not here: the records (they belong to the writer until the generation is
//! finished). Invariant: the tallies of the catalog plus the published
//! generations from its segment on are exact.

use super::entry::{BooksDelta, Decoder, Entry};
use super::hot::{Deltas, HotTable, STRIPES};
use super::hot_days::HotDays;
use super::item::Item;
use super::journal::Position;
use super::notes::{NoteKey, USUAL};
use super::offsets::Offsets;
use super::usual::SourceNames;
use crate::api::SourceName;
use crate::sync::{Mutex, MutexGuard};
use chatmetric_core::{EpochMs, MessageRecord, PhoneNumber, Slot, SpaceKey, UtcDay};
use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;
use std::collections::BTreeMap;
use std::hint::black_box;
use std::sync::atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError};

/// Differences that are looked at ahead of being added.
const LOOK_AHEAD: usize = 16;

/// Locks a mutex; a thread that died while it held it leaves whole values behind
/// (every critical section of the store is a plain update).
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The published part of a generation.
#[derive(Debug)]
pub(crate) struct Published {
    pub(crate) segment: u64,
    stripes: Vec<Mutex<HotDays>>,
    /// About how many bytes the days take.
    pub(crate) day_bytes: AtomicUsize,
    /// Messages, for the figures.
    pub(crate) records: AtomicUsize,
    /// The end of the last published frame in the segment's file.
    pub(crate) journal_end: AtomicU64,
    /// The place behind that frame; 0 while there is none.
    pub(crate) journal_next: AtomicU64,
    pub(crate) side: Mutex<Side>,
    /// The latest receipt or event of the generation, in ms.
    pub(crate) last_change_ms: AtomicI64,
}

/// What a generation changes besides the tallies.
#[derive(Debug, Default)]
pub(crate) struct Side {
    pub(crate) books: BTreeMap<SourceName, BooksDelta>,
    pub(crate) bindings: Vec<(u32, SpaceKey, PhoneNumber)>,
    /// What came into the quarantine (`Some`) or left it (`None`).
    pub(crate) quarantine: BTreeMap<u64, Option<Arc<Item>>>,
    pub(crate) quarantine_bytes: usize,
    pub(crate) floor: Option<EpochMs>,
    pub(crate) offsets: Offsets,
    /// From which day on a source, by its number in memory, is a binding's usual one.
    pub(crate) usual: Vec<(u32, UtcDay, u32)>,
}

/// A finished generation, waiting for the sealer.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) published: Arc<Published>,
    pub(crate) hot: HotTable,
    /// The place behind its last frame.
    pub(crate) next: Position,
}

impl Published {
    pub(crate) fn new(segment: u64) -> Self {
        Self {
            segment,
            stripes: (0..STRIPES).map(|_| Mutex::default()).collect(),
            day_bytes: AtomicUsize::new(0),
            records: AtomicUsize::new(0),
            journal_end: AtomicU64::new(0),
            journal_next: AtomicU64::new(0),
            side: Mutex::default(),
            last_change_ms: AtomicI64::new(0),
        }
    }

    pub(crate) fn stripe(&self, binding: u32) -> MutexGuard<'_, HotDays> {
        lock(&self.stripes[binding as usize % STRIPES])
    }

    /// All stripes, one after the other.
    pub(crate) fn stripes(&self) -> impl Iterator<Item = MutexGuard<'_, HotDays>> {
        self.stripes.iter().map(lock)
    }

    /// Makes the differences of a synced frame visible. One binding lies in one
    /// stripe, so a reader of it sees all of the frame or nothing.
    pub(crate) fn publish(&self, deltas: &Deltas) {
        let (mut last, mut more) = (Slot(0), 0);
        for (stripe, deltas) in self.stripes.iter().zip(deltas.stripes.iter()) {
            if deltas.is_empty() {
                continue;
            }
            let mut stripe = lock(stripe);
            let before = stripe.bytes();
            for deltas in deltas.counts.chunks(LOOK_AHEAD) {
                for delta in deltas {
                    black_box(stripe.look_ahead(delta.binding));
                }
                for delta in deltas {
                    stripe.add(delta.binding, delta.slot, delta.counts);
                    last = last.max(delta.slot);
                }
            }
            for (key, change) in &deltas.notes {
                stripe.add_note(*key, *change);
                last = last.max(key.slot);
            }
            more += stripe.bytes() - before;
        }
        self.day_bytes.fetch_add(more, Ordering::Relaxed);
        self.note_change(last.start());
    }

    /// Remembers that something happened at `time`.
    pub(crate) fn note_change(&self, time: EpochMs) {
        self.last_change_ms.fetch_max(time.0, Ordering::Relaxed);
    }
}

impl Side {
    pub(crate) fn put(&mut self, id: u64, item: Arc<Item>) {
        self.quarantine_bytes += item.weight_bytes();
        self.quarantine.insert(id, Some(item));
    }

    pub(crate) fn remove(&mut self, id: u64) {
        self.quarantine_bytes += 16;
        self.quarantine.insert(id, None);
    }

    pub(crate) fn add_books(&mut self, source: &SourceName, delta: &BooksDelta) {
        match self.books.get_mut(source) {
            Some(own) => own.add(delta),
            None => {
                self.books.insert(source.clone(), *delta);
            }
        }
    }
}

/// Folds the frames of one segment into a generation: no look-up, no clock.
#[derive(Debug)]
pub(crate) struct Fold {
    pub(crate) published: Arc<Published>,
    pub(crate) hot: HotTable,
    sources: HashMap<u32, SourceName, FxBuildHasher>,
    names: Arc<SourceNames>,
    /// Empty between two frames, but for the usual sources as they are then.
    pub(crate) deltas: Deltas,
}

impl Fold {
    pub(crate) fn new(segment: u64, names: &Arc<SourceNames>, deltas: Deltas) -> Self {
        Self {
            published: Arc::new(Published::new(segment)),
            hot: HotTable::default(),
            sources: HashMap::default(),
            names: Arc::clone(names),
            deltas,
        }
    }

    /// Folds one payload in.
    ///
    /// # Errors
    /// The place in the payload at which it makes no sense.
    pub(crate) fn frame(&mut self, payload: &[u8]) -> Result<(), usize> {
        let mut decoder = Decoder::new(payload).ok_or(0_usize)?;
        let published = Arc::clone(&self.published);
        published.note_change(decoder.received_at);
        self.deltas.reporter.received = decoder.received_at.slot();
        self.deltas.reporter.source = None;
        let mut side = lock(&published.side);
        loop {
            let at = decoder.position();
            match decoder.next().ok_or(at)? {
                None => break,
                Some(entry) => self.entry(entry, &mut side).ok_or(at)?,
            }
        }
        published.publish(&self.deltas);
        self.deltas.clear();
        Ok(())
    }

    fn entry(&mut self, entry: Entry, side: &mut Side) -> Option<()> {
        match entry {
            Entry::New {
                fingerprint,
                binding,
                status,
                slot,
            } => {
                let before = MessageRecord::EMPTY;
                let mut after = before;
                after.apply(status, slot);
                let change = (&before, status, after);
                self.hot
                    .insert(fingerprint, binding, change, &mut self.deltas);
            }
            Entry::Base {
                fingerprint,
                binding,
                record,
                status,
                slot,
            } => {
                let mut after = record;
                after.apply(status, slot);
                let change = (&record, status, after);
                self.hot
                    .insert(fingerprint, binding, change, &mut self.deltas);
            }
            Entry::Ref {
                ordinal,
                status,
                slot,
            } => {
                self.hot.touch(ordinal, status, slot, &mut self.deltas)?;
            }
            Entry::Bind {
                binding,
                space,
                number,
            } => {
                self.deltas.reporter.usual.made(binding);
                side.bindings.push((binding, space, number));
            }
            Entry::Source { id, name } => {
                self.sources.insert(id, SourceName::from(name));
            }
            Entry::Books { source, delta } => {
                side.add_books(self.sources.get(&source)?, &delta);
            }
            Entry::From { source } => {
                self.deltas.reporter.source = Some(self.number(source)?);
            }
            Entry::Noted {
                kind,
                source,
                binding,
                slot,
                count,
            } => {
                let of = match source {
                    None => USUAL,
                    Some(source) => self.number(source)? + 1,
                };
                let key = NoteKey {
                    binding,
                    slot,
                    kind,
                    of,
                };
                self.deltas.add_note(key, i32::try_from(count).ok()?);
            }
            Entry::Usual {
                binding,
                source,
                from_day,
            } => {
                let source = self.number(source)?;
                self.deltas.reporter.usual.set(binding, source, from_day);
                side.usual.push((binding, from_day, source));
            }
            Entry::Put { id, item } => side.put(id, Arc::new(item)),
            Entry::Remove { id } => side.remove(id),
            Entry::Floor { floor } => side.floor = side.floor.max(Some(floor)),
            Entry::Offset { source, offset } => {
                let source = self.sources.get(&source)?;
                side.offsets.insert(source.clone(), offset);
            }
        }
        Some(())
    }

    /// The number in memory of a source of this segment.
    fn number(&self, source: u32) -> Option<u32> {
        Some(self.names.number(self.sources.get(&source)?))
    }
}
