//! Replicas of one log are the same, and a difference is found.

use crate::counting::batches;
use crate::model::Model;
use crate::servers::Servers;
use crate::world::{PARTITIONS, commit_all, replicas, settings, wait_for};
use chatmetric_cluster::{ClusterStore, Partition, audit::audit};
use chatmetric_core::{AccountKey, EpochMs, PhoneNumber, SpaceKey};
use chatmetric_store::{Reason, SealedItem, Store, Target};

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
