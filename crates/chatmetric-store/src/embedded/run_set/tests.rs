//! The newest record of a message wins; what passed weeks hold besides is walked.

use super::*;
use crate::embedded::disk::RealDisk;
use crate::embedded::filter::folded_bytes;
use crate::embedded::run::RunWriter;
use chatmetric_core::{MessageRecord, MessageStatus, Slot};
use std::path::Path;

fn record(number: u128, reports: &[(MessageStatus, u32)]) -> ColdRecord {
    let mut record = MessageRecord::EMPTY;
    for (status, slot) in reports {
        record.apply(*status, Slot(*slot));
    }
    ColdRecord {
        fingerprint: Fingerprint(number * 3),
        binding: number as u32,
        record,
    }
}

fn sent(number: u128, slot: u32) -> ColdRecord {
    record(number, &[(MessageStatus::Sent, slot)])
}

fn run(dir: &Path, order: u64, week: u32, records: &[ColdRecord]) -> Arc<Run> {
    let path = dir.join(format!("{order}.run"));
    let mut writer = RunWriter::create(&RealDisk, path.clone(), (1_000, u64::MAX)).expect("space");
    for record in records {
        writer.push(record).expect("space");
    }
    writer.finish(week).expect("space").sync().expect("synced");
    Arc::new(Run::open(path, (order, 0, order), Some(0)).expect("opens"))
}

/// The floor behind which the weeks before `week` are passed.
fn horizon(week: u64) -> Horizon {
    Horizon::of(Some((week * 7 + 30) * 86_400_000))
}

fn walked(set: &RunSet, horizon: Horizon) -> Vec<(ColdRecord, Age)> {
    let mut seen = Vec::new();
    set.walk(horizon, &mut |record, age| seen.push((*record, age)))
        .expect("readable");
    seen
}

#[test]
fn the_newest_record_wins_in_look_ups_walks_and_merges() {
    let dir = tempfile::tempdir().expect("a directory");
    let old: Vec<_> = (0..100).map(|it| sent(it, 100)).collect();
    let new: Vec<_> = (50..200).step_by(2).map(|it| sent(it, 90)).collect();
    let runs = vec![run(dir.path(), 1, 9, &old), run(dir.path(), 2, 9, &new)];
    let newest = |number: u128| number >= 50 && number.is_multiple_of(2);
    let expected: Vec<_> = (0..200)
        .filter(|it| *it < 100 || newest(*it))
        .map(|it| sent(it, if newest(it) { 90 } else { 100 }))
        .collect();
    let mut merged = Vec::new();
    merge(&runs, |it| {
        merged.push(*it);
        Ok(())
    })
    .expect("readable");
    assert_eq!(merged, expected);
    let set = RunSet { runs };
    let live: Vec<_> = expected.iter().map(|it| (*it, Age::Live)).collect();
    assert_eq!(walked(&set, Horizon::of(None)), live);
    for record in &expected {
        let found = set.find(record.fingerprint).expect("readable");
        assert_eq!(found, Some(*record));
    }
}

#[test]
fn a_passed_week_gives_what_no_newer_record_contains() {
    let dir = tempfile::tempdir().expect("a directory");
    let grown = [(MessageStatus::Sent, 100), (MessageStatus::Read, 300)];
    let fresh = [(MessageStatus::Delivered, 900)];
    let set = RunSet {
        runs: vec![
            run(
                dir.path(),
                1,
                1,
                &[sent(1, 100), sent(2, 100), sent(3, 100)],
            ),
            run(dir.path(), 2, 2, &[record(1, &grown), sent(3, 100)]),
            run(dir.path(), 3, 8, &[record(2, &fresh), record(3, &fresh)]),
        ],
    };
    // Nothing is passed: the newest record stands for the message.
    let live = [record(1, &grown), record(2, &fresh), record(3, &fresh)];
    assert_eq!(
        walked(&set, horizon(1)),
        live.map(|record| (record, Age::Live))
    );
    // Message 1 grew and is whole; 2 and 3 began again when their first life was
    // forgotten, and that life counts once.
    assert_eq!(
        walked(&set, horizon(3)),
        [
            (record(1, &grown), Age::Passed),
            (record(2, &fresh), Age::Live),
            (sent(2, 100), Age::Passed),
            (record(3, &fresh), Age::Live),
            (sent(3, 100), Age::Passed),
        ]
    );
}

#[test]
fn a_week_is_passed_thirty_days_after_its_end() {
    let day = |day: u64| Horizon::of(Some(day * 86_400_000));
    assert!(!day(7 * 10 + 30 - 1).passed(9));
    assert!(day(7 * 10 + 30).passed(9));
    assert!(!Horizon::of(None).passed(0));
}

#[test]
fn without_memory_for_filters_the_same_is_found() {
    let dir = tempfile::tempdir().expect("a directory");
    let all: Vec<_> = (0..3000).map(|it| sent(it, 100)).collect();
    let newest: Vec<_> = (2000..4000).map(|it| sent(it, 90)).collect();
    let set = RunSet {
        runs: vec![run(dir.path(), 1, 9, &all), run(dir.path(), 2, 9, &newest)],
    };
    let bytes: Vec<u64> = set.runs.iter().map(|run| run.filter_bytes()).collect();
    assert!(bytes.iter().all(|it| *it > 0));
    assert!(!set.has_filters_on_disk());
    // The largest is folded, and does without when it is still too large.
    let folded = folded_bytes(bytes[0], 1);
    let set = set.within(folded + bytes[1]);
    assert!(set.has_filters_on_disk());
    assert_eq!(set.runs[0].filter_bytes(), folded);
    assert_eq!(set.runs[1].filter_bytes(), bytes[1]);
    assert_eq!(set.runs[0].entry().records, 3000);
    for number in 0..4100 {
        let right = match number {
            0..2000 => Some(sent(number, 100)),
            2000..4000 => Some(sent(number, 90)),
            _ => None,
        };
        let fingerprint = Fingerprint(number * 3);
        let left = set.prefetch(fingerprint, set.candidates(fingerprint));
        let found = set.find_among(fingerprint, left).expect("readable");
        assert_eq!(found, right, "{number}");
        assert_eq!(
            set.find(Fingerprint(number * 3 + 1)).expect("readable"),
            None
        );
    }
    let set = set.within(0);
    assert!(set.runs.iter().all(|run| run.filter_bytes() == 0));
    for number in [0, 1999, 3000, 4100] {
        let fingerprint = Fingerprint(number * 3);
        let left = set.prefetch(fingerprint, set.candidates(fingerprint));
        let found = set.find_among(fingerprint, left).expect("readable");
        assert_eq!(found, set.find(fingerprint).expect("readable"));
        assert_eq!(found.is_some(), number < 4000);
    }
}

#[test]
fn more_runs_than_candidates_are_asked_too() {
    let dir = tempfile::tempdir().expect("a directory");
    let shared: [(u128, &[u32]); 2] = [(1_000, &[0, 2]), (2_000, &[1, 69])];
    let runs = (0..70_u32).map(|order| {
        let mut records = vec![sent(u128::from(order), 100)];
        for (number, of) in shared {
            records.extend(of.contains(&order).then(|| sent(number, 100 + order)));
        }
        run(dir.path(), u64::from(order), 9, &records)
    });
    let set = RunSet {
        runs: runs.collect(),
    };
    let find = |number: u128| set.find(Fingerprint(number * 3)).expect("readable");
    for order in 0..70 {
        assert_eq!(find(order), Some(sent(order, 100)), "run {order}");
    }
    assert_eq!(find(1_000), Some(sent(1_000, 102)));
    assert_eq!(find(2_000), Some(sent(2_000, 169)));
    assert_eq!(find(3_000), None);
}
