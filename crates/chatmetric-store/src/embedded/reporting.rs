//! Who reports what, as the writer sees it: the reporter of a batch, the usual source of
//! a number, and what is noted of reports that changed no record.
//!
//! Not here: notes of changes; those follow from the records (`hot.rs`). Invariant: what
//! a replay needs to make the same notes is in the frame before the entry that needs it.

use super::frame::FrameState;
use super::item::Body;
use super::notes::{NoteKind, USUAL};
use super::writer::Writer;
use crate::api::{SourceName, Target};
use chatmetric_core::{Slot, UtcDay};

impl FrameState {
    /// Notes a report that changed no record.
    #[inline]
    pub(super) fn note(&mut self, binding: u32, slot: Slot, kind: NoteKind) {
        if let Some(key) = self.deltas.reporter.note(binding, slot, kind) {
            self.deltas.add_note(key, 1);
            self.noted.push(key);
        }
    }
}

impl Writer {
    /// What follows was reported by `source`.
    pub(super) fn reported_by(&mut self, source: &SourceName) {
        if self.reporter.as_ref() != Some(source) {
            self.frame.deltas.reporter.source = Some(self.shared.names.number(source));
            self.reporter = Some(source.clone());
            self.frame.reporter_written = false;
        }
    }

    /// Writes who reports, before the first change of a record by it in the frame.
    #[inline]
    pub(super) fn write_reporter(&mut self) {
        if self.frame.reporter_written {
            return;
        }
        self.frame.reporter_written = true;
        if let Some(source) = self.reporter.clone() {
            let id = self.source_id(&source);
            self.frame.encoder.from(id);
        }
    }

    /// Makes the reporter the usual source of a day of which nothing is there yet.
    #[inline]
    pub(super) fn elect(&mut self, binding: u32, day: UtcDay) {
        let reporter = &mut self.frame.deltas.reporter;
        if let Some(source) = reporter.source
            && reporter.usual.elect(binding, source, day)
        {
            self.write_usual(binding, source, day);
        }
    }

    fn write_usual(&mut self, binding: u32, number: u32, from_day: UtcDay) {
        if let Some(source) = self.reporter.clone() {
            let id = self.source_id(&source);
            self.frame.encoder.usual(binding, id, from_day);
            self.frame.usual.push((binding, from_day, number));
        }
    }

    /// Notes what came too late to be counted, for a number that has counts.
    pub(super) fn note_late(&mut self, body: &Body) {
        let Body::Event(event) = body else {
            return;
        };
        let Target::Space(space) = event.target else {
            return;
        };
        if let Some(binding) = self.bindings.get(&(space, event.number)).copied() {
            let slot = event.at.slot();
            self.elect(binding, slot.day());
            self.frame.note(binding, slot, NoteKind::Late);
        }
    }

    /// Writes what was noted in the frame, summed up.
    pub(super) fn write_noted(&mut self) {
        if self.frame.noted.is_empty() {
            return;
        }
        let mut noted = std::mem::take(&mut self.frame.noted);
        noted.sort_unstable();
        for same in noted.chunk_by(|one, other| one == other) {
            let Some(key) = same.first() else {
                continue;
            };
            let source = match key.of {
                USUAL => None,
                number => self.shared.names.name(number - 1),
            };
            let id = source.map(|source| self.source_id(&source));
            // A frame has far fewer events than a number of 32 bits counts.
            let count = same.len() as u32;
            let what = (key.kind, id);
            self.frame.encoder.noted(what, key.binding, key.slot, count);
        }
        noted.clear();
        self.frame.noted = noted;
    }
}
