//! Answers what made a count: the counts and the notes of one moment, and the plain
//! reports of the usual source, which are what remains.
//!
//! Invariant: as in `read.rs`: generations are pinned before the snapshot is taken, and
//! only those that it does not hold are added; all stripes are held together, so counts
//! and notes are of the same frames.

use super::catalog::{View, segment_key, tally_key};
use super::explained::{self, Cells, Of};
use super::generation::lock;
use super::notes::NoteKind;
use super::shared::{Shard, Shared, shard_of};
use super::{day_coding, fault};
use crate::api::{SourceName, StoreError, check_explained};
use crate::explanation::{Explanation, Origin, Revision, Share};
use chatmetric_core::{Counts, DayBlock, PhoneNumber, Slot, SpaceKey, UtcDay};
use fjall::Readable;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::PoisonError;

/// What is known of one day.
#[derive(Default)]
struct Day {
    block: DayBlock,
    cells: Cells,
}

type Days = BTreeMap<UtcDay, Day>;

/// See [`Store::explain`](crate::Store::explain).
pub(crate) fn explain(
    shared: &Shared,
    space: SpaceKey,
    number: &PhoneNumber,
    slots: Range<Slot>,
) -> Result<Explanation, StoreError> {
    check_explained(&slots)?;
    let start = slots.start.max(shared.first_day().first_slot());
    let binding = shared
        .bindings
        .read()
        .unwrap_or_else(PoisonError::into_inner)
        .get(&(space, *number))
        .copied();
    let (Some(binding), true) = (binding, start < slots.end) else {
        return Ok(Explanation::default());
    };
    let shard = &shared.shards[shard_of(number, shared.shards.len())];
    let (days, usual) = gather(shared, shard, binding, start..slots.end)?;
    Ok(put_together(&days, &usual, &(start..slots.end)))
}

/// The days of the slots with their counts and notes, and the usual sources.
fn gather(
    shared: &Shared,
    shard: &Shard,
    binding: u32,
    slots: Range<Slot>,
) -> Result<(Days, BTreeMap<UtcDay, SourceName>), StoreError> {
    let pinned = shard.view();
    let catalog = &shared.catalog;
    let view = catalog.view();
    let first = catalog
        .get_u64(&view, &segment_key(shard.number))?
        .unwrap_or(1);
    let range = slots.start.day()..=Slot(slots.end.0 - 1).day();
    let mut days = stored(shared, &view, binding, &range)?;
    let mut usual = explained::usual_of(catalog, &view, binding)?;
    let open: Vec<_> = pinned
        .generations()
        .filter(|it| it.segment >= first)
        .collect();
    let stripes: Vec<_> = open.iter().map(|it| it.stripe(binding)).collect();
    for stripe in &stripes {
        for day in stripe.of(binding, &range).into_iter().flatten() {
            day.add_to(&mut days.entry(day.day).or_default().block);
        }
        for (key, count) in stripe.notes().of(binding, slots.clone()) {
            let day = days.entry(key.slot.day()).or_default();
            // A day has 96 slots.
            let slot = DayBlock::index_of(key.slot) as u8;
            if let Some(of) = Of::key(key, &shared.names) {
                *day.cells.entry((slot, key.kind, of)).or_default() += i64::from(count);
            }
        }
    }
    drop(stripes);
    // After the counts: a writer tells whose day it is before it shows what was counted.
    for generation in open {
        for (of, from_day, source) in &lock(&generation.side).usual {
            if *of == binding
                && let Some(name) = shared.names.name(*source)
            {
                usual.insert(*from_day, name);
            }
        }
    }
    Ok((days, usual))
}

/// What the catalog has of the days.
fn stored(
    shared: &Shared,
    view: &View,
    binding: u32,
    range: &std::ops::RangeInclusive<UtcDay>,
) -> Result<Days, StoreError> {
    let catalog = &shared.catalog;
    let keys = || tally_key(binding, range.start().0)..=tally_key(binding, range.end().0);
    let mut days = Days::new();
    for (keyspace, are_notes) in [(&catalog.tallies, false), (&catalog.explained, true)] {
        for guard in view.snapshot.range(keyspace, keys()) {
            let (key, value) = guard
                .into_inner()
                .map_err(|error| fault::engine("read", error))?;
            let damaged = || explained::damaged(catalog, &key);
            let (_, day) = key.split_last_chunk::<4>().ok_or_else(damaged)?;
            let at = UtcDay(u32::from_be_bytes(*day));
            let day = days.entry(at).or_default();
            let read = if are_notes {
                explained::decode(&key, at, &value, &mut day.cells)
            } else {
                day_coding::add_to(&key, &value, &mut day.block)
            };
            read.ok_or_else(damaged)?;
        }
    }
    Ok(days)
}

/// The shares of the sources, what remains given to the usual one of each day.
fn put_together(
    days: &Days,
    usual: &BTreeMap<UtcDay, SourceName>,
    slots: &Range<Slot>,
) -> Explanation {
    let mut origins: BTreeMap<Option<SourceName>, Origin> = BTreeMap::new();
    let mut revisions: BTreeMap<Slot, Revision> = BTreeMap::new();
    let (mut sent, mut delivered) = (0, 0);
    for (at, day) in days {
        let usual = usual
            .range(..=*at)
            .next_back()
            .map(|(_, name)| name.clone());
        let wanted = |slot: u8| slots.contains(&Slot(at.first_slot().0 + u32::from(slot)));
        let all = (0_u8..).zip(day.block.slots());
        let counts = all
            .filter(|(slot, _)| wanted(*slot))
            .fold(Counts::ZERO, |sum, (_, counts)| sum + counts);
        let (mut plain_sent, mut plain_delivered) =
            (i64::from(counts.sent), i64::from(counts.delivered));
        sent += plain_sent;
        delivered += plain_delivered;
        for ((slot, kind, of), count) in &day.cells {
            if !wanted(*slot) {
                continue;
            }
            let source = match of {
                Of::Usual => usual.clone(),
                Of::Source(name) => Some(name.clone()),
                Of::Received(received) => {
                    if *received >= slots.end {
                        revise(&mut revisions, *received, *kind, *count);
                    }
                    continue;
                }
            };
            let origin = origins
                .entry(source.clone())
                .or_insert_with(|| Origin::of(source));
            note(origin, *kind, *count);
            match kind {
                NoteKind::SentReported | NoteKind::SentImplied | NoteKind::SentMoved => {
                    plain_sent -= count;
                }
                NoteKind::DeliveredReported
                | NoteKind::DeliveredImplied
                | NoteKind::DeliveredMoved => plain_delivered -= count,
                NoteKind::Duplicate
                | NoteKind::Late
                | NoteKind::SentRevised
                | NoteKind::DeliveredRevised => {}
            }
        }
        if (plain_sent, plain_delivered) != (0, 0) {
            let origin = origins
                .entry(usual.clone())
                .or_insert_with(|| Origin::of(usual));
            let reported = |reported| Share {
                reported,
                ..Share::default()
            };
            origin.sent.add(&reported(plain_sent));
            origin.delivered.add(&reported(plain_delivered));
        }
    }
    Explanation {
        sent,
        delivered,
        origins: origins.into_values().filter(|it| !it.is_empty()).collect(),
        revisions: revisions
            .into_values()
            .filter(|it| (it.sent, it.delivered) != (0, 0))
            .collect(),
    }
}

/// Adds a note to the part of its source.
fn note(origin: &mut Origin, kind: NoteKind, count: i64) {
    let more = u64::try_from(count).unwrap_or(0);
    match kind {
        NoteKind::SentReported => origin.sent.reported += count,
        NoteKind::SentImplied => origin.sent.implied += count,
        NoteKind::SentMoved => origin.sent.moved += count,
        NoteKind::DeliveredReported => origin.delivered.reported += count,
        NoteKind::DeliveredImplied => origin.delivered.implied += count,
        NoteKind::DeliveredMoved => origin.delivered.moved += count,
        NoteKind::Duplicate => origin.duplicates += more,
        NoteKind::Late => origin.late += more,
        NoteKind::SentRevised | NoteKind::DeliveredRevised => {}
    }
}

fn revise(revisions: &mut BTreeMap<Slot, Revision>, received: Slot, kind: NoteKind, count: i64) {
    let revision = revisions.entry(received).or_insert(Revision {
        received,
        sent: 0,
        delivered: 0,
    });
    match kind {
        NoteKind::SentRevised => revision.sent += count,
        NoteKind::DeliveredRevised => revision.delivered += count,
        NoteKind::SentReported
        | NoteKind::SentImplied
        | NoteKind::SentMoved
        | NoteKind::DeliveredReported
        | NoteKind::DeliveredImplied
        | NoteKind::DeliveredMoved
        | NoteKind::Duplicate
        | NoteKind::Late => {}
    }
}
