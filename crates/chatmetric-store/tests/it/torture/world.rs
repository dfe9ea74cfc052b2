//! What the children of a torture are told, and what must become of it: a seeded
//! workload in batches, and the independent model of those that were acknowledged.
//!
//! A batch without an answer waits and is sent again, as a provider does.

use crate::model::counts_of;
use chatmetric_core::{EpochMs, FingerprintKey, MessageStatus, PhoneNumber, SpaceKey};
use chatmetric_sim::{Config, Event, Model, Random, Workload};
use chatmetric_store::{Batch, EmbeddedStore, Options, StatusEvent, Store, StoreError, Target};
use std::collections::BTreeMap;
use std::path::Path;

const SPACE: SpaceKey = SpaceKey(0);
const MESSAGES: u64 = 2_000_000;
/// One message in so many ms, so that a few hundred batches fill a week.
const MESSAGE_EVERY_MS: i64 = 420_000;
const QUARTER_MS: i64 = 900_000;

/// Counters by space, number and quarter of an hour.
type Counts = BTreeMap<(SpaceKey, String, i64), [i32; 5]>;

/// A workload, and how far it got.
pub(crate) struct World {
    workload: Workload,
    model: Model,
    random: Random,
    waiting: BTreeMap<u64, Vec<Event>>,
    next_id: u64,
    acknowledged: u64,
}

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        let config = Config {
            seed,
            numbers: 5,
            messages: MESSAGES,
            start_ms: crate::model::T0_MS,
            span_ms: MESSAGES as i64 * MESSAGE_EVERY_MS,
            duplicated: 200,
            disordered: 200,
            ..Config::default()
        };
        Self {
            workload: Workload::new(config),
            model: Model::new(),
            random: Random::new(seed),
            waiting: BTreeMap::new(),
            next_id: 0,
            acknowledged: 0,
        }
    }

    /// Makes the next batch and gives its number.
    pub(crate) fn next(&mut self) -> u64 {
        let size = 1 + self.random.below(12) as usize;
        let events = self.workload.next_batch(size);
        assert!(!events.is_empty(), "the workload is long enough");
        self.next_id += 1;
        self.waiting.insert(self.next_id, events);
        self.next_id
    }

    /// What has no answer yet, in order.
    pub(crate) fn waiting(&self) -> Vec<u64> {
        self.waiting.keys().copied().collect()
    }

    pub(crate) fn acknowledge(&mut self, id: u64) {
        let events = self.waiting.remove(&id).expect("answered once");
        for event in &events {
            self.model.observe(event);
        }
        self.acknowledged += 1;
    }

    /// Takes the next batches for acknowledged: those of a life that was before.
    pub(crate) fn skip(&mut self, batches: u64) {
        for _ in 0..batches {
            let id = self.next();
            self.acknowledge(id);
        }
    }

    /// How many batches were acknowledged.
    pub(crate) fn acknowledged(&self) -> u64 {
        self.acknowledged
    }

    pub(crate) fn batch(&self, id: u64) -> Batch {
        let events = &self.waiting[&id];
        let received_ms = events.iter().map(|event| event.received_ms).max();
        Batch {
            source: ["w1", "import"][(id % 2) as usize].into(),
            received_at: EpochMs(received_ms.expect("not empty")),
            events: events.iter().map(parsed).collect(),
            sealed: Vec::new(),
            ignored: 0,
        }
    }

    /// What is counted, in the form of [`counts_of`].
    pub(crate) fn counts(&self) -> Counts {
        let mut all = BTreeMap::new();
        for number in self.model.numbers(SPACE.0) {
            for (start_ms, totals) in self.model.totals(SPACE.0, &number) {
                let fields = [
                    totals.sent,
                    totals.delivered,
                    totals.read,
                    totals.failed,
                    totals.delivered_of_sent,
                ];
                let fields = fields.map(|field| i32::try_from(field).expect("small"));
                all.insert((SPACE, number.clone(), start_ms / QUARTER_MS), fields);
            }
        }
        all
    }

    /// Where the answers are not the model's; nothing may be waiting.
    fn compare(&self, store: &dyn Store) -> Result<(), String> {
        assert!(self.waiting.is_empty(), "compared after everything arrived");
        let told = |error: StoreError| error.to_string();
        let (found, expected) = (counts_of(store).map_err(told)?, self.counts());
        if found != expected {
            let sum = |counts: &Counts| counts.values().map(|fields| fields[0]).sum::<i32>();
            let (found, expected) = (sum(&found), sum(&expected));
            return Err(format!(
                "{found} sent are counted, {expected} were acknowledged"
            ));
        }
        let books = store.books().map_err(told)?;
        let new: u64 = books.iter().map(|(_, books)| books.new).sum();
        let reports = self.model.reports().new;
        if new != reports {
            return Err(format!(
                "{new} reports are in the books, {reports} were new"
            ));
        }
        match books.iter().find(|(_, books)| !books.balanced()) {
            Some((source, books)) => Err(format!("`{source}`: {books:?}")),
            None => Ok(()),
        }
    }

    /// Opens the directory, sends again what waits, and compares everything.
    pub(crate) fn settle(&mut self, dir: &Path, options: &Options) {
        self.try_settle(dir, options).expect("everything, once");
    }

    /// The same; gives what is not as it should be.
    pub(crate) fn try_settle(&mut self, dir: &Path, options: &Options) -> Result<(), String> {
        let told = |error: StoreError| error.to_string();
        let store = EmbeddedStore::open(dir, options.clone()).map_err(told)?;
        for id in self.waiting() {
            store.commit(self.batch(id)).map_err(told)?;
            self.acknowledge(id);
        }
        self.compare(&store)?;
        store.verify().map_err(told)?;
        self.compare(&store)
    }
}

/// What an edge would hand to the store.
fn parsed(event: &Event) -> StatusEvent {
    let key = FingerprintKey::new(*b"a key for tests!");
    let number = PhoneNumber::parse(&event.number).expect("digits");
    StatusEvent {
        fingerprint: key.fingerprint(event.channel, &number, &event.message_id),
        number,
        status: MessageStatus::from_word(event.status.word()).expect("a counted word"),
        at: EpochMs(event.ts_ms),
        target: Target::Space(SPACE),
    }
}
