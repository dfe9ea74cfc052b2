//! Folds of a log whose last frames may be unsynced: a power cut takes some of them from
//! the end, and the log brings them again.
//!
//! The log is a function of its places, so it has always everything. Two controls: a store
//! that syncs each frame loses none, one whose syncs do nothing loses more than it may.

use crate::crash::{cut, open, with_disk};
use crate::embedded::tiny;
use crate::fault_disk::FaultDisk;
use crate::model::{Model, Random, T0_MS, cases};
use chatmetric_core::EpochMs;
use chatmetric_store::{Change, EmbeddedStore, Options, Store as _, StoreError, StreamOffset};
use std::path::Path;

const LOG: &str = "log/0";
/// Frames that may be unsynced.
const UNSYNCED_MAX: u64 = 7;

fn place(sequence: u64) -> StreamOffset {
    StreamOffset {
        created_ns: 5,
        sequence,
        last_ms: sequence,
        ..StreamOffset::default()
    }
}

/// How far a store is.
fn sequence(store: &EmbeddedStore) -> u64 {
    store.place(LOG).map_or(0, |place| place.sequence)
}

/// The batch at a place of the log.
fn batch(at: u64) -> chatmetric_store::Batch {
    Random(at).batch(60)
}

/// Folds up to `last`, as somebody does who reads the log behind the store's place; now
/// and then comes something that is no fold.
fn fold_on(store: &EmbeddedStore, last: u64, random: &mut Random) -> Result<(), StoreError> {
    for at in sequence(store) + 1..=last {
        store.fold(vec![Change::Batch(batch(at))], LOG.into(), place(at))?;
        if random.below(16) == 0 {
            store.raise_floor(EpochMs(T0_MS - 400 * 86_400_000 + at as i64))?;
        }
    }
    Ok(())
}

/// The counts of the log up to a place.
fn model(last: u64) -> Model {
    let mut model = Model::default();
    (1..=last).for_each(|at| model.take(&batch(at)));
    model
}

/// One life in `dir` that ends with a power cut: how many entries were folded in all, and
/// what is left.
fn life(
    dir: &Path,
    (unsynced_max, synced): (u64, bool),
    random: &mut Random,
) -> (u64, tempfile::TempDir) {
    let disk = FaultDisk::new();
    disk.adopt(dir);
    let options = Options {
        fold_frames_unsynced_max: unsynced_max,
        generation_records_max: 20 + random.below(200) as usize,
        ..with_disk(&disk)
    };
    let store = open(dir, &options);
    if !synced {
        disk.without_sync();
    }
    let last = sequence(&store) + 1 + random.below(60);
    fold_on(&store, last, random).expect("folds");
    model(last).check(&store).expect("readable");
    let image = cut(dir, &disk, random);
    (last, image)
}

/// Lives in a row; gives how many entries each cut took.
fn lost_in_lives(seed: u64, unsynced_max: u64) -> Vec<u64> {
    let mut random = Random(seed);
    let mut dir = tempfile::tempdir().expect("a directory");
    let mut lost = Vec::new();
    for _ in 0..3 {
        let (last, image) = life(dir.path(), (unsynced_max, true), &mut random);
        let store = open(image.path(), &tiny());
        let left = sequence(&store);
        // Whole entries, and what is missing comes again.
        model(left).check(&store).expect("readable");
        fold_on(&store, last, &mut random).expect("folds");
        model(last).check(&store).expect("readable");
        store.verify().expect("exact");
        lost.push(last - left);
        drop(store);
        dir = image;
    }
    lost
}

#[test]
fn a_power_cut_takes_a_few_folds_from_the_end() {
    let lost: Vec<u64> = (0..cases(16))
        .inspect(|seed| println!("seed {seed}"))
        .flat_map(|seed| lost_in_lives(seed, UNSYNCED_MAX))
        .collect();
    println!("lost: {lost:?}");
    assert!(lost.iter().all(|lost| *lost <= UNSYNCED_MAX));
    assert!(lost.iter().any(|lost| *lost > 0), "the cuts bite");
}

#[test]
fn a_fold_that_is_synced_survives() {
    for seed in 0..cases(4) {
        println!("seed {seed}");
        let lost = lost_in_lives(seed, 0);
        assert!(lost.iter().all(|lost| *lost == 0), "{lost:?}");
    }
}

#[test]
fn a_store_whose_syncs_do_nothing_loses_more() {
    let lives = cases(8);
    let bites = (0..lives).filter(|seed| {
        let mut random = Random(*seed);
        let dir = tempfile::tempdir().expect("a directory");
        let (last, image) = life(dir.path(), (UNSYNCED_MAX, false), &mut random);
        let left = EmbeddedStore::open(image.path(), tiny());
        left.map_or(true, |store| last - sequence(&store) > UNSYNCED_MAX)
    });
    let bites = bites.count() as u64;
    assert!(bites * 2 > lives, "{bites} of {lives}");
}
