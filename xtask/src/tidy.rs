//! `cargo xtask tidy`: the rules of CONTRIBUTING.md that a machine can check.
//!
//! Works on text, quickly and without building. What needs the compiler is
//! clippy's business; what needs judgement is a reviewer's.

mod compatibility;
mod manifests;
mod source;
#[cfg(test)]
mod tests;
mod text;

use crate::workspace::{files, root};
use anyhow::{Context, Result, bail};
use std::fs;
use std::path::{Path, PathBuf};

/// Files without which the repository is not complete.
const FILES_REQUIRED: [&str; 10] = [
    "README.md",
    "ARCHITECTURE.md",
    "COMPATIBILITY.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "LICENSE",
    "Cargo.lock",
    "deny.toml",
    "typos.toml",
];

/// The lock of the fuzzer's targets, which are a workspace apart.
const FUZZ_LOCK: &str = "fuzz/Cargo.lock";

/// What a rule found in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Finding {
    /// Fails the task.
    Fault(String),
    /// Is printed.
    Warning(String),
}

/// Checks the whole tree.
///
/// # Errors
/// When a rule is broken; all faults are printed first.
pub(crate) fn run() -> Result<()> {
    let root = root();
    let mut faults = 0_usize;
    let mut report = |place: &str, finding: Finding| match finding {
        Finding::Fault(text) => {
            faults += 1;
            println!("{place}: {text}");
        }
        Finding::Warning(text) => println!("{place}: warning: {text}"),
    };
    for required in FILES_REQUIRED {
        if !root.join(required).is_file() {
            report(required, Finding::Fault("is missing".into()));
        }
    }
    let files = files()?;
    for behind in fuzz_lock_behind(&root, &files)? {
        report(FUZZ_LOCK, Finding::Fault(behind));
    }
    for path in &files {
        let bytes = fs::read(root.join(path))
            .with_context(|| format!("could not read `{}`", path.display()))?;
        for finding in check_file(path, &bytes) {
            report(&path.display().to_string(), finding);
        }
    }
    for (place, finding) in compatibility::check(&root) {
        report(place, finding);
    }
    println!("{} files looked at", files.len());
    if faults > 0 {
        bail!("{faults} faults");
    }
    Ok(())
}

/// What the lock of the fuzzer's targets lacks.
fn fuzz_lock_behind(root: &Path, files: &[PathBuf]) -> Result<Vec<String>> {
    let read = |path: &Path| {
        fs::read_to_string(root.join(path))
            .with_context(|| format!("could not read `{}`", path.display()))
    };
    let mut manifests = Vec::new();
    for path in files {
        let Ok(below) = path.strip_prefix("crates") else {
            continue;
        };
        if let (Some(krate), true) = (below.parent(), below.ends_with("Cargo.toml")) {
            manifests.push((krate.display().to_string(), read(path)?));
        }
    }
    Ok(manifests::fuzz_lock_behind(
        &read(Path::new(FUZZ_LOCK))?,
        &manifests,
    ))
}

/// All findings in one file.
fn check_file(path: &Path, bytes: &[u8]) -> Vec<Finding> {
    let name = path.to_string_lossy().replace('\\', "/");
    let mut findings = source::name(&name);
    if is_binary(&name) {
        return findings;
    }
    let Ok(text) = std::str::from_utf8(bytes) else {
        findings.push(Finding::Fault("is not UTF-8".into()));
        return findings;
    };
    findings.extend(text::check(&name, text));
    if name.ends_with(".rs") {
        findings.extend(source::check(&name, text));
    }
    if name.ends_with("Cargo.toml") {
        findings.extend(manifests::check(&name, text));
    }
    findings
}

/// Test data that is bytes by nature.
fn is_binary(name: &str) -> bool {
    if name.starts_with("fuzz/corpus/") {
        return true;
    }
    // Data directories of releases, as a store wrote them.
    if name.starts_with("crates/chatmetric-store/tests/fixtures/v") && !name.ends_with(".answers") {
        return true;
    }
    let stored_data = name.starts_with("testdata/") && !name.ends_with(".json");
    stored_data
        || [
            ".png", ".ico", ".woff2", ".gz", ".zst", ".parquet", ".sqlite",
        ]
        .iter()
        .any(|end| name.ends_with(end))
}
