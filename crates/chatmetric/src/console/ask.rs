//! One call of a page before it is judged: its head, its query, its body.
//!
//! Invariant: what is read of it is within a limit that has a name.

use super::error::{ConsoleError, JSON};
use crate::directory::Snapshot;
use crate::server::App;
use crate::server::answer::{Answer, RequestIds};
use crate::server::body::{BodyFault, read_body};
use crate::server::exchange::CallerOf;
use crate::server::query_text;
use chatmetric_core::EpochMs;
use http::request::Parts;
use http::{StatusCode, header};
use hyper::body::Incoming;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::sync::Arc;

/// Longest body of a call, in bytes; a file that is imported has a limit of its own.
pub(super) const BODY_BYTES_MAX: usize = 1024 * 1024;

/// See the module.
pub(super) struct Ask<'a> {
    pub(super) app: &'a Arc<App>,
    pub(super) caller: CallerOf,
    pub(super) parts: &'a Parts,
    pub(super) ids: RequestIds,
}

impl Ask<'_> {
    pub(super) fn now(&self) -> EpochMs {
        self.app.clock.now()
    }

    pub(super) fn snapshot(&self) -> Arc<Snapshot> {
        self.app.directory.snapshot()
    }

    pub(super) fn host(&self) -> &str {
        let host = self.parts.headers.get(header::HOST);
        host.and_then(|host| host.to_str().ok()).unwrap_or_default()
    }

    /// Where the page found us.
    pub(super) fn endpoint(&self) -> String {
        let scheme = if self.caller.tls { "https" } else { "http" };
        format!("{scheme}://{}", self.host())
    }

    pub(super) fn query(&self) -> Result<Query, ConsoleError> {
        let text = self.parts.uri.query().unwrap_or_default();
        let pairs = query_text::pairs(text);
        let pairs = pairs
            .ok_or_else(|| ConsoleError::InvalidBody("The query is not well-formed.".into()))?;
        Ok(Query(pairs))
    }

    /// Reads a JSON body.
    pub(super) async fn json<T: DeserializeOwned>(
        &self,
        body: Incoming,
    ) -> Result<T, ConsoleError> {
        let read = read_body(self.app, self.parts, body, BODY_BYTES_MAX).await;
        let body = read.map_err(|fault| match fault {
            BodyFault::TooLarge => ConsoleError::TooLarge {
                bytes_max: BODY_BYTES_MAX,
            },
            BodyFault::NoMemory => ConsoleError::Unavailable,
            BodyFault::TooSlow | BodyFault::Broken | BodyFault::Api(_) => {
                ConsoleError::InvalidBody("The body did not arrive whole.".into())
            }
        })?;
        // The fault names a place and a field, and not what stands there: it may be a secret.
        serde_json::from_slice(&body.bytes).map_err(|error| {
            let (line, column) = (error.line(), error.column());
            let reason =
                format!("The body is not the JSON of this call (line {line}, column {column}).");
            ConsoleError::InvalidBody(reason.into())
        })
    }
}

/// The parameters of a query.
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    /// A parameter; empty is absent.
    pub(super) fn get(&self, name: &'static str) -> Option<&str> {
        self.all(name).next()
    }

    pub(super) fn all(&self, name: &'static str) -> impl Iterator<Item = &str> {
        let found = self
            .0
            .iter()
            .filter(move |(own, value)| own == name && !value.is_empty());
        found.map(|(_, value)| value.as_str())
    }

    pub(super) fn required(&self, name: &'static str) -> Result<&str, ConsoleError> {
        self.get(name)
            .ok_or_else(|| ConsoleError::invalid(name, "It is missing."))
    }

    /// A time in ms since the epoch.
    pub(super) fn time(&self, name: &'static str) -> Result<EpochMs, ConsoleError> {
        let time = self.required(name)?.parse().ok().and_then(EpochMs::checked);
        time.ok_or_else(|| ConsoleError::invalid(name, "It is not a time in ms since the epoch."))
    }

    /// A number from 1 to `most`; `usual` when it is absent.
    pub(super) fn count(
        &self,
        name: &'static str,
        usual: usize,
        most: usize,
    ) -> Result<usize, ConsoleError> {
        let Some(text) = self.get(name) else {
            return Ok(usual);
        };
        let count = text.parse().ok().filter(|count| (1..=most).contains(count));
        count.ok_or_else(|| ConsoleError::invalid(name, format!("It is from 1 to {most}.")))
    }
}

/// An answer with JSON.
pub(super) fn answer_of(value: &impl Serialize) -> Result<Answer, ConsoleError> {
    let text = serde_json::to_vec(value).map_err(|error| {
        tracing::error!(%error, "an answer of the console could not be written");
        ConsoleError::Internal
    })?;
    Ok(Answer::new(StatusCode::OK, JSON, text))
}

/// An answer that says nothing but that it is done.
pub(super) fn done() -> Answer {
    Answer::new(StatusCode::NO_CONTENT, JSON, "")
}
