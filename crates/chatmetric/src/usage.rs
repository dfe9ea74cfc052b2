//! What spaces counted in a range of days: for invoices, and for the operator's list.
//!
//! Read from the same tallies as the API's answers, by the same days. Not here: who may
//! ask. Invariants: no day is in two ranges that follow each other; the work of one
//! question is bounded by the blocks that it may read.

use crate::api::tenancy::{self, NumbersError};
use crate::directory::{Snapshot, Space};
use chatmetric_core::{
    EpochMs, Granularity, MetricQuery, PhoneNumber, QueryLimits, TimeRange, Window, Zone,
};
use chatmetric_rpc::credential::AccountId;
use chatmetric_store::{Store, StoreError};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Most days of a range.
pub const DAYS_MAX: usize = 400;
/// Most day blocks that one question reads: numbers times days.
pub const BLOCKS_MAX: usize = 5_000_000;

/// What a space counted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Usage {
    /// The account's id.
    pub account: String,
    /// The account's name.
    pub name: String,
    /// CustSpaceId.
    pub space: String,
    /// The zone of its days.
    pub time_zone: String,
    /// Where the first day that was counted begins, in ms since the epoch.
    pub start_ms: i64,
    /// Where the last one ends.
    pub end_ms: i64,
    /// Numbers that it has or counted.
    pub numbers: usize,
    /// Messages sent.
    pub sent: i64,
    /// Messages delivered.
    pub delivered: i64,
}

/// Why usage is not told.
#[derive(Debug, thiserror::Error)]
pub enum UsageError {
    /// The end is not after the start.
    #[error("the end is not after the start")]
    Empty,
    /// Too long.
    #[error("the range has more than {DAYS_MAX} days")]
    TooManyDays,
    /// Too much to read at once.
    #[error("there are too many numbers for this range; ask for a shorter one")]
    TooMuch,
    /// The store failed.
    #[error("could not read the tallies")]
    Store(#[from] StoreError),
}

/// What is asked: whole days of each space's zone that begin in the range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UsageRange {
    /// Its start.
    pub start: EpochMs,
    /// Its end.
    pub end: EpochMs,
    /// Days that begin later hold nothing.
    pub now: EpochMs,
}

/// The usage of every space, or of those of an account, by account and space.
///
/// # Errors
/// [`UsageError`]
pub fn of_spaces(
    store: &dyn Store,
    snapshot: &Snapshot,
    account: Option<&AccountId>,
    range: UsageRange,
) -> Result<Vec<Usage>, UsageError> {
    let asked = |space: &&Arc<Space>| account.is_none_or(|account| space.account.id == *account);
    let mut spaces: Vec<_> = snapshot.spaces().filter(asked).collect();
    spaces.sort_by(|a, b| (&a.account.id, &a.id).cmp(&(&b.account.id, &b.id)));
    let mut blocks_left = BLOCKS_MAX;
    let usage = spaces
        .into_iter()
        .map(|space| of_space(store, snapshot, space, range, &mut blocks_left));
    usage.collect()
}

/// The usage of a space.
///
/// # Errors
/// [`UsageError`]; [`UsageError::TooMuch`] when it needs more than the blocks left.
pub fn of_space(
    store: &dyn Store,
    snapshot: &Snapshot,
    space: &Space,
    range: UsageRange,
    blocks_left: &mut usize,
) -> Result<Usage, UsageError> {
    let query = query_of(space, range)?;
    let windows = query.as_ref().map_or(&[][..], MetricQuery::windows);
    let begins_inside = |window: &Window| range.start <= window.start && window.start < range.end;
    let counted = || store.numbers(space.key);
    let numbers = tenancy::numbers(snapshot, space, None, counted);
    let numbers = numbers.map_err(|error| match error {
        NumbersError::Read(error) => UsageError::Store(error),
        // No number was named.
        NumbersError::Foreign => UsageError::Empty,
    })?;
    let blocks = numbers
        .len()
        .saturating_mul(windows.len().saturating_add(1));
    *blocks_left = blocks_left.checked_sub(blocks).ok_or(UsageError::TooMuch)?;
    let mut inside = windows.iter().filter(|window| begins_inside(window));
    let first = inside.next();
    let last = inside.next_back().or(first);
    // A range without a whole day of the space is empty.
    let bounds = first.zip(last).map(|(first, last)| (first.start, last.end));
    let (start, end) = bounds.unwrap_or((range.start, range.start));
    let mut usage = Usage {
        account: space.account.id.to_string(),
        name: space.account.name.clone(),
        space: space.id.to_string(),
        time_zone: Zone::name(&space.zone).to_owned(),
        start_ms: start.0,
        end_ms: end.0,
        numbers: numbers.len(),
        sent: 0,
        delivered: 0,
    };
    for number in &numbers {
        if let Some(query) = &query {
            add(&mut usage, store, space, number, query, begins_inside)?;
        }
    }
    Ok(usage)
}

fn add(
    usage: &mut Usage,
    store: &dyn Store,
    space: &Space,
    number: &PhoneNumber,
    query: &MetricQuery,
    begins_inside: impl Fn(&Window) -> bool,
) -> Result<(), StoreError> {
    let mut series = query.series();
    if let Some(days) = query.days() {
        store.read_days(space.key, number, days, &mut |day, block| {
            series.add_day(day, block);
        })?;
    }
    for (window, sums) in series.buckets() {
        if begins_inside(&window) {
            usage.sent += sums.sent;
            usage.delivered += sums.delivered;
        }
    }
    Ok(())
}

/// The days of the range up to now; `None` when it begins in the future.
fn query_of(space: &Space, range: UsageRange) -> Result<Option<MetricQuery>, UsageError> {
    if TimeRange::new(range.start, range.end).is_none() {
        return Err(UsageError::Empty);
    }
    let until = EpochMs(range.end.0.min(range.now.0.saturating_add(1)));
    let limits = QueryLimits {
        daily_windows_max: DAYS_MAX,
        half_hour_windows_max: 0,
    };
    let past = TimeRange::new(range.start, until);
    let query = past.map(|past| MetricQuery::new(Granularity::Daily, &past, &space.zone, &limits));
    query.transpose().map_err(|_| UsageError::TooManyDays)
}
