//! From tallies to the rows of an answer: which buckets a query covers, and how
//! the counters of a number's slots fall into them.
//!
//! Not here: which numbers a caller may ask for, where tallies are read from,
//! or how a row is written on the wire.

use crate::ids::PhoneNumber;
use crate::tally::{Counts, DayBlock};
use crate::time::{
    EpochMs, Granularity, SLOT_MS, Slot, TimeRange, TooManyWindows, UtcDay, Window, Zone,
    half_hours,
};
use std::ops::RangeInclusive;

/// How much one query may ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueryLimits {
    /// Most day buckets of a DAILY query.
    pub daily_windows_max: usize,
    /// Most half-hour buckets of a HALF_HOUR query: 31 unaligned days.
    pub half_hour_windows_max: usize,
}

impl Default for QueryLimits {
    fn default() -> Self {
        Self {
            daily_windows_max: 401,
            half_hour_windows_max: 1489,
        }
    }
}

/// A query that is within its limits: the buckets to fill.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetricQuery {
    granularity: Granularity,
    windows: Vec<Window>,
}

/// One row: a bucket of one number in which something was counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MetricRow {
    /// The bucket.
    pub window: Window,
    /// The number.
    pub number: PhoneNumber,
    /// Messages sent in the bucket.
    pub sent: u64,
    /// Messages delivered in the bucket.
    pub delivered: u64,
}

/// The sums of one bucket; unlike [`Counts`] wide enough for any range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sums {
    /// Messages sent.
    pub sent: i64,
    /// Messages delivered.
    pub delivered: i64,
    /// Messages read.
    pub read: i64,
    /// Messages failed and never delivered.
    pub failed: i64,
    /// Of the messages sent here, those delivered at any time.
    pub delivered_of_sent: i64,
}

impl Sums {
    fn add(&mut self, counts: &Counts) {
        self.sent += i64::from(counts.sent);
        self.delivered += i64::from(counts.delivered);
        self.read += i64::from(counts.read);
        self.failed += i64::from(counts.failed);
        self.delivered_of_sent += i64::from(counts.delivered_of_sent);
    }
}

impl MetricQuery {
    /// Cuts `range` into buckets: every bucket that overlaps it, whole.
    ///
    /// # Errors
    /// [`TooManyWindows`] when the limit of the granularity is exceeded.
    pub fn new(
        granularity: Granularity,
        range: &TimeRange,
        zone: &Zone,
        limits: &QueryLimits,
    ) -> Result<Self, TooManyWindows> {
        let windows = match granularity {
            Granularity::HalfHour => half_hours(range, limits.half_hour_windows_max)?,
            Granularity::Daily => zone.days(range, limits.daily_windows_max)?,
        };
        Ok(Self {
            granularity,
            windows,
        })
    }

    /// The granularity asked for.
    #[must_use]
    pub const fn granularity(&self) -> Granularity {
        self.granularity
    }

    /// The buckets, in order, each beginning where the one before ended.
    #[must_use]
    pub fn windows(&self) -> &[Window] {
        &self.windows
    }

    /// The UTC days whose tallies the buckets need; `None` when there is no bucket.
    #[must_use]
    pub fn days(&self) -> Option<RangeInclusive<UtcDay>> {
        let first = self.windows.first()?.start.slot().day();
        let last = EpochMs(self.windows.last()?.end.0 - 1).slot().day();
        Some(first..=last)
    }

    /// Starts the sums of one number.
    #[must_use]
    pub fn series(&self) -> Series<'_> {
        Series {
            query: self,
            sums: vec![Sums::default(); self.windows.len()],
        }
    }
}

/// The sums of one number over the buckets of a query.
#[derive(Debug, Clone)]
pub struct Series<'q> {
    query: &'q MetricQuery,
    sums: Vec<Sums>,
}

impl Series<'_> {
    /// Adds a day of tallies. Slots outside the query's buckets are ignored; a
    /// slot belongs to the bucket that holds its first instant.
    pub fn add_day(&mut self, day: UtcDay, block: &DayBlock) {
        let windows = &self.query.windows;
        let day_start_ms = day.first_slot().start().0;
        let mut at = windows.partition_point(|window| window.end.0 <= day_start_ms);
        let mut slot_start_ms = day_start_ms;
        for counts in block.slots() {
            while windows
                .get(at)
                .is_some_and(|window| window.end.0 <= slot_start_ms)
            {
                at += 1;
            }
            let (Some(window), Some(sums)) = (windows.get(at), self.sums.get_mut(at)) else {
                return;
            };
            if window.start.0 <= slot_start_ms {
                sums.add(counts);
            }
            slot_start_ms += SLOT_MS;
        }
    }

    /// Adds the counters of one slot.
    pub fn add_slot(&mut self, slot: Slot, counts: &Counts) {
        let start = slot.start();
        let at = self
            .query
            .windows
            .partition_point(|window| window.end <= start);
        if let (Some(window), Some(sums)) = (self.query.windows.get(at), self.sums.get_mut(at))
            && window.start <= start
        {
            sums.add(counts);
        }
    }

    /// All buckets with their sums, empty ones too (a chart wants them).
    pub fn buckets(&self) -> impl Iterator<Item = (Window, Sums)> + '_ {
        self.query
            .windows
            .iter()
            .copied()
            .zip(self.sums.iter().copied())
    }

    /// The rows of an answer: buckets in which `sent` or `delivered` is not zero.
    pub fn rows(&self, number: PhoneNumber) -> impl Iterator<Item = MetricRow> + '_ {
        self.buckets().filter_map(move |(window, sums)| {
            let sent = u64::try_from(sums.sent).unwrap_or(0);
            let delivered = u64::try_from(sums.delivered).unwrap_or(0);
            (sent != 0 || delivered != 0).then_some(MetricRow {
                window,
                number,
                sent,
                delivered,
            })
        })
    }
}

/// Puts rows of many numbers into the order of an answer: by start, then number.
pub fn sort_rows(rows: &mut [MetricRow]) {
    rows.sort_unstable_by(|a, b| {
        a.window
            .start
            .cmp(&b.window.start)
            .then_with(|| a.number.cmp(&b.number))
    });
}
