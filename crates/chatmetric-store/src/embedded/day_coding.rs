//! The bytes of a day block in the catalog: a bitmap of the slots that count
//! something, for each of them a mask of counters and their values, and a
//! CRC-32C over key and value, so that a block under a wrong key is found.

use crate::coding::{Reader, put_signed};
use chatmetric_core::time::SLOTS_PER_DAY;
use chatmetric_core::{Counts, DayBlock};

const BITMAP_BYTES: usize = SLOTS_PER_DAY / 8;

/// The value of a block under `key`.
pub(crate) fn encode(key: &[u8], block: &DayBlock) -> Vec<u8> {
    let mut out = vec![0; BITMAP_BYTES];
    for (at, counts) in block.slots().iter().enumerate() {
        if !counts.is_zero() {
            out[at / 8] |= 1 << (at % 8);
            encode_counts(&mut out, counts);
        }
    }
    seal(key, &mut out);
    out
}

fn encode_counts(out: &mut Vec<u8>, counts: &Counts) {
    let mask_at = out.len();
    out.push(0);
    for (bit, value) in counts.to_array().into_iter().enumerate() {
        if value != 0 {
            out[mask_at] |= 1 << bit;
            put_signed(out, value.into());
        }
    }
}

fn decode_counts(reader: &mut Reader<'_>) -> Option<Counts> {
    let mask = reader.byte()?;
    let mut values = [0; 5];
    for (bit, value) in values.iter_mut().enumerate() {
        if mask & (1 << bit) != 0 {
            *value = i32::try_from(reader.signed()?).ok()?;
        }
    }
    Some(Counts::from_array(values))
}

/// Ends a value with its checksum.
pub(crate) fn seal(key: &[u8], out: &mut Vec<u8>) {
    let crc = crc32c::crc32c_append(crc32c::crc32c(key), out);
    out.extend_from_slice(&crc.to_le_bytes());
}

/// The bytes without their checksum; `None` when they are damaged.
pub(crate) fn unseal<'v>(key: &[u8], value: &'v [u8]) -> Option<&'v [u8]> {
    let (body, crc) = value.split_last_chunk::<4>()?;
    let right = crc32c::crc32c_append(crc32c::crc32c(key), body) == u32::from_le_bytes(*crc);
    right.then_some(body)
}

/// Adds a stored block to `block`; `None` when the bytes are damaged.
pub(crate) fn add_to(key: &[u8], value: &[u8], block: &mut DayBlock) -> Option<()> {
    add_body(unseal(key, value)?, block)
}

/// Adds the bytes that [`unseal`] gave.
pub(crate) fn add_body(body: &[u8], block: &mut DayBlock) -> Option<()> {
    let mut reader = Reader::new(body);
    let bitmap = reader.array::<BITMAP_BYTES>()?;
    for (at, byte) in bitmap.iter().enumerate() {
        let mut bits = *byte;
        while bits != 0 {
            let bit = bits.trailing_zeros() as usize;
            block.add(at * 8 + bit, decode_counts(&mut reader)?);
            bits &= bits - 1;
        }
    }
    reader.is_empty().then_some(())
}

/// The value of the sum of a day.
pub(crate) fn encode_total(key: &[u8], total: &Counts) -> Vec<u8> {
    let mut out = Vec::new();
    encode_counts(&mut out, total);
    seal(key, &mut out);
    out
}

/// The sum of a day; `None` when the bytes are damaged.
pub(crate) fn decode_total(key: &[u8], value: &[u8]) -> Option<Counts> {
    decode_counts(&mut Reader::new(unseal(key, value)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_day_comes_back(
            slots in proptest::collection::vec((0_usize..96, any::<[i32; 5]>()), 0..40)
        ) {
            let mut block = DayBlock::default();
            for (slot, values) in slots {
                if block.slots()[slot].is_zero() {
                    block.add(slot, Counts::from_array(values));
                }
            }
            let value = encode(b"key", &block);
            let mut read = DayBlock::default();
            prop_assert_eq!(add_to(b"key", &value, &mut read), Some(()));
            prop_assert_eq!(&read, &block);
            prop_assert_eq!(add_to(b"kez", &value, &mut read), None);
            for at in 0..value.len() {
                let mut bad = value.clone();
                bad[at] ^= 4;
                prop_assert_eq!(add_to(b"key", &bad, &mut DayBlock::default()), None);
            }
        }
    }

    #[test]
    fn a_total_comes_back() {
        let total = Counts::from_array([5, -3, 0, i32::MAX, i32::MIN]);
        let value = encode_total(b"k", &total);
        assert_eq!(decode_total(b"k", &value), Some(total));
        assert_eq!(decode_total(b"l", &value), None);
    }
}
