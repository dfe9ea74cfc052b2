//! A naive count for the crash tests: the set of all events, and every answer
//! computed from it again, in milliseconds; plus a seeded stream of batches.
//!
//! It shares no rule with the store: no slots arithmetic of the core, no records.

use crate::conformance_explain::duplicates_told;
use chatmetric_core::{EpochMs, Fingerprint, MessageStatus, PhoneNumber, Slot, SpaceKey, UtcDay};
use chatmetric_store::{Batch, Books, SourceName, StatusEvent, Store, StoreError, Target};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};

pub(crate) const T0_MS: i64 = 20_000 * 86_400_000;

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

    /// A batch of a small world, so that messages meet again and again.
    pub(crate) fn batch(&mut self, messages: u64) -> Batch {
        let count = 1 + self.below(12);
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
        let number = ["15550001", "15550002", "4477"][(message % 3) as usize];
        let far_ms = if self.below(12) == 0 { 40 } else { 2 } * 86_400_000;
        StatusEvent {
            fingerprint: Fingerprint(
                u128::from(message + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835),
            ),
            number: PhoneNumber::parse(number).expect("digits"),
            status: MessageStatus::ALL[self.below(4) as usize],
            at: EpochMs(T0_MS + self.below(far_ms) as i64),
            target: Target::Space(SpaceKey((message % 3) as u32 / 2)),
        }
    }
}

type Place = (SpaceKey, String, i64);

/// The set of all events.
#[derive(Debug, Clone, Default)]
pub(crate) struct Model {
    events: BTreeMap<u128, BTreeSet<(u8, i64)>>,
    homes: BTreeMap<u128, (SpaceKey, String)>,
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
        }
    }

    /// How many messages there are.
    pub(crate) fn messages(&self) -> u64 {
        self.events.len() as u64
    }

    /// Different pairs of message and status: what the books call new.
    pub(crate) fn new_reports(&self) -> u64 {
        let pairs = self.events.values().map(|reports| {
            let words: BTreeSet<u8> = reports.iter().map(|(word, _)| *word).collect();
            words.len() as u64
        });
        pairs.sum()
    }

    /// sent, delivered, read, failed, delivered of those sent there, by quarter.
    pub(crate) fn counts(&self) -> BTreeMap<Place, [i32; 5]> {
        let mut counts: BTreeMap<Place, [i32; 5]> = BTreeMap::new();
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

    /// Compares every answer of the store with the set.
    pub(crate) fn check(&self, store: &dyn Store) -> Result<(), StoreError> {
        assert_eq!(counts_of(store)?, self.counts());
        let books = store.books()?;
        let new: u64 = books.iter().map(|(_, books)| books.new).sum();
        assert_eq!(new, self.new_reports(), "each report is new exactly once");
        for (source, books) in &books {
            assert!(books.balanced(), "`{source}`: {books:?}");
        }
        check_explained(store, &books)
    }
}

/// The shares of the sources sum up to the counts, and every duplicate in the books is
/// told of in one slot: so no crash loses a note or makes one twice.
fn check_explained(store: &dyn Store, books: &[(SourceName, Books)]) -> Result<(), StoreError> {
    let mut numbers = Vec::new();
    for space in [SpaceKey(0), SpaceKey(1)] {
        numbers.extend(store.numbers(space)?.into_iter().map(|it| (space, it)));
    }
    let first = EpochMs(T0_MS).slot();
    let (told, unknown) = duplicates_told(store, &numbers, first)?;
    for (source, books) in books {
        let told = told.get(&**source).copied().unwrap_or(0);
        if !unknown && books.released == 0 {
            assert_eq!(told, books.duplicate, "duplicates of `{source}`");
        }
    }
    Ok(())
}

/// Everything that a store counts, in the form of [`Model::counts`].
pub(crate) fn counts_of(store: &dyn Store) -> Result<BTreeMap<Place, [i32; 5]>, StoreError> {
    let mut seen = BTreeMap::new();
    for space in [SpaceKey(0), SpaceKey(1)] {
        for number in store.numbers(space)? {
            let all = UtcDay(0)..=Slot(u32::MAX).day();
            store.read_days(space, &number, all, &mut |day, block| {
                for (at, counts) in (0..).zip(block.slots()) {
                    if !counts.is_zero() {
                        let quarter = i64::from(day.0) * 96 + at;
                        let fields = [
                            counts.sent,
                            counts.delivered,
                            counts.read,
                            counts.failed,
                            counts.delivered_of_sent,
                        ];
                        seen.insert((space, number.to_string(), quarter), fields);
                    }
                }
            })?;
        }
    }
    Ok(seen)
}

/// How many seeds a test tries; `CHATMETRIC_CASES` asks for more.
pub(crate) fn cases(default: u64) -> u64 {
    let asked = std::env::var("CHATMETRIC_CASES").ok();
    asked.and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// Says that something is over when it is dropped, also by a panic: a test whose threads wait
/// for that would hang instead of failing.
pub(crate) struct Over<'a>(pub(crate) &'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}
