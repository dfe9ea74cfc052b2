//! Many runs as one set of cold records, and merging them.
//!
//! Not here: which runs there are (`shared`) and which are merged (`merger`).
//! Invariant: runs stand from the oldest to the newest, and the newest hit wins.

use super::cold::{Age, Candidates, ColdRecord, ColdRecords, Horizon};
use super::filter::Probe;
use super::run::{Run, RunCursor};
use crate::api::StoreError;
use chatmetric_core::Fingerprint;
use std::sync::Arc;

/// Runs that have a bit in [`Candidates`].
const CANDIDATES_MAX: usize = u64::BITS as usize;

/// The runs that a look-up asks, from the oldest to the newest.
#[derive(Debug, Default)]
pub(crate) struct RunSet {
    pub(crate) runs: Vec<Arc<Run>>,
}

impl RunSet {
    /// Folds filters, and lets go of them, until they fit into `bytes_max`: the largest
    /// first and of those the oldest, because each run is asked for each new message,
    /// whatever its size.
    pub(crate) fn within(mut self, bytes_max: u64) -> Self {
        let mut left: u64 = self.runs.iter().map(|run| run.filter_bytes()).sum();
        while left > bytes_max {
            let largest = self
                .runs
                .iter_mut()
                .rev()
                .max_by_key(|run| run.filter_bytes());
            let Some(largest) = largest else {
                break;
            };
            let less = Arc::new(largest.with_less_filter());
            left -= largest.filter_bytes() - less.filter_bytes();
            *largest = less;
        }
        self
    }
}

impl ColdRecords for RunSet {
    fn candidates(&self, fingerprint: Fingerprint) -> Candidates {
        let probe = Probe::of(fingerprint);
        let newest = self.runs.iter().rev().take(CANDIDATES_MAX);
        let mask = newest.enumerate().fold(0, |mask, (at, run)| {
            mask | (u64::from(run.may_contain(&probe)) << at)
        });
        Candidates(mask)
    }

    fn prefetch(&self, fingerprint: Fingerprint, candidates: Candidates) -> Candidates {
        let Candidates(mut left) = candidates;
        let mut mask = left;
        while mask != 0 {
            let at = mask.trailing_zeros() as usize;
            mask &= mask - 1;
            let run = self.runs.iter().rev().nth(at);
            if run.is_some_and(|run| !run.prefetch(fingerprint)) {
                left &= !(1 << at);
            }
        }
        Candidates(left)
    }

    fn has_filters_on_disk(&self) -> bool {
        self.runs.iter().any(|run| !run.has_whole_filter())
    }

    fn find_among(
        &self,
        fingerprint: Fingerprint,
        Candidates(mut mask): Candidates,
    ) -> Result<Option<ColdRecord>, StoreError> {
        while mask != 0 {
            let at = mask.trailing_zeros() as usize;
            mask &= mask - 1;
            let run = self.runs.iter().rev().nth(at);
            if let Some(run) = run
                && let Some(record) = run.find(fingerprint)?
            {
                return Ok(Some(record));
            }
        }
        if self.runs.len() <= CANDIDATES_MAX {
            return Ok(None);
        }
        let probe = Probe::of(fingerprint);
        for run in self.runs.iter().rev().skip(CANDIDATES_MAX) {
            if run.may_contain(&probe)
                && let Some(record) = run.find(fingerprint)?
            {
                return Ok(Some(record));
            }
        }
        Ok(None)
    }

    fn walk(
        &self,
        horizon: Horizon,
        give: &mut dyn FnMut(&ColdRecord, Age),
    ) -> Result<(), StoreError> {
        let mut heads = Heads::new(&self.runs)?;
        while let Some(least) = heads.least() {
            let mut newer: Option<ColdRecord> = None;
            for (at, run) in self.runs.iter().enumerate().rev() {
                let Some(record) = heads.take(at, least)? else {
                    continue;
                };
                let passed = horizon.passed(run.week);
                let joined = newer.map(|it| it.record.merge(&record.record));
                // What the newest record does not contain was forgotten before it.
                if newer.is_none_or(|it| passed && joined != Some(it.record)) {
                    give(&record, if passed { Age::Passed } else { Age::Live });
                }
                newer = Some(ColdRecord {
                    record: joined.unwrap_or(record.record),
                    ..record
                });
            }
        }
        Ok(())
    }
}

/// The next record of each of some runs.
struct Heads<'r> {
    cursors: Vec<RunCursor<'r>>,
    heads: Vec<Option<ColdRecord>>,
    /// The fingerprints of the heads side by side, [`END`] for none.
    keys: Vec<u128>,
}

/// Behind every fingerprint; one that is equal to it is found by its head.
const END: u128 = u128::MAX;

impl<'r> Heads<'r> {
    fn new(runs: &'r [Arc<Run>]) -> Result<Self, StoreError> {
        let mut cursors: Vec<RunCursor<'r>> = runs.iter().map(|run| run.records()).collect();
        let heads = cursors.iter_mut().map(RunCursor::next);
        let heads: Vec<_> = heads.collect::<Result<_, _>>()?;
        let keys = heads.iter().map(key_of).collect();
        Ok(Self {
            cursors,
            heads,
            keys,
        })
    }

    /// The least fingerprint that comes next.
    fn least(&self) -> Option<Fingerprint> {
        let least = self.keys.iter().copied().min()?;
        let ended = least == END && self.heads.iter().all(Option::is_none);
        (!ended).then_some(Fingerprint(least))
    }

    /// Takes the record of this fingerprint out of one run.
    fn take(
        &mut self,
        run: usize,
        fingerprint: Fingerprint,
    ) -> Result<Option<ColdRecord>, StoreError> {
        if self.keys[run] != fingerprint.0 {
            return Ok(None);
        }
        let Some(head) = self.heads[run].take() else {
            return Ok(None);
        };
        self.heads[run] = self.cursors[run].next()?;
        self.keys[run] = key_of(&self.heads[run]);
        Ok(Some(head))
    }
}

fn key_of(head: &Option<ColdRecord>) -> u128 {
    head.as_ref().map_or(END, |record| record.fingerprint.0)
}

/// Walks runs of one week at once, in the order of fingerprints; of a message that
/// several runs hold, the newest record is given.
pub(crate) fn merge(
    runs: &[Arc<Run>],
    mut give: impl FnMut(&ColdRecord) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let mut heads = Heads::new(runs)?;
    while let Some(least) = heads.least() {
        let mut newest = None;
        for at in (0..runs.len()).rev() {
            newest = newest.or(heads.take(at, least)?);
        }
        if let Some(newest) = newest {
            give(&newest)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
