//! Merging runs by size, in a thread of its own that never holds up sealing.
//!
//! Only runs that stand side by side in age and belong to one week are merged,
//! and the result takes the place of the newest of them, so that the newest hit
//! of a look-up stays the right one. Invariant: the manifest changes in one
//! atomic batch; the inputs are removed after it.

use super::catalog::RunEntry;
use super::fault;
use super::filter::{Filter, fold_to_fit};
use super::generation::lock;
use super::options::Step;
use super::retire;
use super::run::{Run, RunWriter};
use super::run_set::{self, RunSet};
use super::sealer::{make_durable, run_path};
use super::segment::RETRY_AFTER;
use super::shared::Shared;
use crate::api::StoreError;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

/// Longest sleep while there is nothing to do; whatever there is to do wakes it.
const IDLE_WAIT: Duration = Duration::from_secs(3600);
/// How soon to look again whether old sets of runs are still looked into.
const LEFT_WAIT: Duration = Duration::from_millis(100);

/// The thread that merges.
pub(crate) fn run(shared: &Shared) {
    let mut may_retire = shared.options.drops_weeks;
    loop {
        let left = shared.let_go_of_old_runs();
        let mut wanted = lock(&shared.merge_wanted);
        if !*wanted && !shared.stopping() {
            let longest = if left == 0 { IDLE_WAIT } else { LEFT_WAIT };
            wanted = shared
                .merge_wake
                .wait_timeout(wanted, longest)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
        if !*wanted && !shared.stopping() {
            continue;
        }
        *wanted = false;
        drop(wanted);
        loop {
            // Also while merges fail: what they leave open takes space and memory.
            shared.let_go_of_old_runs();
            if shared.stopping() || shared.check().is_err() {
                break;
            }
            let Some(inputs) = pick(&shared.runs(), shared.options.merge_fan_in.max(2)) else {
                break;
            };
            if let Err(error) = merge(shared, &inputs) {
                let reason = fault::chain(&error);
                tracing::warn!(reason, "could not merge runs");
                let wanted = lock(&shared.merge_wanted);
                if !shared.stopping() {
                    drop(shared.merge_wake.wait_timeout(wanted, RETRY_AFTER));
                }
            }
        }
        if shared.stopping() {
            return;
        }
        if !may_retire || shared.check().is_err() {
            continue;
        }
        match retire::retire(shared) {
            Ok(_) => {}
            // It would differ again; the records stay as the evidence.
            Err(StoreError::Differs { detail }) => {
                tracing::error!(
                    detail,
                    "old weeks are kept: their tallies differ from the records"
                );
                may_retire = false;
            }
            Err(error) => {
                let reason = fault::chain(&error);
                tracing::warn!(reason, "could not drop old weeks");
            }
        }
    }
}

/// Neighbours of one week to merge: as many of one level as the fan-in says, or
/// everything that a closed week still has.
fn pick(set: &RunSet, fan_in: usize) -> Option<Vec<Arc<Run>>> {
    let newest_week = set.runs.last()?.week;
    for week in set.runs.chunk_by(|a, b| a.week == b.week) {
        let closed = week.first()?.week < newest_week;
        if closed && week.len() > 1 {
            return Some(week.iter().take(fan_in).cloned().collect());
        }
        for level in week.chunk_by(|a, b| a.level == b.level) {
            if level.len() >= fan_in {
                return Some(level.iter().take(fan_in).cloned().collect());
            }
        }
    }
    None
}

fn merge(shared: &Shared, inputs: &[Arc<Run>]) -> Result<(), StoreError> {
    let Some(newest) = inputs.last() else {
        return Ok(());
    };
    let id = shared.next_run.fetch_add(1, Ordering::Relaxed);
    let path = run_path(shared, id);
    let level = inputs.iter().map(|it| it.level).max().unwrap_or(0) + 1;
    let write = || {
        let disk = shared.options.disk.as_ref();
        let records_max = inputs.iter().map(|it| it.records).sum();
        let filter = (records_max, shared.options.merge_filter_bytes_max);
        let mut writer = RunWriter::create(disk, path.clone(), filter)?;
        let mut count = 0_u32;
        run_set::merge(inputs, |record| {
            count = count.wrapping_add(1);
            if count.is_multiple_of(4096) && shared.stopping() {
                return Err(StoreError::Closed);
            }
            if count.is_multiple_of(1 << 20) {
                shared.let_go_of_old_runs();
            }
            writer.push(record)
        })?;
        let merged = writer.finish(newest.week)?;
        make_durable(shared, &merged, false)?;
        shared.step(Step::MergeWritten)?;
        let filter_bytes = Filter::bytes_for(records_max);
        let fold = fold_to_fit(filter_bytes, shared.options.filter_bytes_max);
        Run::open(path.clone(), (id, level, newest.order), fold)
    };
    match write() {
        Ok(merged) => swap(shared, inputs, Arc::new(merged)),
        Err(error) => {
            if shared.check().is_ok() {
                drop(shared.options.disk.remove(&path));
            }
            Err(error)
        }
    }
}

fn swap(shared: &Shared, inputs: &[Arc<Run>], merged: Arc<Run>) -> Result<(), StoreError> {
    let guard = lock(&shared.commit);
    let mut batch = shared.catalog.batch();
    for input in inputs {
        batch.remove(&shared.catalog.runs, input.order.to_be_bytes());
    }
    let entry: RunEntry = merged.entry();
    shared.catalog.put_run(&mut batch, &entry);
    if let Err(error) = shared.catalog.commit(batch) {
        shared.poison(fault::chain(&error));
        return Err(error);
    }
    let is_input = |run: &Run| inputs.iter().any(|input| input.id == run.id);
    let mut all = Vec::new();
    for run in &shared.runs().runs {
        if run.order == merged.order {
            all.push(Arc::clone(&merged));
        } else if !is_input(run) {
            all.push(Arc::clone(run));
        }
    }
    shared.set_runs(RunSet { runs: all });
    drop(guard);
    shared.step(Step::MergeCommitted)?;
    for input in inputs {
        if let Err(error) = shared.options.disk.remove(input.path()) {
            tracing::warn!(%error, path = %input.path().display(), "could not remove a merged run");
        }
    }
    Ok(())
}
