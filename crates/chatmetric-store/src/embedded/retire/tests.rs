//! A drop proves the stored days before it forgets the records behind them.

use super::retire;
use crate::api::{Batch, StatusEvent, Store, StoreError, Target};
use crate::embedded::catalog::tally_key;
use crate::embedded::options::Options;
use crate::embedded::{EmbeddedStore, day_coding};
use chatmetric_core::{
    Counts, DayBlock, EpochMs, Fingerprint, MessageStatus, PhoneNumber, SpaceKey,
};

const DAY: u32 = 20_000;
const DAY_MS: i64 = 86_400_000;

/// A store with one old run, and the floor that makes it old.
fn old_store(dir: &std::path::Path) -> EmbeddedStore {
    let options = Options {
        // Or the merger could drop the week first.
        drops_weeks: false,
        ..Options::default()
    };
    let store = EmbeddedStore::open(dir, options).expect("opens");
    let events = (1..=3_u128).map(|id| StatusEvent {
        fingerprint: Fingerprint(id << 64 | id),
        number: PhoneNumber::parse("15550001").expect("digits"),
        status: MessageStatus::Sent,
        at: EpochMs(i64::from(DAY) * DAY_MS),
        target: Target::Space(SpaceKey(0)),
    });
    let batch = Batch {
        source: "w1".into(),
        received_at: EpochMs(i64::from(DAY) * DAY_MS),
        events: events.collect(),
        sealed: Vec::new(),
        ignored: 0,
    };
    store.commit(batch).expect("taken");
    store.verify().expect("exact");
    let catalog = &store.shared.catalog;
    let mut batch = catalog.batch();
    let floor_ms = i64::from(DAY + 100) * DAY_MS;
    batch.insert(&catalog.meta, "floor", (floor_ms as u64).to_le_bytes());
    catalog.commit(batch).expect("committed");
    store
}

#[test]
fn a_sound_day_is_frozen_with_what_goes() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = old_store(dir.path());
    assert_eq!(retire(&store.shared).expect("dropped"), 1);
    assert!(store.shared.runs().runs.is_empty());
    let catalog = &store.shared.catalog;
    let key = tally_key(0, DAY);
    let frozen = catalog.get(&catalog.view(), &catalog.frozen, key);
    let frozen = frozen.expect("readable").expect("frozen");
    let gone = day_coding::decode_total(&key, &frozen).expect("sound");
    assert_eq!(
        gone,
        Counts {
            sent: 3,
            ..Counts::ZERO
        }
    );
    store.verify().expect("exact");
}

#[test]
fn a_wrong_tally_is_reported_and_never_frozen() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = old_store(dir.path());
    let catalog = &store.shared.catalog;
    let key = tally_key(0, DAY);
    let mut wrong = DayBlock::default();
    wrong.add(
        0,
        Counts {
            sent: 4,
            ..Counts::ZERO
        },
    );
    let mut batch = catalog.batch();
    batch.insert(&catalog.tallies, key, day_coding::encode(&key, &wrong));
    catalog.commit(batch).expect("committed");
    let refused = retire(&store.shared);
    assert!(
        matches!(refused, Err(StoreError::Differs { .. })),
        "{refused:?}"
    );
    assert_eq!(store.shared.runs().runs.len(), 1, "the records stay");
    let view = catalog.view();
    assert_eq!(catalog.manifest(&view).expect("readable").len(), 1);
    let frozen = catalog.get(&view, &catalog.frozen, key);
    assert!(frozen.expect("readable").is_none());
    let verified = store.verify();
    assert!(
        matches!(verified, Err(StoreError::Differs { .. })),
        "{verified:?}"
    );
}

#[test]
fn a_missing_tally_is_reported_too() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = old_store(dir.path());
    let catalog = &store.shared.catalog;
    let mut batch = catalog.batch();
    batch.remove(&catalog.tallies, tally_key(0, DAY));
    catalog.commit(batch).expect("committed");
    let refused = retire(&store.shared);
    assert!(
        matches!(refused, Err(StoreError::Differs { .. })),
        "{refused:?}"
    );
}
