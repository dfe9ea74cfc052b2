//! Claims: events of a number that nobody owned are held, and counted once the
//! account that holds them owns the number.
//!
//! Both sides that may change an owner use it: `apply`, before it answers, and the
//! server's periodic work, for events that were held by an older picture.
//!
//! Invariant: what is held follows the owner of the first claim; a number that
//! moves afterwards does not take it along.

use crate::directory::Snapshot;
use chatmetric_core::{AccountKey, PhoneNumber, SpaceKey};
use chatmetric_store::{QuarantineFilter, QuarantinedContent, Reason, Store, StoreError};
use std::collections::BTreeSet;

/// Held events that are looked at in one piece.
const HELD_PAGE: usize = 1_000;
/// Pieces of one look; the next look goes on.
const HELD_PAGES_MAX: usize = 1_000;

/// Claims what is held for numbers that the holder's account owns by now.
///
/// # Errors
/// When it cannot be made durable; what was claimed before stays claimed.
pub(crate) fn claim_held(store: &dyn Store, snapshot: &Snapshot) -> Result<(), StoreError> {
    let mut seen: BTreeSet<(AccountKey, PhoneNumber)> = BTreeSet::new();
    let mut filter = QuarantineFilter {
        reason: Some(Reason::UnknownNumber),
        ..QuarantineFilter::default()
    };
    for _ in 0..HELD_PAGES_MAX {
        let page = store.quarantine(filter, HELD_PAGE)?;
        filter.after = page.last().map(|item| item.id);
        let full = page.len() == HELD_PAGE;
        for item in page {
            let (Some(account), QuarantinedContent::Event { number, .. }) =
                (item.account, item.content)
            else {
                continue;
            };
            if !seen.insert((account, number)) {
                continue;
            }
            if let Some(space) = owner(snapshot, account, &number) {
                let events = store.claim(account, number, space)?;
                tracing::info!(events, "held events are claimed");
            }
        }
        if !full {
            break;
        }
    }
    Ok(())
}

fn owner(snapshot: &Snapshot, account: AccountKey, number: &PhoneNumber) -> Option<SpaceKey> {
    let space = snapshot.number_owner(number)?;
    (space.account.key == account).then_some(space.key)
}
