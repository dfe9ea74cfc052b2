//! An authorized call to RAM, done: reads at once, changes off the network threads
//! and only when the call's nonce is on the disk.
//!
//! Invariant: a change is made for an authorized call only, in the caller's own
//! account, and not before a replay of it is impossible even after a power cut.

use super::body::Body;
use super::prepared::{Prepared, Work};
use super::refusal::refusal;
use super::view::View;
use crate::api::call::Admitted;
use crate::api::durable::durably;
use crate::directory::{Account, Actor, Snapshot};
use crate::server::App;
use chatmetric_core::EpochMs;
use chatmetric_rpc::ApiError;
use chatmetric_rpc::ram::Authorized;
use chatmetric_rpc::response::RequestId;
use std::sync::Arc;

/// A call with all that it needs.
pub(crate) struct RamCall {
    work: Work,
    snapshot: Arc<Snapshot>,
    account: Arc<Account>,
    actor: Actor,
    request_id: RequestId,
    now: EpochMs,
}

impl RamCall {
    /// Joins what was read of a call with the call itself.
    ///
    /// # Errors
    /// `InternalError` when the account is gone from the snapshot that knew its key.
    pub(crate) fn new(
        prepared: Prepared,
        admitted: &Admitted,
        snapshot: Arc<Snapshot>,
        request_id: RequestId,
        now: EpochMs,
    ) -> Result<Self, ApiError> {
        let account = snapshot.account(admitted.account());
        let account = Arc::clone(account.ok_or(ApiError::InternalError)?);
        let actor = Actor {
            account: Some(account.id.clone()),
            name: admitted.principal().name(),
            source_ip: Some(admitted.peer_ip()),
            request_id: Some(request_id.to_string()),
            access_key_id: Some(admitted.access_key_id().clone()),
        };
        Ok(Self {
            work: prepared.into_work(),
            snapshot,
            account,
            actor,
            request_id,
            now,
        })
    }
}

/// Does what was authorized.
///
/// # Errors
/// What the operation refuses; `ServiceUnavailable` when a change could be replayed
/// or its turn did not come.
pub(crate) async fn run(app: &Arc<App>, call: Authorized<RamCall>) -> Result<Body, ApiError> {
    let RamCall {
        work,
        snapshot,
        account,
        actor,
        request_id,
        now,
    } = call.into_inner();
    let fields = match work {
        Work::Read(read) => {
            let sealer = app.directory.message_sealer();
            read(&View::new(&snapshot, &account, sealer))?
        }
        Work::Change(about, change) => {
            let change = move |app: &App| {
                app.directory
                    .change_identities(&account.id, &actor, now, change)
                    .map_err(|error| refusal(error, about))
            };
            durably(app, now, change).await?
        }
    };
    Ok(Body::new(request_id, fields))
}
