//! The browser side of the console: its types and tests, whether the committed files are
//! those that its sources make, and every page in a real Chromium.
//!
//! Not here: the samples of its Explorer (`compat`) and the server's side, which
//! `cargo test` runs. A laptop without Chromium is told so; in CI that is a failure.

use crate::setup;
use crate::step::Steps;
use crate::workspace::{program, root, target_dir, works};
use anyhow::{Context, Result, bail};
use std::env;
use std::fs;
use std::path::Path;
use std::process::Command;

/// The name of the part of `cargo xtask test`.
pub(crate) const PART: &str = "console";

/// What the build writes and the repository keeps.
const BUILT: [&str; 2] = [
    "crates/chatmetric/console-dist",
    "crates/chatmetric/src/console/assets_table.rs",
];

/// Where the pictures of the pages are kept, in the target directory.
const SHOTS: &str = "console-shots";

/// Where Debian and others put Chromium; the tests look there too.
const CHROMIUM: [&str; 3] = [
    "/usr/bin/chromium",
    "/usr/bin/chromium-browser",
    "/usr/bin/google-chrome",
];

/// Runs the part.
pub(crate) fn run(steps: &mut Steps) {
    if !steps.check("console: install", || {
        setup::node("console", &["--ignore-scripts"])?;
        setup::node("console/e2e", &["--ignore-scripts"])
    }) {
        return;
    }
    let dir = root().join("console");
    let npm = |script: &str| {
        let mut command = Command::new("npm");
        command.args(["run", "--silent", script]).current_dir(&dir);
        command
    };
    steps.command("console: types", &mut npm("check"));
    steps.command("console: tests", &mut npm("test"));
    let built = steps.command("console: build", &mut npm("build"));
    if built {
        steps.check("console: the committed files are those of the build", same);
    }
    if !steps.check("console: Chromium", chromium) {
        return;
    }
    let shots = target_dir().join(SHOTS);
    // Pictures of an earlier run would pass for those of this one; there may be none.
    drop(fs::remove_dir_all(&shots));
    let mut command = Command::new("node");
    command
        .env("SHOTS", &shots)
        .args([
            "--test",
            "--test-concurrency=2",
            "--test-reporter=spec",
            ".",
        ])
        .current_dir(dir.join("e2e"));
    if env::var_os("CHATMETRIC").is_none() {
        command.env("CHATMETRIC", program("debug"));
    }
    steps.command("console: pages in Chromium", &mut command);
    println!("screenshots: {}", shots.display());
}

/// Fails when the build changed, added or removed a file.
fn same() -> Result<()> {
    let output = Command::new("git")
        .args(["status", "--porcelain", "--"])
        .args(BUILT)
        .current_dir(root())
        .output()
        .context("could not start `git`")?;
    if !output.status.success() {
        bail!("`git status` failed: {}", output.status);
    }
    let changed = String::from_utf8_lossy(&output.stdout);
    if !changed.is_empty() {
        bail!("these differ from what is committed; commit what `npm run build` wrote:\n{changed}");
    }
    Ok(())
}

/// Installs Chromium where it is missing.
fn chromium() -> Result<()> {
    let there =
        || env::var_os("CHROMIUM").is_some() || CHROMIUM.iter().any(|it| Path::new(it).exists());
    if there() || works("chromium", &["--version"]) {
        return Ok(());
    }
    setup::apt(&["chromium"])?;
    if !there() {
        bail!("`chromium` was installed and is not there");
    }
    Ok(())
}
