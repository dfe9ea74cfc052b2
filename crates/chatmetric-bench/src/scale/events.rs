//! The events of the long run in a file, 29 bytes each: fingerprint, rank of the
//! number, status, time. In the order of arrival.
//!
//! Not here: what they add up to (`oracle`). Invariant: the count in the header is
//! the number of events behind it.

use super::oracle::{Counters, Oracle};
use crate::workload::{BATCH_EVENTS, SPAN_DAYS, START_MS};
use anyhow::{Context, Result, bail};
use chatmetric_core::{EpochMs, Fingerprint, FingerprintKey, MessageStatus, PhoneNumber};
use chatmetric_sim::{Config, Event, Status, Workload};
use std::collections::HashMap;
use std::fs::File;
use std::io::{BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// Bytes of one event.
pub(super) const EVENT_BYTES: usize = 29;
const HEADER_BYTES: usize = 8;

/// One event as it is in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Raw {
    pub(super) fingerprint: Fingerprint,
    pub(super) rank: u32,
    pub(super) status: MessageStatus,
    pub(super) at: EpochMs,
}

impl Raw {
    fn to_bytes(self) -> [u8; EVENT_BYTES] {
        let mut bytes = [0; EVENT_BYTES];
        bytes[..16].copy_from_slice(&self.fingerprint.0.to_le_bytes());
        bytes[16..20].copy_from_slice(&self.rank.to_le_bytes());
        bytes[20] = match self.status {
            MessageStatus::Sent => 0,
            MessageStatus::Delivered => 1,
            MessageStatus::Read => 2,
            MessageStatus::Failed => 3,
        };
        bytes[21..].copy_from_slice(&self.at.0.to_le_bytes());
        bytes
    }

    /// One event of the file.
    pub(super) fn from_bytes(bytes: &[u8; EVENT_BYTES]) -> Result<Self> {
        let (fingerprint, rest) = bytes.split_first_chunk().context("short")?;
        let (rank, rest) = rest.split_first_chunk().context("short")?;
        let (status, rest) = rest.split_first().context("short")?;
        let status = match status {
            0 => MessageStatus::Sent,
            1 => MessageStatus::Delivered,
            2 => MessageStatus::Read,
            3 => MessageStatus::Failed,
            other => bail!("status {other}"),
        };
        Ok(Self {
            fingerprint: Fingerprint(u128::from_le_bytes(*fingerprint)),
            rank: u32::from_le_bytes(*rank),
            status,
            at: EpochMs(i64::from_le_bytes(rest.try_into()?)),
        })
    }
}

/// The file.
pub(super) struct EventFile {
    path: PathBuf,
    file: File,
    events: u64,
}

impl EventFile {
    pub(super) fn open(path: &Path) -> Result<Self> {
        let mut file = File::open(path).context("could not open the events")?;
        let mut header = [0; HEADER_BYTES];
        file.read_exact(&mut header)?;
        Ok(Self {
            path: path.to_owned(),
            file,
            events: u64::from_le_bytes(header),
        })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) const fn events(&self) -> u64 {
        self.events
    }

    /// Reads the next batch into `into`; `false` at the end.
    pub(super) fn next_batch(&self, into: &mut Vec<u8>) -> Result<bool> {
        into.clear();
        let bytes = (BATCH_EVENTS * EVENT_BYTES) as u64;
        (&self.file).take(bytes).read_to_end(into)?;
        Ok(!into.is_empty())
    }
}

/// The configuration of the long run.
fn config(events: u64, numbers: u64) -> Config {
    Config {
        numbers: u32::try_from(numbers).unwrap_or(u32::MAX),
        // A message has about 2.6 reports, copies included.
        messages: events / 2,
        start_ms: START_MS,
        span_ms: SPAN_DAYS * 86_400_000,
        late: 10,
        ..Config::default()
    }
}

/// The events that an earlier run left in `path`, or new ones there.
pub(super) fn make_or_open(
    path: &Path,
    events: u64,
    numbers: u64,
) -> Result<(EventFile, Counters)> {
    let expected = path.with_extension("expected");
    if expected.exists() {
        let file = EventFile::open(path)?;
        if file.events != events {
            bail!("`{}` has {} events", path.display(), file.events);
        }
        return Ok((file, Counters::read(&expected)?));
    }
    let (file, counters) = make(path, events, numbers)?;
    counters.write(&expected)?;
    Ok((file, counters))
}

/// Makes the first `events_max` events and what they add up to.
fn make(path: &Path, events_max: u64, numbers: u64) -> Result<(EventFile, Counters)> {
    let mut file = BufWriter::with_capacity(1 << 20, File::create(path)?);
    file.write_all(&[0; HEADER_BYTES])?;
    let config = config(events_max, numbers);
    let ranks: HashMap<String, u32> = (0..config.numbers)
        .map(|rank| (Config::number(rank), rank))
        .collect();
    let key = FingerprintKey::new([7; 16]);
    let mut oracle = Oracle::default();
    let mut count = 0_u64;
    for event in Workload::new(config) {
        if count == events_max {
            break;
        }
        let raw = raw(&event, &ranks, &key)?;
        oracle.observe(&event, raw.rank);
        file.write_all(&raw.to_bytes())?;
        count += 1;
    }
    let mut file = file.into_inner()?;
    file.seek(SeekFrom::Start(0))?;
    file.write_all(&count.to_le_bytes())?;
    // Dirty pages of ours must not be written back while the store is measured.
    file.sync_all()?;
    drop(file);
    Ok((EventFile::open(path)?, oracle.counters()))
}

fn raw(event: &Event, ranks: &HashMap<String, u32>, key: &FingerprintKey) -> Result<Raw> {
    let number = PhoneNumber::parse(&event.number)?;
    Ok(Raw {
        fingerprint: key.fingerprint(event.channel, &number, &event.message_id),
        rank: *ranks.get(&*event.number).context("an unknown number")?,
        status: match event.status {
            Status::Sent => MessageStatus::Sent,
            Status::Delivered => MessageStatus::Delivered,
            Status::Read | Status::Played => MessageStatus::Read,
            Status::Failed => MessageStatus::Failed,
        },
        at: EpochMs(event.ts_ms),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_survive_the_file() {
        let dir = tempfile::tempdir().expect("a directory");
        let (file, _) = make(&dir.path().join("events"), 2500, 7).expect("events");
        assert_eq!(file.events(), 2500);
        let (mut bytes, mut all) = (Vec::new(), Vec::new());
        while file.next_batch(&mut bytes).expect("a batch") {
            let (events, rest) = bytes.as_chunks::<EVENT_BYTES>();
            assert!(rest.is_empty());
            all.extend(events.iter().map(|it| Raw::from_bytes(it).expect("one")));
        }
        assert_eq!(all.len(), 2500);
        let first = all.first().expect("one");
        assert_eq!(
            Raw::from_bytes(&first.to_bytes()).expect("the same"),
            *first
        );
        assert!(all.iter().all(|it| it.rank < 7));
    }
}
