//! The differences of a generation by binding, day and slot, stored sparsely: only
//! slots that something happened in take memory.
//!
//! Not here: locks and what belongs to whom. Invariant: days of a binding and
//! cells of a day are sorted, each at most once; [`HotDays::bytes`] follows what
//! is allocated, so that a generation can be bounded by it.

use chatmetric_core::{Counts, DayBlock, Slot, UtcDay};
use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;
use std::mem::size_of;
use std::ops::RangeInclusive;

/// What the allocator and the map take besides the payload, in bytes.
const BINDING_BYTES: usize = 2 * size_of::<(u32, Vec<HotDay>)>();
const DAY_BYTES: usize = size_of::<HotDay>() + 16;

/// One slot of a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Cell {
    slot_of_day: u8,
    counts: Counts,
}

/// One day of a binding: the slots that changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HotDay {
    pub(crate) day: UtcDay,
    cells: Vec<Cell>,
}

/// The days of many bindings.
#[derive(Debug, Default)]
pub(crate) struct HotDays {
    bindings: HashMap<u32, Vec<HotDay>, FxBuildHasher>,
    bytes: usize,
}

impl PartialEq for HotDays {
    fn eq(&self, other: &Self) -> bool {
        self.bindings == other.bindings
    }
}

impl HotDay {
    /// Whether nothing is left of the day.
    pub(crate) fn is_zero(&self) -> bool {
        self.cells.iter().all(|cell| cell.counts.is_zero())
    }

    /// Adds the day to a block of the same day.
    pub(crate) fn add_to(&self, block: &mut DayBlock) {
        for cell in &self.cells {
            block.add(usize::from(cell.slot_of_day), cell.counts);
        }
    }

    /// Adds to one slot; gives the bytes that this allocated.
    #[inline]
    fn add(&mut self, slot_of_day: u8, counts: Counts) -> usize {
        let at = match self.cells.last_mut() {
            // Time goes on: most changes fall into the latest slots.
            Some(last) if last.slot_of_day == slot_of_day => {
                last.counts += counts;
                return 0;
            }
            Some(last) if last.slot_of_day < slot_of_day => self.cells.len(),
            Some(_) | None => {
                let found = self
                    .cells
                    .binary_search_by_key(&slot_of_day, |cell| cell.slot_of_day);
                match found {
                    Ok(at) => {
                        self.cells[at].counts += counts;
                        return 0;
                    }
                    Err(at) => at,
                }
            }
        };
        let before = self.cells.capacity();
        if self.cells.len() == before {
            // Half more each time: doubling would leave a third of it unused.
            self.cells.reserve_exact((before / 2).max(3));
        }
        let cell = Cell {
            slot_of_day,
            counts,
        };
        self.cells.insert(at, cell);
        (self.cells.capacity() - before) * size_of::<Cell>()
    }
}

impl HotDays {
    /// About how many bytes the days take.
    pub(crate) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Adds to one slot of a binding.
    #[inline]
    pub(crate) fn add(&mut self, binding: u32, slot: Slot, counts: Counts) {
        let mut more = 0;
        let days = self.bindings.entry(binding).or_insert_with(|| {
            more += BINDING_BYTES;
            Vec::new()
        });
        let day = slot.day();
        let at = match days.last() {
            Some(latest) if latest.day == day => days.len() - 1,
            Some(_) | None => days
                .binary_search_by_key(&day, |it| it.day)
                .unwrap_or_else(|at| {
                    let cells = Vec::new();
                    days.insert(at, HotDay { day, cells });
                    more += DAY_BYTES;
                    at
                }),
        };
        // A day has 96 slots.
        more += days[at].add(DayBlock::index_of(slot) as u8, counts);
        self.bytes += more;
    }

    /// The days of one binding that lie in `range`, in order.
    pub(crate) fn of(&self, binding: u32, range: &RangeInclusive<UtcDay>) -> &[HotDay] {
        let days = self.bindings.get(&binding).map_or(&[][..], Vec::as_slice);
        let from = days.partition_point(|it| it.day < *range.start());
        let to = days.partition_point(|it| it.day <= *range.end());
        days.get(from..to).unwrap_or(&[])
    }

    /// All bindings with their days.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &[HotDay])> {
        self.bindings
            .iter()
            .map(|(binding, days)| (*binding, days.as_slice()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn sent(sent: i32) -> Counts {
        Counts {
            sent,
            ..Counts::ZERO
        }
    }

    proptest! {
        #[test]
        fn sparse_days_sum_as_dense_ones(
            changes in proptest::collection::vec((0_u32..3, 0_u32..400, -3_i32..4), 0..300),
            range in (0_u32..5, 0_u32..5),
        ) {
            let mut days = HotDays::default();
            let mut dense: BTreeMap<(u32, UtcDay), DayBlock> = BTreeMap::new();
            for (binding, slot, count) in changes {
                let slot = Slot(slot);
                days.add(binding, slot, sent(count));
                dense
                    .entry((binding, slot.day()))
                    .or_default()
                    .add(DayBlock::index_of(slot), sent(count));
            }
            let range = UtcDay(range.0)..=UtcDay(range.1);
            for binding in 0..3 {
                let seen: Vec<_> = days.of(binding, &range).iter().map(|it| {
                    let mut block = DayBlock::default();
                    it.add_to(&mut block);
                    assert_eq!(it.is_zero(), block.is_zero());
                    (it.day, block)
                }).collect();
                let right: Vec<_> = dense.iter()
                    .filter(|((it, day), _)| *it == binding && range.contains(day))
                    .map(|((_, day), block)| (*day, block.clone()))
                    .collect();
                prop_assert_eq!(seen, right);
            }
        }
    }

    #[test]
    fn a_sparse_day_takes_a_fraction_of_a_dense_one_and_is_counted() {
        let mut days = HotDays::default();
        for binding in 0..1000 {
            days.add(binding, Slot(96), sent(1));
        }
        assert!(days.bytes() < 1000 * 300, "{}", days.bytes());
        let sparse = days.bytes();
        for slot in 0..96 {
            days.add(7, Slot(96 + slot), sent(1));
        }
        assert!(days.bytes() >= sparse + 92 * size_of::<Cell>());
        assert!(days.bytes() < sparse + 2 * 96 * size_of::<Cell>());
    }
}
