//! One store becomes several: each number, with all that is kept of it, goes into the part
//! that the caller names.
//!
//! What is open is sealed first; then one pass over the runs writes the runs of all parts,
//! and the catalog of each part is filled binding by binding (`split/catalog_of.rs`).
//! Bindings are numbered anew in each part, without holes, as if it had always been alone.
//! The books of a source stay whole in one part but for what is in quarantine elsewhere:
//! each part's books balance and name the items that it has, and their sum is the old books.
//! Offsets of streams are left behind.
//!
//! Not here: which part a number belongs to, and what becomes of the parts. Invariants: the
//! old store stays as it is; every record, day and item is in exactly one part; memory does
//! not grow with the number of messages, but for the index of one run at a time and the
//! filters of its parts, each 4 MiB at most.

mod catalog_of;

use super::EmbeddedStore;
use super::catalog::{Catalog, RunEntry, View};
use super::cut::run_name;
use super::disk::RealDisk;
use super::fault;
use super::generation::lock;
use super::item::{Body, Item};
use super::recovery::FORMAT;
use super::restore::StoreRestore;
use super::run::{Run, RunWriter};
use super::shared::Shared;
use super::verify;
use crate::api::{Books, Reason, SourceName, StoreError};
use chatmetric_core::{PhoneNumber, SpaceKey};
use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// Memory for the filter of each run that is written, while it is made.
const SPLIT_FILTER_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// Which part something belongs to, counted from 0.
pub trait PartOf {
    /// How many parts there are.
    fn parts(&self) -> usize;

    /// The part of a number.
    fn of_number(&self, number: &PhoneNumber) -> usize;

    /// The part of what a source brought that has no number.
    fn of_source(&self, source: &str) -> usize;
}

/// A store that is about to be split, as it is now.
pub struct StoreSplit<'s> {
    shared: &'s Shared,
    part_of: &'s dyn PartOf,
    view: View,
    runs: Vec<Arc<Run>>,
    /// The part of a binding, and its number there.
    homes: HashMap<u32, (usize, u32), FxBuildHasher>,
    parts: Vec<Plan>,
}

/// What goes into a part, but for what is large.
#[derive(Default)]
struct Plan {
    /// Its number before and its number here, ascending.
    bindings: Vec<(u32, u32, SpaceKey, PhoneNumber)>,
    books: BTreeMap<SourceName, Books>,
}

/// What a part got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SplitPart {
    /// Numbers, each once for each space.
    pub bindings: u64,
    /// Records in runs; of a message that is in several runs, each.
    pub records: u64,
    /// Items of the quarantine.
    pub items: u64,
}

impl<'s> StoreSplit<'s> {
    /// Seals what is open and looks what goes where. Nothing may be committed to the store
    /// from here on: it would be in no part.
    ///
    /// # Errors
    /// [`StoreError::Closed`] when nothing can be sealed; [`StoreError::Differs`] when the
    /// books do not fit the quarantine; [`StoreError::Corrupt`] and [`StoreError::Io`].
    pub fn begin(store: &'s EmbeddedStore, part_of: &'s dyn PartOf) -> Result<Self, StoreError> {
        let shared = &*store.shared;
        // Weeks that are being dropped are not in the look-ups, and still in the manifest.
        let _maintenance = lock(&shared.maintenance);
        if !verify::seal_all(store) {
            shared.check()?;
            return Err(StoreError::Closed);
        }
        let (view, runs) = {
            let _commit = lock(&shared.commit);
            (shared.catalog.view(), shared.runs().runs.clone())
        };
        let mut split = Self {
            shared,
            part_of,
            view,
            runs,
            homes: HashMap::default(),
            parts: (0..part_of.parts()).map(|_| Plan::default()).collect(),
        };
        split.plan_bindings()?;
        split.plan_books()?;
        Ok(split)
    }

    fn part(&mut self, at: usize) -> Result<&mut Plan, StoreError> {
        let parts = self.parts.len();
        self.parts.get_mut(at).ok_or_else(|| StoreError::Invalid {
            reason: format!("part {at} of {parts} parts"),
        })
    }

    fn plan_bindings(&mut self) -> Result<(), StoreError> {
        let mut all = self.shared.catalog.all_bindings(&self.view)?;
        all.sort_unstable_by_key(|(id, ..)| *id);
        for (id, space, number) in all {
            let home = self.part_of.of_number(&number);
            let bindings = &mut self.part(home)?.bindings;
            let new = u32::try_from(bindings.len()).unwrap_or(u32::MAX);
            bindings.push((id, new, space, number));
            self.homes.insert(id, (home, new));
        }
        Ok(())
    }

    fn plan_books(&mut self) -> Result<(), StoreError> {
        let mut held: BTreeMap<(SourceName, usize), u64> = BTreeMap::new();
        self.each_item(|_, item, part| {
            if item.reason != Reason::Late {
                *held.entry((item.source, part)).or_default() += 1;
            }
            Ok(())
        })?;
        for (source, mut rest) in self.shared.catalog.all_books(&self.view)? {
            let home = self.part_of.of_source(&source);
            for part in (0..self.parts.len()).filter(|part| *part != home) {
                let Some(count) = held.get(&(source.clone(), part)).copied() else {
                    continue;
                };
                // What came in and waits there is all that is known of it.
                let taken = rest.received.checked_sub(count);
                let taken = taken.zip(rest.quarantined.checked_sub(count));
                let Some((received, quarantined)) = taken else {
                    let detail = format!("the books of `{source}`");
                    return Err(StoreError::Differs { detail });
                };
                (rest.received, rest.quarantined) = (received, quarantined);
                let books = Books {
                    received: count,
                    quarantined: count,
                    ..Books::default()
                };
                self.part(part)?.books.insert(source.clone(), books);
            }
            self.part(home)?.books.insert(source, rest);
        }
        Ok(())
    }

    /// All items of the quarantine with their parts.
    fn each_item(
        &self,
        mut give: impl FnMut(u64, Item, usize) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let catalog = &self.shared.catalog;
        catalog.each(&self.view, &catalog.quarantine, &[], |key, value| {
            let read = || {
                Some((
                    u64::from_be_bytes(key.try_into().ok()?),
                    Item::decode(value)?,
                ))
            };
            let (id, item) = read().ok_or_else(|| damaged(catalog, "item", key))?;
            let part = match &item.body {
                Body::Event(event) => self.part_of.of_number(&event.number),
                Body::Sealed(..) => self.part_of.of_source(&item.source),
            };
            give(id, item, part).map(|()| true)
        })
    }

    /// The books that a part gets.
    #[must_use]
    pub fn books(&self, part: usize) -> Vec<(SourceName, Books)> {
        let plan = self.parts.get(part);
        let books = plan.into_iter().flat_map(|plan| &plan.books);
        books.map(|(name, it)| (name.clone(), *it)).collect()
    }

    /// How many records there are to write; of a message that is in several runs, each.
    #[must_use]
    pub fn records(&self) -> u64 {
        self.runs.iter().map(|run| run.records).sum()
    }

    /// Makes the stores of some parts, each in a directory that must not exist. They have
    /// one shard.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] for what is damaged in the store; [`StoreError::Io`].
    pub fn write(&self, wanted: &[(usize, &Path)]) -> Result<Vec<SplitPart>, StoreError> {
        let mut makings = Vec::new();
        for (part, dir) in wanted {
            makings.push(Making {
                part: *part,
                restore: StoreRestore::begin(dir, FORMAT)?,
                runs: Vec::new(),
            });
        }
        for run in &self.runs {
            self.split_run(run, &mut makings)?;
        }
        let mut made = Vec::new();
        for mut making in makings {
            let mut counted = SplitPart {
                records: making.runs.iter().map(|run| run.records).sum(),
                ..SplitPart::default()
            };
            let (part, runs) = (making.part, making.runs);
            making
                .restore
                .fill_catalog(|catalog| self.fill(part, catalog, &runs, &mut counted))?;
            making.restore.finish()?;
            made.push(counted);
        }
        Ok(made)
    }

    /// Writes what each part has of a run, if it has something.
    fn split_run(&self, run: &Run, makings: &mut [Making]) -> Result<(), StoreError> {
        // The first pass counts: a filter is made for the records that it gets.
        let mut counts = vec![0_u64; self.parts.len()];
        self.walk(run, |part, _| {
            if let Some(count) = counts.get_mut(part) {
                *count += 1;
            }
            Ok(())
        })?;
        let disk = RealDisk;
        let mut writers: Vec<Option<RunWriter>> = counts.iter().map(|_| None).collect();
        for making in makings.iter() {
            let count = counts.get(making.part).copied().unwrap_or(0);
            if let Some(writer) = writers.get_mut(making.part).filter(|_| count > 0) {
                let path = making.restore.dir().join(run_name(run.id));
                let filter = (count, SPLIT_FILTER_BYTES_MAX);
                *writer = Some(RunWriter::create(&disk, path, filter)?);
            }
        }
        self.walk(run, |part, record| {
            match writers.get_mut(part).and_then(Option::as_mut) {
                Some(writer) => writer.push(record),
                None => Ok(()),
            }
        })?;
        for making in makings {
            let writer = writers.get_mut(making.part).and_then(Option::take);
            let Some(writer) = writer else { continue };
            writer.finish(run.week)?.sync()?;
            let path = making.restore.dir().join(run_name(run.id));
            let written = Run::open(path, (run.id, run.level, run.order), None)?;
            making.runs.push(written.entry());
        }
        Ok(())
    }

    /// Gives the records of a run with their parts, under the numbers that their bindings
    /// have there.
    fn walk(
        &self,
        run: &Run,
        mut give: impl FnMut(usize, &super::cold::ColdRecord) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let mut records = run.records();
        while let Some(mut record) = records.next()? {
            let Some((part, binding)) = self.homes.get(&record.binding).copied() else {
                let detail = format!("a record is of binding {}, of no number", record.binding);
                return Err(fault::corrupt(run.path(), 0, detail));
            };
            record.binding = binding;
            give(part, &record)?;
        }
        Ok(())
    }
}

/// A part on its way.
struct Making {
    part: usize,
    restore: StoreRestore,
    runs: Vec<RunEntry>,
}

fn damaged(catalog: &Catalog, what: &str, key: &[u8]) -> StoreError {
    fault::corrupt(catalog.path(), 0, format!("{what} {key:02x?} is damaged"))
}

impl std::fmt::Debug for StoreSplit<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StoreSplit")
            .field("parts", &self.parts.len())
            .field("runs", &self.runs.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
