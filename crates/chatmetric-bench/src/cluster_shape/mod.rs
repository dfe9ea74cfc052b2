//! What shape of streams three nats-servers on loopback bear: how many, how large the
//! messages, how many under way; with and without two readers of everything.
//!
//! Not here: chatmetric itself; payloads are bytes that nobody looks at. Invariant: an
//! event counts once its message is acknowledged by a stream of three replicas, and, with
//! readers, only a run in which both read every message is printed.

mod load;
pub(crate) mod servers;

use anyhow::{Context, Result, bail};
use load::{Outcome, Plan};
use servers::Servers;
use std::path::PathBuf;

/// Bytes of an event in a message.
const EVENT_BYTES: usize = 60;

struct Asked {
    server: PathBuf,
    seconds: u64,
    is_synced: bool,
    streams: Vec<usize>,
    batches: Vec<usize>,
    windows: Vec<usize>,
    readers: Vec<usize>,
}

impl Asked {
    fn parse(mut words: impl Iterator<Item = String>) -> Result<Self> {
        let mut asked = Self {
            server: PathBuf::from("target/compat/python-nats/bin/nats-server"),
            seconds: 5,
            is_synced: true,
            streams: vec![1, 4, 16],
            batches: vec![100, 1_000],
            windows: vec![1, 4, 16],
            readers: vec![0, 2],
        };
        while let Some(word) = words.next() {
            if word == "--no-sync" {
                asked.is_synced = false;
                continue;
            }
            let value = words
                .next()
                .with_context(|| format!("{word} needs a value"))?;
            match word.as_str() {
                "--nats-server" => asked.server = value.into(),
                "--seconds" => asked.seconds = value.parse()?,
                "--streams" => asked.streams = list(&value)?,
                "--batches" => asked.batches = list(&value)?,
                "--windows" => asked.windows = list(&value)?,
                "--readers" => asked.readers = list(&value)?,
                _ => bail!("unknown option {word}"),
            }
        }
        Ok(asked)
    }
}

fn list(text: &str) -> Result<Vec<usize>> {
    text.split(',').map(|one| Ok(one.parse()?)).collect()
}

/// Runs every combination that was asked for, on fresh servers for each.
///
/// # Errors
/// When servers do not start, or a run loses something.
pub(crate) fn run(words: impl Iterator<Item = String>) -> Result<()> {
    let asked = Asked::parse(words)?;
    println!(
        "load at the start {}; sync_interval {}",
        std::fs::read_to_string("/proc/loadavg")?.trim(),
        if asked.is_synced { "always" } else { "2m" }
    );
    println!(
        "| streams | events a message | under way a stream | readers | events/s | messages/s | ack p50 ms | p99 ms | longest ms | nats CPU us/event | client CPU us/event | CPU busy | slowest reader events/s | load |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|---|---|---|---|");
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    for &readers in &asked.readers {
        for &streams in &asked.streams {
            for &batch in &asked.batches {
                for &window in &asked.windows {
                    let plan = Plan {
                        streams,
                        batch,
                        window,
                        readers,
                        seconds: asked.seconds,
                    };
                    let servers = Servers::start(&asked.server, asked.is_synced)?;
                    let outcome = runtime.block_on(load::run(&servers, &plan));
                    match outcome {
                        Ok(outcome) => print(&plan, &outcome)?,
                        Err(error) => println!("{plan:?}: {error:#}"),
                    }
                }
            }
        }
    }
    Ok(())
}

fn print(plan: &Plan, outcome: &Outcome) -> Result<()> {
    let load = std::fs::read_to_string("/proc/loadavg")?;
    let events = outcome.events as f64;
    println!(
        "| {} | {} | {} | {} | {:.0} | {:.0} | {:.1} | {:.1} | {:.1} | {:.2} | {:.2} | {:.0} % | {} | {} |",
        plan.streams,
        plan.batch,
        plan.window,
        plan.readers,
        events / outcome.seconds,
        events / outcome.seconds / plan.batch as f64,
        outcome.p50_ms,
        outcome.p99_ms,
        outcome.longest_ms,
        outcome.server_cpu_us / events,
        outcome.client_cpu_us / events,
        outcome.busy * 100.0,
        outcome
            .read_per_s
            .map_or("-".to_owned(), |it| format!("{it:.0}")),
        load.split_whitespace().next().unwrap_or("?"),
    );
    Ok(())
}
