//! What a server asks of the other nodes of its cluster, and what its own node does.
//!
//! Not here: how nodes talk (`crate::cluster`). Invariant: where there are other nodes,
//! nonce and throttle of a call are decided by one of them for all, never by two.

use super::App;
use super::answer::{Answer, RequestIds};
use super::route::Route;
use crate::api::action::Action;
use crate::config::ClusterRole;
use crate::control::{ClusterTask, ReplicaReport};
use chatmetric_core::AccountKey;
use chatmetric_rpc::ApiError;
use chatmetric_rpc::admission::{Asked, CallTime};
use chatmetric_rpc::nonce::NonceEntry;
use chatmetric_rpc::response::ResponseFormat;
use http::StatusCode;
use tokio::sync::oneshot;

/// The nonce of an admitted call, on its way to where it outlives this node. Nothing may be
/// changed by the call, and nothing of its answer may leave, before it is
/// [`kept`](Self::kept).
#[derive(Debug)]
#[must_use]
pub struct Keeping(oneshot::Receiver<Result<(), ApiError>>);

impl Keeping {
    /// A nonce that is being kept, and who says when it is.
    pub fn begun() -> (oneshot::Sender<Result<(), ApiError>>, Self) {
        let (says, hears) = oneshot::channel();
        (says, Self(hears))
    }

    /// Waits until it is kept.
    ///
    /// # Errors
    /// `ServiceUnavailable` when it is not, or was not in time.
    pub async fn kept(self) -> Result<(), ApiError> {
        self.0.await.unwrap_or(Err(ApiError::ServiceUnavailable))
    }
}

/// The other nodes, as a server sees them.
pub trait Peers: Send + Sync {
    /// Lets the owner of the account decide. Blocks until it has; what was admitted is
    /// being kept then.
    ///
    /// # Errors
    /// What the owner says; `ServiceUnavailable` when there is none now.
    fn decide(
        &self,
        account: AccountKey,
        asked: &Asked<'_, Action>,
    ) -> Result<(NonceEntry, Keeping), ApiError>;

    /// The replicas of this node.
    fn replicas(&self) -> Vec<ReplicaReport>;

    /// Why this node should get no requests, as a line; `None` while it should.
    fn trouble(&self) -> Option<&'static str>;

    /// Does a task of the operator.
    ///
    /// # Errors
    /// Why it failed, for people.
    fn run(&self, task: ClusterTask) -> Result<serde_json::Value, String>;
}

/// Decides here, for any node that asks.
pub trait Decider: Send + Sync {
    /// As [`Peers::decide`], on this node.
    ///
    /// # Errors
    /// Those of the admission.
    fn decide_here(&self, asked: &Asked<'_, Action>) -> Result<NonceEntry, ApiError>;

    /// Remembers nonces that others admitted.
    fn restore(&self, nonces: Vec<NonceEntry>);
}

impl Decider for App {
    fn decide_here(&self, asked: &Asked<'_, Action>) -> Result<NonceEntry, ApiError> {
        let at = CallTime {
            now_ms: self.clock.now().0,
            monotonic_ns: self.clock.monotonic_ns(),
        };
        let entry = self.admission.decide(asked, at)?;
        Ok(entry)
    }

    fn restore(&self, nonces: Vec<NonceEntry>) {
        self.admission.restore_nonces(nonces, self.clock.now().0);
    }
}

/// The answer to what this node does not do; `None` for what it does. A call of the API
/// gets the vendor's error, which its SDK tries again, at another node perhaps.
pub(super) fn refused(
    app: &App,
    route: &Route,
    host: &str,
    ids: impl FnOnce() -> RequestIds,
) -> Option<Answer> {
    let cluster = &app.settings.cluster;
    let needed = match route {
        Route::WhatsappWebhook(_) | Route::CamsWebhook(_) | Route::EventsWebhook(_) => {
            ClusterRole::Ingest
        }
        Route::Rpc | Route::Console | Route::Operator | Route::Browser => ClusterRole::Api,
        Route::Health
        | Route::Ready
        | Route::ReadyForQueries
        | Route::ReadyStreams
        | Route::Metrics
        | Route::OpenApi
        | Route::ApiDocs(_)
        | Route::MethodNotAllowed(_) => return None,
    };
    if !cluster.is_on() || cluster.does(needed) {
        return None;
    }
    if let Route::Rpc = route {
        let error = ApiError::ServiceUnavailable;
        let ids = ids();
        tracing::debug!(request_id = %ids.request, "this node answers no calls (`cluster.role`)");
        return Some(Answer::vendor_error(ResponseFormat::Json, &error, host, ids, None).closing());
    }
    Some(Answer::small(
        StatusCode::NOT_FOUND,
        "NotHere",
        match needed {
            ClusterRole::Ingest => "this node takes no webhooks (`cluster.role`)",
            ClusterRole::Api | ClusterRole::Tally => "this node has no console (`cluster.role`)",
        },
    ))
}
