//! `cargo xtask release`: what a release has passed beyond CI.
//!
//! The same tests with many more cases, every mutant, and the benches with their
//! own checks of the counts: hours, not minutes. A variable that is set already
//! stays, so a part can be made shorter or longer. Nothing is published here.

use crate::step::Steps;
use crate::workspace::cargo;
use crate::{bench, ci, compat, concurrency, deny, fuzz, mutants, sim, test, torture};
use anyhow::{Result, bail};
use std::env;

/// A test of the workspace with more cases than by default, in release.
struct LongRun {
    part: &'static str,
    name: &'static str,
    variables: &'static [(&'static str, &'static str)],
    test: &'static [&'static str],
}

const LONG_RUNS: [LongRun; 3] = [
    LongRun {
        part: "counting",
        name: "100,000 cases of each counting rule, every clock change of every zone",
        variables: &[
            ("PROPTEST_CASES", "100000"),
            ("CHATMETRIC_ALL_TRANSITIONS", "1"),
        ],
        test: &["--package", "chatmetric-core", "--test", "it"],
    },
    LongRun {
        part: "signatures",
        name: "ten million mutated requests",
        variables: &[("CHATMETRIC_MUTATIONS", "10000000")],
        test: &[
            "--package",
            "chatmetric-rpc",
            "--test",
            "it",
            "whatever_is_accepted_means_what_the_original_meant",
        ],
    },
    LongRun {
        part: "store",
        name: "power cuts, failing calls and flipped bits, 2,000 of each",
        variables: &[("CHATMETRIC_CASES", "2000")],
        test: &["--package", "chatmetric-store", "--test", "it"],
    },
];
/// Kinds of torture with the cycles of a release.
const TORTURES: [(&str, u64); 5] = [
    ("kill", 10_000),
    ("whitebox", 2_000),
    ("power", 400),
    ("io", 10_000),
    ("corrupt", 10_000),
];
/// How long lives are simulated.
const SIMULATION_HOURS: f64 = 8.0;
/// Seeds of the model that is asked through the official SDKs.
const MODEL_SEEDS: u32 = 200;
const MODEL_SEEDS_VARIABLE: &str = "CHATMETRIC_MODEL_SEEDS";
/// How long each parser is fuzzed at most; a hundred million inputs take less.
const FUZZ_SECONDS: u64 = 4 * 3_600;
/// Orders of the threads of each test of what they share.
const SCHEDULES: u64 = 200_000;
/// An hour of twice the capacity, which fails when a bar is lost.
const OVERLOAD: [&str; 5] = ["overload", "--seconds", "3600", "--bars", "1"];
/// All parts, in their order.
const PARTS: [&str; 13] = [
    "ci",
    "deny",
    "mutants",
    "counting",
    "signatures",
    "store",
    "kills",
    "fuzz",
    "sim",
    "model",
    "concurrency",
    "overload",
    "bench",
];

/// Runs all parts, or those named.
///
/// # Errors
/// When one of them fails.
pub(crate) fn run(parts: &[&str]) -> Result<()> {
    if let Some(unknown) = parts.iter().find(|part| !PARTS.contains(part)) {
        bail!("unknown part `{unknown}`: {} exist", PARTS.join(", "));
    }
    let wanted = |part| parts.is_empty() || parts.contains(&part);
    let mut steps = Steps::default();
    if wanted("ci") {
        ci::add(&mut steps);
    }
    if wanted("deny") {
        steps.check("licences, bans and sources of all crates", deny::run);
    }
    if wanted("mutants") {
        steps.check("every protection, broken once", || mutants::run(&[]));
    }
    for run in LONG_RUNS.iter().filter(|run| wanted(run.part)) {
        let mut command = cargo();
        command.args(["test", "--release"]).args(run.test);
        for (variable, value) in run.variables {
            if env::var_os(variable).is_none() {
                command.env(variable, value);
            }
        }
        steps.command(run.name, &mut command);
    }
    if wanted("kills") {
        torture::install(&mut steps);
        for (kind, cycles) in TORTURES {
            torture::add(&mut steps, kind, Some(cycles), &["--release"]);
        }
    }
    if wanted("fuzz") {
        steps.check("fuzz: a hundred million inputs of each parser", || {
            fuzz::all(FUZZ_SECONDS)
        });
    }
    if wanted("sim") {
        sim::add(&mut steps, SIMULATION_HOURS, &["--release"]);
    }
    if wanted("model") {
        let seeds: Vec<String> = (1..=MODEL_SEEDS).map(|seed| seed.to_string()).collect();
        let seeds = env::var(MODEL_SEEDS_VARIABLE).unwrap_or_else(|_| seeds.join(" "));
        if test::build(&mut steps) {
            compat::python_model(&mut steps, (MODEL_SEEDS_VARIABLE, &seeds));
        }
    }
    if wanted("concurrency") {
        concurrency::add(&mut steps, &[], Some(SCHEDULES));
    }
    if wanted("overload") {
        steps.check("overload for an hour", || bench::run(&OVERLOAD));
    }
    if wanted("bench") {
        for bench in ["store", "http", "timing"] {
            steps.check(&format!("bench {bench}"), || bench::run(&[bench]));
        }
    }
    steps.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_long_run_is_a_part_that_can_be_named() {
        for run in LONG_RUNS {
            assert!(PARTS.contains(&run.part), "{}", run.part);
        }
        let error = super::run(&["everything"]).unwrap_err().to_string();
        assert!(error.contains("unknown part `everything`"), "{error}");
    }
}
