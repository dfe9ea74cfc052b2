//! Tells of alerts: the webhook once of each change, the Alertmanager again and again.
//!
//! What is written down and not told is what is to be told, so a restart loses nothing and
//! tells nothing twice (but for the moment between an answer and its note). Not here: what
//! a message says (`webhook`, `alertmanager`), how many there are (`plan`). Invariant: a
//! message that is not taken is tried again later, and nobody waits for it.

use super::alertmanager;
use super::due::{Due, TICK, blocking};
use super::plan::{Message, plan};
use super::post::{PostError, Poster};
use super::status::Destination;
use super::webhook;
use crate::config::WatchSecret;
use crate::directory::{Alert, DirectoryError};
use crate::server::App;
use chatmetric_core::EpochMs;
use std::sync::Arc;

/// How often it is looked whether something is to be told, without news, in ms.
const TELL_EVERY_MS: i64 = 60_000;

/// What is needed to tell.
pub(super) struct Teller {
    poster: Poster,
    secret: Option<WatchSecret>,
    webhook: Due,
    alertmanager: Due,
}

/// Tells until it is dropped.
pub(super) async fn tell_on(app: Arc<App>, mut teller: Teller) {
    let settings = &app.settings.watch;
    if settings.webhook_url.is_none() && settings.alertmanager_url.is_none() {
        return;
    }
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let app = Arc::clone(&app);
        let work = move || {
            teller.tell(&app);
            teller
        };
        match blocking(work).await {
            Some(after) => teller = after,
            None => return,
        }
    }
}

impl Teller {
    pub(super) fn new(poster: Poster, secret: Option<WatchSecret>) -> Self {
        Self {
            poster,
            secret,
            webhook: Due::default(),
            alertmanager: Due::default(),
        }
    }

    fn tell(&mut self, app: &App) {
        let now = app.clock.now();
        if app.watch.take_changed() {
            self.webhook.hurry();
            self.alertmanager.hurry();
        }
        if self.webhook.is_due_after_failures(now.0) {
            match self.tell_webhook(app, now) {
                Ok(()) => self.webhook.worked(now.0, TELL_EVERY_MS),
                Err(error) => {
                    self.webhook.failed(now.0);
                    report(app, Destination::Webhook, &error);
                }
            }
        }
        if self.alertmanager.is_due_after_failures(now.0) {
            match self.tell_alertmanager(app, now) {
                Ok(()) => self.alertmanager.worked(now.0, alertmanager::RESEND_MS),
                Err(error) => {
                    self.alertmanager.failed(now.0);
                    report(app, Destination::Alertmanager, &error);
                }
            }
        }
    }

    /// Sends what the webhook does not know, as far as the hour has room.
    fn tell_webhook(&self, app: &App, now: EpochMs) -> Result<(), TellError> {
        let settings = &app.settings.watch;
        let (Some(url), Some(secret)) = (&settings.webhook_url, &self.secret) else {
            return Ok(());
        };
        let untold = app.directory.untold_alerts(now)?;
        if untold.is_empty() {
            return Ok(());
        }
        let told = app.directory.told_lately(now)?;
        // Each message has a time of its own, by which messages are counted.
        let mut at_ms = told.iter().copied().max().unwrap_or(0).max(now.0 - 1);
        for message in plan(untold.len(), &told, now.0, settings.notifications_per_hour) {
            if app.is_stopping() {
                return Ok(());
            }
            let alerts: Vec<&Alert> = match message {
                Message::One(at) => untold.get(at).into_iter().collect(),
                Message::Rest(from) => untold.iter().skip(from).collect(),
            };
            let body = webhook::body(&alerts, app.directory.instance_id(), now);
            let timestamp = now.0.div_euclid(1_000).to_string();
            let signature = webhook::signature(secret, &timestamp, &body);
            let headers = [
                (webhook::TIMESTAMP_HEADER, timestamp.as_str()),
                (webhook::SIGNATURE_HEADER, signature.as_str()),
            ];
            self.poster.post(url, "", &headers, &body)?;
            at_ms += 1;
            app.directory.note_told(&alerts, EpochMs(at_ms))?;
            app.watch.note_sent(Destination::Webhook, None);
        }
        Ok(())
    }

    /// Sends all that fires, and what was over a moment ago.
    fn tell_alertmanager(&self, app: &App, now: EpochMs) -> Result<(), TellError> {
        let Some(url) = &app.settings.watch.alertmanager_url else {
            return Ok(());
        };
        let mut alerts = app.directory.firing_alerts()?;
        let since = EpochMs(now.0.saturating_sub(alertmanager::OVER_MS));
        alerts.extend(app.directory.alerts_over_since(since)?);
        if alerts.is_empty() {
            return Ok(());
        }
        let body = alertmanager::body(&alerts, app.directory.instance_id(), now);
        self.poster.post(url, alertmanager::PATH, &[], &body)?;
        app.watch.note_sent(Destination::Alertmanager, None);
        Ok(())
    }
}

#[derive(Debug, thiserror::Error)]
enum TellError {
    #[error(transparent)]
    Post(#[from] PostError),
    #[error(transparent)]
    Directory(#[from] DirectoryError),
}

fn report(app: &App, destination: Destination, error: &TellError) {
    let error = crate::cli::error_chain(error);
    tracing::warn!(?destination, error, "an alert was not told; trying again");
    app.watch.note_sent(destination, Some(error));
}
