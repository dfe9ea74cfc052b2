//! Round trips of entries, splits that lose nothing, and bytes that are no entries.

use super::split::split;
use super::*;
use crate::partition::Partitions;
use chatmetric_core::{Fingerprint, MessageStatus};
use chatmetric_store::{Reason, SealedItem, Target};
use proptest::prelude::*;

fn number() -> impl Strategy<Value = PhoneNumber> {
    "[0-9]{1,20}".prop_map(|text| PhoneNumber::parse(&text).unwrap())
}

fn reason() -> impl Strategy<Value = Reason> {
    prop_oneof![
        Just(Reason::Late),
        Just(Reason::Future),
        Just(Reason::UnknownNumber),
        Just(Reason::ForeignNumber),
        Just(Reason::SecondSource),
        Just(Reason::BadTimestamp),
        Just(Reason::Malformed),
        Just(Reason::Unparsable),
        Just(Reason::TooManyNumbers),
    ]
}

fn target() -> impl Strategy<Value = Target> {
    prop_oneof![
        any::<u32>().prop_map(|key| Target::Space(SpaceKey(key))),
        any::<u32>().prop_map(|key| Target::Held(AccountKey(key))),
        (any::<u32>(), reason()).prop_map(|(key, why)| Target::Refused(AccountKey(key), why)),
    ]
}

prop_compose! {
    fn event()(
        fingerprint: u128,
        number in number(),
        status in 0_usize..4,
        at: i64,
        target in target(),
    ) -> StatusEvent {
        StatusEvent {
            fingerprint: Fingerprint(fingerprint),
            number,
            status: MessageStatus::ALL[status],
            at: EpochMs(at),
            target,
        }
    }
}

prop_compose! {
    fn sealed()(account: u32, reason in reason(), bytes in prop::collection::vec(any::<u8>(), 0..200))
        -> SealedItem {
        SealedItem { account: AccountKey(account), reason, sealed: bytes.into() }
    }
}

prop_compose! {
    fn batch()(
        source in "\\PC{0,40}",
        received_at: i64,
        // A few numbers, so that some stand still.
        numbers in prop::collection::vec(number(), 1..4),
        events in prop::collection::vec((event(), any::<prop::sample::Index>()), 0..40),
        sealed in prop::collection::vec(sealed(), 0..6),
        ignored: u32,
    ) -> Batch {
        let events = events.into_iter().map(|(event, at)| StatusEvent {
            number: *at.get(&numbers),
            ..event
        });
        Batch {
            source: source.as_str().into(),
            received_at: EpochMs(received_at),
            events: events.collect(),
            sealed,
            ignored,
        }
    }
}

pub(crate) fn entry() -> impl Strategy<Value = Entry> {
    let events = || prop::collection::vec(event(), 0..20);
    prop_oneof![
        batch().prop_map(Entry::Events),
        any::<i64>().prop_map(|ms| Entry::RaiseFloor(EpochMs(ms))),
        any::<i64>().prop_map(|ms| Entry::ReleaseDue(EpochMs(ms))),
        (any::<u32>(), number(), any::<u32>()).prop_map(|(account, number, space)| Entry::Claim {
            account: AccountKey(account),
            number,
            space: SpaceKey(space),
        }),
        (any::<u64>(), events()).prop_map(|(item, events)| Entry::Replay {
            item: QuarantineId(item),
            events,
        }),
        ("\\PC{0,40}", any::<i64>(), events(), any::<u32>()).prop_map(
            |(source, ms, events, space)| Entry::Replayed {
                source: source.as_str().into(),
                received_at: EpochMs(ms),
                events: events.into_iter().map(|it| (it, SpaceKey(space))).collect(),
            }
        ),
        Just(Entry::Mark),
        Just(Entry::Base),
        batches().prop_map(Entry::Gathered),
    ]
}

/// Of one quarter-hour.
fn batches() -> impl Strategy<Value = Vec<Batch>> {
    prop::collection::vec(batch(), 1..5).prop_map(|mut batches| {
        let received_at = batches[0].received_at;
        for batch in &mut batches {
            batch.received_at = received_at;
        }
        batches
    })
}

proptest! {
    #[test]
    fn parts_that_gather_are_those_batches(batches in batches()) {
        let encoded: Vec<Bytes> = batches
            .iter()
            .map(|batch| Entry::Events(batch.clone()).encode())
            .collect();
        let gathered = Entry::gather(encoded.iter()).unwrap();
        let expected = match batches.len() {
            1 => Entry::Events(batches[0].clone()),
            _ => Entry::Gathered(batches),
        };
        prop_assert_eq!(&gathered, &expected.encode());
        prop_assert_eq!(Entry::decode(&gathered), Ok(expected));
    }

    #[test]
    fn what_was_encoded_is_decoded(entry in entry()) {
        prop_assert_eq!(Entry::decode(&entry.encode()), Ok(entry));
    }

    #[test]
    fn no_bytes_break_the_decoder(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        drop(Entry::decode(&bytes));
        // Past the checksum, too.
        let mut sealed = vec![VERSION];
        sealed.extend_from_slice(&bytes);
        let checksum = crc32c::crc32c(&sealed);
        sealed.extend_from_slice(&checksum.to_le_bytes());
        if let Ok(entry) = Entry::decode(&sealed) {
            prop_assert_eq!(Entry::decode(&entry.encode()), Ok(entry));
        }
    }

    #[test]
    fn a_changed_byte_is_noticed(entry in entry(), at: prop::sample::Index, bit in 0_u8..8) {
        let mut bytes = entry.encode().to_vec();
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        prop_assert!(Entry::decode(&bytes).is_err());
    }

    #[test]
    fn a_split_loses_nothing(batch in batch(), count in 1_u16..20, bytes_max in 900_usize..4_000) {
        let partitions = Partitions::new(count).unwrap();
        let (mut events, mut sealed, mut ignored) = (Vec::new(), Vec::new(), 0);
        for part in split(batch.clone(), partitions, bytes_max).unwrap() {
            let (partition, bytes) = (part.partition, part.entry);
            prop_assert!(bytes.len() <= bytes_max, "{} of {bytes_max}", bytes.len());
            prop_assert_eq!(part.slot, batch.received_at.slot());
            let items = part.items;
            let Ok(Entry::Events(part)) = Entry::decode(&bytes) else {
                panic!("no events");
            };
            prop_assert_eq!(items, part.events.len() + part.sealed.len());
            prop_assert_eq!(&part.source, &batch.source);
            prop_assert_eq!(part.received_at, batch.received_at);
            for event in &part.events {
                prop_assert_eq!(partitions.of_number(&event.number), partition);
            }
            events.extend(part.events);
            sealed.extend(part.sealed);
            ignored += part.ignored;
        }
        // The order within a number stays; numbers are told apart by sorting.
        let mut expected = batch.events.clone();
        expected.sort_by_key(|event| event.number);
        events.sort_by_key(|event| event.number);
        prop_assert_eq!(events, expected);
        prop_assert_eq!(sealed, batch.sealed);
        prop_assert_eq!(ignored, batch.ignored);
    }
}

#[test]
fn another_version_is_named() {
    let mut bytes = Entry::Mark.encode().to_vec();
    bytes[0] = 2;
    assert_eq!(Entry::decode(&bytes), Err(EntryError::Version(2)));
    assert_eq!(Entry::decode(&[]), Err(EntryError::Malformed));
    assert_eq!(Entry::decode(&[1, 6, 0]), Err(EntryError::Malformed));
    assert_eq!(
        Entry::decode(&[1, 6, 0, 0, 0, 0]),
        Err(EntryError::Checksum)
    );
}

#[test]
fn an_item_beyond_a_message_is_refused() {
    let batch = Batch {
        source: "w1".into(),
        received_at: EpochMs(0),
        events: Vec::new(),
        sealed: vec![SealedItem {
            account: AccountKey(1),
            reason: Reason::Unparsable,
            sealed: vec![0; 1_000].into(),
        }],
        ignored: 0,
    };
    let partitions = Partitions::new(4).unwrap();
    assert!(split(batch.clone(), partitions, 1_000).is_err());
    assert_eq!(split(batch, partitions, 2_000).unwrap().len(), 1);
}

#[test]
fn what_no_commit_could_hold_is_no_entry() {
    let batch = |ms: i64, events: usize| Batch {
        source: "w1".into(),
        received_at: EpochMs(ms),
        events: vec![
            StatusEvent {
                fingerprint: Fingerprint(7),
                number: PhoneNumber::parse("1555").unwrap(),
                status: MessageStatus::ALL[0],
                at: EpochMs(ms),
                target: Target::Space(SpaceKey(1)),
            };
            events
        ],
        sealed: Vec::new(),
        ignored: 0,
    };
    let read = |batches: Vec<Batch>| Entry::decode(&Entry::Gathered(batches).encode()).map(drop);
    let half = BATCH_EVENTS_MAX / 2;
    assert_eq!(read(vec![batch(0, half), batch(899_999, half)]), Ok(()));
    for odd in [
        vec![batch(0, 1), batch(900_000, 1)],
        vec![batch(0, half), batch(0, half + 1)],
        Vec::new(),
    ] {
        assert_eq!(read(odd), Err(EntryError::Malformed));
    }
    let mark = Entry::Mark.encode();
    let events = Entry::Events(batch(0, 1)).encode();
    assert_eq!(Entry::gather([&events, &mark].into_iter()), None);
}
