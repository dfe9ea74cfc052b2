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
    NewSecrets, NewWebhook, WebhookChanges, WebhookKind, letters_and_digits, webhook_path,
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

/// Where the sender of a webhook posts.
fn url(ask: &Ask<'_>, kind: &str, id: &str, token: Option<&str>) -> String {
    format!("{}{}", ask.endpoint(), webhook_path(kind, id, token))
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
                "url": url(ask, webhook.kind.as_str(), &webhook.id, None),
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
    let shown = token.expose_text().into_owned();
    let app_secret = new.app_secret.map(SecretKey::new);
    let (secrets, member) = NewSecrets::of(&new.kind, app_secret, token)?;
    let url = url(ask, &new.kind, &new.id, Some(&shown));
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
                .map(|token| (member.to_owned(), token.expose_text().into())),
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
