//! A stop at each named step, and another stop at each named step of the life after
//! it: all pairs, as a crash of the process and as a power cut.
//!
//! Every life replays journals, changes the number of shards, seals, merges and
//! drops old weeks, so that it passes every step. Invariant: after both stops the
//! answers are those of the model for what was acknowledged.

use super::{cycles, folder};
use crate::crash::{copy_all, crash_at, cut, feed_with, open, settle, wait_until};
use crate::embedded::tiny;
use crate::fault_disk::FaultDisk;
use crate::model::{Model, Random, T0_MS};
use chatmetric_core::{EpochMs, Fingerprint};
use chatmetric_store::{Batch, EmbeddedStore, Options, Step, Store, StoreError};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

const DAY_MS: i64 = 86_400_000;
/// What is old was received then; its week ends on day 48.
const OLD_DAY: i64 = 41;
const FLOOR_DAY: i64 = 100;
/// Pairs of steps in CI, in both tests together: all of them, each in one of the two
/// ways. Twice as many are all of them in both ways.
const PAIRS: u64 = (Step::ALL.len() * Step::ALL.len()) as u64;
/// Batches of a life at most; all steps are passed long before.
const BATCHES_MAX: u64 = 3_000;

/// A batch that the floor leaves alone, of messages that the old life has not seen.
fn fresh(random: &mut Random) -> Batch {
    let mut batch = random.batch(60);
    for event in &mut batch.events {
        event.fingerprint = Fingerprint(event.fingerprint.0 ^ (1 << 100));
        event.at = EpochMs(event.at.0 + (FLOOR_DAY + 1) * DAY_MS);
    }
    batch
}

/// A directory that the next start has everything to do with: runs of an old week, a
/// floor behind it that only the journal knows, and batches in the journal.
struct Template {
    dir: tempfile::TempDir,
    model: Model,
}

impl Template {
    fn make() -> Self {
        let dir = folder();
        let (mut model, mut random) = (Model::default(), Random(17));
        let lazy = Options {
            generation_records_max: 100_000,
            segment_bytes: 64 * 1024,
            merge_fan_in: 1_000,
            ..tiny()
        };
        let store = open(dir.path(), &lazy);
        for _ in 0..20 {
            let old = Batch {
                received_at: EpochMs(T0_MS + OLD_DAY * DAY_MS),
                ..random.batch(60)
            };
            store.commit(old.clone()).expect("taken");
            model.take(&old);
        }
        store.verify().expect("exact");
        store
            .raise_floor(EpochMs(T0_MS + FLOOR_DAY * DAY_MS))
            .expect("raised");
        for _ in 0..6 {
            let batch = fresh(&mut random);
            store.commit(batch.clone()).expect("taken");
            model.take(&batch);
        }
        drop(store);
        Self { dir, model }
    }
}

/// A directory between two lives.
struct Subject {
    dir: tempfile::TempDir,
    model: Model,
    random: Random,
    again: Option<Batch>,
}

impl Subject {
    fn new(template: &Template, seed: u64) -> Self {
        let dir = folder();
        copy_all(template.dir.path(), dir.path());
        Self {
            dir,
            model: template.model.clone(),
            random: Random(seed),
            again: None,
        }
    }

    /// One life that ends at the `nth` time that `step` is passed; whether it was.
    /// One that `must` pass it waits for it.
    fn live(&mut self, step: Step, nth: u32, shards: u32, (power_cut, must): (bool, bool)) -> bool {
        let disk = FaultDisk::new();
        disk.adopt(self.dir.path());
        let options = Options {
            shards,
            disk: Arc::new(disk.clone()),
            ..tiny()
        };
        let (options, stopped) = crash_at(step, nth, options);
        match EmbeddedStore::open(self.dir.path(), options) {
            Ok(store) => self.work(&store, &stopped, must),
            Err(StoreError::Poisoned { .. }) => {}
            Err(other) => panic!("{other}"),
        }
        if power_cut {
            self.dir = cut(self.dir.path(), &disk, &mut self.random);
        }
        stopped.load(Ordering::SeqCst)
    }

    /// Sends what was refused before, and then batches until one is refused.
    fn work(&mut self, store: &EmbeddedStore, stopped: &AtomicBool, must: bool) {
        if let Some(batch) = self.again.take() {
            if store.commit(batch.clone()).is_err() {
                self.again = Some(batch);
                return;
            }
            self.model.take(&batch);
        }
        for round in 0..BATCHES_MAX / 10 {
            let refused = feed_with(store, &mut self.model, || fresh(&mut self.random), 10);
            if let Some((batch, error)) = refused {
                let stops = matches!(error, StoreError::Poisoned { .. } | StoreError::Closed);
                assert!(stops, "{error}");
                self.again = Some(batch);
                return;
            }
            if stopped.load(Ordering::SeqCst) {
                return;
            }
            // Everything that is open is sealed: the step is not left to the load. Old
            // weeks are not dropped during a verification, so they get time between two.
            if round % 10 < 5 {
                match store.verify() {
                    Ok(_) => {}
                    Err(StoreError::Poisoned { .. } | StoreError::Closed) => return,
                    Err(other) => panic!("{other}"),
                }
            }
        }
        // The merger drops old weeks when it has nothing to merge; with all the runs of
        // this load it may come to that only now.
        if must {
            wait_until("the step", || stopped.load(Ordering::SeqCst));
        }
    }

    fn settle(mut self, shards: u32) {
        let options = Options { shards, ..tiny() };
        settle(self.dir.path(), &options, &mut self.model, self.again);
    }
}

/// Dropped weeks do not come back, so a second life need not pass these.
const fn may_be_done(step: Step) -> bool {
    matches!(step, Step::WeeksTakenOut | Step::WeeksDropped)
}

/// All pairs of steps whose numbers add up to an even or an odd number, or all.
fn pairs(odd: bool, power_cut: bool) {
    let template = Template::make();
    let rounds = cycles(PAIRS).div_ceil(PAIRS);
    let (mut tried, mut reached) = (0, 0);
    for round in 0..rounds {
        for (at, first) in Step::ALL.into_iter().enumerate() {
            for (and, second) in Step::ALL.into_iter().enumerate() {
                if rounds == 1 && ((at + and) % 2 == 1) != odd {
                    continue;
                }
                println!("{round}: {first:?}, {second:?}");
                let seed = round * 1_000 + (at * 20 + and) as u64;
                let nth = 1 + (round % 3) as u32;
                let mut subject = Subject::new(&template, seed);
                // Another number of shards each time.
                let passed = subject.live(first, once(first, nth), 3, (power_cut, true));
                assert!(passed, "{first:?} was not passed");
                let must = !may_be_done(second);
                let passed = subject.live(second, once(second, nth), 2, (power_cut, must));
                assert!(passed || !must, "{first:?}: {second:?}");
                (tried, reached) = (tried + 1, reached + u64::from(passed));
                subject.settle(1 + (round % 2) as u32);
            }
        }
    }
    println!("figure: {reached} of {tried} pairs of steps, nothing lost");
    assert!(reached * 20 >= tried * 17, "{reached} of {tried}");
}

/// A start passes some steps only once.
const fn once(step: Step, nth: u32) -> u32 {
    match step {
        Step::WeeksTakenOut
        | Step::WeeksDropped
        | Step::Replayed
        | Step::OldShardsSealed
        | Step::ShardsCommitted => 1,
        _ => nth,
    }
}

#[test]
fn a_stop_at_any_step_and_at_any_step_after_it_loses_and_doubles_nothing() {
    pairs(false, false);
}

#[test]
fn a_power_cut_at_any_step_and_at_any_step_after_it_loses_and_doubles_nothing() {
    pairs(true, true);
}
