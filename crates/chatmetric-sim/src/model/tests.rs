//! Unit tests of the auditor: expected figures are worked out by hand from the
//! rules, because nothing else may be trusted to check it.

use super::*;
use crate::event::CHANNEL;
use crate::workload::{Config, Workload};
use Status::{Delivered, Failed, Played, Read, Sent};

const DAY_MS: i64 = 86_400_000;

fn event(message_id: &str, status: Status, ts_ms: i64) -> Event {
    Event {
        channel: CHANNEL,
        number: "1555".into(),
        message_id: message_id.into(),
        status,
        ts_ms,
        received_ms: ts_ms,
    }
}

fn model(events: &[(&str, Status, i64)]) -> Model {
    let mut model = Model::new();
    for (message_id, status, ts_ms) in events {
        model.observe(&event(message_id, *status, *ts_ms));
    }
    model
}

fn totals(events: &[(&str, Status, i64)]) -> Vec<(i64, [u64; 5])> {
    let all = model(events).totals(0, "1555");
    all.into_iter()
        .map(|(at, t)| {
            let counters = [t.sent, t.delivered, t.read, t.failed, t.delivered_of_sent];
            (at / QUARTER_MS, counters)
        })
        .collect()
}

#[test]
fn the_earliest_time_of_a_status_counts() {
    let expected = [(0, [1, 0, 0, 0, 1]), (1, [0, 1, 0, 0, 0])];
    let events = [
        ("a", Delivered, 2 * QUARTER_MS),
        ("a", Sent, QUARTER_MS - 1),
        ("a", Delivered, QUARTER_MS),
        ("a", Sent, QUARTER_MS - 1),
    ];
    assert_eq!(totals(&events), expected);
    let reports = model(&events).reports();
    assert_eq!((reports.new, reports.duplicate), (2, 2));
}

#[test]
fn what_happened_implies_what_must_have_happened() {
    assert_eq!(totals(&[("a", Read, 0)]), [(0, [1, 1, 1, 0, 1])]);
    assert_eq!(totals(&[("a", Played, 0)]), [(0, [1, 1, 1, 0, 1])]);
    let one_status = model(&[("a", Played, 0), ("a", Read, 9)]).reports();
    assert_eq!((one_status.new, one_status.duplicate), (1, 1));
    let before_sent = totals(&[("a", Delivered, 0), ("a", Sent, QUARTER_MS)]);
    assert_eq!(before_sent, [(0, [1, 1, 0, 0, 1])]);
}

#[test]
fn failed_counts_until_delivered() {
    assert_eq!(totals(&[("a", Failed, 0)]), [(0, [0, 0, 0, 1, 0])]);
    let delivered_after_all = totals(&[("a", Failed, 0), ("a", Delivered, 1)]);
    assert_eq!(delivered_after_all, [(0, [1, 1, 0, 0, 1])]);
}

#[test]
fn rows_are_whole_buckets_and_sorted() {
    let mut model = model(&[("a", Sent, 0), ("a", Delivered, DAY_MS), ("b", Sent, 5)]);
    let other = Event {
        number: "15".into(),
        ..event("a", Sent, DAY_MS - 1)
    };
    model.observe(&other);
    model.observe_in(9, &Event { ts_ms: 0, ..other });
    let mut query = Query {
        space: 0,
        start_ms: DAY_MS - 1,
        end_ms: DAY_MS + 1,
        granularity: Granularity::Daily(Calendar::new("UTC").expect("zone")),
        number: None,
    };
    let row = |start_ms, length_ms, number: &str, sent, delivered| Row {
        start_ms,
        end_ms: start_ms + length_ms,
        number: number.to_owned(),
        sent,
        delivered,
    };
    let expected = [
        row(0, DAY_MS, "15", 1, 0),
        row(0, DAY_MS, "1555", 2, 0),
        row(DAY_MS, DAY_MS, "1555", 0, 1),
    ];
    assert_eq!(model.rows(&query), expected);
    assert_eq!(model.numbers(0), ["15", "1555"]);
    query.number = Some("15".to_owned());
    assert_eq!(model.rows(&query), expected[..1]);
    query.space = 9;
    assert_eq!(model.rows(&query), [], "first seen in the other space");
    query.space = 0;
    query.number = None;
    query.granularity = Granularity::HalfHour;
    let expected = [row(DAY_MS, HALF_HOUR_MS, "1555", 0, 1)];
    query.start_ms = DAY_MS;
    assert_eq!(model.rows(&query), expected);
}

#[test]
fn all_numbers_at_once_are_what_each_of_them_is() {
    let mut model = Model::new();
    for seen in Workload::new(Config::default()) {
        model.observe_in(u32::from(seen.number.ends_with('1')), &seen);
    }
    for space in [0, 1] {
        let by_number = model.totals_by_number(space);
        let names: Vec<&String> = by_number.keys().collect();
        assert_eq!(names, model.numbers(space).iter().collect::<Vec<_>>());
        for (number, totals) in &by_number {
            assert_eq!(*totals, model.totals(space, number), "{number}");
        }
    }
}
