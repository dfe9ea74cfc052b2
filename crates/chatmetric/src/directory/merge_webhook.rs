//! Merges the webhooks of a document: kinds, spaces and secrets.
//!
//! Invariant: a webhook always has the secrets that its kind cannot do without,
//! and none of another kind.

use super::document::{WebhookPart, WebhookWord};
use super::limits::RESERVED_WEBHOOK_ID;
use super::merge::Merge;
use super::state::{AccountState, WebhookSecrets, WebhookState};
use chatmetric_rpc::credential::AccountId;

impl Merge<'_, '_> {
    pub(super) fn webhook(
        &mut self,
        account: &mut AccountState,
        owner: &AccountId,
        part: &WebhookPart,
    ) {
        let id = &part.id;
        if self
            .taken
            .webhooks
            .get(&id.value)
            .is_some_and(|other| other != owner)
        {
            self.faults.add(
                &id.place,
                format!("webhook `{}` belongs to another account", id.value),
            );
            return;
        }
        let current = account.webhooks.get(&id.value);
        // One of before this rule stays as it is.
        if current.is_none() && id.value == RESERVED_WEBHOOK_ID {
            let message = format!("no webhook may be called `{RESERVED_WEBHOOK_ID}`");
            self.faults.add(&id.place, message);
            return;
        }
        let kind = part
            .kind
            .or(current.map(|webhook| word_of(&webhook.secrets)));
        let Some(kind) = kind else {
            self.faults.add(
                &id.place,
                "a new webhook needs a `kind`: whatsapp, cams or events",
            );
            return;
        };
        self.foreign_secrets(kind, part);
        let current_secrets = current.map(|webhook| &webhook.secrets);
        let Some(secrets) = merge_secrets(kind, current_secrets, part, self.prune) else {
            let needed = match kind {
                WebhookWord::Whatsapp => "`app_secrets`",
                WebhookWord::Cams | WebhookWord::Events => "a `token`",
            };
            let message = format!("a new {} webhook needs {needed}", kind.as_str());
            self.faults.add(&id.place, message);
            return;
        };
        let named = part.space.as_ref().map(|space| space.value.clone());
        let kept = current.filter(|_| !self.prune);
        let space = named.or_else(|| kept.and_then(|webhook| webhook.space.clone()));
        account
            .webhooks
            .insert(id.value.clone(), WebhookState { space, secrets });
    }

    /// Secrets that a webhook of this kind does not have.
    fn foreign_secrets(&mut self, kind: WebhookWord, part: &WebhookPart) {
        let token = part.token.as_ref().map(|token| ("token", &token.place));
        let verify = part
            .verify_token
            .as_ref()
            .map(|token| ("verify_token", &token.place));
        let app = part
            .app_secrets_place
            .as_ref()
            .map(|place| ("app_secrets", place));
        let foreign = match kind {
            WebhookWord::Whatsapp => vec![token],
            WebhookWord::Cams | WebhookWord::Events => vec![verify, app],
        };
        for (field, place) in foreign.into_iter().flatten() {
            let message = format!("webhooks of kind {} have no `{field}`", kind.as_str());
            self.faults.add(place, message);
        }
    }
}

fn word_of(secrets: &WebhookSecrets) -> WebhookWord {
    match secrets {
        WebhookSecrets::Whatsapp { .. } => WebhookWord::Whatsapp,
        WebhookSecrets::Cams { .. } => WebhookWord::Cams,
        WebhookSecrets::Events { .. } => WebhookWord::Events,
    }
}

/// The secrets of the kind: given ones, else those that the webhook has. `None`
/// when neither gives one that it cannot do without.
///
/// Pruning takes a verify token away that is not listed, but not on the word of a
/// document without secrets, as an export is.
fn merge_secrets(
    kind: WebhookWord,
    current: Option<&WebhookSecrets>,
    part: &WebhookPart,
    prune: bool,
) -> Option<WebhookSecrets> {
    let token = part.token.as_ref().map(|at| at.value.clone());
    match (kind, current) {
        (
            WebhookWord::Whatsapp,
            Some(WebhookSecrets::Whatsapp {
                app_secrets,
                verify_token,
            }),
        ) => {
            let given = part.verify_token.as_ref().map(|at| at.value.clone());
            let kept = verify_token
                .as_ref()
                .filter(|_| !prune || part.app_secrets.is_none());
            Some(WebhookSecrets::Whatsapp {
                app_secrets: part
                    .app_secrets
                    .clone()
                    .unwrap_or_else(|| app_secrets.clone()),
                verify_token: given.or_else(|| kept.cloned()),
            })
        }
        (WebhookWord::Whatsapp, _) => Some(WebhookSecrets::Whatsapp {
            app_secrets: part.app_secrets.clone()?,
            verify_token: part.verify_token.as_ref().map(|at| at.value.clone()),
        }),
        (WebhookWord::Cams, Some(WebhookSecrets::Cams { token: current })) => {
            Some(WebhookSecrets::Cams {
                token: token.unwrap_or_else(|| current.clone()),
            })
        }
        (WebhookWord::Cams, _) => Some(WebhookSecrets::Cams { token: token? }),
        (WebhookWord::Events, Some(WebhookSecrets::Events { token: current })) => {
            Some(WebhookSecrets::Events {
                token: token.unwrap_or_else(|| current.clone()),
            })
        }
        (WebhookWord::Events, _) => Some(WebhookSecrets::Events { token: token? }),
    }
}
