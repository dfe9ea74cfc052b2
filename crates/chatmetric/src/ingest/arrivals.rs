//! When each webhook last brought something, and how long its events were on the way:
//! for people who look, since the start of the program. Files are not noted.
//!
//! Not the books, which are durable and exact: this is in memory, and a delay is known to
//! a third of it. Invariant: only what the store made durable is noted; sources and
//! memory are bounded.

use chatmetric_core::EpochMs;
use chatmetric_store::{Batch, SourceName};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// Most sources that are remembered.
const SOURCES_MAX: usize = 10_000;
/// Steps of a delay: 0, 1, 2, 3, 4, 6, 8, 12, ... ms, up to 37 days and longer.
const STEPS: usize = 64;
/// How long delays are gathered before older ones are let go of, in ms.
const WINDOW_MS: i64 = 10 * 60_000;

/// How many events had a delay of each step.
type Delays = [u32; STEPS];

/// What a batch says, taken before the store has it.
pub(crate) struct Arrival {
    source: SourceName,
    at: EpochMs,
    delays: Delays,
}

impl Arrival {
    pub(crate) fn of(batch: &Batch) -> Self {
        let mut delays = [0_u32; STEPS];
        for event in &batch.events {
            let step = step_of(batch.received_at.0.saturating_sub(event.at.0));
            if let Some(count) = delays.get_mut(step) {
                *count = count.saturating_add(1);
            }
        }
        Self {
            source: batch.source.clone(),
            at: batch.received_at,
            delays,
        }
    }
}

/// What is known of a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Arrived {
    /// When its last batch came.
    pub(crate) last: EpochMs,
    /// What half and 99 % of the delays are below, in ms, of the last ten to twenty
    /// minutes.
    pub(crate) delay_ms: Option<(i64, i64)>,
}

struct Source {
    last: EpochMs,
    window_start: EpochMs,
    now: Delays,
    before: Delays,
}

/// All sources.
#[derive(Default)]
pub(crate) struct Arrivals {
    by_source: Mutex<HashMap<SourceName, Source>>,
}

impl Arrivals {
    /// Notes a batch that is durable.
    pub(crate) fn note(&self, arrival: &Arrival) {
        let mut all = self
            .by_source
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if all.len() >= SOURCES_MAX && !all.contains_key(&arrival.source) {
            let quietest = all.iter().min_by_key(|(_, source)| source.last);
            if let Some(quietest) = quietest.map(|(name, _)| name.clone()) {
                all.remove(&quietest);
            }
        }
        let source = all.entry(arrival.source.clone());
        let source = source.or_insert_with(|| Source {
            last: arrival.at,
            window_start: arrival.at,
            now: [0; STEPS],
            before: [0; STEPS],
        });
        source.last = source.last.max(arrival.at);
        let age_ms = arrival.at.0.saturating_sub(source.window_start.0);
        // A clock that was set back begins a window, too.
        if !(0..WINDOW_MS).contains(&age_ms) {
            source.last = arrival.at;
            source.before = std::mem::replace(&mut source.now, [0; STEPS]);
            source.window_start = arrival.at;
        }
        for (sum, more) in source.now.iter_mut().zip(&arrival.delays) {
            *sum = sum.saturating_add(*more);
        }
    }

    /// What is known of a source `now`; `None` when nothing came since the start.
    pub(crate) fn of(&self, source: &str, now: EpochMs) -> Option<Arrived> {
        let all = self
            .by_source
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let source = all.get(source)?;
        let counts = source.now.iter().zip(&source.before);
        let counts: Vec<u64> = counts
            .map(|(now, before)| u64::from(*now) + u64::from(*before))
            .collect();
        let is_fresh = now.0.saturating_sub(source.window_start.0) < 2 * WINDOW_MS;
        let delay_ms = below(&counts, 50).zip(below(&counts, 99));
        Some(Arrived {
            last: source.last,
            delay_ms: delay_ms.filter(|_| is_fresh),
        })
    }
}

/// What so many percent of the delays are at most, in ms.
fn below(counts: &[u64], percent: u64) -> Option<i64> {
    let all: u64 = counts.iter().sum();
    let wanted = all.saturating_mul(percent).div_ceil(100);
    let mut seen = 0;
    let step = counts.iter().position(|count| {
        seen += count;
        wanted > 0 && seen >= wanted
    })?;
    Some(upper_ms(step))
}

/// The step of a delay in ms: two for every power of two.
fn step_of(delay_ms: i64) -> usize {
    // A provider's clock may be ahead of ours.
    let Ok(delay_ms @ 2..) = u64::try_from(delay_ms) else {
        return usize::from(delay_ms == 1);
    };
    let power = delay_ms.ilog2();
    let above = delay_ms - (1 << power);
    let more = if above == 0 {
        0
    } else if above <= (1 << power) / 2 {
        1
    } else {
        2
    };
    usize::try_from(2 * power)
        .unwrap_or(STEPS)
        .saturating_add(more)
        .min(STEPS - 1)
}

/// The longest delay of a step, in ms.
fn upper_ms(step: usize) -> i64 {
    match step {
        0 => 0,
        1 => 1,
        _ => {
            let power = 1_i64 << (step / 2).min(40);
            if step.is_multiple_of(2) {
                power
            } else {
                power + power / 2
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chatmetric_core::{Fingerprint, MessageStatus, PhoneNumber, SpaceKey};
    use chatmetric_store::{StatusEvent, Target};

    fn arrival(at_ms: i64, delays_ms: &[i64]) -> Arrival {
        let event = |delay_ms: &i64| StatusEvent {
            fingerprint: Fingerprint(1),
            number: PhoneNumber::parse("15550100101").expect("digits"),
            status: MessageStatus::Sent,
            at: EpochMs(at_ms - delay_ms),
            target: Target::Space(SpaceKey(0)),
        };
        Arrival::of(&Batch {
            source: "w1".into(),
            received_at: EpochMs(at_ms),
            events: delays_ms.iter().map(event).collect(),
            sealed: Vec::new(),
            ignored: 0,
        })
    }

    #[test]
    fn a_step_is_the_first_that_a_delay_fits_in() {
        let longest = [0, 1, 2, 3, 4, 6, 8, 12, 16];
        let found: Vec<i64> = (0..longest.len()).map(upper_ms).collect();
        assert_eq!(found, longest);
        for delay_ms in (0..2_000).chain([86_400_000, 3_000_000_000]) {
            let step = step_of(delay_ms);
            assert!(delay_ms <= upper_ms(step), "{delay_ms}");
            assert!(step == 0 || delay_ms > upper_ms(step - 1), "{delay_ms}");
        }
        assert_eq!((step_of(-5), step_of(i64::MIN)), (0, 0));
        assert_eq!(step_of(i64::MAX), STEPS - 1);
    }

    #[test]
    fn delays_are_of_the_last_minutes() {
        let arrivals = Arrivals::default();
        let of = |now_ms| arrivals.of("w1", EpochMs(now_ms)).expect("known");
        assert_eq!(arrivals.of("w1", EpochMs(0)), None);
        let mut delays_ms = vec![900; 98];
        delays_ms.extend([40_000, 90_000]);
        arrivals.note(&arrival(1_000_000, &delays_ms));
        let seen = of(1_000_000);
        assert_eq!(seen.last, EpochMs(1_000_000));
        assert_eq!(seen.delay_ms, Some((1_024, 49_152)));
        // A window later they still count, two windows later they do not.
        arrivals.note(&arrival(1_000_000 + WINDOW_MS, &[3]));
        let seen = of(1_000_000 + WINDOW_MS);
        assert_eq!(seen.delay_ms, Some((1_024, 49_152)));
        arrivals.note(&arrival(1_000_000 + 2 * WINDOW_MS, &[3]));
        let seen = of(1_000_000 + 2 * WINDOW_MS);
        assert_eq!(seen.delay_ms, Some((3, 3)));
        assert_eq!(seen.last, EpochMs(1_000_000 + 2 * WINDOW_MS));
        // Long after, when it came last is known, and nothing is said of delays.
        let seen = of(1_000_000 + 4 * WINDOW_MS);
        assert_eq!(seen.last, EpochMs(1_000_000 + 2 * WINDOW_MS));
        assert_eq!(seen.delay_ms, None);
        // The clock was set back.
        arrivals.note(&arrival(5_000, &[12]));
        assert_eq!(of(5_000).last, EpochMs(5_000));
        assert_eq!(arrivals.of("w2", EpochMs(5_000)), None);
    }

    #[test]
    fn a_batch_without_events_has_no_delay() {
        let arrivals = Arrivals::default();
        arrivals.note(&arrival(5, &[]));
        let seen = arrivals.of("w1", EpochMs(5)).expect("known");
        assert_eq!((seen.last, seen.delay_ms), (EpochMs(5), None));
    }
}
