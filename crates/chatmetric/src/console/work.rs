//! Work that blocks on the disk, off the network threads and few at a time.

use super::error::ConsoleError;
use crate::server::App;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

/// Longest wait for a turn.
const TURN_WAIT: Duration = Duration::from_secs(5);

/// Reads tallies or the disk; large queries of the API wait for the same turns.
pub(super) async fn read<T: Send + 'static>(
    app: &Arc<App>,
    work: impl FnOnce(&App) -> Result<T, ConsoleError> + Send + 'static,
) -> Result<T, ConsoleError> {
    let turn = tokio::time::timeout(TURN_WAIT, app.large_queries.acquire()).await;
    let Ok(Ok(_turn)) = turn else {
        return Err(ConsoleError::Unavailable);
    };
    blocking(app, work).await
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
    let turn = tokio::time::timeout(TURN_WAIT, Arc::clone(turns).acquire_owned()).await;
    let Ok(Ok(turn)) = turn else {
        return Err(ConsoleError::Unavailable);
    };
    blocking(app, move |app| {
        let _turn = turn;
        work(app)
    })
    .await
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
