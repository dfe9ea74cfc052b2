//! The rule on the disk: full within days by its growth of the last hours, or less free
//! than a floor.
//!
//! The line is through the medians, so that a file that comes and goes does not bend it.
//! Free space counts, whoever takes it: the disk is full for us too.

use super::chance::slope;
use super::{Finding, Verdict, float};
use crate::config::WatchSettings;
use chatmetric_core::EpochMs;

/// How far apart samples are, in ms.
pub(super) const SAMPLE_EVERY_MS: i64 = 10 * 60_000;
/// How far back the line goes, in ms.
const FIT_MS: i64 = 6 * 3_600_000;
/// The shortest stretch that a line is drawn through, in ms.
const FIT_MS_MIN: i64 = 2 * 3_600_000;
/// Most samples that are remembered.
const SAMPLES_MAX: usize = 64;
const HOUR_MS: f64 = 3_600_000.0;
const GIB: f64 = 1_024.0;

/// How much was free, and when.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct FreeSpace {
    /// Ms since the epoch and MiB, the oldest first.
    samples: Vec<(i64, u32)>,
}

impl FreeSpace {
    /// Notes a sample when one is due; tells whether it did.
    pub(super) fn note(&mut self, now: EpochMs, free_bytes: u64) -> bool {
        // A clock that was set back begins anew.
        self.samples
            .retain(|(at_ms, _)| *at_ms <= now.0 && now.0 - at_ms <= FIT_MS);
        let newest = self.samples.last();
        if newest.is_some_and(|(at_ms, _)| now.0 - at_ms < SAMPLE_EVERY_MS) {
            return false;
        }
        if self.samples.len() >= SAMPLES_MAX {
            self.samples.remove(0);
        }
        self.samples.push((now.0, mib(free_bytes)));
        true
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let samples = self.samples.iter();
        samples
            .flat_map(|(at_ms, free)| at_ms.to_le_bytes().into_iter().chain(free.to_le_bytes()))
            .collect()
    }

    pub(super) fn of_bytes(bytes: &[u8]) -> Self {
        let mut samples = Vec::new();
        let mut rest = bytes;
        while let Some((at_ms, after)) = rest.split_first_chunk::<8>()
            && let Some((free, after)) = after.split_first_chunk::<4>()
            && samples.len() < SAMPLES_MAX
        {
            samples.push((i64::from_le_bytes(*at_ms), u32::from_le_bytes(*free)));
            rest = after;
        }
        Self { samples }
    }

    /// MiB an hour; `None` while there is too little to say.
    fn growth(&self) -> Option<f64> {
        let (first, last) = (self.samples.first()?, self.samples.last()?);
        if last.0 - first.0 < FIT_MS_MIN {
            return None;
        }
        let hours = |at_ms: i64| float(at_ms - first.0) / HOUR_MS;
        let points = self.samples.iter();
        let points: Vec<_> = points
            .map(|(at_ms, free)| (hours(*at_ms), f64::from(*free)))
            .collect();
        slope(&points).map(|slope| -slope)
    }

    /// The verdict, with so much free now.
    pub(super) fn verdict(&self, settings: &WatchSettings, free_bytes: u64) -> Verdict {
        let floor = settings.disk_free_bytes_min;
        let free = f64::from(mib(free_bytes));
        let shown = (free / GIB * 10.0).round() / 10.0;
        let growth = self.growth();
        let days = growth
            .filter(|growth| *growth > 0.0)
            .map(|growth| free / growth / 24.0);
        let days_min = f64::from(settings.disk_full_days);
        let finding = |summary: String| {
            let days = days.map(|days| (days * 10.0).round() / 10.0);
            Verdict::Bad(
                Finding::new(summary)
                    .fact("freeBytes", free_bytes)
                    .fact("daysLeft", days),
            )
        };
        if free_bytes < floor {
            return finding(format!(
                "{shown} GiB are free on the disk of the data, less than the {floor} bytes of `watch.disk_free_bytes_min`"
            ));
        }
        if let Some(days) = days.filter(|days| *days < days_min) {
            return finding(format!(
                "the disk of the data will be full in {days:.1} days at the pace of the last hours; {shown} GiB are free"
            ));
        }
        let is_near = free_bytes < floor.saturating_add(floor / 4)
            || days.is_some_and(|days| days < 1.5 * days_min);
        if is_near || growth.is_none() {
            return Verdict::Unsure;
        }
        Verdict::Good
    }
}

fn mib(bytes: u64) -> u32 {
    u32::try_from(bytes >> 20).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIB_BYTES: u64 = 1 << 30;

    /// Six hours in which so many MiB are taken an hour, of 100 GiB.
    fn taken(mib_an_hour: u64) -> (FreeSpace, u64) {
        let mut space = FreeSpace::default();
        let mut free = 100 * GIB_BYTES;
        for sample in 0..36 {
            free -= (mib_an_hour << 20) / 6;
            // A merge that takes 20 GiB for a while.
            let merge = if sample % 9 == 4 { 20 * GIB_BYTES } else { 0 };
            let now = EpochMs(1_767_226_600_000 + sample * SAMPLE_EVERY_MS);
            assert!(space.note(now, free - merge));
            assert!(!space.note(now, free));
        }
        (space, free)
    }

    #[test]
    fn a_disk_that_fills_is_told_before_it_is_full() {
        let settings = WatchSettings::default();
        // 100 GiB at 1 GiB an hour: four days.
        let (space, free) = taken(1_024);
        assert_eq!(space.verdict(&settings, free), Verdict::Unsure);
        let (space, free) = taken(2_048);
        let Verdict::Bad(finding) = space.verdict(&settings, free) else {
            panic!("not told");
        };
        assert!(finding.summary.contains("1.8 days"), "{}", finding.summary);
        let (space, free) = taken(0);
        assert_eq!(space.verdict(&settings, free), Verdict::Good);
        assert_eq!(FreeSpace::of_bytes(&space.to_bytes()), space);
    }

    #[test]
    fn the_floor_needs_no_history() {
        let settings = WatchSettings::default();
        let space = FreeSpace::default();
        assert!(matches!(
            space.verdict(&settings, GIB_BYTES - 1),
            Verdict::Bad(_)
        ));
        assert_eq!(space.verdict(&settings, GIB_BYTES), Verdict::Unsure);
        assert_eq!(space.verdict(&settings, 500 * GIB_BYTES), Verdict::Unsure);
    }
}
