//! What is published is folded and answered: equal to the model, whatever is killed.

use crate::model::{Model, Random};
use crate::servers::Servers;
use crate::world::{commit_all, replicas, settings, wait_for};
use chatmetric_cluster::ClusterStore;
use chatmetric_store::Store;

fn batches(seed: u64, count: usize) -> Vec<chatmetric_store::Batch> {
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
