//! The store bench: rounds of ours and of its rivals, interleaved.
//!
//! Each round of each candidate is a process of its own (`candidate.rs`), one
//! after another. Not here: how the table and the plot look. Invariant: a
//! candidate whose counts were wrong once ends the whole run.

use crate::arguments::Arguments;
use crate::candidate::Measured;
use crate::feed;
use crate::lineup::Entrant;
use crate::table::{Row, Table};
use crate::workload::Dataset;
use crate::{machine, plot};
use anyhow::{Context, Result, bail};
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

/// Enough for several seals of ours.
const EVENTS: u64 = 4_000_000;
/// Rivals are slower; their tables are small then, which is to their favour.
const RIVAL_EVENTS: u64 = 1_000_000;
const NUMBERS: u64 = 10_000;
const ROUNDS: u64 = 5;

/// Runs the bench, prints Markdown and writes JSON and a plot.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let rounds = arguments.number("rounds", ROUNDS)?;
    let numbers = arguments.number("numbers", NUMBERS)?;
    let events = arguments.number("events", EVENTS)?;
    let rival_events = arguments.number("rival-events", RIVAL_EVENTS)?;
    let machine = machine::describe();
    let mut rows = entrants(arguments)?;
    let home = tempfile::tempdir_in(arguments.dir()).context("could not make a directory")?;
    open_to_others(home.path())?;
    let feeds = [home.path().join("feed"), home.path().join("rivals-feed")];
    for (dir, events) in feeds.iter().zip([events, rival_events]) {
        eprintln!("making {events} events and the model's answer");
        feed::write(dir, &Dataset::make(events, numbers))?;
    }
    for round in 1..=rounds {
        for row in rows.iter_mut().filter(|row| row.is_installed) {
            eprintln!("round {round} of {rounds}: {}", row.entrant.title());
            let feed = match row.entrant.is_ours() {
                true => &feeds[0],
                false => &feeds[1],
            };
            let dir = home.path().join("round");
            fs::create_dir(&dir)?;
            open_to_others(&dir)?;
            row.rounds.push(measure(row.entrant, feed, &dir)?);
            fs::remove_dir_all(&dir)?;
        }
        eprintln!("round {round} of {rounds} done, all counts equal the model's");
    }
    let table = Table {
        machine,
        numbers,
        rounds,
        rows,
    };
    println!("{}", table.to_markdown());
    let out = arguments.out();
    fs::create_dir_all(&out)?;
    for (name, text) in [
        (
            "STORE.json",
            serde_json::to_string_pretty(&table.to_json())?,
        ),
        ("STORE.svg", plot::svg(&table)),
    ] {
        let path = out.join(name);
        fs::write(&path, text)?;
        eprintln!("wrote `{}`", path.display());
    }
    Ok(())
}

/// All, or those of `--only`, with commas between.
fn entrants(arguments: &Arguments) -> Result<Vec<Row>> {
    let chosen: Vec<Entrant> = match arguments.text("only") {
        Some(words) => words
            .split(',')
            .map(Entrant::from_word)
            .collect::<Result<_>>()?,
        None => Entrant::ALL.to_vec(),
    };
    Ok(chosen
        .into_iter()
        .map(|entrant| Row {
            entrant,
            is_installed: entrant.is_installed(),
            rounds: Vec::new(),
        })
        .collect())
}

fn measure(entrant: Entrant, feed: &Path, dir: &Path) -> Result<Measured> {
    let program = std::env::current_exe().context("could not find this program")?;
    let output = Command::new(program)
        .args(["candidate", "--name", entrant.word(), "--feed"])
        .arg(feed)
        .arg("--dir")
        .arg(dir)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .context("could not start a candidate")?;
    if !output.status.success() {
        bail!("`{}` failed: {}", entrant.word(), output.status);
    }
    let value = serde_json::from_slice(&output.stdout).context("no JSON from a candidate")?;
    Measured::from_json(&value).context("a candidate left something out")
}

/// PostgreSQL runs as another user and must reach its directory.
fn open_to_others(dir: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(dir, fs::Permissions::from_mode(0o755))
        .context("could not open the directory")
}
