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

/// How many counters a slot has.
pub const COUNTERS: usize = 5;

/// One counter of all slots of a day.
pub type Column = [i32; SLOTS_PER_DAY];

/// One UTC day of one binding: 96 slots of counters.
///
/// Kept by counter and not by slot: whole days are summed and read far more often
/// than single slots are, and neighbours of one counter are summed many at a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DayBlock {
    columns: Box<[Column; COUNTERS]>,
}

impl Default for DayBlock {
    fn default() -> Self {
        Self {
            columns: Box::new([[0; SLOTS_PER_DAY]; COUNTERS]),
        }
    }
}

impl Counts {
    /// The counters in the order of [`DayBlock::columns`].
    #[must_use]
    pub const fn to_array(self) -> [i32; COUNTERS] {
        let Self {
            sent,
            delivered,
            read,
            failed,
            delivered_of_sent,
        } = self;
        [sent, delivered, read, failed, delivered_of_sent]
    }

    /// The opposite of [`Self::to_array`].
    #[must_use]
    pub const fn from_array(counters: [i32; COUNTERS]) -> Self {
        let [sent, delivered, read, failed, delivered_of_sent] = counters;
        Self {
            sent,
            delivered,
            read,
            failed,
            delivered_of_sent,
        }
    }
}

impl DayBlock {
    /// Adds `counts` to a slot of the day (0 = 00:00–00:15 UTC).
    ///
    /// # Panics
    /// When `slot_of_day` is not below [`SLOTS_PER_DAY`]: a programmer's error.
    pub fn add(&mut self, slot_of_day: usize, counts: Counts) {
        for (column, more) in self.columns.iter_mut().zip(counts.to_array()) {
            column[slot_of_day] += more;
        }
    }

    /// Adds another block of the same day.
    pub fn add_block(&mut self, other: &Self) {
        let slots = self.columns.as_flattened_mut().iter_mut();
        for (own, more) in slots.zip(other.columns.as_flattened()) {
            *own += *more;
        }
    }

    /// The counters of one slot of the day.
    ///
    /// # Panics
    /// As [`Self::add`].
    #[must_use]
    pub fn slot(&self, slot_of_day: usize) -> Counts {
        Counts::from_array(self.columns.each_ref().map(|column| column[slot_of_day]))
    }

    /// The counters of all slots, in order.
    #[must_use]
    pub fn slots(&self) -> [Counts; SLOTS_PER_DAY] {
        std::array::from_fn(|slot_of_day| self.slot(slot_of_day))
    }

    /// The counters one by one, in the order of the fields of [`Counts`].
    #[must_use]
    pub const fn columns(&self) -> &[Column; COUNTERS] {
        &self.columns
    }

    /// The same, to be filled.
    pub const fn columns_mut(&mut self) -> &mut [Column; COUNTERS] {
        &mut self.columns
    }

    /// Sets every slot to zero, to use the block again.
    pub fn clear(&mut self) {
        self.columns.as_flattened_mut().fill(0);
    }

    /// The sum over the day.
    #[must_use]
    pub fn total(&self) -> Counts {
        Counts::from_array(self.columns.each_ref().map(|column| column.iter().sum()))
    }

    /// Whether nothing is counted.
    #[must_use]
    pub fn is_zero(&self) -> bool {
        // No early end: most blocks are not zero, and without it the loop is short.
        let bits = self.columns.as_flattened().iter();
        bits.fold(0, |bits, counter| bits | counter) == 0
    }

    /// The slot of the day that `slot` falls into.
    #[must_use]
    pub const fn index_of(slot: Slot) -> usize {
        (slot.0 as usize) % SLOTS_PER_DAY
    }
}
