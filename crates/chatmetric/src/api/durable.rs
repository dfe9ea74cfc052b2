//! Calls that change something or give something out: off the network threads, few
//! at a time, and only when their nonce is on the disk.
//!
//! Invariant: before such work begins, no call that was admitted so far can be sent
//! again with success, not even after a power cut; and it begins soon after its
//! rights were judged, or not at all.

use crate::server::App;
use chatmetric_core::EpochMs;
use chatmetric_rpc::ApiError;
use std::sync::Arc;
use std::time::Duration;

/// Longest wait for a turn, in ms. Rights may be taken away meanwhile, and that has
/// to be in effect within a second.
const TURN_WAIT_MS_MAX: u64 = 500;

/// Does work that blocks on the disk.
///
/// # Errors
/// `ServiceUnavailable` when no turn came in time or the nonces cannot be kept; what
/// the work says.
pub(super) async fn durably<T: Send + 'static>(
    app: &Arc<App>,
    now: EpochMs,
    work: impl FnOnce(&App) -> Result<T, ApiError> + Send + 'static,
) -> Result<T, ApiError> {
    let turn = Arc::clone(&app.durable_turns).acquire_owned();
    let turn = tokio::time::timeout(Duration::from_millis(TURN_WAIT_MS_MAX), turn).await;
    let Ok(Ok(turn)) = turn else {
        tracing::warn!("a call is refused, because too many wait for the disk");
        return Err(ApiError::ServiceUnavailable);
    };
    let app = Arc::clone(app);
    let task = tokio::task::spawn_blocking(move || {
        // Held to the end of the work, also when the caller is gone.
        let _turn = turn;
        sync_nonces(&app, now)?;
        work(&app)
    });
    task.await.unwrap_or_else(|error| {
        tracing::error!(%error, "the work of a call did not end");
        Err(ApiError::InternalError)
    })
}

fn sync_nonces(app: &App, now: EpochMs) -> Result<(), ApiError> {
    let synced = app.nonce_log.sync(|| app.admission.nonces(now.0));
    synced.map_err(|error| {
        tracing::error!(%error, "a call is refused, because its nonce cannot be kept");
        ApiError::ServiceUnavailable
    })
}
