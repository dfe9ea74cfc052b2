//! The counting rules: what an event means, how a message's record grows, what
//! a record adds to the tallies, and how tallies become the rows of an answer.
//!
//! Reading order: [`ids`], [`time`], [`event`], [`record`], [`tally`],
//! [`metric`], [`floor`].
//!
//! Pure: no I/O, no async, no clock, no randomness, no global. Two invariants
//! hold for every caller:
//!
//! 1. *Exactly once*: a message adds at most one to `sent` and at most one to
//!    `delivered`, whatever the order, number or batching of its events, because
//!    a record is a join-semilattice (element-wise minimum of slots, union of
//!    reported statuses).
//! 2. *Tally = fold of records*: the signed deltas that [`record::MessageRecord`]
//!    yields while it grows sum to the contribution of its final state.

pub mod event;
pub mod floor;
pub mod ids;
pub mod metric;
pub mod record;
pub mod tally;
pub mod time;

pub use event::{Fingerprint, FingerprintKey, MessageStatus};
pub use ids::{AccountKey, PhoneNumber, SpaceKey};
pub use metric::{MetricQuery, MetricRow, QueryLimits};
pub use record::MessageRecord;
pub use tally::{Counts, DayBlock};
pub use time::{EpochMs, Granularity, Slot, TimeRange, UtcDay, Window, Zone};
