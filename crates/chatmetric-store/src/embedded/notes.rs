//! Notes: what made a count in another way than the plain one, in memory.
//!
//! The plain way is a report of the status itself by the number's usual source, received
//! in the quarter-hour in which it happened: it leaves nothing here, it is what remains of
//! the count. Not here: rows on disk (`explained.rs`), and who is usual (`usual.rs`).
//! Invariant: live and replayed frames make the same notes, from the same entries.

use super::usual::UsualTable;
use chatmetric_core::{MessageRecord, MessageStatus, Slot};
use std::mem::size_of;
use std::ops::Range;

/// What a note is about; the numbers are those on disk and never change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub(crate) enum NoteKind {
    SentReported = 0,
    SentImplied = 1,
    SentMoved = 2,
    DeliveredReported = 3,
    DeliveredImplied = 4,
    DeliveredMoved = 5,
    Duplicate = 6,
    Late = 7,
    SentRevised = 8,
    DeliveredRevised = 9,
}

impl NoteKind {
    const ALL: [Self; 10] = [
        Self::SentReported,
        Self::SentImplied,
        Self::SentMoved,
        Self::DeliveredReported,
        Self::DeliveredImplied,
        Self::DeliveredMoved,
        Self::Duplicate,
        Self::Late,
        Self::SentRevised,
        Self::DeliveredRevised,
    ];

    pub(crate) fn of_code(code: u8) -> Option<Self> {
        Self::ALL.get(usize::from(code)).copied()
    }

    /// Whether it says when, and not by whom.
    pub(crate) const fn is_revision(self) -> bool {
        matches!(self, Self::SentRevised | Self::DeliveredRevised)
    }
}

/// The source of a note in memory: the usual one, or one more than its number.
pub(crate) const USUAL: u32 = 0;

/// What is counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct NoteKey {
    pub(crate) binding: u32,
    pub(crate) slot: Slot,
    pub(crate) kind: NoteKind,
    /// [`USUAL`] or one more than the number of a source; of a revision the slot in which
    /// it was received.
    pub(crate) of: u32,
}

/// One counter of a message: how its changes are noted.
#[derive(Debug, Clone, Copy)]
struct Counter {
    status: MessageStatus,
    reported: NoteKind,
    implied: NoteKind,
    moved: NoteKind,
    revised: NoteKind,
}

const SENT: Counter = Counter {
    status: MessageStatus::Sent,
    reported: NoteKind::SentReported,
    implied: NoteKind::SentImplied,
    moved: NoteKind::SentMoved,
    revised: NoteKind::SentRevised,
};

const DELIVERED: Counter = Counter {
    status: MessageStatus::Delivered,
    reported: NoteKind::DeliveredReported,
    implied: NoteKind::DeliveredImplied,
    moved: NoteKind::DeliveredMoved,
    revised: NoteKind::DeliveredRevised,
};

/// Who reports, and when it was received: the same for all events of a batch.
#[derive(Debug)]
pub(crate) struct Reporter {
    /// The number of the source in memory; `None` in frames of before format 4, of which
    /// nothing is noted.
    pub(crate) source: Option<u32>,
    pub(crate) received: Slot,
    pub(crate) usual: UsualTable,
}

impl Default for Reporter {
    fn default() -> Self {
        Self {
            source: None,
            received: Slot(0),
            usual: UsualTable::default(),
        }
    }
}

impl Reporter {
    /// What a report did to a message.
    #[inline]
    pub(crate) fn changed(
        &self,
        notes: &mut Vec<(NoteKey, i32)>,
        binding: u32,
        status: MessageStatus,
        (before, after): (&MessageRecord, &MessageRecord),
    ) {
        let Some(source) = self.source else {
            return;
        };
        if before.sent() != after.sent() {
            let places = (before.sent(), after.sent());
            self.counter(notes, (binding, source), status, &SENT, places);
        }
        if before.delivered() != after.delivered() {
            let places = (before.delivered(), after.delivered());
            self.counter(notes, (binding, source), status, &DELIVERED, places);
        }
    }

    #[inline]
    fn counter(
        &self,
        notes: &mut Vec<(NoteKey, i32)>,
        (binding, source): (u32, u32),
        status: MessageStatus,
        counter: &Counter,
        (from, to): (Slot, Slot),
    ) {
        let key = |slot, kind| self.key(binding, source, slot, kind);
        if from == Slot::NEVER {
            let is_own = status == counter.status;
            let is_usual = self.usual.is(binding, source, to.day());
            if !(is_own && is_usual) {
                let kind = if is_own {
                    counter.reported
                } else {
                    counter.implied
                };
                notes.push((key(to, kind), 1));
            }
        } else {
            notes.push((key(from, counter.moved), -1));
            notes.push((key(to, counter.moved), 1));
            self.revised(notes, binding, counter, from, -1);
        }
        self.revised(notes, binding, counter, to, 1);
    }

    #[inline]
    fn revised(
        &self,
        notes: &mut Vec<(NoteKey, i32)>,
        binding: u32,
        counter: &Counter,
        slot: Slot,
        change: i32,
    ) {
        if self.received > slot {
            let key = NoteKey {
                binding,
                slot,
                kind: counter.revised,
                of: self.received.0,
            };
            notes.push((key, change));
        }
    }

    /// The key of a note about a report that changed no record.
    pub(crate) fn note(&self, binding: u32, slot: Slot, kind: NoteKind) -> Option<NoteKey> {
        Some(self.key(binding, self.source?, slot, kind))
    }

    /// The key of a note about a source.
    fn key(&self, binding: u32, source: u32, slot: Slot, kind: NoteKind) -> NoteKey {
        let of = if self.usual.is(binding, source, slot.day()) {
            USUAL
        } else {
            source + 1
        };
        NoteKey {
            binding,
            slot,
            kind,
            of,
        }
    }
}

/// The notes of the bindings of one stripe: a list that is appended to, because a table of
/// them would cost a wait for memory each time. Those of one key are put together when the
/// list is full.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    list: Vec<(NoteKey, i32)>,
}

impl Notes {
    /// Adds to a note; gives the bytes that this allocated.
    #[inline]
    pub(crate) fn add(&mut self, key: NoteKey, change: i32) -> usize {
        let more = if self.list.len() == self.list.capacity() {
            self.make_room()
        } else {
            0
        };
        self.list.push((key, change));
        more
    }

    /// Puts together what is of one key, and makes the list longer when that freed little.
    fn make_room(&mut self) -> usize {
        let before = self.list.capacity();
        self.list.sort_unstable_by_key(|(key, _)| *key);
        self.list.dedup_by(|(key, change), (kept, sum)| {
            let is_same = key == kept;
            if is_same {
                *sum += *change;
            }
            is_same
        });
        if self.list.len() > before / 2 {
            let more = before - self.list.len() + (before / 2).max(16);
            self.list.reserve_exact(more);
        }
        (self.list.capacity() - before) * size_of::<(NoteKey, i32)>()
    }

    /// All notes, in no order; several may be of one key.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&NoteKey, i32)> {
        self.list.iter().map(|(key, count)| (key, *count))
    }

    /// The notes of a binding about some slots, as [`Self::iter`].
    pub(crate) fn of(
        &self,
        binding: u32,
        slots: Range<Slot>,
    ) -> impl Iterator<Item = (&NoteKey, i32)> {
        let wanted = move |key: &NoteKey| key.binding == binding && slots.contains(&key.slot);
        self.iter().filter(move |(key, _)| wanted(key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn key(binding: u32, slot: u32) -> NoteKey {
        NoteKey {
            binding,
            slot: Slot(slot),
            kind: NoteKind::Duplicate,
            of: USUAL,
        }
    }

    proptest! {
        #[test]
        fn notes_sum_up(changes in proptest::collection::vec((0_u32..3, 0_u32..9, -3_i32..4), 0..400)) {
            let mut notes = Notes::default();
            let mut right: BTreeMap<NoteKey, i32> = BTreeMap::new();
            for (binding, slot, change) in changes {
                notes.add(key(binding, slot), change);
                *right.entry(key(binding, slot)).or_default() += change;
            }
            let mut found: BTreeMap<NoteKey, i32> = BTreeMap::new();
            for (key, change) in notes.iter() {
                *found.entry(*key).or_default() += change;
            }
            prop_assert_eq!(&found, &right);
            let some: i32 = notes.of(1, Slot(2)..Slot(5)).map(|(_, change)| change).sum();
            let expected = right.iter().filter(|(key, _)| key.binding == 1 && (2..5).contains(&key.slot.0));
            prop_assert_eq!(some, expected.map(|(_, change)| *change).sum::<i32>());
        }
    }

    #[test]
    fn a_flood_of_one_key_takes_no_memory() {
        let mut notes = Notes::default();
        let bytes: usize = (0..100_000).map(|at| notes.add(key(at % 5, 7), 1)).sum();
        assert!(bytes < 2_000, "{bytes}");
        assert_eq!(notes.iter().map(|(_, count)| count).sum::<i32>(), 100_000);
    }
}
