//! Who lets go of old sets of runs, and when.

use super::*;
use crate::api::{Batch, StatusEvent, Store, Target};
use crate::embedded::EmbeddedStore;
use crate::embedded::disk::{Disk, RealDisk};
use chatmetric_core::{Fingerprint, MessageStatus};
use std::io;
use std::time::Duration;

/// Whoever looks into a set of runs is never the last who has it: its files may be
/// removed by now, and freeing them takes long.
#[test]
fn an_old_set_of_runs_is_let_go_of_by_the_merger() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = EmbeddedStore::open(folder.path(), Options::default()).expect("opens");
    let shared = &store.shared;
    let looked_into = shared.runs();
    shared.set_runs(RunSet::default());
    for _ in 0..3 {
        assert_eq!(shared.let_go_of_old_runs(), 1, "it is still looked into");
    }
    assert_eq!(Arc::strong_count(&looked_into), 2);
    *lock(&shared.merge_wanted) = true;
    shared.merge_wake.notify_all();
    let wait_for = |met: &dyn Fn() -> bool| {
        for _ in 0..500 {
            if met() {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("nobody looked");
    };
    wait_for(&|| !*lock(&shared.merge_wanted));
    // The thread has looked while it was in use, and looks again without new work.
    std::thread::sleep(Duration::from_millis(50));
    assert_eq!(lock(&shared.old_runs).len(), 1);
    drop(looked_into);
    wait_for(&|| lock(&shared.old_runs).is_empty());
}

/// A disk on which the merger can make no file.
struct NoMerges;

impl Disk for NoMerges {
    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let thread = std::thread::current();
        if thread.name().is_some_and(|name| name.contains("merger")) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        RealDisk.create(path)
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        RealDisk.open(path)
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        RealDisk.create_dir(path)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        RealDisk.remove(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        RealDisk.rename(from, to)
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        RealDisk.sync_dir(path)
    }
}

/// What is not let go of keeps removed files and filters: it may not pile up while merges
/// fail.
#[test]
fn old_sets_are_let_go_of_while_merges_fail() {
    let folder = tempfile::tempdir().expect("a folder");
    let options = Options {
        generation_records_max: 2,
        merge_fan_in: 2,
        shards: 1,
        disk: Arc::new(NoMerges),
        ..Options::default()
    };
    let store = EmbeddedStore::open(folder.path(), options).expect("opens");
    let event = |id: u128| StatusEvent {
        fingerprint: Fingerprint(id << 64 | id),
        number: PhoneNumber::parse("15550100101").expect("digits"),
        status: MessageStatus::Sent,
        at: EpochMs(1_767_225_590_000),
        target: Target::Space(SpaceKey(0)),
    };
    for id in 1..=40 {
        let batch = Batch {
            source: "w1".into(),
            received_at: EpochMs(1_767_225_590_000),
            events: vec![event(2 * id), event(2 * id + 1)],
            sealed: Vec::new(),
            ignored: 0,
        };
        store.commit(batch).expect("taken");
    }
    let shared = &store.shared;
    for _ in 0..1_000 {
        let runs = shared.runs().runs.len();
        if runs > 20 && lock(&shared.old_runs).is_empty() {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    let (runs, old) = (shared.runs().runs.len(), lock(&shared.old_runs).len());
    panic!("{runs} runs, {old} old sets");
}
