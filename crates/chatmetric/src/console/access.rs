//! What the Access page has beside the operations of the product Ram: who may sign in,
//! tokens for a first password, and trying policies out.

use super::ask::{Ask, answer_of, done};
use super::error::ConsoleError;
use super::rights::SignedIn;
use super::work;
use crate::directory::{TokenRule, User, UserChanges, token};
use crate::operator::{CONTEXT_KEYS_MAX, tried};
use crate::server::answer::Answer;
use chatmetric_rpc::ram::Policy;
use hyper::body::Incoming;
use serde::Deserialize;
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;

fn user_arn(who: &SignedIn, name: &str) -> String {
    format!("acs:ram:*:{}:user/{name}", who.account.id)
}

fn user(who: &SignedIn, name: &str) -> Result<Arc<User>, ConsoleError> {
    let user = who.snapshot.user(who.account.key, name);
    user.map(Arc::clone).ok_or(ConsoleError::NotFound)
}

/// `GET users/{name}/console`
pub(super) async fn console(
    ask: &Ask<'_>,
    who: &SignedIn,
    name: &str,
) -> Result<Answer, ConsoleError> {
    who.require_on("ram:GetLoginProfile", &user_arn(who, name))?;
    let user = user(who, name)?;
    let id = user.id.clone();
    let password = work::read(ask.app, move |app| {
        Ok(app.directory.console_password(&id)?)
    });
    let password = password.await?;
    answer_of(&json!({
        "console": user.console,
        "password": password.is_some(),
        "lastSignInMs": password.and_then(|password| password.signed_in_ms),
    }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SetConsole {
    console: bool,
}

/// `PUT users/{name}/console`: whoever may not sign in any more is signed out.
pub(super) async fn set_console(
    ask: &Ask<'_>,
    who: &SignedIn,
    name: &str,
    body: Incoming,
) -> Result<Answer, ConsoleError> {
    let SetConsole { console } = ask.json(body).await?;
    let action = if console {
        "ram:CreateLoginProfile"
    } else {
        "ram:DeleteLoginProfile"
    };
    who.require_on(action, &user_arn(who, name))?;
    let user = user(who, name)?;
    let (account, actor, now) = (who.account.id.clone(), who.actor(ask), ask.now());
    work::change(ask.app, move |app| {
        let changes = UserChanges {
            console: Some(console),
            ..UserChanges::default()
        };
        app.directory
            .change_identities(&account, &actor, now, |change| {
                change.update_user(&user.name, changes)
            })?;
        // The change has ended the sessions in the directory.
        app.console.sessions.forget_signed_out(&app.directory);
        Ok(())
    })
    .await?;
    Ok(done())
}

/// `POST users/{name}/setup-token`
pub(super) async fn setup_token(
    ask: &Ask<'_>,
    who: &SignedIn,
    name: &str,
) -> Result<Answer, ConsoleError> {
    let resource = user_arn(who, name);
    let rule = match who.require_on("ram:UpdateLoginProfile", &resource) {
        Ok(()) => TokenRule::Any,
        Err(refusal) => {
            let first = who.require_on("ram:CreateLoginProfile", &resource);
            first.map_err(|_| refusal)?;
            // Whoever may make passwords may not take those over that there are.
            TokenRule::FirstOnly
        }
    };
    let user = user(who, name)?;
    if !user.console {
        let reason = "The user may not sign in to the console.".to_owned();
        return Err(ConsoleError::Conflict(reason));
    }
    let token = token(ask.app.entropy.as_ref());
    let token = token.expose_text().into_owned();
    let (actor, now, kept) = (who.actor(ask), ask.now(), token.clone());
    let expires_ms = work::change(ask.app, move |app| {
        Ok(app
            .directory
            .add_user_token(&user.id, &kept, rule, now, &actor)?)
    })
    .await?;
    // Behind a `#`, the token is in no log of a server or proxy.
    let url = format!("{}/console/set-password#{token}", ask.endpoint());
    answer_of(&json!({ "token": token, "url": url, "expiresMs": expires_ms }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Check {
    document: String,
}

/// `POST policies/check`
pub(super) async fn check_policy(ask: &Ask<'_>, body: Incoming) -> Result<Answer, ConsoleError> {
    let Check { document } = ask.json(body).await?;
    let body = match Policy::parse(&document) {
        Ok(_) => json!({ "ok": true }),
        Err(error) => json!({ "ok": false, "message": error.to_string() }),
    };
    answer_of(&body)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Simulate {
    user: String,
    action: String,
    resource: String,
    #[serde(default)]
    context: BTreeMap<String, String>,
}

/// `POST policies/simulate`: the evaluator that judges calls, on a call that nobody made.
pub(super) async fn simulate(
    ask: &Ask<'_>,
    who: &SignedIn,
    body: Incoming,
) -> Result<Answer, ConsoleError> {
    let Simulate {
        user: name,
        action,
        resource,
        context: keys,
    } = ask.json(body).await?;
    who.require_on("ram:ListPoliciesForUser", &user_arn(who, &name))?;
    let user = user(who, &name)?;
    if keys.len() > CONTEXT_KEYS_MAX {
        let reason = format!("A trial has at most {CONTEXT_KEYS_MAX} condition keys.");
        return Err(ConsoleError::invalid("context", reason));
    }
    answer_of(&tried(&user, &action, &resource, &keys))
}
