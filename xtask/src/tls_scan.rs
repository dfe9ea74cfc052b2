//! The part `tls` of `cargo xtask test`: scanners against the TLS listener of the built
//! program, and against one that is weak on purpose.
//!
//! The scans are in `compat/tls`; here they are only installed and run. Handshakes that no
//! scanner makes are in the Rust tests.

use crate::compat;
use crate::setup;
use crate::step::Steps;
use crate::workspace::{root, works};
use std::process::Command;

/// The part of `cargo xtask test`.
pub(crate) const PART: &str = "tls";

/// Runs the scans.
pub(crate) fn run(steps: &mut Steps) {
    let dir = root().join("compat/tls");
    if setup::is_root() && !works("testssl", &["--version"]) {
        steps.check("tls: install testssl.sh", || setup::apt(&["testssl.sh"]));
    }
    let mut python = None;
    let installed = steps.check("tls: install sslyze", || {
        python = Some(setup::python("tls", &dir.join("requirements.txt"))?);
        Ok(())
    });
    if let (true, Some(python)) = (installed, python) {
        let mut command = Command::new(python);
        command.args(["-m", "pytest", "-p", "no:cacheprovider", "--color=no", "-v"]);
        compat::suite_environment(command.current_dir(&dir), "tls");
        steps.command("tls: sslyze and testssl.sh", &mut command);
    }
}
