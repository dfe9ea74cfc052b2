//! Cuts of a running store and stores that are made from them: what was acknowledged
//! before is in, what came in between is whole, and nothing is counted twice when
//! everything is sent again. Generations of a few messages, so that seals and merges
//! run all the time.

use crate::embedded::tiny;
use crate::model::Over;
use crate::subject::{OTHER_SPACE, SPACE, batch, event, home, number, of, slots, to};
use chatmetric_core::{AccountKey, EpochMs, MessageStatus, PhoneNumber};
use chatmetric_store::{
    CutPart, EmbeddedStore, MemoryStore, Options, QuarantineFilter, Store, StoreCut, StoreError,
    StoreRestore, Target,
};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// All bytes of a part.
fn bytes_of(part: &CutPart) -> Vec<u8> {
    let mut bytes = Vec::new();
    let taken = part.read(&mut |piece| {
        bytes.extend_from_slice(piece);
        true
    });
    assert!(taken.expect("readable"));
    if let Some(told) = part.bytes {
        assert_eq!(told, bytes.len() as u64, "{}", part.name);
    }
    bytes
}

fn parts_of(cut: &StoreCut) -> BTreeMap<String, Vec<u8>> {
    let parts = cut.parts.iter();
    parts.map(|it| (it.name.clone(), bytes_of(it))).collect()
}

fn make(dir: &Path, parts: &BTreeMap<String, Vec<u8>>) -> Result<(), StoreError> {
    let mut restore = StoreRestore::begin(dir, 1)?;
    for (name, bytes) in parts {
        restore.part(name, &mut bytes.as_slice())?;
    }
    restore.finish()
}

/// The store that a cut makes, proven sound.
pub(crate) fn restored(dir: &Path, cut: &StoreCut, options: Options) -> EmbeddedStore {
    make(dir, &parts_of(cut)).expect("restores");
    let store = EmbeddedStore::open(dir, options).expect("opens");
    store.verify().expect("sound");
    store
}

fn sent(store: &dyn Store, of: PhoneNumber) -> u64 {
    let slots = slots(store, SPACE, of);
    slots
        .values()
        .map(|it| it.sent.unsigned_abs())
        .sum::<u32>()
        .into()
}

fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    for _ in 0..2_000 {
        if done() {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    panic!("{what} never came");
}

/// One writer, whose every event was acknowledged before the next, in turn to numbers
/// of different shards: a cut between two of them has the one or both, never the later
/// one alone.
#[test]
fn a_cut_under_load_is_an_acknowledged_prefix() {
    let dir = tempfile::tempdir().expect("a directory");
    let options = Options {
        shards: 3,
        ..tiny()
    };
    let store = EmbeddedStore::open(dir.path().join("store"), options.clone()).expect("opens");
    let numbers: Vec<_> = (0..4)
        .map(|it| number(&format!("1555010010{it}")))
        .collect();
    let nth = |id: u64| {
        let at = (id % 4) as usize;
        of(
            numbers[at],
            event(u128::from(id) + 1, MessageStatus::Sent, 0),
        )
    };
    let (acknowledged, stop) = (AtomicU64::new(0), AtomicBool::new(false));
    let cuts: Vec<_> = std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut id = 0;
            while !stop.load(Ordering::SeqCst) {
                store.commit(batch(&[nth(id)])).expect("taken");
                id += 1;
                acknowledged.store(id, Ordering::SeqCst);
            }
        });
        let _over = Over(&stop);
        let cuts = (0..12_u64).map(|turn| {
            wait_until("traffic", || {
                acknowledged.load(Ordering::SeqCst) >= turn * 20
            });
            let before = acknowledged.load(Ordering::SeqCst);
            let cut = store.cut().expect("a cut");
            // The last event may be on its way to its acknowledgement.
            let after = acknowledged.load(Ordering::SeqCst) + 1;
            (before, parts_of(&cut), cut.positions.clone(), after)
        });
        cuts.collect()
    });
    let all = acknowledged.load(Ordering::SeqCst);
    let mut positions_before = vec![0; 3];
    for (turn, (before, parts, positions, after)) in cuts.into_iter().enumerate() {
        let dir = dir.path().join(format!("restored-{turn}"));
        make(&dir, &parts).expect("restores");
        let restored = EmbeddedStore::open(&dir, options.clone()).expect("opens");
        restored.verify().expect("sound");
        let found: Vec<u64> = numbers.iter().map(|it| sent(&restored, *it)).collect();
        let sum: u64 = found.iter().sum();
        assert!((before..=after).contains(&sum), "{before}..{after}: {sum}");
        let prefix: Vec<u64> = (0..4).map(|at| (sum + 3 - at) / 4).collect();
        assert_eq!(found, prefix, "turn {turn}");
        for (earlier, later) in positions_before.iter().zip(&positions) {
            assert!(earlier <= later, "{positions_before:?} then {positions:?}");
        }
        positions_before = positions;
        // Everything again: what is there is a duplicate.
        let ids: Vec<u64> = (0..all).collect();
        for ids in ids.chunks(50) {
            let events: Vec<_> = ids.iter().map(|id| nth(*id)).collect();
            restored.commit(batch(&events)).expect("taken");
        }
        let found: u64 = numbers.iter().map(|it| sent(&restored, *it)).sum();
        assert_eq!(found, all, "turn {turn}");
        restored.verify().expect("sound");
    }
}

#[test]
fn files_that_are_merged_away_stay_in_the_cut() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("store");
    let store = EmbeddedStore::open(&path, tiny()).expect("opens");
    let commit = |ids: std::ops::Range<u128>| {
        for id in ids {
            let events = [event(id, MessageStatus::Sent, 0)];
            store.commit(batch(&events)).expect("taken");
        }
    };
    commit(1..40);
    let cut = store.cut().expect("a cut");
    let there = |part: &CutPart| path.join(&part.name).exists();
    let runs: Vec<_> = cut
        .parts
        .iter()
        .filter(|it| it.identity.is_some())
        .collect();
    assert!(!runs.is_empty());
    let (mut id, mut gone) = (40, false);
    wait_until("a merge of all runs and a seal of all segments", || {
        commit(id..id + 8);
        id += 8;
        let files = cut.parts.iter().filter(|it| it.bytes.is_some());
        gone = !files.into_iter().any(there);
        gone
    });
    assert!(gone);
    let restored = restored(&dir.path().join("restored"), &cut, tiny());
    assert_eq!(sent(&restored, home()), 39);
}

#[test]
fn all_that_a_store_knows_is_in_a_cut() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = EmbeddedStore::open(dir.path().join("store"), tiny()).expect("opens");
    let account = AccountKey(1);
    let held = |id| to(Target::Held(account), event(id, MessageStatus::Sent, 0));
    store
        .raise_floor(EpochMs(crate::subject::T0 - 1))
        .expect("raised");
    for id in 1..20 {
        let late = event(1_000 + id, MessageStatus::Sent, -2);
        let events = [event(id, MessageStatus::Read, 0), held(100 + id), late];
        store.commit(batch(&events)).expect("taken");
    }
    let cut = store.cut().expect("a cut");
    let restored = restored(&dir.path().join("restored"), &cut, tiny());
    assert_eq!(restored.floor(), store.floor());
    assert_eq!(
        restored.books().expect("books"),
        store.books().expect("books")
    );
    let all = |store: &dyn Store| {
        let items = store.quarantine(QuarantineFilter::default(), 1_000);
        items.expect("readable")
    };
    assert_eq!(all(&restored), all(&store));
    assert_eq!(all(&restored).len(), 38);
    assert_eq!(
        slots(&restored, SPACE, home()),
        slots(&store, SPACE, home())
    );
    let claimed = restored.claim(account, home(), OTHER_SPACE);
    assert_eq!(claimed.expect("claimed"), 19);
}

#[test]
fn one_identity_means_the_same_bytes() {
    let dir = tempfile::tempdir().expect("a directory");
    // The same messages an hour later: same fingerprints, same number of the run.
    let identities: Vec<Vec<(String, Vec<u8>)>> = [0, 0, crate::subject::HOUR_MS]
        .iter()
        .enumerate()
        .map(|(turn, at_ms)| {
            let path = dir.path().join(format!("store-{turn}"));
            let options = Options {
                merge_fan_in: 100,
                ..tiny()
            };
            let store = EmbeddedStore::open(path, options).expect("opens");
            for id in 1..9 {
                let events = [event(id, MessageStatus::Sent, *at_ms)];
                store.commit(batch(&events)).expect("taken");
            }
            wait_until("a run", || store.stats().runs > 0);
            let cut = store.cut().expect("a cut");
            let runs = cut.parts.iter().filter(|it| it.name.contains("0001.run"));
            let known = runs.map(|it| (it.identity.clone().expect("one"), bytes_of(it)));
            known.collect()
        })
        .collect();
    assert_eq!(identities[0].len(), 1);
    assert_eq!(identities[0], identities[1]);
    assert_ne!(identities[0][0].0, identities[2][0].0);
}

#[test]
fn a_part_that_was_changed_or_cut_off_makes_no_store() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = EmbeddedStore::open(dir.path().join("store"), tiny()).expect("opens");
    for id in 1..10 {
        let events = [event(id, MessageStatus::Sent, 0)];
        store.commit(batch(&events)).expect("taken");
    }
    let cut = store.cut().expect("a cut");
    let catalog = cut.parts.iter().find(|it| it.name == "catalog");
    let whole = bytes_of(catalog.expect("one"));
    let mut turn = 0;
    let mut refused = |bytes: &[u8]| {
        turn += 1;
        let dir = dir.path().join(format!("restored-{turn}"));
        let mut restore = StoreRestore::begin(&dir, 1).expect("begins");
        let error = restore.part("catalog", &mut &*bytes).expect_err("damaged");
        assert!(matches!(error, StoreError::Corrupt { .. }), "{error}");
        assert!(matches!(restore.finish(), Err(StoreError::Invalid { .. })));
        assert!(
            EmbeddedStore::open(&dir, tiny()).is_err(),
            "it has no format"
        );
    };
    for at in (0..whole.len()).step_by(whole.len() / 8) {
        let mut flipped = whole.clone();
        flipped[at] ^= 4;
        refused(&flipped);
    }
    refused(&whole[..whole.len() - 1]);
    // A block that is missing as a whole.
    let end = whole.len() - 16;
    let block = [&whole[..8], &whole[end..]].concat();
    refused(&block);
    let newer = StoreRestore::begin(&dir.path().join("newer"), 5).expect_err("newer");
    assert!(matches!(newer, StoreError::NewerFormat { found: 5, .. }));
    assert!(!dir.path().join("newer").exists());
}

/// What is damaged in the store is not copied as if it were whole.
#[test]
fn a_damaged_file_is_no_part_of_a_backup() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("store");
    let options = Options {
        merge_fan_in: 100,
        ..tiny()
    };
    let store = EmbeddedStore::open(&path, options).expect("opens");
    for id in 1..10 {
        let events = [event(id, MessageStatus::Sent, 0)];
        store.commit(batch(&events)).expect("taken");
    }
    wait_until("a run", || store.stats().runs > 0);
    let cut = store.cut().expect("a cut");
    for part in cut.parts.iter().filter(|it| it.bytes.is_some()) {
        let file = path.join(&part.name);
        let Ok(whole) = std::fs::read(&file) else {
            continue;
        };
        let mut flipped = whole.clone();
        let at = if part.identity.is_some() {
            4_096 + 40
        } else {
            80
        };
        flipped[at] ^= 1;
        overwrite(&file, &flipped);
        let error = part.read(&mut |_| true).expect_err("damaged");
        let StoreError::Corrupt { file: named, .. } = &error else {
            panic!("{error}");
        };
        assert_eq!(*named, file);
        overwrite(&file, &whole);
        assert!(part.read(&mut |_| true).expect("whole again"));
    }
}

/// In its place: the store has it open.
fn overwrite(file: &Path, bytes: &[u8]) {
    use std::os::unix::fs::FileExt as _;
    let file = std::fs::OpenOptions::new().write(true).open(file);
    file.expect("opens")
        .write_all_at(bytes, 0)
        .expect("written");
}

#[test]
fn a_store_in_memory_has_no_files_to_copy() {
    let cut = MemoryStore::new().cut();
    assert!(matches!(cut, Err(StoreError::Invalid { .. })));
}
