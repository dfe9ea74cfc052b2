//! The embedded store: one directory, no other process.
//!
//! Reading order: [`options`], `journal` and `entry` (what is written), `hot` and
//! `generation` (what is in memory), `writer` with `frame` and `room`, `sealer`,
//! `merger` (the threads), `usual`, `notes`, `reporting` and `explained` (who reported what),
//! `cold`, `run` and `catalog` (what is sealed), `recovery`, `read`, `explain`, `verify`, `cut` and
//! `restore` (backups), `split` (one store becomes several).
//!
//! Invariant: tallies(catalog) + published generations from the catalog's segment
//! on = the fold of all acknowledged events, for every reader at every moment.

mod catalog;
mod catalog_stream;
mod cold;
mod command;
pub(crate) mod cut;
mod day_cache;
mod day_coding;
mod day_sum;
pub(crate) mod disk;
mod engine_journal;
mod engine_tables;
mod entry;
mod explain;
mod explained;
mod fault;
mod filter;
mod filter_builder;
pub(crate) mod fold;
mod frame;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
mod generation;
mod hot;
mod hot_days;
mod item;
mod journal;
mod merger;
mod notes;
mod offsets;
mod open;
pub(crate) mod options;
mod packed_day;
mod queue;
mod read;
mod record_coding;
mod recovery;
mod replay;
mod reporting;
pub(crate) mod restore;
mod retention;
mod retire;
mod room;
mod run;
mod run_set;
mod sealer;
mod segment;
mod shared;
pub(crate) mod split;
mod stored_filter;
mod usual;
mod verify;
mod writer;

use crate::api::{
    BATCH_EVENTS_MAX, Batch, Books, Completion, DayVisitor, Health, QuarantineFilter, QuarantineId,
    Quarantined, Receipt, SourceName, StatusEvent, Store, StoreError, StoreStats, VerifyReport,
};
use crate::explanation::Explanation;
use crate::stream_offset::StreamOffset;
use crate::sync::Mutex;
use chatmetric_core::{AccountKey, EpochMs, PhoneNumber, Slot, SpaceKey, UtcDay};
use cut::StoreCut;
use generation::lock;
use journal::Position;
use options::{BATCH_SEALED_BYTES_MAX, SOURCE_NAME_BYTES_MAX};
use queue::{Command, Job};
use shared::{Shared, shard_of};
use std::ops::{Range, RangeInclusive};
use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;

/// A durable store in a directory.
pub struct EmbeddedStore {
    shared: Arc<Shared>,
    threads: Mutex<Threads>,
}

#[derive(Default)]
struct Threads {
    writers: Vec<JoinHandle<Position>>,
    others: Vec<JoinHandle<()>>,
}

/// A batch that several shards commit: answered after all of them.
struct Joint {
    open: usize,
    receipt: Receipt,
    error: Option<StoreError>,
    done: Option<Completion>,
}

impl Joint {
    fn take(joint: &Mutex<Self>, result: Result<Receipt, StoreError>) {
        let mut joint = lock(joint);
        joint.open -= 1;
        match result {
            Ok(part) => joint.receipt.add(&part),
            Err(error) => joint.error = Some(error),
        }
        if joint.open > 0 {
            return;
        }
        let result = match joint.error.take() {
            Some(error) => Err(error),
            None => Ok(joint.receipt),
        };
        if let Some(done) = joint.done.take() {
            drop(joint);
            done(result);
        }
    }
}

impl Receipt {
    fn add(&mut self, other: &Self) {
        self.new += other.new;
        self.duplicate += other.duplicate;
        self.moved += other.moved;
        self.ignored += other.ignored;
        self.late += other.late;
        self.quarantined += other.quarantined;
    }
}

/// Refuses what breaks a limit whatever is free.
fn check_limits(batch: &Batch) -> Result<(), StoreError> {
    let sealed: usize = batch.sealed.iter().map(|item| item.sealed.len()).sum();
    let limits = [
        ("events", batch.events.len(), BATCH_EVENTS_MAX),
        ("unreadable items", batch.sealed.len(), BATCH_EVENTS_MAX),
        ("sealed bytes", sealed, BATCH_SEALED_BYTES_MAX),
        (
            "bytes in the name of the source",
            batch.source.len(),
            SOURCE_NAME_BYTES_MAX,
        ),
    ];
    match limits.iter().find(|(_, found, max)| found > max) {
        None => Ok(()),
        Some((what, found, max)) => Err(StoreError::Invalid {
            reason: format!("{found} {what}, at most {max} are allowed"),
        }),
    }
}

impl EmbeddedStore {
    fn push(&self, shard: usize, job: Job) {
        if let Err(refused) = self.shared.shards[shard].queue.push(job) {
            refused.answer();
        }
    }

    /// Splits a batch by shard; sealed items and what was ignored go to the first.
    fn submit_parts(&self, batch: Batch, done: Completion) {
        let shards = self.shared.shards.len();
        let mut parts: Vec<Batch> = (0..shards)
            .map(|_| Batch {
                source: batch.source.clone(),
                received_at: batch.received_at,
                events: Vec::new(),
                sealed: Vec::new(),
                ignored: 0,
            })
            .collect();
        for event in batch.events {
            parts[shard_of(&event.number, shards)].events.push(event);
        }
        parts[0].sealed = batch.sealed;
        parts[0].ignored = batch.ignored;
        let mut parts: Vec<(usize, Batch)> = parts.into_iter().enumerate().collect();
        parts.retain(|(shard, part)| {
            *shard == 0 && (!part.sealed.is_empty() || part.ignored > 0) || !part.events.is_empty()
        });
        if parts.is_empty() {
            done(self.shared.check().map(|()| Receipt::default()));
            return;
        }
        let joint = Arc::new(Mutex::new(Joint {
            open: parts.len(),
            receipt: Receipt::default(),
            error: None,
            done: Some(done),
        }));
        for (shard, part) in parts {
            let joint = Arc::clone(&joint);
            let done: Completion = Box::new(move |result| Joint::take(&joint, result));
            self.push(shard, Job::Batch(part, None, done));
        }
    }

    /// Runs a command in some shards at once and adds up what they say.
    fn command(
        &self,
        command: Command,
        shards: impl Iterator<Item = usize>,
    ) -> Result<u64, StoreError> {
        let (sender, receiver) = mpsc::channel();
        for shard in shards {
            let sender = sender.clone();
            let done = Box::new(move |result| drop(sender.send(result)));
            self.push(shard, Job::Command(command.clone(), done));
        }
        drop(sender);
        let mut sum = 0;
        let mut failed = None;
        for result in receiver {
            match result {
                Ok(count) => sum += count,
                Err(error) => failed = Some(error),
            }
        }
        failed.map_or(Ok(sum), Err)
    }

    fn all_shards(&self) -> std::ops::Range<usize> {
        0..self.shared.shards.len()
    }
}

impl Store for EmbeddedStore {
    fn submit(&self, batch: Batch, done: Completion) {
        if let Err(error) = self.shared.check().and_then(|()| check_limits(&batch)) {
            done(Err(error));
        } else if self.shared.shards.len() == 1 {
            self.push(0, Job::Batch(batch, None, done));
        } else {
            self.submit_parts(batch, done);
        }
    }

    fn submit_at(&self, batch: Batch, offset: StreamOffset, done: Completion) {
        if let Err(error) = self.shared.check().and_then(|()| check_limits(&batch)) {
            done(Err(error));
        } else if self.shared.shards.len() == 1 {
            self.push(0, Job::Batch(batch, Some(offset), done));
        } else {
            let done = offsets::after_all(&self.shared, &batch, offset, done);
            self.submit_parts(batch, done);
        }
    }

    fn stream_offsets(&self) -> Result<Vec<(SourceName, StreamOffset)>, StoreError> {
        let offsets = lock(&self.shared.offsets);
        Ok(offsets
            .iter()
            .map(|(name, it)| (name.clone(), *it))
            .collect())
    }

    fn floor(&self) -> Option<EpochMs> {
        self.shared.floor()
    }

    fn raise_floor(&self, floor: EpochMs) -> Result<(), StoreError> {
        self.command(Command::Floor(floor), self.all_shards())?;
        self.shared.raise_floor(floor);
        Ok(())
    }

    fn release_due(&self, now: EpochMs) -> Result<u64, StoreError> {
        self.command(Command::ReleaseDue(now), self.all_shards())
    }

    fn claim(
        &self,
        account: AccountKey,
        number: PhoneNumber,
        space: SpaceKey,
    ) -> Result<u64, StoreError> {
        let shard = shard_of(&number, self.shared.shards.len());
        self.command(Command::Claim(account, number, space), shard..shard + 1)
    }

    fn replay(&self, item: QuarantineId, events: &[StatusEvent]) -> Result<bool, StoreError> {
        replay::replay(self, item, events)
    }

    fn numbers(&self, space: SpaceKey) -> Result<Vec<PhoneNumber>, StoreError> {
        Ok(read::numbers(&self.shared, space))
    }

    fn read_days(
        &self,
        space: SpaceKey,
        number: &PhoneNumber,
        days: RangeInclusive<UtcDay>,
        visit: &mut DayVisitor<'_>,
    ) -> Result<(), StoreError> {
        read::read_days(&self.shared, space, number, &days, visit)
    }

    fn explain(
        &self,
        space: SpaceKey,
        number: &PhoneNumber,
        slots: Range<Slot>,
    ) -> Result<Explanation, StoreError> {
        explain::explain(&self.shared, space, number, slots)
    }

    fn books(&self) -> Result<Vec<(SourceName, Books)>, StoreError> {
        let books = lock(&self.shared.books);
        Ok(books.iter().map(|(name, it)| (name.clone(), *it)).collect())
    }

    fn quarantine(
        &self,
        filter: QuarantineFilter,
        items_max: usize,
    ) -> Result<Vec<Quarantined>, StoreError> {
        read::quarantine(&self.shared, filter, items_max)
    }

    fn verify(&self) -> Result<VerifyReport, StoreError> {
        verify::verify(self)
    }

    fn cut(&self) -> Result<StoreCut, StoreError> {
        cut::cut(&self.shared)
    }

    fn health(&self) -> Health {
        if self.shared.shards.iter().any(|it| it.queue.is_closed()) {
            return Health::Poisoned("the store is closed".to_owned());
        }
        self.shared.health()
    }

    fn stats(&self) -> StoreStats {
        let shared = &self.shared;
        let runs = shared.runs();
        let mut stats = StoreStats {
            disk_bytes: disk_bytes(&shared.dir),
            run_records: runs.runs.iter().map(|run| run.records).sum(),
            runs: runs.runs.len() as u64,
            journal_bytes: shared.journal_bytes.load(Ordering::Relaxed),
            syncs: shared.syncs.load(Ordering::Relaxed),
            ..StoreStats::default()
        };
        for shard in &shared.shards {
            let view = shard.view();
            let pending = view.pending.iter().map(|it| it.hot.len() as u64);
            stats.hot_records += pending.sum::<u64>();
            stats.hot_records += view.active.records.load(Ordering::Relaxed) as u64;
            stats.queued_events += shard.queue.events() as u64;
        }
        stats
    }

    fn close(&self) {
        for shard in &self.shared.shards {
            shard.queue.close();
        }
        let mut threads = lock(&self.threads);
        if threads.writers.is_empty() && threads.others.is_empty() {
            return;
        }
        let mut tails = Vec::new();
        for writer in threads.writers.drain(..) {
            tails.extend(writer.join());
        }
        self.shared.stop();
        for thread in threads.others.drain(..) {
            drop(thread.join());
        }
        if self.shared.check().is_ok() && tails.len() == self.shared.shards.len() {
            self.note_clean_stop(&tails);
        }
    }
}

impl EmbeddedStore {
    /// Remembers where the journals end, so that a start can tell if their last
    /// frames got lost.
    fn note_clean_stop(&self, tails: &[Position]) {
        let catalog = &self.shared.catalog;
        let mut batch = catalog.batch();
        for (shard, tail) in self.shared.shards.iter().zip(tails) {
            let key = catalog::tail_key(shard.number);
            batch.insert(&catalog.meta, key, tail.to_le_bytes());
        }
        if let Err(error) = catalog.commit(batch) {
            let reason = fault::chain(&error);
            tracing::warn!(reason, "could not note the clean stop");
        }
    }
}

impl Drop for EmbeddedStore {
    fn drop(&mut self) {
        self.close();
    }
}

impl std::fmt::Debug for EmbeddedStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EmbeddedStore")
            .field("dir", &self.shared.dir)
            .finish_non_exhaustive()
    }
}

/// Bytes that the files of a directory take; what vanishes meanwhile counts not.
fn disk_bytes(dir: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(dir) else {
        return 0;
    };
    let sizes = entries.flatten().map(|entry| match entry.metadata() {
        Ok(data) if data.is_dir() => disk_bytes(&entry.path()),
        Ok(data) => data.len(),
        Err(_) => 0,
    });
    sizes.sum()
}
