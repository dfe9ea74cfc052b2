//! The arithmetic of plans: what is known by hand, what must grow with what, what is
//! refused.

use super::spread::Shares;
use super::*;
use crate::entry::Entry;
use chatmetric_core::{EpochMs, Fingerprint, MessageStatus, PhoneNumber, SpaceKey};
use chatmetric_store::{Batch, StatusEvent, Target};

fn demand(messages_per_day: f64) -> Demand {
    Demand {
        messages_per_day,
        ..Demand::default()
    }
}

fn planned(demand: &Demand) -> Plan {
    let wanted = Wanted::default();
    plan(demand, &Costs::default(), &Machine::default(), &wanted).unwrap()
}

fn refused(demand: &Demand, wanted: &Wanted) -> CapacityError {
    plan(demand, &Costs::default(), &Machine::default(), wanted).unwrap_err()
}

#[test]
fn shares_add_up_and_none_is_above_the_limit() {
    for (numbers, exponent, messages_per_s) in [
        (10_000, 1.0, 350_000.0),
        (10_000, 1.0, 10.0),
        (1, 1.0, 10.0),
        (400, 0.0, 350_000.0),
        (100, 2.0, 350_000.0),
    ] {
        let spread = Spread {
            numbers,
            exponent,
            ..Spread::default()
        };
        let shares = spread.shares(messages_per_s);
        assert!((shares.iter().sum::<f64>() - 1.0).abs() < 1e-9);
        let limit = (1_000.0 / messages_per_s).max(1.0 / f64::from(numbers));
        assert!(shares.iter().all(|share| *share <= limit * 1.000_001));
        // But for the last digits.
        assert!(shares.is_sorted_by(|one, other| *one >= other - 1e-9));
    }
    let spread = Spread {
        largest_share: Some(0.4),
        ..Spread::default()
    };
    let shares = spread.shares(10.0);
    assert!((shares[0] - 0.4).abs() < 1e-12);
    assert!((shares.iter().sum::<f64>() - 1.0).abs() < 1e-9);
}

#[test]
fn the_rates_are_those_of_the_paper() {
    let plan = planned(&demand(1e9));
    let load = &plan.load;
    assert!((load.events_per_s - 30_324.0).abs() < 1.0);
    assert!((load.peak_events_per_s - 90_972.0).abs() < 1.0);
    assert!(load.fits());
    assert!(load.number_events_per_s < 2_620.0);
    assert!(load.partition_events_per_s > load.peak_events_per_s / 1_024.0);
}

#[test]
fn more_messages_never_need_fewer_machines() {
    let mut last = 0;
    let costs = Costs::default();
    for messages in [1e5, 1e6, 1e7, 1e8, 3e8, 1e9, 3e9, 1e10] {
        let (machine, wanted) = (Machine::default(), Wanted::default());
        let planned = plan(&demand(messages), &costs, &machine, &wanted).unwrap();
        let machines = planned.load.shape.machines();
        assert!(machines >= last, "{messages}: {machines} after {last}");
        last = machines;
    }
    assert_eq!(planned(&demand(1e5)).load.shape.machines(), 3);
}

#[test]
fn what_is_given_is_kept_and_may_be_too_small() {
    let wanted = Wanted {
        nodes: Some(4),
        servers: Some(3),
        partitions: Some(32),
        ..Wanted::default()
    };
    let (costs, machine) = (Costs::default(), Machine::default());
    let plan = plan(&demand(1e10), &costs, &machine, &wanted).unwrap();
    let shape = plan.load.shape;
    assert_eq!((shape.nodes, shape.servers, shape.partitions), (4, 3, 32));
    assert!(!plan.load.fits());
    assert!(plan.load.tightest().unwrap().share() > 1.0);
}

#[test]
fn what_cannot_be_is_refused_by_its_name() {
    let one_number = Demand {
        spread: Spread {
            largest_share: Some(0.9),
            ..Spread::default()
        },
        ..demand(1e10)
    };
    let error = refused(&one_number, &Wanted::default());
    assert!(
        matches!(error, CapacityError::NumberTooLarge { .. }),
        "{error}"
    );
    let many = Wanted {
        nodes: Some(40),
        partitions: Some(16),
        ..Wanted::default()
    };
    let error = refused(&demand(1e9), &many);
    assert!(
        error.to_string().ends_with("8 would count nothing"),
        "{error}"
    );
    let few = Wanted {
        servers: Some(2),
        ..Wanted::default()
    };
    let error = refused(&demand(1e9), &few);
    assert!(matches!(error, CapacityError::TooFew { .. }), "{error}");
    for (field, wrong) in [
        ("messages-per-day", demand(0.0)),
        ("messages-per-day", demand(f64::NAN)),
        (
            "peak-factor",
            Demand {
                peak_factor: 0.5,
                ..demand(1e9)
            },
        ),
    ] {
        let error = refused(&wrong, &Wanted::default());
        assert!(error.to_string().contains(field), "{error}");
    }
    // Without reading ahead the thread that counts waits for one read after another.
    let mut costs = Costs::default();
    costs.block_wait_us *= costs::READS_AHEAD;
    let (machine, wanted) = (Machine::default(), Wanted::default());
    let error = plan(&demand(1e10), &costs, &machine, &wanted).unwrap_err();
    let is_counting = matches!(
        error,
        CapacityError::TooLarge {
            limit: Limit::Fold,
            ..
        }
    );
    assert!(is_counting, "{error}");
}

#[test]
fn the_busiest_is_never_below_the_mean() {
    let shares = Spread::default().summary(350_000.0);
    for nodes in [3, 10, 100] {
        let share = shares.busiest_node(nodes, 256, 2);
        assert!(share > 2.0 / f64::from(nodes) && share <= 1.0, "{share}");
    }
    let alone = Shares {
        largest: 1.0,
        rest_squares: 0.0,
    };
    assert!((alone.busiest_partition(64) - 1.0).abs() < 1e-12);
}

#[test]
fn every_figure_has_its_own_name_and_value() {
    let costs = Costs::default();
    let shown = format!("{costs:?}");
    for (figure, value) in costs.explained() {
        assert!(
            shown.contains(&format!("{}: {value:?}", figure.name)),
            "{figure:?}"
        );
        let mut changed = costs.clone();
        assert!(changed.set(figure.name, value * 2.0));
        let differing = changed.explained().into_iter().zip(costs.explained());
        let differing: Vec<_> = differing.filter(|(new, old)| new != old).collect();
        assert_eq!(differing.len(), 1);
    }
    assert!(!costs.clone().set("unknown", 1.0));
}

#[test]
fn bytes_in_the_log_are_those_of_real_entries() {
    let costs = Costs::default();
    for events in [30_u32, 1_000] {
        let event = |nth: u32| StatusEvent {
            fingerprint: Fingerprint(u128::from(nth) << 64),
            number: PhoneNumber::parse("15550100101").unwrap(),
            status: MessageStatus::Delivered,
            at: EpochMs(1_767_139_200_000 - i64::from(nth)),
            target: Target::Space(SpaceKey(7)),
        };
        let batch = Batch {
            source: "whatsapp/acme-wa".into(),
            received_at: EpochMs(1_767_139_200_000),
            events: (0..events).map(event).collect(),
            sealed: Vec::new(),
            ignored: 0,
        };
        let bytes = Entry::Events(batch).encode().len();
        let planned = costs.log_entry_bytes + costs.log_event_bytes * f64::from(events);
        let found = f64::from(u32::try_from(bytes).unwrap());
        // The server's record of an entry, some 50 bytes, is in the plan alone.
        assert!(
            found <= planned && found > planned * 0.75,
            "{found} of {planned}"
        );
    }
}

#[test]
fn bytes_of_a_webhook_are_those_of_rendered_bodies() {
    let config = chatmetric_sim::Config::default();
    let events: Vec<_> = chatmetric_sim::Workload::new(config).take(3_000).collect();
    let bodies = events.chunks(30).map(|events| {
        let style = chatmetric_sim::BodyStyle::default();
        chatmetric_sim::render_body(events, &style).json.len()
    });
    let bytes: usize = bodies.sum();
    let an_event = f64::from(u32::try_from(bytes).unwrap()) / 3_000.0;
    let planned = Costs::default().webhook_event_bytes;
    assert!((an_event / planned - 1.0).abs() < 0.3, "{an_event}");
}
