//! Our store, in process, under the same clock as its rivals.
//!
//! Not the HTTP path: batches come parsed and hashed. Invariant: all five of its
//! counters are compared with the model, not only the two that rivals keep.

use crate::feed::Arrival;
use crate::rivals::{HalfHour, Number, Rival, Tally};
use crate::workload::{Expected, SPACE};
use anyhow::{Context, Result, bail};
use chatmetric_core::metric::MetricQuery;
use chatmetric_core::{Granularity, PhoneNumber, QueryLimits, Slot, TimeRange, UtcDay, Zone};
use chatmetric_sim::Totals;
use chatmetric_store::{
    Batch, EmbeddedStore, MEMORY_BYTES_DEFAULT, Options, Receipt, Store, StoreError,
};
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};

/// An open store, and the batches that it has not acknowledged.
pub(crate) struct Ours {
    store: EmbeddedStore,
    source: Arc<str>,
    /// Batches that may be queued at the same time: 1 is a caller that waits for
    /// each acknowledgement, as the rivals' callers do.
    in_flight_max: usize,
    in_flight: usize,
    done: Sender<Result<Receipt, StoreError>>,
    finished: Receiver<Result<Receipt, StoreError>>,
}

impl Ours {
    /// Makes a new store in `dir`.
    pub(crate) fn open(dir: &Path, in_flight_max: usize) -> Result<Self> {
        let (done, finished) = mpsc::channel();
        Ok(Self {
            store: EmbeddedStore::open(dir, Options::default().with_memory(MEMORY_BYTES_DEFAULT))
                .context("could not open the store")?,
            source: Arc::from("bench"),
            in_flight_max,
            in_flight: 0,
            done,
            finished,
        })
    }

    fn wait_until(&mut self, in_flight: usize) -> Result<()> {
        while self.in_flight > in_flight {
            self.finished.recv()?.context("a batch failed")?;
            self.in_flight -= 1;
        }
        Ok(())
    }

    fn totals(&self, number: &PhoneNumber) -> Result<BTreeMap<i64, Totals>> {
        let mut found: BTreeMap<i64, Totals> = BTreeMap::new();
        self.store.read_days(
            SPACE,
            number,
            UtcDay(0)..=UtcDay(100_000),
            &mut |day, block| {
                let mut slot = day.first_slot();
                for counts in block.slots() {
                    if !counts.is_zero() {
                        let at = found.entry(slot.start().0).or_default();
                        at.sent += count(counts.sent);
                        at.delivered += count(counts.delivered);
                        at.read += count(counts.read);
                        at.failed += count(counts.failed);
                        at.delivered_of_sent += count(counts.delivered_of_sent);
                    }
                    slot.0 += 1;
                }
            },
        )?;
        Ok(found)
    }
}

impl Rival for Ours {
    fn commit(&mut self, arrival: Arrival) -> Result<()> {
        self.wait_until(self.in_flight_max - 1)?;
        let batch = Batch {
            source: Arc::clone(&self.source),
            received_at: arrival.received_at,
            events: arrival.events,
            sealed: Vec::new(),
            ignored: 0,
        };
        let done = self.done.clone();
        self.store
            .submit(batch, Box::new(move |result| drop(done.send(result))));
        self.in_flight += 1;
        match self.in_flight_max {
            1 => self.wait_until(0),
            _ => Ok(()),
        }
    }

    fn finish(&mut self) -> Result<()> {
        self.wait_until(0)
    }

    /// Stops it; it seals on its own while it runs, and starts from its journal.
    fn settle(&mut self) -> Result<()> {
        Ok(())
    }

    /// Everything, the journal and the segments prepared ahead included.
    fn stored_bytes(&mut self) -> Result<u64> {
        Ok(self.store.stats().disk_bytes)
    }

    fn tallies(
        &mut self,
        number: &Number,
        slots: Range<u32>,
        each: &mut dyn FnMut(u32, Tally),
    ) -> Result<()> {
        let days = Slot(slots.start).day()..=Slot(slots.end).day();
        self.store
            .read_days(SPACE, &number.phone, days, &mut |day, block| {
                let first = day.first_slot().0;
                for (slot, counts) in (first..).zip(block.slots()) {
                    if slots.contains(&slot) {
                        let tally = Tally {
                            sent: counts.sent.into(),
                            delivered: counts.delivered.into(),
                        };
                        each(slot, tally);
                    }
                }
            })?;
        Ok(())
    }

    /// The way of the program: whole days through a query of half hours.
    fn series(&mut self, number: &Number, slots: Range<u32>) -> Result<Vec<HalfHour>> {
        let range = TimeRange::new(Slot(slots.start).start(), Slot(slots.end).start())
            .context("an empty range")?;
        let query = MetricQuery::new(
            Granularity::HalfHour,
            &range,
            &Zone::utc(),
            &QueryLimits::default(),
        )?;
        let mut series = query.row_series();
        if let Some(days) = query.days() {
            self.store
                .read_days(SPACE, &number.phone, days, &mut |day, block| {
                    series.add_day(day, block);
                })?;
        }
        series
            .rows(number.phone)
            .map(|row| {
                let tally = Tally {
                    sent: i64::try_from(row.sent)?,
                    delivered: i64::try_from(row.delivered)?,
                };
                Ok((row.window.start.slot().0, tally))
            })
            .collect()
    }

    fn check(&mut self, expected: &Expected) -> Result<()> {
        for (name, expected) in expected {
            if self.totals(&PhoneNumber::parse(name)?)? != *expected {
                bail!("our counts of `{name}` differ from the model");
            }
        }
        Ok(())
    }
}

/// A count below 0 is wrong, and no model says the highest number.
fn count(value: i32) -> u64 {
    u64::try_from(value).unwrap_or(u64::MAX / 4)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::{BATCH_EVENTS, Dataset};

    #[test]
    fn ours_counts_as_the_model_queued_or_not() {
        let dataset = Dataset::make(12_000, 20);
        for in_flight_max in [1, 4] {
            let dir = tempfile::tempdir().expect("a directory");
            let mut ours = Ours::open(dir.path(), in_flight_max).expect("a store");
            for batch in dataset.hashed().chunks(BATCH_EVENTS) {
                let arrival = Arrival::new(batch.to_vec()).expect("a batch");
                ours.commit(arrival).expect("a commit");
            }
            ours.finish().expect("an end");
            ours.check(&dataset.expected).expect("the model's counts");
        }
    }
}
