//! One frame of the journal: what is gathered for it, how it is written, synced
//! and published.
//!
//! Not here: what goes into a frame (`writer`, `command`) and where it fits
//! (`writer`). Invariants: nothing of a frame is visible before its sync; a frame
//! that was begun is committed whole, or the store stops.

use super::entry::{BooksDelta, Encoder};
use super::fault;
use super::generation::lock;
use super::hot::Deltas;
use super::item::Item;
use super::journal::{Position, SegmentHeader, build_frame, build_mark};
use super::notes::NoteKey;
use super::usual::UsualTable;
use super::writer::Writer;
use crate::api::{SourceName, StoreError};
use crate::stream_offset::StreamOffset;
use chatmetric_core::{EpochMs, PhoneNumber, SpaceKey, UtcDay};
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

/// What belongs to the frame that is being built.
#[derive(Default)]
pub(crate) struct FrameState {
    pub(crate) encoder: Encoder,
    pub(super) deltas: Deltas,
    pub(super) books: Vec<(SourceName, BooksDelta)>,
    pub(super) offsets: Vec<(SourceName, StreamOffset)>,
    pub(super) new_bindings: Vec<(u32, SpaceKey, PhoneNumber)>,
    pub(super) items: Vec<(u64, Option<Arc<Item>>)>,
    pub(crate) floor: Option<EpochMs>,
    /// What is to be written of reports that changed no record.
    pub(super) noted: Vec<NoteKey>,
    pub(super) usual: Vec<(u32, UtcDay, u32)>,
    /// Whether the frame says who reports.
    pub(super) reporter_written: bool,
    /// How many frames may be there unsynced, this one among them.
    pub(super) unsynced_max: u64,
    received_at: Option<EpochMs>,
}

impl FrameState {
    pub(super) fn new(usual: UsualTable) -> Self {
        let mut frame = Self::default();
        frame.deltas.reporter.usual = usual;
        frame
    }

    /// Whether nothing is left of an earlier frame.
    fn is_empty(&self) -> bool {
        self.deltas.is_empty()
            && self.books.is_empty()
            && self.offsets.is_empty()
            && self.new_bindings.is_empty()
            && self.items.is_empty()
            && self.noted.is_empty()
            && self.usual.is_empty()
            && self.floor.is_none()
    }
}

impl Writer {
    /// Builds one frame and makes it durable and visible. After an error memory may
    /// be ahead of the journal, so the store stops.
    pub(crate) fn in_frame<T>(
        &mut self,
        received_at: EpochMs,
        build: impl FnOnce(&mut Self) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        if !self.frame.is_empty() {
            let reason = "a frame began before the last one had ended".to_owned();
            return Err(self.shared.poison(reason));
        }
        self.start_frame(received_at);
        let built = build(self).and_then(|built| self.commit_frame().map(|()| built));
        built.inspect_err(|error| {
            self.shared.poison(fault::chain(error));
        })
    }

    fn start_frame(&mut self, received_at: EpochMs) {
        let received_at = EpochMs(received_at.0.clamp(0, chatmetric_core::time::EPOCH_MS_MAX));
        self.frame.encoder.start(received_at);
        self.frame.deltas.reporter.received = received_at.slot();
        self.frame.reporter_written = false;
        self.frame.unsynced_max = 0;
        self.frame.received_at = Some(received_at);
    }

    /// Writes, syncs and publishes the frame; a frame without entries is none.
    fn commit_frame(&mut self) -> Result<(), StoreError> {
        self.shared.check()?;
        self.write_noted();
        for at in 0..self.frame.books.len() {
            let (name, delta) = self.frame.books[at].clone();
            let id = self.source_id(&name);
            self.frame.encoder.books(id, &delta);
        }
        for at in 0..self.frame.offsets.len() {
            let (name, offset) = self.frame.offsets[at].clone();
            let id = self.source_id(&name);
            self.frame.encoder.offset(id, &offset);
        }
        if !self.frame.encoder.has_entries() {
            return Ok(());
        }
        if let Err(error) = self.write_and_sync() {
            let reason = format!("could not append to `{}`: {error}", self.path.display());
            return Err(self.shared.poison(reason));
        }
        self.publish();
        Ok(())
    }

    /// The number of a source in this segment, which the frame gives it if it is new.
    pub(super) fn source_id(&mut self, name: &SourceName) -> u32 {
        if let Some(id) = self.sources.get(name) {
            return *id;
        }
        let next = self.sources.len() as u32;
        self.frame.encoder.source(next, name);
        self.sources.insert(name.clone(), next);
        next
    }

    /// Writes the frame, and syncs it with those before it unless they are few enough.
    fn write_and_sync(&mut self) -> std::io::Result<()> {
        let segment = self.active.segment;
        self.bytes.clear();
        if self.offset == 0 {
            let header = SegmentHeader {
                shard: self.shard().number,
                shards: self.shared.shards.len() as u32,
                segment,
                first: self.next,
            };
            self.bytes.extend_from_slice(&header.to_bytes());
        }
        let payload = &self.frame.encoder.bytes;
        let places = (self.next, self.synced);
        build_frame(&mut self.bytes, segment, places, payload);
        self.file.write_at(&self.bytes, self.offset)?;
        let unsynced = self.next.0.saturating_sub(self.synced.0);
        if unsynced > self.frame.unsynced_max {
            self.sync_file(self.next)?;
        }
        self.offset += self.bytes.len() as u64;
        self.next = self.next.next();
        let length = self.bytes.len() as u64;
        self.shared
            .journal_bytes
            .fetch_add(length, Ordering::Relaxed);
        Ok(())
    }

    /// Syncs the segment, whose last frame is `last`.
    fn sync_file(&mut self, last: Position) -> std::io::Result<()> {
        self.file.sync()?;
        self.synced = last;
        self.shared.syncs.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    /// Syncs the frames of folds that are not yet.
    pub(crate) fn sync_folds(&mut self) -> Result<(), StoreError> {
        let last = self.next.before();
        if self.synced == last {
            return Ok(());
        }
        self.shared.check()?;
        let synced = self.sync_file(last);
        synced.map_err(|error| {
            let reason = format!("could not sync `{}`: {error}", self.path.display());
            self.shared.poison(reason)
        })
    }

    /// Says on disk, without a sync, that the last frame was synced.
    pub(crate) fn mark(&mut self) {
        let last = self.next.before();
        if self.offset == 0 || self.synced != last || self.shared.check().is_err() {
            return;
        }
        let mark = build_mark(self.active.segment, last);
        if let Err(error) = self.file.write_at(&mark, self.offset) {
            let reason = format!("could not append to `{}`: {error}", self.path.display());
            self.shared.poison(reason);
        }
    }

    fn publish(&mut self) {
        let frame = &mut self.frame;
        // Before the counts: whoever sees one of a new day sees whose day it is.
        if !frame.usual.is_empty() {
            lock(&self.active.side).usual.append(&mut frame.usual);
        }
        self.active.publish(&frame.deltas);
        frame.deltas.clear();
        let (records, end) = (self.hot.len(), self.offset);
        self.active.records.store(records, Ordering::Relaxed);
        {
            // Before the acknowledgement: whoever sees another frame that came after it
            // sees this one too.
            let _publishing = self.shared.publishing.read();
            let next = self.next;
            self.active.journal_next.store(next.0, Ordering::Relaxed);
            self.active.journal_end.store(end, Ordering::Release);
        }
        if let Some(received_at) = frame.received_at.take() {
            self.active.note_change(received_at);
        }
        let mut side = lock(&self.active.side);
        if !frame.new_bindings.is_empty() {
            let mut all = self
                .shared
                .bindings
                .write()
                .unwrap_or_else(PoisonError::into_inner);
            for (id, space, number) in frame.new_bindings.drain(..) {
                all.insert((space, number), id);
                side.bindings.push((id, space, number));
            }
        }
        for (id, item) in frame.items.drain(..) {
            match item {
                Some(item) => side.put(id, item),
                None => side.remove(id),
            }
        }
        if let Some(floor) = frame.floor.take() {
            side.floor = side.floor.max(Some(floor));
            self.floor = self.floor.max(Some(floor));
        }
        for (name, delta) in &frame.books {
            side.add_books(name, delta);
        }
        side.offsets.extend(frame.offsets.iter().cloned());
        drop(side);
        let mut books = lock(&self.shared.books);
        for (name, delta) in frame.books.drain(..) {
            delta.apply_to(books.entry(name).or_default());
        }
        drop(books);
        // After the books: an offset that is seen is behind what is counted.
        if !frame.offsets.is_empty() {
            lock(&self.shared.offsets).extend(frame.offsets.drain(..));
        }
    }
}
