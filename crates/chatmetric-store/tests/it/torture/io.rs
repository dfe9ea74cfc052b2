//! Calls that fail in process: every kind of call, with every error that a disk
//! has, at many places of a life and of a start; and a file system that is full.
//!
//! Invariants: what was acknowledged is there after a restart and after a power
//! cut; after a failed write or sync of a frame nothing is acknowledged any more,
//! and queries go on; after any other failure the store goes on by itself.

use super::child::Setup;
use super::process::Child;
use super::world::World;
use super::{cycles, folder};
use crate::crash::{cut, feed, open, settle, wait_until, with_disk};
use crate::fault_disk::{Call, Fault, FaultDisk, How, Written};
use crate::model::{Model, Random, counts_of};
use chatmetric_core::EpochMs;
use chatmetric_store::{EmbeddedStore, Health, Store, StoreError};
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};

const EIO: i32 = 5;
const ENOSPC: i32 = 28;
/// Points of a life and of a start in CI.
const POINTS: u64 = 140;
const START_POINTS: u64 = 28;
/// Calls of each kind that fail in a start.
const START_CALLS: u64 = 12;
const BATCHES: u64 = 30;

const fn how(errno: i32, written: Written) -> How {
    How { errno, written }
}

/// Every kind of call with the ways in which it fails.
const FAILURES: [(Call, How); 8] = [
    (Call::Sync, how(EIO, Written::Nothing)),
    (Call::Write, how(EIO, Written::Nothing)),
    (Call::Write, how(EIO, Written::Everything)),
    (Call::Write, how(ENOSPC, Written::Half)),
    (Call::Sync, how(ENOSPC, Written::Nothing)),
    (Call::Create, how(ENOSPC, Written::Nothing)),
    (Call::Remove, how(EIO, Written::Nothing)),
    (Call::SyncDir, how(EIO, Written::Nothing)),
];

/// What one point was.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Seen {
    met: u64,
    frames: u64,
    waited: u64,
}

/// Nothing is acknowledged, and every query is answered as before.
fn check_poisoned(store: &EmbeddedStore, model: &Model, random: &mut Random) {
    for _ in 0..3 {
        match store.commit(random.batch(60)) {
            Err(StoreError::Poisoned { .. }) => {}
            other => panic!("{other:?}"),
        }
    }
    assert!(matches!(store.health(), Health::Poisoned(_)));
    model.check(store).expect("readable");
}

/// One life in which one call fails.
fn life(point: u64, (call, how): (Call, How), seen: &mut Seen) {
    // A life makes some thirty calls of each kind at least; then other lives follow.
    let nth = 1 + point / 8 % 24;
    println!("{call:?} {nth} {how:?}");
    let dir = folder();
    let (disk, mut random) = (FaultDisk::new(), Random(point));
    let mut model = Model::default();
    let store = open(dir.path(), &with_disk(&disk));
    disk.fail(Fault::At { call, nth, how });
    let mut again = None;
    for _ in 0..BATCHES {
        let Some((batch, error)) = feed(&store, &mut model, &mut random, 1) else {
            continue;
        };
        let StoreError::Unavailable { .. } = error else {
            assert!(matches!(error, StoreError::Poisoned { .. }), "{error}");
            again = Some(batch);
            break;
        };
        // Not a frame: it is tried again, and then it works.
        seen.waited += 1;
        model.check(&store).expect("readable");
        wait_until("it recovers", || store.commit(batch.clone()).is_ok());
        model.take(&batch);
    }
    // A job behind the last batch: its mark is written when that is answered.
    drop(store.release_due(EpochMs(0)));
    let met = disk.met();
    seen.met += u64::from(met.is_some());
    if met.is_some_and(|met| met.frame) {
        seen.frames += 1;
        check_poisoned(&store, &model, &mut random);
    } else {
        assert!(again.is_none(), "only a frame stops the store: {met:?}");
        wait_until("it is ready", || store.health() == Health::Ready);
        model.check(&store).expect("readable");
    }
    // What the power leaves, and what a restart of the process finds.
    let image = cut(dir.path(), &disk, &mut random);
    drop(store);
    settle(
        image.path(),
        &crate::embedded::tiny(),
        &mut model.clone(),
        again.clone(),
    );
    settle(dir.path(), &crate::embedded::tiny(), &mut model, again);
}

#[test]
fn a_call_that_fails_anywhere_is_never_a_false_acknowledgement() {
    let points = cycles(POINTS);
    let next = AtomicU64::new(0);
    let mut seen = Seen::default();
    // Most of a life is waiting for the next try of something that failed.
    std::thread::scope(|scope| {
        let lives = || {
            let mut seen = Seen::default();
            loop {
                let point = next.fetch_add(1, Ordering::SeqCst);
                if point >= points {
                    return seen;
                }
                let (call, how) = FAILURES[(point % 8) as usize];
                life(point, (call, how), &mut seen);
            }
        };
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(lives)).collect();
        for thread in threads {
            let part = thread.join().expect("every life is right");
            seen.met += part.met;
            seen.frames += part.frames;
            seen.waited += part.waited;
        }
    });
    println!(
        "figure: {points} lives with a call that fails: {} met it, {} in a frame, 0 false acknowledgements",
        seen.met, seen.frames
    );
    assert!(seen.met * 10 >= points * 8, "most are met: {seen:?}");
    assert!(seen.frames * 5 >= points, "many hit a frame: {seen:?}");
    assert!(seen.waited > 0, "some are waited out: {seen:?}");
}

#[test]
fn a_call_that_fails_in_a_start_loses_nothing() {
    let mut met = 0;
    for point in 0..cycles(START_POINTS) {
        let (call, how) = FAILURES[(point % 8) as usize];
        let dir = folder();
        let (mut random, mut model) = (Random(point), Model::default());
        let disk = FaultDisk::new();
        let store = open(dir.path(), &with_disk(&disk));
        assert!(feed(&store, &mut model, &mut random, 12).is_none());
        drop(store);
        // A start has some twenty calls of a kind: a long run fails the first ones of them
        // after several histories.
        let nth = 1 + point / 8 % START_CALLS;
        disk.fail(Fault::At { call, nth, how });
        let mut again = None;
        match EmbeddedStore::open(dir.path(), with_disk(&disk)) {
            // It refuses to start, or starts and is as good as any other.
            Err(StoreError::Io { .. }) => {}
            Err(other) => panic!("{call:?} {point}: {other}"),
            Ok(store) => {
                model.check(&store).expect("readable");
                again = feed(&store, &mut model, &mut random, 3).map(|it| it.0);
            }
        }
        met += u64::from(disk.met().is_some());
        let image = cut(dir.path(), &disk, &mut random);
        settle(
            image.path(),
            &crate::embedded::tiny(),
            &mut model.clone(),
            again.clone(),
        );
        settle(dir.path(), &crate::embedded::tiny(), &mut model, again);
    }
    println!("figure: {met} calls failed in starts, nothing lost");
    assert!(met * 10 >= cycles(START_POINTS) * 7, "most are met: {met}");
}

/// A file system of its own; `None` where that may not be made.
struct Mount(tempfile::TempDir);

impl Mount {
    fn new(bytes: u64) -> Option<Self> {
        let dir = tempfile::tempdir().expect("a directory");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={bytes}"), "tmpfs"])
            .arg(dir.path())
            .output();
        let mounted = mounted.is_ok_and(|output| output.status.success());
        if !mounted {
            super::skipped("no file system may be mounted here; none was filled");
        }
        mounted.then_some(Self(dir))
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    /// Takes all the space that is left.
    fn fill(&self) {
        let path = self.path().join("ballast");
        let mut file = std::fs::File::create(path).expect("a file");
        let filled = std::io::copy(&mut std::io::repeat(1), &mut file);
        let error = filled.expect_err("it is full in the end");
        assert_eq!(error.kind(), std::io::ErrorKind::StorageFull, "{error}");
    }

    fn make_room(&self) {
        std::fs::remove_file(self.path().join("ballast")).expect("it was there");
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        drop(Command::new("umount").arg(self.path()).output());
    }
}

#[test]
fn a_file_system_that_is_full_is_waited_out() {
    let Some(mount) = Mount::new(24 * 1024 * 1024) else {
        return;
    };
    for round in 0..cycles(4) {
        let setup = Setup {
            records: 60,
            ..Setup::small(
                &mount.path().join(format!("s{round}")),
                1 + (round % 2) as u32 * 2,
            )
        };
        let mut world = World::new(round);
        let mut child = Child::start(&setup);
        child.wait_ready().expect("ready");
        child.feed(&mut world, 10 + 7 * (round % 5));
        mount.fill();
        // Frames have their space; the segments after them do not.
        while child.feed(&mut world, 40) == 40 {}
        // What is small may still fit; in the end nothing does.
        let mut refused = 0;
        while refused < 5 {
            let taken = child.offer(&mut world, 1) == 1;
            refused = if taken { 0 } else { refused + 1 };
        }
        assert_eq!(child.ask("health", &mut world).as_deref(), Some("waiting"));
        if setup.shards == 1 {
            // Several shards may have taken their parts of what others refused.
            let expected = format!("Ok({:?})", world.counts());
            let seen = child.ask("counts", &mut world);
            assert!(seen == Some(expected), "queries go on");
        }
        mount.make_room();
        wait_until("it takes events again", || child.offer(&mut world, 1) == 1);
        assert_eq!(child.feed(&mut world, 40), 40);
        assert_eq!(child.ask("health", &mut world).as_deref(), Some("ready"));
        let ended = child.end(&mut world);
        assert_eq!(ended.signal, None, "{}", ended.stderr);
        world.settle(&setup.dir, &setup.options());
        std::fs::remove_dir_all(&setup.dir).expect("removed");
    }
}

#[test]
fn counts_of_a_world_are_those_of_a_store() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut world = World::new(3);
    for _ in 0..20 {
        world.next();
    }
    let options = Setup::small(dir.path(), 1).options();
    world.settle(dir.path(), &options);
    let store = open(dir.path(), &options);
    let seen = format!("{:?}", counts_of(&store).expect("readable"));
    assert_eq!(seen, format!("{:?}", world.counts()));
    assert!(seen.len() > 100);
}
