//! Load on a cluster that is there: batches published with a bounded number on the way,
//! folded by two members in this process, and queries meanwhile.
//!
//! Not a test: it prints what it saw. Arguments: urls, directory, partitions, batches,
//! events a batch, batches on the way, events a second (0: as fast as they go).

use chatmetric_cluster::{ClusterStore, Node, Settings};
use chatmetric_core::{EpochMs, Fingerprint, MessageStatus, PhoneNumber, SpaceKey, UtcDay};
use chatmetric_store::{Batch, StatusEvent, Store, StoreError, Target};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;

const T0_MS: i64 = 20_000 * 86_400_000;
const NUMBERS: u64 = 1_000;

fn batch(nth: u64, events: u64) -> Batch {
    let event = |at: u64| {
        let of = nth * events + at;
        let message = of / 2;
        let number = 15_550_000_000 + nth.wrapping_mul(31).wrapping_add(at / 50) % NUMBERS;
        StatusEvent {
            fingerprint: Fingerprint(
                u128::from(message + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835),
            ),
            number: PhoneNumber::parse(&number.to_string()).expect("digits"),
            status: [MessageStatus::Sent, MessageStatus::Delivered][(of % 2) as usize],
            at: EpochMs(T0_MS + (of / 1_000) as i64),
            target: Target::Space(SpaceKey(1)),
        }
    };
    Batch {
        source: "load".into(),
        received_at: EpochMs(T0_MS + (nth * events / 1_000) as i64),
        events: (0..events).map(event).collect(),
        sealed: Vec::new(),
        ignored: 0,
    }
}

#[expect(clippy::disallowed_methods, reason = "it measures")]
fn now() -> std::time::Instant {
    std::time::Instant::now()
}

fn quantile(of: &mut [f64], at: f64) -> f64 {
    of.sort_by(f64::total_cmp);
    let place = ((of.len() as f64 - 1.0) * at) as usize;
    of.get(place).copied().unwrap_or(f64::NAN)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [urls, dir, partitions, batches, events, window, rate] = arguments.as_slice() else {
        return Err("urls, directory, partitions, batches, events, window, rate".into());
    };
    let rate: f64 = rate.parse()?;
    let (batches, events): (u64, u64) = (batches.parse()?, events.parse()?);
    let window: usize = window.parse()?;
    let open = |name: &str| -> Result<Arc<ClusterStore>, Box<dyn std::error::Error>> {
        let store = ClusterStore::open(Settings {
            urls: urls.split(',').map(str::to_owned).collect(),
            member: name.to_owned(),
            dir: std::path::Path::new(dir).join(name),
            partitions: partitions.parse()?,
            states_sync_always: true,
            ..Settings::default()
        })?;
        Ok(Arc::new(store))
    };
    let (one, other) = (open("a")?, open("b")?);
    let _nodes = (
        Node::start(Arc::clone(&one), true)?,
        Node::start(Arc::clone(&other), true)?,
    );
    while one.books().is_err() {}
    let stop = AtomicBool::new(false);
    let (mut acks, mut reads) = std::thread::scope(|scope| {
        let reader = scope.spawn(|| read(&other, &stop));
        let began = now();
        let (acks, failed) = publish(&one, (batches, events), window, rate);
        let published = began.elapsed().as_secs_f64();
        drop(one.books());
        let folded = began.elapsed().as_secs_f64();
        stop.store(true, Ordering::Relaxed);
        let reads = reader.join().expect("read");
        let all = (batches * events) as f64;
        println!(
            "published {:.0} events/s, folded {:.0} events/s",
            all / published,
            all / folded
        );
        println!("{failed} batches and {} queries failed", reads.failed);
        (acks, reads)
    });
    println!(
        "acknowledgement of {events} events p50 {:.1} ms, p99 {:.1} ms",
        quantile(&mut acks, 0.5),
        quantile(&mut acks, 0.99)
    );
    for (what, ms) in [
        ("the leader tells the end", &mut reads.ends_ms),
        ("query while publishing", &mut reads.queries_ms),
    ] {
        println!(
            "{what} p50 {:.1} ms, p99 {:.1} ms, {} of them",
            quantile(ms, 0.5),
            quantile(ms, 0.99),
            ms.len()
        );
    }
    let sums: u64 = one.books()?.iter().map(|(_, books)| books.new).sum();
    println!("{sums} new reports of {} events", batches * events);
    Ok(())
}

/// Publishes with so many batches on the way at most; gives the ms of each and how many
/// failed.
fn publish(
    store: &ClusterStore,
    (batches, events): (u64, u64),
    window: usize,
    rate: f64,
) -> (Vec<f64>, u32) {
    let began = now();
    let (sender, receiver) = mpsc::channel::<(f64, Result<(), StoreError>)>();
    let (mut acks, mut failed) = (Vec::new(), 0_u32);
    let mut take = || match receiver.recv() {
        Ok((ms, Ok(()))) => acks.push(ms),
        Ok((_, Err(_))) | Err(_) => failed += 1,
    };
    let mut open = 0;
    for nth in 0..batches {
        if rate > 0.0 {
            let due = began + std::time::Duration::from_secs_f64((nth * events) as f64 / rate);
            std::thread::sleep(due.saturating_duration_since(now()));
        }
        if open >= window {
            take();
            open -= 1;
        }
        let (sender, sent) = (sender.clone(), now());
        let done = Box::new(move |result: Result<_, StoreError>| {
            let ms = sent.elapsed().as_secs_f64() * 1e3;
            drop(sender.send((ms, result.map(|_| ()))));
        });
        store.submit(batch(nth, events), done);
        open += 1;
    }
    for _ in 0..open {
        take();
    }
    (acks, failed)
}

/// What a reader saw: how long the leaders took to tell the ends of their logs, and queries
/// behind them; how many queries failed.
#[derive(Default)]
struct Reads {
    ends_ms: Vec<f64>,
    queries_ms: Vec<f64>,
    failed: u32,
}

/// Reads a month of one number after the other.
fn read(store: &ClusterStore, stop: &AtomicBool) -> Reads {
    let mut reads = Reads::default();
    for nth in 0_u64.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let number = 15_550_000_000 + nth % NUMBERS;
        let number = PhoneNumber::parse(&number.to_string()).expect("digits");
        let (asker, partition) = (
            store.asker().clone(),
            store.engine().partitions.of_number(&number),
        );
        let began = now();
        if store
            .wait(async move { asker.end(partition).await })
            .is_ok()
        {
            reads.ends_ms.push(began.elapsed().as_secs_f64() * 1e3);
        }
        let began = now();
        let days = UtcDay(20_000)..=UtcDay(20_030);
        match store.read_days(SpaceKey(1), &number, days, &mut |_, _| {}) {
            Ok(()) => reads.queries_ms.push(began.elapsed().as_secs_f64() * 1e3),
            Err(_) => reads.failed += 1,
        }
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    reads
}
