//! Unit tests of slots, windows and civil days. Dates with known lengths come
//! from the zones' published rules.

use super::*;

const HOUR_MS: i64 = 3_600_000;

fn ms(text: &str) -> EpochMs {
    EpochMs(
        text.parse::<Timestamp>()
            .expect("RFC 3339")
            .as_millisecond(),
    )
}

fn range(start: &str, end: &str) -> TimeRange {
    TimeRange::new(ms(start), ms(end)).expect("start before end")
}

fn lengths_hours(zone: &str, start: &str, end: &str) -> Vec<f64> {
    let zone = Zone::parse(zone).expect("zone");
    let windows = zone.days(&range(start, end), 400).expect("in limit");
    for pair in windows.windows(2) {
        assert_eq!(pair[0].end, pair[1].start, "days abut");
    }
    #[expect(
        clippy::cast_precision_loss,
        reason = "hours of a day are exact in f64"
    )]
    windows
        .iter()
        .map(|w| (w.end.0 - w.start.0) as f64 / HOUR_MS as f64)
        .collect()
}

#[test]
fn days_are_as_long_as_the_zone_makes_them() {
    assert_eq!(
        lengths_hours("UTC", "2026-01-01T00:00:00Z", "2026-01-03T00:00:00Z"),
        [24.0, 24.0]
    );
    let spring = lengths_hours(
        "America/New_York",
        "2026-03-08T05:00:00Z",
        "2026-03-09T04:00:00Z",
    );
    assert_eq!(spring, [23.0]);
    let autumn = lengths_hours(
        "America/New_York",
        "2026-11-01T04:00:00Z",
        "2026-11-02T05:00:00Z",
    );
    assert_eq!(autumn, [25.0]);
    let half = lengths_hours(
        "Australia/Lord_Howe",
        "2026-04-04T13:00:00Z",
        "2026-04-05T13:30:00Z",
    );
    assert_eq!(half, [24.5]);
    let half = lengths_hours(
        "Australia/Lord_Howe",
        "2026-10-03T13:30:00Z",
        "2026-10-04T13:00:00Z",
    );
    assert_eq!(half, [23.5]);
}

#[test]
fn a_skipped_date_has_no_window() {
    // Samoa went from 29 to 31 December 2011.
    let zone = Zone::parse("Pacific/Apia").expect("zone");
    let windows = zone
        .days(&range("2011-12-29T00:00:00Z", "2012-01-01T00:00:00Z"), 10)
        .expect("few");
    let dates: Vec<String> = windows
        .iter()
        .map(|w| zone.date_at(w.start).to_string())
        .collect();
    assert_eq!(
        dates,
        ["2011-12-28", "2011-12-29", "2011-12-31", "2012-01-01"]
    );
    assert!(windows.iter().all(|w| w.end.0 - w.start.0 == 24 * HOUR_MS));
}

#[test]
fn a_midnight_that_does_not_exist_starts_the_day_later() {
    // Cairo springs forward at midnight.
    let zone = Zone::parse("Africa/Cairo").expect("zone");
    let windows = zone
        .days(&range("2026-04-24T00:00:00Z", "2026-04-24T01:00:00Z"), 2)
        .expect("few");
    assert_eq!(windows.len(), 1);
    assert_eq!(windows[0].end.0 - windows[0].start.0, 23 * HOUR_MS);
}

#[test]
fn half_hours_overlap_whole_and_are_utc_aligned() {
    let windows = half_hours(
        &range("2026-01-01T00:29:59.999Z", "2026-01-01T00:30:00.001Z"),
        10,
    );
    let windows = windows.expect("two");
    assert_eq!(windows.len(), 2);
    assert_eq!(
        windows[0],
        Window {
            start: ms("2026-01-01T00:00:00Z"),
            end: ms("2026-01-01T00:30:00Z")
        }
    );
    let edge = half_hours(&range("2026-01-01T00:00:00Z", "2026-01-01T00:30:00Z"), 10).expect("one");
    assert_eq!(edge.len(), 1, "the end is not in the range");
}

#[test]
fn limits_are_exact() {
    let month = range("2026-01-01T00:10:00Z", "2026-02-01T00:10:00Z");
    assert_eq!(half_hours(&month, 1489).map(|w| w.len()), Ok(1489));
    assert_eq!(
        half_hours(&month, 1488),
        Err(TooManyWindows { windows_max: 1488 })
    );
    let everything = TimeRange::new(EpochMs(0), EpochMs(EPOCH_MS_MAX)).expect("range");
    assert!(half_hours(&everything, 1489).is_err());
    assert!(Zone::utc().days(&everything, 401).is_err());
    let last = TimeRange::new(EpochMs(EPOCH_MS_MAX - 1), EpochMs(EPOCH_MS_MAX)).expect("range");
    assert_eq!(Zone::utc().days(&last, 401).map(|w| w.len()), Ok(1));
}

#[test]
fn every_present_midnight_falls_on_a_slot() {
    for name in TimeZoneDatabase::bundled().available() {
        let Ok(zone) = Zone::parse(name.as_str()) else {
            continue;
        };
        let windows = zone.days(&range("2000-01-01T00:00:00Z", "2001-02-01T00:00:00Z"), 401);
        let recent = zone.days(&range("2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z"), 401);
        for window in windows
            .expect("in limit")
            .iter()
            .chain(&recent.expect("in limit"))
        {
            assert_eq!(
                window.start.0 % SLOT_MS,
                0,
                "{} {}",
                zone.name(),
                window.start
            );
            let hours = (window.end.0 - window.start.0) / HOUR_MS;
            assert!(
                (22..=26).contains(&hours),
                "{} {} {hours}",
                zone.name(),
                window.start
            );
        }
    }
}

#[test]
fn zone_names_are_checked() {
    assert_eq!(
        Zone::parse("asia/singapore").map(|z| z.name().to_owned()),
        Ok("Asia/Singapore".into())
    );
    assert!(Zone::parse("Mars/Olympus").is_err());
    assert!(Zone::parse("").is_err());
}

#[test]
fn slots_are_quarter_hours() {
    assert_eq!(EpochMs(0).slot(), Slot(0));
    assert_eq!(EpochMs(SLOT_MS - 1).slot(), Slot(0));
    assert_eq!(EpochMs(SLOT_MS).slot(), Slot(1));
    assert_eq!(Slot(96).day(), UtcDay(1));
    assert_eq!(UtcDay(1).first_slot().start(), EpochMs(86_400_000));
    assert!(EpochMs(EPOCH_MS_MAX).slot() < Slot::NEVER);
    assert_eq!(EpochMs::checked(-1), None);
    assert_eq!(EpochMs::checked(EPOCH_MS_MAX + 1), None);
}
