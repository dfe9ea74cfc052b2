//! Rows of one shape, in JSON or XML alike: constant pieces around integers.
//!
//! An answer has thousands of rows that differ in a few numbers only, so their constant pieces are
//! made once and copied in chunks of a constant length; what a copy writes too much is overwritten
//! by the next one. Not here: how the pieces look, which the two writers know.
//!
//! Invariant: the bytes are those that the writers' own members would give.

/// Bytes that are copied at once.
const CHUNK_BYTES: usize = 32;
/// Longest integer, with its sign, in bytes.
const INTEGER_BYTES_MAX: usize = 20;
/// Most rows that room is made for at once.
const ROWS_AT_ONCE_MAX: usize = 32;
/// Integers from here on have a head that seldom changes, and eight more digits.
const LOW_DIGITS: u64 = 100_000_000;

/// The constant pieces of rows with `N` integers.
pub(super) struct Pieces<const N: usize> {
    before: [Piece; N],
    ends: Vec<Piece>,
    row_bytes_max: usize,
}

/// A text, filled up to whole chunks.
#[derive(Debug)]
struct Piece {
    chunks: Vec<[u8; CHUNK_BYTES]>,
    length: usize,
}

impl Piece {
    fn new(text: &[u8]) -> Self {
        let (whole, rest) = text.as_chunks();
        let mut chunks = whole.to_vec();
        if !rest.is_empty() {
            let mut last = [0; CHUNK_BYTES];
            last.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
            chunks.push(last);
        }
        let length = text.len();
        Self { chunks, length }
    }

    /// Writes it at `at` and returns where it ends.
    #[inline(always)]
    fn write(&self, out: &mut [u8], at: usize) -> usize {
        let mut to = at;
        for chunk in &self.chunks {
            put(out, to, chunk);
            to += CHUNK_BYTES;
        }
        at + self.length
    }
}

impl<const N: usize> Pieces<N> {
    /// What stands before each integer, and the ends that a row may have.
    pub(super) fn new(before: [Vec<u8>; N], ends: Vec<Vec<u8>>) -> Self {
        let rounded = |text: &Vec<u8>| text.len() + CHUNK_BYTES;
        let heads: usize = before.iter().map(rounded).sum();
        let end = ends.iter().map(rounded).max().unwrap_or(0);
        Self {
            row_bytes_max: heads + N * (INTEGER_BYTES_MAX + CHUNK_BYTES) + end,
            before: before.map(|text| Piece::new(&text)),
            ends: ends.iter().map(|text| Piece::new(text)).collect(),
        }
    }

    /// Appends the rows: which end each has, and its integers. A row with an end that there is not
    /// is left out.
    pub(super) fn append(&self, out: &mut Vec<u8>, rows: impl Iterator<Item = (usize, [i64; N])>) {
        let mut digits = Digits::default();
        let mut at = out.len();
        let mut rows_at_once = 1;
        for (end, integers) in rows {
            let Some(end) = self.ends.get(end) else {
                continue;
            };
            if out.len() - at < self.row_bytes_max {
                out.resize(at + rows_at_once * self.row_bytes_max, 0);
                rows_at_once = (2 * rows_at_once).min(ROWS_AT_ONCE_MAX);
            }
            for (before, integer) in self.before.iter().zip(integers) {
                at = before.write(out, at);
                at = digits.write(out, at, integer);
            }
            at = end.write(out, at);
        }
        out.truncate(at);
    }
}

/// There is always room: see `row_bytes_max`.
#[inline(always)]
fn put<const B: usize>(out: &mut [u8], at: usize, bytes: &[u8; B]) {
    if let Some(place) = out.get_mut(at..).and_then(<[u8]>::first_chunk_mut) {
        *place = *bytes;
    }
}

/// Decimal digits, with the head of the last long integer kept: times of neighbours share it.
#[derive(Default)]
struct Digits {
    head: u64,
    text: [u8; 16],
    length: usize,
}

impl Digits {
    #[inline(always)]
    fn write(&mut self, out: &mut [u8], at: usize, integer: i64) -> usize {
        match u64::try_from(integer) {
            Ok(small @ ..100) => short(out, at, small),
            Ok(small @ ..10_000) => {
                let at = short(out, at, small / 100);
                put(out, at, &pair(small % 100));
                at + 2
            }
            Ok(long) if long / LOW_DIGITS == self.head && self.length > 0 => {
                put(out, at, &self.text);
                put(out, at + self.length, &eight(long % LOW_DIGITS));
                at + self.length + 8
            }
            Ok(_) | Err(_) => self.any(out, at, integer),
        }
    }

    #[cold]
    fn any(&mut self, out: &mut [u8], at: usize, integer: i64) -> usize {
        let mut buffer = itoa::Buffer::new();
        let text = buffer.format(integer).as_bytes();
        let places = out.iter_mut().skip(at);
        places.zip(text).for_each(|(to, from)| *to = *from);
        if let Ok(long @ LOW_DIGITS..) = u64::try_from(integer) {
            self.head = long / LOW_DIGITS;
            self.length = text.len() - 8;
            self.text
                .iter_mut()
                .zip(text)
                .for_each(|(to, from)| *to = *from);
        }
        at + text.len()
    }
}

/// One or two digits.
#[inline(always)]
fn short(out: &mut [u8], at: usize, below_100: u64) -> usize {
    let [tens, ones] = pair(below_100);
    if below_100 < 10 {
        put(out, at, &[ones]);
        at + 1
    } else {
        put(out, at, &[tens, ones]);
        at + 2
    }
}

#[inline(always)]
fn pair(below_100: u64) -> [u8; 2] {
    let tens = (below_100 * 103) >> 10;
    let [tens, ones, ..] = (tens | ((below_100 - 10 * tens) << 8) | 0x3030).to_le_bytes();
    [tens, ones]
}

/// Eight digits at once: four of them in each half of a word, then two in each quarter, then one in
/// each byte. The multiplications divide by 100 and by 10.
#[inline(always)]
fn eight(below_1e8: u64) -> [u8; 8] {
    let fours = (below_1e8 / 10_000) | ((below_1e8 % 10_000) << 32);
    let hundreds = ((fours * 10_486) >> 20) & 0x7f_0000_007f;
    let twos = hundreds | ((fours - 100 * hundreds) << 16);
    let tens = ((twos * 103) >> 10) & 0x000f_000f_000f_000f;
    let ones = tens | ((twos - 10 * tens) << 8);
    (ones | 0x3030_3030_3030_3030).to_le_bytes()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn integer() -> impl Strategy<Value = i64> {
        let times = 1_600_000_000_000_i64..1_600_001_000_000;
        prop_oneof![
            0..120_i64,
            0..20_000_i64,
            times,
            any::<i64>(),
            Just(i64::MIN)
        ]
    }

    fn text() -> impl Strategy<Value = Vec<u8>> {
        proptest::collection::vec(any::<u8>(), 0..100)
    }

    proptest! {
        #[test]
        fn rows_are_their_pieces(
            opened in text(),
            before in proptest::array::uniform3(text()),
            ends in proptest::collection::vec(text(), 1..4),
            rows in proptest::collection::vec((any::<usize>(), proptest::array::uniform3(integer())), 0..90),
        ) {
            let rows: Vec<_> = rows.iter().map(|(end, row)| (end % ends.len(), *row)).collect();
            let mut out = opened.clone();
            Pieces::new(before.clone(), ends.clone()).append(&mut out, rows.iter().copied());
            let mut expected = opened;
            for (end, integers) in rows {
                for (before, integer) in before.iter().zip(integers) {
                    expected.extend_from_slice(before);
                    expected.extend_from_slice(integer.to_string().as_bytes());
                }
                expected.extend_from_slice(&ends[end]);
            }
            prop_assert_eq!(out, expected);
        }
    }

    #[test]
    fn every_number_of_digits_is_written() {
        let mut digits = Digits::default();
        let powers = (0..19).map(|power| 10_i64.pow(power));
        let mut integers: Vec<i64> = powers.flat_map(|it| [it - 1, it, it + 1, -it]).collect();
        integers.extend((0..=9_999).chain((0..100_000_000).step_by(9_973)));
        integers.extend([i64::MIN, i64::MAX]);
        for integer in integers {
            for integer in [integer, integer.saturating_add(7 * 100_000_000)] {
                let mut out = [b'x'; 64];
                let end = digits.write(&mut out, 3, integer);
                assert_eq!(out[3..end], *integer.to_string().as_bytes());
            }
        }
    }
}
