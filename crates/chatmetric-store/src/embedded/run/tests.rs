//! Runs are written, opened, searched, walked and merged; damage is found.

use super::*;
use crate::embedded::disk::RealDisk;
use chatmetric_core::{MessageRecord, MessageStatus, Slot};
use std::sync::Arc;

fn record(number: u128, slot: u32) -> ColdRecord {
    let mut record = MessageRecord::EMPTY;
    record.apply(MessageStatus::Sent, Slot(slot));
    if number.is_multiple_of(7) {
        record.apply(MessageStatus::Read, Slot(slot + 50_000));
    }
    ColdRecord {
        fingerprint: Fingerprint(number * 3),
        binding: number as u32,
        record,
    }
}

fn write(path: &Path, numbers: impl Iterator<Item = u128>, slot: u32) -> Arc<Run> {
    let mut writer =
        RunWriter::create(&RealDisk, path.to_owned(), (5_000, 2_000)).expect("a new file");
    for number in numbers {
        writer.push(&record(number, slot)).expect("space");
    }
    writer.finish(3).expect("space").sync().expect("a sync");
    Arc::new(Run::open(path.to_owned(), (1, 0, 1), Some(0)).expect("a whole run"))
}

#[test]
fn every_record_is_found_and_no_other() {
    let dir = tempfile::tempdir().expect("a directory");
    let run = write(&dir.path().join("a.run"), 0..4_000, 100);
    assert_eq!((run.records, run.week), (4_000, 3));
    for number in 0..4_000 {
        let found = run.find(Fingerprint(number * 3)).expect("readable");
        assert_eq!(found, Some(record(number, 100)));
        let other = run.find(Fingerprint(number * 3 + 1)).expect("readable");
        assert_eq!(other, None);
    }
    let mut cursor = run.records();
    let mut count = 0;
    while let Some(found) = cursor.next().expect("readable") {
        assert_eq!(found, record(count, 100));
        count += 1;
    }
    assert_eq!(count, 4_000);
}

#[test]
fn records_are_found_however_they_are_spread() {
    let low = (0..2_000).map(|number: u128| number * 3);
    let even = (1..2_000).map(|number| number * (u128::MAX / 2_000));
    let high = (0..2_000).rev().map(|number| u128::MAX - number * 3);
    let spreads: [(&str, Vec<u128>); 5] = [
        ("low", low.clone().collect()),
        ("even", even.clone().collect()),
        ("high", high.clone().collect()),
        ("both ends", low.clone().chain(high.clone()).collect()),
        ("all", low.chain(even).chain(high).collect()),
    ];
    let dir = tempfile::tempdir().expect("a directory");
    for (name, keys) in spreads {
        let path = dir.path().join(name);
        let mut writer =
            RunWriter::create(&RealDisk, path.clone(), (6_000, u64::MAX)).expect("a new file");
        let with_key = |key| ColdRecord {
            fingerprint: Fingerprint(key),
            ..record(1, 100)
        };
        for key in &keys {
            writer.push(&with_key(*key)).expect("space");
        }
        writer.finish(3).expect("space").sync().expect("a sync");
        let run = Run::open(path, (1, 0, 1), Some(0)).expect("a whole run");
        let blocks = |key| run.index.partition_point(|first| *first <= key);
        for key in keys {
            let found = run.find(Fingerprint(key)).expect("readable");
            assert_eq!(found, Some(with_key(key)), "{name} {key:x}");
            for near in [key.wrapping_sub(1), key, key.wrapping_add(1)] {
                let block = run.block_of(Fingerprint(near));
                assert_eq!(block, blocks(near).checked_sub(1), "{name} {near:x}");
            }
        }
    }
}

#[test]
fn each_flipped_bit_is_found_by_a_pass() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("a.run");
    drop(write(&path, 0..300, 100));
    let good = std::fs::read(&path).expect("the file");
    for at in (0..good.len()).step_by(13) {
        // The padding between header and first block carries nothing.
        if (HEADER_BYTES..BLOCK_BYTES).contains(&at) {
            continue;
        }
        let mut bad = good.clone();
        bad[at] ^= 1 << (at % 8);
        std::fs::write(&path, &bad).expect("space");
        let walked = Run::open(path.clone(), (1, 0, 1), Some(0)).and_then(|run| {
            let mut cursor = run.records();
            while cursor.next()?.is_some() {}
            Ok(())
        });
        match walked {
            Err(StoreError::Corrupt { file, .. }) => assert_eq!(file, path),
            other => panic!("the flip at {at} gave {other:?}"),
        }
    }
}
