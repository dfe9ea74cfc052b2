//! `cargo xtask ci`: what CI runs is what a laptop runs.
//!
//! Tools that a fresh Rust installation may lack (rustfmt, clippy, cargo-deny) are used
//! where they are installed; a skip is printed, never silent.

use crate::step::Steps;
use crate::workspace::{cargo, root, works};
use crate::{bench, codegen, compat, deny, fuzz, setup, test, tidy, trust};
use anyhow::{Context, Result, bail};
use std::process::Command;

/// Runs everything.
///
/// # Errors
/// When any step fails.
pub(crate) fn run() -> Result<()> {
    let mut steps = Steps::default();
    add(&mut steps);
    steps.finish()
}

/// Adds its steps to a run.
pub(crate) fn add(steps: &mut Steps) {
    steps.check("tidy", tidy::run);
    if works("cargo", &["fmt", "--version"]) {
        steps.command("fmt", cargo().args(["fmt", "--all", "--check"]));
    } else {
        steps.skip("fmt", "rustfmt is not installed");
    }
    if works("cargo", &["clippy", "--version"]) {
        steps.command(
            "clippy",
            cargo().args([
                "clippy",
                "--workspace",
                "--all-targets",
                "--",
                "-D",
                "warnings",
            ]),
        );
    } else {
        steps.skip("clippy", "clippy is not installed");
    }
    test::add(steps, &[]);
    let overloaded = format!("overload: {} s of twice the capacity", bench::CI_SECONDS);
    steps.check(&overloaded, bench::overload_of_ci);
    let fuzzed = format!("fuzz: {} s of each parser", fuzz::CI_SECONDS);
    steps.check(&fuzzed, || fuzz::all(fuzz::CI_SECONDS));
    steps.check("the table of SDKs is current", compat::table::check);
    steps.command(
        "docs",
        cargo()
            .args(["doc", "--workspace", "--no-deps", "--quiet"])
            .env("RUSTDOCFLAGS", "-D warnings"),
    );
    steps.check("TRUST.md is current", trust::check);
    steps.check("generated files are current", codegen::check);
    match deny::run_if_installed() {
        Some(checked) => {
            steps.check("deny", || checked);
        }
        None => steps.skip(
            "deny",
            "cargo-deny is not here: `cargo xtask deny` builds it",
        ),
    }
    steps.check("typos", typos);
}

/// Words that are misspelt, by the program's own release.
fn typos() -> Result<()> {
    let requirements = root().join("packaging/lint-requirements.txt");
    let python = setup::python("lint", &requirements)?;
    let status = Command::new(python.with_file_name("typos"))
        .current_dir(root())
        .status()
        .context("could not start `typos`")?;
    if !status.success() {
        bail!("there are misspelt words");
    }
    Ok(())
}
