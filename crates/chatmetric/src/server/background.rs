//! What happens by itself: the floor follows the clock, future events are
//! released when due, held events are claimed once their number has an owner,
//! used nonces are synced, the last uses of keys and of sessions are noted.
//!
//! A failure is logged and tried again; nothing here can make an answer wrong.

use crate::config::Settings;
use crate::console::SessionUses;
use crate::ingest::claim::Looks;
use crate::server::App;
use chatmetric_core::floor::FloorPolicy;
use chatmetric_store::StoreError;
use std::sync::Arc;
use std::time::Duration;

/// How often due events are looked for.
const TICK: Duration = Duration::from_secs(1);
/// How often the floor moves, in ms of uptime.
const FLOOR_STEP_MS: u64 = 60_000;

/// The first floor, before anything is served.
pub(super) fn set_first_floor(app: &App) -> Result<(), StoreError> {
    let floor = policy(&app.settings).next(app.store.floor(), app.clock.now(), 0);
    if app.store.floor() == Some(floor) {
        return Ok(());
    }
    app.store.raise_floor(floor)
}

fn policy(settings: &Settings) -> FloorPolicy {
    FloorPolicy {
        horizon_days: settings.store.message_horizon_days,
    }
}

/// Runs until it is dropped; the uptime that moves the floor counts from this call.
pub(super) fn run(app: Arc<App>) -> impl Future<Output = ()> + Send {
    let mut state = State::new(&app);
    async move {
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let app = Arc::clone(&app);
            let work = tokio::task::spawn_blocking(move || {
                state.tick(&app);
                state
            });
            match work.await {
                Ok(after) => state = after,
                Err(error) => {
                    tracing::error!(%error, "the periodic work ended");
                    return;
                }
            }
        }
    }
}

pub(super) struct State {
    floor_moved_ms: u64,
    /// What is held is looked at in pieces.
    looks: Looks,
}

impl State {
    /// The uptime that moves the floor counts from this call.
    pub(super) fn new(app: &App) -> Self {
        Self {
            floor_moved_ms: app.clock.monotonic_ms(),
            looks: Looks::default(),
        }
    }

    pub(super) fn tick(&mut self, app: &App) {
        let released = app.store.release_due(app.clock.now());
        report("release due events", released.map(drop));
        self.move_floor(app);
        self.claim_held(app);
        let kept = app
            .nonce_log
            .keep(|| app.admission.nonces(app.clock.now().0));
        if let Err(error) = kept {
            tracing::warn!(%error, "could not sync the nonces; trying again");
        }
        keep_key_uses(app, false);
        app.console
            .keep_session_uses(&app.directory, SessionUses::Due);
    }

    fn move_floor(&mut self, app: &App) {
        let uptime_ms = app.clock.monotonic_ms().saturating_sub(self.floor_moved_ms);
        if uptime_ms < FLOOR_STEP_MS {
            return;
        }
        let uptime = i64::try_from(uptime_ms).unwrap_or(i64::MAX);
        let current = app.store.floor();
        let floor = policy(&app.settings).next(current, app.clock.now(), uptime);
        if current == Some(floor) {
            self.floor_moved_ms += uptime_ms;
            return;
        }
        let raised = app.store.raise_floor(floor);
        if raised.is_ok() {
            self.floor_moved_ms += uptime_ms;
            if let Err(error) = app.directory.forget_retired_keys(floor) {
                tracing::warn!(%error, "could not forget retired master keys; trying again");
            }
        }
        report("raise the floor", raised);
    }

    fn claim_held(&mut self, app: &App) {
        let snapshot = app.directory.snapshot();
        let now_ms = app.clock.monotonic_ms();
        let looked = self.looks.tick(app.store.as_ref(), &snapshot, now_ms);
        report("claim held events", looked);
    }
}

/// Writes when keys and sessions were used last, all of it.
pub(super) fn keep_uses_at_end(app: &App) {
    keep_key_uses(app, true);
    app.console
        .keep_session_uses(&app.directory, SessionUses::All);
}

/// Writes when keys were used last: what is due, or everything at the end.
fn keep_key_uses(app: &App, everything: bool) {
    if let Err(error) = app.directory.keep_key_uses(app.clock.now(), everything) {
        tracing::warn!(%error, "could not note the last uses of keys; trying again");
    }
}

fn report(what: &'static str, result: Result<(), StoreError>) {
    match result {
        Ok(()) | Err(StoreError::Closed) => {}
        Err(error) => tracing::warn!(%error, "could not {what}; trying again"),
    }
}
