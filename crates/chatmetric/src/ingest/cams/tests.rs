//! Receipts: every sample, every quirk, and any JSON.

use super::*;
use proptest::prelude::*;

macro_rules! sample {
    ($name:literal) => {
        include_str!(concat!("../../../../../testdata/webhooks/", $name))
    };
}

/// What became of each report, one a line.
fn read(body: &str) -> String {
    let receipts = parse(body, 100).expect("receipts");
    let mut text = String::new();
    for event in &receipts.events {
        let (number, status) = (event.number, event.status.as_str());
        text += &format!("{number} {} {status} {}\n", event.message_id, event.at.0);
    }
    for bad in &receipts.bad {
        text += &format!("{} {}\n", bad.reason.as_str(), bad.json);
    }
    if receipts.ignored > 0 {
        text += &format!("ignored {}\n", receipts.ignored);
    }
    text
}

/// A report with some members replaced or added; an empty value takes one away.
fn report(changes: &[(&str, &str)]) -> String {
    let mut members = vec![
        ("Status", "\"Sent\""),
        ("From", "\"8613800000101\""),
        ("Timestamp", "1767225590000"),
        ("MessageId", "\"7\""),
    ];
    for (name, value) in changes {
        members.retain(|(known, _)| known != name);
        if !value.is_empty() {
            members.push((name, value));
        }
    }
    let members = members
        .iter()
        .map(|(name, value)| format!("\"{name}\":{value}"));
    format!("{{{}}}", members.collect::<Vec<_>>().join(","))
}

#[test]
fn the_samples_are_read() {
    expect_test::expect![[r#"
        8613800000101 202512310000000000001 sent 1767225590000
        8613800000101 202512310000000000001 delivered 1767225601000
        8613800000101 202512310000000000002 failed 1767225592000
    "#]]
    .assert_eq(&read(sample!("cams_01_status_http_batch.json")));
    let queue = "8613800000101 202512310000000000004 sent 1767225595000\n";
    assert_eq!(read(sample!("cams_03_status_mns_body.json")), queue);
    let inbound = read(sample!("cams_04_inbound_http_batch.json"));
    assert_eq!(inbound, "ignored 2\n");
}

#[test]
fn the_same_report_is_written_in_many_ways() {
    let plain = "8613800000101 7 sent 1767225590000\n";
    for changes in [
        &[][..],
        &[("From", "\"+86 138-0000-0101\"")],
        &[("From", "8613800000101")],
        &[("MessageId", "7")],
        &[("MessageId", "\" 7 \"")],
        &[("MessageId", "\"\\u0037\"")],
        &[("Timestamp", "1767225590")],
        &[("Timestamp", "\"1767225590000\"")],
        &[("Timestamp", "\"1767225590\"")],
        &[("Status", "\"SENT\"")],
        &[("Status", "\" sent \"")],
        &[("Message", "\"a template\"")],
        &[("NoticeType", "\"status\"")],
        &[("NoticeType", "null")],
        &[("To", "{\"deep\":[[1]]}")],
    ] {
        assert_eq!(read(&report(changes)), plain, "{changes:?}");
    }
    let spaced = report(&[]).replace("\":", " \":").replace(",\"", ",\"\\t ");
    assert!(spaced.contains("Timestamp \""), "{spaced}");
    assert_eq!(read(&spaced), plain);
    assert_eq!(read(&format!("\u{feff} [ {} ] ", report(&[]))), plain);
}

#[test]
fn a_report_that_cannot_be_read_says_why_and_the_others_count() {
    for (changes, reason) in [
        (&[("Timestamp", "")][..], Reason::BadTimestamp),
        (&[("Timestamp", "null")], Reason::BadTimestamp),
        (&[("Timestamp", "\"yesterday\"")], Reason::BadTimestamp),
        (&[("Timestamp", "1.7e12")], Reason::BadTimestamp),
        (&[("Timestamp", "-1")], Reason::BadTimestamp),
        (&[("From", "")], Reason::Malformed),
        (&[("From", "\"\"")], Reason::Malformed),
        (&[("From", "8.6e12")], Reason::Malformed),
        (&[("From", "\"8613\u{fffd}00000101\"")], Reason::Malformed),
        (&[("From", "\"123456789012345678901\"")], Reason::Malformed),
        (&[("MessageId", "")], Reason::Malformed),
        (&[("MessageId", "\" \"")], Reason::Malformed),
        (&[("MessageId", "[7]")], Reason::Malformed),
        (&[("MessageId", "7.5")], Reason::Malformed),
        (&[("MessageId", "\"\\ud800\"")], Reason::Malformed),
        (&[("Status", "")], Reason::Malformed),
        (&[("Status", "1")], Reason::Malformed),
        (&[("Status", "\"\"")], Reason::Malformed),
        (&[("From", ""), ("Timestamp", "")], Reason::Malformed),
    ] {
        let bad = report(changes);
        let body = format!("[{bad},{}]", report(&[]));
        let receipts = parse(&body, 2).expect("receipts");
        assert_eq!((receipts.events.len(), receipts.ignored), (1, 0), "{bad}");
        let json = bad.as_str();
        assert_eq!(
            receipts.bad,
            [BadStatus {
                reason,
                json,
                number: None
            }]
        );
    }
    assert_eq!(
        read("[7,null,[]]"),
        "malformed 7\nmalformed null\nmalformed []\n"
    );
}

#[test]
fn what_does_not_count_is_ignored() {
    for changes in [
        &[("Status", "\"Deleted\"")][..],
        &[("Status", "\"teleported\""), ("From", "")],
        &[("Status", ""), ("Message", "\"hello\"")],
        &[("Status", "\"\""), ("Message", "\"hello\"")],
        &[("Status", "null"), ("Message ", "null")],
        &[("NoticeType", "\"Inbound\"")],
        &[("NoticeType ", "\" inbound \""), ("Status", "")],
    ] {
        assert_eq!(read(&report(changes)), "ignored 1\n", "{changes:?}");
    }
}

#[test]
fn a_body_without_receipts_is_none() {
    let trailing = format!("[{},]", report(&[]));
    let cut = &trailing[..trailing.len() - 2];
    for body in [
        "", " ", "x", "7", "null", "\"{}\"", "[", "{", &trailing, cut,
    ] {
        assert_eq!(parse(body, 9), Err(CamsError::Unparsable), "{body}");
    }
    assert_eq!(parse("[]", 0), Ok(Receipts::default()));
    let many = format!("[{}]", ["7"; 4].join(","));
    assert_eq!(parse(&many, 3), Err(CamsError::TooMany { reports_max: 3 }));
    let deep = format!("[{}{}]", "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(parse(&deep, 9).expect("receipts").bad.len(), 1);
}

/// Any JSON, most of it with the names that matter.
fn any_json() -> impl Strategy<Value = serde_json::Value> {
    use serde_json::Value;
    let word = prop::sample::select(vec![
        "Sent",
        "READ",
        "",
        "8613",
        "1767225590",
        "inbound",
        "x",
    ]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        word.prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 6, |inner| {
        let name = prop_oneof![
            prop::sample::select(vec![
                "Status",
                " Status",
                "From",
                "Timestamp ",
                "MessageId",
                "Message",
                "NoticeType"
            ])
            .prop_map(str::to_owned),
            any::<String>(),
        ];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::hash_map(name, inner, 0..7)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn every_report_of_any_json_is_accounted_for(json in any_json()) {
        let text = json.to_string();
        let reports = match &json {
            serde_json::Value::Array(items) => Some(items.len()),
            serde_json::Value::Object(_) => Some(1),
            _ => None,
        };
        let read = parse(&text, usize::MAX).ok();
        let found = read.map(|read| read.events.len() + read.bad.len() + read.ignored as usize);
        prop_assert_eq!(found, reports);
    }

    #[test]
    fn no_text_makes_it_panic(text in any::<String>(), at in any::<prop::sample::Index>()) {
        let _outcome = parse(&text, 9);
        let sample = sample!("cams_04_inbound_http_batch.json");
        let _outcome = parse(&sample[..at.index(sample.len())], 9);
    }
}
