//! Changes that are not batches: the floor, due events, claims, replays.
//!
//! Their effects are written entry by entry, so that a replay looks nothing up.
//! Many items are worked off in several frames; each balances the books, and
//! after a crash the same call goes on where it stopped.

use super::catalog::{FUTURE_PREFIX, RECEIVED_PREFIX, held_prefix, timed_key};
use super::entry::BooksDelta;
use super::generation::lock;
use super::item::{Body, Item};
use super::queue::{Command, Replay};
use super::shared::{Shared, shard_of};
use super::writer::{Seen, Writer};
use crate::api::{BATCH_EVENTS_MAX, Reason, StatusEvent, StoreError, Target};
use chatmetric_core::{AccountKey, EpochMs, PhoneNumber, SpaceKey};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The most bytes that one released item takes in a frame.
const ITEM_BYTES_MAX: u64 = 600;

/// What is to be done with one item.
enum Fate {
    Keep,
    Expire,
    Count(StatusEvent, SpaceKey),
    Change(Item),
}

impl Writer {
    pub(crate) fn command(&mut self, command: Command) -> Result<u64, StoreError> {
        self.shared.check()?;
        match command {
            Command::Rotate => self.rotate().map(|()| 0),
            Command::Floor(floor) => self.raise_floor(floor),
            Command::ReleaseDue(now) => {
                let last = timed_key(FUTURE_PREFIX, now);
                let ids = self.candidates(&[FUTURE_PREFIX], |key| key[..9] <= last[..])?;
                self.work_off(ids, now, |item| due_fate(item, now))
            }
            Command::Claim(account, number, space) => {
                let ids = self.candidates(&held_prefix(account, &number), |_| true)?;
                self.work_off(ids, EpochMs(0), |item| {
                    claim_fate(item, account, &number, space)
                })
            }
            Command::Replay(replay) => self.replay(&replay),
        }
    }

    /// Counts this shard's events of an item, and lets go of the item if it is here.
    fn replay(&mut self, replay: &Replay) -> Result<u64, StoreError> {
        let item = match replay.item {
            Some(id) => self.item(id.0)?.map(|item| (id.0, item)),
            None => None,
        };
        if replay.item.is_some() && item.is_none() {
            return Ok(0);
        }
        self.make_room((replay.events.len() as u64 + 1) * ITEM_BYTES_MAX)?;
        self.in_frame(replay.received_at, |writer| {
            let known = writer.known();
            writer.reported_by(&replay.source);
            for (event, space) in &replay.events {
                writer.count(event, *space, Seen::default(), &known)?;
            }
            if let Some((id, item)) = &item {
                writer.remove_item(*id);
                writer.note_delta(&item.source, &leaving(7));
            }
            Ok(())
        })?;
        self.mark();
        Ok(u64::from(item.is_some()))
    }

    /// Raises the floor, and lets go what was received before it. A call that was
    /// interrupted in between goes on when it is repeated.
    fn raise_floor(&mut self, floor: EpochMs) -> Result<u64, StoreError> {
        if self.floor.is_none_or(|current| floor > current) {
            self.make_room(64)?;
            self.in_frame(EpochMs(0), |writer| {
                writer.frame.encoder.floor(floor);
                writer.frame.floor = Some(floor);
                Ok(())
            })?;
            self.mark();
        }
        let floor = self.floor.unwrap_or(floor);
        let end = timed_key(RECEIVED_PREFIX, floor);
        let ids = self.candidates(&[RECEIVED_PREFIX], |key| key[..9] < end[..])?;
        let mut expired = Expired::default();
        let worked = self.work_off(ids, EpochMs(0), |item| {
            if item.received_at >= floor {
                return Fate::Keep;
            }
            expired.note(item.reason);
            Fate::Expire
        });
        if worked.is_ok() {
            expired.warn(floor);
        }
        worked
    }

    /// The ids that the index of the catalog names, and everything that the
    /// generations hold besides; a later look at each item decides.
    fn candidates(
        &self,
        prefix: &[u8],
        more: impl Fn(&[u8]) -> bool,
    ) -> Result<BTreeSet<u64>, StoreError> {
        // Generations first: what leaves them is in the catalog by then.
        let view = self.shard().view();
        let catalog = &self.shared.catalog;
        let sealed = catalog.indexed(&catalog.view(), prefix, more)?;
        let mut ids: BTreeSet<u64> = sealed.into_iter().collect();
        for generation in view.generations() {
            let side = lock(&generation.side);
            let there = side.quarantine.iter().filter(|(_, item)| item.is_some());
            ids.extend(there.map(|(id, _)| *id));
        }
        Ok(ids)
    }

    /// The item as it is now, if this shard is responsible for it.
    fn item(&self, id: u64) -> Result<Option<Arc<Item>>, StoreError> {
        let view = self.shard().view();
        for generation in view.generations().rev() {
            if let Some(item) = lock(&generation.side).quarantine.get(&id) {
                return Ok(item.clone());
            }
        }
        let catalog = &self.shared.catalog;
        let item = catalog.item(&catalog.view(), id)?;
        Ok(item
            .filter(|item| item_shard(item, &self.shared) == self.shard)
            .map(Arc::new))
    }

    fn work_off(
        &mut self,
        ids: BTreeSet<u64>,
        time: EpochMs,
        mut fate: impl FnMut(&Item) -> Fate,
    ) -> Result<u64, StoreError> {
        let ids: Vec<u64> = ids.into_iter().collect();
        let mut counted = 0;
        for chunk in ids.chunks(BATCH_EVENTS_MAX) {
            // All are read before the frame begins: one that cannot be read must
            // leave nothing behind.
            let mut fates = Vec::with_capacity(chunk.len());
            let mut time = time;
            for id in chunk {
                let Some(item) = self.item(*id)? else {
                    continue;
                };
                let fate = fate(&item);
                if matches!(fate, Fate::Count(..)) {
                    // A record is kept as long after a release as after a receipt.
                    time = time.max(item.received_at);
                }
                fates.push((*id, item, fate));
            }
            self.make_room(chunk.len() as u64 * ITEM_BYTES_MAX)?;
            counted += self.in_frame(time, |writer| writer.meet(fates))?;
            self.mark();
        }
        Ok(counted)
    }

    /// Does with each item what its fate says; tells how many were counted.
    fn meet(&mut self, fates: Vec<(u64, Arc<Item>, Fate)>) -> Result<u64, StoreError> {
        let known = self.known();
        let mut counted = 0;
        for (id, item, fate) in fates {
            match fate {
                Fate::Keep => {}
                Fate::Change(item) => self.put_item(id, item),
                Fate::Expire => {
                    self.remove_item(id);
                    // A late event stays late in the books; only its body ages out.
                    if item.reason != Reason::Late {
                        self.note_delta(&item.source, &leaving(8));
                    }
                }
                Fate::Count(event, space) => {
                    self.reported_by(&item.source);
                    self.count(&event, space, Seen::default(), &known)?;
                    self.remove_item(id);
                    self.note_delta(&item.source, &leaving(7));
                    counted += 1;
                }
            }
        }
        Ok(counted)
    }
}

/// How many items of each reason aged out.
#[derive(Default)]
struct Expired(BTreeMap<Reason, u64>);

impl Expired {
    /// A late event was in the books for good when it came.
    fn note(&mut self, reason: Reason) {
        if reason != Reason::Late {
            *self.0.entry(reason).or_default() += 1;
        }
    }

    /// Says what was lost: nobody decided about it in time.
    fn warn(&self, floor: EpochMs) {
        if self.0.is_empty() {
            return;
        }
        let reasons = self.0.iter();
        let reasons: Vec<String> = reasons
            .map(|(reason, count)| format!("{} {}", count, reason.as_str()))
            .collect();
        tracing::warn!(
            items = self.0.values().sum::<u64>(),
            reasons = reasons.join(", "),
            floor_ms = floor.0,
            "quarantined items aged out with the floor, uncounted"
        );
    }
}

/// One item less in quarantine, one more in the field `into` of the books.
fn leaving(into: usize) -> BooksDelta {
    const QUARANTINED: usize = 6;
    let mut delta = BooksDelta::default();
    delta.0[QUARANTINED] = -1;
    delta.0[into] = 1;
    delta
}

/// Events belong to the shard of their number, sealed bytes to the first one.
fn item_shard(item: &Item, shared: &Shared) -> usize {
    match &item.body {
        Body::Event(event) => shard_of(&event.number, shared.shards.len()),
        Body::Sealed(..) => 0,
    }
}

fn due_fate(item: &Item, now: EpochMs) -> Fate {
    let Body::Event(event) = &item.body else {
        return Fate::Keep;
    };
    if item.reason != Reason::Future || event.at > now {
        return Fate::Keep;
    }
    match event.target {
        Target::Space(space) => Fate::Count(*event, space),
        // Due, but nobody owns the number yet: only the claim is missing now.
        Target::Held(_) => Fate::Change(Item {
            reason: Reason::UnknownNumber,
            ..item.clone()
        }),
        Target::Refused(..) => Fate::Keep,
    }
}

fn claim_fate(item: &Item, account: AccountKey, number: &PhoneNumber, space: SpaceKey) -> Fate {
    let Body::Event(event) = &item.body else {
        return Fate::Keep;
    };
    if event.target != Target::Held(account) || event.number != *number {
        return Fate::Keep;
    }
    match item.reason {
        Reason::UnknownNumber => Fate::Count(*event, space),
        // Not due yet: it has an owner now and waits for its time alone.
        Reason::Future => Fate::Change(Item {
            body: Body::Event(StatusEvent {
                target: Target::Space(space),
                ..*event
            }),
            ..item.clone()
        }),
        Reason::Late
        | Reason::ForeignNumber
        | Reason::SecondSource
        | Reason::BadTimestamp
        | Reason::Malformed
        | Reason::Unparsable
        | Reason::TooManyNumbers => Fate::Keep,
    }
}

#[cfg(test)]
mod tests;
