//! The fold without servers: however entries come together and wherever it is stopped, the
//! same is left.

use super::*;
use crate::partition::Partitions;
use chatmetric_core::{AccountKey, EpochMs, Fingerprint, MessageStatus, PhoneNumber, SpaceKey};
use chatmetric_store::{Options, StatusEvent, Target};

const T0_MS: i64 = 20_000 * 86_400_000;

fn number(nth: u64) -> PhoneNumber {
    PhoneNumber::parse(&format!("1555{nth}")).unwrap()
}

/// Entries of every kind, in an order that makes each of them do something.
fn entries(count: u64) -> Vec<Placed> {
    let event = |nth: u64| {
        let target = match nth % 7 {
            0 => Target::Held(AccountKey(1)),
            _ => Target::Space(SpaceKey(2)),
        };
        let ahead_ms = if nth.is_multiple_of(11) {
            86_400_000
        } else {
            0
        };
        StatusEvent {
            fingerprint: Fingerprint(u128::from(nth / 3 + 1) << 64 | 77),
            number: number(nth % 5),
            status: MessageStatus::ALL[usize::try_from(nth % 4).unwrap()],
            at: EpochMs(T0_MS + i64::try_from(nth).unwrap() * 70_000 + ahead_ms),
            target,
        }
    };
    let mut all = Vec::new();
    for nth in 0..count {
        let received_at = EpochMs(T0_MS + i64::try_from(nth).unwrap() * 70_000);
        let entry = match nth % 13 {
            5 => Entry::ReleaseDue(received_at),
            8 => Entry::Claim {
                account: AccountKey(1),
                number: number(nth % 5),
                space: SpaceKey(2),
            },
            11 => Entry::RaiseFloor(EpochMs(received_at.0 - 3_600_000)),
            12 => Entry::Replayed {
                source: "w1".into(),
                received_at: EpochMs(T0_MS),
                events: vec![(event(nth), SpaceKey(2))],
            },
            _ => Entry::Events(Batch {
                source: ["w1", "w2"][usize::try_from(nth % 2).unwrap()].into(),
                received_at,
                events: (nth..nth + 4).map(event).collect(),
                sealed: Vec::new(),
                ignored: 1,
            }),
        };
        all.push(Placed {
            sequence: nth + 1,
            at_ms: 1 + nth,
            payload: entry.encode(),
        });
    }
    all
}

fn open(dir: &std::path::Path) -> Tally {
    let store = EmbeddedStore::open(dir, Options::default()).unwrap();
    Tally::new(Arc::new(store), Partition(3), 9).unwrap()
}

#[test]
fn it_does_not_matter_how_entries_come_together() {
    let all = entries(400);
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let together = open(one.path());
    together.apply(&all).unwrap();
    let apart = open(other.path());
    for (nth, piece) in all.chunks(7).enumerate() {
        apart.apply(piece).unwrap();
        // Again, as after a delivery that was repeated.
        apart.apply(piece).unwrap();
        assert_eq!(
            apart.position(),
            u64::try_from((nth + 1) * 7).unwrap().min(400)
        );
    }
    let of = |tally: &Tally| digest::of(tally.store(), 0).unwrap();
    assert_eq!(of(&together), of(&apart));
    assert!(!of(&together).numbers.is_empty());
    together.store().verify().unwrap();
    apart.store().verify().unwrap();
}

/// The same log where neighbours that may go together are one entry.
fn gathered(all: &[Placed]) -> Vec<Placed> {
    let events = |placed: &Placed| match Entry::decode(&placed.payload).unwrap() {
        Entry::Events(batch) => Some(batch),
        _ => None,
    };
    let mut log: Vec<(Vec<Batch>, Placed)> = Vec::new();
    for placed in all {
        let batch = events(placed);
        match (batch, log.last_mut()) {
            (Some(batch), Some((batches, _)))
                if batches
                    .first()
                    .is_some_and(|it| it.received_at.slot() == batch.received_at.slot()) =>
            {
                batches.push(batch);
            }
            (batch, _) => log.push((batch.into_iter().collect(), placed.clone())),
        }
    }
    let one = |(nth, (batches, placed)): (usize, (Vec<Batch>, Placed))| Placed {
        sequence: u64::try_from(nth + 1).unwrap(),
        payload: match batches.len() {
            0 | 1 => placed.payload,
            _ => Entry::Gathered(batches).encode(),
        },
        at_ms: placed.at_ms,
    };
    log.into_iter().enumerate().map(one).collect()
}

#[test]
fn gathered_entries_count_what_they_count_alone() {
    let all = entries(400);
    let few = gathered(&all);
    assert!(
        few.len() * 10 < all.len() * 8,
        "{} of {}",
        few.len(),
        all.len()
    );
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (alone, together) = (open(one.path()), open(other.path()));
    alone.apply(&all).unwrap();
    for piece in few.chunks(3) {
        together.apply(piece).unwrap();
        together.apply(piece).unwrap();
    }
    let of = |tally: &Tally| digest::of(tally.store(), 0).unwrap();
    assert_eq!(of(&alone), of(&together));
    together.store().verify().unwrap();
}

#[test]
fn an_entry_is_counted_whole_or_not_at_all() {
    let dir = tempfile::tempdir().unwrap();
    let tally = open(dir.path());
    let few = gathered(&entries(5));
    assert_eq!(few.len(), 1, "all of one quarter-hour");
    let before = tally.store().stats().syncs;
    tally.apply(&few).unwrap();
    // A commit of its own for a part of it would say that all of it is counted.
    assert_eq!(tally.store().stats().syncs, before + 1);
    assert_eq!(tally.position(), 1);
}

#[test]
fn what_made_the_counts_does_not_depend_on_it_either() {
    let all = entries(400);
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (together, apart) = (open(one.path()), open(other.path()));
    together.apply(&all).unwrap();
    for piece in &all {
        apart.apply(std::slice::from_ref(piece)).unwrap();
    }
    let first = EpochMs(T0_MS).slot();
    for nth in 0..5 {
        let of = |tally: &Tally| {
            let slots = first..Slot(first.0 + 20);
            tally
                .store()
                .explain(SpaceKey(2), &number(nth), slots)
                .unwrap()
        };
        assert_eq!(of(&together), of(&apart));
    }
}

#[test]
fn a_restart_goes_on_behind_the_place_that_is_in_the_commit() {
    let all = entries(300);
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let straight = open(one.path());
    straight.apply(&all).unwrap();
    for piece in all.chunks(37) {
        let tally = open(other.path());
        assert_eq!(tally.position() + 1, piece[0].sequence);
        tally.apply(piece).unwrap();
    }
    let again = open(other.path());
    // The whole log again changes nothing.
    again.apply(&all).unwrap();
    let of = |tally: &Tally| digest::of(tally.store(), 0).unwrap();
    assert_eq!(of(&straight), of(&again));
}

#[test]
fn gaps_other_logs_and_damaged_entries_are_refused() {
    let all = entries(20);
    let dir = tempfile::tempdir().unwrap();
    let tally = open(dir.path());
    tally.apply(&all[..5]).unwrap();
    let gap = tally.apply(&all[6..8]).unwrap_err();
    assert!(matches!(
        gap,
        ClusterError::Gap {
            expected: 6,
            found: 7,
            ..
        }
    ));
    let mut damaged = all[5].clone();
    damaged.payload = Bytes::from_static(b"\x01\x06nope");
    let error = tally.apply(&[damaged]).unwrap_err();
    assert!(matches!(error, ClusterError::Entry { sequence: 6, .. }));
    assert_eq!(tally.position(), 5);
    drop(tally);
    let store = EmbeddedStore::open(dir.path(), Options::default()).unwrap();
    let other = Tally::new(Arc::new(store), Partition(3), 10);
    assert!(matches!(other, Err(ClusterError::OtherLog { .. })));
    assert_eq!(Partitions::new(16).unwrap().count(), 16);
}

#[test]
fn nobody_counts_past_a_base_without_what_is_before_it() {
    let dir = tempfile::tempdir().unwrap();
    let tally = open(dir.path());
    let placed = |sequence: u64, entry: Entry| Placed {
        sequence,
        at_ms: sequence,
        payload: entry.encode(),
    };
    let log = [placed(1, Entry::Base), placed(2, Entry::Mark)];
    for _ in 0..2 {
        let error = tally.apply(&log).unwrap_err();
        let found = matches!(
            error,
            ClusterError::Gap {
                expected: 1,
                found: 2,
                ..
            }
        );
        assert!(found, "{error}");
        assert_eq!(tally.position(), 0);
    }
    // Whoever begins with a snapshot stands behind it.
    let place = StreamOffset {
        created_ns: 9,
        sequence: 1,
        ..StreamOffset::default()
    };
    let store = tally.store();
    store
        .fold(Vec::new(), log_name(Partition(3)), place)
        .unwrap();
    let based = Tally::new(Arc::clone(store), Partition(3), 9).unwrap();
    based.apply(&log).unwrap();
    assert_eq!(based.position(), 2);
}
