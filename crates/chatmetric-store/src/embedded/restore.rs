//! A store made from the parts of a cut, in a directory of its own.
//!
//! Names of parts come from a file that somebody may have changed: only those that a
//! cut gives are taken, so none leads out of the directory. Not here: whether the bytes
//! are those of the backup, which the caller compares, and whether they make a sound
//! store: open it and [`verify`](crate::Store::verify). Invariant: nothing outside the
//! new directory is changed.

use super::catalog::Catalog;
use super::catalog_stream;
use super::cut::{run_name, segment_name};
use super::disk::{Disk, RealDisk};
use super::fault;
use super::options::SHARDS_MAX;
use super::recovery::{self, FORMAT, FORMAT_FILE};
use crate::api::StoreError;
use std::fs::{DirBuilder, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Memory for the engine while the catalog is written.
const CACHE_BYTES: u64 = 8 * 1024 * 1024;
/// Bytes that are copied at once.
const CHUNK_BYTES: usize = 1024 * 1024;

/// A store that is being made.
#[derive(Debug)]
pub struct StoreRestore {
    dir: PathBuf,
    has_catalog: bool,
}

impl StoreRestore {
    /// Begins one in `dir`, which must not exist, from a cut of this format.
    ///
    /// # Errors
    /// [`StoreError::NewerFormat`] before anything is made; [`StoreError::Io`].
    pub fn begin(dir: &Path, format: u32) -> Result<Self, StoreError> {
        if format > FORMAT {
            return Err(StoreError::NewerFormat {
                found: format,
                supported: FORMAT,
            });
        }
        make(dir)?;
        make(&dir.join("runs"))?;
        make(&dir.join("journal"))?;
        Ok(Self {
            dir: dir.to_owned(),
            has_catalog: false,
        })
    }

    /// Takes a part, all of it, durably.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] for a name that no part has, [`StoreError::Corrupt`] for
    /// bytes that are not those of a catalog, [`StoreError::Io`] also when the part was
    /// there already.
    pub fn part(&mut self, name: &str, reader: &mut dyn Read) -> Result<(), StoreError> {
        if name == "catalog" {
            return self.catalog(reader);
        }
        if !is_part(name) {
            let reason = format!("a store has no part `{name}`");
            return Err(StoreError::Invalid { reason });
        }
        let path = self.dir.join(name);
        let parent = path.parent().unwrap_or(&self.dir);
        if !parent.is_dir() {
            make(parent)?;
        }
        let failed = |error| fault::io("write", &path, error);
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path);
        let mut file = file.map_err(failed)?;
        let mut chunk = vec![0; CHUNK_BYTES];
        loop {
            let read = match reader.read(&mut chunk) {
                Ok(0) => break,
                Ok(read) => read,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(fault::io("read", Path::new(name), error)),
            };
            let piece = chunk.get(..read).unwrap_or_default();
            file.write_all(piece).map_err(failed)?;
        }
        file.sync_all().map_err(failed)
    }

    fn catalog(&mut self, reader: &mut dyn Read) -> Result<(), StoreError> {
        self.fill_catalog(|catalog| catalog_stream::read(catalog, reader, Path::new("catalog")))
    }

    /// Makes the catalog and lets somebody fill it.
    pub(crate) fn fill_catalog(
        &mut self,
        fill: impl FnOnce(&Catalog) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let path = self.dir.join("catalog");
        if path.exists() {
            let reason = "there are two parts `catalog`".to_owned();
            return Err(StoreError::Invalid { reason });
        }
        fill(&Catalog::open(&path, CACHE_BYTES)?)?;
        self.has_catalog = true;
        Ok(())
    }

    /// Where it is made.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Makes the whole durable with its names. The store may be opened then.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] without a catalog; [`StoreError::Io`].
    pub fn finish(self) -> Result<(), StoreError> {
        if !self.has_catalog {
            let reason = "the part `catalog` is missing".to_owned();
            return Err(StoreError::Invalid { reason });
        }
        let disk = RealDisk;
        let journal = self.dir.join("journal");
        let listed = std::fs::read_dir(&journal);
        for entry in listed.map_err(|error| fault::io("list", &journal, error))? {
            let entry = entry.map_err(|error| fault::io("list", &journal, error))?;
            sync_dir(&entry.path())?;
        }
        sync_dir(&journal)?;
        sync_dir(&self.dir.join("runs"))?;
        let format = self.dir.join(FORMAT_FILE);
        recovery::write_format(&self.dir, &format, &disk)
            .map_err(|error| fault::io("write", &format, error))
    }
}

/// Whether a cut may have a part of this name, the catalog apart.
fn is_part(name: &str) -> bool {
    let run = || {
        let id = name.strip_prefix("runs/")?.strip_suffix(".run")?;
        Some(run_name(id.parse().ok()?))
    };
    let segment = || {
        let (shard, segment) = name.strip_prefix("journal/")?.split_once('/')?;
        let shard = shard.parse().ok().filter(|it| *it < SHARDS_MAX)?;
        let segment = segment.strip_suffix(".log")?.parse().ok()?;
        Some(segment_name(shard, segment))
    };
    run().or_else(segment).is_some_and(|it| it == name)
}

fn make(dir: &Path) -> Result<(), StoreError> {
    let made = DirBuilder::new().mode(0o700).create(dir);
    made.map_err(|error| fault::io("make", dir, error))
}

fn sync_dir(dir: &Path) -> Result<(), StoreError> {
    RealDisk
        .sync_dir(dir)
        .map_err(|error| fault::io("sync", dir, error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_parts_are_taken() {
        for name in [
            "runs/0000000000000001.run",
            "journal/0063/0000000000000002.log",
        ] {
            assert!(is_part(name), "{name}");
        }
        for name in [
            "",
            "catalog",
            "FORMAT",
            "/runs/0000000000000001.run",
            "../runs/0000000000000001.run",
            "runs/../../0000000000000001.run",
            "runs/1.run",
            "runs/+000000000000001.run",
            "runs/0000000000000001.run/",
            "journal/0064/0000000000000002.log",
            "journal/../0000000000000002.log",
            "journal/0000/../2.log",
        ] {
            assert!(!is_part(name), "{name}");
        }
    }
}
