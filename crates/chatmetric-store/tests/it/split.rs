//! One store becomes several: together they answer what it answered, each is sound by
//! itself and goes on counting, and nothing of a number is in two of them.

use crate::embedded::tiny;
use crate::model::{Random, T0_MS, cases};
use crate::subject::{ACCOUNT, OTHER_SPACE, SPACE};
use chatmetric_core::{
    Counts, EpochMs, Fingerprint, MessageStatus, PhoneNumber, Slot, SpaceKey, UtcDay,
};
use chatmetric_store::{
    Batch, Books, EXPLAINED_SLOTS_MAX, EmbeddedStore, Explanation, Options, PartOf,
    QuarantineFilter, Quarantined, Reason, SealedItem, SourceName, StatusEvent, Store, StoreError,
    StoreSplit, Target,
};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

const DAY_MS: i64 = 86_400_000;
const NUMBERS: u64 = 9;

/// Parts by the sum of bytes.
struct Parts(usize);

impl PartOf for Parts {
    fn parts(&self) -> usize {
        self.0
    }

    fn of_number(&self, number: &PhoneNumber) -> usize {
        let sum: usize = number.as_bytes().iter().map(|it| usize::from(*it)).sum();
        sum % self.0
    }

    fn of_source(&self, source: &str) -> usize {
        source.len() % self.0
    }
}

/// A history of everything that a store is asked to do, by a seed.
struct History {
    random: Random,
    floor_ms: i64,
    now_ms: i64,
    batches: Vec<Batch>,
}

impl History {
    fn new(seed: u64) -> Self {
        Self {
            random: Random(seed),
            floor_ms: T0_MS - 40 * DAY_MS,
            now_ms: T0_MS,
            batches: Vec::new(),
        }
    }

    fn event(&mut self) -> StatusEvent {
        let message = self.random.below(120);
        let nth = message % NUMBERS;
        // Some are before the floor, some of the future.
        let away = self.random.below(10 * 96) as i64 * 900_000;
        let ahead = if self.random.below(9) == 0 { DAY_MS } else { 0 };
        StatusEvent {
            fingerprint: Fingerprint(
                u128::from(message + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835),
            ),
            number: PhoneNumber::parse(&format!("1555010{nth}")).expect("digits"),
            status: MessageStatus::ALL[self.random.below(4) as usize],
            at: EpochMs(self.now_ms - away + ahead),
            target: match nth {
                0 => Target::Held(ACCOUNT),
                1 => Target::Refused(ACCOUNT, Reason::SecondSource),
                nth if nth % 2 == 0 => Target::Space(SPACE),
                _ => Target::Space(OTHER_SPACE),
            },
        }
    }

    fn batch(&mut self) -> Batch {
        self.now_ms += self.random.below(6) as i64 * 3_600_000;
        let count = self.random.below(14);
        let sealed = self.random.below(6) == 0;
        let sealed = sealed.then(|| SealedItem {
            account: ACCOUNT,
            reason: Reason::Unparsable,
            sealed: format!("body {}", self.random.next()).into_bytes().into(),
        });
        Batch {
            source: ["w1", "other", "import"][self.random.below(3) as usize].into(),
            received_at: EpochMs(self.now_ms),
            events: (0..count).map(|_| self.event()).collect(),
            sealed: sealed.into_iter().collect(),
            ignored: self.random.below(3) as u32,
        }
    }

    fn step(&mut self, store: &EmbeddedStore) -> Result<(), StoreError> {
        match self.random.below(20) {
            0 => {
                let ahead = if self.random.below(6) == 0 { 60 } else { 1 };
                self.floor_ms = (self.floor_ms + ahead * DAY_MS).min(self.now_ms - DAY_MS);
                store.raise_floor(EpochMs(self.floor_ms))?;
            }
            1 => {
                store.release_due(EpochMs(self.now_ms))?;
            }
            2 if self.random.below(4) == 0 => {
                let held = PhoneNumber::parse("15550100").expect("digits");
                store.claim(ACCOUNT, held, OTHER_SPACE)?;
            }
            3 if self.random.below(3) == 0 => self.now_ms += 20 * DAY_MS,
            _ => {
                let batch = self.batch();
                store.commit(batch.clone())?;
                self.batches.push(batch);
            }
        }
        Ok(())
    }
}

/// Everything that a store answers.
#[derive(Debug, PartialEq, Default)]
struct Answers {
    counts: BTreeMap<(SpaceKey, PhoneNumber, u32), Counts>,
    numbers: BTreeMap<SpaceKey, Vec<PhoneNumber>>,
    explained: BTreeMap<(SpaceKey, PhoneNumber, u32), Explanation>,
    books: BTreeMap<SourceName, Books>,
    items: Vec<Quarantined>,
}

impl Answers {
    fn add(&mut self, store: &EmbeddedStore) {
        for (space, number) in store.bindings() {
            let all = UtcDay(0)..=Slot(u32::MAX).day();
            let visited = store.read_days(space, &number, all, &mut |day, block| {
                for (at, counts) in (day.first_slot().0..).zip(block.slots()) {
                    if !counts.is_zero() {
                        let before = self.counts.insert((space, number, at), counts);
                        assert_eq!(before, None, "`{number}` is in two parts");
                    }
                }
            });
            visited.expect("readable");
            let numbers = self.numbers.entry(space).or_default();
            numbers.push(number);
            numbers.sort();
            let mut from = EpochMs(T0_MS - 20 * DAY_MS).slot().0;
            for _ in 0..4 {
                let to = from + EXPLAINED_SLOTS_MAX;
                let told = store.explain(space, &number, Slot(from)..Slot(to));
                let told = told.expect("readable");
                self.explained.insert((space, number, from), told);
                from = to;
            }
        }
        for (source, books) in store.books().expect("readable") {
            assert!(books.balanced(), "{books:?}");
            *self.books.entry(source).or_default() += books;
        }
        let items = store.quarantine(QuarantineFilter::default(), 100_000);
        self.items.extend(items.expect("readable"));
        self.items.sort_by_key(|item| item.id);
    }

    fn of<'s>(stores: impl IntoIterator<Item = &'s EmbeddedStore>) -> Self {
        let mut answers = Self::default();
        stores.into_iter().for_each(|store| answers.add(store));
        answers
    }
}

fn split(store: &EmbeddedStore, parts: &Parts, dir: &Path) -> Vec<PathBuf> {
    let dirs: Vec<PathBuf> = (0..parts.0).map(|it| dir.join(it.to_string())).collect();
    let split = StoreSplit::begin(store, parts).expect("sealed");
    let wanted: Vec<(usize, &Path)> = (0..).zip(dirs.iter().map(PathBuf::as_path)).collect();
    let made = split.write(&wanted).expect("written");
    assert_eq!(
        made.iter().map(|it| it.records).sum::<u64>(),
        split.records()
    );
    dirs
}

fn one_history(seed: u64) {
    let mut history = History::new(seed);
    let shards = 1 + history.random.below(3) as u32;
    let parts = Parts(1 + history.random.below(5) as usize);
    let told = format!("seed {seed}: {shards} shards, {} parts", parts.0);
    let dir = tempfile::tempdir().expect("a directory");
    let options = Options { shards, ..tiny() };
    let mut store = EmbeddedStore::open(dir.path().join("whole"), options.clone()).expect("opens");
    for _ in 0..40 + history.random.below(120) {
        history.step(&store).expect("taken");
    }
    if history.random.below(2) == 0 {
        // What was open is replayed by then, and the last frames are open again.
        drop(store);
        store = EmbeddedStore::open(dir.path().join("whole"), options).expect("opens again");
        history.step(&store).expect("taken");
    }
    let whole = store.verify().expect("sound");
    let wanted = Answers::of([&store]);
    let dirs = split(&store, &parts, dir.path());
    assert_eq!(
        Answers::of([&store]),
        wanted,
        "{told}: the whole has changed"
    );

    let one = Options {
        shards: 1,
        ..tiny()
    };
    let open = |dir: &PathBuf| EmbeddedStore::open(dir, one.clone()).expect("a part opens");
    let made: Vec<EmbeddedStore> = dirs.iter().map(open).collect();
    let (mut records, mut days) = (0, 0);
    for (nth, part) in made.iter().enumerate() {
        let report = part
            .verify()
            .unwrap_or_else(|error| panic!("{told}: {error}"));
        (records, days) = (records + report.records, days + report.day_blocks);
        let mut numbers = part.bindings().into_iter().map(|(_, number)| number);
        assert!(numbers.all(|it| parts.of_number(&it) == nth), "{told}");
        assert_eq!(part.floor(), store.floor(), "{told}");
    }
    assert_eq!(Answers::of(&made), wanted, "{told}");
    assert_eq!(days, whole.day_blocks, "{told}");
    // Weeks may have been dropped meanwhile, here and there.
    assert!(records <= whole.records, "{told}");

    // All of it once more changes no count; what waits is claimed where its number is.
    for batch in &history.batches {
        for (nth, part) in made.iter().enumerate() {
            let mut own = Batch {
                sealed: Vec::new(),
                ..batch.clone()
            };
            own.events.retain(|it| parts.of_number(&it.number) == nth);
            part.commit(own).expect("taken");
        }
    }
    let again = Answers::of(&made);
    assert_eq!(again.counts, wanted.counts, "{told}");
    for part in &made {
        let held = PhoneNumber::parse("15550100").expect("digits");
        part.claim(ACCOUNT, held, OTHER_SPACE).expect("claimed");
        part.verify()
            .unwrap_or_else(|error| panic!("{told}: {error}"));
    }
}

#[test]
fn parts_together_answer_what_the_whole_answered() {
    for seed in 0..cases(6) {
        one_history(seed);
    }
}

#[test]
fn parts_that_are_not_wanted_are_not_made_and_none_is_made_twice() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = EmbeddedStore::open(dir.path().join("whole"), tiny()).expect("opens");
    let mut history = History::new(77);
    for _ in 0..60 {
        history.step(&store).expect("taken");
    }
    let parts = Parts(3);
    let split = StoreSplit::begin(&store, &parts).expect("sealed");
    let only = dir.path().join("only");
    let made = split.write(&[(1, only.as_path())]).expect("written");
    assert_eq!(made.len(), 1);
    let part = EmbeddedStore::open(&only, tiny()).expect("opens");
    part.verify().expect("sound");
    assert_eq!(part.bindings().len() as u64, made[0].bindings);
    assert_eq!(part.books().expect("readable"), split.books(1));
    let error = split
        .write(&[(1, only.as_path())])
        .expect_err("it is there");
    assert!(matches!(error, StoreError::Io { .. }), "{error}");
    store.close();
    let error = StoreSplit::begin(&store, &parts).expect_err("nothing is sealed any more");
    assert!(matches!(error, StoreError::Closed), "{error}");
}

#[test]
fn an_empty_store_has_empty_parts() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = EmbeddedStore::open(dir.path().join("whole"), tiny()).expect("opens");
    for dir in split(&store, &Parts(2), dir.path()) {
        let part = EmbeddedStore::open(dir, tiny()).expect("opens");
        part.verify().expect("sound");
        assert_eq!(Answers::of([&part]), Answers::default());
    }
}
