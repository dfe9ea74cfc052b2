//! Where the events of a file belong that is loaded into a space.
//!
//! A file may tell of the past: what a number did while it was the space's counts there,
//! also after it left. Not here: how numbers and families are bound.

use crate::directory::{IdFamily, IdForm, Snapshot};
use crate::ingest::binding;
use chatmetric_core::{AccountKey, EpochMs, PhoneNumber, SpaceKey};
use chatmetric_store::{Reason, Target};

/// Where a number's events belong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// All of them.
    Always(Target),
    /// The number left the space: its history stays, what came later does not.
    Until { space: SpaceKey, end: EpochMs },
    /// Another space has it.
    Elsewhere,
}

impl Place {
    /// `None` for a number that no space owns.
    pub(super) fn of(snapshot: &Snapshot, space: SpaceKey, number: &PhoneNumber) -> Option<Self> {
        let owner = snapshot.number_owner(number);
        if owner.is_some_and(|owner| owner.key == space) {
            return Some(Self::Always(Target::Space(space)));
        }
        let history = snapshot.number_history(number);
        let left = history.iter().filter(|binding| binding.space == space);
        match left.filter_map(|binding| binding.to).max() {
            Some(end) => Some(Self::Until { space, end }),
            None => owner.map(|_| Self::Elsewhere),
        }
    }

    fn target(self, account: AccountKey, at: EpochMs) -> Target {
        match self {
            Self::Always(target) => target,
            Self::Until { space, end } if at < end => Target::Space(space),
            Self::Until { .. } | Self::Elsewhere => Target::Refused(account, Reason::ForeignNumber),
        }
    }

    /// Whether what happened then is counted, now or once it is claimed.
    pub(super) fn counts(self, account: AccountKey, at: EpochMs) -> bool {
        match self.target(account, at) {
            Target::Space(_) | Target::Held(_) => true,
            Target::Refused(..) => false,
        }
    }
}

/// A number's place, and the family of ids that counts of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Judge {
    pub(super) place: Place,
    pub(super) counted: Option<IdFamily>,
}

impl Judge {
    pub(super) fn target(self, account: AccountKey, family: IdForm, at: EpochMs) -> Target {
        let target = self.place.target(account, at);
        binding::of_family(target, account, self.counted, family)
    }
}
