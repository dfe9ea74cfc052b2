//! Civil days of a zone, found by walking: ask the zone for the local date of
//! one minute after the other, and of every second of a minute in which a new
//! date appears. Slow, and without any rule about clock changes.
//!
//! A day begins at the first instant that shows its date and ends where the next
//! new date begins; a date that comes back in a repeated hour begins nothing.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::{TimeZone, TimeZoneDatabase};

const MINUTE_S: i64 = 60;
/// How long before a range the walk begins, so that it meets the beginning of
/// the day that is under way, however long a zone makes a day.
const LEAD_S: i64 = 3 * 86_400;

/// A zone, and how to find its days.
#[derive(Debug, Clone)]
pub struct Calendar {
    zone: TimeZone,
}

/// A name that is no zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownZone(pub String);

impl Calendar {
    /// The zone of that name in the database that jiff brings along.
    ///
    /// # Errors
    /// [`UnknownZone`].
    pub fn new(name: &str) -> Result<Self, UnknownZone> {
        let found = TimeZoneDatabase::bundled().get(name);
        found
            .map(|zone| Self { zone })
            .map_err(|_| UnknownZone(name.to_owned()))
    }

    fn date_at(&self, second: i64) -> Option<Date> {
        let instant = Timestamp::from_second(second).ok()?;
        Some(self.zone.to_datetime(instant).date())
    }

    /// The days that overlap `[start_ms, end_ms)` as `(start_ms, end_ms)`, in
    /// order. Empty for an empty range.
    #[must_use]
    pub fn days(&self, start_ms: i64, end_ms: i64) -> Vec<(i64, i64)> {
        let mut starts_ms = Vec::new();
        let mut minute = start_ms.div_euclid(1000 * MINUTE_S) * MINUTE_S - LEAD_S;
        let Some(mut newest) = self.date_at(minute) else {
            return Vec::new();
        };
        // Walk until a day begins at or after the end of the range.
        while starts_ms.last().is_none_or(|last| *last < end_ms) {
            let Some(date) = self.date_at(minute + MINUTE_S) else {
                break;
            };
            if date > newest {
                for second in minute + 1..=minute + MINUTE_S {
                    let date = self.date_at(second).unwrap_or(newest);
                    if date > newest {
                        newest = date;
                        starts_ms.push(second * 1000);
                    }
                }
            }
            minute += MINUTE_S;
        }
        let days = starts_ms.windows(2).map(|pair| (pair[0], pair[1]));
        days.filter(|(start, end)| *start < end_ms && start_ms < *end)
            .filter(|_| start_ms < end_ms)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR_MS: i64 = 3_600_000;

    fn hours(zone: &str, start: &str, end: &str) -> Vec<f64> {
        let ms = |text: &str| {
            text.parse::<Timestamp>()
                .expect("RFC 3339")
                .as_millisecond()
        };
        let calendar = Calendar::new(zone).expect("zone");
        let days = calendar.days(ms(start), ms(end));
        days.iter()
            .map(|(start, end)| (end - start) as f64 / HOUR_MS as f64)
            .collect()
    }

    #[test]
    fn days_of_all_lengths_are_found() {
        // Lengths from the published rules of the zones, not from a run.
        assert_eq!(
            hours("UTC", "2026-01-01T00:00:00Z", "2026-01-02T00:00:00.001Z"),
            [24.0, 24.0]
        );
        let new_york = hours(
            "America/New_York",
            "2026-03-07T12:00:00Z",
            "2026-03-09T12:00:00Z",
        );
        assert_eq!(new_york, [24.0, 23.0, 24.0]);
        let lord_howe = hours(
            "Australia/Lord_Howe",
            "2026-10-03T20:00:00Z",
            "2026-10-03T21:00:00Z",
        );
        assert_eq!(lord_howe, [23.5]);
    }

    #[test]
    fn a_skipped_date_has_no_day_and_a_short_one_is_kept() {
        // Samoa skipped 30 December 2011.
        let apia = hours(
            "Pacific/Apia",
            "2011-12-29T12:00:00Z",
            "2011-12-31T12:00:00Z",
        );
        assert_eq!(apia, [24.0, 24.0, 24.0]);
        // Newfoundland once went back at 00:01, an hour into yesterday.
        let st_johns = hours(
            "America/St_Johns",
            "1990-10-27T12:00:00Z",
            "1990-10-28T12:00:00Z",
        );
        assert_eq!(st_johns, [24.0, 25.0]);
    }

    #[test]
    fn seconds_of_old_zones_are_met() {
        // Liberia was 44 minutes and 30 seconds behind until 1972.
        let calendar = Calendar::new("Africa/Monrovia").expect("zone");
        let days = calendar.days(86_400_000, 86_400_001);
        assert_eq!(days, [(2_670_000, 89_070_000)]);
    }

    #[test]
    fn an_empty_range_has_no_days() {
        assert_eq!(Calendar::new("UTC").expect("zone").days(5, 5), []);
        assert_eq!(
            Calendar::new("Mars/Olympus").err(),
            Some(UnknownZone("Mars/Olympus".to_owned()))
        );
    }
}
