//! Webhooks, made, changed and taken away one by one for somebody who is named in the
//! audit log; documents are in `merge`.
//!
//! Invariant: a change that is refused has changed nothing; an id that others have is
//! taken, whoever asks.

use chatmetric_core::EpochMs;
use chatmetric_rpc::credential::{AccountId, SecretKey};

use super::Directory;
use super::identity::Actor;
use super::limits::{
    APP_SECRETS_MAX, ENTRIES_MAX, NAME_BYTES_MAX, RESERVED_WEBHOOK_ID, SECRET_BYTES_MAX,
};
use super::resources::{
    ResourceError, ResourceField, ResourceKind, account_of, invalid, not_found, own_space,
    refuse_above, refuse_taken,
};
use super::state::{Secret, WebhookSecrets, WebhookState};

/// A webhook that is to be made.
#[derive(Debug, Clone)]
pub struct NewWebhook {
    /// Its id.
    pub id: String,
    /// The space that its events go to.
    pub space: Option<String>,
    /// Its kind, with what guards it.
    pub secrets: NewSecrets,
}

/// What guards a webhook that is to be made.
#[derive(Debug, Clone)]
pub enum NewSecrets {
    /// Meta's WhatsApp webhooks.
    Whatsapp {
        /// Signs its bodies.
        app_secret: SecretKey,
        /// Answers the handshake.
        verify_token: SecretKey,
    },
    /// CAMS receipts, with the token of the path.
    Cams(SecretKey),
    /// CloudEvents and NDJSON, with the bearer token.
    Events(SecretKey),
}

impl NewSecrets {
    /// Those of a kind, with a token that was made for it, and what that is called.
    ///
    /// # Errors
    /// [`ResourceError::Invalid`] for a word that is no kind, for an app secret that is
    /// missing, and for one that the kind has not.
    pub fn of(
        kind: &str,
        app_secret: Option<SecretKey>,
        token: SecretKey,
    ) -> Result<(Self, &'static str), ResourceError> {
        match (kind, app_secret) {
            ("whatsapp", Some(app_secret)) => {
                let secrets = Self::Whatsapp {
                    app_secret,
                    verify_token: token,
                };
                Ok((secrets, "verifyToken"))
            }
            ("whatsapp", None) => {
                let reason = "it is missing: Meta's app has it";
                Err(invalid(ResourceField::AppSecret, reason))
            }
            ("cams", None) => Ok((Self::Cams(token), "token")),
            ("events", None) => Ok((Self::Events(token), "token")),
            ("cams" | "events", Some(_)) => {
                let reason = "a webhook of this kind has none: its token is made here";
                Err(invalid(ResourceField::AppSecret, reason))
            }
            _ => {
                let reason = "it is `whatsapp`, `cams` or `events`";
                Err(invalid(ResourceField::Kind, reason))
            }
        }
    }
}

/// Where the sender of a webhook posts. That of CAMS ends in its token, a secret: without
/// it stands `…`.
#[must_use]
pub fn webhook_path(kind: &str, id: &str, token: Option<&str>) -> String {
    match kind {
        "cams" => format!("/webhooks/cams/{id}/{}", token.unwrap_or("…")),
        _ => format!("/webhooks/{kind}/{id}"),
    }
}

/// What becomes different of a webhook; what its kind has not, is refused.
#[derive(Debug, Clone, Default)]
pub struct WebhookChanges {
    /// A second app secret.
    pub add_app_secret: Option<SecretKey>,
    /// Whether only the newest app secret stays.
    pub drop_old_app_secret: bool,
    /// Another verify token.
    pub verify_token: Option<SecretKey>,
    /// Another token, of receipts or events: the one before ends at once.
    pub token: Option<SecretKey>,
    /// Another space.
    pub space: Option<String>,
}

impl Directory {
    /// Makes a webhook.
    ///
    /// # Errors
    /// [`ResourceError`]
    pub fn create_webhook(
        &self,
        account: &AccountId,
        new: &NewWebhook,
        actor: &Actor,
        now: EpochMs,
    ) -> Result<(), ResourceError> {
        self.change_resources("CreateWebhook", actor, now, |state, _| {
            check_webhook_id(&new.id)?;
            let is_taken = state
                .accounts
                .values()
                .any(|account| account.webhooks.contains_key(&new.id));
            refuse_taken(ResourceKind::Webhook, &new.id, is_taken)?;
            let account = account_of(state, account)?;
            refuse_above(ResourceKind::Webhook, account.webhooks.len(), ENTRIES_MAX)?;
            let webhook = WebhookState {
                space: new
                    .space
                    .as_deref()
                    .map(|space| own_space(account, space))
                    .transpose()?,
                secrets: secrets_of(&new.secrets)?,
            };
            account.webhooks.insert(new.id.clone(), webhook);
            Ok(())
        })
    }

    /// Changes a webhook.
    ///
    /// # Errors
    /// [`ResourceError`]
    pub fn update_webhook(
        &self,
        account: &AccountId,
        id: &str,
        changes: &WebhookChanges,
        actor: &Actor,
        now: EpochMs,
    ) -> Result<(), ResourceError> {
        self.change_resources("UpdateWebhook", actor, now, |state, _| {
            let account = account_of(state, account)?;
            let space = changes
                .space
                .as_deref()
                .map(|space| own_space(account, space))
                .transpose()?;
            let webhook = account.webhooks.get_mut(id);
            let webhook = webhook.ok_or_else(|| not_found(ResourceKind::Webhook, id))?;
            match &mut webhook.secrets {
                WebhookSecrets::Whatsapp {
                    app_secrets,
                    verify_token,
                } => {
                    refuse_given(changes.token.is_some(), ResourceField::Token)?;
                    set_app_secrets(app_secrets, changes)?;
                    if let Some(token) = &changes.verify_token {
                        *verify_token = Some(Secret(token.clone()));
                    }
                }
                WebhookSecrets::Cams { token } | WebhookSecrets::Events { token } => {
                    let of_apps = changes.add_app_secret.is_some()
                        || changes.drop_old_app_secret
                        || changes.verify_token.is_some();
                    refuse_given(of_apps, ResourceField::AppSecret)?;
                    if let Some(new) = &changes.token {
                        *token = Secret(new.clone());
                    }
                }
            }
            if space.is_some() {
                webhook.space = space;
            }
            Ok(())
        })
    }

    /// Takes a webhook away.
    ///
    /// # Errors
    /// [`ResourceError::NotFound`]
    pub fn delete_webhook(
        &self,
        account: &AccountId,
        id: &str,
        actor: &Actor,
        now: EpochMs,
    ) -> Result<(), ResourceError> {
        self.change_resources("DeleteWebhook", actor, now, |state, _| {
            let removed = account_of(state, account)?.webhooks.remove(id);
            removed
                .map(drop)
                .ok_or_else(|| not_found(ResourceKind::Webhook, id))
        })
    }
}

fn secrets_of(new: &NewSecrets) -> Result<WebhookSecrets, ResourceError> {
    Ok(match new {
        NewSecrets::Whatsapp {
            app_secret: secret,
            verify_token,
        } => WebhookSecrets::Whatsapp {
            app_secrets: vec![app_secret(secret)?],
            verify_token: Some(Secret(verify_token.clone())),
        },
        NewSecrets::Cams(token) => WebhookSecrets::Cams {
            token: Secret(token.clone()),
        },
        NewSecrets::Events(token) => WebhookSecrets::Events {
            token: Secret(token.clone()),
        },
    })
}

fn set_app_secrets(
    app_secrets: &mut Vec<Secret>,
    changes: &WebhookChanges,
) -> Result<(), ResourceError> {
    if changes.drop_old_app_secret {
        app_secrets.drain(..app_secrets.len().saturating_sub(1));
    }
    let Some(secret) = &changes.add_app_secret else {
        return Ok(());
    };
    if app_secrets.len() >= APP_SECRETS_MAX {
        let reason = "the webhook has two secrets: drop the old one first";
        return Err(invalid(ResourceField::AppSecret, reason));
    }
    app_secrets.push(app_secret(secret)?);
    Ok(())
}

fn refuse_given(is_given: bool, field: ResourceField) -> Result<(), ResourceError> {
    if is_given {
        return Err(invalid(field, "a webhook of this kind has none"));
    }
    Ok(())
}

/// An id is a part of a URL.
fn check_webhook_id(id: &str) -> Result<(), ResourceError> {
    let valid = (1..=NAME_BYTES_MAX).contains(&id.len())
        && id
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'));
    if id == RESERVED_WEBHOOK_ID {
        return Err(invalid(ResourceField::Id, "imported files have this name"));
    }
    if valid {
        return Ok(());
    }
    let reason = format!("it is 1 to {NAME_BYTES_MAX} letters, digits, `-`, `_` or `.`");
    Err(invalid(ResourceField::Id, reason))
}

fn app_secret(secret: &SecretKey) -> Result<Secret, ResourceError> {
    let bytes = secret.expose();
    let valid = (1..=SECRET_BYTES_MAX).contains(&bytes.len()) && bytes.is_ascii();
    if valid {
        return Ok(Secret(secret.clone()));
    }
    let reason = format!("it is 1 to {SECRET_BYTES_MAX} ASCII characters");
    Err(invalid(ResourceField::AppSecret, reason))
}
