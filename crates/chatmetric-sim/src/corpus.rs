//! The committed inputs of the fuzzer, for tests that run them without it.
//!
//! Not here: what an input has to fulfil. Invariant: a target without inputs fails, so that a
//! folder that moved is noticed.

use std::fs;
use std::path::Path;

/// Gives every input of a fuzz target to `check`, in the order of their names.
///
/// # Panics
/// When `check` does (the name of the input is printed), or there is no input.
pub fn each(target: &str, check: impl Fn(&[u8])) {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus");
    let dir = dir.join(target);
    let entries = fs::read_dir(&dir).unwrap_or_else(|error| panic!("`{}`: {error}", dir.display()));
    let mut paths: Vec<_> = entries
        .map(|entry| entry.expect("a folder that can be listed").path())
        .collect();
    paths.sort();
    assert!(!paths.is_empty(), "`{}` is empty", dir.display());
    for path in paths {
        println!("{}", path.display());
        check(&fs::read(&path).expect("a file that can be read"));
    }
}
