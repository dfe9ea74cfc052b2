//! Sums of dropped weeks go along, and what a part lacks is found by its verification.

use super::{PartOf, StoreSplit};
use crate::api::{Batch, StatusEvent, Store, StoreError, Target};
use crate::embedded::EmbeddedStore;
use crate::embedded::catalog::Catalog;
use crate::embedded::options::Options;
use crate::embedded::retire::retire;
use chatmetric_core::{
    Counts, EpochMs, Fingerprint, MessageStatus, PhoneNumber, Slot, SpaceKey, UtcDay,
};
use std::path::Path;

const T0_MS: i64 = 20_000 * 86_400_000;
const DAY_MS: i64 = 86_400_000;
const CACHE_BYTES: u64 = 1024 * 1024;

/// Even numbers and odd ones.
struct Halves;

impl PartOf for Halves {
    fn parts(&self) -> usize {
        2
    }

    fn of_number(&self, number: &PhoneNumber) -> usize {
        usize::from(number.as_bytes().last().is_some_and(|it| it % 2 == 1))
    }

    fn of_source(&self, _source: &str) -> usize {
        0
    }
}

fn number(nth: u64) -> PhoneNumber {
    PhoneNumber::parse(&format!("1555000{nth}")).expect("digits")
}

fn options() -> Options {
    Options {
        // Weeks are dropped by hand.
        drops_weeks: false,
        ..Options::default()
    }
}

fn commit(store: &EmbeddedStore, ids: std::ops::Range<u64>, at_ms: i64) {
    let events = ids.map(|id| StatusEvent {
        fingerprint: Fingerprint((u128::from(id + 1) << 64) | u128::from(id)),
        number: number(id % 4),
        status: MessageStatus::Sent,
        at: EpochMs(at_ms),
        target: Target::Space(SpaceKey(0)),
    });
    let batch = Batch {
        source: "w1".into(),
        received_at: EpochMs(at_ms),
        events: events.collect(),
        sealed: Vec::new(),
        ignored: 0,
    };
    store.commit(batch).expect("taken");
    store.verify().expect("exact");
}

/// A store with a dropped week and a live one, split into the directories `0` and `1`.
fn split(dir: &Path) -> EmbeddedStore {
    let store = EmbeddedStore::open(dir.join("whole"), options()).expect("opens");
    commit(&store, 0..40, T0_MS);
    store
        .raise_floor(EpochMs(T0_MS + 100 * DAY_MS))
        .expect("raised");
    store.verify().expect("exact");
    assert_eq!(retire(&store.shared).expect("dropped"), 1);
    commit(&store, 100..150, T0_MS + 101 * DAY_MS);
    let parts = [dir.join("0"), dir.join("1")];
    let wanted = [(0, &*parts[0]), (1, &*parts[1])];
    let made = StoreSplit::begin(&store, &Halves).and_then(|split| split.write(&wanted));
    let made = made.expect("written");
    assert_eq!(made.iter().map(|it| it.records).sum::<u64>(), 50);
    store
}

fn verify(dir: &Path) -> Result<EmbeddedStore, StoreError> {
    let store = EmbeddedStore::open(dir, options())?;
    store.verify()?;
    Ok(store)
}

fn sent(store: &EmbeddedStore, of: &PhoneNumber) -> i32 {
    let mut sum = Counts::ZERO;
    let all = UtcDay(0)..=Slot::NEVER.day();
    let visited = store.read_days(SpaceKey(0), of, all, &mut |_, block| {
        for counts in block.slots() {
            sum += counts;
        }
    });
    visited.expect("readable");
    sum.sent
}

#[test]
fn days_whose_records_are_gone_go_along() {
    let dir = tempfile::tempdir().expect("a directory");
    let whole = split(dir.path());
    for part in 0..2 {
        let store = verify(&dir.path().join(part.to_string())).expect("exact");
        for nth in [part, part + 2] {
            assert_eq!(sent(&store, &number(nth)), sent(&whole, &number(nth)));
            assert!(sent(&store, &number(nth)) > 20);
            assert_eq!(sent(&store, &number(nth ^ 1)), 0);
        }
    }
}

/// What the verification says of a part whose catalog is changed.
fn changed(change: impl FnOnce(&Catalog)) -> StoreError {
    let dir = tempfile::tempdir().expect("a directory");
    drop(split(dir.path()));
    let part = dir.path().join("1");
    let catalog = Catalog::open(&part.join("catalog"), CACHE_BYTES).expect("opens");
    change(&catalog);
    drop(catalog);
    verify(&part).expect_err("it lacks something")
}

/// Removes the first row of a keyspace.
fn remove_first(catalog: &Catalog, of: &fjall::Keyspace) {
    let mut first = None;
    let each = catalog.each(&catalog.view(), of, &[], |key, _| {
        first = Some(key.to_vec());
        Ok(false)
    });
    each.expect("readable");
    let mut batch = catalog.batch();
    batch.remove(of, first.expect("a row"));
    catalog.commit(batch).expect("committed");
}

#[test]
fn a_part_without_a_row_or_its_records_is_found() {
    let differs = |error: &StoreError| matches!(error, StoreError::Differs { .. });
    let error = changed(|catalog| remove_first(catalog, &catalog.tallies));
    assert!(differs(&error), "a day: {error}");
    let error = changed(|catalog| remove_first(catalog, &catalog.frozen));
    assert!(differs(&error), "the sum of a dropped week: {error}");
    let error = changed(|catalog| remove_first(catalog, &catalog.runs));
    assert!(differs(&error), "the records: {error}");
}
