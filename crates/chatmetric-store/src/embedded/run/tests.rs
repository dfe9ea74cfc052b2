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
    let mut writer = RunWriter::create(&RealDisk, path.to_owned(), 5_000).expect("a new file");
    for number in numbers {
        writer.push(&record(number, slot)).expect("space");
    }
    writer.finish(3).expect("space").sync().expect("a sync");
    Arc::new(Run::open(path.to_owned(), 1, 0, 1).expect("a whole run"))
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
        let walked = Run::open(path.clone(), 1, 0, 1).and_then(|run| {
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
