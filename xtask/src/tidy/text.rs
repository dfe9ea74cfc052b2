//! Rules for every text file: sane characters, no leftovers, no registry host
//! names, no paths of somebody's machine.
//!
//! The forbidden words are put together from halves here, so that this file
//! does not break its own rules.

use super::Finding;

/// Words that mark unfinished work.
const LEFTOVERS: [(&str, &str); 3] = [("TO", "DO"), ("FIX", "ME"), ("XX", "X")];

/// Hosts of package registries: which one a machine uses is its own setting.
const REGISTRY_HOSTS: [(&str, &str); 10] = [
    ("crates", ".io"),
    ("pypi", ".org"),
    ("pythonhosted", ".org"),
    ("registry", ".npmjs.org"),
    ("npm", "mirror.com"),
    ("proxy.golang", ".org"),
    ("repo.maven", ".apache.org"),
    ("repo1.", "maven.org"),
    ("deb.debian", ".org"),
    ("registry", ".yarnpkg.com"),
];

/// Directories of the machines that this was written on.
const MACHINE_PATHS: [(&str, &str); 3] = [("/work", "/"), ("/root", "/"), ("/home", "/")];

/// Checks one file.
pub(super) fn check(name: &str, text: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let mut fault =
            |what: String| findings.push(Finding::Fault(format!("line {}: {what}", index + 1)));
        if let Some(bad) = line.chars().find(|character| is_insane(*character)) {
            fault(format!("character U+{:04X}", u32::from(bad)));
        }
        for (first, second) in LEFTOVERS {
            if has_word(line, &format!("{first}{second}")) && !is_data(name) {
                fault(format!("`{first}{second}`: finish it or file an issue"));
            }
        }
        // Cargo writes the name of its index into every lock file.
        if !name.ends_with("Cargo.lock") {
            for (first, second) in REGISTRY_HOSTS {
                if line.contains(&format!("{first}{second}")) {
                    fault(format!("names the registry host `{first}{second}`"));
                }
            }
        }
        for (first, second) in MACHINE_PATHS {
            if line.contains(&format!("{first}{second}")) && !is_data(name) {
                fault(format!(
                    "a path below `{first}{second}` exists on one machine only"
                ));
            }
        }
    }
    if text.contains('\r') {
        findings.push(Finding::Fault("has carriage returns".into()));
    }
    if !text.is_empty() && !text.ends_with('\n') && !is_data(name) {
        findings.push(Finding::Fault("does not end with a line feed".into()));
    }
    findings
}

/// Files that others wrote and we only keep.
fn is_data(name: &str) -> bool {
    name.starts_with("testdata/")
        || name.ends_with("package-lock.json")
        || name.ends_with("Cargo.lock")
        || name == "LICENSE"
}

/// Control characters, byte order marks and marks that reorder text on screen.
fn is_insane(character: char) -> bool {
    (character.is_control() && !matches!(character, '\t' | '\r'))
        || matches!(character, '\u{feff}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn has_word(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + word.len()..].chars().next();
        !before.is_some_and(char::is_alphanumeric) && !after.is_some_and(char::is_alphanumeric)
    })
}
