//! Commands that meet damage on their way: all of a frame or nothing of it.

use crate::api::{Batch, Health, Reason, StatusEvent, Store, StoreError, Target};
use crate::embedded::EmbeddedStore;
use crate::embedded::options::Options;
use chatmetric_core::{
    AccountKey, EpochMs, Fingerprint, MessageStatus, PhoneNumber, SpaceKey, UtcDay,
};
use std::path::Path;

const T0_MS: i64 = 20_000 * 86_400_000;
const SPACE: SpaceKey = SpaceKey(7);
const ACCOUNT: AccountKey = AccountKey(1);

fn number() -> PhoneNumber {
    PhoneNumber::parse("15550100101").expect("digits")
}

fn event(id: u128, status: MessageStatus, target: Target) -> StatusEvent {
    StatusEvent {
        fingerprint: Fingerprint(id.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835)),
        number: number(),
        status,
        at: EpochMs(T0_MS),
        target,
    }
}

fn commit(store: &EmbeddedStore, events: Vec<StatusEvent>) -> Result<(), StoreError> {
    let batch = Batch {
        source: "w1".into(),
        received_at: EpochMs(T0_MS),
        events,
        sealed: Vec::new(),
        ignored: 0,
    };
    store.commit(batch).map(drop)
}

fn open(dir: &Path) -> EmbeddedStore {
    EmbeddedStore::open(dir, Options::default()).expect("opens")
}

fn sent(store: &EmbeddedStore) -> i32 {
    let mut sent = 0;
    let days = UtcDay(0)..=UtcDay(u32::MAX);
    let mut visit = |_: UtcDay, block: &chatmetric_core::DayBlock| sent += block.total().sent;
    let read = store.read_days(SPACE, &number(), days, &mut visit);
    read.expect("readable");
    sent
}

/// Held events in the catalog, the second one damaged there.
fn with_a_damaged_item(dir: &Path) -> EmbeddedStore {
    let store = open(dir);
    let held = |id| event(id, MessageStatus::Sent, Target::Held(ACCOUNT));
    commit(&store, vec![held(1), held(2), held(3)]).expect("taken");
    store.verify().expect("exact");
    let catalog = &store.shared.catalog;
    let mut batch = catalog.batch();
    batch.insert(&catalog.quarantine, 2_u64.to_be_bytes(), b"nonsense");
    catalog.commit(batch).expect("committed");
    store
}

#[test]
fn an_unreadable_item_in_the_middle_of_a_claim_leaves_nothing_behind() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = with_a_damaged_item(dir.path());
    let claimed = store.claim(ACCOUNT, number(), SPACE);
    assert!(
        matches!(claimed, Err(StoreError::Corrupt { .. })),
        "{claimed:?}"
    );
    assert_eq!(store.health(), Health::Ready, "nothing was begun");
    let target = Target::Space(SPACE);
    commit(&store, vec![event(9, MessageStatus::Sent, target)]).expect("taken");
    assert_eq!(sent(&store), 1, "the claim counted nothing");
    drop(store);
    let store = open(dir.path());
    assert_eq!(sent(&store), 1, "what was seen is what is durable");
    let books = store.books().expect("readable");
    assert_eq!((books[0].1.released, books[0].1.quarantined), (0, 3));
}

#[test]
fn an_unreadable_item_in_the_middle_of_an_expiry_leaves_nothing_behind() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = with_a_damaged_item(dir.path());
    let raised = store.raise_floor(EpochMs(T0_MS + 1));
    assert!(
        matches!(raised, Err(StoreError::Corrupt { .. })),
        "{raised:?}"
    );
    let target = Target::Refused(ACCOUNT, Reason::ForeignNumber);
    commit(&store, vec![event(9, MessageStatus::Sent, target)]).expect("taken");
    let books = |store: &EmbeddedStore| store.books().expect("readable")[0].1;
    let seen = books(&store);
    assert_eq!((seen.expired, seen.quarantined), (0, 4));
    drop(store);
    assert_eq!(books(&open(dir.path())), seen);
}

#[test]
fn damage_in_the_middle_of_a_frame_stops_the_store() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = open(dir.path());
    let counted = |id| event(id, MessageStatus::Sent, Target::Space(SPACE));
    commit(&store, vec![counted(2)]).expect("taken");
    store.verify().expect("exact");
    let held = |id| event(id, MessageStatus::Delivered, Target::Held(ACCOUNT));
    commit(&store, vec![held(1), held(2)]).expect("taken");
    // The block of the run that the second event of the claim asks for.
    let run = store.shared.runs().runs[0].path().to_owned();
    let mut bytes = std::fs::read(&run).expect("readable");
    bytes[crate::embedded::run::BLOCK_BYTES + 20] ^= 1;
    std::fs::write(&run, &bytes).expect("space");
    let claimed = store.claim(ACCOUNT, number(), SPACE);
    assert!(
        matches!(claimed, Err(StoreError::Corrupt { .. })),
        "{claimed:?}"
    );
    assert!(matches!(store.health(), Health::Poisoned(_)));
    let refused = commit(&store, vec![counted(9)]);
    assert!(
        matches!(refused, Err(StoreError::Poisoned { .. })),
        "{refused:?}"
    );
    assert_eq!(sent(&store), 1, "half a frame is never seen");
    drop(store);
    // Whole again, the directory has both events held and one counted.
    bytes[crate::embedded::run::BLOCK_BYTES + 20] ^= 1;
    std::fs::write(&run, &bytes).expect("space");
    let store = open(dir.path());
    assert_eq!(sent(&store), 1);
    assert_eq!(store.claim(ACCOUNT, number(), SPACE).expect("claimed"), 2);
    assert_eq!(sent(&store), 2);
    store.verify().expect("exact");
}
