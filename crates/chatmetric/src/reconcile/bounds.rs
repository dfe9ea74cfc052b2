//! Whether the provider's buckets are cut as ours are: as long, and of the same zone.
//!
//! Invariant: a bucket that passes begins and ends where one of ours begins and ends, or
//! could, as far as the zone of the space is known.

use super::{Point, Reason, Series, Terms};
use chatmetric_core::time::HALF_HOUR_MS;
use chatmetric_core::{EpochMs, Granularity, Zone};
use std::collections::BTreeSet;

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;
/// The most that a clock change makes a day longer or shorter, in ms.
const CHANGE_MS: i64 = 2 * HOUR_MS;
/// How far apart two midnights of one zone are by a clock change, in ms.
const SUMMER_MS: i64 = HOUR_MS;

/// What one bucket covers, of those that providers know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    HalfHour,
    Day,
    Month,
}

impl Step {
    /// Of a bucket so long; `None` when none is.
    pub(super) fn of_length(length_ms: i64) -> Option<Self> {
        if length_ms == HALF_HOUR_MS {
            return Some(Self::HalfHour);
        }
        if (DAY_MS - CHANGE_MS..=DAY_MS + CHANGE_MS).contains(&length_ms) {
            return Some(Self::Day);
        }
        let month = 28 * DAY_MS - CHANGE_MS..=31 * DAY_MS + CHANGE_MS;
        month.contains(&length_ms).then_some(Self::Month)
    }

    /// The one that is asked for.
    pub(super) const fn of(granularity: Granularity) -> Self {
        match granularity {
            Granularity::HalfHour => Self::HalfHour,
            Granularity::Daily => Self::Day,
        }
    }

    /// For sentences.
    pub(super) const fn words(self) -> &'static str {
        match self {
            Self::HalfHour => "half hours",
            Self::Day => "days",
            Self::Month => "months",
        }
    }
}

/// Refuses buckets of theirs that are not cut as ours.
pub(super) fn check(terms: &Terms, ours: &Series, theirs: &Series) -> Result<(), Reason> {
    let asked = Step::of(terms.granularity);
    let points = || theirs.values().flatten();
    for point in points() {
        let length_ms = point.window.end.0 - point.window.start.0;
        match Step::of_length(length_ms) {
            Some(step) if step == asked => {}
            Some(step) => {
                return Err(Reason::OtherGranularity {
                    found: step.words(),
                    asked: asked.words(),
                });
            }
            None => {
                let what = format!(
                    "the bucket that begins at {} is {} minutes long",
                    point.window.start,
                    length_ms / 60_000
                );
                return Err(Reason::Malformed { what });
            }
        }
    }
    let grid = Grid::of(terms, ours);
    let fits = |point: &&Point| grid.has(point.window.start) && grid.has(point.window.end);
    let misfits: Vec<&Point> = points().filter(|point| !fits(point)).collect();
    let Some(first) = misfits.first() else {
        return Ok(());
    };
    // The instant that does not fit, which is mostly the first.
    let strange = if grid.has(first.window.start) {
        first.window.end
    } else {
        first.window.start
    };
    Err(Reason::OtherZone {
        misfits: misfits.len(),
        points: points().count(),
        theirs: told(strange, terms.granularity),
        ours: grid.told(strange),
    })
}

/// Where buckets of ours begin and end.
enum Grid<'a> {
    HalfHours,
    /// Midnights of a zone.
    Of(&'a Zone),
    /// Midnights like those of the days that we have counted in, in order.
    Like(Vec<(EpochMs, EpochMs)>),
}

impl<'a> Grid<'a> {
    fn of(terms: &'a Terms, ours: &Series) -> Self {
        match (terms.granularity, &terms.zone) {
            (Granularity::HalfHour, _) => Self::HalfHours,
            (Granularity::Daily, Some(zone)) => Self::Of(zone),
            (Granularity::Daily, None) => {
                let days: BTreeSet<_> = ours
                    .values()
                    .flatten()
                    .map(|point| (point.window.start, point.window.end))
                    .collect();
                Self::Like(days.into_iter().collect())
            }
        }
    }

    /// Whether a bucket may begin or end there.
    fn has(&self, time: EpochMs) -> bool {
        match self {
            Self::HalfHours => time.0.rem_euclid(HALF_HOUR_MS) == 0,
            Self::Of(zone) => zone.first_instant(zone.date_at(time)) == time,
            Self::Like(days) => {
                // The first day that ends at this time or later.
                let at = days.partition_point(|(_, end)| *end < time);
                match days.get(at) {
                    Some((start, end)) if *start < time => *end == time,
                    Some(_) | None => {
                        let boundaries = days.iter().flat_map(|(start, end)| [start, end]);
                        days.is_empty()
                            || boundaries
                                .into_iter()
                                .any(|boundary| apart_ms(*boundary, time) <= SUMMER_MS)
                    }
                }
            }
        }
    }

    /// When buckets of ours begin, for a sentence.
    fn told(&self, near: EpochMs) -> String {
        match self {
            Self::HalfHours => "full and half hours of UTC".to_owned(),
            Self::Of(zone) => {
                let midnight = zone.first_instant(zone.date_at(near));
                format!("{} ({})", told(midnight, Granularity::Daily), zone.name())
            }
            Self::Like(days) => {
                let at = days.partition_point(|(_, end)| *end <= near);
                let day = days.get(at).or_else(|| days.last());
                day.map_or_else(String::new, |(start, _)| told(*start, Granularity::Daily))
            }
        }
    }
}

/// How far apart two times are on a clock of 24 hours.
fn apart_ms(one: EpochMs, other: EpochMs) -> i64 {
    let apart = (one.0 - other.0).rem_euclid(DAY_MS);
    apart.min(DAY_MS - apart)
}

/// `18:30 UTC, which is midnight at UTC+05:30`.
fn told(time: EpochMs, granularity: Granularity) -> String {
    let minutes = time.0.rem_euclid(DAY_MS) / 60_000;
    let clock = format!("{} UTC", clock(minutes));
    match granularity {
        Granularity::HalfHour => clock,
        Granularity::Daily => format!("{clock}, which is midnight at {}", offset(minutes)),
    }
}

fn clock(minutes: i64) -> String {
    format!("{:02}:{:02}", minutes / 60, minutes % 60)
}

/// The offsets from UTC at which it is midnight so many minutes after midnight of UTC.
fn offset(minutes: i64) -> String {
    let west = minutes;
    let east = 24 * 60 - minutes;
    match minutes {
        0 => "UTC+00:00".to_owned(),
        // Behind UTC are no more than 12 hours, ahead of it no more than 14.
        1..600 => format!("UTC-{}", clock(west)),
        600..=720 => format!("UTC-{} or UTC+{}", clock(west), clock(east)),
        _ => format!("UTC+{}", clock(east)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_are_told_from_midnights() {
        for (minutes, text) in [
            (0, "UTC+00:00"),
            (420, "UTC-07:00"),
            (660, "UTC-11:00 or UTC+13:00"),
            (960, "UTC+08:00"),
            (1110, "UTC+05:30"),
            (1439, "UTC+00:01"),
        ] {
            assert_eq!(offset(minutes), text);
        }
    }

    #[test]
    fn lengths_tell_what_a_bucket_covers() {
        for (length_ms, step) in [
            (1_800_000, Some(Step::HalfHour)),
            (24 * HOUR_MS, Some(Step::Day)),
            (23 * HOUR_MS, Some(Step::Day)),
            (25 * HOUR_MS, Some(Step::Day)),
            (28 * DAY_MS, Some(Step::Month)),
            (31 * DAY_MS - HOUR_MS, Some(Step::Month)),
            (HOUR_MS, None),
            (7 * DAY_MS, None),
            (0, None),
            (-1, None),
        ] {
            assert_eq!(Step::of_length(length_ms), step, "{length_ms}");
        }
    }
}
