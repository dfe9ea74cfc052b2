//! What charts look like, and that no input breaks them.

use super::*;
use expect_test::expect;

const START: i64 = 1_767_225_600_000;

fn chart(daily: bool, days: i64, width: usize) -> Chart {
    Chart {
        daily,
        start_ms: START,
        end_ms: START + days * DAY_MS,
        zone: TimeZone::UTC,
        zone_name: "UTC".to_owned(),
        width,
        paint: Painter { enabled: false },
    }
}

fn point(number: &str, index: i64, step: i64, sent: u64, delivered: u64) -> Point {
    Point {
        number: number.to_owned(),
        start_ms: START + index * step,
        end_ms: START + (index + 1) * step,
        sent,
        delivered,
    }
}

#[test]
fn days_of_one_number() {
    let points: Vec<Point> = [
        (0, 900, 850),
        (1, 1000, 980),
        (2, 400, 420),
        (4, 1200, 600),
        (5, 3, 1),
    ]
    .map(|(day, sent, delivered)| point("15550100101", day, DAY_MS, sent, delivered))
    .to_vec();
    expect![[r#"
        Messages of 15550100101  each column is a day, UTC

        1,200 ┤                         ░░░░░
              │                         ░░░░░
              │       ▆▆▆▆▆             ░░░░░
              │ ▄▄▄▄▄ █████             ░░░░░
          800 ┤ █████ █████             ░░░░░
              │ █████ █████             ░░░░░
              │ █████ █████             █████
              │ █████ █████             █████
          400 ┤ █████ █████ █████       █████
              │ █████ █████ █████       █████
              │ █████ █████ █████       █████
              │ █████ █████ █████       █████ ▁▁▁▁▁
            0 └─────────────────────────────────────
                01-01       01-03       01-05

          █ delivered 2,851   ░ sent 3,503   81.3 %
          ▒ delivered here, sent earlier

        NUMBER       SENT           DELIVERED    RATE
        15550100101  ▆▆▃ █▁  3,503      2,851  81.3 %
    "#]]
    .assert_eq(&chart(true, 6, 80).render(&points));
}

#[test]
fn more_buckets_than_columns_are_joined() {
    let points: Vec<Point> = (0..48 * 3)
        .map(|index| point("1", index, HALF_HOUR_MS, 10 + index.unsigned_abs() % 7, 9))
        .collect();
    let text = chart(false, 3, 60).render(&points);
    assert!(text.contains("each column is 3 half hours"), "{text}");
    assert!(
        text.lines().all(|line| line.chars().count() <= 60),
        "{text}"
    );
}

#[test]
fn odd_rows_do_not_break_it() {
    let cases: Vec<Vec<Point>> = vec![
        vec![],
        vec![point("1", 0, DAY_MS, 0, 0)],
        vec![point("1", 0, DAY_MS, u64::MAX / 4, u64::MAX / 8)],
        vec![point("1", -90, DAY_MS, 1, 1), point("2", 400, DAY_MS, 1, 1)],
        vec![Point {
            end_ms: START - 5,
            ..point("1", 0, DAY_MS, 1, 1)
        }],
        vec![Point {
            start_ms: i64::MAX / 2,
            ..point("1", 0, DAY_MS, 1, 1)
        }],
    ];
    for points in cases {
        for width in [40, 80, 160] {
            assert!(!chart(true, 6, width).render(&points).is_empty());
        }
    }
}

#[test]
fn days_of_another_zone_are_not_passed_off_as_this_ones() {
    let mut rows = vec![point("15550100101", 0, DAY_MS, 2, 1)];
    let first_line = |rows: &[Point]| {
        chart(true, 1, 80)
            .render(rows)
            .lines()
            .next()
            .map(str::to_owned)
    };
    assert_eq!(
        first_line(&rows).as_deref(),
        Some("Messages of 15550100101  each column is a day, UTC")
    );
    rows[0].start_ms -= 8 * 3_600_000;
    rows[0].end_ms -= 8 * 3_600_000;
    assert_eq!(
        first_line(&rows).as_deref(),
        Some(
            "Messages of 15550100101  each column is a day, of the space's zone, named by its \
             start in UTC"
        )
    );
}
