//! What made a count: the shares of its sources, and its later changes.
//!
//! Not here: how it is kept (`embedded/notes.rs`). Invariant: the shares of all sources
//! sum up to the counts that `read_days` gives for the same slots at the same moment.

use crate::api::SourceName;
use chatmetric_core::Slot;

/// Most slots of one explanation: a month of the longest days, in quarter-hours.
pub const EXPLAINED_SLOTS_MAX: u32 = 31 * 104;

/// What made the counts of some slots of a number.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Explanation {
    /// Messages that count as sent there.
    pub sent: i64,
    /// Messages that count as delivered there.
    pub delivered: i64,
    /// By source, sorted; what was counted before sources were kept comes first.
    pub origins: Vec<Origin>,
    /// Changes that were received after the slots were over, in the order of time.
    pub revisions: Vec<Revision>,
}

/// The part of one source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// `None`: counted before the store kept sources.
    pub source: Option<SourceName>,
    /// Its part of the messages sent.
    pub sent: Share,
    /// Its part of the messages delivered.
    pub delivered: Share,
    /// Further reports of a status that had been reported, with a time in these slots.
    pub duplicates: u64,
    /// Reports that came before the floor and were not counted.
    pub late: u64,
}

/// How messages came to count in a slot. The sum is what the source added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Share {
    /// The status itself was reported first.
    pub reported: i64,
    /// A later status was reported first: what was read was delivered.
    pub implied: i64,
    /// Moved here by an earlier time, less those that were moved away.
    pub moved: i64,
}

impl Share {
    /// What the source added to the count.
    #[must_use]
    pub const fn total(&self) -> i64 {
        self.reported + self.implied + self.moved
    }

    pub(crate) const fn add(&mut self, other: &Self) {
        self.reported += other.reported;
        self.implied += other.implied;
        self.moved += other.moved;
    }
}

/// A change of the counts after the slots were over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Revision {
    /// The quarter-hour in which the reports were received.
    pub received: Slot,
    /// By how many messages sent it changed.
    pub sent: i64,
    /// By how many messages delivered.
    pub delivered: i64,
}

impl Origin {
    pub(crate) fn of(source: Option<SourceName>) -> Self {
        Self {
            source,
            sent: Share::default(),
            delivered: Share::default(),
            duplicates: 0,
            late: 0,
        }
    }

    /// Whether the source left nothing there.
    pub(crate) fn is_empty(&self) -> bool {
        let none = Share::default();
        (self.sent, self.delivered, self.duplicates, self.late) == (none, none, 0, 0)
    }
}
