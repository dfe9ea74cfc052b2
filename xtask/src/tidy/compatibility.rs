//! Rules for COMPATIBILITY.md and SECURITY.md: every test that they name exists,
//! every row of a table of theirs that promises something names one, and every
//! error code that the protocol crate can answer has its row.
//!
//! A named test is `test_x.py`, `test_x.py::name`, `::name` (of the file named
//! last), `x.test.mjs` of the Node suite or `compat/…/x.test.mjs`, `crates/….rs` or
//! `crates/….rs::name`, in backticks.

use super::Finding;
use std::path::Path;

/// The page of the contract.
const PAGE: &str = "COMPATIBILITY.md";
/// The page of the promises.
const SECURITY: &str = "SECURITY.md";
/// The sections of both whose rows need a test.
const TESTED_SECTIONS: [&str; 4] = [
    "Request parameters",
    "Answer fields",
    "Errors",
    "What we promise",
];
/// Where the codes are.
const ERRORS: [&str; 2] = [
    "crates/chatmetric-rpc/src/error.rs",
    "crates/chatmetric-rpc/src/error/ram.rs",
];

/// Checks the page of the tree below `root`.
pub(super) fn check(root: &Path) -> Vec<(&'static str, Finding)> {
    let read = |path: &str| std::fs::read_to_string(root.join(path)).ok();
    let mut findings = Vec::new();
    for name in [PAGE, SECURITY] {
        let page = read(name).unwrap_or_default();
        for what in unknown_tests(&page, read)
            .into_iter()
            .chain(rows_without_test(&page))
        {
            findings.push((name, Finding::Fault(what)));
        }
    }
    let page = read(PAGE).unwrap_or_default();
    for path in ERRORS {
        for what in codes_without_row(&page, &read(path).unwrap_or_default()) {
            findings.push((PAGE, Finding::Fault(what)));
        }
    }
    findings
}

/// What stands in backticks.
fn quoted(page: &str) -> impl Iterator<Item = &str> {
    page.lines()
        .flat_map(|line| line.split('`').skip(1).step_by(2))
}

/// The file of a named test, and the test in it; `last` is the file that was named
/// before. `None` for another word.
fn named_test<'w>(word: &'w str, last: &str) -> Option<(String, Option<&'w str>)> {
    let (file, test) = match word.split_once("::") {
        Some((file, test)) => (file, Some(test)),
        None => (word, None),
    };
    let path = if file.starts_with("test_") && file.ends_with(".py") {
        format!("compat/python/tests/{file}")
    } else if file.starts_with("compat/") && file.ends_with(".test.mjs") {
        file.to_owned()
    } else if file.ends_with(".test.mjs") {
        format!("compat/node/test/{file}")
    } else if file.starts_with("crates/") && file.ends_with(".rs") {
        file.to_owned()
    } else if file.is_empty() && test.is_some() {
        last.to_owned()
    } else {
        return None;
    };
    Some((path, test))
}

/// The rows of tables in sections that promise something, which name no test.
pub(super) fn rows_without_test(page: &str) -> Vec<String> {
    let mut faults = Vec::new();
    let (mut tested, mut in_rows) = (false, false);
    for line in page.lines() {
        if let Some(section) = line.strip_prefix("## ") {
            tested = TESTED_SECTIONS.contains(&section);
        }
        if !line.starts_with('|') {
            in_rows = false;
        } else if line.starts_with("|---") {
            in_rows = true;
        } else if tested && in_rows && !quoted(line).any(|word| named_test(word, "").is_some()) {
            faults.push(format!("names no test in the row `{line}`"));
        }
    }
    faults
}

/// The named tests that do not exist; `read` gives a file of the repository.
pub(super) fn unknown_tests(page: &str, read: impl Fn(&str) -> Option<String>) -> Vec<String> {
    let mut faults = Vec::new();
    let mut last = String::new();
    for word in quoted(page) {
        let Some((path, test)) = named_test(word, &last) else {
            continue;
        };
        let text = read(&path);
        let found = text.as_ref().is_some_and(|text| {
            test.is_none_or(|test| {
                ["fn", "def"]
                    .iter()
                    .any(|keyword| text.contains(&format!("{keyword} {test}(")))
            })
        });
        if !found {
            faults.push(format!("names `{word}`, which does not exist in `{path}`"));
        }
        last = path;
    }
    faults
}

/// The codes of `errors` that no row of the page has: what every `fn code` there says.
pub(super) fn codes_without_row(page: &str, errors: &str) -> Vec<String> {
    let bodies = errors.split("fn code(").skip(1);
    let bodies = bodies.filter_map(|after| after.split_once("fn ").map(|(body, _)| body));
    let codes: Vec<&str> = bodies
        .flat_map(str::lines)
        .flat_map(|line| line.split('"').skip(1).step_by(2))
        // Families and their endings: each member is a row of its own.
        .filter(|code| !code.is_empty() && !code.starts_with('.') && !code.contains('{'))
        .collect();
    if codes.is_empty() {
        return vec!["no error code was found".to_owned()];
    }
    codes
        .into_iter()
        .filter(|code| !quoted(page).any(|word| word == *code))
        .map(|code| format!("has no row for the error `{code}`"))
        .collect()
}
