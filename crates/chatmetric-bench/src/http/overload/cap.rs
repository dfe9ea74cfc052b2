//! A cap of memory around a process, and what it has in memory.
//!
//! Invariant: a cap that could not be set is told, and never claimed.

use anyhow::{Context, Result};
use std::fs;
use std::path::{Path, PathBuf};

/// Where the first and the second version of control groups are.
const FIRST: &str = "/sys/fs/cgroup/memory";
const SECOND: &str = "/sys/fs/cgroup";

/// A cap; gone when dropped, after its process.
pub(super) struct Cap(Option<PathBuf>);

impl Cap {
    /// A cap that nothing is below yet.
    pub(super) fn new(bytes: u64) -> Self {
        let first = make(Path::new(FIRST), "memory.limit_in_bytes", bytes);
        let second = || make(Path::new(SECOND), "memory.max", bytes);
        Self(first.or_else(|_| second()).ok())
    }

    /// The file that takes the number of a process below it.
    pub(super) fn entrance(&self) -> Option<PathBuf> {
        self.0.as_ref().map(|group| group.join("cgroup.procs"))
    }

    pub(super) const fn told(&self) -> &'static str {
        match &self.0 {
            Some(_) => "held by the kernel",
            None => "not set: no right to",
        }
    }
}

fn make(root: &Path, limit: &str, bytes: u64) -> std::io::Result<PathBuf> {
    let group = root.join(format!("chatmetric-bench-{}", std::process::id()));
    fs::create_dir(&group)?;
    match fs::write(group.join(limit), bytes.to_string()) {
        Ok(()) => Ok(group),
        Err(error) => {
            drop(fs::remove_dir(&group));
            Err(error)
        }
    }
}

impl Drop for Cap {
    fn drop(&mut self) {
        if let Some(group) = &self.0 {
            // Busy while its process lives; the name has the process in it.
            drop(fs::remove_dir(group));
        }
    }
}

/// What a process has in memory.
pub(super) fn resident_kib(pid: u32) -> Result<u64> {
    field(pid, "VmRSS:")
}

/// The most that it had.
pub(super) fn resident_peak_kib(pid: u32) -> Result<u64> {
    field(pid, "VmHWM:")
}

fn field(pid: u32, name: &str) -> Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find(|line| line.starts_with(name));
    let kib = line.and_then(|line| line.split_whitespace().nth(1));
    kib.context("no such field")?.parse().context("no number")
}
