//! `cargo xtask bench store|scale|http|overload|timing|rpc|import|cluster`: builds in release and runs the bench crate.
//!
//! Only here are PostgreSQL and Redis installed: no test needs them.

use crate::setup;
use crate::workspace::{cargo, program, root, works};
use anyhow::{Context, Result, bail};

/// Rivals of the store bench that are servers: name, Debian package, program.
const SERVERS: [(&str, &str, &str); 2] = [
    (
        "PostgreSQL 15",
        "postgresql-15",
        "/usr/lib/postgresql/15/bin/postgres",
    ),
    ("Redis", "redis-server", "redis-server"),
];

/// Runs one bench; further arguments go to it.
///
/// # Errors
/// When it cannot be built or fails.
pub(crate) fn run(arguments: &[&str]) -> Result<()> {
    match arguments {
        ["store", ..] => servers(),
        ["http", ..] => {
            servers();
            if let Err(error) = receiver() {
                println!("the receiver in Node will be marked as not measured: {error:#}");
            }
        }
        ["overload" | "timing" | "rpc" | "scale" | "import", ..] => {}
        ["cluster", ..] => setup::nats_server()?,
        _ => bail!(
            "usage: cargo xtask bench store|scale|http|overload|timing|rpc|import|cluster [ARGUMENTS]"
        ),
    }
    // The program and the bench at once, or what both need would be built twice.
    release(&["build", "--release", "--workspace"])?;
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

/// How long CI overloads the program.
pub(crate) const CI_SECONDS: u64 = 60;

/// Twice the capacity of the program as the tests are built, for so long: what is lost,
/// counted twice, refused wrongly or above the cap of memory fails. Speed does not: this
/// machine has other work at times.
///
/// # Errors
/// When one of these fails, or the bench is not built.
pub(crate) fn overload_of_ci() -> Result<()> {
    let bench = program("debug").with_file_name("chatmetric-bench");
    let status = std::process::Command::new(bench)
        .args(["overload", "--seconds", &CI_SECONDS.to_string()])
        .env("CHATMETRIC_BIN", program("debug"))
        .status()
        .context("could not start the bench")?;
    if !status.success() {
        bail!("the bench failed: {status}");
    }
    Ok(())
}

fn servers() {
    for (name, package, server) in SERVERS {
        if !works(server, &["--version"]) && setup::apt(&[package]).is_err() {
            println!("{name} is not here: its row will be marked as not measured");
        }
    }
}

/// Installs the packages of the receiver that people write today.
fn receiver() -> Result<()> {
    let status = std::process::Command::new("npm")
        .args(["ci", "--no-audit", "--no-fund"])
        .current_dir(root().join("crates/chatmetric-bench/node-receiver"))
        .status()
        .context("could not start npm")?;
    if !status.success() {
        bail!("`npm ci` failed: {status}");
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
