//! The integration tests of the crate, one binary: the counting rules against
//! the independent model of `chatmetric-sim`.
//!
//! By default a fixed seed and few cases, for a run of seconds. `PROPTEST_CASES`
//! sets the number of cases and takes a new seed each time (`PROPTEST_RNG_SEED`
//! fixes it); `CHATMETRIC_ALL_TRANSITIONS=1` checks every clock change of every
//! zone.

mod calendar;
mod counting;
mod ledger;
mod queries;
mod record;

use proptest::test_runner::{Config, RngSeed};

/// The settings of a property with `cases` cases by default.
fn config(cases: u32) -> Config {
    let mut config = Config {
        failure_persistence: None,
        ..Config::default()
    };
    if std::env::var_os("PROPTEST_CASES").is_none() {
        config.cases = cases;
        if matches!(config.rng_seed, RngSeed::Random) {
            config.rng_seed = RngSeed::Fixed(0x2026_0601);
        }
    }
    config
}
