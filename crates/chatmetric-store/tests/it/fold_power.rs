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
use chatmetric_store::{
    Change, Disk, DiskFile, EmbeddedStore, Options, Store as _, StoreError, StreamOffset,
};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

const LOG: &str = "log/0";
/// Frames that may be unsynced.
const UNSYNCED_MAX: u64 = 7;
/// Lives of one directory.
const LIVES: usize = 3;

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

/// What a store of a life is like.
#[derive(Clone, Copy)]
struct Life {
    unsynced_max: u64,
    /// Whether syncs do something.
    synced: bool,
    /// Whether it is closed before the power goes.
    closed: bool,
    /// Whether finished generations stay unsealed for a while.
    slow_seals: bool,
}

const RELAXED: Life = Life {
    unsynced_max: UNSYNCED_MAX,
    synced: true,
    closed: false,
    slow_seals: false,
};

/// A disk on which a new run takes a while.
struct SlowRuns(FaultDisk);

impl Disk for SlowRuns {
    fn create(&self, path: &Path) -> std::io::Result<Box<dyn DiskFile>> {
        if path.extension().is_some_and(|it| it == "run") {
            std::thread::sleep(Duration::from_millis(50));
        }
        self.0.create(path)
    }
    fn open(&self, path: &Path) -> std::io::Result<Box<dyn DiskFile>> {
        self.0.open(path)
    }
    fn create_dir(&self, path: &Path) -> std::io::Result<()> {
        self.0.create_dir(path)
    }
    fn remove(&self, path: &Path) -> std::io::Result<()> {
        self.0.remove(path)
    }
    fn rename(&self, from: &Path, to: &Path) -> std::io::Result<()> {
        self.0.rename(from, to)
    }
    fn sync_dir(&self, path: &Path) -> std::io::Result<()> {
        self.0.sync_dir(path)
    }
}

/// One life in `dir` that ends with a power cut: how many entries were folded in all, and
/// what is left.
fn life(dir: &Path, of: Life, random: &mut Random) -> (u64, tempfile::TempDir) {
    let disk = FaultDisk::new();
    disk.adopt(dir);
    let options = Options {
        fold_frames_unsynced_max: of.unsynced_max,
        generation_records_max: 20 + random.below(200) as usize,
        ..with_disk(&disk)
    };
    let options = if of.slow_seals {
        Options {
            generation_records_max: 10,
            disk: Arc::new(SlowRuns(disk.clone())),
            ..options
        }
    } else {
        options
    };
    let store = open(dir, &options);
    if !of.synced {
        disk.without_sync();
    }
    let last = sequence(&store) + 1 + random.below(60);
    fold_on(&store, last, random).expect("folds");
    model(last).check(&store).expect("readable");
    if of.closed {
        store.close();
    }
    let image = cut(dir, &disk, random);
    (last, image)
}

/// Lives in a row; gives how many entries each cut took.
fn lost_in_lives(seed: u64, of: Life) -> Vec<u64> {
    let mut random = Random(seed);
    let mut dir = tempfile::tempdir().expect("a directory");
    let mut lost = Vec::new();
    for _ in 0..LIVES {
        let (last, image) = life(dir.path(), of, &mut random);
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
        .flat_map(|seed| lost_in_lives(seed, RELAXED))
        .collect();
    println!("lost: {lost:?}");
    assert!(lost.iter().all(|lost| *lost <= UNSYNCED_MAX));
    assert!(lost.iter().any(|lost| *lost > 0), "the cuts bite");
}

/// What is in a segment says that all of the one before it was synced.
#[test]
fn a_power_cut_behind_a_rotation_takes_none_of_the_segment_before_it() {
    for seed in 0..cases(8) {
        println!("seed {seed}");
        let of = Life {
            slow_seals: true,
            ..RELAXED
        };
        let lost = lost_in_lives(seed, of);
        assert!(lost.iter().all(|lost| *lost <= UNSYNCED_MAX), "{lost:?}");
    }
}

#[test]
fn a_fold_that_is_synced_survives() {
    for seed in 0..cases(4) {
        println!("seed {seed}");
        let of = Life {
            unsynced_max: 0,
            ..RELAXED
        };
        assert_eq!(lost_in_lives(seed, of), [0; LIVES]);
    }
}

#[test]
fn a_clean_stop_keeps_every_fold() {
    for seed in 0..cases(6) {
        println!("seed {seed}");
        let of = Life {
            closed: true,
            ..RELAXED
        };
        assert_eq!(lost_in_lives(seed, of), [0; LIVES]);
    }
}

#[test]
fn a_store_whose_syncs_do_nothing_loses_more() {
    let lives = cases(8);
    let bites = (0..lives).filter(|seed| {
        let mut random = Random(*seed);
        let dir = tempfile::tempdir().expect("a directory");
        let of = Life {
            synced: false,
            ..RELAXED
        };
        let (last, image) = life(dir.path(), of, &mut random);
        let left = EmbeddedStore::open(image.path(), tiny());
        left.map_or(true, |store| last - sequence(&store) > UNSYNCED_MAX)
    });
    let bites = bites.count() as u64;
    assert!(bites * 2 > lives, "{bites} of {lives}");
}
