//! A blocked Bloom filter over fingerprints: 12 bits a message, one cache line
//! a question, never a false "absent".

use chatmetric_core::Fingerprint;

/// Bits that each message gets.
const BITS_PER_KEY: u64 = 12;
/// Bits asked per key inside one line.
const PROBES: u32 = 8;
/// Of these, those that are judged together.
const PROBES_TOGETHER: u32 = 4;
/// 64-bit words of one line (512 bits).
const LINE_WORDS: usize = 8;

/// The filter of one run.
#[derive(Debug)]
pub(crate) struct Filter {
    words: Vec<u64>,
    lines: u64,
}

/// Spreads a fingerprint over 64 bits. Fingerprints are keyed hashes already, so
/// little is needed; multiplying keeps small numbers (tests) apart too.
#[inline]
pub(crate) fn spread(fingerprint: Fingerprint) -> u64 {
    let low = fingerprint.0 as u64;
    let high = (fingerprint.0 >> 64) as u64;
    let mixed = (low ^ high.rotate_left(32)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed ^ (mixed >> 32)
}

/// Where a message would leave its bits: the same question to many filters.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Probe {
    line: u64,
    bits: u64,
    step: u64,
}

impl Probe {
    pub(crate) fn of(fingerprint: Fingerprint) -> Self {
        let hash = spread(fingerprint);
        let bits = hash.wrapping_mul(0xff51_afd7_ed55_8ccd);
        Self {
            line: hash.wrapping_mul(0xd6e8_feb8_6659_fd93),
            bits: bits ^ (bits >> 29),
            step: (bits >> 41) | 1,
        }
    }
}

impl Filter {
    /// An empty filter for `keys` messages.
    pub(crate) fn for_keys(keys: u64) -> Self {
        let lines = (keys * BITS_PER_KEY).div_ceil(512).max(1);
        Self {
            words: vec![0; lines as usize * LINE_WORDS],
            lines,
        }
    }

    fn line(&self, probe: &Probe) -> usize {
        ((u128::from(probe.line) * u128::from(self.lines)) >> 64) as usize * LINE_WORDS
    }

    pub(crate) fn insert(&mut self, fingerprint: Fingerprint) {
        let probe = Probe::of(fingerprint);
        let (line, mut bit) = (self.line(&probe), probe.bits);
        for _ in 0..PROBES {
            let at = bit & 511;
            self.words[line + (at >> 6) as usize] |= 1 << (at & 63);
            bit = bit.wrapping_add(probe.step);
        }
    }

    /// `false`: certainly not inserted.
    #[inline]
    pub(crate) fn may_contain(&self, probe: &Probe) -> bool {
        let line = self.line(probe);
        let Some(words) = self
            .words
            .get(line..)
            .and_then(|it| it.first_chunk::<LINE_WORDS>())
        else {
            return true;
        };
        let mut bit = probe.bits;
        let mut next = || {
            let at = bit & 511;
            bit = bit.wrapping_add(probe.step);
            words[(at >> 6) as usize % LINE_WORDS] >> (at & 63)
        };
        // Each bit is set half of the time, which no processor foresees: the first
        // ones are judged together, so that it goes on to the next filter while the
        // line is still on its way.
        let first = (0..PROBES_TOGETHER).fold(1, |all, _| all & next());
        first != 0 && (PROBES_TOGETHER..PROBES).all(|_| next() & 1 != 0)
    }

    /// Bytes that it takes.
    pub(crate) fn bytes(&self) -> u64 {
        self.words.len() as u64 * 8
    }

    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        self.words
            .iter()
            .flat_map(|word| word.to_le_bytes())
            .collect()
    }

    /// `None` unless `bytes` is a whole number of lines.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (chunks, rest) = bytes.as_chunks::<8>();
        let lines = chunks.len() / LINE_WORDS;
        if !rest.is_empty() || lines == 0 || !chunks.len().is_multiple_of(LINE_WORDS) {
            return None;
        }
        Some(Self {
            words: chunks.iter().map(|it| u64::from_le_bytes(*it)).collect(),
            lines: lines as u64,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(number: u128) -> Fingerprint {
        Fingerprint(number.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835))
    }

    #[test]
    fn what_is_in_is_found_and_few_others_are() {
        let mut filter = Filter::for_keys(10_000);
        for number in 0..10_000 {
            filter.insert(key(number));
            filter.insert(Fingerprint(number));
        }
        let read = Filter::from_bytes(&filter.to_bytes()).expect("whole lines");
        for number in 0..10_000 {
            assert!(read.may_contain(&Probe::of(key(number))));
            assert!(read.may_contain(&Probe::of(Fingerprint(number))));
        }
        let mut exact = Filter::for_keys(10_000);
        (0..10_000).for_each(|number| exact.insert(key(number)));
        let wrong = (10_000..110_000).filter(|it| exact.may_contain(&Probe::of(key(*it))));
        assert!(wrong.count() < 2_000, "less than 2 % false hits");
    }

    #[test]
    fn broken_lengths_are_refused() {
        assert!(Filter::from_bytes(&[]).is_none());
        assert!(Filter::from_bytes(&[0; 63]).is_none());
        assert!(Filter::from_bytes(&[0; 72]).is_none());
        assert!(Filter::from_bytes(&[0; 128]).is_some());
    }
}
