//! Every limit of the HTTP side by name, and the budget of memory for bodies.

use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Longest header block that we answer with our own 431, in bytes.
pub const HEADER_BYTES_MAX: usize = 48 * 1024;
/// Most headers.
pub const HEADERS_MAX: usize = 100;
/// Longest path and query, in bytes.
pub const TARGET_BYTES_MAX: usize = 32 * 1024;
/// What hyper buffers for a request head, in bytes: above all limits of ours, so
/// that ours decide; above it hyper decides (see `connection`).
pub const HEAD_BUFFER_BYTES: usize = 128 * 1024;
/// How many headers hyper parses; above it hyper decides.
pub const HEADERS_PARSED_MAX: usize = 1_000;
/// How long a TLS handshake may take, from the first byte that is waited for.
pub const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long an idle connection is kept, and how long a head may take.
pub const HEAD_TIMEOUT: Duration = Duration::from_secs(35);
/// How long a body may take.
pub const BODY_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a client may take nothing of an answer that waits for it; then its connection
/// ends, and with it what the answer holds.
pub const STALL_TIMEOUT: Duration = Duration::from_secs(60);
/// How long, and how much of, a refused body is read and thrown away, so that
/// the client reads our answer instead of a reset connection.
pub const DISCARD_TIMEOUT: Duration = Duration::from_secs(5);
/// See [`DISCARD_TIMEOUT`].
pub const DISCARD_BYTES_MAX: usize = 16 * 1024 * 1024;
/// All bodies that are in memory at a time, in bytes; above it: 503.
pub const BODIES_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Bodies of webhooks that one account may have in flight; above it: 503. They wait for their
/// turns at the processor and at the disk, so this is less than a second of work.
pub const ACCOUNT_BODIES_MAX: usize = 1_024;
/// … and their bytes, as far as they are announced: the others find the rest.
pub const ACCOUNT_BODIES_BYTES_MAX: usize = BODIES_BYTES_MAX / 2;
/// Events of webhooks that are on the way to the disk at a time, of all accounts: enough
/// for each sync of a slow disk, and less than a tenth of a second of work.
pub const COMMIT_EVENTS_MAX: usize = 8_192;
/// What a batch costs there besides its events, in events.
pub const BATCH_EVENTS: usize = 8;
/// How long requests in flight may go on after the stop was asked for.
pub const DRAIN_TIMEOUT: Duration = Duration::from_secs(8);
/// … and how long until the process has ended, its store closed or not.
pub const STOP_TIMEOUT: Duration = Duration::from_secs(10);

/// One permit stands for this many bytes.
const UNIT_BYTES: usize = 1024;

/// A budget of bytes that is shared by all requests.
#[derive(Debug, Clone)]
pub(crate) struct ByteBudget {
    permits: Arc<Semaphore>,
    units: usize,
}

/// A part of the budget; given back when dropped.
#[derive(Debug)]
pub(crate) struct Reserved(#[expect(dead_code, reason = "held, not read")] OwnedSemaphorePermit);

impl ByteBudget {
    pub(crate) fn new(bytes: usize) -> Self {
        let units = bytes / UNIT_BYTES;
        Self {
            permits: Arc::new(Semaphore::new(units)),
            units,
        }
    }

    /// `None` when not so much is free now.
    pub(crate) fn try_reserve(&self, bytes: usize) -> Option<Reserved> {
        let units = u32::try_from(bytes.div_ceil(UNIT_BYTES)).ok()?;
        let permit = Arc::clone(&self.permits)
            .try_acquire_many_owned(units)
            .ok()?;
        Some(Reserved(permit))
    }

    /// Bytes in use.
    pub(crate) fn used_bytes(&self) -> usize {
        (self.units - self.permits.available_permits().min(self.units)) * UNIT_BYTES
    }

    /// Waits until everything was given back.
    pub(crate) async fn all_free(&self) {
        let all = u32::try_from(self.units).unwrap_or(u32::MAX);
        drop(self.permits.acquire_many(all).await);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_budget_is_never_exceeded_and_comes_back() {
        let budget = ByteBudget::new(4 * UNIT_BYTES);
        let three = budget.try_reserve(2 * UNIT_BYTES + 1).expect("free");
        assert_eq!(budget.used_bytes(), 3 * UNIT_BYTES);
        assert!(budget.try_reserve(UNIT_BYTES + 1).is_none());
        let one = budget.try_reserve(1).expect("free");
        drop(three);
        assert_eq!(budget.used_bytes(), UNIT_BYTES);
        drop(one);
        assert_eq!(budget.used_bytes(), 0);
        assert!(budget.try_reserve(0).is_some());
    }
}
