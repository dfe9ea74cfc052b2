//! What the program is made of, for those who have to know: a bill of materials in the form
//! of CycloneDX 1.5, from the lock files.
//!
//! `cargo metadata` resolves; only crates that are linked into the program are told, and the
//! packages of npm in the console's script, not those of builds and tests. Invariant: the
//! same lock files give the same bytes.

use crate::workspace::{cargo, root};
use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;

/// The platform whose program is packaged.
const PLATFORM: &str = "x86_64-unknown-linux-gnu";
const PROGRAM: &str = "chatmetric";

/// The document, as text.
///
/// # Errors
/// When cargo cannot say what the program needs.
pub(crate) fn document() -> Result<String> {
    let output = cargo()
        .args(["metadata", "--format-version", "1", "--locked"])
        .args(["--filter-platform", PLATFORM])
        .output()
        .context("could not start cargo")?;
    if !output.status.success() {
        bail!(
            "`cargo metadata` failed: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
    let metadata: Value = serde_json::from_slice(&output.stdout)?;
    let lock = fs::read_to_string(root().join("Cargo.lock"))?;
    let of_console: Value = serde_json::from_str(&fs::read_to_string(
        root().join("console/package-lock.json"),
    )?)?;
    let text = serde_json::to_string_pretty(&bill(&metadata, &checksums(&lock), &of_console)?)?;
    Ok(format!("{text}\n"))
}

/// SHA-256 of each crate's archive by its name and version.
fn checksums(lock: &str) -> BTreeMap<(String, String), String> {
    let mut sums = BTreeMap::new();
    for package in lock.split("[[package]]").skip(1) {
        let value = |name: &str| {
            let line = package.lines().find(|line| line.starts_with(name))?;
            line.split('"').nth(1).map(str::to_owned)
        };
        if let (Some(name), Some(version), Some(sum)) =
            (value("name ="), value("version ="), value("checksum ="))
        {
            sums.insert((name, version), sum);
        }
    }
    sums
}

fn text<'v>(value: &'v Value, member: &str) -> &'v str {
    value
        .get(member)
        .and_then(Value::as_str)
        .unwrap_or_default()
}

fn list<'v>(value: &'v Value, member: &str) -> &'v [Value] {
    value
        .get(member)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

fn bill(
    metadata: &Value,
    sums: &BTreeMap<(String, String), String>,
    of_console: &Value,
) -> Result<Value> {
    let packages: BTreeMap<&str, &Value> = list(metadata, "packages")
        .iter()
        .map(|package| (text(package, "id"), package))
        .collect();
    let resolve = metadata.get("resolve").context("no resolution")?;
    let nodes: BTreeMap<&str, &Value> = list(resolve, "nodes")
        .iter()
        .map(|node| (text(node, "id"), node))
        .collect();
    let program = packages
        .values()
        .find(|package| text(package, "name") == PROGRAM)
        .with_context(|| format!("there is no package `{PROGRAM}`"))?;
    let mut linked = BTreeSet::new();
    let mut open = vec![text(program, "id")];
    while let Some(id) = open.pop() {
        if !linked.insert(id) {
            continue;
        }
        let dependencies = nodes.get(id).map_or(&[][..], |node| list(node, "deps"));
        let is_linked = |dependency: &&Value| {
            list(dependency, "dep_kinds")
                .iter()
                .any(|kind| kind.get("kind").is_none_or(Value::is_null))
        };
        open.extend(
            dependencies
                .iter()
                .filter(is_linked)
                .map(|it| text(it, "pkg")),
        );
    }
    let mut components: Vec<Value> = linked
        .iter()
        .filter(|id| **id != text(program, "id"))
        .filter_map(|id| packages.get(id))
        .map(|package| component(package, sums))
        .chain(packages_of_npm(of_console))
        .collect();
    components.sort_by_key(|it| text(it, "bom-ref").to_owned());
    Ok(json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": { "component": component(program, sums) },
        "components": components,
    }))
}

/// The packages whose code is in the console's script, from its lock file.
fn packages_of_npm(lock: &Value) -> impl Iterator<Item = Value> {
    let all = lock.get("packages").and_then(Value::as_object);
    all.into_iter().flatten().filter_map(|(path, package)| {
        let name = path.strip_prefix("node_modules/")?;
        let is_of_builds = ["dev", "devOptional"].iter().any(|it| package[*it] == true);
        let link = format!("pkg:npm/{name}@{}", text(package, "version"));
        (!is_of_builds).then(|| {
            json!({
                "type": "library",
                "bom-ref": link,
                "name": name,
                "version": text(package, "version"),
                "purl": link,
                "licenses": [{ "expression": text(package, "license") }],
                "properties": [{ "name": "npm:integrity", "value": text(package, "integrity") }],
            })
        })
    })
}

fn component(package: &Value, sums: &BTreeMap<(String, String), String>) -> Value {
    let (name, version) = (text(package, "name"), text(package, "version"));
    let link = format!("pkg:cargo/{name}@{version}");
    let mut component = json!({
        "type": if name == PROGRAM { "application" } else { "library" },
        "bom-ref": link,
        "name": name,
        "version": version,
        "purl": link,
        "licenses": [{ "expression": text(package, "license").replace('/', " OR ") }],
    });
    if let Some(sum) = sums.get(&(name.to_owned(), version.to_owned())) {
        component["hashes"] = json!([{ "alg": "SHA-256", "content": sum }]);
    }
    component
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_linked_is_told_with_its_licence_and_checksum() {
        let told = document().unwrap();
        let bill: Value = serde_json::from_str(&told).unwrap();
        let components = list(&bill, "components");
        let find = |name: &str| components.iter().find(|it| text(it, "name") == name);
        for name in [
            "rustls",
            "fjall",
            "hyper",
            "chatmetric-store",
            "preact",
            "uplot",
        ] {
            assert!(find(name).is_some(), "{name} is linked");
        }
        for name in [
            "proptest",
            "rcgen",
            "fuser",
            "xtask",
            "chatmetric-sim",
            "esbuild",
        ] {
            assert!(find(name).is_none(), "{name} is of tests");
        }
        let rustls = find("rustls").unwrap();
        let sum = text(&list(rustls, "hashes")[0], "content");
        assert_eq!(sum.len(), 64);
        for component in components {
            let licence = text(&list(component, "licenses")[0], "expression");
            assert!(!licence.is_empty(), "{component}");
        }
        assert_eq!(document().unwrap(), told, "the same each time");
    }
}
