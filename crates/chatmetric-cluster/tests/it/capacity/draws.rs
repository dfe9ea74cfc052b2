//! Chances: how many come in a step, and how many commits they make.
//!
//! Not here: who comes. Invariant: the same seed gives the same draws.

use chatmetric_sim::Random;

/// Above it a sum of many is drawn as a normal one.
const MANY: f64 = 30.0;

fn uniform(random: &mut Random) -> f64 {
    (random.bits() >> 11) as f64 / (1_u64 << 53) as f64
}

/// How many of independent events with this mean.
pub(crate) fn poisson(random: &mut Random, mean: f64) -> u64 {
    if mean <= 0.0 {
        return 0;
    }
    if mean > MANY {
        let (one, other) = (uniform(random).max(1e-300), uniform(random));
        let normal = (-2.0 * one.ln()).sqrt() * (std::f64::consts::TAU * other).cos();
        return (mean + mean.sqrt() * normal).round().max(0.0) as u64;
    }
    let end = (-mean).exp();
    let (mut count, mut product) = (0, uniform(random));
    while product > end {
        count += 1;
        product *= uniform(random);
    }
    count
}

/// How many events a webhook has: between two thirds and four thirds of the mean.
pub(crate) fn batch(random: &mut Random, mean: f64) -> f64 {
    (mean * (2.0 / 3.0 + uniform(random) * 2.0 / 3.0)).max(1.0)
}

/// Commits of entries that come at random moments of a step: one that comes while a commit
/// is made goes into the next one.
pub(crate) fn commits(random: &mut Random, entries: f64, step_us: f64, commit_us: f64) -> f64 {
    let entries = entries.floor() as u64 + u64::from(uniform(random) < entries.fract());
    if entries <= 1 {
        return entries as f64;
    }
    let moments = (0..entries).map(|_| uniform(random) * step_us);
    let mut moments: Vec<f64> = moments.collect();
    moments.sort_by(f64::total_cmp);
    let (mut commits, mut begins) = (0.0, f64::NEG_INFINITY);
    for moment in moments {
        // Before `begins`: it is in the commit that begins then.
        if moment > begins {
            commits += 1.0;
            begins = moment.max(begins + commit_us);
        }
    }
    commits
}
