//! Our store, in process: durable batches, one after another.

use crate::cpu;
use crate::store::{Measured, SERIES_READS};
use crate::workload::{BATCH_EVENTS, Dataset, SPACE, SPAN_DAYS, START_MS};
use anyhow::{Context, Result, bail};
use chatmetric_core::metric::MetricQuery;
use chatmetric_core::{EpochMs, Granularity, PhoneNumber, QueryLimits, TimeRange, UtcDay, Zone};
use chatmetric_sim::Totals;
use chatmetric_store::{Batch, EmbeddedStore, Options, Receipt, StatusEvent, Store, StoreError};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc;

/// Runs the dataset through a new store in `dir`.
///
/// `in_flight` batches are queued at the same time: 1 is a caller that waits for
/// each acknowledgement, as PostgreSQL's client does.
pub(crate) fn run(dir: &Path, dataset: &Dataset, in_flight: usize) -> Result<Measured> {
    let events = dataset.hashed();
    let store = EmbeddedStore::open(dir, Options::default()).context("could not open the store")?;
    let batches = batches(&events);
    let count = events.len();
    let cpu_before = cpu::own();
    let started = cpu::now();
    commit_all(&store, batches, in_flight)?;
    let wall = started.elapsed();
    let cpu = cpu::own().saturating_sub(cpu_before);
    check(&store, dataset)?;
    let log_bytes = store.stats().journal_bytes;
    let series_us = series(&store, dataset)?;
    store.close();
    Ok(Measured {
        events: count,
        cpu,
        wall,
        log_bytes,
        stored_bytes: store.stats().disk_bytes,
        series_us,
    })
}

fn batches(events: &[StatusEvent]) -> Vec<Batch> {
    let source: Arc<str> = Arc::from("bench");
    events
        .chunks(BATCH_EVENTS)
        .map(|chunk| Batch {
            source: Arc::clone(&source),
            // Workloads are in order of arrival; nothing here is in the future.
            received_at: EpochMs(
                chunk
                    .iter()
                    .map(|event| event.at.0)
                    .max()
                    .unwrap_or_default(),
            ),
            events: chunk.to_vec(),
            sealed: Vec::new(),
            ignored: 0,
        })
        .collect()
}

fn commit_all(store: &EmbeddedStore, batches: Vec<Batch>, in_flight: usize) -> Result<()> {
    let (done, finished) = mpsc::channel::<Result<Receipt, StoreError>>();
    let mut open = 0;
    for batch in batches {
        if open == in_flight {
            finished.recv()?.context("a batch failed")?;
            open -= 1;
        }
        let done = done.clone();
        store.submit(batch, Box::new(move |result| drop(done.send(result))));
        open += 1;
    }
    for _ in 0..open {
        finished.recv()?.context("a batch failed")?;
    }
    Ok(())
}

/// Compares every counter of every quarter hour with the model.
fn check(store: &EmbeddedStore, dataset: &Dataset) -> Result<()> {
    for (number, expected) in &dataset.expected {
        let number = PhoneNumber::parse(number)?;
        let mut found: BTreeMap<i64, Totals> = BTreeMap::new();
        store.read_days(
            SPACE,
            &number,
            UtcDay(0)..=UtcDay(100_000),
            &mut |day, block| {
                let mut slot_ms = day.first_slot().start().0;
                for counts in block.slots() {
                    if !counts.is_zero() {
                        let at = found.entry(slot_ms).or_default();
                        at.sent += count(counts.sent);
                        at.delivered += count(counts.delivered);
                        at.read += count(counts.read);
                        at.failed += count(counts.failed);
                        at.delivered_of_sent += count(counts.delivered_of_sent);
                    }
                    slot_ms += chatmetric_core::time::SLOT_MS;
                }
            },
        )?;
        if found != *expected {
            bail!("our counts of `{number}` differ from the model");
        }
    }
    Ok(())
}

fn count(value: i32) -> u64 {
    u64::try_from(value).unwrap_or(u64::MAX)
}

/// Reads the 30-day half-hour series of one number after another, in us each.
fn series(store: &EmbeddedStore, dataset: &Dataset) -> Result<Vec<f64>> {
    let numbers: Vec<PhoneNumber> = dataset
        .expected
        .keys()
        .map(|number| PhoneNumber::parse(number))
        .collect::<Result<_, _>>()?;
    let mut taken = Vec::with_capacity(SERIES_READS);
    for number in numbers.iter().cycle().take(SERIES_READS) {
        let started = cpu::now();
        let rows = read_series(store, number)?;
        taken.push(started.elapsed().as_secs_f64() * 1e6);
        if rows == 0 {
            bail!("a series without rows");
        }
    }
    Ok(taken)
}

/// Reads the 30-day half-hour series of a number; gives the number of its rows.
pub(crate) fn read_series(store: &EmbeddedStore, number: &PhoneNumber) -> Result<usize> {
    let end = START_MS + SPAN_DAYS * 86_400_000;
    let range = TimeRange::new(EpochMs(START_MS), EpochMs(end)).context("an empty range")?;
    let query = MetricQuery::new(
        Granularity::HalfHour,
        &range,
        &Zone::utc(),
        &QueryLimits::default(),
    )?;
    let mut series = query.series();
    if let Some(days) = query.days() {
        store.read_days(SPACE, number, days, &mut |day, block| {
            series.add_day(day, block)
        })?;
    }
    Ok(series.rows(*number).count())
}
