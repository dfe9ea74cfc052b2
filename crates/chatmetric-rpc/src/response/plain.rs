//! Does a text need escaping? Eight bytes at a time, because rows hold short texts that never do.
//!
//! The word tests return a mask that is not zero iff some byte of the word is meant; which byte is
//! not told reliably. Invariant: the answer equals that of looking at each byte.

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGHS: u64 = 0x8080_8080_8080_8080;

/// Whether no byte needs escaping; `word` must agree with `byte`.
#[inline(always)]
pub(super) fn is_plain(bytes: &[u8], byte: impl Fn(u8) -> bool, word: impl Fn(u64) -> u64) -> bool {
    let Some(last) = bytes.last_chunk::<8>() else {
        return !bytes.iter().any(|&b| byte(b));
    };
    // The last eight bytes overlap the words before, instead of a rest byte by byte.
    let (words, _) = bytes.as_chunks::<8>();
    let found = words
        .iter()
        .fold(word(u64::from_le_bytes(*last)), |found, chunk| {
            found | word(u64::from_le_bytes(*chunk))
        });
    found == 0
}

/// Some byte is below `limit`, which is at most 128.
#[inline(always)]
pub(super) fn below(word: u64, limit: u8) -> u64 {
    word.wrapping_sub(ONES * u64::from(limit)) & !word & HIGHS
}

/// Some byte is `wanted`.
#[inline(always)]
pub(super) fn equal(word: u64, wanted: u8) -> u64 {
    below(word ^ (ONES * u64::from(wanted)), 1)
}

/// Some byte is 128 or more.
#[inline(always)]
pub(super) fn not_ascii(word: u64) -> u64 {
    word & HIGHS
}

/// Appends a text that is mostly short: copies of a constant length are a few instructions, where
/// one of unknown length is a call. The last chunk overlaps the first.
#[inline(always)]
pub(super) fn append(out: &mut Vec<u8>, bytes: &[u8]) {
    let length = bytes.len();
    if let (Some(first), Some(last), 8..=16) =
        (bytes.first_chunk::<8>(), bytes.last_chunk::<8>(), length)
    {
        out.extend_from_slice(first);
        out.truncate(out.len() + length - 16);
        out.extend_from_slice(last);
    } else if let (Some(first), Some(last), 4..=8) =
        (bytes.first_chunk::<4>(), bytes.last_chunk::<4>(), length)
    {
        out.extend_from_slice(first);
        out.truncate(out.len() + length - 8);
        out.extend_from_slice(last);
    } else {
        out.extend_from_slice(bytes);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn appending_appends(before in ".{0,9}", bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            let mut out = before.clone().into_bytes();
            append(&mut out, &bytes);
            prop_assert_eq!(out, [before.as_bytes(), &bytes].concat());
        }

        #[test]
        fn it_equals_looking_at_each_byte(bytes in proptest::collection::vec(any::<u8>(), 0..40), wanted in any::<u8>()) {
            let any = |test: &dyn Fn(u8) -> bool| bytes.iter().any(|b| test(*b));
            let is = |b: u8| b == wanted;
            prop_assert_eq!(is_plain(&bytes, is, |w| equal(w, wanted)), !any(&is));
            let low = |b: u8| b < 0x20;
            prop_assert_eq!(is_plain(&bytes, low, |w| below(w, 0x20)), !any(&low));
            let high = |b: u8| b >= 0x80;
            prop_assert_eq!(is_plain(&bytes, high, not_ascii), !any(&high));
        }
    }
}
