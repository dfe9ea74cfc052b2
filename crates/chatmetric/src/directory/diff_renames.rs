//! Users and groups that have another name and are the same, by their ids.
//!
//! The rest of `diff` goes by names: it gets the old state with the new names.
//! Not followed: the names in ISV grants, which are stored as names and so have to
//! be written anew. Invariant: what has another id is not the same, whatever its name is; it goes
//! and another one comes.

use std::collections::BTreeMap;

use super::diff::{ChangeKind, Diff, Entity, Rename, Renamed};
use super::identity::IdentityId;
use super::state::{AccountState, GroupState, RoleState, State, UserState};
use chatmetric_rpc::credential::AccountId;

/// The old state with the new names, when there is one that differs. Renames and
/// what goes for another of the same name are put down in `diff`.
pub(super) fn follow(old: &State, new: &State, diff: &mut Diff) -> Option<State> {
    let mut followed: Option<State> = None;
    for (id, after) in &new.accounts {
        let Some(before) = old.accounts.get(id) else {
            continue;
        };
        if same_names(before, after) {
            continue;
        }
        let state = followed.get_or_insert_with(|| old.clone());
        if let Some(account) = state.accounts.get_mut(id) {
            follow_account(id, account, after, diff);
        }
    }
    followed
}

trait Identified {
    fn id(&self) -> &IdentityId;
}

impl Identified for UserState {
    fn id(&self) -> &IdentityId {
        &self.id
    }
}

impl Identified for GroupState {
    fn id(&self) -> &IdentityId {
        &self.id
    }
}

impl Identified for RoleState {
    fn id(&self) -> &IdentityId {
        &self.id
    }
}

fn names<V: Identified>(map: &BTreeMap<String, V>) -> BTreeMap<&IdentityId, &String> {
    map.iter().map(|(name, value)| (value.id(), name)).collect()
}

/// Whether each id of both has the same name, and each name of both the same id.
fn same_names(before: &AccountState, after: &AccountState) -> bool {
    fn same<V: Identified>(before: &BTreeMap<String, V>, after: &BTreeMap<String, V>) -> bool {
        let ids = names(after);
        before.iter().all(|(name, value)| {
            ids.get(value.id()).is_none_or(|now| *now == name)
                && after.get(name).is_none_or(|now| now.id() == value.id())
        })
    }
    same(&before.users, &after.users)
        && same(&before.groups, &after.groups)
        && same(&before.roles, &after.roles)
}

/// Old name to new name.
type NewNames = BTreeMap<String, String>;

fn follow_account(
    id: &AccountId,
    account: &mut AccountState,
    after: &AccountState,
    diff: &mut Diff,
) {
    let mut renames = Vec::new();
    let users = follow_map(
        &mut account.users,
        &after.users,
        |name| {
            let entity = Entity::User(id.clone(), name.to_owned());
            diff.push(
                ChangeKind::Remove,
                entity,
                format!("user {name} of account {id}"),
            );
        },
        |id, to| renames.push((Renamed::User, id, to)),
    );
    let groups = follow_map(
        &mut account.groups,
        &after.groups,
        |name| {
            let entity = Entity::Group(id.clone(), name.to_owned());
            diff.push(
                ChangeKind::Remove,
                entity,
                format!("group {name} of account {id}"),
            );
        },
        |id, to| renames.push((Renamed::Group, id, to)),
    );
    // Roles keep their names; one of the same name may still be another one.
    follow_map(
        &mut account.roles,
        &after.roles,
        |name| {
            let entity = Entity::Role(id.clone(), name.to_owned());
            diff.push(
                ChangeKind::Remove,
                entity,
                format!("role {name} of account {id}"),
            );
        },
        |_, _| {},
    );
    let gone = |name: &String| !account.users.contains_key(name);
    for group in account.groups.values_mut() {
        let members = std::mem::take(&mut group.users);
        let members = members
            .into_iter()
            .map(|name| users.get(&name).cloned().unwrap_or(name));
        group.users = members.filter(|name| !gone(name)).collect();
    }
    for (what, id, to) in renames {
        let old = match what {
            Renamed::User => &users,
            Renamed::Group => &groups,
        };
        let from = old.iter().find(|(_, now)| **now == to);
        let from = from.map_or("", |(from, _)| from.as_str());
        let word = match what {
            Renamed::User => "user",
            Renamed::Group => "group",
        };
        let text = format!("{word} {from}: name {from} -> {to}");
        diff.push(
            ChangeKind::Update,
            Entity::Rename(Rename { what, id, to }),
            text,
        );
    }
}

/// Puts what is the same under its new name and takes out what gave its name to
/// another one. Gives the names that are different now.
fn follow_map<V: Identified>(
    old: &mut BTreeMap<String, V>,
    new: &BTreeMap<String, V>,
    mut goes: impl FnMut(&str),
    mut renamed: impl FnMut(IdentityId, String),
) -> NewNames {
    let now = names(new);
    let mut new_names = NewNames::new();
    for (name, value) in std::mem::take(old) {
        match now.get(value.id()) {
            Some(to) if **to != name => {
                renamed(value.id().clone(), (*to).clone());
                new_names.insert(name, (*to).clone());
                old.insert((*to).clone(), value);
            }
            Some(_) => {
                old.insert(name, value);
            }
            // Gone, and the name is somebody else's now.
            None if new.contains_key(&name) => goes(&name),
            None => {
                old.insert(name, value);
            }
        }
    }
    new_names
}
