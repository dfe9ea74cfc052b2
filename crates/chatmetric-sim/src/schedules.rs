//! Runs a test in many orders of its threads, and says how to repeat the one that failed.
//!
//! It exists under `--cfg shuttle` alone (`cargo xtask concurrency`). It is not a stress test:
//! one thread of the machine runs at a time, and shuttle decides at each lock, wait and atomic
//! which one goes on. Invariant: the orders follow from the seed, so a red run is red again.

use shuttle::scheduler::{PctScheduler, RandomScheduler, ReplayScheduler};
use shuttle::{Config, Runner};
use std::sync::Arc;

/// How many orders of each kind are tried.
const SCHEDULES_VARIABLE: &str = "CHATMETRIC_SCHEDULES";
const SCHEDULES_DEFAULT: usize = 2_000;
/// One order to repeat, as shuttle printed it.
const SCHEDULE_VARIABLE: &str = "CHATMETRIC_SCHEDULE";
/// Shuttle itself takes another one from `SHUTTLE_RANDOM_SEED`.
const SEED: u64 = 1;
/// Faults that need at most so many unlucky changes of threads are looked for.
const CHANGES_OF_THREADS: usize = 3;
/// The engine of the store needs more than the default of 60 KiB.
const STACK_BYTES: usize = 1024 * 1024;

/// Runs `body` once in every order: random ones, and as many with few, well-placed changes of
/// threads.
///
/// # Panics
/// When the body does, when its threads wait for each other, or the variables make no sense.
pub fn explore(body: impl Fn() + Send + Sync + 'static) {
    let mut config = Config::new();
    config.stack_size = STACK_BYTES;
    if let Ok(schedule) = std::env::var(SCHEDULE_VARIABLE) {
        Runner::new(ReplayScheduler::new_from_encoded(&schedule), config).run(body);
        return;
    }
    let schedules = std::env::var(SCHEDULES_VARIABLE).map_or(SCHEDULES_DEFAULT, |told| {
        told.parse().expect("CHATMETRIC_SCHEDULES is a number")
    });
    let body = Arc::new(body);
    let _hint = Hint;
    let random = RandomScheduler::new_from_seed(SEED, schedules);
    let first = Arc::clone(&body);
    let tried = Runner::new(random, config.clone()).run(move || first());
    let pct = PctScheduler::new_from_seed(SEED, CHANGES_OF_THREADS, schedules);
    let tried = tried + Runner::new(pct, config).run(move || body());
    assert_eq!(tried, 2 * schedules, "all of them were run");
}

/// Says what to do with the order that shuttle prints.
struct Hint;

impl Drop for Hint {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!(
                "to repeat it: {SCHEDULE_VARIABLE}=<the schedule above> cargo xtask concurrency <test>"
            );
        }
    }
}
