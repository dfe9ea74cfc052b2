//! Tallies for `export`, a page at a time: number by number, each with its buckets in
//! order.
//!
//! The same buckets, day zone and rows as the API's operation, for any range. Invariant:
//! a page holds about [`PAGE_ROWS`] rows, and no more of the tallies is read for it than
//! the days of one number.

use super::Refusal;
use crate::api::tenancy::{self, NumbersError};
use crate::directory::{Directory, Snapshot, Space};
use chatmetric_core::{
    EpochMs, Granularity, MetricQuery, PhoneNumber, QueryLimits, SpaceKey, TimeRange, UtcDay, Zone,
};
use chatmetric_store::{Store, StoreError};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Rows after which a page ends, at the next piece of a range.
pub(super) const PAGE_ROWS: usize = 10_000;
/// Most numbers that one export names.
pub(super) const NUMBERS_MAX: usize = 10_000;
const DAY_MS: i64 = 24 * 3_600_000;
/// How much of a range is cut into days at once.
const DAILY_PIECE_MS: i64 = 400 * DAY_MS;
/// How much of a range is cut into half hours at once.
const HALF_HOUR_PIECE_MS: i64 = 31 * DAY_MS;

/// What a row covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Span {
    /// A civil day of the space's zone.
    Daily,
    /// A half hour of UTC.
    HalfHour,
}

/// Which tallies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TallyQuery {
    /// The CustSpaceId.
    pub space: String,
    /// The beginning of the range, in ms; its bucket is exported whole.
    pub start_ms: i64,
    /// Its end, itself not included; the bucket that holds it is exported whole.
    pub end_ms: i64,
    /// What a row covers.
    pub span: Span,
    /// These numbers; none are all of the space.
    pub numbers: Vec<String>,
}

/// Where a page ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TallyPlace {
    number: String,
    from_ms: i64,
}

/// A bucket of a number in which something was counted: number, start and end in ms,
/// sent, delivered.
pub type TallyRow = (String, i64, i64, u64, u64);

/// Some rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TallyPage {
    /// Sorted by number, then by start.
    pub rows: Vec<TallyRow>,
    /// Where the next page begins; `None` at the end.
    pub next: Option<TallyPlace>,
}

pub(super) fn zone(directory: &Directory, space: &str) -> Result<String, Refusal> {
    let snapshot = directory.snapshot();
    Ok(found(&snapshot, space)?.zone.name().to_owned())
}

pub(super) fn page(
    directory: &Directory,
    store: &dyn Store,
    query: &TallyQuery,
    from: Option<&TallyPlace>,
) -> Result<TallyPage, Refusal> {
    let snapshot = directory.snapshot();
    let space = found(&snapshot, &query.space)?;
    let start = EpochMs::checked(query.start_ms);
    let end = EpochMs::checked(query.end_ms);
    let range = start
        .zip(end)
        .and_then(|(start, end)| TimeRange::new(start, end));
    let range = range.ok_or_else(|| usage("the range does not begin before it ends"))?;
    let numbers = numbers(&snapshot, space, store, &query.numbers)?;
    let reader = Reader {
        store,
        space: space.key,
        zone: &space.zone,
        granularity: match query.span {
            Span::Daily => Granularity::Daily,
            Span::HalfHour => Granularity::HalfHour,
        },
    };
    let mut rows = Vec::new();
    for number in numbers {
        let mut at = range.start();
        if let Some(place) = from {
            match number.as_str().cmp(place.number.as_str()) {
                std::cmp::Ordering::Less => continue,
                std::cmp::Ordering::Equal => at = EpochMs(place.from_ms),
                std::cmp::Ordering::Greater => {}
            }
        }
        if let Some(next) = reader.rows(number, at, range.end(), &mut rows)? {
            let next = TallyPlace {
                number: number.to_string(),
                from_ms: next.0,
            };
            return Ok(TallyPage {
                rows,
                next: Some(next),
            });
        }
    }
    Ok(TallyPage { rows, next: None })
}

fn found<'s>(snapshot: &'s Snapshot, space: &str) -> Result<&'s Arc<Space>, Refusal> {
    let found = snapshot.space(space);
    found.ok_or_else(|| usage(&format!("there is no space `{space}`")))
}

fn usage(message: &str) -> Refusal {
    Refusal {
        message: message.to_owned(),
        is_usage: true,
    }
}

/// The numbers to export, sorted, as the API judges whose they are.
fn numbers(
    snapshot: &Snapshot,
    space: &Space,
    store: &dyn Store,
    named: &[String],
) -> Result<Vec<PhoneNumber>, Refusal> {
    if named.len() > NUMBERS_MAX {
        return Err(usage(&format!("more than {NUMBERS_MAX} numbers are named")));
    }
    let of = |number| tenancy::numbers(snapshot, space, number, || store.numbers(space.key));
    let read = |error: StoreError| Refusal::failed(&error);
    if named.is_empty() {
        return of(None).map_err(|error| match error {
            NumbersError::Foreign => usage("the space has no numbers"),
            NumbersError::Read(error) => read(error),
        });
    }
    let mut numbers = Vec::with_capacity(named.len());
    for text in named {
        let number = PhoneNumber::parse(text);
        let number = number.map_err(|error| usage(&format!("the number `{text}`: {error}")))?;
        numbers.extend(of(Some(number)).map_err(|error| match error {
            NumbersError::Foreign => usage(&format!(
                "the number `{number}` is not one of the space `{}`",
                space.id
            )),
            NumbersError::Read(error) => read(error),
        })?);
    }
    numbers.sort_unstable();
    numbers.dedup();
    Ok(numbers)
}

struct Reader<'a> {
    store: &'a dyn Store,
    space: SpaceKey,
    zone: &'a Zone,
    granularity: Granularity,
}

impl Reader<'_> {
    /// Adds the rows of a number; where the page is full, the moment to go on from.
    fn rows(
        &self,
        number: PhoneNumber,
        at: EpochMs,
        end: EpochMs,
        rows: &mut Vec<TallyRow>,
    ) -> Result<Option<EpochMs>, Refusal> {
        let Some((mut at, end)) = self.counted(&number, at, end)? else {
            return Ok(None);
        };
        while at < end {
            if rows.len() >= PAGE_ROWS {
                return Ok(Some(at));
            }
            let query = self.piece(at, end)?;
            let Some(days) = query.days() else { break };
            let mut series = query.row_series();
            self.store
                .read_days(self.space, &number, days, &mut |day, block| {
                    series.add_day(day, block);
                })?;
            for (window, sent, delivered) in series.counted() {
                let Some(window) = query.windows().get(window) else {
                    continue;
                };
                rows.push((
                    number.to_string(),
                    window.start.0,
                    window.end.0,
                    sent,
                    delivered,
                ));
            }
            // Buckets are whole, so the next piece begins where the last one ends.
            at = query.windows().last().map_or(end, |window| window.end);
        }
        Ok(None)
    }

    /// The part of a range in which anything of the number was counted: years of nothing
    /// are not cut into buckets.
    fn counted(
        &self,
        number: &PhoneNumber,
        at: EpochMs,
        end: EpochMs,
    ) -> Result<Option<(EpochMs, EpochMs)>, Refusal> {
        // Buckets of days may begin before the range and end after it.
        let first = EpochMs((at.0 - 2 * DAY_MS).max(0)).slot().day();
        let last = EpochMs(end.0.saturating_add(2 * DAY_MS)).slot().day();
        let mut counted: Option<(UtcDay, UtcDay)> = None;
        self.store
            .read_days(self.space, number, first..=last, &mut |day, _| {
                let (from, to) = counted.unwrap_or((day, day));
                counted = Some((from.min(day), to.max(day)));
            })?;
        let Some((from, to)) = counted else {
            return Ok(None);
        };
        let from = EpochMs(from.first_slot().start().0 - 2 * DAY_MS);
        let to = EpochMs(to.first_slot().start().0 + 3 * DAY_MS);
        Ok(Some((at.max(from), end.min(to))))
    }

    /// The next buckets of a range.
    fn piece(&self, at: EpochMs, end: EpochMs) -> Result<MetricQuery, Refusal> {
        let length_ms = match self.granularity {
            Granularity::Daily => DAILY_PIECE_MS,
            Granularity::HalfHour => HALF_HOUR_PIECE_MS,
        };
        let end = end.min(EpochMs(at.0.saturating_add(length_ms)));
        let no_limits = QueryLimits {
            daily_windows_max: usize::MAX,
            half_hour_windows_max: usize::MAX,
        };
        let range = TimeRange::new(at, end).ok_or_else(|| usage("the range is empty"))?;
        MetricQuery::new(self.granularity, &range, self.zone, &no_limits)
            .map_err(|error| Refusal::failed(&error))
    }
}
