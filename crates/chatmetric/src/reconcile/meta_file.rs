//! Meta's answer as a file or a pasted text: one series, whatever numbers it sums. The same
//! for the command line and the console.
//!
//! Invariant: what we counted is summed over the numbers that the answer sums, and over no
//! others.

use super::{
    EpochMs, Granularity, Incomparable, MetaAnswer, Point, Provider, Reason, Report, Series, Sides,
    Terms, TimeRange, Tolerance, Zone, granularity_of, name_of_sum, read_meta, reconcile, summed,
};
use std::collections::BTreeSet;

/// What is known beside the answer.
#[derive(Debug, Clone)]
pub struct FileTerms {
    /// The beginning of the range, else that of the first bucket.
    pub start: Option<EpochMs>,
    /// Its end, else that of the last bucket.
    pub end: Option<EpochMs>,
    /// What a bucket covers, else what the answer says.
    pub granularity: Option<Granularity>,
    /// The digits of the numbers that it sums, else those that it names, else all.
    pub numbers: Vec<String>,
    /// How far apart two counts may be.
    pub tolerance: Tolerance,
    /// The zone of the space, when it is known.
    pub zone: Option<Zone>,
    /// When this is.
    pub now: EpochMs,
    /// Judge buckets that may still change, too.
    pub include_settling: bool,
}

/// The range cannot be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RangeError {
    /// Neither said nor found.
    #[error("the answer has no buckets that tell the range, and none was named")]
    Missing,
    /// The end is not after the start.
    #[error("the range ends before it begins")]
    Backwards,
}

/// What we have to count, so that it can be compared.
#[derive(Debug, Clone)]
pub struct Question {
    /// How to compare.
    pub terms: Terms,
    /// The numbers to sum; all of the space when it is empty.
    pub numbers: Vec<String>,
    points: Vec<Point>,
    notes: Vec<String>,
}

/// A question, or the report on an answer that cannot be compared.
#[derive(Debug, Clone)]
pub enum Prepared {
    /// It can be compared.
    Ready(Box<Question>),
    /// It cannot.
    Not(Box<Report>),
}

/// Reads an answer.
///
/// # Errors
/// [`RangeError`]
pub fn prepare(body: &[u8], asked: &FileTerms) -> Result<Prepared, RangeError> {
    let read = read_meta(body).and_then(|answer| {
        let granularity = granularity_of(&answer, asked.granularity)?;
        Ok((answer, granularity))
    });
    let (answer, granularity) = match read {
        Ok(read) => read,
        Err(reason) => return Ok(Prepared::Not(Box::new(unreadable(asked, &reason)))),
    };
    let first = answer.points.first().map(|point| point.window.start);
    let last = answer.points.iter().map(|point| point.window.end).max();
    let start = asked.start.or(first).ok_or(RangeError::Missing)?;
    let end = asked.end.or(last).ok_or(RangeError::Missing)?;
    let range = TimeRange::new(start, end).ok_or(RangeError::Backwards)?;
    let terms = asked.terms(granularity, range);
    let cut = answer.next.is_some().then(|| Reason::Cut {
        what: "it has a next page, which is not here".to_owned(),
    });
    if let Some(reason) = cut.or_else(|| other_numbers(&answer, &asked.numbers)) {
        let report = Report::incomparable(&terms, Sides::default(), &reason);
        return Ok(Prepared::Not(Box::new(report)));
    }
    let mut notes = notes_of(&answer);
    let numbers = if asked.numbers.is_empty() {
        answer.numbers
    } else {
        asked.numbers.clone()
    };
    if numbers.len() > 1 {
        notes.push(format!("the sum is of {}", numbers.join(", ")));
    }
    Ok(Prepared::Ready(Box::new(Question {
        terms,
        numbers,
        points: answer.points,
        notes,
    })))
}

impl FileTerms {
    fn terms(&self, granularity: Granularity, range: TimeRange) -> Terms {
        Terms {
            provider: Provider::Meta,
            granularity,
            range,
            zone: self.zone.clone(),
            tolerance: self.tolerance,
            now: self.now,
            include_settling: self.include_settling,
        }
    }
}

impl Question {
    /// Compares with what we counted; numbers that were not asked for are left out.
    #[must_use]
    pub fn answered(self, mut counted: Series) -> Report {
        if !self.numbers.is_empty() {
            counted.retain(|number, _| self.numbers.contains(number));
        }
        let name = name_of_sum(&self.numbers);
        let sides = Sides {
            ours: summed(&counted, &name),
            theirs: Series::from([(name, self.points)]),
            left_out: Vec::new(),
            notes: self.notes,
        };
        reconcile(&self.terms, sides)
    }
}

/// A report on what tells no range of its own.
fn unreadable(asked: &FileTerms, reason: &Reason) -> Report {
    let granularity = asked.granularity.unwrap_or(Granularity::Daily);
    Report {
        against: Provider::Meta.word(),
        start_ms: asked.start.map(|start| start.0),
        end_ms: asked.end.map(|end| end.0),
        time_zone: asked.zone.as_ref().map(|zone| zone.name().to_owned()),
        tolerance: asked.tolerance.to_string(),
        not_comparable: vec![Incomparable::all(reason)],
        ..Report::nothing(granularity, asked.now, asked.include_settling)
    }
}

/// Why the answer sums other numbers than those that were named.
#[must_use]
pub fn other_numbers(answer: &MetaAnswer, named: &[String]) -> Option<Reason> {
    if answer.numbers.is_empty() || named.is_empty() {
        return None;
    }
    let of_answer: BTreeSet<&str> = answer.numbers.iter().map(String::as_str).collect();
    let named: BTreeSet<&str> = named.iter().map(String::as_str).collect();
    let list = |numbers: Vec<&str>| numbers.join(", ");
    let left: Vec<&str> = named.difference(&of_answer).copied().collect();
    if !left.is_empty() {
        return Some(Reason::NumberLeft { number: list(left) });
    }
    let others: Vec<&str> = of_answer.difference(&named).copied().collect();
    (!others.is_empty()).then(|| Reason::OtherNumbers {
        numbers: list(others),
    })
}

/// What whoever reads the report should know of an answer.
#[must_use]
pub fn notes_of(answer: &MetaAnswer) -> Vec<String> {
    if answer.countries.is_empty() {
        return Vec::new();
    }
    let countries = answer.countries.join(", ");
    vec![format!(
        "the provider's answer is of these countries: {countries}"
    )]
}
