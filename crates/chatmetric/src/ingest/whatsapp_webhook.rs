//! `GET|POST /webhooks/whatsapp/{webhook_id}`: Meta's handshake, and signed
//! batches of statuses.
//!
//! Order: webhook known → body read (its size is the transport's) → signature
//! over the raw bytes → parse → where each number belongs → durable → 200.
//!
//! Not here: what becomes of what was read (`receive`).
//!
//! Invariant: nothing is parsed or stored before the signature is verified.

use crate::directory::{IdFamily, IdForm, Webhook, WebhookKind};
use crate::ingest::receive::{self, IngestError, Reported, Reports};
use crate::ingest::whatsapp::{self, WebhookError};
use crate::server::App;
use crate::server::answer::Answer;
use crate::server::query_text::decode;
use chatmetric_core::{EpochMs, MessageStatus, PhoneNumber};
use chatmetric_rpc::credential::SecretKey;
use chatmetric_store::{BATCH_EVENTS_MAX, Batch};
use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderMap, StatusCode};
use sha2::Sha256;
use std::sync::Arc;
use subtle::{Choice, ConstantTimeEq};

/// Longest challenge that is echoed, in bytes.
const CHALLENGE_BYTES_MAX: usize = 1024;
/// The header of the signature.
const SIGNATURE_HEADER: &str = "x-hub-signature-256";

/// Finds the webhook of a path; other kinds are as unknown as no webhook.
pub(crate) fn find(app: &App, id: &str) -> Option<Arc<Webhook>> {
    let snapshot = app.directory.snapshot();
    let webhook = snapshot.webhook(id)?;
    match webhook.kind {
        WebhookKind::Whatsapp { .. } => Some(Arc::clone(webhook)),
        WebhookKind::Cams { .. } | WebhookKind::Events { .. } => None,
    }
}

/// Meta's verification: echoes the challenge to whoever knows the verify token.
pub(crate) fn handshake(webhook: &Webhook, query: &str) -> Answer {
    let refuse = |message| Answer::small(StatusCode::FORBIDDEN, "VerificationFailed", message);
    let parameter = |name: &str| {
        let mut found = query.split('&').filter_map(|pair| {
            let (key, value) = pair.split_once('=')?;
            (decode(key).as_deref() == Some(name)).then(|| decode(value))?
        });
        found.next()
    };
    let WebhookKind::Whatsapp {
        verify_token: Some(token),
        ..
    } = &webhook.kind
    else {
        return refuse("this webhook has no verify token");
    };
    let given = parameter("hub.verify_token").unwrap_or_default();
    let fits = bool::from(given.as_bytes().ct_eq(token.expose()));
    if !fits || parameter("hub.mode").as_deref() != Some("subscribe") {
        return refuse("hub.mode or hub.verify_token is wrong");
    }
    match parameter("hub.challenge") {
        Some(challenge) if challenge.len() <= CHALLENGE_BYTES_MAX => {
            Answer::text(StatusCode::OK, challenge)
        }
        Some(_) | None => Answer::small(
            StatusCode::BAD_REQUEST,
            "InvalidChallenge",
            "hub.challenge is missing or longer than 1024 bytes",
        ),
    }
}

/// What a signed body brings; nothing is counted yet.
pub(crate) async fn read(
    app: &App,
    webhook: &Arc<Webhook>,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<Batch, IngestError> {
    let WebhookKind::Whatsapp { app_secrets, .. } = &webhook.kind else {
        return Err(IngestError::Signature);
    };
    if !signature_fits(headers, app_secrets, body) {
        return Err(IngestError::Signature);
    }
    let received_at = app.clock.now();
    let text = whatsapp::text_of(body);
    match whatsapp::parse(&text, BATCH_EVENTS_MAX) {
        Ok(parsed) => {
            let bad = parsed.bad.iter();
            let reports = Reports {
                events: &parsed.events,
                bad: bad.map(|bad| (bad.reason, bad.kept())).collect(),
                ignored: parsed.ignored,
            };
            receive::batch_of(app, webhook, reports, received_at).await
        }
        Err(WebhookError::TooManyStatuses { statuses_max }) => {
            Err(IngestError::TooMany(statuses_max))
        }
        Err(WebhookError::Unparsable) => receive::unparsable(app, webhook, body, received_at),
    }
}

impl Reported for whatsapp::Event<'_> {
    fn number(&self) -> PhoneNumber {
        self.number
    }

    fn message_id(&self) -> &str {
        &self.message_id
    }

    fn channel(&self) -> &str {
        whatsapp::CHANNEL
    }

    /// Whatever the id looks like: who signed it is Meta.
    fn family(&self) -> IdForm {
        IdForm::Of(IdFamily::Meta)
    }

    fn status(&self) -> MessageStatus {
        self.status
    }

    fn at(&self) -> EpochMs {
        self.at
    }
}

/// Compares with every secret, in constant time, whether or not one fitted.
fn signature_fits(headers: &HeaderMap, secrets: &[SecretKey], body: &[u8]) -> bool {
    let mut values = headers.get_all(SIGNATURE_HEADER).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return false;
    };
    let Some(given) = value
        .as_bytes()
        .strip_prefix(b"sha256=")
        .and_then(|text| hex::decode(text).ok())
    else {
        return false;
    };
    let mut fits = Choice::from(0);
    for secret in secrets {
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.expose()) else {
            continue;
        };
        mac.update(body);
        fits |= mac.finalize().into_bytes().as_slice().ct_eq(&given);
    }
    fits.into()
}

#[cfg(test)]
mod tests;
