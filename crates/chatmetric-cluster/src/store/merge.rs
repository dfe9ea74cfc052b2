//! The answers of partitions as one.
//!
//! Not here: asking. Invariant: nothing of a partition is lost or counted twice.

use crate::error::ClusterError;
use crate::partition::{Partition, Partitions};
use chatmetric_core::SpaceKey;
use chatmetric_store::{
    BATCH_EVENTS_MAX, Books, QuarantineId, Quarantined, Reason, SourceName, StatusEvent,
    StoreError, StoreStats, Target, VerifyReport,
};
use std::collections::BTreeMap;

pub(crate) fn books(parts: Vec<Vec<(SourceName, Books)>>) -> Vec<(SourceName, Books)> {
    let mut all: BTreeMap<SourceName, Books> = BTreeMap::new();
    for (source, books) in parts.into_iter().flatten() {
        *all.entry(source).or_default() += books;
    }
    all.into_iter().collect()
}

/// The first items of all partitions, by their ids in the whole cluster.
pub(super) fn items(
    partitions: Partitions,
    parts: Vec<Vec<Quarantined>>,
    items_max: usize,
) -> Vec<Quarantined> {
    let mut all = Vec::new();
    for (partition, items) in partitions.all().zip(parts) {
        all.extend(items.into_iter().map(|item| Quarantined {
            id: QuarantineId(partitions.wide_id(partition, item.id.0)),
            ..item
        }));
    }
    all.sort_unstable_by_key(|item| item.id);
    all.truncate(items_max);
    all
}

pub(super) fn reports(parts: Vec<VerifyReport>) -> VerifyReport {
    let mut sum = VerifyReport::default();
    for part in parts {
        sum.records += part.records;
        sum.day_blocks += part.day_blocks;
        sum.files += part.files;
        sum.bytes += part.bytes;
    }
    sum
}

pub(super) fn stats(parts: Vec<StoreStats>) -> StoreStats {
    let mut sum = StoreStats::default();
    for part in parts {
        sum.disk_bytes += part.disk_bytes;
        sum.run_records += part.run_records;
        sum.runs += part.runs;
        sum.hot_records += part.hot_records;
        sum.journal_bytes += part.journal_bytes;
        sum.syncs += part.syncs;
        sum.queued_events += part.queued_events;
    }
    sum
}

/// Refuses what a store would refuse, before a part of it is in a log.
pub(super) fn check_replay(item: &Quarantined, events: &[StatusEvent]) -> Result<(), ClusterError> {
    let reason = if item.reason == Reason::Late {
        "what came late is never counted".to_owned()
    } else if events.len() > BATCH_EVENTS_MAX {
        format!("more than {BATCH_EVENTS_MAX} events")
    } else if events.iter().any(|event| space_of(event).is_none()) {
        "an event has no space".to_owned()
    } else {
        return Ok(());
    };
    Err(StoreError::Invalid { reason }.into())
}

type Others = BTreeMap<Partition, Vec<(StatusEvent, SpaceKey)>>;

/// The events of the partition of the item, and those of the others.
pub(super) fn by_partition(
    partitions: Partitions,
    home: Partition,
    events: Vec<StatusEvent>,
) -> (Vec<StatusEvent>, Others) {
    let (mut own, mut others) = (Vec::new(), Others::new());
    for event in events {
        let partition = partitions.of_number(&event.number);
        match space_of(&event) {
            Some(space) if partition != home => {
                others.entry(partition).or_default().push((event, space));
            }
            _ => own.push(event),
        }
    }
    (own, others)
}

/// The events of a replay need a space.
fn space_of(event: &StatusEvent) -> Option<SpaceKey> {
    match event.target {
        Target::Space(space) => Some(space),
        Target::Held(_) | Target::Refused(..) => None,
    }
}
