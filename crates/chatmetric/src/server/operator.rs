//! The operator API over HTTP: `/operator/v1/…`, JSON, with a bearer token.
//! `backup` is the one call whose answer is a stream.
//!
//! Not here: what a call does (`crate::operator`), and tokens (`directory`). Invariants:
//! nothing is read of a body before the token is known to be one; a token that may only
//! look changes nothing; every answer is JSON, or the file that was asked for.

mod backup;

use crate::backup::REQUEST_BYTES_MAX;
use crate::directory::{Actor, OperatorScope, OperatorToken};
use crate::ingest::events_webhook::bearer;
use crate::operator::{self, Desk, OperatorCall, OperatorError, OperatorReply, Verb};
use crate::server::App;
use crate::server::answer::{Answer, RequestIds};
use crate::server::body::{Body, BodyFault, read_body};
use crate::server::exchange::{CallerOf, check_head, is_readable_on_the_way};
use crate::server::query_text::{decode_path, pairs};
use http::header::{ALLOW, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use http::request::Parts;
use http::{Method, StatusCode};
use hyper::body::Incoming;
use serde_json::{Value, json};
use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

/// Longest wait for a turn: a token that is revoked meanwhile does nothing any more.
const TURN_WAIT: Duration = Duration::from_millis(500);
/// Where the API begins.
pub(super) const PREFIX: &str = "/operator/v1/";
/// The call whose answer is a stream.
const BACKUP: &str = "backup";
const JSON: &str = "application/json; charset=utf-8";
const CSV: &str = "text/csv; charset=utf-8";

/// Why a call got no further than here.
#[derive(Debug)]
enum Refusal {
    Head(Cow<'static, str>),
    NotEncrypted,
    Token,
    Scope,
    Method,
    Malformed(&'static str),
    TooLarge { bytes_max: usize },
    SlowDown { seconds: u64 },
    Unavailable,
    BackupRuns,
    Operator(OperatorError),
}

impl From<OperatorError> for Refusal {
    fn from(error: OperatorError) -> Self {
        Self::Operator(error)
    }
}

/// An answer to a call that was done.
struct Reply(Answer);

impl From<OperatorReply> for Reply {
    fn from(reply: OperatorReply) -> Self {
        Self(match reply {
            OperatorReply::Json(value) => Answer::new(StatusCode::OK, JSON, value.to_string()),
            OperatorReply::Csv(text) => Answer::new(StatusCode::OK, CSV, text),
        })
    }
}

impl Refusal {
    const fn status(&self) -> StatusCode {
        match self {
            Self::Head(_) => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::NotEncrypted | Self::Scope => StatusCode::FORBIDDEN,
            Self::Token => StatusCode::UNAUTHORIZED,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::Malformed(_) => StatusCode::BAD_REQUEST,
            Self::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::SlowDown { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::Unavailable | Self::BackupRuns => StatusCode::SERVICE_UNAVAILABLE,
            Self::Operator(error) => match error.http_status() {
                400 => StatusCode::BAD_REQUEST,
                404 => StatusCode::NOT_FOUND,
                409 => StatusCode::CONFLICT,
                503 => StatusCode::SERVICE_UNAVAILABLE,
                _ => StatusCode::INTERNAL_SERVER_ERROR,
            },
        }
    }

    const fn code(&self) -> &'static str {
        match self {
            Self::Head(_) => "HeadTooLarge",
            Self::NotEncrypted => "NotEncrypted",
            Self::Token => "InvalidToken",
            Self::Scope => "Denied",
            Self::Method => "MethodNotAllowed",
            Self::Malformed(_) => "InvalidBody",
            Self::TooLarge { .. } => "TooLarge",
            Self::SlowDown { .. } => "SlowDown",
            Self::Unavailable | Self::BackupRuns => "Unavailable",
            Self::Operator(error) => error.code(),
        }
    }

    fn message(&self) -> Cow<'_, str> {
        match self {
            Self::Head(message) => message.as_ref().into(),
            Self::NotEncrypted => {
                "a token is not taken over plain HTTP from another machine".into()
            }
            Self::Token => "Authorization is missing or has no token that works \
                            (`chatmetric admin operator-token`)"
                .into(),
            Self::Scope => "this token may look and not change anything".into(),
            Self::Method => "the methods are GET, POST, PATCH and DELETE".into(),
            Self::Malformed(message) => (*message).into(),
            Self::TooLarge { bytes_max } => format!("a body has at most {bytes_max} bytes").into(),
            Self::SlowDown { .. } => "too many wrong tokens from this address".into(),
            Self::Unavailable => "this cannot be done now; try again".into(),
            Self::BackupRuns => {
                "this server is sending a backup to somebody; one at a time is sent".into()
            }
            Self::Operator(error) => error.to_string().into(),
        }
    }

    fn answer(&self, ids: RequestIds) -> Answer {
        let mut body = json!({
            "code": self.code(),
            "message": self.message(),
            "requestId": ids.request.to_string(),
        });
        if let (Self::Operator(error), Some(body)) = (self, body.as_object_mut())
            && let Some(field) = error.field()
        {
            body.insert("field".to_owned(), field.into());
        }
        let answer = Answer::new(self.status(), JSON, body.to_string());
        match self {
            Self::Head(_) | Self::TooLarge { .. } => answer.closing(),
            Self::Token => answer.header(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer")),
            Self::Method => {
                answer.header(ALLOW, HeaderValue::from_static("GET, POST, PATCH, DELETE"))
            }
            Self::SlowDown { seconds } => answer.header(RETRY_AFTER, HeaderValue::from(*seconds)),
            Self::Unavailable | Self::BackupRuns => answer.retry_after(),
            Self::NotEncrypted | Self::Scope | Self::Malformed(_) | Self::Operator(_) => answer,
        }
    }
}

/// Answers a call.
pub(super) async fn answer(
    app: &Arc<App>,
    caller: CallerOf,
    parts: &Parts,
    body: Incoming,
    ids: RequestIds,
) -> Answer {
    let result = respond(app, caller, parts, body, ids).await;
    let status = result
        .as_ref()
        .map_or_else(Refusal::status, |_| StatusCode::OK);
    // The path names things and holds no secrets.
    tracing::info!(
        request_id = %ids.request,
        method = %parts.method,
        path = parts.uri.path(),
        status = status.as_u16(),
        "operator call"
    );
    match result {
        Ok(Reply(answer)) => answer,
        Err(refusal) => refusal.answer(ids),
    }
}

async fn respond(
    app: &Arc<App>,
    caller: CallerOf,
    parts: &Parts,
    body: Incoming,
    ids: RequestIds,
) -> Result<Reply, Refusal> {
    check_head(parts).map_err(|error| Refusal::Head(error.message().into_owned().into()))?;
    if is_readable_on_the_way(app, caller, parts) {
        return Err(Refusal::NotEncrypted);
    }
    let token = token_of(app, caller, parts).await?;
    let verb = verb_of(&parts.method)?;
    match (verb, token.scope) {
        (Verb::Get, OperatorScope::Read | OperatorScope::Write)
        | (Verb::Post | Verb::Patch | Verb::Delete, OperatorScope::Write) => {}
        (Verb::Post | Verb::Patch | Verb::Delete, OperatorScope::Read) => {
            return Err(Refusal::Scope);
        }
    }
    let path = parts.uri.path().strip_prefix(PREFIX).unwrap_or_default();
    let path: Option<Vec<String>> = path.split('/').map(decode_path).collect();
    let query = pairs(parts.uri.query().unwrap_or_default());
    let is_backup = verb == Verb::Post && matches!(path.as_deref(), Some([only]) if only == BACKUP);
    let bytes_max = match app.settings.limits.body_bytes_max {
        // However short webhooks are to be.
        bytes_max if is_backup => bytes_max.max(REQUEST_BYTES_MAX),
        bytes_max => bytes_max,
    };
    let (json, body) = match verb {
        Verb::Get | Verb::Delete => (Value::Null, None),
        Verb::Post | Verb::Patch => json_of(app, parts, body, bytes_max).await?,
    };
    if is_backup {
        drop(body);
        return backup::answer(app, &json, &token.name).await;
    }
    let call = OperatorCall {
        verb,
        path: path.ok_or(Refusal::Malformed("the path is not well-formed"))?,
        query: query.ok_or(Refusal::Malformed("the query is not well-formed"))?,
        body: json,
    };
    let actor = Actor {
        source_ip: Some(caller.ip),
        request_id: Some(ids.request.to_string()),
        ..Actor::operator(&format!("operator/{}", token.name))
    };
    run(app, call, actor, body).await.map(Reply::from)
}

const fn verb_of(method: &Method) -> Result<Verb, Refusal> {
    match *method {
        Method::GET => Ok(Verb::Get),
        Method::POST => Ok(Verb::Post),
        Method::PATCH => Ok(Verb::Patch),
        Method::DELETE => Ok(Verb::Delete),
        _ => Err(Refusal::Method),
    }
}

/// The token of the call. Wrong ones are few: an address has its limit.
async fn token_of(
    app: &Arc<App>,
    caller: CallerOf,
    parts: &Parts,
) -> Result<OperatorToken, Refusal> {
    if let Some(wait_ms) = app
        .address_limit
        .wait_ms(caller.ip, app.clock.monotonic_ms())
    {
        let seconds = wait_ms.div_ceil(1_000);
        return Err(Refusal::SlowDown { seconds });
    }
    let found = match bearer(&parts.headers) {
        Some(token) => {
            let (app, token, now) = (Arc::clone(app), token.to_vec(), app.clock.now());
            let looked = move || app.directory.check_operator_token(&token, now);
            let looked = tokio::task::spawn_blocking(looked).await;
            looked
                .unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))
                .map_err(|error| Refusal::Operator(error.into()))?
        }
        None => None,
    };
    found.ok_or_else(|| {
        app.address_limit
            .failed(caller.ip, app.clock.monotonic_ms());
        Refusal::Token
    })
}

async fn json_of(
    app: &App,
    parts: &Parts,
    body: Incoming,
    bytes_max: usize,
) -> Result<(Value, Option<Body>), Refusal> {
    let read = read_body(app, parts, body, bytes_max).await;
    let body = read.map_err(|fault| match fault {
        BodyFault::TooLarge => Refusal::TooLarge { bytes_max },
        BodyFault::NoMemory => Refusal::Unavailable,
        BodyFault::TooSlow | BodyFault::Broken | BodyFault::Api(_) => {
            Refusal::Malformed("the body did not arrive whole")
        }
    })?;
    if body.bytes.is_empty() {
        return Ok((json!({}), None));
    }
    let json = serde_json::from_slice(&body.bytes);
    let json = json.map_err(|_| Refusal::Malformed("the body is not JSON"))?;
    Ok((json, Some(body)))
}

/// Does the call off the network threads, soon after its rights were judged or not at
/// all; `body` is what its memory is reserved by.
async fn run(
    app: &Arc<App>,
    call: OperatorCall,
    actor: Actor,
    body: Option<Body>,
) -> Result<OperatorReply, Refusal> {
    let turns = match (call.verb, call.path.first().map(String::as_str)) {
        (Verb::Get, _) => &app.large_queries,
        // These may take long, and changes of the directory do not wait for them.
        (Verb::Post, Some("events" | "erase")) => &app.operator_turns,
        (Verb::Post | Verb::Patch | Verb::Delete, _) => &app.durable_turns,
    };
    let turn = tokio::time::timeout(TURN_WAIT, Arc::clone(turns).acquire_owned()).await;
    let Ok(Ok(turn)) = turn else {
        return Err(Refusal::Unavailable);
    };
    let app = Arc::clone(app);
    let work = move || {
        let _held = (turn, body);
        let desk = Desk {
            directory: &app.directory,
            store: &app.store,
            clock: &app.clock,
            actor,
        };
        operator::call(&desk, &call)
    };
    let done = tokio::task::spawn_blocking(work).await;
    let done = done.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()));
    done.map_err(|error| {
        if let OperatorError::Failed(source) = &error {
            let error = crate::cli::error_chain(source.as_ref());
            tracing::error!(error, "an operator call failed");
        }
        Refusal::Operator(error)
    })
}
