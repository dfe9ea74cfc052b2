//! Steps: run a command, show its name and time, count the tests it reports.
//!
//! Counting reads the closing lines of the runners themselves. A step that
//! fails without a failing test counts as one failure, so the closing line can
//! never say `0 failed` when something did. What the runners said of the tests that
//! failed is said again at the end, where one who reads only the end of a log sees it.

use anyhow::{Context, Result, bail};
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::time::Instant;

/// How many lines about failed tests are repeated at the end, of each step.
const REPEATED_LINES_MAX: usize = 60;

/// A step that takes longer is named with its time at the end.
const SLOW_SECONDS: f64 = 10.0;

/// What the runners reported so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Tally {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) skipped: u64,
}

impl Tally {
    fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }
}

/// A run of steps, all of which are tried even when one fails.
#[derive(Debug, Default)]
pub(crate) struct Steps {
    tally: Tally,
    failures: Vec<String>,
    skips: Vec<String>,
    failed_tests: Vec<String>,
    /// Seconds of each step, in their order.
    times: Vec<(String, f64)>,
}

#[expect(
    clippy::disallowed_methods,
    reason = "a task measures its own steps; no product code runs here"
)]
fn now() -> Instant {
    Instant::now()
}

impl Steps {
    /// Runs a command as a step; its output is shown as it comes.
    pub(crate) fn command(&mut self, name: &str, command: &mut Command) -> bool {
        let mut said = Said::default();
        let fine = self.step(name, || run_counting(command, &mut said));
        if !fine {
            self.failed_tests.append(&mut said.lines);
        }
        fine
    }

    /// Runs a function as a step.
    pub(crate) fn check(&mut self, name: &str, check: impl FnOnce() -> Result<()>) -> bool {
        self.step(name, || {
            check()
                .map(|()| Tally::default())
                .map_err(|error| (Tally::default(), error))
        })
    }

    /// Says loudly that a step was not run.
    pub(crate) fn skip(&mut self, name: &str, why: &str) {
        println!("\n==> {name}: SKIPPED ({why})");
        self.skips.push(name.to_owned());
    }

    fn step(
        &mut self,
        name: &str,
        run: impl FnOnce() -> Result<Tally, (Tally, anyhow::Error)>,
    ) -> bool {
        println!("\n==> {name}");
        let started = now();
        let outcome = run();
        let seconds = started.elapsed().as_secs_f64();
        self.times.push((name.to_owned(), seconds));
        match outcome {
            Ok(tally) => {
                self.tally.add(tally);
                println!("==> {name}: ok in {seconds:.1} s");
                true
            }
            Err((mut tally, error)) => {
                if tally.failed == 0 {
                    tally.failed = 1;
                }
                self.tally.add(tally);
                self.failures.push(name.to_owned());
                println!("==> {name}: FAILED in {seconds:.1} s: {error:#}");
                false
            }
        }
    }

    /// Closes the run with one plain line.
    ///
    /// # Errors
    /// When a step failed, or nothing was tested at all.
    pub(crate) fn finish(self) -> Result<()> {
        println!();
        for line in &self.failed_tests {
            println!("{line}");
        }
        let total: f64 = self.times.iter().map(|(_, seconds)| seconds).sum();
        for (name, seconds) in self
            .times
            .iter()
            .filter(|(_, seconds)| *seconds >= SLOW_SECONDS)
        {
            println!("{seconds:7.0} s  {name}");
        }
        println!("{total:7.0} s  all steps");
        if !self.skips.is_empty() {
            println!("not run here: {}", self.skips.join(", "));
        }
        if !self.failures.is_empty() {
            println!("failed: {}", self.failures.join(", "));
        }
        let Tally {
            passed,
            failed,
            skipped,
        } = self.tally;
        if skipped == 0 {
            println!("{passed} passed, {failed} failed");
        } else {
            println!("{passed} passed, {failed} failed, {skipped} skipped");
        }
        if !self.failures.is_empty() {
            bail!("{} of the steps failed", self.failures.len());
        }
        if passed == 0 {
            bail!("no test ran");
        }
        Ok(())
    }
}

/// Runs a command, passes its output on line by line and counts tests.
fn run_counting(command: &mut Command, said: &mut Said) -> Result<Tally, (Tally, anyhow::Error)> {
    let mut tally = Tally::default();
    match run_lines(command, &mut tally, said) {
        Ok(()) => Ok(tally),
        Err(error) => Err((tally, error)),
    }
}

fn run_lines(command: &mut Command, tally: &mut Tally, said: &mut Said) -> Result<()> {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("could not start `{}`", command.get_program().display()))?;
    if let Some(stdout) = child.stdout.take() {
        let mut out = std::io::stdout().lock();
        for line in BufReader::new(stdout).split(b'\n') {
            let line = line.context("could not read the output")?;
            out.write_all(&line)?;
            out.write_all(b"\n")?;
            out.flush()?;
            let line = String::from_utf8_lossy(&line);
            if let Some(counts) = closing_line(&line) {
                tally.add(counts);
            }
            said.hear(&line);
        }
    }
    let status = child.wait().context("could not wait for the command")?;
    if !status.success() {
        bail!("{status}");
    }
    Ok(())
}

/// The lines of a runner that are about tests that failed.
#[derive(Debug, Default)]
struct Said {
    lines: Vec<String>,
    /// Within what `cargo test` prints of each test that failed.
    inside: bool,
}

impl Said {
    fn hear(&mut self, line: &str) {
        let plain = strip_colour(line);
        let text = plain.trim();
        if text.starts_with("test result: ") {
            self.inside = false;
        } else if text == "failures:" {
            self.inside = true;
        }
        if (self.inside || names_a_failed_test(text))
            && !text.is_empty()
            && self.lines.len() < REPEATED_LINES_MAX
        {
            self.lines.push(plain);
        }
    }
}

/// Whether a line of libtest, nextest, pytest, node's runner, Go's or Surefire names a
/// test that failed.
fn names_a_failed_test(text: &str) -> bool {
    (text.starts_with("test ") && text.ends_with(" ... FAILED"))
        || [
            "FAIL [",
            "FAILED ",
            "ERROR ",
            "--- FAIL: ",
            "✖ ",
            "[ERROR] ",
        ]
        .iter()
        .any(|mark| text.starts_with(mark))
}

/// Reads the closing line of `cargo test`, nextest, pytest, node's runner or Surefire;
/// Go's runner has none, so each of its results counts.
pub(crate) fn closing_line(line: &str) -> Option<Tally> {
    let line = strip_colour(line);
    let line = line.trim();
    if let Some(rest) = line.strip_prefix("test result: ") {
        return Some(Tally {
            passed: number_before(rest, "passed")?,
            failed: number_before(rest, "failed")?,
            skipped: number_before(rest, "ignored").unwrap_or(0),
        });
    }
    if let Some(rest) = line.strip_prefix("Summary [") {
        return Some(Tally {
            passed: number_before(rest, "passed")?,
            failed: number_before(rest, "failed").unwrap_or(0),
            skipped: number_before(rest, "skipped").unwrap_or(0),
        });
    }
    if line.starts_with('=') && line.ends_with('=') && line.contains(" in ") {
        let passed = number_before(line, "passed").unwrap_or(0);
        let failed = number_before(line, "failed").unwrap_or(0)
            + number_before(line, "error")
                .or_else(|| number_before(line, "errors"))
                .unwrap_or(0);
        let skipped = number_before(line, "skipped").unwrap_or(0);
        return (passed + failed + skipped > 0).then_some(Tally {
            passed,
            failed,
            skipped,
        });
    }
    if let Some((_, rest)) = line.split_once("Tests run: ") {
        return surefire(rest);
    }
    for (mark, passed, failed, skipped) in [
        ("--- PASS: ", 1, 0, 0),
        ("--- FAIL: ", 0, 1, 0),
        ("--- SKIP: ", 0, 0, 1),
    ] {
        if line.starts_with(mark) {
            return Some(Tally {
                passed,
                failed,
                skipped,
            });
        }
    }
    let node = line
        .strip_prefix("ℹ ")
        .or_else(|| line.strip_prefix("# "))?;
    let (word, count) = node.split_once(' ')?;
    let count: u64 = count.parse().ok()?;
    match word {
        "pass" => Some(Tally {
            passed: count,
            ..Tally::default()
        }),
        "fail" => Some(Tally {
            failed: count,
            ..Tally::default()
        }),
        "skipped" | "todo" => Some(Tally {
            skipped: count,
            ..Tally::default()
        }),
        _ => None,
    }
}

/// `12, Failures: 1, Errors: 0, Skipped: 0`; a line with a time is that of one class.
fn surefire(rest: &str) -> Option<Tally> {
    if rest.contains("Time elapsed") {
        return None;
    }
    let mut counts = rest
        .split(", ")
        .map(|part| part.rsplit(' ').next().unwrap_or_default().parse::<u64>());
    let mut next = || counts.next().and_then(Result::ok);
    let (run, failures, errors, skipped) = (next()?, next()?, next()?, next()?);
    let failed = failures + errors;
    Some(Tally {
        passed: run.saturating_sub(failed + skipped),
        failed,
        skipped,
    })
}

/// The number that stands before `word` (which may be followed by a comma).
fn number_before(text: &str, word: &str) -> Option<u64> {
    let mut last = None;
    for token in text
        .split([' ', ',', ';'])
        .filter(|token| !token.is_empty())
    {
        if token == word {
            return last;
        }
        last = token.parse().ok();
    }
    None
}

fn strip_colour(line: &str) -> String {
    let mut plain = String::with_capacity(line.len());
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        if character == '\u{1b}' {
            for skipped in characters.by_ref() {
                if skipped.is_ascii_alphabetic() {
                    break;
                }
            }
        } else {
            plain.push(character);
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, expected: Option<(u64, u64, u64)>) {
        let expected = expected.map(|(passed, failed, skipped)| Tally {
            passed,
            failed,
            skipped,
        });
        assert_eq!(closing_line(line), expected, "{line}");
    }

    #[test]
    fn the_closing_lines_of_each_runner_are_read() {
        check(
            "test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.30s",
            Some((12, 0, 1)),
        );
        check(
            "test result: FAILED. 3 passed; 2 failed; 0 ignored; 0 measured; 4 filtered out",
            Some((3, 2, 0)),
        );
        check(
            "============ 2 failed, 40 passed, 1 skipped in 3.20s ============",
            Some((40, 2, 1)),
        );
        check(
            "============ 1 error in 0.20s ============",
            Some((0, 1, 0)),
        );
        check(
            "\u{1b}[32m====== \u{1b}[1m7 passed\u{1b}[0m in 1.0s ======\u{1b}[0m",
            Some((7, 0, 0)),
        );
        check("ℹ pass 9", Some((9, 0, 0)));
        check(
            "[ERROR] Tests run: 377, Failures: 77, Errors: 40, Skipped: 1",
            Some((259, 117, 1)),
        );
        check("    --- PASS: TestHTTP/rows:_days (0.01s)", Some((1, 0, 0)));
        check("--- FAIL: TestHTTP (1.50s)", Some((0, 1, 0)));
        check("# fail 2", Some((0, 2, 0)));
        check(
            "     Summary [   1.2s] 30 tests run: 29 passed, 1 failed, 0 skipped",
            Some((29, 1, 0)),
        );
    }

    #[test]
    fn what_was_said_of_failed_tests_is_kept() {
        let mut said = Said::default();
        for line in [
            "running 2 tests",
            "test a::good ... ok",
            "test a::bad ... FAILED",
            "",
            "failures:",
            "",
            "---- a::bad stdout ----",
            "thread 'a::bad' panicked at a.rs:1:1:",
            "test result: FAILED. 1 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out",
            "\u{1b}[31mFAILED\u{1b}[0m test_rows.py::test_days - assert 1 == 2",
            "    --- FAIL: TestHTTP/rows (0.01s)",
            "=== RUN   TestHTTP",
        ] {
            said.hear(line);
        }
        assert_eq!(
            said.lines,
            [
                "test a::bad ... FAILED",
                "failures:",
                "---- a::bad stdout ----",
                "thread 'a::bad' panicked at a.rs:1:1:",
                "FAILED test_rows.py::test_days - assert 1 == 2",
                "    --- FAIL: TestHTTP/rows (0.01s)",
            ]
        );
        for _ in 0..2 * REPEATED_LINES_MAX {
            said.hear("test a::bad ... FAILED");
        }
        assert_eq!(said.lines.len(), REPEATED_LINES_MAX);
    }

    #[test]
    fn other_lines_count_nothing() {
        for line in [
            "running 12 tests",
            "ℹ tests 9",
            "=== FAILURES ===",
            "5 passed",
            "[INFO] Tests run: 3, Failures: 0, Errors: 0, Skipped: 0, Time elapsed: 2 s -- in A",
            "=== RUN   TestHTTP",
            "",
            "# Heading 5 passed",
        ] {
            check(line, None);
        }
    }
}
