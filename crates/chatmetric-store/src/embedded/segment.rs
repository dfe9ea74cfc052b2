//! Preparing segments ahead, so that no frame waits for space: a thread per
//! shard keeps one segment full of zeros ready.
//!
//! Not here: frames. No space for a segment is no failure of the journal: it is
//! tried again every second.

use super::disk::DiskFile;
use super::fault;
use super::generation::lock;
use super::journal::segment_path;
use super::options::Step;
use super::shared::{Shared, Spare};
use crate::api::StoreError;
use std::path::Path;
use std::sync::PoisonError;
use std::time::Duration;

/// How long to wait after a failure before the next try.
pub(crate) const RETRY_AFTER: Duration = Duration::from_secs(1);
const ZEROS: &[u8] = &[0; 256 * 1024];

/// Fills `file` with zeros from `from` to `to` and syncs it. Overwriting synced
/// blocks later is faster than growing a file, and cannot run out of space.
pub(crate) fn fill(file: &dyn DiskFile, path: &Path, from: u64, to: u64) -> Result<(), StoreError> {
    write_zeros(file, path, from, to)?;
    file.sync().map_err(|error| fault::io("sync", path, error))
}

/// Fills `file` with zeros from `from` to `to`.
pub(crate) fn write_zeros(
    file: &dyn DiskFile,
    path: &Path,
    from: u64,
    to: u64,
) -> Result<(), StoreError> {
    let mut at = from;
    while at < to {
        let length = (to - at).min(ZEROS.len() as u64);
        file.write_at(&ZEROS[..length as usize], at)
            .map_err(|error| fault::io("fill", path, error))?;
        at += length;
    }
    Ok(())
}

/// Makes the file of a segment, durable with its name.
pub(crate) fn prepare(shared: &Shared, dir: &Path, segment: u64) -> Result<Spare, StoreError> {
    let path = segment_path(dir, segment);
    let disk = &shared.options.disk;
    let bytes = shared.options.segment_bytes;
    let file = disk
        .create(&path)
        .map_err(|error| fault::io("create", &path, error))?;
    let filled = fill(file.as_ref(), &path, 0, bytes)
        .and_then(|()| shared.step(Step::SegmentPrepared))
        .and_then(|()| {
            disk.sync_dir(dir)
                .map_err(|error| fault::io("sync", dir, error))
        });
    if let Err(error) = filled {
        // Half a file would only take away more of the space that is short.
        if !shared.stopping() {
            drop(disk.remove(&path));
        }
        return Err(error);
    }
    Ok(Spare {
        segment,
        path,
        file,
        bytes,
    })
}

/// The thread that keeps one segment ready.
pub(crate) fn run(shared: &Shared, shard: usize) {
    let shard = &shared.shards[shard];
    loop {
        let mut state = lock(&shard.state);
        while state.spare.is_some() && !shared.stopping() {
            state = shard
                .changed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
        if shared.stopping() {
            return;
        }
        let segment = state.next_segment;
        drop(state);
        let prepared = prepare(shared, &shard.dir, segment);
        let mut state = lock(&shard.state);
        match prepared {
            Ok(spare) => {
                state.next_segment += 1;
                state.spare = Some(spare);
                if state.spare_failed.take().is_some() {
                    shared.set_waiting(None);
                }
                drop(state);
                shard.changed.notify_all();
            }
            Err(error) => {
                let reason = fault::chain(&error);
                tracing::warn!(reason, "could not prepare a journal segment");
                state.spare_failed = Some(reason);
                shard.changed.notify_all();
                if !shared.stopping() {
                    drop(shard.changed.wait_timeout(state, RETRY_AFTER));
                }
            }
        }
    }
}
