//! Cold records: what is known of a message that no generation in memory holds.
//!
//! The writer and the checks of the tallies see sealed records through
//! [`ColdRecords`] alone; how they are stored (sorted runs) is the business of
//! `run`, and how they get there that of `sealer`, `merger` and `retire`.
//!
//! Invariant: a newer record of a message contains the older ones, unless the
//! older ones belong to a week that is [`Horizon::passed`]: such a week may have
//! left the look-ups before the newer record was made.

use crate::api::StoreError;
use chatmetric_core::{Fingerprint, MessageRecord};

/// Milliseconds in a week.
pub(crate) const WEEK_MS: i64 = 7 * 86_400_000;
/// How long behind the floor a record may still be changed, in ms: the longest time
/// between two statuses of a message.
const STATUS_DISTANCE_MS: i64 = 30 * 86_400_000;

/// One sealed message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ColdRecord {
    pub(crate) fingerprint: Fingerprint,
    pub(crate) binding: u32,
    pub(crate) record: MessageRecord,
}

/// Whether what was walked over belongs to a week that may be forgotten.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Age {
    Live,
    Passed,
}

/// The runs in which a message may be: a bit each, the newest run first. All runs
/// behind the last bit may have it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Candidates(pub(crate) u64);

impl Candidates {
    /// Whether the message is in none of the newest runs, for all that memory knows.
    pub(crate) const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

/// Records that were sealed.
pub(crate) trait ColdRecords: Send + Sync {
    /// Where the newest record of a message may be. Many messages are best asked
    /// for one after the other before any of them is looked for: the waits for
    /// memory overlap.
    fn candidates(&self, fingerprint: Fingerprint) -> Candidates;

    /// The candidates that are left after what needs no wait was looked at; what
    /// [`find_among`](Self::find_among) will look at begins to be read, so that the waits
    /// for the disk overlap too.
    fn prefetch(&self, fingerprint: Fingerprint, candidates: Candidates) -> Candidates;

    /// Whether most messages have candidates that only the disk can tell of.
    fn has_filters_on_disk(&self) -> bool;

    /// The newest record of a message among its candidates, as they were found in
    /// this very set.
    fn find_among(
        &self,
        fingerprint: Fingerprint,
        candidates: Candidates,
    ) -> Result<Option<ColdRecord>, StoreError>;

    /// The newest record of a message.
    fn find(&self, fingerprint: Fingerprint) -> Result<Option<ColdRecord>, StoreError> {
        self.find_among(fingerprint, self.candidates(fingerprint))
    }

    /// Gives every record that the tallies count, in the order of fingerprints: one
    /// a message, and of passed weeks also what a newer record does not contain.
    fn walk(
        &self,
        horizon: Horizon,
        give: &mut dyn FnMut(&ColdRecord, Age),
    ) -> Result<(), StoreError>;
}

/// The moment before which a week must have ended to be forgotten.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Horizon {
    end_ms: i64,
}

impl Horizon {
    /// Follows the floor as the catalog has it; without a floor nothing passes.
    pub(crate) fn of(floor_ms: Option<u64>) -> Self {
        let floor_ms = floor_ms.and_then(|ms| i64::try_from(ms).ok());
        Self {
            end_ms: floor_ms.map_or(i64::MIN, |ms| ms - STATUS_DISTANCE_MS),
        }
    }

    /// Whether nothing may change the records of this week any more.
    pub(crate) fn passed(self, week: u32) -> bool {
        (i64::from(week) + 1) * WEEK_MS <= self.end_ms
    }
}
