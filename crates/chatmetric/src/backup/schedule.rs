//! Backups that the server makes by itself, and what is known of backups.
//!
//! They come every so many hours and not at a time of day: what counts is how old the
//! newest backup is, and that is also true after a day on which the server was down at
//! that time. Not here: how a backup is made. Invariant: a failure is logged, counted and
//! tried again; it never ends the server, and never removes an older backup.

use super::make::{Made, Source, Wanted, make};
use super::place::Place;
use super::{BackupError, Progress, resolved};
use crate::config::BackupSettings;
use crate::server::App;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How often it is looked whether a backup is due.
const TICK: Duration = Duration::from_secs(1);
/// How soon a backup that failed is tried again, in ms.
const RETRY_AFTER_MS: i64 = 10 * 60 * 1_000;
const HOUR_MS: i64 = 3_600_000;

/// The newest backup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastBackup {
    /// When it was made, in ms.
    pub at_ms: i64,
    /// Its name.
    pub id: String,
    /// For each shard, the place in its journal up to which it goes.
    pub positions: Vec<u64>,
    /// Bytes of all its files.
    pub bytes: u64,
}

/// The newest failure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastError {
    /// When, in ms.
    pub at_ms: i64,
    /// What happened.
    pub message: String,
}

/// What is known of backups, scheduled and by hand.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BackupState {
    /// The newest one; of before the start only where backups are scheduled.
    pub last: Option<LastBackup>,
    /// Where they are scheduled to: backups elsewhere do not tell how old those here are.
    pub place: Option<PathBuf>,
    /// When the next one is due, in ms; `None` without a schedule.
    pub next_ms: Option<i64>,
    /// The newest failure, until a backup works.
    pub last_error: Option<LastError>,
    /// Backups since the start.
    pub made: u64,
    /// Failures since the start.
    pub failed: u64,
}

/// [`BackupState`], shared by whoever makes backups and whoever shows them.
#[derive(Debug, Default)]
pub struct BackupStatus(Mutex<BackupState>);

impl BackupStatus {
    /// As it is now.
    #[must_use]
    pub fn get(&self) -> BackupState {
        self.lock().clone()
    }

    /// Makes a backup and notes what became of it.
    ///
    /// # Errors
    /// As [`make`].
    pub fn make(
        &self,
        source: Source<'_>,
        wanted: &Wanted,
        watch: &mut dyn FnMut(Progress) -> bool,
    ) -> Result<Made, BackupError> {
        let made = make(source, wanted, watch);
        let mut state = self.lock();
        let is_here = |place: &PathBuf| resolved(place) == resolved(&wanted.dest);
        let is_scheduled_place = state.place.as_ref().is_none_or(is_here);
        match &made {
            Ok(_) if !is_scheduled_place => state.made += 1,
            Ok(made) => {
                state.made += 1;
                state.last_error = None;
                state.last = Some(LastBackup {
                    at_ms: made.created_ms,
                    id: made.id.clone(),
                    positions: made.positions.clone(),
                    bytes: made.bytes,
                });
            }
            // Nobody wanted it to go on.
            Err(BackupError::Stopped) => {}
            Err(_) if !is_scheduled_place => state.failed += 1,
            Err(error) => {
                state.failed += 1;
                state.last_error = Some(LastError {
                    at_ms: source.clock.now().0,
                    message: crate::cli::error_chain(error),
                });
            }
        }
        made
    }

    fn lock(&self) -> MutexGuard<'_, BackupState> {
        // Every change is a plain update.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The newest backup of this instance in a directory; `None` also when there is no
/// telling.
fn newest(dir: &Path, instance: &str) -> Option<LastBackup> {
    let place = Place::read(dir).ok()?;
    if place.instance() != instance {
        return None;
    }
    let ids = place.ids().ok()?;
    let manifest = ids.iter().rev().find_map(|id| place.manifest(id).ok())?;
    Some(LastBackup {
        at_ms: manifest.created_ms,
        bytes: manifest.bytes(),
        id: manifest.id,
        positions: manifest.positions,
    })
}

/// When the next backup is due: so many hours after the last one, at once without one. A
/// clock that was set back does not put it off for longer than that.
fn due_ms(last_ms: Option<i64>, every_hours: u32, now_ms: i64) -> i64 {
    let every_ms = i64::from(every_hours) * HOUR_MS;
    last_ms.map_or(now_ms, |last| last.min(now_ms).saturating_add(every_ms))
}

/// Makes backups as the settings say, until it is dropped.
pub(crate) async fn run(app: Arc<App>) {
    let Some(dir) = app.settings.backup.dir.clone() else {
        return;
    };
    let (at_start, known) = (Arc::clone(&app), dir.clone());
    let last =
        tokio::task::spawn_blocking(move || newest(&known, at_start.directory.instance_id()));
    let last = last.await.unwrap_or_default();
    let every = app.settings.backup.every_hours;
    let mut next_ms = due_ms(last.as_ref().map(|it| it.at_ms), every, app.clock.now().0);
    {
        let mut state = app.backups.lock();
        if state.last.is_none() {
            state.last = last;
        }
        state.next_ms = Some(next_ms);
        state.place = Some(dir.clone());
    }
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let now_ms = app.clock.now().0;
        // A clock that was ahead puts nothing off.
        let soonest_ms = next_ms.min(due_ms(Some(now_ms), every, now_ms));
        if soonest_ms != next_ms {
            next_ms = soonest_ms;
            app.backups.lock().next_ms = Some(next_ms);
        }
        if now_ms < next_ms {
            continue;
        }
        let (making, wanted) = (Arc::clone(&app), wanted(&app.settings.backup, &dir));
        let made = tokio::task::spawn_blocking(move || scheduled(&making, &wanted)).await;
        let worked = match made {
            Ok(worked) => worked,
            Err(error) => {
                tracing::error!(%error, "a scheduled backup ended badly");
                false
            }
        };
        let now_ms = app.clock.now().0;
        next_ms = if worked {
            due_ms(Some(now_ms), every, now_ms)
        } else {
            now_ms.saturating_add(RETRY_AFTER_MS)
        };
        app.backups.lock().next_ms = Some(next_ms);
    }
}

fn wanted(settings: &BackupSettings, dir: &Path) -> Wanted {
    Wanted {
        dest: dir.to_owned(),
        keep: Some(settings.keep),
    }
}

/// One scheduled backup; tells whether it worked.
fn scheduled(app: &App, wanted: &Wanted) -> bool {
    let source = Source {
        directory: &app.directory,
        store: app.store.as_ref(),
        clock: app.clock.as_ref(),
    };
    let made = app
        .backups
        .make(source, wanted, &mut |_| !app.is_stopping());
    match made {
        Ok(made) => {
            tracing::info!(
                id = made.id,
                bytes_copied = made.copied_bytes,
                bytes_present = made.present_bytes,
                removed = made.removed_backups,
                took_ms = made.took_ms,
                "made a backup"
            );
            if let Some(error) = &made.prune_error {
                tracing::warn!(error, "older backups could not be removed");
            }
            if !made.damaged.is_empty() {
                let damaged = made.damaged.join(", ");
                tracing::warn!(damaged, "some older backups are damaged");
            }
            true
        }
        Err(BackupError::Stopped) => false,
        Err(error) => {
            let error = crate::cli::error_chain(&error);
            tracing::error!(error, "could not make a backup; trying again in 10 minutes");
            false
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backup_is_due_by_the_age_of_the_last_one() {
        assert_eq!(due_ms(None, 24, 1_000), 1_000);
        assert_eq!(due_ms(Some(1_000), 2, 5_000), 1_000 + 2 * HOUR_MS);
        // The last one is of the future: the clock was wrong then, or is now.
        assert_eq!(due_ms(Some(900 * HOUR_MS), 2, 5_000), 5_000 + 2 * HOUR_MS);
    }
}
