//! Dropping days of tallies that nobody wants to keep: `tally_days_behind_floor`.
//!
//! The first day that is kept is made durable before any row of an earlier day
//! goes; readers, `verify` and the frozen totals know no earlier day from then on.
//! So a crash in between leaves rows that nobody looks at, and the next day's drop
//! takes them too.
//!
//! Invariant: the first day never goes back, and lies at least
//! [`TALLY_DAYS_BEHIND_FLOOR_MIN`] days behind the floor, so that every day that a
//! new event may name is kept.

use super::catalog::tally_key;
use super::fault;
use super::generation::lock;
use super::options::TALLY_DAYS_BEHIND_FLOOR_MIN;
use super::shared::Shared;
use crate::api::StoreError;
use chatmetric_core::UtcDay;
use fjall::{Keyspace, Readable};
use std::sync::atomic::Ordering;

/// The key of the first day that is kept.
pub(crate) const FIRST_DAY_KEY: &str = "first_day";
const DAY_MS: u64 = 86_400_000;
/// Rows that go in one batch.
const BATCH_ROWS: usize = 10_000;

/// Drops the days that are due, if the operator wants that.
pub(crate) fn drop_days(shared: &Shared, floor_ms: Option<u64>) -> Result<(), StoreError> {
    let (Some(keep), Some(floor_ms)) = (shared.options.tally_days_behind_floor, floor_ms) else {
        return Ok(());
    };
    let floor_day = u32::try_from(floor_ms / DAY_MS).unwrap_or(u32::MAX);
    let first = UtcDay(floor_day.saturating_sub(keep.max(TALLY_DAYS_BEHIND_FLOOR_MIN)));
    if first <= shared.first_day() {
        return Ok(());
    }
    // A verification must not see the day move.
    let _maintenance = lock(&shared.maintenance);
    let catalog = &shared.catalog;
    {
        let _commit = lock(&shared.commit);
        let mut batch = catalog.batch();
        batch.insert(
            &catalog.meta,
            FIRST_DAY_KEY,
            u64::from(first.0).to_le_bytes(),
        );
        catalog.commit(batch).inspect_err(|error| {
            shared.poison(fault::chain(error));
        })?;
        shared.set_first_day(first);
    }
    let mut rows = 0;
    for keyspace in [&catalog.tallies, &catalog.frozen, &catalog.explained] {
        rows += remove_before(shared, keyspace, first)?;
    }
    tracing::info!(
        rows,
        first_day = first.0,
        "dropped days behind the retention"
    );
    Ok(())
}

/// Removes the rows of all bindings before a day.
fn remove_before(shared: &Shared, keyspace: &Keyspace, first: UtcDay) -> Result<u64, StoreError> {
    let catalog = &shared.catalog;
    let view = catalog.view();
    let mut keys: Vec<fjall::Slice> = Vec::new();
    let mut rows = 0;
    for binding in 0..shared.next_binding.load(Ordering::Relaxed) {
        let range = tally_key(binding, 0)..tally_key(binding, first.0);
        for guard in view.snapshot.range(keyspace, range) {
            let key = guard.key().map_err(|error| fault::engine("read", error))?;
            keys.push(key);
            if keys.len() == BATCH_ROWS {
                rows += remove(shared, keyspace, &mut keys)?;
            }
        }
    }
    rows += remove(shared, keyspace, &mut keys)?;
    Ok(rows)
}

fn remove(
    shared: &Shared,
    keyspace: &Keyspace,
    keys: &mut Vec<fjall::Slice>,
) -> Result<u64, StoreError> {
    let rows = keys.len() as u64;
    if rows > 0 {
        let mut batch = shared.catalog.batch();
        for key in keys.drain(..) {
            batch.remove(keyspace, key);
        }
        let _commit = lock(&shared.commit);
        shared.catalog.commit(batch).inspect_err(|error| {
            shared.poison(fault::chain(error));
        })?;
    }
    Ok(rows)
}
