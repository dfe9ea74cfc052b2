//! Rules for Rust sources: header, length, names, no escape hatches.
//!
//! Test code is everything after the first `#[cfg(test)]` of a file, files named
//! `tests.rs`, and files below `tests/`.

use super::Finding;
use std::path::Path;

/// A file longer than this is worth splitting.
const LINES_GOAL: usize = 400;
/// A file longer than this must be split.
const LINES_MAX: usize = 800;

/// Names that say nothing about what is inside.
const NAMES_FORBIDDEN: [&str; 5] = ["utils", "util", "common", "helpers", "manager"];

/// Network paths: whatever comes in, no input may end the process.
const NO_PANIC: [&str; 5] = [
    "crates/chatmetric-rpc/src/",
    "crates/chatmetric/src/api/",
    "crates/chatmetric/src/ingest/",
    "crates/chatmetric/src/server/",
    "crates/chatmetric/src/server.rs",
];

/// Checks the name of any file.
pub(super) fn name(name: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    for part in Path::new(name).iter().map(|part| part.to_string_lossy()) {
        let stem = part.split('.').next().unwrap_or_default();
        if NAMES_FORBIDDEN.contains(&stem) {
            findings.push(Finding::Fault(format!(
                "`{stem}` is no name: say what is inside"
            )));
        }
    }
    findings
}

/// Checks one Rust source.
pub(super) fn check(name: &str, text: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    if !text.starts_with("//!") {
        findings.push(Finding::Fault("does not open with `//!`".into()));
    }
    let tests_only = is_test_file(name);
    let product_lines = product_lines(text).count();
    if !tests_only && product_lines > LINES_MAX {
        findings.push(Finding::Fault(format!(
            "{product_lines} lines, at most {LINES_MAX}"
        )));
    } else if !tests_only && product_lines > LINES_GOAL {
        findings.push(Finding::Warning(format!(
            "{product_lines} lines, the goal is {LINES_GOAL}"
        )));
    }
    for (index, line) in text.lines().enumerate() {
        for (first, second) in [
            ("#[ign", "ore"),
            ("#[should_", "panic"),
            ("to", "do!("),
            ("unimple", "mented!("),
        ] {
            if line.trim_start().starts_with(&format!("{first}{second}"))
                || (second.ends_with('(') && line.contains(&format!(" {first}{second}")))
            {
                findings.push(Finding::Fault(format!(
                    "line {}: `{first}{second}`",
                    index + 1
                )));
            }
        }
    }
    if !tests_only && NO_PANIC.iter().any(|place| name.starts_with(place)) {
        for (index, line) in product_lines_with_index(text) {
            if !line.trim_start().starts_with("//")
                && [".unwrap()", ".expect("]
                    .iter()
                    .any(|call| line.contains(call))
            {
                findings.push(Finding::Fault(format!(
                    "line {}: may panic in a network path",
                    index + 1
                )));
            }
        }
    }
    findings
}

fn is_test_file(name: &str) -> bool {
    // Properties of the fuzzer exist under `--cfg fuzzing` and in tests alone.
    let fuzz =
        name.starts_with("crates/") && (name.ends_with("/fuzz.rs") || name.contains("/src/fuzz/"));
    fuzz || name.contains("/tests/") || name.ends_with("/tests.rs") || name.contains("/tests_")
}

fn product_lines(text: &str) -> impl Iterator<Item = &str> {
    product_lines_with_index(text).map(|(_, line)| line)
}

/// The lines before the first test module; one that lives in its own file
/// (`mod tests;`) does not end them.
fn product_lines_with_index(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let lines: Vec<&str> = text.lines().collect();
    let end = lines
        .iter()
        .enumerate()
        .position(|(index, line)| {
            *line == "#[cfg(test)]"
                && lines
                    .get(index + 1)
                    .is_some_and(|next| next.trim_end().ends_with('{'))
        })
        .unwrap_or(lines.len());
    lines.into_iter().take(end).enumerate()
}
