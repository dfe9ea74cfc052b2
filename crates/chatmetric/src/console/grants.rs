//! ISV grants: those that the account gave, and those that it was given.

use super::ask::{Ask, answer_of, done};
use super::error::ConsoleError;
use super::rights::{Right, SignedIn};
use super::work;
use crate::directory::{GrantUsers, IsvGrant, Snapshot};
use crate::server::answer::Answer;
use chatmetric_rpc::credential::AccountId;
use hyper::body::Incoming;
use serde::Deserialize;
use serde_json::json;
use std::collections::BTreeSet;

/// Characters at each end of a code that a mask leaves.
const MASK_LEAVES: usize = 3;

/// `GET grants`
pub(super) fn list(ask: &Ask<'_>, who: &SignedIn) -> Result<Answer, ConsoleError> {
    who.require(ask, Right::ReadDirectory)?;
    let whole = who.require(ask, Right::ChangeGrants).is_ok();
    let mut all: Vec<_> = who.snapshot.all_grants().collect();
    all.sort_by(|a, b| (&a.code, &a.account).cmp(&(&b.code, &b.account)));
    let given: Vec<_> = all
        .iter()
        .filter(|grant| grant.isv.key == who.account.key)
        .map(|grant| {
            let users: Vec<&str> = match &grant.users {
                GrantUsers::Everyone => vec!["*"],
                GrantUsers::Named(names) => names.iter().map(String::as_str).collect(),
            };
            let code = if whole {
                grant.code.clone()
            } else {
                masked(&grant.code)
            };
            json!({
                "code": code,
                "account": grant.account.as_str(),
                "users": users,
                "spaces": spaces_of(&who.snapshot, grant),
            })
        })
        .collect();
    let principal = who.principal();
    let received: Vec<_> = all
        .iter()
        .filter(|grant| grant.admits(&who.account.id, &principal))
        .map(|grant| {
            json!({
                "code": grant.code,
                "isv": { "id": grant.isv.id.as_str(), "name": grant.isv.name },
                "spaces": spaces_of(&who.snapshot, grant),
            })
        })
        .collect();
    answer_of(&json!({ "given": given, "received": received }))
}

fn spaces_of<'s>(snapshot: &'s Snapshot, grant: &IsvGrant) -> Vec<&'s str> {
    let spaces = grant.spaces.iter();
    spaces
        .filter_map(|key| snapshot.space_by_key(*key))
        .map(|space| space.id.as_str())
        .collect()
}

fn masked(code: &str) -> String {
    let chars: Vec<char> = code.chars().collect();
    if chars.len() <= 3 * MASK_LEAVES {
        return "…".to_owned();
    }
    let first: String = chars.iter().take(MASK_LEAVES).collect();
    let last: String = chars.iter().skip(chars.len() - MASK_LEAVES).collect();
    format!("{first}…{last}")
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct New {
    account: String,
    users: BTreeSet<String>,
    spaces: Vec<String>,
}

/// `POST grants`
pub(super) async fn create(
    ask: &Ask<'_>,
    who: &SignedIn,
    body: Incoming,
) -> Result<Answer, ConsoleError> {
    who.require(ask, Right::ChangeGrants)?;
    let New {
        account,
        users,
        spaces,
    } = ask.json(body).await?;
    let to = AccountId::parse(&account);
    let to = to.map_err(|error| ConsoleError::invalid("account", error.to_string()))?;
    let (isv, actor, now) = (who.account.id.clone(), who.actor(ask), ask.now());
    let code = work::change(ask.app, move |app| {
        Ok(app
            .directory
            .create_grant(&isv, &to, &users, &spaces, &actor, now)?)
    })
    .await?;
    answer_of(&json!({ "code": code }))
}

/// `DELETE grants/{code}/{account}`
pub(super) async fn delete(
    ask: &Ask<'_>,
    who: &SignedIn,
    code: &str,
    account: &str,
) -> Result<Answer, ConsoleError> {
    who.require(ask, Right::ChangeGrants)?;
    let to = AccountId::parse(account).map_err(|_| ConsoleError::NotFound)?;
    let (isv, actor, now) = (who.account.id.clone(), who.actor(ask), ask.now());
    let code = code.to_owned();
    work::change(ask.app, move |app| {
        Ok(app.directory.delete_grant(&isv, &code, &to, &actor, now)?)
    })
    .await?;
    Ok(done())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mask_does_not_give_a_code_away() {
        assert_eq!(masked("skdi3kksloslikdkkdk"), "skd…kdk");
        assert_eq!(masked("isv-code"), "…");
    }
}
