//! Removing old backups, and files that no backup names any more.
//!
//! Invariant: a backup loses its name before anything of it goes, and no shared file goes
//! that any backup could name: while a manifest is damaged, all of them stay.

use super::BackupError;
use super::copy::sync_dir;
use super::manifest::{BACKUPS_DIR, RUNS_DIR};
use super::place::{GONE_SUFFIX, Place, names, remove_file};
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
    let named: HashSet<&str> = kept
        .flat_map(|manifest| &manifest.files)
        .filter_map(|file| file.path.strip_prefix(RUNS_DIR)?.strip_prefix('/'))
        .collect();
    let runs = place.path().join(RUNS_DIR);
    for name in names(&runs)? {
        if !named.contains(name.as_str()) {
            remove_file(&runs.join(name))?;
            pruned.files += 1;
        }
    }
    Ok(pruned)
}
