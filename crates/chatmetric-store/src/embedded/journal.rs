//! Segments and frames: the bytes of the journal and how a segment is judged
//! after a stop.
//!
//! A segment starts with a header of 64 bytes; frames follow, aligned to 8
//! bytes: {length, CRC-32C, segment, sequence, synced sequence, payload}. After
//! each sync a *mark* is written, unsynced, where the next frame will begin: it
//! says that everything up to its sequence was synced.
//!
//! Not here: what a payload means, and how many frames may be unsynced. Invariants:
//! sequences are consecutive through all segments of a shard; a frame says truly up to
//! which one all were synced when it was written, and a segment is used only after the
//! one before it was synced. So a bad frame is *corrupt* when a mark, a later frame or
//! a later segment proves that it was synced, and it and what is behind it are *torn*
//! (cut away) otherwise.

use super::fault;
use crate::api::StoreError;
use std::path::{Path, PathBuf};

/// Bytes before the first frame of a segment.
pub(crate) const SEGMENT_HEADER_BYTES: usize = 64;
/// Bytes of a frame before its payload, and of a mark.
pub(crate) const FRAME_HEADER_BYTES: usize = 32;
/// The length that tells a mark from a frame.
const MARK: u32 = u32::MAX;
const MAGIC: [u8; 8] = *b"CMlog\0\0\x01";

/// The file of a segment.
pub(crate) fn segment_path(dir: &Path, segment: u64) -> PathBuf {
    dir.join(format!("{segment:016}.log"))
}

/// The number of a segment's file.
pub(crate) fn segment_number(name: &str) -> Option<u64> {
    name.strip_suffix(".log")?.parse().ok()
}

/// A place in the journal of a shard: the number of a frame, counted through all
/// segments. It names a state: the fold of all frames before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub(crate) struct Position(pub(crate) u64);

impl Position {
    /// The first frame of a journal.
    pub(crate) const FIRST: Self = Self(1);

    /// The place of the frame behind this one.
    pub(crate) const fn next(self) -> Self {
        Self(self.0 + 1)
    }

    /// The place of the frame before this one; only the first one has none.
    pub(crate) const fn before(self) -> Self {
        Self(self.0.saturating_sub(1))
    }

    pub(crate) const fn to_le_bytes(self) -> [u8; 8] {
        self.0.to_le_bytes()
    }
}

/// What the first bytes of a segment say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SegmentHeader {
    pub(crate) shard: u32,
    pub(crate) shards: u32,
    pub(crate) segment: u64,
    /// The place of its first frame.
    pub(crate) first: Position,
}

impl SegmentHeader {
    pub(crate) fn to_bytes(self) -> [u8; SEGMENT_HEADER_BYTES] {
        let mut bytes = [0; SEGMENT_HEADER_BYTES];
        bytes[..8].copy_from_slice(&MAGIC);
        bytes[8..12].copy_from_slice(&self.shard.to_le_bytes());
        bytes[12..16].copy_from_slice(&self.shards.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.segment.to_le_bytes());
        bytes[24..32].copy_from_slice(&self.first.to_le_bytes());
        let crc = crc32c::crc32c(&bytes[..60]);
        bytes[60..].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let bytes = bytes.get(..SEGMENT_HEADER_BYTES)?;
        let good = bytes[..8] == MAGIC && crc32c::crc32c(&bytes[..60]) == fixed_u32(bytes, 60)?;
        good.then_some(())?;
        Some(Self {
            shard: fixed_u32(bytes, 8)?,
            shards: fixed_u32(bytes, 12)?,
            segment: fixed_u64(bytes, 16)?,
            first: Position(fixed_u64(bytes, 24)?),
        })
    }
}

fn fixed_u32(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

fn fixed_u64(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(bytes.get(at..at + 8)?.try_into().ok()?))
}

/// Bytes that a frame with this payload takes in the file.
pub(crate) const fn frame_bytes(payload_bytes: usize) -> usize {
    (FRAME_HEADER_BYTES + payload_bytes).next_multiple_of(8)
}

/// Puts a whole frame into `out`.
pub(crate) fn build_frame(
    out: &mut Vec<u8>,
    segment: u64,
    (place, synced): (Position, Position),
    payload: &[u8],
) {
    let start = out.len();
    out.extend_from_slice(&(payload.len() as u32).to_le_bytes());
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&segment.to_le_bytes());
    out.extend_from_slice(&place.to_le_bytes());
    out.extend_from_slice(&synced.to_le_bytes());
    out.extend_from_slice(payload);
    let crc = frame_crc(&out[start..]);
    out[start + 4..start + 8].copy_from_slice(&crc.to_le_bytes());
    out.resize(start + frame_bytes(payload.len()), 0);
}

/// The mark that says "synced up to this frame".
pub(crate) fn build_mark(segment: u64, synced: Position) -> [u8; FRAME_HEADER_BYTES] {
    let mut bytes = [0; FRAME_HEADER_BYTES];
    bytes[..4].copy_from_slice(&MARK.to_le_bytes());
    bytes[8..16].copy_from_slice(&segment.to_le_bytes());
    bytes[16..24].copy_from_slice(&synced.to_le_bytes());
    bytes[24..].copy_from_slice(&synced.to_le_bytes());
    let crc = frame_crc(&bytes);
    bytes[4..8].copy_from_slice(&crc.to_le_bytes());
    bytes
}

/// Covers the length and everything after the checksum.
fn frame_crc(frame: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&frame[..4]), &frame[8..])
}

/// What stands at a place of a segment.
enum Found<'a> {
    Frame {
        place: Position,
        /// The last frame that was synced when this one was written.
        synced: Position,
        payload: &'a [u8],
    },
    Mark {
        synced: Position,
    },
    Nothing,
}

fn look(bytes: &[u8], at: usize, segment: u64) -> Found<'_> {
    parse(bytes, at, segment).unwrap_or(Found::Nothing)
}

fn parse(bytes: &[u8], at: usize, segment: u64) -> Option<Found<'_>> {
    if fixed_u64(bytes, at + 8)? != segment {
        return None;
    }
    let length = fixed_u32(bytes, at)?;
    let place = Position(fixed_u64(bytes, at + 16)?);
    let payload_bytes = match length {
        0 => return None,
        MARK => 0,
        length => length as usize,
    };
    let frame = bytes.get(at..at.checked_add(FRAME_HEADER_BYTES + payload_bytes)?)?;
    if frame_crc(frame) != fixed_u32(bytes, at + 4)? {
        return None;
    }
    Some(match length {
        MARK => Found::Mark { synced: place },
        _ => Found::Frame {
            place,
            synced: Position(fixed_u64(bytes, at + 24)?),
            payload: &frame[FRAME_HEADER_BYTES..],
        },
    })
}

/// What a scan of a segment found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Scanned {
    /// `None`: the segment was prepared and never used.
    pub(crate) header: Option<SegmentHeader>,
    /// The place that the next frame would have.
    pub(crate) next: Position,
    /// The end of the last good frame.
    pub(crate) end: u64,
    /// Bytes of a torn frame behind it, to be cut.
    pub(crate) torn_bytes: u64,
}

/// Reads a segment from its bytes and gives every payload, with its offset.
///
/// # Errors
/// [`StoreError::Corrupt`] when bytes that were synced are not what was written.
pub(crate) fn scan(
    path: &Path,
    bytes: &[u8],
    (shard, segment): (u32, u64),
    mut give: impl FnMut(u64, &[u8]) -> Result<(), StoreError>,
) -> Result<Scanned, StoreError> {
    let Some(header) = SegmentHeader::from_bytes(bytes) else {
        if proof_of_use(bytes, segment) {
            return Err(fault::corrupt(
                path,
                0,
                "the header of the segment is damaged",
            ));
        }
        return Ok(Scanned {
            header: None,
            next: Position::default(),
            end: 0,
            torn_bytes: tail_bytes(bytes, 0),
        });
    };
    if (header.shard, header.segment) != (shard, segment) {
        let detail = format!(
            "the file holds segment {} of shard {}",
            header.segment, header.shard
        );
        return Err(fault::corrupt(path, 0, detail));
    }
    let mut at = SEGMENT_HEADER_BYTES;
    let mut next = header.first;
    while let Found::Frame { place, payload, .. } = look(bytes, at, segment) {
        if place != next {
            break;
        }
        give((at + FRAME_HEADER_BYTES) as u64, payload)?;
        at += frame_bytes(payload.len());
        next = next.next();
    }
    if proof_of_sync(bytes, at, segment, next) {
        return Err(fault::corrupt(path, at as u64, "a synced frame is damaged"));
    }
    let after_mark = match look(bytes, at, segment) {
        Found::Mark { .. } => at + FRAME_HEADER_BYTES,
        Found::Frame { .. } | Found::Nothing => at,
    };
    let torn_bytes = tail_bytes(bytes, after_mark);
    Ok(Scanned {
        header: Some(header),
        next,
        end: at as u64,
        torn_bytes,
    })
}

/// Whether anything from `from` on proves that a frame was synced.
///
/// The search stops at nothing: a damaged length must not hide what follows.
fn proof_of_sync(bytes: &[u8], from: usize, segment: u64, frame: Position) -> bool {
    let mut at = from;
    while at + FRAME_HEADER_BYTES <= bytes.len() {
        let proved = match look(bytes, at, segment) {
            Found::Frame { synced, .. } => synced >= frame,
            Found::Mark { synced } => synced >= frame,
            Found::Nothing => false,
        };
        if proved {
            return true;
        }
        at += 8;
    }
    false
}

/// Whether a segment without a header was synced at least once: a mark says so, or a frame
/// that was written when another one of it was synced. A frame alone does not: a power cut
/// may keep it and lose the header that was written with it.
fn proof_of_use(bytes: &[u8], segment: u64) -> bool {
    let mut first = None;
    for at in (0..bytes.len()).step_by(8) {
        match look(bytes, at, segment) {
            Found::Mark { .. } => return true,
            Found::Frame { place, synced, .. } => {
                if *first.get_or_insert(place) <= synced {
                    return true;
                }
            }
            Found::Nothing => {}
        }
    }
    false
}

/// How many bytes from `from` on are not zero at their end.
fn tail_bytes(bytes: &[u8], from: usize) -> u64 {
    let tail = bytes.get(from..).unwrap_or_default();
    tail.iter()
        .rposition(|byte| *byte != 0)
        .map_or(0, |last| last as u64 + 1)
}

#[cfg(test)]
mod tests;
