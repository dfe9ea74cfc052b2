//! A day block in memory, as small as its bytes on disk and read many times faster:
//! each counter of all slots in one piece, every value in as few bytes as the
//! greatest one needs.
//!
//! Not a format: nothing of it is ever written, so it may change at any time.
//! Invariant: unpacking gives the block that was packed, whatever is in it.

use chatmetric_core::DayBlock;
use chatmetric_core::tally::{COUNTERS, Column};
use chatmetric_core::time::SLOTS_PER_DAY;

/// A day with at least so many slots that count something keeps all of them.
const DENSE_SLOTS_MIN: usize = SLOTS_PER_DAY / 2;

/// How the values of one counter are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Width {
    /// All of them are zero.
    Zero,
    Byte,
    Two,
    Four,
}

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PackedDay {
    /// The slots that have values, one bit each; of a dense day all.
    slots: u128,
    widths: [Width; COUNTERS],
    values: Box<[u8]>,
}

impl Width {
    fn of(column: &Column) -> Self {
        let bits = column
            .iter()
            .fold(0, |bits, value| bits | value.cast_unsigned());
        match bits {
            0 => Self::Zero,
            1..=0xff => Self::Byte,
            0x100..=0xffff => Self::Two,
            _ => Self::Four,
        }
    }

    const fn bytes(self) -> usize {
        match self {
            Self::Zero => 0,
            Self::Byte => 1,
            Self::Two => 2,
            Self::Four => 4,
        }
    }

    fn put(self, out: &mut Vec<u8>, value: i32) {
        let bytes = value.to_le_bytes();
        out.extend_from_slice(bytes.get(..self.bytes()).unwrap_or_default());
    }

    /// Reads so many values as there are places for.
    fn unpack<'a>(self, bytes: &[u8], into: impl Iterator<Item = &'a mut i32>) {
        match self {
            Self::Zero => into.for_each(|value| *value = 0),
            Self::Byte => into
                .zip(bytes)
                .for_each(|(value, byte)| *value = i32::from(*byte)),
            Self::Two => into
                .zip(bytes.as_chunks().0)
                .for_each(|(value, bytes)| *value = i32::from(u16::from_le_bytes(*bytes))),
            Self::Four => into
                .zip(bytes.as_chunks().0)
                .for_each(|(value, bytes)| *value = i32::from_le_bytes(*bytes)),
        }
    }
}

impl PackedDay {
    pub(crate) fn pack(block: &DayBlock) -> Self {
        let columns = block.columns();
        let counts = |slot: &usize| columns.iter().any(|column| column[*slot] != 0);
        let busy = (0..SLOTS_PER_DAY).filter(counts);
        let busy = busy.fold(0, |slots, slot| slots | 1_u128 << slot);
        let slots = if busy.count_ones() as usize >= DENSE_SLOTS_MIN {
            ALL_SLOTS
        } else {
            busy
        };
        let widths = columns.each_ref().map(Width::of);
        let each: usize = widths.iter().map(|width| width.bytes()).sum();
        let mut values = Vec::with_capacity(each * slots.count_ones() as usize);
        for (column, width) in columns.iter().zip(widths) {
            for slot in Slots(slots) {
                width.put(&mut values, column[slot]);
            }
        }
        let values = values.into_boxed_slice();
        Self {
            slots,
            widths,
            values,
        }
    }

    /// Fills `block`, whatever was in it.
    pub(crate) fn unpack(&self, block: &mut DayBlock) {
        let count = self.slots.count_ones() as usize;
        let mut rest = &*self.values;
        for (column, width) in block.columns_mut().iter_mut().zip(self.widths) {
            let (own, others) = rest.split_at(width.bytes() * count);
            rest = others;
            if self.slots == ALL_SLOTS {
                width.unpack(own, column.iter_mut());
                continue;
            }
            column.fill(0);
            let mut few: Column = [0; SLOTS_PER_DAY];
            width.unpack(own, few.iter_mut().take(count));
            for (slot, value) in Slots(self.slots).zip(few) {
                column[slot] = value;
            }
        }
    }

    /// Bytes outside of the struct itself.
    pub(crate) const fn heap_bytes(&self) -> usize {
        self.values.len()
    }
}

const ALL_SLOTS: u128 = (1 << SLOTS_PER_DAY) - 1;

/// The numbers of the bits that are set, in order.
struct Slots(u128);

impl Iterator for Slots {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        let slot = self.0.trailing_zeros() as usize;
        self.0 &= self.0.wrapping_sub(1);
        (slot < SLOTS_PER_DAY).then_some(slot)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chatmetric_core::Counts;
    use proptest::prelude::*;

    fn counter() -> impl Strategy<Value = i32> {
        prop_oneof![
            3 => Just(0),
            3 => 0..256,
            1 => 0..70_000,
            1 => any::<i32>(),
            1 => prop_oneof![Just(255), Just(256), Just(65_535), Just(65_536), Just(-1)],
        ]
    }

    proptest! {
        #[test]
        fn a_day_comes_back(
            slots in proptest::collection::vec((0_usize..96, proptest::array::uniform5(counter())), 0..200)
        ) {
            let mut block = DayBlock::default();
            for (slot, counters) in slots {
                if block.slot(slot).is_zero() {
                    block.add(slot, Counts::from_array(counters));
                }
            }
            let packed = PackedDay::pack(&block);
            let mut read = DayBlock::default();
            read.columns_mut().as_flattened_mut().fill(7);
            packed.unpack(&mut read);
            prop_assert_eq!(&read, &block);
        }
    }

    #[test]
    fn a_day_takes_about_what_it_takes_on_disk() {
        let mut block = DayBlock::default();
        for slot in 0..96 {
            let counts = [40, 38, 20, 0, 39];
            block.add(slot, Counts::from_array(counts));
            let on_disk = super::super::day_coding::encode(b"", &block).len();
            let packed = PackedDay::pack(&block);
            assert!(packed.heap_bytes() <= on_disk.max(4 * 96), "slot {slot}");
        }
        assert_eq!(PackedDay::pack(&block).heap_bytes(), 4 * 96);
    }
}
