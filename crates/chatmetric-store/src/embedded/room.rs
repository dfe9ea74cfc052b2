//! Where the next frame goes: room in this segment, or the next segment with a new
//! generation.
//!
//! Invariant: a group is refused for lack of space before anything of it was
//! applied, and a frame never waits for space once it was begun.

use super::fault;
use super::generation::{Finished, Published, lock};
use super::hot::HotTable;
use super::journal::{FRAME_HEADER_BYTES, SEGMENT_HEADER_BYTES, frame_bytes};
use super::options::{HOT_RECORD_BYTES, Step};
use super::segment;
use super::shared::Spare;
use super::writer::Writer;
use crate::api::StoreError;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

impl Writer {
    /// Makes sure that a frame of `bytes` fits, with its mark; goes on to the
    /// next segment when this one or its generation is full.
    pub(crate) fn make_room(&mut self, bytes: u64) -> Result<(), StoreError> {
        self.shared.check()?;
        let need = frame_bytes(bytes as usize) as u64
            + (2 * FRAME_HEADER_BYTES + SEGMENT_HEADER_BYTES) as u64;
        let full = self.offset + need > self.capacity || self.is_full();
        if full && self.offset > 0 {
            self.rotate()?;
        }
        if self.offset + need > self.capacity {
            let to = self.offset + need;
            segment::write_zeros(self.file.as_ref(), &self.path, self.capacity, to)
                .map_err(|error| self.unavailable(fault::chain(&error)))?;
            // Pages whose sync failed are never synced again.
            if let Err(error) = self.file.sync() {
                let reason = format!("could not sync `{}`: {error}", self.path.display());
                return Err(self.shared.poison(reason));
            }
            self.capacity = to;
            // Space that was short for this is there again.
            self.shared.set_waiting(None);
        }
        Ok(())
    }

    /// Whether the generation has taken the memory that it may take.
    fn is_full(&self) -> bool {
        let options = &self.shared.options;
        let records = self.hot.len();
        let days = self.active.day_bytes.load(Ordering::Relaxed);
        let quarantine = lock(&self.active.side).quarantine_bytes;
        records >= options.generation_records_max
            || days >= options.generation_day_bytes_max
            || quarantine >= options.generation_quarantine_bytes_max
            || records * HOT_RECORD_BYTES + days + quarantine >= options.generation_bytes_max
    }

    fn unavailable(&self, reason: String) -> StoreError {
        self.shared.set_waiting(Some(reason.clone()));
        StoreError::Unavailable { reason }
    }

    /// Finishes the generation and goes on in the prepared segment; an empty one
    /// is kept.
    pub(crate) fn rotate(&mut self) -> Result<(), StoreError> {
        if self.offset == 0 {
            return Ok(());
        }
        // Another segment says that all of this one is there.
        self.sync_folds()?;
        let spare = self.wait_for_spare()?;
        let segment = spare.segment;
        let next = Arc::new(Published::new(segment));
        let records = self.hot.len();
        let finished = Arc::new(Finished {
            published: std::mem::replace(&mut self.active, Arc::clone(&next)),
            // The next generation will be about as large.
            hot: std::mem::replace(&mut self.hot, HotTable::with_capacity(records)),
            next: self.next,
        });
        self.file = spare.file;
        self.path = spare.path;
        self.capacity = spare.bytes;
        self.offset = 0;
        self.sources.clear();
        let shard = self.shard();
        shard.change_view(|view| {
            view.pending.push(finished);
            view.active = next;
        });
        drop(lock(&shard.state));
        shard.changed.notify_all();
        self.shared.step(Step::Rotated)
    }

    fn wait_for_spare(&self) -> Result<Spare, StoreError> {
        let shard = self.shard();
        let pending_max = self.shared.options.generations_pending_max.max(1);
        let mut state = lock(&shard.state);
        loop {
            if self.shared.stopping() {
                return Err(StoreError::Closed);
            }
            self.shared.check()?;
            let room = shard.view().pending.len() < pending_max;
            if room && let Some(spare) = state.spare.take() {
                drop(state);
                shard.changed.notify_all();
                self.shared.set_waiting(None);
                return Ok(spare);
            }
            let failed = if room {
                &state.spare_failed
            } else {
                &state.seal_failed
            };
            if let Some(reason) = failed.clone() {
                drop(state);
                return Err(self.unavailable(reason));
            }
            state = shard
                .changed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }
}
