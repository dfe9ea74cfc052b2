//! Load over HTTP against the real program: signed webhooks in, signed queries
//! out, next to the same server without its store.
//!
//! Queries are sent on a fixed schedule and timed from when they were due, so a
//! slow answer cannot hide the wait of those behind it. Everything is signed
//! before the clock starts; the client still shares the machine with the server.
//! Invariant: after the webhooks every half hour of every number is compared with
//! the model, through the API.

pub(crate) mod ceiling;
pub(crate) mod cluster;
mod connection;
mod instance;
mod load;
mod node;
pub(crate) mod overload;
mod report;
pub(crate) mod timing;

use crate::arguments::Arguments;
use crate::workload::{Dataset, SPAN_DAYS, START_MS};
use crate::{cpu, machine};
use anyhow::{Context, Result};
use chatmetric_sim::{BodyStyle, Event, render_body};
use instance::{Ask, FOREIGN_SPACE, Instance, NO_SPACE};
use report::{Measured, Row};
use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::Duration;

/// Connections of the query load.
const QUERY_CONNECTIONS: usize = 16;
/// Connections of the webhook load, unless told.
const INGEST_CONNECTIONS: u64 = 16;
/// Statuses a body, and the statuses that a round sends in such bodies.
const BODIES: [(usize, usize); 4] = [(1, 10_000), (10, 40_000), (100, 100_000), (1000, 200_000)];
/// Statuses a body, bodies a second, and the statuses that a round sends on this schedule:
/// less than the server can take, so that an acknowledgement waits for its sync and not
/// for a core.
const SCHEDULED_BODIES: [(usize, u64, usize); 2] = [(1, 2000, 10_000), (100, 500, 100_000)];
/// Queries of each kind a round that are sent as fast as they are answered.
const CLOSED_QUERIES: usize = 10_000;
/// Refused calls of each kind a round.
const REFUSALS: usize = 4000;
/// Syncs that are timed.
const SYNCS: usize = 500;
const DAY_MS: i64 = 86_400_000;

/// Runs the bench, prints Markdown and writes JSON.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let machine = machine::describe();
    let rounds = usize::try_from(arguments.number("rounds", 3)?)?;
    let home = tempfile::tempdir_in(arguments.dir()).context("could not make a directory")?;
    let scheduled = SCHEDULED_BODIES.iter().map(|(_, _, events)| events);
    let events: usize = BODIES
        .iter()
        .map(|(_, events)| events)
        .chain(scheduled)
        .sum();
    let dataset = recent((events * rounds) as u64, arguments.number("numbers", 20)?);
    let instance = Instance::start(&home.path().join("real"))?;
    let ceiling = Instance::ceiling(&home.path().join("ceiling"))?;
    let mut rows = Vec::new();
    let connections = usize::try_from(arguments.number("connections", INGEST_CONNECTIONS)?)?;
    ingest(
        &[&instance, &ceiling],
        &dataset,
        rounds,
        connections,
        &mut rows,
    )?;
    instance.check(&dataset)?;
    let sync_ms = syncs(home.path())?;
    for round in 0..rounds {
        queries(&instance, arguments, round, &mut rows)?;
        health(&instance, &mut rows)?;
        refusals(&instance, round, &mut rows)?;
        eprintln!("round {} of {rounds} of queries done", round + 1);
    }
    instance.stop()?;
    drop(ceiling);
    let numbers = arguments.number("numbers", 20)?;
    // A rival that fails is a result, and ours stand without it.
    let said = match node::run(home.path(), numbers, connections, &mut rows) {
        Ok(said) => said.unwrap_or_else(|| {
            "Node with Express and PostgreSQL 15: not installed here.".to_owned()
        }),
        Err(error) => format!("Node with Express and PostgreSQL 15 failed: {error:#}"),
    };
    println!("{}\n{said}", report::markdown(&rows, &machine, &sync_ms));
    let out = arguments.out();
    fs::create_dir_all(&out)?;
    let path = out.join("HTTP.json");
    let document = report::to_json(&rows, &machine, &sync_ms);
    fs::write(&path, serde_json::to_vec_pretty(&document)?)?;
    eprintln!("wrote `{}`", path.display());
    Ok(())
}

/// A month that ends now: the server takes no events from further back than its
/// horizon and none from the future.
fn recent(events: u64, numbers: u64) -> Dataset {
    let mut dataset = Dataset::make(events, numbers);
    let last_ms = dataset
        .events
        .iter()
        .map(|event| event.ts_ms)
        .max()
        .unwrap_or(START_MS);
    // Whole days, so that quarter hours and half hours stay what they were.
    let now_ms = instance::wall_clock_ms();
    let shift_ms = (now_ms - last_ms).div_euclid(DAY_MS) * DAY_MS;
    for event in &mut dataset.events {
        event.ts_ms += shift_ms;
        event.received_ms += shift_ms;
        // Providers write whole seconds.
        event.ts_ms -= event.ts_ms.rem_euclid(1000);
    }
    for totals in dataset.expected.values_mut() {
        *totals = totals
            .iter()
            .map(|(slot_ms, counts)| (slot_ms + shift_ms, *counts))
            .collect();
    }
    dataset
}

/// Every event is sent once to the program, and once to the ceiling.
fn ingest(
    [instance, ceiling]: &[&Instance; 2],
    dataset: &Dataset,
    rounds: usize,
    connections: usize,
    rows: &mut Vec<Row>,
) -> Result<()> {
    let mut rest = dataset.events.as_slice();
    for round in 0..rounds {
        for (statuses, events) in BODIES {
            let (own, others) = rest.split_at(events.min(rest.len()));
            rest = others;
            for (server, name) in [(instance, ""), (ceiling, ", without the store")] {
                let measured = webhooks(server, own, statuses, connections, None)?;
                let name = format!("webhooks of {statuses} statuses{name}");
                report::add(rows, name, measured);
            }
        }
        for (statuses, rate, events) in SCHEDULED_BODIES {
            let (own, others) = rest.split_at(events.min(rest.len()));
            rest = others;
            let requests = signed(instance, own, statuses);
            let measured = scheduled(instance, &requests, connections, rate, own.len())?;
            report::add(
                rows,
                format!("webhooks of {statuses} statuses at {rate}/s"),
                measured,
            );
        }
        eprintln!("round {} of {rounds} of webhooks done", round + 1);
    }
    Ok(())
}

/// `database` is a server whose CPU belongs to the receiver.
fn webhooks(
    instance: &Instance,
    events: &[Event],
    statuses: usize,
    connections: usize,
    database: Option<u32>,
) -> Result<Measured> {
    let requests = signed(instance, events, statuses);
    closed(
        instance,
        &requests,
        connections,
        (events.len(), 200),
        database,
    )
}

/// Webhooks with so many statuses each.
fn signed(instance: &Instance, events: &[Event], statuses: usize) -> Vec<Vec<u8>> {
    let style = BodyStyle::default();
    let bodies = events.chunks(statuses);
    bodies
        .map(|chunk| instance.webhook(&render_body(chunk, &style).json))
        .collect()
}

/// `rate` requests a second.
fn scheduled(
    instance: &Instance,
    requests: &[Vec<u8>],
    connections: usize,
    rate: u64,
    statuses: usize,
) -> Result<Measured> {
    let cpu_before = cpu::of_family(instance.pid())?;
    let (seconds, sorted_ms) = load::scheduled(instance.address(), requests, connections, rate)?;
    let server_cpu = cpu::of_family(instance.pid())?.saturating_sub(cpu_before);
    Ok(Measured {
        requests: requests.len(),
        statuses,
        seconds,
        server_cpu_us: server_cpu.as_secs_f64() * 1e6 / requests.len() as f64,
        sorted_ms,
    })
}

fn closed(
    instance: &Instance,
    requests: &[Vec<u8>],
    connections: usize,
    (statuses, status): (usize, u16),
    database: Option<u32>,
) -> Result<Measured> {
    let used = || -> Result<Duration> {
        let database = database.map_or(Ok(Duration::ZERO), cpu::of_family)?;
        Ok(cpu::of_family(instance.pid())? + database)
    };
    let cpu_before = used()?;
    let (seconds, sorted_ms) = load::closed(instance.address(), requests, connections, status)?;
    let server_cpu = used()?.saturating_sub(cpu_before);
    Ok(Measured {
        requests: requests.len(),
        statuses,
        seconds,
        server_cpu_us: server_cpu.as_secs_f64() * 1e6 / requests.len() as f64,
        sorted_ms,
    })
}

fn queries(
    instance: &Instance,
    arguments: &Arguments,
    round: usize,
    rows: &mut Vec<Row>,
) -> Result<()> {
    let rate = arguments.number("rate", 1000)?.max(1);
    let count = usize::try_from(rate * arguments.number("seconds", 10)?)?;
    let now_ms = instance::wall_clock_ms();
    let numbers = instance.busiest(now_ms)?;
    let yesterday_ms = now_ms - now_ms.rem_euclid(DAY_MS) - DAY_MS;
    let shapes = [
        ("one row", yesterday_ms, yesterday_ms + DAY_MS, "DAILY"),
        (
            "1,440 rows",
            now_ms - SPAN_DAYS * DAY_MS,
            now_ms,
            "HALF_HOUR",
        ),
    ];
    for (name, start_ms, end_ms, granularity) in shapes {
        let requests = |kind: &str, count: usize| -> Vec<Vec<u8>> {
            let numbers = numbers.iter().cycle().take(count).enumerate();
            let signed = numbers.map(|(index, number)| {
                let ask = Ask {
                    start_ms,
                    end_ms,
                    granularity,
                    number: Some(number),
                    space: None,
                };
                instance.signed(&ask, &format!("{kind}-{granularity}-{round}-{index}"))
            });
            signed.collect()
        };
        let asked = requests("closed", CLOSED_QUERIES);
        let measured = closed(instance, &asked, QUERY_CONNECTIONS, (0, 200), None)?;
        report::add(rows, format!("queries of {name}"), measured);
        let asked = requests("scheduled", count);
        let measured = scheduled(instance, &asked, QUERY_CONNECTIONS, rate, 0)?;
        report::add(rows, format!("queries of {name} at {rate}/s"), measured);
    }
    Ok(())
}

/// The server's smallest answer: what HTTP alone costs.
fn health(instance: &Instance, rows: &mut Vec<Row>) -> Result<()> {
    let request = format!(
        "GET /healthz HTTP/1.1\r\nHost: {}\r\n\r\n",
        instance.address()
    );
    let requests = vec![request.into_bytes(); CLOSED_QUERIES];
    let measured = closed(instance, &requests, QUERY_CONNECTIONS, (0, 200), None)?;
    report::add(rows, "`/healthz`".to_owned(), measured);
    Ok(())
}

/// Calls for a space of somebody else and for none, by turns.
fn refusals(instance: &Instance, round: usize, rows: &mut Vec<Row>) -> Result<()> {
    let now_ms = instance::wall_clock_ms();
    for (name, space) in [("somebody else's", FOREIGN_SPACE), ("no", NO_SPACE)] {
        let requests: Vec<Vec<u8>> = (0..REFUSALS)
            .map(|index| {
                let ask = Ask {
                    start_ms: now_ms - DAY_MS,
                    end_ms: now_ms,
                    granularity: "DAILY",
                    number: None,
                    space: Some(space),
                };
                instance.signed(&ask, &format!("{space}-{round}-{index}"))
            })
            .collect();
        let measured = closed(instance, &requests, QUERY_CONNECTIONS, (0, 400), None)?;
        report::add(rows, format!("queries refused, {name} space"), measured);
    }
    Ok(())
}

/// Times of `fdatasync` after overwriting 4 KiB, sorted, in ms.
fn syncs(dir: &Path) -> Result<Vec<f64>> {
    let file = File::create(dir.join("sync"))?;
    file.write_all_at(&vec![1; 1 << 20], 0)?;
    file.sync_all()?;
    let mut taken = Vec::new();
    for at in 0..SYNCS as u64 {
        file.write_all_at(&[2; 4096], at % 256 * 4096)?;
        let started = cpu::now();
        file.sync_data()?;
        taken.push(started.elapsed().as_secs_f64() * 1e3);
    }
    taken.sort_by(f64::total_cmp);
    Ok(taken)
}
