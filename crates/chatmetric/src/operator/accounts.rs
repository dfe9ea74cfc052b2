//! Accounts, and the keys of their owners.

use super::query::{Query, account_of};
use super::{Desk, OperatorError, done};
use crate::directory::{AccessKey, AccountChanges, Principal, Snapshot};
use chatmetric_rpc::credential::{AccessKeyId, AccountId, KeyStatus};
use serde::Deserialize;
use serde_json::{Value, json};

pub(super) fn list(desk: &Desk<'_>, query: &Query<'_>) -> Result<Value, OperatorError> {
    let snapshot = desk.directory.snapshot();
    let accounts = snapshot.accounts();
    let accounts = accounts.map(|account| (account.id.to_string(), account));
    query.page("accounts", accounts, |account| {
        let spaces: Vec<_> = snapshot
            .spaces()
            .filter(|space| space.account.key == account.key)
            .collect();
        let numbers = spaces.iter().map(|space| snapshot.numbers_count(space.key));
        json!({
            "id": account.id.as_str(),
            "name": account.name,
            "subscribed": account.subscribed,
            "callsPerSecond": account.calls_per_second,
            "spaces": spaces.len(),
            "numbers": numbers.sum::<usize>(),
            "users": snapshot.users(account.key).count(),
        })
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct New {
    id: Option<String>,
    name: String,
}

pub(super) fn create(desk: &Desk<'_>, new: New) -> Result<Value, OperatorError> {
    let New { id, name } = new;
    let id = id.as_deref().map(AccountId::parse).transpose();
    let id = id.map_err(|error| OperatorError::invalid("id", error.to_string()))?;
    let now = desk.clock.now();
    let made = desk
        .directory
        .create_account(id.as_ref(), &name, &desk.actor, now);
    let (id, key, secret) = made?;
    Ok(json!({
        "id": id.as_str(),
        "accessKeyId": key.as_str(),
        "accessKeySecret": secret.expose_text(),
    }))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Changes {
    name: Option<String>,
    subscribed: Option<bool>,
    /// 0 is the server's setting.
    calls_per_second: Option<u32>,
}

pub(super) fn update(desk: &Desk<'_>, id: &str, changes: Changes) -> Result<Value, OperatorError> {
    let account = account_of(&desk.directory.snapshot(), id)?;
    let changes = AccountChanges {
        name: changes.name,
        subscribed: changes.subscribed,
        calls_per_second: changes
            .calls_per_second
            .map(|calls| Some(calls).filter(|calls| *calls > 0)),
    };
    let now = desk.clock.now();
    desk.directory
        .update_account(&account.id, &changes, &desk.actor, now)?;
    Ok(done())
}

pub(super) fn keys(desk: &Desk<'_>, id: &str) -> Result<Value, OperatorError> {
    let snapshot = desk.directory.snapshot();
    let account = account_of(&snapshot, id)?;
    let own = snapshot
        .access_keys()
        .filter(|key| key.account.key == account.key && is_owners(key));
    let mut keys: Vec<_> = own
        .map(|key| (key.id.to_string(), key.status.as_str()))
        .collect();
    keys.sort_unstable();
    let keys = keys.into_iter();
    let keys = keys.map(|(id, status)| json!({ "id": id, "status": status }));
    Ok(json!({ "accessKeys": keys.collect::<Vec<_>>() }))
}

fn is_owners(key: &AccessKey) -> bool {
    match key.principal {
        Principal::Owner => true,
        Principal::User(_) | Principal::Session(_) => false,
    }
}

pub(super) fn create_key(desk: &Desk<'_>, id: &str) -> Result<Value, OperatorError> {
    let account = account_of(&desk.directory.snapshot(), id)?;
    let now = desk.clock.now();
    let made = desk
        .directory
        .change_identities(&account.id, &desk.actor, now, |change| {
            change.create_access_key(None)
        });
    let (key, secret) = made?;
    Ok(json!({ "accessKeyId": key.id.as_str(), "accessKeySecret": secret.expose_text() }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct KeyChanges {
    status: String,
}

pub(super) fn update_key(
    desk: &Desk<'_>,
    id: &str,
    key: &str,
    changes: &KeyChanges,
) -> Result<Value, OperatorError> {
    let status = KeyStatus::parse(&changes.status);
    let reason = "it is `Active` or `Inactive`";
    let status = status.ok_or_else(|| OperatorError::invalid("status", reason))?;
    let (account, key) = key_of(&desk.directory.snapshot(), id, key)?;
    let now = desk.clock.now();
    desk.directory
        .change_identities(&account, &desk.actor, now, |change| {
            change.update_access_key(None, &key, status)
        })?;
    Ok(done())
}

pub(super) fn delete_key(desk: &Desk<'_>, id: &str, key: &str) -> Result<Value, OperatorError> {
    let (account, key) = key_of(&desk.directory.snapshot(), id, key)?;
    let now = desk.clock.now();
    desk.directory
        .change_identities(&account, &desk.actor, now, |change| {
            change.delete_access_key(None, &key)
        })?;
    Ok(done())
}

/// A key of the owner.
fn key_of(
    snapshot: &Snapshot,
    account: &str,
    key: &str,
) -> Result<(AccountId, AccessKeyId), OperatorError> {
    let account = account_of(snapshot, account)?;
    let known = AccessKeyId::parse(key).ok();
    let known = known.and_then(|id| snapshot.access_key(&id));
    let known = known.filter(|key| key.account.key == account.key && is_owners(key));
    let missing = || {
        let what = format!("the owner of account `{}` has no key `{key}`", account.id);
        OperatorError::NotFound(what)
    };
    Ok((account.id.clone(), known.ok_or_else(missing)?.id.clone()))
}
