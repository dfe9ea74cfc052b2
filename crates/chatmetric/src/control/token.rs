//! One-time tokens for the console, made by whoever may write the data directory.
//!
//! A token is shown once; the directory has its hash alone. A user that may not sign in
//! yet may from then on.

use super::Refusal;
use crate::directory::{Account, Actor, Directory, SignInError, Snapshot, TokenRule, UserChanges};
use chatmetric_core::EpochMs;
use chatmetric_rpc::credential::{AccountId, SecretKey};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Who gets the token.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenFor {
    /// A RAM user; without one, whoever makes the first user of the installation.
    pub user: Option<String>,
    /// The user's account; without it the only one that has a user of this name.
    pub account: Option<String>,
    /// Whether the password and the sessions of before end at once.
    pub reset: bool,
}

/// A token that was made.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MadeToken {
    /// The token: shown once.
    pub token: String,
    /// The account.
    pub account: String,
    /// The user; `None` for the first one, who is named when the token is used.
    pub user: Option<String>,
    /// When it stops working, in ms since the epoch.
    pub expires_ms: i64,
}

impl std::fmt::Debug for MadeToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "MadeToken({}, redacted)", self.account)
    }
}

fn refuse(message: String) -> Refusal {
    Refusal {
        message,
        is_usage: true,
    }
}

fn failed(error: SignInError) -> Refusal {
    match error {
        SignInError::Directory(error) => Refusal::failed(&error),
        SignInError::Token
        | SignInError::NoUser
        | SignInError::HasPassword
        | SignInError::Outdated => Refusal::usage(&error),
    }
}

fn text(token: &SecretKey) -> String {
    token.expose_text().into_owned()
}

pub(super) fn make(
    directory: &Directory,
    whose: &TokenFor,
    now: EpochMs,
) -> Result<MadeToken, Refusal> {
    let Some(name) = &whose.user else {
        return first(directory, now);
    };
    let snapshot = directory.snapshot();
    let account = account_of(&snapshot, name, whose.account.as_deref())?;
    let user = snapshot.user(account.key, name);
    let user = user.ok_or_else(|| {
        let id = account.id.as_str();
        refuse(format!("account {id} has no user `{name}`"))
    })?;
    let actor = Actor::operator("admin");
    if !user.console {
        let changes = UserChanges {
            console: Some(true),
            ..UserChanges::default()
        };
        let changed = directory.change_identities(&account.id, &actor, now, |change| {
            change.update_user(name, changes)
        });
        changed.map_err(|error| Refusal::failed(&error))?;
    }
    let token = text(&directory.draw_token());
    let rule = if whose.reset {
        TokenRule::Reset
    } else {
        TokenRule::Any
    };
    let expires_ms = directory.add_user_token(&user.id, &token, rule, now, &actor);
    Ok(MadeToken {
        expires_ms: expires_ms.map_err(failed)?,
        token,
        account: account.id.to_string(),
        user: Some(name.clone()),
    })
}

fn first(directory: &Directory, now: EpochMs) -> Result<MadeToken, Refusal> {
    let renewed = directory.renew_setup_token(now).map_err(failed)?;
    let (setup, token) = renewed.ok_or_else(|| {
        refuse(
            "this installation was not made by a first start: name a user of an account".to_owned(),
        )
    })?;
    Ok(MadeToken {
        token: text(&token),
        account: setup.account.to_string(),
        user: None,
        expires_ms: setup.ends_ms,
    })
}

fn account_of(
    snapshot: &Snapshot,
    user: &str,
    account: Option<&str>,
) -> Result<Arc<Account>, Refusal> {
    if let Some(id) = account {
        let found = AccountId::parse(id).ok();
        let found = found.and_then(|id| snapshot.account(&id));
        return found
            .map(Arc::clone)
            .ok_or_else(|| refuse(format!("there is no account `{id}`")));
    }
    let mut have = snapshot
        .accounts()
        .filter(|account| snapshot.user(account.key, user).is_some());
    match (have.next(), have.next()) {
        (Some(account), None) => Ok(Arc::clone(account)),
        (None, _) => Err(refuse(format!("there is no user `{user}`"))),
        (Some(_), Some(_)) => Err(refuse(format!(
            "several accounts have a user `{user}`: say which with `--account`"
        ))),
    }
}
