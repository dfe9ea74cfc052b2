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

/// Tests of the workspace with more cases than by default, in release.
struct LongRun {
    part: &'static str,
    name: &'static str,
    variables: &'static [(&'static str, &'static str)],
    /// Where they are, for cargo.
    target: &'static [&'static str],
    /// Parts of their names; none for all.
    tests: &'static [&'static str],
    /// What a run that passes has shown, behind the number of cases; empty when its tests
    /// tell it themselves.
    shown: &'static str,
}

const CORE: &[&str] = &["--package", "chatmetric-core", "--test", "it"];
/// The rules that a set of events, in an order and with copies drawn anew, is given to.
const PERMUTING: &[&str] = &[
    "counting::order_and_copies_change_nothing",
    "counting::batches_change_nothing",
    "counting::replicas_join_at_any_cut",
];

const LONG_RUNS: [LongRun; 4] = [
    LongRun {
        part: "counting",
        name: "a million permutations of sets of events, under each of three rules",
        variables: &[("PROPTEST_CASES", "1000000")],
        target: CORE,
        tests: PERMUTING,
        shown: "permutations with copies for each of order, batches and replicas: 0 differences",
    },
    LongRun {
        part: "counting",
        name: "100,000 cases of each counting rule, every clock change of every zone",
        variables: &[
            ("PROPTEST_CASES", "100000"),
            ("CHATMETRIC_ALL_TRANSITIONS", "1"),
        ],
        target: CORE,
        tests: &[],
        shown: "cases of every other rule, and every clock change of every zone: 0 differences",
    },
    LongRun {
        part: "signatures",
        name: "ten million mutated requests",
        variables: &[("CHATMETRIC_MUTATIONS", "10000000")],
        target: &["--package", "chatmetric-rpc", "--test", "it"],
        tests: &["whatever_is_accepted_means_what_the_original_meant"],
        shown: "",
    },
    LongRun {
        part: "store",
        name: "power cuts, failing calls and flipped bits, 2,000 of each",
        variables: &[("CHATMETRIC_CASES", "2000")],
        target: &["--package", "chatmetric-store", "--test", "it"],
        tests: &[],
        shown: "",
    },
];

impl LongRun {
    /// Adds it to a run, and tells what it has shown.
    fn add(&self, steps: &mut Steps) {
        let mut command = cargo();
        command
            .args(["test", "--release"])
            .args(self.target)
            .args(["--", "--show-output"])
            .args(self.tests);
        let mut cases = None;
        for (variable, value) in self.variables {
            let value = env::var(variable).unwrap_or_else(|_| (*value).to_owned());
            command.env(variable, &value);
            cases.get_or_insert(value);
        }
        let passed = steps.command(self.name, &mut command);
        if let Some(cases) = cases.filter(|_| passed && !self.shown.is_empty()) {
            println!("figure: {cases} {}", self.shown);
        }
    }
}

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
        run.add(&mut steps);
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
    use crate::workspace::root;

    #[test]
    fn every_long_run_is_a_part_that_can_be_named() {
        for run in LONG_RUNS {
            assert!(PARTS.contains(&run.part), "{}", run.part);
        }
        // A filter that fits nothing would be a run of nothing.
        let rules = root().join("crates/chatmetric-core/tests/it/counting.rs");
        let rules = std::fs::read_to_string(rules).unwrap();
        for test in PERMUTING {
            let (_, name) = test.split_once("::").unwrap();
            assert!(rules.contains(&format!("fn {name}(")), "{test}");
        }
        let error = super::run(&["everything"]).unwrap_err().to_string();
        assert!(error.contains("unknown part `everything`"), "{error}");
    }
}
