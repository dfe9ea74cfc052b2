//! Asks the API for everything, and compares it with the demo's own count.

use super::traffic::{Buckets, DAYS, Truth};
use crate::cli::query::explain;
use crate::cli::{CliError, Instance};
use crate::client::{ApiClient, MetricCall, Row};
use chatmetric_core::EpochMs;
use chatmetric_store::Books;

const DAY_MS: i64 = 86_400_000;
const HALF_HOUR_MS: i64 = 1_800_000;
/// Half hours of one call: below the limit of 31 days.
const CALL_DAYS: i64 = 30;

/// Where the questions begin: before the first event of the replay, and the same
/// for as long as the demo runs, because its own count forgets nothing.
pub(super) fn begin(now: EpochMs) -> EpochMs {
    EpochMs((now.0 - (DAYS + 1) * DAY_MS).div_euclid(HALF_HOUR_MS) * HALF_HOUR_MS)
}

/// What the API said.
pub(super) struct Seen {
    pub(super) days: Vec<Row>,
    pub(super) half_hours: Vec<Row>,
    pub(super) calls: usize,
}

/// The result of the comparison.
pub(super) struct Equal {
    pub(super) rows: usize,
    pub(super) books: Books,
    pub(super) difference: Option<String>,
}

fn call(
    client: &ApiClient,
    granularity: &'static str,
    start_ms: i64,
    end_ms: i64,
) -> Result<Vec<Row>, CliError> {
    let answer = client.metric(&MetricCall {
        start: EpochMs(start_ms),
        end: EpochMs(end_ms),
        granularity,
        number: None,
        space: None,
        isv_code: None,
    });
    answer
        .map(|answer| answer.rows)
        .map_err(|error| explain(&error))
}

/// The days since `begin`.
pub(super) fn days(client: &ApiClient, begin: EpochMs, now: EpochMs) -> Result<Vec<Row>, CliError> {
    call(client, "DAILY", begin.0, now.0 + HALF_HOUR_MS)
}

/// Days and half hours of the whole replay.
pub(super) fn ask(client: &ApiClient, begin: EpochMs, now: EpochMs) -> Result<Seen, CliError> {
    let end_ms = now.0 + HALF_HOUR_MS;
    let days = days(client, begin, now)?;
    let mut half_hours = Vec::new();
    let (mut at_ms, mut calls) = (begin.0, 1);
    while at_ms < end_ms {
        let next_ms = end_ms.min(at_ms + CALL_DAYS * DAY_MS);
        half_hours.extend(call(client, "HALF_HOUR", at_ms, next_ms)?);
        calls += 1;
        at_ms = next_ms;
    }
    Ok(Seen {
        days,
        half_hours,
        calls,
    })
}

/// Sent and delivered in all.
pub(super) fn totals(days: &[Row]) -> [u64; 2] {
    days.iter().fold([0, 0], |[sent, delivered], row| {
        [sent + row.sent_count, delivered + row.delivered_count]
    })
}

/// What the store wrote down of the demo's webhook.
pub(super) fn books(instance: &Instance) -> Result<Books, CliError> {
    let books = instance
        .store
        .books()
        .map_err(|error| CliError::failed(format!("could not read the books: {error}")))?;
    let ours = books
        .into_iter()
        .find(|(source, _)| **source == *super::WEBHOOK);
    Ok(ours.map(|(_, books)| books).unwrap_or_default())
}

/// Row by row, both ways, and the books of the webhook.
pub(super) fn compare(seen: &Seen, truth: &Truth, instance: &Instance) -> Result<Equal, CliError> {
    let difference = difference("day", &seen.days, &truth.days())
        .or_else(|| difference("half hour", &seen.half_hours, &truth.half_hours()));
    let books = books(instance)?;
    let counted = (books.new, books.duplicate, books.late);
    let expected = (truth.new, truth.duplicate, truth.late);
    let difference = difference.or_else(|| {
        (counted != expected).then(|| {
            format!("books (new, duplicate, late) are {counted:?}, our own count is {expected:?}")
        })
    });
    Ok(Equal {
        rows: seen.days.len() + seen.half_hours.len(),
        books,
        difference,
    })
}

/// The first difference between rows and true counts.
fn difference(what: &str, rows: &[Row], truth: &Buckets) -> Option<String> {
    let mut left = truth.clone();
    for row in rows {
        let place = format!("{what} {} of {}", EpochMs(row.start), row.phone_number);
        let key = left
            .keys()
            .find(|(start, number)| *start == row.start && **number == *row.phone_number);
        let expected = key.copied().and_then(|key| left.remove(&key));
        let counted = [row.sent_count, row.delivered_count];
        if expected != Some(counted) {
            return Some(format!(
                "{place}: the API says {counted:?}, our own count is {expected:?}"
            ));
        }
    }
    let ((start_ms, number), counts) = left.into_iter().next()?;
    let start = EpochMs(start_ms);
    Some(format!(
        "{what} {start} of {number}: the API has no row, our own count is {counts:?}"
    ))
}
