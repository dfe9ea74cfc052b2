//! Offsets of streams: kept in the commit of what they stand behind, through crashes,
//! seals, shards and backups. A reader that goes on behind the offset counts every
//! message, and none twice.

use crate::backup::restored;
use crate::crash::{crash_at, open};
use crate::embedded::tiny;
use crate::fault_disk::{Fault, FaultDisk};
use crate::model::{Model, Random, cases};
use crate::subject::{Make, World, event};
use chatmetric_core::{EpochMs, MessageStatus};
use chatmetric_store::{Batch, EmbeddedStore, Options, Step, Store, StoreError, StreamOffset};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

const STREAM: &str = "stream/orders";

fn offset(sequence: u64) -> StreamOffset {
    StreamOffset {
        created_ns: 77,
        sequence,
        last_ms: 1_000 + sequence,
        messages: sequence,
        missing: 0,
        recreated: 0,
    }
}

fn stored(store: &dyn Store) -> Option<StreamOffset> {
    let all = store.stream_offsets().expect("readable");
    let mut found = all.into_iter().filter(|(name, _)| **name == *STREAM);
    found.next().map(|(_, offset)| offset)
}

fn sequence(store: &dyn Store) -> u64 {
    stored(store).map_or(0, |offset| offset.sequence)
}

/// Message `nth` of the stream, from 1: its events, and always at least one item.
fn message(nth: u64) -> Batch {
    let mut batch = Random(nth).batch(8);
    batch.source = STREAM.into();
    batch.ignored = 1;
    batch
}

/// Takes messages up to `last`, behind the stored offset, as a reader does; gives the
/// first refusal. The model gets each message once, when it is acknowledged.
fn read_on(
    store: &EmbeddedStore,
    model: &mut Model,
    taken: &mut u64,
    last: u64,
) -> Option<StoreError> {
    for nth in sequence(store) + 1..=last {
        if let Err(error) = store.commit_at(message(nth), offset(nth)) {
            return Some(error);
        }
        assert_eq!(
            stored(store),
            Some(offset(nth)),
            "visible once acknowledged"
        );
        if nth > *taken {
            model.take(&message(nth));
            *taken = nth;
        }
    }
    None
}

fn sharded(shards: u32) -> Options {
    Options { shards, ..tiny() }
}

pub(crate) fn an_offset_is_kept_with_its_counts(make: Make) {
    let mut world = World::new(make);
    assert_eq!(world.store().stream_offsets().expect("readable"), []);
    for nth in 1..=5_u64 {
        let mut batch = crate::subject::batch(&[event(nth.into(), MessageStatus::Sent, 0)]);
        batch.source = STREAM.into();
        let receipt = world.store().commit_at(batch, offset(nth)).expect("taken");
        assert_eq!(receipt.new, 1);
        assert_eq!(stored(world.store()), Some(offset(nth)));
        assert_eq!(offset(nth).last_at(), Some(EpochMs(1_000 + nth as i64)));
    }
    // Nothing but the offset, and that it goes back: the stream is another one.
    let mut nothing = crate::subject::batch(&[]);
    nothing.source = STREAM.into();
    let recreated = StreamOffset {
        created_ns: 78,
        sequence: 0,
        messages: 5,
        missing: 3,
        recreated: 1,
        last_ms: 0,
    };
    world.store().commit_at(nothing, recreated).expect("taken");
    assert_eq!(stored(world.store()), Some(recreated));
    // What has no offset changes none.
    world
        .store()
        .commit(crate::subject::batch(&[event(9, MessageStatus::Sent, 0)]))
        .expect("taken");
    assert_eq!(stored(world.store()), Some(recreated));
    world.store().verify().expect("exact");
    let names: Vec<_> = world
        .store()
        .stream_offsets()
        .expect("readable")
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    assert_eq!(names, [STREAM.into()]);
}

#[test]
fn a_reader_goes_on_behind_its_offset_after_a_crash_at_any_step() {
    let running = Step::ALL.into_iter().filter(|step| {
        !matches!(
            step,
            Step::WeeksTakenOut
                | Step::WeeksDropped
                | Step::Replayed
                | Step::OldShardsSealed
                | Step::ShardsCommitted
        )
    });
    for (step, shards) in running.flat_map(|step| [(step, 1), (step, 3)]) {
        println!("{step:?} with {shards} shards");
        let dir = tempfile::tempdir().expect("a directory");
        let (mut model, mut taken) = (Model::default(), 0);
        for nth in [2, 5] {
            let (options, crashed) = crash_at(step, nth, sharded(shards));
            if let Ok(store) = EmbeddedStore::open(dir.path(), options) {
                assert!(sequence(&store) >= taken, "an acknowledged offset was lost");
                read_on(&store, &mut model, &mut taken, 4_000);
            }
            assert!(crashed.load(Ordering::SeqCst), "{step:?} was passed");
        }
        finish(dir.path(), shards, model, taken);
    }
}

/// Opens once more, reads a little further, and demands the counts of the model: what
/// the offset is behind was counted, acknowledged or not.
fn finish(dir: &Path, shards: u32, mut model: Model, mut taken: u64) {
    let store = open(dir, &sharded(shards));
    let found = sequence(&store);
    assert!(
        found == taken || found == taken + 1,
        "{found}, {taken} were acknowledged"
    );
    if found > taken {
        model.take(&message(found));
        taken = found;
    }
    let end = taken + 10;
    assert!(read_on(&store, &mut model, &mut taken, end).is_none());
    model.check(&store).expect("readable");
    store.verify().expect("exact");
    drop(store);
    // With another number of shards, all is sealed.
    let store = open(dir, &sharded(4 - shards));
    assert_eq!(stored(&store), Some(offset(end)));
    // A reader that begins anew counts nothing twice.
    for nth in 1..=end {
        let receipt = store.commit_at(message(nth), offset(nth)).expect("taken");
        assert_eq!(receipt.new, 0, "message {nth}");
    }
    model.check(&store).expect("readable");
}

#[test]
fn an_offset_is_not_stored_before_every_shard_has_its_part() {
    let mut waited_for_space = 0;
    for (nth, is_sync) in (1..=cases(24)).flat_map(|nth| [(nth, true), (nth, false)]) {
        let dir = tempfile::tempdir().expect("a directory");
        let disk = FaultDisk::new();
        let options = Options {
            disk: Arc::new(disk.clone()),
            ..sharded(3)
        };
        let (mut model, mut taken) = (Model::default(), 0);
        let store = open(dir.path(), &options);
        assert!(read_on(&store, &mut model, &mut taken, 5).is_none());
        // One shard fails: the others do not know yet, or go on for good.
        disk.fail(if is_sync {
            Fault::Sync { nth }
        } else {
            Fault::Write {
                nth,
                forever: false,
            }
        });
        let failed = read_on(&store, &mut model, &mut taken, 60);
        waited_for_space += u32::from(matches!(failed, Some(StoreError::Unavailable { .. })));
        assert!(
            sequence(&store) <= taken,
            "ahead of what is counted: {failed:?}"
        );
        drop(store);
        finish(dir.path(), 3, model, taken);
    }
    assert!(waited_for_space > 0, "no shard alone was short of space");
}

#[test]
fn a_cut_has_the_offsets_of_the_journal_and_of_the_catalog() {
    for shards in [1, 3] {
        let dir = tempfile::tempdir().expect("a directory");
        let store = open(&dir.path().join("store"), &sharded(shards));
        let (mut model, mut taken) = (Model::default(), 0);
        for last in [40, 43] {
            assert!(read_on(&store, &mut model, &mut taken, last).is_none());
            let cut = store.cut().expect("a cut");
            let copy = restored(
                &dir.path().join(format!("copy-{last}")),
                &cut,
                sharded(shards),
            );
            assert_eq!(stored(&copy), Some(offset(last)));
            model.check(&copy).expect("readable");
            // Sealed: the next cut has it in the catalog alone.
            store.verify().expect("exact");
        }
        let cut = store.cut().expect("a cut");
        let copy = restored(&dir.path().join("sealed"), &cut, sharded(shards));
        assert_eq!(stored(&copy), Some(offset(43)));
    }
}

#[test]
fn verify_finds_an_offset_ahead_of_the_books_and_nonsense() {
    let ahead = {
        let mut value = Vec::new();
        for field in [77, 9, 9] {
            value.push(field);
        }
        // 127 messages, nothing missing, never made anew.
        value.extend([127, 0, 0]);
        value
    };
    for (value, is_nonsense) in [(ahead, false), (vec![1, 2, 3], true)] {
        let dir = tempfile::tempdir().expect("a directory");
        let store = open(dir.path(), &tiny());
        let (mut model, mut taken) = (Model::default(), 0);
        assert!(read_on(&store, &mut model, &mut taken, 1).is_none());
        store.verify().expect("exact");
        drop(store);
        {
            let database = fjall::Database::builder(dir.path().join("catalog"))
                .open()
                .expect("opens");
            let meta = database
                .keyspace("meta", fjall::KeyspaceCreateOptions::default)
                .expect("opens");
            meta.insert(format!("offset/{STREAM}"), value)
                .expect("written");
            database
                .persist(fjall::PersistMode::SyncAll)
                .expect("synced");
        }
        let opened = EmbeddedStore::open(dir.path(), tiny());
        match (opened, is_nonsense) {
            (Err(StoreError::Corrupt { detail, .. }), true) => {
                assert!(detail.contains("the offset under"), "{detail}");
            }
            (Ok(store), false) => {
                let error = store.verify().expect_err("ahead");
                let told = error.to_string();
                assert!(
                    told.contains("the offset of `stream/orders` is behind 127 messages"),
                    "{told}"
                );
            }
            (opened, _) => panic!("{opened:?}"),
        }
    }
}
