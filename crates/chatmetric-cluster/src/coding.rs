//! Varints, fixed integers and a reader: the alphabet of what machines tell each other.
//!
//! Not here: what the bytes mean. A reader never panics and never asks for more memory than
//! it has bytes: whatever is short or out of range is `None`.

use chatmetric_core::{AccountKey, EpochMs, PhoneNumber, Slot, SpaceKey, UtcDay};

/// Appends an unsigned LEB128 integer.
pub(crate) fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    loop {
        let [low, ..] = value.to_le_bytes();
        value >>= 7;
        if value == 0 {
            out.push(low & 0x7f);
            return;
        }
        out.push(low | 0x80);
    }
}

/// Appends a signed integer, zigzag and LEB128.
pub(crate) fn put_signed(out: &mut Vec<u8>, value: i64) {
    put_varint(out, ((value << 1) ^ (value >> 63)).cast_unsigned());
}

/// Appends a length and the bytes.
pub(crate) fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_length(out, bytes.len());
    out.extend_from_slice(bytes);
}

/// Appends how many of something follow.
pub(crate) fn put_length(out: &mut Vec<u8>, length: usize) {
    put_varint(out, u64::try_from(length).unwrap_or(u64::MAX));
}

/// Takes values from the front of a byte slice.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// What was not taken yet.
    pub(crate) const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(crate) fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(head)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    pub(crate) fn byte(&mut self) -> Option<u8> {
        self.array::<1>().map(|[byte]| byte)
    }

    pub(crate) fn fixed_u128(&mut self) -> Option<u128> {
        self.array().map(u128::from_le_bytes)
    }

    pub(crate) fn varint(&mut self) -> Option<u64> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let part = u64::from(byte & 0x7f);
            if shift == 63 && part > 1 {
                return None;
            }
            value |= part << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    pub(crate) fn varint_u32(&mut self) -> Option<u32> {
        u32::try_from(self.varint()?).ok()
    }

    pub(crate) fn signed(&mut self) -> Option<i64> {
        let value = self.varint()?;
        Some((value >> 1).cast_signed() ^ -((value & 1).cast_signed()))
    }

    pub(crate) fn bytes(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.varint()?).ok()?;
        self.take(length)
    }

    pub(crate) fn text(&mut self) -> Option<&'a str> {
        std::str::from_utf8(self.bytes()?).ok()
    }

    /// How many of something follow, each of so many bytes at least.
    pub(crate) fn length(&mut self, bytes_min: usize) -> Option<usize> {
        let length = usize::try_from(self.varint()?).ok()?;
        let fits = length.checked_mul(bytes_min)? <= self.rest.len();
        fits.then_some(length)
    }

    pub(crate) fn time(&mut self) -> Option<EpochMs> {
        self.signed().map(EpochMs)
    }

    /// A number as its canonical digits.
    pub(crate) fn number(&mut self) -> Option<PhoneNumber> {
        let bytes = self.bytes()?;
        let number = PhoneNumber::parse(std::str::from_utf8(bytes).ok()?).ok()?;
        (number.as_bytes() == bytes).then_some(number)
    }

    pub(crate) fn space(&mut self) -> Option<SpaceKey> {
        self.varint_u32().map(SpaceKey)
    }

    pub(crate) fn account(&mut self) -> Option<AccountKey> {
        self.varint_u32().map(AccountKey)
    }

    pub(crate) fn day(&mut self) -> Option<UtcDay> {
        self.varint_u32().map(UtcDay)
    }

    pub(crate) fn slot(&mut self) -> Option<Slot> {
        self.varint_u32().map(Slot)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn integers_come_back(unsigned: u64, signed: i64) {
            let mut bytes = Vec::new();
            put_varint(&mut bytes, unsigned);
            put_signed(&mut bytes, signed);
            let mut reader = Reader::new(&bytes);
            prop_assert_eq!(reader.varint(), Some(unsigned));
            prop_assert_eq!(reader.signed(), Some(signed));
            prop_assert!(reader.is_empty());
        }
    }

    #[test]
    fn a_length_beyond_the_bytes_is_refused() {
        let mut bytes = Vec::new();
        put_varint(&mut bytes, 1 << 40);
        assert_eq!(Reader::new(&bytes).length(1), None);
        assert_eq!(Reader::new(&bytes).bytes(), None);
    }
}
