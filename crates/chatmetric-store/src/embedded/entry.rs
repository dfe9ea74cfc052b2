//! The entries of a frame: only what changes a record, the books, the bindings,
//! the quarantine or the floor.
//!
//! An entry is a tag byte (kind in the low 4 bits, status in the next 2) and its
//! fields. Slots are written as the distance to the entry before, because the
//! events of a moment are close together. Everything that an entry refers to is
//! in its own segment, or is a number that the catalog knows: a replay asks no
//! run.

use super::item::Item;
use super::notes::NoteKind;
use super::offsets;
use crate::api::Books;
use crate::coding::{Reader, put_bytes, put_signed, put_varint, status_code, status_of};
use crate::stream_offset::StreamOffset;
use chatmetric_core::{
    EpochMs, Fingerprint, MessageRecord, MessageStatus, PhoneNumber, Slot, SpaceKey, UtcDay,
};

const NEW: u8 = 1;
const BASE: u8 = 2;
const REF: u8 = 3;
const BIND: u8 = 4;
const SOURCE: u8 = 5;
const BOOKS: u8 = 6;
const PUT: u8 = 7;
const REMOVE: u8 = 8;
const FLOOR: u8 = 9;
/// From format 4 on.
const FROM: u8 = 10;
const NOTED: u8 = 11;
/// From format 3 on.
const OFFSET: u8 = 12;
/// From format 4 on.
const USUAL: u8 = 13;

/// The change of a source's books.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct BooksDelta(pub(crate) [i64; 9]);

impl BooksDelta {
    fn fields(books: &mut Books) -> [&mut u64; 9] {
        [
            &mut books.received,
            &mut books.new,
            &mut books.duplicate,
            &mut books.moved,
            &mut books.ignored,
            &mut books.late,
            &mut books.quarantined,
            &mut books.released,
            &mut books.expired,
        ]
    }

    /// Adds the change to the books.
    pub(crate) fn apply_to(&self, books: &mut Books) {
        for (field, change) in Self::fields(books).into_iter().zip(self.0) {
            *field = field.wrapping_add_signed(change);
        }
    }

    /// Wraps as `apply_to` does: a sum of changes is the change of their sum, and a
    /// journal that somebody wrote by hand must not stop a start.
    pub(crate) fn add(&mut self, other: &Self) {
        for (own, more) in self.0.iter_mut().zip(other.0) {
            *own = own.wrapping_add(more);
        }
    }

    /// The books as a change from nothing.
    pub(crate) fn of(mut books: Books) -> Self {
        Self(Self::fields(&mut books).map(|field| *field as i64))
    }
}

/// One entry of a frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Entry {
    /// The first report of a message that nobody knew.
    New {
        fingerprint: Fingerprint,
        binding: u32,
        status: MessageStatus,
        slot: Slot,
    },
    /// The segment's first touch of a message that an older generation or a run
    /// knows, with the record as it was then.
    Base {
        fingerprint: Fingerprint,
        binding: u32,
        record: MessageRecord,
        status: MessageStatus,
        slot: Slot,
    },
    /// A further change of a message of this segment, by its ordinal.
    Ref {
        ordinal: u32,
        status: MessageStatus,
        slot: Slot,
    },
    /// A number got its binding in a space.
    Bind {
        binding: u32,
        space: SpaceKey,
        number: PhoneNumber,
    },
    /// From here on `id` means this source, in this segment.
    Source { id: u32, name: String },
    /// The books of a source changed.
    Books { source: u32, delta: BooksDelta },
    /// An item came into the quarantine, or changed in its place.
    Put { id: u64, item: Item },
    /// An item left the quarantine.
    Remove { id: u64 },
    /// The floor rose.
    Floor { floor: EpochMs },
    /// How far a stream was read.
    Offset { source: u32, offset: StreamOffset },
    /// The changes of records that follow in the frame were reported by this source.
    From { source: u32 },
    /// Reports that changed no record; `None`: of the usual source of the binding.
    Noted {
        kind: NoteKind,
        source: Option<u32>,
        binding: u32,
        slot: Slot,
        count: u32,
    },
    /// From a day on, a source is the usual one of a binding.
    Usual {
        binding: u32,
        source: u32,
        from_day: UtcDay,
    },
}

/// Builds the payload of one frame.
#[derive(Debug, Default)]
pub(crate) struct Encoder {
    pub(crate) bytes: Vec<u8>,
    last_slot: u32,
    start: usize,
    scratch: Vec<u8>,
}

impl Encoder {
    /// Starts a frame whose batches were received at `received_at` at the latest.
    pub(crate) fn start(&mut self, received_at: EpochMs) {
        self.bytes.clear();
        self.last_slot = received_at.slot().0;
        put_signed(&mut self.bytes, received_at.0);
        self.start = self.bytes.len();
    }

    /// Whether anything was written since the start of the frame.
    pub(crate) fn has_entries(&self) -> bool {
        self.bytes.len() > self.start
    }

    #[inline]
    fn slot(&mut self, slot: Slot) {
        put_signed(
            &mut self.bytes,
            i64::from(slot.0) - i64::from(self.last_slot),
        );
        self.last_slot = slot.0;
    }

    #[inline]
    fn tag(&mut self, kind: u8, status: MessageStatus) {
        self.bytes.push(kind | (status_code(status) << 4));
    }

    pub(crate) fn new_message(
        &mut self,
        fingerprint: Fingerprint,
        binding: u32,
        status: MessageStatus,
        slot: Slot,
    ) {
        self.tag(NEW, status);
        self.bytes.extend_from_slice(&fingerprint.0.to_le_bytes());
        put_varint(&mut self.bytes, binding.into());
        self.slot(slot);
    }

    pub(crate) fn base(
        &mut self,
        fingerprint: Fingerprint,
        binding: u32,
        record: &MessageRecord,
        status: MessageStatus,
        slot: Slot,
    ) {
        self.tag(BASE, status);
        self.bytes.extend_from_slice(&fingerprint.0.to_le_bytes());
        put_varint(&mut self.bytes, binding.into());
        self.bytes.push(record.reported());
        for part in [
            record.sent(),
            record.delivered(),
            record.read(),
            record.failed(),
        ] {
            match part {
                Slot::NEVER => self.bytes.push(0),
                part => put_varint(&mut self.bytes, u64::from(part.0) + 1),
            }
        }
        self.slot(slot);
    }

    #[inline]
    pub(crate) fn reference(&mut self, ordinal: u32, status: MessageStatus, slot: Slot) {
        self.tag(REF, status);
        put_varint(&mut self.bytes, ordinal.into());
        self.slot(slot);
    }

    pub(crate) fn bind(&mut self, binding: u32, space: SpaceKey, number: &PhoneNumber) {
        self.bytes.push(BIND);
        put_varint(&mut self.bytes, binding.into());
        put_varint(&mut self.bytes, space.0.into());
        put_bytes(&mut self.bytes, number.as_bytes());
    }

    pub(crate) fn source(&mut self, id: u32, name: &str) {
        self.bytes.push(SOURCE);
        put_varint(&mut self.bytes, id.into());
        put_bytes(&mut self.bytes, name.as_bytes());
    }

    pub(crate) fn books(&mut self, source: u32, delta: &BooksDelta) {
        self.bytes.push(BOOKS);
        put_varint(&mut self.bytes, source.into());
        for field in delta.0 {
            put_signed(&mut self.bytes, field);
        }
    }

    pub(crate) fn put(&mut self, id: u64, item: &Item) {
        self.scratch.clear();
        item.encode(&mut self.scratch);
        self.bytes.push(PUT);
        put_varint(&mut self.bytes, id);
        put_bytes(&mut self.bytes, &self.scratch);
    }

    pub(crate) fn remove(&mut self, id: u64) {
        self.bytes.push(REMOVE);
        put_varint(&mut self.bytes, id);
    }

    pub(crate) fn floor(&mut self, floor: EpochMs) {
        self.bytes.push(FLOOR);
        put_signed(&mut self.bytes, floor.0);
    }

    pub(crate) fn offset(&mut self, source: u32, offset: &StreamOffset) {
        self.bytes.push(OFFSET);
        put_varint(&mut self.bytes, source.into());
        offsets::encode(&mut self.bytes, offset);
    }

    pub(crate) fn from(&mut self, source: u32) {
        self.bytes.push(FROM);
        put_varint(&mut self.bytes, source.into());
    }

    pub(crate) fn noted(
        &mut self,
        (kind, source): (NoteKind, Option<u32>),
        binding: u32,
        slot: Slot,
        count: u32,
    ) {
        self.bytes.extend([NOTED, kind as u8]);
        put_varint(&mut self.bytes, source.map_or(0, |id| u64::from(id) + 1));
        put_varint(&mut self.bytes, binding.into());
        self.slot(slot);
        put_varint(&mut self.bytes, count.into());
    }

    pub(crate) fn usual(&mut self, binding: u32, source: u32, from_day: UtcDay) {
        self.bytes.push(USUAL);
        put_varint(&mut self.bytes, binding.into());
        put_varint(&mut self.bytes, source.into());
        put_varint(&mut self.bytes, from_day.0.into());
    }
}

/// Reads the payload of one frame.
pub(crate) struct Decoder<'a> {
    reader: Reader<'a>,
    last_slot: u32,
    /// The latest receipt of the frame's batches.
    pub(crate) received_at: EpochMs,
    length: usize,
}

impl<'a> Decoder<'a> {
    pub(crate) fn new(payload: &'a [u8]) -> Option<Self> {
        let mut reader = Reader::new(payload);
        let received_at = reader.time()?;
        Some(Self {
            reader,
            last_slot: received_at.slot().0,
            received_at,
            length: payload.len(),
        })
    }

    /// How many bytes of the payload were read.
    pub(crate) const fn position(&self) -> usize {
        self.length - self.reader.remaining()
    }

    fn slot(&mut self) -> Option<Slot> {
        let value = i64::from(self.last_slot).checked_add(self.reader.signed()?)?;
        self.last_slot = u32::try_from(value).ok()?;
        Some(Slot(self.last_slot))
    }

    fn part(&mut self) -> Option<Slot> {
        match self.reader.varint()?.checked_sub(1) {
            None => Some(Slot::NEVER),
            Some(slot) => u32::try_from(slot).ok().map(Slot),
        }
    }

    /// The next entry; `Some(None)` at the end, `None` when the bytes make no sense.
    #[expect(
        clippy::option_option,
        reason = "the end and nonsense are different things"
    )]
    pub(crate) fn next(&mut self) -> Option<Option<Entry>> {
        if self.reader.is_empty() {
            return Some(None);
        }
        let tag = self.reader.byte()?;
        let status = status_of((tag >> 4) & 3)?;
        Some(Some(match tag & 0x0f {
            NEW => Entry::New {
                fingerprint: Fingerprint(self.reader.fixed_u128()?),
                binding: self.reader.varint_u32()?,
                status,
                slot: self.slot()?,
            },
            BASE => {
                let fingerprint = Fingerprint(self.reader.fixed_u128()?);
                let binding = self.reader.varint_u32()?;
                let reported = self.reader.byte()?;
                let (sent, delivered) = (self.part()?, self.part()?);
                let (read, failed) = (self.part()?, self.part()?);
                Entry::Base {
                    fingerprint,
                    binding,
                    record: MessageRecord::from_parts(sent, delivered, read, failed, reported),
                    status,
                    slot: self.slot()?,
                }
            }
            REF => Entry::Ref {
                ordinal: self.reader.varint_u32()?,
                status,
                slot: self.slot()?,
            },
            BIND => Entry::Bind {
                binding: self.reader.varint_u32()?,
                space: SpaceKey(self.reader.varint_u32()?),
                number: self.reader.number()?,
            },
            SOURCE => Entry::Source {
                id: self.reader.varint_u32()?,
                name: self.reader.text()?.to_owned(),
            },
            BOOKS => {
                let source = self.reader.varint_u32()?;
                let mut delta = BooksDelta::default();
                for field in &mut delta.0 {
                    *field = self.reader.signed()?;
                }
                Entry::Books { source, delta }
            }
            PUT => Entry::Put {
                id: self.reader.varint()?,
                item: Item::decode(self.reader.bytes()?)?,
            },
            REMOVE => Entry::Remove {
                id: self.reader.varint()?,
            },
            FLOOR => Entry::Floor {
                floor: self.reader.time()?,
            },
            OFFSET => Entry::Offset {
                source: self.reader.varint_u32()?,
                offset: offsets::decode(&mut self.reader)?,
            },
            FROM => Entry::From {
                source: self.reader.varint_u32()?,
            },
            NOTED => Entry::Noted {
                kind: NoteKind::of_code(self.reader.byte()?)?,
                source: self.reader.varint_u32()?.checked_sub(1),
                binding: self.reader.varint_u32()?,
                slot: self.slot()?,
                count: self.reader.varint_u32()?,
            },
            USUAL => Entry::Usual {
                binding: self.reader.varint_u32()?,
                source: self.reader.varint_u32()?,
                from_day: UtcDay(self.reader.varint_u32()?),
            },
            _ => return None,
        }))
    }
}

#[cfg(test)]
mod tests;
