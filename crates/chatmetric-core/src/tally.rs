//! Tallies: the counters of one number in one slot, and a UTC day of them.
//!
//! Signed, because a tally is kept by adding the differences that growing
//! records make. Not here: how a day is written to disk (the store's format).

use crate::time::{SLOTS_PER_DAY, Slot};
use std::ops::{Add, AddAssign, Neg};

/// The counters of one slot, or the change of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct Counts {
    /// Messages sent in the slot.
    pub sent: i32,
    /// Messages delivered in the slot.
    pub delivered: i32,
    /// Messages read in the slot.
    pub read: i32,
    /// Messages that failed in the slot and were never delivered.
    pub failed: i32,
    /// Of the messages *sent* in the slot, those delivered at any time (the
    /// send-time cohort, for a delivery rate).
    pub delivered_of_sent: i32,
}

impl Counts {
    /// Nothing counted.
    pub const ZERO: Self = Self {
        sent: 0,
        delivered: 0,
        read: 0,
        failed: 0,
        delivered_of_sent: 0,
    };

    /// Whether every counter is zero.
    #[must_use]
    pub fn is_zero(&self) -> bool {
        *self == Self::ZERO
    }
}

impl Add for Counts {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self {
            sent: self.sent + other.sent,
            delivered: self.delivered + other.delivered,
            read: self.read + other.read,
            failed: self.failed + other.failed,
            delivered_of_sent: self.delivered_of_sent + other.delivered_of_sent,
        }
    }
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Neg for Counts {
    type Output = Self;
    fn neg(self) -> Self {
        Self {
            sent: -self.sent,
            delivered: -self.delivered,
            read: -self.read,
            failed: -self.failed,
            delivered_of_sent: -self.delivered_of_sent,
        }
    }
}

/// One UTC day of one binding: 96 slots of counters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DayBlock {
    slots: Box<[Counts; SLOTS_PER_DAY]>,
}

impl Default for DayBlock {
    fn default() -> Self {
        Self {
            slots: Box::new([Counts::ZERO; SLOTS_PER_DAY]),
        }
    }
}

impl DayBlock {
    /// Adds `counts` to a slot of the day (0 = 00:00–00:15 UTC).
    ///
    /// # Panics
    /// When `slot_of_day` is not below [`SLOTS_PER_DAY`]: a programmer's error.
    pub fn add(&mut self, slot_of_day: usize, counts: Counts) {
        self.slots[slot_of_day] += counts;
    }

    /// Adds another block of the same day.
    pub fn add_block(&mut self, other: &Self) {
        for (own, more) in self.slots.iter_mut().zip(other.slots.iter()) {
            *own += *more;
        }
    }

    /// The counters of all slots, in order.
    #[must_use]
    pub fn slots(&self) -> &[Counts; SLOTS_PER_DAY] {
        &self.slots
    }

    /// Sets every slot to zero, to use the block again.
    pub fn clear(&mut self) {
        self.slots.fill(Counts::ZERO);
    }

    /// The sum over the day.
    #[must_use]
    pub fn total(&self) -> Counts {
        self.slots
            .iter()
            .fold(Counts::ZERO, |sum, counts| sum + *counts)
    }

    /// Whether nothing is counted.
    #[must_use]
    pub fn is_zero(&self) -> bool {
        self.slots.iter().all(Counts::is_zero)
    }

    /// The slot of the day that `slot` falls into.
    #[must_use]
    pub const fn index_of(slot: Slot) -> usize {
        (slot.0 as usize) % SLOTS_PER_DAY
    }
}
