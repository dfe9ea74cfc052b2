//! What waits to be published into one log: while a few messages are on the way, what comes
//! in gathers into the next one.
//!
//! A message costs the servers far more than an event in it, so under load there are few and
//! large ones, and without load nothing waits. Not here: publishing. Invariants: a message
//! has one quarter-hour and at most so many events and bytes; who waits is told once; a
//! message that is slow does not hold up the others.

use crate::entry::split::Part;
use crate::error::ClusterError;
use bytes::Bytes;
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::oneshot;

/// Messages that may be on the way before the next one waits and gathers.
const ON_THE_WAY_MAX: usize = 2;
/// Events and other items of a message; beyond it another event costs as much as alone
/// (docs/internals/cluster-measurements.md).
const ITEMS_MAX: usize = 1_000;

/// Who waits for the place of a part.
pub(super) type Told = oneshot::Sender<Result<u64, ClusterError>>;

/// A message, and who waits for it.
#[derive(Debug)]
pub(super) struct Gathered {
    pub(super) entry: Bytes,
    told: Vec<Told>,
}

impl Gathered {
    /// Tells all who wait what became of the message.
    pub(super) fn tell(self, published: &Result<u64, ClusterError>) {
        for told in self.told {
            // Some have no patience any more.
            drop(told.send(published.clone()));
        }
    }
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<(Part, Told)>,
    on_the_way: usize,
}

/// The parts that wait for one log.
#[derive(Debug, Default)]
pub(super) struct Lane(Mutex<State>);

impl Lane {
    /// Adds a part. Whether somebody has to begin to [`take`](Self::take).
    pub(super) fn put(&self, part: Part, told: Told) -> bool {
        let mut state = self.lock();
        state.waiting.push_back((part, told));
        state.begins()
    }

    /// What to publish next; `None` when nothing waits, which ends the taking.
    pub(super) fn take(&self, bytes_max: usize) -> Option<Gathered> {
        let mut state = self.lock();
        let gathered = state.gather(bytes_max);
        if gathered.is_none() {
            state.on_the_way = state.on_the_way.saturating_sub(1);
        }
        gathered
    }

    /// A message is slow: it is counted no more, and who took it must not take again.
    /// Whether somebody else has to begin.
    pub(super) fn note_slow(&self) -> bool {
        let mut state = self.lock();
        state.on_the_way = state.on_the_way.saturating_sub(1);
        state.begins()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn begins(&mut self) -> bool {
        let begins = self.on_the_way < ON_THE_WAY_MAX && !self.waiting.is_empty();
        self.on_the_way += usize::from(begins);
        begins
    }

    fn gather(&mut self, bytes_max: usize) -> Option<Gathered> {
        let (mut parts, mut told): (Vec<Part>, Vec<Told>) = (Vec::new(), Vec::new());
        let (mut items, mut bytes) = (0, 0);
        while let Some((next, waits)) = self.waiting.front() {
            if waits.is_closed() {
                self.waiting.pop_front();
                continue;
            }
            items += next.items;
            bytes += next.entry.len();
            let fits = items <= ITEMS_MAX && bytes <= bytes_max;
            if parts
                .first()
                .is_some_and(|it| it.slot != next.slot || !fits)
            {
                break;
            }
            if let Some((part, waits)) = self.waiting.pop_front() {
                parts.push(part);
                told.push(waits);
            }
        }
        let entry = Part::gathered(&parts)?;
        Some(Gathered { entry, told })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry::Entry;
    use crate::partition::Partition;
    use chatmetric_core::{EpochMs, Slot};
    use chatmetric_store::Batch;

    fn part(nth: i64, slot: u32, items: usize) -> Part {
        let batch = Batch {
            source: format!("w{nth}").into(),
            received_at: EpochMs(i64::from(slot) * 900_000 + nth),
            events: Vec::new(),
            sealed: Vec::new(),
            ignored: 1,
        };
        Part {
            partition: Partition(0),
            slot: Slot(slot),
            items,
            entry: Entry::Events(batch).encode(),
        }
    }

    /// The sources of a message.
    fn sources(message: &Gathered) -> Vec<String> {
        let batches = match Entry::decode(&message.entry).unwrap() {
            Entry::Events(batch) => vec![batch],
            Entry::Gathered(batches) => batches,
            other => panic!("{other:?}"),
        };
        let names = batches.iter().map(|batch| batch.source.to_string());
        names.collect()
    }

    fn put(lane: &Lane, part: Part) -> (bool, oneshot::Receiver<Result<u64, ClusterError>>) {
        let (told, hears) = oneshot::channel();
        (lane.put(part, told), hears)
    }

    #[test]
    fn what_comes_while_two_are_on_the_way_gathers() {
        let lane = Lane::default();
        let bytes_max = 1 << 20;
        let mut hears = Vec::new();
        for (nth, begins) in [(0, true), (1, true), (2, false), (3, false)] {
            let (begun, told) = put(&lane, part(nth, 7, 10));
            assert_eq!(begun, begins, "{nth}");
            hears.push(told);
            if begun {
                assert_eq!(sources(&lane.take(bytes_max).unwrap()), [format!("w{nth}")]);
            }
        }
        // Another quarter-hour, and one without patience, are not in it.
        hears.push(put(&lane, part(4, 8, 10)).1);
        drop(hears.remove(2));
        let message = lane.take(bytes_max).unwrap();
        assert_eq!(sources(&message), ["w3"]);
        message.tell(&Ok(9));
        assert_eq!(hears.remove(2).try_recv().unwrap().unwrap(), 9);
        assert_eq!(sources(&lane.take(bytes_max).unwrap()), ["w4"]);
        // Both takers end, and the next one begins anew.
        assert!(lane.take(bytes_max).is_none() && lane.take(bytes_max).is_none());
        assert!(put(&lane, part(5, 8, 1)).0);
    }

    #[test]
    fn a_message_ends_at_its_limits() {
        let lane = Lane::default();
        let bytes_max = part(0, 7, 1).entry.len() * 3;
        let hears: Vec<_> = [ITEMS_MAX + 5, 600, 400, 1, 1, 1, 1, 1]
            .into_iter()
            .zip(0..)
            .map(|(items, nth)| put(&lane, part(nth, 7, items)).1)
            .collect();
        let mut taken = Vec::new();
        while let Some(message) = lane.take(bytes_max) {
            assert!(message.entry.len() <= bytes_max);
            taken.push(sources(&message));
        }
        // The first is larger by itself; the last ones end at the bytes.
        assert_eq!(taken[..2], [vec!["w0"], vec!["w1", "w2"]]);
        assert_eq!(taken[2..], [vec!["w3", "w4", "w5"], vec!["w6", "w7"]]);
        drop(hears);
    }

    #[test]
    fn a_slow_message_does_not_hold_up_the_others() {
        let lane = Lane::default();
        let hears: Vec<_> = (0..3).map(|nth| put(&lane, part(nth, 7, 1))).collect();
        let begun: Vec<bool> = hears.iter().map(|(begun, _)| *begun).collect();
        assert_eq!(begun, [true, true, false]);
        let first = lane.take(1 << 20).unwrap();
        assert_eq!(sources(&first), ["w0", "w1", "w2"]);
        assert!(lane.take(1 << 20).is_none());
        assert!(!lane.note_slow(), "nothing waits");
        assert!(put(&lane, part(3, 7, 1)).0);
        assert!(put(&lane, part(4, 7, 1)).0);
        assert!(!put(&lane, part(5, 7, 1)).0);
    }
}
