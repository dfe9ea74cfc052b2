//! `cargo xtask bench store|scale|http|rpc`: builds in release and runs the bench crate.
//!
//! Only here is PostgreSQL installed: no test needs it.

use crate::setup;
use crate::workspace::{cargo, program};
use anyhow::{Context, Result, bail};
use std::path::Path;

/// Debian's PostgreSQL 15, the rival of the store bench.
const POSTGRES_PROGRAM: &str = "/usr/lib/postgresql/15/bin/postgres";

/// Runs one bench; further arguments go to it.
///
/// # Errors
/// When it cannot be built or fails.
pub(crate) fn run(arguments: &[&str]) -> Result<()> {
    match arguments {
        ["store", ..] => {
            if !Path::new(POSTGRES_PROGRAM).exists() && setup::apt(&["postgresql-15"]).is_err() {
                println!("PostgreSQL 15 is not here: its row will be marked as not measured");
            }
        }
        ["http", ..] => release(&["build", "--release", "--package", "chatmetric"])?,
        ["rpc" | "scale", ..] => {}
        _ => bail!("usage: cargo xtask bench store|scale|http|rpc [ARGUMENTS]"),
    }
    release(&["build", "--release", "--package", "chatmetric-bench"])?;
    let status = std::process::Command::new(program("release").with_file_name("chatmetric-bench"))
        .args(arguments)
        .env("CHATMETRIC_BIN", program("release"))
        .status()
        .context("could not start the bench")?;
    if !status.success() {
        bail!("the bench failed: {status}");
    }
    Ok(())
}

fn release(arguments: &[&str]) -> Result<()> {
    let status = cargo()
        .args(arguments)
        .status()
        .context("could not start cargo")?;
    if !status.success() {
        bail!("the build failed: {status}");
    }
    Ok(())
}
