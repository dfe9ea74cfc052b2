//! A disk that kills its own process at a change of the files: before it, in the
//! middle of it, or after it.
//!
//! A change has a kind, `sync-run` for example, and is counted among those of its
//! kind in all threads together, or among all changes: so every single step of a
//! seal, a merge and a recovery can be named and is hit.

use chatmetric_store::{Disk, DiskFile, RealDisk};
use rustix::process::{Signal, getpid, kill_process};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// When the process ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    Before,
    /// Half of a write; of other changes nothing.
    Half,
    After,
}

impl Moment {
    pub(crate) const ALL: [Self; 3] = [Self::Before, Self::Half, Self::After];

    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Before => "before",
            Self::Half => "half",
            Self::After => "after",
        }
    }
}

/// The change at which a process ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Point {
    pub(crate) moment: Moment,
    /// One of [`KINDS`], or [`ANY`].
    pub(crate) kind: String,
    /// Which of them, from 1.
    pub(crate) nth: u64,
}

/// A change of whatever kind.
pub(crate) const ANY: &str = "any";
/// All kinds of changes that a life of a new store makes again and again.
pub(crate) const KINDS: [&str; 11] = [
    "create-log",
    "write-log",
    "sync-log",
    "remove-log",
    "syncdir-journal",
    "create-run",
    "write-run",
    "sync-run",
    "syncdir-runs",
    "remove-run",
    "syncdir-top",
];
/// The kinds of changes that happen once, at the very beginning.
pub(crate) const FIRST_KINDS: [&str; 6] = [
    "create-format",
    "write-format",
    "sync-format",
    "rename-format",
    "mkdir-runs",
    "rename-top",
];

/// `log` for a segment, `run` for a run; directories by their place.
fn kind_of(verb: &str, path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let thing = match &*name {
        name if name.ends_with(".log") => "log",
        name if name.ends_with(".run") => "run",
        name if name.starts_with("FORMAT") => "format",
        "runs" => "runs",
        name if name.len() == 4 && name.bytes().all(|it| it.is_ascii_digit()) => "journal",
        _ => "top",
    };
    format!("{verb}-{thing}")
}

#[derive(Clone)]
pub(crate) struct KillDisk {
    point: Option<Point>,
    changes: Arc<AtomicU64>,
}

struct KillFile {
    disk: KillDisk,
    path: PathBuf,
    real: Box<dyn DiskFile>,
}

impl KillDisk {
    pub(crate) fn new(point: Option<Point>) -> Self {
        Self {
            point,
            changes: Arc::default(),
        }
    }

    /// Does a change, unless the process ends here.
    fn change<T>(
        &self,
        verb: &str,
        path: &Path,
        half: impl FnOnce() -> io::Result<()>,
        whole: impl FnOnce() -> io::Result<T>,
    ) -> io::Result<T> {
        let Some(point) = &self.point else {
            return whole();
        };
        let counts = point.kind == ANY || point.kind == kind_of(verb, path);
        if !counts || self.changes.fetch_add(1, Ordering::SeqCst) + 1 != point.nth {
            return whole();
        }
        match point.moment {
            Moment::Before => {}
            Moment::Half => half()?,
            Moment::After => drop(whole()),
        }
        kill_process(getpid(), Signal::KILL).expect("kills itself");
        loop {
            std::thread::park();
        }
    }
}

impl DiskFile for KillFile {
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let half = || self.real.write_at(&bytes[..bytes.len() / 2], offset);
        let whole = || self.real.write_at(bytes, offset);
        self.disk.change("write", &self.path, half, whole)
    }

    fn sync(&self) -> io::Result<()> {
        let whole = || self.real.sync();
        self.disk.change("sync", &self.path, || Ok(()), whole)
    }
}

impl Disk for KillDisk {
    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let real = self.change("create", path, || Ok(()), || RealDisk.create(path))?;
        Ok(Box::new(KillFile {
            disk: self.clone(),
            path: path.to_owned(),
            real,
        }))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        Ok(Box::new(KillFile {
            disk: self.clone(),
            path: path.to_owned(),
            real: RealDisk.open(path)?,
        }))
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        self.change("mkdir", path, || Ok(()), || RealDisk.create_dir(path))
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.change("remove", path, || Ok(()), || RealDisk.remove(path))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.change("rename", to, || Ok(()), || RealDisk.rename(from, to))
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        self.change("syncdir", path, || Ok(()), || RealDisk.sync_dir(path))
    }
}
