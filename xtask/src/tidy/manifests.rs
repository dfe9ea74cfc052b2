//! Rules for manifests: dependencies between our crates point one way, and the
//! pure crates stay pure.
//!
//! `core` <- `store` <- `chatmetric` -> `rpc`; `core` and `rpc` know nothing of
//! each other, nor of sockets, files, clocks or randomness.

use super::Finding;

/// Which of our crates a crate may depend on, outside of tests.
const DIRECTIONS: [(&str, &[&str]); 8] = [
    ("crates/chatmetric-core", &[]),
    ("crates/chatmetric-rpc", &[]),
    ("crates/chatmetric-sim", &[]),
    ("crates/chatmetric-store", &["chatmetric-core"]),
    (
        "crates/chatmetric-cluster",
        &["chatmetric-core", "chatmetric-store"],
    ),
    (
        "crates/chatmetric",
        &[
            "chatmetric-core",
            "chatmetric-rpc",
            "chatmetric-store",
            "chatmetric-cluster",
        ],
    ),
    (
        "crates/chatmetric-bench",
        &[
            "chatmetric-core",
            "chatmetric-rpc",
            "chatmetric-sim",
            "chatmetric-store",
            "chatmetric",
        ],
    ),
    ("xtask", &[]),
];

/// Crates that do I/O, read clocks or draw randomness.
const IMPURE: [&str; 13] = [
    "tokio",
    "axum",
    "hyper",
    "hyper-util",
    "fjall",
    "rusqlite",
    "ureq",
    "getrandom",
    "rand",
    "rustix",
    "postgres",
    "heed",
    "redis",
];

/// Engines and clients, and the crates that may know them; the bench knows all.
const BORDERS: [(&str, &[&str]); 5] = [
    (
        "fjall",
        &["crates/chatmetric-store", "crates/chatmetric-bench"],
    ),
    (
        "rusqlite",
        &["crates/chatmetric", "crates/chatmetric-bench"],
    ),
    ("postgres", &["crates/chatmetric-bench"]),
    ("heed", &["crates/chatmetric-bench"]),
    ("redis", &["crates/chatmetric-bench"]),
];

/// Checks one manifest.
pub(super) fn check(name: &str, text: &str) -> Vec<Finding> {
    let crate_dir = name.trim_end_matches("/Cargo.toml");
    let dependencies: Vec<&str> = dependencies(text).collect();
    let mut findings = Vec::new();
    let mut fault = |what: String| findings.push(Finding::Fault(what));
    if let Some((_, allowed)) = DIRECTIONS.iter().find(|(dir, _)| *dir == crate_dir) {
        for ours in dependencies
            .iter()
            .filter(|dependency| dependency.starts_with("chatmetric"))
        {
            if !allowed.contains(ours) {
                fault(format!("must not depend on `{ours}`"));
            }
        }
    } else if name != "Cargo.toml" && !crate_dir.starts_with("fuzz") {
        fault(
            "is a crate without a row in the table of directions (xtask/src/tidy/manifests.rs)"
                .into(),
        );
    }
    if ["crates/chatmetric-core", "crates/chatmetric-rpc"].contains(&crate_dir) {
        for impure in dependencies
            .iter()
            .filter(|dependency| IMPURE.contains(dependency))
        {
            fault(format!("is pure and must not depend on `{impure}`"));
        }
    }
    for (engine, owners) in BORDERS {
        let is_owner = owners.contains(&crate_dir) || name == "Cargo.toml";
        if dependencies.contains(&engine) && !is_owner {
            let owners = owners.join("` and `");
            fault(format!("only `{owners}` may depend on `{engine}`"));
        }
    }
    findings
}

/// The targets of the fuzzer are a workspace with a lock of their own, and nothing
/// but their build refuses one that is behind, late in CI. `manifests` are the name
/// and the manifest of each of our crates.
pub(super) fn fuzz_lock_behind(lock: &str, manifests: &[(String, String)]) -> Vec<String> {
    let mut behind = Vec::new();
    for package in lock.split("[[package]]") {
        let mut lines = package.lines().map(str::trim);
        let Some(name) = lines.find_map(|line| line.strip_prefix("name = ")) else {
            continue;
        };
        let name = name.trim_matches('"');
        let Some((_, manifest)) = manifests.iter().find(|(ours, _)| ours == name) else {
            continue;
        };
        // `"name",` or, where there are two versions, `"name 1.2.3",`.
        let locked: Vec<&str> = lines
            .filter_map(|line| line.strip_prefix('"')?.split(['"', ' ']).next())
            .collect();
        for wanted in always(manifest).filter(|wanted| !locked.contains(wanted)) {
            behind.push(format!(
                "does not know that `{name}` needs `{wanted}`: \
                 cargo update --workspace --manifest-path fuzz/Cargo.toml"
            ));
        }
    }
    behind
}

/// The names in `[dependencies]` that are not optional.
fn always(manifest: &str) -> impl Iterator<Item = &str> {
    let optional: Vec<&str> = manifest
        .lines()
        .filter(|line| line.contains("optional = true"))
        .filter_map(|line| line.split([' ', '.', '=']).next())
        .collect();
    dependencies(manifest).filter(move |name| !optional.contains(name))
}

/// The names in `[dependencies]`.
fn dependencies(text: &str) -> impl Iterator<Item = &str> {
    let mut inside = false;
    text.lines().filter_map(move |line| {
        if line.starts_with('[') {
            inside = line.trim() == "[dependencies]";
            return None;
        }
        let name = line.split(['.', '=', ' ']).next()?.trim();
        (inside && !name.is_empty() && !name.starts_with('#')).then_some(name)
    })
}
