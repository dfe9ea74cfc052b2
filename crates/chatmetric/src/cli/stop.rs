//! The end of `chatmetric serve`: everything that ends with it has one moment by which it
//! has ended.
//!
//! Not here: which requests are finished (`server/mod.rs`) and which signals begin it
//! (`serve.rs`). Invariant: whatever hangs, the process ends within [`STOP_TIMEOUT`]; only
//! what was acknowledged counts, and that is durable long before.

use super::Terminal;
use super::data_dir::Instance;
use crate::clock::Clock;
use crate::server::limits::STOP_TIMEOUT;
use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;

/// The moment by which everything has ended.
pub(super) struct StopBy {
    clock: Arc<dyn Clock>,
    by_ms: Option<u64>,
}

impl StopBy {
    pub(super) const fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, by_ms: None }
    }

    /// Nothing is waited for any more.
    pub(super) fn at_once(&mut self) {
        self.by_ms = Some(self.clock.monotonic_ms());
    }

    /// What is left until then; the first call begins the stop.
    pub(super) fn left(&mut self) -> Duration {
        let now_ms = self.clock.monotonic_ms();
        let longest_ms = u64::try_from(STOP_TIMEOUT.as_millis()).unwrap_or(u64::MAX);
        let by_ms = *self
            .by_ms
            .get_or_insert_with(|| now_ms.saturating_add(longest_ms));
        Duration::from_millis(by_ms.saturating_sub(now_ms))
    }
}

/// Closes the instance, and leaves it as it is when that does not end in time: the next
/// start reads what a clean stop would have noted.
pub(super) fn close(instance: Instance, by: &mut StopBy, terminal: &Terminal) {
    let (closed, ended) = mpsc::channel();
    let thread = std::thread::Builder::new()
        .name("close".to_owned())
        .spawn(move || {
            instance.close();
            // Nobody listens when the time is over.
            let _ = closed.send(());
        });
    if thread.is_err() || ended.recv_timeout(by.left()).is_err() {
        terminal.warn("the data directory was not closed in time; what was acknowledged is kept");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ManualClock;
    use chatmetric_core::EpochMs;

    #[test]
    fn all_that_ends_shares_one_time() {
        let clock = Arc::new(ManualClock::at(EpochMs(0)));
        let mut by = StopBy::new(clock.clone());
        clock.advance_ms(60_000);
        assert_eq!(by.left(), STOP_TIMEOUT);
        clock.advance_ms(4_000);
        assert_eq!(by.left(), STOP_TIMEOUT - Duration::from_secs(4));
        clock.advance_ms(60_000);
        assert_eq!(by.left(), Duration::ZERO);
        let mut by = StopBy::new(clock);
        by.at_once();
        assert_eq!(by.left(), Duration::ZERO);
    }
}
