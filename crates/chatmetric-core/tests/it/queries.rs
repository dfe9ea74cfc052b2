//! Answers against the independent model: random events, zones, ranges and
//! granularities; limits that are exact; the two ways of filling a series.

use crate::calendar::ZONES;
use crate::config;
use crate::ledger::{Ledger, Question, event, model_of, plain};
use chatmetric_core::time::TooManyWindows;
use chatmetric_core::{
    EpochMs, Granularity, MetricQuery, QueryLimits, Slot, TimeRange, UtcDay, Zone,
};
use chatmetric_sim::{Calendar, Config, Event, Model, Row, Status, Workload};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

const DAY_MS: i64 = 86_400_000;
const HALF_HOUR_MS: i64 = 1_800_000;

/// Events of few days around one of the instants where zones do odd things.
fn case() -> impl Strategy<Value = (Vec<Event>, Vec<Question>)> {
    select(ZONES.to_vec()).prop_flat_map(|(zone, middle_s)| {
        let middle_ms = middle_s * 1000;
        let early = (middle_ms - 3 * DAY_MS).max(0);
        let near = early..middle_ms + 3 * DAY_MS;
        let at = prop_oneof![
            1 => near.clone(),
            // The quarter hours at midnights of all zones, to the ms.
            2 => (near.clone(), select(vec![-1, 0, 0, 1_i64])).prop_map(|(at, off)| {
                (at - at % HALF_HOUR_MS + off).max(0)
            }),
        ];
        let one = (
            select(vec!["9", "10", "15550100101"]),
            0..8_u8,
            select(Status::ALL.to_vec()),
            at.clone(),
        );
        let events = vec(
            one.prop_map(|(number, id, status, at)| event(number, &id.to_string(), status, at)),
            0..40,
        );
        let question = (at.clone(), at, any::<bool>()).prop_map(move |(a, b, daily)| Question {
            zone: daily.then_some(zone),
            start_ms: a.min(b),
            end_ms: a.max(b) + 1,
        });
        (events, vec(question, 1..4))
    })
}

proptest! {
    #![proptest_config(config(400))]

    #[test]
    fn answers_are_those_of_the_model((events, questions) in case()) {
        let ledger = Ledger::of(&events);
        let model = model_of(&events);
        for question in questions {
            let query = question.asked();
            let rows = ledger.rows(&query);
            prop_assert_eq!(plain(&rows), model.rows(&question.modelled()), "{:?}", question);
            let windows: Vec<(i64, i64)> =
                query.windows().iter().map(|w| (w.start.0, w.end.0)).collect();
            prop_assert_eq!(windows, Model::buckets(&question.modelled()), "{:?}", question);
            prop_assert!(rows.is_sorted_by_key(|row| (row.window.start, row.number)));
        }
    }

    #[test]
    fn slots_and_days_fill_a_series_alike((events, questions) in case()) {
        let ledger = Ledger::of(&events);
        for question in questions {
            let query = question.asked();
            for days in ledger.tallies.values() {
                let (mut by_day, mut by_slot) = (query.series(), query.series());
                let mut of_rows = query.row_series();
                for (day, block) in days {
                    by_day.add_day(*day, block);
                    of_rows.add_day(*day, block);
                    for (slot, counts) in (day.first_slot().0..).zip(block.slots()) {
                        by_slot.add_slot(Slot(slot), &counts);
                    }
                }
                prop_assert!(by_day.buckets().eq(by_slot.buckets()), "{:?}", question);
                prop_assert!(by_day.counted().eq(of_rows.counted()), "{:?}", question);
            }
        }
    }

    #[test]
    fn limits_are_exact(
        (zone, middle_s) in select(ZONES.to_vec()),
        before_ms in 0..40 * DAY_MS,
        length_ms in 1..40 * DAY_MS,
    ) {
        let start_ms = (middle_s * 1000 - before_ms).max(0);
        let end_ms = start_ms + length_ms;
        let range = TimeRange::new(EpochMs(start_ms), EpochMs(end_ms)).expect("in order");
        let zone_of_core = Zone::parse(zone).expect("zone");
        let days = Calendar::new(zone).expect("zone").days(start_ms, end_ms).len();
        let half_hours = (end_ms - 1) / HALF_HOUR_MS - start_ms / HALF_HOUR_MS + 1;
        let half_hours = usize::try_from(half_hours).expect("positive");
        for (granularity, count) in [(Granularity::Daily, days), (Granularity::HalfHour, half_hours)] {
            for windows_max in [count - 1, count, count + 1] {
                let limits = QueryLimits {
                    daily_windows_max: windows_max,
                    half_hour_windows_max: windows_max,
                };
                let found = MetricQuery::new(granularity, &range, &zone_of_core, &limits)
                    .map(|query| query.windows().len());
                let expected = if count <= windows_max { Ok(count) } else { Err(TooManyWindows { windows_max }) };
                prop_assert_eq!(found, expected);
            }
        }
    }
}

#[test]
fn a_workload_answers_as_the_model_does() {
    let config = Config {
        messages: 8_000,
        ..Config::default()
    };
    let events: Vec<Event> = Workload::new(config.clone()).collect();
    let (ledger, model) = (Ledger::of(&events), model_of(&events));
    let zones = [
        None,
        Some("UTC"),
        Some("Asia/Kathmandu"),
        Some("Pacific/Chatham"),
    ];
    for zone in zones {
        // From the middle of a bucket to the middle of another one, and all of it.
        for (start_ms, end_ms) in [
            (config.start_ms + 77_777, config.start_ms + DAY_MS + 55_555),
            (config.start_ms - 30 * DAY_MS, config.start_ms + 30 * DAY_MS),
        ] {
            let question = Question {
                zone,
                start_ms,
                end_ms,
            };
            let rows = plain(&ledger.rows(&question.asked()));
            assert!(rows.len() > 20, "{question:?}");
            assert_eq!(rows, model.rows(&question.modelled()), "{question:?}");
        }
    }
}

#[test]
fn half_hours_and_days_sum_alike_where_days_begin_on_half_hours() {
    let events: Vec<Event> = Workload::new(Config {
        messages: 3_000,
        ..Config::default()
    })
    .collect();
    let ledger = Ledger::of(&events);
    let rows = |zone| {
        let question = Question {
            zone,
            start_ms: Config::default().start_ms - 10 * DAY_MS,
            end_ms: Config::default().start_ms + 20 * DAY_MS,
        };
        plain(&ledger.rows(&question.asked()))
    };
    let halves = rows(None);
    for zone in [
        "UTC",
        "Asia/Kolkata",
        "Australia/Lord_Howe",
        "America/New_York",
    ] {
        let days = rows(Some(zone));
        for day in &days {
            let inside = halves.iter().filter(|half| {
                let within = day.start_ms <= half.start_ms && half.end_ms <= day.end_ms;
                within && half.number == day.number
            });
            let sums = inside.fold((0, 0), |(sent, delivered), half| {
                (sent + half.sent, delivered + half.delivered)
            });
            assert_eq!(sums, (day.sent, day.delivered), "{zone} {day:?}");
        }
        let sent = |rows: &[Row]| rows.iter().map(|row| row.sent).sum::<u64>();
        assert_eq!(sent(&days), sent(&halves), "{zone}");
    }
}

#[test]
fn the_shipped_limits_are_those_of_the_contract() {
    let limits = QueryLimits::default();
    assert_eq!(
        (limits.daily_windows_max, limits.half_hour_windows_max),
        (401, 1489)
    );
}

#[test]
fn a_query_names_the_days_that_it_needs() {
    let question = Question {
        zone: None,
        start_ms: DAY_MS - 1,
        end_ms: DAY_MS,
    };
    assert_eq!(question.asked().days(), Some(UtcDay(0)..=UtcDay(0)));
    let question = Question {
        zone: Some("Asia/Kathmandu"),
        ..question
    };
    assert_eq!(question.asked().days(), Some(UtcDay(0)..=UtcDay(1)));
}
