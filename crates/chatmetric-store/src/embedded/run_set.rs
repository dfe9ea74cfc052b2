//! Many runs as one set of cold records, and merging them.
//!
//! Not here: which runs there are (`shared`) and which are merged (`merger`).
//! Invariant: runs stand from the oldest to the newest, and the newest hit wins.

use super::cold::{Age, ColdRecord, ColdRecords, Horizon};
use super::run::{Run, RunCursor};
use crate::api::StoreError;
use chatmetric_core::Fingerprint;
use std::sync::Arc;

/// The runs that a look-up asks, from the oldest to the newest.
#[derive(Debug, Default)]
pub(crate) struct RunSet {
    pub(crate) runs: Vec<Arc<Run>>,
}

impl ColdRecords for RunSet {
    fn find(&self, fingerprint: Fingerprint) -> Result<Option<ColdRecord>, StoreError> {
        for run in self.runs.iter().rev() {
            if let Some(record) = run.find(fingerprint)? {
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
}

impl<'r> Heads<'r> {
    fn new(runs: &'r [Arc<Run>]) -> Result<Self, StoreError> {
        let mut cursors: Vec<RunCursor<'r>> = runs.iter().map(|run| run.records()).collect();
        let heads = cursors.iter_mut().map(RunCursor::next);
        let heads = heads.collect::<Result<_, _>>()?;
        Ok(Self { cursors, heads })
    }

    /// The least fingerprint that comes next.
    fn least(&self) -> Option<Fingerprint> {
        self.heads.iter().flatten().map(|it| it.fingerprint).min()
    }

    /// Takes the record of this fingerprint out of one run.
    fn take(
        &mut self,
        run: usize,
        fingerprint: Fingerprint,
    ) -> Result<Option<ColdRecord>, StoreError> {
        if self.heads[run].is_none_or(|it| it.fingerprint != fingerprint) {
            return Ok(None);
        }
        let next = self.cursors[run].next()?;
        Ok(std::mem::replace(&mut self.heads[run], next))
    }
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
