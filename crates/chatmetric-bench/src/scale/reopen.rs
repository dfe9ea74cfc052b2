//! The child that opens what the kill left: time until it answers, series, verify,
//! bytes on disk, and every counter.

use super::oracle::Counters;
use super::{Ranks, read_series};
use crate::workload::SPACE;
use crate::{cpu, statistics};
use anyhow::{Context, Result, bail};
use chatmetric_core::{PhoneNumber, UtcDay};
use chatmetric_sim::Config;
use chatmetric_store::{EmbeddedStore, Options, Store};
use serde_json::json;
use std::path::Path;
use std::thread;
use std::time::Duration;

/// Series that are timed, those of a number's first read apart.
const SERIES_READS: u32 = 20_000;
/// Merges of before the kill go on; they are waited for before bytes are counted.
const SETTLE_MAX: Duration = Duration::from_secs(120);

/// Runs all of it.
pub(super) fn run(dir: &Path, options: Options, numbers: u64, counters: &Path) -> Result<()> {
    let started = cpu::now();
    let store = EmbeddedStore::open(dir, options).context("could not open the store")?;
    let first = PhoneNumber::parse(&Config::number(0))?;
    if read_series(&store, &first)? == 0 {
        bail!("no rows");
    }
    let ready = started.elapsed();
    settle(&store);
    let numbers: Vec<PhoneNumber> = (0..u32::try_from(numbers)?)
        .map(|rank| PhoneNumber::parse(&Config::number(rank)))
        .collect::<Result<_, _>>()?;
    let (first, again) = series(&store, &numbers)?;
    all(&store, &numbers)?.write(counters)?;
    let started = cpu::now();
    let report = store.verify().context("verify")?;
    let verify = started.elapsed();
    let stats = store.stats();
    println!(
        "{}",
        json!({
            "ready_seconds": ready.as_secs_f64(),
            "series_first_us": statistics::quantiles(first),
            "series_us": statistics::quantiles(again),
            "verify_seconds": verify.as_secs_f64(),
            "records": report.records,
            "disk_bytes": stats.disk_bytes,
            "runs": stats.runs,
            "rss_peak_bytes": cpu::status_bytes("VmHWM:")?,
        })
    );
    store.close();
    Ok(())
}

/// Waits until nothing is merged any more.
fn settle(store: &EmbeddedStore) {
    let started = cpu::now();
    let mut before = store.stats().disk_bytes;
    while started.elapsed() < SETTLE_MAX {
        thread::sleep(Duration::from_secs(2));
        let now = store.stats().disk_bytes;
        if now == before {
            return;
        }
        before = now;
    }
}

/// The first reads of numbers, which the catalog answers, and all others.
fn series(store: &EmbeddedStore, numbers: &[PhoneNumber]) -> Result<(Vec<f64>, Vec<f64>)> {
    let (mut first, mut again) = (Vec::new(), Vec::new());
    let mut ranks = Ranks::default();
    for _ in 0..SERIES_READS {
        let (rank, seen) = ranks.next();
        let number = numbers.get(rank as usize % numbers.len()).context("none")?;
        let started = cpu::now();
        read_series(store, number)?;
        let us = started.elapsed().as_secs_f64() * 1e6;
        if seen { &mut again } else { &mut first }.push(us);
    }
    Ok((first, again))
}

fn all(store: &EmbeddedStore, numbers: &[PhoneNumber]) -> Result<Counters> {
    let mut counters = Counters::default();
    for (rank, number) in (0..).zip(numbers) {
        let days = UtcDay(0)..=UtcDay(100_000);
        store.read_days(SPACE, number, days, &mut |day, block| {
            for (quarter, counts) in (day.first_slot().0..).zip(block.slots()) {
                if !counts.is_zero() {
                    *counters.at(rank, quarter) = [
                        counts.sent,
                        counts.delivered,
                        counts.read,
                        counts.failed,
                        counts.delivered_of_sent,
                    ]
                    .map(|it| u32::try_from(it).unwrap_or(u32::MAX));
                }
            }
        })?;
    }
    Ok(counters)
}
