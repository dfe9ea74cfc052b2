//! The 28 bytes of a message in a run, and the escape for what does not fit.
//!
//! Bytes 0–15 fingerprint, 16–19 binding, 20–23 reported bits and first slot,
//! 24–27 the distances delivered − sent, read − delivered and failed − first.
//! An entry whose word 20–23 is all ones is *wide*: the 8 bytes after the
//! binding and the last 12 bytes of a second entry hold four full slots.
//!
//! Invariant: `unpack(pack(r)) == r` for every record; `pack` proves it for each
//! narrow entry that it gives.

use super::cold::ColdRecord;
use chatmetric_core::{Fingerprint, MessageRecord, Slot};

/// Bytes of one entry.
pub(crate) const ENTRY_BYTES: usize = 28;

const WIDE: u32 = u32::MAX;
/// The distances have 11, 11 and 10 bits; all ones means "never".
const NEVER_11: u32 = (1 << 11) - 1;
const NEVER_10: u32 = (1 << 10) - 1;
/// A failure may come before the first slot: its distance is kept shifted.
const FAILED_SHIFT: i64 = 256;
/// A wide slot has 29 bits; all ones means "never".
const SLOT_BITS: u32 = 29;
const NEVER_29: u128 = (1 << SLOT_BITS) - 1;

/// One message as it lies in a block.
pub(crate) enum Packed {
    /// One entry.
    Narrow([u8; ENTRY_BYTES]),
    /// Two entries, one after the other.
    Wide([u8; 2 * ENTRY_BYTES]),
}

/// The fingerprint of an entry.
#[inline]
pub(crate) fn key(entry: &[u8; ENTRY_BYTES]) -> Fingerprint {
    let (head, _) = entry.split_first_chunk::<16>().unwrap_or((&[0; 16], &[]));
    Fingerprint(u128::from_le_bytes(*head))
}

pub(crate) fn pack(fingerprint: Fingerprint, binding: u32, record: &MessageRecord) -> Packed {
    let mut entry = [0_u8; ENTRY_BYTES];
    entry[..16].copy_from_slice(&fingerprint.0.to_le_bytes());
    entry[16..20].copy_from_slice(&binding.to_le_bytes());
    if let Some((first, distances)) = narrow(record)
        && widen(first, distances) == Some(*record)
    {
        entry[20..24].copy_from_slice(&first.to_le_bytes());
        entry[24..].copy_from_slice(&distances.to_le_bytes());
        return Packed::Narrow(entry);
    }
    let full = full(record).to_le_bytes();
    entry[20..24].copy_from_slice(&WIDE.to_le_bytes());
    entry[24..].copy_from_slice(&full[..4]);
    let mut pair = [0_u8; 2 * ENTRY_BYTES];
    pair[..ENTRY_BYTES].copy_from_slice(&entry);
    pair[ENTRY_BYTES..ENTRY_BYTES + 16].copy_from_slice(&fingerprint.0.to_le_bytes());
    pair[ENTRY_BYTES + 16..].copy_from_slice(&full[4..]);
    Packed::Wide(pair)
}

/// The first record of `entries` and how many entries it took.
pub(crate) fn unpack(entries: &[[u8; ENTRY_BYTES]]) -> Option<(ColdRecord, usize)> {
    let entry = entries.first()?;
    let word = |at: usize| -> Option<u32> {
        Some(u32::from_le_bytes(entry.get(at..at + 4)?.try_into().ok()?))
    };
    let (binding, first, distances) = (word(16)?, word(20)?, word(24)?);
    let fingerprint = key(entry);
    let give = |record| ColdRecord {
        fingerprint,
        binding,
        record,
    };
    if first != WIDE {
        return Some((give(widen(first, distances)?), 1));
    }
    let second = entries.get(1).filter(|it| key(it) == fingerprint)?;
    let mut full = [0_u8; 16];
    full[..4].copy_from_slice(&distances.to_le_bytes());
    full[4..].copy_from_slice(&second[16..]);
    Some((give(from_full(u128::from_le_bytes(full))), 2))
}

fn narrow(record: &MessageRecord) -> Option<(u32, u32)> {
    let counted = record.sent() != Slot::NEVER;
    let first = if counted {
        record.sent()
    } else {
        record.failed()
    };
    if first.0 >= (1 << 28) - 1 {
        return None;
    }
    let distance = |from: Slot, to: Slot| match to {
        Slot::NEVER => Some(NEVER_11),
        to => to.0.checked_sub(from.0).filter(|it| *it < NEVER_11),
    };
    let delivered = distance(record.sent(), record.delivered())?;
    let read = distance(record.delivered(), record.read())?;
    let failed = match record.failed() {
        Slot::NEVER => NEVER_10,
        failed => {
            let shifted = i64::from(failed.0) - i64::from(first.0) + FAILED_SHIFT;
            u32::try_from(shifted).ok().filter(|it| *it < NEVER_10)?
        }
    };
    let word = u32::from(record.reported()) | (first.0 << 4);
    Some((word, delivered | (read << 11) | (failed << 22)))
}

fn widen(word: u32, distances: u32) -> Option<MessageRecord> {
    let reported = (word & 0xf) as u8;
    let first = word >> 4;
    // Only a failure was reported: nothing was ever sent.
    let sent = if reported & 0b0111 == 0 {
        Slot::NEVER
    } else {
        Slot(first)
    };
    let after = |from: Slot, distance: u32| match distance {
        NEVER_11 => Some(Slot::NEVER),
        distance => from.0.checked_add(distance).map(Slot),
    };
    let delivered = after(sent, distances & NEVER_11)?;
    let read = after(delivered, (distances >> 11) & NEVER_11)?;
    let failed = match distances >> 22 {
        NEVER_10 => Slot::NEVER,
        shifted => Slot(u32::try_from(i64::from(first) + i64::from(shifted) - FAILED_SHIFT).ok()?),
    };
    Some(MessageRecord::from_parts(
        sent, delivered, read, failed, reported,
    ))
}

fn full(record: &MessageRecord) -> u128 {
    let slots = [
        record.sent(),
        record.delivered(),
        record.read(),
        record.failed(),
    ];
    slots.iter().fold(u128::from(record.reported()), |sum, it| {
        (sum << SLOT_BITS) | u128::from(it.0).min(NEVER_29)
    })
}

fn from_full(mut full: u128) -> MessageRecord {
    let mut slots = [Slot::NEVER; 4];
    for slot in slots.iter_mut().rev() {
        let bits = full & NEVER_29;
        if bits != NEVER_29 {
            *slot = Slot(bits as u32);
        }
        full >>= SLOT_BITS;
    }
    let [sent, delivered, read, failed] = slots;
    MessageRecord::from_parts(sent, delivered, read, failed, (full & 0xf) as u8)
}

#[cfg(test)]
mod tests {
    use super::*;
    use chatmetric_core::MessageStatus;
    use chatmetric_core::time::{EPOCH_MS_MAX, EpochMs};
    use proptest::prelude::*;

    fn check(fingerprint: u128, binding: u32, record: MessageRecord) -> usize {
        let packed = pack(Fingerprint(fingerprint), binding, &record);
        let bytes: &[u8] = match &packed {
            Packed::Narrow(entry) => entry,
            Packed::Wide(pair) => pair,
        };
        let (entries, rest) = bytes.as_chunks::<ENTRY_BYTES>();
        assert!(rest.is_empty());
        let (read, used) = unpack(entries).expect("what was packed");
        assert_eq!(used, entries.len());
        assert_eq!(read.fingerprint.0, fingerprint);
        assert_eq!(read.binding, binding);
        assert_eq!(read.record, record);
        used
    }

    fn record(reports: &[(MessageStatus, u32)]) -> MessageRecord {
        let mut record = MessageRecord::EMPTY;
        for (status, slot) in reports {
            record.apply(*status, Slot(*slot));
        }
        record
    }

    #[test]
    fn near_slots_take_one_entry_and_far_ones_two() {
        use MessageStatus::{Delivered, Failed, Read, Sent};
        let last = EpochMs(EPOCH_MS_MAX).slot().0;
        let near = record(&[(Sent, 5_000), (Delivered, 5_001), (Read, 7_000)]);
        assert_eq!(check(7, 1, near), 1);
        assert_eq!(check(7, 1, record(&[(Failed, 9)])), 1);
        assert_eq!(check(7, 1, record(&[(Failed, 9), (Sent, 9)])), 1);
        assert_eq!(check(7, u32::MAX, record(&[(Read, 0)])), 1);
        assert_eq!(check(7, 1, record(&[(Sent, 0), (Read, 9_000)])), 2);
        assert_eq!(check(7, 1, record(&[(Sent, 500), (Failed, 0)])), 2);
        assert_eq!(check(u128::MAX, 1, record(&[(Sent, last)])), 2);
        assert_eq!(check(0, 0, record(&[(Sent, 0), (Failed, last)])), 2);
    }

    proptest! {
        #[test]
        fn every_record_comes_back(
            fingerprint: u128,
            binding: u32,
            reports in proptest::collection::vec((0_usize..4, 0_u32..281_523_072), 1..6),
            near in proptest::collection::vec((0_usize..4, 1_900_000_u32..1_902_500), 1..6),
        ) {
            for list in [reports, near] {
                let list: Vec<_> = list
                    .iter()
                    .map(|(at, slot)| (MessageStatus::ALL[*at], *slot))
                    .collect();
                check(fingerprint, binding, record(&list));
            }
        }
    }
}
