//! The child that loads: one caller that waits for each acknowledgement, and a
//! reader that asks for a 30-day series now and then.
//!
//! Not counted as the store's: CPU of reading and decoding the events, and of the
//! reader. Both are measured on the clocks of their threads.

use super::events::{EVENT_BYTES, EventFile, Raw};
use super::{PARTS, Ranks, read_series};
use crate::workload::{SPACE, SPAN_DAYS, START_MS};
use crate::{cpu, statistics};
use anyhow::{Context, Result};
use chatmetric_core::{EpochMs, PhoneNumber};
use chatmetric_sim::Config;
use chatmetric_store::{
    Batch, EmbeddedStore, Options, Receipt, StatusEvent, Store, StoreError, Target,
};
use serde_json::json;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread;
use std::time::Duration;

/// Between two questions of the reader.
const READ_EVERY: Duration = Duration::from_millis(5);

#[derive(Default)]
struct Reader {
    stop: AtomicBool,
    cpu_ns: AtomicU64,
    taken_us: Mutex<Vec<f64>>,
}

/// Loads everything, prints one line a part, and waits to be killed.
pub(super) fn run(file: &EventFile, dir: &Path, options: Options, in_flight: usize) -> Result<()> {
    let store = Arc::new(EmbeddedStore::open(dir, options).context("could not open the store")?);
    let reader = Arc::new(Reader::default());
    let asking = {
        let (store, reader) = (Arc::clone(&store), Arc::clone(&reader));
        thread::spawn(move || ask(&store, &reader))
    };
    for part in 1..=PARTS {
        let events = file.events() * part / PARTS - file.events() * (part - 1) / PARTS;
        let line = one_part(file, &store, &reader, events, in_flight)?;
        println!("{line}");
    }
    reader.stop.store(true, Ordering::Relaxed);
    drop(asking.join());
    println!("{}", json!({"done": true}));
    loop {
        thread::park();
    }
}

fn ask(store: &EmbeddedStore, reader: &Reader) {
    let mut ranks = Ranks::default();
    while !reader.stop.load(Ordering::Relaxed) {
        thread::sleep(READ_EVERY);
        let (rank, seen) = ranks.next();
        let Ok(number) = PhoneNumber::parse(&Config::number(rank)) else {
            continue;
        };
        let started = cpu::now();
        // The first read of a number comes from the catalog.
        if read_series(store, &number).is_ok() && seen {
            let us = started.elapsed().as_secs_f64() * 1e6;
            let mut taken = reader
                .taken_us
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            taken.push(us);
        }
        let own = u64::try_from(cpu::of_thread().as_nanos()).unwrap_or(u64::MAX);
        reader.cpu_ns.store(own, Ordering::Relaxed);
    }
}

fn one_part(
    file: &EventFile,
    store: &EmbeddedStore,
    reader: &Reader,
    events: u64,
    in_flight: usize,
) -> Result<serde_json::Value> {
    let numbers: Vec<PhoneNumber> = (0..20_000)
        .map(|rank| PhoneNumber::parse(&Config::number(rank)))
        .collect::<Result<_, _>>()?;
    let source: Arc<str> = Arc::from("bench");
    let (done, finished) = mpsc::channel::<Result<Receipt, StoreError>>();
    let (mut bytes, mut open, mut count) = (Vec::new(), 0, 0);
    let (mut waited_us, mut own_cpu) = (Vec::new(), Duration::ZERO);
    let (cpu_before, reader_before) = (cpu::own(), reader.cpu_ns.load(Ordering::Relaxed));
    let started = cpu::now();
    while count < events {
        let own_before = cpu::of_thread();
        if !file.next_batch(&mut bytes)? {
            break;
        }
        let batch = batch(&bytes, &numbers, &source)?;
        count += batch.events.len() as u64;
        own_cpu += cpu::of_thread().saturating_sub(own_before);
        let asked = cpu::now();
        let done = done.clone();
        store.submit(batch, Box::new(move |result| drop(done.send(result))));
        open += 1;
        if open == in_flight {
            finished.recv()?.context("a batch failed")?;
            open -= 1;
            waited_us.push(asked.elapsed().as_secs_f64() * 1e6);
        }
    }
    for _ in 0..open {
        finished.recv()?.context("a batch failed")?;
    }
    let wall = started.elapsed();
    let reader_ns = reader.cpu_ns.load(Ordering::Relaxed) - reader_before;
    let others = own_cpu + Duration::from_nanos(reader_ns);
    let cpu = cpu::own().saturating_sub(cpu_before).saturating_sub(others);
    let series = std::mem::take(
        &mut *reader
            .taken_us
            .lock()
            .unwrap_or_else(PoisonError::into_inner),
    );
    let stats = store.stats();
    Ok(json!({
        "events": count,
        "seconds": wall.as_secs_f64(),
        "cpu_us_per_event": cpu.as_secs_f64() * 1e6 / count as f64,
        "ack_us": statistics::quantiles(waited_us),
        "series_us": statistics::quantiles(series),
        "rss_bytes": cpu::status_bytes("VmRSS:")?,
        "rss_peak_bytes": cpu::status_bytes("VmHWM:")?,
        "written_bytes": cpu::written_bytes()?,
        "disk_bytes": stats.disk_bytes,
        "runs": stats.runs,
        "run_records": stats.run_records,
    }))
}

fn batch(bytes: &[u8], numbers: &[PhoneNumber], source: &Arc<str>) -> Result<Batch> {
    let (raw, _) = bytes.as_chunks::<EVENT_BYTES>();
    let mut events = Vec::with_capacity(raw.len());
    let mut latest = START_MS;
    for raw in raw {
        let raw = Raw::from_bytes(raw)?;
        latest = latest.max(raw.at.0);
        events.push(StatusEvent {
            fingerprint: raw.fingerprint,
            number: *numbers.get(raw.rank as usize).context("a rank")?,
            status: raw.status,
            at: raw.at,
            target: Target::Space(SPACE),
        });
    }
    Ok(Batch {
        source: Arc::clone(source),
        // In order of arrival; nothing here is in the future.
        received_at: EpochMs(latest.min(START_MS + (SPAN_DAYS + 30) * 86_400_000)),
        events,
        sealed: Vec::new(),
        ignored: 0,
    })
}
