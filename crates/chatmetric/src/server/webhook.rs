//! Requests of webhooks, from their head to their answer: who may send, the body within
//! its budget, what the source makes of it.
//!
//! Not here: formats, signatures and tokens (`ingest`). Invariant: no path is told
//! anywhere, because that of CAMS ends in a secret.

use crate::directory::Webhook;
use crate::ingest::{cams_webhook, events_webhook, receive, whatsapp_webhook};
use crate::server::App;
use crate::server::answer::Answer;
use crate::server::body::{Body, BodyFault, read_body};
use crate::server::exchange::check_head;
use crate::server::route::cams_token;
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
    let body = match whole_body(app, parts, body).await {
        Ok(body) => body,
        Err(refusal) => return refusal,
    };
    whatsapp_body(app, &webhook, &parts.headers, &body.bytes).await
}

/// What becomes of a body that was read whole.
pub(super) async fn whatsapp_body(
    app: &App,
    webhook: &Arc<Webhook>,
    headers: &HeaderMap,
    body: &[u8],
) -> Answer {
    receive::answer(whatsapp_webhook::receive(app, webhook, headers, body).await)
}

pub(super) async fn cams(app: &App, id: &str, parts: &Parts, body: Incoming) -> Answer {
    if let Some(refusal) = refused_head(parts) {
        return refusal;
    }
    let Some(webhook) = cams_webhook::find(app, id, cams_token(parts.uri.path())) else {
        return receive::unknown();
    };
    let body = match whole_body(app, parts, body).await {
        Ok(body) => body,
        Err(refusal) => return refusal,
    };
    cams_webhook::answer(cams_webhook::receive(app, &webhook, &body.bytes).await)
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
    let body = match whole_body(app, parts, body).await {
        Ok(body) => body,
        Err(refusal) => return refusal,
    };
    let result = events_webhook::receive(app, &webhook, &parts.headers, &body.bytes).await;
    receive::answer(result)
}

fn refused_head(parts: &Parts) -> Option<Answer> {
    let error = check_head(parts).err()?;
    let status = StatusCode::from_u16(error.http_status()).unwrap_or(StatusCode::BAD_REQUEST);
    Some(Answer::small(status, &error.code(), &error.message()).closing())
}

async fn whole_body(app: &App, parts: &Parts, body: Incoming) -> Result<Body, Answer> {
    let limit = app.settings.limits.body_bytes_max;
    match read_body(app, parts, body, limit).await {
        Ok(body) => Ok(body),
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
