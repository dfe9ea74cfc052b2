//! `POST reconcile`: a pasted or uploaded answer of Meta beside our own counts.
//!
//! The same code as `chatmetric reconcile --against meta --file`; here the zone of the space
//! is known. The user needs the right for counts. The answer is kept by nobody.

use super::ask::{Ask, answer_of};
use super::counts::{self, Range};
use super::error::ConsoleError;
use super::rights::{Right, SignedIn};
use super::{spaces, work};
use crate::reconcile::{
    FileTerms, NUMBERS_MAX, Point, Prepared, Question, RangeError, Report, Series, Tolerance, csv,
    prepare,
};
use crate::server::answer::Answer;
use chatmetric_core::{EpochMs, Granularity, PhoneNumber};
use hyper::body::Incoming;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::sync::Arc;

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Asked {
    /// The text of Meta's answer.
    answer: String,
    #[serde(default)]
    numbers: Vec<String>,
    start_ms: Option<i64>,
    end_ms: Option<i64>,
    granularity: Option<String>,
    tolerance: Option<String>,
    #[serde(default)]
    include_settling: bool,
}

#[derive(Serialize)]
struct Output<'a> {
    #[serde(flatten)]
    report: &'a Report,
    /// The same as a file.
    csv: String,
}

/// `POST reconcile`
pub(super) async fn reconcile(ask: &Ask<'_>, body: Incoming) -> Result<Answer, ConsoleError> {
    let asked: Asked = ask.json(body).await?;
    // A body may take long: who was signed out meanwhile compares nothing any more.
    let who = SignedIn::of(ask)?;
    who.require(ask, Right::ReadCounts)?;
    who.require_subscription()?;
    let space = spaces::named(&who, &ask.query()?)?;
    let now = ask.now();
    let terms = FileTerms {
        zone: Some(space.zone.clone()),
        ..asked.terms(now)?
    };
    let prepared = prepare(asked.answer.as_bytes(), &terms);
    let prepared = prepared.map_err(|error| match error {
        RangeError::Missing => ConsoleError::invalid("startMs", format!("{error}.")),
        RangeError::Backwards => ConsoleError::invalid("endMs", "It is not after the start."),
    })?;
    let report = match prepared {
        Prepared::Not(report) => *report,
        Prepared::Ready(question) => {
            let snapshot = Arc::clone(&who.snapshot);
            work::read(ask.app, move |app| {
                let all = counts::all_numbers(app, &snapshot, &space)?;
                let numbers = numbers_of(&question, all, terms.numbers.is_empty())?;
                let range = question.terms.range;
                let (start, end) = (range.start(), range.end());
                let range = Range::of(question.terms.granularity, start, end, &space, now);
                let range = range.map_err(of_this_call)?;
                range.check_work(numbers.len()).map_err(of_this_call)?;
                let mut series = Series::new();
                for number in numbers {
                    let columns = range.columns(app.store.as_ref(), space.key, &number)?;
                    series.insert(number.to_string(), points(&range, &columns));
                }
                Ok(question.answered(series))
            })
            .await?
        }
    };
    let csv = csv(&report);
    answer_of(&Output {
        report: &report,
        csv,
    })
}

impl Asked {
    fn terms(&self, now: EpochMs) -> Result<FileTerms, ConsoleError> {
        let time = |name: &'static str, ms: Option<i64>| match ms {
            None => Ok(None),
            Some(ms) => EpochMs::checked(ms).map(Some).ok_or_else(|| {
                ConsoleError::invalid(name, "It is not a time in ms since the epoch.")
            }),
        };
        let numbers: Result<BTreeSet<_>, _> = self
            .numbers
            .iter()
            .map(|one| PhoneNumber::parse(one))
            .collect();
        let numbers =
            numbers.map_err(|error| ConsoleError::invalid("numbers", error.to_string()))?;
        if numbers.len() > NUMBERS_MAX {
            let reason = format!("At most {NUMBERS_MAX} numbers are summed.");
            return Err(ConsoleError::invalid("numbers", reason));
        }
        let granularity = match self.granularity.as_deref() {
            None | Some("") => None,
            Some("half-hour") => Some(Granularity::HalfHour),
            Some("daily") => Some(Granularity::Daily),
            Some(_) => {
                let reason = "It is `half-hour` or `daily`.";
                return Err(ConsoleError::invalid("granularity", reason));
            }
        };
        let tolerance = self
            .tolerance
            .as_deref()
            .unwrap_or("0")
            .parse::<Tolerance>();
        let tolerance =
            tolerance.map_err(|error| ConsoleError::invalid("tolerance", format!("{error}.")))?;
        Ok(FileTerms {
            start: time("startMs", self.start_ms)?,
            end: time("endMs", self.end_ms)?,
            granularity,
            numbers: numbers.iter().map(ToString::to_string).collect(),
            tolerance,
            zone: None,
            now,
            include_settling: self.include_settling,
        })
    }
}

/// A refusal with the name that the field has in this call.
fn of_this_call(error: ConsoleError) -> ConsoleError {
    match error {
        ConsoleError::InvalidField {
            field: "end",
            reason,
        } => ConsoleError::invalid("endMs", reason),
        other => other,
    }
}

/// The numbers of the space that are summed. One that was named and is not of the space is
/// not there; one that the answer names may be another space's.
fn numbers_of(
    question: &Question,
    all: Vec<PhoneNumber>,
    found_in_answer: bool,
) -> Result<Vec<PhoneNumber>, ConsoleError> {
    if question.numbers.is_empty() {
        return Ok(all);
    }
    let own: Vec<PhoneNumber> = all
        .into_iter()
        .filter(|number| question.numbers.iter().any(|one| one == number.as_str()))
        .collect();
    if !found_in_answer && own.len() < question.numbers.len() {
        let reason = "A number is not of the space.";
        return Err(ConsoleError::invalid("numbers", reason));
    }
    Ok(own)
}

fn points(range: &Range, columns: &counts::Columns) -> Vec<Point> {
    let windows = range
        .query
        .as_ref()
        .map_or(&[][..], |query| query.windows());
    let count = |count: i64| u64::try_from(count).unwrap_or(0);
    let counted = columns.sent.iter().zip(&columns.delivered);
    windows
        .iter()
        .zip(counted)
        .map(|(window, (sent, delivered))| Point {
            window: *window,
            sent: count(*sent),
            delivered: count(*delivered),
        })
        .collect()
}
