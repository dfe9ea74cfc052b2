//! Takes out of a state what a document does not list.
//!
//! Only for a document that is meant to be the whole truth (`--prune`). Numbers
//! and other lists are cut where they are merged.

use std::collections::BTreeSet;

use super::document::{AccountPart, Document, FaultList, KeyPart};
use super::state::{AccountState, GrantId, KeyState, State};
use chatmetric_rpc::credential::AccessKeyId;
use std::collections::BTreeMap;

pub(super) fn prune(state: &mut State, document: &Document, faults: &mut FaultList) {
    if document.accounts.is_empty() && !state.accounts.is_empty() {
        let message = "pruning with a document that lists no account would remove everything";
        faults.add(&document.place, message);
        return;
    }
    let listed: BTreeSet<_> = document
        .accounts
        .iter()
        .map(|part| &part.id.value)
        .collect();
    state.accounts.retain(|id, _| listed.contains(id));
    for part in &document.accounts {
        if let Some(account) = state.accounts.get_mut(&part.id.value) {
            prune_account(account, part);
        }
    }
}

fn prune_account(account: &mut AccountState, part: &AccountPart) {
    prune_keys(&mut account.keys, &part.keys);
    let spaces: BTreeSet<_> = part.spaces.iter().map(|space| &space.id.value).collect();
    // An account without declared spaces has the one that was made for it.
    account.spaces.retain(|id, _| {
        spaces.contains(id) || (spaces.is_empty() && id.as_str() == part.id.value.as_str())
    });
    let policies: BTreeSet<_> = part
        .policies
        .iter()
        .map(|policy| &policy.name.value)
        .collect();
    account.policies.retain(|name, _| policies.contains(name));
    let users: BTreeSet<_> = part.users.iter().map(|user| &user.name.value).collect();
    account.users.retain(|name, _| users.contains(name));
    for user in &part.users {
        if let Some(state) = account.users.get_mut(&user.name.value) {
            prune_keys(&mut state.keys, &user.keys);
        }
    }
    let groups: BTreeSet<_> = part.groups.iter().map(|group| &group.name.value).collect();
    account.groups.retain(|name, _| groups.contains(name));
    let roles: BTreeSet<_> = part.roles.iter().map(|role| &role.name.value).collect();
    account.roles.retain(|name, _| roles.contains(name));
    let grants: BTreeSet<_> = part
        .grants
        .iter()
        .map(|grant| GrantId {
            code: grant.code.value.clone(),
            account: grant.account.value.clone(),
        })
        .collect();
    account.grants.retain(|id, _| grants.contains(id));
    let webhooks: BTreeSet<_> = part
        .webhooks
        .iter()
        .map(|webhook| &webhook.id.value)
        .collect();
    account.webhooks.retain(|id, _| webhooks.contains(id));
}

/// A key without id in the document stands for the one key that was made for
/// the owner, so it keeps one that is not listed.
fn prune_keys(keys: &mut BTreeMap<AccessKeyId, KeyState>, parts: &[KeyPart]) {
    let listed: BTreeSet<_> = parts
        .iter()
        .filter_map(|part| part.id.as_ref())
        .map(|id| &id.value)
        .collect();
    let mut kept = !parts.iter().any(|part| part.id.is_none()) || !listed.is_empty();
    keys.retain(|id, _| listed.contains(id) || !std::mem::replace(&mut kept, true));
}

/// Takes out references to what is not there (any more).
pub(super) fn drop_dangling(state: &mut State) {
    let accounts: BTreeSet<_> = state.accounts.keys().cloned().collect();
    let users: BTreeSet<_> = state
        .accounts
        .iter()
        .flat_map(|(id, account)| account.users.keys().map(|name| (id.clone(), name.clone())))
        .collect();
    for account in state.accounts.values_mut() {
        let AccountState {
            policies,
            users: own_users,
            groups,
            roles,
            spaces,
            grants,
            ..
        } = account;
        for group in groups.values_mut() {
            group.users.retain(|name| own_users.contains_key(name));
            group.policies.retain(|name| policies.contains_key(name));
        }
        own_users
            .values_mut()
            .for_each(|user| user.policies.retain(|name| policies.contains_key(name)));
        roles
            .values_mut()
            .for_each(|role| role.policies.retain(|name| policies.contains_key(name)));
        grants.retain(|id, _| accounts.contains(&id.account));
        for (id, grant) in grants {
            grant.spaces.retain(|space| spaces.contains_key(space));
            grant
                .users
                .retain(|name| name == "*" || users.contains(&(id.account.clone(), name.clone())));
        }
    }
}
