//! What a long run must add up to: the least time of each word of each message,
//! kept apart from the product's code and small enough for 100 million events.
//!
//! The rules are those of the model in `chatmetric-sim`, which a test compares it
//! with; the model itself would need tens of GB.

use anyhow::{Context, Result, bail};
use chatmetric_sim::{Event, Status};
use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::fs::File;
use std::hash::BuildHasher;
use std::io::{BufReader, BufWriter, Read, Write};
use std::path::Path;

const QUARTER_MS: i64 = 15 * 60 * 1000;
const NEVER: u32 = u32::MAX;

/// Least quarter hours: sent, delivered, read, failed.
struct Message {
    rank: u32,
    first: [u32; 4],
}

/// The messages of a run by a hash of 128 bits of their id and number.
pub(super) struct Oracle {
    hashers: [RandomState; 2],
    messages: HashMap<(u64, u64), Message>,
}

impl Default for Oracle {
    fn default() -> Self {
        Self {
            hashers: [RandomState::new(), RandomState::new()],
            messages: HashMap::new(),
        }
    }
}

impl Oracle {
    pub(super) fn observe(&mut self, event: &Event, rank: u32) {
        let identity = (&event.number, &event.message_id);
        let [one, two] = &self.hashers;
        let key = (one.hash_one(identity), two.hash_one(identity));
        let quarter = u32::try_from(event.ts_ms.div_euclid(QUARTER_MS)).unwrap_or(0);
        let message = self.messages.entry(key).or_insert(Message {
            rank,
            first: [NEVER; 4],
        });
        let word = match event.status {
            Status::Sent => 0,
            Status::Delivered => 1,
            Status::Read | Status::Played => 2,
            Status::Failed => 3,
        };
        message.first[word] = message.first[word].min(quarter);
    }

    /// Adds everything up.
    pub(super) fn counters(self) -> Counters {
        let mut counters = Counters::default();
        for message in self.messages.into_values() {
            let [sent, delivered, read, failed] = message.first;
            let delivered = delivered.min(read);
            let sent = sent.min(delivered);
            let mut count = |quarter: u32, field: usize| {
                if quarter != NEVER {
                    counters.at(message.rank, quarter)[field] += 1;
                }
            };
            count(sent, 0);
            count(delivered, 1);
            count(read, 2);
            if delivered == NEVER {
                count(failed, 3);
            } else {
                count(sent, 4);
            }
        }
        counters
    }
}

/// Counters of every quarter hour of every number: sent, delivered, read, failed,
/// delivered of those sent here. Zeros are not kept.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Counters(HashMap<(u32, u32), [u32; 5]>);

impl Counters {
    pub(super) fn at(&mut self, rank: u32, quarter: u32) -> &mut [u32; 5] {
        self.0.entry((rank, quarter)).or_default()
    }

    pub(super) fn write(&self, path: &Path) -> Result<()> {
        let mut file = BufWriter::new(File::create(path)?);
        for ((rank, quarter), counts) in &self.0 {
            for value in [rank, quarter].into_iter().chain(counts) {
                file.write_all(&value.to_le_bytes())?;
            }
        }
        file.flush().context("could not write the counters")
    }

    pub(super) fn read(path: &Path) -> Result<Self> {
        let mut bytes = Vec::new();
        let file = File::open(path).context("the child wrote no counters")?;
        BufReader::new(file).read_to_end(&mut bytes)?;
        let (words, _) = bytes.as_chunks::<4>();
        let words: Vec<u32> = words.iter().map(|it| u32::from_le_bytes(*it)).collect();
        let (rows, rest) = words.as_chunks::<7>();
        if !rest.is_empty() {
            bail!("the counters are cut off");
        }
        let rows = rows
            .iter()
            .map(|[rank, quarter, counts @ ..]| ((*rank, *quarter), *counts));
        Ok(Self(rows.collect()))
    }

    /// # Errors
    /// The first counter that differs.
    pub(super) fn compare(&self, expected: &Self) -> Result<()> {
        for (place, counts) in &expected.0 {
            if self.0.get(place) != Some(counts) {
                let (rank, quarter) = place;
                bail!(
                    "number {rank}, quarter {quarter}: {:?} instead of {counts:?}",
                    self.0.get(place)
                );
            }
        }
        if self.0.len() != expected.0.len() {
            bail!("{} counters instead of {}", self.0.len(), expected.0.len());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chatmetric_sim::{Config, Model, Workload};

    fn oracle_and_model() -> (Counters, Counters) {
        let config = Config {
            numbers: 5,
            messages: 4000,
            ..Config::default()
        };
        let (mut oracle, mut model) = (Oracle::default(), Model::new());
        let rank = |number: &str| {
            (0..5)
                .find(|it| Config::number(*it) == number)
                .expect("known")
        };
        for event in Workload::new(config) {
            oracle.observe(&event, rank(&event.number));
            model.observe(&event);
        }
        let mut right = Counters::default();
        for number in model.numbers(0) {
            for (ms, totals) in model.totals(0, &number) {
                let quarter = u32::try_from(ms / QUARTER_MS).expect("a quarter");
                *right.at(rank(&number), quarter) = [
                    totals.sent,
                    totals.delivered,
                    totals.read,
                    totals.failed,
                    totals.delivered_of_sent,
                ]
                .map(|it| u32::try_from(it).expect("small"));
            }
        }
        (oracle.counters(), right)
    }

    #[test]
    fn it_agrees_with_the_model() {
        let (found, right) = oracle_and_model();
        assert!(right.0.len() > 100);
        found.compare(&right).expect("the same");
        assert_eq!(found, right);
    }

    #[test]
    fn a_single_difference_is_found_and_a_file_changes_nothing() {
        let (mut found, right) = oracle_and_model();
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("counters");
        found.write(&path).expect("written");
        Counters::read(&path)
            .expect("read")
            .compare(&right)
            .expect("the same");
        let place = *right.0.keys().next().expect("one");
        found.at(place.0, place.1)[4] += 1;
        assert!(found.compare(&right).is_err());
        let mut more = Counters::read(&path).expect("read");
        more.at(4, 1)[0] = 1;
        assert!(more.compare(&right).is_err());
    }
}
