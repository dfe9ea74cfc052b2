//! Sealing: a finished generation becomes a run, its differences become part of
//! the tallies, its segment goes.
//!
//! Invariant: the run and its name are durable before the one atomic batch that
//! names it; the segment is removed after that batch. A stop between any two
//! steps leaves either the segment or the run in force, never both.

use super::catalog::{View, segment_key, tail_key, tally_key};
use super::cold::WEEK_MS;
use super::day_cache::Changed;
use super::day_coding;
use super::explained;
use super::fault;
use super::generation::{Finished, Side, lock};
use super::journal::segment_path;
use super::offsets;
use super::options::Step;
use super::run::{FinishedRun, Run, RunWriter};
use super::run_set::RunSet;
use super::segment::RETRY_AFTER;
use super::shared::Shared;
use crate::api::{Books, StoreError};
use chatmetric_core::DayBlock;
use fjall::OwnedWriteBatch;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

/// The thread that seals the generations of a shard, one at a time.
pub(crate) fn run(shared: &Shared, number: usize) {
    let shard = &shared.shards[number];
    loop {
        let mut state = lock(&shard.state);
        while shard.view().pending.is_empty() && !shared.stopping() {
            state = shard
                .changed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
        drop(state);
        let view = shard.view();
        // After a failed write or sync nothing is sealed until restart.
        let poisoned = shared.check().is_err();
        let Some(oldest) = view.pending.first().filter(|_| !poisoned) else {
            if shared.stopping() {
                return;
            }
            let state = lock(&shard.state);
            drop(shard.changed.wait_timeout(state, RETRY_AFTER));
            continue;
        };
        if shared.stopping() {
            return;
        }
        let result = seal(shared, shard.number, &shard.dir, oldest, || {
            shard.change_view(|view| {
                view.pending.remove(0);
            });
        });
        let mut state = lock(&shard.state);
        match result {
            Ok(()) => {
                let failed_before = state.seal_failed.take().is_some();
                drop(state);
                if failed_before {
                    shared.set_waiting(None);
                }
                shard.changed.notify_all();
                *lock(&shared.merge_wanted) = true;
                shared.merge_wake.notify_all();
            }
            Err(error) => {
                let reason = fault::chain(&error);
                tracing::warn!(reason, "could not seal a generation");
                state.seal_failed = Some(reason);
                shard.changed.notify_all();
                if !shared.stopping() {
                    drop(shard.changed.wait_timeout(state, RETRY_AFTER));
                }
            }
        }
    }
}

/// The file of a run.
pub(crate) fn run_path(shared: &Shared, id: u64) -> PathBuf {
    shared.runs_dir().join(format!("{id:016}.run"))
}

/// Seals one generation; `committed` is called when readers may forget it.
pub(crate) fn seal(
    shared: &Shared,
    shard: u32,
    dir: &Path,
    finished: &Finished,
    committed: impl FnOnce(),
) -> Result<(), StoreError> {
    let run = write_run(shared, finished)?;
    let guard = lock(&shared.commit);
    let runs = shared.runs();
    let view = shared.catalog.view();
    let mut batch = shared.catalog.batch();
    let run = run.map(|run| Arc::new(run.in_place(shared.next_order(&guard))));
    if let Some(run) = &run {
        shared.catalog.put_run(&mut batch, &run.entry());
    }
    let days = add_tallies(shared, &view, &mut batch, finished)?;
    explained::add(shared, &view, &mut batch, &finished.published)?;
    add_side(shared, &view, &mut batch, &lock(&finished.published.side))?;
    let meta = &shared.catalog.meta;
    let next = finished.published.segment + 1;
    batch.insert(meta, segment_key(shard), next.to_le_bytes());
    batch.insert(meta, tail_key(shard), finished.next.to_le_bytes());
    batch.insert(meta, sealed_key(shard), finished.next.to_le_bytes());
    if let Err(error) = shared.catalog.commit(batch) {
        // The engine takes nothing more, and whether this is on disk is unknown.
        shared.poison(fault::chain(&error));
        return Err(error);
    }
    if let Some(run) = run {
        let mut all = runs.runs.clone();
        all.push(run);
        shared.set_runs(RunSet { runs: all });
    }
    // Before readers may forget the generation. A start that seals the journals of
    // other shards has no readers yet.
    if let Some(shard) = shared.shards.get(shard as usize) {
        shared.day_cache.apply(days, next, &shard.sealed);
    }
    drop(guard);
    shared.step(Step::SealCommitted)?;
    committed();
    let path = segment_path(dir, finished.published.segment);
    if let Err(error) = shared.options.disk.remove(&path) {
        tracing::warn!(%error, path = %path.display(), "could not remove a sealed segment");
    }
    shared.step(Step::SegmentRemoved)
}

/// The key of the place behind the last sealed frame.
pub(crate) fn sealed_key(shard: u32) -> String {
    format!("sealed/{shard}")
}

/// Writes the records as a run, durable with its name; none for no records.
fn write_run(shared: &Shared, finished: &Finished) -> Result<Option<Run>, StoreError> {
    let records = finished.hot.sorted();
    if records.is_empty() {
        return Ok(None);
    }
    let last_change_ms = finished.published.last_change_ms.load(Ordering::Relaxed);
    let own_week = u32::try_from(last_change_ms / WEEK_MS).unwrap_or(0);
    // Weeks never go back, so that the runs of a week stand side by side.
    let week = shared
        .runs()
        .runs
        .last()
        .map_or(own_week, |last| last.week.max(own_week));
    let write = |path: &Path| {
        let disk = shared.options.disk.as_ref();
        // Of a generation it is a thirtieth of what that has in memory.
        let filter = (records.len() as u64, u64::MAX);
        let mut writer = RunWriter::create(disk, path.to_owned(), filter)?;
        for record in &records {
            writer.push(record)?;
        }
        writer.finish(week)
    };
    let id = shared.next_run.fetch_add(1, Ordering::Relaxed);
    let path = run_path(shared, id);
    let written = write(&path)
        .and_then(|run| make_durable(shared, &run, true))
        .and_then(|()| Run::open(path.clone(), (id, 0, 0), Some(0)));
    if written.is_err() && !shared.stopping() {
        // Half a run would only take away more of the space that is short.
        drop(shared.options.disk.remove(&path));
    }
    written.map(Some)
}

/// Syncs a run and then its name; `sealing` passes the steps of a seal.
pub(crate) fn make_durable(
    shared: &Shared,
    run: &FinishedRun,
    sealing: bool,
) -> Result<(), StoreError> {
    let pass = |step| {
        if sealing { shared.step(step) } else { Ok(()) }
    };
    pass(Step::RunWritten)?;
    run.sync()?;
    pass(Step::RunSynced)?;
    let dir = shared.runs_dir();
    shared
        .options
        .disk
        .sync_dir(&dir)
        .map_err(|error| fault::io("sync", &dir, error))?;
    pass(Step::RunNamed)
}

/// Adds the differences to the stored days; gives the blocks as they are then.
fn add_tallies(
    shared: &Shared,
    view: &View,
    batch: &mut OwnedWriteBatch,
    finished: &Finished,
) -> Result<Vec<Changed>, StoreError> {
    let catalog = &shared.catalog;
    let mut sum = DayBlock::default();
    let mut changes = Vec::new();
    for stripe in finished.published.stripes() {
        for (binding, days) in stripe.iter() {
            let mut kept = shared.day_cache.has(binding).then(Vec::new);
            for hot in days.filter(|hot| !hot.is_zero()) {
                let key = tally_key(binding, hot.day.0);
                sum.clear();
                hot.add_to(&mut sum);
                if let Some(value) = catalog.get(view, &catalog.tallies, key)? {
                    day_coding::add_to(&key, &value, &mut sum).ok_or_else(|| {
                        let detail = format!("day block {key:02x?} is damaged");
                        fault::corrupt(catalog.path(), 0, detail)
                    })?;
                }
                let value = (!sum.is_zero()).then(|| day_coding::encode(&key, &sum));
                if let Some(kept) = &mut kept {
                    let body = value.as_deref();
                    let body = body.and_then(|value| day_coding::unseal(&key, value));
                    kept.push((hot.day, body.map(Box::from)));
                }
                match value {
                    Some(value) => batch.insert(&catalog.tallies, key, value),
                    None => batch.remove(&catalog.tallies, key),
                }
            }
            changes.push((binding, kept));
        }
    }
    Ok(changes)
}

fn add_side(
    shared: &Shared,
    view: &View,
    batch: &mut OwnedWriteBatch,
    side: &Side,
) -> Result<(), StoreError> {
    let catalog = &shared.catalog;
    for binding in &side.bindings {
        catalog.put_binding(batch, binding);
    }
    if !side.books.is_empty() {
        let stored = catalog.all_books(view)?;
        for (name, delta) in &side.books {
            let known = stored.iter().find(|(it, _)| it == name);
            let mut books = known.map_or_else(Books::default, |(_, books)| *books);
            delta.apply_to(&mut books);
            catalog.put_books(batch, name, books);
        }
    }
    for (id, item) in &side.quarantine {
        catalog.change_item(view, batch, *id, item.as_deref())?;
    }
    let meta = &catalog.meta;
    if let Some((last, _)) = side.quarantine.last_key_value() {
        let next = catalog.get_u64(view, "next_item")?.unwrap_or(0);
        batch.insert(meta, "next_item", next.max(last + 1).to_le_bytes());
    }
    if let Some(floor) = side.floor {
        let floor = (floor.0.max(0) as u64).max(catalog.get_u64(view, "floor")?.unwrap_or(0));
        batch.insert(meta, "floor", floor.to_le_bytes());
    }
    explained::add_usual(shared, batch, &side.usual);
    for (source, offset) in &side.offsets {
        offsets::put(catalog, batch, source, offset);
    }
    Ok(())
}
