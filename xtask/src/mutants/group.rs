//! Mutants of the program that are built together: one build of minutes for several of them.
//!
//! Each changes a file of its own and is judged by its own test alone. Not here: which go
//! together. Invariant: a group that does not compile is tried one by one.

use super::{Mutant, in_copy, tests_passed_of, texts, told};
use anyhow::{Result, bail};
use std::fs;
use std::path::Path;
use std::process::Stdio;

/// Breaks all of a group, builds once, runs each test; gives the names of survivors.
pub(super) fn kill(copy: &Path, group: &[&Mutant]) -> Result<Vec<&'static str>> {
    let names: Vec<&str> = group.iter().map(|mutant| mutant.id).collect();
    println!("\n==> together: {}", names.join(", "));
    let mut survivors = Vec::new();
    let mut broken = Vec::new();
    for mutant in group {
        match texts(copy, mutant) {
            Ok(both) => broken.push((*mutant, both)),
            Err(error) => survivors.extend(told(mutant, Err(error))),
        }
    }
    for (mutant, (_, changed)) in &broken {
        fs::write(copy.join(mutant.file), changed)?;
    }
    let built = builds(copy);
    let mut outcomes = Vec::new();
    if built.is_ok() {
        for (mutant, _) in &broken {
            outcomes.push((*mutant, red(copy, mutant)));
        }
    }
    for (mutant, (original, _)) in &broken {
        fs::write(copy.join(mutant.file), original)?;
    }
    if let Err(error) = built {
        println!("==> one by one: {error:#}");
        for (mutant, _) in broken {
            outcomes.push((mutant, super::kill(copy, mutant)));
        }
    }
    for (mutant, outcome) in outcomes {
        survivors.extend(told(mutant, outcome));
    }
    Ok(survivors)
}

/// All targets of all crates: another choice would build the dependencies again, with
/// other features.
const EVERYTHING: [&str; 5] = ["test", "--workspace", "--lib", "--bins", "--tests"];

/// The arguments of a test for the whole workspace, so that all are of one build: those
/// that choose a crate and its targets are left out.
fn of_workspace(mutant: &Mutant) -> Vec<&'static str> {
    let mut arguments = EVERYTHING.to_vec();
    let mut told = mutant.test.iter().skip(1);
    while let Some(argument) = told.next() {
        match *argument {
            "-p" | "--test" => drop(told.next()),
            "--lib" | "--bins" => {}
            other => arguments.push(other),
        }
    }
    arguments
}

/// A test that is red or missing without the mutation would prove nothing.
pub(super) fn green(copy: &Path, mutant: &Mutant) -> Result<()> {
    let passed = tests_passed_of(copy, &of_workspace(mutant))?;
    if passed.is_none_or(|passed| passed == 0) {
        bail!("its test is not green without the mutation");
    }
    Ok(())
}

fn red(copy: &Path, mutant: &Mutant) -> Result<()> {
    match tests_passed_of(copy, &of_workspace(mutant))? {
        None => Ok(()),
        Some(passed) => bail!("{passed} tests stayed green"),
    }
}

fn builds(copy: &Path) -> Result<()> {
    let output = in_copy(copy)
        .args(EVERYTHING)
        .arg("--no-run")
        .stdin(Stdio::null())
        .output()?;
    if !output.status.success() {
        bail!(
            "they do not compile together:\n{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_is_run_among_all_of_the_workspace() {
        let mutant = |test| Mutant {
            id: "x",
            promise: "x",
            file: "x",
            find: "x",
            replace: "y",
            test,
        };
        let it = mutant(&["test", "-p", "chatmetric", "--test", "it", "name"]);
        let lib = mutant(&["test", "-p", "chatmetric", "--lib", "name", "--", "--exact"]);
        assert_eq!(of_workspace(&it), [&EVERYTHING[..], &["name"]].concat());
        let exact = [&EVERYTHING[..], &["name", "--", "--exact"]].concat();
        assert_eq!(of_workspace(&lib), exact);
    }
}
