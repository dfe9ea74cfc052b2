//! Opening a directory: recovery, a change of the number of shards, threads.

use super::catalog::{Catalog, segment_key, tail_key};
use super::generation::Published;
use super::journal::segment_number;
use super::options::{Options, SHARDS_MAX, Step};
use super::queue::Queue;
use super::recovery::{self, Replayed};
use super::sealer::{self, sealed_key};
use super::segment;
use super::shared::{Shard, Shared, shard_dir};
use super::writer::Writer;
use super::{EmbeddedStore, Threads, engine_journal, engine_tables, fault, merger};
use crate::api::StoreError;
use crate::sync::Mutex;
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;

pub(crate) const SHARDS_KEY: &str = "shards";

impl EmbeddedStore {
    /// Opens the store in `dir`, or makes one there.
    ///
    /// # Errors
    /// [`StoreError::NewerFormat`], [`StoreError::Corrupt`] and
    /// [`StoreError::Io`]; nothing was acknowledged wrongly then.
    pub fn open(dir: impl AsRef<Path>, options: Options) -> Result<Self, StoreError> {
        let dir = dir.as_ref();
        if options.shards == 0 || options.shards > SHARDS_MAX {
            let reason = format!("{} shards, 1 to {SHARDS_MAX} are allowed", options.shards);
            return Err(StoreError::Invalid { reason });
        }
        let disk = Arc::clone(&options.disk);
        let is_older = recovery::check_format(dir, disk.as_ref())?;
        recovery::make_dir(&dir.join("runs"), disk.as_ref())?;
        recovery::make_dir(&dir.join("journal"), disk.as_ref())?;
        let catalog = open_catalog(dir, &options)?;
        let view = catalog.view();
        let mut options = options;
        let shards_before = match catalog.get_u64(&view, SHARDS_KEY)? {
            Some(count) => u32::try_from(count).unwrap_or(u32::MAX),
            None => {
                let mut batch = catalog.batch();
                let count = u64::from(options.shards).to_le_bytes();
                batch.insert(&catalog.meta, SHARDS_KEY, count);
                catalog.commit(batch)?;
                options.shards
            }
        };
        if options.keep_shards && (1..=SHARDS_MAX).contains(&shards_before) {
            options = options.with_shards(shards_before);
        }
        let shards = options.shards;
        let (mut start, orphans) =
            recovery::load(&catalog, &view, &dir.join("runs"), options.filter_bytes_max)?;
        let mut replayed = Vec::new();
        for shard in 0..shards_before {
            let one = recovery::replay(dir, shard, &catalog, &view, &start)?;
            one.add_to(&mut start);
            replayed.push(one);
        }
        let shared = Shared::new(dir, options, catalog, start);
        shared.step(Step::Replayed)?;
        if is_older {
            recovery::raise_format(dir, disk.as_ref())?;
        }
        for (shard, one) in (0..).zip(&replayed) {
            one.settle(&shard_dir(dir, shard), disk.as_ref())?;
        }
        recovery::remove_all(&shared, &orphans)?;
        drop(view);
        if shards_before != shards {
            replayed = change_shards(&shared, replayed, shards)?;
        }
        remove_old_journals(&shared)?;
        Self::start(shared, replayed)
    }

    fn start(mut shared: Shared, replayed: Vec<Replayed>) -> Result<Self, StoreError> {
        let mut first_segments = Vec::new();
        for (number, one) in (0..).zip(replayed) {
            let dir = shard_dir(&shared.dir, number);
            recovery::make_dir(&dir, shared.options.disk.as_ref())?;
            let queue = Queue::new(
                shared.options.queue_events_max,
                shared.options.queue_sealed_bytes_max,
            );
            let spare = segment::prepare(&shared, &dir, one.next_segment)?;
            let active = Arc::new(Published::new(one.next_segment));
            let pending = one.finished.into_iter().map(Arc::new).collect();
            first_segments.push((spare, one.next));
            shared
                .shards
                .push(Shard::new(number, dir, queue, pending, active));
        }
        let shared = Arc::new(shared);
        let mut threads = Threads::default();
        for (at, (spare, next)) in first_segments.into_iter().enumerate() {
            let writer = Writer::new(Arc::clone(&shared), at, spare, next);
            let started = spawn("writer", at, move || writer.run())
                .map(|thread| threads.writers.push(thread))
                .and_then(|()| {
                    let shared = Arc::clone(&shared);
                    let thread = spawn("sealer", at, move || sealer::run(&shared, at))?;
                    threads.others.push(thread);
                    Ok(())
                })
                .and_then(|()| {
                    let shared = Arc::clone(&shared);
                    let thread = spawn("prepare", at, move || segment::run(&shared, at))?;
                    threads.others.push(thread);
                    Ok(())
                });
            if let Err(error) = started {
                return Err(Self::abandon(shared, threads, error));
            }
        }
        let for_merger = Arc::clone(&shared);
        match spawn("merger", 0, move || merger::run(&for_merger)) {
            Ok(thread) => threads.others.push(thread),
            Err(error) => return Err(Self::abandon(shared, threads, error)),
        }
        Ok(Self {
            shared,
            threads: Mutex::new(threads),
        })
    }

    /// Ends what was started when a thread could not be.
    fn abandon(shared: Arc<Shared>, threads: Threads, error: StoreError) -> StoreError {
        drop(Self {
            shared,
            threads: Mutex::new(threads),
        });
        error
    }
}

/// Opens the catalog, or makes one. The engine cannot go on with a directory that it
/// made in part, so it makes one under another name, which is its own once whole.
fn open_catalog(dir: &Path, options: &Options) -> Result<Catalog, StoreError> {
    let (path, new) = (dir.join("catalog"), dir.join("catalog.new"));
    if !path.exists() {
        for part in ["runs", "journal"].map(|part| dir.join(part)) {
            let mut entries =
                std::fs::read_dir(&part).map_err(|it| fault::io("list", &part, it))?;
            // It is made before the first of these.
            if entries.next().is_some() {
                return Err(fault::corrupt(&path, 0, "the catalog is missing"));
            }
        }
        if new.exists() {
            std::fs::remove_dir_all(&new).map_err(|error| fault::io("remove", &new, error))?;
        }
        drop(Catalog::open(&new, options.cache_bytes)?);
        let named = options.disk.rename(&new, &path);
        named.map_err(|error| fault::io("rename", &new, error))?;
    }
    engine_journal::check(&path)?;
    engine_tables::check(&path)?;
    let catalog = Catalog::open(&path, options.cache_bytes)?;
    // The engine syncs what is in its directory, not the name of it.
    let synced = options.disk.sync_dir(dir);
    synced.map_err(|error| fault::io("sync", dir, error))?;
    Ok(catalog)
}

fn spawn<T: Send + 'static>(
    name: &str,
    shard: usize,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<JoinHandle<T>, StoreError> {
    std::thread::Builder::new()
        .name(format!("store-{name}-{shard}"))
        .spawn(work)
        .map_err(|error| StoreError::Io {
            operation: format!("start the thread `{name}`"),
            source: Arc::new(error),
        })
}

/// Seals the journals of the old shards and begins new ones. A crash in between
/// repeats what was not done.
fn change_shards(
    shared: &Shared,
    replayed: Vec<Replayed>,
    shards: u32,
) -> Result<Vec<Replayed>, StoreError> {
    let mut next_segment = 1;
    for (shard, one) in (0..).zip(&replayed) {
        let dir = shard_dir(&shared.dir, shard);
        for finished in &one.finished {
            sealer::seal(shared, shard, &dir, finished, || {})?;
        }
        next_segment = next_segment.max(one.next_segment);
    }
    shared.step(Step::OldShardsSealed)?;
    let mut batch = shared.catalog.batch();
    let meta = &shared.catalog.meta;
    for (shard, _) in (0_u32..).zip(&replayed) {
        batch.remove(meta, segment_key(shard));
        batch.remove(meta, tail_key(shard));
        batch.remove(meta, sealed_key(shard));
    }
    // Later than every old segment, so that leftovers of them are known as old.
    for shard in 0..shards {
        batch.insert(meta, segment_key(shard), u64::to_le_bytes(next_segment));
    }
    batch.insert(meta, SHARDS_KEY, u64::from(shards).to_le_bytes());
    shared.catalog.commit(batch)?;
    shared.step(Step::ShardsCommitted)?;
    Ok((0..shards).map(|_| Replayed::fresh(next_segment)).collect())
}

/// Removes the journals of shards that there are no longer.
fn remove_old_journals(shared: &Shared) -> Result<(), StoreError> {
    for shard in shared.options.shards..=SHARDS_MAX {
        let dir = shard_dir(&shared.dir, shard);
        if !dir.is_dir() {
            continue;
        }
        let failed = |error| fault::io("empty", &dir, error);
        for entry in std::fs::read_dir(&dir).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            let name = path.file_name().and_then(|name| name.to_str());
            if name.and_then(segment_number).is_some() {
                shared.options.disk.remove(&path).map_err(failed)?;
            }
        }
    }
    Ok(())
}
