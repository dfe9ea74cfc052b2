//! The events of a run in files, so that the process of a candidate holds one
//! batch of them and its memory is the candidate's.
//!
//! Not a format to keep: written and read by one build within one run.
//! Invariant: what is read equals what the dataset has, hashed, in its order.

use crate::workload::{BATCH_EVENTS, Dataset, Expected, SPACE};
use anyhow::{Context, Result, bail, ensure};
use chatmetric_core::{EpochMs, Fingerprint, MessageStatus, PhoneNumber};
use chatmetric_sim::Totals;
use chatmetric_store::{StatusEvent, Target};
use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{BufReader, BufWriter, Read, Write};
use std::path::Path;

/// Fingerprint 16, time 8, number 4, status 1, and nothing to the end.
const EVENT_BYTES: usize = 32;

/// One report as a rival takes it: the number as an integer, the time as a
/// quarter hour. Made before the clock starts, as hashing is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Report {
    pub(crate) fingerprint: u128,
    pub(crate) number: u64,
    pub(crate) status: MessageStatus,
    pub(crate) slot: u32,
}

/// One batch as it arrives, in our form and in that of the rivals.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Arrival {
    pub(crate) events: Vec<StatusEvent>,
    pub(crate) reports: Vec<Report>,
    pub(crate) received_at: EpochMs,
}

impl Arrival {
    pub(crate) fn new(events: Vec<StatusEvent>) -> Result<Self> {
        let reports = events
            .iter()
            .map(|event| {
                Ok(Report {
                    fingerprint: event.fingerprint.0,
                    number: event.number.as_str().parse()?,
                    status: event.status,
                    slot: event.at.slot().0,
                })
            })
            .collect::<Result<_>>()?;
        // Workloads are in order of arrival; nothing here is in the future.
        let last = events.iter().map(|event| event.at).max();
        Ok(Self {
            events,
            reports,
            received_at: last.context("an empty batch")?,
        })
    }
}

/// Writes the events and what they must add up to into a new directory.
pub(crate) fn write(dir: &Path, dataset: &Dataset) -> Result<()> {
    fs::create_dir_all(dir)?;
    let mut numbers = String::new();
    let mut ranks = HashMap::new();
    for (rank, number) in (0_u32..).zip(dataset.expected.keys()) {
        numbers.push_str(number);
        numbers.push('\n');
        ranks.insert(number.clone(), rank);
    }
    fs::write(dir.join("numbers"), numbers)?;
    fs::write(dir.join("messages"), dataset.messages.to_string())?;
    let mut file = BufWriter::new(File::create(dir.join("events"))?);
    for event in dataset.hashed() {
        let rank = ranks
            .get(event.number.as_str())
            .context("a number that the model does not know")?;
        file.write_all(&event.fingerprint.0.to_le_bytes())?;
        file.write_all(&event.at.0.to_le_bytes())?;
        file.write_all(&rank.to_le_bytes())?;
        file.write_all(&[event.status.bit(), 0, 0, 0])?;
    }
    // No candidate shall share the disk with these bytes.
    file.into_inner()?.sync_all()?;
    let mut file = BufWriter::new(File::create(dir.join("expected"))?);
    for totals in dataset.expected.values() {
        write_u64s(&mut file, &[totals.len() as u64])?;
        for (slot_ms, counts) in totals {
            file.write_all(&slot_ms.to_le_bytes())?;
            let Totals {
                sent,
                delivered,
                read,
                failed,
                delivered_of_sent,
            } = *counts;
            write_u64s(
                &mut file,
                &[sent, delivered, read, failed, delivered_of_sent],
            )?;
        }
    }
    Ok(file.into_inner()?.sync_all()?)
}

fn write_u64s(file: &mut impl Write, values: &[u64]) -> Result<()> {
    for value in values {
        file.write_all(&value.to_le_bytes())?;
    }
    Ok(())
}

/// The batches of a directory, in order.
pub(crate) struct Feed {
    numbers: Vec<PhoneNumber>,
    events: BufReader<File>,
    pub(crate) messages: u64,
}

impl Feed {
    pub(crate) fn open(dir: &Path) -> Result<Self> {
        Ok(Self {
            numbers: fs::read_to_string(dir.join("numbers"))?
                .lines()
                .map(PhoneNumber::parse)
                .collect::<Result<_, _>>()?,
            events: BufReader::new(File::open(dir.join("events"))?),
            messages: fs::read_to_string(dir.join("messages"))?.parse()?,
        })
    }

    fn event(&self, bytes: &[u8; EVENT_BYTES]) -> Result<StatusEvent> {
        let (fingerprint, rest) = bytes.split_first_chunk().context("a short event")?;
        let (at, rest) = rest.split_first_chunk().context("a short event")?;
        let (rank, rest) = rest.split_first_chunk().context("a short event")?;
        let number = self.numbers.get(u32::from_le_bytes(*rank) as usize);
        let status = MessageStatus::ALL
            .into_iter()
            .find(|status| rest.first() == Some(&status.bit()));
        Ok(StatusEvent {
            fingerprint: Fingerprint(u128::from_le_bytes(*fingerprint)),
            number: *number.context("an unknown number")?,
            status: status.context("an unknown status")?,
            at: EpochMs(i64::from_le_bytes(*at)),
            target: Target::Space(SPACE),
        })
    }

    fn batch(&mut self) -> Result<Option<Arrival>> {
        let mut events = Vec::with_capacity(BATCH_EVENTS);
        let mut bytes = [0; EVENT_BYTES];
        while events.len() < BATCH_EVENTS {
            match self.events.read(&mut bytes)? {
                0 => break,
                EVENT_BYTES => {}
                some => self.events.read_exact(
                    bytes
                        .get_mut(some..)
                        .context("more bytes than there is room")?,
                )?,
            }
            events.push(self.event(&bytes)?);
        }
        match events.is_empty() {
            true => Ok(None),
            false => Arrival::new(events).map(Some),
        }
    }
}

impl Iterator for Feed {
    type Item = Result<Arrival>;

    fn next(&mut self) -> Option<Self::Item> {
        self.batch().transpose()
    }
}

/// What the events of a directory must add up to.
pub(crate) fn expected(dir: &Path) -> Result<Expected> {
    let numbers = fs::read_to_string(dir.join("numbers"))?;
    let mut file = BufReader::new(File::open(dir.join("expected"))?);
    let mut expected = Expected::new();
    for number in numbers.lines() {
        let mut totals = std::collections::BTreeMap::new();
        for _ in 0..read_u64(&mut file)? {
            let slot_ms = i64::from_le_bytes(read_u64(&mut file)?.to_le_bytes());
            let counts = Totals {
                sent: read_u64(&mut file)?,
                delivered: read_u64(&mut file)?,
                read: read_u64(&mut file)?,
                failed: read_u64(&mut file)?,
                delivered_of_sent: read_u64(&mut file)?,
            };
            totals.insert(slot_ms, counts);
        }
        expected.insert(number.to_owned(), totals);
    }
    ensure!(file.read(&mut [0])? == 0, "more totals than numbers");
    if expected.is_empty() {
        bail!("nothing is expected");
    }
    Ok(expected)
}

fn read_u64(file: &mut impl Read) -> Result<u64> {
    let mut bytes = [0; 8];
    file.read_exact(&mut bytes)?;
    Ok(u64::from_le_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_is_what_was_written() {
        let dataset = Dataset::make(2500, 30);
        let dir = tempfile::tempdir().expect("a directory");
        write(dir.path(), &dataset).expect("files");
        let feed = Feed::open(dir.path()).expect("a feed");
        assert_eq!(feed.messages, dataset.messages);
        let batches: Vec<Arrival> = feed.collect::<Result<_>>().expect("batches");
        let sizes: Vec<usize> = batches.iter().map(|batch| batch.events.len()).collect();
        assert_eq!(sizes, [1000, 1000, 500]);
        let events: Vec<StatusEvent> = batches.into_iter().flat_map(|it| it.events).collect();
        assert_eq!(events, dataset.hashed());
        assert_eq!(expected(dir.path()).expect("totals"), dataset.expected);
    }
}
