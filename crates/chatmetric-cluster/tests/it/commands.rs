//! A store on a cluster does what a store does: the same calls on the store in memory give
//! the same.

use crate::counting::batches;
use crate::model::T0_MS;
use crate::servers::Servers;
use crate::world::{replicas, settings, wait_for};
use chatmetric_cluster::ClusterStore;
use chatmetric_core::{AccountKey, EpochMs, PhoneNumber, Slot, SpaceKey};
use chatmetric_store::{
    MemoryStore, QuarantineFilter, Quarantined, QuarantinedContent, Reason, SealedItem,
    StatusEvent, Store, StoreError, StreamOffset, Target,
};

const ACCOUNT: AccountKey = AccountKey(9);

/// Items without their ids and places, which are others.
fn contents(mut items: Vec<Quarantined>) -> Vec<String> {
    for item in &mut items {
        item.id = chatmetric_store::QuarantineId(0);
    }
    let mut all: Vec<String> = items.iter().map(|item| format!("{item:?}")).collect();
    all.sort_unstable();
    all
}

#[track_caller]
fn same(cluster: &ClusterStore, memory: &MemoryStore) {
    assert_eq!(
        cluster.books().expect("books"),
        memory.books().expect("books")
    );
    let all = QuarantineFilter::default();
    assert_eq!(
        contents(cluster.quarantine(all, 10_000).expect("items")),
        contents(memory.quarantine(all, 10_000).expect("items"))
    );
    let counted = |store: &dyn Store| crate::model::counts_of(store).expect("counts");
    assert_eq!(counted(cluster), counted(memory));
}

#[test]
fn every_call_does_what_it_does_in_memory() {
    let servers = Servers::start();
    let dir = tempfile::tempdir().expect("a directory");
    let cluster = ClusterStore::open(settings(&servers, "a", dir.path())).expect("opened");
    let running = replicas(&cluster);
    wait_for(&running);
    let memory = MemoryStore::new();
    assert_eq!(cluster.floor(), None);
    let mut received_at = EpochMs(0);
    for batch in batches(11, 80) {
        let mut batch = batch;
        received_at = batch.received_at;
        for event in batch.events.iter_mut().step_by(4) {
            event.target = Target::Held(ACCOUNT);
        }
        for event in batch.events.iter_mut().skip(2).step_by(6) {
            event.at = EpochMs(received_at.0 + 3_600_000);
        }
        batch.sealed.push(SealedItem {
            account: ACCOUNT,
            reason: Reason::Unparsable,
            sealed: vec![1, 2, 3].into(),
        });
        cluster.commit(batch.clone()).expect("acknowledged");
        memory.commit(batch).expect("taken");
    }
    same(&cluster, &memory);
    let number = PhoneNumber::parse("15554").expect("digits");
    let claimed = cluster
        .claim(ACCOUNT, number, SpaceKey(1))
        .expect("claimed");
    assert!(claimed > 0);
    assert_eq!(
        claimed,
        memory.claim(ACCOUNT, number, SpaceKey(1)).expect("claimed")
    );
    let due = EpochMs(received_at.0 + 7_200_000);
    let released = cluster.release_due(due).expect("released");
    assert!(released > 0);
    assert_eq!(released, memory.release_due(due).expect("released"));
    assert_eq!(cluster.release_due(due).expect("nothing is left"), 0);
    same(&cluster, &memory);
    replays(&cluster, &memory);
    same(&cluster, &memory);
    pages(&cluster);
    let slots = EpochMs(T0_MS).slot()..Slot(EpochMs(T0_MS).slot().0 + 96);
    let explained = cluster
        .explain(SpaceKey(1), &number, slots.clone())
        .expect("explained");
    assert_eq!(
        explained,
        memory
            .explain(SpaceKey(1), &number, slots)
            .expect("explained")
    );
    let nothing = cluster.explain(SpaceKey(1), &number, Slot(5)..Slot(5));
    assert!(matches!(nothing, Err(StoreError::Invalid { .. })));
    for store in [&cluster as &dyn Store, &memory] {
        store
            .raise_floor(EpochMs(T0_MS + 500 * 86_400_000))
            .expect("raised");
        assert_eq!(store.floor(), Some(EpochMs(T0_MS + 500 * 86_400_000)));
    }
    same(&cluster, &memory);
    offsets(&cluster);
    cluster.close();
    assert!(matches!(cluster.books(), Err(StoreError::Closed)));
}

/// An unreadable item turns out to be events of several partitions.
fn replays(cluster: &ClusterStore, memory: &MemoryStore) {
    let events: Vec<StatusEvent> = batches(12, 1)
        .into_iter()
        .chain(batches(13, 1))
        .flat_map(|batch| batch.events)
        .collect();
    let partitions = cluster.engine().partitions;
    let touched = events
        .iter()
        .map(|event| partitions.of_number(&event.number));
    assert!(touched.collect::<std::collections::BTreeSet<_>>().len() > 1);
    for store in [cluster as &dyn Store, memory] {
        let filter = QuarantineFilter {
            reason: Some(Reason::Unparsable),
            ..QuarantineFilter::default()
        };
        let found = store.quarantine(filter, 1).expect("items");
        let item = found.first().expect("an item");
        assert!(matches!(item.content, QuarantinedContent::Sealed(_)));
        assert!(store.replay(item.id, &events).expect("replayed"));
        assert!(!store.replay(item.id, &events).expect("it is gone"));
    }
}

/// Page by page there is what there is at once.
fn pages(cluster: &ClusterStore) {
    let mut filter = QuarantineFilter::default();
    let all = cluster.quarantine(filter, 10_000).expect("items");
    let mut paged = Vec::new();
    loop {
        let page = cluster.quarantine(filter, 7).expect("items");
        let Some(last) = page.last() else { break };
        filter.after = Some(last.id);
        paged.extend(page);
    }
    assert!(all.len() > 20);
    assert_eq!(paged, all);
}

fn offsets(cluster: &ClusterStore) {
    let offset = StreamOffset {
        created_ns: 5,
        sequence: 6,
        last_ms: 7,
        messages: 8,
        missing: 9,
        recreated: 1,
    };
    let mut batch = batches(14, 1).remove(0);
    batch.source = "stream/orders eu".into();
    cluster.commit_at(batch, offset).expect("acknowledged");
    let kept = cluster.stream_offsets().expect("readable");
    assert_eq!(kept, [("stream/orders eu".into(), offset)]);
}
