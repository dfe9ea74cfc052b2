//! `GET|POST /webhooks/whatsapp/{webhook_id}`: Meta's handshake, and signed
//! batches of statuses.
//!
//! Order: webhook known → body read (its size is the transport's) → signature
//! over the raw bytes → parse → where each number belongs → durable → 200.
//!
//! Invariants: nothing is parsed or stored before the signature is verified; 200
//! only for what is durable; message ids leave this file as keyed hashes, and
//! what could not be read leaves it sealed.

use crate::directory::{DirectoryError, Webhook, WebhookKind};
use crate::ingest::whatsapp::{self, WebhookError};
use crate::ingest::{binding, pipeline::PipelineError};
use crate::master_key::SealError;
use crate::server::App;
use crate::server::answer::Answer;
use crate::server::query_text::decode;
use chatmetric_core::{EpochMs, PhoneNumber};
use chatmetric_rpc::credential::SecretKey;
use chatmetric_store::{
    BATCH_EVENTS_MAX, Batch, Reason, Receipt, SealedItem, StatusEvent, StoreError, Target,
};
use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderMap, StatusCode};
use sha2::Sha256;
use std::sync::Arc;
use subtle::{Choice, ConstantTimeEq};

/// Longest challenge that is echoed, in bytes.
const CHALLENGE_BYTES_MAX: usize = 1024;
/// The header of the signature.
const SIGNATURE_HEADER: &str = "x-hub-signature-256";

/// Why a body is not acknowledged.
#[derive(Debug, thiserror::Error)]
pub(crate) enum IngestError {
    #[error("the signature does not fit")]
    Signature,
    #[error("the body has more than {0} statuses")]
    TooMany(usize),
    #[error("a number could not be bound")]
    Bind(#[source] DirectoryError),
    #[error("what could not be read could not be sealed")]
    Seal(#[source] SealError),
    #[error("the events are not durable")]
    Commit(#[source] PipelineError),
}

/// Finds the webhook of a path; other kinds are as unknown as no webhook.
pub(crate) fn find(app: &App, id: &str) -> Option<Arc<Webhook>> {
    let snapshot = app.directory.snapshot();
    let webhook = snapshot.webhook(id)?;
    match webhook.kind {
        WebhookKind::Whatsapp { .. } => Some(Arc::clone(webhook)),
        WebhookKind::Cams { .. } | WebhookKind::Events { .. } => None,
    }
}

pub(crate) fn unknown() -> Answer {
    Answer::small(
        StatusCode::NOT_FOUND,
        "UnknownWebhook",
        "there is no such webhook",
    )
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

/// Takes a signed body.
pub(crate) async fn receive(
    app: &App,
    webhook: &Arc<Webhook>,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<Receipt, IngestError> {
    let WebhookKind::Whatsapp { app_secrets, .. } = &webhook.kind else {
        return Err(IngestError::Signature);
    };
    if !signature_fits(headers, app_secrets, body) {
        return Err(IngestError::Signature);
    }
    let received_at = app.clock.now();
    let text = whatsapp::text_of(body);
    let batch = match whatsapp::parse(&text, BATCH_EVENTS_MAX) {
        Ok(parsed) => batch_of(app, webhook, parsed, received_at).await?,
        Err(WebhookError::TooManyStatuses { statuses_max }) => {
            return Err(IngestError::TooMany(statuses_max));
        }
        Err(WebhookError::Unparsable) => Batch {
            sealed: vec![seal(app, webhook, Reason::Unparsable, body)?],
            ..empty_batch(webhook, received_at)
        },
    };
    if batch.events.is_empty() && batch.sealed.is_empty() && batch.ignored == 0 {
        return Ok(Receipt::default());
    }
    app.pipeline
        .commit(batch)
        .await
        .map_err(IngestError::Commit)
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

async fn batch_of(
    app: &App,
    webhook: &Arc<Webhook>,
    parsed: whatsapp::Webhook<'_>,
    received_at: EpochMs,
) -> Result<Batch, IngestError> {
    let numbers = parsed.events.iter().map(|event| event.number);
    let targets = binding::targets(&app.directory, webhook, numbers, received_at)
        .await
        .map_err(IngestError::Bind)?;
    let held = Target::Held(webhook.account.key);
    // The statuses of a number stand together.
    let mut last = None;
    let mut target_of = |number: PhoneNumber| match last {
        Some((known, target)) if known == number => target,
        Some(_) | None => {
            let target = targets.get(&number).copied().unwrap_or(held);
            last = Some((number, target));
            target
        }
    };
    let events = parsed.events.iter().map(|event| StatusEvent {
        fingerprint: app.fingerprint_key.fingerprint(
            whatsapp::CHANNEL,
            &event.number,
            &event.message_id,
        ),
        number: event.number,
        status: event.status,
        at: event.at,
        target: target_of(event.number),
    });
    let events = events.collect();
    let sealed = parsed
        .bad
        .iter()
        .map(|bad| seal(app, webhook, bad.reason, bad.json.as_bytes()))
        .collect::<Result<_, _>>()?;
    Ok(Batch {
        events,
        sealed,
        ignored: parsed.ignored,
        ..empty_batch(webhook, received_at)
    })
}

fn empty_batch(webhook: &Webhook, received_at: EpochMs) -> Batch {
    Batch {
        source: webhook.id.as_str().into(),
        received_at,
        events: Vec::new(),
        sealed: Vec::new(),
        ignored: 0,
    }
}

fn seal(
    app: &App,
    webhook: &Webhook,
    reason: Reason,
    plaintext: &[u8],
) -> Result<SealedItem, IngestError> {
    let tenant = webhook.account.id.as_str();
    let sealed = app
        .directory
        .seal_quarantined(tenant, &webhook.id, plaintext)
        .map_err(IngestError::Seal)?;
    Ok(SealedItem {
        account: webhook.account.key,
        reason,
        sealed: sealed.into(),
    })
}

/// The answer, and how much the operator should hear of it.
pub(crate) fn answer(result: Result<Receipt, IngestError>) -> Answer {
    let error = match result {
        Ok(receipt) => {
            let Receipt {
                new,
                duplicate,
                moved: _,
                ignored,
                late,
                quarantined,
            } = receipt;
            // Every webhook is answered so: numbers and our own words need no JSON writer.
            let body = format!(
                "{{\"code\":\"OK\",\"duplicate\":{duplicate},\"ignored\":{ignored},\"late\":{late},\
                 \"new\":{new},\"quarantined\":{quarantined}}}"
            );
            return Answer::new(StatusCode::OK, "application/json;charset=utf-8", body);
        }
        Err(error) => error,
    };
    match &error {
        IngestError::Signature => Answer::small(
            StatusCode::UNAUTHORIZED,
            "InvalidSignature",
            "X-Hub-Signature-256 is missing or does not fit the body",
        ),
        IngestError::TooMany(limit) => Answer::small(
            StatusCode::PAYLOAD_TOO_LARGE,
            "TooManyEvents",
            &format!("a body has at most {limit} statuses"),
        ),
        IngestError::Commit(PipelineError::Store(StoreError::Invalid { .. })) => Answer::small(
            StatusCode::PAYLOAD_TOO_LARGE,
            "TooManyEvents",
            "the body breaks a limit of the store",
        ),
        IngestError::Bind(_) | IngestError::Seal(_) | IngestError::Commit(_) => {
            let source = std::error::Error::source(&error).map(ToString::to_string);
            tracing::warn!(%error, source, "a webhook is not acknowledged");
            unavailable()
        }
    }
}

/// The provider sends again, for days.
pub(crate) fn unavailable() -> Answer {
    Answer::small(
        StatusCode::SERVICE_UNAVAILABLE,
        "Unavailable",
        "the events cannot be made durable now; send them again",
    )
    .retry_after()
}

#[cfg(test)]
mod tests;
