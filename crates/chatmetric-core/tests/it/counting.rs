//! Exactly once, against the independent model: whatever the order, the copies,
//! the batches and the replicas of a set of events, the counts are those of the
//! set.
//!
//! The universe of a case is small on purpose (few messages, few instants around
//! the borders of slots and days), so that every collision happens.

use crate::config;
use crate::ledger::{Ledger, counted, event, model_counted, model_of};
use chatmetric_sim::{Config, Event, Status, Workload};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

const DAY_MS: i64 = 86_400_000;
const SLOT_MS: i64 = 900_000;
/// Around which the instants of a case lie: the beginning of 2026 in UTC.
const NEW_YEAR_MS: i64 = 1_767_225_600_000;

/// Two of one length, and the beginning of both.
const NUMBERS: [&str; 3] = ["15550100101", "15550100102", "1555010010"];
const MESSAGES: [&str; 4] = ["wamid.A", "wamid.B", "wamid.C", "wamid.AA"];

/// Instants that meet each other, the edges of slots, and the edge of a day.
fn instants() -> impl Strategy<Value = i64> {
    let offsets = [
        -DAY_MS,
        -SLOT_MS - 1,
        -SLOT_MS,
        -1000,
        -1,
        0,
        0,
        1,
        1000,
        SLOT_MS - 1,
        SLOT_MS,
        2 * SLOT_MS,
        DAY_MS,
    ];
    let near = select(offsets.to_vec()).prop_map(|offset| NEW_YEAR_MS + offset);
    let wide = (NEW_YEAR_MS - 2 * DAY_MS)..(NEW_YEAR_MS + 2 * DAY_MS);
    prop_oneof![4 => near, 1 => wide]
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let one = (
        select(NUMBERS.to_vec()),
        select(MESSAGES.to_vec()),
        select(Status::ALL.to_vec()),
        instants(),
    );
    vec(
        one.prop_map(|(number, id, status, ts_ms)| event(number, id, status, ts_ms)),
        0..60,
    )
}

/// A set of events as they were, and the same set as it arrives: in another
/// order and with copies.
fn arrivals() -> impl Strategy<Value = (Vec<Event>, Vec<Event>)> {
    (events(), vec(any::<Index>(), 0..40)).prop_flat_map(|(events, copies)| {
        let mut arriving = events.clone();
        if !events.is_empty() {
            arriving.extend(copies.iter().map(|copy| copy.get(&events).clone()));
        }
        (Just(events), Just(arriving).prop_shuffle())
    })
}

proptest! {
    #![proptest_config(config(5000))]

    #[test]
    fn order_and_copies_change_nothing((events, arriving) in arrivals()) {
        let ledger = Ledger::of(&arriving);
        ledger.check();
        prop_assert_eq!(ledger.counted(), model_counted(&model_of(&events)));
        prop_assert_eq!(&ledger.records, &Ledger::of(&events).records, "to the bit");
        let reports = model_of(&arriving).reports();
        prop_assert_eq!((ledger.new, ledger.duplicate), (reports.new, reports.duplicate));
        prop_assert!(ledger.moved <= ledger.duplicate);
    }

    #[test]
    fn batches_change_nothing(
        (events, arriving) in arrivals(),
        sizes in vec(1..20_usize, 1..20),
    ) {
        let mut ledger = Ledger::default();
        let mut rest = &arriving[..];
        for size in sizes.iter().cycle() {
            let (batch, after) = rest.split_at(rest.len().min(*size));
            ledger.take_batch(batch);
            ledger.check();
            rest = after;
            if rest.is_empty() {
                break;
            }
        }
        prop_assert_eq!(ledger.counted(), model_counted(&model_of(&events)));
        let alone = Ledger::of(&arriving);
        prop_assert_eq!((ledger.new, ledger.moved), (alone.new, alone.moved));
    }

    #[test]
    fn replicas_join_at_any_cut(
        (events, arriving) in arrivals(),
        sides in vec(0..3_u8, 100),
    ) {
        // Each event reaches the left replica, the right one, or both.
        let reached = |side: u8| {
            let both = arriving.iter().zip(sides.iter().cycle());
            Ledger::of(both.filter(move |(_, at)| **at == side || **at == 2).map(|(e, _)| e))
        };
        let (left, right) = (reached(0), reached(1));
        let expected = model_counted(&model_of(&events));
        prop_assert_eq!(left.merged(&right).counted(), expected.clone());
        prop_assert_eq!(right.merged(&left).counted(), expected);
        // A replica that catches up by events arrives at the same place.
        let mut caught_up = left.merged(&right);
        caught_up.take_batch(&arriving);
        caught_up.check();
        prop_assert_eq!(&caught_up.records, &Ledger::of(&events).records);
    }

    #[test]
    fn every_prefix_is_a_consistent_state((_, arriving) in arrivals()) {
        let mut ledger = Ledger::default();
        for (taken, event) in arriving.iter().enumerate() {
            ledger.take(event);
            ledger.check();
            if taken % 16 == 0 {
                let expected = model_counted(&model_of(&arriving[..=taken]));
                prop_assert_eq!(ledger.counted(), expected);
            }
        }
    }

    #[test]
    fn a_lost_sent_is_counted_where_the_message_was_delivered(
        events in events(),
        lost in vec(any::<bool>(), 60),
    ) {
        let arrives = |event: &Event, lost: bool| !(lost && event.status == Status::Sent);
        let kept: Vec<Event> = events
            .iter()
            .zip(&lost)
            .filter(|(event, lost)| arrives(event, **lost))
            .map(|(event, _)| event.clone())
            .collect();
        let (all, some) = (Ledger::of(&events), Ledger::of(&kept));
        some.check();
        prop_assert_eq!(some.counted(), model_counted(&model_of(&kept)));
        let delivered = |ledger: &Ledger| -> Vec<_> {
            let delivered = ledger.counted().into_iter().map(|(at, c)| (at, c.delivered, c.read));
            delivered.filter(|(_, delivered, read)| (*delivered, *read) != (0, 0)).collect()
        };
        prop_assert_eq!(delivered(&all), delivered(&some), "only sent may differ");
        for (fingerprint, (_, record)) in &some.records {
            if record.delivered() != chatmetric_core::Slot::NEVER {
                prop_assert!(record.sent() <= record.delivered());
                prop_assert!(all.records[fingerprint].1.sent() <= record.sent());
            }
        }
    }

    #[test]
    fn a_group_is_one_message(
        statuses in vec((select(Status::ALL.to_vec()), instants()), 1..10),
        participants in 2..9_usize,
        delays in vec(0..DAY_MS, 100),
    ) {
        // Each participant reports the same statuses of the same id, some later.
        let own: Vec<Event> = statuses
            .iter()
            .map(|(status, ts_ms)| event(NUMBERS[0], MESSAGES[0], *status, *ts_ms))
            .collect();
        let mut all = own.clone();
        for (event, delay) in own.iter().cycle().zip(&delays).take(own.len() * participants) {
            all.push(Event { ts_ms: event.ts_ms + delay, ..event.clone() });
        }
        prop_assert_eq!(Ledger::of(&all).counted(), Ledger::of(&own).counted());
        prop_assert_eq!(Ledger::of(&all).new, Ledger::of(&own).new);
    }
}

#[test]
fn workloads_are_counted_as_the_model_counts() {
    for seed in 1..=4 {
        let events: Vec<Event> = Workload::new(Config {
            seed,
            messages: 8_000,
            ..Config::default()
        })
        .collect();
        let mut ledger = Ledger::default();
        for batch in events.chunks(997) {
            ledger.take_batch(batch);
        }
        ledger.check();
        let model = model_of(&events);
        assert_eq!(ledger.counted(), model_counted(&model));
        assert_eq!(ledger.records.len() as u64, model.messages());
        let reports = model.reports();
        assert_eq!(
            (ledger.new, ledger.duplicate),
            (reports.new, reports.duplicate)
        );
        assert!(ledger.moved > 0, "a workload restamps");
        let (left, right) = events.split_at(events.len() / 3);
        let merged = Ledger::of(left).merged(&Ledger::of(right));
        assert_eq!(merged.records, ledger.records);
        assert_eq!(counted(&merged.tallies), ledger.counted());
    }
}

#[test]
fn one_id_under_other_numbers_is_another_message() {
    let ledger = Ledger::of(&[
        event(NUMBERS[0], MESSAGES[0], Status::Sent, NEW_YEAR_MS),
        event(NUMBERS[1], MESSAGES[0], Status::Sent, NEW_YEAR_MS),
        event(NUMBERS[2], MESSAGES[0], Status::Sent, NEW_YEAR_MS),
        event("+1 555 010-0101", MESSAGES[0], Status::Sent, NEW_YEAR_MS),
    ]);
    assert_eq!((ledger.new, ledger.duplicate), (3, 1));
    assert_eq!(ledger.records.len(), 3);
}
