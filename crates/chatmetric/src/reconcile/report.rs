//! What a comparison found, for programs and for people: one shape for the command line
//! and the console.
//!
//! Invariant: `within` is said only when every judged bucket is within the tolerance and
//! nothing was left out.

use super::{Point, Reason, Sides, Terms};
use crate::spreadsheet::cell;
use chatmetric_core::{EpochMs, Granularity};
use serde::Serialize;
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// What a bucket is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Both sides count the same.
    Matched,
    /// We alone counted something.
    OursOnly,
    /// The provider alone did.
    TheirsOnly,
    /// Both did, and not the same.
    Differs,
    /// It may still change, and is not judged.
    Settling,
}

impl Status {
    /// For people.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Matched => "matched",
            Self::OursOnly => "ours only",
            Self::TheirsOnly => "theirs only",
            Self::Differs => "differs",
            Self::Settling => "settling",
        }
    }

    const fn code(self) -> &'static str {
        match self {
            Self::Matched => "matched",
            Self::OursOnly => "ours_only",
            Self::TheirsOnly => "theirs_only",
            Self::Differs => "differs",
            Self::Settling => "settling",
        }
    }
}

/// What the whole is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Every bucket that was judged is within the tolerance.
    Within,
    /// At least one is not.
    Beyond,
    /// Something could not be compared, and nothing else is beyond the tolerance.
    NotComparable,
}

/// Counts of one side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Counted {
    /// Messages sent.
    pub sent: u64,
    /// Messages delivered.
    pub delivered: u64,
}

impl Counted {
    pub(super) const fn add(&mut self, point: &Point) {
        self.sent = self.sent.saturating_add(point.sent);
        self.delivered = self.delivered.saturating_add(point.delivered);
    }

    const fn add_all(&mut self, other: Self) {
        self.sent = self.sent.saturating_add(other.sent);
        self.delivered = self.delivered.saturating_add(other.delivered);
    }
}

/// Ours minus theirs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Difference {
    /// Of what was sent.
    pub sent: i64,
    /// Of what was delivered.
    pub delivered: i64,
}

impl Difference {
    pub(super) fn of(ours: Counted, theirs: Counted) -> Self {
        let minus = |one: u64, other: u64| {
            let apart = i64::try_from(one.abs_diff(other)).unwrap_or(i64::MAX);
            if one < other { -apart } else { apart }
        };
        Self {
            sent: minus(ours.sent, theirs.sent),
            delivered: minus(ours.delivered, theirs.delivered),
        }
    }
}

/// A bucket of a number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    /// First instant of the bucket.
    pub start_ms: i64,
    /// First instant after it.
    pub end_ms: i64,
    /// Digits, or what a sum is called.
    pub number: String,
    /// What it is.
    pub status: Status,
    /// Whether it is close enough, or not judged.
    pub within: bool,
    /// What we counted.
    pub ours: Counted,
    /// What the provider says.
    pub theirs: Counted,
    /// Ours minus theirs.
    pub difference: Difference,
}

/// Something that was not compared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Incomparable {
    /// Of which number; none: all of the answer.
    pub number: Option<String>,
    /// The word for programs.
    pub reason: &'static str,
    /// The sentence for people.
    pub message: String,
}

impl Incomparable {
    /// The answer as a whole.
    #[must_use]
    pub fn all(reason: &Reason) -> Self {
        Self {
            number: None,
            reason: reason.code(),
            message: reason.to_string(),
        }
    }

    /// One number.
    #[must_use]
    pub fn number(number: &str, reason: &Reason) -> Self {
        Self {
            number: Some(number.to_owned()),
            ..Self::all(reason)
        }
    }
}

/// Counts of rows by what they are, and sums.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Totals {
    /// Rows.
    pub buckets: usize,
    /// Both sides count the same.
    pub matched: usize,
    /// We alone counted something.
    pub ours_only: usize,
    /// The provider alone did.
    pub theirs_only: usize,
    /// Both did, and not the same.
    pub differs: usize,
    /// Not judged yet.
    pub settling: usize,
    /// Further apart than the tolerance.
    pub beyond: usize,
    /// Sums of ours.
    pub ours: Counted,
    /// Sums of theirs.
    pub theirs: Counted,
}

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// `meta` or `cams`.
    pub against: &'static str,
    /// What the whole is.
    pub status: Verdict,
    /// `half-hour` or `daily`.
    pub granularity: &'static str,
    /// Beginning of the range; none when the answer that should tell it cannot be read.
    pub start_ms: Option<i64>,
    /// Its end.
    pub end_ms: Option<i64>,
    /// The zone of the space, when it was known.
    pub time_zone: Option<String>,
    /// As it was written.
    pub tolerance: String,
    /// Buckets that end later are settling, unless they were asked for.
    pub settling_from_ms: i64,
    /// Whether they were.
    pub includes_settling: bool,
    /// Counts of rows, and sums.
    pub totals: Totals,
    /// What was not compared.
    pub not_comparable: Vec<Incomparable>,
    /// What whoever reads this should know.
    pub notes: Vec<String>,
    /// By start and number.
    pub rows: Vec<Row>,
}

impl Report {
    pub(super) fn of(terms: &Terms, sides: Sides, rows: Vec<Row>) -> Self {
        let totals = Totals::of(&rows);
        let status = if totals.beyond > 0 {
            Verdict::Beyond
        } else if sides.left_out.is_empty() {
            Verdict::Within
        } else {
            Verdict::NotComparable
        };
        Self {
            against: terms.provider.word(),
            status,
            start_ms: Some(terms.range.start().0),
            end_ms: Some(terms.range.end().0),
            time_zone: terms.zone.as_ref().map(|zone| zone.name().to_owned()),
            tolerance: terms.tolerance.to_string(),
            totals,
            not_comparable: sides.left_out,
            notes: sides.notes,
            rows,
            ..Self::nothing(terms.granularity, terms.now, terms.include_settling)
        }
    }

    /// A report that has compared nothing.
    pub(super) fn nothing(granularity: Granularity, now: EpochMs, include_settling: bool) -> Self {
        Self {
            against: "",
            status: Verdict::NotComparable,
            granularity: match granularity {
                Granularity::HalfHour => "half-hour",
                Granularity::Daily => "daily",
            },
            start_ms: None,
            end_ms: None,
            time_zone: None,
            tolerance: String::new(),
            settling_from_ms: now.0.saturating_sub(super::SETTLING_MS),
            includes_settling: include_settling,
            totals: Totals::default(),
            not_comparable: Vec::new(),
            notes: Vec::new(),
            rows: Vec::new(),
        }
    }

    pub(super) fn incomparable(terms: &Terms, mut sides: Sides, reason: &Reason) -> Self {
        sides.left_out.insert(0, Incomparable::all(reason));
        Self::of(terms, sides, Vec::new())
    }

    /// What to say when the sides do not agree; `None` when they do.
    #[must_use]
    pub fn fault(&self) -> Option<String> {
        let why = || {
            let messages: BTreeSet<&str> = self
                .not_comparable
                .iter()
                .map(|one| one.message.as_str())
                .collect();
            messages.into_iter().collect::<Vec<_>>().join("; ")
        };
        let Totals {
            beyond, buckets, ..
        } = self.totals;
        match self.status {
            Verdict::Within => None,
            Verdict::NotComparable => Some(format!("not comparable: {}", why())),
            Verdict::Beyond => {
                let differ = if beyond == 1 { "differs" } else { "differ" };
                let mut text = format!(
                    "{beyond} of {buckets} buckets {differ} by more than the tolerance ({})",
                    self.tolerance
                );
                if !self.not_comparable.is_empty() {
                    let _ = write!(text, "; not comparable: {}", why());
                }
                Some(text)
            }
        }
    }
}

impl Totals {
    fn of(rows: &[Row]) -> Self {
        let mut totals = Self::default();
        for row in rows {
            totals.buckets += 1;
            let counted = match row.status {
                Status::Matched => &mut totals.matched,
                Status::OursOnly => &mut totals.ours_only,
                Status::TheirsOnly => &mut totals.theirs_only,
                Status::Differs => &mut totals.differs,
                Status::Settling => &mut totals.settling,
            };
            *counted += 1;
            totals.beyond += usize::from(!row.within);
            totals.ours.add_all(row.ours);
            totals.theirs.add_all(row.theirs);
        }
        totals
    }
}

const HEADING: &str = "start_ms,end_ms,number,status,within,ours_sent,theirs_sent,sent_apart,\
    ours_delivered,theirs_delivered,delivered_apart,message\r\n";

/// The rows, and what was not compared, as CSV.
#[must_use]
pub fn csv(report: &Report) -> String {
    let mut text = HEADING.to_owned();
    for row in &report.rows {
        // Writing into a string cannot fail. Figures have no sign: see `spreadsheet`.
        let _ = write!(
            text,
            "{},{},{},{},{},{},{},{},{},{},{},\r\n",
            row.start_ms,
            row.end_ms,
            cell(&row.number),
            row.status.code(),
            row.within,
            row.ours.sent,
            row.theirs.sent,
            row.difference.sent.unsigned_abs(),
            row.ours.delivered,
            row.theirs.delivered,
            row.difference.delivered.unsigned_abs(),
        );
    }
    for one in &report.not_comparable {
        let number = one.number.as_deref().unwrap_or_default();
        let _ = write!(
            text,
            ",,{},not_comparable,false,,,,,,,{}\r\n",
            cell(number),
            cell(&one.message),
        );
    }
    text
}
