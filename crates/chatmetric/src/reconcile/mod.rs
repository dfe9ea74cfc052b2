//! Our counts beside the provider's own, bucket by bucket: what matches, what only one
//! side has, what differs and by how much.
//!
//! Reading order: this file, `tolerance`, `bounds` (whose days are these?), `meta`,
//! `meta_file` and `cams` (what the providers answer), `compare`, `report`. Pure: no sockets, no clock, no
//! store; the command line and the console bring both sides.
//!
//! Invariant: what cannot be compared is named with its reason and is never reported as
//! a difference.

mod bounds;
mod cams;
mod compare;
mod meta;
mod meta_file;
mod report;
mod tolerance;

#[cfg(test)]
mod tests;

use chatmetric_core::{EpochMs, Granularity, TimeRange, Window, Zone};
use std::collections::BTreeMap;

pub use cams::series_of_rows;
pub use meta::{
    ANSWER_BYTES_MAX, MetaAnswer, POINTS_MAX, granularity_of, numbers_of_page, read as read_meta,
};
pub use meta_file::{FileTerms, Prepared, Question, RangeError, notes_of, other_numbers, prepare};
pub use report::{Counted, Difference, Incomparable, Report, Row, Status, Totals, Verdict, csv};
pub use tolerance::{Tolerance, ToleranceError};

/// Most numbers of one comparison.
pub const NUMBERS_MAX: usize = 1_000;
/// Most rows of one report.
pub const ROWS_MAX: usize = 200_000;
/// Buckets that end later than so long ago may still change on either side, in ms.
pub const SETTLING_MS: i64 = 24 * 3_600_000;

/// What one side counted in one bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Point {
    /// The bucket.
    pub window: Window,
    /// Messages sent in it.
    pub sent: u64,
    /// Messages delivered in it.
    pub delivered: u64,
}

/// The points of one side, by what they are of: a number, or the sum of some.
pub type Series = BTreeMap<String, Vec<Point>>;

/// Whose counts ours are compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Provider {
    /// The field `analytics` of a WhatsApp Business Account.
    Meta,
    /// `GetChatappPhoneNumberMetric` of the vendor.
    Cams,
}

impl Provider {
    /// The word on the command line and in reports.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Meta => "meta",
            Self::Cams => "cams",
        }
    }
}

/// Why something of the provider cannot be compared.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// It ends before its end.
    #[error("the provider's answer is cut: {what}")]
    Cut {
        /// Where, or what is missing.
        what: String,
    },
    /// It holds nothing.
    #[error("the provider's answer is empty: {what}")]
    Empty {
        /// What is not there.
        what: &'static str,
    },
    /// It is something else.
    #[error("the provider's answer is not as expected: {what}")]
    Malformed {
        /// What is wrong.
        what: String,
    },
    /// It is an error.
    #[error("the provider answered with an error: {what}")]
    Refused {
        /// What it says.
        what: String,
    },
    /// Its days begin elsewhere.
    #[error(
        "{misfits} of the provider's {points} buckets are of another time zone: they begin at \
         {theirs}, those of the space at {ours}"
    )]
    OtherZone {
        /// Buckets that do not fit.
        misfits: usize,
        /// All of them.
        points: usize,
        /// When theirs begin.
        theirs: String,
        /// When ours begin.
        ours: String,
    },
    /// Its buckets are longer or shorter.
    #[error("the provider's buckets are {found}, and {asked} were asked for")]
    OtherGranularity {
        /// What they are.
        found: &'static str,
        /// What they should be.
        asked: &'static str,
    },
    /// A number that the provider does not know or no longer tells of.
    #[error(
        "the provider tells nothing of {number}: a number that left the account, or was never in \
         it, vanishes from its counts"
    )]
    NumberLeft {
        /// The number, or several.
        number: String,
    },
    /// A sum over other numbers.
    #[error("the provider's answer also sums {numbers}")]
    OtherNumbers {
        /// Numbers that were not asked for.
        numbers: String,
    },
    /// More than is read.
    #[error("the provider's answer has more than {most} {what}")]
    TooLarge {
        /// Of what.
        what: &'static str,
        /// The limit.
        most: usize,
    },
}

impl Reason {
    /// The word for programs.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Cut { .. } => "cut",
            Self::Empty { .. } => "empty",
            Self::Malformed { .. } => "malformed",
            Self::Refused { .. } => "refused",
            Self::OtherZone { .. } => "other_zone",
            Self::OtherGranularity { .. } => "other_granularity",
            Self::NumberLeft { .. } => "number_left",
            Self::OtherNumbers { .. } => "other_numbers",
            Self::TooLarge { .. } => "too_large",
        }
    }
}

/// How a comparison is made.
#[derive(Debug, Clone)]
pub struct Terms {
    /// Whose counts theirs are.
    pub provider: Provider,
    /// What one bucket covers.
    pub granularity: Granularity,
    /// Buckets that overlap it are compared.
    pub range: TimeRange,
    /// The zone of the space, when it is known; else days are told from our own rows.
    pub zone: Option<Zone>,
    /// How far apart two counts may be.
    pub tolerance: Tolerance,
    /// When this is.
    pub now: EpochMs,
    /// Judge buckets that may still change, too.
    pub include_settling: bool,
}

/// Both sides, and what is already known not to be comparable.
#[derive(Debug, Clone, Default)]
pub struct Sides {
    /// What we counted.
    pub ours: Series,
    /// What the provider says.
    pub theirs: Series,
    /// Numbers that are left out of both, and why.
    pub left_out: Vec<Incomparable>,
    /// What whoever reads the report should know.
    pub notes: Vec<String>,
}

/// Compares both sides.
#[must_use]
pub fn reconcile(terms: &Terms, sides: Sides) -> Report {
    match judge(terms, &sides) {
        Ok(rows) => Report::of(terms, sides, rows),
        Err(reason) => Report::incomparable(terms, sides, &reason),
    }
}

/// What cannot be compared as a whole.
#[must_use]
pub fn incomparable(terms: &Terms, reason: &Reason) -> Report {
    Report::incomparable(terms, Sides::default(), reason)
}

fn judge(terms: &Terms, sides: &Sides) -> Result<Vec<Row>, Reason> {
    bounds::check(terms, &sides.ours, &sides.theirs)?;
    let rows = compare::compare(terms, &sides.ours, &sides.theirs)?;
    let any = |told: fn(&Row) -> bool| rows.iter().any(told);
    // Nothing at all against something is a question that was not answered.
    if !any(|row| row.theirs != Counted::default()) && any(|row| row.status == Status::OursOnly) {
        return Err(Reason::Empty {
            what: "it counts nothing in this range, where we counted messages",
        });
    }
    Ok(rows)
}

/// The sum of some series, under one name.
#[must_use]
pub fn summed(series: &Series, name: &str) -> Series {
    let mut sums: BTreeMap<EpochMs, Point> = BTreeMap::new();
    for point in series.values().flatten() {
        let sum = sums.entry(point.window.start).or_insert(Point {
            window: point.window,
            sent: 0,
            delivered: 0,
        });
        sum.sent = sum.sent.saturating_add(point.sent);
        sum.delivered = sum.delivered.saturating_add(point.delivered);
    }
    Series::from([(name.to_owned(), sums.into_values().collect())])
}

/// What a sum over these numbers is called.
#[must_use]
pub fn name_of_sum(numbers: &[String]) -> String {
    match numbers {
        [] => "all numbers".to_owned(),
        [one] => one.clone(),
        several => format!("sum of {} numbers", several.len()),
    }
}
