//! How somebody gets a session, and what becomes of it: the first user, sign-in,
//! one-time tokens, sign-out, the account page.
//!
//! Invariant: whoever tries does not learn whether there is such an account or user,
//! or whether the user may sign in.

use super::ask::{Ask, answer_of, done};
use super::error::ConsoleError;
use super::first_user;
use super::password::{self, Password};
use super::rights::SignedIn;
use super::session::{self, public_id, with_cookie};
use super::slow_down::Try;
use super::work;
use crate::directory::{Account, Actor, IdentityId, Snapshot};
use crate::server::answer::Answer;
use chatmetric_rpc::credential::AccountId;
use http::HeaderValue;
use hyper::body::Incoming;
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

/// `GET session`
pub(super) fn state(ask: &Ask<'_>) -> Result<Answer, ConsoleError> {
    let Ok(who) = SignedIn::of(ask) else {
        let ends_ms = ask.app.directory.setup_ends_ms();
        let state = if ask.now().0 < ends_ms {
            "setup"
        } else {
            "signedOut"
        };
        return answer_of(&json!({ "state": state }));
    };
    answer_of(&json!({
        "state": "signedIn",
        "account": account_json(&who.account),
        "user": who.user.name,
        "operator": who.is_operator(ask.app),
        "serverMs": ask.now().0,
        "version": env!("CARGO_PKG_VERSION"),
        "endpoint": ask.endpoint(),
        "secure": ask.caller.tls,
        "rights": who.rights(ask.app),
    }))
}

fn account_json(account: &Account) -> Value {
    json!({ "id": account.id.as_str(), "name": account.name })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Setup {
    token: String,
    user: String,
    password: Password,
}

/// `POST setup`
pub(super) async fn set_up(ask: &Ask<'_>, body: Incoming) -> Result<Answer, ConsoleError> {
    let Setup {
        token,
        user,
        password,
    } = ask.json(body).await?;
    let counted = count(ask, None)?;
    let outcome = set_up_by(ask, token, &user, password).await;
    let cookie = judged(ask, &counted, outcome)?;
    Ok(with_cookie(done(), cookie))
}

async fn set_up_by(
    ask: &Ask<'_>,
    token: String,
    user: &str,
    password: Password,
) -> Result<HeaderValue, ConsoleError> {
    let _turn = ask.app.console.setup_turn.lock().await;
    let now = ask.now();
    let check = {
        let token = token.clone();
        work::change(ask.app, move |app| {
            let valid = app.directory.check_setup_token(&token, now)?;
            Ok(valid.account)
        })
    };
    let account = check.await?;
    password.check("password")?;
    let hash = password::hash(ask.app, password).await?;
    let actor = anonymous(ask, &account, "console/setup");
    let made = {
        let (account, actor, user) = (account.clone(), actor.clone(), user.to_owned());
        work::change(ask.app, move |app| {
            first_user::make(&app.directory, &account, &user, &actor, now)
                .map_err(ConsoleError::from)
        })
    };
    let id = made.await?;
    let begin = session::begin(ask, &id, hash.clone());
    let cookie = work::change(ask.app, move |app| {
        app.directory
            .finish_setup(&token, &id, &hash, now, &actor)?;
        begin(app)
    });
    let cookie = cookie.await?;
    tracing::info!(request_id = %ask.ids.request, account = %account, "the console is set up");
    Ok(cookie)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SignIn {
    #[serde(default)]
    account: String,
    user: String,
    password: Password,
}

/// `POST sign-in`
pub(super) async fn sign_in(ask: &Ask<'_>, body: Incoming) -> Result<Answer, ConsoleError> {
    let SignIn {
        account,
        user,
        password,
    } = ask.json(body).await?;
    let snapshot = ask.snapshot();
    let found = account_of(&snapshot, &account);
    // One account is one, whether it is called by its id, by its name or not at all.
    let whose = found.map_or(account.as_str(), |account| account.id.as_str());
    let counted = count(ask, Some(&format!("{whose}/{user}")))?;
    let known = found.and_then(|account| snapshot.user(account.key, &user));
    let known = known
        .filter(|user| user.console)
        .map(|user| user.id.clone());
    let outcome = sign_in_by(ask, known, password).await;
    let cookie = judged(ask, &counted, outcome)?;
    Ok(with_cookie(done(), cookie))
}

async fn sign_in_by(
    ask: &Ask<'_>,
    known: Option<IdentityId>,
    password: Password,
) -> Result<HeaderValue, ConsoleError> {
    let fits = password::fits(ask.app, password, known.clone()).await?;
    let (Some(hash), Some(id)) = (fits, known) else {
        tracing::info!(request_id = %ask.ids.request, "a sign-in was wrong");
        return Err(ConsoleError::WrongSignIn);
    };
    let cookie = work::change(ask.app, session::begin(ask, &id, hash)).await?;
    tracing::info!(request_id = %ask.ids.request, user = %id, "signed in");
    Ok(cookie)
}

/// The account that is meant: by id, by a name that one has alone, or the only one.
fn account_of<'s>(snapshot: &'s Snapshot, text: &str) -> Option<&'s Arc<Account>> {
    let text = text.trim();
    if let Some(account) = AccountId::parse(text)
        .ok()
        .and_then(|id| snapshot.account(&id))
    {
        return Some(account);
    }
    let mut meant = snapshot
        .accounts()
        .filter(|account| text.is_empty() || account.name == text);
    match (meant.next(), meant.next()) {
        (Some(account), None) => Some(account),
        (Some(_) | None, _) => None,
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SetPassword {
    token: String,
    password: Password,
}

/// `POST set-password`
pub(super) async fn set_password(ask: &Ask<'_>, body: Incoming) -> Result<Answer, ConsoleError> {
    let SetPassword { token, password } = ask.json(body).await?;
    let counted = count(ask, None)?;
    let outcome = set_password_by(ask, token, password).await;
    let cookie = judged(ask, &counted, outcome)?;
    Ok(with_cookie(done(), cookie))
}

async fn set_password_by(
    ask: &Ask<'_>,
    token: String,
    password: Password,
) -> Result<HeaderValue, ConsoleError> {
    let now = ask.now();
    let check = {
        let token = token.clone();
        work::change(ask.app, move |app| {
            Ok(app.directory.check_user_token(&token, now)?)
        })
    };
    let id = check.await?;
    let snapshot = ask.snapshot();
    let known = snapshot.user_by_id(&id).filter(|(_, user)| user.console);
    let (account, user) = known.ok_or(ConsoleError::WrongToken)?;
    password.check("password")?;
    let hash = password::hash(ask.app, password).await?;
    let actor = anonymous(ask, &account.id, &format!("console/{}", user.name));
    let begin = session::begin(ask, &id, hash.clone());
    let cookie = work::change(ask.app, move |app| {
        app.directory
            .use_user_token(&token, &id, &hash, now, &actor)?;
        let before = app.console.sessions.of_user(&id, now.0);
        let ended: Vec<_> = before.iter().map(|session| session.hash).collect();
        app.console.sessions.forget(&ended);
        begin(app)
    });
    cookie.await
}

/// `POST sign-out`
pub(super) async fn sign_out(ask: &Ask<'_>) -> Result<Answer, ConsoleError> {
    if let Some(hash) = session::presented(ask) {
        end(ask, vec![hash]).await?;
    }
    Ok(with_cookie(done(), session::ended_cookie(ask.caller.tls)?))
}

async fn end(ask: &Ask<'_>, hashes: Vec<[u8; 32]>) -> Result<(), ConsoleError> {
    work::change(ask.app, move |app| {
        app.console.sessions.forget(&hashes);
        Ok(app.directory.remove_console_sessions(&hashes)?)
    })
    .await
}

/// `GET account`
pub(super) fn account(ask: &Ask<'_>, who: &SignedIn) -> Result<Answer, ConsoleError> {
    let own = ask.app.console.sessions.of_user(&who.user.id, ask.now().0);
    let sessions: Vec<_> = own
        .iter()
        .map(|session| {
            json!({
                "id": public_id(&session.hash),
                "createdMs": session.created_ms,
                "usedMs": session.used_ms,
                "address": session.address.to_string(),
                "agent": session.agent,
                "current": session.hash == who.hash,
            })
        })
        .collect();
    answer_of(&json!({
        "user": who.user.name,
        "account": account_json(&who.account),
        "sessions": sessions,
    }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ChangePassword {
    old: Password,
    new: Password,
}

/// `POST account/password`
pub(super) async fn change_password(
    ask: &Ask<'_>,
    who: &SignedIn,
    body: Incoming,
) -> Result<Answer, ConsoleError> {
    let ChangePassword { old, new } = ask.json(body).await?;
    // Whoever found an open page must not guess the password there either.
    let counted = count(ask, Some(&format!("{}/{}", who.account.id, who.user.name)))?;
    let fits = password::fits(ask.app, old, Some(who.user.id.clone())).await;
    let fits = fits.and_then(|fits| fits.ok_or(ConsoleError::WrongSignIn));
    judged(ask, &counted, fits)?;
    new.check("new")?;
    let hash = password::hash(ask.app, new).await?;
    let (id, kept, now, actor) = (who.user.id.clone(), who.hash, ask.now(), who.actor(ask));
    work::change(ask.app, move |app| {
        app.directory
            .set_console_password(&id, &hash, Some(&kept), now, &actor)?;
        let own = app.console.sessions.of_user(&id, now.0);
        let others = own.iter().map(|session| session.hash);
        let others: Vec<_> = others.filter(|hash| *hash != kept).collect();
        app.console.sessions.forget(&others);
        Ok(())
    })
    .await?;
    Ok(done())
}

/// `DELETE account/sessions/{id}`
pub(super) async fn end_session(
    ask: &Ask<'_>,
    who: &SignedIn,
    id: &str,
) -> Result<Answer, ConsoleError> {
    let own = ask.app.console.sessions.of_user(&who.user.id, ask.now().0);
    let named = own.iter().find(|session| public_id(&session.hash) == id);
    let hash = named.ok_or(ConsoleError::NotFound)?.hash;
    end(ask, vec![hash]).await?;
    Ok(done())
}

/// Counts a try before it is judged.
fn count(ask: &Ask<'_>, user: Option<&str>) -> Result<Try, ConsoleError> {
    let now_ms = ask.app.clock.monotonic_ms();
    let counted = ask.app.console.slow_down.begin(user, ask.caller.ip, now_ms);
    counted.map_err(|retry_after_ms| {
        tracing::warn!(request_id = %ask.ids.request, "sign-in is slowed down");
        ConsoleError::SlowDown { retry_after_ms }
    })
}

/// A try counts when it was wrong alone: not when it was right, and not when nothing
/// judged it.
fn judged<T>(
    ask: &Ask<'_>,
    counted: &Try,
    outcome: Result<T, ConsoleError>,
) -> Result<T, ConsoleError> {
    let slow_down = &ask.app.console.slow_down;
    match &outcome {
        Ok(_) => slow_down.succeeded(counted),
        Err(ConsoleError::WrongSignIn | ConsoleError::WrongToken) => {}
        Err(_) => slow_down.not_judged(counted),
    }
    outcome
}

/// Somebody who is not signed in yet, for the audit log.
fn anonymous(ask: &Ask<'_>, account: &AccountId, name: &str) -> Actor {
    Actor {
        account: Some(account.clone()),
        name: name.to_owned(),
        source_ip: Some(ask.caller.ip),
        request_id: Some(ask.ids.request.to_string()),
        access_key_id: None,
    }
}
