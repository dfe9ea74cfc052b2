//! What an operator wants to be woken for, noticed by the server itself.
//!
//! Reading order: this file (words), `series`, `chance`, `rates`, `silence`, `disk` (the
//! rules: series and a moment in, a verdict out), `group`, `machine` (from verdicts to
//! alerts), `plan` (what is told now), then what touches the world: `look` (reads the
//! store and the disk), `runner`, `due`, `tell` (the tasks), `address`, `post`, `webhook`, `alertmanager`
//! (the senders), `status` (figures). Alerts are kept by `directory::alerts`.
//!
//! Invariants: a rule knows no clock and does no I/O; an alert is durable before anybody
//! is told; nothing here can change a count or make an answer wrong; what is told is
//! bounded, however much is wrong at once.

mod address;
mod alertmanager;
mod chance;
mod disk;
mod due;
mod group;
mod look;
mod machine;
mod plan;
mod post;
mod rates;
mod runner;
mod series;
mod silence;
mod status;
mod tell;
#[cfg(test)]
mod tests;
mod webhook;

pub use runner::WatchError;
pub(crate) use runner::{Watch, run};
pub(crate) use status::{AlertFigures, WatchStatus};
pub(crate) use webhook::json_of as alert_json;
pub use webhook::{SIGNATURE_HEADER, TIMESTAMP_HEADER};

use serde_json::{Map, Value};

/// What is looked out for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rule {
    /// A number delivers less than it usually does.
    DeliveryRate,
    /// A source that usually sends is silent.
    SilentSource,
    /// More messages of a number than usual have no report after `sent`.
    NoReport,
    /// The disk is full, or will be soon.
    DiskFull,
}

impl Rule {
    /// All of them.
    pub const ALL: [Self; 4] = [
        Self::DeliveryRate,
        Self::SilentSource,
        Self::NoReport,
        Self::DiskFull,
    ];

    /// The word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::DeliveryRate => "delivery_rate",
            Self::SilentSource => "silent_source",
            Self::NoReport => "no_report",
            Self::DiskFull => "disk_full",
        }
    }

    /// The rule of a word.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|rule| rule.as_str() == text)
    }
}

/// What an alert is about. Two alerts of one key are never open at a time.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AlertKey {
    /// What was looked out for.
    pub rule: Rule,
    /// Whose it is; `None` is the installation's.
    pub account: Option<String>,
    /// `number/15550100101`, `numbers`, `source/acme-wa` or `disk`.
    pub subject: String,
}

impl AlertKey {
    fn number(rule: Rule, account: &str, number: &str) -> Self {
        Self {
            rule,
            account: Some(account.to_owned()),
            subject: format!("number/{number}"),
        }
    }

    fn numbers(rule: Rule, account: &str) -> Self {
        Self {
            rule,
            account: Some(account.to_owned()),
            subject: "numbers".to_owned(),
        }
    }

    fn source(account: &str, name: &str) -> Self {
        Self {
            rule: Rule::SilentSource,
            account: Some(account.to_owned()),
            subject: format!("source/{name}"),
        }
    }

    fn disk() -> Self {
        Self {
            rule: Rule::DiskFull,
            account: None,
            subject: "disk".to_owned(),
        }
    }

    /// The number, when it is about one.
    fn number_of(&self) -> Option<&str> {
        self.subject.strip_prefix("number/")
    }
}

/// What is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Finding {
    /// A sentence for people.
    pub summary: String,
    /// The same for programs.
    pub facts: Map<String, Value>,
}

impl Finding {
    fn new(summary: String) -> Self {
        Self {
            summary,
            facts: Map::new(),
        }
    }

    fn fact(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.facts.insert(name.to_owned(), value.into());
        self
    }
}

/// What a rule says of one thing at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Verdict {
    /// There is too little to say anything.
    Unknown,
    /// It is as it should be.
    Good,
    /// Neither: what is open stays open, and nothing opens.
    Unsure,
    /// It is wrong.
    Bad(Finding),
}

/// A verdict on something.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Observation {
    key: AlertKey,
    verdict: Verdict,
}

/// A count as a number that one can divide.
fn float(count: i64) -> f64 {
    u32::try_from(count.max(0)).map_or(f64::from(u32::MAX), f64::from)
}

/// A share as percent with one digit.
fn percent(share: f64) -> f64 {
    (share * 1_000.0).round() / 10.0
}
