//! Dropping old weeks: what goes, what stays, and what is committed, sealed or
//! interrupted meanwhile.
//!
//! The steps of a drop are watched through the crash hook, so that a test can act
//! between taking the weeks out of the look-ups and the batch that forgets them.

use crate::crash::{copy_all, crash_at, open, settle, wait_until};
use crate::crash_quarantine::settle_down;
use crate::embedded::tiny;
use crate::fault_disk::FaultDisk;
use crate::model::{Model, Random, T0_MS};
use chatmetric_core::{EpochMs, Fingerprint, MessageStatus, PhoneNumber, SpaceKey};
use chatmetric_store::{Batch, EmbeddedStore, Options, StatusEvent, Step, Store, Target};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

const DAY_MS: i64 = 86_400_000;
/// What is old in these tests was received so many days after the start; the week
/// of that day ends on day 48.
const OLD_DAY: i64 = 41;
const OLD_WEEK_END_DAY: i64 = 48;
/// The floor that makes it old.
const FLOOR_DAY: i64 = 100;
/// How long a step may take before a test gives up.
const PATIENCE: Duration = Duration::from_secs(30);

fn day(at: i64) -> EpochMs {
    EpochMs(T0_MS + at * DAY_MS)
}

fn report(message: u64, status: MessageStatus, at: EpochMs) -> StatusEvent {
    StatusEvent {
        fingerprint: Fingerprint(
            u128::from(message + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835),
        ),
        number: PhoneNumber::parse("15550001").expect("digits"),
        status,
        at,
        target: Target::Space(SpaceKey(0)),
    }
}

fn batch(received_at: EpochMs, events: Vec<StatusEvent>) -> Batch {
    Batch {
        source: "w1".into(),
        received_at,
        events,
        sealed: Vec::new(),
        ignored: 0,
    }
}

/// Three messages that are new when the floor is at [`FLOOR_DAY`].
fn fresh(round: u64) -> Batch {
    // However many rounds there are on a busy machine, none is of the future.
    let minute = round as i64 % 1_440;
    let at = EpochMs(day(FLOOR_DAY + 1).0 + minute * 60_000);
    let events = (0..3).map(|it| report(1_000_000 + 3 * round + it, MessageStatus::Sent, at));
    batch(day(FLOOR_DAY + 2), events.collect())
}

/// Seals only when it is told to, and merges nothing: the old life becomes one run,
/// the first of all.
fn lazy() -> Options {
    Options {
        generation_records_max: 100_000,
        segment_bytes: 1024 * 1024,
        merge_fan_in: 1_000,
        ..tiny()
    }
}

/// Commits what will be old and seals it.
fn old_life(store: &EmbeddedStore, model: &mut Model) {
    let mut random = Random(13);
    for _ in 0..30 {
        let old = Batch {
            received_at: day(OLD_DAY),
            ..random.batch(60)
        };
        store.commit(old.clone()).expect("taken");
        model.take(&old);
    }
    store.verify().expect("exact");
    assert!(store.stats().run_records > 0);
}

/// Makes the floor durable in the catalog, where a drop looks for it.
fn raise_floor(store: &EmbeddedStore, at: EpochMs) {
    store.raise_floor(at).expect("raised");
    store.verify().expect("exact");
}

/// A store whose drop stops after taking the weeks out, until it is told to go on.
struct Watched {
    taken_out: mpsc::Receiver<()>,
    go_on: mpsc::Sender<()>,
    dropped: mpsc::Receiver<()>,
}

impl Watched {
    fn options(options: Options) -> (Options, Self) {
        let (tell_taken_out, taken_out) = mpsc::channel();
        let (go_on, wait) = mpsc::channel();
        let (tell_dropped, dropped) = mpsc::channel();
        let wait = Mutex::new(wait);
        let hook = move |step: Step| {
            if step == Step::WeeksTakenOut {
                let _nobody = tell_taken_out.send(());
                let wait = wait.lock().expect("sound");
                let _gone = wait.recv_timeout(PATIENCE);
            }
            if step == Step::WeeksDropped {
                let _nobody = tell_dropped.send(());
            }
            false
        };
        let options = Options {
            crash: Some(Arc::new(hook)),
            ..options
        };
        let watched = Self {
            taken_out,
            go_on,
            dropped,
        };
        (options, watched)
    }

    /// Runs `meanwhile` between the two steps of the drop.
    fn drop_with(&self, meanwhile: impl FnOnce()) {
        self.taken_out.recv_timeout(PATIENCE).expect("taken out");
        meanwhile();
        self.go_on.send(()).expect("it waits");
        self.dropped.recv_timeout(PATIENCE).expect("dropped");
    }
}

#[test]
fn a_run_sealed_while_weeks_are_dropped_stays() {
    let dir = tempfile::tempdir().expect("a directory");
    let (options, watched) = Watched::options(lazy());
    let mut model = Model::default();
    let store = open(dir.path(), &options);
    old_life(&store, &mut model);
    store.raise_floor(day(FLOOR_DAY)).expect("raised");
    std::thread::scope(|scope| {
        // Seals the floor; it may have to wait for the drop.
        let sealing = scope.spawn(|| store.verify().expect("exact"));
        watched.drop_with(|| {
            for round in 0..4 {
                store.commit(fresh(round)).expect("taken");
                model.take(&fresh(round));
            }
        });
        sealing.join().expect("sound");
    });
    model.check(&store).expect("readable");
    drop(store);
    let store = open(dir.path(), &tiny());
    for round in 0..4 {
        let receipt = store.commit(fresh(round)).expect("taken");
        assert_eq!((receipt.new, receipt.duplicate), (0, 3), "round {round}");
    }
    drop(store);
    settle(dir.path(), &tiny(), &mut model, None);
}

/// A copy of the directory of a store that does nothing just now.
fn copy_live(dir: &Path, disk: &FaultDisk) -> tempfile::TempDir {
    settle_down(disk);
    let image = tempfile::tempdir().expect("a directory");
    copy_all(dir, image.path());
    image
}

/// The same, cut by a crash before the drop is through: both the old run and the
/// fresh ones are in the manifest then, each in its own place.
#[test]
fn a_run_sealed_while_weeks_are_dropped_takes_no_place_of_another() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut model = Model::default();
    let store = open(dir.path(), &lazy());
    old_life(&store, &mut model);
    drop(store);
    let disk = FaultDisk::new();
    let (options, watched) = Watched::options(Options {
        generation_records_max: 2,
        disk: Arc::new(disk.clone()),
        ..lazy()
    });
    let store = open(dir.path(), &options);
    store.raise_floor(day(FLOOR_DAY)).expect("raised");
    std::thread::scope(|scope| {
        let sealing = scope.spawn(|| store.verify().expect("exact"));
        watched.drop_with(|| {
            for round in 0..4 {
                store.commit(fresh(round)).expect("taken");
                model.take(&fresh(round));
            }
            wait_until("three seals", || store.stats().runs == 3);
            let image = copy_live(dir.path(), &disk);
            settle(image.path(), &tiny(), &mut model.clone(), None);
        });
        sealing.join().expect("sound");
    });
    drop(store);
    settle(dir.path(), &tiny(), &mut model, None);
}

#[test]
fn a_drop_to_nothing_under_load_counts_everything_once() {
    for options in [tiny(), lazy()] {
        let dir = tempfile::tempdir().expect("a directory");
        let mut model = Model::default();
        let (options, dropped) = noting(Step::WeeksDropped, options);
        let store = open(dir.path(), &options);
        old_life(&store, &mut model);
        let rounds = std::thread::scope(|scope| {
            let writer = scope.spawn(|| {
                let mut rounds = 0;
                while !dropped.load(Ordering::SeqCst) {
                    store.commit(fresh(rounds)).expect("taken");
                    rounds += 1;
                }
                rounds
            });
            store.raise_floor(day(FLOOR_DAY)).expect("raised");
            store.verify().expect("exact");
            wait_for(&dropped);
            writer.join().expect("sound")
        });
        for round in 0..rounds {
            model.take(&fresh(round));
        }
        drop(store);
        let store = open(dir.path(), &tiny());
        for round in 0..rounds {
            let receipt = store.commit(fresh(round)).expect("taken");
            let seen = (receipt.new, receipt.duplicate);
            assert_eq!(seen, (0, 3), "round {round} of {rounds}");
        }
        drop(store);
        settle(dir.path(), &tiny(), &mut model, None);
    }
}

/// Options that tell when a step was passed.
fn noting(step: Step, options: Options) -> (Options, Arc<AtomicBool>) {
    let passed = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&passed);
    let hook = move |it: Step| {
        flag.fetch_or(it == step, Ordering::SeqCst);
        false
    };
    let options = Options {
        crash: Some(Arc::new(hook)),
        ..options
    };
    (options, passed)
}

fn wait_for(passed: &AtomicBool) {
    wait_until("the step", || passed.load(Ordering::SeqCst));
}

#[test]
fn a_week_goes_thirty_days_behind_the_floor_and_not_a_day_earlier() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut model = Model::default();
    let (options, dropped) = noting(Step::WeeksDropped, lazy());
    let store = open(dir.path(), &options);
    old_life(&store, &mut model);
    raise_floor(&store, day(OLD_WEEK_END_DAY + 30 - 1));
    // Every seal looks for weeks to drop.
    for round in 0..3 {
        store.commit(fresh(round)).expect("taken");
        model.take(&fresh(round));
        store.verify().expect("exact");
        std::thread::sleep(Duration::from_millis(100));
    }
    assert!(!dropped.load(Ordering::SeqCst), "a day too early");
    raise_floor(&store, day(OLD_WEEK_END_DAY + 30));
    wait_for(&dropped);
    drop(store);
    settle(dir.path(), &tiny(), &mut model, None);
}

/// A claim counts events that are older than it. Their records are kept as long as
/// if they had been counted when they came, so that their other reports meet them.
#[test]
fn a_claimed_record_is_kept_by_its_receipt_not_by_its_age() {
    const RECEIVED_DAY: i64 = 59;
    let dir = tempfile::tempdir().expect("a directory");
    let (options, dropped) = noting(Step::WeeksDropped, lazy());
    let store = open(dir.path(), &options);
    let account = chatmetric_core::AccountKey(1);
    let held = StatusEvent {
        target: Target::Held(account),
        ..report(1, MessageStatus::Sent, day(20))
    };
    store
        .commit(batch(day(RECEIVED_DAY), vec![held]))
        .expect("taken");
    raise_floor(&store, day(RECEIVED_DAY));
    let claimed = store.claim(account, held.number, SpaceKey(0));
    assert_eq!(claimed.expect("claimed"), 1);
    for _ in 0..3 {
        assert_eq!(store.verify().expect("exact").records, 1);
        std::thread::sleep(Duration::from_millis(100));
    }
    assert!(!dropped.load(Ordering::SeqCst), "too early");
    // The week of the receipt ends at most a week after it.
    raise_floor(&store, day(RECEIVED_DAY + 7 + 30));
    wait_for(&dropped);
}

#[test]
fn a_crash_while_weeks_are_dropped_loses_and_doubles_nothing() {
    let steps = [Step::WeeksTakenOut, Step::WeeksDropped];
    for (step, options) in steps
        .map(|step| [(step, tiny()), (step, lazy())])
        .into_iter()
        .flatten()
    {
        println!("{step:?} {options:?}");
        let dir = tempfile::tempdir().expect("a directory");
        let mut model = Model::default();
        let (options, crashed) = crash_at(step, 1, options);
        let store = open(dir.path(), &options);
        old_life(&store, &mut model);
        let old_messages = model.messages();
        store.raise_floor(day(FLOOR_DAY)).expect("raised");
        let mut sealing = 0;
        let refused = (0..100_000).map(fresh).find(|batch| {
            // The lazy one has to be told now and then; a verification may meet the
            // crash.
            sealing += 1;
            if sealing % 16 == 0 {
                drop(store.verify());
            }
            let taken = store.commit(batch.clone()).is_ok();
            if taken {
                model.take(batch);
            }
            !taken
        });
        assert!(crashed.load(Ordering::SeqCst), "{step:?} was passed");
        drop(store);
        settle(dir.path(), &tiny(), &mut model, refused);
        // What the crash interrupted is done after it: no old record is left.
        let store = open(dir.path(), &tiny());
        let fresh_records = model.messages() - old_messages;
        wait_until("no old record is left", || {
            store.verify().expect("exact").records == fresh_records
        });
        drop(store);
        settle(dir.path(), &tiny(), &mut model, None);
    }
}

/// Such a report is beyond what the counts promise: the message counts twice. It
/// must not make the tallies look damaged, nor stop the drop, whenever it comes.
#[test]
fn a_report_after_the_longest_distance_leaves_the_tallies_provable() {
    for crash in [false, true] {
        let dir = tempfile::tempdir().expect("a directory");
        let (disk, mut model) = (FaultDisk::new(), Model::default());
        let (options, watched) = Watched::options(Options {
            disk: Arc::new(disk.clone()),
            ..lazy()
        });
        let store = open(dir.path(), &options);
        old_life(&store, &mut model);
        store.raise_floor(day(FLOOR_DAY)).expect("raised");
        // The old life has no message of this number in it that it does not know.
        let late = report(0, MessageStatus::Read, day(FLOOR_DAY + 1));
        let late = batch(day(FLOOR_DAY + 2), vec![late, late]);
        std::thread::scope(|scope| {
            let sealing = scope.spawn(|| store.verify());
            watched.taken_out.recv_timeout(PATIENCE).expect("taken out");
            let receipt = store.commit(late.clone()).expect("taken");
            assert_eq!((receipt.new, receipt.duplicate), (1, 1));
            if crash {
                let image = copy_live(dir.path(), &disk);
                let again = open(image.path(), &tiny());
                again.verify().expect("exact after the crash");
            }
            watched.go_on.send(()).expect("it waits");
            watched.dropped.recv_timeout(PATIENCE).expect("dropped");
            sealing.join().expect("sound").expect("exact");
        });
        drop(store);
        open(dir.path(), &tiny()).verify().expect("exact");
    }
}
