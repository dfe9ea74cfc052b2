//! `cargo xtask deny`: licences, banned crates and sources of everything in Cargo.lock, by
//! cargo-deny, which is built below the target directory where the version below is not
//! installed.
//!
//! No registry has it built; that takes a machine of two cores some ten minutes, so CI uses
//! it where it is, and the run of a release builds it. Invariant: the version is pinned.

use crate::workspace::{cargo, root, target_dir};
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
    let checked = tool()?
        .args(CHECKS)
        .current_dir(root())
        .output()
        .context("could not start cargo-deny")?;
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
    (is_installed() || built().exists()).then(run)
}

/// Whether cargo has it, in the version that is pinned.
fn is_installed() -> bool {
    let asked = cargo().args(["deny", "--version"]).output();
    asked.is_ok_and(|said| {
        let version = String::from_utf8_lossy(&said.stdout).into_owned();
        said.status.success() && version.split_whitespace().last() == Some(VERSION)
    })
}

fn built() -> PathBuf {
    target_dir().join("tools/bin/cargo-deny")
}

fn tool() -> Result<Command> {
    if is_installed() {
        let mut tool = cargo();
        tool.arg("deny");
        return Ok(tool);
    }
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
    Ok(Command::new(built))
}
