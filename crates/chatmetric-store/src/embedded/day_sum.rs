//! A day of counters boiled down to one number, so that all days can be compared
//! with their records in one pass over them, with 64 bytes of memory each.
//!
//! The number is the sum of all counters of the day, each times a weight of its
//! slot and field, modulo 2^128. It is linear: records may come in any order. The
//! weights are fixed and look random, so two days that differ have the same number
//! only by a chance of about 1 in 2^100; they guard against faults, not against
//! somebody who chooses the counters. Not here: which days there are (`verify`).

use chatmetric_core::time::SLOTS_PER_DAY;
use chatmetric_core::{Counts, DayBlock};

const FIELDS: usize = 5;

/// What a day counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct DaySum {
    number: u128,
    pub(crate) total: Counts,
}

impl DaySum {
    /// Whether the day counts nothing.
    pub(crate) fn is_zero(&self) -> bool {
        *self == Self::default()
    }

    /// Adds to one slot of the day.
    #[inline]
    pub(crate) fn add(&mut self, weights: &Weights, slot_of_day: usize, counts: Counts) {
        let fields = [
            counts.sent,
            counts.delivered,
            counts.read,
            counts.failed,
            counts.delivered_of_sent,
        ];
        for (weight, value) in weights.0[slot_of_day].iter().zip(fields) {
            if value != 0 {
                let value = i128::from(value).cast_unsigned();
                self.number = self.number.wrapping_add(weight.wrapping_mul(value));
            }
        }
        self.total += counts;
    }

    /// The sum of a whole block.
    pub(crate) fn of(weights: &Weights, block: &DayBlock) -> Self {
        let mut sum = Self::default();
        for (slot, counts) in block.slots().iter().enumerate() {
            if !counts.is_zero() {
                sum.add(weights, slot, *counts);
            }
        }
        sum
    }
}

/// The weight of each slot and field.
#[derive(Debug)]
pub(crate) struct Weights(Box<[[u128; FIELDS]; SLOTS_PER_DAY]>);

impl Default for Weights {
    fn default() -> Self {
        let mut state = 0x0123_4567_89ab_cdef_u64;
        // SplitMix64; odd, so that a weight times a small number is never zero.
        let mut next = move || {
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            u128::from(mixed ^ (mixed >> 31))
        };
        let mut weight = move || (next() << 64) | next() | 1;
        Self(Box::new(std::array::from_fn(|_| {
            std::array::from_fn(|_| weight())
        })))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_weight_is_another_one() {
        let weights = Weights::default();
        let all: BTreeSet<u128> = weights.0.iter().flatten().copied().collect();
        assert_eq!(all.len(), FIELDS * SLOTS_PER_DAY);
    }

    fn counts() -> impl Strategy<Value = Counts> {
        any::<[i16; FIELDS]>().prop_map(|it| {
            let [sent, delivered, read, failed, delivered_of_sent] = it.map(i32::from);
            Counts {
                sent,
                delivered,
                read,
                failed,
                delivered_of_sent,
            }
        })
    }

    proptest! {
        #[test]
        fn equal_days_have_equal_sums_and_others_do_not(
            changes in proptest::collection::vec((0_usize..96, counts()), 0..40),
            other in (0_usize..96, counts()),
        ) {
            let weights = Weights::default();
            let (mut block, mut sum) = (DayBlock::default(), DaySum::default());
            for (slot, counts) in changes.iter().rev() {
                sum.add(&weights, *slot, *counts);
            }
            for (slot, counts) in &changes {
                block.add(*slot, *counts);
            }
            prop_assert_eq!(sum, DaySum::of(&weights, &block));
            prop_assert_eq!(sum.is_zero(), block.is_zero());
            // Another place with the same total.
            let mut moved = sum;
            moved.add(&weights, other.0, other.1);
            moved.add(&weights, (other.0 + 1) % 96, -other.1);
            prop_assert_eq!(moved == sum, other.1.is_zero());
        }
    }
}
