//! The journals of the engine below the catalog, looked through before it opens them.
//!
//! The engine takes the first entry that it cannot read for the torn end of its
//! journal and cuts off everything behind it; it believes lengths and sequence
//! numbers that no checksum covers. So whole batches could vanish, or an allocation
//! end the process. Invariant: a batch that cannot be read is *torn* when it is the
//! last and ends early, or a part of it never came to the disk, and *damage*
//! otherwise. Not here: checksums of items, which the engine compares itself. The
//! format is that of fjall 3.

use super::fault;
use crate::api::StoreError;
use std::io::Read as _;
use std::path::Path;

const START: u8 = 1;
const ITEM: u8 = 2;
const END: u8 = 3;
const CLEAR: u8 = 4;
const TRAILER: &[u8] = b"FJL\x03";
/// Bytes of an end: tag, checksum, trailer.
const END_BYTES: usize = 13;
/// A prepared journal is zeros from its end on; so many of them are the end.
const PIECE_BYTES: u64 = 256 * 1024;
/// Compressed bytes never hold more than this many times their number.
const COMPRESSION_MAX: u64 = 256;
/// What a disk writes or loses as one.
const SECTOR_BYTES: usize = 512;
/// No sequence number comes near it.
const SEQUENCE_MAX: u64 = 1 << 48;

/// Looks through all journals in the directory of the engine.
///
/// # Errors
/// [`StoreError::Corrupt`] at the first batch that was damaged; nothing is changed.
pub(crate) fn check(dir: &Path) -> Result<(), StoreError> {
    let failed = |error| fault::io("list", dir, error);
    for entry in std::fs::read_dir(dir).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.extension().is_some_and(|it| it == "jnl") {
            let bytes = read(&path).map_err(|error| fault::io("read", &path, error))?;
            if let Some(at) = damage(&bytes) {
                let detail = "a batch of the catalog is damaged";
                return Err(fault::corrupt(&path, at as u64, detail));
            }
        }
    }
    Ok(())
}

/// The bytes of a journal up to the zeros that it was prepared with.
fn read(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut file = std::fs::File::open(path)?;
    let mut bytes = Vec::new();
    loop {
        let from = bytes.len();
        let read = file.by_ref().take(PIECE_BYTES).read_to_end(&mut bytes)?;
        if read == 0 || bytes[from..].iter().all(|byte| *byte == 0) {
            return Ok(bytes);
        }
    }
}

/// Where a batch begins that was whole once and is not now.
fn damage(bytes: &[u8]) -> Option<usize> {
    let (mut at, mut last) = (0, 0);
    let failed = loop {
        match batch(bytes, at) {
            Ok((_, sequence)) if sequence > SEQUENCE_MAX || sequence < last => return Some(at),
            Ok((end, sequence)) => (at, last) = (end, sequence),
            Err(failed) => break failed,
        }
    };
    let used = bytes
        .iter()
        .rposition(|byte| *byte != 0)
        .map_or(0, |it| it + 1);
    let rest = bytes.get(at..used).unwrap_or_default();
    let ends = rest
        .windows(END_BYTES)
        .filter(|it| it[0] == END && it.ends_with(TRAILER))
        .count();
    // A power cut may lose a part of the last batch and keep its end.
    let mut sectors = (at.next_multiple_of(SECTOR_BYTES)..used).step_by(SECTOR_BYTES);
    let lost = sectors.any(|from| {
        let sector = bytes.get(from..from + SECTOR_BYTES);
        sector.is_some_and(|sector| sector.iter().all(|byte| *byte == 0))
    });
    let torn = match ends {
        // What was written is right, as far as it goes.
        0 => failed > used || lost,
        1 => lost,
        // Only one batch is written at a time.
        _ => false,
    };
    (!torn).then_some(at)
}

/// The end of the batch at `at` and its sequence number, or the end of the field
/// that is not there or makes no sense.
fn batch(bytes: &[u8], at: usize) -> Result<(usize, u64), usize> {
    let mut fields = Fields { bytes, at };
    fields.tag(&[START])?;
    let items = fields.number(4)?;
    let sequence = fields.number(8)?;
    for _ in 0..items {
        if fields.tag(&[ITEM, CLEAR])? == CLEAR {
            fields.take(8)?;
        } else {
            item(&mut fields)?;
        }
    }
    let end = fields.take(END_BYTES)?;
    if end[0] != END || !end.ends_with(TRAILER) {
        return Err(fields.at);
    }
    Ok((fields.at, sequence))
}

fn item(fields: &mut Fields<'_>) -> Result<(), usize> {
    fields.tag(&[0, 1, 2, 4])?;
    let compression = fields.tag(&[0, 1])?;
    fields.take(8)?;
    let key_bytes = fields.number(2)?;
    let value_bytes = fields.number(4)?;
    let stored_bytes = fields.number(4)?;
    let fits = match compression {
        0 => value_bytes == stored_bytes,
        _ => value_bytes <= stored_bytes * COMPRESSION_MAX,
    };
    if !fits {
        return Err(fields.at);
    }
    fields.take(key_bytes as usize)?;
    fields.take(stored_bytes as usize)?;
    Ok(())
}

/// Reads one field after the other; an error is where the field ends, or would.
struct Fields<'b> {
    bytes: &'b [u8],
    at: usize,
}

impl<'b> Fields<'b> {
    fn take(&mut self, bytes: usize) -> Result<&'b [u8], usize> {
        let end = self.at.saturating_add(bytes);
        let taken = self.bytes.get(self.at..end).ok_or(end)?;
        self.at = end;
        Ok(taken)
    }

    /// A byte that must be one of these.
    fn tag(&mut self, allowed: &[u8]) -> Result<u8, usize> {
        let tag = self.take(1)?[0];
        if allowed.contains(&tag) {
            Ok(tag)
        } else {
            Err(self.at)
        }
    }

    /// A number of at most 8 bytes.
    fn number(&mut self, bytes: usize) -> Result<u64, usize> {
        let mut wide = [0; 8];
        wide[..bytes].copy_from_slice(self.take(bytes)?);
        Ok(u64::from_le_bytes(wide))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch_of(sequence: u64, values: &[&[u8]]) -> Vec<u8> {
        let mut bytes = vec![START];
        bytes.extend((values.len() as u32).to_le_bytes());
        bytes.extend(sequence.to_le_bytes());
        for value in values {
            bytes.extend([ITEM, 0, 0]);
            bytes.extend(7_u64.to_le_bytes());
            bytes.extend(3_u16.to_le_bytes());
            bytes.extend([(value.len() as u32).to_le_bytes(); 2].concat());
            bytes.extend(b"key");
            bytes.extend(*value);
        }
        bytes.push(END);
        bytes.extend([9; 8]);
        bytes.extend(TRAILER);
        bytes
    }

    #[test]
    fn a_torn_end_is_none_and_every_other_damage_is_found() {
        let parts = [(1, 1), (2, 3), (5, 2)].map(|(sequence, items)| {
            let values = vec![&b"a value"[..]; items];
            batch_of(sequence, &values)
        });
        let mut whole = parts.concat();
        let last = whole.len() - parts[2].len();
        for cut in last..whole.len() {
            let mut torn = whole[..cut].to_vec();
            assert_eq!(damage(&torn), None, "cut at {cut}");
            torn.resize(whole.len() + 100, 0);
            assert_eq!(damage(&torn), None, "cut at {cut}, in a prepared file");
        }
        whole.resize(whole.len() + 100, 0);
        assert_eq!(damage(&whole), None);
        // Tags, counts, and the lengths of the first item of the first and the last batch.
        for start in [0, last] {
            for at in [0, 1, 13, 24, 25, 26, 29, 30] {
                for bit in 0..8 {
                    let mut flipped = whole.clone();
                    flipped[start + at] ^= 1 << bit;
                    assert_eq!(damage(&flipped), Some(start), "byte {at}, bit {bit}");
                }
            }
        }
        // A sector of the last batch that never came to the disk.
        let mut lost = [batch_of(1, &[]), batch_of(2, &[&[7; 4_000]])].concat();
        lost[1024..1536].fill(0);
        lost[30] = 0;
        assert_eq!(damage(&lost), None);
        // A sequence number that goes back.
        let back = [batch_of(9, &[]), batch_of(5, &[]), batch_of(6, &[])].concat();
        assert_eq!(damage(&back), Some(26));
    }
}
