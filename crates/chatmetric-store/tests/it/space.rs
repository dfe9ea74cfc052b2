//! Space that is really given back: the bytes that a directory takes on the disk,
//! measured, before and after old weeks and old days are dropped.

use crate::crash::{open, wait_until};
use crate::fault_disk::files_below;
use crate::model::{Random, T0_MS};
use chatmetric_core::{EpochMs, Fingerprint, MessageStatus, PhoneNumber, SpaceKey};
use chatmetric_store::{Batch, EmbeddedStore, Options, StatusEvent, Store, Target};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

const DAY_MS: i64 = 86_400_000;
const NUMBERS: u64 = 40;
const DAYS: i64 = 60;
const MESSAGES_A_DAY: u64 = 1_500;

fn options() -> Options {
    Options {
        generation_records_max: 4_000,
        segment_bytes: 256 * 1024,
        merge_fan_in: 4,
        tally_days_behind_floor: Some(31),
        ..Options::default()
    }
}

/// What the files below a directory take on the disk.
fn bytes_on_disk(dir: &Path) -> u64 {
    let files = files_below(dir).into_iter();
    let blocks = files.filter_map(|path| std::fs::metadata(path).ok());
    blocks.map(|data| data.blocks() * 512).sum()
}

/// All messages of one day, spread over numbers and hours.
fn commit_day(store: &EmbeddedStore, random: &mut Random, day: i64) {
    let events = (0..MESSAGES_A_DAY).map(|_| {
        let number = format!("1555{:07}", random.below(NUMBERS));
        StatusEvent {
            fingerprint: Fingerprint(u128::from(random.next()) << 64 | u128::from(random.next())),
            number: PhoneNumber::parse(&number).expect("digits"),
            status: MessageStatus::Sent,
            at: EpochMs(T0_MS + day * DAY_MS + random.below(DAY_MS as u64) as i64),
            target: Target::Space(SpaceKey(0)),
        }
    });
    let batch = Batch {
        source: "w1".into(),
        received_at: EpochMs(T0_MS + (day + 1) * DAY_MS),
        events: events.collect(),
        sealed: Vec::new(),
        ignored: 0,
    };
    store.commit(batch).expect("taken");
}

/// Lets the engine write the rows of all days into tables, and forget what was
/// removed; gives the bytes of the tables.
fn tables(dir: &Path) -> u64 {
    let database = fjall::Database::builder(dir.join("catalog")).open();
    let database = database.expect("opens");
    let bytes = ["tallies", "frozen"].map(|name| {
        let options = fjall::KeyspaceCreateOptions::default;
        let keyspace = database.keyspace(name, options).expect("opens");
        keyspace.rotate_memtable_and_wait().expect("written");
        keyspace.major_compact().expect("compacted");
        keyspace.disk_space()
    });
    bytes.iter().sum()
}

#[test]
fn space_of_dropped_weeks_and_days_is_given_back() {
    let dir = tempfile::tempdir().expect("a directory");
    let (store, mut random) = (open(dir.path(), &options()), Random(4));
    for day in 0..DAYS {
        commit_day(&store, &mut random, day);
    }
    store.verify().expect("exact");
    drop(store);
    let runs = dir.path().join("runs");
    let before = (bytes_on_disk(&runs), tables(dir.path()));
    assert!(before.0 > DAYS as u64 * MESSAGES_A_DAY * 28, "{before:?}");
    assert!(before.1 > DAYS as u64 * NUMBERS * 20, "{before:?}");
    // All of it is 140 days behind this floor, and all of its days go.
    let store = open(dir.path(), &options());
    let floor = EpochMs(T0_MS + (DAYS + 140) * DAY_MS);
    store.raise_floor(floor).expect("raised");
    let mut day = DAYS + 141;
    wait_until("old weeks go", || {
        commit_day(&store, &mut random, day);
        store.verify().expect("exact");
        day += 1;
        store.stats().run_records <= MESSAGES_A_DAY * (day - DAYS - 141) as u64
    });
    wait_until("their files go", || bytes_on_disk(&runs) * 4 < before.0);
    drop(store);
    // A start must not bring anything back, and finishes what was left.
    let store = open(dir.path(), &options());
    store.verify().expect("exact");
    drop(store);
    let after = (bytes_on_disk(&runs), tables(dir.path()));
    println!("runs and tables of days took {before:?}, and now {after:?}");
    assert!(after.0 * 4 < before.0, "{before:?}, {after:?}");
    assert!(after.1 * 4 < before.1, "{before:?}, {after:?}");
}
