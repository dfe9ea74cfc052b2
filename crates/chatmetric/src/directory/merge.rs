//! Merges a document into the directory's state: what it names becomes as it
//! says, the rest stays (or goes, when pruned).
//!
//! The rules. A field that is absent keeps its value, or has its default in
//! something new. Relations (numbers of a space, policies of a user, group or
//! role, users of a group) only grow, unless pruned; what is left out is noted.
//! A policy's document that is not the one in effect becomes a new version, in
//! effect. A grant's users and spaces and a webhook's app secrets are values and
//! are replaced. Pruning removes accounts and things of accounts that the document
//! does not list, and cuts the lists that it gives; a list that is absent stays.
//!
//! Invariant: the result has no dangling reference and no id twice, or there is
//! a fault for it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chatmetric_core::PhoneNumber;
use chatmetric_rpc::credential::{AccessKeyId, AccountId, KeyStatus};

use super::document::{
    AccountPart, Document, FaultList, GrantPart, KeyPart, List, SpacePart, set_of,
};
use super::error::{ApplyError, DirectoryError};
use super::generate::{self, GeneratedKey};
use super::identity::IdentityIds;
use super::model::{CustSpaceId, UnknownNumbers};
use super::state::{AccountState, GrantId, GrantState, KeyState, Owner, SpaceState, State};
use super::{merge_references, prune};
use crate::entropy::Entropy;

/// The state that a document asks for.
pub(super) struct Merged {
    pub(super) state: State,
    pub(super) notes: Vec<String>,
    pub(super) generated: Vec<GeneratedKey>,
}

pub(super) fn merge(
    old: &State,
    document: &Document,
    prune: bool,
    ids: &mut IdentityIds<'_>,
) -> Result<Merged, ApplyError> {
    let mut faults = FaultList::default();
    let mut state = old.clone();
    if prune {
        prune::prune(&mut state, document, &mut faults);
    }
    let taken = Taken::of(&state);
    let mut merge = Merge {
        entropy: ids.entropy(),
        ids,
        prune,
        taken,
        faults,
        notes: Vec::new(),
        generated: Vec::new(),
    };
    for part in &document.accounts {
        let id = &part.id.value;
        let account = state.accounts.entry(id.clone()).or_insert_with(|| {
            AccountState::named(part.name.clone().unwrap_or_else(|| id.to_string()))
        });
        merge.account(account, part)?;
    }
    merge.numbers(&mut state, document);
    for part in &document.accounts {
        if let Some(account) = state.accounts.get_mut(&part.id.value) {
            merge.default_space(account, part);
        }
    }
    prune::drop_dangling(&mut state);
    for part in &document.accounts {
        merge_references::check(&state, part, &mut merge.faults);
    }
    merge.faults.finish().map_err(ApplyError::Faults)?;
    Ok(Merged {
        state,
        notes: merge.notes,
        generated: merge.generated,
    })
}

/// Who has the ids that are unique in the installation.
pub(super) struct Taken {
    keys: HashMap<AccessKeyId, Owner>,
    spaces: HashMap<CustSpaceId, AccountId>,
    pub(super) webhooks: HashMap<String, AccountId>,
}

impl Taken {
    fn of(state: &State) -> Self {
        let mut taken = Self {
            keys: HashMap::new(),
            spaces: HashMap::new(),
            webhooks: HashMap::new(),
        };
        for (id, account) in &state.accounts {
            let owner = |user: Option<&String>| Owner {
                account: id.clone(),
                user: user.cloned(),
            };
            taken
                .keys
                .extend(account.keys.keys().map(|key| (key.clone(), owner(None))));
            for (name, user) in &account.users {
                taken
                    .keys
                    .extend(user.keys.keys().map(|key| (key.clone(), owner(Some(name)))));
            }
            taken.spaces.extend(
                account
                    .spaces
                    .keys()
                    .map(|space| (space.clone(), id.clone())),
            );
            taken.webhooks.extend(
                account
                    .webhooks
                    .keys()
                    .map(|hook| (hook.clone(), id.clone())),
            );
        }
        taken
    }
}

pub(super) struct Merge<'a, 'c> {
    entropy: &'c dyn Entropy,
    pub(super) ids: &'a mut IdentityIds<'c>,
    pub(super) prune: bool,
    pub(super) taken: Taken,
    pub(super) faults: FaultList,
    notes: Vec<String>,
    generated: Vec<GeneratedKey>,
}

impl Merge<'_, '_> {
    fn account(
        &mut self,
        account: &mut AccountState,
        part: &AccountPart,
    ) -> Result<(), DirectoryError> {
        let id = &part.id.value;
        if let Some(name) = &part.name {
            account.name.clone_from(name);
        }
        account.subscribed = part.subscribed.unwrap_or(account.subscribed);
        let kept = account.calls_per_second.filter(|_| !self.prune);
        account.calls_per_second = part.calls_per_second.or(kept);
        self.keys(
            &mut account.keys,
            &part.keys,
            &Owner {
                account: id.clone(),
                user: None,
            },
        );
        for space in &part.spaces {
            self.space(account, part, space);
        }
        for policy in &part.policies {
            self.policy(account, policy);
        }
        for user in &part.users {
            self.user(account, id, user)?;
        }
        for group in &part.groups {
            self.group(account, id, group)?;
        }
        for role in &part.roles {
            self.role(account, id, role)?;
        }
        for grant in &part.grants {
            merge_grant(account, grant);
        }
        for webhook in &part.webhooks {
            self.webhook(account, id, webhook);
        }
        Ok(())
    }

    pub(super) fn keys(
        &mut self,
        keys: &mut BTreeMap<AccessKeyId, KeyState>,
        parts: &[KeyPart],
        owner: &Owner,
    ) {
        for part in parts {
            let Some(id) = &part.id else { continue };
            if let Some(other) = self
                .taken
                .keys
                .get(&id.value)
                .filter(|other| *other != owner)
            {
                let message = format!("access key `{}` belongs to {other}", id.value);
                self.faults.add(&id.place, message);
                continue;
            }
            if let Some(key) = keys.get_mut(&id.value) {
                key.status = part.status.unwrap_or(key.status);
                if let Some(secret) = &part.secret {
                    key.secret = secret.clone();
                }
            } else {
                self.new_key(keys, part, owner, id.value.clone(), false);
            }
        }
        let nameless = parts.iter().find(|part| part.id.is_none());
        if let Some(part) = nameless.filter(|_| keys.is_empty()) {
            match generate::key_id(self.entropy) {
                Ok(id) => self.new_key(keys, part, owner, id, true),
                Err(error) => self.faults.add(&part.place, error.to_string()),
            }
        }
    }

    fn new_key(
        &mut self,
        keys: &mut BTreeMap<AccessKeyId, KeyState>,
        part: &KeyPart,
        owner: &Owner,
        id: AccessKeyId,
        id_generated: bool,
    ) {
        let generated = part
            .secret
            .is_none()
            .then(|| generate::key_secret(self.entropy));
        let Some(secret) = generated.clone().or_else(|| part.secret.clone()) else {
            return;
        };
        if generated.is_some() || id_generated {
            self.generated.push(GeneratedKey {
                account: owner.account.clone(),
                user: owner.user.clone(),
                id: id.clone(),
                id_generated,
                secret: generated.map(|secret| secret.0),
            });
        }
        keys.insert(
            id,
            KeyState {
                secret,
                status: part.status.unwrap_or(KeyStatus::Active),
            },
        );
    }

    fn space(&mut self, account: &mut AccountState, owner: &AccountPart, part: &SpacePart) {
        let id = &part.id;
        let taken = self.taken.spaces.get(&id.value);
        if taken.is_some_and(|other| *other != owner.id.value) {
            let message = format!("space `{}` belongs to another account", id.value);
            self.faults.add(&id.place, message);
            return;
        }
        // A space of an ISV is a customer's: nothing is bound to it unasked.
        let is_isv = !(account.grants.is_empty() && owner.grants.is_empty());
        let space = account
            .spaces
            .entry(id.value.clone())
            .or_insert_with(|| SpaceState {
                unknown_numbers: if is_isv {
                    UnknownNumbers::Hold
                } else {
                    UnknownNumbers::Auto
                },
                ..SpaceState::plain()
            });
        if let Some(zone) = &part.time_zone {
            space.time_zone.clone_from(zone);
        }
        space.unknown_numbers = part.unknown_numbers.unwrap_or(space.unknown_numbers);
        space.numbers_max = part.numbers_max.unwrap_or(space.numbers_max);
    }

    /// Binds listed numbers and takes them from whatever space has them.
    fn numbers(&mut self, state: &mut State, document: &Document) {
        let mut owners: HashMap<PhoneNumber, (AccountId, CustSpaceId)> = HashMap::new();
        for (account_id, account) in &state.accounts {
            for (space_id, space) in &account.spaces {
                let owner = (account_id.clone(), space_id.clone());
                owners.extend(space.numbers.iter().map(|number| (*number, owner.clone())));
            }
        }
        for account in &document.accounts {
            for part in &account.spaces {
                let Some(listed) = &part.numbers else {
                    continue;
                };
                let here = (account.id.value.clone(), part.id.value.clone());
                let listed = set_of(listed);
                for number in &listed {
                    if let Some(other) = owners.get(number).filter(|other| **other != here)
                        && let Some(space) = space_mut(state, other)
                    {
                        space.numbers.remove(number);
                    }
                }
                let Some(space) = space_mut(state, &here) else {
                    continue;
                };
                let left_out = space
                    .numbers
                    .difference(&listed)
                    .copied()
                    .collect::<Vec<_>>();
                if self.prune {
                    space.numbers = listed;
                } else {
                    space.numbers.extend(listed);
                    self.note_left_out(&format!("space {}", part.id.value), "number", &left_out);
                }
            }
        }
    }

    fn note_left_out<T: std::fmt::Display>(&mut self, whose: &str, what: &str, left_out: &[T]) {
        const SHOWN_MAX: usize = 5;
        if left_out.is_empty() {
            return;
        }
        let shown: Vec<_> = left_out
            .iter()
            .take(SHOWN_MAX)
            .map(ToString::to_string)
            .collect();
        let more = left_out.len().saturating_sub(SHOWN_MAX);
        let more = if more > 0 {
            format!(" and {more} more")
        } else {
            String::new()
        };
        self.notes.push(format!(
            "{whose} keeps {what} {}{more}, which the document leaves out (`--prune` removes it)",
            shown.join(", ")
        ));
    }

    /// A list of names that only grows, unless pruned.
    pub(super) fn relation(
        &mut self,
        current: &mut BTreeSet<String>,
        listed: &List<String>,
        whose: &str,
        what: &str,
    ) {
        let Some(listed) = listed else { return };
        let listed = set_of(listed);
        if self.prune {
            *current = listed;
            return;
        }
        let left_out: Vec<_> = current.difference(&listed).cloned().collect();
        self.note_left_out(whose, what, &left_out);
        current.extend(listed);
    }

    /// Rule 7 of the operation: exactly one default space.
    fn default_space(&mut self, account: &mut AccountState, part: &AccountPart) {
        let is = |value: bool| {
            move |space: &&SpacePart| {
                space
                    .is_default
                    .as_ref()
                    .is_some_and(|at| at.value == value)
            }
        };
        account.make_default_space(&part.id.value);
        let declared = part
            .spaces
            .iter()
            .find(is(true))
            .map(|space| space.id.value.clone());
        let refused: BTreeSet<_> = part
            .spaces
            .iter()
            .filter(is(false))
            .map(|space| &space.id.value)
            .collect();
        let current = || {
            let current = account.spaces.iter().find(|(_, space)| space.is_default);
            current
                .map(|(id, _)| id.clone())
                .filter(|id| !refused.contains(id))
        };
        let only = || match account.spaces.len() {
            1 => account.spaces.keys().next().cloned(),
            _ => None,
        };
        let default = declared
            .or_else(only)
            .or_else(|| replaces_made(account, part))
            .or_else(current);
        let Some(default) = default else {
            let message = format!(
                "the account has {} spaces and none is its default: give one `default = true`",
                account.spaces.len()
            );
            self.faults.add(&part.id.place, message);
            return;
        };
        for (id, space) in &mut account.spaces {
            space.is_default = *id == default;
        }
    }
}

fn space_mut<'a>(
    state: &'a mut State,
    (account, space): &(AccountId, CustSpaceId),
) -> Option<&'a mut SpaceState> {
    state.accounts.get_mut(account)?.spaces.get_mut(space)
}

fn merge_grant(account: &mut AccountState, part: &GrantPart) {
    let id = GrantId {
        code: part.code.value.clone(),
        account: part.account.value.clone(),
    };
    let grant = account.grants.entry(id).or_insert_with(|| GrantState {
        users: BTreeSet::from(["*".to_owned()]),
        spaces: BTreeSet::new(),
    });
    if let Some(users) = &part.users {
        grant.users = set_of(users);
    }
    if let Some(spaces) = &part.spaces {
        grant.spaces = set_of(spaces);
    }
}

/// An account had nothing but the space that was made for it, which was never
/// used; the first declared space then is the single one, so the default.
fn replaces_made(account: &AccountState, part: &AccountPart) -> Option<CustSpaceId> {
    let is_made = |id: &CustSpaceId| id.as_str() == part.id.value.as_str();
    let (made_id, made) = account.spaces.iter().find(|(id, _)| is_made(id))?;
    let mut others = account.spaces.keys().filter(|id| !is_made(id));
    let (other, None) = (others.next()?, others.next()) else {
        return None;
    };
    let unused = made.is_default
        && made.numbers.is_empty()
        && !account
            .webhooks
            .values()
            .any(|webhook| webhook.space.as_ref() == Some(made_id));
    let part_of = |id: &CustSpaceId| part.spaces.iter().find(|space| space.id.value == *id);
    let silent = part_of(other).is_some_and(|space| space.is_default.is_none());
    (unused && silent && part_of(made_id).is_none()).then(|| other.clone())
}
