//! The readers: what they read, where they see faults, and that no bytes break them.

use super::*;
use std::convert::Infallible;

const SENT: &str = r#"{"entry":[{"changes":[{"field":"messages","value":{"metadata":{"display_phone_number":"+1 555-010-0101"},"statuses":[{"id":"wamid.A","status":"sent","timestamp":"1767225590"},{"id":"wamid.B","status":"delivered"}]}}]}]}"#;

#[derive(Default)]
pub(super) struct Seen {
    pub(super) lines: Vec<String>,
    /// Each with how many lines were seen before it.
    pub(super) marks: Vec<(usize, Mark)>,
}

impl Visitor for Seen {
    type Stop = Infallible;

    fn event(&mut self, event: &FileEvent<'_>) -> Result<(), Infallible> {
        self.lines.push(format!(
            "{} {} {} {} {}",
            event.channel,
            event.number,
            event.message_id,
            event.status.as_str(),
            event.at.0
        ));
        Ok(())
    }

    fn ignored(&mut self, word: Option<&str>) -> Result<(), Infallible> {
        self.lines.push(format!("ignored {}", word.unwrap_or("-")));
        Ok(())
    }

    fn bad(&mut self, bad: Bad) -> Result<(), Infallible> {
        self.lines.push(format!("bad {bad}"));
        Ok(())
    }

    fn progress(&mut self, mark: Mark) -> Result<(), Infallible> {
        self.marks.push((self.lines.len(), mark));
        Ok(())
    }
}

fn seen(format: FileFormat, bytes: &[u8]) -> Vec<String> {
    let mut seen = Seen::default();
    let mut input = bytes;
    match read(&mut input, format, None, &mut seen) {
        Ok(()) => {}
        Err(ReadError::Format(bad)) => seen.lines.push(format!("format {bad}")),
        Err(ReadError::Io(error)) => seen.lines.push(format!("io {error}")),
        Err(ReadError::Stopped(never)) => match never {},
    }
    seen.lines
}

#[test]
fn ndjson_lines_are_judged_alone() {
    let text = concat!(
        r#"{"number":"+1 555","message_id":"a","status":"Sent","ts":1767225590,"extra":{"x":[1]}}"#,
        "\r\n\n",
        r#"{"number":1555,"message_id":7,"status":"played","timestamp":"2025-12-31T23:59:50Z","channel":"VIBER"}"#,
        "\n",
        r#"{"number":"1555","message_id":"a","status":"deleted","ts":1}"#,
        "\n{\"number\":\"1555\",\n",
        r#"{"number":"x","message_id":"a","status":"sent","ts":1}"#,
        "\n",
        r#"{"number":"1","message_id":"a","message_id":"b","status":"sent","ts":1}"#,
        "\n",
        r#"["secret"]"#,
        "\n",
        r#"{"number":{"secret":1}}"#,
        "\nnot json\n",
    );
    let mut bytes = text.as_bytes().to_vec();
    bytes.extend_from_slice(b"{\"number\":\"\xff\"}");
    assert_eq!(
        seen(FileFormat::Ndjson, &bytes),
        [
            "whatsapp 1555 a sent 1767225590000",
            "viber 1555 7 read 1767225590000",
            "ignored deleted",
            "bad 5:17: the JSON ends too early",
            "bad 6: a phone number needs at least one digit",
            "bad 7:43: duplicate field `message_id`",
            "bad 8:10: this is not an object with `number`, `message_id`, `status`, `ts`",
            "bad 9:11: this is not an object with `number`, `message_id`, `status`, `ts`",
            "bad 10:2: this is not JSON",
            "bad 11:12: the line is not UTF-8 here",
        ]
    );
}

#[test]
fn csv_columns_may_stand_in_any_order() {
    let text = "Status;ts;\"NUMBER\";note;message_id;channel\n\
                sent;1767225590;+1 555;\"a;b\";\"m\"\"1\";\n\
                sent;1767225590;+1 555;x\n\
                sent;later;1555;x;m;\n\
                read;1767225590;1555;\"x;m;\n\
                accepted;1767225590;1555;x;m;SMS\n\
                failed;1767225590;1555;x;m;SMS";
    assert_eq!(
        seen(FileFormat::Csv, text.as_bytes()),
        [
            "whatsapp 1555 m\"1 sent 1767225590000",
            "bad 3: the line has 4 fields, the header has 6",
            "bad 4:6: `timestamp` is neither seconds or milliseconds since 1970 nor RFC 3339 with \
             an offset",
            "bad 5:22: a quoted field does not end on this line",
            "ignored accepted",
            "sms 1555 m failed 1767225590000",
        ]
    );
}

#[test]
fn a_csv_needs_its_header() {
    for (text, fault) in [
        (
            "",
            "format 1: the file is empty; a CSV begins with a header",
        ),
        (
            "15550100101,m-1,sent,1767225590000\n",
            "format 1: the header has no column `number`; it needs \
             `number,message_id,status,timestamp` in any order",
        ),
        (
            "number,message_id,status,ts,timestamp\n",
            "format 1:29: the column `timestamp`/`ts` is there twice",
        ),
    ] {
        assert_eq!(seen(FileFormat::Csv, text.as_bytes()), [fault]);
    }
}

#[test]
fn webhook_bodies_stand_on_lines_or_in_arrays() {
    let event = "whatsapp 15550100101 wamid.A sent 1767225590000".to_owned();
    let bad =
        |line: u64| format!("bad {line}: a part of the body is not readable (`bad_timestamp`)");
    let lines = format!("{SENT}\nnonsense\n\n{SENT}\n");
    assert_eq!(
        seen(FileFormat::Whatsapp, lines.as_bytes()),
        [
            event.clone(),
            bad(1),
            "bad 2: the body is not a WhatsApp webhook".to_owned(),
            event.clone(),
            bad(4)
        ]
    );
    let array = format!("[\n{SENT},\n{SENT}]\n");
    let expected = [event.clone(), bad(2), event.clone(), bad(3)];
    assert_eq!(seen(FileFormat::Whatsapp, array.as_bytes()), expected);
    let value: serde_json::Value = serde_json::from_str(SENT).expect("JSON");
    let pretty = serde_json::to_string_pretty(&value).expect("JSON");
    let expected = [event.clone(), bad(1)];
    assert_eq!(seen(FileFormat::Whatsapp, pretty.as_bytes()), expected);
    let cut_off = format!("[{SENT},{{\"entry\":[");
    let last = "bad 1: the file ends within a webhook body".to_owned();
    assert_eq!(
        seen(FileFormat::Whatsapp, cut_off.as_bytes()),
        [event, bad(1), last]
    );
}

#[test]
fn long_lines_are_skipped_not_held() {
    let long = "x".repeat(10_000_000);
    let good = r#"{"number":"1","message_id":"a","status":"sent","ts":1}"#;
    assert_eq!(
        seen(FileFormat::Ndjson, format!("{long}\n{good}\n").as_bytes()),
        [
            "bad 1: the line has more than 1048576 bytes",
            "whatsapp 1 a sent 1000"
        ]
    );
    let body = format!("[{{\"a\":\"{long}\"}},{SENT}]");
    let seen = seen(FileFormat::Whatsapp, body.as_bytes());
    assert_eq!(
        seen.first().map(String::as_str),
        Some("bad 1: the body has more than 4194304 bytes")
    );
    assert_eq!(seen.len(), 3);
}

/// Bytes that look like the formats and are not: every reader must come to its end.
#[test]
fn no_bytes_break_a_reader() {
    use crate::entropy::{Entropy, SeededEntropy};
    const PIECES: [&[u8]; 24] = [
        b"{",
        b"}",
        b"[",
        b"]",
        b"\"",
        b"\\",
        b",",
        b":",
        b"\n",
        b"\r\n",
        b";",
        b"\t",
        b"number",
        b"message_id",
        b"status",
        b"timestamp",
        b"sent",
        b"1767225590",
        b"\xff",
        b"\xef\xbb\xbf",
        b"{\"entry\":[{\"changes\":[{\"value\":{\"statuses\":[",
        b"-1",
        b"\xf0\x9f\x98\x80",
        b"\0",
    ];
    let entropy = SeededEntropy::new(20_261_124);
    let mut random = vec![0_u8; 1 << 19];
    entropy.fill(&mut random);
    for (index, choice) in random.chunks(64).enumerate() {
        let mut bytes = match index % 3 {
            0 => b"number,message_id,status,timestamp\n".to_vec(),
            1 => SENT.as_bytes().to_vec(),
            _ => Vec::new(),
        };
        for byte in choice {
            match PIECES.get(usize::from(*byte) % 32) {
                Some(piece) => bytes.extend_from_slice(piece),
                None => bytes.push(*byte),
            }
        }
        for format in [
            FileFormat::Ndjson,
            FileFormat::Csv,
            FileFormat::Whatsapp,
            FileFormat::Cams,
        ] {
            let _ = seen(format, &bytes);
        }
        let _ = sniff(&bytes, "x");
    }
}

#[test]
fn receipts_stand_on_lines_or_are_written_apart() {
    let one = r#"{"MessageId ":"c-1","From ":"8613800000000","Status":"Delivered","Timestamp":"1767225590000","NoticeType":"x"}"#;
    let two = one.replace("c-1", "c-2");
    let expected = [
        "whatsapp 8613800000000 c-1 delivered 1767225590000",
        "whatsapp 8613800000000 c-2 delivered 1767225590000",
    ];
    let lines = format!("{one}\nnonsense\n[{one},{two}]\n");
    assert_eq!(
        seen(FileFormat::Cams, lines.as_bytes()),
        [
            expected[0],
            "bad 2: the body has no receipts",
            expected[0],
            expected[1]
        ]
    );
    let apart = format!("[\n {one},\n {two}\n]\n");
    assert_eq!(seen(FileFormat::Cams, apart.as_bytes()), expected);
}

/// From every mark on, exactly the rest is seen.
#[test]
fn reading_goes_on_at_every_mark() {
    let line = |n: u32| {
        format!("{{\"number\":\"1555\",\"message_id\":\"m-{n}\",\"status\":\"sent\",\"ts\":{n}}}\n")
    };
    let ndjson: String = (1..9).map(line).collect::<String>() + "nonsense\n\n";
    let csv = format!(
        "\u{feff}number,message_id,status,ts\r\n{}bad\n",
        (1..9)
            .map(|n| format!("1555,m-{n},sent,{n}\r\n"))
            .collect::<String>()
    );
    let lines = format!("{SENT}\n\nnonsense\n{SENT}\n");
    let array = format!("\u{feff}[{SENT},\n{SENT}\n,{SENT}]\n");
    let value: serde_json::Value = serde_json::from_str(SENT).expect("JSON");
    let pretty = serde_json::to_string_pretty(&value).expect("JSON");
    let apart = format!("\n{pretty}\n{pretty}\n");
    for (format, text) in [
        (FileFormat::Ndjson, &ndjson),
        (FileFormat::Csv, &csv),
        (FileFormat::Whatsapp, &lines),
        (FileFormat::Whatsapp, &array),
        (FileFormat::Whatsapp, &apart),
        (FileFormat::Cams, &lines),
    ] {
        let whole = with_marks(format, text.as_bytes(), None);
        assert!(!whole.marks.is_empty(), "{format:?}");
        for (seen_before, mark) in &whole.marks {
            let rest = with_marks(format, text.as_bytes(), Some(*mark));
            assert_eq!(
                rest.lines,
                &whole.lines[*seen_before..],
                "{format:?} {mark:?}"
            );
        }
    }
    // A file that became shorter is not taken for one that was read.
    let mark = Mark {
        rows: 9,
        bytes: 1_000_000,
        is_apart: false,
    };
    let end = with_marks(FileFormat::Ndjson, ndjson.as_bytes(), Some(mark));
    let reason = "io the file ends before the place at which reading should go on";
    assert_eq!(end.lines, [reason]);
}

fn with_marks(format: FileFormat, mut bytes: &[u8], from: Option<Mark>) -> Seen {
    let mut seen = Seen::default();
    match read(&mut bytes, format, from, &mut seen) {
        Ok(()) => {}
        Err(ReadError::Format(bad)) => seen.lines.push(format!("format {bad}")),
        Err(ReadError::Io(error)) => seen.lines.push(format!("io {error}")),
        Err(ReadError::Stopped(never)) => match never {},
    }
    seen
}
