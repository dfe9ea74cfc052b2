//! Civil days against the independent walk over instants: the zones that are
//! known to be odd at their odd moments, every clock change of every zone, and
//! random ranges.

use crate::config;
use chatmetric_core::{EpochMs, TimeRange, Zone};
use chatmetric_sim::Calendar;
use jiff::Timestamp;
use jiff::tz::TimeZoneDatabase;
use proptest::prelude::*;
use proptest::sample::select;

const HOUR_S: i64 = 3600;
const DAY_S: i64 = 24 * HOUR_S;
/// Clock changes are checked until 2045; rules repeat after that.
const END_S: i64 = 75 * 365 * DAY_S;

/// A zone, and a moment (s since the epoch) around which its days are odd.
pub(crate) const ZONES: [(&str, i64); 25] = [
    ("UTC", 1_767_225_600),
    // 23 and 25 hours, 2026.
    ("America/New_York", 1_772_953_200),
    ("America/New_York", 1_793_512_800),
    // Half an hour of summer time: 23.5 and 24.5 hours, 2026.
    ("Australia/Lord_Howe", 1_775_314_800),
    ("Australia/Lord_Howe", 1_791_041_400),
    // Midnights that do not exist, and midnights that exist twice.
    ("Africa/Cairo", 1_776_981_600),
    ("Africa/Cairo", 1_793_307_600),
    ("America/Santiago", 1_788_667_200),
    ("America/Santiago", 1_775_358_000),
    ("America/Asuncion", 1_696_132_800),
    ("Asia/Beirut", 1_774_735_200),
    ("America/Havana", 1_772_946_000),
    ("America/Havana", 1_762_059_600),
    // Whole dates that were skipped.
    ("Pacific/Apia", 1_325_239_200),
    ("Pacific/Kiritimati", 788_868_000),
    ("Pacific/Kwajalein", 745_934_400),
    // Offsets that are no multiple of half an hour.
    ("Asia/Kathmandu", 1_767_200_000),
    ("Australia/Eucla", 1_767_200_000),
    ("Pacific/Chatham", 1_775_311_200),
    // Clock changes one minute after midnight.
    ("America/St_Johns", 657_081_060),
    ("America/St_Johns", 1_162_089_060),
    // 44 minutes and 30 seconds behind, until the midnight of 7 January 1972.
    ("Africa/Monrovia", 63_593_070),
    // Hours forward and back across midnight; half an hour into a new day.
    ("Antarctica/Casey", 1_267_714_800),
    ("Asia/Pyongyang", 1_525_446_000),
    // The epoch itself, in the evening of the day before.
    ("America/Los_Angeles", 100),
];

/// The days of both sides.
fn compare(zone: &str, start_ms: i64, end_ms: i64) -> Result<(), String> {
    let core = Zone::parse(zone).map_err(|error| error.to_string())?;
    let range = TimeRange::new(EpochMs(start_ms), EpochMs(end_ms)).ok_or("reversed")?;
    let windows = core.days(&range, usize::MAX);
    let windows: Vec<(i64, i64)> = windows
        .map_err(|error| error.to_string())?
        .iter()
        .map(|window| (window.start.0, window.end.0))
        .collect();
    let walked = Calendar::new(zone).map_err(|error| error.0)?;
    let walked = walked.days(start_ms, end_ms);
    if windows == walked {
        return Ok(());
    }
    Err(format!(
        "`{zone}` {} to {}: computed {windows:?}, walked {walked:?}",
        EpochMs(start_ms),
        EpochMs(end_ms)
    ))
}

fn names() -> Vec<String> {
    let database = TimeZoneDatabase::bundled();
    let names = database.available();
    names.map(|name| name.as_str().to_owned()).collect()
}

#[test]
fn odd_days_are_as_walked() {
    for (zone, middle_s) in ZONES {
        for hours in [1, 30, 24 * 20] {
            let start_s = (middle_s - hours * HOUR_S).max(0);
            let end_s = middle_s + hours * HOUR_S;
            compare(zone, start_s * 1000, end_s * 1000).expect("the days are those of the walk");
        }
        // One instant on either side, and the instant itself.
        for ms in [-1, 0, 1] {
            let at = middle_s * 1000 + ms;
            compare(zone, at, at + 1).expect("the days are those of the walk");
        }
    }
}

#[test]
fn the_odd_moments_are_odd() {
    let quiet = [
        "UTC",
        "Asia/Kathmandu",
        "Australia/Eucla",
        "America/Los_Angeles",
    ];
    for (name, middle_s) in ZONES {
        let zone = TimeZoneDatabase::bundled().get(name).expect("listed");
        let before = Timestamp::from_second(middle_s - DAY_S).expect("in range");
        let change = zone.following(before).next();
        let change_s = change.map_or(i64::MAX, |change| change.timestamp().as_second());
        let odd = change_s.abs_diff(middle_s) <= DAY_S.unsigned_abs();
        assert_eq!(
            odd,
            !quiet.contains(&name),
            "{name}: {change_s}, not {middle_s}"
        );
    }
}

/// Every clock change of every zone when `CHATMETRIC_ALL_TRANSITIONS` is set,
/// else every fortieth.
#[test]
fn days_at_clock_changes_are_as_walked() {
    let all = std::env::var_os("CHATMETRIC_ALL_TRANSITIONS").is_some();
    let stride = if all { 1 } else { 40 };
    let mut found = 0;
    let mut wrong = Vec::new();
    for name in names() {
        let zone = TimeZoneDatabase::bundled().get(&name).expect("listed");
        let changes = zone.following(Timestamp::UNIX_EPOCH);
        for change in changes.take_while(|change| change.timestamp().as_second() < END_S) {
            found += 1;
            if found % stride != 0 {
                continue;
            }
            let at_ms = change.timestamp().as_millisecond();
            let day_ms = DAY_S * 1000;
            let start_ms = (at_ms - day_ms).max(0);
            wrong.extend(compare(&name, start_ms, at_ms + day_ms).err());
            wrong.extend(compare(&name, at_ms, at_ms + 1).err());
        }
    }
    assert!(found > 20_000, "{found} clock changes");
    assert!(
        wrong.is_empty(),
        "{} of {found}: {:#?}",
        wrong.len(),
        &wrong[..wrong.len().min(20)]
    );
}

proptest! {
    #![proptest_config(config(300))]

    #[test]
    fn days_of_any_range_are_as_walked(
        name in select(names()),
        start_ms in 0..END_S * 1000,
        length_ms in prop_oneof![1..3_i64, 1..20 * DAY_S * 1000],
    ) {
        let checked = compare(&name, start_ms, start_ms + length_ms);
        prop_assert_eq!(checked, Ok(()));
    }

    #[test]
    fn every_instant_is_in_one_day(name in select(names()), at_ms in 0..END_S * 1000) {
        let zone = Zone::parse(&name).expect("listed");
        let instant = TimeRange::new(EpochMs(at_ms), EpochMs(at_ms + 1)).expect("in order");
        let windows = zone.days(&instant, usize::MAX).expect("no limit");
        prop_assert_eq!(windows.len(), 1);
        prop_assert!(windows[0].start.0 <= at_ms && at_ms < windows[0].end.0);
    }
}
