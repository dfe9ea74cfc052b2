//! Checking everything: checksums of journals and runs, the books against the
//! quarantine, and the tallies against the records, while the store goes on.
//!
//! What is open is sealed first, so that one snapshot of the catalog and the runs
//! that its manifest names are the whole state. Where nothing can be sealed any
//! more (closed or poisoned), the open segments are folded again and compared
//! with what readers see. Memory is bounded: the day blocks are recomputed in as
//! many passes over the runs as they need.

use super::catalog::View;
use super::generation::{Finished, Fold, Published, lock};
use super::item::Item;
use super::journal::{scan, segment_path};
use super::queue::{Command, Job};
use super::run::{self, Run, RunRecord, RunSet};
use super::shared::{Shard, Shared};
use super::{EmbeddedStore, day_coding, fault};
use crate::api::{Reason, StoreError, VerifyReport};
use chatmetric_core::{Counts, DayBlock, UtcDay};
use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;
use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError, mpsc};

/// Day blocks that one pass recomputes (2 KB each).
const PASS_BLOCKS: u64 = 32 * 1024;

/// Recomputed day blocks by binding and day.
pub(crate) type Blocks = HashMap<(u32, UtcDay), DayBlock, FxBuildHasher>;

pub(crate) fn verify(store: &EmbeddedStore) -> Result<VerifyReport, StoreError> {
    let shared = &store.shared;
    let _maintenance = lock(&shared.maintenance);
    let mut report = VerifyReport::default();
    for shard in &shared.shards {
        journals(shard, &mut report)?;
    }
    let open = rotate(store) && shared.shards.iter().all(|shard| wait_sealed(shared, shard));
    if !open {
        for shard in &shared.shards {
            memory(shard)?;
        }
    }
    let (runs, view) = {
        let _commit = lock(&shared.commit);
        (shared.runs(), shared.catalog.view())
    };
    for run in &runs.runs {
        let again = Run::open(run.path().to_owned(), run.id, run.level, run.order);
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
    tallies(shared, &runs, &view, &mut report)?;
    books(shared, &view)?;
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
    let mut fold = Fold::new(generation.segment);
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

/// Compares all day blocks with the records of the runs.
fn tallies(
    shared: &Shared,
    runs: &RunSet,
    view: &View,
    report: &mut VerifyReport,
) -> Result<(), StoreError> {
    passes(shared, runs, view, |mine, blocks, records| {
        report.records = records;
        compare(shared, view, mine, blocks, report)
    })
}

/// Which bindings and days a pass recomputes.
pub(crate) type Mine<'m> = &'m dyn Fn(u32, UtcDay) -> bool;

/// Recomputes all day blocks from the records, some of them in each pass.
pub(crate) fn passes(
    shared: &Shared,
    runs: &RunSet,
    view: &View,
    mut pass_done: impl FnMut(Mine<'_>, &mut Blocks, u64) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let catalog = &shared.catalog;
    let mut stored = 0_u64;
    catalog.each(view, &catalog.tallies, &[], |_, _| {
        stored += 1;
        Ok(true)
    })?;
    let passes = stored.div_ceil(PASS_BLOCKS).max(1);
    for pass in 0..passes {
        let mine = |binding: u32, day: UtcDay| {
            (u64::from(binding) ^ (u64::from(day.0) << 7)) % passes == pass
        };
        let mut blocks = Blocks::default();
        let mut records = 0;
        run::merge(&runs.runs, |record| {
            records += 1;
            add_record(record, mine, &mut blocks);
            Ok(())
        })?;
        pass_done(&mine, &mut blocks, records)?;
    }
    Ok(())
}

fn add_record(record: &RunRecord, mine: impl Fn(u32, UtcDay) -> bool, blocks: &mut Blocks) {
    record.record.contribute(|slot, counts| {
        if mine(record.binding, slot.day()) {
            blocks
                .entry((record.binding, slot.day()))
                .or_default()
                .add(DayBlock::index_of(slot), counts);
        }
    });
}

/// Takes every stored block out of `blocks` and compares; nothing may remain.
fn compare(
    shared: &Shared,
    view: &View,
    mine: Mine<'_>,
    blocks: &mut Blocks,
    report: &mut VerifyReport,
) -> Result<(), StoreError> {
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
    catalog.each(view, &catalog.tallies, &[], |key, value| {
        let (binding, day) = binding_and_day(key).ok_or_else(|| damaged(key))?;
        if !mine(binding, day) {
            return Ok(true);
        }
        let mut stored = DayBlock::default();
        day_coding::add_to(key, value, &mut stored).ok_or_else(|| damaged(key))?;
        let recomputed = blocks.remove(&(binding, day)).unwrap_or_default();
        let same = match catalog.get(view, &catalog.frozen, key)? {
            None => stored == recomputed,
            // Some records of the day are gone; their sum was kept.
            Some(frozen) => {
                let gone = day_coding::decode_total(key, &frozen).ok_or_else(|| damaged(key))?;
                stored.total() == gone + recomputed.total()
            }
        };
        report.day_blocks += 1;
        if same {
            Ok(true)
        } else {
            Err(differs(binding, day))
        }
    })?;
    catalog.each(view, &catalog.frozen, &[], |key, value| {
        let (binding, day) = binding_and_day(key).ok_or_else(|| damaged(key))?;
        if mine(binding, day) && catalog.get(view, &catalog.tallies, key)?.is_none() {
            let gone = day_coding::decode_total(key, value).ok_or_else(|| damaged(key))?;
            let recomputed = blocks.remove(&(binding, day)).unwrap_or_default();
            if gone + recomputed.total() != Counts::ZERO {
                return Err(differs(binding, day));
            }
        }
        Ok(true)
    })?;
    match blocks.iter().find(|(_, block)| !block.is_zero()) {
        Some(((binding, day), _)) => Err(differs(*binding, *day)),
        None => Ok(()),
    }
}

pub(crate) fn binding_and_day(key: &[u8]) -> Option<(u32, UtcDay)> {
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
