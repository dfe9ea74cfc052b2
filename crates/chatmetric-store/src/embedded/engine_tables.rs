//! The lists of tables of the engine below the catalog, compared with their checksums
//! before it opens them.
//!
//! Each part of the catalog has a file `current` that names a list `v<number>` and its
//! XXH3 checksum. The engine writes the checksum and does not compare it: a damaged
//! list could hide tables, or an allocation of its size end the process. Invariant:
//! nothing is changed. Not here: the tables, whose blocks the engine checks itself.
//! The format is that of fjall 3.

use super::fault;
use crate::api::StoreError;
use std::path::Path;
use xxhash_rust::xxh3::xxh3_128;

/// Compares the lists of all parts.
///
/// # Errors
/// [`StoreError::Corrupt`] at the first that is not what was written; nothing is
/// changed.
pub(crate) fn check(dir: &Path) -> Result<(), StoreError> {
    let parts = dir.join("keyspaces");
    let failed = |error| fault::io("list", &parts, error);
    if !parts.is_dir() {
        return Err(fault::corrupt(&parts, 0, "the directory is missing"));
    }
    for entry in std::fs::read_dir(&parts).map_err(failed)? {
        let part = entry.map_err(failed)?.path();
        let current = part.join("current");
        // A part that was being made when the process ended has none yet.
        if current.exists() {
            check_part(&part, &current)?;
        }
    }
    Ok(())
}

fn check_part(part: &Path, current: &Path) -> Result<(), StoreError> {
    let read = |path: &Path| std::fs::read(path).map_err(|error| fault::io("read", path, error));
    let told = read(current)?;
    let fields = (|| {
        let (number, rest) = told.split_first_chunk::<8>()?;
        let (checksum, kind) = rest.split_first_chunk::<16>()?;
        let known = *kind == [0];
        known.then_some((u64::from_le_bytes(*number), u128::from_le_bytes(*checksum)))
    })();
    let Some((number, checksum)) = fields else {
        return Err(fault::corrupt(current, 0, "the file makes no sense"));
    };
    let list = part.join(format!("v{number}"));
    if !list.exists() {
        let detail = format!("it names `{}`, which is missing", list.display());
        return Err(fault::corrupt(current, 0, detail));
    }
    if xxh3_128(&read(&list)?) != checksum {
        return Err(fault::corrupt(
            &list,
            0,
            "the checksum of the list is wrong",
        ));
    }
    Ok(())
}
