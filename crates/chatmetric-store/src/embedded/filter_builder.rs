//! A filter on its way into the file of a run. One that is larger than the memory for it is
//! built part by part: until its turn, what belongs into a part waits in a scratch file.
//!
//! Not here: what a filter is (`filter`). Invariants: the bytes are the same either way; what
//! comes back from the scratch file is what was put there, or the run is not written, because a
//! bit that is lost would say that a message is absent.

use super::fault;
use super::filter::{Filter, LINE_BYTES, Probe, set_bits};
use crate::api::StoreError;
use chatmetric_core::Fingerprint;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// What the scratch file has of a message: its line in the part, and its bits.
const NOTE_BYTES: usize = 12;
/// Notes are written and read so many bytes at a time, as far as there is memory.
const CHUNK_BYTES_MAX: usize = 5_461 * NOTE_BYTES;
const CHUNK_BYTES_MIN: usize = 341 * NOTE_BYTES;
/// The scratch file is synced after so many bytes: what the kernel has to write before it can
/// let go of memory would stop the journal too.
const SYNC_EVERY_BYTES: usize = 4 * 1024 * 1024;

/// See the module.
pub(crate) enum FilterBuilder {
    InMemory(Filter),
    InParts(Parts),
}

/// The parts of a large filter.
pub(crate) struct Parts {
    /// The directory of the scratch file, for errors.
    dir: PathBuf,
    file: File,
    /// Bytes of the scratch file so far.
    end: u64,
    unsynced_bytes: usize,
    lines: u64,
    lines_of_part: u64,
    chunk_bytes: usize,
    parts: Vec<Part>,
}

#[derive(Default)]
struct Part {
    /// What is not in the scratch file yet.
    notes: Vec<u8>,
    /// Where the rest is, with its checksum.
    chunks: Vec<(u64, u32)>,
}

impl FilterBuilder {
    /// For at most `keys` messages, with about `bytes_max` of memory; the scratch file has no
    /// name and is gone with the builder.
    pub(crate) fn new(keys: u64, bytes_max: u64, dir: &Path) -> Result<Self, StoreError> {
        let bytes = Filter::bytes_for(keys);
        if bytes <= bytes_max {
            return Ok(Self::InMemory(Filter::for_keys(keys)));
        }
        // Half of the memory for the part that is built, half for notes of all others.
        let half = bytes_max / 2;
        let parts_max = (half / CHUNK_BYTES_MIN as u64).max(1);
        let lines = bytes / LINE_BYTES as u64;
        let lines_of_part = (half / LINE_BYTES as u64).max(lines.div_ceil(parts_max));
        let parts = lines.div_ceil(lines_of_part);
        let chunk_bytes = (half / parts) as usize / NOTE_BYTES * NOTE_BYTES;
        let file = tempfile::tempfile_in(dir)
            .map_err(|error| fault::io("make a scratch file in", dir, error))?;
        Ok(Self::InParts(Parts {
            dir: dir.to_owned(),
            file,
            end: 0,
            unsynced_bytes: 0,
            lines,
            lines_of_part,
            chunk_bytes: chunk_bytes.clamp(CHUNK_BYTES_MIN, CHUNK_BYTES_MAX),
            parts: (0..parts).map(|_| Part::default()).collect(),
        }))
    }

    pub(crate) fn insert(&mut self, fingerprint: Fingerprint) -> Result<(), StoreError> {
        match self {
            Self::InMemory(filter) => {
                filter.insert(fingerprint);
                Ok(())
            }
            Self::InParts(parts) => parts.note(&Probe::of(fingerprint)),
        }
    }

    /// Bytes of the filter.
    pub(crate) fn bytes(&self) -> u64 {
        match self {
            Self::InMemory(filter) => filter.bytes(),
            Self::InParts(parts) => parts.lines * LINE_BYTES as u64,
        }
    }

    /// Gives its bytes in their order, at most `bytes_max` at a time.
    pub(crate) fn finish(
        self,
        bytes_max: usize,
        mut give: impl FnMut(&[u8]) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let mut give_all = |words: &[u64]| {
            words.chunks((bytes_max / 8).max(1)).try_for_each(|words| {
                let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
                give(&bytes)
            })
        };
        match self {
            Self::InMemory(filter) => give_all(filter.words()),
            Self::InParts(mut parts) => {
                for nth in 0..parts.parts.len() {
                    give_all(&parts.build(nth)?)?;
                }
                Ok(())
            }
        }
    }
}

impl Parts {
    fn note(&mut self, probe: &Probe) -> Result<(), StoreError> {
        let line = probe.line_of(self.lines);
        let (nth, within) = (line / self.lines_of_part, line % self.lines_of_part);
        let Some(part) = self.parts.get_mut(nth as usize) else {
            return Ok(());
        };
        part.notes.extend_from_slice(&(within as u32).to_le_bytes());
        part.notes.extend_from_slice(&probe.bits().to_le_bytes());
        if part.notes.len() < self.chunk_bytes {
            return Ok(());
        }
        part.chunks.push((self.end, crc32c::crc32c(&part.notes)));
        let mut written = self.file.write_all_at(&part.notes, self.end);
        self.end += part.notes.len() as u64;
        self.unsynced_bytes += part.notes.len();
        part.notes.clear();
        if self.unsynced_bytes >= SYNC_EVERY_BYTES {
            self.unsynced_bytes = 0;
            written = written.and_then(|()| self.file.sync_data());
        }
        written.map_err(|error| fault::io("write a scratch file in", &self.dir, error))
    }

    /// The words of a part.
    fn build(&mut self, nth: usize) -> Result<Vec<u64>, StoreError> {
        let part = self.parts.get_mut(nth).map(std::mem::take);
        let part = part.unwrap_or_default();
        let lines_before = nth as u64 * self.lines_of_part;
        let lines = self.lines_of_part.min(self.lines - lines_before);
        let mut words = vec![0; (lines * LINE_BYTES as u64 / 8) as usize];
        add(&mut words, &part.notes);
        let mut chunk = vec![0; self.chunk_bytes];
        for (offset, crc) in part.chunks {
            self.file
                .read_exact_at(&mut chunk, offset)
                .map_err(|error| fault::io("read a scratch file in", &self.dir, error))?;
            if crc32c::crc32c(&chunk) != crc {
                let detail = "a scratch file is not what was written to it";
                return Err(fault::corrupt(&self.dir, offset, detail));
            }
            add(&mut words, &chunk);
        }
        Ok(words)
    }
}

fn add(words: &mut [u64], notes: &[u8]) {
    let (notes, _) = notes.as_chunks::<NOTE_BYTES>();
    for [a, b, c, d, bits @ ..] in notes {
        let line = u32::from_le_bytes([*a, *b, *c, *d]) as usize;
        let first = line * (LINE_BYTES / 8);
        if let Some(line) = words.get_mut(first..).and_then(|it| it.first_chunk_mut()) {
            set_bits(line, u64::from_le_bytes(*bits));
        }
    }
}

#[cfg(test)]
mod tests {
    //! Parts make the same filter, in bounded memory.

    use super::*;

    fn key(number: u64) -> Fingerprint {
        Fingerprint(u128::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835))
    }

    fn filled(keys: u64, bytes_max: u64, dir: &Path) -> FilterBuilder {
        let mut builder = FilterBuilder::new(keys, bytes_max, dir).expect("a scratch file");
        (0..keys).for_each(|number| builder.insert(key(number)).expect("space"));
        builder
    }

    fn bytes_of(builder: FilterBuilder) -> Vec<u8> {
        let (told, mut bytes) = (builder.bytes(), Vec::new());
        let took = builder.finish(1000, |part| {
            assert!(part.len() <= 1000);
            bytes.extend_from_slice(part);
            Ok(())
        });
        took.expect("readable");
        assert_eq!(told, bytes.len() as u64);
        bytes
    }

    #[test]
    fn a_filter_that_is_built_in_parts_is_the_same() {
        let dir = tempfile::tempdir().expect("a directory");
        for keys in [1, 33, 4_000, 150_000] {
            let whole = bytes_of(filled(keys, u64::MAX, dir.path()));
            for bytes_max in [0, 100, 30_000, 200_000, whole.len() as u64] {
                let built = bytes_of(filled(keys, bytes_max, dir.path()));
                assert!(built == whole, "{keys} keys with {bytes_max} bytes");
            }
        }
        let left = std::fs::read_dir(dir.path()).expect("readable").count();
        assert_eq!(left, 0, "scratch files have no names");
    }

    #[test]
    fn parts_and_what_waits_for_them_take_the_memory_that_is_there() {
        const BYTES_MAX: u64 = 1024 * 1024;
        let dir = tempfile::tempdir().expect("a directory");
        for keys in [600_000, 5_000_000, 20_000_000] {
            let builder = FilterBuilder::new(keys, BYTES_MAX, dir.path()).expect("a file");
            let FilterBuilder::InParts(parts) = builder else {
                panic!("{keys} fit");
            };
            let notes = parts.parts.len() * parts.chunk_bytes;
            let part = parts.lines_of_part * LINE_BYTES as u64;
            assert!(notes as u64 <= BYTES_MAX / 2, "{keys}: {notes}");
            assert!(part <= BYTES_MAX / 2, "{keys}: {part}");
        }
    }

    #[test]
    fn a_scratch_file_that_changed_is_noticed() {
        let dir = tempfile::tempdir().expect("a directory");
        let builder = filled(150_000, 30_000, dir.path());
        let FilterBuilder::InParts(parts) = &builder else {
            panic!("they fit");
        };
        let mut byte = [0];
        let at = parts.end / 2;
        parts.file.read_exact_at(&mut byte, at).expect("readable");
        let changed = [byte[0] ^ 0x10];
        parts.file.write_all_at(&changed, at).expect("space");
        let found = builder.finish(4096, |_| Ok(()));
        assert!(
            matches!(found, Err(StoreError::Corrupt { .. })),
            "{found:?}"
        );
    }
}
