//! Spaces, ISV grants and accounts, changed one by one for somebody who is
//! named in the audit log; webhooks are in `webhook_changes`, numbers that move in
//! `number_moves`, identities in `identity`, documents in `merge`.
//!
//! Each change is judged on a copy of the directory and written as one transaction
//! with its entries. Invariant: a change that is refused has changed nothing, and
//! touches nothing of another account.

use std::collections::BTreeSet;

use chatmetric_core::{EpochMs, Zone};
use chatmetric_rpc::credential::{AccessKeyId, AccountId, KeyStatus, SecretKey};

use super::audit;
use super::diff;
use super::error::DirectoryError;
use super::generate;
use super::identity::Actor;
use super::limits::{
    ACCOUNT_NAME_CHARS_MAX, ACCOUNTS_MAX, CALLS_PER_SECOND_MAX, ENTRIES_MAX, NUMBERS_MAX_MAX,
};
use super::model::{CustSpaceId, UnknownNumbers};
use super::state::{AccountState, GrantId, GrantState, KeyState, SpaceState, State};
use super::{Directory, Writer, rows};
use crate::entropy::Entropy;

/// Digits of an account id that is made here.
const ACCOUNT_ID_DIGITS: usize = 16;

/// A kind of thing that a change is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResourceKind {
    /// An account.
    Account,
    /// A space.
    Space,
    /// A webhook.
    Webhook,
    /// A grant of an ISV.
    Grant,
    /// A number.
    Number,
}

impl ResourceKind {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::Space => "space",
            Self::Webhook => "webhook",
            Self::Grant => "ISV grant",
            Self::Number => "number of a space",
        }
    }
}

/// A value of what is made or changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResourceField {
    /// The id of a space, webhook or account.
    Id,
    /// The name of an account.
    Name,
    /// The zone of a space.
    TimeZone,
    /// Most numbers of a space.
    NumbersMax,
    /// An app secret of a webhook.
    AppSecret,
    /// The token of a webhook.
    Token,
    /// The kind of a webhook.
    Kind,
    /// The space of a webhook.
    Space,
    /// The account of a grant.
    Account,
    /// The users of a grant.
    Users,
    /// The spaces of a grant.
    Spaces,
    /// The throttle of an account.
    CallsPerSecond,
}

/// A change is refused; nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum ResourceError {
    /// There is no such thing in the account.
    #[error("there is no {} `{name}`", kind.as_str())]
    NotFound {
        /// What.
        kind: ResourceKind,
        /// Its id.
        name: String,
    },
    /// The id is taken, here or in another account.
    #[error("the {} `{name}` exists already", kind.as_str())]
    Exists {
        /// What.
        kind: ResourceKind,
        /// Its id.
        name: String,
    },
    /// There are as many as there may be.
    #[error("there may be at most {limit} of kind `{}`", kind.as_str())]
    Limit {
        /// What.
        kind: ResourceKind,
        /// How many.
        limit: usize,
    },
    /// A value is not valid.
    #[error("{reason}")]
    Invalid {
        /// Which value.
        field: ResourceField,
        /// What would be valid.
        reason: String,
    },
    /// The directory failed.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
}

pub(super) fn invalid(field: ResourceField, reason: impl Into<String>) -> ResourceError {
    ResourceError::Invalid {
        field,
        reason: reason.into(),
    }
}

/// What becomes different of a space.
#[derive(Debug, Clone, Default)]
pub struct SpaceChanges {
    /// The zone.
    pub time_zone: Option<String>,
    /// What becomes of unknown numbers.
    pub unknown_numbers: Option<UnknownNumbers>,
    /// Most numbers that are bound by themselves.
    pub numbers_max: Option<u32>,
}

/// A space that is to be made.
#[derive(Debug, Clone)]
pub struct NewSpace {
    /// Its id.
    pub id: String,
    /// The rest, as far as it is given.
    pub values: SpaceChanges,
}

/// What becomes different of an account.
#[derive(Debug, Clone, Default)]
pub struct AccountChanges {
    /// Its name.
    pub name: Option<String>,
    /// Whether it is subscribed.
    pub subscribed: Option<bool>,
    /// Its throttle; `Some(None)` is the server's setting.
    pub calls_per_second: Option<Option<u32>>,
}

impl Directory {
    /// Makes a space of an account.
    ///
    /// # Errors
    /// [`ResourceError`]
    pub fn create_space(
        &self,
        account: &AccountId,
        new: &NewSpace,
        actor: &Actor,
        now: EpochMs,
    ) -> Result<(), ResourceError> {
        self.change_resources("CreateSpace", actor, now, |state, _| {
            let id = CustSpaceId::parse(&new.id)
                .map_err(|error| invalid(ResourceField::Id, error.to_string()))?;
            let is_taken = state.accounts.values().any(|a| a.spaces.contains_key(&id));
            refuse_taken(ResourceKind::Space, id.as_str(), is_taken)?;
            let account = account_of(state, account)?;
            refuse_above(ResourceKind::Space, account.spaces.len(), ENTRIES_MAX)?;
            let mut space = SpaceState {
                is_default: !account.spaces.values().any(|space| space.is_default),
                ..SpaceState::plain()
            };
            set_space(&mut space, &new.values)?;
            account.spaces.insert(id, space);
            Ok(())
        })
    }

    /// Changes a space of an account.
    ///
    /// # Errors
    /// [`ResourceError`]
    pub fn update_space(
        &self,
        account: &AccountId,
        id: &str,
        changes: &SpaceChanges,
        actor: &Actor,
        now: EpochMs,
    ) -> Result<(), ResourceError> {
        self.change_resources("UpdateSpace", actor, now, |state, _| {
            let space = account_of(state, account)?.spaces.get_mut(id);
            let space = space.ok_or_else(|| not_found(ResourceKind::Space, id))?;
            set_space(space, changes)
        })
    }

    /// Lets another account ask about spaces of this one, and gives the IsvCode, which
    /// is a new one.
    ///
    /// # Errors
    /// [`ResourceError`]
    pub fn create_grant(
        &self,
        isv: &AccountId,
        to: &AccountId,
        users: &BTreeSet<String>,
        spaces: &[String],
        actor: &Actor,
        now: EpochMs,
    ) -> Result<String, ResourceError> {
        self.change_resources("CreateGrant", actor, now, |state, entropy| {
            if users.is_empty() {
                let reason = "users are `*` or names of users of the account";
                return Err(invalid(ResourceField::Users, reason));
            }
            // Which accounts and users there are, is nobody else's business: one refusal.
            let customer = state.accounts.get(to).filter(|_| to != isv);
            let are_users = customer.is_some_and(|customer| {
                let is_user = |name: &String| name == "*" || customer.users.contains_key(name);
                users.iter().all(is_user)
            });
            if !are_users {
                let reason = "there is no other account with this id and these users";
                return Err(invalid(ResourceField::Account, reason));
            }
            let code = generate::isv_code(entropy);
            let account = account_of(state, isv)?;
            refuse_above(ResourceKind::Grant, account.grants.len(), ENTRIES_MAX)?;
            let spaces: BTreeSet<_> = spaces
                .iter()
                .map(|space| own_space(account, space))
                .collect::<Result<_, _>>()
                .map_err(|_| invalid(ResourceField::Spaces, "spaces are ids of own spaces"))?;
            if spaces.is_empty() {
                return Err(invalid(
                    ResourceField::Spaces,
                    "at least one space is granted",
                ));
            }
            let id = GrantId {
                code: code.clone(),
                account: to.clone(),
            };
            let users = users.clone();
            account.grants.insert(id, GrantState { users, spaces });
            Ok(code)
        })
    }

    /// Takes a grant back.
    ///
    /// # Errors
    /// [`ResourceError::NotFound`]
    pub fn delete_grant(
        &self,
        isv: &AccountId,
        code: &str,
        to: &AccountId,
        actor: &Actor,
        now: EpochMs,
    ) -> Result<(), ResourceError> {
        self.change_resources("DeleteGrant", actor, now, |state, _| {
            let id = GrantId {
                code: code.to_owned(),
                account: to.clone(),
            };
            let removed = account_of(state, isv)?.grants.remove(&id);
            removed
                .map(drop)
                .ok_or_else(|| not_found(ResourceKind::Grant, code))
        })
    }

    /// Makes an account with a default space and one key of its owner.
    ///
    /// # Errors
    /// [`ResourceError`]
    pub fn create_account(
        &self,
        id: Option<&AccountId>,
        name: &str,
        actor: &Actor,
        now: EpochMs,
    ) -> Result<(AccountId, AccessKeyId, SecretKey), ResourceError> {
        self.change_resources("CreateAccount", actor, now, |state, entropy| {
            check_account_name(name)?;
            let made = |error: chatmetric_rpc::credential::IdentifierError| {
                invalid(ResourceField::Id, error.to_string())
            };
            let id = match id {
                Some(id) => id.clone(),
                None => AccountId::parse(&generate::digits_after(entropy, '1', ACCOUNT_ID_DIGITS))
                    .map_err(made)?,
            };
            let is_taken = state.accounts.contains_key(&id);
            refuse_taken(ResourceKind::Account, id.as_str(), is_taken)?;
            refuse_above(ResourceKind::Account, state.accounts.len(), ACCOUNTS_MAX)?;
            let mut account = AccountState::named(name.to_owned());
            let (key_id, secret) = (
                generate::key_id(entropy).map_err(made)?,
                generate::key_secret(entropy),
            );
            let key = KeyState {
                secret: secret.clone(),
                status: KeyStatus::Active,
            };
            account.keys.insert(key_id.clone(), key);
            account.make_default_space(&id);
            state.accounts.insert(id.clone(), account);
            Ok((id, key_id, secret.0))
        })
    }

    /// Changes an account.
    ///
    /// # Errors
    /// [`ResourceError`]
    pub fn update_account(
        &self,
        id: &AccountId,
        changes: &AccountChanges,
        actor: &Actor,
        now: EpochMs,
    ) -> Result<(), ResourceError> {
        self.change_resources("UpdateAccount", actor, now, |state, _| {
            let account = account_of(state, id)?;
            if let Some(name) = &changes.name {
                check_account_name(name)?;
                account.name.clone_from(name);
            }
            account.subscribed = changes.subscribed.unwrap_or(account.subscribed);
            if let Some(calls) = changes.calls_per_second {
                if calls.is_some_and(|calls| !(1..=CALLS_PER_SECOND_MAX).contains(&calls)) {
                    let reason = format!("it is from 1 to {CALLS_PER_SECOND_MAX}");
                    return Err(invalid(ResourceField::CallsPerSecond, reason));
                }
                account.calls_per_second = calls;
            }
            Ok(())
        })
    }

    pub(super) fn change_resources<T>(
        &self,
        action: &'static str,
        actor: &Actor,
        now: EpochMs,
        change: impl FnOnce(&mut State, &dyn Entropy) -> Result<T, ResourceError>,
    ) -> Result<T, ResourceError> {
        let mut writer = self.write_newest()?;
        let Writer {
            connection,
            master_key,
            ..
        } = &mut *writer;
        let old = rows::load_state(connection, master_key)?;
        let mut new = old.clone();
        let result = change(&mut new, self.entropy.as_ref())?;
        let changes = diff::diff(&old, &new);
        if !changes.is_empty() {
            let write = rows::Write {
                actor,
                master_key,
                entropy: self.entropy.as_ref(),
                now,
            };
            let entries = audit::apply_entries(action, &changes, &old, &new);
            let written = rows::write_changes(connection, &write, &new, &changes, entries)?;
            self.publish(written);
        }
        Ok(result)
    }
}

pub(super) fn account_of<'s>(
    state: &'s mut State,
    id: &AccountId,
) -> Result<&'s mut AccountState, ResourceError> {
    let account = state.accounts.get_mut(id);
    account.ok_or_else(|| not_found(ResourceKind::Account, id.as_str()))
}

pub(super) fn not_found(kind: ResourceKind, name: &str) -> ResourceError {
    ResourceError::NotFound {
        kind,
        name: name.to_owned(),
    }
}

pub(super) fn refuse_taken(
    kind: ResourceKind,
    name: &str,
    is_taken: bool,
) -> Result<(), ResourceError> {
    if is_taken {
        let name = name.to_owned();
        return Err(ResourceError::Exists { kind, name });
    }
    Ok(())
}

pub(super) fn refuse_above(
    kind: ResourceKind,
    count: usize,
    limit: usize,
) -> Result<(), ResourceError> {
    if count >= limit {
        return Err(ResourceError::Limit { kind, limit });
    }
    Ok(())
}

pub(super) fn own_space(account: &AccountState, id: &str) -> Result<CustSpaceId, ResourceError> {
    let found = account.spaces.get_key_value(id).map(|(id, _)| id.clone());
    found.ok_or_else(|| invalid(ResourceField::Space, "it is no space of the account"))
}

fn set_space(space: &mut SpaceState, changes: &SpaceChanges) -> Result<(), ResourceError> {
    if let Some(zone) = &changes.time_zone {
        let zone = Zone::parse(zone)
            .map_err(|error| invalid(ResourceField::TimeZone, error.to_string()))?;
        space.time_zone = zone.name().to_owned();
    }
    space.unknown_numbers = changes.unknown_numbers.unwrap_or(space.unknown_numbers);
    if let Some(numbers_max) = changes.numbers_max {
        if numbers_max > NUMBERS_MAX_MAX {
            let reason = format!("it is at most {NUMBERS_MAX_MAX}");
            return Err(invalid(ResourceField::NumbersMax, reason));
        }
        space.numbers_max = numbers_max;
    }
    Ok(())
}

fn check_account_name(name: &str) -> Result<(), ResourceError> {
    let chars = name.chars().count();
    if (1..=ACCOUNT_NAME_CHARS_MAX).contains(&chars) && !name.chars().any(char::is_control) {
        return Ok(());
    }
    let reason =
        format!("it is 1 to {ACCOUNT_NAME_CHARS_MAX} characters without control characters");
    Err(invalid(ResourceField::Name, reason))
}
