//! What a store answers, in the auditor's words.
//!
//! Counts are read from the tallies, and rows by the query of the API, for every number,
//! zone and granularity. Not here: what they must be.

use chatmetric_core::{
    EpochMs, Granularity, MetricQuery, PhoneNumber, QueryLimits, Slot, SpaceKey, TimeRange, UtcDay,
    Zone,
};
use chatmetric_sim::{self as sim, Calendar, Counts, Model, Totals};
use chatmetric_store::Store;

/// Zones with days of all kinds around the starts of simulations: no shift, three
/// quarters of an hour, an hour's and half an hour's change of the clocks.
const ZONES: [&str; 4] = [
    "UTC",
    "Asia/Kathmandu",
    "America/New_York",
    "Australia/Lord_Howe",
];
const DAY_MS: i64 = 86_400_000;
const ROWS_MAX: usize = 1_000_000;

/// Everything that is counted.
pub(super) fn counts_of(store: &dyn Store, spaces: &[u32]) -> Counts {
    let mut counts = Counts::new();
    for space in spaces {
        for number in store.numbers(SpaceKey(*space)).expect("readable") {
            let mut add = |ms: i64, totals: Totals| {
                counts.insert((*space, number.to_string(), ms), totals);
            };
            let all = UtcDay(0)..=Slot(u32::MAX).day();
            let read = store.read_days(SpaceKey(*space), &number, all, &mut |day, block| {
                let first_ms = day.first_slot().start().0;
                for (at, found) in (0..).zip(block.slots()) {
                    if !found.is_zero() {
                        let count = |count: i32| u64::try_from(count).expect("not negative");
                        let totals = Totals {
                            sent: count(found.sent),
                            delivered: count(found.delivered),
                            read: count(found.read),
                            failed: count(found.failed),
                            delivered_of_sent: count(found.delivered_of_sent),
                        };
                        add(first_ms + at * 900_000, totals);
                    }
                }
            });
            read.expect("readable");
        }
    }
    counts
}

/// Compares every bucket of every number, zone and granularity with the model, and gives
/// how many rows there were.
pub(super) fn compare_rows(
    store: &dyn Store,
    spaces: &[u32],
    model: &Model,
    (start_ms, end_ms): (i64, i64),
) -> u64 {
    let (start_ms, end_ms) = (start_ms - 2 * DAY_MS, end_ms + 2 * DAY_MS);
    let range = TimeRange::new(EpochMs(start_ms), EpochMs(end_ms)).expect("a range");
    let mut compared = 0;
    for space in spaces {
        let numbers = store.numbers(SpaceKey(*space)).expect("readable");
        let texts: Vec<String> = numbers.iter().map(ToString::to_string).collect();
        assert_eq!(texts, model.numbers(*space), "the numbers of space {space}");
        let days = ZONES.map(|zone| (Granularity::Daily, zone));
        for (granularity, zone) in days.into_iter().chain([(Granularity::HalfHour, "UTC")]) {
            let limits = QueryLimits::default();
            let known = Zone::parse(zone).expect("a zone");
            let query = MetricQuery::new(granularity, &range, &known, &limits).expect("few");
            let calendar = Calendar::new(zone).expect("a zone");
            let expected = model.rows(&sim::Query {
                space: *space,
                start_ms,
                end_ms,
                granularity: match granularity {
                    Granularity::HalfHour => sim::Granularity::HalfHour,
                    Granularity::Daily => sim::Granularity::Daily(calendar),
                },
                number: None,
            });
            compared += expected.len() as u64;
            let all = rows(store, *space, &numbers, &query);
            assert_eq!(all, expected, "space {space}, {granularity:?} of {zone}");
            for number in &numbers {
                let found = rows(store, *space, std::slice::from_ref(number), &query);
                let text = number.to_string();
                let own = expected.iter().filter(|row| row.number == text);
                let own: Vec<sim::Row> = own.cloned().collect();
                assert_eq!(found, own, "`{text}`, {granularity:?} of {zone}");
            }
        }
    }
    compared
}

fn rows(
    store: &dyn Store,
    space: u32,
    numbers: &[PhoneNumber],
    query: &MetricQuery,
) -> Vec<sim::Row> {
    let rows = chatmetric::query::rows(store, SpaceKey(space), numbers, query, ROWS_MAX);
    let found = rows.expect("readable").into_iter().map(|row| {
        let window = query.windows()[row.window as usize];
        sim::Row {
            start_ms: window.start.0,
            end_ms: window.end.0,
            number: numbers[row.number as usize].to_string(),
            sent: row.sent,
            delivered: row.delivered,
        }
    });
    found.collect()
}
