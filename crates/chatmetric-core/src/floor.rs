//! The floor: events with an earlier time are late and are not counted.
//!
//! The floor is monotone. A data directory that was never served has none, so
//! that history of any age can be imported first. How it may move is decided
//! here, without a clock; that it moves only by an entry of the log is the
//! store's business.

use crate::time::EpochMs;

/// Milliseconds in a day.
const DAY_MS: i64 = 86_400_000;
/// How many times faster than real time the floor may catch up: one day an hour.
const CATCH_UP_FACTOR: i64 = 24;

/// How far back the floor stays behind the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FloorPolicy {
    /// `store.message_horizon_days`.
    pub horizon_days: u32,
}

impl FloorPolicy {
    /// The floor after `uptime` milliseconds since the last move.
    ///
    /// Without a floor, it starts at `now` − horizon. With one, it goes forward
    /// with the clock, but at most one day an hour of uptime, so that a clock
    /// that jumps ahead cannot make a month of events late at once. It never
    /// goes back.
    #[must_use]
    pub fn next(&self, current: Option<EpochMs>, now: EpochMs, uptime_ms: i64) -> EpochMs {
        let wanted = (now.0 - i64::from(self.horizon_days) * DAY_MS).max(0);
        match current {
            None => EpochMs(wanted),
            Some(current) => {
                let step_max = uptime_ms.max(0).saturating_mul(CATCH_UP_FACTOR);
                EpochMs(
                    wanted
                        .min(current.0.saturating_add(step_max))
                        .max(current.0),
                )
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: FloorPolicy = FloorPolicy { horizon_days: 45 };
    const HOUR_MS: i64 = 3_600_000;

    #[test]
    fn the_first_floor_is_the_horizon() {
        let now = EpochMs(100 * DAY_MS);
        assert_eq!(POLICY.next(None, now, 0), EpochMs(55 * DAY_MS));
        assert_eq!(POLICY.next(None, EpochMs(5), 0), EpochMs(0));
    }

    #[test]
    fn it_follows_the_clock_and_never_goes_back() {
        let current = Some(EpochMs(55 * DAY_MS));
        let next = POLICY.next(current, EpochMs(100 * DAY_MS + HOUR_MS), HOUR_MS);
        assert_eq!(next, EpochMs(55 * DAY_MS + HOUR_MS));
        assert_eq!(
            POLICY.next(current, EpochMs(0), HOUR_MS),
            EpochMs(55 * DAY_MS)
        );
        assert_eq!(
            POLICY.next(current, EpochMs(200 * DAY_MS), -5),
            EpochMs(55 * DAY_MS)
        );
    }

    #[test]
    fn a_clock_that_jumps_moves_it_one_day_an_hour() {
        let current = Some(EpochMs(55 * DAY_MS));
        let next = POLICY.next(current, EpochMs(900 * DAY_MS), HOUR_MS);
        assert_eq!(next, EpochMs(56 * DAY_MS));
    }
}
