//! Reading: the catalog at one moment plus the generations that it does not hold.
//!
//! Invariant: the generations are pinned first, the snapshot is taken second, and
//! only generations from the snapshot's segment on are added; so nothing is
//! missing and nothing counts twice, whatever is sealed meanwhile. A span of
//! cached days stands for the snapshot; it carries its own segment.

use super::catalog::{View, segment_key, tally_key};
use super::day_cache::{self, Span};
use super::day_coding;
use super::fault;
use super::generation::{Published, lock};
use super::item::Item;
use super::shared::{Shard, Shared, shard_of};
use crate::api::{DayVisitor, QuarantineFilter, Quarantined, StoreError};
use chatmetric_core::{DayBlock, PhoneNumber, SpaceKey, UtcDay};
use fjall::Readable;
use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::{Arc, PoisonError};

/// The generations that a snapshot does not contain, from the oldest on.
fn open_generations(
    shared: &Shared,
    shard: &Shard,
    pinned: &super::shared::ShardView,
    view: &View,
) -> Result<Vec<Arc<Published>>, StoreError> {
    let first = shared
        .catalog
        .get_u64(view, &segment_key(shard.number))?
        .unwrap_or(1);
    Ok(pinned
        .generations()
        .filter(|it| it.segment >= first)
        .cloned()
        .collect())
}

pub(crate) fn read_days(
    shared: &Shared,
    space: SpaceKey,
    number: &PhoneNumber,
    days: &RangeInclusive<UtcDay>,
    visit: &mut DayVisitor<'_>,
) -> Result<(), StoreError> {
    // Earlier days are not kept, whatever is still on disk of them.
    let days = &((*days.start()).max(shared.first_day())..=*days.end());
    if days.is_empty() {
        return Ok(());
    }
    let binding = shared
        .bindings
        .read()
        .unwrap_or_else(PoisonError::into_inner)
        .get(&(space, *number))
        .copied();
    let Some(binding) = binding else {
        return Ok(());
    };
    // A binding belongs to the shard of its number.
    let shard = &shared.shards[shard_of(number, shared.shards.len())];
    let pinned = shard.view();
    // The span comes after the pin, so it holds what the pin does not.
    let span = match shared.day_cache.get(binding, days) {
        Some(span) => span,
        None => load_span(shared, shard, binding, days)?,
    };
    let open: Vec<_> = pinned
        .generations()
        .filter(|it| it.segment >= span.segment)
        .cloned()
        .collect();
    let mut hot = hot_days(&open, binding, days).into_iter().peekable();
    let mut block = DayBlock::default();
    let mut show = |day: UtcDay, block: &DayBlock| {
        if !block.is_zero() {
            visit(day, block);
        }
    };
    let from = span.blocks.partition_point(|(day, _)| day < days.start());
    let to = span.blocks.partition_point(|(day, _)| day <= days.end());
    for (day, bytes) in span.blocks.get(from..to).unwrap_or(&[]) {
        while let Some((earlier, more)) = hot.next_if(|(it, _)| it < day) {
            show(earlier, &more);
        }
        block.clear();
        day_coding::add_body(bytes, &mut block)
            .ok_or_else(|| damaged(shared, &tally_key(binding, day.0)))?;
        if let Some((_, more)) = hot.next_if(|(it, _)| it == day) {
            block.add_block(&more);
        }
        show(*day, &block);
    }
    for (day, more) in hot {
        show(day, &more);
    }
    Ok(())
}

fn damaged(shared: &Shared, key: &[u8]) -> StoreError {
    let detail = format!("day block {key:02x?} is damaged");
    fault::corrupt(shared.catalog.path(), 0, detail)
}

/// Reads days of a binding from a snapshot and keeps them for the next reader.
fn load_span(
    shared: &Shared,
    shard: &Shard,
    binding: u32,
    days: &RangeInclusive<UtcDay>,
) -> Result<Arc<Span>, StoreError> {
    let catalog = &shared.catalog;
    let view = catalog.view();
    let segment = catalog.get_u64(&view, &segment_key(shard.number))?;
    let (days, keep) = day_cache::span_days(days);
    let keys = tally_key(binding, days.start().0)..=tally_key(binding, days.end().0);
    let mut blocks = Vec::new();
    for guard in view.snapshot.range(&catalog.tallies, keys) {
        let (key, value) = guard
            .into_inner()
            .map_err(|error| fault::engine("read", error))?;
        let (_, day) = key
            .split_last_chunk::<4>()
            .ok_or_else(|| damaged(shared, &key))?;
        let body = day_coding::unseal(&key, &value).ok_or_else(|| damaged(shared, &key))?;
        blocks.push((UtcDay(u32::from_be_bytes(*day)), Box::from(body)));
    }
    let span = Arc::new(Span {
        segment: segment.unwrap_or(1),
        days,
        blocks,
    });
    if keep {
        let kept = Arc::clone(&span);
        shared.day_cache.put(binding, kept, &shard.sealed);
    }
    Ok(span)
}

/// The differences of a binding in memory, by day.
fn hot_days(
    generations: &[Arc<Published>],
    binding: u32,
    days: &RangeInclusive<UtcDay>,
) -> BTreeMap<UtcDay, DayBlock> {
    let mut sum: BTreeMap<UtcDay, DayBlock> = BTreeMap::new();
    for generation in generations {
        let stripe = generation.stripe(binding);
        for hot in stripe.of(binding, days) {
            hot.add_to(sum.entry(hot.day).or_default());
        }
    }
    sum
}

pub(crate) fn numbers(shared: &Shared, space: SpaceKey) -> Vec<PhoneNumber> {
    let bindings = shared
        .bindings
        .read()
        .unwrap_or_else(PoisonError::into_inner);
    let Ok(least) = PhoneNumber::parse("0") else {
        return Vec::new();
    };
    bindings
        .range((space, least)..)
        .take_while(|((it, _), _)| *it == space)
        .map(|((_, number), _)| *number)
        .collect()
}

pub(crate) fn quarantine(
    shared: &Shared,
    filter: QuarantineFilter,
    items_max: usize,
) -> Result<Vec<Quarantined>, StoreError> {
    let pinned: Vec<_> = shared.shards.iter().map(Shard::view).collect();
    let view = shared.catalog.view();
    let after = filter.after.map_or(0, |after| after.0.saturating_add(1));
    let mut changed: BTreeMap<u64, Option<Arc<Item>>> = BTreeMap::new();
    for (shard, pinned) in shared.shards.iter().zip(&pinned) {
        for generation in open_generations(shared, shard, pinned, &view)? {
            let side = lock(&generation.side);
            changed.extend(
                side.quarantine
                    .range(after..)
                    .map(|(id, item)| (*id, item.clone())),
            );
        }
    }
    let mut found = Vec::new();
    let wanted = |item: &Quarantined| {
        filter.reason.is_none_or(|reason| item.reason == reason)
            && filter
                .account
                .is_none_or(|account| item.account == Some(account))
    };
    let mut give = |id: u64, item: &Item| {
        let item = item.describe(id);
        if found.len() < items_max && wanted(&item) {
            found.push(item);
        }
        found.len() < items_max
    };
    let mut changed = changed.into_iter().peekable();
    let catalog = &shared.catalog;
    let mut more = true;
    for guard in view
        .snapshot
        .range(&catalog.quarantine, after.to_be_bytes()..)
    {
        if !more {
            break;
        }
        let (key, value) = guard
            .into_inner()
            .map_err(|error| fault::engine("read", error))?;
        let damaged = || fault::corrupt(catalog.path(), 0, format!("item {key:02x?} is damaged"));
        let id = u64::from_be_bytes(key.as_ref().try_into().map_err(|_| damaged())?);
        while let Some((earlier, item)) = changed.next_if(|(it, _)| *it < id) {
            more &= item.is_none_or(|item| give(earlier, &item));
        }
        more &= match changed.next_if(|(it, _)| *it == id) {
            Some((_, item)) => item.is_none_or(|item| give(id, &item)),
            None => give(id, &Item::decode(&value).ok_or_else(damaged)?),
        };
    }
    for (id, item) in changed {
        if let Some(item) = item {
            give(id, &item);
        }
    }
    Ok(found)
}
