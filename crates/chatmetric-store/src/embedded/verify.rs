//! Checking everything: checksums of journals and runs, the books against the
//! quarantine, and the tallies against the records, while the store goes on.
//!
//! What is open is sealed first, so that one snapshot of the catalog and the runs
//! that its manifest names are the whole state. Where nothing can be sealed any
//! more (closed or poisoned), the open segments are folded again and compared
//! with what readers see. Memory is bounded: the days are summed up in as many
//! passes over the runs as they need, half a million in each.

use super::catalog::View;
use super::cold::{Age, ColdRecord, ColdRecords, Horizon};
use super::day_sum::{DaySum, Weights};
use super::generation::{Finished, Fold, Published, lock};
use super::hot::Deltas;
use super::item::Item;
use super::journal::{scan, segment_path};
use super::queue::{Command, Job};
use super::run::Run;
use super::shared::{Shard, Shared};
use super::{EmbeddedStore, day_coding, explained, fault, offsets};
use crate::api::{Reason, StoreError, VerifyReport};
use chatmetric_core::{Counts, DayBlock, UtcDay};
use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;
use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError, mpsc};

/// Days that one pass sums up (about 100 bytes each).
const PASS_DAYS: u64 = 512 * 1024;

pub(crate) fn verify(store: &EmbeddedStore) -> Result<VerifyReport, StoreError> {
    let shared = &store.shared;
    let _maintenance = lock(&shared.maintenance);
    let mut report = VerifyReport::default();
    for shard in &shared.shards {
        journals(shard, &mut report)?;
    }
    if !seal_all(store) {
        for shard in &shared.shards {
            memory(shard)?;
        }
    }
    let (runs, view) = {
        let _commit = lock(&shared.commit);
        (shared.runs(), shared.catalog.view())
    };
    for run in &runs.runs {
        let again = Run::open(run.path().to_owned(), (run.id, run.level, run.order), None);
        match again {
            Ok(again) if again.entry() == run.entry() => {}
            Ok(_) => {
                let detail = "the file is not the run that the manifest names";
                return Err(fault::corrupt(run.path(), 0, detail));
            }
            // Merged and removed meanwhile; the open file is still read below.
            Err(_) if !run.path().exists() => {}
            Err(error) => return Err(error),
        }
        report.files += 1;
        report.bytes += run.bytes;
    }
    let horizon = Horizon::of(shared.catalog.get_u64(&view, "floor")?);
    let compared = tallies(shared, runs.as_ref(), horizon, &view, |_, _| {})?;
    report.records = compared.records;
    report.day_blocks = compared.day_blocks;
    books(shared, &view)?;
    explained::verify(shared, &view)?;
    offsets::verify(shared, &view)?;
    Ok(report)
}

/// Reads the open segments up to what readers see.
fn journals(shard: &Shard, report: &mut VerifyReport) -> Result<(), StoreError> {
    let view = shard.view();
    for generation in view.generations() {
        if fold(shard, generation, report)?.is_some() {
            report.files += 1;
        }
    }
    Ok(())
}

/// Folds the published part of a segment; `None`: sealed meanwhile, or empty.
fn fold(
    shard: &Shard,
    generation: &Published,
    report: &mut VerifyReport,
) -> Result<Option<Fold>, StoreError> {
    let end = generation.journal_end.load(Ordering::Acquire);
    let path = segment_path(&shard.dir, generation.segment);
    if end == 0 {
        return Ok(None);
    }
    let bytes = match std::fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(fault::io("read", &path, error)),
    };
    // Behind the end, the writer is at work.
    let bytes = bytes.get(..end as usize).unwrap_or(&bytes);
    // Only the counts are compared: the usual sources of that moment are not known here.
    let mut fold = Fold::new(generation.segment, &Arc::default(), Deltas::default());
    let place = (shard.number, generation.segment);
    let scanned = scan(&path, bytes, place, |offset, payload| {
        fold.frame(payload).map_err(|at| {
            let detail = "an entry of the journal makes no sense";
            fault::corrupt(&path, offset + at as u64, detail)
        })
    })?;
    if scanned.end != end {
        return Err(fault::corrupt(
            &path,
            scanned.end,
            "a synced frame is damaged",
        ));
    }
    report.bytes += end;
    Ok(Some(fold))
}

/// Seals all that was taken so far; `false`: nothing can be sealed any more.
pub(crate) fn seal_all(store: &EmbeddedStore) -> bool {
    let shared = &store.shared;
    rotate(store) && shared.shards.iter().all(|shard| wait_sealed(shared, shard))
}

/// Asks every writer to finish its generation; `false`: they take nothing more.
fn rotate(store: &EmbeddedStore) -> bool {
    let (sender, receiver) = mpsc::channel();
    for shard in store.all_shards() {
        let sender = sender.clone();
        let done = Box::new(move |result| drop(sender.send(result)));
        store.push(shard, Job::Command(Command::Rotate, done));
    }
    drop(sender);
    receiver
        .into_iter()
        .all(|result: Result<u64, _>| result.is_ok())
}

/// Waits until what is finished now is sealed; `false`: it cannot be.
pub(crate) fn wait_sealed(shared: &Shared, shard: &Shard) -> bool {
    let last = shard.view().pending.last().map(|it| it.published.segment);
    let mut state = lock(&shard.state);
    loop {
        let view = shard.view();
        let waits = |it: &Arc<Finished>| Some(it.published.segment) <= last;
        if !view.pending.iter().any(waits) {
            return true;
        }
        if shared.stopping() || shared.check().is_err() || state.seal_failed.is_some() {
            return false;
        }
        state = shard
            .changed
            .wait(state)
            .unwrap_or_else(PoisonError::into_inner);
    }
}

/// Compares what readers see of the open generations with their segments.
fn memory(shard: &Shard) -> Result<(), StoreError> {
    let view = shard.view();
    for generation in view.generations() {
        let Some(fold) = fold(shard, generation, &mut VerifyReport::default())? else {
            continue;
        };
        for (seen, right) in generation.stripes().zip(fold.published.stripes()) {
            if *seen != *right {
                let detail = format!("segment {} in memory", generation.segment);
                return Err(StoreError::Differs { detail });
            }
        }
    }
    Ok(())
}

/// How many records and day blocks were compared.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Compared {
    records: u64,
    day_blocks: u64,
}

/// A day that was found equal to its records.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Proven {
    /// What records of passed weeks add to it.
    pub(crate) gone: Counts,
    /// What records added that are gone already.
    pub(crate) frozen: Counts,
}

/// A day as the records make it.
#[derive(Default)]
struct Recomputed {
    sum: DaySum,
    /// The part of the day that records of passed weeks add.
    gone: Counts,
}

/// Recomputed days by binding and day.
type Days = HashMap<(u32, UtcDay), Recomputed, FxBuildHasher>;

/// Which bindings and days a pass recomputes.
type Mine<'m> = &'m dyn Fn(u32, UtcDay) -> bool;

/// Compares all day blocks with the records, some of them in each pass, and gives
/// every day that was proven, under its key.
///
/// # Errors
/// [`StoreError::Differs`] at the first day that is not the sum of its records.
pub(crate) fn tallies(
    shared: &Shared,
    cold: &dyn ColdRecords,
    horizon: Horizon,
    view: &View,
    mut proven: impl FnMut(&[u8], Proven),
) -> Result<Compared, StoreError> {
    let catalog = &shared.catalog;
    let first_day = shared.first_day();
    let mut stored = 0_u64;
    catalog.each(view, &catalog.tallies, &[], |_, _| {
        stored += 1;
        Ok(true)
    })?;
    let weights = Weights::default();
    let mut compared = Compared::default();
    let passes = stored.div_ceil(PASS_DAYS).max(1);
    for pass in 0..passes {
        let mine = |binding: u32, day: UtcDay| {
            day >= first_day && (u64::from(binding) ^ (u64::from(day.0) << 7)) % passes == pass
        };
        let mut days = Days::default();
        let mut records = 0;
        cold.walk(horizon, &mut |record, age| {
            records += 1;
            add_record(record, age, &mine, &weights, &mut days);
        })?;
        compared.records = records;
        compared.day_blocks += compare(shared, view, &mine, &weights, days, &mut proven)?;
    }
    Ok(compared)
}

fn add_record(record: &ColdRecord, age: Age, mine: Mine<'_>, weights: &Weights, days: &mut Days) {
    record.record.contribute(|slot, counts| {
        if mine(record.binding, slot.day()) {
            let day = days.entry((record.binding, slot.day())).or_default();
            day.sum.add(weights, DayBlock::index_of(slot), counts);
            match age {
                Age::Live => {}
                Age::Passed => day.gone += counts,
            }
        }
    });
}

/// Takes every stored day out of `days` and compares; nothing may remain.
fn compare(
    shared: &Shared,
    view: &View,
    mine: Mine<'_>,
    weights: &Weights,
    mut days: Days,
    proven: &mut impl FnMut(&[u8], Proven),
) -> Result<u64, StoreError> {
    let catalog = &shared.catalog;
    let differs = |binding: u32, day: UtcDay| StoreError::Differs {
        detail: format!("binding {binding}, day {}", day.0),
    };
    let damaged = |key: &[u8]| {
        fault::corrupt(
            catalog.path(),
            0,
            format!("day block {key:02x?} is damaged"),
        )
    };
    let mut blocks = 0;
    catalog.each(view, &catalog.tallies, &[], |key, value| {
        let (binding, day) = binding_and_day(key).ok_or_else(|| damaged(key))?;
        if !mine(binding, day) {
            return Ok(true);
        }
        let mut stored = DayBlock::default();
        day_coding::add_to(key, value, &mut stored).ok_or_else(|| damaged(key))?;
        let stored = DaySum::of(weights, &stored);
        let recomputed = days.remove(&(binding, day)).unwrap_or_default();
        let (frozen, same) = match catalog.get(view, &catalog.frozen, key)? {
            None => (Counts::ZERO, stored == recomputed.sum),
            // Some records of the day are gone; their sum was kept.
            Some(frozen) => {
                let frozen = day_coding::decode_total(key, &frozen).ok_or_else(|| damaged(key))?;
                let same = stored.total == frozen + recomputed.sum.total;
                (frozen, same)
            }
        };
        if !same {
            return Err(differs(binding, day));
        }
        blocks += 1;
        let gone = recomputed.gone;
        proven(key, Proven { gone, frozen });
        Ok(true)
    })?;
    // A day whose counts sum up to nothing has no block, but may have a frozen sum.
    catalog.each(view, &catalog.frozen, &[], |key, value| {
        let (binding, day) = binding_and_day(key).ok_or_else(|| damaged(key))?;
        if mine(binding, day) && catalog.get(view, &catalog.tallies, key)?.is_none() {
            let frozen = day_coding::decode_total(key, value).ok_or_else(|| damaged(key))?;
            let recomputed = days.remove(&(binding, day)).unwrap_or_default();
            if frozen + recomputed.sum.total != Counts::ZERO {
                return Err(differs(binding, day));
            }
        }
        Ok(true)
    })?;
    match days.iter().find(|(_, day)| !day.sum.is_zero()) {
        Some(((binding, day), _)) => Err(differs(*binding, *day)),
        None => Ok(blocks),
    }
}

fn binding_and_day(key: &[u8]) -> Option<(u32, UtcDay)> {
    let key = u64::from_be_bytes(key.try_into().ok()?);
    Some(((key >> 32) as u32, UtcDay(key as u32)))
}

/// The books balance, and what they call quarantined is there.
fn books(shared: &Shared, view: &View) -> Result<(), StoreError> {
    let catalog = &shared.catalog;
    let mut held: BTreeMap<String, u64> = BTreeMap::new();
    catalog.each(view, &catalog.quarantine, &[], |key, value| {
        let item = Item::decode(value).ok_or_else(|| {
            fault::corrupt(catalog.path(), 0, format!("item {key:02x?} is damaged"))
        })?;
        if item.reason != Reason::Late {
            *held.entry(item.source.to_string()).or_default() += 1;
        }
        Ok(true)
    })?;
    for (name, books) in catalog.all_books(view)? {
        let there = held.get(&*name).copied().unwrap_or(0);
        if !books.balanced() || books.quarantined != there {
            let detail = format!("the books of `{name}`");
            return Err(StoreError::Differs { detail });
        }
    }
    Ok(())
}
