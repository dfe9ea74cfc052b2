//! How long tallies are kept: `tally_days_behind_floor`, and the memory that the
//! hot window may take.

use crate::crash::{open, wait_until};
use crate::embedded::tiny;
use crate::model::T0_MS;
use chatmetric_core::{
    Counts, DayBlock, EpochMs, Fingerprint, MessageStatus, PhoneNumber, SpaceKey, UtcDay,
};
use chatmetric_store::{
    Batch, EmbeddedStore, MEMORY_BYTES_MIN, Options, StatusEvent, Store,
    TALLY_DAYS_BEHIND_FLOOR_MIN, Target,
};
use std::time::Duration;

const DAY_MS: i64 = 86_400_000;
const SPACE: SpaceKey = SpaceKey(1);

fn number() -> PhoneNumber {
    PhoneNumber::parse("15550001").expect("digits")
}

fn report(message: u128, status: MessageStatus, day: i64) -> StatusEvent {
    StatusEvent {
        fingerprint: Fingerprint(
            (message + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835),
        ),
        number: number(),
        status,
        at: EpochMs(T0_MS + day * DAY_MS),
        target: Target::Space(SPACE),
    }
}

fn commit(store: &EmbeddedStore, day: i64, events: &[StatusEvent]) {
    let batch = Batch {
        source: "w1".into(),
        received_at: EpochMs(T0_MS + day * DAY_MS),
        events: events.to_vec(),
        sealed: Vec::new(),
        ignored: 0,
    };
    store.commit(batch).expect("taken");
}

/// The days that count something, from the start, with their counters.
fn days(store: &EmbeddedStore) -> Vec<(i64, Counts)> {
    let mut seen = Vec::new();
    let first = (T0_MS / DAY_MS) as u32;
    let mut visit = |day: UtcDay, block: &DayBlock| {
        seen.push((i64::from(day.0) - i64::from(first), block.total()));
    };
    let all = UtcDay(0)..=UtcDay(u32::MAX);
    let read = store.read_days(SPACE, &number(), all, &mut visit);
    read.expect("readable");
    seen
}

fn sent(sent: i32) -> Counts {
    Counts {
        sent,
        ..Counts::ZERO
    }
}

fn keeping(days: u32) -> Options {
    Options {
        tally_days_behind_floor: Some(days),
        ..tiny()
    }
}

/// Raises the floor and waits until the first day that counts is this one.
fn raise_floor(store: &EmbeddedStore, day: i64, first: i64) {
    let floor = EpochMs(T0_MS + day * DAY_MS);
    store.raise_floor(floor).expect("raised");
    store.verify().expect("exact");
    wait_until("the first day moves", || {
        days(store).first().is_some_and(|(day, _)| *day == first)
    });
}

#[test]
fn days_behind_the_retention_go_and_no_others() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = open(dir.path(), &keeping(40));
    for day in 0..100 {
        commit(
            &store,
            day,
            &[report(day as u128, MessageStatus::Sent, day)],
        );
    }
    assert_eq!(days(&store).len(), 100);
    raise_floor(&store, 90, 50);
    let kept: Vec<_> = (50..100).map(|day| (day, sent(1))).collect();
    assert_eq!(days(&store), kept);
    store.verify().expect("exact");
    drop(store);
    // It is a part of the directory's state, not of the settings.
    let store = open(dir.path(), &tiny());
    assert_eq!(days(&store), kept);
    store.verify().expect("exact");
    drop(store);
    // Another day; keeping more later brings nothing back.
    let store = open(dir.path(), &keeping(40));
    raise_floor(&store, 91, 51);
    drop(store);
    let store = open(dir.path(), &keeping(90));
    raise_floor(&store, 92, 51);
    assert_eq!(days(&store)[..], kept[1..]);
    store.verify().expect("exact");
}

#[test]
fn what_a_report_may_still_name_is_always_kept() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = open(dir.path(), &keeping(1));
    for day in 0..100 {
        commit(
            &store,
            day,
            &[report(day as u128, MessageStatus::Sent, day)],
        );
    }
    let least = i64::from(TALLY_DAYS_BEHIND_FLOOR_MIN);
    raise_floor(&store, 90, 90 - least);
    assert_eq!(days(&store).len() as i64, 100 - (90 - least));
    store.verify().expect("exact");
}

#[test]
fn without_a_retention_days_are_kept_for_ever() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = open(dir.path(), &tiny());
    commit(&store, 0, &[report(1, MessageStatus::Sent, 0)]);
    raise_floor(&store, 5_000, 0);
    std::thread::sleep(Duration::from_millis(200));
    assert_eq!(days(&store), [(0, sent(1))]);
}

/// A message whose `sent` lies on a dropped day is delivered: the new day counts
/// it, the dropped one stays dropped, and the tallies stay provable.
#[test]
fn a_change_of_a_dropped_day_stays_unseen() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = open(dir.path(), &keeping(31));
    commit(&store, 0, &[report(1, MessageStatus::Sent, 0)]);
    // The record stays, because it changed lately.
    commit(&store, 28, &[report(1, MessageStatus::Failed, 28)]);
    commit(&store, 40, &[report(2, MessageStatus::Sent, 40)]);
    let failed = Counts {
        failed: 1,
        ..Counts::ZERO
    };
    assert_eq!(days(&store)[..2], [(0, sent(1)), (28, failed)]);
    raise_floor(&store, 40, 28);
    commit(&store, 45, &[report(1, MessageStatus::Delivered, 45)]);
    let delivered = Counts {
        delivered: 1,
        ..Counts::ZERO
    };
    let seen = [(40, sent(1)), (45, delivered)];
    assert_eq!(days(&store), seen);
    store.verify().expect("exact");
    assert_eq!(days(&store), seen);
    drop(store);
    let store = open(dir.path(), &keeping(31));
    assert_eq!(days(&store), seen);
    store.verify().expect("exact");
}

#[test]
fn little_memory_makes_small_generations() {
    let hot = |options: Options| {
        let dir = tempfile::tempdir().expect("a directory");
        let store = open(dir.path(), &options);
        for chunk in 0..12_u128 {
            let messages = chunk * 5_000..(chunk + 1) * 5_000;
            let events: Vec<_> = messages
                .map(|message| report(message, MessageStatus::Sent, 0))
                .collect();
            commit(&store, 0, &events);
        }
        store.verify().expect("exact");
        let runs = store.stats().runs;
        assert_eq!(days(&store), [(0, sent(60_000))]);
        runs
    };
    assert_eq!(
        hot(Options::default()),
        1,
        "one generation, sealed by the check"
    );
    assert!(hot(Options::default().with_memory(MEMORY_BYTES_MIN)) > 1);
}
