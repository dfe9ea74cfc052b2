//! How many nonces each account holds.
//!
//! An entry names its account by a small number, because there are millions of entries; the
//! number is free again once the account holds nothing. Bounded by the number of entries.

use std::collections::HashMap;

use crate::credential::AccountId;

/// The small number of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Holder(u32);

impl Holder {
    /// Of entries whose account is not known.
    pub(super) const NOBODY: Self = Self(u32::MAX);
}

#[derive(Debug)]
struct Place {
    account: AccountId,
    held: usize,
}

/// The accounts that hold something.
#[derive(Debug, Default)]
pub(super) struct Holders {
    numbers: HashMap<AccountId, u32>,
    places: Vec<Option<Place>>,
    free: Vec<u32>,
}

impl Holders {
    pub(super) fn held_by(&self, account: &AccountId) -> usize {
        let number = self.numbers.get(account).copied();
        let place = number.and_then(|number| self.places.get(usize::try_from(number).ok()?));
        place.and_then(Option::as_ref).map_or(0, |place| place.held)
    }

    /// Counts one more for an account.
    pub(super) fn add(&mut self, account: &AccountId) -> Holder {
        let number = match self.numbers.get(account) {
            Some(number) => *number,
            None => self.new_number(account),
        };
        if let Some(place) = self.place(number).and_then(Option::as_mut) {
            place.held += 1;
        }
        Holder(number)
    }

    /// Counts one less.
    pub(super) fn remove(&mut self, holder: Holder) {
        let Some(slot) = self.place(holder.0) else {
            return;
        };
        let Some(place) = slot else { return };
        place.held = place.held.saturating_sub(1);
        if place.held == 0
            && let Some(place) = slot.take()
        {
            self.numbers.remove(&place.account);
            self.free.push(holder.0);
        }
    }

    fn new_number(&mut self, account: &AccountId) -> u32 {
        let place = Place {
            account: account.clone(),
            held: 0,
        };
        let number = match self.free.pop() {
            Some(number) => number,
            None => {
                self.places.push(None);
                u32::try_from(self.places.len() - 1).unwrap_or(Holder::NOBODY.0)
            }
        };
        if let Some(slot) = self.place(number) {
            *slot = Some(place);
        }
        self.numbers.insert(account.clone(), number);
        number
    }

    fn place(&mut self, number: u32) -> Option<&mut Option<Place>> {
        self.places.get_mut(usize::try_from(number).ok()?)
    }

    /// How many accounts hold something.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        assert_eq!(self.numbers.len() + self.free.len(), self.places.len());
        self.numbers.len()
    }
}
