//! Dropping weeks of records behind the floor: nothing may change them any more.
//!
//! A week goes when the floor, as the catalog has it, is 30 days past its end
//! (the longest time between two statuses of a message). Its runs are taken out
//! of the look-ups first; when every generation that may have met them is sealed,
//! one pass adds up all records and compares the stored days with the sum, and one
//! batch takes the runs out of the manifest and keeps what their records added to
//! each day, so that `verify` can still check those days.
//!
//! Invariant: only days that were just proven are frozen, and only the runs that
//! were proven leave the manifest; whatever is sealed meanwhile stays in it.

use super::catalog::RunEntry;
use super::cold::Horizon;
use super::fault;
use super::generation::lock;
use super::options::Step;
use super::queue::{Command, Job};
use super::run::Run;
use super::run_set::RunSet;
use super::shared::Shared;
use super::verify;
use super::{day_coding, retention};
use crate::api::StoreError;
use chatmetric_core::Counts;
use std::sync::{Arc, mpsc};

/// Drops the weeks and the days that are due; gives how many runs went.
pub(crate) fn retire(shared: &Shared) -> Result<usize, StoreError> {
    let floor_ms = shared.catalog.get_u64(&shared.catalog.view(), "floor")?;
    let horizon = Horizon::of(floor_ms);
    let dropped = drop_weeks(shared, horizon)?;
    retention::drop_days(shared, floor_ms)?;
    Ok(dropped)
}

fn drop_weeks(shared: &Shared, horizon: Horizon) -> Result<usize, StoreError> {
    let due = |run: &Arc<Run>| horizon.passed(run.week);
    if !shared.runs().runs.iter().any(due) {
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
    let dropped = shared
        .step(Step::WeeksTakenOut)
        .and_then(|()| drop_runs(shared, horizon, &old));
    if dropped.is_err() {
        let _commit = lock(&shared.commit);
        shared.set_runs(with_old(shared, &old));
        return dropped;
    }
    shared.step(Step::WeeksDropped)?;
    for run in &old {
        if let Err(error) = shared.options.disk.remove(run.path()) {
            tracing::warn!(%error, path = %run.path().display(), "could not remove an old run");
        }
    }
    dropped
}

/// The runs of the look-ups with the old ones in front of them again.
fn with_old(shared: &Shared, old: &[Arc<Run>]) -> RunSet {
    let mut runs = old.to_vec();
    runs.extend(shared.runs().runs.iter().cloned());
    RunSet { runs }
}

fn drop_runs(shared: &Shared, horizon: Horizon, old: &[Arc<Run>]) -> Result<usize, StoreError> {
    seal_open(shared)?;
    let (runs, view) = {
        let _commit = lock(&shared.commit);
        (with_old(shared, old), shared.catalog.view())
    };
    let catalog = &shared.catalog;
    let mut batch = catalog.batch();
    verify::tallies(shared, &runs, horizon, &view, |key, day| {
        if day.gone != Counts::ZERO {
            let gone = day.gone + day.frozen;
            batch.insert(&catalog.frozen, key, day_coding::encode_total(key, &gone));
        }
    })?;
    let _commit = lock(&shared.commit);
    let named = catalog.manifest(&catalog.view())?;
    let mine = |entry: &&RunEntry| old.iter().any(|run| run.id == entry.id);
    for entry in named.iter().filter(mine) {
        batch.remove(&catalog.runs, entry.order.to_be_bytes());
    }
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

#[cfg(test)]
mod tests;
