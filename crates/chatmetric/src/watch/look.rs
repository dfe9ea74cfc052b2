//! Reads what the rules need: tallies of numbers, books of sources, the disk.
//!
//! Not here: what it means. Invariants: work is done in pieces, each of which waits for
//! its turn among large queries; what could not be read is not judged, and so changes
//! nothing.

use super::disk::FreeSpace;
use super::rates::{delivery_rate, has_traffic, no_report};
use super::series::Series;
use super::silence::{Ring, silence};
use super::{AlertKey, Observation, Rule, Verdict};
use crate::config::WatchSettings;
use crate::directory::limits::RESERVED_WEBHOOK_ID;
use crate::directory::{Directory, DirectoryError, Snapshot};
use crate::server::App;
use chatmetric_core::time::SLOTS_PER_DAY;
use chatmetric_core::{EpochMs, PhoneNumber, SpaceKey, UtcDay};
use chatmetric_store::StoreError;
use std::collections::HashMap;
use std::sync::Arc;

/// Most numbers that are looked at.
const NUMBERS_MAX: usize = 50_000;
/// Numbers of one piece of work.
pub(super) const PIECE_NUMBERS: usize = 200;
/// Most sources that are looked at.
const SOURCES_MAX: usize = 10_000;
/// Days that the newest messages are among: two to settle, one of traffic, today.
const RECENT_DAYS: u32 = 4;

const SOURCE_PREFIX: &str = "source/";
const OBSERVED: &str = "observed";
const DISK: &str = "disk";

/// A number that is looked at.
#[derive(Debug, Clone)]
pub(super) struct Target {
    account: Arc<str>,
    space: SpaceKey,
    number: PhoneNumber,
}

/// All numbers that spaces have, in a fixed order.
pub(super) fn targets(snapshot: &Snapshot) -> Vec<Target> {
    let mut spaces: Vec<_> = snapshot.spaces().collect();
    spaces.sort_by_key(|space| space.key);
    let all = spaces.into_iter().flat_map(|space| {
        let account: Arc<str> = space.account.id.as_str().into();
        snapshot.numbers_of(space.key).map(move |number| Target {
            account: Arc::clone(&account),
            space: space.key,
            number,
        })
    });
    let mut targets: Vec<Target> = all.take(NUMBERS_MAX + 1).collect();
    if targets.len() > NUMBERS_MAX {
        tracing::warn!(numbers_max = NUMBERS_MAX, "not all numbers are watched");
        targets.truncate(NUMBERS_MAX);
    }
    targets
}

/// The verdicts on some numbers.
pub(super) fn look_at_numbers(
    app: &App,
    targets: &[Target],
    now: EpochMs,
) -> Result<Vec<Observation>, StoreError> {
    let settings = &app.settings.watch;
    let mut observations = Vec::new();
    for target in targets {
        let recent = read(app, target, now, RECENT_DAYS)?;
        // Days before are read only where they can decide something.
        let series = if has_traffic(&recent, settings, now) {
            read(app, target, now, RECENT_DAYS + settings.baseline_days)?
        } else {
            recent
        };
        observations.extend(judge(&series, settings, target, now));
    }
    Ok(observations)
}

fn judge(
    series: &Series,
    settings: &WatchSettings,
    target: &Target,
    now: EpochMs,
) -> impl Iterator<Item = Observation> {
    let rate = settings
        .delivery_rate
        .then(|| delivery_rate(series, settings, now));
    let report = settings.no_report.then(|| no_report(series, settings, now));
    let of = |rule, verdict: Option<Verdict>| {
        verdict.map(|verdict| Observation {
            key: AlertKey::number(rule, &target.account, target.number.as_str()),
            verdict,
        })
    };
    let observations = [of(Rule::DeliveryRate, rate), of(Rule::NoReport, report)];
    observations.into_iter().flatten()
}

fn read(app: &App, target: &Target, now: EpochMs, days: u32) -> Result<Series, StoreError> {
    let last = now.slot().day();
    let first = UtcDay(last.0.saturating_sub(days));
    let mut series = Series::new(first, last);
    let visit = &mut |day, block: &_| series.add_day(day, block);
    app.store
        .read_days(target.space, &target.number, first..=last, visit)?;
    Ok(series.summed())
}

/// What is remembered of a source.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Source {
    received: u64,
    active: Ring,
}

/// What is remembered over a restart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Memory {
    /// The quarter hours in which the server ran.
    observed: Ring,
    sources: HashMap<String, Source>,
    disk: FreeSpace,
    kept_slot: u32,
}

impl Memory {
    /// What was kept; damaged values are as if they were not there.
    pub(super) fn open(directory: &Directory, now: EpochMs) -> Result<Self, DirectoryError> {
        let slot = now.slot().0;
        let mut memory = Self {
            observed: Ring::new(slot),
            sources: HashMap::new(),
            disk: FreeSpace::default(),
            kept_slot: slot,
        };
        for (name, value) in directory.watch_memory()? {
            if let Some(source) = name.strip_prefix(SOURCE_PREFIX) {
                memory
                    .sources
                    .extend(source_of(&value).map(|it| (source.to_owned(), it)));
            } else if name == OBSERVED {
                memory.observed = Ring::of_bytes(&value).unwrap_or(memory.observed);
            } else if name == DISK {
                memory.disk = FreeSpace::of_bytes(&value);
            }
        }
        Ok(memory)
    }

    /// Writes it down when a quarter hour is over.
    pub(super) fn keep(
        &mut self,
        directory: &Directory,
        now: EpochMs,
    ) -> Result<(), DirectoryError> {
        let slot = now.slot().0;
        if slot == self.kept_slot {
            return Ok(());
        }
        let sources = self.sources.iter().map(|(name, source)| {
            let mut value = source.received.to_le_bytes().to_vec();
            value.extend(source.active.to_bytes());
            (format!("{SOURCE_PREFIX}{name}"), value)
        });
        directory.keep_watch_memory(SOURCE_PREFIX, &sources.collect::<Vec<_>>())?;
        for (name, value) in [
            (OBSERVED, self.observed.to_bytes()),
            (DISK, self.disk.to_bytes()),
        ] {
            directory.keep_watch_memory(name, &[(name.to_owned(), value)])?;
        }
        self.kept_slot = slot;
        Ok(())
    }

    /// Notes what came since the last look, and judges every webhook.
    pub(super) fn look_at_sources(
        &mut self,
        app: &App,
        now: EpochMs,
    ) -> Result<Vec<Observation>, StoreError> {
        let slot = now.slot().0;
        let snapshot = app.directory.snapshot();
        let books: HashMap<_, _> = app.store.books()?.into_iter().collect();
        self.observed.set(slot);
        // What is gone says nothing any more.
        self.sources
            .retain(|name, _| snapshot.webhook(name).is_some());
        let mut observations = Vec::new();
        for webhook in snapshot.webhooks() {
            let id = webhook.id.as_str();
            // Books of that name are of files.
            let Some(books) = books.get(id).filter(|_| id != RESERVED_WEBHOOK_ID) else {
                continue;
            };
            if self.sources.len() >= SOURCES_MAX && !self.sources.contains_key(id) {
                continue;
            }
            let source = self.sources.entry(id.to_owned()).or_insert_with(|| Source {
                received: books.received,
                active: Ring::new(slot),
            });
            if books.received > source.received {
                source.active.set(slot);
            }
            if let Some(arrived) = app.pipeline.arrivals().of(id, now)
                && arrived.last <= now
            {
                source.active.set(arrived.last.slot().0);
            }
            source.received = books.received;
            let least = app.settings.watch.silent_source_minutes_min;
            observations.push(Observation {
                key: AlertKey::source(webhook.account.id.as_str(), id),
                verdict: silence(&source.active, &self.observed, slot, least),
            });
        }
        Ok(observations)
    }

    /// Notes what is free on the disk of the data, and judges it.
    pub(super) fn look_at_disk(&mut self, app: &App, now: EpochMs) -> std::io::Result<Observation> {
        let space = rustix::fs::statvfs(&app.settings.store.data_dir)?;
        let free_bytes = space.f_bavail.saturating_mul(space.f_frsize);
        self.disk.note(now, free_bytes);
        Ok(Observation {
            key: AlertKey::disk(),
            verdict: self.disk.verdict(&app.settings.watch, free_bytes),
        })
    }
}

fn source_of(value: &[u8]) -> Option<Source> {
    let (received, active) = value.split_first_chunk::<8>()?;
    Some(Source {
        received: u64::from_le_bytes(*received),
        active: Ring::of_bytes(active)?,
    })
}

const _: () = assert!(SLOTS_PER_DAY == 96, "the rules count in quarter hours");
