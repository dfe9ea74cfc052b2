//! The exact rolling second: a call is admitted iff fewer than N calls of its key were admitted in
//! (t − 1000 ms, t]. The clock is monotonic and passed in, in nanoseconds.
//!
//! It is not a token bucket: no second of any phase ever holds more than N admitted calls.
//! Invariants: a refused call leaves no trace; the number of keys and of remembered calls is bounded.

use std::borrow::Borrow;
use std::collections::{HashMap, VecDeque};
use std::hash::Hash;

/// The window, in ns.
pub const WINDOW_NS: u64 = 1_000_000_000;
/// The greatest limit that is kept exactly; a greater one is taken as this one.
pub const CALLS_PER_WINDOW_MAX: u32 = 100_000;
/// Keys (account and operation) that fit by default: at most 15 MB at 50 calls per second each.
pub const KEYS_MAX_DEFAULT: usize = 20_000;

/// Why a call is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ThrottleRefusal {
    /// N calls were admitted within the window.
    Limited {
        /// When the first of them leaves it, in ms, rounded up, at least 1.
        retry_after_ms: u64,
    },
    /// Too many keys are active at once.
    TooManyKeys,
}

/// Rolling windows by key. Not synchronised: [`crate::admission::Admission`] holds it under its lock.
#[derive(Debug)]
pub struct Throttle<K> {
    keys_max: usize,
    /// Times of admitted calls of each key, oldest first, never decreasing.
    windows: HashMap<K, VecDeque<u64>>,
    /// When idle keys were last looked for.
    swept_ns: Option<u64>,
}

impl<K: Hash + Eq> Throttle<K> {
    /// A throttle for at most `keys_max` keys that are active within one window.
    #[must_use]
    pub fn new(keys_max: usize) -> Self {
        Self {
            keys_max,
            windows: HashMap::new(),
            swept_ns: None,
        }
    }

    /// Says whether [`Self::charge`] may be called at `now_ns`; remembers nothing of the call.
    ///
    /// # Errors
    /// See [`ThrottleRefusal`].
    pub fn check<Q>(
        &mut self,
        key: &Q,
        calls_per_second: u32,
        now_ns: u64,
    ) -> Result<(), ThrottleRefusal>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let limit =
            usize::try_from(calls_per_second.min(CALLS_PER_WINDOW_MAX)).unwrap_or(usize::MAX);
        let Some(window) = self.windows.get_mut(key) else {
            if limit == 0 {
                return Err(limited(WINDOW_NS));
            }
            return self.make_room(now_ns);
        };
        let now_ns = now_ns.max(window.back().copied().unwrap_or(0));
        while window
            .front()
            .is_some_and(|&oldest| now_ns - oldest >= WINDOW_NS)
        {
            window.pop_front();
        }
        if window.len() < limit {
            return Ok(());
        }
        // A limit that was lowered meanwhile leaves more than N in the window: the call has to
        // wait until fewer than N are left, not only for the oldest.
        let blocking = window
            .get(window.len() - limit.max(1))
            .copied()
            .unwrap_or(now_ns);
        Err(limited(WINDOW_NS - (now_ns - blocking)))
    }

    /// Counts a call that [`Self::check`] let pass at the same `now_ns`.
    pub fn charge(&mut self, key: K, now_ns: u64) {
        let window = self.windows.entry(key).or_default();
        // Two threads may read the clock in one order and get here in the other.
        window.push_back(now_ns.max(window.back().copied().unwrap_or(0)));
    }

    /// How many keys are remembered.
    #[must_use]
    pub fn keys(&self) -> usize {
        self.windows.len()
    }

    /// A new key needs a place: idle keys go, looked for at most once a window.
    fn make_room(&mut self, now_ns: u64) -> Result<(), ThrottleRefusal> {
        if self.windows.len() < self.keys_max {
            return Ok(());
        }
        let due = self
            .swept_ns
            .is_none_or(|swept| now_ns.saturating_sub(swept) >= WINDOW_NS);
        if due {
            self.swept_ns = Some(now_ns);
            self.windows.retain(|_, window| {
                window
                    .back()
                    .is_some_and(|&latest| now_ns.saturating_sub(latest) < WINDOW_NS)
            });
        }
        if self.windows.len() < self.keys_max {
            Ok(())
        } else {
            Err(ThrottleRefusal::TooManyKeys)
        }
    }
}

fn limited(wait_ns: u64) -> ThrottleRefusal {
    ThrottleRefusal::Limited {
        retry_after_ms: wait_ns.div_ceil(1_000_000).max(1),
    }
}

#[cfg(test)]
mod tests;
