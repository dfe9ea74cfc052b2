//! Frames come back entry by entry; no bytes make the decoder panic.

use super::*;
use crate::api::{Reason, StatusEvent, Target};
use crate::embedded::item::Body;
use chatmetric_core::AccountKey;
use proptest::prelude::*;

fn number() -> PhoneNumber {
    PhoneNumber::parse("15550100101").expect("digits")
}

fn item(target: Target, reason: Reason) -> Item {
    Item {
        source: "w1".into(),
        received_at: EpochMs(-5),
        reason,
        body: Body::Event(StatusEvent {
            fingerprint: Fingerprint(u128::MAX),
            number: number(),
            status: MessageStatus::Failed,
            at: EpochMs(i64::MAX),
            target,
        }),
    }
}

fn entries() -> Vec<Entry> {
    let mut record = MessageRecord::EMPTY;
    record.apply(MessageStatus::Read, Slot(77));
    let sealed = Item {
        body: Body::Sealed(AccountKey(u32::MAX), Box::from([1, 2, 3])),
        ..item(Target::Held(AccountKey(1)), Reason::Unparsable)
    };
    let refused = Target::Refused(AccountKey(4), Reason::SecondSource);
    vec![
        Entry::Bind {
            binding: 9,
            space: SpaceKey(u32::MAX),
            number: number(),
        },
        Entry::New {
            fingerprint: Fingerprint(3),
            binding: 9,
            status: MessageStatus::Sent,
            slot: Slot(0),
        },
        Entry::Base {
            fingerprint: Fingerprint(u128::MAX),
            binding: u32::MAX,
            record,
            status: MessageStatus::Delivered,
            slot: Slot(281_523_071),
        },
        Entry::Ref {
            ordinal: 70_000,
            status: MessageStatus::Failed,
            slot: Slot(5),
        },
        Entry::Source {
            id: 1,
            name: "import".into(),
        },
        Entry::Books {
            source: 1,
            delta: BooksDelta([1, -2, 3, i64::MAX, i64::MIN, 0, -1, 1, 1]),
        },
        Entry::Put {
            id: u64::MAX,
            item: item(Target::Space(SpaceKey(1)), Reason::Future),
        },
        Entry::Put {
            id: 0,
            item: item(refused, Reason::SecondSource),
        },
        Entry::Put {
            id: 1,
            item: sealed,
        },
        Entry::Remove { id: 1 },
        Entry::Floor { floor: EpochMs(99) },
        Entry::Offset {
            source: 1,
            offset: StreamOffset {
                created_ns: u64::MAX,
                sequence: u64::MAX,
                last_ms: 1,
                messages: u64::MAX,
                missing: 0,
                recreated: u64::MAX,
            },
        },
        Entry::From { source: 1 },
        Entry::Noted {
            kind: NoteKind::Duplicate,
            source: None,
            binding: 9,
            slot: Slot(4),
            count: 1,
        },
        Entry::Noted {
            kind: NoteKind::Late,
            source: Some(u32::MAX - 1),
            binding: u32::MAX,
            slot: Slot(281_523_071),
            count: u32::MAX,
        },
        Entry::Usual {
            binding: 9,
            source: 1,
            from_day: UtcDay(u32::MAX),
        },
    ]
}

fn encode(entries: &[Entry]) -> Vec<u8> {
    let mut out = Encoder::default();
    out.start(EpochMs(1_000_000_000));
    for entry in entries {
        crate::embedded::fuzz::encode(&mut out, entry);
    }
    out.bytes
}

fn decode(payload: &[u8]) -> Option<Vec<Entry>> {
    let mut decoder = Decoder::new(payload)?;
    let mut entries = Vec::new();
    while let Some(entry) = decoder.next()? {
        entries.push(entry);
    }
    Some(entries)
}

#[test]
fn every_entry_comes_back() {
    let entries = entries();
    assert_eq!(decode(&encode(&entries)), Some(entries));
}

proptest! {
    #[test]
    fn any_bytes_are_entries_or_refused(
        bytes in proptest::collection::vec(any::<u8>(), 0..200),
        cut in any::<prop::sample::Index>(),
    ) {
        drop(decode(&bytes));
        let good = encode(&entries());
        drop(decode(&good[..cut.index(good.len())]));
        let mut fold = crate::embedded::generation::Fold::new(
            1,
            &std::sync::Arc::default(),
            Default::default(),
        );
        let _ = fold.frame(&bytes);
    }
}
