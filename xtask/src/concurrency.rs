//! `cargo xtask concurrency [--schedules N] [TEST...]`: what several threads share, in many
//! orders of them.
//!
//! The tests exist under `--cfg shuttle` alone, which puts shuttle's locks in the place of
//! std's; so they have a target directory of their own and the ordinary build never sees them.
//! A run that fails prints its order; `CHATMETRIC_SCHEDULE` repeats it.

use crate::step::Steps;
use crate::workspace::{cargo, target_dir};
use anyhow::{Context, Result, bail};
use std::env;

/// What the tests ask how many orders they shall try.
const SCHEDULES_VARIABLE: &str = "CHATMETRIC_SCHEDULES";
/// The module that every such test is in.
const MODULE: &str = "concurrency::";

/// The crates with such tests, and where the tests are.
const SUITES: [(&str, &[&str]); 2] = [
    ("chatmetric-rpc", &["--test", "it"]),
    ("chatmetric-store", &["--lib"]),
];

/// Runs all tests, or those whose names contain one of the words.
///
/// # Errors
/// When a test fails, or the arguments make no sense.
pub(crate) fn run(arguments: &[&str]) -> Result<()> {
    let (tests, schedules) = parse(arguments)?;
    let mut steps = Steps::default();
    add(&mut steps, &tests, schedules);
    steps.finish()
}

/// Adds the tests to a run.
pub(crate) fn add(steps: &mut Steps, tests: &[&str], schedules: Option<u64>) {
    let tests = if tests.is_empty() { &[MODULE] } else { tests };
    // Ours come last, so that flags of the environment do not take them away.
    let flags = env::var("RUSTFLAGS").unwrap_or_default();
    for (krate, target) in SUITES {
        let mut command = cargo();
        command
            .args(["test", "--package", krate])
            .args(target)
            .arg("--target-dir")
            .arg(target_dir().join("concurrency"))
            .arg("--")
            .args(tests)
            .env("RUSTFLAGS", format!("{flags} --cfg shuttle"));
        if let Some(schedules) = schedules {
            command.env(SCHEDULES_VARIABLE, schedules.to_string());
        }
        let passed = steps.command(&format!("orders of threads: {krate}"), &mut command);
        let are_all = tests == [MODULE];
        if let Some(schedules) = schedules.filter(|_| passed && are_all) {
            println!("figure: {schedules} orders of threads in each test of {krate}");
        }
    }
}

fn parse<'a>(arguments: &[&'a str]) -> Result<(Vec<&'a str>, Option<u64>)> {
    let (mut tests, mut schedules) = (Vec::new(), None);
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        match *argument {
            "--schedules" => {
                let told = rest.next().context("`--schedules` needs a number")?;
                let number: u64 = told
                    .parse()
                    .with_context(|| format!("`{told}` is no number of schedules"))?;
                if number == 0 {
                    bail!("no schedules prove nothing");
                }
                schedules = Some(number);
            }
            unknown if unknown.starts_with('-') => bail!("unknown option `{unknown}`"),
            test => tests.push(test),
        }
    }
    Ok((tests, schedules))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::root;
    use std::fs;

    #[test]
    fn arguments_name_tests_and_schedules() {
        assert_eq!(parse(&[]).unwrap(), (vec![], None));
        let told = parse(&["--schedules", "7", "queue"]).unwrap();
        assert_eq!(told, (vec!["queue"], Some(7)));
        for wrong in [
            &["--fast"][..],
            &["--schedules"],
            &["--schedules", "x"],
            &["--schedules", "0"],
        ] {
            assert!(parse(wrong).is_err(), "{wrong:?}");
        }
    }

    /// A module that moved would leave a run of no tests, which is green.
    #[test]
    fn every_suite_has_its_tests() {
        for (krate, file, least) in [
            ("chatmetric-rpc", "tests/it/concurrency.rs", 3),
            ("chatmetric-store", "src/embedded/queue/concurrency.rs", 3),
            (
                "chatmetric-store",
                "src/embedded/day_cache/concurrency.rs",
                1,
            ),
        ] {
            assert!(SUITES.iter().any(|(suite, _)| *suite == krate), "{krate}");
            let path = root().join("crates").join(krate).join(file);
            let text = fs::read_to_string(&path).unwrap_or_default();
            let tests = text.matches("#[test]\n").count();
            assert!(tests >= least, "{}: {tests}", path.display());
        }
    }
}
