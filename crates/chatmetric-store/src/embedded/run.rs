//! Runs: immutable files of message records, sorted by fingerprint.
//!
//! Layout: a header of 64 bytes padded to one block; blocks of 4,096 bytes, each
//! with a CRC-32C, an entry count and up to 146 entries of 28 bytes; the first
//! fingerprint of every block; the filter. An entry is fingerprint, binding and
//! 8 bytes of slots, relative to the first one; a record that does not fit (a
//! distance of more than three weeks, a year after 2400) takes a second entry
//! with all slots in full, in the same block.
//!
//! The header ends with an XXH3 of everything behind it, so that header and number
//! tell the bytes of a run from those of any other; runs of before it have zeros there.
//!
//! Invariant: fingerprints ascend strictly; a run that was opened never changes.

use super::catalog::RunEntry;
use super::cold::ColdRecord;
use super::fault;
use super::filter::{FOLD_MAX, Filter, Probe};
use super::filter_builder::FilterBuilder;
use super::record_coding::{self, ENTRY_BYTES, Packed};
use super::stored_filter::{StoredFilter, prefetch};
use crate::api::StoreError;
use crate::embedded::disk::{Disk, DiskFile};
use chatmetric_core::Fingerprint;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use xxhash_rust::xxh3::Xxh3;

/// Bytes of one block.
pub(crate) const BLOCK_BYTES: usize = 4096;
const BLOCK_HEADER_BYTES: usize = 8;
const BLOCK_ENTRIES: usize = (BLOCK_BYTES - BLOCK_HEADER_BYTES) / ENTRY_BYTES;
const HEADER_BYTES: usize = 64;
const MAGIC: [u8; 8] = *b"CMrun\0\0\x01";
/// A file is synced after so many bytes, so that no single sync fills the queue of
/// the disk while a journal waits behind it.
const SYNC_EVERY_BYTES: usize = 4 * 1024 * 1024;
/// Bytes that are written or read at once in a sequential pass.
const CHUNK_BYTES: usize = 64 * BLOCK_BYTES;

/// Writes one run; the records come in ascending order.
pub(crate) struct RunWriter {
    path: PathBuf,
    file: Box<dyn DiskFile>,
    buffer: Vec<u8>,
    written: u64,
    unsynced_bytes: usize,
    block_start: usize,
    block_entries: usize,
    index: Vec<u8>,
    filter: FilterBuilder,
    records: u64,
    last: Option<Fingerprint>,
    digest: Xxh3,
}

impl RunWriter {
    /// Makes the file for at most `records_max` records; its filter is made in about
    /// `filter_bytes_max` of memory.
    pub(crate) fn create(
        disk: &dyn Disk,
        path: PathBuf,
        (records_max, filter_bytes_max): (u64, u64),
    ) -> Result<Self, StoreError> {
        let dir = path.parent().unwrap_or(&path);
        let filter = FilterBuilder::new(records_max, filter_bytes_max, dir)?;
        let file = disk
            .create(&path)
            .map_err(|error| fault::io("create", &path, error))?;
        Ok(Self {
            path,
            file,
            buffer: Vec::with_capacity(CHUNK_BYTES + BLOCK_BYTES),
            written: BLOCK_BYTES as u64,
            unsynced_bytes: 0,
            block_start: 0,
            block_entries: 0,
            index: Vec::new(),
            filter,
            records: 0,
            last: None,
            digest: Xxh3::new(),
        })
    }

    pub(crate) fn push(&mut self, record: &ColdRecord) -> Result<(), StoreError> {
        assert!(
            self.last.is_none_or(|last| last < record.fingerprint),
            "the records of a run ascend"
        );
        let packed = record_coding::pack(record.fingerprint, record.binding, &record.record);
        let entries = match &packed {
            Packed::Narrow(_) => 1,
            Packed::Wide(_) => 2,
        };
        if self.block_entries + entries > BLOCK_ENTRIES {
            self.finish_block()?;
        }
        if self.block_entries == 0 {
            self.block_start = self.buffer.len();
            self.buffer.extend_from_slice(&[0; BLOCK_HEADER_BYTES]);
            self.index
                .extend_from_slice(&record.fingerprint.0.to_le_bytes());
        }
        match &packed {
            Packed::Narrow(entry) => self.buffer.extend_from_slice(entry),
            Packed::Wide(pair) => self.buffer.extend_from_slice(pair),
        }
        self.block_entries += entries;
        self.filter.insert(record.fingerprint)?;
        self.records += 1;
        self.last = Some(record.fingerprint);
        Ok(())
    }

    fn finish_block(&mut self) -> Result<(), StoreError> {
        self.buffer.resize(self.block_start + BLOCK_BYTES, 0);
        let block = &mut self.buffer[self.block_start..];
        block[4..6].copy_from_slice(&(self.block_entries as u16).to_le_bytes());
        let crc = crc32c::crc32c(&block[4..]);
        block[..4].copy_from_slice(&crc.to_le_bytes());
        self.block_entries = 0;
        if self.buffer.len() >= CHUNK_BYTES {
            self.flush()?;
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), StoreError> {
        self.file
            .write_at(&self.buffer, self.written)
            .map_err(|error| fault::io("write", &self.path, error))?;
        self.digest.update(&self.buffer);
        self.written += self.buffer.len() as u64;
        self.unsynced_bytes += self.buffer.len();
        self.buffer.clear();
        if self.unsynced_bytes >= SYNC_EVERY_BYTES {
            self.unsynced_bytes = 0;
            self.file
                .sync()
                .map_err(|error| fault::io("sync", &self.path, error))?;
        }
        Ok(())
    }

    /// Writes what is left and the header; the end of it is not synced yet.
    pub(crate) fn finish(mut self, week: u32) -> Result<FinishedRun, StoreError> {
        if self.block_entries > 0 {
            self.finish_block()?;
        }
        self.flush()?;
        let blocks = (self.index.len() / 16) as u64;
        let filter = FilterBuilder::InMemory(Filter::for_keys(0));
        let filter = std::mem::replace(&mut self.filter, filter);
        let mut header = [0_u8; HEADER_BYTES];
        header[..8].copy_from_slice(&MAGIC);
        header[8..16].copy_from_slice(&self.records.to_le_bytes());
        header[16..24].copy_from_slice(&blocks.to_le_bytes());
        header[24..32].copy_from_slice(&filter.bytes().to_le_bytes());
        header[32..36].copy_from_slice(&week.to_le_bytes());
        header[36..40].copy_from_slice(&crc32c::crc32c(&self.index).to_le_bytes());
        // Those of a large run are tens of megabytes: synced on the way as its blocks.
        let index = std::mem::take(&mut self.index);
        for part in index.chunks(SYNC_EVERY_BYTES) {
            self.buffer.extend_from_slice(part);
            self.flush()?;
        }
        drop(index);
        let mut filter_crc = 0;
        filter.finish(SYNC_EVERY_BYTES, |part| {
            filter_crc = crc32c::crc32c_append(filter_crc, part);
            self.buffer.extend_from_slice(part);
            self.flush()
        })?;
        header[40..44].copy_from_slice(&filter_crc.to_le_bytes());
        header[44..60].copy_from_slice(&self.digest.digest128().to_le_bytes());
        let crc = crc32c::crc32c(&header[..60]);
        header[60..].copy_from_slice(&crc.to_le_bytes());
        self.file
            .write_at(&header, 0)
            .map_err(|error| fault::io("write", &self.path, error))?;
        Ok(FinishedRun {
            path: self.path,
            file: self.file,
        })
    }
}

/// A run that is written in full but not yet synced.
pub(crate) struct FinishedRun {
    path: PathBuf,
    file: Box<dyn DiskFile>,
}

impl FinishedRun {
    pub(crate) fn sync(&self) -> Result<(), StoreError> {
        self.file
            .sync()
            .map_err(|error| fault::io("sync", &self.path, error))
    }
}

/// An open run: its index is in memory, its filter too as long as there is memory
/// for it, its blocks are on disk.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) id: u64,
    pub(crate) level: u32,
    /// The place in the order of age.
    pub(crate) order: u64,
    pub(crate) week: u32,
    pub(crate) records: u64,
    pub(crate) bytes: u64,
    pub(crate) header_crc: u32,
    path: PathBuf,
    file: Arc<File>,
    index: Arc<[u128]>,
    filter: Option<Filter>,
    /// Asked where there is no memory for it.
    stored_filter: StoredFilter,
}

impl Run {
    /// Opens a run and checks header, index and filter, which is kept in memory folded so
    /// much; with `None` it is not.
    pub(crate) fn open(
        path: PathBuf,
        (id, level, order): (u64, u32, u64),
        fold: Option<u32>,
    ) -> Result<Self, StoreError> {
        let file = File::open(&path).map_err(|error| fault::io("open", &path, error))?;
        let mut header = [0_u8; HEADER_BYTES];
        read_at(&file, &path, &mut header, 0)?;
        let field = |at: usize| u64::from_le_bytes(header[at..at + 8].try_into().unwrap_or([0; 8]));
        let short = |at: usize| u32::from_le_bytes(header[at..at + 4].try_into().unwrap_or([0; 4]));
        if header[..8] != MAGIC || crc32c::crc32c(&header[..60]) != short(60) {
            return Err(fault::corrupt(&path, 0, "the header of the run is damaged"));
        }
        let (blocks, filter_bytes) = (field(16), field(24));
        let bytes = file
            .metadata()
            .map_err(|error| fault::io("look at", &path, error))?
            .len();
        let index_at = (blocks + 1) * BLOCK_BYTES as u64;
        let filter_at = index_at + blocks * 16;
        if filter_at + filter_bytes != bytes {
            return Err(fault::corrupt(&path, bytes, "the run has another length"));
        }
        let mut index = vec![0; (blocks * 16) as usize];
        read_at(&file, &path, &mut index, index_at)?;
        if crc32c::crc32c(&index) != short(36) {
            return Err(fault::corrupt(&path, index_at, "the index is damaged"));
        }
        let (stored_filter, filter) =
            StoredFilter::open((&file, &path), (filter_at, filter_bytes), short(40), fold)?;
        let (keys, _) = index.as_chunks::<16>();
        Ok(Self {
            id,
            level,
            order,
            week: short(32),
            records: field(8),
            bytes,
            header_crc: short(60),
            file: Arc::new(file),
            index: keys.iter().map(|key| u128::from_le_bytes(*key)).collect(),
            filter,
            stored_filter,
            path,
        })
    }

    /// The same run at its place in the order of age.
    pub(crate) fn in_place(self, order: u64) -> Self {
        Self { order, ..self }
    }

    /// Bytes of memory that the filter takes.
    pub(crate) fn filter_bytes(&self) -> u64 {
        self.filter.as_ref().map_or(0, Filter::bytes)
    }

    /// The same run whose filter takes half of the memory, or none if that is too little
    /// to be of use.
    pub(crate) fn with_less_filter(&self) -> Self {
        let filter = self.filter.as_ref();
        let filter = filter.filter(|filter| filter.fold() < FOLD_MAX);
        Self {
            path: self.path.clone(),
            file: Arc::clone(&self.file),
            index: Arc::clone(&self.index),
            filter: filter.map(Filter::folded),
            stored_filter: self.stored_filter.clone(),
            ..*self
        }
    }

    /// The run as the manifest names it.
    pub(crate) const fn entry(&self) -> RunEntry {
        RunEntry {
            order: self.order,
            id: self.id,
            level: self.level,
            week: self.week,
            records: self.records,
            header_crc: self.header_crc,
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The open file: it stays readable when its name is removed.
    pub(crate) fn pin(&self) -> Arc<File> {
        Arc::clone(&self.file)
    }

    /// `false`: the message is certainly not in this run. Without a filter in memory it
    /// may be.
    #[inline]
    pub(crate) fn may_contain(&self, probe: &Probe) -> bool {
        let filter = self.filter.as_ref();
        filter.is_none_or(|filter| filter.may_contain(probe))
    }

    /// The block where a message would be; `None` before the first one.
    ///
    /// Fingerprints are spread evenly, so a message is near the same share of the
    /// index: few lines of memory are read on the way.
    fn block_of(&self, fingerprint: Fingerprint) -> Option<usize> {
        let len = self.index.len();
        let begins_before = |at: usize| self.index.get(at).is_some_and(|it| *it <= fingerprint.0);
        let share = (fingerprint.0 >> 64) * len as u128;
        let guess = (share >> 64) as usize;
        let (mut low, mut high) = (guess, guess);
        let mut step = 1;
        while low > 0 && !begins_before(low) {
            high = low;
            low = low.saturating_sub(step);
            step *= 2;
        }
        while high < len && begins_before(high) {
            low = high;
            high = (high + step).min(len);
            step *= 2;
        }
        let within = self.index.get(low..high)?;
        let after = low + within.partition_point(|first| *first <= fingerprint.0);
        after.checked_sub(1)
    }

    /// Whether memory knows all that the filter in the file says.
    pub(crate) fn has_whole_filter(&self) -> bool {
        self.filter
            .as_ref()
            .is_some_and(|filter| filter.fold() == 0)
    }

    /// Looks at what needs no wait, and begins to read what [`find`](Self::find) will look
    /// at. `false`: the message is certainly not in this run.
    pub(crate) fn prefetch(&self, fingerprint: Fingerprint) -> bool {
        if !self.has_whole_filter() {
            let probe = Probe::of(fingerprint);
            match self.stored_filter.may_contain_now(&self.file, &probe) {
                Some(false) => return false,
                None => return true,
                Some(true) => {}
            }
        }
        if let Some(block) = self.block_of(fingerprint) {
            let offset = (block as u64 + 1) * BLOCK_BYTES as u64;
            prefetch(&self.file, offset, BLOCK_BYTES as u64);
        }
        true
    }

    /// The record of a message that [`may_contain`](Self::may_contain) lets through, read
    /// from the block where it would be.
    pub(crate) fn find(&self, fingerprint: Fingerprint) -> Result<Option<ColdRecord>, StoreError> {
        if !self.has_whole_filter() {
            let (file, probe) = (&self.file, Probe::of(fingerprint));
            if !self.stored_filter.may_contain(file, &self.path, &probe)? {
                return Ok(None);
            }
        }
        let Some(block) = self.block_of(fingerprint) else {
            return Ok(None);
        };
        let mut bytes = [0_u8; BLOCK_BYTES];
        let offset = (block as u64 + 1) * BLOCK_BYTES as u64;
        read_at(&self.file, &self.path, &mut bytes, offset)?;
        let entries = self.check_block(&bytes, offset)?;
        let at = entries.partition_point(|entry| record_coding::key(entry) < fingerprint);
        match entries.get(at) {
            Some(entry) if record_coding::key(entry) == fingerprint => {
                let (record, _) = record_coding::unpack(&entries[at..])
                    .ok_or_else(|| fault::corrupt(&self.path, offset, "an entry is damaged"))?;
                Ok(Some(record))
            }
            Some(_) | None => Ok(None),
        }
    }

    fn check_block<'b>(
        &self,
        block: &'b [u8],
        offset: u64,
    ) -> Result<&'b [[u8; ENTRY_BYTES]], StoreError> {
        let damaged = || fault::corrupt(&self.path, offset, "the checksum of the block is wrong");
        let (header, rest) = block
            .split_first_chunk::<BLOCK_HEADER_BYTES>()
            .ok_or_else(damaged)?;
        let [a, b, c, d, low, high, ..] = *header;
        if crc32c::crc32c(&block[4..]) != u32::from_le_bytes([a, b, c, d]) {
            return Err(damaged());
        }
        let (entries, _) = rest.as_chunks::<ENTRY_BYTES>();
        entries
            .get(..usize::from(u16::from_le_bytes([low, high])))
            .ok_or_else(damaged)
    }

    /// All records in order, every checksum checked.
    pub(crate) fn records(&self) -> RunCursor<'_> {
        RunCursor {
            run: self,
            chunk: Vec::new(),
            next_block: 0,
            found: Vec::new(),
            at: 0,
            last: None,
            seen: 0,
        }
    }
}

pub(super) fn read_at(
    file: &File,
    path: &Path,
    into: &mut [u8],
    offset: u64,
) -> Result<(), StoreError> {
    match file.read_exact_at(into, offset) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
            Err(fault::corrupt(path, offset, "the file ends too early"))
        }
        Err(error) => Err(fault::io("read", path, error)),
    }
}

/// A sequential pass over a run.
pub(crate) struct RunCursor<'r> {
    run: &'r Run,
    chunk: Vec<u8>,
    next_block: usize,
    found: Vec<ColdRecord>,
    at: usize,
    last: Option<Fingerprint>,
    seen: u64,
}

impl RunCursor<'_> {
    /// The next record.
    pub(crate) fn next(&mut self) -> Result<Option<ColdRecord>, StoreError> {
        loop {
            if let Some(record) = self.found.get(self.at) {
                self.at += 1;
                return Ok(Some(*record));
            }
            if self.next_block == self.run.index.len() {
                if self.seen != self.run.records {
                    let detail = "the run has another number of records than its header says";
                    return Err(fault::corrupt(&self.run.path, 0, detail));
                }
                return Ok(None);
            }
            self.fill()?;
        }
    }

    fn fill(&mut self) -> Result<(), StoreError> {
        let blocks = (self.run.index.len() - self.next_block).min(CHUNK_BYTES / BLOCK_BYTES);
        let start = (self.next_block as u64 + 1) * BLOCK_BYTES as u64;
        self.chunk.resize(blocks * BLOCK_BYTES, 0);
        read_at(&self.run.file, &self.run.path, &mut self.chunk, start)?;
        self.found.clear();
        self.at = 0;
        for (number, block) in self.chunk.chunks_exact(BLOCK_BYTES).enumerate() {
            let offset = start + (number * BLOCK_BYTES) as u64;
            let broken = |detail| fault::corrupt(&self.run.path, offset, detail);
            let mut entries = self.run.check_block(block, offset)?;
            let first = entries.first().map(|entry| record_coding::key(entry).0);
            if first != self.run.index.get(self.next_block + number).copied() {
                return Err(broken("the block is not the one that the index names"));
            }
            while !entries.is_empty() {
                let (record, used) =
                    record_coding::unpack(entries).ok_or_else(|| broken("an entry is damaged"))?;
                if self.last.is_some_and(|last| last >= record.fingerprint) {
                    return Err(broken("the records do not ascend"));
                }
                self.last = Some(record.fingerprint);
                self.found.push(record);
                entries = &entries[used..];
            }
        }
        self.seen += self.found.len() as u64;
        self.next_block += blocks;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
