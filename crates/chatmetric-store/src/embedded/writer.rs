//! The writer of a shard: takes what is queued, judges it, appends one frame,
//! syncs once, publishes, answers.
//!
//! Invariants: nothing is published or answered before the sync of its frame, but for
//! the last few frames of a fold, whose log is durable elsewhere; a group is refused for lack of space before anything of it was applied; after
//! an error of writing or syncing nothing is answered with success any more.

use super::cold::{Candidates, ColdRecord, ColdRecords};
use super::disk::DiskFile;
use super::entry::BooksDelta;
use super::frame::FrameState;
use super::generation::Published;
use super::hot::HotTable;
use super::item::{Body, Item};
use super::journal::Position;
use super::notes::NoteKind;
use super::queue::Job;
use super::shared::{Shard, ShardView, Shared, Spare};
use crate::api::{
    Batch, Books, Completion, FUTURE_TOLERANCE_MS, Reason, Receipt, SourceName, StatusEvent,
    StoreError, Target,
};
use crate::stream_offset::StreamOffset;
use chatmetric_core::record::Report;
use chatmetric_core::{EpochMs, Fingerprint, MessageRecord, PhoneNumber, Slot, SpaceKey};
use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

/// The most bytes that one event can take in a frame: a quarantined event with
/// its source, or a base with its binding.
pub(super) const EVENT_BYTES_MAX: u64 = 160;
/// Events that are looked up ahead: the waits for memory of so many overlap.
const LOOK_AHEAD: usize = 32;
/// Bytes of a frame besides its events.
pub(super) const FRAME_EXTRA_BYTES: u64 = 1024;

/// The state of a shard's writer.
pub(crate) struct Writer {
    pub(crate) shared: Arc<Shared>,
    pub(crate) shard: usize,
    pub(super) hot: HotTable,
    pub(super) active: Arc<Published>,
    pub(super) file: Box<dyn DiskFile>,
    pub(super) path: std::path::PathBuf,
    pub(super) offset: u64,
    pub(super) capacity: u64,
    pub(super) next: Position,
    /// The last frame that was synced, with all before it.
    pub(super) synced: Position,
    pub(super) sources: HashMap<SourceName, u32, FxBuildHasher>,
    pub(super) bindings: HashMap<(SpaceKey, PhoneNumber), u32, FxBuildHasher>,
    pub(crate) floor: Option<EpochMs>,
    pub(crate) frame: FrameState,
    /// The source of what is being counted.
    pub(super) reporter: Option<SourceName>,
    pub(super) bytes: Vec<u8>,
}

/// A batch that waits for its frame.
type Queued = (Batch, Option<StreamOffset>, Completion);

/// What an event is looked up in.
pub(crate) struct Known {
    view: Arc<ShardView>,
    cold: Arc<dyn ColdRecords>,
}

/// What was looked up ahead of a report.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Seen {
    /// The ordinal of the message, which never changes within a generation.
    ordinal: Option<u32>,
    /// Where it may be among the sealed ones, which are the same for a group.
    candidates: Option<Candidates>,
}

impl Known {
    /// The record of a message before this generation. Generations first: a
    /// sealed one leaves the list only after its run is in the set.
    fn find(
        &self,
        fingerprint: Fingerprint,
        candidates: Option<Candidates>,
    ) -> Result<Option<ColdRecord>, StoreError> {
        for finished in self.view.pending.iter().rev() {
            if let Some(record) = finished.hot.find(fingerprint) {
                return Ok(Some(record));
            }
        }
        match candidates {
            Some(candidates) => self.cold.find_among(fingerprint, candidates),
            None => self.cold.find(fingerprint),
        }
    }
}

/// The events of a group before they are applied, where the disk is asked for most of them:
/// small batches wait for it together then, as the events of a large one do.
struct Coming<'g> {
    events: Option<Box<dyn Iterator<Item = &'g StatusEvent> + 'g>>,
    cold: Arc<dyn ColdRecords>,
    /// Events that were looked at and are not applied yet.
    ahead: usize,
}

impl<'g> Coming<'g> {
    fn new(batches: &'g [Queued], known: &Known) -> Self {
        let events = || -> Box<dyn Iterator<Item = &'g StatusEvent> + 'g> {
            Box::new(batches.iter().flat_map(|(batch, ..)| &batch.events))
        };
        // The events of a large batch are looked up ahead of each other anyway.
        let all: usize = batches.iter().map(|(batch, ..)| batch.events.len()).sum();
        let are_small = batches.len() > 1 && all < batches.len() * LOOK_AHEAD;
        let waits = are_small && known.cold.has_filters_on_disk();
        Self {
            events: waits.then(events),
            cold: Arc::clone(&known.cold),
            ahead: 0,
        }
    }

    /// Begins to read for this batch and for some events behind it.
    fn look_beyond(&mut self, batch_events: usize, is_hot: impl Fn(&StatusEvent) -> bool) {
        let Some(events) = &mut self.events else {
            return;
        };
        let wanted = (batch_events + LOOK_AHEAD).saturating_sub(self.ahead);
        for event in events.take(wanted) {
            self.ahead += 1;
            if !is_hot(event) {
                let candidates = self.cold.candidates(event.fingerprint);
                // Asked again for its batch, and most of it needs no wait then.
                let _ = self.cold.prefetch(event.fingerprint, candidates);
            }
        }
        self.ahead = self.ahead.saturating_sub(batch_events);
    }
}

/// Why an event may not be counted now; `None` when it may.
///
/// What the directory refused is never judged by its time. The floor comes next,
/// then the future, then the missing owner: a held event keeps that judgement.
fn judge(
    event: &StatusEvent,
    received_at: EpochMs,
    floor: Option<EpochMs>,
) -> Result<SpaceKey, Reason> {
    if let Target::Refused(_, reason) = event.target {
        return Err(reason);
    }
    if floor.is_some_and(|floor| event.at < floor) {
        return Err(Reason::Late);
    }
    if event.at.0 > received_at.0.saturating_add(FUTURE_TOLERANCE_MS) {
        return Err(Reason::Future);
    }
    match event.target {
        Target::Space(space) => Ok(space),
        Target::Held(_) => Err(Reason::UnknownNumber),
        Target::Refused(_, reason) => Err(reason),
    }
}

/// The most bytes that a batch can take in a frame.
pub(super) fn room_of(batch: &Batch) -> u64 {
    let items = (batch.events.len() + batch.sealed.len()) as u64;
    let each = EVENT_BYTES_MAX + batch.source.len() as u64;
    let sealed: usize = batch.sealed.iter().map(|item| item.sealed.len()).sum();
    (items + 1) * each + sealed as u64 + 2 * batch.source.len() as u64
}

impl Writer {
    pub(crate) fn new(shared: Arc<Shared>, shard: usize, spare: Spare, next: Position) -> Self {
        let bindings = shared
            .bindings
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
            .map(|(key, id)| (*key, *id))
            .collect();
        let active = Arc::clone(&shared.shards[shard].view().active);
        Self {
            hot: HotTable::default(),
            active,
            file: spare.file,
            path: spare.path,
            offset: 0,
            capacity: spare.bytes,
            next,
            // A start has synced what it read.
            synced: next.before(),
            sources: HashMap::default(),
            bindings,
            floor: shared.floor(),
            frame: FrameState::new(shared.usual.clone()),
            reporter: None,
            bytes: Vec::new(),
            shared,
            shard,
        }
    }

    pub(crate) fn shard(&self) -> &Shard {
        &self.shared.shards[self.shard]
    }

    /// Works until the queue is closed and empty; gives the place of the next
    /// frame that there will never be.
    pub(crate) fn run(mut self) -> Position {
        let mut jobs = Vec::new();
        while self.shared.shards[self.shard].queue.take(&mut jobs) {
            let mut batches = Vec::with_capacity(jobs.len());
            for job in jobs.drain(..) {
                match job {
                    Job::Batch(batch, offset, done) => batches.push((batch, offset, done)),
                    Job::Command(command, done) => {
                        // It may change more than the journal.
                        let result = self.sync_folds().and_then(|()| self.command(command));
                        done(result);
                    }
                    Job::Fold(fold, done) => done(self.fold(&fold)),
                }
            }
            if !batches.is_empty() {
                self.group(batches);
            }
        }
        // The clean stop that is noted says that all of it is there.
        drop(self.sync_folds());
        self.next
    }

    fn group(&mut self, batches: Vec<Queued>) {
        let mut receipts = Vec::with_capacity(batches.len());
        let result = self.apply_group(&batches, &mut receipts);
        match result {
            Ok(()) => {
                for ((.., done), receipt) in batches.into_iter().zip(receipts) {
                    done(Ok(receipt));
                }
                self.mark();
            }
            Err(error) => {
                for (.., done) in batches {
                    done(Err(error.clone()));
                }
            }
        }
    }

    fn apply_group(
        &mut self,
        batches: &[Queued],
        receipts: &mut Vec<Receipt>,
    ) -> Result<(), StoreError> {
        let mut room = FRAME_EXTRA_BYTES;
        for (batch, ..) in batches {
            room += room_of(batch);
        }
        self.make_room(room)?;
        let latest = batches.iter().map(|(batch, ..)| batch.received_at).max();
        self.in_frame(latest.unwrap_or(EpochMs(0)), |writer| {
            let known = writer.known();
            let mut coming = Coming::new(batches, &known);
            for (batch, offset, _) in batches {
                coming.look_beyond(batch.events.len(), |event| {
                    writer.hot.ordinal(event.fingerprint).is_some()
                });
                receipts.push(writer.apply(batch, &known)?);
                if let Some(offset) = offset {
                    writer.frame.offsets.push((batch.source.clone(), *offset));
                }
            }
            Ok(())
        })
    }

    pub(crate) fn known(&self) -> Known {
        let view = self.shard().view();
        Known {
            view,
            cold: self.shared.runs(),
        }
    }

    pub(super) fn apply(&mut self, batch: &Batch, known: &Known) -> Result<Receipt, StoreError> {
        let mut receipt = Receipt {
            ignored: batch.ignored,
            ..Receipt::default()
        };
        self.reported_by(&batch.source);
        for events in batch.events.chunks(LOOK_AHEAD) {
            let mut seen = [Seen::default(); LOOK_AHEAD];
            for (event, seen) in events.iter().zip(&mut seen) {
                seen.ordinal = self.hot.ordinal(event.fingerprint);
            }
            for (event, seen) in events.iter().zip(&mut seen) {
                if seen.ordinal.is_none() {
                    seen.candidates = Some(known.cold.candidates(event.fingerprint));
                }
            }
            for (event, seen) in events.iter().zip(&mut seen) {
                if let Some(candidates) = &mut seen.candidates
                    && !candidates.is_empty()
                {
                    *candidates = known.cold.prefetch(event.fingerprint, *candidates);
                }
            }
            for (event, seen) in events.iter().zip(seen) {
                self.apply_event(batch, event, seen, known, &mut receipt)?;
            }
        }
        for item in &batch.sealed {
            let body = Body::Sealed(item.account, item.sealed.clone());
            self.quarantine(batch, &mut receipt, item.reason, body);
        }
        let received = u64::from(receipt.new)
            + u64::from(receipt.duplicate)
            + u64::from(receipt.ignored)
            + u64::from(receipt.late)
            + u64::from(receipt.quarantined);
        if received > 0 {
            self.note(
                &batch.source,
                Books {
                    received,
                    new: receipt.new.into(),
                    duplicate: receipt.duplicate.into(),
                    moved: receipt.moved.into(),
                    ignored: receipt.ignored.into(),
                    late: receipt.late.into(),
                    quarantined: receipt.quarantined.into(),
                    ..Books::default()
                },
            );
        }
        Ok(receipt)
    }

    fn apply_event(
        &mut self,
        batch: &Batch,
        event: &StatusEvent,
        seen: Seen,
        known: &Known,
        receipt: &mut Receipt,
    ) -> Result<(), StoreError> {
        match judge(event, batch.received_at, self.floor) {
            Ok(space) => match self.count(event, space, seen, known)? {
                Report::New => receipt.new += 1,
                Report::Duplicate => receipt.duplicate += 1,
                Report::Moved => {
                    receipt.duplicate += 1;
                    receipt.moved += 1;
                }
            },
            Err(reason) => self.quarantine(batch, receipt, reason, Body::Event(*event)),
        }
        Ok(())
    }

    /// Counts one report for its message; writes an entry only when the record
    /// changed. `seen` may be of before other reports of the same group.
    pub(crate) fn count(
        &mut self,
        event: &StatusEvent,
        space: SpaceKey,
        seen: Seen,
        known: &Known,
    ) -> Result<Report, StoreError> {
        let (fingerprint, status, slot) = (event.fingerprint, event.status, event.at.slot());
        if let Some(ordinal) = seen.ordinal.or_else(|| self.hot.ordinal(fingerprint))
            && let Some(binding) = self.hot.binding(ordinal)
        {
            self.elect(binding, slot.day());
            let deltas = &mut self.frame.deltas;
            if let Some((report, changed)) = self.hot.touch(ordinal, status, slot, deltas) {
                if changed {
                    self.write_reporter();
                    self.frame.encoder.reference(ordinal, status, slot);
                }
                self.note_report(binding, slot, report);
                return Ok(report);
            }
        }
        let (binding, before) = match known.find(fingerprint, seen.candidates)? {
            Some(found) => (found.binding, found.record),
            None => (self.bind(space, event.number), MessageRecord::EMPTY),
        };
        self.elect(binding, slot.day());
        let mut after = before;
        let report = after.apply(status, slot);
        self.note_report(binding, slot, report);
        if before == after {
            return Ok(report);
        }
        self.write_reporter();
        let FrameState {
            encoder, deltas, ..
        } = &mut self.frame;
        if before == MessageRecord::EMPTY {
            encoder.new_message(fingerprint, binding, status, slot);
        } else {
            encoder.base(fingerprint, binding, &before, status, slot);
        }
        self.hot
            .insert(fingerprint, binding, (&before, status, after), deltas);
        Ok(report)
    }

    /// A further report of what had been reported changes little or nothing: it is noted.
    #[inline]
    fn note_report(&mut self, binding: u32, slot: Slot, report: Report) {
        match report {
            Report::New => {}
            Report::Duplicate | Report::Moved => {
                self.frame.note(binding, slot, NoteKind::Duplicate);
            }
        }
    }

    fn bind(&mut self, space: SpaceKey, number: PhoneNumber) -> u32 {
        if let Some(id) = self.bindings.get(&(space, number)) {
            return *id;
        }
        let id = self.shared.next_binding.fetch_add(1, Ordering::Relaxed);
        self.bindings.insert((space, number), id);
        self.frame.encoder.bind(id, space, &number);
        self.frame.deltas.reporter.usual.made(id);
        self.frame.new_bindings.push((id, space, number));
        id
    }

    fn quarantine(&mut self, batch: &Batch, receipt: &mut Receipt, reason: Reason, body: Body) {
        if reason == Reason::Late {
            receipt.late += 1;
            self.note_late(&body);
        } else {
            receipt.quarantined += 1;
        }
        let id = self.shared.next_item.fetch_add(1, Ordering::Relaxed);
        let item = Item {
            source: batch.source.clone(),
            received_at: batch.received_at,
            reason,
            body,
        };
        self.put_item(id, item);
    }

    pub(crate) fn put_item(&mut self, id: u64, item: Item) {
        self.frame.encoder.put(id, &item);
        self.frame.items.push((id, Some(Arc::new(item))));
    }

    pub(crate) fn remove_item(&mut self, id: u64) {
        self.frame.encoder.remove(id);
        self.frame.items.push((id, None));
    }

    /// Adds to the books of a source; one entry a frame and source is written.
    pub(crate) fn note(&mut self, source: &SourceName, more: Books) {
        self.note_delta(source, &BooksDelta::of(more));
    }

    pub(crate) fn note_delta(&mut self, source: &SourceName, more: &BooksDelta) {
        let books = &mut self.frame.books;
        match books.iter_mut().find(|(name, _)| name == source) {
            Some((_, delta)) => delta.add(more),
            None => books.push((source.clone(), *more)),
        }
    }
}
