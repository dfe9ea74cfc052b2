//! CloudEvents and NDJSON: the samples, what is told apart, and any text.

use super::*;
use crate::ingest::whatsapp::text_of;
use proptest::prelude::*;

const NOW: EpochMs = EpochMs(1_767_226_600_000);

macro_rules! sample {
    ($name:literal) => {
        include_str!(concat!("../../../../../testdata/webhooks/", $name))
    };
}

/// What became of each event, one a line.
fn read_bytes(format: Format, bytes: &[u8]) -> String {
    let text = text_of(bytes);
    let body = Body {
        format,
        bytes,
        text: &text,
        received_at: NOW,
    };
    let found = match parse(body, 100) {
        Ok(found) => found,
        Err(error) => return error.to_string(),
    };
    let mut seen = String::new();
    for event in &found.events {
        let channel = event.channel.as_deref().unwrap_or("-");
        let (family, status) = (event.family.family().as_str(), event.status.as_str());
        let id: String = event.message_id.chars().take(12).collect();
        let number = event.number;
        seen += &format!("{number} {id} {family} {status} {} {channel}\n", event.at.0);
    }
    for (reason, bytes) in &found.bad {
        seen += &format!("{} {}\n", reason.as_str(), text_of(bytes));
    }
    if found.ignored > 0 {
        seen += &format!("ignored {}\n", found.ignored);
    }
    seen
}

fn read(format: Format, body: &str) -> String {
    read_bytes(format, body.as_bytes())
}

#[test]
fn the_samples_are_read_whatever_the_content_type_says() {
    for format in [Format::CloudEvents, Format::Unknown] {
        let batch = read(format, sample!("cloudevent_batch.json"));
        expect_test::expect![[r#"
            15550100101 wamid.HBgLMT meta delivered 1767225602000 -
            15550100101 wamid.HBgLMT meta sent 1767225590000 -
        "#]]
        .assert_eq(&batch);
        let single = read(format, sample!("cloudevent_single.json"));
        let expected = "15550100101 wamid.HBgLMT meta delivered 1767225602000 -\n";
        assert_eq!(single, expected);
    }
    for format in [Format::Ndjson, Format::Unknown] {
        let lines = read(format, sample!("bulk_events.ndjson"));
        expect_test::expect![[r#"
            15550100101 m-1 other sent 1767225590000 -
            15550100101 m-1 other delivered 1767225602000 -
        "#]]
        .assert_eq(&lines);
    }
}

#[test]
fn content_types_name_formats() {
    for (value, format) in [
        ("application/cloudevents+json", Format::CloudEvents),
        (
            "Application/CloudEvents-Batch+JSON; charset=utf-8",
            Format::CloudEvents,
        ),
        ("application/x-ndjson", Format::Ndjson),
        (" application/ndjson ;x", Format::Ndjson),
        ("application/json", Format::Unknown),
        ("", Format::Unknown),
    ] {
        assert_eq!(Format::of_content_type(value), format, "{value}");
    }
}

#[test]
fn a_cloud_event_is_read_from_where_it_tells() {
    let event = |more: &str, data: &str| {
        format!(r#"{{"specversion":"1.0","id":"x","source":"s"{more},"data":{data}}}"#)
    };
    let data = r#"{"message_id":"7","phone_number":"+1 555","status":"Sent"}"#;
    let good = |at_ms: i64| format!("1555 7 other sent {at_ms} -\n");
    let time = r#","time":"2025-12-31T23:59:50Z""#;
    let at_ms = 1_767_225_590_000;
    let check = |more: &str, data: &str, expected: &str| {
        let json = event(more, data);
        assert_eq!(read(Format::Unknown, &json), expected, "{json}");
    };
    check(time, data, &good(at_ms));
    // Without a time it happened when it came in.
    check("", data, &good(NOW.0));
    check(r#","time":null"#, data, &good(NOW.0));
    let subject = format!(r#"{time},"subject":"1 555","type":"chatmetric.message.Sent""#);
    check(&subject, r#"{"message_id":7}"#, &good(at_ms));
    let viber = r#"{"message_id":"a","phone_number":1555,"status":"read","channel":"Viber"}"#;
    check(time, viber, &format!("1555 a other read {at_ms} viber\n"));
    let other = format!(r#"{subject},"ext":1"#).replace("message.Sent", "message.teleported");
    check(&other, r#"{"message_id":7}"#, "ignored 1\n");
    let bad = |more: &str, data: &str, reason: &str| {
        check(more, data, &format!("{reason} {}\n", event(more, data)));
    };
    bad(r#","time":"soon""#, data, "bad_timestamp");
    bad(r#","time":{}"#, data, "bad_timestamp");
    bad(time, "{}", "malformed");
    bad(time, "null", "malformed");
    bad(time, r#"{"message_id":"7","status":"sent"}"#, "malformed");
    bad(
        time,
        r#"{"phone_number":"1555","status":"sent"}"#,
        "malformed",
    );
    bad(
        time,
        r#"{"phone_number":"1555","message_id":"7"}"#,
        "malformed",
    );
    bad(
        time,
        "{\"phone_number\":\"1555\",\"message_id\":\"\u{fffd}\",\"status\":\"sent\"}",
        "malformed",
    );
}

#[test]
fn neighbours_of_a_bad_event_count() {
    let good = sample!("cloudevent_single.json").trim();
    let batch = format!(r#"[7,{good},{{"specversion":"0.3"}},{{}}]"#);
    expect_test::expect![[r#"
        15550100101 wamid.HBgLMT meta delivered 1767225602000 -
        malformed 7
        malformed {"specversion":"0.3"}
        malformed {}
    "#]]
    .assert_eq(&read(Format::CloudEvents, &batch));
    let lines = concat!(
        "\u{feff}{\"number\":\"1555\",\"message_id\":\"a\",\"status\":\"sent\",\"ts\":1767225590}\r\n",
        "\n",
        "{\"number\":\"1555\",\"message_id\":\"b\",\"status\":\"sent\"}\n",
        "{\"number\":\"1555\",\"status\":\"sent\",\"ts\":1767225590}\n",
        "{\"number\":\"1555\",\"message_id\":\"c\",\"status\":\"queued\",\"ts\":1767225590}\n",
        "not json",
    );
    expect_test::expect![[r#"
        1555 a other sent 1767225590000 -
        bad_timestamp {"number":"1555","message_id":"b","status":"sent"}
        malformed {"number":"1555","status":"sent","ts":1767225590}
        malformed not json
        ignored 1
    "#]]
    .assert_eq(&read(Format::Unknown, lines));
    let broken = b"{\"number\":\"1555\",\"message_id\":\"\xff\",\"status\":\"sent\",\"ts\":1}";
    assert!(read_bytes(Format::Unknown, broken).starts_with("malformed "));
    let long = format!("{{\"number\":\"{}\"}}", "1".repeat(LINE_BYTES_MAX));
    assert!(read(Format::Ndjson, &long).starts_with("malformed "));
}

#[test]
fn a_body_without_events_is_none() {
    for body in ["", "7", "null", "[", "{", "[{},]"] {
        let found = read(Format::CloudEvents, body);
        assert_eq!(found, "the body has no events", "{body}");
    }
    assert_eq!(read(Format::CloudEvents, "[]"), "");
    assert_eq!(read(Format::Unknown, " \n \r\n"), "");
    let many = vec!["7"; 101];
    let too_many = "the body has more than 100 events";
    assert_eq!(read(Format::Ndjson, &many.join("\n")), too_many);
    let batch = format!("[{}]", many.join(","));
    assert_eq!(read(Format::CloudEvents, &batch), too_many);
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(bytes in any::<Vec<u8>>(), text in any::<String>(), at in any::<prop::sample::Index>()) {
        for format in [Format::CloudEvents, Format::Ndjson, Format::Unknown] {
            read_bytes(format, &bytes);
            read(format, &text);
            let sample = sample!("cloudevent_batch.json");
            read(format, &sample[..at.index(sample.len())]);
        }
    }

    #[test]
    fn every_line_is_accounted_for(lines in prop::collection::vec("[^\n\u{feff}]*", 0..9)) {
        let text = lines.join("\n");
        let body = Body { format: Format::Ndjson, bytes: text.as_bytes(), text: &text, received_at: NOW };
        let found = parse(body, 100).expect("events");
        let blank = |line: &&String| line.trim_ascii().is_empty();
        let expected = lines.len() - lines.iter().filter(blank).count();
        let seen = found.events.len() + found.bad.len() + usize::try_from(found.ignored).expect("few");
        prop_assert_eq!(seen, expected);
    }
}
