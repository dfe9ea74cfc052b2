//! Replays of quarantined items: which shard counts which events.
//!
//! The shard of the item comes last: until it has let go of the item, a crash leaves a
//! replay that can be repeated, and what is counted twice is counted once.

use super::EmbeddedStore;
use super::queue::{Command, Replay};
use super::read;
use super::shared::shard_of;
use crate::api::{
    QuarantineFilter, QuarantineId, Quarantined, QuarantinedContent, StatusEvent, StoreError,
    check_replay,
};

/// See [`Store::replay`](crate::Store::replay).
pub(crate) fn replay(
    store: &EmbeddedStore,
    id: QuarantineId,
    events: &[StatusEvent],
) -> Result<bool, StoreError> {
    let filter = QuarantineFilter {
        after: id.0.checked_sub(1).map(QuarantineId),
        ..QuarantineFilter::default()
    };
    let found = read::quarantine(&store.shared, filter, 1)?;
    let Some(item) = found.into_iter().find(|item| item.id == id) else {
        return Ok(false);
    };
    let events = check_replay(&item, events)?;
    let shards = store.shared.shards.len();
    let home = shard_of_item(&item, shards);
    let mut parts: Vec<Vec<_>> = (0..shards).map(|_| Vec::new()).collect();
    for (event, space) in events {
        parts[shard_of(&event.number, shards)].push((event, space));
    }
    let part = |events, item_id| {
        Command::Replay(Replay {
            item: item_id,
            source: item.source.clone(),
            received_at: item.received_at,
            events,
        })
    };
    let own = std::mem::take(&mut parts[home]);
    for (shard, events) in parts.into_iter().enumerate() {
        if !events.is_empty() {
            store.command(part(events, None), shard..shard + 1)?;
        }
    }
    let gone = store.command(part(own, Some(id)), home..home + 1)?;
    Ok(gone > 0)
}

/// As the writers have it: sealed bytes are the first one's.
fn shard_of_item(item: &Quarantined, shards: usize) -> usize {
    match &item.content {
        QuarantinedContent::Event { number, .. } => shard_of(number, shards),
        QuarantinedContent::Sealed(_) => 0,
    }
}
