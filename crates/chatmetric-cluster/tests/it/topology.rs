//! What is refused at a start, and what is said about it.

use crate::servers::Servers;
use crate::world::settings;
use chatmetric_cluster::{ClusterError, ClusterStore, Settings};

#[track_caller]
fn weak(settings: &Settings, word: &str) {
    let error = ClusterStore::open(settings.clone()).expect_err("refused");
    let text = error.to_string();
    assert!(
        matches!(error, ClusterError::WeakDurability { .. }),
        "{text}"
    );
    assert!(text.contains(word), "{text}");
    let allowed = Settings {
        allow_weak_durability: true,
        ..settings.clone()
    };
    drop(ClusterStore::open(allowed).expect("allowed"));
}

#[test]
fn servers_that_acknowledge_before_they_sync_are_refused() {
    let servers = Servers::start_with("sync_interval: \"2m\"");
    let dir = tempfile::tempdir().expect("a directory");
    weak(&settings(&servers, "a", dir.path()), "sync_interval");
}

#[test]
fn what_the_servers_do_not_tell_has_to_be_stated() {
    let servers = Servers::start();
    let dir = tempfile::tempdir().expect("a directory");
    let known = settings(&servers, "a", dir.path());
    drop(ClusterStore::open(known.clone()).expect("they sync"));
    let untold = Settings {
        system_user: None,
        ..known.clone()
    };
    weak(&untold, "state it");
    let stated = Settings {
        states_sync_always: true,
        ..untold
    };
    drop(ClusterStore::open(stated).expect("stated"));
    // The count of partitions is for good.
    let fewer = Settings {
        partitions: 2,
        ..known.clone()
    };
    let error = ClusterStore::open(fewer).expect_err("refused");
    assert!(
        error.to_string().contains("more than 2 partitions"),
        "{error}"
    );
    let single = Settings {
        prefix: "single".to_owned(),
        replicas: 1,
        ..known
    };
    weak(&single, "has 1 replicas");
}
