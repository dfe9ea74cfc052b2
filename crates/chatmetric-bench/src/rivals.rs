//! What competes in the store bench, each in its own file, behind one trait.
//!
//! A rival keeps `sent` and `delivered` of each number and quarter hour exactly,
//! whatever is repeated, late, out of order or only implied: two of our five
//! counters, which is less work than ours. Not here: clocks, rounds and tables
//! (`candidate.rs`, `store.rs`). Invariant: [`Rival::commit`] returns when the
//! batch is on the disk, so that all are as durable as ours.

mod fjall;
mod fold;
mod hot_fjall;
mod lmdb;
pub(crate) mod postgres;
mod redis;
mod sqlite;

pub(crate) use self::fjall::Fjall;
pub(crate) use self::hot_fjall::HotFjall;
pub(crate) use self::lmdb::Lmdb;
pub(crate) use self::postgres::Postgres;
pub(crate) use self::redis::Redis;
pub(crate) use self::sqlite::Sqlite;

use crate::feed::Arrival;
use crate::workload::Expected;
use anyhow::{Context, Result, bail};
use chatmetric_core::PhoneNumber;
use chatmetric_core::time::SLOT_MS;
use std::collections::BTreeMap;
use std::ops::Range;

/// What caches and buffers each rival may use, as PostgreSQL's `shared_buffers`.
const CACHE_BYTES: u64 = 512 << 20;
const SLOTS_PER_HALF_HOUR: u32 = 2;
/// After every slot of a run.
const SLOTS_END: u32 = u32::MAX;

/// What two of the counters say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Tally {
    pub(crate) sent: i64,
    pub(crate) delivered: i64,
}

impl Tally {
    fn is_zero(self) -> bool {
        self == Self::default()
    }

    fn add(&mut self, other: Self) {
        self.sent += other.sent;
        self.delivered += other.delivered;
    }
}

/// A row of a series: the first slot of a half hour and what was counted in it.
pub(crate) type HalfHour = (u32, Tally);

/// A business number in the forms that candidates use.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Number {
    pub(crate) phone: PhoneNumber,
    pub(crate) digits: u64,
}

impl Number {
    pub(crate) fn parse(text: &str) -> Result<Self> {
        Ok(Self {
            phone: PhoneNumber::parse(text)?,
            digits: text.parse()?,
        })
    }
}

/// A candidate under load. Ours is one too, so that one clock measures all.
pub(crate) trait Rival {
    /// Takes a batch in, whole or not at all; durable when it returns, unless
    /// the candidate is one that queues.
    fn commit(&mut self, arrival: Arrival) -> Result<()>;

    /// Waits until everything that was queued is durable.
    fn finish(&mut self) -> Result<()> {
        Ok(())
    }

    /// The process id of its server, when it has one.
    fn server(&self) -> Option<u32> {
        None
    }

    /// Brings the data files up to date, as it does sooner or later on its own.
    fn settle(&mut self) -> Result<()>;

    /// What its data takes on the disk after that.
    fn stored_bytes(&mut self) -> Result<u64>;

    /// Calls `each` for the counters of a number in some slots, in their order.
    fn tallies(
        &mut self,
        number: &Number,
        slots: Range<u32>,
        each: &mut dyn FnMut(u32, Tally),
    ) -> Result<()>;

    /// The half hours in which something was counted.
    fn series(&mut self, number: &Number, slots: Range<u32>) -> Result<Vec<HalfHour>> {
        let mut rows: Vec<HalfHour> = Vec::new();
        self.tallies(number, slots, &mut |slot, tally| {
            let start = slot - slot % SLOTS_PER_HALF_HOUR;
            match rows.last_mut() {
                Some((last, sum)) if *last == start => sum.add(tally),
                _ => rows.push((start, tally)),
            }
        })?;
        rows.retain(|(_, tally)| !tally.is_zero());
        Ok(rows)
    }

    /// Compares every counter that it keeps, in every quarter hour of every
    /// number, with the model.
    fn check(&mut self, expected: &Expected) -> Result<()> {
        for (name, totals) in expected {
            let number = Number::parse(name)?;
            let mut found = BTreeMap::new();
            self.tallies(&number, 0..SLOTS_END, &mut |slot, tally| {
                if !tally.is_zero() {
                    found.insert(slot, tally);
                }
            })?;
            if found != two_counters(totals)? {
                bail!("the counts of `{name}` differ from the model");
            }
        }
        Ok(())
    }
}

/// What the model says of the two counters, by slot; nothing where both are 0.
pub(crate) fn two_counters(
    totals: &BTreeMap<i64, chatmetric_sim::Totals>,
) -> Result<BTreeMap<u32, Tally>> {
    let mut counters = BTreeMap::new();
    for (slot_ms, totals) in totals {
        let tally = Tally {
            sent: i64::try_from(totals.sent)?,
            delivered: i64::try_from(totals.delivered)?,
        };
        if !tally.is_zero() {
            let slot = u32::try_from(slot_ms / SLOT_MS).context("a time that is no slot")?;
            counters.insert(slot, tally);
        }
    }
    Ok(counters)
}

#[cfg(test)]
mod tests;
