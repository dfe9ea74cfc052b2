//! A batch as the entries of the partitions that it touches.
//!
//! Events go by their number, in their order; what has no number goes by its source. What
//! does not fit into one message becomes several.
//!
//! Not here: publishing. Invariants: every item of the batch is in exactly one entry; no
//! entry is larger than the limit.

use super::Entry;
use super::events::EVENT_BYTES_MAX;
use crate::error::ClusterError;
use crate::partition::{Partition, Partitions};
use bytes::Bytes;
use chatmetric_core::Slot;
use chatmetric_store::{BATCH_SEALED_BYTES_MAX, Batch, SOURCE_NAME_BYTES_MAX, SealedItem};
use chatmetric_store::{SourceName, StatusEvent};
use std::collections::BTreeMap;

/// Frame, name, times and counts of a batch, at most.
const BATCH_BYTES_MAX: usize = 64 + SOURCE_NAME_BYTES_MAX;
/// What a sealed item takes beside its bytes.
const SEALED_BYTES_EXTRA: usize = 16;

/// What of a batch belongs to one partition, as an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Whose it is.
    pub partition: Partition,
    /// When the batch was received.
    pub slot: Slot,
    /// How many events and sealed items it has.
    pub items: usize,
    /// An [`Entry::Events`].
    pub entry: Bytes,
}

impl Part {
    /// Parts of one partition and one quarter-hour as one entry; `None` for no parts.
    pub(crate) fn gathered(parts: &[Self]) -> Option<Bytes> {
        Entry::gather(parts.iter().map(|part| &part.entry)).filter(|_| !parts.is_empty())
    }
}

/// The parts of a batch; none for an empty one.
///
/// # Errors
/// [`ClusterError::TooLarge`] for a sealed item that no message can hold, for a name or a
/// batch beyond the limits of the store.
pub fn split(
    batch: Batch,
    partitions: Partitions,
    bytes_max: usize,
) -> Result<Vec<Part>, ClusterError> {
    check(&batch, bytes_max)?;
    let home = partitions.of_source(&batch.source);
    let mut parts: BTreeMap<Partition, Vec<StatusEvent>> = BTreeMap::new();
    let mut known = None;
    for event in batch.events {
        // Batches of one number are the rule.
        let partition = match known {
            Some((number, partition)) if number == event.number => partition,
            _ => partitions.of_number(&event.number),
        };
        known = Some((event.number, partition));
        parts.entry(partition).or_default().push(event);
    }
    let events_max = bytes_max.saturating_sub(BATCH_BYTES_MAX) / EVENT_BYTES_MAX;
    let part = |partition, events: Vec<StatusEvent>, sealed: Vec<SealedItem>, ignored| {
        let items = events.len() + sealed.len();
        let of_it = Batch {
            source: SourceName::clone(&batch.source),
            received_at: batch.received_at,
            events,
            sealed,
            ignored,
        };
        Part {
            partition,
            slot: batch.received_at.slot(),
            items,
            entry: Entry::Events(of_it).encode(),
        }
    };
    let mut entries = Vec::new();
    let mut ignored = batch.ignored;
    let mut pieces = by_size(batch.sealed, bytes_max);
    // What has no number goes along with events of its partition if it can.
    if pieces.len() < 2
        && pieces
            .iter()
            .all(|(_, bytes)| *bytes < bytes_max.saturating_sub(BATCH_BYTES_MAX) / 2)
    {
        let small = parts.get(&home).is_some_and(|it| it.len() < events_max / 2);
        if small && let Some(events) = parts.remove(&home) {
            let sealed = pieces.pop().map(|(items, _)| items).unwrap_or_default();
            entries.push(part(home, events, sealed, ignored));
            ignored = 0;
        }
    }
    for (sealed, _) in pieces {
        entries.push(part(home, Vec::new(), sealed, ignored));
        ignored = 0;
    }
    if ignored > 0 {
        entries.push(part(home, Vec::new(), Vec::new(), ignored));
    }
    for (partition, events) in parts {
        for piece in events.chunks(events_max.max(1)) {
            entries.push(part(partition, piece.to_vec(), Vec::new(), 0));
        }
    }
    Ok(entries)
}

fn check(batch: &Batch, bytes_max: usize) -> Result<(), ClusterError> {
    let longest = batch.sealed.iter().map(|item| item.sealed.len()).max();
    let all = batch.sealed.iter().map(|item| item.sealed.len()).sum();
    let longest_max = bytes_max.saturating_sub(BATCH_BYTES_MAX + SEALED_BYTES_EXTRA);
    let limits = [
        (
            "a batch with events",
            batch.events.len(),
            chatmetric_store::BATCH_EVENTS_MAX,
        ),
        (
            "a batch with unreadable items",
            batch.sealed.len(),
            chatmetric_store::BATCH_EVENTS_MAX,
        ),
        ("a batch with sealed items", all, BATCH_SEALED_BYTES_MAX),
        ("a sealed item", longest.unwrap_or(0), longest_max),
        (
            "the name of a source",
            batch.source.len(),
            SOURCE_NAME_BYTES_MAX,
        ),
    ];
    match limits.iter().find(|(_, found, max)| found > max) {
        None => Ok(()),
        Some((what, bytes, bytes_max)) => Err(ClusterError::TooLarge {
            what: (*what).to_owned(),
            bytes: *bytes,
            bytes_max: *bytes_max,
        }),
    }
}

/// Sealed items in pieces that fit into a message, each with its size.
fn by_size(items: Vec<SealedItem>, bytes_max: usize) -> Vec<(Vec<SealedItem>, usize)> {
    let mut pieces: Vec<(Vec<SealedItem>, usize)> = Vec::new();
    for item in items {
        let bytes = item.sealed.len() + SEALED_BYTES_EXTRA;
        match pieces.last_mut() {
            Some((piece, sum)) if *sum + bytes + BATCH_BYTES_MAX <= bytes_max => {
                piece.push(item);
                *sum += bytes;
            }
            _ => pieces.push((vec![item], bytes)),
        }
    }
    pieces
}
