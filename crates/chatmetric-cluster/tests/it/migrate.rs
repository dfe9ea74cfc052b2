//! The counts of an instance that was alone go into a cluster: whoever runs meanwhile waits
//! for them, and whatever was cut off goes on.

use crate::counting::batches;
use crate::model::{Model, counts_of};
use crate::servers::{Servers, wait_until};
use crate::world::{PARTITIONS, commit_all, replica, settings};
use chatmetric_cluster::migrate::{Report, Told, migrate};
use chatmetric_cluster::{ClusterError, ClusterStore, Node, Settings};
use chatmetric_store::{EmbeddedStore, Options, Store as _, StoreError};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

const OWN: &str = "0123456789abcdef";

/// An instance that counted something.
fn instance(dir: &Path, model: &mut Model) -> Arc<EmbeddedStore> {
    let options = Options {
        shards: 2,
        drops_weeks: false,
        ..Options::default()
    };
    let store = EmbeddedStore::open(dir.join("old"), options).expect("opened");
    for batch in batches(50, 120) {
        store.commit(batch.clone()).expect("taken");
        model.take(&batch);
    }
    Arc::new(store)
}

fn open(servers: &Servers, name: &str, dir: &Path) -> ClusterStore {
    ClusterStore::open(settings(servers, name, &dir.join(name))).expect("opened")
}

fn quietly(store: &ClusterStore, old: &Arc<EmbeddedStore>) -> Result<Report, ClusterError> {
    migrate(store, old, OWN, &mut |_| ())
}

#[test]
fn a_member_that_runs_already_waits_for_the_counts() {
    let servers = Servers::start();
    let dir = tempfile::tempdir().expect("a directory");
    let mut model = Model::default();
    let old = instance(dir.path(), &mut model);
    // Both follow empty logs.
    let impatient = Settings {
        catch_up_timeout: Duration::from_secs(2),
        answer_timeout: Duration::from_secs(4),
        ..settings(&servers, "a", &dir.path().join("a"))
    };
    let one = Arc::new(ClusterStore::open(impatient).expect("opened"));
    let mover = open(&servers, "m", dir.path());
    let node = Node::start(Arc::clone(&one), true).expect("joined");
    wait_until("replicas of nothing", || {
        let replicas = node.replicas();
        replicas.len() == usize::from(PARTITIONS) && replicas.iter().all(|it| it.progress.follows())
    });
    assert!(counts_of(one.as_ref()).expect("readable").is_empty());
    let mut steps = Vec::new();
    let report = migrate(&mover, &old, OWN, &mut |told| {
        if matches!(told, Told::Claimed { .. }) {
            // Nobody may take nothing for the counts.
            let answered = counts_of(one.as_ref());
            assert!(
                matches!(answered, Err(StoreError::Unavailable { .. })),
                "{answered:?}"
            );
        }
        steps.push(told);
    });
    let report = report.expect("moved");
    assert_eq!((report.moved, report.already), (usize::from(PARTITIONS), 0));
    assert!(report.compared.buckets > 0);
    assert_eq!(steps.len(), 3 + usize::from(PARTITIONS), "{steps:?}");
    wait_until("replicas with the counts", || {
        counts_of(one.as_ref()).is_ok()
    });
    model.check(one.as_ref());
    assert_eq!(
        one.books().expect("readable"),
        old.books().expect("readable")
    );
    one.verify().expect("sound");
    // All of it once more is known, and what is new is counted.
    commit_all(&one, &batches(50, 120));
    model.check(one.as_ref());
    let more = batches(51, 60);
    commit_all(&one, &more);
    more.iter().for_each(|batch| model.take(batch));
    model.check(one.as_ref());
    node.stop();
}

#[test]
fn what_was_cut_off_goes_on_and_what_is_done_is_compared_again() {
    let servers = Servers::start();
    let dir = tempfile::tempdir().expect("a directory");
    let mut model = Model::default();
    let old = instance(dir.path(), &mut model);
    let mover = open(&servers, "m", dir.path());
    let cut_off = |at: &dyn Fn(&Told) -> bool| {
        let ran = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            migrate(&mover, &old, OWN, &mut |told| {
                assert!(!at(&told), "cut off");
            })
        }));
        assert!(ran.is_err(), "it was cut off");
    };
    cut_off(&|told| matches!(told, Told::Claimed { .. }));
    let error = replica(&mover, 0).expect_err("there is nothing to begin with");
    assert!(matches!(error, ClusterError::Gap { .. }), "{error}");
    cut_off(&|told| matches!(told, Told::Split { .. }));
    cut_off(&|told| matches!(told, Told::Moved { partition, .. } if partition.0 == 1));
    let report = quietly(&mover, &old).expect("goes on");
    assert_eq!(
        (report.moved, report.already),
        (usize::from(PARTITIONS) - 2, 2)
    );
    let again = quietly(&mover, &old).expect("it is done");
    assert_eq!((again.moved, again.already), (0, usize::from(PARTITIONS)));
    assert_eq!(again.compared.buckets, report.compared.buckets);
    // An instance that went on counting is another one than was moved.
    old.commit(batches(52, 1).remove(0)).expect("taken");
    let error = quietly(&mover, &old).expect_err("it differs");
    assert!(matches!(error, ClusterError::Unlike { .. }), "{error}");
    // And so is another installation.
    let error = migrate(&mover, &old, "another", &mut |_| ()).expect_err("it has counts");
    assert!(matches!(error, ClusterError::Occupied { .. }), "{error}");
}

#[test]
fn a_log_that_has_entries_is_refused_by_name() {
    let servers = Servers::start();
    let dir = tempfile::tempdir().expect("a directory");
    let mut model = Model::default();
    let old = instance(dir.path(), &mut model);
    let mover = open(&servers, "m", dir.path());
    commit_all(&mover, &batches(53, 1));
    let error = quietly(&mover, &old).expect_err("there are entries");
    let ClusterError::Occupied { reason } = &error else {
        panic!("{error}");
    };
    assert!(
        reason.starts_with("partition ") && reason.contains("entries"),
        "{reason}"
    );
    // Nothing was claimed: what was there is still counted.
    let running = replica(&mover, 0).expect("a replica");
    wait_until("it follows", || running.progress().follows());
}
