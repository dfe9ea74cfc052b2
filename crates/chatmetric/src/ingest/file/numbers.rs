//! The numbers that a load has met, each with its judge while that holds.
//!
//! A file has the same numbers in every batch, and looking each up in the directory again
//! is half the work of a load. Invariant: a judge is used again only under the very
//! snapshot that it comes from, and only once the family of its ids is decided.

use super::place::Judge;
use crate::directory::Snapshot;
use chatmetric_core::PhoneNumber;
use hashbrown::HashMap;
use std::sync::Arc;

/// Most numbers that are remembered between batches.
const NUMBERS_MAX: usize = 100_000;

/// A number's place in the list.
pub(super) type NumberPlace = u32;

struct Known {
    number: PhoneNumber,
    judge: Option<Judge>,
}

/// See the module.
#[derive(Default)]
pub(super) struct Numbers {
    known: Vec<Known>,
    places: HashMap<PhoneNumber, NumberPlace>,
    last: Option<(PhoneNumber, NumberPlace)>,
    snapshot: Option<Arc<Snapshot>>,
}

impl Numbers {
    /// The place of a number, until [`Self::bound`].
    pub(super) fn place(&mut self, number: PhoneNumber) -> NumberPlace {
        // The reports of a message stand together, mostly.
        if let Some((last, place)) = self.last
            && last == number
        {
            return place;
        }
        let next = NumberPlace::try_from(self.known.len()).unwrap_or(NumberPlace::MAX);
        let place = *self.places.entry(number).or_insert(next);
        if place == next {
            self.known.push(Known {
                number,
                judge: None,
            });
        }
        self.last = Some((number, place));
        place
    }

    fn get(&self, place: NumberPlace) -> Option<&Known> {
        self.known.get(usize::try_from(place).ok()?)
    }

    pub(super) fn number(&self, place: NumberPlace) -> Option<PhoneNumber> {
        self.get(place).map(|known| known.number)
    }

    pub(super) fn judge(&self, place: NumberPlace) -> Option<Judge> {
        self.get(place).and_then(|known| known.judge)
    }

    /// Forgets judges that come from another snapshot.
    pub(super) fn under(&mut self, snapshot: &Arc<Snapshot>) {
        let is_same = |known: &Arc<Snapshot>| Arc::ptr_eq(known, snapshot);
        if !self.snapshot.as_ref().is_some_and(is_same) {
            self.known.iter_mut().for_each(|known| known.judge = None);
            self.snapshot = Some(Arc::clone(snapshot));
        }
    }

    /// Remembers a judge if it holds beyond the batch.
    pub(super) fn remember(&mut self, number: &PhoneNumber, judge: Judge) {
        let place = self.places.get(number).copied();
        let place = place.and_then(|place| usize::try_from(place).ok());
        let known = place.and_then(|place| self.known.get_mut(place));
        if let Some(known) = known {
            known.judge = judge.counted.is_some().then_some(judge);
        }
    }

    /// Forgets all where there are too many; places are void then.
    pub(super) fn bound(&mut self) {
        if self.known.len() > NUMBERS_MAX {
            *self = Self::default();
        }
    }
}
