//! Notes on disk: a row for each binding and day that has some, and the usual source of
//! each binding by day.
//!
//! A row is the names of sources that it speaks of, its cells in order, and a CRC-32C over
//! key and value. Not here: how an answer is made of them (`explain.rs`). Invariants: the
//! rows of the catalog with the notes of the generations that it does not hold are all
//! notes; a row stays bounded, whatever is received late.

use super::catalog::{Catalog, View, tally_key};
use super::day_coding::{seal, unseal};
use super::fault;
use super::generation::Published;
use super::notes::{NoteKey, NoteKind, USUAL};
use super::shared::{Shared, Start};
use super::usual::SourceNames;
use crate::api::{SourceName, StoreError};
use crate::coding::{Reader, put_bytes, put_signed, put_varint};
use chatmetric_core::time::SLOTS_PER_DAY;
use chatmetric_core::{DayBlock, EpochMs, Slot, UtcDay};
use fjall::{OwnedWriteBatch, Readable};
use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

/// The last day of which anything may be counted in what is sealed.
pub(crate) const LAST_DAY_KEY: &str = "counted/last_day";
/// Revisions of a counter that are kept of one slot; the oldest ones are put together,
/// under the time of the later one.
pub(crate) const REVISIONS_MAX: usize = 48;

/// Of whom or of when a cell speaks.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Of {
    Usual,
    Source(SourceName),
    Received(Slot),
}

/// The cells of a day by slot, kind and source.
pub(crate) type Cells = BTreeMap<(u8, NoteKind, Of), i64>;

impl Of {
    pub(crate) fn key(key: &NoteKey, names: &SourceNames) -> Option<Self> {
        if key.kind.is_revision() {
            return Some(Self::Received(Slot(key.of)));
        }
        match key.of {
            USUAL => Some(Self::Usual),
            number => names.name(number - 1).map(Self::Source),
        }
    }
}

/// The value of a row; `None` when nothing is left.
pub(crate) fn encode(key: &[u8], day: UtcDay, cells: &Cells) -> Option<Vec<u8>> {
    let cells: Vec<_> = cells.iter().filter(|(_, count)| **count != 0).collect();
    if cells.is_empty() {
        return None;
    }
    let mut names: Vec<&SourceName> = Vec::new();
    for ((_, _, of), _) in &cells {
        if let Of::Source(name) = of
            && !names.contains(&name)
        {
            names.push(name);
        }
    }
    let mut out = Vec::new();
    put_varint(&mut out, names.len() as u64);
    for name in &names {
        put_bytes(&mut out, name.as_bytes());
    }
    let mut last = 0;
    for ((slot, kind, of), count) in cells {
        out.extend([slot - last, *kind as u8]);
        last = *slot;
        let of = match of {
            Of::Usual => 0,
            Of::Source(name) => {
                let at = names.iter().position(|it| *it == name);
                at.map_or(0, |at| at as u64 + 1)
            }
            Of::Received(received) => {
                let own = day.first_slot().0 + u32::from(*slot);
                u64::from(received.0.saturating_sub(own))
            }
        };
        put_varint(&mut out, of);
        put_signed(&mut out, *count);
    }
    seal(key, &mut out);
    Some(out)
}

/// Adds a stored row to `cells`; `None` when the bytes are damaged.
pub(crate) fn decode(key: &[u8], day: UtcDay, value: &[u8], cells: &mut Cells) -> Option<()> {
    let mut reader = Reader::new(unseal(key, value)?);
    let mut names = Vec::new();
    for _ in 0..reader.varint()? {
        names.push(SourceName::from(reader.text()?));
    }
    let mut slot = 0_u8;
    while !reader.is_empty() {
        slot = slot
            .checked_add(reader.byte()?)
            .filter(|it| usize::from(*it) < SLOTS_PER_DAY)?;
        let kind = NoteKind::of_code(reader.byte()?)?;
        let of = reader.varint_u32()?;
        let of = if kind.is_revision() {
            let own = day.first_slot().0.checked_add(u32::from(slot))?;
            Of::Received(Slot(own.checked_add(of)?))
        } else {
            match of.checked_sub(1) {
                None => Of::Usual,
                Some(at) => Of::Source(names.get(at as usize)?.clone()),
            }
        };
        let count = cells.entry((slot, kind, of)).or_default();
        *count = count.checked_add(reader.signed()?)?;
    }
    Some(())
}

/// Puts the oldest revisions of a slot together where there are too many.
fn bound(cells: &mut Cells) {
    let mut revisions: BTreeMap<(u8, NoteKind), Vec<Slot>> = BTreeMap::new();
    for (slot, kind, of) in cells.keys() {
        if let Of::Received(received) = of {
            revisions.entry((*slot, *kind)).or_default().push(*received);
        }
    }
    for ((slot, kind), mut received) in revisions {
        received.sort_unstable();
        let too_many = received.len().saturating_sub(REVISIONS_MAX);
        let Some(kept) = received.get(too_many).copied() else {
            continue;
        };
        for old in received.into_iter().take(too_many) {
            let count = cells.remove(&(slot, kind, Of::Received(old)));
            *cells.entry((slot, kind, Of::Received(kept))).or_default() += count.unwrap_or(0);
        }
    }
}

/// Adds the notes of a generation, its usual sources and its last day to the catalog.
pub(crate) fn add(
    shared: &Shared,
    view: &View,
    batch: &mut OwnedWriteBatch,
    published: &Published,
) -> Result<(), StoreError> {
    let catalog = &shared.catalog;
    for stripe in published.stripes() {
        let mut notes: Vec<(NoteKey, i32)> = stripe
            .notes()
            .iter()
            .map(|(key, count)| (*key, count))
            .collect();
        notes.sort_unstable_by_key(|(key, _)| *key);
        let same_row = |one: &NoteKey, other: &NoteKey| row_of(one) == row_of(other);
        for row in notes.chunk_by(|(one, _), (other, _)| same_row(one, other)) {
            if let Some((first, _)) = row.first() {
                add_row(shared, view, batch, row_of(first), row)?;
            }
        }
    }
    let last_change = EpochMs(published.last_change_ms.load(Ordering::Relaxed));
    let last_day = u64::from(last_change.slot().day().0);
    let known = catalog.get_u64(view, LAST_DAY_KEY)?.unwrap_or(0);
    let last_day = known.max(last_day).to_le_bytes();
    batch.insert(&catalog.meta, LAST_DAY_KEY, last_day);
    Ok(())
}

const fn row_of(key: &NoteKey) -> (u32, UtcDay) {
    (key.binding, key.slot.day())
}

fn add_row(
    shared: &Shared,
    view: &View,
    batch: &mut OwnedWriteBatch,
    (binding, day): (u32, UtcDay),
    notes: &[(NoteKey, i32)],
) -> Result<(), StoreError> {
    let catalog = &shared.catalog;
    let key = tally_key(binding, day.0);
    let mut cells = Cells::new();
    if let Some(value) = catalog.get(view, &catalog.explained, key)? {
        decode(&key, day, &value, &mut cells).ok_or_else(|| damaged(catalog, &key))?;
    }
    for (note, count) in notes {
        // A day has 96 slots.
        let slot = DayBlock::index_of(note.slot) as u8;
        if let Some(of) = Of::key(note, &shared.names) {
            *cells.entry((slot, note.kind, of)).or_default() += i64::from(*count);
        }
    }
    bound(&mut cells);
    match encode(&key, day, &cells) {
        Some(value) => batch.insert(&catalog.explained, key, value),
        None => batch.remove(&catalog.explained, key),
    }
    Ok(())
}

/// Adds the usual sources of a generation to the catalog.
pub(crate) fn add_usual(
    shared: &Shared,
    batch: &mut OwnedWriteBatch,
    usual: &[(u32, UtcDay, u32)],
) {
    for (binding, from_day, source) in usual {
        if let Some(name) = shared.names.name(*source) {
            let key = tally_key(*binding, from_day.0);
            batch.insert(&shared.catalog.usual, key, name.as_bytes());
        }
    }
}

pub(crate) fn damaged(catalog: &Catalog, key: &[u8]) -> StoreError {
    let detail = format!("the explanation {key:02x?} is damaged");
    fault::corrupt(catalog.path(), 0, detail)
}

/// The binding and the day of a key.
fn parts(key: &[u8]) -> Option<(u32, UtcDay)> {
    let key = u64::from_be_bytes(key.try_into().ok()?);
    Some(((key >> 32) as u32, UtcDay(key as u32)))
}

/// Reads the usual sources, and up to which day anything may have been counted.
pub(crate) fn load(catalog: &Catalog, view: &View, start: &mut Start) -> Result<(), StoreError> {
    let last_day = match catalog.get_u64(view, LAST_DAY_KEY)? {
        Some(day) => UtcDay(u32::try_from(day).unwrap_or(u32::MAX)),
        None => last_counted_day(catalog, view)?,
    };
    start.usual.counted_up_to(last_day);
    catalog.each(view, &catalog.usual, &[], |key, value| {
        let damaged = || damaged(catalog, key);
        let (binding, from_day) = parts(key).ok_or_else(damaged)?;
        let name = std::str::from_utf8(value).map_err(|_| damaged())?;
        let source = start.names.number(&name.into());
        start.usual.set(binding, source, from_day);
        Ok(true)
    })
}

/// The last day in the tallies of a directory of before format 4: read once, by its first
/// start, because the next seal keeps it.
fn last_counted_day(catalog: &Catalog, view: &View) -> Result<UtcDay, StoreError> {
    let mut last = UtcDay(0);
    for guard in view.snapshot.range::<&[u8], _>(&catalog.tallies, ..) {
        let key = guard.key().map_err(|error| fault::engine("read", error))?;
        let (_, day) = parts(&key).ok_or_else(|| damaged(catalog, &key))?;
        last = last.max(day);
    }
    Ok(last)
}

/// The usual sources of a binding, each from its day on, in order.
pub(crate) fn usual_of(
    catalog: &Catalog,
    view: &View,
    binding: u32,
) -> Result<BTreeMap<UtcDay, SourceName>, StoreError> {
    let mut usual = BTreeMap::new();
    let prefix = binding.to_be_bytes();
    catalog.each(view, &catalog.usual, &prefix, |key, value| {
        let named = parts(key).zip(std::str::from_utf8(value).ok());
        let ((_, from_day), name) = named.ok_or_else(|| damaged(catalog, key))?;
        usual.insert(from_day, name.into());
        Ok(true)
    })?;
    Ok(usual)
}

/// Reads every row.
pub(crate) fn verify(shared: &Shared, view: &View) -> Result<(), StoreError> {
    let catalog = &shared.catalog;
    catalog.each(view, &catalog.explained, &[], |key, value| {
        let sound = parts(key).and_then(|(_, day)| decode(key, day, value, &mut Cells::new()));
        sound.map(|()| true).ok_or_else(|| damaged(catalog, key))
    })
}

#[cfg(test)]
mod tests;
