//! What is found, what is not comparable, and why.

use super::*;
use chatmetric_core::Window;
use proptest::prelude::*;

const HALF_HOUR: i64 = 1_800_000;
const DAY: i64 = 86_400_000;
/// 2026-01-01T00:00:00Z.
const START: i64 = 1_767_225_600_000;

fn point(start: i64, length: i64, sent: u64, delivered: u64) -> Point {
    Point {
        window: Window {
            start: EpochMs(start),
            end: EpochMs(start + length),
        },
        sent,
        delivered,
    }
}

fn terms(granularity: Granularity, zone: Option<&str>) -> Terms {
    Terms {
        provider: Provider::Meta,
        granularity,
        range: TimeRange::new(EpochMs(START - DAY), EpochMs(START + 100 * DAY)).expect("a range"),
        zone: zone.map(|zone| Zone::parse(zone).expect("a zone")),
        tolerance: Tolerance::EXACT,
        now: EpochMs(START + 200 * DAY),
        include_settling: false,
    }
}

fn of(ours: Vec<Point>, theirs: Vec<Point>) -> Sides {
    let series = |points| Series::from([("15550100101".to_owned(), points)]);
    Sides {
        ours: series(ours),
        theirs: series(theirs),
        ..Sides::default()
    }
}

/// Rows of a report in short: start in days, status, whether within, differences.
fn short(report: &Report) -> Vec<String> {
    let row = |row: &Row| {
        let day = (row.start_ms - START) / DAY;
        let Difference { sent, delivered } = row.difference;
        let mark = if row.within { "" } else { " !" };
        format!("{day} {} {sent} {delivered}{mark}", row.status.words())
    };
    report.rows.iter().map(row).collect()
}

#[test]
fn every_bucket_is_one_of_five() {
    let daily = terms(Granularity::Daily, Some("UTC"));
    let ours = vec![
        point(START, DAY, 10, 9),
        point(START + DAY, DAY, 10, 9),
        point(START + 2 * DAY, DAY, 0, 0),
        point(START + 3 * DAY, DAY, 7, 7),
    ];
    let theirs = vec![
        point(START, DAY, 10, 9),
        point(START + DAY, DAY, 12, 8),
        point(START + 2 * DAY, DAY, 0, 1),
    ];
    let report = reconcile(&daily, of(ours.clone(), theirs.clone()));
    assert_eq!(
        short(&report),
        [
            "0 matched 0 0",
            "1 differs -2 1 !",
            "2 theirs only 0 -1 !",
            "3 ours only 7 7 !"
        ]
    );
    assert_eq!(report.status, Verdict::Beyond);
    assert_eq!(report.totals.beyond, 3);
    assert_eq!(
        report.totals.ours,
        Counted {
            sent: 27,
            delivered: 25
        }
    );
    assert_eq!(
        report.totals.theirs,
        Counted {
            sent: 22,
            delivered: 18
        }
    );
    let fault = report.fault().expect("a fault");
    assert_eq!(
        fault,
        "3 of 4 buckets differ by more than the tolerance (0)"
    );

    // The tolerance is of each bucket, of sent and of delivered alone.
    let tolerant = Terms {
        tolerance: Tolerance::Messages(2),
        ..daily.clone()
    };
    let report = reconcile(&tolerant, of(ours.clone(), theirs.clone()));
    assert_eq!(
        short(&report),
        [
            "0 matched 0 0",
            "1 differs -2 1",
            "2 theirs only 0 -1",
            "3 ours only 7 7 !"
        ]
    );

    // What may still change is not judged, unless that is asked for.
    let early = Terms {
        now: EpochMs(START + 3 * DAY + 1),
        ..daily
    };
    let report = reconcile(&early, of(ours.clone(), theirs.clone()));
    assert_eq!(
        short(&report),
        [
            "0 matched 0 0",
            "1 differs -2 1 !",
            "2 settling 0 -1",
            "3 settling 7 7"
        ]
    );
    let judging = Terms {
        include_settling: true,
        ..early
    };
    assert_eq!(reconcile(&judging, of(ours, theirs)).totals.beyond, 3);
}

#[test]
fn a_bucket_settles_for_a_day_after_its_end() {
    let daily = terms(Granularity::Daily, Some("UTC"));
    for (now, status) in [
        (START + DAY + SETTLING_MS - 1, Status::Settling),
        (START + DAY + SETTLING_MS, Status::OursOnly),
    ] {
        let terms = Terms {
            now: EpochMs(now),
            ..daily.clone()
        };
        let sides = of(
            vec![point(START, DAY, 1, 0), point(START - DAY, DAY, 1, 0)],
            vec![point(START - DAY, DAY, 1, 0)],
        );
        let report = reconcile(&terms, sides);
        assert_eq!(report.rows[1].status, status);
    }
}

fn reason_of(report: &Report) -> (&'static str, String) {
    assert_eq!(report.status, Verdict::NotComparable);
    assert!(report.rows.is_empty(), "{report:?}");
    let one = &report.not_comparable[0];
    (one.reason, one.message.clone())
}

#[test]
fn days_of_another_zone_are_told_with_their_offset() {
    let kolkata = START - 19_800_000;
    let ours = || vec![point(START, DAY, 5, 5), point(START + DAY, DAY, 5, 5)];
    let theirs = || vec![point(kolkata, DAY, 5, 5), point(kolkata + DAY, DAY, 5, 5)];
    for zone in [Some("UTC"), None] {
        let report = reconcile(&terms(Granularity::Daily, zone), of(ours(), theirs()));
        let (code, message) = reason_of(&report);
        assert_eq!(code, "other_zone");
        assert!(
            message.contains("18:30 UTC, which is midnight at UTC+05:30")
                && message.contains("00:00 UTC, which is midnight at UTC+00:00"),
            "{message}"
        );
    }
    // The space's own zone, with a clock change between its days.
    let berlin = |day: i64, hour: i64, length: i64| point(day - hour * 3_600_000, length, 1, 1);
    let march = 1_774_742_400_000; // 2026-03-29, when the clocks go forward
    let days = || {
        vec![
            berlin(march - DAY, 1, DAY),
            berlin(march, 1, DAY - 3_600_000),
            berlin(march + DAY, 2, DAY),
        ]
    };
    for zone in [Some("Europe/Berlin"), None] {
        let report = reconcile(&terms(Granularity::Daily, zone), of(days(), days()));
        assert_eq!(report.status, Verdict::Within, "{report:?}");
        assert_eq!(report.totals.matched, 3);
    }
    // Days that we have counted nothing in are told by the clock of those that we have.
    let report = reconcile(
        &terms(Granularity::Daily, None),
        of(vec![days()[0]], vec![days()[0], days()[2]]),
    );
    assert_eq!(short(&report).len(), 2);
    let report = reconcile(
        &terms(Granularity::Daily, None),
        of(
            vec![days()[0]],
            vec![point(march + 5 * DAY + 18_000_000, DAY, 1, 1)],
        ),
    );
    assert_eq!(reason_of(&report).0, "other_zone");
    // Half hours are of UTC.
    let report = reconcile(
        &terms(Granularity::HalfHour, None),
        of(
            vec![point(START, HALF_HOUR, 1, 1)],
            vec![point(START + HALF_HOUR / 2, HALF_HOUR, 1, 1)],
        ),
    );
    assert_eq!(reason_of(&report).0, "other_zone");
}

#[test]
fn what_is_no_answer_to_the_question_is_not_a_difference() {
    let daily = terms(Granularity::Daily, Some("UTC"));
    let ours = || vec![point(START, DAY, 5, 5)];
    for (theirs, code) in [
        (vec![], "empty"),
        (vec![point(START, DAY, 0, 0)], "empty"),
        (vec![point(START, HALF_HOUR, 5, 5)], "other_granularity"),
        (vec![point(START, 31 * DAY, 5, 5)], "other_granularity"),
        (vec![point(START, 7 * DAY, 5, 5)], "malformed"),
        (
            vec![point(START, DAY, 5, 5), point(START, DAY, 1, 1)],
            "malformed",
        ),
    ] {
        let report = reconcile(&daily, of(ours(), theirs));
        assert_eq!(reason_of(&report).0, code);
        let text = csv(&report);
        assert!(text.contains(",not_comparable,false,"), "{text}");
    }
    // Nothing on either side is no fault, and neither is what only settles.
    assert_eq!(
        reconcile(&daily, of(vec![], vec![])).status,
        Verdict::Within
    );
    let early = Terms {
        now: EpochMs(START + DAY),
        ..daily
    };
    let report = reconcile(&early, of(ours(), vec![]));
    assert_eq!(report.status, Verdict::Within);
    assert_eq!(short(&report), ["0 settling 5 5"]);
}

#[test]
fn a_number_that_left_is_beside_the_others() {
    let mut sides = of(vec![point(START, DAY, 5, 5)], vec![point(START, DAY, 5, 5)]);
    let reason = Reason::NumberLeft {
        number: "15550100102".to_owned(),
    };
    sides
        .left_out
        .push(Incomparable::number("15550100102", &reason));
    let report = reconcile(&terms(Granularity::Daily, Some("UTC")), sides.clone());
    assert_eq!(report.status, Verdict::NotComparable);
    assert_eq!(report.totals.matched, 1);
    assert!(report.fault().expect("a fault").contains("15550100102"));
    // A difference weighs more, and both are told.
    sides
        .ours
        .values_mut()
        .for_each(|points| points[0].sent += 1);
    let report = reconcile(&terms(Granularity::Daily, Some("UTC")), sides);
    assert_eq!(report.status, Verdict::Beyond);
    assert_eq!(
        report.fault().expect("a fault"),
        "1 of 1 buckets differs by more than the tolerance (0); not comparable: the provider \
         tells nothing of 15550100102: a number that left the account, or was never in it, \
         vanishes from its counts"
    );
}

#[test]
fn more_rows_than_a_report_has_are_refused() {
    let many = |count: usize| {
        let points = (0..i64::try_from(count).expect("small"))
            .map(|at| point(START + at * HALF_HOUR, HALF_HOUR, 1, 1));
        points.collect::<Vec<_>>()
    };
    let terms = Terms {
        range: TimeRange::new(EpochMs(0), EpochMs(9_000_000_000_000)).expect("a range"),
        now: EpochMs(9_100_000_000_000),
        ..terms(Granularity::HalfHour, None)
    };
    let report = reconcile(&terms, of(many(ROWS_MAX), many(ROWS_MAX)));
    assert_eq!(report.totals.matched, ROWS_MAX);
    let report = reconcile(&terms, of(many(ROWS_MAX + 1), many(1)));
    assert_eq!(reason_of(&report).0, "too_large");
}

#[test]
fn meta_s_shapes_are_read() {
    let points = r#""data_points":[{"start":1543629600,"end":1543716000,"sent":147649,"delivered":139032},{"start":1543543200,"end":1543629600,"sent":196093,"delivered":179715,"groups_sent":2}]"#;
    for body in [
        format!(
            r#"{{"analytics":{{"phone_numbers":["+1 650-555-0111",16505550112],"country_codes":["US"],"granularity":"DAY",{points}}},"id":"1"}}"#
        ),
        format!(
            r#"{{"phone_numbers":["16505550111","16505550112"],"country_codes":["US"],{points}}}"#
        ),
        format!(
            r#"{{"data":[{{"phone_numbers":["16505550111","16505550112"],"country_codes":["US"],"granularity":"day",{points}}}],"paging":{{"cursors":{{"after":"x"}}}}}}"#
        ),
    ] {
        let answer = read_meta(body.as_bytes()).expect(&body);
        assert_eq!(answer.numbers, ["16505550111", "16505550112"], "{body}");
        assert_eq!(answer.countries, ["US"]);
        assert_eq!(answer.next, None);
        let counted: Vec<_> = answer
            .points
            .iter()
            .map(|point| (point.window.start.0, point.sent, point.delivered))
            .collect();
        assert_eq!(
            counted,
            [
                (1_543_543_200_000, 196_093, 179_715),
                (1_543_629_600_000, 147_649, 139_032)
            ]
        );
        assert_eq!(granularity_of(&answer, None), Ok(Granularity::Daily));
        let asked = Some(Granularity::HalfHour);
        let reason = granularity_of(&answer, asked).expect_err("another granularity");
        assert_eq!(reason.code(), "other_granularity");
    }
}

#[test]
fn what_is_not_meta_s_answer_is_named() {
    for (body, code, words) in [
        ("", "empty", "no bytes"),
        (" \n", "empty", "no bytes"),
        (
            r#"{"analytics":{"data_points":[{"start":15435"#,
            "cut",
            "line 1",
        ),
        (r#"{"analytics":{"data_points":[}"#, "malformed", "line 1"),
        ("[]", "malformed", ""),
        ("{}", "malformed", "no `analytics`"),
        (r#"{"id":"1"}"#, "malformed", "no `analytics`"),
        (
            r#"{"pricing_analytics":{"data":[]}}"#,
            "malformed",
            "`pricing_analytics`",
        ),
        (
            r#"{"error":{"message":"Error validating access token","code":190}}"#,
            "refused",
            "Error validating access token (code 190)",
        ),
        (
            r#"{"analytics":{"data_points":[{"start":2,"end":1,"sent":1,"delivered":1}]}}"#,
            "malformed",
            "begins",
        ),
        (
            r#"{"analytics":{"data_points":[{"start":1543543200000000,"end":1543629600000000,"sent":1,"delivered":1}]}}"#,
            "malformed",
            "seconds",
        ),
        (
            r#"{"analytics":{"data_points":[{"start":1,"end":2,"sent":-1,"delivered":1}]}}"#,
            "malformed",
            "",
        ),
        (
            r#"{"analytics":{"data_points":[{"start":1,"end":2,"sent":1}]}}"#,
            "malformed",
            "delivered",
        ),
        (
            r#"{"analytics":{"granularity":"WEEK","data_points":[]}}"#,
            "malformed",
            "granularity",
        ),
        (
            r#"{"analytics":{"phone_numbers":["?"],"data_points":[]}}"#,
            "malformed",
            "phone",
        ),
    ] {
        let reason = read_meta(body.as_bytes()).expect_err(body);
        assert_eq!(reason.code(), code, "{body}: {reason}");
        assert!(reason.to_string().contains(words), "{body}: {reason}");
    }
    let many = "{\"start\":1,\"end\":2,\"sent\":1,\"delivered\":1},".repeat(POINTS_MAX);
    let body = |more: &str| format!("{{\"data_points\":[{}{more}]}}", many.trim_end_matches(','));
    let fit = read_meta(body("").as_bytes()).expect("as many as fit");
    assert_eq!(fit.points.len(), POINTS_MAX);
    let more = body(",{\"start\":1,\"end\":2,\"sent\":1,\"delivered\":1}");
    let reason = read_meta(more.as_bytes()).expect_err("one too many");
    assert_eq!(reason.code(), "too_large");
    let long = vec![b' '; ANSWER_BYTES_MAX + 1];
    assert_eq!(read_meta(&long).expect_err("too long").code(), "too_large");
}

fn file_terms() -> FileTerms {
    FileTerms {
        start: None,
        end: None,
        granularity: None,
        numbers: Vec::new(),
        tolerance: Tolerance::EXACT,
        zone: Some(Zone::utc()),
        now: EpochMs(START + 200 * DAY),
        include_settling: false,
    }
}

fn meta_body(numbers: &[&str], points: &[(i64, u64, u64)]) -> Vec<u8> {
    let points: Vec<_> = points
        .iter()
        .map(|(start, sent, delivered)| {
            serde_json::json!({"start": start / 1_000, "end": (start + DAY) / 1_000,
                "sent": sent, "delivered": delivered})
        })
        .collect();
    let analytics =
        serde_json::json!({"phone_numbers": numbers, "granularity": "DAY", "data_points": points});
    serde_json::json!({"analytics": analytics, "id": "1"})
        .to_string()
        .into_bytes()
}

#[test]
fn a_file_is_compared_with_the_sum_of_its_numbers() {
    let body = meta_body(
        &["15550100101", "15550100102"],
        &[(START, 3, 2), (START + DAY, 1, 1)],
    );
    let Prepared::Ready(question) = prepare(&body, &file_terms()).expect("a range") else {
        panic!("it can be compared");
    };
    assert_eq!(question.numbers, ["15550100101", "15550100102"]);
    assert_eq!(question.terms.range.start().0, START);
    assert_eq!(question.terms.range.end().0, START + 2 * DAY);
    let counted = Series::from([
        ("15550100101".to_owned(), vec![point(START, DAY, 1, 1)]),
        (
            "15550100102".to_owned(),
            vec![point(START, DAY, 2, 1), point(START + DAY, DAY, 1, 1)],
        ),
        ("15550100103".to_owned(), vec![point(START, DAY, 9, 9)]),
    ]);
    let report = question.answered(counted);
    assert_eq!(report.status, Verdict::Within, "{report:?}");
    assert_eq!(report.rows[0].number, "sum of 2 numbers");
    assert_eq!(report.notes, ["the sum is of 15550100101, 15550100102"]);
}

#[test]
fn a_file_of_other_numbers_or_with_a_next_page_is_not_compared() {
    let body = meta_body(&["15550100101"], &[(START, 3, 2)]);
    let named = |numbers: &[&str]| FileTerms {
        numbers: numbers.iter().map(ToString::to_string).collect(),
        ..file_terms()
    };
    let not = |body: &[u8], terms: &FileTerms| match prepare(body, terms).expect("a range") {
        Prepared::Not(report) => reason_of(&report),
        Prepared::Ready(question) => panic!("it was taken: {question:?}"),
    };
    let (code, message) = not(&body, &named(&["15550100101", "15550100102"]));
    assert_eq!(code, "number_left");
    assert!(message.contains("nothing of 15550100102"), "{message}");
    let two = meta_body(&["15550100101", "15550100109"], &[(START, 3, 2)]);
    let (code, message) = not(&two, &named(&["15550100101"]));
    assert_eq!(code, "other_numbers");
    assert!(message.ends_with("also sums 15550100109"), "{message}");
    let paged = br#"{"data":[{"granularity":"DAY","data_points":[{"start":1767225600,"end":1767312000,"sent":1,"delivered":1}]}],"paging":{"next":"https://graph.example/next"}}"#;
    let (code, message) = not(paged, &file_terms());
    assert_eq!(code, "cut");
    assert!(!message.contains("graph.example"), "{message}");
    // A range that nobody tells is asked for.
    let empty = meta_body(&[], &[]);
    let error = prepare(&empty, &file_terms()).expect_err("no range");
    assert_eq!(error, RangeError::Missing);
    let backwards = FileTerms {
        start: Some(EpochMs(START + 9 * DAY)),
        ..file_terms()
    };
    let error = prepare(&body, &backwards).expect_err("backwards");
    assert_eq!(error, RangeError::Backwards);
}

#[test]
fn no_cell_of_the_csv_is_a_formula() {
    let mut sides = of(vec![point(START, DAY, 1, 2)], vec![point(START, DAY, 3, 1)]);
    let reason = Reason::Refused {
        what: "no".to_owned(),
    };
    sides.left_out.push(Incomparable {
        message: "=HYPERLINK(\"x\")".to_owned(),
        ..Incomparable::number("+1", &reason)
    });
    let text = csv(&reconcile(&terms(Granularity::Daily, Some("UTC")), sides));
    expect_test::expect![[r#"
        start_ms,end_ms,number,status,within,ours_sent,theirs_sent,sent_apart,ours_delivered,theirs_delivered,delivered_apart,message
        1767225600000,1767312000000,15550100101,differs,false,1,3,2,2,1,1,
        ,,"'+1",not_comparable,false,,,,,,,"'=HYPERLINK(""x"")"
    "#]]
    .assert_eq(&text.replace("\r\n", "\n"));
}

/// Half hours of some numbers, each with something counted.
fn series() -> impl Strategy<Value = Series> {
    let points = proptest::collection::btree_map(0_i64..200, (0_u64..500, 1_u64..500), 1..40);
    proptest::collection::btree_map(0_u8..4, points, 1..4).prop_map(|numbers| {
        let points = |points: BTreeMap<i64, (u64, u64)>| {
            let points = points.into_iter().map(|(at, (sent, delivered))| {
                point(START + at * HALF_HOUR, HALF_HOUR, sent, delivered)
            });
            points.collect()
        };
        numbers
            .into_iter()
            .map(|(number, of)| (format!("1555010010{number}"), points(of)))
            .collect()
    })
}

proptest! {
    #[test]
    fn a_side_matches_itself(series in series()) {
        let sides = Sides { ours: series.clone(), theirs: series.clone(), ..Sides::default() };
        let report = reconcile(&terms(Granularity::HalfHour, None), sides);
        prop_assert_eq!(report.status, Verdict::Within);
        prop_assert_eq!(report.totals.matched, report.totals.buckets);
        prop_assert_eq!(report.totals.buckets, series.values().map(Vec::len).sum::<usize>());
        prop_assert_eq!(report.totals.ours, report.totals.theirs);
    }

    #[test]
    fn a_planted_difference_is_found_in_its_bucket_alone(
        series in series(),
        pick in any::<prop::sample::Index>(),
        (sent, delivered) in (0_u64..50, 0_u64..50).prop_filter("something", |(a, b)| a + b > 0),
        of_ours in any::<bool>(),
    ) {
        let places: Vec<_> = series
            .iter()
            .flat_map(|(number, points)| (0..points.len()).map(move |at| (number.clone(), at)))
            .collect();
        let (number, at) = pick.get(&places).clone();
        let mut planted = series.clone();
        let point = &mut planted.get_mut(&number).expect("there")[at];
        point.sent += sent;
        point.delivered += delivered;
        let start_ms = point.window.start.0;
        let (ours, theirs) = if of_ours { (planted, series) } else { (series, planted) };
        let sides = Sides { ours, theirs, ..Sides::default() };
        let report = reconcile(&terms(Granularity::HalfHour, None), sides);
        let beyond: Vec<_> = report.rows.iter().filter(|row| !row.within).collect();
        prop_assert_eq!(beyond.len(), 1);
        prop_assert_eq!((beyond[0].start_ms, &beyond[0].number), (start_ms, &number));
        let sign = if of_ours { 1 } else { -1 };
        let signed = |count: u64| sign * i64::try_from(count).expect("small");
        let expected = Difference { sent: signed(sent), delivered: signed(delivered) };
        prop_assert_eq!(beyond[0].difference, expected);
        prop_assert_eq!(beyond[0].status, Status::Differs);
    }

    #[test]
    fn no_answer_ends_the_process(body in proptest::collection::vec(any::<u8>(), 0..200)) {
        drop(read_meta(&body));
    }
}
