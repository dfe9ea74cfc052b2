//! The content of the catalog as a stream of bytes, and back: what a backup keeps of it.
//!
//! The engine's own files change all the time and belong to one snapshot together, so
//! they are not copied. Layout: a magic; blocks of {length, CRC-32C, pairs}, a pair
//! being {keyspace, key, value}; an empty block and the number of pairs with its
//! CRC-32C. Invariant: a stream that was read to its end holds exactly the pairs that
//! were written; one that was cut off or changed is refused, before or at that place.

use super::catalog::{Catalog, View};
use super::fault;
use crate::api::StoreError;
use crate::coding::{Reader, put_bytes};
use fjall::Keyspace;
use std::io::Read;
use std::path::Path;

const MAGIC: [u8; 8] = *b"CMcat\0\0\x01";
/// A block is given away once it has so many bytes.
const BLOCK_BYTES: usize = 256 * 1024;
/// Longest block that is read: the longest value, with room.
const BLOCK_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Bytes before the pairs of a block.
const BLOCK_HEADER_BYTES: usize = 8;

/// Takes bytes; `false` stops the writing.
pub(crate) type Give<'g> = dyn FnMut(&[u8]) -> bool + 'g;

/// The keyspaces by their number in the stream, which never changes.
fn keyspaces(catalog: &Catalog) -> [&Keyspace; 10] {
    [
        &catalog.meta,
        &catalog.tallies,
        &catalog.bindings,
        &catalog.books,
        &catalog.quarantine,
        &catalog.quarantine_index,
        &catalog.runs,
        &catalog.frozen,
        &catalog.explained,
        &catalog.usual,
    ]
}

/// Gives the catalog as it was at `view`; tells whether all of it was taken.
pub(crate) fn write(
    catalog: &Catalog,
    view: &View,
    give: &mut Give<'_>,
) -> Result<bool, StoreError> {
    if !give(&MAGIC) {
        return Ok(false);
    }
    let mut block = vec![0; BLOCK_HEADER_BYTES];
    let (mut pairs, mut taken) = (0_u64, true);
    for (number, keyspace) in (0_u8..).zip(keyspaces(catalog)) {
        catalog.each(view, keyspace, &[], |key, value| {
            block.push(number);
            put_bytes(&mut block, key);
            put_bytes(&mut block, value);
            pairs += 1;
            if block.len() >= BLOCK_BYTES {
                taken = give_block(&mut block, give);
            }
            Ok(taken)
        })?;
        if !taken {
            return Ok(false);
        }
    }
    if block.len() > BLOCK_HEADER_BYTES && !give_block(&mut block, give) {
        return Ok(false);
    }
    let mut end = [0; BLOCK_HEADER_BYTES + 8];
    end[8..].copy_from_slice(&pairs.to_le_bytes());
    let crc = crc32c::crc32c(&end[8..]);
    end[4..8].copy_from_slice(&crc.to_le_bytes());
    Ok(give(&end))
}

fn give_block(block: &mut Vec<u8>, give: &mut Give<'_>) -> bool {
    let (header, pairs) = block.split_at_mut(BLOCK_HEADER_BYTES);
    header[..4].copy_from_slice(&(pairs.len() as u32).to_le_bytes());
    header[4..].copy_from_slice(&crc32c::crc32c(pairs).to_le_bytes());
    let taken = give(block);
    block.truncate(BLOCK_HEADER_BYTES);
    taken
}

/// A stream that is being read.
struct Source<'r> {
    reader: &'r mut dyn Read,
    path: &'r Path,
    at: u64,
}

impl Source<'_> {
    fn damaged(&self, detail: &str) -> StoreError {
        fault::corrupt(self.path, self.at, detail)
    }

    fn take(&mut self, into: &mut [u8]) -> Result<(), StoreError> {
        match self.reader.read_exact(into) {
            Ok(()) => {
                self.at += into.len() as u64;
                Ok(())
            }
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
                Err(self.damaged("the file ends too early"))
            }
            Err(error) => Err(fault::io("read", self.path, error)),
        }
    }
}

/// Puts all pairs of a stream into an empty catalog; `path` is its name in errors.
pub(crate) fn read(
    catalog: &Catalog,
    reader: &mut dyn Read,
    path: &Path,
) -> Result<(), StoreError> {
    let mut source = Source {
        reader,
        path,
        at: 0,
    };
    let mut magic = [0; 8];
    source.take(&mut magic)?;
    if magic != MAGIC {
        return Err(source.damaged("this is not the content of a catalog"));
    }
    let (mut block, mut pairs) = (Vec::new(), 0_u64);
    loop {
        let mut header = [0; BLOCK_HEADER_BYTES];
        source.take(&mut header)?;
        let [a, b, c, d, crc @ ..] = header;
        let (length, crc) = (u32::from_le_bytes([a, b, c, d]), u32::from_le_bytes(crc));
        let is_end = length == 0;
        let length = if is_end { 8 } else { length as usize };
        if length > BLOCK_BYTES_MAX {
            return Err(source.damaged("a block is longer than any may be"));
        }
        block.resize(length, 0);
        source.take(&mut block)?;
        if crc32c::crc32c(&block) != crc {
            return Err(source.damaged("the checksum of a block is wrong"));
        }
        if is_end {
            let same = Reader::new(&block).fixed_u64() == Some(pairs);
            return if same {
                Ok(())
            } else {
                Err(source.damaged("blocks are missing"))
            };
        }
        pairs += put_block(catalog, &block)?
            .ok_or_else(|| source.damaged("a pair of the catalog makes no sense"))?;
    }
}

/// Commits the pairs of a block and tells how many there were; `None`: no sense.
fn put_block(catalog: &Catalog, block: &[u8]) -> Result<Option<u64>, StoreError> {
    let keyspaces = keyspaces(catalog);
    let mut reader = Reader::new(block);
    let (mut batch, mut pairs) = (catalog.batch(), 0);
    while !reader.is_empty() {
        let pair = (|| {
            let keyspace = keyspaces.get(usize::from(reader.byte()?))?;
            Some((*keyspace, reader.bytes()?, reader.bytes()?))
        })();
        let Some((keyspace, key, value)) = pair else {
            return Ok(None);
        };
        batch.insert(keyspace, key, value);
        pairs += 1;
    }
    catalog.commit(batch)?;
    Ok(Some(pairs))
}
