//! The record of one message: the earliest slot of each status, and which
//! statuses were reported.
//!
//! A record is a join-semilattice: [`MessageRecord::merge`] is the element-wise
//! minimum of the slots and the union of the reported bits; idempotent,
//! commutative, associative. It is kept *closed* under the status rule: what was
//! read was delivered, what was delivered was sent (sent ≤ delivered ≤ read).
//! Minimum commutes with that closure, so the order of events cannot matter.

use crate::event::MessageStatus;
use crate::tally::Counts;
use crate::time::Slot;

/// The earliest slot of each status of one message; [`Slot::NEVER`] when absent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct MessageRecord {
    sent: Slot,
    delivered: Slot,
    read: Slot,
    failed: Slot,
    reported: u8,
}

/// What one report did to a record, in the words of the books.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Report {
    /// The first report of this status of this message.
    New,
    /// A further report of this status that changes nothing.
    Duplicate,
    /// A further report of this status with an earlier slot: a duplicate that moved it.
    Moved,
}

/// Most slots that one change of a record touches: each of the five counters, taken
/// from an old place and put to a new one.
pub const DELTAS_MAX: usize = 10;

impl MessageRecord {
    /// The record of a message of which nothing is known: the lattice's bottom.
    pub const EMPTY: Self = Self {
        sent: Slot::NEVER,
        delivered: Slot::NEVER,
        read: Slot::NEVER,
        failed: Slot::NEVER,
        reported: 0,
    };

    /// Rebuilds a record from stored parts. The parts are closed again, so that
    /// no stored bytes can make a record that breaks the status rule.
    #[must_use]
    pub fn from_parts(sent: Slot, delivered: Slot, read: Slot, failed: Slot, reported: u8) -> Self {
        Self {
            sent,
            delivered,
            read,
            failed,
            reported: reported & 0x0f,
        }
        .closed()
    }

    /// The slot in which the message counts as sent; implied by delivered and read.
    #[must_use]
    pub const fn sent(&self) -> Slot {
        self.sent
    }

    /// The slot in which the message counts as delivered; implied by read.
    #[must_use]
    pub const fn delivered(&self) -> Slot {
        self.delivered
    }

    /// The slot in which the message counts as read.
    #[must_use]
    pub const fn read(&self) -> Slot {
        self.read
    }

    /// The slot of the earliest `failed` report.
    #[must_use]
    pub const fn failed(&self) -> Slot {
        self.failed
    }

    /// Which statuses were reported, one [`MessageStatus::bit`] each.
    #[must_use]
    pub const fn reported(&self) -> u8 {
        self.reported
    }

    fn closed(self) -> Self {
        let delivered = self.delivered.min(self.read);
        Self {
            sent: self.sent.min(delivered),
            delivered,
            ..self
        }
    }

    /// Takes one report in: the status happened in `slot`.
    pub fn apply(&mut self, status: MessageStatus, slot: Slot) -> Report {
        let before = *self;
        let own = match status {
            MessageStatus::Sent => &mut self.sent,
            MessageStatus::Delivered => &mut self.delivered,
            MessageStatus::Read => &mut self.read,
            MessageStatus::Failed => &mut self.failed,
        };
        *own = (*own).min(slot);
        self.reported |= status.bit();
        *self = self.closed();
        if before.reported & status.bit() == 0 {
            Report::New
        } else if (before.sent, before.delivered, before.read, before.failed)
            == (self.sent, self.delivered, self.read, self.failed)
        {
            Report::Duplicate
        } else {
            Report::Moved
        }
    }

    /// The join of two records of the same message.
    #[must_use]
    pub fn merge(&self, other: &Self) -> Self {
        Self {
            sent: self.sent.min(other.sent),
            delivered: self.delivered.min(other.delivered),
            read: self.read.min(other.read),
            failed: self.failed.min(other.failed),
            reported: self.reported | other.reported,
        }
    }

    /// What this record adds to the tallies of its binding: calls `add(slot,
    /// counts)` at most four times, never with [`Slot::NEVER`].
    ///
    /// A failed message that was delivered after all counts as delivered, not as
    /// failed.
    pub fn contribute(&self, mut add: impl FnMut(Slot, Counts)) {
        if self.sent != Slot::NEVER {
            let cohort = i32::from(self.delivered != Slot::NEVER);
            add(
                self.sent,
                Counts {
                    delivered_of_sent: cohort,
                    ..SENT
                },
            );
        }
        if self.delivered != Slot::NEVER {
            add(self.delivered, DELIVERED);
        } else if self.failed != Slot::NEVER {
            add(self.failed, FAILED);
        }
        if self.read != Slot::NEVER {
            add(self.read, READ);
        }
    }

    /// The signed difference that the growth from `before` to `self` makes to
    /// the tallies; at most [`DELTAS_MAX`] calls, none for what stayed in its place.
    #[inline]
    pub fn contribute_change(&self, before: &Self, mut add: impl FnMut(Slot, Counts)) {
        let mut shift = |from: Slot, to: Slot, one: Counts| {
            if from == to {
                return;
            }
            if from != Slot::NEVER {
                add(from, -one);
            }
            if to != Slot::NEVER {
                add(to, one);
            }
        };
        let (old, new) = (before.places(), self.places());
        shift(old.sent, new.sent, SENT);
        shift(old.cohort, new.cohort, COHORT);
        shift(old.delivered, new.delivered, DELIVERED);
        shift(old.failed, new.failed, FAILED);
        shift(old.read, new.read, READ);
    }

    #[inline]
    fn places(&self) -> Places {
        let (cohort, failed) = if self.delivered == Slot::NEVER {
            (Slot::NEVER, self.failed)
        } else {
            (self.sent, Slot::NEVER)
        };
        Places {
            sent: self.sent,
            cohort,
            delivered: self.delivered,
            failed,
            read: self.read,
        }
    }
}

/// The slot in which a message counts, for each counter; [`Slot::NEVER`] where it
/// does not.
struct Places {
    sent: Slot,
    /// Where it was sent, once it was delivered.
    cohort: Slot,
    delivered: Slot,
    failed: Slot,
    read: Slot,
}

const SENT: Counts = Counts {
    sent: 1,
    ..Counts::ZERO
};
const COHORT: Counts = Counts {
    delivered_of_sent: 1,
    ..Counts::ZERO
};
const DELIVERED: Counts = Counts {
    delivered: 1,
    ..Counts::ZERO
};
const FAILED: Counts = Counts {
    failed: 1,
    ..Counts::ZERO
};
const READ: Counts = Counts {
    read: 1,
    ..Counts::ZERO
};

#[cfg(test)]
mod tests;
