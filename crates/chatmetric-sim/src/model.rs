//! The auditor: a set of raw events, and every answer computed from it again.
//!
//! Nothing is kept incrementally. A message's times are the minima over its
//! events: delivered = first of delivered, read, played; sent = first of sent and
//! that; read = first of read, played; failed counts only while nothing was
//! delivered. A time counts in its quarter hour, and a quarter hour in the
//! bucket that holds its beginning.
//!
//! Not here: what a store refuses (late, future, foreign). Show the model only
//! what must be counted.

use crate::calendar::Calendar;
use crate::event::{Event, Status};
use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

const QUARTER_MS: i64 = 15 * 60 * 1000;
const HALF_HOUR_MS: i64 = 30 * 60 * 1000;

/// What one row covers.
#[derive(Debug, Clone)]
pub enum Granularity {
    /// Half hours of UTC.
    HalfHour,
    /// Days of a zone.
    Daily(Calendar),
}

/// A question to the model.
#[derive(Debug, Clone)]
pub struct Query {
    /// The space that asks.
    pub space: u32,
    /// The first ms of the range.
    pub start_ms: i64,
    /// The first ms after it.
    pub end_ms: i64,
    /// What one row covers.
    pub granularity: Granularity,
    /// One number, digits only, or all of the space.
    pub number: Option<String>,
}

/// One row of an answer; ordered as answers are: by start, then number.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Row {
    /// The first ms of the bucket.
    pub start_ms: i64,
    /// The number, digits only.
    pub number: String,
    /// The first ms after the bucket.
    pub end_ms: i64,
    /// Messages sent in it.
    pub sent: u64,
    /// Messages delivered in it.
    pub delivered: u64,
}

/// The counters of one quarter hour of a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Totals {
    /// Messages sent.
    pub sent: u64,
    /// Messages delivered.
    pub delivered: u64,
    /// Messages read.
    pub read: u64,
    /// Messages failed and never delivered.
    pub failed: u64,
    /// Of the messages sent here, those delivered at any time.
    pub delivered_of_sent: u64,
}

/// How many of the events were first reports of a status of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Reports {
    /// First reports; read and played are one status.
    pub new: u64,
    /// All others.
    pub duplicate: u64,
}

type MessageKey = (&'static str, Arc<str>, Arc<str>);

#[derive(Debug, Clone, Default)]
struct Message {
    space: u32,
    events: Vec<(Status, i64)>,
}

/// The times of a message that count, ms.
#[derive(Debug, Default)]
struct Times {
    sent: Option<i64>,
    delivered: Option<i64>,
    read: Option<i64>,
    failed: Option<i64>,
}

/// The set of all events seen.
#[derive(Debug, Clone, Default)]
pub struct Model {
    messages: HashMap<MessageKey, Message>,
    observed: u64,
}

impl Message {
    fn first(&self, statuses: &[Status]) -> Option<i64> {
        let matching = self.events.iter().filter(|(s, _)| statuses.contains(s));
        matching.map(|(_, ts_ms)| *ts_ms).min()
    }

    fn times(&self) -> Times {
        use Status::{Delivered, Failed, Played, Read, Sent};
        let delivered = self.first(&[Delivered, Read, Played]);
        Times {
            sent: self.first(&[Sent, Delivered, Read, Played]),
            delivered,
            read: self.first(&[Read, Played]),
            failed: self.first(&[Failed]).filter(|_| delivered.is_none()),
        }
    }

    fn count_into(&self, totals: &mut BTreeMap<i64, Totals>) {
        let times = self.times();
        if let Some(sent) = times.sent {
            let at = totals.entry(quarter(sent)).or_default();
            at.sent += 1;
            at.delivered_of_sent += u64::from(times.delivered.is_some());
        }
        if let Some(delivered) = times.delivered {
            totals.entry(quarter(delivered)).or_default().delivered += 1;
        }
        if let Some(read) = times.read {
            totals.entry(quarter(read)).or_default().read += 1;
        }
        if let Some(failed) = times.failed {
            totals.entry(quarter(failed)).or_default().failed += 1;
        }
    }

    fn statuses(&self) -> usize {
        let word = |status| match status {
            Status::Played => Status::Read,
            other => other,
        };
        let words: BTreeSet<Status> = self.events.iter().map(|(s, _)| word(*s)).collect();
        words.len()
    }
}

fn quarter(ts_ms: i64) -> i64 {
    ts_ms - ts_ms.rem_euclid(QUARTER_MS)
}

impl Model {
    /// A model that has seen nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an event to the set, in space 0.
    pub fn observe(&mut self, event: &Event) {
        self.observe_in(0, event);
    }

    /// Adds an event to the set. A message belongs to the space in which it was
    /// observed first.
    pub fn observe_in(&mut self, space: u32, event: &Event) {
        self.observed += 1;
        let key = (
            event.channel,
            event.number.clone(),
            event.message_id.clone(),
        );
        let message = match self.messages.entry(key) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(unknown) => unknown.insert(Message {
                space,
                events: Vec::new(),
            }),
        };
        let report = (event.status, event.ts_ms);
        if !message.events.contains(&report) {
            message.events.push(report);
        }
    }

    /// Number of different messages.
    #[must_use]
    pub fn messages(&self) -> u64 {
        self.messages.len() as u64
    }

    /// First reports and further reports of all that was observed.
    #[must_use]
    pub fn reports(&self) -> Reports {
        let all = self.messages.values();
        let new = all.map(|message| message.statuses() as u64).sum();
        Reports {
            new,
            duplicate: self.observed - new,
        }
    }

    /// The numbers with something counted in the space, sorted bytewise.
    #[must_use]
    pub fn numbers(&self, space: u32) -> Vec<String> {
        let in_space = self.messages.iter().filter(|(_, m)| m.space == space);
        let numbers: BTreeSet<&str> = in_space.map(|((_, number, _), _)| &**number).collect();
        numbers.into_iter().map(str::to_owned).collect()
    }

    /// The counters of every quarter hour of a number in a space in which
    /// something is counted, by the quarter's first ms.
    #[must_use]
    pub fn totals(&self, space: u32, number: &str) -> BTreeMap<i64, Totals> {
        let mut totals: BTreeMap<i64, Totals> = BTreeMap::new();
        for ((_, own_number, _), message) in &self.messages {
            if message.space != space || **own_number != *number {
                continue;
            }
            message.count_into(&mut totals);
        }
        totals
    }

    /// What [`Self::totals`] says of every number of the space, in one pass over
    /// the messages: of many numbers, one by one takes too long.
    #[must_use]
    pub fn totals_by_number(&self, space: u32) -> BTreeMap<String, BTreeMap<i64, Totals>> {
        let mut by_number: BTreeMap<&str, BTreeMap<i64, Totals>> = BTreeMap::new();
        for ((_, number, _), message) in &self.messages {
            if message.space == space {
                message.count_into(by_number.entry(number).or_default());
            }
        }
        by_number
            .into_iter()
            .map(|(number, totals)| (number.to_owned(), totals))
            .collect()
    }

    /// The buckets of a query, `(start_ms, end_ms)`, in order.
    #[must_use]
    pub fn buckets(query: &Query) -> Vec<(i64, i64)> {
        match &query.granularity {
            Granularity::Daily(calendar) => calendar.days(query.start_ms, query.end_ms),
            Granularity::HalfHour => {
                let mut buckets = Vec::new();
                let mut start = query.start_ms - query.start_ms.rem_euclid(HALF_HOUR_MS);
                while start < query.end_ms {
                    buckets.push((start, start + HALF_HOUR_MS));
                    start += HALF_HOUR_MS;
                }
                buckets
            }
        }
    }

    /// The rows of the answer, in order.
    #[must_use]
    pub fn rows(&self, query: &Query) -> Vec<Row> {
        let buckets = Self::buckets(query);
        let bucket_of = |ts_ms: i64| {
            let quarter_ms = quarter(ts_ms);
            let after = buckets.partition_point(|(start, _)| *start <= quarter_ms);
            let found = buckets.get(after.checked_sub(1)?)?;
            (quarter_ms < found.1).then_some(*found)
        };
        let mut rows: BTreeMap<(i64, &str), Row> = BTreeMap::new();
        for ((_, number, _), message) in &self.messages {
            let asked = query.number.as_deref().is_none_or(|it| it == &**number);
            if message.space != query.space || !asked {
                continue;
            }
            let times = message.times();
            let mut add = |ts_ms: Option<i64>, sent: u64, delivered: u64| {
                let Some((start_ms, end_ms)) = ts_ms.and_then(bucket_of) else {
                    return;
                };
                let row = rows.entry((start_ms, number)).or_insert_with(|| Row {
                    start_ms,
                    end_ms,
                    number: number.to_string(),
                    sent: 0,
                    delivered: 0,
                });
                row.sent += sent;
                row.delivered += delivered;
            };
            add(times.sent, 1, 0);
            add(times.delivered, 0, 1);
        }
        rows.into_values().collect()
    }
}

#[cfg(test)]
mod tests;
