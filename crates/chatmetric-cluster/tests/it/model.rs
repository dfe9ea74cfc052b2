//! A naive count: the set of all events, and every answer computed from it again, in
//! milliseconds; plus a seeded stream of batches. It shares no rule with what is tested.

use chatmetric_core::{EpochMs, Fingerprint, MessageStatus, PhoneNumber, Slot, SpaceKey, UtcDay};
use chatmetric_store::{Batch, StatusEvent, Store, StoreError, Target};
use std::collections::{BTreeMap, BTreeSet};

pub(crate) const T0_MS: i64 = 20_000 * 86_400_000;

/// Spaces of the small world.
const SPACES: [SpaceKey; 2] = [SpaceKey(0), SpaceKey(1)];

/// A seeded stream of numbers.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    }

    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    /// A batch of many numbers, so that it touches several partitions, and of few messages,
    /// so that they meet again.
    pub(crate) fn batch(&mut self, messages: u64) -> Batch {
        let count = 1 + self.below(20);
        let events = (0..count).map(|_| self.event(messages)).collect();
        Batch {
            source: ["w1", "import"][self.below(2) as usize].into(),
            received_at: EpochMs(T0_MS + 400 * 86_400_000),
            events,
            sealed: Vec::new(),
            ignored: self.below(2) as u32,
        }
    }

    fn event(&mut self, messages: u64) -> StatusEvent {
        let message = self.below(messages);
        StatusEvent {
            fingerprint: Fingerprint(
                u128::from(message + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835),
            ),
            number: PhoneNumber::parse(&format!("1555{}", message % 23)).expect("digits"),
            status: MessageStatus::ALL[self.below(4) as usize],
            at: EpochMs(T0_MS + self.below(3 * 86_400_000) as i64),
            target: Target::Space(SPACES[(message % 23 % 2) as usize]),
        }
    }
}

type Place = (SpaceKey, String, i64);

/// The counts of a store, by space, number and quarter.
pub(crate) type Counted = BTreeMap<Place, [i32; 5]>;

/// The set of all events.
#[derive(Debug, Clone, Default)]
pub(crate) struct Model {
    events: BTreeMap<u128, BTreeSet<(u8, i64)>>,
    homes: BTreeMap<u128, (SpaceKey, String)>,
    reports: u64,
}

impl Model {
    pub(crate) fn take(&mut self, batch: &Batch) {
        for event in &batch.events {
            let Target::Space(space) = event.target else {
                continue;
            };
            let key = event.fingerprint.0;
            self.homes
                .entry(key)
                .or_insert_with(|| (space, event.number.to_string()));
            let reports = self.events.entry(key).or_default();
            reports.insert((event.status.bit(), event.at.0));
            self.reports += 1;
        }
        self.reports += u64::from(batch.ignored);
    }

    /// Everything that came in, however often.
    pub(crate) fn received(&self) -> u64 {
        self.reports
    }

    /// sent, delivered, read, failed, delivered of those sent there, by quarter.
    pub(crate) fn counts(&self) -> Counted {
        let mut counts = Counted::new();
        for (key, reports) in &self.events {
            let first = |words: &[u8]| {
                let matching = reports.iter().filter(|(word, _)| words.contains(word));
                matching.map(|(_, at_ms)| at_ms / 900_000).min()
            };
            let (sent, delivered, read) = (first(&[1, 2, 4]), first(&[2, 4]), first(&[4]));
            let failed = first(&[8]).filter(|_| delivered.is_none());
            let (space, number) = &self.homes[key];
            let mut add = |quarter: Option<i64>, field: usize| {
                if let Some(quarter) = quarter {
                    let place = (*space, number.clone(), quarter);
                    counts.entry(place).or_default()[field] += 1;
                }
            };
            add(sent, 0);
            add(delivered, 1);
            add(read, 2);
            add(failed, 3);
            add(sent.filter(|_| delivered.is_some()), 4);
        }
        counts
    }

    /// Compares the counts and the books of a store with the set.
    #[track_caller]
    pub(crate) fn check(&self, store: &dyn Store) {
        assert_eq!(counts_of(store).expect("readable"), self.counts());
        let books = store.books().expect("readable");
        for (source, books) in &books {
            assert!(books.balanced(), "`{source}`: {books:?}");
        }
        let new: u64 = books.iter().map(|(_, books)| books.new).sum();
        let pairs = self.events.values().map(|reports| {
            let words: BTreeSet<u8> = reports.iter().map(|(word, _)| *word).collect();
            words.len() as u64
        });
        assert_eq!(new, pairs.sum::<u64>(), "each report is new exactly once");
    }
}

/// Everything that a store counts, in the form of [`Model::counts`].
pub(crate) fn counts_of(store: &dyn Store) -> Result<Counted, StoreError> {
    let mut seen = Counted::new();
    for space in SPACES {
        for number in store.numbers(space)? {
            let all = UtcDay(0)..=Slot(u32::MAX).day();
            store.read_days(space, &number, all, &mut |day, block| {
                for (at, counts) in (0..).zip(block.slots()) {
                    if !counts.is_zero() {
                        let quarter = i64::from(day.0) * 96 + at;
                        let place = (space, number.to_string(), quarter);
                        seen.insert(place, counts.to_array());
                    }
                }
            })?;
        }
    }
    Ok(seen)
}
