//! Replicas of one log are the same, and a difference is found; a replica of another log is
//! refused.

use crate::counting::batches;
use crate::model::Model;
use crate::servers::{Servers, wait_until};
use crate::world::{PARTITIONS, commit_all, replica, replicas, settings, wait_for};
use chatmetric_cluster::entry::Entry;
use chatmetric_cluster::follow::Progress;
use chatmetric_cluster::replica::dir_of;
use chatmetric_cluster::tally::{Placed, Tally};
use chatmetric_cluster::{ClusterError, ClusterStore, Partition, audit::audit};
use chatmetric_core::{AccountKey, EpochMs, PhoneNumber, SpaceKey};
use chatmetric_store::{EmbeddedStore, Options, Reason, SealedItem, Store, Target};
use std::sync::Arc;

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|it| (*it).to_owned()).collect()
}

#[test]
fn replicas_are_equal_and_equal_to_their_log() {
    let servers = Servers::start();
    let dir = tempfile::tempdir().expect("a directory");
    let open = |name: &str| {
        ClusterStore::open(settings(&servers, name, &dir.path().join(name))).expect("opened")
    };
    let (one, other) = (open("a"), open("b"));
    let mut running = replicas(&one);
    // Every kind of entry.
    let account = AccountKey(9);
    for (nth, batch) in batches(5, 300).into_iter().enumerate() {
        let mut batch = batch;
        for event in batch.events.iter_mut().step_by(5) {
            event.target = Target::Held(account);
        }
        for event in batch.events.iter_mut().skip(1).step_by(7) {
            event.at = EpochMs(batch.received_at.0 + 3_600_000);
        }
        batch.sealed.push(SealedItem {
            account,
            reason: Reason::Malformed,
            sealed: vec![7; nth % 90].into(),
        });
        let received_at = batch.received_at;
        one.commit(batch).expect("acknowledged");
        if nth % 60 == 59 {
            let number = PhoneNumber::parse(&format!("1555{}", nth % 23)).expect("digits");
            one.claim(account, number, SpaceKey(1)).expect("claimed");
        }
        if nth == 150 {
            one.release_due(EpochMs(received_at.0 + 7_200_000))
                .expect("released");
            one.raise_floor(EpochMs(crate::model::T0_MS))
                .expect("raised");
        }
    }
    // One begins when all is there.
    running.extend(replicas(&other));
    wait_for(&running);
    for partition in 0..PARTITIONS {
        let scratch = dir.path().join("scratch");
        let report = audit(&one, Partition(partition), &names(&["a", "b"]), &scratch);
        let report = report.expect("audited");
        assert_eq!(report.differences, Vec::<String>::new());
        assert!(report.numbers > 0 && !scratch.exists());
    }
    one.verify().expect("sound");
}

#[test]
fn a_replica_with_other_counts_is_found() {
    let servers = Servers::start();
    let dir = tempfile::tempdir().expect("a directory");
    let open = |name: &str| {
        ClusterStore::open(settings(&servers, name, &dir.path().join(name))).expect("opened")
    };
    let (one, other) = (open("a"), open("b"));
    let (first, second) = (replicas(&one), replicas(&other));
    commit_all(&one, &batches(6, 50));
    wait_for(&first);
    wait_for(&second);
    // Past the log.
    let partition = one
        .engine()
        .partitions
        .of_number(&PhoneNumber::parse("15551").expect("ok"));
    let batch = batches(6, 50).into_iter().map(|mut batch| {
        batch
            .events
            .retain(|event| one.engine().partitions.of_number(&event.number) == partition);
        for event in &mut batch.events {
            event.fingerprint.0 ^= 1;
        }
        batch
    });
    let batch = batch
        .into_iter()
        .find(|batch| !batch.events.is_empty())
        .expect("one");
    let tampered = &second[usize::from(partition.0)];
    tampered.tally().store().commit(batch).expect("committed");
    let scratch = dir.path().join("scratch");
    let report = audit(&one, partition, &names(&["a", "b"]), &scratch).expect("audited");
    assert_eq!(report.differences.len(), 2, "{report:?}");
    assert!(
        report.differences[0].starts_with("`b` and the fold"),
        "{report:?}"
    );
    let mut model = Model::default();
    batches(6, 50).iter().for_each(|batch| model.take(batch));
}

/// Lets something be done to the log of partition 0.
fn with_log<T, F: Future<Output = T>>(
    servers: &Servers,
    with: impl FnOnce(async_nats::jetstream::Context, &'static str) -> F,
) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let client = async_nats::connect(servers.urls())
            .await
            .expect("connected");
        let context = async_nats::jetstream::new(client);
        with(context, "chatmetric-events-0").await
    })
}

#[test]
fn a_replica_of_a_log_that_was_made_again_is_refused() {
    let servers = Servers::start();
    let dir = tempfile::tempdir().expect("a directory");
    let told = settings(&servers, "a", dir.path());
    let store = ClusterStore::open(told.clone()).expect("opened");
    commit_all(&store, &batches(40, 30));
    let running = replica(&store, 0).expect("a replica");
    wait_for(std::slice::from_ref(&running));
    assert!(running.tally().position() > 0);
    store
        .wait(async move {
            running.stop().await;
            Ok(())
        })
        .expect("stopped");
    with_log(&servers, |context, name| async move {
        context.delete_stream(name).await.expect("deleted");
    });
    let again = ClusterStore::open(told).expect("opened");
    commit_all(&again, &batches(41, 60));
    let error = replica(&again, 0).expect_err("it is of another log");
    assert!(matches!(error, ClusterError::OtherLog { .. }), "{error}");
}

#[test]
fn a_replica_that_counted_what_the_log_has_lost_is_refused() {
    let servers = Servers::start();
    let dir = tempfile::tempdir().expect("a directory");
    let store = ClusterStore::open(settings(&servers, "a", dir.path())).expect("opened");
    commit_all(&store, &batches(42, 30));
    let created_ns = with_log(&servers, |context, name| async move {
        let stream = context.get_stream(name).await.expect("a stream");
        stream.cached_info().created.unix_timestamp_nanos()
    });
    {
        let kept = EmbeddedStore::open(dir_of(dir.path(), Partition(0)), Options::default());
        let kept = Arc::new(kept.expect("opened"));
        let created_ns = u64::try_from(created_ns).expect("later than 1970");
        let tally = Tally::new(kept, Partition(0), created_ns).expect("an empty store");
        let lost = Placed {
            sequence: 1,
            at_ms: 5,
            payload: Entry::Mark.encode(),
        };
        tally.apply(&[lost]).expect("applied");
    }
    let running = replica(&store, 0).expect("a replica");
    wait_until("the difference is seen", || match running.progress() {
        Progress::Stopped(error) => {
            assert!(matches!(error, ClusterError::OtherLog { .. }), "{error}");
            true
        }
        Progress::Following => panic!("it goes on in another log"),
        Progress::Away { .. } | Progress::CatchingUp { .. } => false,
    });
    assert_eq!(running.tally().position(), 1);
}
