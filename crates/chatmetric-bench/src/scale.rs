//! The long run: 100 million events into one store, killed at the end.
//!
//! The parent writes the events to a file first, so that making them costs the
//! store nothing, and keeps what they must add up to. A child process loads them
//! (its CPU, memory and written bytes are the store's alone), is killed with
//! `SIGKILL` after the last acknowledgement, and a second child opens what is
//! left, answers, verifies, and gives every counter. Not here: rivals (`store`).
//! Invariant: nothing is printed unless every counter equals the oracle's.

mod events;
mod load;
mod oracle;
mod plot;
mod reopen;
mod report;

use crate::arguments::Arguments;
use crate::machine;
use crate::workload::{SPACE, SPAN_DAYS, START_MS};
use anyhow::{Context, Result, bail};
use chatmetric_core::{
    EpochMs, Granularity, MetricQuery, PhoneNumber, QueryLimits, TimeRange, Zone,
};
use chatmetric_store::{EmbeddedStore, MEMORY_BYTES_DEFAULT, Options, Store};
use events::EventFile;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// Parts into which the run is cut, to see whether it gets slower.
pub(crate) const PARTS: u64 = 10;

/// One whole run.
pub(crate) struct Round {
    /// One line a part, as the loading child printed them.
    pub(crate) parts: Vec<Value>,
    /// What the second child found.
    pub(crate) reopened: Value,
}

/// Runs the bench, prints Markdown, writes JSON and a picture.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let machine = machine::describe();
    let home = tempfile::tempdir_in(arguments.dir()).context("could not make a directory")?;
    let out = arguments.out();
    fs::create_dir_all(&out)?;
    let events = arguments.number("events", 100_000_000)?;
    let numbers = arguments.number("numbers", 10_000)?;
    eprintln!("making {events} events and what they must add up to");
    let given = arguments.path("events-file");
    let path = given.unwrap_or_else(|_| home.path().join("events"));
    let (file, expected) = events::make_or_open(&path, events, numbers)?;
    let mut rounds = Vec::new();
    for round in 0..arguments.number("rounds", 5)? {
        let dir = home.path().join("store");
        rounds.push(one(arguments, &file, &expected, &dir)?);
        fs::remove_dir_all(&dir)?;
        eprintln!("round {} done, all counters equal the oracle's", round + 1);
    }
    let options = options(arguments)?;
    println!(
        "{}",
        report::markdown(&rounds, &file, &machine, options.shards)
    );
    let document = report::to_json(&rounds, &file, &machine, options.shards);
    fs::write(
        out.join("SCALE.json"),
        serde_json::to_vec_pretty(&document)?,
    )?;
    fs::write(out.join("SCALE.svg"), plot::svg(&rounds))?;
    eprintln!("wrote SCALE.json and SCALE.svg to `{}`", out.display());
    Ok(())
}

/// The settings of the store, the same in both children.
fn options(arguments: &Arguments) -> Result<Options> {
    let options = Options {
        shards: u32::try_from(arguments.number("shards", 1)?)?,
        ..Options::default()
    };
    let mib = arguments.number("memory-mib", MEMORY_BYTES_DEFAULT >> 20)?;
    Ok(options.with_memory(mib << 20))
}

fn one(
    arguments: &Arguments,
    file: &EventFile,
    expected: &oracle::Counters,
    dir: &Path,
) -> Result<Round> {
    let mut loader = child("scale-load", arguments, file, dir)?;
    let mut parts = Vec::new();
    let lines = BufReader::new(loader.stdout.take().context("no output")?).lines();
    for line in lines {
        let line: Value = serde_json::from_str(&line?)?;
        eprintln!("  {line}");
        if line["done"] == true {
            break;
        }
        parts.push(line);
    }
    // Everything was acknowledged, nothing was closed.
    loader.kill()?;
    loader.wait()?;
    if parts.len() as u64 != PARTS {
        bail!("the loading child ended too early");
    }
    let mut opener = child("scale-open", arguments, file, dir)?;
    let mut lines = BufReader::new(opener.stdout.take().context("no output")?).lines();
    let reopened: Value = serde_json::from_str(&lines.next().context("no answer")??)?;
    eprintln!("  {reopened}");
    let found = oracle::Counters::read(&counters_path(dir))?;
    if !opener.wait()?.success() {
        bail!("the opening child failed");
    }
    found.compare(expected)?;
    Ok(Round { parts, reopened })
}

fn counters_path(dir: &Path) -> PathBuf {
    dir.with_extension("counters")
}

fn child(verb: &str, arguments: &Arguments, file: &EventFile, dir: &Path) -> Result<Child> {
    Command::new(std::env::current_exe()?)
        .arg(verb)
        .arg("--events-file")
        .arg(file.path())
        .arg("--store")
        .arg(dir)
        .args(arguments.words(&["shards", "memory-mib", "numbers", "in-flight"]))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .context("could not start a child")
}

/// The first child.
pub(crate) fn load(arguments: &Arguments) -> Result<()> {
    let file = EventFile::open(&arguments.path("events-file")?)?;
    load::run(
        &file,
        &arguments.path("store")?,
        options(arguments)?,
        usize::try_from(arguments.number("in-flight", 1)?)?,
    )
}

/// The second child.
pub(crate) fn open(arguments: &Arguments) -> Result<()> {
    let dir = arguments.path("store")?;
    let numbers = arguments.number("numbers", 10_000)?;
    reopen::run(&dir, options(arguments)?, numbers, &counters_path(&dir))
}

/// Which numbers are asked for: of every size, the busiest more often.
#[derive(Default)]
struct Ranks {
    state: u32,
    seen: BTreeSet<u32>,
}

impl Ranks {
    /// The next rank, and whether it was given before.
    fn next(&mut self) -> (u32, bool) {
        self.state = self
            .state
            .wrapping_mul(1_664_525)
            .wrapping_add(1_013_904_223);
        let rank = (self.state >> 16) % (1 + (self.state >> 8) % 1000);
        (rank, !self.seen.insert(rank))
    }
}

/// Reads the 30-day half-hour series of a number; gives the number of its rows.
fn read_series(store: &EmbeddedStore, number: &PhoneNumber) -> Result<usize> {
    let end = START_MS + SPAN_DAYS * 86_400_000;
    let range = TimeRange::new(EpochMs(START_MS), EpochMs(end)).context("an empty range")?;
    let query = MetricQuery::new(
        Granularity::HalfHour,
        &range,
        &Zone::utc(),
        &QueryLimits::default(),
    )?;
    let mut series = query.row_series();
    if let Some(days) = query.days() {
        store.read_days(SPACE, number, days, &mut |day, block| {
            series.add_day(day, block);
        })?;
    }
    Ok(series.rows(*number).count())
}
