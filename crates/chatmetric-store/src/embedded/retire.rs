//! Dropping weeks of records behind the floor: nothing may change them any more.
//!
//! A week goes when the floor, as the catalog has it, is 30 days past its end
//! (the longest time between two statuses of a message). Its runs are taken out
//! of the look-ups first; when every generation that may have met them is sealed,
//! one batch takes them out of the manifest and keeps what their records added to
//! each day, so that `verify` can still check those days.

use super::day_coding;
use super::fault;
use super::generation::lock;
use super::queue::{Command, Job};
use super::run::{Run, RunSet};
use super::sealer::WEEK_MS;
use super::shared::Shared;
use super::verify::{self, Blocks};
use crate::api::StoreError;
use chatmetric_core::{Counts, DayBlock};
use std::sync::{Arc, mpsc};

/// How long after the floor a record may still be changed, in ms.
const STATUS_DISTANCE_MS: i64 = 30 * 86_400_000;

/// Drops the weeks that are due; gives how many runs went.
pub(crate) fn retire(shared: &Shared) -> Result<usize, StoreError> {
    let floor = shared.catalog.get_u64(&shared.catalog.view(), "floor")?;
    let Some(floor) = floor else {
        return Ok(0);
    };
    let end_ms = floor as i64 - STATUS_DISTANCE_MS;
    let due = |run: &Arc<Run>| (i64::from(run.week) + 1) * WEEK_MS <= end_ms;
    if !shared.runs().runs.first().is_some_and(due) {
        return Ok(0);
    }
    // A verification must not meet the state between the two steps.
    let _maintenance = lock(&shared.maintenance);
    let old: Vec<Arc<Run>> = {
        let _commit = lock(&shared.commit);
        let (old, rest) = shared.runs().runs.iter().cloned().partition(due);
        shared.set_runs(RunSet { runs: rest });
        old
    };
    let dropped = drop_runs(shared, &old);
    if dropped.is_err() {
        let _commit = lock(&shared.commit);
        let mut runs = old;
        runs.extend(shared.runs().runs.iter().cloned());
        shared.set_runs(RunSet { runs });
        return dropped;
    }
    for run in &old {
        if let Err(error) = shared.options.disk.remove(run.path()) {
            tracing::warn!(%error, path = %run.path().display(), "could not remove an old run");
        }
    }
    dropped
}

fn drop_runs(shared: &Shared, old: &[Arc<Run>]) -> Result<usize, StoreError> {
    seal_open(shared)?;
    let (runs, view) = {
        let _commit = lock(&shared.commit);
        (shared.runs(), shared.catalog.view())
    };
    let catalog = &shared.catalog;
    let mut batch = catalog.batch();
    // What the stored days count beyond the records that stay is what goes.
    verify::passes(shared, &runs, &view, |mine, blocks: &mut Blocks, _| {
        catalog.each(&view, &catalog.tallies, &[], |key, value| {
            let damaged = || fault::corrupt(catalog.path(), 0, "a day block is damaged");
            let (binding, day) = verify::binding_and_day(key).ok_or_else(damaged)?;
            if !mine(binding, day) {
                return Ok(true);
            }
            let mut stored = DayBlock::default();
            day_coding::add_to(key, value, &mut stored).ok_or_else(damaged)?;
            let stays = blocks.remove(&(binding, day)).unwrap_or_default();
            let gone = stored.total() + -stays.total();
            if gone != Counts::ZERO {
                batch.insert(&catalog.frozen, key, day_coding::encode_total(key, &gone));
            }
            Ok(true)
        })
    })?;
    for run in old {
        batch.remove(&catalog.runs, run.order.to_be_bytes());
    }
    let _commit = lock(&shared.commit);
    catalog.commit(batch).inspect_err(|error| {
        shared.poison(fault::chain(error));
    })?;
    Ok(old.len())
}

/// Seals every generation that may have met the old runs.
fn seal_open(shared: &Shared) -> Result<(), StoreError> {
    let (sender, receiver) = mpsc::channel();
    for shard in &shared.shards {
        let sender = sender.clone();
        let done = Box::new(move |result| drop(sender.send(result)));
        if let Err(refused) = shard.queue.push(Job::Command(Command::Rotate, done)) {
            refused.answer();
        }
    }
    drop(sender);
    for result in receiver {
        result.map(|_: u64| ())?;
    }
    let sealed = |shard| verify::wait_sealed(shared, shard);
    if shared.shards.iter().all(sealed) {
        return Ok(());
    }
    shared.check()?;
    Err(StoreError::Closed)
}
