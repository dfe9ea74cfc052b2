//! Where things are: the root of the repository, the target directory, the
//! program under test.
//!
//! The root is found from this crate's manifest, so that a task works from any
//! working directory.

use anyhow::{Context, Result, bail};
use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().unwrap_or(manifest).to_path_buf()
}

/// Cargo's target directory, absolute.
pub(crate) fn target_dir() -> PathBuf {
    match env::var_os("CARGO_TARGET_DIR") {
        Some(dir) if Path::new(&dir).is_absolute() => PathBuf::from(dir),
        Some(dir) => root().join(dir),
        None => root().join("target"),
    }
}

/// The program in the given profile's directory (`debug` or `release`).
pub(crate) fn program(profile_dir: &str) -> PathBuf {
    target_dir().join(profile_dir).join("chatmetric")
}

/// `cargo`, the one that runs this task.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root());
    // What cargo tells this task of itself: build scripts of dependencies look at some of
    // it, and would run again after every `cargo test` by hand, with all that depends on them.
    for (name, _) in env::vars_os() {
        let told = name.to_string_lossy();
        if told.starts_with("CARGO_PKG_") || told.starts_with("CARGO_MANIFEST_") {
            command.env_remove(name);
        }
    }
    command
}

/// Whether a command can be started and says that it works.
pub(crate) fn works(program: &str, arguments: &[&str]) -> bool {
    Command::new(program)
        .args(arguments)
        .current_dir(root())
        .output()
        .is_ok_and(|output| output.status.success())
}

/// Every file that is or may be committed, relative to the root, sorted.
///
/// # Errors
/// When git cannot be asked.
pub(crate) fn files() -> Result<Vec<PathBuf>> {
    let output = Command::new("git")
        .args([
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
        ])
        .current_dir(root())
        .output()
        .context("could not start `git`")?;
    if !output.status.success() {
        bail!(
            "`git ls-files` failed: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
    let listing = String::from_utf8(output.stdout).context("a file name is not UTF-8")?;
    let mut files: Vec<PathBuf> = listing
        .split('\0')
        .filter(|name| !name.is_empty())
        .map(PathBuf::from)
        .filter(|path| root().join(path).is_file())
        .collect();
    files.sort();
    files.dedup();
    Ok(files)
}

/// Today and the commit that is checked out, for what a run is remembered with.
///
/// # Errors
/// When `date` or `git` fails.
pub(crate) fn day_and_commit() -> Result<(String, String)> {
    Ok((
        told("date", &["-u", "+%F"])?,
        told("git", &["rev-parse", "--short=12", "HEAD"])?,
    ))
}

fn told(program: &str, arguments: &[&str]) -> Result<String> {
    let output = Command::new(program)
        .args(arguments)
        .current_dir(root())
        .output()
        .with_context(|| format!("could not start `{program}`"))?;
    if !output.status.success() {
        bail!("`{program}` failed");
    }
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}
