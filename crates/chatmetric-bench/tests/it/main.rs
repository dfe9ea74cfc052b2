//! The bench from outside: what it is told wrongly.
//!
//! Not here: measurements, which no test makes. Invariant: nothing is measured.

use std::process::Command;

#[test]
fn what_is_unknown_is_refused_with_what_there_is() {
    for (words, named) in [
        (&["quickly"][..], "usage"),
        (&["overload", "--fast", "1"], "--fast"),
        (&["store", "--events"], "--events"),
    ] {
        let mut bench = Command::new(env!("CARGO_BIN_EXE_chatmetric-bench"));
        let output = bench.args(words).output().expect("it starts");
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && told.contains(named), "{told}");
    }
}
