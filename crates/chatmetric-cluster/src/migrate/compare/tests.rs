//! The comparison finds what is missing, too much or another count.

use super::*;
use chatmetric_core::{AccountKey, Fingerprint, MessageStatus};
use chatmetric_store::{Batch, Options, Reason, SealedItem, StatusEvent, Target};

const T0_MS: i64 = 20_000 * 86_400_000;

fn number(nth: u64) -> PhoneNumber {
    PhoneNumber::parse(&(15_550_100_000 + nth).to_string()).unwrap()
}

fn event(id: u64, status: MessageStatus) -> StatusEvent {
    let quarter = i64::try_from(id % 50).unwrap();
    StatusEvent {
        fingerprint: Fingerprint((u128::from(id + 1) << 64) | u128::from(id)),
        number: number(id % 7),
        status,
        at: EpochMs(T0_MS + quarter * 900_000),
        target: Target::Space(SpaceKey(1)),
    }
}

fn batch(events: Vec<StatusEvent>) -> Batch {
    Batch {
        source: "w1".into(),
        received_at: EpochMs(T0_MS + 86_400_000),
        events,
        sealed: Vec::new(),
        ignored: 0,
    }
}

fn sealed() -> Batch {
    Batch {
        sealed: vec![SealedItem {
            account: AccountKey(1),
            reason: Reason::Unparsable,
            sealed: b"what cannot be read".to_vec().into(),
        }],
        ..batch(Vec::new())
    }
}

fn life() -> Vec<Batch> {
    let sent = (0..200).map(|id| event(id, MessageStatus::Sent)).collect();
    let delivered = (0..90).map(|id| event(id, MessageStatus::Delivered));
    vec![batch(sent), batch(delivered.collect()), sealed()]
}

fn store(dir: &std::path::Path, batches: &[Batch]) -> Arc<EmbeddedStore> {
    let store = EmbeddedStore::open(dir, Options::default()).unwrap();
    for batch in batches {
        store.commit(batch.clone()).unwrap();
    }
    Arc::new(store)
}

/// What the comparison says of a store that counted `new`, if the whole is one partition.
fn compared(new: &[Batch]) -> Result<Compared, String> {
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let old = store(one.path(), &life());
    let expected = Expected {
        books: old.books().unwrap(),
        old,
        partitions: Partitions::new(1).unwrap(),
        partition: Partition(0),
    };
    let new = store(other.path(), new);
    let report = new.verify().unwrap();
    expected
        .compare(&new, report)
        .map_err(|error| error.to_string())
}

#[test]
fn what_is_equal_is_counted() {
    let compared = compared(&life()).unwrap();
    assert_eq!((compared.numbers, compared.items), (7, 1));
    assert_eq!(compared.records, 200);
    // 50 quarters, and 7 numbers that share none of the first 200 messages of them.
    assert_eq!(compared.buckets, 200);
}

#[test]
fn one_count_in_one_bucket_is_named() {
    let mut less = life();
    less[1].events.remove(17);
    let error = compared(&less).unwrap_err();
    for word in [
        "partition 0",
        &*number(3).to_string(),
        "space 1",
        &*(T0_MS + 17 * 900_000).to_string(),
        "1 sent and 1 delivered were counted, 1 and 0 are there",
    ] {
        assert!(error.contains(word), "{word}: {error}");
    }
    // A bucket that is too much.
    let mut more = life();
    more[0].events.push(event(1_000 + 49, MessageStatus::Sent));
    let error = compared(&more).unwrap_err();
    assert!(
        error.contains("0 sent and 0 delivered were counted, 1 and 0"),
        "{error}"
    );
}

#[test]
fn numbers_books_items_and_the_floor_are_compared() {
    let mut other = life();
    other[0].events.retain(|it| it.number != number(2));
    other[1].events.retain(|it| it.number != number(2));
    let error = compared(&other).unwrap_err();
    assert!(
        error.contains(&format!("number {} in space 1 is missing", number(2))),
        "{error}"
    );

    let mut other = life();
    other[0].events.push(StatusEvent {
        number: number(8),
        ..event(7_000, MessageStatus::Sent)
    });
    let error = compared(&other).unwrap_err();
    assert!(error.contains("is not of this partition"), "{error}");

    let mut other = life();
    other[2].ignored = 1;
    let error = compared(&other).unwrap_err();
    assert!(error.contains("the books of `w1`"), "{error}");

    let mut other = life();
    other[2].sealed[0].reason = Reason::Malformed;
    let error = compared(&other).unwrap_err();
    assert!(error.contains("item 1 of the quarantine"), "{error}");

    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let old = store(one.path(), &life());
    old.raise_floor(EpochMs(T0_MS)).unwrap();
    let expected = Expected {
        books: old.books().unwrap(),
        old,
        partitions: Partitions::new(1).unwrap(),
        partition: Partition(0),
    };
    let new = store(other.path(), &life());
    let error = expected.compare(&new, VerifyReport::default()).unwrap_err();
    assert!(error.to_string().contains("the floor"), "{error}");
}
