//! The two tasks of the watch: one looks and writes down, the other (`tell`) tells.
//!
//! They share the directory alone. Not here: rules, messages. Invariants: the state of
//! alerts goes on only after it is written down; a failure is logged and tried again; the
//! server never waits for either task.

use super::due::{Due, TICK, blocking};
use super::group::group;
use super::look::{Memory, PIECE_NUMBERS, Target, look_at_numbers, targets};
use super::machine::{Change, Machine, Patience};
use super::post::Poster;
use super::tell::{Teller, tell_on};
use super::{Observation, Rule};
use crate::config::{WatchSecret, WatchSettings};
use crate::directory::{Alert, AlertWrite, Directory, DirectoryError};
use crate::server::App;
use crate::tls::{CaFile, CaFileError};
use chatmetric_core::EpochMs;
use std::sync::Arc;

/// How often sources and the disk are looked at, in ms.
const LOOK_EVERY_MS: i64 = 60_000;
/// How often numbers are looked at, in ms.
const NUMBERS_EVERY_MS: i64 = 5 * 60_000;
/// Why the watch could not begin.
#[derive(Debug, thiserror::Error)]
pub enum WatchError {
    /// The secret cannot be read.
    #[error("could not read the secret of the webhook: {0}")]
    Secret(String),
    /// The CA cannot be read.
    #[error("could not read `watch.ca_file`")]
    Ca(#[source] CaFileError),
    /// What was open before cannot be read.
    #[error("could not read the alerts")]
    Directory(#[from] DirectoryError),
}

/// What the watch has before it runs.
pub(crate) struct Watch {
    machine: Machine,
    memory: Memory,
    poster: Poster,
    secret: Option<WatchSecret>,
}

impl Watch {
    /// Reads what was open before, and what messages are signed with.
    ///
    /// # Errors
    /// [`WatchError`]
    pub(crate) fn open(
        settings: &WatchSettings,
        directory: &Directory,
        now: EpochMs,
    ) -> Result<Self, WatchError> {
        let ca = settings.ca_file.as_deref().map(CaFile::read).transpose();
        let ca = ca.map_err(WatchError::Ca)?;
        let mut machine = Machine::default();
        for Alert {
            id, key, finding, ..
        } in directory.firing_alerts()?
        {
            machine.restore(key, id, finding.summary);
        }
        Ok(Self {
            machine,
            memory: Memory::open(directory, now)?,
            poster: Poster::new(settings.allow_private, ca.as_ref()),
            secret: settings.secret().map_err(WatchError::Secret)?,
        })
    }
}

/// Looks and tells until it is dropped.
pub(crate) async fn run(app: Arc<App>, watch: Watch) {
    if !app.settings.watch.enabled {
        return;
    }
    let Watch {
        machine,
        memory,
        poster,
        secret,
    } = watch;
    let looker = Looker { machine, memory };
    let teller = Teller::new(poster, secret);
    tokio::join!(look_on(Arc::clone(&app), looker), tell_on(app, teller));
}

struct Looker {
    machine: Machine,
    memory: Memory,
}

async fn look_on(app: Arc<App>, mut looker: Looker) {
    let (mut look, mut numbers) = (Due::default(), Due::default());
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let now = app.clock.now();
        if !look.is_due(now.0, LOOK_EVERY_MS) {
            continue;
        }
        look.worked(now.0, LOOK_EVERY_MS);
        let numbers_due = numbers.is_due(now.0, NUMBERS_EVERY_MS);
        let of_numbers = if numbers_due {
            numbers.worked(now.0, NUMBERS_EVERY_MS);
            look_at_all_numbers(&app, now).await
        } else {
            None
        };
        let app = Arc::clone(&app);
        let work = move || {
            looker.look(&app, now, of_numbers);
            looker
        };
        match blocking(work).await {
            Some(after) => looker = after,
            None => return,
        }
    }
}

/// All numbers, piece by piece; `None` when not all could be looked at.
async fn look_at_all_numbers(app: &Arc<App>, now: EpochMs) -> Option<Vec<Observation>> {
    let settings = &app.settings.watch;
    if !settings.delivery_rate && !settings.no_report {
        return Some(Vec::new());
    }
    let all = targets(&app.directory.snapshot());
    let mut observations = Vec::new();
    for piece in all.chunks(PIECE_NUMBERS) {
        let turn = Arc::clone(&app.large_queries).acquire_owned().await.ok()?;
        let (app, piece) = (Arc::clone(app), piece.to_vec());
        let work = move || {
            let _turn = turn;
            let piece: &[Target] = &piece;
            look_at_numbers(&app, piece, now)
        };
        match blocking(work).await? {
            Ok(found) => observations.extend(found),
            Err(error) => {
                tracing::warn!(%error, "could not look at the numbers; trying again");
                return None;
            }
        }
    }
    Some(observations)
}

impl Looker {
    /// One look, all of it or nothing.
    fn look(&mut self, app: &App, now: EpochMs, of_numbers: Option<Vec<Observation>>) {
        let settings = &app.settings.watch;
        let mut looked = Vec::new();
        let mut observations = Vec::new();
        if let Some(found) = of_numbers {
            looked.extend([Rule::DeliveryRate, Rule::NoReport]);
            observations.extend(found);
        }
        match self.memory.look_at_sources(app, now) {
            Ok(found) => {
                looked.push(Rule::SilentSource);
                observations.extend(found.into_iter().filter(|_| settings.silent_source));
            }
            Err(error) => tracing::warn!(%error, "could not look at the sources; trying again"),
        }
        match self.memory.look_at_disk(app, now) {
            Ok(found) => {
                looked.push(Rule::DiskFull);
                observations.extend(Some(found).filter(|_| settings.disk_full));
            }
            Err(error) => tracing::warn!(%error, "could not look at the disk; trying again"),
        }
        if let Err(error) = self.advance(app, now, &looked, observations) {
            let error = crate::cli::error_chain(&error);
            tracing::warn!(error, "could not keep the alerts; trying again");
        }
        if let Err(error) = self.memory.keep(&app.directory, now) {
            let error = crate::cli::error_chain(&error);
            tracing::warn!(
                error,
                "could not keep what the watch remembers; trying again"
            );
        }
    }

    /// Writes down what changes, and goes on from there only then.
    fn advance(
        &mut self,
        app: &App,
        now: EpochMs,
        looked: &[Rule],
        observations: Vec<Observation>,
    ) -> Result<(), DirectoryError> {
        let settings = &app.settings.watch;
        let patience = Patience {
            for_ms: i64::from(settings.for_minutes) * 60_000,
            clear_ms: i64::from(settings.clear_minutes) * 60_000,
        };
        let mut machine = self.machine.clone();
        let observations = group(observations, &machine, settings.group_from);
        let changes = machine.step(now.0, looked, observations, patience);
        if !changes.is_empty() {
            let writes: Vec<AlertWrite> = changes.iter().cloned().map(AlertWrite::from).collect();
            let ids = app
                .directory
                .write_alerts(&writes, settings.history_days, now)?;
            app.watch.note_changed();
            let fired = changes.into_iter().filter_map(|change| match change {
                Change::Fire { key, finding, .. } => Some((key, finding)),
                Change::Update { .. } | Change::Resolve { .. } => None,
            });
            for ((key, finding), id) in fired.zip(ids) {
                tracing::warn!(
                    alert = id,
                    rule = key.rule.as_str(),
                    subject = key.subject,
                    summary = finding.summary,
                    "an alert fires"
                );
                machine.opened(key, id, finding.summary, now.0);
            }
        }
        self.machine = machine;
        self.show(app, now)
    }

    fn show(&self, app: &App, now: EpochMs) -> Result<(), DirectoryError> {
        let firing = app.directory.firing_alerts()?;
        let alerts = Rule::ALL.map(|rule| {
            let (pending, fires) = self.machine.count(rule);
            let of_rule = firing.iter().filter(|alert| alert.key.rule == rule);
            let known = of_rule
                .filter(|alert| alert.acknowledgement.is_some())
                .count();
            [pending, fires, u64::try_from(known).unwrap_or(u64::MAX)]
        });
        app.watch.note_alerts(alerts, now.0);
        Ok(())
    }
}

impl From<Change> for AlertWrite {
    fn from(change: Change) -> Self {
        match change {
            Change::Fire {
                key,
                since_ms,
                finding,
            } => Self::Fire {
                key,
                since_ms,
                finding,
            },
            Change::Update { id, finding } => Self::Update { id, finding },
            Change::Resolve { id, reason } => Self::Resolve { id, why: reason },
        }
    }
}
