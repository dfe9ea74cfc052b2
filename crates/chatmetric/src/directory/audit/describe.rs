//! Things of the directory as JSON for the audit log, without secrets.
//!
//! Invariant: what is described holds no secret; of two that differ, only that
//! they differ is told.

use std::collections::BTreeMap;

use chatmetric_core::PhoneNumber;
use chatmetric_rpc::credential::AccountId;
use serde_json::{Map, Value, json};

use super::{AUDIT_ENTRY_NUMBERS_MAX, NewEntry};
use crate::directory::diff::{Change, ChangeKind, Entity, NumberMove, SpaceOwner};
use crate::directory::family::IdFamily;
use crate::directory::model::CustSpaceId;
use crate::directory::state::{
    AccountState, GrantState, GroupState, KeyState, PolicyState, RoleState, SpaceState, State,
    UserState, WebhookState,
};

/// A thing as JSON.
pub(in crate::directory) trait Described {
    /// Its fields.
    fn describe(&self) -> Map<String, Value>;
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        other => Map::from_iter([("value".to_owned(), other)]),
    }
}

impl Described for AccountState {
    fn describe(&self) -> Map<String, Value> {
        object(json!({
            "name": self.name,
            "subscribed": self.subscribed,
            "calls_per_second": self.calls_per_second,
        }))
    }
}

impl Described for KeyState {
    fn describe(&self) -> Map<String, Value> {
        object(json!({ "status": self.status.as_str() }))
    }
}

impl Described for UserState {
    fn describe(&self) -> Map<String, Value> {
        object(json!({
            "id": self.id.as_str(),
            "display_name": self.display_name,
            "mobile_phone": self.mobile_phone,
            "email": self.email,
            "comments": self.comments,
            "console": self.console,
            "policies": self.policies,
        }))
    }
}

impl Described for GroupState {
    fn describe(&self) -> Map<String, Value> {
        object(json!({
            "id": self.id.as_str(),
            "comments": self.comments,
            "users": self.users,
            "policies": self.policies,
        }))
    }
}

impl Described for RoleState {
    fn describe(&self) -> Map<String, Value> {
        object(json!({
            "id": self.id.as_str(),
            "description": self.description,
            "trust_policy": self.trust_policy,
            "max_session_seconds": self.max_session_seconds,
            "policies": self.policies,
        }))
    }
}

impl Described for PolicyState {
    fn describe(&self) -> Map<String, Value> {
        object(json!({
            "description": self.description,
            "default_version": self.default_version,
            "document": self.document(),
            "versions": self.versions.keys().collect::<Vec<_>>(),
        }))
    }
}

impl Described for SpaceState {
    fn describe(&self) -> Map<String, Value> {
        object(json!({
            "default": self.is_default,
            "time_zone": self.time_zone,
            "unknown_numbers": self.unknown_numbers.as_str(),
            "numbers_max": self.numbers_max,
        }))
    }
}

impl Described for GrantState {
    fn describe(&self) -> Map<String, Value> {
        let spaces: Vec<_> = self.spaces.iter().map(|space| space.as_str()).collect();
        object(json!({ "users": self.users, "spaces": spaces }))
    }
}

impl Described for WebhookState {
    fn describe(&self) -> Map<String, Value> {
        object(json!({
            "kind": self.secrets.kind(),
            "space": self.space.as_ref().map(|space| space.as_str()),
        }))
    }
}

/// What is different, before and after; of lists only the entries that differ.
pub(in crate::directory) fn differences(
    before: Map<String, Value>,
    after: Map<String, Value>,
) -> (Map<String, Value>, Map<String, Value>) {
    let (mut was, mut is) = (Map::new(), Map::new());
    for (name, new) in after {
        let old = before.get(&name).cloned().unwrap_or(Value::Null);
        let (old, new) = match (old, new) {
            (old, new) if old == new => continue,
            (Value::Array(old), Value::Array(new)) => {
                let gone = old.iter().filter(|item| !new.contains(item));
                let gone: Vec<_> = gone.cloned().collect();
                let come = new.iter().filter(|item| !old.contains(item));
                let come: Vec<_> = come.cloned().collect();
                (Value::Array(gone), Value::Array(come))
            }
            values => values,
        };
        was.insert(name.clone(), old);
        is.insert(name, new);
    }
    (was, is)
}

/// The entries of a document that was applied: one a record that became another
/// one, and one a thousand numbers that moved from and to the same spaces.
pub(in crate::directory) fn apply_entries(
    action: &'static str,
    changes: &[Change],
    old: &State,
    new: &State,
) -> Vec<NewEntry> {
    let mut moves: BTreeMap<&NumberMove, Vec<&PhoneNumber>> = BTreeMap::new();
    let mut entries = Vec::with_capacity(changes.len());
    for change in changes {
        if let Entity::Number(number, moved) = &change.entity {
            moves.entry(moved).or_default().push(number);
            continue;
        }
        let Some(named) = named(&change.entity) else {
            continue;
        };
        let before = described(old, &change.entity);
        let after = described(new, &change.entity);
        let (before, after) = match (before, after) {
            (Some(before), Some(after)) => {
                let (was, mut is) = differences(before, after);
                if secret_differs(old, new, &change.entity) {
                    is.insert("secret".to_owned(), json!("replaced"));
                }
                (Some(was), Some(is))
            }
            one => one,
        };
        let (before, after) = match change.kind {
            ChangeKind::Remove => (before, None),
            ChangeKind::Add => (None, after),
            ChangeKind::Update => (before, after),
        };
        let (account, target) = named;
        entries.push(NewEntry {
            account: account.clone(),
            action,
            target,
            before,
            after,
        });
    }
    for (moved, numbers) in moves {
        entries.extend(number_entries(action, moved, &numbers));
    }
    entries
}

fn secret_differs(old: &State, new: &State, entity: &Entity) -> bool {
    match entity {
        Entity::Key(owner, key) => {
            let secret = |state: &State| {
                let account = state.accounts.get(&owner.account)?;
                let keys = account.keys_of(owner.user.as_deref())?;
                keys.get(key).map(|key| key.secret.clone())
            };
            secret(old) != secret(new)
        }
        Entity::Webhook(id, hook) => {
            let webhook = |state: &State| {
                let account = state.accounts.get(id)?;
                account.webhooks.get(hook).map(|hook| hook.secrets.clone())
            };
            webhook(old) != webhook(new)
        }
        Entity::Account(_)
        | Entity::Rename(_)
        | Entity::Policy(..)
        | Entity::User(..)
        | Entity::Group(..)
        | Entity::Role(..)
        | Entity::Space(..)
        | Entity::Number(..)
        | Entity::Grant(..) => false,
    }
}

/// The account of a record and what the record is called in the log.
fn named(entity: &Entity) -> Option<(&AccountId, String)> {
    Some(match entity {
        Entity::Account(id) => (id, "account".to_owned()),
        Entity::Policy(account, name) => (account, format!("policy/{name}")),
        Entity::User(account, name) => (account, format!("user/{name}")),
        Entity::Key(owner, id) => (&owner.account, format!("access-key/{id}")),
        Entity::Group(account, name) => (account, format!("group/{name}")),
        Entity::Role(account, name) => (account, format!("role/{name}")),
        Entity::Space(account, id) => (account, format!("space/{id}")),
        Entity::Grant(account, id) => (
            account,
            format!("isv-grant/{} of account {}", id.code, id.account),
        ),
        Entity::Webhook(account, id) => (account, format!("webhook/{id}")),
        // Told by whoever renames; numbers are gathered.
        Entity::Rename(_) | Entity::Number(..) => return None,
    })
}

fn described(state: &State, entity: &Entity) -> Option<Map<String, Value>> {
    let account = |id: &AccountId| state.accounts.get(id);
    match entity {
        Entity::Account(id) => account(id).map(Described::describe),
        Entity::Policy(id, name) => account(id)?.policies.get(name).map(Described::describe),
        Entity::User(id, name) => account(id)?.users.get(name).map(Described::describe),
        Entity::Key(owner, key) => {
            let keys = account(&owner.account)?.keys_of(owner.user.as_deref())?;
            let mut map = keys.get(key)?.describe();
            map.insert("user".to_owned(), json!(owner.user));
            Some(map)
        }
        Entity::Group(id, name) => account(id)?.groups.get(name).map(Described::describe),
        Entity::Role(id, name) => account(id)?.roles.get(name).map(Described::describe),
        Entity::Space(id, space) => account(id)?.spaces.get(space).map(Described::describe),
        Entity::Grant(id, grant) => account(id)?.grants.get(grant).map(Described::describe),
        Entity::Webhook(id, hook) => account(id)?.webhooks.get(hook).map(Described::describe),
        Entity::Rename(_) | Entity::Number(..) => None,
    }
}

/// Numbers that somebody bound to a space: one entry a thousand.
pub(in crate::directory) fn bound_entries(
    account: &AccountId,
    space: &CustSpaceId,
    numbers: &[PhoneNumber],
) -> Vec<NewEntry> {
    let chunks = numbers.chunks(AUDIT_ENTRY_NUMBERS_MAX);
    let entries = chunks.map(|chunk| {
        let list: Vec<_> = chunk.iter().map(PhoneNumber::as_str).collect();
        NewEntry {
            account: account.clone(),
            action: "BindNumbers",
            target: format!("space/{space}"),
            before: None,
            after: Some(object(json!({ "numbers": list }))),
        }
    });
    entries.collect()
}

/// A number that counts another family of ids from now on.
pub(in crate::directory) fn family_entry(
    account: &AccountId,
    number: &PhoneNumber,
    before: Option<IdFamily>,
    after: IdFamily,
) -> NewEntry {
    let family = |family: IdFamily| object(json!({ "family": family.as_str() }));
    NewEntry {
        account: account.clone(),
        action: "SwitchSource",
        target: format!("number/{number}"),
        before: before.map(family),
        after: Some(family(after)),
    }
}

/// Numbers that moved together, in the log of the account that they leave and of
/// the one that they come to.
fn number_entries(
    action: &'static str,
    moved: &NumberMove,
    numbers: &[&PhoneNumber],
) -> Vec<NewEntry> {
    let mut entries = Vec::new();
    let sides = [(&moved.from, true), (&moved.to, false)];
    for chunk in numbers.chunks(AUDIT_ENTRY_NUMBERS_MAX) {
        let list: Vec<_> = chunk.iter().map(|number| number.as_str()).collect();
        for (side, leaves) in sides {
            let Some((account, space)): &Option<SpaceOwner> = side else {
                continue;
            };
            let map = object(json!({ "numbers": list }));
            let (before, after) = if leaves {
                (Some(map), None)
            } else {
                (None, Some(map))
            };
            entries.push(NewEntry {
                account: account.clone(),
                action,
                target: format!("space/{space}"),
                before,
                after,
            });
        }
    }
    entries
}
