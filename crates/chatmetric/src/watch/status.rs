//! What is known of the watch now: for `/metrics` and for the console.
//!
//! Invariant: the number of series is that of rules, states and destinations.

use super::Rule;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Where alerts are sent to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Destination {
    Webhook,
    Alertmanager,
}

/// What became of messages to one of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Sent {
    pub(crate) taken: u64,
    pub(crate) failed: u64,
}

/// How many alerts there are, and how many messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct AlertFigures {
    /// By rule, in the order of [`Rule::ALL`]: pending, firing, and of these acknowledged.
    pub(crate) alerts: [[u64; 3]; Rule::ALL.len()],
    pub(crate) webhook: Sent,
    pub(crate) alertmanager: Sent,
    /// When the rules last looked, in ms since the epoch; 0 is never.
    pub(crate) looked_ms: i64,
}

#[derive(Debug, Default)]
struct Inner {
    figures: AlertFigures,
    /// The newest failure to send, until something is taken again.
    errors: [Option<String>; 2],
}

/// Shared by the watch and whoever shows it.
#[derive(Debug, Default)]
pub(crate) struct WatchStatus {
    inner: Mutex<Inner>,
    /// Whether alerts changed since somebody asked last.
    changed: AtomicBool,
}

impl WatchStatus {
    pub(crate) fn figures(&self) -> AlertFigures {
        self.lock().figures
    }

    /// Why the webhook and the Alertmanager took nothing lately.
    pub(crate) fn errors(&self) -> [Option<String>; 2] {
        self.lock().errors.clone()
    }

    /// Alerts were written down.
    pub(super) fn note_changed(&self) {
        self.changed.store(true, Ordering::Release);
    }

    pub(super) fn take_changed(&self) -> bool {
        self.changed.swap(false, Ordering::AcqRel)
    }

    pub(super) fn note_alerts(&self, alerts: [[u64; 3]; Rule::ALL.len()], looked_ms: i64) {
        let mut inner = self.lock();
        inner.figures.alerts = alerts;
        inner.figures.looked_ms = looked_ms;
    }

    pub(super) fn note_sent(&self, destination: Destination, error: Option<String>) {
        let mut inner = self.lock();
        let Inner { figures, errors } = &mut *inner;
        let [webhook, alertmanager] = errors;
        let (sent, place) = match destination {
            Destination::Webhook => (&mut figures.webhook, webhook),
            Destination::Alertmanager => (&mut figures.alertmanager, alertmanager),
        };
        match &error {
            None => sent.taken += 1,
            Some(_) => sent.failed += 1,
        }
        *place = error;
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Every change is a plain update.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
