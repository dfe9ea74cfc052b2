//! The filter of a run as it stands in its file: looked at there when there is no memory
//! for it, page by page through the page cache of the kernel.
//!
//! Not here: what a filter is (`filter`). Invariant: a page counts only when it is what it
//! was when the whole filter was checked, so damage never says that a message is absent.

use super::fault;
use super::filter::{Filter, LINE_BYTES, Probe};
use super::run::read_at;
use crate::api::StoreError;
use rustix::fs::Advice;
use rustix::io::{ReadWriteFlags, preadv2};
use std::fs::File;
use std::io::IoSliceMut;
use std::num::NonZeroU64;
use std::path::Path;
use std::sync::Arc;

/// Bytes that are read and checked together: few, because each look copies them.
const PAGE_BYTES: usize = 256;
/// Bytes that are read at once while all of it is checked.
const CHUNK_BYTES: usize = 256 * PAGE_BYTES;

/// Where the filter is, and the checksums of its pages: a sixty-fourth of its size.
#[derive(Debug, Clone)]
pub(crate) struct StoredFilter {
    offset: u64,
    bytes: u64,
    sums: Arc<[u32]>,
}

impl StoredFilter {
    /// Checks the whole filter; gives it to keep in memory too, folded so much.
    pub(crate) fn open(
        (file, path): (&File, &Path),
        (offset, bytes): (u64, u64),
        crc: u32,
        fold: Option<u32>,
    ) -> Result<(Self, Option<Filter>), StoreError> {
        let damaged = || fault::corrupt(path, offset, "the filter is damaged");
        if bytes == 0 || !bytes.is_multiple_of(LINE_BYTES as u64) {
            return Err(damaged());
        }
        let lines = bytes / LINE_BYTES as u64;
        let mut filter = fold.map(|fold| Filter::to_fill(lines, fold));
        let mut sums = Vec::with_capacity(bytes.div_ceil(PAGE_BYTES as u64) as usize);
        let mut chunk = vec![0; CHUNK_BYTES];
        let (mut at, mut found) = (0, 0);
        while at < bytes {
            let len = (bytes - at).min(CHUNK_BYTES as u64) as usize;
            let chunk = &mut chunk[..len];
            read_at(file, path, chunk, offset + at)?;
            found = crc32c::crc32c_append(found, chunk);
            sums.extend(chunk.chunks(PAGE_BYTES).map(crc32c::crc32c));
            if let Some(filter) = &mut filter {
                for (nth, line) in chunk.chunks(LINE_BYTES).enumerate() {
                    let (words, _) = line.as_chunks::<8>();
                    let words = words.iter().map(|it| u64::from_le_bytes(*it));
                    filter.add(at / LINE_BYTES as u64 + nth as u64, words);
                }
            }
            at += len as u64;
        }
        if found != crc {
            return Err(damaged());
        }
        let stored = Self {
            offset,
            bytes,
            sums: sums.into(),
        };
        Ok((stored, filter))
    }

    /// The line that a probe asks: the offset of its page, and its place there.
    fn place(&self, probe: &Probe) -> (u64, usize) {
        let line = probe.line_of(self.bytes / LINE_BYTES as u64) * LINE_BYTES as u64;
        let within = line % PAGE_BYTES as u64;
        (line - within, within as usize)
    }

    /// `false`: the message is certainly not in the run.
    pub(crate) fn may_contain(
        &self,
        file: &File,
        path: &Path,
        probe: &Probe,
    ) -> Result<bool, StoreError> {
        let (page, within) = self.place(probe);
        let mut bytes = [0; PAGE_BYTES];
        let bytes = self.page_of(&mut bytes, page);
        read_at(file, path, bytes, self.offset + page)?;
        self.says(probe, (page, within), bytes).ok_or_else(|| {
            let detail = "the filter is not what it was when it was opened";
            fault::corrupt(path, self.offset + page, detail)
        })
    }

    /// The same without waiting for the disk; `None` when only the disk knows, or when the
    /// page is damaged, which [`may_contain`](Self::may_contain) tells.
    pub(crate) fn may_contain_now(&self, file: &File, probe: &Probe) -> Option<bool> {
        let (page, within) = self.place(probe);
        let mut bytes = [0; PAGE_BYTES];
        let bytes = self.page_of(&mut bytes, page);
        let at = self.offset + page;
        let read = preadv2(
            file,
            &mut [IoSliceMut::new(bytes)],
            at,
            ReadWriteFlags::NOWAIT,
        );
        if read.is_ok_and(|read| read == bytes.len()) {
            return self.says(probe, (page, within), bytes);
        }
        prefetch(file, at, PAGE_BYTES as u64);
        None
    }

    /// The last page may be shorter.
    fn page_of<'b>(&self, bytes: &'b mut [u8; PAGE_BYTES], page: u64) -> &'b mut [u8] {
        let len = (self.bytes - page).min(PAGE_BYTES as u64);
        &mut bytes[..len as usize]
    }

    /// What a page says; `None` when it is damaged.
    fn says(&self, probe: &Probe, (page, within): (u64, usize), bytes: &[u8]) -> Option<bool> {
        let known = self.sums.get((page / PAGE_BYTES as u64) as usize);
        if known != Some(&crc32c::crc32c(bytes)) {
            return None;
        }
        let (words, _) = bytes.get(within..)?.as_chunks::<8>();
        let line = words.first_chunk()?;
        Some(probe.fits(&line.map(u64::from_le_bytes)))
    }
}

/// Lets the kernel read a part of a file into its page cache, without waiting for it. It is
/// a hint: what goes wrong shows when the part is read.
pub(super) fn prefetch(file: &File, offset: u64, bytes: u64) {
    let _hint = rustix::fs::fadvise(file, offset, NonZeroU64::new(bytes), Advice::WillNeed);
}

#[cfg(test)]
mod tests {
    //! It says what the filter in memory says, and finds damage.

    use super::*;
    use chatmetric_core::Fingerprint;
    use std::os::unix::fs::FileExt;

    const OFFSET: u64 = 4096;

    fn key(number: u128) -> Fingerprint {
        Fingerprint(number.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835))
    }

    struct Kept {
        dir: tempfile::TempDir,
        filter: Filter,
        bytes: u64,
        crc: u32,
    }

    impl Kept {
        fn new(keys: u64) -> Self {
            let dir = tempfile::tempdir().expect("a directory");
            let mut filter = Filter::for_keys(keys);
            (0..u128::from(keys)).for_each(|number| filter.insert(key(number)));
            let words = filter.words().iter();
            let bytes: Vec<u8> = words.flat_map(|word| word.to_le_bytes()).collect();
            let file = File::create(dir.path().join("a.run")).expect("a file");
            file.write_all_at(&bytes, OFFSET).expect("space");
            Self {
                dir,
                filter,
                bytes: bytes.len() as u64,
                crc: crc32c::crc32c(&bytes),
            }
        }

        fn open(&self, fold: Option<u32>) -> Result<(StoredFilter, Option<Filter>), StoreError> {
            let path = self.dir.path().join("a.run");
            let file = File::open(&path).expect("a file");
            let place = (OFFSET, self.bytes);
            StoredFilter::open((&file, &path), place, self.crc, fold)
        }
    }

    #[test]
    fn it_says_what_the_filter_in_memory_says() {
        for keys in [1, 100, 513, 60_000] {
            let kept = Kept::new(keys);
            let path = kept.dir.path().join("a.run");
            let file = File::open(&path).expect("a file");
            let (stored, none) = kept.open(None).expect("whole");
            assert!(none.is_none(), "it has no room");
            let (_, read) = kept.open(Some(0)).expect("whole");
            let read = read.expect("it has room");
            let (_, folded) = kept.open(Some(2)).expect("whole");
            let folded = folded.expect("it has room for a quarter");
            for number in 0..u128::from(keys) + 5_000 {
                let probe = Probe::of(key(number));
                let now = stored.may_contain_now(&file, &probe);
                let found = stored.may_contain(&file, &path, &probe).expect("readable");
                assert!(now.is_none_or(|now| now == found), "{number} of {keys}");
                assert_eq!(found, kept.filter.may_contain(&probe), "{number} of {keys}");
                assert_eq!(found, read.may_contain(&probe), "{number} of {keys}");
                assert!(!found || folded.may_contain(&probe), "{number} of {keys}");
            }
        }
    }

    #[test]
    fn damage_is_found_before_and_after_it_was_opened() {
        let kept = Kept::new(5_000);
        let path = kept.dir.path().join("a.run");
        let (stored, _) = kept.open(None).expect("whole");
        let file = File::options().read(true).write(true).open(&path);
        let file = file.expect("a file");
        let probe = Probe::of(key(77));
        assert!(stored.may_contain(&file, &path, &probe).expect("whole"));
        let (page, within) = stored.place(&probe);
        let mut line = [0; LINE_BYTES];
        let at = OFFSET + page + within as u64;
        file.read_exact_at(&mut line, at).expect("readable");
        file.write_all_at(&[0; LINE_BYTES], at).expect("space");
        let found = stored.may_contain(&file, &path, &probe);
        assert!(
            matches!(found, Err(StoreError::Corrupt { .. })),
            "{found:?}"
        );
        let found = kept.open(None);
        assert!(
            matches!(found, Err(StoreError::Corrupt { .. })),
            "{found:?}"
        );
        file.write_all_at(&line, at).expect("space");
        assert!(
            stored
                .may_contain(&file, &path, &probe)
                .expect("whole again")
        );
    }
}
