//! Removing old backups, and files that no backup names any more.
//!
//! Invariant: a backup loses its name before anything of it goes, and no shared file goes
//! that any backup could name: while a manifest is damaged, all of them stay.

use super::BackupError;
use super::copy::sync_dir;
use super::manifest::{BACKUPS_DIR, Manifest, RUN_SUFFIX, RUNS_DIR};
use super::place::{GONE_SUFFIX, Known, Place, names, remove_file};
use std::collections::HashSet;

/// What went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Pruned {
    /// Backups.
    pub(super) backups: u64,
    /// Shared files.
    pub(super) files: u64,
}

/// Keeps the newest `keep` whole backups, those newer than them, and their files.
pub(super) fn prune(place: &Place, keep: usize) -> Result<Pruned, BackupError> {
    let mut pruned = Pruned::default();
    let known = place.known()?;
    let old = known.whole.len().saturating_sub(keep.max(1));
    let backups = place.path().join(BACKUPS_DIR);
    for manifest in known.whole.iter().take(old) {
        let named = backups.join(&manifest.id);
        let gone = backups.join(format!("{}{GONE_SUFFIX}", manifest.id));
        std::fs::rename(&named, &gone).map_err(BackupError::file("rename", &named))?;
        sync_dir(&backups)?;
        std::fs::remove_dir_all(&gone).map_err(BackupError::file("remove", &gone))?;
        pruned.backups += 1;
    }
    if !known.damaged.is_empty() {
        return Ok(pruned);
    }
    let kept = known.whole.iter().skip(old);
    pruned.files = remove_unnamed(place, runs_of(kept))?;
    Ok(pruned)
}

/// The names of the runs that backups have.
fn runs_of<'a>(manifests: impl Iterator<Item = &'a Manifest>) -> HashSet<&'a str> {
    let files = manifests.flat_map(|manifest| &manifest.files);
    files
        .filter_map(|file| file.path.strip_prefix(RUNS_DIR)?.strip_prefix('/'))
        .collect()
}

/// Removes runs that neither a backup has nor the one that is being made will have: what
/// failed ones left would fill the disk that is full already.
pub(super) fn remove_stray(
    place: &Place,
    known: &Known,
    wanted: &HashSet<String>,
) -> Result<(), BackupError> {
    if !known.damaged.is_empty() {
        return Ok(());
    }
    let mut named = runs_of(known.whole.iter());
    named.extend(wanted.iter().map(String::as_str));
    remove_unnamed(place, named).map(drop)
}

fn remove_unnamed(place: &Place, named: HashSet<&str>) -> Result<u64, BackupError> {
    let runs = place.path().join(RUNS_DIR);
    let mut removed = 0;
    for name in names(&runs)? {
        let path = runs.join(&name);
        // What is no file of ours stays: a storage box has its own directories.
        let is_run =
            name.ends_with(RUN_SUFFIX) && path.symlink_metadata().is_ok_and(|data| data.is_file());
        if is_run && !named.contains(name.as_str()) {
            remove_file(&path)?;
            removed += 1;
        }
    }
    Ok(removed)
}
