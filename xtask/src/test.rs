//! `cargo xtask test`: every test, after installing what is missing.
//!
//! The parts: Rust (the whole workspace), then the official Python and Node
//! SDKs against the built program. Plain `cargo test` is used; nextest only
//! where it is installed.

use crate::setup;
use crate::step::Steps;
use crate::workspace::{cargo, program, root, works};
use anyhow::{Context, Result, bail};
use std::env;
use std::path::Path;
use std::process::Command;

/// Each Python environment: name and requirements file in `compat/python`.
const PYTHON_SUITES: [(&str, &str); 2] = [
    ("current", "requirements.txt"),
    ("1x", "requirements-1x.txt"),
];

/// Runs all parts, or those named.
///
/// # Errors
/// When a test fails, or something that is needed cannot be installed.
pub(crate) fn run(parts: &[&str]) -> Result<()> {
    if let Some(unknown) = parts
        .iter()
        .find(|part| !["rust", "python", "node"].contains(part))
    {
        bail!("unknown part `{unknown}`: rust, python and node exist");
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
    if !wanted("python") && !wanted("node") || !build(steps) {
        return;
    }
    if wanted("python") {
        for (suite, requirements) in PYTHON_SUITES {
            python(steps, suite, requirements, |_| {});
        }
    }
    if wanted("node") {
        node(steps);
    }
}

/// Adds the model that is asked through the current Python SDKs, with a variable of
/// its own.
pub(crate) fn python_model(steps: &mut Steps, (name, value): (&str, &str)) {
    let [(suite, requirements), ..] = PYTHON_SUITES;
    if build(steps) {
        python(steps, suite, requirements, |command| {
            command.arg("tests/test_model.py").env(name, value);
        });
    }
}

fn build(steps: &mut Steps) -> bool {
    steps.command(
        "build the program",
        // The same features as the tests, or everything below would be built twice;
        // the integration tests of the program bring its binary with them.
        cargo().args(["test", "--workspace", "--no-run"]),
    )
}

fn rust(steps: &mut Steps) {
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
}

fn python(steps: &mut Steps, suite: &str, requirements: &str, more: impl FnOnce(&mut Command)) {
    let dir = root().join("compat/python");
    let mut interpreter = None;
    let installed = steps.check(&format!("python SDKs ({suite}): install"), || {
        interpreter = Some(setup::python(suite, &dir.join(requirements))?);
        Ok(())
    });
    if let (true, Some(interpreter)) = (installed, interpreter) {
        let mut command = Command::new(interpreter);
        command.args(["-m", "pytest", "-p", "no:cacheprovider", "--color=no", "-v"]);
        with_program(command.current_dir(&dir));
        // Zones come from the pinned package, not from the machine.
        command
            .env("PYTHONTZPATH", "")
            .env("PYTHONDONTWRITEBYTECODE", "1");
        more(&mut command);
        steps.command(&format!("python SDKs ({suite})"), &mut command);
    }
}

fn node(steps: &mut Steps) {
    if !steps.check("node SDKs: install", setup::node) {
        return;
    }
    let dir = root().join("compat/node");
    match node_tests(&dir.join("test")) {
        Ok(files) => {
            let mut command = Command::new("node");
            command.args(["--test", "--test-reporter=spec"]).args(files);
            with_program(command.current_dir(&dir));
            steps.command("node SDKs", &mut command);
        }
        Err(error) => {
            steps.check("node SDKs", || Err(error));
        }
    }
}

fn node_tests(dir: &Path) -> Result<Vec<std::path::PathBuf>> {
    let mut files = Vec::new();
    for entry in
        std::fs::read_dir(dir).with_context(|| format!("could not list `{}`", dir.display()))?
    {
        let path = entry?.path();
        if path.to_string_lossy().ends_with(".test.mjs") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// Tells a suite which program to start; one that is set already stays.
fn with_program(command: &mut Command) {
    if env::var_os("CHATMETRIC_BIN").is_none() {
        command.env("CHATMETRIC_BIN", program("debug"));
    }
}
