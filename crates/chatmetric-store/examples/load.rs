//! Ad-hoc load: how many events a second one store takes in process, and what
//! that costs in CPU, bytes and recovery. Not a test; prints what it measured.
//!
//! `cargo run --release -p chatmetric-store --example load -- DIR EVENTS [BATCH [NUMBERS [SHARDS]]]`
#![allow(clippy::disallowed_methods, reason = "a measurement reads the clock")]

use chatmetric_core::{EpochMs, Fingerprint, MessageStatus, PhoneNumber, SpaceKey};
use chatmetric_store::{Batch, EmbeddedStore, Options, SourceName, StatusEvent, Store, Target};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Instant;

const START_MS: i64 = 1_790_000_000_000;

fn mix(mut x: u64) -> u64 {
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

fn cpu_ms() -> u64 {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = text
        .rsplit(')')
        .next()
        .unwrap_or("")
        .split_whitespace()
        .collect();
    let ticks = |at: usize| {
        fields
            .get(at)
            .and_then(|it| it.parse::<u64>().ok())
            .unwrap_or(0)
    };
    (ticks(11) + ticks(12)) * 10
}

fn rss_mb() -> u64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text
        .lines()
        .find(|it| it.starts_with("VmHWM"))
        .unwrap_or("");
    line.split_whitespace()
        .nth(1)
        .and_then(|it| it.parse::<u64>().ok())
        .unwrap_or(0)
        / 1024
}

/// Event `i`: of message i/3, sent, then delivered and read a while later, so
/// that some reports meet a message that was sealed before.
fn event(i: u64, total: u64, numbers: &[PhoneNumber]) -> StatusEvent {
    const LAG: u64 = 200_000;
    let (message, status) = match i % 3 {
        0 => (i / 3, MessageStatus::Sent),
        1 => ((i / 3).saturating_sub(LAG / 8), MessageStatus::Delivered),
        _ => ((i / 3).saturating_sub(LAG), MessageStatus::Read),
    };
    let id = (u128::from(mix(message)) << 64) | u128::from(mix(message ^ 0x5555_5555));
    let number = numbers[(mix(message) % numbers.len() as u64) as usize];
    let days_ms = 30 * 86_400_000_i64;
    StatusEvent {
        fingerprint: Fingerprint(id),
        number,
        status,
        at: EpochMs(START_MS + (i as i64) * days_ms / total.max(1) as i64),
        target: Target::Space(SpaceKey(1)),
    }
}

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let number = |at: usize, default: u64| {
        args.get(at)
            .and_then(|it| it.parse().ok())
            .unwrap_or(default)
    };
    let dir = args.get(1).expect("a directory");
    let (total, batch, count) = (number(2, 1_000_000), number(3, 1000), number(4, 1000));
    let numbers: Vec<PhoneNumber> = (0..count)
        .map(|it| PhoneNumber::parse(&format!("1555{it:07}")).expect("digits"))
        .collect();
    let options = Options {
        shards: number(5, 1) as u32,
        ..Options::default()
    };
    let store = Arc::new(EmbeddedStore::open(dir, options.clone()).expect("opens"));
    let source = SourceName::from("load");
    let (cpu_start, start) = (cpu_ms(), Instant::now());
    let (free, taken) = mpsc::channel();
    (0..32).for_each(|_| free.send(()).expect("open"));
    let new = Arc::new(AtomicU64::new(0));
    let mut generation_cpu = 0_u128;
    let mut worst_ms = 0;
    let mut i = 0;
    while i < total {
        let wait = Instant::now();
        taken.recv().expect("open");
        worst_ms = worst_ms.max(wait.elapsed().as_millis());
        let made = Instant::now();
        let end = (i + batch).min(total);
        let events: Vec<_> = (i..end).map(|it| event(it, total, &numbers)).collect();
        generation_cpu += made.elapsed().as_micros();
        let received_at = events.last().map_or(EpochMs(0), |it| it.at);
        i = end;
        let (free, new) = (free.clone(), Arc::clone(&new));
        store.submit(
            Batch {
                source: source.clone(),
                received_at,
                events,
                sealed: Vec::new(),
                ignored: 0,
            },
            Box::new(move |result| {
                new.fetch_add(u64::from(result.expect("committed").new), Ordering::Relaxed);
                let _ = free.send(());
            }),
        );
        if i % (total / 5).max(1) < batch {
            println!(
                "  {i} events, {:.0}/s, {:?}",
                i as f64 / start.elapsed().as_secs_f64(),
                store.stats()
            );
        }
    }
    (0..32).for_each(|_| taken.recv().expect("open"));
    let (wall, cpu) = (start.elapsed().as_secs_f64(), cpu_ms() - cpu_start);
    println!(
        "{total} events in {wall:.2} s = {:.0}/s; cpu {cpu} ms = {:.3} us/event (all threads), of it making events {:.3}; longest wait {worst_ms} ms; rss max {} MB; new {}",
        total as f64 / wall,
        cpu as f64 * 1000.0 / total as f64,
        generation_cpu as f64 / total as f64,
        rss_mb(),
        new.load(Ordering::Relaxed)
    );
    let mut times: Vec<u128> = (0..2000_u64)
        .map(|it| {
            let start = Instant::now();
            let first = EpochMs(START_MS).slot().day();
            let mut sum = 0_i64;
            store
                .read_days(
                    SpaceKey(1),
                    &numbers[(mix(it) % count) as usize],
                    first..=chatmetric_core::UtcDay(first.0 + 30),
                    &mut |_, block| sum += i64::from(block.slots()[7].sent),
                )
                .expect("reads");
            start.elapsed().as_nanos() / 1000
        })
        .collect();
    times.sort_unstable();
    println!("30 days: p50 {} us, p99 {} us", times[1000], times[1980]);
    let before = store.stats();
    drop(store);
    let start = Instant::now();
    let store = EmbeddedStore::open(dir, options).expect("opens");
    println!("reopened in {} ms", start.elapsed().as_millis());
    std::thread::sleep(std::time::Duration::from_secs(2));
    let stats = store.stats();
    println!(
        "{before:?}\n{stats:?}\n{:.1} bytes a run record",
        stats.disk_bytes as f64 / stats.run_records.max(1) as f64
    );
    let start = Instant::now();
    println!(
        "verify {:?} in {} ms",
        store.verify(),
        start.elapsed().as_millis()
    );
}
