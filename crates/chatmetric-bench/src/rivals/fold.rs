//! How a batch becomes writes, for the rivals that are keys and values in this
//! process: each message once, the minimum of each status, then the differences
//! on the tallies.
//!
//! Not here: where the cells are kept, and transactions. Invariant: messages and
//! tallies are visited in the order of their keys, which is what trees like, and
//! each at most once a batch.

use super::Tally;
use crate::feed::Report;
use anyhow::Result;
use chatmetric_core::MessageStatus;

/// Stands for a status that did not happen.
const NEVER: u32 = u32::MAX;

/// The earliest slots of the two statuses of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Times {
    sent: u32,
    delivered: u32,
}

impl Times {
    const NONE: Self = Self {
        sent: NEVER,
        delivered: NEVER,
    };

    /// What one report says, with what it implies; `None` for a failure, which
    /// none of the two counters needs.
    pub(super) fn of(report: &Report) -> Option<Self> {
        match report.status {
            MessageStatus::Sent => Some(Self {
                sent: report.slot,
                delivered: NEVER,
            }),
            MessageStatus::Delivered | MessageStatus::Read => Some(Self {
                sent: report.slot,
                delivered: report.slot,
            }),
            MessageStatus::Failed => None,
        }
    }

    /// The slot in which it was sent; a record without one does not exist.
    pub(super) fn sent(self) -> u32 {
        self.sent
    }

    pub(super) fn delivered(self) -> Option<u32> {
        (self.delivered != NEVER).then_some(self.delivered)
    }

    pub(super) fn new(sent: u32, delivered: Option<u32>) -> Self {
        Self {
            sent,
            delivered: delivered.unwrap_or(NEVER),
        }
    }

    fn earliest(self, other: Self) -> Self {
        Self {
            sent: self.sent.min(other.sent),
            delivered: self.delivered.min(other.delivered),
        }
    }

    /// Eight bytes, as values of stores and of messages to servers.
    pub(super) fn to_bytes(self) -> [u8; 8] {
        pair_to_bytes(self.sent, self.delivered)
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let (sent, delivered) = pair_from_bytes(bytes)?;
        Ok(Self { sent, delivered })
    }
}

/// The reports of a batch, one a message, in the order of fingerprints.
pub(super) fn messages(reports: &[Report]) -> Vec<(u128, u64, Times)> {
    let mut messages: Vec<(u128, u64, Times)> = reports
        .iter()
        .filter_map(|report| Some((report.fingerprint, report.number, Times::of(report)?)))
        .collect();
    messages.sort_unstable_by_key(|(fingerprint, ..)| *fingerprint);
    messages.dedup_by(|next, kept| {
        let same = next.0 == kept.0;
        if same {
            kept.2 = kept.2.earliest(next.2);
        }
        same
    });
    messages
}

/// Where messages and tallies are kept.
pub(super) trait Cells {
    fn message(&mut self, fingerprint: u128) -> Result<Option<Times>>;
    fn put_message(&mut self, fingerprint: u128, times: Times) -> Result<()>;
    fn add_tally(&mut self, number: u64, slot: u32, change: Tally) -> Result<()>;
}

/// Applies a batch to the cells of one transaction.
pub(super) fn apply(reports: &[Report], cells: &mut impl Cells) -> Result<()> {
    let mut changes: Vec<(u64, u32, Tally)> = Vec::with_capacity(2 * reports.len());
    for (fingerprint, number, seen) in messages(reports) {
        let before = cells.message(fingerprint)?.unwrap_or(Times::NONE);
        let after = before.earliest(seen);
        if after == before {
            continue;
        }
        cells.put_message(fingerprint, after)?;
        let mut change = |slot: u32, sent: i64, delivered: i64| {
            if slot != NEVER {
                changes.push((number, slot, Tally { sent, delivered }));
            }
        };
        if after.sent != before.sent {
            change(before.sent, -1, 0);
            change(after.sent, 1, 0);
        }
        if after.delivered != before.delivered {
            change(before.delivered, 0, -1);
            change(after.delivered, 0, 1);
        }
    }
    changes.sort_unstable_by_key(|(number, slot, _)| (*number, *slot));
    changes.dedup_by(|next, kept| {
        let same = (next.0, next.1) == (kept.0, kept.1);
        if same {
            kept.2.add(next.2);
        }
        same
    });
    for (number, slot, change) in changes {
        if !change.is_zero() {
            cells.add_tally(number, slot, change)?;
        }
    }
    Ok(())
}

/// The key of a tally: sorted by number, then by time.
pub(super) fn tally_key(number: u64, slot: u32) -> [u8; 12] {
    let mut key = [0; 12];
    let (first, last) = key.split_at_mut(8);
    first.copy_from_slice(&number.to_be_bytes());
    last.copy_from_slice(&slot.to_be_bytes());
    key
}

/// The slot in the key of a tally.
pub(super) fn slot_of_key(key: &[u8]) -> Result<u32> {
    let (_, slot) = key
        .split_last_chunk()
        .ok_or_else(|| anyhow::anyhow!("a short key of a tally"))?;
    Ok(u32::from_be_bytes(*slot))
}

/// A tally is never below 0 and far below 2^32 within a run.
pub(super) fn tally_to_bytes(tally: Tally) -> Result<[u8; 8]> {
    Ok(pair_to_bytes(
        tally.sent.try_into()?,
        tally.delivered.try_into()?,
    ))
}

pub(super) fn tally_from_bytes(bytes: &[u8]) -> Result<Tally> {
    let (sent, delivered) = pair_from_bytes(bytes)?;
    Ok(Tally {
        sent: sent.into(),
        delivered: delivered.into(),
    })
}

fn pair_to_bytes(first: u32, second: u32) -> [u8; 8] {
    ((u64::from(first) << 32) | u64::from(second)).to_be_bytes()
}

fn pair_from_bytes(bytes: &[u8]) -> Result<(u32, u32)> {
    let both = u64::from_be_bytes(bytes.try_into()?);
    Ok(((both >> 32) as u32, both as u32))
}
