//! `cargo xtask trust`: TRUST.md, the promises with their tests and the last long run of
//! each, generated from the runs.
//!
//! `trust run [ID...]` does the long runs and remembers what they said, with the day and
//! the commit; `trust` writes the page from that; `trust --check` is CI's. A run that
//! takes many hours has parts (`ID/PART`), each remembered by itself. Not here: the tests.
//! Invariant: a figure on the page is of a run that ended well.

mod promises;

use crate::workspace::{day_and_commit, root};
use crate::{fuzz, mutants};
use anyhow::{Context, Result, bail};
use promises::{PROMISES, Promise};
use serde_json::{Map, Value, json};
use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::time::Instant;

const PAGE: &str = "TRUST.md";
/// What the last long runs said.
const RUNS: &str = "docs/trust-runs.json";
/// A line of a run that stands on the page.
const FIGURE: &str = "figure: ";
/// The promise whose long run has a part for each parser.
const FUZZ: &str = "fuzz";
const MUTANTS: &str = "mutants";
/// Such lines of one run.
const FIGURES_MAX: usize = 12;

/// Writes the page.
///
/// # Errors
/// When it cannot be written.
pub(crate) fn write() -> Result<()> {
    fs::write(root().join(PAGE), page(&runs()?, &mutants::seen::all()?))
        .with_context(|| format!("could not write {PAGE}"))
}

/// Whether the page is what would be written.
///
/// # Errors
/// When it is not.
pub(crate) fn check() -> Result<()> {
    let found = fs::read_to_string(root().join(PAGE)).unwrap_or_default();
    if found != page(&runs()?, &mutants::seen::all()?) {
        bail!("`{PAGE}` is not current: run `cargo xtask trust`");
    }
    Ok(())
}

/// Does the long runs of all promises, or of those named, and remembers what they said.
///
/// # Errors
/// When one of them fails; those before it are remembered.
pub(crate) fn run(ids: &[&str]) -> Result<()> {
    let all: Vec<LongRun> = PROMISES.iter().flat_map(long_runs).collect();
    let is_of = |run: &LongRun, id: &str| run.promise.id == id || run.key == id;
    let known = |id: &&str| all.iter().any(|run| is_of(run, id));
    if let Some(unknown) = ids.iter().find(|id| !known(id)) {
        let keys: Vec<&str> = all.iter().map(|run| run.key.as_str()).collect();
        bail!("no promise has a long run `{unknown}`: {}", keys.join(", "));
    }
    for run in all {
        if !ids.is_empty() && !ids.iter().any(|id| is_of(&run, id)) {
            continue;
        }
        println!("\n==> {}: {}", run.key, run.promise.what);
        let outcome = do_it(&run.arguments)
            .with_context(|| format!("the long run of `{}` failed", run.key))?;
        let mut all = runs()?;
        all.insert(run.key, outcome);
        let text = serde_json::to_string_pretty(&Value::Object(all))?;
        fs::write(root().join(RUNS), format!("{text}\n"))?;
        write()?;
    }
    Ok(())
}

/// One long run of a promise, or a part of it.
struct LongRun {
    promise: &'static Promise,
    /// `ID`, or `ID/PART`.
    key: String,
    arguments: Vec<&'static str>,
}

impl LongRun {
    fn command(&self) -> String {
        format!("cargo xtask {}", self.arguments.join(" "))
    }
}

fn long_runs(promise: &'static Promise) -> Vec<LongRun> {
    if promise.release.is_empty() {
        return Vec::new();
    }
    let parts = if promise.id == FUZZ {
        fuzz::names()
    } else {
        Vec::new()
    };
    let run = |part: Option<&'static str>| LongRun {
        promise,
        key: part.map_or_else(
            || promise.id.to_owned(),
            |part| format!("{}/{part}", promise.id),
        ),
        arguments: promise.release.iter().copied().chain(part).collect(),
    };
    match parts.as_slice() {
        [] => vec![run(None)],
        parts => parts.iter().map(|part| run(Some(part))).collect(),
    }
}

fn runs() -> Result<Map<String, Value>> {
    match fs::read_to_string(root().join(RUNS)) {
        Ok(text) => serde_json::from_str(&text).with_context(|| format!("`{RUNS}` is no JSON")),
        Err(_) => Ok(Map::new()),
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a task measures its own steps; no product code runs here"
)]
fn now() -> Instant {
    Instant::now()
}

/// Runs one task of this program; gives what it said, with the commit that it began at.
fn do_it(arguments: &[&str]) -> Result<Value> {
    let started = now();
    let (day, commit) = day_and_commit()?;
    let program = std::env::current_exe().context("this program has no path")?;
    let mut child = Command::new(program)
        .args(arguments)
        .current_dir(root())
        // What a test needs and does not find is a failure, and nothing that is left out.
        .env("CI", "true")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut figures = Vec::new();
    let mut closing = String::new();
    if let Some(stdout) = child.stdout.take() {
        let mut out = std::io::stdout().lock();
        for line in BufReader::new(stdout).lines() {
            let line = line.context("its output is no text")?;
            writeln!(out, "{line}")?;
            if let Some(figure) = line.strip_prefix(FIGURE) {
                if figures.len() < FIGURES_MAX {
                    figures.push(figure.to_owned());
                }
            } else if line.contains(" passed, ") && line.contains(" failed") {
                closing = line;
            }
        }
    }
    let status = child.wait()?;
    if !status.success() {
        bail!("`cargo xtask {}`: {status}", arguments.join(" "));
    }
    Ok(json!({
        "command": format!("cargo xtask {}", arguments.join(" ")),
        "day": day,
        "commit": commit,
        "seconds": started.elapsed().as_secs(),
        "figures": figures,
        "closing": closing,
    }))
}

const HEAD: &str = "\
# Trust

What chatmetric promises, how each promise is tested, and what the last long run said.
This page is written by `cargo xtask trust` from the runs of `cargo xtask trust run`; CI fails when it is not current, and the tests that it names exist.

Protections have negative controls: `cargo xtask mutants` breaks each on its list once, and the test that is named for it must turn red ([CONTRIBUTING.md](CONTRIBUTING.md)).

| # | promise | tests | in CI, every time | the long run |
|---|---|---|---|---|
";

/// A line of the table of long runs; a command that is not the promised one is told.
fn row(out: &mut String, number: usize, promised: &LongRun, run: Option<&Value>) {
    let key = &promised.key;
    // Writing into a string cannot fail.
    let Some(run) = run else {
        let _ = writeln!(out, "| {number} `{key}` | not run yet | | | |");
        return;
    };
    let text = |member: &str| run.get(member).and_then(Value::as_str).unwrap_or_default();
    let seconds = run.get("seconds").and_then(Value::as_u64).unwrap_or(0);
    let figures = run.get("figures").and_then(Value::as_array);
    let figures = figures.into_iter().flatten().filter_map(Value::as_str);
    let closing = Some(text("closing")).filter(|closing| !closing.is_empty());
    let said: Vec<&str> = figures.chain(closing).collect();
    let command = text("command");
    let other = if command == promised.command() {
        String::new()
    } else {
        format!("by `{command}`: ")
    };
    let _ = writeln!(
        out,
        "| {number} `{key}` | {} | {} | {seconds} s | {other}{} |",
        text("day"),
        text("commit"),
        said.join("; "),
    );
}

fn page(runs: &Map<String, Value>, seen: &Map<String, Value>) -> String {
    let mut out = HEAD.to_owned();
    for (number, promise) in (1..).zip(PROMISES) {
        let tests: Vec<String> = promise.tests.iter().map(|it| format!("`{it}`")).collect();
        let long = if promise.release.is_empty() {
            "the same".to_owned()
        } else {
            format!("`cargo xtask {}`", promise.release.join(" "))
        };
        // Writing into a string cannot fail.
        let _ = writeln!(
            out,
            "| {number} | {} | {} | {} | {long} |",
            promise.what,
            tests.join(", "),
            promise.ci,
        );
    }
    out.push_str("\n## The last long runs\n\n| promise | day | commit | took | what it said |\n|---|---|---|---|---|\n");
    for (number, promise) in (1..).zip(PROMISES) {
        // Those are remembered one by one, below the table.
        if promise.id == MUTANTS {
            continue;
        }
        for run in long_runs(promise) {
            row(&mut out, number, &run, runs.get(&run.key));
        }
    }
    let _ = writeln!(out, "\n{}", mutants::seen::summary(seen));
    out.push_str("\n## What is not covered\n\n");
    for (number, promise) in (1..).zip(PROMISES) {
        for gap in promise.uncovered {
            let _ = writeln!(out, "- {number}: {gap}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::files;

    #[test]
    fn every_promise_names_tests_that_exist() {
        let sources: Vec<String> = files()
            .unwrap()
            .into_iter()
            .filter(|path| path.extension().is_some_and(|it| it == "rs" || it == "py"))
            .filter_map(|path| fs::read_to_string(root().join(path)).ok())
            .collect();
        for promise in PROMISES {
            assert!(!promise.tests.is_empty(), "{}", promise.id);
            for test in promise.tests {
                let declared = [format!("fn {test}("), format!("def {test}(")];
                let is_declared = |text: &String| declared.iter().any(|it| text.contains(it));
                assert!(
                    sources.iter().any(is_declared),
                    "{}: no test is called `{test}`",
                    promise.id
                );
            }
        }
    }

    #[test]
    fn a_run_stands_on_the_page_with_its_day_and_commit() {
        let first = PROMISES.iter().find(|it| !it.release.is_empty()).unwrap();
        let run = json!({
            "command": "x", "day": "2026-11-29", "commit": "0123456789ab", "seconds": 7,
            "figures": ["400 cuts, 0 lost"], "closing": "3 passed, 0 failed",
        });
        let mut runs = Map::from_iter([(first.id.to_owned(), run)]);
        let said =
            "| 2026-11-29 | 0123456789ab | 7 s | by `x`: 400 cuts, 0 lost; 3 passed, 0 failed |";
        assert!(page(&runs, &Map::new()).contains(said));
        // What is promised needs no telling.
        runs[first.id]["command"] = long_runs(first)[0].command().into();
        let page = page(&runs, &Map::new());
        let row = said.replace("by `x`: ", "");
        assert!(page.contains(&row), "{page}");
        assert!(page.contains("not run yet"));
    }

    #[test]
    fn an_unknown_promise_is_refused() {
        let error = run(&["everything"]).unwrap_err().to_string();
        assert!(
            error.contains("no promise has a long run `everything`"),
            "{error}"
        );
    }
}
