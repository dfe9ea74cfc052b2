//! Changes that are not batches: the floor, due events, claims.
//!
//! Their effects are written entry by entry, so that a replay looks nothing up.
//! Many items are worked off in several frames; each balances the books, and
//! after a crash the same call goes on where it stopped.

use super::catalog::{FUTURE_PREFIX, RECEIVED_PREFIX, held_prefix, timed_key};
use super::entry::BooksDelta;
use super::generation::lock;
use super::item::{Body, Item};
use super::queue::Command;
use super::shared::{Shared, shard_of};
use super::writer::Writer;
use crate::api::{BATCH_EVENTS_MAX, Reason, StatusEvent, StoreError, Target};
use chatmetric_core::{AccountKey, EpochMs, PhoneNumber, SpaceKey};
use std::collections::BTreeSet;
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
        }
    }

    fn raise_floor(&mut self, floor: EpochMs) -> Result<u64, StoreError> {
        if self.floor.is_some_and(|current| floor <= current) {
            return Ok(0);
        }
        let end = timed_key(RECEIVED_PREFIX, floor);
        let ids = self.candidates(&[RECEIVED_PREFIX], |key| key[..9] < end[..])?;
        self.make_room(64)?;
        self.start_frame(EpochMs(0));
        self.frame.encoder.floor(floor);
        self.frame.floor = Some(floor);
        self.commit_frame()?;
        self.mark();
        self.work_off(ids, EpochMs(0), |item| {
            if item.received_at < floor {
                Fate::Expire
            } else {
                Fate::Keep
            }
        })
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
        fate: impl Fn(&Item) -> Fate,
    ) -> Result<u64, StoreError> {
        let ids: Vec<u64> = ids.into_iter().collect();
        let mut counted = 0;
        for chunk in ids.chunks(BATCH_EVENTS_MAX) {
            self.make_room(chunk.len() as u64 * ITEM_BYTES_MAX)?;
            self.start_frame(time);
            let known = self.known();
            for id in chunk {
                let Some(item) = self.item(*id)? else {
                    continue;
                };
                match fate(&item) {
                    Fate::Keep => {}
                    Fate::Change(item) => self.put_item(*id, item),
                    Fate::Expire => {
                        self.remove_item(*id);
                        // A late event stays late in the books; only its body ages out.
                        if item.reason != Reason::Late {
                            self.note_delta(&item.source, &leaving(8));
                        }
                    }
                    Fate::Count(event, space) => {
                        self.count(&event, space, &known).inspect_err(|error| {
                            self.shared.poison(super::fault::chain(error));
                        })?;
                        self.remove_item(*id);
                        self.note_delta(&item.source, &leaving(7));
                        counted += 1;
                    }
                }
            }
            self.commit_frame()?;
            self.mark();
        }
        Ok(counted)
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
