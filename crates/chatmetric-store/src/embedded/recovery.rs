//! Starting: what is on disk becomes the state that the threads go on from.
//!
//! Order: format, catalog, runs (files that no manifest names are removed),
//! journals. Everything that was read from a journal is made durable before the
//! first event is taken, because a duplicate of it will be acknowledged without
//! being written again. Nothing is changed before every file was read.

use super::catalog::{Catalog, View, segment_key, tail_key};
use super::explained;
use super::fault;
use super::filter::{Filter, fold_to_fit};
use super::generation::{Finished, Fold, lock};
use super::hot::Deltas;
use super::journal::{Position, Scanned, scan, segment_number, segment_path};
use super::offsets;
use super::retention::FIRST_DAY_KEY;
use super::run::Run;
use super::run_set::RunSet;
use super::sealer::sealed_key;
use super::segment;
use super::shared::{Shared, Start, shard_dir};
use super::usual::SourceNames;
use crate::api::StoreError;
use chatmetric_core::EpochMs;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// The version of everything in the directory. 2: headers of runs end with a hash of the
/// content; those of format 1 have zeros there and stay as they are. 3: offsets of streams.
/// 4: who reported what.
pub(crate) const FORMAT: u32 = 4;
pub(crate) const FORMAT_FILE: &str = "FORMAT";
const FORMAT_PREFIX: &str = "chatmetric store ";

/// What the journal of one shard held.
#[derive(Default)]
pub(crate) struct Replayed {
    pub(crate) finished: Vec<Finished>,
    /// The number that the next segment gets.
    pub(crate) next_segment: u64,
    pub(crate) next: Position,
    /// Segments to make durable.
    keep: Vec<Kept>,
    /// Files that are not needed: sealed or never used.
    remove: Vec<PathBuf>,
}

/// A segment whose frames are believed.
struct Kept {
    path: PathBuf,
    /// The end of the last good frame.
    end: u64,
    /// Bytes of a torn frame behind it, to be cut.
    torn_bytes: u64,
    /// The checksum of the bytes before `end`, as they were folded.
    crc: u32,
}

/// Checks the format, or writes it into a new directory; tells whether it is an older one.
pub(crate) fn check_format(
    dir: &Path,
    shared_disk: &dyn super::disk::Disk,
) -> Result<bool, StoreError> {
    let path = dir.join(FORMAT_FILE);
    match std::fs::read(&path) {
        Ok(bytes) => {
            let found = std::str::from_utf8(&bytes)
                .ok()
                .and_then(|text| text.strip_prefix(FORMAT_PREFIX))
                .and_then(|rest| rest.trim_end().parse::<u32>().ok())
                .ok_or_else(|| fault::corrupt(&path, 0, "the format makes no sense"))?;
            if found > FORMAT {
                return Err(StoreError::NewerFormat {
                    found,
                    supported: FORMAT,
                });
            }
            Ok(found < FORMAT)
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            if dir.join("catalog").exists() || dir.join("journal").exists() {
                return Err(fault::corrupt(&path, 0, "the file is missing"));
            }
            raise_format(dir, shared_disk).map(|()| false)
        }
        Err(error) => Err(fault::io("read", &path, error)),
    }
}

/// Writes the format: from here on the directory may hold what a program of before does
/// not know.
pub(crate) fn raise_format(dir: &Path, disk: &dyn super::disk::Disk) -> Result<(), StoreError> {
    let path = dir.join(FORMAT_FILE);
    write_format(dir, &path, disk).map_err(|error| fault::io("write", &path, error))
}

pub(crate) fn write_format(
    dir: &Path,
    path: &Path,
    disk: &dyn super::disk::Disk,
) -> std::io::Result<()> {
    create_dirs(dir, disk)?;
    let new = dir.join("FORMAT.new");
    let file = disk.create(&new)?;
    file.write_at(format!("{FORMAT_PREFIX}{FORMAT}\n").as_bytes(), 0)?;
    file.sync()?;
    disk.rename(&new, path)?;
    disk.sync_dir(dir)
}

/// Makes a directory and those above it, durable with their names.
pub(crate) fn make_dir(dir: &Path, disk: &dyn super::disk::Disk) -> Result<(), StoreError> {
    create_dirs(dir, disk).map_err(|error| fault::io("make", dir, error))
}

fn create_dirs(dir: &Path, disk: &dyn super::disk::Disk) -> std::io::Result<()> {
    if dir.is_dir() {
        return Ok(());
    }
    let parent = match dir.parent() {
        Some(parent) if parent.as_os_str().is_empty() => Path::new("."),
        Some(parent) => parent,
        None => Path::new("/"),
    };
    create_dirs(parent, disk)?;
    disk.create_dir(dir)?;
    disk.sync_dir(parent)
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
    filter_bytes_max: u64,
) -> Result<(Start, Vec<PathBuf>), StoreError> {
    let mut start = Start {
        next_run: 1,
        next_order: 1,
        next_item: catalog.get_u64(view, "next_item")?.unwrap_or(1),
        floor: catalog
            .get_u64(view, "floor")?
            .map(|floor| EpochMs(floor as i64)),
        first_day: catalog
            .get_u64(view, FIRST_DAY_KEY)?
            .map_or(0, |day| u32::try_from(day).unwrap_or(u32::MAX)),
        books: catalog.all_books(view)?.into_iter().collect(),
        offsets: offsets::all(catalog, view)?,
        ..Start::default()
    };
    for (id, space, number) in catalog.all_bindings(view)? {
        start.bindings.insert((space, number), id);
    }
    explained::load(catalog, view, &mut start)?;
    let mut runs = Vec::new();
    let mut named = BTreeMap::new();
    let mut filter_bytes_left = filter_bytes_max;
    // The newest first: a start never has much more in memory than what will stay there.
    for entry in catalog.manifest(view)?.into_iter().rev() {
        let name = format!("{:016}.run", entry.id);
        let path = runs_dir.join(&name);
        if !path.exists() {
            return Err(fault::corrupt(&path, 0, "the run is missing"));
        }
        let fold = fold_to_fit(Filter::bytes_for(entry.records), filter_bytes_left);
        let run = Run::open(path, (entry.id, entry.level, entry.order), fold)?;
        filter_bytes_left = filter_bytes_left.saturating_sub(run.filter_bytes());
        if run.entry() != entry {
            let detail = "the file is not the run that the manifest names";
            return Err(fault::corrupt(run.path(), 0, detail));
        }
        start.next_run = start.next_run.max(entry.id + 1);
        start.next_order = start.next_order.max(entry.order + 1);
        named.insert(name, ());
        runs.push(Arc::new(run));
    }
    runs.reverse();
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
    start: &Start,
) -> Result<Replayed, StoreError> {
    let mut deltas = Deltas::default();
    deltas.reporter.usual = start.usual.clone();
    let get = |key: String| catalog.get_u64(view, &key);
    let first = get(segment_key(shard))?.unwrap_or(1);
    let place = |key| Ok::<_, StoreError>(get(key)?.map_or(Position::FIRST, Position));
    let sealed = place(sealed_key(shard))?;
    let tail = place(tail_key(shard))?;
    let shard_dir = shard_dir(dir, shard);
    let mut replayed = Replayed {
        next_segment: first,
        next: sealed,
        ..Replayed::default()
    };
    if !shard_dir.is_dir() {
        return Ok(replayed);
    }
    let mut last: Option<(PathBuf, u64)> = None;
    let mut unused: Option<PathBuf> = None;
    let names = file_names(&shard_dir)?;
    let numbers: Vec<u64> = names.iter().filter_map(|it| segment_number(it)).collect();
    // Each is made before the one after it, and goes after it or when it is sealed.
    if numbers.iter().any(|it| *it > first) && !numbers.contains(&first) {
        let path = segment_path(&shard_dir, first);
        return Err(fault::corrupt(
            &path,
            0,
            "the first open segment is missing",
        ));
    }
    for number in numbers {
        let path = segment_path(&shard_dir, number);
        if number < first {
            replayed.remove.push(path);
            continue;
        }
        let Some((scanned, fold, crc)) =
            fold_segment(&path, (shard, number), &start.names, &mut deltas)?
        else {
            replayed.remove.push(path.clone());
            unused.get_or_insert(path);
            continue;
        };
        // Frames continue from segment to segment, without a gap.
        if let Some(unused) = &unused {
            return Err(fault::corrupt(unused, 0, "a later segment is in use"));
        }
        let place = scanned
            .header
            .map_or(Position::default(), |header| header.first);
        if number != replayed.next_segment || place != replayed.next {
            let (file, offset) =
                last.unwrap_or_else(|| (segment_path(&shard_dir, replayed.next_segment), 0));
            return Err(fault::corrupt(&file, offset, "synced frames are missing"));
        }
        replayed.next_segment = number + 1;
        replayed.next = scanned.next;
        last = Some((path.clone(), scanned.end));
        replayed.keep.push(Kept {
            path,
            end: scanned.end,
            torn_bytes: scanned.torn_bytes,
            crc,
        });
        let (end, next) = (&fold.published.journal_end, &fold.published.journal_next);
        end.store(scanned.end, Ordering::Release);
        next.store(scanned.next.0, Ordering::Release);
        replayed.finished.push(Finished {
            published: fold.published,
            hot: fold.hot,
            next: scanned.next,
        });
    }
    if replayed.next < tail {
        let (file, offset) =
            last.unwrap_or_else(|| (segment_path(&shard_dir, replayed.next_segment), 0));
        return Err(fault::corrupt(&file, offset, "synced frames are missing"));
    }
    Ok(replayed)
}

/// Folds one segment and gives the checksum of what was folded; `None`: it was
/// prepared and never used.
fn fold_segment(
    path: &Path,
    (shard, number): (u32, u64),
    names: &Arc<SourceNames>,
    deltas: &mut Deltas,
) -> Result<Option<(Scanned, Fold, u32)>, StoreError> {
    let bytes = std::fs::read(path).map_err(|error| fault::io("read", path, error))?;
    let mut fold = Fold::new(number, names, std::mem::take(deltas));
    let scanned = scan(path, &bytes, (shard, number), |offset, payload| {
        fold.frame(payload).map_err(|at| {
            let detail = "an entry of the journal makes no sense";
            fault::corrupt(path, offset + at as u64, detail)
        })
    })?;
    *deltas = std::mem::take(&mut fold.deltas);
    Ok(scanned
        .header
        .filter(|header| scanned.next > header.first)
        .map(|_| {
            let folded = bytes.get(..scanned.end as usize).unwrap_or_default();
            (scanned, fold, crc32c::crc32c(folded))
        }))
}

impl Kept {
    /// Writes what was folded once more, in its place, and syncs it.
    ///
    /// It may have been read from memory only: after a failed sync a kernel marks
    /// the pages as clean, and syncing them again would do nothing. Bytes that are
    /// written again are dirty again. On the disk they are the same ones or bytes
    /// that no one was told of, so a power cut meanwhile does no harm.
    fn make_durable(&self, disk: &dyn super::disk::Disk) -> Result<(), StoreError> {
        let path = &self.path;
        let mut bytes = std::fs::read(path).map_err(|error| fault::io("read", path, error))?;
        bytes.truncate(self.end as usize);
        if crc32c::crc32c(&bytes) != self.crc {
            return Err(fault::corrupt(
                path,
                0,
                "the file changed while it was read",
            ));
        }
        let file = disk
            .open(path)
            .map_err(|error| fault::io("open", path, error))?;
        file.write_at(&bytes, 0)
            .map_err(|error| fault::io("write", path, error))?;
        if self.torn_bytes > 0 {
            tracing::warn!(
                path = %path.display(), offset = self.end, bytes = self.torn_bytes,
                "cut a frame that was never acknowledged"
            );
            // A mark may stand before the torn bytes; it goes with them.
            let to = self.end + self.torn_bytes + super::journal::FRAME_HEADER_BYTES as u64;
            segment::write_zeros(file.as_ref(), path, self.end, to)?;
        }
        file.sync().map_err(|error| fault::io("sync", path, error))
    }
}

impl Replayed {
    /// Nothing yet; the journal begins with this segment.
    pub(crate) fn fresh(next_segment: u64) -> Self {
        Self {
            next_segment,
            next: Position::FIRST,
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
        for kept in &self.keep {
            kept.make_durable(disk)?;
        }
        let sync = || disk.sync_dir(dir).map_err(|it| fault::io("sync", dir, it));
        // A segment never outlives one that was made before it, not even in a power cut.
        for path in self.remove.iter().rev() {
            disk.remove(path)
                .map_err(|error| fault::io("remove", path, error))?;
            sync()?;
        }
        if dir.is_dir() { sync() } else { Ok(()) }
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
            let last_change = finished.published.last_change_ms.load(Ordering::Relaxed);
            start.usual.counted_up_to(EpochMs(last_change).slot().day());
            for (binding, from_day, source) in &side.usual {
                start.usual.set(*binding, *source, *from_day);
            }
            start.floor = start.floor.max(side.floor);
            start
                .offsets
                .extend(side.offsets.iter().map(|(name, it)| (name.clone(), *it)));
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
