//! The store bench: rounds of ours and of the rival, interleaved, and the table.

use crate::arguments::Arguments;
use crate::statistics::{Spread, percentile};
use crate::workload::{BATCH_EVENTS, Dataset};
use crate::{machine, ours, postgres};
use anyhow::{Context, Result};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::fs;
use std::time::Duration;

/// Series read after each round.
pub(crate) const SERIES_READS: usize = 1000;
/// Batches that the pipelined row keeps queued.
const IN_FLIGHT: usize = 4;

/// One round of one candidate whose counts were right.
pub(crate) struct Measured {
    pub(crate) events: usize,
    /// User and system, server processes included.
    pub(crate) cpu: Duration,
    pub(crate) wall: Duration,
    pub(crate) log_bytes: u64,
    pub(crate) stored_bytes: u64,
    /// Time of each 30-day half-hour series.
    pub(crate) series_us: Vec<f64>,
}

impl Measured {
    fn per_event(&self, value: f64) -> f64 {
        value / self.events as f64
    }
}

struct Candidate {
    name: &'static str,
    rounds: Vec<Measured>,
}

/// Runs the bench, prints Markdown and writes JSON.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let rounds = arguments.number("rounds", 5)?;
    let numbers = arguments.number("numbers", 100)?;
    let machine = machine::describe();
    eprintln!("making the events and the model's answer");
    let large = Dataset::make(arguments.number("events", 4_000_000)?, numbers);
    let small = Dataset::make(arguments.number("postgres-events", 200_000)?, numbers);
    let home = tempfile::tempdir_in(arguments.dir()).context("could not make a directory")?;
    open_to_others(home.path())?;
    let server = match postgres::Server::is_installed() {
        true => Some(postgres::Server::start(home.path())?),
        false => None,
    };
    let mut candidates = [
        Candidate {
            name: "chatmetric, one caller that waits",
            rounds: Vec::new(),
        },
        Candidate {
            name: "chatmetric, 4 batches queued",
            rounds: Vec::new(),
        },
        Candidate {
            name: "PostgreSQL 15, one-statement upsert",
            rounds: Vec::new(),
        },
    ];
    for round in 0..rounds {
        for (in_flight, candidate) in [1, IN_FLIGHT].into_iter().zip(&mut candidates) {
            let dir = home.path().join("ours");
            candidate.rounds.push(ours::run(&dir, &large, in_flight)?);
            fs::remove_dir_all(&dir)?;
        }
        if let (Some(server), Some(candidate)) = (&server, candidates.last_mut()) {
            candidate.rounds.push(server.run(&small)?);
        }
        eprintln!(
            "round {} of {rounds} done, all counts equal the model's",
            round + 1
        );
    }
    println!("{}", markdown(&candidates, &machine, rounds));
    let out = arguments.out();
    fs::create_dir_all(&out)?;
    let path = out.join("STORE.json");
    let document = json!({
        "machine": machine,
        "batch_events": BATCH_EVENTS,
        "rounds": rounds,
        "candidates": candidates.iter().map(to_json).collect::<Vec<_>>(),
    });
    fs::write(&path, serde_json::to_vec_pretty(&document)?)?;
    eprintln!("wrote `{}`", path.display());
    Ok(())
}

/// PostgreSQL runs as another user and must reach its directory.
fn open_to_others(dir: &std::path::Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(dir, fs::Permissions::from_mode(0o755))
        .context("could not open the directory")
}

struct Summary {
    cpu_us: Spread,
    rate: Spread,
    log_bytes: Spread,
    stored_bytes: Spread,
    series_p50_us: f64,
    series_p99_us: f64,
}

impl Candidate {
    fn summary(&self) -> Option<Summary> {
        let each = |value: fn(&Measured) -> f64| Spread::of(self.rounds.iter().map(value));
        let mut series: Vec<f64> = self
            .rounds
            .iter()
            .flat_map(|round| round.series_us.iter().copied())
            .collect();
        series.sort_by(f64::total_cmp);
        Some(Summary {
            cpu_us: each(|round| round.per_event(round.cpu.as_secs_f64() * 1e6))?,
            rate: each(|round| round.events as f64 / round.wall.as_secs_f64())?,
            log_bytes: each(|round| round.per_event(round.log_bytes as f64))?,
            stored_bytes: each(|round| round.per_event(round.stored_bytes as f64))?,
            series_p50_us: percentile(&series, 50.0)?,
            series_p99_us: percentile(&series, 99.0)?,
        })
    }
}

fn markdown(candidates: &[Candidate], machine: &str, rounds: u64) -> String {
    let mut text = format!(
        "{machine}; {rounds} rounds, medians (min - max); batches of {BATCH_EVENTS}, each durable \
         before the next is acknowledged; every counter compared with the model\n\n\
         | candidate | events a round | CPU us/event | events/s | log bytes/event | stored bytes/event | 30-day series p50 / p99 us |\n\
         |---|---|---|---|---|---|---|\n"
    );
    for candidate in candidates {
        let (Some(summary), Some(first)) = (candidate.summary(), candidate.rounds.first()) else {
            let _ = writeln!(
                text,
                "| {} | not measured: not installed here | | | | | |",
                candidate.name
            );
            continue;
        };
        let _ = writeln!(
            text,
            "| {} | {} | {:.2} ({:.2} - {:.2}) | {:.0} ({:.0} - {:.0}) | {:.1} | {:.1} | {:.1} / {:.1} |",
            candidate.name,
            first.events,
            summary.cpu_us.median,
            summary.cpu_us.min,
            summary.cpu_us.max,
            summary.rate.median,
            summary.rate.min,
            summary.rate.max,
            summary.log_bytes.median,
            summary.stored_bytes.median,
            summary.series_p50_us,
            summary.series_p99_us,
        );
    }
    let cpu = |index: usize| Some(candidates.get(index)?.summary()?.cpu_us.median);
    if let (Some(ours), Some(rival)) = (cpu(0), cpu(2)) {
        let _ = writeln!(
            text,
            "\nCPU per event, PostgreSQL / ours (one caller): {:.1}",
            rival / ours
        );
    }
    text
}

fn to_json(candidate: &Candidate) -> Value {
    let rounds: Vec<Value> = candidate
        .rounds
        .iter()
        .map(|round| {
            json!({
                "events": round.events,
                "cpu_us_per_event": round.per_event(round.cpu.as_secs_f64() * 1e6),
                "events_per_second": round.events as f64 / round.wall.as_secs_f64(),
                "log_bytes_per_event": round.per_event(round.log_bytes as f64),
                "stored_bytes_per_event": round.per_event(round.stored_bytes as f64),
            })
        })
        .collect();
    let series = candidate
        .summary()
        .map(|summary| json!({"p50_us": summary.series_p50_us, "p99_us": summary.series_p99_us}));
    json!({"name": candidate.name, "rounds": rounds, "series": series})
}
