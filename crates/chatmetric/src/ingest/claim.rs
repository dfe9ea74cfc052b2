//! Claims: events of a number that nobody owned are held, and counted once the
//! account that holds them owns the number.
//!
//! Both sides that may change an owner use it: `apply`, before it answers, and the
//! server's periodic work, for events that were held by an older picture of the
//! directory: such a batch may wait in the store's queue for any time.
//!
//! Invariant: what is held follows the owner of the first claim; a number that
//! moves afterwards does not take it along. Every held event is looked at again,
//! whatever else is held before it.

use crate::directory::Snapshot;
use chatmetric_core::{AccountKey, PhoneNumber, SpaceKey};
use chatmetric_store::{
    QuarantineFilter, QuarantineId, QuarantinedContent, Reason, Store, StoreError,
};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Held events that are looked at in one piece.
const HELD_PAGE: usize = 1_000;
/// Pieces of one tick of the periodic work; the next tick goes on behind them.
const HELD_PAGES_MAX: usize = 100;
/// How often everything that is held is looked at while the directory stands
/// still, in ms.
const LOOK_AGAIN_MS: u64 = 60_000;

/// Claims what is held for numbers that the holder's account owns by now.
///
/// # Errors
/// When it cannot be made durable; what was claimed before stays claimed.
pub(crate) fn claim_held(store: &dyn Store, snapshot: &Snapshot) -> Result<(), StoreError> {
    let mut walk = Walk::default();
    while walk.go_on(store, snapshot)? == Place::Within {}
    Ok(())
}

/// Where a walk stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Within,
    End,
}

/// A walk through everything that is held, in pieces.
#[derive(Debug, Default)]
struct Walk {
    after: Option<QuarantineId>,
    seen: BTreeSet<(AccountKey, PhoneNumber)>,
}

impl Walk {
    /// Looks at the next pieces; after an error it goes on at the same place.
    fn go_on(&mut self, store: &dyn Store, snapshot: &Snapshot) -> Result<Place, StoreError> {
        for _ in 0..HELD_PAGES_MAX {
            let filter = QuarantineFilter {
                after: self.after,
                reason: Some(Reason::UnknownNumber),
                account: None,
            };
            let page = store.quarantine(filter, HELD_PAGE)?;
            for item in &page {
                let (Some(account), QuarantinedContent::Event { number, .. }) =
                    (item.account, &item.content)
                else {
                    continue;
                };
                if self.seen.contains(&(account, *number)) {
                    continue;
                }
                if let Some(space) = owner(snapshot, account, number) {
                    let events = store.claim(account, *number, space)?;
                    tracing::info!(events, "held events are claimed");
                }
                self.seen.insert((account, *number));
            }
            self.after = page.last().map(|item| item.id).or(self.after);
            if page.len() < HELD_PAGE {
                return Ok(Place::End);
            }
        }
        Ok(Place::Within)
    }
}

/// The looks of the periodic work at what is held.
#[derive(Debug, Default)]
pub(crate) struct Looks {
    walk: Option<Walk>,
    /// The directory of the time when the last walk began.
    looked_for: Option<Arc<Snapshot>>,
    /// One walk more at once: an event may have been held by the picture before.
    again: bool,
    /// When to look again although the directory stands still, by the monotonic
    /// clock.
    next_ms: u64,
}

impl Looks {
    /// Goes on with a walk, or begins one when the directory changed or when it is
    /// time while anything is held.
    ///
    /// # Errors
    /// When the store cannot be read or a claim cannot be made durable; the next
    /// tick tries again.
    pub(crate) fn tick(
        &mut self,
        store: &dyn Store,
        snapshot: &Arc<Snapshot>,
        now_ms: u64,
    ) -> Result<(), StoreError> {
        if self.walk.is_none() {
            let seen = self.looked_for.as_ref();
            let changed = seen.is_none_or(|seen| !Arc::ptr_eq(seen, snapshot));
            if !changed && !self.again && now_ms < self.next_ms {
                return Ok(());
            }
            self.again = changed;
            self.looked_for = Some(Arc::clone(snapshot));
            self.next_ms = now_ms.saturating_add(LOOK_AGAIN_MS);
            if !anything_held(store)? {
                return Ok(());
            }
        }
        let walk = self.walk.get_or_insert_default();
        match walk.go_on(store, snapshot)? {
            Place::Within => {}
            Place::End => self.walk = None,
        }
        Ok(())
    }
}

/// The books know it without a look at the items.
fn anything_held(store: &dyn Store) -> Result<bool, StoreError> {
    let books = store.books()?;
    Ok(books.iter().any(|(_, books)| books.quarantined > 0))
}

fn owner(snapshot: &Snapshot, account: AccountKey, number: &PhoneNumber) -> Option<SpaceKey> {
    let space = snapshot.number_owner(number)?;
    (space.account.key == account).then_some(space.key)
}
