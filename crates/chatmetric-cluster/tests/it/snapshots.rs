//! A new replica begins with a snapshot and goes on with the tail of the log.

use crate::counting::batches;
use crate::model::Model;
use crate::servers::Servers;
use crate::world::{PARTITIONS, commit_all, replica, replicas, settings, wait_for};
use chatmetric_cluster::{ClusterError, ClusterStore, Partition, audit::audit, snapshot};
use chatmetric_core::EpochMs;

/// Lets go of the entries of a log before a place, as the retention does.
fn purge(servers: &Servers, partition: u16, before: u64) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let client = async_nats::connect(servers.urls())
            .await
            .expect("connected");
        let context = async_nats::jetstream::new(client);
        let stream = context
            .get_stream(format!("chatmetric-events-{partition}"))
            .await;
        let stream = stream.expect("a stream");
        stream.purge().sequence(before).await.expect("purged");
    });
}

#[test]
fn a_new_member_begins_with_a_snapshot_and_the_tail() {
    let servers = Servers::start();
    let dir = tempfile::tempdir().expect("a directory");
    let open = |name: &str| {
        ClusterStore::open(settings(&servers, name, &dir.path().join(name))).expect("opened")
    };
    let (one, other) = (open("a"), open("b"));
    let mut running = replicas(&one);
    let mut model = Model::default();
    let (before, after) = (batches(7, 200), batches(8, 100));
    commit_all(&one, &before);
    wait_for(&running);
    let mut covered = Vec::new();
    for it in &running {
        let (engine, topology) = (one.engine().clone(), one.topology().clone());
        let (told, tally) = (one.settings().clone(), it.tally().clone());
        let taken =
            one.wait(async move { snapshot::take(&engine, &topology, &told, &tally).await });
        covered.push(taken.expect("a snapshot").sequence);
    }
    commit_all(&one, &after);
    // Without it a new replica would have to count what is gone.
    for (partition, sequence) in (0..).zip(&covered) {
        purge(&servers, partition, sequence + 1);
    }
    let begun = replicas(&other);
    running.extend(begun);
    wait_for(&running);
    for batch in before.iter().chain(&after) {
        model.take(batch);
    }
    // The old ones go, the new ones answer alone.
    let begun = running.split_off(usize::from(PARTITIONS));
    let names = ["a".to_owned(), "b".to_owned()];
    for partition in 0..PARTITIONS {
        let report = audit(
            &one,
            Partition(partition),
            &names,
            &dir.path().join("scratch"),
        );
        assert_eq!(report.expect("audited").differences, Vec::<String>::new());
    }
    drop(running);
    model.check(&other);
    drop(begun);
    // What is old enough may go; nothing is.
    let topology = one.topology().clone();
    let retired =
        one.wait(async move { snapshot::retire(&topology, Partition(0), EpochMs(0)).await });
    assert_eq!(retired.expect("looked at"), 0);
}

#[test]
fn a_log_that_is_not_whole_is_no_beginning() {
    let servers = Servers::start();
    let dir = tempfile::tempdir().expect("a directory");
    let told = settings(&servers, "a", dir.path());
    let store = ClusterStore::open(told).expect("opened");
    commit_all(&store, &batches(9, 60));
    purge(&servers, 2, 4);
    let error = replica(&store, 2).expect_err("entries 1 to 3 are gone");
    assert!(
        matches!(
            error,
            ClusterError::Gap {
                expected: 1,
                found: 4,
                ..
            }
        ),
        "{error}"
    );
    assert!(replica(&store, 1).is_ok());
}
