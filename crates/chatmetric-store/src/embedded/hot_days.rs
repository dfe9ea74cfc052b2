//! The differences of a generation by binding, day and slot, stored sparsely: only
//! slots that something happened in take memory.
//!
//! Not here: locks and what belongs to whom. Invariant: all bindings are of one
//! stripe; days of a binding and cells of a day are sorted, each at most once; [`HotDays::bytes`] follows what
//! is allocated, so that a generation can be bounded by it.

use super::hot::STRIPES;
use super::notes::{NoteKey, Notes};
use chatmetric_core::{Counts, DayBlock, Slot, UtcDay};
use std::mem::size_of;
use std::ops::RangeInclusive;

/// What the allocator takes besides the payload, in bytes.
const BINDING_BYTES: usize = 2 * size_of::<Days>();
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

/// The days of one binding.
#[derive(Debug, PartialEq, Eq)]
struct Days {
    binding: u32,
    /// Most changes fall into it, so it is found without a further look.
    latest: HotDay,
    /// All before `latest`.
    older: Vec<HotDay>,
}

/// The days of the bindings of one stripe.
#[derive(Debug, Default)]
pub(crate) struct HotDays {
    /// By `binding / STRIPES`: one more than its place in `bindings`, 0 for none.
    places: Vec<u32>,
    bindings: Vec<Days>,
    notes: Notes,
    bytes: usize,
}

impl PartialEq for HotDays {
    fn eq(&self, other: &Self) -> bool {
        let same = |own: &Days| other.find(own.binding) == Some(own);
        self.bindings.len() == other.bindings.len() && self.bindings.iter().all(same)
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

impl Days {
    /// The day, made when it is not there; gives the bytes that this allocated.
    #[inline]
    fn day(&mut self, day: UtcDay) -> (&mut HotDay, usize) {
        if self.latest.day == day {
            return (&mut self.latest, 0);
        }
        self.other_day(day)
    }

    fn other_day(&mut self, day: UtcDay) -> (&mut HotDay, usize) {
        let cells = Vec::new();
        if self.latest.day < day {
            let before = std::mem::replace(&mut self.latest, HotDay { day, cells });
            self.older.push(before);
            return (&mut self.latest, DAY_BYTES);
        }
        match self.older.binary_search_by_key(&day, |it| it.day) {
            Ok(at) => (&mut self.older[at], 0),
            Err(at) => {
                self.older.insert(at, HotDay { day, cells });
                (&mut self.older[at], DAY_BYTES)
            }
        }
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
        let place = match self.places.get(binding as usize / STRIPES) {
            Some(place) if *place > 0 => *place as usize - 1,
            Some(_) | None => self.place(binding, slot.day()),
        };
        let (day, more) = self.bindings[place].day(slot.day());
        // A day has 96 slots.
        self.bytes += more + day.add(DayBlock::index_of(slot) as u8, counts);
    }

    /// Adds to a note about one of the bindings.
    #[inline]
    pub(crate) fn add_note(&mut self, key: NoteKey, change: i32) {
        self.bytes += self.notes.add(key, change);
    }

    /// The notes about all bindings.
    pub(crate) const fn notes(&self) -> &Notes {
        &self.notes
    }

    /// Reads what [`Self::add`] would change, and nothing else: so the waits for the
    /// memory of many of them overlap.
    #[inline]
    pub(crate) fn look_ahead(&self, binding: u32) -> Option<u8> {
        let place = *self.places.get(binding as usize / STRIPES)? as usize;
        let days = self.bindings.get(place.checked_sub(1)?)?;
        days.latest.cells.last().map(|cell| cell.slot_of_day)
    }

    /// Makes the place of a binding that has none.
    fn place(&mut self, binding: u32, day: UtcDay) -> usize {
        let at = binding as usize / STRIPES;
        if at >= self.places.len() {
            self.bytes += (at + 1 - self.places.len()) * size_of::<u32>();
            self.places.resize(at + 1, 0);
        }
        let place = self.bindings.len();
        // There are fewer bindings than numbers of 32 bits.
        self.places[at] = place as u32 + 1;
        let cells = Vec::new();
        self.bindings.push(Days {
            binding,
            latest: HotDay { day, cells },
            older: Vec::new(),
        });
        self.bytes += BINDING_BYTES;
        place
    }

    fn find(&self, binding: u32) -> Option<&Days> {
        let place = *self.places.get(binding as usize / STRIPES)? as usize;
        let days = self.bindings.get(place.checked_sub(1)?)?;
        (days.binding == binding).then_some(days)
    }

    /// The days of one binding that lie in `range`: two lists, each in order, the
    /// second behind the first.
    pub(crate) fn of(&self, binding: u32, range: &RangeInclusive<UtcDay>) -> [&[HotDay]; 2] {
        let Some(days) = self.find(binding) else {
            return [&[], &[]];
        };
        let from = days.older.partition_point(|it| it.day < *range.start());
        let to = days.older.partition_point(|it| it.day <= *range.end());
        let latest = if range.contains(&days.latest.day) {
            std::slice::from_ref(&days.latest)
        } else {
            &[]
        };
        [days.older.get(from..to).unwrap_or(&[]), latest]
    }

    /// All bindings with their days, in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, impl Iterator<Item = &HotDay>)> {
        self.bindings.iter().map(|days| {
            let latest = std::iter::once(&days.latest);
            (days.binding, days.older.iter().chain(latest))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    /// Bindings of one stripe.
    const STRIDE: u32 = STRIPES as u32;

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
                let (binding, slot) = (binding * STRIDE, Slot(slot));
                days.add(binding, slot, sent(count));
                dense
                    .entry((binding, slot.day()))
                    .or_default()
                    .add(DayBlock::index_of(slot), sent(count));
            }
            let range = UtcDay(range.0)..=UtcDay(range.1);
            for binding in [0, STRIDE, 2 * STRIDE] {
                let lists = days.of(binding, &range);
                let seen: Vec<_> = lists.into_iter().flatten().map(|it| {
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
            let all: Vec<_> = days.iter().flat_map(|(binding, days)| {
                days.map(move |it| (binding, it.day))
            }).collect();
            let mut sorted = all.clone();
            sorted.sort_unstable();
            prop_assert_eq!(sorted, dense.keys().copied().collect::<Vec<_>>());
            prop_assert!(days == days);
        }
    }

    #[test]
    fn a_sparse_day_takes_a_fraction_of_a_dense_one_and_is_counted() {
        let mut days = HotDays::default();
        for binding in 0..1000 {
            days.add(binding * STRIDE, Slot(96), sent(1));
        }
        assert!(days.bytes() < 1000 * 300, "{}", days.bytes());
        let sparse = days.bytes();
        for slot in 0..96 {
            days.add(7 * STRIDE, Slot(96 + slot), sent(1));
        }
        assert!(days.bytes() >= sparse + 92 * size_of::<Cell>());
        assert!(days.bytes() < sparse + 2 * 96 * size_of::<Cell>());
    }
}
