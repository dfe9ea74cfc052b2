//! What is published is folded and answered: equal to the model, whatever is killed.

use crate::model::{Model, Random};
use crate::servers::{Servers, wait_until};
use crate::world::{commit_all, replicas, settings, wait_for};
use chatmetric_cluster::{ClusterError, ClusterStore, Partition, query::Question};
use chatmetric_core::{Slot, UtcDay};
use chatmetric_store::{Batch, Store, Target};
use std::sync::atomic::{AtomicUsize, Ordering};

pub(crate) fn batches(seed: u64, count: usize) -> Vec<Batch> {
    let mut random = Random(seed);
    (0..count).map(|_| random.batch(400)).collect()
}

#[test]
fn what_is_published_is_counted_exactly() {
    let servers = Servers::start();
    let dir = tempfile::tempdir().expect("a directory");
    let store = ClusterStore::open(settings(&servers, "a", dir.path())).expect("opened");
    let running = replicas(&store);
    let mut model = Model::default();
    for batch in &batches(1, 200) {
        store.commit(batch.clone()).expect("acknowledged");
        model.take(batch);
    }
    // No wait in between: what was acknowledged is in the answers.
    model.check(&store);
    let books = store.books().expect("readable");
    let received: u64 = books.iter().map(|(_, books)| books.received).sum();
    assert_eq!(received, model.received());
    wait_for(&running);
    store.verify().expect("sound");
    // All of it once more changes no count.
    commit_all(&store, &batches(1, 200));
    model.check(&store);
}

#[test]
fn nothing_acknowledged_is_lost_with_the_leaders() {
    let mut servers = Servers::start();
    let dir = tempfile::tempdir().expect("a directory");
    let store = ClusterStore::open(settings(&servers, "a", dir.path())).expect("opened");
    let running = replicas(&store);
    let all = batches(2, 2_400);
    let mut model = Model::default();
    let done = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        let publisher = scope.spawn(|| {
            for part in all.chunks(48) {
                commit_all(&store, part);
                done.fetch_add(part.len(), Ordering::Relaxed);
            }
        });
        for (stream, after) in [("chatmetric-events-0", 300), ("chatmetric-events-1", 1_200)] {
            wait_until("some batches", || done.load(Ordering::Relaxed) >= after);
            let nth = servers.kill(&servers.leader_of(stream));
            assert!(!publisher.is_finished(), "killed while publishing");
            wait_until("more batches without it", || {
                done.load(Ordering::Relaxed) >= after + 300
            });
            servers.start_again(nth);
        }
    });
    for batch in &all {
        model.take(batch);
    }
    model.check(&store);
    let books = store.books().expect("readable");
    let received: u64 = books.iter().map(|(_, books)| books.received).sum();
    assert!(received >= model.received(), "{received}");
    wait_for(&running);
    store.verify().expect("sound");
}

#[test]
fn an_acknowledged_event_is_in_the_next_answer_of_every_member() {
    let servers = Servers::start();
    let dir = tempfile::tempdir().expect("a directory");
    let (one, other) = (dir.path().join("a"), dir.path().join("b"));
    let writer = ClusterStore::open(settings(&servers, "a", &one)).expect("opened");
    let reader = ClusterStore::open(settings(&servers, "b", &other)).expect("opened");
    let running = replicas(&reader);
    wait_for(&running);
    let mut model = Model::default();
    for batch in batches(3, 300) {
        writer.commit(batch.clone()).expect("acknowledged");
        model.take(&batch);
        let Some(event) = batch.events.first() else {
            continue;
        };
        let Target::Space(space) = event.target else {
            continue;
        };
        let mut found = 0;
        let all = UtcDay(0)..=Slot(u32::MAX).day();
        reader
            .read_days(space, &event.number, all, &mut |_, block| {
                found += block.total().sent;
            })
            .expect("readable");
        let expected = model.counts().into_iter();
        let expected: i32 = expected
            .filter(|((in_space, number, _), _)| {
                *in_space == space && *number == event.number.to_string()
            })
            .map(|(_, counts)| counts[0])
            .sum();
        assert_eq!(found, expected);
    }
}

#[test]
fn a_replica_that_is_not_there_yet_says_so() {
    let servers = Servers::start();
    let dir = tempfile::tempdir().expect("a directory");
    let mut told = settings(&servers, "a", dir.path());
    told.catch_up_timeout = std::time::Duration::from_millis(300);
    let store = ClusterStore::open(told).expect("opened");
    let running = replicas(&store);
    wait_for(&running);
    let asker = store.asker().clone();
    let asked =
        store.wait(async move { asker.ask_at(Partition(1), None, &Question::Books, 7).await });
    let error = asked.expect_err("nothing is at place 7");
    assert!(
        matches!(
            error,
            ClusterError::Behind {
                applied: 0,
                wanted: 7,
                ..
            }
        ),
        "{error}"
    );
}
