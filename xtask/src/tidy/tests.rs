//! Each rule of tidy on a text that breaks it and on one that does not.

use super::{Finding, check_file, compatibility, manifests};
use std::path::Path;

fn faults(name: &str, text: &str) -> Vec<String> {
    check_file(Path::new(name), text.as_bytes())
        .into_iter()
        .filter_map(|finding| match finding {
            Finding::Fault(fault) => Some(fault),
            Finding::Warning(_) => None,
        })
        .collect()
}

fn broken(name: &str, text: &str, expected: &str) {
    let found = faults(name, text);
    assert!(
        found.iter().any(|fault| fault.contains(expected)),
        "{name}: {found:?}"
    );
}

fn clean(name: &str, text: &str) {
    assert_eq!(faults(name, text), Vec::<String>::new(), "{name}");
}

#[test]
fn a_source_opens_with_its_header() {
    broken("crates/x/src/a.rs", "fn a() {}\n", "does not open");
    clean("crates/x/src/a.rs", "//! A.\nfn a() {}\n");
}

#[test]
fn product_files_have_a_length_limit_and_tests_have_none() {
    let long = format!("//! A.\n{}", "fn a() {}\n".repeat(800));
    broken("crates/x/src/a.rs", &long, "at most 800");
    clean("crates/x/src/a/tests.rs", &long);
    let mostly_tests = format!(
        "//! A.\n#[cfg(test)]\nmod tests {{\n{}}}\n",
        "fn a() {}\n".repeat(900)
    );
    clean("crates/x/src/a.rs", &mostly_tests);
    // A declaration alone must not hide what follows it.
    let declared = format!(
        "//! A.\n#[cfg(test)]\nmod tests;\n{}",
        "fn a() {}\n".repeat(800)
    );
    broken("crates/x/src/a.rs", &declared, "at most 800");
}

#[test]
fn leftovers_are_found_as_words_only() {
    let leftover = ["TO", "DO"].concat();
    broken("docs/a.md", &format!("one {leftover}: two\n"), "finish it");
    clean("docs/a.md", &format!("MA{leftover}S\n"));
}

#[test]
fn escape_hatches_are_refused() {
    for hatch in [
        ["#[ign", "ore]"],
        ["#[should_", "panic]"],
        ["    to", "do!()"],
    ] {
        broken(
            "crates/x/src/a.rs",
            &format!("//! A.\n{}\n", hatch.concat()),
            "line 2",
        );
    }
}

#[test]
fn network_paths_must_not_panic() {
    let body = "//! A.\nfn a() { b().unwrap(); }\n";
    broken("crates/chatmetric-rpc/src/a.rs", body, "may panic");
    broken("crates/chatmetric/src/ingest/a.rs", body, "may panic");
    clean("crates/chatmetric/src/cli/a.rs", body);
    let in_tests = "//! A.\n#[cfg(test)]\nmod tests {\n    fn a() { b().unwrap(); }\n}\n";
    clean("crates/chatmetric-rpc/src/a.rs", in_tests);
}

#[test]
fn names_say_what_is_inside() {
    broken("crates/x/src/utils.rs", "//! A.\n", "no name");
    broken("crates/x/src/helpers/a.rs", "//! A.\n", "no name");
    clean("crates/x/src/commons.rs", "//! A.\n");
}

#[test]
fn registry_hosts_and_machine_paths_are_refused() {
    broken(
        "compat/a.txt",
        &format!("index = {}.org\n", "pypi"),
        "registry host",
    );
    broken(
        "docs/a.md",
        &format!("see {}/tree\n", "/work"),
        "one machine only",
    );
    clean("docs/a.md", "the network works/fails\n");
}

#[test]
fn characters_are_sane() {
    broken("docs/a.md", "a\u{202e}b\n", "U+202E");
    broken("docs/a.md", "a\u{7}b\n", "U+0007");
    broken("docs/a.md", "a\r\nb\n", "carriage");
    clean("docs/a.md", "\u{b5}s, \u{2192}\tand \u{e9}\n");
    assert_eq!(
        check_file(Path::new("a.md"), &[0xff, 0xfe]),
        [Finding::Fault("is not UTF-8".into())]
    );
}

#[test]
fn dependencies_point_one_way() {
    let manifest = |dependency: &str| {
        format!("[package]\nname = \"x\"\n\n[dependencies]\n{dependency}.workspace = true\n")
    };
    broken(
        "crates/chatmetric-core/Cargo.toml",
        &manifest("chatmetric-rpc"),
        "must not depend",
    );
    broken(
        "crates/chatmetric-core/Cargo.toml",
        &manifest("tokio"),
        "is pure",
    );
    broken(
        "crates/chatmetric-rpc/Cargo.toml",
        &manifest("chatmetric-core"),
        "must not depend",
    );
    broken(
        "crates/chatmetric/Cargo.toml",
        &manifest("fjall"),
        "only `crates/chatmetric-store` and `crates/chatmetric-bench`",
    );
    broken(
        "crates/chatmetric-store/Cargo.toml",
        &manifest("redis"),
        "only `crates/chatmetric-bench`",
    );
    clean("crates/chatmetric-bench/Cargo.toml", &manifest("fjall"));
    broken(
        "crates/chatmetric-new/Cargo.toml",
        &manifest("serde"),
        "without a row",
    );
    clean(
        "crates/chatmetric-store/Cargo.toml",
        &manifest("chatmetric-core"),
    );
    let in_tests =
        "[dependencies]\nserde = \"1\"\n\n[dev-dependencies]\nchatmetric-core.workspace = true\n";
    clean("crates/chatmetric-sim/Cargo.toml", in_tests);
}

#[test]
fn named_tests_exist() {
    let read = |path: &str| match path {
        "compat/python/tests/test_a.py" => Some("def test_one(instance):\n".to_owned()),
        "crates/x/tests/it/b.rs" => Some("fn two() {}\n".to_owned()),
        "compat/node/test/a.test.mjs" | "compat/x/b.test.mjs" => Some(String::new()),
        _ => None,
    };
    let unknown = |page: &str| compatibility::unknown_tests(page, read).len();
    assert_eq!(
        unknown("`Start` | `test_a.py::test_one`, `::test_one`, `test_a.py`"),
        0
    );
    assert_eq!(unknown("`crates/x/tests/it/b.rs::two`"), 0);
    assert_eq!(unknown("`a.test.mjs`, `compat/x/b.test.mjs`"), 0);
    assert_eq!(unknown("`test_a.py::test_on`"), 1);
    assert_eq!(unknown("`test_a.py`, `::test_two`"), 1);
    assert_eq!(
        unknown("`test_c.py`, `x.test.mjs`, `crates/x/tests/it/c.rs`, `compat/x/x.test.mjs`"),
        4
    );
}

#[test]
fn every_row_that_promises_something_names_a_test() {
    let page = |section: &str, row: &str| {
        let head = "| a | test |\n|---|---|\n| `A` | `test_a.py::test_one` |\n";
        format!(
            "# X\n\n## {section}\n\n{head}{row}\n\n## Others\n\n| a | b |\n|---|---|\n| `B` | |\n"
        )
    };
    let without = |section, row| compatibility::rows_without_test(&page(section, row)).len();
    for section in [
        "Request parameters",
        "Answer fields",
        "Errors",
        "What we promise",
    ] {
        assert_eq!(
            without(section, "| `B` | `crates/x/tests/it/b.rs::two` |"),
            0
        );
        assert_eq!(without(section, "| `B` | every case |"), 1, "{section}");
        assert_eq!(
            without(section, "| `B` | `compat/python` |"),
            1,
            "{section}"
        );
    }
    assert_eq!(without("SDKs", "| `B` | every case |"), 0);
}

#[test]
fn every_code_has_its_row() {
    let errors = "pub fn code(&self) {\n A => \"One\",\n B => \"Missing{}\",\n C => \"Two\",\n}\npub fn http_status(";
    let missing = |page: &str| compatibility::codes_without_row(page, errors);
    assert!(missing("`One`, `Two`").is_empty());
    assert_eq!(missing("`One`, Two"), ["has no row for the error `Two`"]);
    let two = format!("{errors}) fn code(self) {{ A => \"Three\", B => \".Length\" }}\nfn x()");
    assert_eq!(
        compatibility::codes_without_row("`One`, `Two`", &two),
        ["has no row for the error `Three`"]
    );
    assert_eq!(compatibility::codes_without_row("", "").len(), 1);
}

#[test]
fn the_lock_of_the_fuzzer_knows_what_our_crates_need() {
    let lock = "[[package]]\nname = \"ours\"\ndependencies = [\n \"a\",\n \"b 1.2.0\",\n]\n";
    let behind = |dependencies: &str| {
        let manifest = format!("[dependencies]\n{dependencies}\n[dev-dependencies]\nd = \"1\"\n");
        manifests::fuzz_lock_behind(lock, &[("ours".into(), manifest)])
    };
    let optional = "c = { workspace = true, optional = true }";
    assert_eq!(
        behind(&format!("a.workspace = true\nb = \"1\"\n{optional}")),
        Vec::<String>::new()
    );
    let found = behind("a.workspace = true\nc.workspace = true");
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].contains("`ours` needs `c`"), "{found:?}");
    // A crate that no target uses is not in the lock.
    let elsewhere = [("another".into(), "[dependencies]\nc = \"1\"\n".into())];
    assert_eq!(
        manifests::fuzz_lock_behind(lock, &elsewhere),
        Vec::<String>::new()
    );
}
