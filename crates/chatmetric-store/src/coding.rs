//! Varints, fixed integers, codes and a reader over bytes: the alphabet of every format of
//! this crate, and of the log of a cluster, whose entries are the same batches.
//!
//! Not here: what the bytes mean. A reader never panics and never asks for more memory than
//! it has bytes: whatever is short or out of range is `None`, and the caller knows the file
//! and the offset. Invariant: what a code stands for never changes.

use crate::api::Reason;
use chatmetric_core::{AccountKey, EpochMs, MessageStatus, PhoneNumber, Slot, SpaceKey, UtcDay};

/// Appends an unsigned LEB128 integer.
pub fn put_varint(out: &mut Vec<u8>, mut value: u64) {
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
pub fn put_signed(out: &mut Vec<u8>, value: i64) {
    put_varint(out, ((value << 1) ^ (value >> 63)).cast_unsigned());
}

/// Appends how many of something follow.
pub fn put_length(out: &mut Vec<u8>, length: usize) {
    put_varint(out, u64::try_from(length).unwrap_or(u64::MAX));
}

/// Appends a length and the bytes.
pub fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_length(out, bytes.len());
    out.extend_from_slice(bytes);
}

/// The code of a reason: its place in [`Reason::ALL`].
#[must_use]
pub const fn reason_code(reason: Reason) -> u8 {
    match reason {
        Reason::Late => 0,
        Reason::Future => 1,
        Reason::UnknownNumber => 2,
        Reason::ForeignNumber => 3,
        Reason::SecondSource => 4,
        Reason::BadTimestamp => 5,
        Reason::Malformed => 6,
        Reason::Unparsable => 7,
        Reason::TooManyNumbers => 8,
    }
}

/// The reason of a code.
#[must_use]
pub fn reason_of(code: u8) -> Option<Reason> {
    Reason::ALL.get(usize::from(code)).copied()
}

/// The code of a status: its place in [`MessageStatus::ALL`].
#[must_use]
pub const fn status_code(status: MessageStatus) -> u8 {
    match status {
        MessageStatus::Sent => 0,
        MessageStatus::Delivered => 1,
        MessageStatus::Read => 2,
        MessageStatus::Failed => 3,
    }
}

/// The status of a code.
#[must_use]
pub fn status_of(code: u8) -> Option<MessageStatus> {
    MessageStatus::ALL.get(usize::from(code)).copied()
}

/// Takes values from the front of a byte slice.
#[derive(Debug, Clone, Copy)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Reads all of them.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// What was not taken yet.
    #[must_use]
    pub const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Whether everything was taken.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// How many bytes were not taken yet.
    #[must_use]
    pub const fn remaining(&self) -> usize {
        self.rest.len()
    }

    /// So many bytes.
    pub fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(head)
    }

    /// `N` bytes.
    pub fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    /// A byte.
    pub fn byte(&mut self) -> Option<u8> {
        self.array::<1>().map(|[byte]| byte)
    }

    /// Four bytes, the lowest first.
    pub fn fixed_u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    /// Eight bytes, the lowest first.
    pub fn fixed_u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    /// Sixteen bytes, the lowest first.
    pub fn fixed_u128(&mut self) -> Option<u128> {
        self.array().map(u128::from_le_bytes)
    }

    /// What [`put_varint`] wrote.
    pub fn varint(&mut self) -> Option<u64> {
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

    /// The same, within 32 bits.
    pub fn varint_u32(&mut self) -> Option<u32> {
        u32::try_from(self.varint()?).ok()
    }

    /// What [`put_signed`] wrote.
    pub fn signed(&mut self) -> Option<i64> {
        let value = self.varint()?;
        Some((value >> 1).cast_signed() ^ -((value & 1).cast_signed()))
    }

    /// How many of something follow, each of so many bytes at least.
    pub fn length(&mut self, bytes_min: usize) -> Option<usize> {
        let length = usize::try_from(self.varint()?).ok()?;
        let fits = length.checked_mul(bytes_min)? <= self.rest.len();
        fits.then_some(length)
    }

    /// What [`put_bytes`] wrote.
    pub fn bytes(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.varint()?).ok()?;
        self.take(length)
    }

    /// The same as text.
    pub fn text(&mut self) -> Option<&'a str> {
        std::str::from_utf8(self.bytes()?).ok()
    }

    /// A moment, ms since the epoch.
    pub fn time(&mut self) -> Option<EpochMs> {
        self.signed().map(EpochMs)
    }

    /// A number as its canonical digits.
    pub fn number(&mut self) -> Option<PhoneNumber> {
        let bytes = self.bytes()?;
        let number = PhoneNumber::parse(std::str::from_utf8(bytes).ok()?).ok()?;
        (number.as_bytes() == bytes).then_some(number)
    }

    /// A space.
    pub fn space(&mut self) -> Option<SpaceKey> {
        self.varint_u32().map(SpaceKey)
    }

    /// An account.
    pub fn account(&mut self) -> Option<AccountKey> {
        self.varint_u32().map(AccountKey)
    }

    /// A day in UTC.
    pub fn day(&mut self) -> Option<UtcDay> {
        self.varint_u32().map(UtcDay)
    }

    /// A quarter-hour.
    pub fn slot(&mut self) -> Option<Slot> {
        self.varint_u32().map(Slot)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_come_back() {
        let mut out = Vec::new();
        let unsigned = [
            0,
            1,
            127,
            128,
            16_383,
            16_384,
            u64::from(u32::MAX),
            u64::MAX,
        ];
        let signed = [0, -1, 1, 63, -64, 64, i64::MAX, i64::MIN];
        for value in unsigned {
            put_varint(&mut out, value);
        }
        for value in signed {
            put_signed(&mut out, value);
        }
        let mut reader = Reader::new(&out);
        for value in unsigned {
            assert_eq!(reader.varint(), Some(value));
        }
        for value in signed {
            assert_eq!(reader.signed(), Some(value));
        }
        assert!(reader.is_empty());
        assert_eq!(reader.varint(), None);
    }

    #[test]
    fn overlong_integers_are_refused() {
        assert_eq!(Reader::new(&[0xff; 11]).varint(), None);
        assert_eq!(Reader::new(&[0x80]).varint(), None);
        assert_eq!(Reader::new(&[5, 1, 2]).bytes(), None);
    }

    #[test]
    fn a_length_beyond_the_bytes_is_refused() {
        let mut bytes = Vec::new();
        put_varint(&mut bytes, 1 << 40);
        assert_eq!(Reader::new(&bytes).length(1), None);
        assert_eq!(Reader::new(&bytes).bytes(), None);
    }

    #[test]
    fn codes_are_places() {
        for (code, reason) in (0..).zip(Reason::ALL) {
            assert_eq!((reason_code(reason), reason_of(code)), (code, Some(reason)));
        }
        for (code, status) in (0..).zip(MessageStatus::ALL) {
            assert_eq!((status_code(status), status_of(code)), (code, Some(status)));
        }
        assert_eq!((reason_of(9), status_of(4)), (None, None));
    }
}
