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
use super::hot_days::HotDay;
use super::item::Item;
use super::packed_day::PackedDay;
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
    let open = pinned.generations().filter(|it| it.segment >= span.segment);
    // All of them at the same time: only the newest one changes, and a day that it
    // is read for must not be older than the day before.
    let stripes: Vec<_> = open.map(|it| it.stripe(binding)).collect();
    let mut hot: Vec<_> = stripes.iter().flat_map(|it| it.of(binding, days)).collect();
    hot.retain(|days| !days.is_empty());
    let from = span.blocks.partition_point(|(day, _)| day < days.start());
    let to = span.blocks.partition_point(|(day, _)| day <= days.end());
    let cold = span.blocks.get(from..to).unwrap_or(&[]);
    show(cold, hot, visit);
    Ok(())
}

/// Shows the stored days with the differences of the open generations added, in the
/// order of the days.
fn show(mut cold: &[(UtcDay, PackedDay)], mut hot: Vec<&[HotDay]>, visit: &mut DayVisitor<'_>) {
    let mut block = DayBlock::default();
    loop {
        let coldest = cold.first().map(|(day, _)| *day);
        let hottest = hot.iter().filter_map(|days| days.first()).map(|it| it.day);
        let Some(day) = hottest.chain(coldest).min() else {
            return;
        };
        match cold.split_first() {
            Some(((at, packed), rest)) if *at == day => {
                packed.unpack(&mut block);
                cold = rest;
            }
            Some(_) | None => block.clear(),
        }
        for days in &mut hot {
            if let Some((first, rest)) = days.split_first()
                && first.day == day
            {
                first.add_to(&mut block);
                *days = rest;
            }
        }
        if !block.is_zero() {
            visit(day, &block);
        }
    }
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
    let mut block = DayBlock::default();
    for guard in view.snapshot.range(&catalog.tallies, keys) {
        let (key, value) = guard
            .into_inner()
            .map_err(|error| fault::engine("read", error))?;
        let (_, day) = key
            .split_last_chunk::<4>()
            .ok_or_else(|| damaged(shared, &key))?;
        let body = day_coding::unseal(&key, &value).ok_or_else(|| damaged(shared, &key))?;
        block.clear();
        day_coding::add_body(body, &mut block).ok_or_else(|| damaged(shared, &key))?;
        let day = UtcDay(u32::from_be_bytes(*day));
        blocks.push((day, PackedDay::pack(&block)));
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
