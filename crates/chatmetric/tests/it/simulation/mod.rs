//! Sources, a network, the real server on a simulated disk, and an auditor: lives of a
//! server in virtual time, each a function of its seed.
//!
//! Real is everything from the signature of a webhook to the bytes of the store; simulated
//! are sockets, the disk under the store, the clock and the provider. The pure parts are
//! those of `chatmetric-sim`. `cargo xtask sim` runs this for hours, or one seed again.
//!
//! Invariant: a seed that failed once stands in `crates/chatmetric-sim/seeds.txt`, and is
//! run ever after.

mod compare;
mod disk;
mod drive;
mod machine;
mod report;
mod verdict;

use chatmetric::clock::{Clock as _, SystemClock};
use drive::run;
use report::Report;

/// Seeds in CI.
const SEEDS_CI: u64 = 50;
/// Seeds that failed once, with why.
const FAILED_ONCE: &str = include_str!("../../../../chatmetric-sim/seeds.txt");

/// What a number in the environment asks for.
fn asked<T: std::str::FromStr>(variable: &str) -> Option<T> {
    std::env::var(variable).ok()?.parse().ok()
}

/// Says which seed it was when a test ends badly.
struct Telling(u64);

impl Drop for Telling {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let seed = self.0;
            println!("seed {seed} failed; again: cargo xtask sim --seed {seed}");
            println!("once it is mended, add it to crates/chatmetric-sim/seeds.txt");
        }
    }
}

fn run_told(seed: u64) -> Report {
    let telling = Telling(seed);
    let report = run(telling.0);
    println!("seed {seed}: {report:?}");
    report
}

/// The seeds from `first` on: so many, or as many as the hours allow.
fn run_all(first: u64, seeds: u64, hours: Option<f64>) -> Report {
    let clock = SystemClock::default();
    let is_time_left = |done: u64| match hours {
        None => done < seeds,
        Some(hours) => (clock.monotonic_ms() as f64) < hours * 3_600_000.0,
    };
    let (mut sum, mut done) = (Report::default(), 0);
    while is_time_left(done) {
        sum.add(&run_told(first.wrapping_add(done)));
        done += 1;
    }
    println!("\nfigure: {done} seeds from {first} on: {sum:?}");
    sum
}

/// `CHATMETRIC_SIM_SEED` says where to begin (and, alone, that it is the only one),
/// `CHATMETRIC_SIM_SEEDS` how many, `CHATMETRIC_SIM_HOURS` how long instead.
#[test]
fn whatever_happens_everything_is_counted_exactly_once() {
    let (first, seeds) = (asked("CHATMETRIC_SIM_SEED"), asked("CHATMETRIC_SIM_SEEDS"));
    let hours = asked("CHATMETRIC_SIM_HOURS");
    let is_ci = first.is_none() && seeds.is_none() && hours.is_none();
    let default = if first.is_some() { 1 } else { SEEDS_CI };
    let sum = run_all(first.unwrap_or(1), seeds.unwrap_or(default), hours);
    if is_ci {
        // A simulation in which nothing goes wrong proves nothing.
        assert!(sum.power_cuts > 50 && sum.kills > 20, "{sum:?}");
        assert!(sum.poisoned > 5 && sum.unknown > 20, "{sum:?}");
        assert!(sum.refused > 5 && sum.forged > 50, "{sum:?}");
        assert!(
            sum.late > 100 && sum.waited > 200 && sum.bound > 50,
            "{sum:?}"
        );
        assert!(sum.compared > 10 * sum.undecided, "{sum:?}");
    }
}

#[test]
fn seeds_that_failed_once_do_not_fail_again() {
    let lines = FAILED_ONCE.lines().map(|line| line.split('#').next());
    let words = lines.flatten().map(str::trim).filter(|it| !it.is_empty());
    for seed in words {
        run_told(seed.parse().expect("a seed"));
    }
}
