//! Every shape that a body may take, good and bad.

use super::*;
use chatmetric_sim::BodyStyle;
use proptest::prelude::*;
use proptest::sample::{Index, select};

fn read(body: &str) -> (Vec<String>, Vec<String>, u32) {
    let webhook = parse(body, 10_000).expect("a webhook");
    let events = webhook.events.iter().map(|event| {
        let Event {
            number,
            message_id,
            status,
            at,
        } = event;
        format!("{number} {message_id} {} {}", status.as_str(), at.0)
    });
    let bad = webhook
        .bad
        .iter()
        .map(|bad| format!("{} {}", bad.reason.as_str(), bad.json));
    (events.collect(), bad.collect(), webhook.ignored)
}

fn body(value: &str) -> String {
    format!(
        r#"{{"object":"whatsapp_business_account","entry":[{{"id":"1","changes":[{{"field":"messages","value":{value}}}]}}]}}"#
    )
}

fn statuses(statuses: &str) -> String {
    body(&format!(
        r#"{{"metadata":{{"display_phone_number":"+1 555"}},"statuses":[{statuses}]}}"#
    ))
}

macro_rules! sample {
    ($name:literal) => {
        include_str!(concat!("../../../../../testdata/webhooks/", $name))
    };
}

#[test]
fn a_batch_of_two_entries_is_walked_to_its_end() {
    let (events, bad, ignored) = read(sample!("wa_12_batch_two_entries.json"));
    expect_test::expect![[r#"
        15550100101 wamid.HBgLMTU1NTAyMDAyMDEVAgARGBJBNEMxMjNCMTYxMkREMjcyRDEA sent 1767225590000
        15550100101 wamid.HBgLMTU1NTAyMDAyMDIVAgARGBIzNzFDMTcxNDlENDM5NTM2QjMA sent 1767225593000
        15550100101 wamid.HBgLMTU1NTAyMDAyMDIVAgARGBIzNzFDMTcxNDlENDM5NTM2QjMA delivered 1767225602000
        447700900123 wamid.HBgMNDQ3NzAwOTAwNDU2FQIAERgSQ0NDQzNGQzE2MjZFNTNBMTMwAA== delivered 1767225591000
        447700900123 wamid.HBgLMTU1NTAyMDAyMDIVAgARGBIzNzFDMTcxNDlENDM5NTM2QjMA sent 1767225593000
        447700900123 wamid.HBgMNDQ3NzAwOTAwNDU3FQIAERgSNDNCMDI2QzQ4QkJGMzNGRUZGAA== read 1767225592000"#]]
    .assert_eq(&events.join("\n"));
    assert_eq!(bad, [""; 0]);
    // One inbound message and one change of another field.
    assert_eq!(ignored, 2);
}

#[test]
fn samples_of_one_status() {
    for (text, word) in [
        (sample!("wa_01_sent_v23.json"), "sent"),
        (sample!("wa_02_sent_v24.json"), "sent"),
        (sample!("wa_03_delivered_v24.json"), "delivered"),
        (sample!("wa_04_read.json"), "read"),
        (sample!("wa_05_read_without_delivered.json"), "read"),
        (sample!("wa_06_played.json"), "read"),
        (sample!("wa_07_failed.json"), "failed"),
        (sample!("wa_09_bsuid_no_recipient_id.json"), "delivered"),
        (sample!("wa_16_formatted_display_number.json"), "sent"),
    ] {
        let (events, bad, ignored) = read(text);
        assert_eq!((events.len(), bad.len(), ignored), (1, 0, 0), "{text}");
        assert!(events[0].starts_with("15550100101 wamid."), "{}", events[0]);
        assert!(events[0].contains(&format!(" {word} ")), "{}", events[0]);
    }
}

#[test]
fn samples_without_anything_to_count() {
    for (text, wanted) in [
        (sample!("wa_11_inbound_text.json"), 1),
        (sample!("wa_14_onprem_legacy_warning_deleted.json"), 2),
        (sample!("wa_17_utf8_name.json"), 0),
    ] {
        let (events, bad, ignored) = read(text);
        assert_eq!((events.len(), bad.len(), ignored), (0, 0, wanted), "{text}");
    }
}

#[test]
fn one_bad_status_never_drops_its_neighbours() {
    let good = r#"{"id":"a","status":"sent","timestamp":"1767225590"}"#;
    for (bad, reason) in [
        (r#"{"id":"b","status":"sent"}"#, "bad_timestamp"),
        (
            r#"{"id":"b","status":"sent","timestamp":null}"#,
            "bad_timestamp",
        ),
        (
            r#"{"id":"b","status":"sent","timestamp":"soon"}"#,
            "bad_timestamp",
        ),
        (
            r#"{"id":"b","status":"sent","timestamp":"-5"}"#,
            "bad_timestamp",
        ),
        (
            r#"{"id":"b","status":"sent","timestamp":1e10}"#,
            "bad_timestamp",
        ),
        (
            r#"{"id":"b","status":"sent","timestamp":99999999999999999999}"#,
            "bad_timestamp",
        ),
        (
            r#"{"id":"b","status":"sent","timestamp":{"s":1}}"#,
            "bad_timestamp",
        ),
        (r#"{"status":"sent","timestamp":"1767225590"}"#, "malformed"),
        (
            r#"{"id":"","status":"sent","timestamp":"1767225590"}"#,
            "malformed",
        ),
        (
            r#"{"id":7,"status":"sent","timestamp":"1767225590"}"#,
            "malformed",
        ),
        (
            r#"{"id":["b"],"status":"sent","timestamp":"1767225590"}"#,
            "malformed",
        ),
        (
            r#"{"id":"\ud800","status":"sent","timestamp":"1767225590"}"#,
            "malformed",
        ),
        (r#"{"id":"b","timestamp":"1767225590"}"#, "malformed"),
        (
            r#"{"id":"b","status":3,"timestamp":"1767225590"}"#,
            "malformed",
        ),
        (
            r#"{"id":"b","status":null,"timestamp":"1767225590"}"#,
            "malformed",
        ),
        ("null", "malformed"),
        ("[]", "malformed"),
        ("\"sent\"", "malformed"),
        ("17", "malformed"),
    ] {
        let (events, found, ignored) = read(&statuses(&format!("{good},{bad},{good}")));
        assert_eq!(events, ["1555 a sent 1767225590000"; 2], "{bad}");
        assert_eq!(found, [format!("{reason} {bad}")], "{bad}");
        assert_eq!(ignored, 0, "{bad}");
    }
}

const GOOD_CHANGE: &str = r#"{"field":"messages","value":{"metadata":{"display_phone_number":1555},"statuses":[{"id":"a","status":"SENT","timestamp":1767225590}]}}"#;

#[track_caller]
fn check_odd(text: &str, kept: &[&str], ignored: u32) {
    let (events, bad, found_ignored) = read(text);
    assert_eq!(events, ["1555 a sent 1767225590000"], "{text}");
    let kept: Vec<String> = kept
        .iter()
        .map(|json| format!("malformed {json}"))
        .collect();
    assert_eq!((bad, found_ignored), (kept, ignored), "{text}");
}

#[test]
fn a_part_of_the_wrong_shape_is_kept_and_its_neighbours_count() {
    for odd in [
        "null",
        "5",
        "\"x\"",
        "[]",
        "{}",
        r#"{"id":1}"#,
        r#"{"changes":null}"#,
    ] {
        let text = format!(r#"{{"entry":[{odd},{{"changes":[{GOOD_CHANGE}]}}]}}"#);
        check_odd(&text, &[odd], 0);
    }
    for odd in ["{\"0\":1}", "7", "\"x\""] {
        let text = format!(r#"{{"entry":[{{"changes":{odd}}},{{"changes":[{GOOD_CHANGE}]}}]}}"#);
        check_odd(&text, &[odd], 0);
        let text = body(&format!(r#"{{"statuses":{odd}}}"#))
            .replace("[{\"field\"", &format!("[{GOOD_CHANGE},{{\"field\""));
        check_odd(&text, &[odd], 0);
    }
    for odd in [
        "null",
        "3",
        r#"{"field":"messages"}"#,
        r#"{"field":"messages","value":null}"#,
        r#"{"field":"messages","value":[]}"#,
        r#"{"value":7}"#,
        r#"{"field":{},"value":"x"}"#,
    ] {
        let text = format!(r#"{{"entry":[{{"changes":[{odd},{GOOD_CHANGE}]}}]}}"#);
        check_odd(&text, &[odd], 0);
    }
    let legacy = r#"{"metadata":{"display_phone_number":"1555"},"statuses":[{"id":"a","status":"sent","timestamp":"1767225590"}],"entry":{"id":1}}"#;
    check_odd(legacy, &[r#"{"id":1}"#], 0);
}

#[test]
fn what_may_not_count_is_noted_as_ignored() {
    for (odd, ignored) in [
        (r#"{"field":"account_update","value":7}"#, 1),
        (r#"{"field":"account_update"}"#, 1),
        (r#"{"field":"messages","value":{}}"#, 1),
        (r#"{"field":"messages","value":{"contacts":[]}}"#, 1),
        (r#"{"field":"messages","value":{"statuses":null}}"#, 1),
        (
            r#"{"field":"messages","value":{"messages":{"id":"in"}}}"#,
            1,
        ),
        (
            r#"{"field":"messages","value":{"messages":[1,2],"errors":[{}],"statuses":[]}}"#,
            3,
        ),
        (r#"{"field":"messages","value":{"messages":[]}}"#, 0),
    ] {
        let text = format!(r#"{{"entry":[{{"changes":[{odd},{GOOD_CHANGE}]}}]}}"#);
        check_odd(&text, &[], ignored);
    }
}

#[test]
fn a_list_that_another_replaced_is_kept() {
    let list = r#"[{"id":"b"}]"#;
    let good = GOOD_CHANGE.replace(
        "\"statuses\":",
        &format!("\"statuses\":{list},\"statuses\":"),
    );
    check_odd(
        &format!(r#"{{"entry":[{{"changes":[{good}]}}]}}"#),
        &[list],
        0,
    );
    let text = format!(
        r#"{{"entry":[{{"id":1}}],"entry":[{{"changes":[{{}}],"changes":[{GOOD_CHANGE}]}}]}}"#
    );
    check_odd(&text, &[r#"[{"id":1}]"#, "[{}]"], 0);
    let twice = r#"{"statuses":[]}"#;
    let good = GOOD_CHANGE.replace("\"value\":", &format!("\"value\":{twice},\"value\":"));
    check_odd(
        &format!(r#"{{"entry":[{{"changes":[{good}]}}]}}"#),
        &[twice],
        0,
    );
}

#[test]
fn parts_of_the_wrong_shape_are_limited_as_statuses_are() {
    let text = format!(r#"{{"entry":[{}]}}"#, ["null"; 11].join(","));
    assert_eq!(
        parse(&text, 11).map(|webhook| webhook.bad.len()).ok(),
        Some(11)
    );
    assert!(parse(&text, 10).is_err());
}

#[test]
fn a_status_without_a_number_is_kept_for_people() {
    for metadata in [
        "{}",
        "null",
        r#"{"display_phone_number":""}"#,
        r#"{"display_phone_number":"none"}"#,
        r#"{"display_phone_number":"123456789012345678901"}"#,
    ] {
        let text = body(&format!(
            r#"{{"metadata":{metadata},"statuses":[{{"id":"a","status":"sent","timestamp":"1767225590"}},{{"status":"warning"}}]}}"#
        ));
        let (events, bad, ignored) = read(&text);
        assert_eq!((events.len(), bad.len(), ignored), (0, 1, 1), "{metadata}");
        assert!(bad[0].starts_with("malformed {"), "{metadata}");
    }
    let legacy = r#"{"statuses":[{"id":"a","status":"sent","timestamp":"1767225590"}]}"#;
    assert_eq!(read(legacy).1.len(), 1);
}

#[test]
fn what_is_no_webhook_is_unparsable() {
    for text in [
        "",
        " ",
        "{",
        "nope",
        "{}",
        "3",
        "null",
        r#"{"entry":7}"#,
        r#"{"entry":[]}x"#,
        "[3",
    ] {
        assert_eq!(
            parse(text, 10).err(),
            Some(WebhookError::Unparsable),
            "{text}"
        );
    }
    assert!(parse("\u{feff}{\"entry\":[]}", 10).is_ok());
    assert!(parse("[]", 10).is_ok());
    // Among others it is one bad item.
    let (events, bad, _) = read(&format!(
        "[{},{{}},3]",
        statuses(r#"{"id":"a","status":"sent","timestamp":"1"}"#)
    ));
    assert_eq!(
        (events.len(), bad),
        (
            1,
            vec!["unparsable {}".to_owned(), "unparsable 3".to_owned()]
        )
    );
}

#[test]
fn other_products_are_ignored() {
    let (events, bad, ignored) = read(
        r#"{"object":"page","entry":[{"changes":[{"field":"messages","value":{"statuses":[{}]}}]}]}"#,
    );
    assert_eq!((events.len(), bad.len(), ignored), (0, 0, 1));
}

#[test]
fn the_last_of_repeated_members_wins() {
    let (events, ..) = read(&statuses(
        r#"{"id":"a","id":"b","status":"sent","status":"read","timestamp":"1","timestamp":"2"}"#,
    ));
    assert_eq!(events, ["1555 b read 2000"]);
}

#[test]
fn escapes_are_read_and_bytes_that_are_no_text_spoil_one_status() {
    let (events, ..) = read(&statuses(
        r#"{"\u0069d":"a\u002fb","status":"s\u0065nt","timestamp":"\u0031"}"#,
    ));
    assert_eq!(events, ["1555 a/b sent 1000"]);

    let good = r#"{"id":"a","status":"sent","timestamp":"1"}"#;
    let mut bytes = statuses(&format!(
        r#"{good},{{"id":"x?y","status":"sent","timestamp":"1"}},{good}"#
    ))
    .into_bytes();
    let at = bytes.iter().position(|byte| *byte == b'?').expect("there");
    bytes[at] = 0xff;
    let text = text_of(&bytes);
    let webhook = parse(&text, 10).expect("a webhook");
    assert_eq!((webhook.events.len(), webhook.bad.len()), (2, 1));
}

#[test]
fn too_many_statuses_are_refused() {
    let one = r#"{"id":"a","status":"sent","timestamp":"1"}"#;
    let text = statuses(&[one; 11].join(","));
    assert_eq!(
        parse(&text, 11).map(|webhook| webhook.events.len()).ok(),
        Some(11)
    );
    assert_eq!(
        parse(&text, 10).err(),
        Some(WebhookError::TooManyStatuses { statuses_max: 10 })
    );
}

#[test]
fn times_are_seconds_or_milliseconds() {
    for (text, ms) in [
        ("0", Some(0)),
        ("1767225590", Some(1_767_225_590_000)),
        ("1767225590000", Some(1_767_225_590_000)),
        (" 1767225590 ", Some(1_767_225_590_000)),
        ("1767225590.75", Some(1_767_225_590_000)),
        ("99999999999", Some(99_999_999_999_000)),
        ("100000000000", Some(100_000_000_000)),
        ("253370764799999", Some(253_370_764_799_999)),
        ("253370764800000", None),
        ("+1", None),
        ("1.", None),
        (".5", None),
        ("", None),
        ("0x10", None),
        ("９", None),
    ] {
        assert_eq!(read_time(text).map(|time| time.0), ms, "{text}");
    }
}

#[test]
fn deep_and_wild_json_does_no_harm() {
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let (events, ..) = read(&statuses(&format!(
        r#"{{"id":"a","status":"sent","timestamp":"1","x":{deep}}}"#
    )));
    assert_eq!(events.len(), 1);
    assert_eq!(parse(&deep, 10).expect("an array").bad.len(), 1);

    // A seeded walk over mutations of a real body: no input may panic.
    let base = sample!("wa_12_batch_two_entries.json").as_bytes();
    let mut state = 7_u64;
    let mut next = |below: usize| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).expect("31 bits") % below
    };
    for _ in 0..2_000 {
        let mut bytes = base.to_vec();
        for _ in 0..=next(4) {
            if bytes.is_empty() {
                break;
            }
            let at = next(bytes.len());
            match next(3) {
                0 => bytes[at] = u8::try_from(next(256)).expect("a byte"),
                1 => drop(bytes.remove(at)),
                _ => bytes.truncate(at.max(1)),
            }
        }
        let _outcome = parse(&text_of(&bytes), 10);
    }
}

/// Bodies as providers send them, and what is left of them when something happened to
/// their text.
fn damaged_body() -> impl Strategy<Value = String> {
    let pieces = select(vec![
        "\"statuses\":[]",
        "\"statuses\":null",
        "\"entry\":[",
        "\"field\":\"messages\"",
        "\"field\":\"other\"",
        "\"value\":{}",
        "\"id\":7",
        "\"id\":\"\\u0041\"",
        "\"id\":\"\\ud800\"",
        "\"timestamp\":1767225590",
        "\"timestamp\":\"x\"",
        "\"status\":\" Sent \"",
        "\"status\":\"\"",
        "\"status\":\"deleted\"",
        "\"messages\":[1,2]",
        "\"errors\":{}",
        "\"metadata\":{}",
        "\"object\":\"page\"",
        "\"ch\\u0061nges\":[]",
        "{",
        "}",
        "[",
        "]",
        ",",
        "null",
        "\"",
        "\u{fffd}",
        "\\",
    ]);
    let edit = (any::<Index>(), 0..3_u8, pieces);
    let workload = (any::<u64>(), 1..12_u64);
    (
        workload,
        proptest::collection::vec(edit, 0..3),
        any::<bool>(),
    )
        .prop_map(|((seed, messages), edits, mixed)| {
            let config = chatmetric_sim::Config {
                seed,
                messages,
                ..Default::default()
            };
            let events: Vec<_> = chatmetric_sim::Workload::new(config).collect();
            let style = if mixed {
                BodyStyle::mixed(seed)
            } else {
                BodyStyle::default()
            };
            let mut body = chatmetric_sim::render_body(&events, &style).json;
            for (place, kind, piece) in edits {
                // Where members begin and end, most of all.
                let marks: Vec<usize> = body
                    .match_indices([',', '{', '[', '}'])
                    .map(|(at, _)| at)
                    .collect();
                let Some(at) = (!marks.is_empty()).then(|| marks[place.index(marks.len())]) else {
                    continue;
                };
                match kind {
                    0 => body.insert_str(at + 1, &format!("{piece},")),
                    1 => body.insert_str(at, &format!(",{piece}")),
                    _ => drop(body.remove(at)),
                }
            }
            body
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]
    #[test]
    fn one_pass_reads_what_the_lenient_reader_reads(body in damaged_body(), statuses_max in 0..60_usize) {
        if let Some(webhook) = straight::parse(&body, statuses_max) {
            prop_assert_eq!(Ok(webhook), parse_leniently(&body, statuses_max));
        }
    }
}

#[test]
fn usual_bodies_are_read_in_one_pass() {
    let usual = [
        sample!("wa_01_sent_v23.json").to_owned(),
        statuses(r#"{"id":"a","status":"sent","timestamp":"1767225590"}"#),
        statuses(r#"{"id":"\u0061\/\n","status":"se\u006et","timestamp":"1767225590"}"#),
    ];
    for body in usual {
        let read = straight::parse(&body, 10_000);
        assert!(read.is_some(), "{body}");
        assert_eq!(
            read.ok_or(WebhookError::Unparsable),
            parse_leniently(&body, 10_000)
        );
    }
    let unusual = [
        statuses(r#"{"id":"\ud800","status":"sent","timestamp":"1767225590"}"#),
        statuses(r#"{"id":7,"status":"sent","timestamp":"1767225590"}"#),
        body(
            r#"{"statuses":[{"id":"a","status":"sent","timestamp":"1"}],"metadata":{"display_phone_number":"1"}}"#,
        ),
        "[".repeat(100_000),
        format!("{{\"entry\":{}", "[".repeat(100_000)),
        format!(
            "{{\"x\":{}1{},\"entry\":7}}",
            "[".repeat(100_000),
            "]".repeat(100_000)
        ),
    ];
    for body in unusual {
        assert!(straight::parse(&body, 10_000).is_none());
    }
}

#[test]
fn escaped_ids_are_the_ids_that_they_stand_for() {
    let plain = statuses(r#"{"id":"wamid.A","status":"sent","timestamp":"1767225590"}"#);
    let escaped = statuses(r#"{"id":"wamid.\u0041","status":"sent","timestamp":"1767225590"}"#);
    assert_eq!(read(&plain), read(&escaped));
}

#[test]
fn depth_and_length_of_what_is_ignored_are_harmless() {
    let deep = format!("{}{}", "[".repeat(200_000), "]".repeat(200_000));
    let long = "x".repeat(1_000_000);
    let text = statuses(&format!(
        r#"{{"id":"a","errors":{deep},"more":"{long}","status":"sent","timestamp":"1767225590"}}"#
    ));
    let webhook = straight::parse(&text, 10_000).expect("in one pass");
    assert_eq!((webhook.events.len(), webhook.ignored), (1, 0));
}

/// A status alone does not say whose it is: what is kept of a bad one is read as it was, and
/// counts once it can be read.
#[test]
fn what_is_kept_of_a_bad_status_is_a_webhook() {
    let good = r#"{"id":"m2","status":"sent","timestamp":"1767225590"}"#;
    let bad = r#"{"id":"m1","status":"sent","timestamp":"soon"}"#;
    let text = statuses(&format!("{good},{bad}"));
    let webhook = parse(&text, 9).expect("a webhook");
    let [kept] = webhook.bad.as_slice() else {
        panic!("one bad status: {webhook:?}");
    };
    let body = String::from_utf8(kept.kept().into_owned()).expect("text");
    let again = parse(&body, 9).expect("a webhook");
    assert_eq!(again.bad, webhook.bad);
    assert_eq!((again.events.len(), again.ignored), (0, 0));
    let readable = BadStatus {
        json: good,
        ..again.bad[0]
    };
    let body = String::from_utf8(readable.kept().into_owned()).expect("text");
    assert_eq!(parse(&body, 9).expect("a webhook").events, webhook.events);
}
