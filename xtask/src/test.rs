//! `cargo xtask test`: every test, after installing what is missing.
//!
//! The parts: Rust (the whole workspace), then the official SDKs of each language
//! against the built program. Plain `cargo test` is used; nextest only where it is
//! installed.

use crate::compat;
use crate::concurrency;
use crate::console;
use crate::package;
use crate::setup;
use crate::step::Steps;
use crate::tls_scan;
use crate::torture;
use crate::workspace::{cargo, works};
use anyhow::{Result, bail};
use std::env;

/// Runs all parts, or those named.
///
/// # Errors
/// When a test fails, or something that is needed cannot be installed.
pub(crate) fn run(parts: &[&str]) -> Result<()> {
    if let Some(unknown) = parts.iter().find(|part| {
        !["rust", tls_scan::PART, console::PART, package::PART].contains(*part)
            && !compat::PARTS.contains(part)
    }) {
        bail!(
            "unknown part `{unknown}`: rust, {}, {}, {}, {} exist",
            compat::PARTS.join(", "),
            tls_scan::PART,
            console::PART,
            package::PART
        );
    }
    let mut steps = Steps::default();
    add(&mut steps, parts);
    steps.finish()
}

/// Adds the test steps to a run; no part named means all.
pub(crate) fn add(steps: &mut Steps, parts: &[&str]) {
    let wanted = |part| parts.is_empty() || parts.contains(&part);
    if wanted("rust") {
        rust(steps);
    }
    let suites: Vec<&str> = compat::PARTS
        .into_iter()
        .filter(|part| wanted(part))
        .collect();
    let tls = wanted(tls_scan::PART);
    let console = wanted(console::PART);
    let package = wanted(package::PART);
    if (suites.is_empty() && !tls && !console && !package) || !build(steps) {
        return;
    }
    for part in suites {
        compat::run(steps, part);
    }
    if tls {
        tls_scan::run(steps);
    }
    if console {
        console::run(steps);
    }
    if package {
        package::add(steps);
    }
}

/// Builds the program that the suites start.
pub(crate) fn build(steps: &mut Steps) -> bool {
    steps.command(
        "build the program",
        // The same features as the tests, or everything below would be built twice;
        // the integration tests of the program bring its binary with them.
        cargo().args(["test", "--workspace", "--no-run"]),
    )
}

fn rust(steps: &mut Steps) {
    torture::install(steps);
    steps.check("clocks and networks: install", setup::clocks_and_networks);
    if works("cargo", &["nextest", "--version"]) {
        let mut command = cargo();
        command.args(["nextest", "run", "--workspace", "--no-fail-fast"]);
        if env::var_os("CI").is_some() {
            command.args(["--profile", "ci"]);
        }
        steps.command("rust tests (nextest)", &mut command);
        let mut doc_tests = cargo();
        doc_tests.args(["test", "--workspace", "--doc", "--no-fail-fast"]);
        steps.command("rust doc tests", &mut doc_tests);
    } else {
        let mut command = cargo();
        command.args(["test", "--workspace", "--no-fail-fast"]);
        steps.command("rust tests, doc tests included", &mut command);
    }
    concurrency::add(steps, &[], None);
}
