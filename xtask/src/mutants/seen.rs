//! Which mutants were seen red, and when: `docs/mutants-seen.json`.
//!
//! All of them take many hours, so each is remembered by itself and a run can be made of
//! parts. Not here: how they are judged. Invariant: what is remembered of an entry that
//! was changed since counts for nothing.

use super::{Mutant, all as entries};
use crate::workspace::{day_and_commit, root};
use anyhow::{Context, Result};
use serde_json::{Map, Value, json};
use std::fs;

const FILE: &str = "docs/mutants-seen.json";
/// Those not seen yet that are named on the page.
const NAMED_MAX: usize = 40;

/// What is remembered, by id.
///
/// # Errors
/// When the file is no JSON.
pub(crate) fn all() -> Result<Map<String, Value>> {
    match fs::read_to_string(root().join(FILE)) {
        Ok(text) => serde_json::from_str(&text).with_context(|| format!("`{FILE}` is no JSON")),
        Err(_) => Ok(Map::new()),
    }
}

/// Remembers that its test turned red today.
///
/// # Errors
/// When the file cannot be written.
pub(super) fn remember(mutant: &Mutant) -> Result<()> {
    let mut seen = all()?;
    let (day, commit) = day_and_commit()?;
    let row = json!({ "day": day, "commit": commit, "entry": sum(mutant) });
    seen.insert(mutant.id.to_owned(), row);
    // Of entries that there are no longer nothing is kept.
    seen.retain(|id, _| entries().any(|entry| entry.id == id));
    let text = serde_json::to_string_pretty(&Value::Object(seen))?;
    fs::write(root().join(FILE), format!("{text}\n"))
        .with_context(|| format!("could not write `{FILE}`"))
}

/// Whether this entry, as it is, was seen red.
pub(super) fn is_seen(seen: &Map<String, Value>, mutant: &Mutant) -> bool {
    seen.get(mutant.id)
        .and_then(|row| row.get("entry"))
        .and_then(Value::as_str)
        .is_some_and(|entry| entry == sum(mutant))
}

/// A sentence for TRUST.md.
pub(crate) fn summary(seen: &Map<String, Value>) -> String {
    let (red, not_yet): (Vec<&Mutant>, Vec<&Mutant>) =
        entries().partition(|mutant| is_seen(seen, mutant));
    let day = |mutant: &&Mutant| {
        let row = seen.get(mutant.id)?;
        row.get("day")?.as_str().map(str::to_owned)
    };
    let days: Vec<String> = red.iter().filter_map(day).collect();
    let mut out = format!(
        "Mutants: {} of {} seen red as they are",
        red.len(),
        red.len() + not_yet.len()
    );
    if let (Some(first), Some(last)) = (days.iter().min(), days.iter().max()) {
        out.push_str(&format!(", from {first} to {last}"));
    }
    out.push('.');
    if !not_yet.is_empty() {
        let names: Vec<String> = not_yet
            .iter()
            .take(NAMED_MAX)
            .map(|mutant| format!("`{}`", mutant.id))
            .collect();
        out.push_str(&format!(
            " Not since that is remembered: {}",
            names.join(", ")
        ));
        if not_yet.len() > NAMED_MAX {
            out.push_str(&format!(", and {} more", not_yet.len() - NAMED_MAX));
        }
        out.push('.');
    }
    out
}

/// What an entry says, in 64 bits (FNV-1a): only whether it was changed matters.
fn sum(mutant: &Mutant) -> String {
    let parts = [mutant.file, mutant.find, mutant.replace];
    let bytes = parts
        .iter()
        .chain(mutant.test)
        .flat_map(|part| part.bytes().chain([0]));
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("{hash:016x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_seen_counts_until_the_entry_changes() {
        let first = entries().next().unwrap();
        let row = |entry: String| json!({ "day": "2026-11-30", "commit": "x", "entry": entry });
        let seen = Map::from_iter([(first.id.to_owned(), row(sum(first)))]);
        assert!(is_seen(&seen, first));
        let said = summary(&seen);
        assert!(said.starts_with("Mutants: 1 of "), "{said}");
        assert!(said.contains("from 2026-11-30 to 2026-11-30"), "{said}");
        let changed = Map::from_iter([(first.id.to_owned(), row("0".repeat(16)))]);
        assert!(!is_seen(&changed, first));
        assert!(summary(&changed).starts_with("Mutants: 0 of "));
    }
}
