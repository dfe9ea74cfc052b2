//! When the tasks of the watch do something next, and how they do what blocks.
//!
//! Times are the wall clock's, as those of the series are. Invariant: a clock that was
//! ahead, and is set back, puts nothing off for longer than it would wait anyway.

use std::time::Duration;

/// How often it is looked whether something is due.
pub(super) const TICK: Duration = Duration::from_secs(1);
/// The first and the longest wait after a message that was not taken, in ms.
const RETRY_MS: (i64, i64) = (10_000, 10 * 60_000);

/// When something is due next.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Due {
    next_ms: i64,
    failures: u32,
}

impl Due {
    /// Whether it is; a clock that was ahead puts nothing off for longer than `most_ms`.
    pub(super) fn is_due(&mut self, now_ms: i64, most_ms: i64) -> bool {
        self.next_ms = self.next_ms.min(now_ms.saturating_add(most_ms));
        now_ms >= self.next_ms
    }

    /// The same for what is tried again after failures.
    pub(super) fn is_due_after_failures(&mut self, now_ms: i64) -> bool {
        let (_, longest_ms) = RETRY_MS;
        self.is_due(now_ms, longest_ms)
    }

    /// There is news: at once, unless nobody takes it anyway.
    pub(super) fn hurry(&mut self) {
        if self.failures == 0 {
            self.next_ms = i64::MIN;
        }
    }

    /// It worked; again after so long.
    pub(super) fn worked(&mut self, now_ms: i64, every_ms: i64) {
        *self = Self {
            next_ms: now_ms.saturating_add(every_ms),
            failures: 0,
        };
    }

    /// It did not; again later, and each time later.
    pub(super) fn failed(&mut self, now_ms: i64) {
        let (first_ms, longest_ms) = RETRY_MS;
        let wait_ms = first_ms
            .saturating_mul(1 << self.failures.min(16))
            .min(longest_ms);
        self.next_ms = now_ms.saturating_add(wait_ms);
        self.failures = self.failures.saturating_add(1);
    }
}

/// Runs work that blocks and gives back what it took along; `None` when it panicked.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Option<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => Some(done),
        Err(error) => {
            tracing::error!(%error, "the watch ended badly");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fails_is_tried_later_and_later_and_never_too_late() {
        let mut due = Due::default();
        let mut now_ms = 1_000_000;
        for wait_s in [10, 20, 40, 80, 160, 320, 600, 600] {
            assert!(due.is_due_after_failures(now_ms));
            due.failed(now_ms);
            // News changes nothing of that.
            due.hurry();
            assert!(
                !due.is_due_after_failures(now_ms + wait_s * 1_000 - 1),
                "{wait_s}"
            );
            now_ms += wait_s * 1_000;
        }
        due.worked(now_ms, 60_000);
        assert!(!due.is_due_after_failures(now_ms + 59_999));
        due.hurry();
        assert!(due.is_due_after_failures(now_ms));
        // The clock was a year ahead.
        due.worked(now_ms + 31_536_000_000, 60_000);
        assert!(!due.is_due(now_ms, 60_000) && due.is_due(now_ms + 60_000, 60_000));
    }
}
