//! The options of the benches: `--name value` pairs, all of them known.

use anyhow::{Context, Result, bail};
use std::collections::BTreeMap;
use std::path::PathBuf;

const KNOWN: [&str; 21] = [
    "data-dir",
    "listen",
    "shards",
    "memory-mib",
    "in-flight",
    "events-file",
    "store",
    "calls",
    "events",
    "rival-events",
    "only",
    "name",
    "feed",
    "rounds",
    "numbers",
    "seconds",
    "bars",
    "rate",
    "connections",
    "dir",
    "out",
];

/// What was given.
#[derive(Debug, Default)]
pub(crate) struct Arguments(BTreeMap<String, String>);

impl Arguments {
    pub(crate) fn parse(mut words: impl Iterator<Item = String>) -> Result<Self> {
        let mut given = BTreeMap::new();
        while let Some(word) = words.next() {
            let name = word.strip_prefix("--").unwrap_or_default();
            if !KNOWN.contains(&name) {
                bail!("unknown option `{word}`");
            }
            let value = words
                .next()
                .with_context(|| format!("`{word}` needs a value"))?;
            given.insert(name.to_owned(), value);
        }
        Ok(Self(given))
    }

    pub(crate) fn number(&self, name: &str, default: u64) -> Result<u64> {
        match self.0.get(name) {
            Some(text) => text
                .parse()
                .with_context(|| format!("`--{name}` needs a number")),
            None => Ok(default),
        }
    }

    /// A path that must be given.
    pub(crate) fn path(&self, name: &str) -> Result<PathBuf> {
        let path = self.0.get(name).map(PathBuf::from);
        path.with_context(|| format!("`--{name}` is missing"))
    }

    /// Those of `names` that were given, as words of a command line.
    pub(crate) fn words(&self, names: &[&str]) -> Vec<String> {
        let given = names.iter().filter_map(|name| {
            let value = self.0.get(*name)?;
            Some([format!("--{name}"), value.clone()])
        });
        given.flatten().collect()
    }

    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    pub(crate) fn dir(&self) -> PathBuf {
        self.0
            .get("dir")
            .map_or_else(std::env::temp_dir, PathBuf::from)
    }

    pub(crate) fn out(&self) -> PathBuf {
        self.0
            .get("out")
            .map_or_else(|| PathBuf::from("target/bench"), PathBuf::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(words: &[&str]) -> Result<Arguments> {
        Arguments::parse(words.iter().map(|word| (*word).to_owned()))
    }

    #[test]
    fn unknown_and_incomplete_options_are_refused() {
        assert!(parse(&["--evnts", "5"]).is_err());
        assert!(parse(&["--events"]).is_err());
        assert!(parse(&["--events", "many"]).is_ok_and(|given| given.number("events", 1).is_err()));
        assert_eq!(
            parse(&["--events", "5"])
                .and_then(|given| given.number("events", 1))
                .ok(),
            Some(5)
        );
        assert_eq!(
            parse(&[]).and_then(|given| given.number("events", 1)).ok(),
            Some(1)
        );
    }
}
