//! The clock, as a component that is passed in: the only place that reads it.
//!
//! Two times: the wall clock (stamps, skew, buckets) and a monotonic one
//! (throttle, time-outs), which never goes back.

use chatmetric_core::EpochMs;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// Where times come from.
pub trait Clock: Send + Sync {
    /// The wall clock.
    fn now(&self) -> EpochMs;
    /// Milliseconds since some fixed moment; never goes back.
    fn monotonic_ms(&self) -> u64;
    /// The same in nanoseconds, as finely as the clock knows it.
    fn monotonic_ns(&self) -> u64 {
        self.monotonic_ms().saturating_mul(1_000_000)
    }
}

/// The machine's clock.
#[derive(Debug)]
pub struct SystemClock {
    started: Instant,
}

impl Default for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place that reads the clock"
    )]
    fn default() -> Self {
        Self {
            started: Instant::now(),
        }
    }
}

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place that reads the clock"
    )]
    fn now(&self) -> EpochMs {
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        EpochMs(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }

    fn monotonic_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn monotonic_ns(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }
}

/// A clock that stands still until it is set: for tests.
#[derive(Debug, Default)]
pub struct ManualClock {
    now_ms: AtomicI64,
    /// The part of it that did not pass, but was set.
    jumped_ms: AtomicI64,
}

impl ManualClock {
    /// A clock that shows `now`.
    #[must_use]
    pub fn at(now: EpochMs) -> Self {
        Self {
            now_ms: AtomicI64::new(now.0),
            jumped_ms: AtomicI64::new(0),
        }
    }

    /// Sets the wall clock ahead although no time passes.
    pub fn jump_ms(&self, ms: i64) {
        self.jumped_ms.fetch_add(ms, Ordering::SeqCst);
        self.now_ms.fetch_add(ms, Ordering::SeqCst);
    }

    /// Moves the clock forward.
    pub fn advance_ms(&self, ms: i64) {
        self.now_ms.fetch_add(ms, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> EpochMs {
        EpochMs(self.now_ms.load(Ordering::SeqCst))
    }

    fn monotonic_ms(&self) -> u64 {
        let jumped_ms = self.jumped_ms.load(Ordering::SeqCst);
        u64::try_from(self.now_ms.load(Ordering::SeqCst) - jumped_ms).unwrap_or(0)
    }
}
