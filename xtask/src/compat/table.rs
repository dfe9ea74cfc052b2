//! `cargo xtask compat-table`: what every SDK did in the last run, as the table in
//! COMPATIBILITY.md.
//!
//! The suites write one JSON object for each case; a cell says over which schemes
//! all of its cases passed, in every way to call. Languages that did not run here
//! keep their committed rows, so a machine without Java can still check the rest.

use super::{PARTS, results};
use crate::workspace::root;
use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;

const PAGE: &str = "COMPATIBILITY.md";
const BEGIN: &str = "<!-- cargo xtask compat-table writes from here -->\n";
const END: &str = "<!-- to here -->\n";
/// The columns that name a row.
const NAMES: [&str; 5] = ["language", "SDK", "version", "signature", "over"];

/// The identity of a row: language, SDK, version, signature.
type RowName = [String; 4];

/// Everything that the suites reported.
#[derive(Debug, Default)]
struct Report {
    /// In the order in which the cases are run.
    columns: Vec<String>,
    /// Whether all cases passed, by row, column and scheme.
    rows: BTreeMap<RowName, BTreeMap<(String, String), bool>>,
}

/// Writes the table into the page.
///
/// # Errors
/// When there are no results, or the page has no place for the table.
pub(crate) fn write() -> Result<()> {
    let (page, wanted) = pages()?;
    if page != wanted {
        fs::write(root().join(PAGE), wanted)
            .with_context(|| format!("could not write `{PAGE}`"))?;
    }
    Ok(())
}

/// Checks that the page's table is that of the results.
///
/// # Errors
/// When it is not.
pub(crate) fn check() -> Result<()> {
    let (page, wanted) = pages()?;
    if page == wanted {
        return Ok(());
    }
    for line in wanted
        .lines()
        .filter(|line| !page.lines().any(|old| old == *line))
    {
        println!("this run: {line}");
    }
    bail!(
        "the table of SDKs in `{PAGE}` is not that of this run; `cargo xtask compat-table` writes it"
    );
}

/// The page as it is and as it should be.
fn pages() -> Result<(String, String)> {
    let page = fs::read_to_string(root().join(PAGE))
        .with_context(|| format!("could not read `{PAGE}`"))?;
    let mut text = String::new();
    for part in PARTS {
        // A part that was not run has no file.
        text += &fs::read_to_string(results(part)).unwrap_or_default();
    }
    let wanted = replace(&page, &Report::read(&text)?)?;
    Ok((page, wanted))
}

/// The page with the report's table in it.
fn replace(page: &str, report: &Report) -> Result<String> {
    let (before, rest) = page
        .split_once(BEGIN)
        .with_context(|| format!("`{PAGE}` has no line `{}`", BEGIN.trim_end()))?;
    let (old, after) = rest
        .split_once(END)
        .with_context(|| format!("`{PAGE}` has no line `{}`", END.trim_end()))?;
    if report.rows.is_empty() {
        bail!("no suite has written results; run `cargo xtask test` first");
    }
    Ok(format!("{before}{BEGIN}{}{END}{after}", report.render(old)))
}

impl Report {
    fn read(text: &str) -> Result<Self> {
        let mut report = Self::default();
        for line in text.lines() {
            let value: Value =
                serde_json::from_str(line).with_context(|| format!("no result: `{line}`"))?;
            let field = |name: &str| {
                value[name]
                    .as_str()
                    .map(str::to_owned)
                    .with_context(|| format!("a result without `{name}`: `{line}`"))
            };
            let name = [
                field("language")?,
                field("sdk")?,
                field("version")?,
                field("signature")?,
            ];
            let column = field("case")?;
            let passed = value["pass"]
                .as_bool()
                .with_context(|| format!("a result without `pass`: `{line}`"))?;
            if !report.columns.contains(&column) {
                report.columns.push(column.clone());
            }
            *report
                .rows
                .entry(name)
                .or_default()
                .entry((column, field("scheme")?))
                .or_insert(true) &= passed;
        }
        Ok(report)
    }

    /// The table; lines of languages without results are taken from the old one.
    fn render(&self, old: &str) -> String {
        let head: Vec<&str> = NAMES
            .into_iter()
            .chain(self.columns.iter().map(String::as_str))
            .collect();
        let mut lines: BTreeSet<String> = self
            .rows
            .iter()
            .map(|(name, cells)| self.line(name, cells))
            .collect();
        lines.extend(
            old.lines()
                .skip(2)
                .filter(|line| {
                    !self
                        .rows
                        .keys()
                        .any(|[language, ..]| starts_with(line, language))
                })
                .map(str::to_owned),
        );
        let mut text = format!("| {} |\n|{}\n", head.join(" | "), "---|".repeat(head.len()));
        for line in lines {
            text += &line;
            text.push('\n');
        }
        text
    }

    fn line(&self, name: &RowName, cells: &BTreeMap<(String, String), bool>) -> String {
        let [language, sdk, version, signature] = name;
        let schemes: BTreeSet<&str> = cells.keys().map(|(_, scheme)| scheme.as_str()).collect();
        let over: Vec<&str> = schemes.iter().copied().collect();
        let mut line = format!(
            "| {language} | `{sdk}` | {version} | {signature} | {} |",
            over.join(", ")
        );
        for column in &self.columns {
            let result =
                |scheme: &&str| cells.get(&(column.clone(), (*scheme).to_owned())).copied();
            let passed: Vec<&str> = over
                .iter()
                .copied()
                .filter(|scheme| result(scheme) == Some(true))
                .collect();
            let failed = over.iter().any(|scheme| result(scheme) == Some(false));
            let cell = match (failed, passed.len()) {
                (true, _) => "no".to_owned(),
                (false, 0) => "-".to_owned(),
                (false, count) if count == over.len() => "yes".to_owned(),
                (false, _) => passed.join(", "),
            };
            line += &format!(" {cell} |");
        }
        line
    }
}

fn starts_with(line: &str, language: &str) -> bool {
    line.strip_prefix("| ")
        .and_then(|rest| rest.strip_prefix(language))
        .is_some_and(|rest| rest.starts_with(" |"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn result(language: &str, case: &str, scheme: &str, pass: bool) -> String {
        format!(
            r#"{{"language":"{language}","sdk":"s","version":"1","signature":"V1","way":"w","scheme":"{scheme}","case":"{case}","pass":{pass}}}"#
        )
    }

    #[test]
    fn a_cell_is_what_all_its_cases_did() {
        let text = [
            result("Go", "rows", "http", true),
            result("Go", "skew", "http", true),
            result("Go", "rows", "https", true),
            result("Go", "rows", "https", true),
            result("Java", "rows", "http", true),
            result("Java", "rows", "http", false),
        ]
        .join("\n");
        let table = Report::read(&text).unwrap().render("");
        assert_eq!(
            table,
            "| language | SDK | version | signature | over | rows | skew |\n\
             |---|---|---|---|---|---|---|\n\
             | Go | `s` | 1 | V1 | http, https | yes | http |\n\
             | Java | `s` | 1 | V1 | http | no | - |\n"
        );
    }

    #[test]
    fn languages_that_did_not_run_keep_their_lines() {
        let page = format!(
            "a\n{BEGIN}| head |\n|---|\n| Go | `old` | 1 |\n| Java | `kept` | 1 |\n{END}b\n"
        );
        let report = Report::read(&result("Go", "rows", "http", true)).unwrap();
        let new = replace(&page, &report).unwrap();
        assert!(new.starts_with(&format!("a\n{BEGIN}| language |")), "{new}");
        assert!(
            new.ends_with(&format!("| Java | `kept` | 1 |\n{END}b\n")),
            "{new}"
        );
        assert!(!new.contains("old"), "{new}");
    }

    #[test]
    fn what_is_no_result_is_an_error() {
        for text in ["", "x", "{}", r#"{"language":"Go"}"#] {
            let report = Report::read(text);
            assert!(
                report.is_err() || replace(&format!("{BEGIN}{END}"), &report.unwrap()).is_err(),
                "{text}"
            );
        }
        let report = Report::read(&result("Go", "rows", "http", true)).unwrap();
        assert!(replace("a page without a place", &report).is_err());
    }
}
