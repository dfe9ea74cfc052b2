//! What must hold for whatever bytes the readers of this crate are given: the doors of the
//! fuzzer (`cargo xtask fuzz`), and a test that runs its committed inputs.
//!
//! It exists under `--cfg fuzzing` and in tests alone. Not here: files; a segment is bytes.
//! Invariant: a function returns for any input, or a property is broken.

use super::day_coding;
use super::entry::{Decoder, Encoder, Entry};
use super::explained::{self, Cells};
use super::generation::Fold;
use super::hot::Deltas;
use super::item::Item;
use super::journal::{self, Position, SegmentHeader};
use super::packed_day::PackedDay;
use super::record_coding::{self, ENTRY_BYTES, Packed};
use crate::coding::Reader;
use chatmetric_core::{DayBlock, EpochMs, MessageRecord, MessageStatus, Slot, UtcDay};
use std::path::Path;
use std::sync::Arc;

const SHARD: u32 = 1;
const SEGMENT: u64 = 3;
/// Zeros behind the last mark, as in a prepared segment.
const SPARE_BYTES: usize = 96;

/// A segment of the journal. The first four bytes choose a damage and where to cut the rest into
/// payloads: they come back as they were written; damaged, they come back or are refused. The
/// rest is also read as a segment, and as the entries of one frame.
pub fn journal(data: &[u8]) {
    let Some(([at, by, cut, how], rest)) = data.split_first_chunk::<4>() else {
        return;
    };
    // Whatever it is, reading ends.
    drop(read(rest));
    entries(rest);
    let payloads: Vec<&[u8]> = rest.chunks(usize::from(*cut).max(1)).take(8).collect();
    if payloads.is_empty() {
        return;
    }
    let mut bytes = segment(&payloads);
    assert_eq!(read(&bytes), Some(owned(&payloads)), "written and read");
    let place = usize::from(*at) * 8 + usize::from(*how & 7);
    let place = place % bytes.len();
    if how & 0x80 == 0 {
        bytes[place] ^= (*by).max(1);
        // All of it is covered by the mark behind it.
        if let Some(found) = read(&bytes) {
            assert_eq!(found, owned(&payloads), "damaged at {place} and not seen");
        }
    } else {
        // A power cut may lose what was not synced, at the end.
        bytes[place..].fill(0);
        if let Some(found) = read(&bytes) {
            let written = owned(&payloads);
            assert!(written.starts_with(&found), "cut at {place}");
        }
    }
}

fn owned(payloads: &[&[u8]]) -> Vec<Vec<u8>> {
    payloads.iter().map(|payload| payload.to_vec()).collect()
}

fn segment(payloads: &[&[u8]]) -> Vec<u8> {
    let header = SegmentHeader {
        shard: SHARD,
        shards: 2,
        segment: SEGMENT,
        first: Position(7),
    };
    let mut bytes = header.to_bytes().to_vec();
    let mut place = header.first;
    for payload in payloads {
        journal::build_frame(&mut bytes, SEGMENT, (place, place.before()), payload);
        place = place.next();
    }
    bytes.extend_from_slice(&journal::build_mark(SEGMENT, place.before()));
    bytes.resize(bytes.len() + SPARE_BYTES, 0);
    bytes
}

/// The payloads, or `None` for a segment that is refused.
fn read(bytes: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut payloads = Vec::new();
    let place = (SHARD, SEGMENT);
    let scanned = journal::scan(Path::new("segment"), bytes, place, |offset, payload| {
        let from = offset as usize;
        assert_eq!(bytes.get(from..from + payload.len()), Some(payload));
        payloads.push(payload.to_vec());
        Ok(())
    });
    let scanned = scanned.ok()?;
    assert!(scanned.end + scanned.torn_bytes <= bytes.len() as u64 + 64);
    Some(payloads)
}

/// What was read as entries is read again when it is written again, and folding it ends.
fn entries(payload: &[u8]) {
    let Some((received_at, found)) = decode(payload) else {
        return;
    };
    let mut encoder = Encoder::default();
    encoder.start(received_at);
    for entry in &found {
        encode(&mut encoder, entry);
    }
    assert_eq!(encoder.has_entries(), !found.is_empty());
    assert_eq!(decode(&encoder.bytes), Some((received_at, found)));
    // An entry may name a message or a source that the frame does not have: refused, with its
    // place in the frame.
    let mut fold = Fold::new(SEGMENT, &Arc::default(), Deltas::default());
    if let Err(at) = fold.frame(payload) {
        assert!(at <= payload.len());
    }
}

fn decode(payload: &[u8]) -> Option<(EpochMs, Vec<Entry>)> {
    let mut decoder = Decoder::new(payload)?;
    let mut found = Vec::new();
    while let Some(entry) = decoder.next()? {
        found.push(entry);
        assert!(decoder.position() <= payload.len());
    }
    Some((decoder.received_at, found))
}

/// Writes an entry as it was read.
pub(super) fn encode(encoder: &mut Encoder, entry: &Entry) {
    match entry {
        Entry::New {
            fingerprint,
            binding,
            status,
            slot,
        } => encoder.new_message(*fingerprint, *binding, *status, *slot),
        Entry::Base {
            fingerprint,
            binding,
            record,
            status,
            slot,
        } => encoder.base(*fingerprint, *binding, record, *status, *slot),
        Entry::Ref {
            ordinal,
            status,
            slot,
        } => encoder.reference(*ordinal, *status, *slot),
        Entry::Bind {
            binding,
            space,
            number,
        } => encoder.bind(*binding, *space, number),
        Entry::Source { id, name } => encoder.source(*id, name),
        Entry::Books { source, delta } => encoder.books(*source, delta),
        Entry::Put { id, item } => encoder.put(*id, item),
        Entry::Remove { id } => encoder.remove(*id),
        Entry::Floor { floor } => encoder.floor(*floor),
        Entry::Offset { source, offset } => encoder.offset(*source, offset),
        Entry::From { source } => encoder.from(*source),
        Entry::Noted {
            kind,
            source,
            binding,
            slot,
            count,
        } => encoder.noted((*kind, *source), *binding, *slot, *count),
        Entry::Usual {
            binding,
            source,
            from_day,
        } => encoder.usual(*binding, *source, *from_day),
    }
}

/// What a run, the quarantine and the tallies keep. The first byte chooses: what was read is
/// the same when it is written and read again.
pub fn record(data: &[u8]) {
    let Some((kind, rest)) = data.split_first() else {
        return;
    };
    match kind % 5 {
        0 => packed(rest),
        1 => reported(rest),
        2 => item(rest),
        3 => day(rest),
        _ => explanation(rest),
    }
}

fn packed(bytes: &[u8]) {
    let (entries, _) = bytes.as_chunks::<ENTRY_BYTES>();
    let Some((found, used)) = record_coding::unpack(entries) else {
        return;
    };
    assert!((1..=entries.len().min(2)).contains(&used));
    comes_back(found.fingerprint, found.binding, &found.record);
}

fn comes_back(fingerprint: chatmetric_core::Fingerprint, binding: u32, record: &MessageRecord) {
    let packed = record_coding::pack(fingerprint, binding, record);
    let bytes: &[u8] = match &packed {
        Packed::Narrow(entry) => entry,
        Packed::Wide(pair) => pair,
    };
    let (entries, _) = bytes.as_chunks::<ENTRY_BYTES>();
    let (again, used) = record_coding::unpack(entries).expect("what was packed is read");
    assert_eq!(used, entries.len());
    assert_eq!((again.fingerprint, again.binding), (fingerprint, binding));
    assert_eq!(again.record, *record);
}

/// Reports of one message, in five bytes each: the order does not matter.
fn reported(bytes: &[u8]) {
    let (reports, _) = bytes.as_chunks::<5>();
    let fold = |reports: &mut dyn Iterator<Item = &[u8; 5]>| {
        let mut record = MessageRecord::EMPTY;
        for [status, slot @ ..] in reports {
            let status = MessageStatus::ALL[usize::from(status % 4)];
            // As far as times reach.
            let slot = Slot(u32::from_le_bytes(*slot) % EpochMs(i64::MAX).slot().0);
            record.apply(status, slot);
        }
        record
    };
    let record = fold(&mut reports.iter());
    assert_eq!(fold(&mut reports.iter().rev()), record);
    assert_eq!(record.merge(&record), record);
    if !reports.is_empty() {
        comes_back(chatmetric_core::Fingerprint(7), 1, &record);
    }
}

fn item(bytes: &[u8]) {
    if let Some(item) = Item::decode(bytes) {
        let mut again = Vec::new();
        item.encode(&mut again);
        assert_eq!(Item::decode(&again).as_ref(), Some(&item));
        assert_eq!(item.describe(9).reason, item.reason);
    }
    let mut reader = Reader::new(bytes);
    while let Some(number) = reader.number() {
        assert!(!number.as_bytes().is_empty());
    }
}

fn day(bytes: &[u8]) {
    let mut block = DayBlock::default();
    if day_coding::add_body(bytes, &mut block).is_none() {
        return;
    }
    let value = day_coding::encode(b"key", &block);
    let mut again = DayBlock::default();
    assert_eq!(day_coding::add_to(b"key", &value, &mut again), Some(()));
    assert_eq!(again, block);
    PackedDay::pack(&block).unpack(&mut again);
    assert_eq!(again, block);
}

fn explanation(bytes: &[u8]) {
    const DAY: UtcDay = UtcDay(20_000);
    let mut value = bytes.to_vec();
    day_coding::seal(b"key", &mut value);
    let mut cells = Cells::new();
    if explained::decode(b"key", DAY, &value, &mut cells).is_none() {
        return;
    }
    cells.retain(|_, count| *count != 0);
    let mut again = Cells::new();
    if let Some(value) = explained::encode(b"key", DAY, &cells) {
        let read = explained::decode(b"key", DAY, &value, &mut again);
        assert_eq!(read, Some(()));
    }
    assert_eq!(again, cells);
}

#[cfg(test)]
mod tests {
    use chatmetric_sim::corpus;

    #[test]
    fn the_corpus_of_segments_holds() {
        corpus::each("journal", super::journal);
    }

    #[test]
    fn the_corpus_of_records_holds() {
        corpus::each("record", super::record);
    }
}
