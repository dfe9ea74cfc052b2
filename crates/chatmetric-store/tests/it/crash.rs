//! What an embedded store promises when something goes wrong: crashes at every
//! named step, failing writes and syncs, power cuts, torn and flipped bytes.
//!
//! Every test feeds the same batches to a naive model and demands the same
//! answers after the store was opened again. A batch that was not acknowledged
//! is sent again, as a client would; what was acknowledged never is.

use crate::embedded::tiny;
use crate::fault_disk::{Fault, FaultDisk, files_below};
use crate::model::{Model, Over, Random, T0_MS, cases, counts_of};
use chatmetric_store::{Batch, EmbeddedStore, Health, Options, Step, Store, StoreError};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

pub(crate) fn open(dir: &Path, options: &Options) -> EmbeddedStore {
    EmbeddedStore::open(dir, options.clone()).expect("opens")
}

/// Waits for what a thread of the store does by itself, for half a minute at most.
#[track_caller]
pub(crate) fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    for _ in 0..6_000 {
        if done() {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    panic!("not in time: {what}");
}

/// Commits batches until one is refused; that one is given back.
pub(crate) fn feed(
    store: &EmbeddedStore,
    model: &mut Model,
    random: &mut Random,
    batches: u64,
) -> Option<(Batch, StoreError)> {
    feed_with(store, model, || random.batch(60), batches)
}

/// The same with batches from anywhere.
pub(crate) fn feed_with(
    store: &EmbeddedStore,
    model: &mut Model,
    mut next: impl FnMut() -> Batch,
    batches: u64,
) -> Option<(Batch, StoreError)> {
    for _ in 0..batches {
        let batch = next();
        match store.commit(batch.clone()) {
            Ok(receipt) => {
                let items = receipt.new + receipt.duplicate + receipt.ignored;
                assert_eq!(items as usize, batch.events.len() + batch.ignored as usize);
                model.take(&batch);
            }
            Err(error) => return Some((batch, error)),
        }
    }
    None
}

/// Opens the directory with sound options, sends again what was refused, and
/// demands the model's answers and a clean verification.
pub(crate) fn settle(dir: &Path, options: &Options, model: &mut Model, again: Option<Batch>) {
    let store = open(dir, options);
    if let Some(batch) = again {
        store.commit(batch.clone()).expect("taken");
        model.take(&batch);
    }
    model.check(&store).expect("readable");
    store.verify().expect("exact");
    model.check(&store).expect("readable");
}

#[test]
fn random_lives_equal_the_model() {
    for seed in 0..cases(6) {
        println!("seed {seed}");
        let dir = tempfile::tempdir().expect("a directory");
        let mut random = Random(seed);
        let mut model = Model::default();
        for _ in 0..4 {
            let options = Options {
                generation_records_max: 1 + random.below(40) as usize,
                segment_bytes: 1 << (11 + random.below(4)),
                merge_fan_in: 2 + random.below(3) as usize,
                ..tiny()
            };
            let store = open(dir.path(), &options);
            model.check(&store).expect("readable");
            let batches = random.below(60);
            assert!(feed(&store, &mut model, &mut random, batches).is_none());
            model.check(&store).expect("readable");
            if random.below(2) == 0 {
                store.verify().expect("exact");
            }
        }
        settle(dir.path(), &tiny(), &mut model, None);
    }
}

/// Stops at the `nth` time that `at` is passed.
pub(crate) fn crash_at(at: Step, nth: u32, options: Options) -> (Options, Arc<AtomicBool>) {
    let crashed = Arc::new(AtomicBool::new(false));
    let (seen, flag) = (AtomicU32::new(0), Arc::clone(&crashed));
    let hook = move |step: Step| {
        let now = step == at && seen.fetch_add(1, Ordering::SeqCst) + 1 == nth;
        flag.fetch_or(now, Ordering::SeqCst);
        now
    };
    let options = Options {
        crash: Some(Arc::new(hook)),
        ..options
    };
    (options, crashed)
}

#[test]
fn a_crash_at_any_step_loses_and_doubles_nothing() {
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
    for step in running {
        for nth in [1, 3] {
            println!("{step:?} {nth}");
            let dir = tempfile::tempdir().expect("a directory");
            let mut random = Random(u64::from(nth) * 100 + step as u64);
            let mut model = Model::default();
            // A first life, so that the crash meets runs and open segments.
            let first = open(dir.path(), &tiny());
            assert!(feed(&first, &mut model, &mut random, 20).is_none());
            drop(first);
            let (options, crashed) = crash_at(step, nth, tiny());
            let refused = match EmbeddedStore::open(dir.path(), options) {
                Ok(store) => feed(&store, &mut model, &mut random, 4_000),
                Err(StoreError::Poisoned { .. }) => None,
                Err(other) => panic!("{other}"),
            };
            assert!(crashed.load(Ordering::SeqCst), "{step:?} was passed");
            // A second crash while the start seals what the first one left.
            let (options, _) = crash_at(Step::RunNamed, 1, tiny());
            drop(EmbeddedStore::open(dir.path(), options));
            let again = refused.map(|(batch, _)| batch);
            settle(dir.path(), &tiny(), &mut model, again);
        }
    }
}

#[test]
fn the_number_of_shards_changes_through_crashes() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut random = Random(7);
    let mut model = Model::default();
    let sharded = |shards| Options { shards, ..tiny() };
    let slow = |shards| Options {
        // Leaves a journal for the change to seal.
        generation_records_max: 100_000,
        segment_bytes: 1024 * 1024,
        ..sharded(shards)
    };
    let steps = [
        Step::Replayed,
        Step::RunSynced,
        Step::SealCommitted,
        Step::OldShardsSealed,
        Step::ShardsCommitted,
    ];
    let mut shards = 1;
    for (round, step) in (0..).zip(steps) {
        let store = open(dir.path(), &slow(shards));
        assert!(feed(&store, &mut model, &mut random, 30).is_none());
        drop(store);
        let next = [3, 2, 4, 1][round % 4];
        let (options, crashed) = crash_at(step, 1, slow(next));
        assert!(EmbeddedStore::open(dir.path(), options).is_err());
        assert!(crashed.load(Ordering::SeqCst), "{step:?} was passed");
        settle(dir.path(), &slow(next), &mut model, None);
        shards = next;
    }
}

pub(crate) fn with_disk(disk: &FaultDisk) -> Options {
    Options {
        disk: Arc::new(disk.clone()),
        ..tiny()
    }
}

#[test]
fn a_failed_sync_is_never_acknowledged() {
    for nth in 1..=cases(24) {
        let dir = tempfile::tempdir().expect("a directory");
        let (disk, mut random) = (FaultDisk::new(), Random(nth));
        let mut model = Model::default();
        let store = open(dir.path(), &with_disk(&disk));
        disk.fail(Fault::Sync { nth });
        let refused = feed(&store, &mut model, &mut random, 30);
        let poisoned = matches!(store.health(), Health::Poisoned(_));
        if let Some((_, error)) = &refused {
            // A segment that cannot be prepared is made again; a frame never.
            let told = match error {
                StoreError::Poisoned { .. } => poisoned,
                StoreError::Unavailable { .. } => !poisoned,
                _ => false,
            };
            assert!(told, "{error}");
        }
        if poisoned {
            // Nothing is taken until restart, queries go on.
            disk.fail(Fault::None);
            assert!(feed(&store, &mut model.clone(), &mut Random(1), 1).is_some());
            model.check(&store).expect("readable");
        }
        drop(store);
        disk.fail(Fault::None);
        settle(dir.path(), &tiny(), &mut model, refused.map(|it| it.0));
    }
}

#[test]
fn a_failed_write_is_never_acknowledged() {
    for nth in 1..=cases(24) {
        let dir = tempfile::tempdir().expect("a directory");
        let (disk, mut random) = (FaultDisk::new(), Random(nth));
        let mut model = Model::default();
        let store = open(dir.path(), &with_disk(&disk));
        disk.fail(Fault::Write {
            nth,
            forever: nth.is_multiple_of(2),
        });
        let refused = feed(&store, &mut model, &mut random, 30);
        if let Some((_, error)) = &refused {
            let told = matches!(
                error,
                StoreError::Poisoned { .. } | StoreError::Unavailable { .. }
            );
            assert!(told, "{error}");
            model.check(&store).expect("readable");
        }
        drop(store);
        settle(dir.path(), &tiny(), &mut model, refused.map(|it| it.0));
    }
}

#[test]
fn a_full_disk_is_waited_out() {
    let dir = tempfile::tempdir().expect("a directory");
    let (disk, mut random) = (FaultDisk::new(), Random(3));
    let mut model = Model::default();
    let options = Options {
        generation_records_max: 100_000,
        ..with_disk(&disk)
    };
    let store = open(dir.path(), &options);
    // Frames go into prepared space; only the next segment needs more of it.
    let full = Arc::new(AtomicBool::new(true));
    let gate = FullDisk {
        inner: disk.clone(),
        full: Arc::clone(&full),
    };
    drop(store);
    let options = Options {
        disk: Arc::new(gate),
        ..options
    };
    full.store(false, Ordering::SeqCst);
    let store = open(dir.path(), &options);
    full.store(true, Ordering::SeqCst);
    let (batch, error) = feed(&store, &mut model, &mut random, 10_000).expect("no space");
    assert!(matches!(error, StoreError::Unavailable { .. }), "{error}");
    assert!(matches!(store.health(), Health::Waiting(_)));
    model.check(&store).expect("readable");
    full.store(false, Ordering::SeqCst);
    // It recovers by itself, within a few seconds.
    let mut tries = 0;
    while store.commit(batch.clone()).is_err() {
        tries += 1;
        assert!(tries < 100, "{:?}", store.health());
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    model.take(&batch);
    assert_eq!(store.health(), Health::Ready);
    model.check(&store).expect("readable");
    drop(store);
    settle(dir.path(), &tiny(), &mut model, None);
}

/// A frame that is longer than its segment waits for space once; then the store says that
/// it takes events, without a new segment.
#[test]
fn a_segment_that_could_not_grow_grows_when_there_is_space() {
    let dir = tempfile::tempdir().expect("a directory");
    let full = Arc::new(AtomicBool::new(false));
    let options = Options {
        generation_records_max: 100_000,
        segment_bytes: 8 * 1024,
        disk: Arc::new(FullDisk {
            inner: FaultDisk::new(),
            full: Arc::clone(&full),
        }),
        ..Options::default()
    };
    let store = open(dir.path(), &options);
    let (mut model, mut random) = (Model::default(), Random(5));
    let long = Batch {
        events: (0..900).flat_map(|_| random.batch(5_000).events).collect(),
        ..random.batch(10)
    };
    full.store(true, Ordering::SeqCst);
    let refused = store.commit(long.clone());
    assert!(
        matches!(refused, Err(StoreError::Unavailable { .. })),
        "{refused:?}"
    );
    assert!(matches!(store.health(), Health::Waiting(_)));
    full.store(false, Ordering::SeqCst);
    store.commit(long.clone()).expect("there is space");
    model.take(&long);
    assert_eq!(store.health(), Health::Ready);
    model.check(&store).expect("readable");
}

/// What lies behind so many bytes of a file finds no space while the disk is full.
const FULL_BEHIND_BYTES: u64 = 8 * 1024;

/// A file on a disk that may be full.
struct FullFile {
    inner: Box<dyn chatmetric_store::DiskFile>,
    full: Arc<AtomicBool>,
}

impl chatmetric_store::DiskFile for FullFile {
    fn write_at(&self, bytes: &[u8], offset: u64) -> std::io::Result<()> {
        let is_behind = offset + bytes.len() as u64 > FULL_BEHIND_BYTES;
        if is_behind && self.full.load(Ordering::SeqCst) {
            return Err(std::io::Error::from(std::io::ErrorKind::StorageFull));
        }
        self.inner.write_at(bytes, offset)
    }
    fn sync(&self) -> std::io::Result<()> {
        self.inner.sync()
    }
}

/// No new file can be made while it is full, and none grows.
struct FullDisk {
    inner: FaultDisk,
    full: Arc<AtomicBool>,
}

impl chatmetric_store::Disk for FullDisk {
    fn create(&self, path: &Path) -> std::io::Result<Box<dyn chatmetric_store::DiskFile>> {
        if self.full.load(Ordering::SeqCst) {
            return Err(std::io::Error::from(std::io::ErrorKind::StorageFull));
        }
        Ok(Box::new(FullFile {
            inner: self.inner.create(path)?,
            full: Arc::clone(&self.full),
        }))
    }
    fn open(&self, path: &Path) -> std::io::Result<Box<dyn chatmetric_store::DiskFile>> {
        self.inner.open(path)
    }
    fn create_dir(&self, path: &Path) -> std::io::Result<()> {
        self.inner.create_dir(path)
    }
    fn remove(&self, path: &Path) -> std::io::Result<()> {
        self.inner.remove(path)
    }
    fn rename(&self, from: &Path, to: &Path) -> std::io::Result<()> {
        self.inner.rename(from, to)
    }
    fn sync_dir(&self, path: &Path) -> std::io::Result<()> {
        self.inner.sync_dir(path)
    }
}

/// What a power cut leaves of everything below `from`, at one moment: a merge or a
/// seal in the background must not change the disk while it is copied.
pub(crate) fn cut(from: &Path, disk: &FaultDisk, random: &mut Random) -> tempfile::TempDir {
    loop {
        // In memory or on a disk, like the original.
        let beside = from.parent().unwrap_or(from);
        let image = tempfile::tempdir_in(beside).expect("a directory");
        let before = disk.changes();
        copy_catalog(from, image.path());
        let lost = disk.power_cut(from, image.path(), random);
        if disk.changes() != before {
            continue;
        }
        for dir in lost.iter().filter_map(|dir| dir.strip_prefix(from).ok()) {
            drop(std::fs::remove_dir_all(image.path().join(dir)));
        }
        return image;
    }
}

/// Copies a file and leaves its holes as they are: the engine of the transactional
/// part prepares a journal of 64 MiB that holds a few kilobytes.
pub(crate) fn copy_file(from: &Path, to: &Path) {
    use rustix::fs::SeekFrom::{Data, Hole};
    use std::os::unix::fs::FileExt as _;
    std::fs::create_dir_all(to.parent().expect("inside")).expect("space");
    let source = std::fs::File::open(from).expect("readable");
    let target = std::fs::File::create(to).expect("space");
    let length = source.metadata().expect("readable").len();
    let mut at = 0;
    while let Ok(start) = rustix::fs::seek(&source, Data(at)) {
        at = rustix::fs::seek(&source, Hole(start)).unwrap_or(length);
        let mut bytes = vec![0; (at.saturating_sub(start)) as usize];
        // Shorter meanwhile, if somebody works on it.
        let read = source.read_at(&mut bytes, start).expect("readable");
        target.write_all_at(&bytes[..read], start).expect("space");
    }
    target.set_len(length).expect("space");
}

/// Copies the part that does not pass the fault disk.
fn copy_catalog(from: &Path, to: &Path) {
    let in_catalog = |path: &Path| path.components().any(|it| it.as_os_str() == "catalog");
    for path in files_below(from)
        .into_iter()
        .filter(|path| in_catalog(path))
    {
        let target = to.join(path.strip_prefix(from).expect("inside"));
        copy_file(&path, &target);
    }
}

/// One life and a power cut; gives the image's directory and the model.
fn power_cut(seed: u64, sync: bool) -> (tempfile::TempDir, Model, Option<Batch>) {
    let dir = tempfile::tempdir().expect("a directory");
    let mut random = Random(seed);
    let mut model = Model::default();
    let disk = FaultDisk::new();
    let steps = [Step::RunWritten, Step::RunNamed, Step::SealCommitted];
    let at = steps[random.below(3) as usize];
    let (options, _) = crash_at(at, 2 + random.below(4) as u32, with_disk(&disk));
    let store = open(dir.path(), &options);
    if !sync {
        disk.without_sync();
    }
    let batches = 5 + random.below(40);
    let refused = feed(&store, &mut model, &mut random, batches);
    // The cut comes before anything is tidied up.
    let image = cut(dir.path(), &disk, &mut random);
    drop(store);
    (image, model, refused.map(|it| it.0))
}

#[test]
fn a_power_cut_keeps_all_that_was_acknowledged() {
    for seed in 0..cases(24) {
        println!("seed {seed}");
        let (image, mut model, refused) = power_cut(seed, true);
        settle(image.path(), &tiny(), &mut model, refused);
    }
}

/// After a failed sync a kernel marks the pages as clean: they can be read until
/// the power goes, and syncing them again does nothing. A start that believes
/// what it reads must therefore write it again.
#[test]
fn what_a_start_believes_after_a_failed_sync_survives_a_power_cut() {
    let mut believed = 0;
    for nth in 1..=cases(16) {
        println!("sync {nth}");
        let dir = tempfile::tempdir().expect("a directory");
        let (disk, mut random) = (FaultDisk::new(), Random(nth));
        let mut model = Model::default();
        let store = open(dir.path(), &with_disk(&disk));
        disk.fail(Fault::Sync { nth });
        let refused = feed(&store, &mut model, &mut random, 30);
        drop(store);
        disk.fail(Fault::None);
        let Some((batch, _)) = refused else { continue };
        // The seal of what was read back waits, so that only the journal has it.
        let may_seal = Arc::new(AtomicBool::new(false));
        let gate = Arc::clone(&may_seal);
        let hold = move |step: Step| {
            while step == Step::RunWritten && !gate.load(Ordering::SeqCst) {
                std::thread::sleep(std::time::Duration::from_millis(1));
            }
            false
        };
        let options = Options {
            crash: Some(Arc::new(hold)),
            ..with_disk(&disk)
        };
        let store = open(dir.path(), &options);
        let receipt = store.commit(batch.clone()).expect("taken");
        model.take(&batch);
        believed += u64::from(receipt.new == 0);
        let image = cut(dir.path(), &disk, &mut random);
        may_seal.store(true, Ordering::SeqCst);
        drop(store);
        settle(image.path(), &tiny(), &mut model, None);
    }
    assert!(
        believed > 0,
        "some frames were read back after their sync failed"
    );
}

#[test]
fn a_new_store_directory_survives_a_power_cut_with_its_name() {
    let root = tempfile::tempdir().expect("a directory");
    let (disk, mut random) = (FaultDisk::new(), Random(1));
    let mut model = Model::default();
    let inside = Path::new("instance").join("store");
    let store = open(&root.path().join(&inside), &with_disk(&disk));
    assert!(feed(&store, &mut model, &mut random, 5).is_none());
    let image = cut(root.path(), &disk, &mut random);
    drop(store);
    settle(&image.path().join(&inside), &tiny(), &mut model, None);
}

#[test]
fn without_syncs_a_power_cut_loses() {
    let lost = |seed| {
        let (image, model, _) = power_cut(seed, false);
        match EmbeddedStore::open(image.path(), tiny()) {
            Ok(store) => counts_of(&store).map_or(true, |seen| seen != model.counts()),
            Err(_) => true,
        }
    };
    let lost = (0..10).filter(|seed| lost(*seed)).count();
    assert!(lost >= 9, "the test can tell: {lost} of 10 lost");
}

/// A directory with runs and an open segment, its model, and the model without
/// its last batch.
fn damaged_subject() -> (tempfile::TempDir, Model, Model) {
    let dir = tempfile::tempdir().expect("a directory");
    let mut random = Random(11);
    let mut model = Model::default();
    let sealed = open(dir.path(), &tiny());
    assert!(feed(&sealed, &mut model, &mut random, 20).is_none());
    sealed.verify().expect("exact");
    drop(sealed);
    let store = open(dir.path(), &large());
    assert!(feed(&store, &mut model, &mut random, 6).is_none());
    let before = model.clone();
    assert!(feed(&store, &mut model, &mut random, 1).is_none());
    drop(store);
    (dir, before, model)
}

/// Nothing is sealed, so that the journal stays.
fn large() -> Options {
    Options {
        generation_records_max: 100_000,
        segment_bytes: 16 * 1024,
        merge_fan_in: 1000,
        ..tiny()
    }
}

pub(crate) fn copy_all(from: &Path, to: &Path) {
    for path in files_below(from) {
        let target = to.join(path.strip_prefix(from).expect("inside"));
        copy_file(&path, &target);
    }
}

/// The open segment: the one with something in it.
fn open_segment(dir: &Path) -> std::path::PathBuf {
    let segments = files_below(&dir.join("journal"));
    let used = |path: &std::path::PathBuf| {
        std::fs::read(path).is_ok_and(|bytes| bytes.iter().any(|byte| *byte != 0))
    };
    segments.into_iter().rfind(used).expect("an open segment")
}

#[test]
fn flipped_bits_are_found_or_harmless() {
    let (dir, _, model) = damaged_subject();
    let mut random = Random(5);
    let mut found = 0;
    for trial in 0..cases(60) {
        let copy = tempfile::tempdir().expect("a directory");
        copy_all(dir.path(), copy.path());
        let mut files = files_below(&copy.path().join("runs"));
        files.push(open_segment(copy.path()));
        let path = files[random.below(files.len() as u64) as usize].clone();
        let mut bytes = std::fs::read(&path).expect("readable");
        let used = bytes.iter().rposition(|byte| *byte != 0).expect("used") as u64 + 1;
        let at = random.below(used) as usize;
        bytes[at] ^= 1 << random.below(8);
        std::fs::write(&path, &bytes).expect("space");
        let answer = EmbeddedStore::open(copy.path(), large()).and_then(|store| {
            model.check(&store)?;
            store.verify()?;
            model.check(&store)
        });
        match answer {
            Ok(()) => {}
            Err(StoreError::Corrupt { file, offset, .. }) => {
                assert_eq!(file, path, "trial {trial}");
                assert!(offset <= at as u64, "trial {trial}: {offset}, flipped {at}");
                found += 1;
            }
            Err(other) => panic!("trial {trial}, `{}` at {at}: {other}", path.display()),
        }
    }
    // Some hit the padding of small runs.
    assert!(found * 3 > cases(60), "many flips hit something: {found}");
}

#[test]
fn a_swapped_or_missing_file_is_refused() {
    let (dir, _, _) = damaged_subject();
    let trial = |change: &dyn Fn(&Path)| {
        let copy = tempfile::tempdir().expect("a directory");
        copy_all(dir.path(), copy.path());
        change(copy.path());
        match EmbeddedStore::open(copy.path(), large()) {
            Err(StoreError::Corrupt { .. }) => {}
            other => panic!("{other:?}"),
        }
    };
    let runs = |dir: &Path| files_below(&dir.join("runs"));
    trial(&|dir| std::fs::remove_file(&runs(dir)[0]).expect("there"));
    trial(&|dir| {
        let runs = runs(dir);
        assert!(runs.len() > 1);
        std::fs::copy(&runs[0], &runs[1]).expect("space");
    });
    trial(&|dir| std::fs::remove_file(open_segment(dir)).expect("there"));
    trial(&|dir| {
        let segment = open_segment(dir);
        let length = std::fs::metadata(&segment).expect("there").len();
        std::fs::write(&segment, vec![0; length as usize]).expect("space");
    });
    trial(&|dir| {
        let segment = open_segment(dir);
        let other = segment.with_file_name(format!("{:016}.log", 1_000));
        std::fs::rename(&segment, other).expect("there");
    });
    trial(&|dir| std::fs::remove_file(dir.join("FORMAT")).expect("there"));
    trial(&|dir| std::fs::remove_dir_all(dir.join("catalog")).expect("there"));
}

#[test]
fn a_newer_format_is_refused_untouched() {
    let (dir, _, _) = damaged_subject();
    std::fs::write(dir.path().join("FORMAT"), "chatmetric store 5\n").expect("space");
    let state = || {
        let files = files_below(dir.path()).into_iter();
        let read = files.map(|path| (std::fs::read(&path).expect("readable"), path));
        read.collect::<Vec<_>>()
    };
    let before = state();
    match EmbeddedStore::open(dir.path(), tiny()) {
        Err(StoreError::NewerFormat { found, supported }) => assert_eq!((found, supported), (5, 4)),
        other => panic!("{other:?}"),
    }
    assert!(state() == before, "nothing was touched");
}

/// Stops the store without its clean end, as a kill does.
fn killed_subject() -> (tempfile::TempDir, Model, Model) {
    let (dir, disk) = (tempfile::tempdir().expect("a directory"), FaultDisk::new());
    let (mut random, mut model) = (Random(21), Model::default());
    let options = Options {
        disk: Arc::new(disk.clone()),
        ..large()
    };
    let store = open(dir.path(), &options);
    assert!(feed(&store, &mut model, &mut random, 6).is_none());
    let before = model.clone();
    assert!(feed(&store, &mut model, &mut random, 1).is_none());
    // Poisons the store, so that its end writes nothing.
    disk.fail(Fault::Write {
        nth: 1,
        forever: true,
    });
    drop(store.commit(random.batch(60)));
    drop(store);
    (dir, before, model)
}

#[test]
fn a_torn_tail_is_cut_at_every_byte() {
    let (dir, before, after) = killed_subject();
    let segment = open_segment(dir.path());
    let bytes = std::fs::read(&segment).expect("readable");
    let start = seventh_frame(&bytes);
    let length = u32::from_le_bytes(bytes[start..start + 4].try_into().expect("four"));
    let end = start + 32 + length as usize;
    let step = if cases(0) > 0 { 1 } else { 7 };
    for cut in (start..end).step_by(step).chain([end - 1, end]) {
        let copy = tempfile::tempdir().expect("a directory");
        copy_all(dir.path(), copy.path());
        let mut torn = bytes.clone();
        torn[cut..].fill(0);
        let target = copy
            .path()
            .join(segment.strip_prefix(dir.path()).expect("inside"));
        std::fs::write(target, &torn).expect("space");
        let whole = bytes[cut..end].iter().all(|byte| *byte == 0);
        let model = if whole { &after } else { &before };
        settle(copy.path(), &large(), &mut model.clone(), None);
    }
}

/// The last frame was acknowledged: the mark behind it says so even after a kill, and
/// damage to it is no torn tail.
#[test]
fn damage_to_the_last_synced_frame_is_refused_after_a_kill() {
    let (live, mut random) = (tempfile::tempdir().expect("a directory"), Random(21));
    let mut model = Model::default();
    let store = open(live.path(), &large());
    assert!(feed(&store, &mut model, &mut random, 7).is_none());
    // A job behind the last batch: the mark is written when it is answered.
    let nothing = store.release_due(chatmetric_core::EpochMs(0));
    assert_eq!(nothing.expect("answered"), 0);
    // A kill leaves the files as they are now.
    let dir = tempfile::tempdir().expect("a directory");
    copy_all(live.path(), dir.path());
    drop(store);
    settle_copy(dir.path(), &model);
    let segment = open_segment(dir.path());
    let mut bytes = std::fs::read(&segment).expect("readable");
    let start = seventh_frame(&bytes);
    bytes[start + 40] ^= 1;
    std::fs::write(&segment, &bytes).expect("space");
    match EmbeddedStore::open(dir.path(), large()) {
        Err(StoreError::Corrupt { file, offset, .. }) => {
            assert_eq!((file, offset), (segment, start as u64));
        }
        other => panic!("{other:?}"),
    }
}

/// What a copy of the directory answers.
fn settle_copy(dir: &Path, model: &Model) {
    let copy = tempfile::tempdir().expect("a directory");
    copy_all(dir, copy.path());
    settle(copy.path(), &large(), &mut model.clone(), None);
}

/// Where the seventh frame of the first segment begins; found by its place.
fn seventh_frame(bytes: &[u8]) -> usize {
    let place = [1_u64.to_le_bytes(), 7_u64.to_le_bytes()].concat();
    (64..bytes.len() - 32)
        .step_by(8)
        .rfind(|at| {
            let is_mark = bytes[*at..at + 4] == [0xff; 4];
            !is_mark && bytes[at + 8..at + 24] == place[..]
        })
        .expect("the seventh frame")
}

#[test]
fn readers_never_see_a_seal() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = open(dir.path(), &tiny());
    let done = AtomicBool::new(false);
    let total = |store: &EmbeddedStore| {
        let seen = counts_of(store).expect("readable");
        seen.values()
            .map(|fields| i64::from(fields[0]))
            .sum::<i64>()
    };
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let (mut last, mut reads) = (0, 0_u32);
            while !done.load(Ordering::SeqCst) {
                let now = total(&store);
                assert!(now >= last, "sent went back from {last} to {now}");
                (last, reads) = (now, reads + 1);
            }
            reads
        });
        let over = Over(&done);
        let (mut random, mut model) = (Random(9), Model::default());
        for _ in 0..300 {
            // Messages are only added, so that the sum may never fall.
            let batch = random.batch(1 << 40);
            store.commit(batch.clone()).expect("taken");
            model.take(&batch);
            assert_eq!(
                total(&store),
                model.counts().values().map(|it| i64::from(it[0])).sum()
            );
        }
        drop(over);
        assert!(reader.join().expect("no panic") > 0);
        model.check(&store).expect("readable");
    });
    assert!(store.stats().runs > 0, "something was sealed meanwhile");
}

/// Every batch reports on two days of one number: a reader sees both or neither,
/// and never fewer than before, whether the days come from the cache or not.
#[test]
fn cached_days_are_never_mixed_with_newer_ones() {
    let dir = tempfile::tempdir().expect("a directory");
    // Room for a span or two a stripe, so that spans come and go. A seal that has
    // committed lingers: readers meet the state in between.
    let linger = |step: Step| {
        if step == Step::SealCommitted {
            std::thread::sleep(std::time::Duration::from_micros(500));
        }
        false
    };
    let options = Options {
        day_cache_bytes: 64 * 700,
        crash: Some(Arc::new(linger)),
        ..tiny()
    };
    let store = open(dir.path(), &options);
    let numbers = ["15550001", "15550002", "15550003"].map(|it| {
        let number = chatmetric_core::PhoneNumber::parse(it);
        number.expect("digits")
    });
    let space = chatmetric_core::SpaceKey(1);
    let day = |at: i64| chatmetric_core::UtcDay((T0_MS / 86_400_000 + at) as u32);
    let sums = |number: &chatmetric_core::PhoneNumber| {
        let mut sums = [0_i64; 31];
        let mut visit = |it: chatmetric_core::UtcDay, block: &chatmetric_core::DayBlock| {
            sums[(it.0 - day(0).0) as usize] = i64::from(block.total().sent);
        };
        let read = store.read_days(space, number, day(0)..=day(30), &mut visit);
        read.expect("readable");
        sums
    };
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for number in &numbers {
            let (done, sums) = (&done, &sums);
            scope.spawn(move || {
                let mut last = 0;
                while !done.load(Ordering::SeqCst) {
                    let seen = sums(number);
                    let all: i64 = seen.iter().sum();
                    assert_eq!(all, 2 * seen[30], "half of each batch: {seen:?}");
                    assert!(all >= last, "went back from {last} to {all}");
                    last = all;
                }
            });
        }
        let over = Over(&done);
        for round in 0..cases(400) {
            let number = numbers[(round % 3) as usize];
            let event = |at_day: i64, id: u64| chatmetric_store::StatusEvent {
                fingerprint: chatmetric_core::Fingerprint(
                    u128::from(id + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835),
                ),
                number,
                status: chatmetric_core::MessageStatus::Sent,
                at: chatmetric_core::EpochMs(T0_MS + at_day * 86_400_000),
                target: chatmetric_store::Target::Space(space),
            };
            let batch = Batch {
                source: "w1".into(),
                received_at: chatmetric_core::EpochMs(T0_MS + 31 * 86_400_000),
                events: vec![
                    event((round % 30) as i64, 2 * round),
                    event(30, 2 * round + 1),
                ],
                sealed: Vec::new(),
                ignored: 0,
            };
            store.commit(batch).expect("taken");
            assert_eq!(
                sums(&number)[30],
                (round / 3 + 1) as i64,
                "read your writes"
            );
        }
        drop(over);
    });
    assert!(store.stats().runs > 0, "something was sealed meanwhile");
    store.verify().expect("exact");
}

#[test]
fn weeks_behind_the_floor_are_dropped_and_their_days_stay() {
    let dir = tempfile::tempdir().expect("a directory");
    let (mut random, mut model) = (Random(13), Model::default());
    let early = |mut batch: Batch| {
        batch.received_at = chatmetric_core::EpochMs(T0_MS + 41 * 86_400_000);
        batch
    };
    let store = open(dir.path(), &tiny());
    for _ in 0..30 {
        let batch = early(random.batch(60));
        store.commit(batch.clone()).expect("taken");
        model.take(&batch);
    }
    store.verify().expect("exact");
    let before = store.stats().run_records;
    assert!(before > 0);
    let floor = chatmetric_core::EpochMs(T0_MS + 100 * 86_400_000);
    store.raise_floor(floor).expect("raised");
    // The floor is durable in the catalog with the next seal.
    let mut tries = 0;
    while store.stats().run_records > 0 {
        store.verify().expect("exact");
        tries += 1;
        assert!(tries < 200, "{:?}", store.stats());
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    model.check(&store).expect("readable");
    drop(store);
    settle(dir.path(), &tiny(), &mut model, None);
}
