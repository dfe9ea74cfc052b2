//! `cargo xtask sim [--hours N] [--seed S] [--seeds N]`: whole lives of a server in
//! virtual time, by seeds.
//!
//! It is a test of the workspace: `cargo xtask test` runs it too, in the size of CI. Not
//! here: what it does. Hours are those of the wall clock; without a seed, a run of hours
//! begins at one that no run before had.

use crate::step::Steps;
use crate::workspace::cargo;
use anyhow::{Context, Result, bail};
use std::str::FromStr;
use std::time::{SystemTime, UNIX_EPOCH};

/// The test, by its name in the integration test of the program.
const TEST: &str = "simulation::whatever_happens_everything_is_counted_exactly_once";
const SEED_VARIABLE: &str = "CHATMETRIC_SIM_SEED";
const SEEDS_VARIABLE: &str = "CHATMETRIC_SIM_SEEDS";
const HOURS_VARIABLE: &str = "CHATMETRIC_SIM_HOURS";

/// What is asked for; nothing is what CI does.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
struct Asked {
    seed: Option<u64>,
    seeds: Option<u64>,
    hours: Option<f64>,
}

/// Runs what the arguments ask for.
///
/// # Errors
/// When a seed fails, or the arguments make no sense.
pub(crate) fn run(arguments: &[&str]) -> Result<()> {
    let asked = parse(arguments)?;
    let mut steps = Steps::default();
    add_asked(&mut steps, asked, &[]);
    steps.finish()
}

/// Adds new seeds for so many hours to a run, with more arguments for cargo.
pub(crate) fn add(steps: &mut Steps, hours: f64, more: &[&str]) {
    let asked = Asked {
        hours: Some(hours),
        ..Asked::default()
    };
    add_asked(steps, asked, more);
}

fn add_asked(steps: &mut Steps, asked: Asked, more: &[&str]) {
    let mut command = cargo();
    // The whole workspace, so that nothing is built with other features.
    command
        .args(["test", "--workspace", "--lib", "--bins", "--tests"])
        .args(more)
        .args(["--", "--nocapture", TEST]);
    let seed = asked.seed.or_else(|| asked.hours.map(|_| fresh_seed()));
    let variables = [
        (SEED_VARIABLE, seed.map(|it| it.to_string())),
        (SEEDS_VARIABLE, asked.seeds.map(|it| it.to_string())),
        (HOURS_VARIABLE, asked.hours.map(|it| it.to_string())),
    ];
    for (variable, value) in variables {
        if let Some(value) = value {
            command.env(variable, value);
        }
    }
    steps.command("simulation: lives in virtual time", &mut command);
}

/// Later than those of every run before, as long as a seed takes a millisecond or more.
#[expect(
    clippy::disallowed_methods,
    reason = "a task of the repository, no part of the program"
)]
fn fresh_seed() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let ms = since.unwrap_or_default().as_millis();
    u64::try_from(ms).unwrap_or(u64::MAX)
}

fn parse(arguments: &[&str]) -> Result<Asked> {
    let mut asked = Asked::default();
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        let mut value = || {
            let found = rest.next().copied();
            found.with_context(|| format!("`{argument}` needs a number"))
        };
        match *argument {
            "--seed" => asked.seed = Some(number(value()?)?),
            "--seeds" => asked.seeds = Some(number(value()?)?),
            "--hours" => asked.hours = Some(number(value()?)?),
            unknown => bail!("unknown option `{unknown}`: --hours, --seed, --seeds exist"),
        }
    }
    let is_nothing =
        asked.seeds == Some(0) || asked.hours.is_some_and(|it| it.is_nan() || it <= 0.0);
    if is_nothing {
        bail!("no seeds prove nothing");
    }
    if asked.seeds.is_some() && asked.hours.is_some() {
        bail!("`--seeds` and `--hours` are two ways to say how long");
    }
    Ok(asked)
}

fn number<T: FromStr>(text: &str) -> Result<T> {
    let parsed = text.parse().ok();
    parsed.with_context(|| format!("`{text}` is no number"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_say_which_seeds() {
        assert_eq!(parse(&[]).unwrap(), Asked::default());
        let asked = Asked {
            seed: Some(7),
            seeds: Some(3),
            hours: None,
        };
        assert_eq!(parse(&["--seed", "7", "--seeds", "3"]).unwrap(), asked);
        assert_eq!(parse(&["--hours", "0.5"]).unwrap().hours, Some(0.5));
        for wrong in [
            &["fire"][..],
            &["--seed"],
            &["--seed", "x"],
            &["--seeds", "0"],
            &["--hours", "0"],
            &["--hours", "NaN"],
            &["--hours", "1", "--seeds", "1"],
        ] {
            assert!(parse(wrong).is_err(), "{wrong:?}");
        }
    }

    /// A filter that fits nothing would be a simulation that does nothing.
    #[test]
    fn the_test_exists() {
        let (module, name) = TEST.split_once("::").unwrap();
        let path = format!("crates/chatmetric/tests/it/{module}/mod.rs");
        let text = std::fs::read_to_string(crate::workspace::root().join(path)).unwrap();
        assert!(text.contains(&format!("#[test]\nfn {name}()")), "{name}");
        for variable in [SEED_VARIABLE, SEEDS_VARIABLE, HOURS_VARIABLE] {
            assert!(
                text.contains(&format!("asked(\"{variable}\")")),
                "{variable}"
            );
        }
    }
}
