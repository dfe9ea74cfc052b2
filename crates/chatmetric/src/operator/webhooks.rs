//! Webhooks of accounts: made, their secrets exchanged, taken away.
//!
//! Invariant: a secret is in an answer once, when it is made here.

use super::query::{Query, account_of};
use super::{Desk, OperatorError, done};
use crate::directory::limits::RESERVED_WEBHOOK_ID;
use crate::directory::{NewSecrets, NewWebhook, WebhookChanges, WebhookKind, webhook_path};
use chatmetric_rpc::credential::SecretKey;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::HashMap;

pub(super) fn list(desk: &Desk<'_>, query: &Query<'_>) -> Result<Value, OperatorError> {
    let snapshot = desk.directory.snapshot();
    let account = query.account(&snapshot)?;
    let books = desk.store.books()?;
    // These are of files, also where a webhook of before has their name.
    let of_webhooks = books
        .iter()
        .filter(|(name, _)| **name != *RESERVED_WEBHOOK_ID);
    let received: HashMap<&str, u64> = of_webhooks
        .map(|(name, books)| (&**name, books.received))
        .collect();
    let asked = snapshot.webhooks().filter(|webhook| {
        let account = account.as_ref();
        account.is_none_or(|account| webhook.account.key == account.key)
    });
    let webhooks = asked.map(|webhook| (webhook.id.clone(), webhook));
    query.page("webhooks", webhooks, |webhook| {
        let app_secrets = match &webhook.kind {
            WebhookKind::Whatsapp { app_secrets, .. } => app_secrets.len(),
            WebhookKind::Cams { .. } | WebhookKind::Events { .. } => 0,
        };
        json!({
            "id": webhook.id,
            "account": webhook.account.id.as_str(),
            "kind": webhook.kind.as_str(),
            "space": webhook.space.as_ref().map(|space| space.id.as_str()),
            "appSecrets": app_secrets,
            "received": received.get(webhook.id.as_str()).copied().unwrap_or(0),
            "path": webhook_path(webhook.kind.as_str(), &webhook.id, None),
        })
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct New {
    account: String,
    id: String,
    kind: String,
    space: Option<String>,
    app_secret: Option<String>,
}

pub(super) fn create(desk: &Desk<'_>, new: New) -> Result<Value, OperatorError> {
    let account = account_of(&desk.directory.snapshot(), &new.account)?;
    // Books are kept by the id alone: whoever takes one again would see them.
    let books = desk.store.books()?;
    if books.iter().any(|(name, _)| **name == *new.id) {
        let what = format!("the id `{}` is or was in use; take another one", new.id);
        return Err(OperatorError::Conflict(what));
    }
    let token = desk.directory.draw_token();
    let (secrets, member) =
        NewSecrets::of(&new.kind, new.app_secret.map(SecretKey::new), token.clone())?;
    let webhook = NewWebhook {
        id: new.id,
        space: new.space,
        secrets,
    };
    let now = desk.clock.now();
    desk.directory
        .create_webhook(&account.id, &webhook, &desk.actor, now)?;
    let token = token.expose_text();
    Ok(json!({
        "id": webhook.id,
        "path": webhook_path(&new.kind, &webhook.id, Some(&token)),
        member: token,
    }))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Changes {
    add_app_secret: Option<String>,
    #[serde(default)]
    drop_old_app_secret: bool,
    #[serde(default)]
    new_verify_token: bool,
    #[serde(default)]
    new_token: bool,
    space: Option<String>,
}

pub(super) fn update(desk: &Desk<'_>, id: &str, changes: Changes) -> Result<Value, OperatorError> {
    let snapshot = desk.directory.snapshot();
    let webhook = snapshot.webhook(id).ok_or_else(|| missing(id))?;
    let draw = |wanted: bool| wanted.then(|| desk.directory.draw_token());
    let changes = WebhookChanges {
        add_app_secret: changes.add_app_secret.map(SecretKey::new),
        drop_old_app_secret: changes.drop_old_app_secret,
        verify_token: draw(changes.new_verify_token),
        token: draw(changes.new_token),
        space: changes.space,
    };
    let now = desk.clock.now();
    desk.directory
        .update_webhook(&webhook.account.id, id, &changes, &desk.actor, now)?;
    let mut told = Map::new();
    if let Some(token) = &changes.verify_token {
        told.insert("verifyToken".to_owned(), token.expose_text().into());
    }
    if let Some(token) = &changes.token {
        let token = token.expose_text();
        let path = webhook_path(webhook.kind.as_str(), id, Some(&token));
        told.insert("path".to_owned(), path.into());
        told.insert("token".to_owned(), token.into());
    }
    Ok(Value::Object(told))
}

pub(super) fn delete(desk: &Desk<'_>, id: &str) -> Result<Value, OperatorError> {
    let snapshot = desk.directory.snapshot();
    let webhook = snapshot.webhook(id).ok_or_else(|| missing(id))?;
    let now = desk.clock.now();
    desk.directory
        .delete_webhook(&webhook.account.id, id, &desk.actor, now)?;
    Ok(done())
}

fn missing(id: &str) -> OperatorError {
    OperatorError::NotFound(format!("there is no webhook `{id}`"))
}
