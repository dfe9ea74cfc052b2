//! The rule on a source: it usually brings something at this hour of this weekday, and
//! brings nothing.
//!
//! What is remembered of a source is one bit a quarter hour: something came, or nothing.
//! Two things must be so before it is told. Silence must be unlikely: the chance of each
//! silent quarter hour, by the same quarter hour and its neighbours of the four weeks
//! before, multiplied. And it must be longer than what was usual at this moment of those
//! weeks, by half: so nights, weekends and a weekly batch are no alarm, and an outage that
//! begins at night is told in the morning, when the source should have begun.
//! Invariant: a quarter hour in which the server did not run says nothing.

use super::chance::UNLIKELY;
use super::{Finding, Verdict, float};

/// Quarter hours that are remembered: four weeks and two days.
const SLOTS: u32 = 30 * 96;
const BYTES: usize = 360;
const WEEK_SLOTS: u32 = 7 * 96;
/// Weeks before now that say what is usual.
const WEEKS: u32 = 4;
/// Fewest of them.
const WEEKS_MIN: usize = 2;
const SLOT_MINUTES: u32 = 15;

/// One bit for each of the last quarter hours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ring {
    newest: u32,
    bits: Vec<u8>,
}

impl Ring {
    pub(super) fn new(slot: u32) -> Self {
        Self {
            newest: slot,
            bits: vec![0; BYTES],
        }
    }

    /// Sets a quarter hour; older ones than are remembered fall out.
    pub(super) fn set(&mut self, slot: u32) {
        if slot > self.newest {
            for gone in (self.newest + 1..=slot)
                .rev()
                .zip(0..SLOTS)
                .map(|(slot, _)| slot)
            {
                self.put(gone, false);
            }
            self.newest = slot;
        }
        if self.newest - slot < SLOTS {
            self.put(slot, true);
        }
    }

    fn put(&mut self, slot: u32, on: bool) {
        let (byte, bit) = place(slot);
        if let Some(byte) = self.bits.get_mut(byte) {
            *byte = if on { *byte | bit } else { *byte & !bit };
        }
    }

    pub(super) fn get(&self, slot: u32) -> bool {
        let (byte, bit) = place(slot);
        let is_kept = slot <= self.newest && self.newest - slot < SLOTS;
        is_kept && self.bits.get(byte).is_some_and(|byte| byte & bit != 0)
    }

    /// The last quarter hour that is set, not after `slot`.
    fn last_before(&self, slot: u32) -> Option<u32> {
        let oldest = self.newest.saturating_sub(SLOTS - 1);
        (oldest..=slot.min(self.newest))
            .rev()
            .find(|slot| self.get(*slot))
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = self.newest.to_le_bytes().to_vec();
        bytes.extend_from_slice(&self.bits);
        bytes
    }

    pub(super) fn of_bytes(bytes: &[u8]) -> Option<Self> {
        let (newest, bits) = bytes.split_first_chunk::<4>()?;
        (bits.len() == BYTES).then(|| Self {
            newest: u32::from_le_bytes(*newest),
            bits: bits.to_vec(),
        })
    }
}

fn place(slot: u32) -> (usize, u8) {
    let at = slot % SLOTS;
    (usize::try_from(at / 8).unwrap_or(0), 1 << (at % 8))
}

/// The verdict on a source in the quarter hour `now`, which is not over.
pub(super) fn silence(active: &Ring, observed: &Ring, now: u32, minutes_min: u32) -> Verdict {
    let newest = now.saturating_sub(1);
    let Some(last) = active.last_before(now) else {
        return Verdict::Unknown;
    };
    let silent: Vec<u32> = (last + 1..=newest)
        .filter(|slot| observed.get(*slot))
        .collect();
    let silent_slots = u32::try_from(silent.len()).unwrap_or(u32::MAX);
    let silent_minutes = silent_slots.saturating_mul(SLOT_MINUTES);
    if silent_minutes < minutes_min {
        return Verdict::Good;
    }
    let unlikely: f64 = silent
        .iter()
        .map(|slot| surprise_of(active, observed, *slot))
        .sum();
    let usual: Vec<u32> = weeks_before(newest)
        .filter(|slot| observed.get(*slot))
        .filter_map(|slot| Some(slot - active.last_before(slot)?))
        .collect();
    let usual_slots = usual.iter().copied().max().unwrap_or(0);
    let is_longer = silent_slots > usual_slots + usual_slots / 2 + 1;
    // While nothing comes nothing is over, whatever the hour.
    if usual.len() < WEEKS_MIN || unlikely < UNLIKELY || !is_longer {
        return Verdict::Unsure;
    }
    let usual_minutes = usual_slots * SLOT_MINUTES;
    let summary = format!(
        "nothing came for {}, usually at most {} at this hour of this weekday",
        span(silent_minutes),
        span(usual_minutes.max(SLOT_MINUTES)),
    );
    Verdict::Bad(
        Finding::new(summary)
            .fact("silentMinutes", silent_minutes)
            .fact("usualMinutes", usual_minutes)
            .fact("lastMs", i64::from(last) * chatmetric_core::time::SLOT_MS),
    )
}

fn weeks_before(slot: u32) -> impl Iterator<Item = u32> {
    (1..=WEEKS).filter_map(move |week| slot.checked_sub(week * WEEK_SLOTS))
}

/// How unlikely it is that nothing comes in this quarter hour, as a negative logarithm.
fn surprise_of(active: &Ring, observed: &Ring, slot: u32) -> f64 {
    let around = weeks_before(slot).flat_map(|slot| slot.saturating_sub(1)..=slot + 1);
    let (mut all, mut came) = (0, 0);
    for slot in around.filter(|slot| observed.get(*slot)) {
        all += 1;
        came += i64::from(active.get(slot));
    }
    let share = (float(came) + 0.5) / (float(all) + 1.0);
    if all == 0 { 0.0 } else { -(1.0 - share).ln() }
}

fn span(minutes: u32) -> String {
    match (minutes / 60, minutes % 60) {
        (0, minutes) => format!("{minutes} min"),
        (hours, 0) => format!("{hours} h"),
        (hours, minutes) => format!("{hours} h {minutes} min"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ring_forgets_what_is_too_old_and_survives_being_written() {
        let mut ring = Ring::new(1_000_000);
        ring.set(1_000_000);
        ring.set(1_000_007);
        assert!(ring.get(1_000_000) && ring.get(1_000_007) && !ring.get(1_000_003));
        assert_eq!(Ring::of_bytes(&ring.to_bytes()).as_ref(), Some(&ring));
        assert_eq!(Ring::of_bytes(&ring.to_bytes()[1..]), None);
        ring.set(1_000_000 + SLOTS);
        assert!(!ring.get(1_000_000) && ring.get(1_000_007));
        assert!(!ring.get(1_000_000 + 2 * SLOTS));
        // A jump longer than what is kept leaves nothing behind.
        ring.set(1_000_000 + 9 * SLOTS);
        assert_eq!(ring.last_before(1_000_000 + 9 * SLOTS - 1), None);
    }

    /// Four weeks of a source that sends in the hours of `busy` of every day but day 6.
    fn office(busy: std::ops::Range<u32>) -> (Ring, Ring, u32) {
        // A slot that begins a day.
        let start = 96 * 20_000;
        let (mut active, mut observed) = (Ring::new(start), Ring::new(start));
        for slot in start..start + 28 * 96 {
            observed.set(slot);
            let (day, hour) = ((slot - start) / 96, slot % 96 / 4);
            if busy.contains(&hour) && day % 7 != 6 {
                active.set(slot);
            }
        }
        (active, observed, start + 28 * 96)
    }

    #[test]
    fn a_source_that_does_not_begin_in_the_morning_is_told_and_its_night_is_not() {
        let (active, mut observed, day) = office(8..20);
        let mut told = None;
        for slot in day..day + 96 {
            if let Verdict::Bad(_) = silence(&active, &observed, slot, 30) {
                told = told.or(Some(slot - day));
            }
            observed.set(slot);
        }
        // It should have begun at 8:00.
        let told = told.expect("told");
        assert!((32..=32 + 8).contains(&told), "quarter hour {told}");
    }

    #[test]
    fn a_silent_weekday_is_no_alarm_on_that_weekday() {
        let (mut active, mut observed, day) = office(8..20);
        for slot in day..day + 6 * 96 {
            observed.set(slot);
            if (8..20).contains(&(slot % 96 / 4)) {
                active.set(slot);
            }
        }
        for slot in day + 6 * 96..day + 7 * 96 {
            observed.set(slot);
            let found = silence(&active, &observed, slot, 30);
            assert!(!matches!(found, Verdict::Bad(_)), "{found:?}");
        }
    }

    /// Four weeks in which `is_active` says when something came.
    fn weeks(is_active: impl Fn(u32) -> bool) -> (Ring, Ring, u32) {
        let start = 96 * 20_000;
        let end = start + 28 * 96;
        let (mut active, mut observed) = (Ring::new(start), Ring::new(start));
        for slot in start..end {
            observed.set(slot);
            if is_active(slot - start) {
                active.set(slot);
            }
        }
        (active, observed, end)
    }

    #[test]
    fn a_source_that_rests_every_other_week_may_rest() {
        // It rests in the first and the third week, and in the one that begins.
        let (active, mut observed, week) = weeks(|slot| slot / WEEK_SLOTS % 2 == 1);
        for slot in week..week + 96 {
            observed.set(slot);
            let found = silence(&active, &observed, slot, 30);
            assert!(!matches!(found, Verdict::Bad(_)), "{found:?}");
        }
    }

    #[test]
    fn a_source_that_sends_now_and_then_may_pause() {
        let (active, mut observed, end) = weeks(|slot| slot % 3 == 0);
        // Nothing comes where something came in all four weeks, for an hour.
        for slot in end..end + 4 {
            observed.set(slot);
            let found = silence(&active, &observed, slot, 30);
            assert!(!matches!(found, Verdict::Bad(_)), "{found:?}");
        }
    }

    #[test]
    fn what_the_server_did_not_see_is_no_silence() {
        let (active, observed, day) = weeks(|_| true);
        // The server was down for a day: nothing is said of it.
        let found = silence(&active, &observed, day + 96, 30);
        assert_eq!(found, Verdict::Good);
        let nobody = Ring::new(day);
        assert_eq!(silence(&nobody, &observed, day, 30), Verdict::Unknown);
    }
}
