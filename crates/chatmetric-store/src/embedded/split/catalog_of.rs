//! Filling the catalog of a part: its bindings with their days, notes and frozen sums, its
//! books, its items, and what every part has.
//!
//! Rows begin with their binding, so each is found by it and nothing is read twice, but for
//! the quarantine. Not here: runs, and which part gets what. Invariant: a value whose
//! checksum is over its key is checked under the old key before it gets the new one.

use super::{SplitPart, StoreSplit, damaged};
use crate::api::StoreError;
use crate::embedded::catalog::{Catalog, RunEntry, tally_key};
use crate::embedded::day_coding::{seal, unseal};
use crate::embedded::explained::LAST_DAY_KEY;
use crate::embedded::open::SHARDS_KEY;
use crate::embedded::retention::FIRST_DAY_KEY;
use fjall::{Keyspace, OwnedWriteBatch};

/// A batch is committed once its rows have so many bytes.
const BATCH_BYTES: usize = 1024 * 1024;
/// What a row takes beside its value, about.
const ROW_BYTES: usize = 64;
/// What every part has as the whole had it. Places in journals are not among them: the
/// parts have none yet.
const META_KEYS: [&str; 4] = ["next_item", "floor", FIRST_DAY_KEY, LAST_DAY_KEY];

/// Rows for a catalog, committed some at a time.
struct Rows<'c> {
    catalog: &'c Catalog,
    batch: OwnedWriteBatch,
    bytes: usize,
}

impl<'c> Rows<'c> {
    fn new(catalog: &'c Catalog) -> Self {
        Self {
            batch: catalog.batch(),
            catalog,
            bytes: 0,
        }
    }

    /// Adds a row of so many bytes.
    fn add(
        &mut self,
        bytes: usize,
        put: impl FnOnce(&Catalog, &mut OwnedWriteBatch) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        put(self.catalog, &mut self.batch)?;
        self.bytes += ROW_BYTES + bytes;
        if self.bytes >= BATCH_BYTES {
            self.bytes = 0;
            let full = std::mem::replace(&mut self.batch, self.catalog.batch());
            return self.catalog.commit(full);
        }
        Ok(())
    }

    fn finish(self) -> Result<(), StoreError> {
        self.catalog.commit(self.batch)
    }
}

impl StoreSplit<'_> {
    /// Puts everything of a part into its catalog, and counts it.
    pub(super) fn fill(
        &self,
        part: usize,
        new: &Catalog,
        runs: &[RunEntry],
        counted: &mut SplitPart,
    ) -> Result<(), StoreError> {
        let mut rows = Rows::new(new);
        for key in META_KEYS {
            let old = &self.shared.catalog;
            if let Some(value) = old.get(&self.view, &old.meta, key)? {
                rows.add(value.len(), |new, batch| {
                    batch.insert(&new.meta, key, &*value);
                    Ok(())
                })?;
            }
        }
        rows.add(8, |new, batch| {
            batch.insert(&new.meta, SHARDS_KEY, 1_u64.to_le_bytes());
            runs.iter().for_each(|run| new.put_run(batch, run));
            Ok(())
        })?;
        self.fill_bindings(part, &mut rows, counted)?;
        self.fill_items(part, &mut rows, counted)?;
        rows.finish()
    }

    fn fill_bindings(
        &self,
        part: usize,
        rows: &mut Rows<'_>,
        counted: &mut SplitPart,
    ) -> Result<(), StoreError> {
        let (old, new) = (&self.shared.catalog, rows.catalog);
        let sealed = [
            (&old.tallies, &new.tallies),
            (&old.frozen, &new.frozen),
            (&old.explained, &new.explained),
        ];
        let Some(plan) = self.parts.get(part) else {
            return Ok(());
        };
        for (id, new_id, space, number) in &plan.bindings {
            rows.add(number.as_bytes().len(), |new, batch| {
                new.put_binding(batch, &(*new_id, *space, *number));
                Ok(())
            })?;
            for (from, to) in sealed {
                self.move_rows(rows, (*id, *new_id), (from, to), |key, new_key, value| {
                    let mut body = unseal(key, value)?.to_vec();
                    seal(new_key, &mut body);
                    Some(body)
                })?;
            }
            // The name of a source, and no checksum.
            let usual = (&old.usual, &new.usual);
            self.move_rows(rows, (*id, *new_id), usual, |_, _, value| {
                Some(value.to_vec())
            })?;
            counted.bindings += 1;
        }
        for (name, books) in &plan.books {
            rows.add(name.len(), |new, batch| {
                new.put_books(batch, name, *books);
                Ok(())
            })?;
        }
        Ok(())
    }

    /// Moves the rows of a binding to its new number.
    fn move_rows(
        &self,
        rows: &mut Rows<'_>,
        (id, new_id): (u32, u32),
        (from, to): (&Keyspace, &Keyspace),
        again: impl Fn(&[u8], &[u8], &[u8]) -> Option<Vec<u8>>,
    ) -> Result<(), StoreError> {
        let old = &self.shared.catalog;
        old.each(&self.view, from, &id.to_be_bytes(), |key, value| {
            let moved = || {
                let (_, day) = key.split_last_chunk::<4>().filter(|_| key.len() == 8)?;
                let new_key = tally_key(new_id, u32::from_be_bytes(*day));
                Some((new_key, again(key, &new_key, value)?))
            };
            let (key, value) = moved().ok_or_else(|| damaged(old, "a row under", key))?;
            rows.add(value.len(), |_, batch| {
                batch.insert(to, key, value);
                Ok(())
            })?;
            Ok(true)
        })
    }

    fn fill_items(
        &self,
        part: usize,
        rows: &mut Rows<'_>,
        counted: &mut SplitPart,
    ) -> Result<(), StoreError> {
        let empty = rows.catalog.view();
        self.each_item(|id, item, of| {
            if of != part {
                return Ok(());
            }
            counted.items += 1;
            rows.add(item.weight_bytes(), |new, batch| {
                new.change_item(&empty, batch, id, Some(&item))
            })
        })
    }
}
