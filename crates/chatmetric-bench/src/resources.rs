//! Memory of this process, and of a server with its children; bytes on the disk.
//!
//! Not here: CPU time (`cpu.rs`). Written bytes are counted by the disk, for all
//! that use it, and not by the process: since files are cached in large folios,
//! Linux charges a process that changes 10 kB of a file with up to a megabyte.
//! Invariant: nothing waits in the cache when the disk is asked.

use crate::cpu;
use anyhow::{Context, Result};
use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// The field of a disk's `stat`, counted from 0.
const SECTORS_WRITTEN: usize = 6;
/// Of that field and of `stat(2)`, whatever the disk's and the file system's are.
const SECTOR_BYTES: u64 = 512;

/// Forgets the peak of this process so far.
pub(crate) fn reset_peak() -> Result<()> {
    fs::write("/proc/self/clear_refs", "5").context("could not reset the peak of memory")
}

/// The most memory that this process had resident since the last reset, pages of
/// mapped files included.
pub(crate) fn own_peak_bytes() -> Result<u64> {
    kib_of("/proc/self/status", "VmHWM:")
}

/// The memory of a server and its children now; what they share counts once.
pub(crate) fn family_bytes(pid: u32) -> Result<u64> {
    Ok(cpu::family_pids(pid)?
        .into_iter()
        // A process may end at any time.
        .filter_map(|pid| kib_of(&format!("/proc/{pid}/smaps_rollup"), "Pss:").ok())
        .sum())
}

/// The disk below a directory.
pub(crate) struct Disk {
    dir: File,
    /// Where Linux counts for it; some file systems have no disk of their own.
    counts: Option<PathBuf>,
}

impl Disk {
    pub(crate) fn below(dir: &Path) -> Result<Self> {
        let dir = File::open(dir).with_context(|| format!("could not open `{}`", dir.display()))?;
        let device = dir.metadata()?.dev();
        let (major, minor) = (rustix::fs::major(device), rustix::fs::minor(device));
        let counts = PathBuf::from(format!("/sys/dev/block/{major}:{minor}/stat"));
        Ok(Self {
            dir,
            counts: counts.exists().then_some(counts),
        })
    }

    /// What was written so far, after what waits in the cache was written too.
    pub(crate) fn written_bytes(&self) -> Result<Option<u64>> {
        rustix::fs::syncfs(&self.dir).context("could not sync the file system")?;
        let Some(counts) = &self.counts else {
            return Ok(None);
        };
        let text = fs::read_to_string(counts)?;
        let sectors: u64 = text
            .split_whitespace()
            .nth(SECTORS_WRITTEN)
            .and_then(|number| number.parse().ok())
            .context("a disk without a count of written sectors")?;
        Ok(Some(sectors * SECTOR_BYTES))
    }
}

/// Blocks that the files below a directory take.
pub(crate) fn stored_bytes(dir: &Path) -> Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(dir).with_context(|| format!("could not list `{}`", dir.display()))? {
        let entry = entry?;
        let data = entry.metadata()?;
        bytes += match data.is_dir() {
            true => stored_bytes(&entry.path())?,
            false => data.blocks() * SECTOR_BYTES,
        };
    }
    Ok(bytes)
}

fn kib_of(path: &str, name: &str) -> Result<u64> {
    Ok(field(path, name)? * 1024)
}

fn field(path: &str, name: &str) -> Result<u64> {
    let text = fs::read_to_string(path).with_context(|| format!("could not read `{path}`"))?;
    text.lines()
        .find_map(|line| line.strip_prefix(name)?.split_whitespace().next())
        .and_then(|number| number.parse().ok())
        .with_context(|| format!("`{path}` has no `{name}`"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::hint::black_box;

    #[test]
    fn what_is_written_and_held_is_seen() {
        const BYTES: usize = 8 << 20;
        let dir = tempfile::tempdir_in(env!("CARGO_MANIFEST_DIR")).expect("a directory");
        let disk = Disk::below(dir.path()).expect("a disk");
        let written_before = disk.written_bytes().expect("bytes");
        let held = black_box(vec![7_u8; BYTES]);
        fs::write(dir.path().join("file"), &held).expect("a file");
        if let (Some(before), Some(after)) = (written_before, disk.written_bytes().expect("bytes"))
        {
            assert!(after - before >= BYTES as u64);
        }
        assert!(own_peak_bytes().expect("a peak") >= BYTES as u64);
        assert!(stored_bytes(dir.path()).expect("blocks") >= BYTES as u64);
        assert!(family_bytes(std::process::id()).expect("memory") >= BYTES as u64);
        drop(held);
    }
}
