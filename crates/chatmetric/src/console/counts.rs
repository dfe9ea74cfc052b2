//! Counts as pages draw them: every bucket of a range, per number, with the cohort of
//! what was sent in it.
//!
//! Read from the same tallies as the API's answers, by the same buckets. Not here: who
//! may ask (`rights`, `spaces`). Invariant: what is read is bounded by [`BLOCKS_MAX`].

use super::ask::{Ask, Query};
use super::error::ConsoleError;
use crate::api::tenancy::{self, NumbersError};
use crate::directory::{Snapshot, Space};
use crate::server::App;
use chatmetric_core::time::TooManyWindows;
use chatmetric_core::{
    EpochMs, Granularity, MetricQuery, PhoneNumber, QueryLimits, SpaceKey, TimeRange,
};
use chatmetric_store::{Store, StoreError};
use std::collections::BTreeSet;

/// Most half hours of one answer.
pub(super) const HALF_HOURS_MAX: usize = 1_500;
/// Most days of one answer.
pub(super) const DAYS_MAX: usize = 400;
/// Most numbers that one answer draws one by one.
pub(super) const NUMBERS_MAX: usize = 20;
/// Most day blocks that one answer reads: numbers times days.
pub(super) const BLOCKS_MAX: usize = 500_000;

/// The three counters of some buckets.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Columns {
    pub(super) sent: Vec<i64>,
    pub(super) delivered: Vec<i64>,
    pub(super) cohort: Vec<i64>,
}

impl Columns {
    /// Nothing in so many buckets.
    pub(super) fn zeros(buckets: usize) -> Self {
        Self {
            sent: vec![0; buckets],
            delivered: vec![0; buckets],
            cohort: vec![0; buckets],
        }
    }

    /// Adds others of the same buckets.
    pub(super) fn add(&mut self, other: &Self) {
        let Self {
            sent,
            delivered,
            cohort,
        } = self;
        for (own, more) in [
            (sent, &other.sent),
            (delivered, &other.delivered),
            (cohort, &other.cohort),
        ] {
            own.resize(own.len().max(more.len()), 0);
            own.iter_mut()
                .zip(more)
                .for_each(|(own, more)| *own += more);
        }
    }

    pub(super) fn sent_total(&self) -> i64 {
        self.sent.iter().sum()
    }

    pub(super) fn delivered_total(&self) -> i64 {
        self.delivered.iter().sum()
    }
}

/// A range and granularity within their limits, cut at now.
pub(super) struct Range {
    pub(super) granularity: Granularity,
    pub(super) start: EpochMs,
    pub(super) end: EpochMs,
    /// `None` when the range begins in the future.
    pub(super) query: Option<MetricQuery>,
}

impl Range {
    /// Reads `start`, `end` and `granularity`.
    pub(super) fn read(query: &Query, space: &Space, now: EpochMs) -> Result<Self, ConsoleError> {
        Self::of(
            granularity(query)?,
            query.time("start")?,
            query.time("end")?,
            space,
            now,
        )
    }

    pub(super) fn of(
        granularity: Granularity,
        start: EpochMs,
        end: EpochMs,
        space: &Space,
        now: EpochMs,
    ) -> Result<Self, ConsoleError> {
        if TimeRange::new(start, end).is_none() {
            return Err(ConsoleError::invalid("end", "It is not after the start."));
        }
        // Buckets that begin after now hold nothing that could be drawn.
        let past = TimeRange::new(start, EpochMs(end.0.min(now.0.saturating_add(1))));
        let limits = QueryLimits {
            daily_windows_max: DAYS_MAX,
            half_hour_windows_max: HALF_HOURS_MAX,
        };
        let cut = past.map(|past| MetricQuery::new(granularity, &past, &space.zone, &limits));
        let query = cut.transpose().map_err(|TooManyWindows { windows_max }| {
            let reason = format!("The range has more than {windows_max} buckets.");
            ConsoleError::invalid("end", reason)
        })?;
        Ok(Self {
            granularity,
            start,
            end,
            query,
        })
    }

    /// How many buckets there are.
    pub(super) fn buckets(&self) -> usize {
        let query = self.query.as_ref();
        query.map_or(0, |query| query.windows().len())
    }

    /// How many day blocks of a number are read.
    fn blocks(&self) -> usize {
        let days = self.query.as_ref().and_then(MetricQuery::days);
        days.map_or(0, |days| {
            usize::try_from(days.end().0 - days.start().0 + 1).unwrap_or(usize::MAX)
        })
    }

    /// Refuses to read too much at once.
    pub(super) fn check_work(&self, numbers: usize) -> Result<(), ConsoleError> {
        if numbers.saturating_mul(self.blocks()) <= BLOCKS_MAX {
            return Ok(());
        }
        let reason = "The space has too many numbers for this range; ask for a shorter one.";
        Err(ConsoleError::invalid("end", reason))
    }

    /// The counts of a number.
    pub(super) fn columns(
        &self,
        store: &dyn Store,
        space: SpaceKey,
        number: &PhoneNumber,
    ) -> Result<Columns, StoreError> {
        let Some(query) = &self.query else {
            return Ok(Columns::default());
        };
        let mut series = query.series();
        if let Some(days) = query.days() {
            store.read_days(space, number, days, &mut |day, block| {
                series.add_day(day, block);
            })?;
        }
        let mut columns = Columns::default();
        for (_, sums) in series.buckets() {
            columns.sent.push(sums.sent);
            columns.delivered.push(sums.delivered);
            columns.cohort.push(sums.delivered_of_sent);
        }
        Ok(columns)
    }
}

/// The granularity that a call names.
pub(super) fn granularity(query: &Query) -> Result<Granularity, ConsoleError> {
    match query.get("granularity") {
        Some("half-hour") => Ok(Granularity::HalfHour),
        Some("daily") => Ok(Granularity::Daily),
        Some(_) | None => {
            let reason = "It is `half-hour` or `daily`.";
            Err(ConsoleError::invalid("granularity", reason))
        }
    }
}

/// The numbers that a call names, by their digits, each once.
pub(super) fn named_numbers(query: &Query) -> Result<Vec<PhoneNumber>, ConsoleError> {
    let parsed: Result<BTreeSet<_>, _> = query.all("number").map(PhoneNumber::parse).collect();
    let parsed = parsed.map_err(|error| ConsoleError::invalid("number", error.to_string()))?;
    if parsed.len() > NUMBERS_MAX {
        let reason = format!("At most {NUMBERS_MAX} numbers are drawn at a time.");
        return Err(ConsoleError::invalid("number", reason));
    }
    Ok(parsed.into_iter().collect())
}

/// All numbers of a space: those that it has and those that were counted in it.
pub(super) fn all_numbers(
    app: &App,
    snapshot: &Snapshot,
    space: &Space,
) -> Result<Vec<PhoneNumber>, ConsoleError> {
    let counted = || app.store.numbers(space.key);
    tenancy::numbers(snapshot, space, None, counted).map_err(|error| match error {
        NumbersError::Foreign => ConsoleError::NotFound,
        NumbersError::Read(error) => error.into(),
    })
}

/// Whether a named number is one of the space, as the API judges it.
pub(super) fn is_of_space(
    app: &App,
    snapshot: &Snapshot,
    space: &Space,
    number: PhoneNumber,
) -> Result<bool, ConsoleError> {
    let counted = || app.store.numbers(space.key);
    match tenancy::numbers(snapshot, space, Some(number), counted) {
        Ok(_) => Ok(true),
        Err(NumbersError::Foreign) => Ok(false),
        Err(NumbersError::Read(error)) => Err(error.into()),
    }
}

/// The word of a granularity.
pub(super) const fn granularity_word(granularity: Granularity) -> &'static str {
    match granularity {
        Granularity::HalfHour => "half-hour",
        Granularity::Daily => "daily",
    }
}

/// From here on counts may still change much, in ms: what was sent is mostly delivered
/// within a day.
pub(super) fn settling_from(ask: &Ask<'_>) -> i64 {
    const DAY_MS: i64 = 24 * 3_600_000;
    ask.now().0.saturating_sub(DAY_MS)
}
