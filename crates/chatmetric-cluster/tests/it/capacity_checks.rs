//! Plans against simulations of what was planned: as busy as the plan says, never busier
//! than its busiest, and half of it is not enough.

use crate::capacity::{Case, Compared, HEAD, compare};
use chatmetric_cluster::capacity::Costs;
use chatmetric_cluster::capacity::costs::READS_AHEAD;

/// The mean of what was seen is as near to the plan as this.
const TOLERANCE: f64 = 0.1;
/// What comes in a short run is so much more than its mean, by chance.
const CHANCE: f64 = 1.02;
/// Farthest that replicas may be behind in a cluster that was planned.
const BEHIND_S_MAX: f64 = 1.0;

fn check(compared: &Compared) {
    let (told, seen) = (compared.told(), &compared.seen);
    let row = compared.row();
    let near = |plan: f64, seen: f64| (seen / plan - 1.0).abs() < TOLERANCE;
    assert!(near(told.nodes_mean, seen.before.nodes_mean), "{row}");
    if !compared.load.shape.together {
        assert!(near(told.servers_mean, seen.before.servers_mean), "{row}");
        assert!(
            told.servers_max * CHANCE >= seen.before.servers_max,
            "{row}"
        );
    }
    assert!(told.nodes_max * CHANCE >= seen.before.nodes_max, "{row}");
    assert!(
        told.one_gone_max * CHANCE >= seen.one_gone.nodes_max,
        "{row}"
    );
    assert!(
        compared.partition_told() >= seen.partition_over_mean,
        "{row}"
    );
    assert!(compared.load.node_share >= seen.node_share, "{row}");
    assert!(
        compared.load.node_disk_bytes >= seen.node_disk_bytes,
        "{row}"
    );
    assert!(!seen.is_overloaded(), "{row}");
    assert!(seen.behind_max_s < BEHIND_S_MAX, "{row}");
}

#[test]
fn planned_clusters_are_as_busy_as_planned_up_to_ten_thousand_million_a_day() {
    println!("{HEAD}");
    for messages in [1e7, 1e8, 1e9, 1e10] {
        // Few webhooks a second are more uneven.
        let seconds = if messages < 5e7 { 400.0 } else { 16.0 };
        let compared = compare(&Case::of(messages, seconds));
        println!("{}", compared.row());
        check(&compared);
        // What is bound by nothing has more than it needs, also by half.
        if messages > 5e9 {
            assert!(compared.half.is_overloaded(), "{}", compared.row());
        }
    }
}

#[test]
fn other_names_and_numbers_are_not_busier_than_planned() {
    for drawn in [("a", 2), ("tally", 3), ("eu-west-node", 4), ("n", 5)] {
        check(&compare(&Case {
            drawn,
            ..Case::of(1e9, 40.0)
        }));
    }
}

#[test]
fn reads_one_after_another_would_be_too_slow_for_ten_thousand_million_a_day() {
    let case = Case::of(1e10, 14.0);
    let load = case.planned();
    let mut costs = Costs::default();
    costs.block_wait_us *= READS_AHEAD;
    let one_by_one = Case { costs, ..case };
    assert!(one_by_one.simulated(&load).is_overloaded());
}

#[test]
fn the_same_seed_is_the_same_run() {
    let case = Case::of(1e8, 8.0);
    let runs = [(); 2].map(|()| case.simulated(&case.planned()));
    assert_eq!(runs[0], runs[1]);
    assert!(runs[0].events > 10_000.0);
}
