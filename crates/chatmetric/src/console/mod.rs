//! The web console: its files, its own API, and who is signed in.
//!
//! Reading order: this file, `assets` (files), `policy` (what a page may do), `guard` (which browser may speak),
//! `routes` and `route` (paths), `session`, `sign_in`, `first_user`, `password`, `slow_down` (who speaks), `rights`
//! (what he may), then one file a page: `spaces`, `metrics`, `csv`, `reconcile`, `live`, `streams`, `call`,
//! `operations` (with `changes`), `explain`, `ingest`, `quarantine`, `import`, `numbers`, `webhooks`,
//! `grants`, `access`, `audit`, `accounts`, `alerts`, `system`. `docs/internals/console-api.md` is the contract with the pages.
//!
//! Invariants: what a page shows or changes is judged by the RAM policies of the user
//! on every call; a cookie opens nothing at `/`, and a signature nothing here; an answer
//! below `/console/api/` is JSON (or what its page says), whatever went wrong.

mod access;
mod accounts;
mod alerts;
mod ask;
mod assets;
mod assets_table;
mod audit;
mod call;
mod changes;
mod counts;
mod csv;
mod error;
mod explain;
mod explanation;
mod first_user;
mod grants;
mod guard;
mod import;
mod ingest;
mod live;
mod metrics;
mod numbers;
mod operations;
mod password;
mod policy;
mod quarantine;
mod reconcile;
mod rights;
mod route;
mod routes;
mod session;
mod sign_in;
mod slow_down;
mod spaces;
mod streams;
mod system;
mod webhooks;
mod work;

use crate::clock::Clock;
use crate::config::ConsoleSettings;
use crate::directory::{Directory, DirectoryError};
use crate::server::App;
use crate::server::answer::{Answer, RequestIds};
use crate::server::exchange::{CallerOf, caught, check_head};
use ask::Ask;
use assets::Files;
use chatmetric_rpc::credential::AccountId;
use error::ConsoleError;
use http::request::Parts;
use http::{HeaderName, HeaderValue, header};
use hyper::body::Incoming;
use ingest::Looks;
use session::Sessions;
use slow_down::SlowDown;
use std::sync::Arc;
use streams::Streams;
use tokio::sync::{Mutex, Semaphore};

pub(crate) use first_user::{USER_OF_FILE, set_up as set_up_first_user};
pub(crate) use password::hash_of as password_hash;
pub use routes::ROUTES;
pub(crate) use session::SessionUses;

/// Passwords that are hashed at a time: each takes 19 MiB of memory and a core.
const HASHES_MAX: usize = 2;
/// Files that are imported at a time.
const IMPORTS_MAX: usize = 2;

/// A year.
const STRICT_TRANSPORT: &str = "max-age=31536000";

/// Why the console could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum ConsoleOpenError {
    /// The sessions cannot be read.
    #[error("could not read the sessions of the console")]
    Sessions(#[from] DirectoryError),
}

/// What the console knows beside the directory.
pub(crate) struct Console {
    files: Files,
    sessions: Sessions,
    slow_down: SlowDown,
    hashing: Arc<Semaphore>,
    /// The first user is made by one call at a time.
    setup_turn: Mutex<()>,
    operator: Option<AccountId>,
    streams: Streams,
    downloads: Streams,
    imports: Arc<Semaphore>,
    looks: Looks,
    started_ms: i64,
    started_monotonic_ms: u64,
}

impl Console {
    pub(crate) fn open(
        directory: &Directory,
        settings: &ConsoleSettings,
        clock: &dyn Clock,
    ) -> Result<Self, ConsoleOpenError> {
        let now = clock.now();
        let operator = match &settings.operator_account {
            Some(account) => Some(account.clone()),
            None => directory.operator_account()?,
        };
        Ok(Self {
            files: Files::open(settings.dir.clone()),
            sessions: Sessions::new(directory.console_sessions()?),
            slow_down: SlowDown::default(),
            hashing: Arc::new(Semaphore::new(HASHES_MAX)),
            setup_turn: Mutex::new(()),
            operator,
            streams: Streams::default(),
            downloads: Streams::default(),
            imports: Arc::new(Semaphore::new(IMPORTS_MAX)),
            looks: Looks::default(),
            started_ms: now.0,
            started_monotonic_ms: clock.monotonic_ms(),
        })
    }

    /// Waits until no file is imported; none begins afterwards.
    pub(crate) async fn imports_ended(&self) {
        for _ in 0..IMPORTS_MAX {
            if let Ok(turn) = self.imports.acquire().await {
                turn.forget();
            }
        }
    }

    /// Writes when sessions were used last, as far as it is due.
    pub(crate) fn keep_session_uses(&self, directory: &Directory, uses: SessionUses) {
        self.sessions.keep_uses(directory, uses);
    }
}

/// Answers everything below `/console/`.
pub(crate) async fn answer(
    app: &Arc<App>,
    caller: CallerOf,
    parts: &Parts,
    body: Incoming,
) -> Answer {
    let ids = RequestIds::draw(app.entropy.as_ref());
    let ask = Ask {
        app,
        caller,
        parts,
        ids,
    };
    let answered = match check_head(parts) {
        Ok(()) => match caught(route::answer(&ask, body)).await {
            Some(answered) => answered,
            None => {
                tracing::error!(request_id = %ids.request, "a call of the console panicked");
                Err(ConsoleError::Internal)
            }
        },
        Err(_) => Err(ConsoleError::HeadTooLarge),
    };
    let answer = answered.unwrap_or_else(|error| error.answer(ids));
    let level_of = answer.status.as_u16();
    tracing::debug!(
        request_id = %ids.request,
        method = %parts.method,
        path = shown_path(parts.uri.path()),
        status = level_of,
        "console"
    );
    secured(answer, caller.tls)
}

/// A path as it may be logged: without what names something, which may be a code.
fn shown_path(path: &str) -> &str {
    let kept = path.match_indices('/').nth(3);
    kept.and_then(|(at, _)| path.get(..at)).unwrap_or(path)
}

/// Adds the headers that keep other pages away from ours.
fn secured(answer: Answer, tls: bool) -> Answer {
    let fixed = |answer: Answer, name: HeaderName, value: &'static str| {
        answer.header(name, HeaderValue::from_static(value))
    };
    let policy = header::CONTENT_SECURITY_POLICY;
    // The document brings its own; of two policies the browser would take what both allow.
    let has_policy = answer.headers.iter().any(|(name, _)| *name == policy);
    let answer = if has_policy {
        answer
    } else {
        fixed(answer, policy, policy::OF_ALL_ELSE)
    };
    let answer = fixed(answer, header::REFERRER_POLICY, "no-referrer");
    let opener = HeaderName::from_static("cross-origin-opener-policy");
    let answer = fixed(answer, opener, "same-origin");
    if tls {
        fixed(answer, header::STRICT_TRANSPORT_SECURITY, STRICT_TRANSPORT)
    } else {
        answer
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_logged_path_names_no_code() {
        assert_eq!(
            shown_path("/console/api/grants/skdi3kksloslikdkkdk/1"),
            "/console/api/grants"
        );
        assert_eq!(shown_path("/console/api/session"), "/console/api/session");
        assert_eq!(shown_path("/console/"), "/console/");
    }
}
