//! From tallies to the rows of an answer: which buckets a query covers, and how
//! the counters of a number's slots fall into them.
//!
//! Not here: which numbers a caller may ask for, where tallies are read from,
//! or how a row is written on the wire.

use crate::ids::PhoneNumber;
use crate::tally::{COUNTERS, Counts, DayBlock};
use crate::time::{
    EpochMs, Granularity, HALF_HOUR_MS, SLOT_MS, SLOTS_PER_DAY, Slot, TimeRange, TooManyWindows,
    UtcDay, Window, Zone, half_hours,
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
        self.series_of(COUNTERS)
    }

    /// Starts those sums of one number that the rows of an answer need.
    #[must_use]
    pub fn row_series(&self) -> RowSeries<'_> {
        RowSeries(self.series_of(ROW_COUNTERS))
    }

    /// The sums of the first `counters`; the others have no buckets.
    fn series_of(&self, counters: usize) -> Series<'_> {
        let buckets = |counter| {
            if counter < counters {
                self.windows.len()
            } else {
                0
            }
        };
        Series {
            query: self,
            sums: std::array::from_fn(|counter| vec![0; buckets(counter)]),
        }
    }
}

/// How many counters a row shows: `sent` and `delivered`, which come first.
const ROW_COUNTERS: usize = 2;

/// The sums of `sent` and `delivered` of one number: what rows are made of, at less
/// than half the work of a [`Series`].
#[derive(Debug, Clone)]
pub struct RowSeries<'q>(Series<'q>);

impl RowSeries<'_> {
    /// Adds a day of tallies, as [`Series::add_day`] does.
    pub fn add_day(&mut self, day: UtcDay, block: &DayBlock) {
        self.0.add_day(day, block);
    }

    /// The rows of an answer, as [`Series::rows`] gives them.
    pub fn rows(&self, number: PhoneNumber) -> impl Iterator<Item = MetricRow> + '_ {
        self.0.rows(number)
    }

    /// The same rows as the place of their bucket, `sent` and `delivered`.
    pub fn counted(&self) -> impl Iterator<Item = (usize, u64, u64)> + '_ {
        self.0.counted()
    }
}

/// The sums of one number over the buckets of a query.
#[derive(Debug, Clone)]
pub struct Series<'q> {
    query: &'q MetricQuery,
    /// By counter, in the order of [`DayBlock::columns`], then by bucket.
    sums: [Vec<i64>; COUNTERS],
}

impl Series<'_> {
    /// Adds a day of tallies. Slots outside the query's buckets are ignored; a
    /// slot belongs to the bucket that holds its first instant.
    pub fn add_day(&mut self, day: UtcDay, block: &DayBlock) {
        let day_start_ms = day.first_slot().start().0;
        match self.query.granularity {
            Granularity::HalfHour => self.add_half_hours(day_start_ms, block),
            Granularity::Daily => self.add_slots(day_start_ms, block),
        }
    }

    /// Half hours of a query follow each other and begin with every second slot.
    fn add_half_hours(&mut self, day_start_ms: i64, block: &DayBlock) {
        let Some(first) = self.query.windows.first() else {
            return;
        };
        let ahead = (day_start_ms - first.start.0) / HALF_HOUR_MS;
        // Either the day or the query begins first.
        let skipped_buckets = usize::try_from(ahead).unwrap_or(0);
        let skipped_pairs = usize::try_from(-ahead).unwrap_or(0);
        for (sums, column) in self.sums.iter_mut().zip(block.columns()) {
            let (pairs, _) = column.as_chunks::<2>();
            let sums = sums.iter_mut().skip(skipped_buckets);
            for (sum, [even, odd]) in sums.zip(pairs.iter().skip(skipped_pairs)) {
                *sum += i64::from(*even) + i64::from(*odd);
            }
        }
    }

    fn add_slots(&mut self, day_start_ms: i64, block: &DayBlock) {
        let windows = &self.query.windows;
        let day_end_ms = day_start_ms + SLOT_MS * SLOTS_PER_DAY as i64;
        let first = windows.partition_point(|window| window.end.0 <= day_start_ms);
        // The first slot that begins at this time or later.
        let slot_from = |time_ms: i64| {
            let slots = (time_ms - day_start_ms + SLOT_MS - 1).div_euclid(SLOT_MS);
            usize::try_from(slots).unwrap_or(0).min(SLOTS_PER_DAY)
        };
        for (at, window) in (first..).zip(windows.get(first..).unwrap_or_default()) {
            if window.start.0 >= day_end_ms {
                return;
            }
            let slots = slot_from(window.start.0)..slot_from(window.end.0);
            for (sums, column) in self.sums.iter_mut().zip(block.columns()) {
                if let Some(sum) = sums.get_mut(at) {
                    let slots = column.get(slots.clone()).unwrap_or_default().iter();
                    *sum += slots.map(|counter| i64::from(*counter)).sum::<i64>();
                }
            }
        }
    }

    /// Adds the counters of one slot.
    pub fn add_slot(&mut self, slot: Slot, counts: &Counts) {
        let start = slot.start();
        let windows = &self.query.windows;
        let at = windows.partition_point(|window| window.end <= start);
        if windows.get(at).is_none_or(|window| window.start > start) {
            return;
        }
        for (sums, more) in self.sums.iter_mut().zip(counts.to_array()) {
            if let Some(sum) = sums.get_mut(at) {
                *sum += i64::from(more);
            }
        }
    }

    /// All buckets with their sums, empty ones too (a chart wants them).
    pub fn buckets(&self) -> impl Iterator<Item = (Window, Sums)> + '_ {
        let [sent, delivered, read, failed, delivered_of_sent] = &self.sums;
        let counted = sent.iter().zip(delivered).zip(read.iter().zip(failed));
        let sums = counted.zip(delivered_of_sent).map(
            |(((sent, delivered), (read, failed)), delivered_of_sent)| Sums {
                sent: *sent,
                delivered: *delivered,
                read: *read,
                failed: *failed,
                delivered_of_sent: *delivered_of_sent,
            },
        );
        self.query.windows.iter().copied().zip(sums)
    }

    /// The rows of an answer: buckets in which `sent` or `delivered` is not zero.
    pub fn rows(&self, number: PhoneNumber) -> impl Iterator<Item = MetricRow> + '_ {
        self.counted().filter_map(move |(at, sent, delivered)| {
            let window = *self.query.windows.get(at)?;
            Some(MetricRow {
                window,
                number,
                sent,
                delivered,
            })
        })
    }

    /// The same rows as the place of their bucket, `sent` and `delivered`.
    pub fn counted(&self) -> impl Iterator<Item = (usize, u64, u64)> + '_ {
        let [sent, delivered, ..] = &self.sums;
        let sums = sent.iter().zip(delivered).enumerate();
        sums.filter_map(|(at, (sent, delivered))| {
            let sent = u64::try_from(*sent).unwrap_or(0);
            let delivered = u64::try_from(*delivered).unwrap_or(0);
            (sent != 0 || delivered != 0).then_some((at, sent, delivered))
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
