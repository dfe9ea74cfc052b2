//! One request and its answer: head limits, the body within its budget, the
//! route, and what is caught when something panics.
//!
//! Invariant: every answer of `/` and of unknown paths has the vendor's shape,
//! whatever went wrong.

use crate::api::{self, Call, Outcome, metadata};
use crate::console;
use crate::directory::Principal;
use crate::ingest::stream::{StreamReport, StreamState};
use crate::server::App;
use crate::server::answer::{Answer, RequestIds};
use crate::server::body::{BodyFault, read_body};
use crate::server::limits::{HEADER_BYTES_MAX, HEADERS_MAX, TARGET_BYTES_MAX};
use crate::server::route::{Route, route};
use crate::server::stream::AnswerBody;
use crate::server::webhook;
use crate::server::{operator, peers};
use crate::telemetry::{self, spans};
use chatmetric_rpc::ApiError;
use chatmetric_rpc::request::RawRequest;
use chatmetric_rpc::response::ResponseFormat;
use chatmetric_store::Health;
use http::header::{ALLOW, HOST, LOCATION};
use http::request::Parts;
use http::{HeaderValue, Method, Request, Response, StatusCode, Version};
use hyper::body::Incoming;
use std::borrow::Cow;
use std::net::IpAddr;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, OnceLock};
use std::task::Poll;

/// Answers a request.
pub(super) async fn exchange(
    app: Arc<App>,
    peer: CallerOf,
    request: Request<Incoming>,
) -> Response<AnswerBody> {
    // Webhooks and figures have no ids, so none are drawn for them.
    let drawn = OnceLock::new();
    let host = request.headers().get(HOST).cloned();
    match caught(respond(&app, peer, request, &drawn)).await {
        Some(answer) => answer.into_response(),
        None => {
            let ids = *drawn.get_or_init(|| RequestIds::draw(app.entropy.as_ref()));
            let host = host_text(host.as_ref());
            tracing::error!(request_id = %ids.request, "a request panicked");
            Answer::vendor_error(
                ResponseFormat::Json,
                &ApiError::InternalError,
                &host,
                ids,
                None,
            )
            .closing()
            .into_response()
        }
    }
}

/// Polls a future; `None` when it panicked. What it shares is behind locks that
/// survive a panic, so going on is sound.
pub(crate) async fn caught<T>(future: impl Future<Output = T>) -> Option<T> {
    let mut future = std::pin::pin!(future);
    std::future::poll_fn(|cx| {
        let poll = std::panic::catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx)));
        match poll {
            Ok(Poll::Ready(value)) => Poll::Ready(Some(value)),
            Ok(Poll::Pending) => Poll::Pending,
            Err(_) => Poll::Ready(None),
        }
    })
    .await
}

fn host_text(host: Option<&HeaderValue>) -> Cow<'_, str> {
    String::from_utf8_lossy(host.map(HeaderValue::as_bytes).unwrap_or_default())
}

async fn respond(
    app: &Arc<App>,
    peer: CallerOf,
    request: Request<Incoming>,
    ids: &OnceLock<RequestIds>,
) -> Answer {
    let (parts, body) = request.into_parts();
    let caller = caller_of(app, peer, &parts);
    let route = route(&parts);
    let host = host_text(parts.headers.get(HOST));
    let draw = || *ids.get_or_init(|| RequestIds::draw(app.entropy.as_ref()));
    if let Some(refused) = peers::refused(app, &route, &host, draw) {
        return refused;
    }
    match route {
        Route::Rpc => {
            let ids = *ids.get_or_init(|| RequestIds::draw(app.entropy.as_ref()));
            spans::rpc(ids.request, rpc(app, caller, &parts, body, ids)).await
        }
        Route::WhatsappWebhook(id) => {
            let answer = webhook::whatsapp(app, &id, &parts, body);
            spans::webhook("whatsapp", noted_webhook(app, answer)).await
        }
        Route::CamsWebhook(id) => {
            let answer = webhook::cams(app, &id, &parts, body);
            spans::webhook("cams", noted_webhook(app, answer)).await
        }
        Route::EventsWebhook(id) => {
            let answer = webhook::events(app, &id, &parts, body);
            spans::webhook("events", noted_webhook(app, answer)).await
        }
        Route::Console => console::answer(app, caller, &parts, body).await,
        Route::Operator => {
            let ids = *ids.get_or_init(|| RequestIds::draw(app.entropy.as_ref()));
            operator::answer(app, caller, &parts, body, ids).await
        }
        Route::Browser => Answer::text(StatusCode::FOUND, "the console is at /console/\n")
            .header(LOCATION, HeaderValue::from_static("/console/")),
        Route::Health => Answer::text(StatusCode::OK, "ok\n"),
        Route::Ready => ready(app),
        Route::ReadyForQueries => ready_for_queries(app),
        Route::ReadyStreams => ready_streams(app),
        Route::Metrics if app.metrics_on_main => metrics(app).await,
        Route::Metrics => Answer::small(
            StatusCode::NOT_FOUND,
            "NotHere",
            "figures are on `telemetry.metrics_listen` when this listener is public",
        ),
        Route::OpenApi => Answer::new(StatusCode::OK, "application/json", metadata::openapi()),
        Route::ApiDocs(product) => {
            let host = host_text(parts.headers.get(HOST));
            Answer::new(
                StatusCode::OK,
                "application/json",
                metadata::api_docs(product, &host),
            )
        }
        Route::MethodNotAllowed(allow) => Answer::small(
            StatusCode::METHOD_NOT_ALLOWED,
            "MethodNotAllowed",
            "this method is not supported here",
        )
        .header(ALLOW, HeaderValue::from_static(allow)),
    }
}

async fn noted_webhook(app: &App, answer: impl Future<Output = Answer>) -> Answer {
    let answer = answer.await;
    let status = answer.status.as_u16();
    app.metrics.webhook(status);
    spans::answered(status);
    answer
}

/// An address and whether the way from it to us is TLS.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CallerOf {
    pub(crate) ip: IpAddr,
    pub(crate) tls: bool,
}

/// What proxies say of those behind them.
const FORWARDED: [&str; 3] = ["forwarded", "x-forwarded-for", "x-forwarded-proto"];

/// Whether what a caller tells can be read on the way: not over TLS, and not on this
/// machine. The listener sees to it for whoever comes straight; this is for what a proxy
/// had over plain HTTP, and one on this machine is no local caller, trusted or not.
pub(crate) fn is_readable_on_the_way(app: &App, caller: CallerOf, parts: &Parts) -> bool {
    let is_forwarded = FORWARDED
        .iter()
        .any(|name| parts.headers.contains_key(*name));
    let is_local = caller.ip.to_canonical().is_loopback() && !is_forwarded;
    !(caller.tls || is_local || app.settings.server.insecure_http)
}

/// The caller behind the other end of the connection. Forwarded headers count only
/// when a trusted proxy sent them; of the chain, the last address that is no
/// trusted proxy is the caller. A proxy that forwards and does not say `https` had
/// the request over plain HTTP, however it came to us.
fn caller_of(app: &App, peer: CallerOf, parts: &Parts) -> CallerOf {
    let trusted = |ip: &IpAddr| {
        app.settings
            .server
            .trusted_proxies
            .contains(&ip.to_canonical())
    };
    let mut caller = peer;
    if !trusted(&peer.ip) {
        return caller;
    }
    let text = |name: &str| {
        let values = parts.headers.get_all(name).iter();
        values
            .filter_map(|value| value.to_str().ok())
            .collect::<Vec<_>>()
            .join(",")
    };
    let forwarded = ["x-forwarded-for", "x-forwarded-proto"];
    if forwarded
        .iter()
        .any(|name| parts.headers.contains_key(*name))
    {
        caller.tls = text("x-forwarded-proto")
            .rsplit(',')
            .next()
            .is_some_and(|p| p.trim().eq_ignore_ascii_case("https"));
    }
    for hop in text("x-forwarded-for").rsplit(',') {
        let Ok(ip) = hop.trim().parse::<IpAddr>() else {
            break;
        };
        caller.ip = ip;
        if !trusted(&ip) {
            break;
        }
    }
    caller
}

async fn rpc(
    app: &Arc<App>,
    caller: CallerOf,
    parts: &Parts,
    body: Incoming,
    ids: RequestIds,
) -> Answer {
    let started_ns = app.clock.monotonic_ns();
    let host = host_text(parts.headers.get(HOST));
    let read = match check_head(parts) {
        Ok(()) => read_body(app, parts, body, app.settings.limits.body_bytes_max).await,
        Err(error) => Err(BodyFault::Api(error)),
    };
    let outcome = match read {
        Ok(body) => {
            let headers: Vec<(&str, &[u8])> = parts
                .headers
                .iter()
                .map(|(name, value)| (name.as_str(), value.as_bytes()))
                .collect();
            let raw = RawRequest {
                method: parts.method.as_str(),
                target: parts
                    .uri
                    .path_and_query()
                    .map_or("*", |target| target.as_str()),
                headers: &headers,
                body: &body.bytes,
                peer_ip: caller.ip,
                tls: caller.tls,
            };
            api::handle(
                app,
                Call {
                    raw,
                    host: &host,
                    ids,
                    own_key: None,
                },
            )
            .await
        }
        Err(fault) => {
            let error = fault.into_api_error(app);
            Outcome {
                answer: Answer::vendor_error(ResponseFormat::Json, &error, &host, ids, None)
                    .closing(),
                action: None,
                error: Some(error),
                account: None,
                caller: None,
                rows: 0,
                empty: None,
            }
        }
    };
    noted(app, ids, started_ns, outcome)
}

/// Notes a call in the figures and in the log, and gives its answer.
pub(crate) fn noted(app: &App, ids: RequestIds, started_ns: u64, outcome: Outcome) -> Answer {
    let took_ns = app.clock.monotonic_ns().saturating_sub(started_ns);
    app.metrics
        .request(outcome.action, outcome.error.as_ref(), took_ns);
    let session = outcome.caller.as_ref().and_then(Principal::session);
    tracing::info!(
        request_id = %ids.request,
        action = outcome.action.map(api::action::Action::name),
        account = outcome.account,
        caller = outcome.caller.as_ref().map(Principal::name),
        assumed_by = session.map(|session| session.assumed_by.as_str()),
        source_identity = session.and_then(|session| session.source_identity.as_deref()),
        status = outcome.answer.status.as_u16(),
        code = outcome.error.as_ref().map_or("OK".into(), ApiError::code).as_ref(),
        rows = outcome.rows,
        empty = outcome.empty,
        took_us = took_ns / 1_000,
        "call"
    );
    outcome.answer
}

/// What the head may be; hyper's own limits are wider.
pub(crate) fn check_head(parts: &Parts) -> Result<(), ApiError> {
    let target_bytes = parts
        .uri
        .path_and_query()
        .map_or(0, |target| target.as_str().len());
    if target_bytes > TARGET_BYTES_MAX {
        return Err(ApiError::UriTooLong);
    }
    let header_bytes: usize = parts
        .headers
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len() + 4)
        .sum();
    if parts.headers.len() > HEADERS_MAX || header_bytes > HEADER_BYTES_MAX {
        return Err(ApiError::HeadersTooLarge);
    }
    let malformed = |reason: &'static str| {
        Err(ApiError::MalformedRequest {
            reason: reason.into(),
        })
    };
    match parts.headers.get_all(HOST).iter().count() {
        1 => Ok(()),
        0 if parts.version != Version::HTTP_11 => Ok(()),
        0 => malformed("The Host header is missing."),
        _ => malformed("The Host header is given more than once."),
    }
}

/// Whether events are taken.
fn ready(app: &App) -> Answer {
    let trouble = app.peers.as_ref().and_then(|it| it.trouble());
    match app.store.health() {
        Health::Ready if app.is_stopping() => not_ready("stopping\n"),
        Health::Ready if trouble.is_some() => not_ready(trouble.unwrap_or_default()),
        Health::Ready => Answer::text(StatusCode::OK, "ready\n"),
        Health::Waiting(_) => not_ready("the store waits (see the log)\n"),
        Health::Poisoned(_) => not_ready("the store stopped taking events (see the log)\n"),
    }
}

/// Whether queries are answered; a read-only store answers them.
fn ready_for_queries(app: &App) -> Answer {
    if app.is_stopping() {
        return not_ready("stopping\n");
    }
    match app.peers.as_ref().and_then(|it| it.trouble()) {
        Some(trouble) => not_ready(trouble),
        None => Answer::text(StatusCode::OK, "ready\n"),
    }
}

/// Whether every stream is read. It names none: anybody may ask.
fn ready_streams(app: &App) -> Answer {
    let reports = app.streams.reports();
    let is_read = |it: &&StreamReport| it.state == StreamState::Reading;
    let reading = reports.iter().filter(is_read).count();
    let is_lossy = |it: &&StreamReport| it.missing > 0 || it.recreated > 0;
    let lossy = reports.iter().filter(is_lossy).count();
    let told = format!(
        "{reading} of {} streams are read, {lossy} have lost messages\n",
        reports.len()
    );
    if app.is_stopping() || reading < reports.len() {
        return Answer::text(StatusCode::SERVICE_UNAVAILABLE, told).retry_after();
    }
    Answer::text(StatusCode::OK, told)
}

fn not_ready(why: &'static str) -> Answer {
    Answer::text(StatusCode::SERVICE_UNAVAILABLE, why).retry_after()
}

/// All that the listener of figures serves.
pub(super) async fn metrics_only(
    app: &Arc<App>,
    request: &Request<Incoming>,
) -> Response<AnswerBody> {
    let path = request.uri().path();
    let answer = match (request.method(), path) {
        (&Method::GET, "/metrics") => metrics(app).await,
        (&Method::GET, "/healthz") => Answer::text(StatusCode::OK, "ok\n"),
        _ => Answer::text(StatusCode::NOT_FOUND, "only /metrics is here\n"),
    };
    answer.into_response()
}

/// Off the network threads: counts are read from the disk.
async fn metrics(app: &Arc<App>) -> Answer {
    let app = Arc::clone(app);
    let written = tokio::task::spawn_blocking(move || metrics_text(&app)).await;
    match written {
        Ok(text) => Answer::new(StatusCode::OK, telemetry::OPENMETRICS, text),
        Err(error) => {
            tracing::error!(%error, "the figures could not be written");
            Answer::text(
                StatusCode::INTERNAL_SERVER_ERROR,
                "the figures could not be written (see the log)\n",
            )
        }
    }
}

fn metrics_text(app: &App) -> String {
    let backups = app.backups.get();
    let gauges = telemetry::Gauges {
        backups_made: backups.made,
        backups_failed: backups.failed,
        backup_last_ms: backups.last.map_or(0, |last| last.at_ms),
        in_flight_bytes: app.pipeline.in_flight_bytes(),
        body_bytes: app.bodies.used_bytes(),
        nonces: app.admission.nonces_len(),
        alerts: app.watch.figures(),
    };
    let streams = app.streams.reports();
    telemetry::render(&app.metrics, app.store.as_ref(), &streams, gauges, |out| {
        let snapshot = app.directory.snapshot();
        app.number_figures
            .write(out, app.store.as_ref(), &snapshot, app.clock.as_ref());
        if let Some(peers) = &app.peers {
            telemetry::replicas(out, &peers.replicas());
        }
    })
}
