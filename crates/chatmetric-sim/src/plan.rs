//! What goes wrong in a simulation, and when: drawn from the seed before it begins.
//!
//! Not here: how it is done to a server. Invariant: from [`Plan::calm_ms`] on, nothing
//! goes wrong any more and the clocks are right, so that everything can be delivered.

use crate::disk::Crash;
use crate::network::Weather;
use crate::random::Random;

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;
const DAY_MS: i64 = 24 * HOUR_MS;

/// A call that makes a frame of the journal durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FrameCall {
    /// To write it.
    Write,
    /// To sync it.
    Sync,
}

/// Something that goes wrong, or is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// A crash at the call on a frame after so many others; 0: at once.
    Crash {
        /// What goes down.
        crash: Crash,
        /// Calls until then.
        calls: u64,
    },
    /// A crash when a named step of the store is passed for the nth time.
    CrashAtStep {
        /// What goes down.
        crash: Crash,
        /// A number that stands for the step.
        step: usize,
        /// Which time, from 1.
        nth: u32,
    },
    /// The nth call of a kind on a frame fails, from 1.
    DiskError {
        /// Which kind.
        call: FrameCall,
        /// Which one.
        nth: u64,
    },
    /// Nothing grows any more, or it does again.
    DiskFull(bool),
    /// Each sync takes so long; 0: no time.
    DiskSlow {
        /// How long.
        sync_ms: i64,
    },
    /// The server's wall clock jumps, back if negative.
    ClockJump {
        /// How far.
        by_ms: i64,
    },
    /// The network changes.
    Weather(Weather),
    /// An orderly restart.
    Restart,
}

/// All faults of a simulation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    faults: Vec<(i64, Fault)>,
    calm_ms: i64,
}

/// A share of the time, and a time in it.
struct Span<'a> {
    random: &'a mut Random,
    start_ms: i64,
    end_ms: i64,
    faults: Vec<(i64, Fault)>,
}

impl Span<'_> {
    fn at(&mut self) -> i64 {
        self.random.between(self.start_ms, self.end_ms)
    }

    fn put(&mut self, fault: Fault) {
        let at_ms = self.at();
        self.faults.push((at_ms, fault));
    }

    /// A fault that ends after a while.
    fn put_for(&mut self, longest_ms: i64, begin: Fault, end: Fault) {
        let at_ms = self.at();
        let for_ms = self.random.latency(MINUTE_MS, longest_ms);
        self.faults.push((at_ms, begin));
        let end_ms = (at_ms + for_ms).min(self.end_ms);
        self.faults.push((end_ms, end));
    }

    fn crash(&mut self) -> Crash {
        if self.random.chance(650) {
            Crash::Power
        } else {
            Crash::Process
        }
    }

    fn crashes(&mut self) {
        for _ in 0..self.random.between(1, 4) {
            let crash = self.crash();
            let calls = self.random.below(24);
            self.put(Fault::Crash { crash, calls });
        }
        for _ in 0..self.random.between(0, 3) {
            let crash = self.crash();
            let step = self.random.below(1 << 20) as usize;
            let nth = self.random.between(1, 3) as u32;
            self.put(Fault::CrashAtStep { crash, step, nth });
        }
        if self.random.chance(500) {
            self.put(Fault::Restart);
        }
    }

    fn disk(&mut self) {
        if self.random.chance(700) {
            let call = if self.random.chance(600) {
                FrameCall::Sync
            } else {
                FrameCall::Write
            };
            let nth = 1 + self.random.below(12);
            self.put(Fault::DiskError { call, nth });
        }
        if self.random.chance(400) {
            let (full, free) = (Fault::DiskFull(true), Fault::DiskFull(false));
            self.put_for(10 * HOUR_MS, full, free);
        }
        for _ in 0..self.random.between(0, 2) {
            // Beyond the time-out of a source at times: the answer comes too late.
            let sync_ms = self.random.latency(10, 40_000);
            let (slow, quick) = (Fault::DiskSlow { sync_ms }, Fault::DiskSlow { sync_ms: 0 });
            self.put_for(3 * HOUR_MS, slow, quick);
        }
    }

    fn clock(&mut self) {
        for _ in 0..self.random.between(0, 3) {
            let longest_ms = if self.random.chance(300) {
                40 * DAY_MS
            } else {
                8 * HOUR_MS
            };
            let jump_ms = self.random.latency(MINUTE_MS, longest_ms);
            let by_ms = if self.random.chance(500) {
                jump_ms
            } else {
                -jump_ms
            };
            let jump = Fault::ClockJump { by_ms };
            self.put_for(6 * HOUR_MS, jump, Fault::ClockJump { by_ms: -by_ms });
        }
    }

    fn weather(&mut self) {
        for _ in 0..self.random.between(2, 6) {
            let weather = Weather {
                lost: self.random.between(0, 400) as u32,
                repeated: self.random.between(0, 200) as u32,
                way_ms_max: self.random.latency(50, HOUR_MS),
            };
            self.put(Fault::Weather(weather));
        }
    }
}

impl Plan {
    /// Draws what goes wrong between two times.
    #[must_use]
    pub fn new(random: &mut Random, start_ms: i64, end_ms: i64) -> Self {
        let mut span = Span {
            random,
            start_ms,
            end_ms,
            faults: Vec::new(),
        };
        span.crashes();
        span.disk();
        span.clock();
        span.weather();
        let mut faults = span.faults;
        faults.push((end_ms, Fault::Weather(Weather::CALM)));
        // Stable: what begins and ends at one time keeps that order.
        faults.sort_by_key(|(at_ms, _)| *at_ms);
        Self {
            faults,
            calm_ms: end_ms,
        }
    }

    /// From when on nothing goes wrong.
    #[must_use]
    pub const fn calm_ms(&self) -> i64 {
        self.calm_ms
    }

    /// When the next fault is due.
    #[must_use]
    pub fn next_at_ms(&self) -> Option<i64> {
        self.faults.first().map(|(at_ms, _)| *at_ms)
    }

    /// The next fault that is due by now.
    pub fn due(&mut self, now_ms: i64) -> Option<Fault> {
        let is_due = self.next_at_ms()? <= now_ms;
        is_due.then(|| self.faults.remove(0).1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(seed: u64) -> Vec<(i64, Fault)> {
        let mut plan = Plan::new(&mut Random::new(seed), 1_000, 100 * HOUR_MS);
        assert_eq!(plan.calm_ms(), 100 * HOUR_MS);
        let mut faults = Vec::new();
        while let Some(at_ms) = plan.next_at_ms() {
            assert_eq!(plan.due(at_ms - 1), None);
            faults.push((at_ms, plan.due(at_ms).expect("due")));
        }
        assert_eq!(plan.due(i64::MAX), None);
        faults
    }

    #[test]
    fn a_seed_gives_one_plan_in_order() {
        assert_eq!(faults(3), faults(3));
        assert_ne!(faults(3), faults(4));
        assert!(faults(3).is_sorted_by_key(|(at_ms, _)| *at_ms));
    }

    #[test]
    fn at_the_end_everything_is_right_again() {
        for seed in 0..300 {
            let (mut jumped_ms, mut full, mut slow_ms) = (0, false, 0);
            let mut last = None;
            for (at_ms, fault) in faults(seed) {
                assert!((1_000..=100 * HOUR_MS).contains(&at_ms));
                match fault {
                    Fault::ClockJump { by_ms } => jumped_ms += by_ms,
                    Fault::DiskFull(is) => full = is,
                    Fault::DiskSlow { sync_ms } => slow_ms = sync_ms,
                    Fault::Weather(weather) => last = Some(weather),
                    Fault::Crash { .. }
                    | Fault::CrashAtStep { .. }
                    | Fault::DiskError { .. }
                    | Fault::Restart => {}
                }
            }
            assert_eq!((jumped_ms, full, slow_ms), (0, false, 0), "seed {seed}");
            assert_eq!(last, Some(Weather::CALM), "seed {seed}");
        }
    }

    #[test]
    fn every_kind_of_fault_is_drawn() {
        let all: Vec<Fault> = (0..100).flat_map(faults).map(|(_, fault)| fault).collect();
        let count = |is: fn(&Fault) -> bool| all.iter().filter(|fault| is(fault)).count();
        assert!(count(|it| matches!(it, Fault::Crash { calls: 1.., .. })) > 50);
        assert!(
            count(|it| matches!(
                it,
                Fault::Crash {
                    crash: Crash::Process,
                    ..
                }
            )) > 20
        );
        assert!(count(|it| matches!(it, Fault::CrashAtStep { .. })) > 50);
        assert!(count(|it| matches!(it, Fault::DiskError { .. })) > 20);
        assert!(count(|it| matches!(it, Fault::DiskFull(true))) > 10);
        assert!(count(|it| matches!(it, Fault::DiskSlow { sync_ms: 20_000.. })) > 5);
        assert!(count(|it| matches!(it, Fault::ClockJump { by_ms } if *by_ms < -HOUR_MS)) > 10);
        assert!(count(|it| matches!(it, Fault::ClockJump { by_ms } if *by_ms > DAY_MS)) > 5);
        assert!(count(|it| matches!(it, Fault::Weather(w) if w.lost > 200)) > 50);
        assert!(count(|it| matches!(it, Fault::Restart)) > 20);
    }
}
