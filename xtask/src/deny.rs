//! `cargo xtask deny`: licences, banned crates and sources of everything in Cargo.lock, by
//! cargo-deny, which is built below the target directory where it is not installed.
//!
//! No registry has it built; that takes a machine of two cores some ten minutes, so CI uses
//! it where it is, and the run of a release builds it. Invariant: the version is pinned.

use crate::workspace::{cargo, root, target_dir, works};
use anyhow::{Context, Result, bail};
use std::path::PathBuf;
use std::process::Command;

/// The version that is built.
const VERSION: &str = "0.20.2";
/// What is checked; advisories need a database that no registry carries.
const CHECKS: [&str; 4] = ["check", "licenses", "bans", "sources"];

/// Checks; builds the tool when it is needed.
///
/// # Errors
/// When something is not allowed, or the tool cannot be built.
pub(crate) fn run() -> Result<()> {
    let tool = tool()?;
    let checked = Command::new(&tool)
        .args(CHECKS)
        .current_dir(root())
        .output()
        .with_context(|| format!("could not start `{}`", tool.display()))?;
    print!("{}", String::from_utf8_lossy(&checked.stderr));
    print!("{}", String::from_utf8_lossy(&checked.stdout));
    if !checked.status.success() {
        bail!("cargo-deny: {}", checked.status);
    }
    let said = String::from_utf8_lossy(&checked.stdout);
    println!("figure: cargo-deny {VERSION}: {}", said.trim());
    Ok(())
}

/// As [`run`] where the tool is there; `None` where it would have to be built.
pub(crate) fn run_if_installed() -> Option<Result<()>> {
    let is_here = works("cargo", &["deny", "--version"]) || built().exists();
    is_here.then(run)
}

fn built() -> PathBuf {
    target_dir().join("tools/bin/cargo-deny")
}

fn tool() -> Result<PathBuf> {
    let built = built();
    if !built.exists() {
        println!("building cargo-deny {VERSION}, once");
        let status = cargo()
            .args([
                "install",
                "cargo-deny",
                "--locked",
                "--debug",
                "--version",
                VERSION,
            ])
            .arg("--root")
            .arg(target_dir().join("tools"))
            .env("CARGO_TARGET_DIR", target_dir().join("tools/build"))
            .status()
            .context("could not start cargo")?;
        if !status.success() {
            bail!("cargo-deny could not be built: {status}");
        }
    }
    Ok(built)
}
