//! Load over HTTP against the real program: signed webhooks in, signed queries
//! out.
//!
//! Queries are sent on a fixed schedule and timed from when they were due, so a
//! slow answer cannot hide the wait of those behind it. Everything is signed
//! before the clock starts; the client still shares the machine with the server.

mod connection;
mod instance;
mod load;

use crate::arguments::Arguments;
use crate::statistics::percentile;
use crate::workload::{Dataset, START_MS};
use crate::{cpu, machine};
use anyhow::{Context, Result};
use chatmetric_sim::{BodyStyle, render_body};
use instance::Instance;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::fs;

/// Connections of the query load.
const QUERY_CONNECTIONS: usize = 16;
/// Connections of the webhook load.
const INGEST_CONNECTIONS: usize = 16;
/// Statuses a body, one run each.
const BODY_STATUSES: [usize; 2] = [1, 100];
/// Bodies of a run with one status each are fewer: HTTP is the cost there.
const SMALL_BODIES_MAX: usize = 40_000;

struct Row {
    name: String,
    operations: usize,
    statuses: usize,
    seconds: f64,
    server_cpu_us: f64,
    sorted_ms: Vec<f64>,
}

/// Runs the bench, prints Markdown and writes JSON.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let machine = machine::describe();
    let home = tempfile::tempdir_in(arguments.dir()).context("could not make a directory")?;
    let dataset = recent(
        arguments.number("events", 200_000)?,
        arguments.number("numbers", 20)?,
    );
    let instance = Instance::start(home.path())?;
    let mut rows = Vec::new();
    let (small, large) = dataset
        .events
        .split_at(dataset.events.len().min(SMALL_BODIES_MAX) / 2);
    for (statuses, events) in BODY_STATUSES.into_iter().zip([small, large]) {
        rows.push(ingest(&instance, events, statuses)?);
    }
    instance.check(&dataset)?;
    rows.push(queries(&instance, arguments)?);
    instance.stop()?;
    println!("{}", markdown(&rows, &machine));
    let out = arguments.out();
    fs::create_dir_all(&out)?;
    let path = out.join("HTTP.json");
    let rows: Vec<Value> = rows.iter().map(to_json).collect();
    fs::write(
        &path,
        serde_json::to_vec_pretty(&json!({"machine": machine, "rows": rows}))?,
    )?;
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
    let shift_ms = (now_ms - last_ms).div_euclid(86_400_000) * 86_400_000;
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

fn ingest(instance: &Instance, events: &[chatmetric_sim::Event], statuses: usize) -> Result<Row> {
    let style = BodyStyle::default();
    let requests: Vec<Vec<u8>> = events
        .chunks(statuses)
        .map(|chunk| instance.webhook(&render_body(chunk, &style).json))
        .collect();
    let cpu_before = cpu::of_family(instance.pid())?;
    let (seconds, sorted_ms) = load::closed(instance.address(), &requests, INGEST_CONNECTIONS)?;
    let server_cpu = cpu::of_family(instance.pid())?.saturating_sub(cpu_before);
    Ok(Row {
        name: format!("webhooks with {statuses} statuses, {INGEST_CONNECTIONS} connections"),
        operations: requests.len(),
        statuses: events.len(),
        seconds,
        server_cpu_us: server_cpu.as_secs_f64() * 1e6 / requests.len() as f64,
        sorted_ms,
    })
}

fn queries(instance: &Instance, arguments: &Arguments) -> Result<Row> {
    let rate = arguments.number("rate", 1000)?.max(1);
    let count = usize::try_from(rate * arguments.number("seconds", 10)?)?;
    let requests = instance.queries(count)?;
    let cpu_before = cpu::of_family(instance.pid())?;
    let (seconds, sorted_ms) =
        load::scheduled(instance.address(), &requests, QUERY_CONNECTIONS, rate)?;
    let server_cpu = cpu::of_family(instance.pid())?.saturating_sub(cpu_before);
    Ok(Row {
        name: format!(
            "30-day half-hour queries of one number at {rate}/s, {QUERY_CONNECTIONS} connections"
        ),
        operations: count,
        statuses: 0,
        seconds,
        server_cpu_us: server_cpu.as_secs_f64() * 1e6 / count as f64,
        sorted_ms,
    })
}

fn markdown(rows: &[Row], machine: &str) -> String {
    let mut text = format!(
        "{machine}; client and server share it\n\n\
         | load | requests | requests/s | statuses/s | server CPU us/request | p50 ms | p99 ms | max ms |\n\
         |---|---|---|---|---|---|---|---|\n"
    );
    for row in rows {
        let at = |percent| percentile(&row.sorted_ms, percent).unwrap_or(f64::NAN);
        let statuses = match row.statuses {
            0 => String::from("-"),
            count => format!("{:.0}", count as f64 / row.seconds),
        };
        let _ = writeln!(
            text,
            "| {} | {} | {:.0} | {statuses} | {:.0} | {:.2} | {:.2} | {:.2} |",
            row.name,
            row.operations,
            row.operations as f64 / row.seconds,
            row.server_cpu_us,
            at(50.0),
            at(99.0),
            at(100.0)
        );
    }
    text
}

fn to_json(row: &Row) -> Value {
    json!({
        "name": row.name,
        "requests": row.operations,
        "statuses": row.statuses,
        "seconds": row.seconds,
        "server_cpu_us_per_request": row.server_cpu_us,
        "p50_ms": percentile(&row.sorted_ms, 50.0),
        "p99_ms": percentile(&row.sorted_ms, 99.0),
        "max_ms": percentile(&row.sorted_ms, 100.0),
    })
}
