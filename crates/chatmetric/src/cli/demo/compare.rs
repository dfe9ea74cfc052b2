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

/// Days and half hours of the whole replay.
pub(super) fn ask(client: &ApiClient, now: EpochMs) -> Result<Seen, CliError> {
    let begin_ms = (now.0 - (DAYS + 1) * DAY_MS).div_euclid(HALF_HOUR_MS) * HALF_HOUR_MS;
    let end_ms = now.0 + HALF_HOUR_MS;
    let call = |granularity, start_ms, end_ms| {
        client
            .metric(&MetricCall {
                start: EpochMs(start_ms),
                end: EpochMs(end_ms),
                granularity,
                number: None,
                space: None,
                isv_code: None,
            })
            .map_err(|error| explain(&error))
    };
    let days = call("DAILY", begin_ms, end_ms)?.rows;
    let mut half_hours = Vec::new();
    let (mut at_ms, mut calls) = (begin_ms, 1);
    while at_ms < end_ms {
        let next_ms = end_ms.min(at_ms + CALL_DAYS * DAY_MS);
        half_hours.extend(call("HALF_HOUR", at_ms, next_ms)?.rows);
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
pub(super) fn totals(seen: &Seen) -> [u64; 2] {
    let rows = seen.days.iter();
    rows.fold([0, 0], |[sent, delivered], row| {
        [sent + row.sent_count, delivered + row.delivered_count]
    })
}

/// Row by row, both ways, and the books of the webhook.
pub(super) fn compare(seen: &Seen, truth: &Truth, instance: &Instance) -> Result<Equal, CliError> {
    let difference = difference("day", &seen.days, &truth.days())
        .or_else(|| difference("half hour", &seen.half_hours, &truth.half_hours()));
    let books = instance
        .store
        .books()
        .map_err(|error| CliError::failed(format!("could not read the books: {error}")))?;
    let books = books
        .into_iter()
        .find(|(source, _)| **source == *super::WEBHOOK)
        .map(|(_, books)| books)
        .unwrap_or_default();
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
