//! A blocked Bloom filter over fingerprints: 16 bits a message, one cache line
//! a question, never a false "absent".
//!
//! Not here: a filter that stays in its file (`stored_filter`), and one that is built for it
//! (`filter_builder`).

use chatmetric_core::Fingerprint;

/// Bits that each message gets.
///
/// With 12, one of 175 absent messages was read for in vain in each run; with 16, one of 520.
const BITS_PER_KEY: u64 = 16;
/// Bits asked per key inside one line.
const PROBES: u32 = 8;
/// Of these, those that are judged together.
const PROBES_TOGETHER: u32 = 4;
/// 64-bit words of one line (512 bits).
const LINE_WORDS: usize = 8;
/// Bytes of one line.
pub(crate) const LINE_BYTES: usize = LINE_WORDS * 8;

/// Lines of a filter that may share one, as a power of two: with all 16 bits a message one of
/// 520 absent messages passes, with 8 bits one of 40, with 4 bits one of 3.
pub(crate) const FOLD_MAX: u32 = 2;

/// The filter of one run. Where memory is short its lines are folded: neighbours share one,
/// which says "maybe" more often.
#[derive(Debug)]
pub(crate) struct Filter {
    words: Vec<u64>,
    /// The lines that there were before any were folded.
    lines: u64,
    fold: u32,
}

/// Bytes of memory that a filter of so many bytes takes when it is folded.
pub(crate) const fn folded_bytes(bytes: u64, fold: u32) -> u64 {
    (bytes / LINE_BYTES as u64).div_ceil(1 << fold) * LINE_BYTES as u64
}

/// How much a filter has to be folded to fit; `None` when that is too much.
pub(crate) fn fold_to_fit(bytes: u64, bytes_max: u64) -> Option<u32> {
    (0..=FOLD_MAX).find(|fold| folded_bytes(bytes, *fold) <= bytes_max)
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

/// How far the bits of a message are apart in their line; the highest bits of what says which
/// they are.
#[inline]
const fn step_of(bits: u64) -> u64 {
    (bits >> 41) | 1
}

/// Sets the bits of a message in its line.
pub(crate) fn set_bits(line: &mut [u64; LINE_WORDS], bits: u64) {
    let mut bit = bits;
    for _ in 0..PROBES {
        let at = bit & 511;
        line[(at >> 6) as usize % LINE_WORDS] |= 1 << (at & 63);
        bit = bit.wrapping_add(step_of(bits));
    }
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
        let bits = bits ^ (bits >> 29);
        Self {
            line: hash.wrapping_mul(0xd6e8_feb8_6659_fd93),
            bits,
            step: step_of(bits),
        }
    }

    /// The line of a filter of so many that it asks.
    #[inline]
    pub(crate) fn line_of(&self, lines: u64) -> u64 {
        ((u128::from(self.line) * u128::from(lines)) >> 64) as u64
    }

    /// What says which bits it sets in its line.
    pub(crate) const fn bits(&self) -> u64 {
        self.bits
    }

    /// Whether all its bits are set in a line.
    #[inline]
    pub(crate) fn fits(&self, words: &[u64; LINE_WORDS]) -> bool {
        let mut bit = self.bits;
        let mut next = || {
            let at = bit & 511;
            bit = bit.wrapping_add(self.step);
            words[(at >> 6) as usize % LINE_WORDS] >> (at & 63)
        };
        // Each bit is set half of the time, which no processor foresees: the first
        // ones are judged together, so that it goes on to the next filter while the
        // line is still on its way.
        let first = (0..PROBES_TOGETHER).fold(1, |all, _| all & next());
        first != 0 && (PROBES_TOGETHER..PROBES).all(|_| next() & 1 != 0)
    }
}

impl Filter {
    /// An empty filter for `keys` messages.
    pub(crate) fn for_keys(keys: u64) -> Self {
        Self::to_fill(Self::bytes_for(keys) / LINE_BYTES as u64, 0)
    }

    /// Bytes of the filter for `keys` messages.
    pub(crate) fn bytes_for(keys: u64) -> u64 {
        (keys * BITS_PER_KEY).div_ceil(512).max(1) * LINE_BYTES as u64
    }

    /// A filter of so many lines that is filled by [`add`](Self::add).
    pub(crate) fn to_fill(lines: u64, fold: u32) -> Self {
        let folded = lines.div_ceil(1 << fold);
        Self {
            words: vec![0; folded as usize * LINE_WORDS],
            lines,
            fold,
        }
    }

    /// Adds a line of the filter that is not folded; one behind its end is none of it.
    pub(crate) fn add(&mut self, line: u64, words: impl Iterator<Item = u64>) {
        let first = (line >> self.fold) as usize * LINE_WORDS;
        let own = self.words.get_mut(first..).unwrap_or_default();
        own.iter_mut()
            .take(LINE_WORDS)
            .zip(words)
            .for_each(|(own, word)| *own |= word);
    }

    /// The same, folded once more.
    pub(crate) fn folded(&self) -> Self {
        let mut folded = Self::to_fill(self.lines, self.fold + 1);
        for (line, words) in self.words.chunks(LINE_WORDS).enumerate() {
            folded.add((line as u64) << self.fold, words.iter().copied());
        }
        folded
    }

    /// How much it is folded.
    pub(crate) const fn fold(&self) -> u32 {
        self.fold
    }

    /// The first word of the line that a probe asks.
    fn line(&self, probe: &Probe) -> usize {
        (probe.line_of(self.lines) >> self.fold) as usize * LINE_WORDS
    }

    pub(crate) fn insert(&mut self, fingerprint: Fingerprint) {
        let probe = Probe::of(fingerprint);
        let line = self.line(&probe);
        if let Some(line) = self
            .words
            .get_mut(line..)
            .and_then(|it| it.first_chunk_mut())
        {
            set_bits(line, probe.bits);
        }
    }

    /// `false`: certainly not inserted.
    #[inline]
    pub(crate) fn may_contain(&self, probe: &Probe) -> bool {
        let line = self.line(probe);
        self.words
            .get(line..)
            .and_then(|it| it.first_chunk::<LINE_WORDS>())
            .is_none_or(|words| probe.fits(words))
    }

    /// Bytes that it takes.
    pub(crate) fn bytes(&self) -> u64 {
        self.words.len() as u64 * 8
    }

    /// Its words, line after line.
    pub(crate) fn words(&self) -> &[u64] {
        &self.words
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
        let words = filter.words().iter();
        let bytes: Vec<u8> = words.flat_map(|word| word.to_le_bytes()).collect();
        let mut read = Filter::to_fill(filter.lines, 0);
        for (line, bytes) in bytes.chunks(LINE_BYTES).enumerate() {
            let (words, _) = bytes.as_chunks::<8>();
            read.add(line as u64, words.iter().map(|it| u64::from_le_bytes(*it)));
        }
        assert_eq!(read.words, filter.words);
        for number in 0..10_000 {
            assert!(read.may_contain(&Probe::of(key(number))));
            assert!(read.may_contain(&Probe::of(Fingerprint(number))));
        }
        let mut exact = Filter::for_keys(10_000);
        (0..10_000).for_each(|number| exact.insert(key(number)));
        let wrong = |filter: &Filter| {
            let passes = |number| filter.may_contain(&Probe::of(key(number)));
            assert!((0..10_000).all(passes));
            (10_000..110_000).filter(|it| passes(*it)).count()
        };
        assert!(wrong(&exact) < 400, "less than 0.4 % false hits");
        let half = exact.folded();
        assert!(half.bytes() <= exact.bytes() / 2 + LINE_BYTES as u64);
        assert!(wrong(&half) < 4_000, "less than 4 % with half of its bits");
        let quarter = half.folded();
        assert_eq!(quarter.bytes(), folded_bytes(exact.bytes(), 2));
        assert!(wrong(&quarter) < 40_000, "less than 40 % with a quarter");
    }

    #[test]
    fn a_filter_is_folded_as_little_as_it_fits() {
        let bytes = Filter::for_keys(1_000).bytes();
        assert_eq!(bytes, Filter::bytes_for(1_000));
        assert_eq!(fold_to_fit(bytes, bytes), Some(0));
        assert_eq!(fold_to_fit(bytes, bytes - 1), Some(1));
        assert_eq!(fold_to_fit(bytes, folded_bytes(bytes, 2)), Some(2));
        assert_eq!(fold_to_fit(bytes, folded_bytes(bytes, 2) - 1), None);
    }
}
