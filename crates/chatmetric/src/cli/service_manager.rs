//! What the service manager is told (`sd_notify`): ready, stopping, still there.
//!
//! Without `NOTIFY_SOCKET` nothing happens. Invariant: `READY=1` is told only when events
//! are taken, and the watchdog only while the runtime turns.

use sd_notify::NotifyState;
use std::time::Duration;

/// Says that events are taken.
pub(super) fn ready(url: &str) {
    let status = format!("listens on {url}");
    tell(&[NotifyState::Ready, NotifyState::Status(&status)]);
}

/// Says that requests in flight are finished and then it is over.
pub(super) fn stopping() {
    tell(&[NotifyState::Stopping]);
}

/// Says again and again that the program turns, twice as often as it is asked to; does
/// nothing where nobody asks.
pub(super) async fn alive() {
    let Some(interval) = sd_notify::watchdog_enabled() else {
        return std::future::pending().await;
    };
    let mut ticks = tokio::time::interval((interval / 2).max(Duration::from_millis(100)));
    loop {
        ticks.tick().await;
        tell(&[NotifyState::Watchdog]);
    }
}

fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!(%error, "the service manager could not be told");
    }
}
