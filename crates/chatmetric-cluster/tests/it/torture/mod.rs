//! The machine whose power can be cut, as the store's tests have it, with the servers of a
//! cluster on its disk. `cargo xtask torture power` runs these tests, too.

#[path = "../../../../chatmetric-store/tests/it/torture/machine.rs"]
#[expect(dead_code, reason = "the store's tests use all of it")]
mod machine;
mod power;
#[path = "../../../../chatmetric-store/tests/it/torture/supply.rs"]
mod supply;
#[path = "../../../../chatmetric-store/tests/it/torture/volatile.rs"]
mod volatile;

/// What is printed although the test passes; where CI runs it, it fails.
fn skipped(why: &str) {
    use std::io::Write as _;
    let required = std::env::var_os("CI").is_some();
    assert!(!required, "{why}, and CI needs it");
    drop(writeln!(std::io::stderr(), "SKIPPED: {why}"));
}

fn folder() -> tempfile::TempDir {
    let memory = std::path::Path::new("/dev/shm");
    let made = tempfile::tempdir_in(memory).or_else(|_| tempfile::tempdir());
    made.expect("a directory")
}
