//! The parts of answers as bytes: days, books, items, explanations, figures.
//!
//! Not here: which answer they are in. Invariant: what was written is read as the same, and
//! no bytes make a reader panic.

use crate::entry::events::{put_reason, reason};
use chatmetric_core::tally::COUNTERS;
use chatmetric_core::time::SLOTS_PER_DAY;
use chatmetric_core::{DayBlock, EpochMs, Fingerprint};
use chatmetric_store::coding::{
    Reader, put_bytes, put_length, put_signed, put_varint, status_code, status_of,
};
use chatmetric_store::{
    Books, Explanation, Origin, QuarantineId, Quarantined, QuarantinedContent, Revision, Share,
};

/// Which slots of a column are not zero.
const BITMAP_BYTES: usize = SLOTS_PER_DAY / 8;
/// The fewest bytes of a day: its bitmaps.
pub(crate) const BLOCK_BYTES_MIN: usize = BITMAP_BYTES * COUNTERS;

pub(crate) fn put_block(out: &mut Vec<u8>, block: &DayBlock) {
    for column in block.columns() {
        let mut bitmap = 0_u128;
        for (slot, counter) in column.iter().enumerate() {
            bitmap |= u128::from(*counter != 0) << slot;
        }
        let bytes = bitmap.to_le_bytes();
        out.extend_from_slice(bytes.get(..BITMAP_BYTES).unwrap_or_default());
        for counter in column.iter().filter(|it| **it != 0) {
            put_signed(out, (*counter).into());
        }
    }
}

pub(crate) fn block(reader: &mut Reader<'_>) -> Option<DayBlock> {
    let mut block = DayBlock::default();
    for column in block.columns_mut() {
        let mut bytes = [0; 16];
        let bitmap = reader.take(BITMAP_BYTES)?;
        bytes.get_mut(..BITMAP_BYTES)?.copy_from_slice(bitmap);
        let bitmap = u128::from_le_bytes(bytes);
        for (slot, counter) in column.iter_mut().enumerate() {
            if bitmap >> slot & 1 == 1 {
                *counter = i32::try_from(reader.signed()?).ok()?;
            }
        }
    }
    Some(block)
}

pub(crate) fn put_books(out: &mut Vec<u8>, books: &Books) {
    let fields = [
        books.received,
        books.new,
        books.duplicate,
        books.moved,
        books.ignored,
        books.late,
        books.quarantined,
        books.released,
        books.expired,
    ];
    for field in fields {
        put_varint(out, field);
    }
}

pub(crate) fn books(reader: &mut Reader<'_>) -> Option<Books> {
    Some(Books {
        received: reader.varint()?,
        new: reader.varint()?,
        duplicate: reader.varint()?,
        moved: reader.varint()?,
        ignored: reader.varint()?,
        late: reader.varint()?,
        quarantined: reader.varint()?,
        released: reader.varint()?,
        expired: reader.varint()?,
    })
}

fn put_key(out: &mut Vec<u8>, key: Option<u32>) {
    put_varint(out, key.map_or(0, |key| u64::from(key) + 1));
}

/// A key, or none.
fn key(reader: &mut Reader<'_>) -> Option<Option<u32>> {
    match reader.varint()?.checked_sub(1) {
        None => Some(None),
        Some(key) => u32::try_from(key).ok().map(Some),
    }
}

pub(crate) fn put_item(out: &mut Vec<u8>, item: &Quarantined) {
    put_varint(out, item.id.0);
    put_bytes(out, item.source.as_bytes());
    put_signed(out, item.received_at.0);
    put_key(out, item.account.map(|it| it.0));
    put_key(out, item.space.map(|it| it.0));
    put_reason(out, item.reason);
    match &item.content {
        QuarantinedContent::Event {
            fingerprint,
            number,
            status,
            at,
        } => {
            out.push(status_code(*status));
            out.extend_from_slice(&fingerprint.0.to_le_bytes());
            put_bytes(out, number.as_bytes());
            put_signed(out, at.0);
        }
        QuarantinedContent::Sealed(bytes) => {
            out.push(u8::MAX);
            put_bytes(out, bytes);
        }
    }
}

pub(crate) fn item(reader: &mut Reader<'_>) -> Option<Quarantined> {
    Some(Quarantined {
        id: QuarantineId(reader.varint()?),
        source: reader.text()?.into(),
        received_at: reader.time()?,
        account: key(reader)?.map(chatmetric_core::AccountKey),
        space: key(reader)?.map(chatmetric_core::SpaceKey),
        reason: reason(reader)?,
        content: match reader.byte()? {
            u8::MAX => QuarantinedContent::Sealed(reader.bytes()?.into()),
            code => QuarantinedContent::Event {
                status: status_of(code)?,
                fingerprint: Fingerprint(reader.fixed_u128()?),
                number: reader.number()?,
                at: EpochMs(reader.signed()?),
            },
        },
    })
}

fn put_share(out: &mut Vec<u8>, share: &Share) {
    for part in [share.reported, share.implied, share.moved] {
        put_signed(out, part);
    }
}

fn share(reader: &mut Reader<'_>) -> Option<Share> {
    Some(Share {
        reported: reader.signed()?,
        implied: reader.signed()?,
        moved: reader.signed()?,
    })
}

pub(crate) fn put_explanation(out: &mut Vec<u8>, explanation: &Explanation) {
    put_signed(out, explanation.sent);
    put_signed(out, explanation.delivered);
    put_length(out, explanation.origins.len());
    for origin in &explanation.origins {
        out.push(u8::from(origin.source.is_some()));
        put_bytes(out, origin.source.as_deref().unwrap_or_default().as_bytes());
        put_share(out, &origin.sent);
        put_share(out, &origin.delivered);
        put_varint(out, origin.duplicates);
        put_varint(out, origin.late);
    }
    put_length(out, explanation.revisions.len());
    for revision in &explanation.revisions {
        put_varint(out, revision.received.0.into());
        put_signed(out, revision.sent);
        put_signed(out, revision.delivered);
    }
}

pub(crate) fn explanation(reader: &mut Reader<'_>) -> Option<Explanation> {
    let (sent, delivered) = (reader.signed()?, reader.signed()?);
    let count = reader.length(10)?;
    let mut origins = Vec::with_capacity(count);
    for _ in 0..count {
        let has_source = reader.byte()? != 0;
        let source = reader.text()?;
        origins.push(Origin {
            source: has_source.then(|| source.into()),
            sent: share(reader)?,
            delivered: share(reader)?,
            duplicates: reader.varint()?,
            late: reader.varint()?,
        });
    }
    let count = reader.length(3)?;
    let mut revisions = Vec::with_capacity(count);
    for _ in 0..count {
        revisions.push(Revision {
            received: reader.slot()?,
            sent: reader.signed()?,
            delivered: reader.signed()?,
        });
    }
    Some(Explanation {
        sent,
        delivered,
        origins,
        revisions,
    })
}
