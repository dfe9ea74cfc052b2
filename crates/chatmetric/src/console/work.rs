//! Work that blocks on the disk, off the network threads and few at a time.

use super::error::ConsoleError;
use crate::server::App;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Longest wait for a turn.
const TURN_WAIT: Duration = Duration::from_secs(5);

/// Reads tallies or the disk; large queries of the API wait for the same turns.
pub(super) async fn read<T: Send + 'static>(
    app: &Arc<App>,
    work: impl FnOnce(&App) -> Result<T, ConsoleError> + Send + 'static,
) -> Result<T, ConsoleError> {
    within(app, &app.large_queries, work).await
}

/// Changes the directory; changes by the API wait for the same turns.
pub(super) async fn change<T: Send + 'static>(
    app: &Arc<App>,
    work: impl FnOnce(&App) -> Result<T, ConsoleError> + Send + 'static,
) -> Result<T, ConsoleError> {
    within(app, &app.durable_turns, work).await
}

/// Does work that holds one of these turns until its end, also when the page is gone.
pub(super) async fn within<T: Send + 'static>(
    app: &Arc<App>,
    turns: &Arc<Semaphore>,
    work: impl FnOnce(&App) -> Result<T, ConsoleError> + Send + 'static,
) -> Result<T, ConsoleError> {
    let turn = turn(turns).await.ok_or(ConsoleError::Unavailable)?;
    blocking(app, move |app| {
        let _turn = turn;
        work(app)
    })
    .await
}

/// One of these turns, if there is one in time.
pub(super) async fn turn(turns: &Arc<Semaphore>) -> Option<OwnedSemaphorePermit> {
    let turn = tokio::time::timeout(TURN_WAIT, Arc::clone(turns).acquire_owned()).await;
    turn.ok()?.ok()
}

async fn blocking<T: Send + 'static>(
    app: &Arc<App>,
    work: impl FnOnce(&App) -> Result<T, ConsoleError> + Send + 'static,
) -> Result<T, ConsoleError> {
    let app = Arc::clone(app);
    let task = tokio::task::spawn_blocking(move || work(&app));
    task.await.unwrap_or_else(|error| {
        tracing::error!(%error, "the work of a page did not end");
        Err(ConsoleError::Internal)
    })
}
