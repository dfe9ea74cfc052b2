//! Which family of message ids counts for a number. Two feeds that call the same
//! message by different ids would count it twice, so one of them counts alone.
//!
//! Not here: what becomes of events of another family (`ingest::binding`).
//!
//! Invariant: the first event that counts decides, durably, and only an operator
//! changes it. It holds for a number within an account: nobody decides for another
//! account what it counts.

use chatmetric_core::{AccountKey, EpochMs, PhoneNumber};
use chatmetric_rpc::credential::AccountId;
use std::collections::HashMap;
use std::sync::Arc;

use super::error::DirectoryError;
use super::identity::Actor;
use super::limits::HELD_NUMBERS_MAX;
use super::snapshot::Snapshot;
use super::{Directory, rows};

/// How every id of Meta begins.
const META_PREFIX: &str = "wamid.";
/// Shorter ids of digits are not from CAMS, whose ids begin with a date.
const CAMS_DIGITS_MIN: usize = 16;

/// Who gives the ids of a feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum IdFamily {
    /// Meta: `wamid.…`.
    Meta,
    /// CAMS: decimal digits.
    Cams,
    /// Somebody else.
    Other,
}

impl IdFamily {
    /// All families.
    pub const ALL: [Self; 3] = [Self::Meta, Self::Cams, Self::Other];

    /// The word in the directory and on the command line.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Meta => "meta",
            Self::Cams => "cams",
            Self::Other => "other",
        }
    }

    /// The family of a word.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|family| family.as_str() == text)
    }
}

/// What an event tells of its family.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IdForm {
    /// Its source, or its id, says which it is.
    Of(IdFamily),
    /// A source that says nothing, and digits: CAMS's, or one of somebody else whose
    /// ids happen to be digits, as some of the hexadecimal ones are.
    Digits,
}

impl IdForm {
    /// Of an id whose source says nothing.
    #[must_use]
    pub fn of_id(id: &str) -> Self {
        if id.starts_with(META_PREFIX) {
            Self::Of(IdFamily::Meta)
        } else if id.len() >= CAMS_DIGITS_MIN && id.bytes().all(|byte| byte.is_ascii_digit()) {
            Self::Digits
        } else {
            Self::Of(IdFamily::Other)
        }
    }

    /// The family that it binds where none counts yet.
    #[must_use]
    pub const fn family(self) -> IdFamily {
        match self {
            Self::Of(family) => family,
            Self::Digits => IdFamily::Cams,
        }
    }

    /// Whether it may belong to the family that counts.
    #[must_use]
    pub fn fits(self, counted: IdFamily) -> bool {
        match (self, counted) {
            (Self::Of(family), _) => family == counted,
            (Self::Digits, IdFamily::Cams | IdFamily::Other) => true,
            (Self::Digits, IdFamily::Meta) => false,
        }
    }
}

/// A number was switched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Switched {
    /// In which account.
    pub account: AccountId,
    /// What counted before, if anything did.
    pub before: Option<IdFamily>,
}

/// A number was not switched.
#[derive(Debug, thiserror::Error)]
pub enum SwitchError {
    /// Nobody has the number, and nobody was named.
    #[error("no space has the number {number}: say whose events of it you mean with `--account`")]
    NoOwner {
        /// The number.
        number: PhoneNumber,
    },
    /// There is no such account.
    #[error("there is no account `{account}`")]
    UnknownAccount {
        /// Its id.
        account: AccountId,
    },
    /// The directory failed.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
}

impl Directory {
    /// Decides which family counts for numbers of an account that have none. Tells what
    /// counts, durably, in the given order: a number that has a family keeps it. `None`
    /// when the account holds events of too many numbers that it does not own.
    ///
    /// # Errors
    /// What SQLite says; then nothing was decided.
    pub fn bind_families(
        &self,
        account: AccountKey,
        wanted: &[(PhoneNumber, IdFamily)],
    ) -> Result<Vec<Option<IdFamily>>, DirectoryError> {
        self.again(|| self.bind_families_once(account, wanted))
    }

    fn bind_families_once(
        &self,
        account: AccountKey,
        wanted: &[(PhoneNumber, IdFamily)],
    ) -> Result<Vec<Option<IdFamily>>, DirectoryError> {
        let mut writer = self.write_newest()?;
        let before = self.snapshot();
        let mut room = before.room_for_families(account);
        let mut made: HashMap<PhoneNumber, IdFamily> = HashMap::new();
        let mut counted = Vec::with_capacity(wanted.len());
        for (number, family) in wanted {
            let known = before.number(number).family(account);
            let known = known.or_else(|| made.get(number).copied());
            let owner = before.number_owner(number);
            let is_own = owner.is_some_and(|space| space.account.key == account);
            counted.push(match known {
                Some(family) => Some(family),
                None if is_own || room > 0 => {
                    room = room.saturating_sub(1);
                    made.insert(*number, *family);
                    Some(*family)
                }
                None => None,
            });
        }
        if !made.is_empty() {
            let made: Vec<_> = made.into_iter().collect();
            rows::bind_families(&mut writer.connection, account, &made)?;
            self.show_families(&before, account, &made);
        }
        Ok(counted)
    }

    /// Lets another family count for a number from now on: in the account that is named,
    /// else in the one that owns the number.
    ///
    /// # Errors
    /// [`SwitchError`]; then nothing was changed.
    pub fn switch_family(
        &self,
        account: Option<&AccountId>,
        number: PhoneNumber,
        family: IdFamily,
        actor: &Actor,
        now: EpochMs,
    ) -> Result<Switched, SwitchError> {
        let mut writer = self.write_newest()?;
        let snapshot = self.snapshot();
        let account = match account {
            Some(id) => snapshot
                .account(id)
                .ok_or_else(|| SwitchError::UnknownAccount {
                    account: id.clone(),
                })?,
            None => {
                let owner = snapshot.number_owner(&number);
                &owner.ok_or(SwitchError::NoOwner { number })?.account
            }
        };
        let before = snapshot.number(&number).family(account.key);
        if before != Some(family) {
            let switch = rows::FamilySwitch {
                account,
                number: &number,
                before,
                after: family,
            };
            rows::switch_family(&mut writer.connection, &switch, actor, now)?;
            self.show_families(&snapshot, account.key, &[(number, family)]);
        }
        Ok(Switched {
            account: account.id.clone(),
            before,
        })
    }

    fn show_families(
        &self,
        before: &Snapshot,
        account: AccountKey,
        made: &[(PhoneNumber, IdFamily)],
    ) {
        let bindings = before.bindings.with_families(account, made);
        self.snapshot.store(Arc::new(Snapshot {
            bindings,
            ..Snapshot::clone(before)
        }));
    }
}

impl Snapshot {
    /// How many families more the account may have for numbers that it does not own.
    /// Those of its own numbers are as many as its numbers, so they are no danger.
    fn room_for_families(&self, account: AccountKey) -> usize {
        let own = self.spaces().filter(|space| space.account.key == account);
        let numbers: usize = own.map(|space| self.numbers_count(space.key)).sum();
        let most = numbers.saturating_add(HELD_NUMBERS_MAX);
        most.saturating_sub(self.bindings.families_count(account))
    }
}

#[cfg(test)]
mod tests {
    //! Families of ids; how they are bound is in `tests/it/families.rs`.

    use super::*;

    #[test]
    fn ids_show_their_family() {
        for (id, family) in [
            ("wamid.HBgL", IdForm::Of(IdFamily::Meta)),
            ("wamid.", IdForm::Of(IdFamily::Meta)),
            ("202512310000000000001", IdForm::Digits),
            ("2025123100000000", IdForm::Digits),
            ("202512310000000", IdForm::Of(IdFamily::Other)),
            ("0", IdForm::Of(IdFamily::Other)),
            ("", IdForm::Of(IdFamily::Other)),
            ("WAMID.x", IdForm::Of(IdFamily::Other)),
            ("m-1", IdForm::Of(IdFamily::Other)),
            ("202512310000000000001 ", IdForm::Of(IdFamily::Other)),
            (
                "\u{661}\u{661}\u{661}\u{661}\u{661}\u{661}\u{661}\u{661}",
                IdForm::Of(IdFamily::Other),
            ),
        ] {
            assert_eq!(IdForm::of_id(id), family, "{id}");
        }
        for counted in IdFamily::ALL {
            for said in IdFamily::ALL {
                assert_eq!(IdForm::Of(said).fits(counted), said == counted);
            }
            assert_eq!(IdForm::Digits.fits(counted), counted != IdFamily::Meta);
        }
        for family in IdFamily::ALL {
            assert_eq!(IdFamily::parse(family.as_str()), Some(family));
        }
        assert_eq!(IdFamily::parse("Meta"), None);
    }
}
