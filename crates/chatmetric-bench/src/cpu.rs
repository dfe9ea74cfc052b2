//! CPU time, user and system: of this process, and of others with their children.
//!
//! Ours comes from the process clock, in ns. That of other processes comes from
//! `/proc`, in ticks of 10 ms, so it is read over seconds only.

use anyhow::{Context, Result};
use rustix::time::{ClockId, clock_gettime};
use std::fs;
use std::time::{Duration, Instant};

/// Linux counts `/proc/<pid>/stat` in this many ticks a second on every
/// architecture that we run on.
const TICKS_PER_SECOND: u64 = 100;

/// CPU time that this process used so far.
pub(crate) fn own() -> Duration {
    read(ClockId::ProcessCPUTime)
}

/// CPU time that this thread used so far.
pub(crate) fn of_this_thread() -> Duration {
    read(ClockId::ThreadCPUTime)
}

fn read(clock: ClockId) -> Duration {
    let time = clock_gettime(clock);
    Duration::new(
        u64::try_from(time.tv_sec).unwrap_or_default(),
        u32::try_from(time.tv_nsec).unwrap_or_default(),
    )
}

/// CPU time that this thread used so far.
pub(crate) fn of_thread() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(
        u64::try_from(time.tv_sec).unwrap_or_default(),
        u32::try_from(time.tv_nsec).unwrap_or_default(),
    )
}

/// Bytes of a field of `/proc/self/status` that is in kB.
pub(crate) fn status_bytes(field: &str) -> Result<u64> {
    let text = fs::read_to_string("/proc/self/status")?;
    let line = text.lines().find_map(|line| line.strip_prefix(field));
    let kb = line
        .context("no such field")?
        .trim()
        .trim_end_matches(" kB");
    Ok(kb.parse::<u64>()? * 1024)
}

/// Bytes that this process gave to write calls so far. (What the kernel accounts as
/// sent to the disk counts a whole large folio for each few bytes in it.)
pub(crate) fn written_bytes() -> Result<u64> {
    let text = fs::read_to_string("/proc/self/io")?;
    let mut lines = text.lines();
    let bytes = lines.find_map(|line| line.strip_prefix("wchar: "));
    Ok(bytes.context("no such field")?.parse()?)
}

/// CPU time that a process and its children used so far, those that ended
/// included.
pub(crate) fn of_family(pid: u32) -> Result<Duration> {
    let ticks: u64 = family(pid)?
        .iter()
        .map(|(other, stat)| match *other == pid {
            true => stat.own_ticks + stat.ended_children_ticks,
            false => stat.own_ticks,
        })
        .sum();
    Ok(Duration::from_millis(ticks * 1000 / TICKS_PER_SECOND))
}

/// A process and its children that live.
pub(crate) fn family_pids(pid: u32) -> Result<Vec<u32>> {
    Ok(family(pid)?.into_iter().map(|(pid, _)| pid).collect())
}

fn family(pid: u32) -> Result<Vec<(u32, Stat)>> {
    let mut family = Vec::new();
    for entry in fs::read_dir("/proc").context("could not list `/proc`")? {
        let name = entry?.file_name();
        let Some(other) = name.to_str().and_then(|name| name.parse::<u32>().ok()) else {
            continue;
        };
        // A process may end between the listing and this.
        let Ok(stat) = fs::read_to_string(format!("/proc/{other}/stat")) else {
            continue;
        };
        match Stat::parse(&stat) {
            Some(stat) if other == pid || stat.parent == pid => family.push((other, stat)),
            _ => {}
        }
    }
    Ok(family)
}

struct Stat {
    parent: u32,
    own_ticks: u64,
    ended_children_ticks: u64,
}

impl Stat {
    /// Fields 4 and 14 to 17 of `proc(5)`; the name in field 2 may hold anything.
    fn parse(text: &str) -> Option<Self> {
        let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
        let number = |index: usize| fields.get(index)?.parse::<u64>().ok();
        Some(Self {
            parent: u32::try_from(number(1)?).ok()?,
            own_ticks: number(11)? + number(12)?,
            ended_children_ticks: number(13)? + number(14)?,
        })
    }
}

/// The time of a bench: nothing of the product runs on it.
#[expect(clippy::disallowed_methods, reason = "a bench measures time")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stat_is_read_whatever_the_name() {
        let text = "42 (a) b (c) S 7 1 1 0 -1 4194304 1 2 3 4 100 20 30 4 20 0 1 0 5";
        let stat = Stat::parse(text).expect("a stat line");
        assert_eq!(
            (stat.parent, stat.own_ticks, stat.ended_children_ticks),
            (7, 120, 34)
        );
    }

    #[test]
    fn work_costs_time() {
        let before = own();
        let sum = (0..1_000_000_u64).fold(0, |sum, next| std::hint::black_box(sum ^ next));
        assert!(std::hint::black_box(sum) < u64::MAX && own() > before);
    }
}
