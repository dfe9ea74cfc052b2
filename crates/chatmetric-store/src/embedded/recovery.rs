//! Starting: what is on disk becomes the state that the threads go on from.
//!
//! Order: format, catalog, runs (files that no manifest names are removed),
//! journals. Everything that was read from a journal is made durable before the
//! first event is taken, because a duplicate of it will be acknowledged without
//! being written again. Nothing is changed before every file was read.

use super::catalog::{Catalog, View, segment_key, tail_key};
use super::fault;
use super::generation::{Finished, Fold, lock};
use super::journal::{Scanned, scan, segment_number, segment_path};
use super::run::{Run, RunSet};
use super::sealer::sealed_key;
use super::segment;
use super::shared::{Shared, Start, shard_dir};
use crate::api::StoreError;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// The version of everything in the directory.
const FORMAT: u32 = 1;
const FORMAT_FILE: &str = "FORMAT";
const FORMAT_PREFIX: &str = "chatmetric store ";

/// What the journal of one shard held.
#[derive(Default)]
pub(crate) struct Replayed {
    pub(crate) finished: Vec<Finished>,
    /// The number that the next segment gets.
    pub(crate) next_segment: u64,
    pub(crate) next_seq: u64,
    /// Segments to make durable, with the torn bytes to cut.
    keep: Vec<(PathBuf, u64, u64)>,
    /// Files that are not needed: sealed or never used.
    remove: Vec<PathBuf>,
}

/// Checks the format, or writes it into a new directory.
pub(crate) fn check_format(
    dir: &Path,
    shared_disk: &dyn super::disk::Disk,
) -> Result<(), StoreError> {
    let path = dir.join(FORMAT_FILE);
    match std::fs::read_to_string(&path) {
        Ok(text) => {
            let found = text
                .strip_prefix(FORMAT_PREFIX)
                .and_then(|rest| rest.trim_end().parse::<u32>().ok())
                .ok_or_else(|| fault::corrupt(&path, 0, "the format makes no sense"))?;
            if found > FORMAT {
                return Err(StoreError::NewerFormat {
                    found,
                    supported: FORMAT,
                });
            }
            Ok(())
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            if dir.join("catalog").exists() || dir.join("journal").exists() {
                return Err(fault::corrupt(&path, 0, "the file is missing"));
            }
            write_format(dir, &path, shared_disk).map_err(|error| fault::io("write", &path, error))
        }
        Err(error) => Err(fault::io("read", &path, error)),
    }
}

fn write_format(dir: &Path, path: &Path, disk: &dyn super::disk::Disk) -> std::io::Result<()> {
    std::fs::create_dir_all(dir)?;
    let new = dir.join("FORMAT.new");
    let file = disk.create(&new)?;
    file.write_at(format!("{FORMAT_PREFIX}{FORMAT}\n").as_bytes(), 0)?;
    file.sync()?;
    disk.rename(&new, path)?;
    disk.sync_dir(dir)
}

/// Makes a directory, durable with its name.
pub(crate) fn make_dir(dir: &Path, disk: &dyn super::disk::Disk) -> Result<(), StoreError> {
    if dir.is_dir() {
        return Ok(());
    }
    std::fs::create_dir_all(dir)
        .and_then(|()| dir.parent().map_or(Ok(()), |parent| disk.sync_dir(parent)))
        .map_err(|error| fault::io("make", dir, error))
}

fn file_names(dir: &Path) -> Result<Vec<String>, StoreError> {
    let failed = |error| fault::io("list", dir, error);
    let mut names = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(failed)? {
        let name = entry.map_err(failed)?.file_name();
        names.push(name.to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}

/// Reads the catalog and opens the runs that it names; gives the orphans too.
pub(crate) fn load(
    catalog: &Catalog,
    view: &View,
    runs_dir: &Path,
) -> Result<(Start, Vec<PathBuf>), StoreError> {
    let mut start = Start {
        next_run: 1,
        next_item: catalog.get_u64(view, "next_item")?.unwrap_or(1),
        floor: catalog
            .get_u64(view, "floor")?
            .map(|floor| chatmetric_core::EpochMs(floor as i64)),
        books: catalog.all_books(view)?.into_iter().collect(),
        ..Start::default()
    };
    for (id, space, number) in catalog.all_bindings(view)? {
        start.bindings.insert((space, number), id);
    }
    let mut runs = Vec::new();
    let mut named = BTreeMap::new();
    for entry in catalog.manifest(view)? {
        let name = format!("{:016}.run", entry.id);
        let path = runs_dir.join(&name);
        if !path.exists() {
            return Err(fault::corrupt(&path, 0, "the run is missing"));
        }
        let run = Run::open(path, entry.id, entry.level, entry.order)?;
        if run.entry() != entry {
            let detail = "the file is not the run that the manifest names";
            return Err(fault::corrupt(run.path(), 0, detail));
        }
        start.next_run = start.next_run.max(entry.id + 1);
        named.insert(name, ());
        runs.push(Arc::new(run));
    }
    start.runs = RunSet { runs };
    let orphans = file_names(runs_dir)?
        .into_iter()
        .filter(|name| !named.contains_key(name))
        .map(|name| runs_dir.join(name))
        .collect();
    Ok((start, orphans))
}

/// Folds the open segments of a shard, without changing anything.
pub(crate) fn replay(
    dir: &Path,
    shard: u32,
    catalog: &Catalog,
    view: &View,
) -> Result<Replayed, StoreError> {
    let get = |key: String| catalog.get_u64(view, &key);
    let first = get(segment_key(shard))?.unwrap_or(1);
    let sealed = get(sealed_key(shard))?.unwrap_or(1);
    let tail = get(tail_key(shard))?.unwrap_or(1);
    let shard_dir = shard_dir(dir, shard);
    let mut replayed = Replayed {
        next_segment: first,
        next_seq: sealed,
        ..Replayed::default()
    };
    if !shard_dir.is_dir() {
        return Ok(replayed);
    }
    let mut last: Option<(PathBuf, u64)> = None;
    let mut unused: Option<PathBuf> = None;
    for name in file_names(&shard_dir)? {
        let Some(number) = segment_number(&name) else {
            continue;
        };
        let path = segment_path(&shard_dir, number);
        if number < first {
            replayed.remove.push(path);
            continue;
        }
        let Some((scanned, fold)) = fold_segment(&path, shard, number)? else {
            replayed.remove.push(path.clone());
            unused.get_or_insert(path);
            continue;
        };
        // Frames continue from segment to segment, without a gap.
        if let Some(unused) = &unused {
            return Err(fault::corrupt(unused, 0, "a later segment is in use"));
        }
        let first_seq = scanned.header.map_or(0, |header| header.first_seq);
        if number != replayed.next_segment || first_seq != replayed.next_seq {
            let (file, offset) =
                last.unwrap_or_else(|| (segment_path(&shard_dir, replayed.next_segment), 0));
            return Err(fault::corrupt(&file, offset, "synced frames are missing"));
        }
        replayed.next_segment = number + 1;
        replayed.next_seq = scanned.next_seq;
        last = Some((path.clone(), scanned.end));
        replayed.keep.push((path, scanned.end, scanned.torn_bytes));
        let end = &fold.published.journal_end;
        end.store(scanned.end, Ordering::Release);
        replayed.finished.push(Finished {
            published: fold.published,
            hot: fold.hot,
            next_seq: scanned.next_seq,
        });
    }
    if replayed.next_seq < tail {
        let (file, offset) =
            last.unwrap_or_else(|| (segment_path(&shard_dir, replayed.next_segment), 0));
        return Err(fault::corrupt(&file, offset, "synced frames are missing"));
    }
    Ok(replayed)
}

/// Folds one segment; `None`: it was prepared and never used.
fn fold_segment(
    path: &Path,
    shard: u32,
    number: u64,
) -> Result<Option<(Scanned, Fold)>, StoreError> {
    let bytes = std::fs::read(path).map_err(|error| fault::io("read", path, error))?;
    let mut fold = Fold::new(number);
    let scanned = scan(path, &bytes, (shard, number), |offset, payload| {
        fold.frame(payload).map_err(|at| {
            let detail = "an entry of the journal makes no sense";
            fault::corrupt(path, offset + at as u64, detail)
        })
    })?;
    Ok(scanned
        .header
        .filter(|header| scanned.next_seq > header.first_seq)
        .map(|_| (scanned, fold)))
}

impl Replayed {
    /// Nothing yet; the journal begins with this segment.
    pub(crate) fn fresh(next_segment: u64) -> Self {
        Self {
            next_segment,
            next_seq: 1,
            ..Self::default()
        }
    }

    /// Makes what was read durable, cuts torn frames and removes what is not
    /// needed any more.
    pub(crate) fn settle(
        &self,
        dir: &Path,
        disk: &dyn super::disk::Disk,
    ) -> Result<(), StoreError> {
        for (path, end, torn_bytes) in &self.keep {
            let file = disk
                .open(path)
                .map_err(|error| fault::io("open", path, error))?;
            if *torn_bytes > 0 {
                tracing::warn!(
                    path = %path.display(), offset = end, bytes = torn_bytes,
                    "cut a frame that was never acknowledged"
                );
            }
            // A mark may stand before the torn bytes; it goes with them.
            let to = if *torn_bytes > 0 {
                end + torn_bytes + super::journal::FRAME_HEADER_BYTES as u64
            } else {
                *end
            };
            segment::fill(file.as_ref(), path, *end, to)?;
        }
        for path in &self.remove {
            disk.remove(path)
                .map_err(|error| fault::io("remove", path, error))?;
        }
        if dir.is_dir() {
            disk.sync_dir(dir)
                .map_err(|error| fault::io("sync", dir, error))?;
        }
        Ok(())
    }

    /// Adds what only memory knows: books, bindings, floor, next numbers.
    pub(crate) fn add_to(&self, start: &mut Start) {
        for finished in &self.finished {
            let side = lock(&finished.published.side);
            for (name, delta) in &side.books {
                delta.apply_to(start.books.entry(name.clone()).or_default());
            }
            for (id, space, number) in &side.bindings {
                start.bindings.insert((*space, *number), *id);
            }
            start.floor = start.floor.max(side.floor);
            if let Some((last, _)) = side.quarantine.last_key_value() {
                start.next_item = start.next_item.max(last + 1);
            }
        }
    }
}

/// Removes files that nothing names.
pub(crate) fn remove_all(shared: &Shared, paths: &[PathBuf]) -> Result<(), StoreError> {
    for path in paths {
        shared
            .options
            .disk
            .remove(path)
            .map_err(|error| fault::io("remove", path, error))?;
    }
    Ok(())
}
