//! Batches and events in an entry.
//!
//! An event is a byte of flags (status, kind of target, whether the number is the one
//! before), its fingerprint, its time as a difference, its target. A number that stands
//! still costs nothing: batches of one number are the rule. About 22 bytes an event.
//!
//! Not here: the frame of an entry. Invariant: the limits of a batch hold for everything
//! that is decoded.

use super::count;
use chatmetric_core::{AccountKey, EpochMs, Fingerprint, SpaceKey};
use chatmetric_store::coding::{
    Reader, put_bytes, put_length, put_signed, put_varint, reason_code, reason_of, status_code,
    status_of,
};
use chatmetric_store::{
    BATCH_EVENTS_MAX, BATCH_SEALED_BYTES_MAX, Batch, Reason, SOURCE_NAME_BYTES_MAX, SealedItem,
    StatusEvent, Target,
};

/// Flags, fingerprint, time, target.
pub(super) const EVENT_BYTES_MIN: usize = 1 + 16 + 1 + 1;
/// Name, time and three counts.
const BATCH_BYTES_MIN: usize = 5;
/// An event never takes more: number, time and target at their longest.
pub(super) const EVENT_BYTES_MAX: usize = 1 + 21 + 16 + 10 + 5 + 1;

const SAME_NUMBER: u8 = 1 << 4;

pub(crate) fn put_reason(out: &mut Vec<u8>, reason: Reason) {
    out.push(reason_code(reason));
}

pub(crate) fn reason(reader: &mut Reader<'_>) -> Option<Reason> {
    reason_of(reader.byte()?)
}

pub(super) fn put_batch(out: &mut Vec<u8>, batch: &Batch) {
    put_bytes(out, batch.source.as_bytes());
    put_signed(out, batch.received_at.0);
    put_varint(out, batch.ignored.into());
    put_length(out, batch.events.len());
    put_events(out, batch.received_at, &batch.events);
    put_length(out, batch.sealed.len());
    for item in &batch.sealed {
        put_varint(out, item.account.0.into());
        put_reason(out, item.reason);
        put_bytes(out, &item.sealed);
    }
}

pub(super) fn batch(reader: &mut Reader<'_>) -> Option<Batch> {
    let source = reader.text()?;
    if source.len() > SOURCE_NAME_BYTES_MAX {
        return None;
    }
    let received_at = reader.time()?;
    let ignored = reader.varint_u32()?;
    let events_count = count(reader)?;
    let events = events(reader, received_at, events_count)?;
    let sealed_count = reader.length(3)?;
    if sealed_count > BATCH_EVENTS_MAX {
        return None;
    }
    let mut sealed = Vec::with_capacity(sealed_count);
    for _ in 0..sealed_count {
        sealed.push(SealedItem {
            account: reader.account()?,
            reason: reason(reader)?,
            sealed: reader.bytes()?.into(),
        });
    }
    Some(Batch {
        source: source.into(),
        received_at,
        events,
        sealed,
        ignored,
    })
}

/// Batches that are committed together.
pub(super) fn gathered(reader: &mut Reader<'_>) -> Option<Vec<Batch>> {
    let count = reader.length(BATCH_BYTES_MIN)?;
    let mut batches = Vec::with_capacity(count);
    let (mut items, mut sealed_bytes) = (0, 0);
    for _ in 0..count {
        let batch = batch(reader)?;
        items += batch.events.len() + batch.sealed.len();
        sealed_bytes += batch
            .sealed
            .iter()
            .map(|item| item.sealed.len())
            .sum::<usize>();
        batches.push(batch);
    }
    let slot = batches.first()?.received_at.slot();
    let is_one = batches.iter().all(|batch| batch.received_at.slot() == slot);
    let fits = items <= BATCH_EVENTS_MAX && sealed_bytes <= BATCH_SEALED_BYTES_MAX;
    (is_one && fits).then_some(batches)
}

pub(super) fn put_events(out: &mut Vec<u8>, base: EpochMs, events: &[StatusEvent]) {
    let mut before = None;
    for event in events {
        let target = match event.target {
            Target::Space(_) => 0,
            Target::Held(_) => 1,
            Target::Refused(..) => 2,
        };
        let is_same = before == Some(event.number);
        let same = if is_same { SAME_NUMBER } else { 0 };
        out.push(status_code(event.status) | (target << 2) | same);
        if !is_same {
            put_bytes(out, event.number.as_bytes());
            before = Some(event.number);
        }
        out.extend_from_slice(&event.fingerprint.0.to_le_bytes());
        put_signed(out, event.at.0.wrapping_sub(base.0));
        match event.target {
            Target::Space(SpaceKey(key)) | Target::Held(AccountKey(key)) => {
                put_varint(out, key.into());
            }
            Target::Refused(AccountKey(key), reason) => {
                put_varint(out, key.into());
                put_reason(out, reason);
            }
        }
    }
}

pub(super) fn events(
    reader: &mut Reader<'_>,
    base: EpochMs,
    count: usize,
) -> Option<Vec<StatusEvent>> {
    let mut events = Vec::with_capacity(count);
    let mut before = None;
    for _ in 0..count {
        let flags = reader.byte()?;
        let number = if flags & SAME_NUMBER == 0 {
            reader.number()?
        } else {
            before?
        };
        before = Some(number);
        let fingerprint = Fingerprint(reader.fixed_u128()?);
        let at = EpochMs(base.0.wrapping_add(reader.signed()?));
        let target = match (flags & !SAME_NUMBER) >> 2 {
            0 => Target::Space(reader.space()?),
            1 => Target::Held(reader.account()?),
            2 => Target::Refused(reader.account()?, reason(reader)?),
            _ => return None,
        };
        events.push(StatusEvent {
            fingerprint,
            number,
            status: status_of(flags & 3)?,
            at,
            target,
        });
    }
    Some(events)
}
