//! Requests of webhooks, from their head to their answer: who may send, the body within
//! its budget, what the source makes of it.
//!
//! Not here: formats, signatures and tokens (`ingest`). Invariant: no path is told
//! anywhere, because that of CAMS ends in a secret.

use crate::directory::Webhook;
use crate::ingest::receive::IngestError;
use crate::ingest::{cams_webhook, events_webhook, receive, whatsapp_webhook};
use crate::server::App;
use crate::server::answer::Answer;
use crate::server::body::{Body, BodyFault, announced_bytes, discard, read_body};
use crate::server::exchange::check_head;
use crate::server::limits::BATCH_EVENTS;
use crate::server::route::cams_token;
use crate::server::shares::Share;
use bytes::Bytes;
use chatmetric_store::{Batch, Receipt};
use http::request::Parts;
use http::{HeaderMap, Method, StatusCode};
use hyper::body::Incoming;
use std::sync::Arc;

pub(super) async fn whatsapp(app: &App, id: &str, parts: &Parts, body: Incoming) -> Answer {
    if let Some(refusal) = refused_head(parts) {
        return refusal;
    }
    let Some(webhook) = whatsapp_webhook::find(app, id) else {
        return receive::unknown();
    };
    if parts.method == Method::GET {
        return whatsapp_webhook::handshake(&webhook, parts.uri.query().unwrap_or_default());
    }
    let body = match whole_body(app, &webhook, parts, body).await {
        Ok(body) => body,
        Err(refusal) => return refusal,
    };
    let read = whatsapp_webhook::read(app, &webhook, &parts.headers, body.bytes());
    let batch = in_turn(app, &webhook, read).await;
    let _in_flight = body.read();
    receive::answer(counted(app, &webhook, batch).await)
}

/// What becomes of a body that was read whole.
pub(super) async fn whatsapp_body(
    app: &App,
    webhook: &Arc<Webhook>,
    headers: &HeaderMap,
    body: &[u8],
) -> Answer {
    let read = whatsapp_webhook::read(app, webhook, headers, body);
    let batch = in_turn(app, webhook, read).await;
    receive::answer(counted(app, webhook, batch).await)
}

pub(super) async fn cams(app: &App, id: &str, parts: &Parts, body: Incoming) -> Answer {
    if let Some(refusal) = refused_head(parts) {
        return refusal;
    }
    let Some(webhook) = cams_webhook::find(app, id, cams_token(parts.uri.path())) else {
        return receive::unknown();
    };
    let body = match whole_body(app, &webhook, parts, body).await {
        Ok(body) => body,
        Err(refusal) => return refusal,
    };
    let batch = in_turn(
        app,
        &webhook,
        cams_webhook::read(app, &webhook, body.bytes()),
    )
    .await;
    let _in_flight = body.read();
    cams_webhook::answer(counted(app, &webhook, batch).await)
}

/// What becomes of receipts that were read whole.
pub(super) async fn cams_body(app: &App, webhook: &Arc<Webhook>, body: &[u8]) -> Answer {
    let batch = in_turn(app, webhook, cams_webhook::read(app, webhook, body)).await;
    cams_webhook::answer(counted(app, webhook, batch).await)
}

pub(super) async fn events(app: &App, id: &str, parts: &Parts, body: Incoming) -> Answer {
    if let Some(refusal) = refused_head(parts) {
        return refusal;
    }
    let Some(webhook) = events_webhook::find(app, id) else {
        return receive::unknown();
    };
    if let Err(error) = events_webhook::authenticate(&webhook, &parts.headers) {
        return receive::answer(Err(error));
    }
    let body = match whole_body(app, &webhook, parts, body).await {
        Ok(body) => body,
        Err(refusal) => return refusal,
    };
    let read = events_webhook::read(app, &webhook, &parts.headers, body.bytes());
    let batch = in_turn(app, &webhook, read).await;
    let _in_flight = body.read();
    receive::answer(counted(app, &webhook, batch).await)
}

/// Reads a body when it is its account's turn.
async fn in_turn(
    app: &App,
    webhook: &Webhook,
    read: impl Future<Output = Result<Batch, IngestError>>,
) -> Result<Batch, IngestError> {
    let _turn = app.turns.enter(webhook.account.key, 1).await;
    read.await
}

/// Counts what a body brought. What waits for the disk is made durable together; it is
/// bounded, so that who sends little does not wait there behind all of who sends much.
async fn counted(
    app: &App,
    webhook: &Webhook,
    batch: Result<Batch, IngestError>,
) -> Result<Receipt, IngestError> {
    let batch = batch?;
    let events = batch.events.len().saturating_add(batch.sealed.len());
    let weight = events.saturating_add(BATCH_EVENTS);
    let _turn = app.commit_turns.enter(webhook.account.key, weight).await;
    receive::commit(app, batch).await
}

fn refused_head(parts: &Parts) -> Option<Answer> {
    let error = check_head(parts).err()?;
    let status = StatusCode::from_u16(error.http_status()).unwrap_or(StatusCode::BAD_REQUEST);
    Some(Answer::small(status, &error.code(), &error.message()).closing())
}

/// A body that is in memory, within its account's share.
struct WholeBody {
    body: Body,
    share: Share,
}

/// A body in flight whose bytes are gone: what it brought takes no more than they did.
struct InFlight {
    _body: Body,
    _share: Share,
}

impl WholeBody {
    fn bytes(&self) -> &[u8] {
        &self.body.bytes
    }

    /// Lets go of the bytes once they are read; their part of the memory is what they brought
    /// has now.
    fn read(mut self) -> InFlight {
        self.body.bytes = Bytes::new();
        InFlight {
            _body: self.body,
            _share: self.share,
        }
    }
}

async fn whole_body(
    app: &App,
    webhook: &Webhook,
    parts: &Parts,
    mut body: Incoming,
) -> Result<WholeBody, Answer> {
    let limit = app.settings.limits.body_bytes_max;
    let bytes = announced_bytes(parts).unwrap_or(limit).min(limit);
    let Some(share) = app.shares.admit(webhook.account.key, bytes) else {
        discard(&mut body).await;
        return Err(receive::busy());
    };
    match read_body(app, parts, body, limit).await {
        Ok(body) => Ok(WholeBody { body, share }),
        Err(BodyFault::NoMemory) => Err(receive::unavailable()),
        Err(BodyFault::TooLarge) => {
            let message = format!("a body has at most {limit} bytes");
            let answer = Answer::small(StatusCode::PAYLOAD_TOO_LARGE, "TooLarge", &message);
            Err(answer.closing())
        }
        Err(BodyFault::TooSlow | BodyFault::Broken | BodyFault::Api(_)) => {
            let message = "the body did not arrive whole";
            Err(Answer::small(StatusCode::BAD_REQUEST, "BrokenBody", message).closing())
        }
    }
}
