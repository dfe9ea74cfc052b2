//! A seeded stream of status events in the order of their arrival.
//!
//! Messages leave evenly over a span; each has a life (sent, delivered, read or
//! failed) by the habits of its number, and every report of it travels on its
//! own: lost, repeated, restamped, overtaken, late. Integers only, so a seed
//! gives the same events everywhere. Memory holds what is under way, not the
//! whole workload. No event arrives before it happened.

use crate::event::{CHANNEL, Event, Status};
use crate::random::Random;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;

const SECOND_MS: i64 = 1000;
const MINUTE_MS: i64 = 60 * SECOND_MS;
const HOUR_MS: i64 = 60 * MINUTE_MS;
/// The longest way of a late report.
const LATE_MS_MAX: i64 = 24 * HOUR_MS;

/// What a workload looks like. Shares are in a thousand, and are the middle:
/// every number has habits of its own around them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Everything else being equal, the same seed gives the same events.
    pub seed: u64,
    /// Business numbers, at least 1; the first one sends most (Zipf).
    pub numbers: u32,
    /// Messages in total.
    pub messages: u64,
    /// When the first message leaves, ms since the epoch.
    pub start_ms: i64,
    /// Over how long the messages leave, ms.
    pub span_ms: i64,
    /// Messages that are delivered.
    pub delivered: u32,
    /// Of these, those that are read.
    pub read: u32,
    /// Messages that fail; a tenth of them is delivered after all.
    pub failed: u32,
    /// `sent` reports that never arrive.
    pub lost_sent: u32,
    /// `delivered` reports of read messages that never arrive.
    pub lost_delivered: u32,
    /// Events with copies (one to three); half of the copies come hours later.
    pub duplicated: u32,
    /// Of the copies, those with another time than the first report.
    pub restamped: u32,
    /// Events that come up to ten minutes out of order.
    pub disordered: u32,
    /// Events that come up to a day late.
    pub late: u32,
    /// Messages to a group: two to eight participants report separately.
    pub group: u32,
    /// Message ids that a second number uses as well.
    pub twin: u32,
}

impl Default for Config {
    /// 10,000 messages of 20 numbers in two days across a year's end.
    fn default() -> Self {
        Self {
            seed: 1,
            numbers: 20,
            messages: 10_000,
            start_ms: 1_767_139_200_000,
            span_ms: 48 * HOUR_MS,
            delivered: 900,
            read: 600,
            failed: 40,
            lost_sent: 20,
            lost_delivered: 50,
            duplicated: 50,
            restamped: 200,
            disordered: 100,
            late: 5,
            group: 10,
            twin: 2,
        }
    }
}

impl Config {
    /// The digits of the number of that rank, counted from 0.
    #[must_use]
    pub fn number(rank: u32) -> String {
        format!("1555{:07}", u64::from(rank) + 100_101)
    }
}

/// The habits of one number.
#[derive(Debug)]
struct Habits {
    number: Arc<str>,
    delivered: u32,
    read: u32,
    failed: u32,
    lost_sent: u32,
    /// Doublings of every latency.
    slowness: u32,
}

/// An event on its way; ordered by arrival, ties by the order of making.
#[derive(Debug)]
struct UnderWay {
    serial: u64,
    event: Event,
}

impl UnderWay {
    fn rank(&self) -> (i64, u64) {
        (self.event.received_ms, self.serial)
    }
}

impl PartialEq for UnderWay {
    fn eq(&self, other: &Self) -> bool {
        self.rank() == other.rank()
    }
}

impl Eq for UnderWay {}

impl PartialOrd for UnderWay {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for UnderWay {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.rank().cmp(&other.rank())
    }
}

/// The events of a configuration, in the order of their arrival.
#[derive(Debug)]
pub struct Workload {
    config: Config,
    random: Random,
    habits: Vec<Habits>,
    /// Sums of the Zipf weights up to each number.
    weights: Vec<u64>,
    under_way: BinaryHeap<Reverse<UnderWay>>,
    messages_made: u64,
    serial: u64,
}

impl Workload {
    /// Starts the workload of a configuration.
    #[must_use]
    pub fn new(config: Config) -> Self {
        let mut random = Random::new(config.seed);
        let numbers = config.numbers.max(1);
        let mut weights = Vec::new();
        let mut habits = Vec::new();
        let mut sum = 0;
        for rank in 0..numbers {
            sum += 1_000_000_000 / (u64::from(rank) + 1);
            weights.push(sum);
            // Between half and one and a half of the middle.
            let mut around = |share: u32| {
                let factor = 500 + random.below(1001) as u32;
                (share * factor / 1000).min(1000)
            };
            habits.push(Habits {
                number: Config::number(rank).into(),
                delivered: around(config.delivered),
                read: around(config.read),
                failed: around(config.failed),
                lost_sent: around(config.lost_sent),
                slowness: random.below(4) as u32,
            });
        }
        Self {
            config,
            random,
            habits,
            weights,
            under_way: BinaryHeap::new(),
            messages_made: 0,
            serial: 0,
        }
    }

    /// Takes the next at most `events_max` events; empty at the end.
    pub fn next_batch(&mut self, events_max: usize) -> Vec<Event> {
        self.by_ref().take(events_max).collect()
    }

    /// When message number `index` leaves, ms; never later than the next one.
    fn leaves_ms(&self, index: u64) -> i64 {
        let span = i128::from(self.config.span_ms);
        let share = span * i128::from(index) / i128::from(self.config.messages.max(1));
        self.config.start_ms + share as i64
    }

    fn pick_number(&mut self) -> usize {
        let total = self.weights.last().copied().unwrap_or(1);
        let at = self.random.below(total);
        self.weights.partition_point(|sum| *sum <= at)
    }

    /// About 60 characters that begin like those of the provider. Unique, because
    /// the index of the message is a part of it.
    fn message_id(&mut self) -> Arc<str> {
        const ALPHABET: &[u8; 64] =
            b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let letter = |six_bits: u64| char::from(ALPHABET[(six_bits & 63) as usize]);
        let mut id = String::from("wamid.HBgL");
        for _ in 0..4 {
            let bits = self.random.bits();
            id.extend((0..10).map(|at| letter(bits >> (6 * at))));
        }
        id.extend((0..8).map(|at| letter(self.messages_made >> (6 * at))));
        id.push_str("A=");
        id.into()
    }

    fn make_message(&mut self) {
        let leaves_ms = self.leaves_ms(self.messages_made);
        let message_id = self.message_id();
        self.messages_made += 1;
        let at = self.pick_number();
        self.make_life(at, &message_id, leaves_ms);
        if self.random.chance(self.config.twin) && self.habits.len() > 1 {
            let twin = (at + 1) % self.habits.len();
            self.make_life(twin, &message_id, leaves_ms);
        }
    }

    fn make_life(&mut self, at: usize, message_id: &Arc<str>, leaves_ms: i64) {
        let Habits {
            delivered,
            read,
            failed,
            lost_sent,
            slowness,
            ..
        } = self.habits[at];
        let fails = self.random.chance(failed);
        let is_delivered = if fails {
            self.random.chance(100)
        } else {
            self.random.chance(delivered)
        };
        if !self.random.chance(lost_sent) {
            self.report(at, message_id, Status::Sent, leaves_ms);
        }
        if fails {
            let failed_ms = leaves_ms + self.random.latency(100, MINUTE_MS);
            self.report(at, message_id, Status::Failed, failed_ms);
        }
        if !is_delivered {
            return;
        }
        let participants = if self.random.chance(self.config.group) {
            self.random.between(2, 8)
        } else {
            1
        };
        for _ in 0..participants {
            // One in a hundred was delivered "before" it was sent.
            let delivered_ms = if self.random.chance(10) {
                leaves_ms - self.random.between(1, 2) * SECOND_MS
            } else {
                leaves_ms + (self.random.latency(50, 2 * HOUR_MS) << slowness)
            };
            let is_read = self.random.chance(read);
            if !is_read || !self.random.chance(self.config.lost_delivered) {
                self.report(at, message_id, Status::Delivered, delivered_ms);
            }
            if is_read {
                let read_ms = delivered_ms + (self.random.latency(500, 3 * HOUR_MS) << slowness);
                self.report(at, message_id, Status::Read, read_ms);
                if self.random.chance(50) {
                    self.report(at, message_id, Status::Played, read_ms + 5 * SECOND_MS);
                }
            }
        }
    }

    /// Sends one report of what happened at `happened_ms`, and its copies.
    fn report(&mut self, at: usize, message_id: &Arc<str>, status: Status, happened_ms: i64) {
        // Providers stamp whole seconds.
        let ts_ms = (happened_ms - happened_ms.rem_euclid(SECOND_MS)).max(0);
        let first_ms = self.arrival_ms(happened_ms);
        self.send(at, message_id, status, ts_ms, first_ms);
        if !self.random.chance(self.config.duplicated) {
            return;
        }
        for _ in 0..self.random.between(1, 3) {
            let copy_ms = if self.random.chance(500) {
                first_ms + self.random.latency(10, MINUTE_MS)
            } else {
                first_ms + self.random.between(HOUR_MS, 12 * HOUR_MS)
            };
            let copy_ts_ms = if self.random.chance(self.config.restamped) {
                let shift_ms = self.random.between(-20 * 60, 20 * 60) * SECOND_MS;
                (ts_ms + shift_ms).max(0)
            } else {
                ts_ms
            };
            // A copy with a later time cannot arrive before that time.
            self.send(at, message_id, status, copy_ts_ms, copy_ms.max(copy_ts_ms));
        }
    }

    fn arrival_ms(&mut self, happened_ms: i64) -> i64 {
        let mut way_ms = self.random.latency(20, 2 * SECOND_MS);
        if self.random.chance(self.config.disordered) {
            way_ms += self.random.latency(SECOND_MS, 10 * MINUTE_MS);
        }
        if self.random.chance(self.config.late) {
            way_ms = self.random.between(HOUR_MS, LATE_MS_MAX);
        }
        happened_ms + way_ms
    }

    fn send(
        &mut self,
        at: usize,
        message_id: &Arc<str>,
        status: Status,
        ts_ms: i64,
        received_ms: i64,
    ) {
        self.serial += 1;
        self.under_way.push(Reverse(UnderWay {
            serial: self.serial,
            event: Event {
                channel: CHANNEL,
                number: self.habits[at].number.clone(),
                message_id: message_id.clone(),
                status,
                ts_ms,
                received_ms,
            },
        }));
    }
}

impl Iterator for Workload {
    type Item = Event;

    fn next(&mut self) -> Option<Event> {
        while self.messages_made < self.config.messages {
            // An event may arrive at the earliest two seconds before its message
            // leaves (delivered "before" sent); whatever is on its way until then
            // cannot be overtaken by messages that are not made yet.
            let horizon_ms = self.leaves_ms(self.messages_made) - 2 * SECOND_MS;
            match self.under_way.peek() {
                Some(Reverse(first)) if first.event.received_ms < horizon_ms => break,
                _ => self.make_message(),
            }
        }
        self.under_way.pop().map(|Reverse(first)| first.event)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::{HashMap, HashSet};

    fn small(seed: u64) -> Config {
        Config {
            seed,
            ..Config::default()
        }
    }

    #[test]
    fn a_seed_gives_one_workload() {
        let events: Vec<Event> = Workload::new(small(7)).collect();
        assert_eq!(events, Workload::new(small(7)).collect::<Vec<_>>());
        assert_ne!(events, Workload::new(small(8)).collect::<Vec<_>>());
        let mut again = Workload::new(small(7));
        let mut batched = Vec::new();
        loop {
            let batch = again.next_batch(777);
            if batch.is_empty() {
                break;
            }
            batched.extend(batch);
        }
        assert_eq!(events, batched);
    }

    #[test]
    fn events_come_in_the_order_of_arrival_and_never_early() {
        let events: Vec<Event> = Workload::new(small(3)).collect();
        assert!(events.is_sorted_by_key(|event| event.received_ms));
        for event in &events {
            assert!(event.received_ms >= event.ts_ms, "{event:?}");
            assert_eq!(event.ts_ms % 1000, 0);
            assert!((56..=62).contains(&event.message_id.len()));
        }
    }

    #[test]
    fn every_oddity_occurs() {
        let events: Vec<Event> = Workload::new(small(5)).collect();
        let mut by_message: HashMap<(&str, &str), Vec<&Event>> = HashMap::new();
        for event in &events {
            let key = (&*event.number, &*event.message_id);
            by_message.entry(key).or_default().push(event);
        }
        let has = |all: &[&Event], status| all.iter().any(|event| event.status == status);
        let count = |wanted: &dyn Fn(&[&Event]) -> bool| {
            by_message.values().filter(|all| wanted(all)).count()
        };
        let first = |all: &[&Event], status| {
            let matching = all.iter().filter(|event| event.status == status);
            matching.map(|event| event.ts_ms).min()
        };
        assert!(count(&|all| !has(all, Status::Sent)) > 50, "lost sent");
        let implied = count(&|all| has(all, Status::Read) && !has(all, Status::Delivered));
        assert!(implied > 50, "read without delivered");
        let inverted = count(&|all| {
            first(all, Status::Sent).is_some()
                && first(all, Status::Delivered) < first(all, Status::Sent)
                && has(all, Status::Delivered)
        });
        assert!(inverted > 20, "delivered before sent");
        let equal = count(&|all| {
            has(all, Status::Sent) && first(all, Status::Delivered) == first(all, Status::Sent)
        });
        assert!(equal > 50, "equal times");
        assert!(count(&|all| has(all, Status::Failed)) > 50);
        assert!(count(&|all| has(all, Status::Played)) > 20);
        let recovered = count(&|all| has(all, Status::Failed) && has(all, Status::Delivered));
        assert!(recovered > 5, "delivered after failed");
        let different: HashSet<_> = events
            .iter()
            .map(|event| (&event.number, &event.message_id, event.status, event.ts_ms))
            .collect();
        assert!(events.len() - different.len() > 500, "copies");
        let twins: HashSet<&str> = by_message.keys().map(|(_, id)| *id).collect();
        assert!(by_message.len() - twins.len() > 5, "one id, two numbers");
        let late = events
            .iter()
            .filter(|event| event.received_ms - event.ts_ms > HOUR_MS);
        assert!(late.count() > 50, "late");
        let by_ts = events
            .windows(2)
            .filter(|pair| pair[1].ts_ms < pair[0].ts_ms);
        assert!(by_ts.count() > 500, "disorder");
    }

    #[test]
    fn the_first_number_sends_most() {
        let mut counts: HashMap<Arc<str>, u32> = HashMap::new();
        for event in Workload::new(small(9)) {
            *counts.entry(event.number).or_default() += 1;
        }
        assert_eq!(counts.len(), 20);
        let of = |rank| counts[Config::number(rank).as_str()];
        assert!(of(0) > of(4) && of(4) > of(19), "{counts:?}");
    }
}
