//! What the threads of a store share, and how they see each other.
//!
//! Not here: what the threads do. Lock order: `maintenance`, `commit`, `publishing`,
//! `old_runs`, `runs`,
//! a shard's `state` before its `view`; everything else is a leaf.

use super::catalog::Catalog;
use super::day_cache::DayCache;
use super::disk::DiskFile;
use super::generation::{Finished, Published, lock};
use super::offsets::Offsets;
use super::options::{Options, Step};
use super::queue::Queue;
use super::run_set::RunSet;
use super::usual::{SourceNames, UsualTable};
use crate::api::{Books, Health, SourceName, StoreError};
use crate::sync::{AtomicU64, Condvar, Mutex, MutexGuard, RwLock};
use chatmetric_core::{EpochMs, PhoneNumber, SpaceKey, UtcDay};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU32, Ordering};

/// No floor yet.
const NO_FLOOR: i64 = i64::MIN;

/// The whole store, as its threads see it.
pub(crate) struct Shared {
    pub(crate) dir: PathBuf,
    pub(crate) options: Options,
    pub(crate) catalog: Catalog,
    /// Held while the catalog and the set of runs change together.
    pub(crate) commit: Mutex<()>,
    /// Shared by the writers while they move the ends of their journals; who has it
    /// alone sees the ends of all of them at one moment.
    pub(crate) publishing: RwLock<()>,
    /// Held while weeks are dropped, and while everything is verified.
    pub(crate) maintenance: Mutex<()>,
    pub(crate) day_cache: DayCache,
    runs: Mutex<Arc<RunSet>>,
    /// Sets that are not the present one any more. Whoever lets go of the last file of a
    /// removed run waits until the kernel has freed its pages, a third of a second for a
    /// week's run: that is the merger, never a writer or a reader.
    old_runs: Mutex<Vec<Arc<RunSet>>>,
    pub(crate) bindings: RwLock<BTreeMap<(SpaceKey, PhoneNumber), u32>>,
    pub(crate) books: Mutex<BTreeMap<SourceName, Books>>,
    pub(crate) offsets: Mutex<Offsets>,
    pub(crate) names: Arc<SourceNames>,
    /// The usual sources as they were at the start; each writer goes on from them.
    pub(crate) usual: UsualTable,
    floor_ms: AtomicI64,
    pub(crate) next_binding: AtomicU32,
    pub(crate) next_item: AtomicU64,
    pub(crate) next_run: AtomicU64,
    next_order: AtomicU64,
    first_day: AtomicU32,
    poison: Mutex<Option<String>>,
    poisoned: AtomicBool,
    waiting: Mutex<Option<String>>,
    stopping: AtomicBool,
    pub(crate) merge_wanted: Mutex<bool>,
    pub(crate) merge_wake: Condvar,
    pub(crate) journal_bytes: AtomicU64,
    pub(crate) syncs: AtomicU64,
    pub(crate) shards: Vec<Shard>,
}

/// One writer with its sealer.
pub(crate) struct Shard {
    pub(crate) number: u32,
    pub(crate) dir: PathBuf,
    pub(crate) queue: Queue,
    /// The first segment that is not sealed, for the cache of days.
    pub(crate) sealed: AtomicU64,
    view: Mutex<Arc<ShardView>>,
    pub(crate) state: Mutex<ShardState>,
    /// Wakes writer, sealer and preparer when `state` or the view changed.
    pub(crate) changed: Condvar,
}

/// The generations of a shard that are not in the catalog yet.
#[derive(Debug, Clone)]
pub(crate) struct ShardView {
    /// From the oldest to the newest.
    pub(crate) pending: Vec<Arc<Finished>>,
    pub(crate) active: Arc<Published>,
}

impl ShardView {
    /// All generations, from the oldest to the newest.
    pub(crate) fn generations(&self) -> impl DoubleEndedIterator<Item = &Arc<Published>> {
        let pending = self.pending.iter().map(|it| &it.published);
        pending.chain(std::iter::once(&self.active))
    }
}

/// What the threads of a shard tell each other.
#[derive(Default)]
pub(crate) struct ShardState {
    pub(crate) spare: Option<Spare>,
    /// The number of the next segment to prepare.
    pub(crate) next_segment: u64,
    /// Why the last segment could not be prepared.
    pub(crate) spare_failed: Option<String>,
    /// Why the last generation could not be sealed.
    pub(crate) seal_failed: Option<String>,
}

/// A segment full of zeros.
pub(crate) struct Spare {
    pub(crate) segment: u64,
    pub(crate) path: PathBuf,
    pub(crate) file: Box<dyn DiskFile>,
    pub(crate) bytes: u64,
}

/// The durable state that a start begins with.
#[derive(Default)]
pub(crate) struct Start {
    pub(crate) runs: RunSet,
    pub(crate) bindings: BTreeMap<(SpaceKey, PhoneNumber), u32>,
    pub(crate) books: BTreeMap<SourceName, Books>,
    pub(crate) offsets: Offsets,
    pub(crate) floor: Option<EpochMs>,
    pub(crate) next_item: u64,
    pub(crate) next_run: u64,
    pub(crate) next_order: u64,
    pub(crate) first_day: u32,
    pub(crate) names: Arc<SourceNames>,
    pub(crate) usual: UsualTable,
}

impl Shared {
    pub(crate) fn new(dir: &Path, options: Options, catalog: Catalog, start: Start) -> Self {
        let runs = start.runs.within(options.filter_bytes_max);
        let next_binding = start.bindings.values().max().map_or(0, |last| last + 1);
        Self {
            dir: dir.to_owned(),
            day_cache: DayCache::new(options.day_cache_bytes),
            options,
            catalog,
            commit: Mutex::default(),
            publishing: RwLock::default(),
            maintenance: Mutex::default(),
            runs: Mutex::new(Arc::new(runs)),
            old_runs: Mutex::default(),
            bindings: RwLock::new(start.bindings),
            books: Mutex::new(start.books),
            offsets: Mutex::new(start.offsets),
            names: start.names,
            usual: start.usual,
            floor_ms: AtomicI64::new(start.floor.map_or(NO_FLOOR, |floor| floor.0)),
            next_binding: AtomicU32::new(next_binding),
            next_item: AtomicU64::new(start.next_item),
            next_run: AtomicU64::new(start.next_run),
            next_order: AtomicU64::new(start.next_order),
            first_day: AtomicU32::new(start.first_day),
            poison: Mutex::default(),
            poisoned: AtomicBool::new(false),
            waiting: Mutex::default(),
            stopping: AtomicBool::new(false),
            merge_wanted: Mutex::new(true),
            merge_wake: Condvar::new(),
            journal_bytes: AtomicU64::new(0),
            syncs: AtomicU64::new(0),
            shards: Vec::new(),
        }
    }

    pub(crate) fn runs_dir(&self) -> PathBuf {
        self.dir.join("runs")
    }

    pub(crate) fn runs(&self) -> Arc<RunSet> {
        Arc::clone(&lock(&self.runs))
    }

    pub(crate) fn set_runs(&self, runs: RunSet) {
        let runs = Arc::new(runs.within(self.options.filter_bytes_max));
        // Kept before anybody else could be the last to have it.
        let mut old = lock(&self.old_runs);
        old.push(std::mem::replace(&mut *lock(&self.runs), runs));
    }

    /// Lets go of the old sets of runs that nobody looks into any more; tells how many
    /// are left.
    pub(crate) fn let_go_of_old_runs(&self) -> usize {
        let mut old = lock(&self.old_runs);
        let all = std::mem::take(&mut *old);
        let (unused, used): (Vec<_>, Vec<_>) =
            all.into_iter().partition(|set| Arc::strong_count(set) == 1);
        *old = used;
        let left = old.len();
        // Freeing takes its time: not under the lock.
        drop(old);
        drop(unused);
        left
    }

    /// A place in the order of age that no run ever had: behind all that the
    /// manifest names, whatever the look-ups hold just now.
    pub(crate) fn next_order(&self, _commit: &MutexGuard<'_, ()>) -> u64 {
        self.next_order.fetch_add(1, Ordering::Relaxed)
    }

    /// The first day whose tallies are kept.
    pub(crate) fn first_day(&self) -> UtcDay {
        UtcDay(self.first_day.load(Ordering::Acquire))
    }

    pub(crate) fn set_first_day(&self, day: UtcDay) {
        self.first_day.fetch_max(day.0, Ordering::AcqRel);
    }

    pub(crate) fn floor(&self) -> Option<EpochMs> {
        match self.floor_ms.load(Ordering::Acquire) {
            NO_FLOOR => None,
            floor => Some(EpochMs(floor)),
        }
    }

    pub(crate) fn raise_floor(&self, floor: EpochMs) {
        self.floor_ms.fetch_max(floor.0, Ordering::AcqRel);
    }

    /// Stops everything that writes, until restart.
    pub(crate) fn poison(&self, reason: String) -> StoreError {
        let mut poison = lock(&self.poison);
        if poison.is_none() {
            tracing::error!(reason, "the store stopped taking events");
            *poison = Some(reason);
        }
        self.poisoned.store(true, Ordering::Release);
        let reason = poison.clone().unwrap_or_default();
        drop(poison);
        self.wake_all();
        StoreError::Poisoned { reason }
    }

    /// The error of a poisoned store.
    pub(crate) fn check(&self) -> Result<(), StoreError> {
        if !self.poisoned.load(Ordering::Acquire) {
            return Ok(());
        }
        Err(StoreError::Poisoned {
            reason: lock(&self.poison).clone().unwrap_or_default(),
        })
    }

    pub(crate) fn set_waiting(&self, reason: Option<String>) {
        let mut waiting = lock(&self.waiting);
        if waiting.is_some() != reason.is_some() {
            match &reason {
                Some(reason) => tracing::warn!(reason, "the store cannot take events now"),
                None => tracing::info!("the store takes events again"),
            }
        }
        *waiting = reason;
    }

    pub(crate) fn health(&self) -> Health {
        if let Some(reason) = lock(&self.poison).clone() {
            return Health::Poisoned(reason);
        }
        match lock(&self.waiting).clone() {
            Some(reason) => Health::Waiting(reason),
            None => Health::Ready,
        }
    }

    /// Whether the background threads have to end.
    pub(crate) fn stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }

    pub(crate) fn stop(&self) {
        self.stopping.store(true, Ordering::Release);
        self.wake_all();
    }

    fn wake_all(&self) {
        for shard in &self.shards {
            // Taking the lock makes sure that nobody misses the call between
            // looking and waiting.
            drop(lock(&shard.state));
            shard.changed.notify_all();
        }
        drop(lock(&self.merge_wanted));
        self.merge_wake.notify_all();
    }

    /// Passes a named step.
    ///
    /// # Errors
    /// When the test wants the store to stop here.
    pub(crate) fn step(&self, step: Step) -> Result<(), StoreError> {
        match &self.options.crash {
            Some(crash) if crash(step) => {
                let stopped = self.poison(format!("stopped at {step:?}"));
                self.stop();
                Err(stopped)
            }
            Some(_) | None => Ok(()),
        }
    }
}

impl Shard {
    pub(crate) fn new(
        number: u32,
        dir: PathBuf,
        queue: Queue,
        pending: Vec<Arc<Finished>>,
        active: Arc<Published>,
    ) -> Self {
        let next_segment = active.segment + 1;
        let oldest = pending
            .first()
            .map_or(active.segment, |it| it.published.segment);
        Self {
            number,
            dir,
            queue,
            sealed: AtomicU64::new(oldest),
            view: Mutex::new(Arc::new(ShardView { pending, active })),
            state: Mutex::new(ShardState {
                next_segment,
                ..ShardState::default()
            }),
            changed: Condvar::new(),
        }
    }

    /// The generations as they are now.
    pub(crate) fn view(&self) -> Arc<ShardView> {
        Arc::clone(&lock(&self.view))
    }

    pub(crate) fn change_view(&self, change: impl FnOnce(&mut ShardView)) {
        let mut view = lock(&self.view);
        let mut next = ShardView::clone(&view);
        change(&mut next);
        *view = Arc::new(next);
    }
}

/// The directory of a shard's journal.
pub(crate) fn shard_dir(dir: &Path, shard: u32) -> PathBuf {
    dir.join("journal").join(format!("{shard:04}"))
}

/// The shard of a number: all events of a number pass one writer. Part of the
/// format as long as a journal is open.
#[inline]
pub(crate) fn shard_of(number: &PhoneNumber, shards: usize) -> usize {
    if shards == 1 {
        return 0;
    }
    crc32c::crc32c(number.as_bytes()) as usize % shards
}

#[cfg(test)]
mod tests;
