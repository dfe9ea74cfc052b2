//! Grants: leave of an ISV's account for another one to ask about its spaces.

use super::query::{Query, account_of};
use super::{Desk, OperatorError, done};
use crate::directory::GrantUsers;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeSet;

pub(super) fn list(desk: &Desk<'_>, query: &Query<'_>) -> Result<Value, OperatorError> {
    let snapshot = desk.directory.snapshot();
    let account = query.account(&snapshot)?;
    let asked = snapshot.all_grants().filter(|grant| {
        let account = account.as_ref();
        account.is_none_or(|account| grant.isv.key == account.key || grant.account == account.id)
    });
    let grants = asked.map(|grant| (format!("{}/{}", grant.code, grant.account), grant));
    query.page("grants", grants, |grant| {
        let users: Vec<&str> = match &grant.users {
            GrantUsers::Everyone => vec!["*"],
            GrantUsers::Named(names) => names.iter().map(String::as_str).collect(),
        };
        let spaces = grant.spaces.iter();
        let spaces = spaces.filter_map(|key| snapshot.space_by_key(*key));
        let spaces: Vec<&str> = spaces.map(|space| space.id.as_str()).collect();
        json!({
            "code": grant.code,
            "isv": grant.isv.id.as_str(),
            "account": grant.account.as_str(),
            "users": users,
            "spaces": spaces,
        })
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct New {
    isv: String,
    account: String,
    #[serde(default = "everyone")]
    users: BTreeSet<String>,
    spaces: Vec<String>,
}

fn everyone() -> BTreeSet<String> {
    BTreeSet::from(["*".to_owned()])
}

pub(super) fn create(desk: &Desk<'_>, new: &New) -> Result<Value, OperatorError> {
    let snapshot = desk.directory.snapshot();
    let isv = account_of(&snapshot, &new.isv)?;
    let to = account_of(&snapshot, &new.account)?;
    let (users, spaces, now) = (&new.users, &new.spaces, desk.clock.now());
    let code = desk
        .directory
        .create_grant(&isv.id, &to.id, users, spaces, &desk.actor, now)?;
    Ok(json!({ "code": code }))
}

pub(super) fn delete(desk: &Desk<'_>, code: &str, account: &str) -> Result<Value, OperatorError> {
    let snapshot = desk.directory.snapshot();
    let mut grants = snapshot.grants(code).iter();
    let grant = grants.find(|grant| grant.account.as_str() == account);
    let missing = || {
        let what = format!("there is no grant `{code}` for account `{account}`");
        OperatorError::NotFound(what)
    };
    let grant = grant.ok_or_else(missing)?;
    let now = desk.clock.now();
    desk.directory
        .delete_grant(&grant.isv.id, code, &grant.account, &desk.actor, now)?;
    Ok(done())
}
