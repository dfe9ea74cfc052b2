//! Webhooks of the account: listed, made, their secrets exchanged, taken away.
//!
//! Invariant: a secret is in an answer once, when it is made here; app secrets come from
//! the provider and never go back.

use super::ask::{Ask, answer_of, done};
use super::error::ConsoleError;
use super::rights::{Right, SignedIn};
use super::work;
use crate::directory::limits::RESERVED_WEBHOOK_ID;
use crate::directory::{
    NewSecrets, NewWebhook, Webhook, WebhookChanges, WebhookKind, letters_and_digits,
};
use crate::server::answer::Answer;
use chatmetric_rpc::credential::SecretKey;
use hyper::body::Incoming;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::HashMap;
use std::sync::Arc;

/// Letters and digits of a token that is made here: 190 bits.
const TOKEN_CHARS: usize = 32;

fn url(ask: &Ask<'_>, id: &str) -> String {
    format!("{}/webhooks/whatsapp/{id}", ask.endpoint())
}

/// Where a webhook takes bodies. That of CAMS ends in its token, which is a secret.
fn url_of(ask: &Ask<'_>, webhook: &Webhook) -> String {
    let (endpoint, id) = (ask.endpoint(), &webhook.id);
    match webhook.kind {
        WebhookKind::Whatsapp { .. } => url(ask, id),
        WebhookKind::Cams { .. } => format!("{endpoint}/webhooks/cams/{id}/…"),
        WebhookKind::Events { .. } => format!("{endpoint}/webhooks/events/{id}"),
    }
}

/// `GET webhooks`
pub(super) async fn list(ask: &Ask<'_>, who: &SignedIn) -> Result<Answer, ConsoleError> {
    who.require(ask, Right::ReadDirectory)?;
    let books = work::read(ask.app, |app| Ok(app.store.books()?)).await?;
    let received: HashMap<_, _> = books
        .iter()
        // These are of files, also where a webhook of before has their name.
        .filter(|(name, _)| **name != *RESERVED_WEBHOOK_ID)
        .map(|(name, books)| (&**name, books.received))
        .collect();
    let mut own: Vec<_> = who
        .snapshot
        .webhooks()
        .filter(|webhook| webhook.account.key == who.account.key)
        .collect();
    own.sort_by(|a, b| a.id.cmp(&b.id));
    let webhooks: Vec<_> = own
        .into_iter()
        .map(|webhook| {
            let app_secrets = match &webhook.kind {
                WebhookKind::Whatsapp { app_secrets, .. } => app_secrets.len(),
                WebhookKind::Cams { .. } | WebhookKind::Events { .. } => 0,
            };
            json!({
                "id": webhook.id,
                "kind": webhook.kind.as_str(),
                "space": webhook.space.as_ref().map(|space| space.id.as_str()),
                "url": url_of(ask, webhook),
                "appSecrets": app_secrets,
                "lastMs": ask.app.pipeline.arrivals().of(&webhook.id, ask.now()).map(|arrived| arrived.last.0),
                "received": received.get(webhook.id.as_str()).copied().unwrap_or(0),
            })
        })
        .collect();
    answer_of(&json!({ "webhooks": webhooks }))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct New {
    id: String,
    kind: String,
    #[serde(default)]
    space: Option<String>,
    #[serde(default)]
    app_secret: Option<String>,
}

/// `POST webhooks`
pub(super) async fn create(
    ask: &Ask<'_>,
    who: &SignedIn,
    body: Incoming,
) -> Result<Answer, ConsoleError> {
    who.require(ask, Right::ChangeWebhooks)?;
    let new: New = ask.json(body).await?;
    let token = letters_and_digits(ask.app.entropy.as_ref(), TOKEN_CHARS);
    let shown = shown(&token);
    let (secrets, member) = secrets_of(&new.kind, new.app_secret, token)?;
    let url = match &secrets {
        NewSecrets::Cams(_) => format!("{}/webhooks/cams/{}/{shown}", ask.endpoint(), new.id),
        NewSecrets::Whatsapp { .. } | NewSecrets::Events(_) => {
            format!("{}/webhooks/{}/{}", ask.endpoint(), new.kind, new.id)
        }
    };
    let webhook = NewWebhook {
        id: new.id.clone(),
        space: new.space,
        secrets,
    };
    let (account, actor, now) = (who.account.id.clone(), who.actor(ask), ask.now());
    work::change(ask.app, move |app| {
        // Books are kept by the id alone: whoever takes one again would see them.
        let books = app.store.books()?;
        if books.iter().any(|(name, _)| **name == *webhook.id) {
            let reason = "The id is or was in use; take another one.";
            return Err(ConsoleError::Conflict(reason.to_owned()));
        }
        Ok(app
            .directory
            .create_webhook(&account, &webhook, &actor, now)?)
    })
    .await?;
    answer_of(&json!({ "id": new.id, "url": url, member: shown }))
}

/// What guards a new webhook, and what its token is called.
fn secrets_of(
    kind: &str,
    app_secret: Option<String>,
    token: SecretKey,
) -> Result<(NewSecrets, &'static str), ConsoleError> {
    match (kind, app_secret) {
        ("whatsapp", Some(app_secret)) => {
            let secrets = NewSecrets::Whatsapp {
                app_secret: SecretKey::new(app_secret),
                verify_token: token,
            };
            Ok((secrets, "verifyToken"))
        }
        ("whatsapp", None) => {
            let reason = "It is missing: Meta's app has it.";
            Err(ConsoleError::invalid("appSecret", reason))
        }
        ("cams" | "events", Some(_)) => {
            let reason = "A webhook of this kind has none: its token is made here.";
            Err(ConsoleError::invalid("appSecret", reason))
        }
        ("cams", None) => Ok((NewSecrets::Cams(token), "token")),
        ("events", None) => Ok((NewSecrets::Events(token), "token")),
        _ => {
            let reason = "It is `whatsapp`, `cams` or `events`.";
            Err(ConsoleError::invalid("kind", reason))
        }
    }
}

fn shown(secret: &SecretKey) -> String {
    String::from_utf8_lossy(secret.expose()).into_owned()
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Changes {
    #[serde(default)]
    add_app_secret: Option<String>,
    #[serde(default)]
    drop_old_app_secret: bool,
    #[serde(default)]
    new_verify_token: bool,
    #[serde(default)]
    new_token: bool,
    #[serde(default)]
    space: Option<String>,
}

/// `PATCH webhooks/{id}`
pub(super) async fn update(
    ask: &Ask<'_>,
    who: &SignedIn,
    id: &str,
    body: Incoming,
) -> Result<Answer, ConsoleError> {
    who.require(ask, Right::ChangeWebhooks)?;
    let asked: Changes = ask.json(body).await?;
    let entropy = ask.app.entropy.as_ref();
    let draw = |wanted: bool| wanted.then(|| letters_and_digits(entropy, TOKEN_CHARS));
    let changes = WebhookChanges {
        add_app_secret: asked.add_app_secret.map(SecretKey::new),
        drop_old_app_secret: asked.drop_old_app_secret,
        verify_token: draw(asked.new_verify_token),
        token: draw(asked.new_token),
        space: asked.space,
    };
    let mut told = Map::new();
    for (member, token) in [
        ("verifyToken", &changes.verify_token),
        ("token", &changes.token),
    ] {
        told.extend(
            token
                .iter()
                .map(|token| (member.to_owned(), shown(token).into())),
        );
    }
    let (account, actor, now) = (who.account.id.clone(), who.actor(ask), ask.now());
    let id = id.to_owned();
    work::change(ask.app, move |app| {
        Ok(app
            .directory
            .update_webhook(&account, &id, &changes, &actor, now)?)
    })
    .await?;
    answer_of(&Value::Object(told))
}

/// `DELETE webhooks/{id}`
pub(super) async fn delete(
    ask: &Ask<'_>,
    who: &SignedIn,
    id: &str,
) -> Result<Answer, ConsoleError> {
    who.require(ask, Right::ChangeWebhooks)?;
    let (account, actor, now) = (Arc::clone(&who.account), who.actor(ask), ask.now());
    let id = id.to_owned();
    work::change(ask.app, move |app| {
        Ok(app
            .directory
            .delete_webhook(&account.id, &id, &actor, now)?)
    })
    .await?;
    Ok(done())
}
