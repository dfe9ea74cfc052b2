//! What commands did, for those who gave them; kept in memory, for a while.
//!
//! Not here: who asks. Invariant: the number of outcomes is bounded; what is forgotten is
//! unknown, never something else.

use super::digest::Digest;
use std::collections::BTreeMap;
use std::sync::Arc;

/// How many outcomes are remembered.
const OUTCOMES_MAX: usize = 1_024;

/// What an entry did that was a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// So many items.
    Count(u64),
    /// Nothing, because it may not be.
    Refused(String),
    /// A mark: what was there.
    Digest(Arc<Digest>),
}

#[derive(Debug, Default)]
pub(super) struct Outcomes(BTreeMap<u64, Outcome>);

impl Outcomes {
    pub(super) fn put(&mut self, sequence: u64, outcome: Outcome) {
        // Digests are large; the newest one is of interest.
        if matches!(outcome, Outcome::Digest(_)) {
            self.0.retain(|_, it| !matches!(it, Outcome::Digest(_)));
        }
        self.0.insert(sequence, outcome);
        while self.0.len() > OUTCOMES_MAX {
            self.0.pop_first();
        }
    }

    pub(super) fn get(&self, sequence: u64) -> Option<Outcome> {
        self.0.get(&sequence).cloned()
    }
}
