//! Torture: processes that are killed, steps that are stopped at, calls that fail,
//! each followed by a comparison with the independent model.
//!
//! `cargo xtask torture kill|whitebox|power|io|corrupt` runs the modules of these names,
//! here and in the program's tests. Invariant: whatever happens, what was acknowledged is
//! counted exactly once, and what was not is counted once it was sent again.

mod child;
mod corrupt;
mod io;
mod io_traced;
mod kill;
mod kill_disk;
mod kill_traced;
mod kill_upgrade;
mod machine;
mod power;
mod process;
mod strace;
mod supply;
mod unsynced_disk;
mod volatile;
mod whitebox;
mod world;

/// All kills, stops or faults of one kind that CI makes, whatever the test.
const CYCLES_CI: u64 = 200;

/// How many of them one test makes: its share in CI, or as large a share of what
/// `CHATMETRIC_TORTURE_CYCLES` (`cargo xtask torture KIND --cycles N`) asks for.
fn cycles(share: u64) -> u64 {
    cycles_of(share, CYCLES_CI)
}

/// The same for a kind of which CI makes another number.
fn cycles_of(share: u64, in_ci: u64) -> u64 {
    let asked = std::env::var("CHATMETRIC_TORTURE_CYCLES").ok();
    let asked: Option<u64> = asked.and_then(|text| text.parse().ok());
    asked.map_or(share, |all| (share * all).div_ceil(in_ci))
}

/// What is printed although the test passes; where CI runs it, it fails.
fn skipped(why: &str) {
    use std::io::Write as _;
    let required = std::env::var_os("CI").is_some();
    assert!(!required, "{why}, and CI needs it");
    drop(writeln!(std::io::stderr(), "SKIPPED: {why}"));
}

/// A directory in memory where there is one: what is tortured here is the order of
/// changes, and a disk would only make it slow.
pub(crate) fn folder() -> tempfile::TempDir {
    let memory = std::path::Path::new("/dev/shm");
    let made = tempfile::tempdir_in(memory).or_else(|_| tempfile::tempdir());
    made.expect("a directory")
}
