//! `import`: the sample files, bad lines, loading twice, memory, old history.

use crate::process::{Ran, Served, client, data_dir, run, run_with_input, testdata};
use chatmetric::client::MetricCall;
use chatmetric_core::EpochMs;
use expect_test::{Expect, expect};
use std::io::Write as _;
use std::path::Path;

const SPACE: &str = "space-a";
const DAY_MS: i64 = 86_400_000;

fn import(data_dir: &str, files: &[&str], more: &[&str]) -> Ran {
    let mut arguments = vec!["import"];
    arguments.extend(files);
    arguments.extend(["--space", SPACE, "--data-dir", data_dir]);
    arguments.extend(more);
    run(&arguments)
}

fn check(ran: &Ran, code: i32, expected: &Expect) {
    assert_eq!(ran.code, code, "{ran:?}");
    assert_eq!(ran.stdout, "");
    expected.assert_eq(&ran.stderr);
}

fn write(folder: &Path, name: &str, bytes: &[u8]) -> String {
    let path = folder.join(name);
    std::fs::write(&path, bytes).expect("writes");
    path.display().to_string()
}

/// The rows of a day around the samples, as (sent, delivered).
fn counts(url: &str) -> Vec<(String, u64, u64)> {
    let answer = client(url).metric(&MetricCall {
        start: EpochMs(1_767_225_590_000 - DAY_MS),
        end: EpochMs(1_767_225_590_000 + DAY_MS),
        granularity: "DAILY",
        number: None,
        space: None,
        isv_code: None,
    });
    let rows = answer.expect("an answer").rows;
    rows.into_iter()
        .map(|row| (row.phone_number, row.sent_count, row.delivered_count))
        .collect()
}

#[test]
fn the_samples_are_loaded_once_however_often_they_come() {
    let (_folder, data_dir) = data_dir();
    let csv = testdata("bulk_events.csv");
    let ndjson = testdata("bulk_events.ndjson");
    // A directory that was never served takes history of any age.
    check(
        &import(&data_dir, &[&csv], &[]),
        0,
        &expect![[r#"
            4 rows: new 3, duplicate 1, ignored 0, late 0, quarantined 0, bad 0
            numbers bound to the space: 15550100101
        "#]],
    );
    // The same in another format, and the same again: nothing changes.
    check(
        &import(&data_dir, &[&ndjson, &csv], &[]),
        0,
        &expect![[r#"
            6 rows: new 0, duplicate 6, ignored 0, late 0, quarantined 0, bad 0
        "#]],
    );
    let served = Served::start(&data_dir);
    assert_eq!(counts(&served.url), [("15550100101".to_owned(), 2, 2)]);
    // Once it was served, it has a floor: what is older comes too late.
    let old = import(&data_dir, &["-"], &["--format", "ndjson"]);
    assert_eq!(old.code, 0, "{old:?}");
    let line = br#"{"number":"15550100101","message_id":"m-9","status":"sent","ts":1767225590}"#;
    let late = run_with_input(
        &["import", "-", "--space", SPACE, "--data-dir", &data_dir],
        line,
    );
    assert_eq!(late.code, 0, "{late:?}");
    assert!(late.stderr.contains("late 1"), "{}", late.stderr);
    assert_eq!(counts(&served.url), [("15550100101".to_owned(), 2, 2)]);
}

#[test]
fn webhook_bodies_are_loaded_through_a_running_server() {
    let (folder, data_dir) = data_dir();
    let served = Served::start(&data_dir);
    let now_s = std::fs::metadata(folder.path())
        .and_then(|metadata| metadata.modified())
        .expect("a time")
        .duration_since(std::time::UNIX_EPOCH)
        .expect("after 1970")
        .as_secs();
    let body = std::fs::read_to_string(testdata("wa_12_batch_two_entries.json"))
        .expect("reads")
        .replace(
            "176722",
            (now_s - 86_400).to_string().get(..6).expect("digits"),
        );
    let file = write(
        folder.path(),
        "hooks.json",
        format!("[{body},\n{body}]").as_bytes(),
    );
    let ran = import(&data_dir, &[&file], &[]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(
        ran.stderr
            .contains("numbers bound to the space: 15550100101, 447700900123"),
        "{ran:?}"
    );
    assert!(ran.stderr.contains("ignored 4"), "{ran:?}");
    assert!(
        ran.stderr.contains("new 6, duplicate 6, ignored 4, late 0"),
        "{ran:?}"
    );
    let verified = run(&["verify", "--data-dir", &data_dir]);
    assert_eq!(verified.code, 0, "{verified:?}");
    let (status, log) = served.stop();
    assert!(status.success(), "{log}");
}

#[test]
fn bad_lines_are_told_and_do_not_stop_the_rest() {
    let (folder, data_dir) = data_dir();
    let text =
        b"{\"number\":\"1555\",\"message_id\":\"a\",\"status\":\"sent\",\"ts\":1767225590}\n\
        nonsense\n\
        {\"number\":\"1555\",\"message_id\":\"secret-id\",\"status\":\"sent\",\"ts\":\"soon\"}\n\
        {\"number\":\"1555\",\"message_id\":\"a\xff\"}\n\
        {\"number\":\"1555\",\"message_id\":\"b\",\"status\":\"deleted\",\"ts\":1767225590}\n\
        {\"number\":\"1555\",\"message_id\":\"b\",\"status\":\"delivered\",\"ts\":1767225590}\n";
    let file = write(folder.path(), "mixed.ndjson", text);
    let ran = import(&data_dir, &[&file], &[]);
    assert!(!ran.stderr.contains("secret-id"), "{}", ran.stderr);
    let shown = Ran {
        stderr: ran.stderr.replace(&file, "mixed.ndjson"),
        ..ran
    };
    check(
        &shown,
        1,
        &expect![[r#"
            warning: mixed.ndjson:2:2: this is not JSON
            warning: mixed.ndjson:3: `timestamp` is neither seconds or milliseconds since 1970 nor RFC 3339 with an offset
            warning: mixed.ndjson:4:33: the line is not UTF-8 here
            6 rows: new 2, duplicate 0, ignored 1, late 0, quarantined 0, bad 3
            statuses that are not counted: `deleted` 1
            numbers bound to the space: 1555
            error: 3 lines were bad; the others are loaded
        "#]],
    );
    let strict = import(&data_dir, &[&file], &["--strict"]);
    assert_eq!(strict.code, 1, "{strict:?}");
    assert!(
        strict.stderr.contains("mixed.ndjson:2:2: this is not JSON"),
        "{}",
        strict.stderr
    );
    assert!(
        strict.stderr.contains("2 rows: new 0, duplicate 1,"),
        "{strict:?}"
    );
}

#[test]
fn long_lines_are_skipped_in_bounded_memory() {
    let (folder, data_dir) = data_dir();
    let mut text = vec![b'x'; 10 * 1024 * 1024];
    text.extend_from_slice(
        b"\n{\"number\":\"1555\",\"message_id\":\"a\",\"status\":\"sent\",\"ts\":1767225590}\n",
    );
    let file = write(folder.path(), "long.ndjson", &text);
    let ran = import(&data_dir, &[&file], &["--format", "ndjson"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(
        ran.stderr
            .contains(":1: the line has more than 1048576 bytes"),
        "{}",
        ran.stderr
    );
    assert!(ran.stderr.contains("2 rows: new 1"), "{}", ran.stderr);
}

#[test]
fn compressed_files_are_loaded_as_they_are() {
    let (folder, data_dir) = data_dir();
    let (csv, ndjson) = (
        testdata("bulk_events.csv.gz"),
        testdata("bulk_events.ndjson.zst"),
    );
    let ran = import(&data_dir, &[&csv], &[]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(
        ran.stderr.contains("4 rows: new 3, duplicate 1,"),
        "{ran:?}"
    );
    let ran = import(&data_dir, &[&ndjson, &csv], &["--strict"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.stderr.contains("new 0, duplicate 6,"), "{ran:?}");
    // Through stdin, and webhook bodies.
    // Of another number: its ids are of another family.
    let body = std::fs::read_to_string(testdata("wa_02_sent_v24.json")).expect("reads");
    let body = body.replace("15550100101", "15550100109");
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(body.as_bytes()).expect("encoded");
    let body = encoder.finish().expect("encoded");
    let arguments = ["import", "-", "--space", SPACE, "--data-dir", &data_dir];
    let ran = run_with_input(&arguments, &body);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.stderr.contains("1 row: new 1,"), "{ran:?}");
    // What came before a cut is loaded, and loading it again changes nothing.
    let lines = |from: u32| -> Vec<u8> {
        let line = |n| format!("15550100101,cut-{n},sent,{}\n", 1_767_225_000 + n);
        (from..from + 20_000)
            .flat_map(|n| line(n).into_bytes())
            .collect()
    };
    let header = b"number,message_id,status,timestamp\n".to_vec();
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder
        .write_all(&[header, lines(0)].concat())
        .expect("encoded");
    let whole = encoder.finish().expect("encoded");
    let file = write(folder.path(), "cut.csv.gz", &whole[..whole.len() / 2]);
    let ran = import(&data_dir, &[&file], &[]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.stderr.contains("the gzip data is cut off"), "{ran:?}");
    let file = write(folder.path(), "cut.csv.gz", &whole);
    let again = import(&data_dir, &[&file], &[]);
    assert_eq!(again.code, 0, "{again:?}");
    let figure = |ran: &Ran, word: &str| -> u64 {
        let rest = ran.stderr.split_once(word).expect("the summary").1;
        let digits: String = rest.chars().take_while(|c| *c != ' ').collect();
        digits.replace([','], "").parse().expect("a number")
    };
    let (before, after) = (figure(&ran, "new "), figure(&again, "new "));
    assert!(before > 0, "{ran:?}");
    assert_eq!(before + after, 20_000);
    assert_eq!(figure(&again, "duplicate "), before);
}

#[test]
fn what_cannot_be_loaded_is_refused_with_a_reason() {
    let (folder, data_dir) = data_dir();
    let csv = write(
        folder.path(),
        "events.csv",
        b"15550100101,m-1,sent,1767225590000\n",
    );
    let good = testdata("bulk_events.csv");
    for (files, more, reason) in [
        (
            vec![csv.as_str()],
            vec![],
            "the header has no column `number`",
        ),
        (
            vec!["/nonexistent.csv"],
            vec![],
            "could not read `/nonexistent.csv`",
        ),
        (
            vec![good.as_str()],
            vec!["--format", "parquet"],
            "bulk_events.csv:1: the Parquet file has no end (`PAR1`)",
        ),
        (
            vec![good.as_str()],
            vec!["--format", "xml"],
            "invalid value 'xml'",
        ),
        (vec!["-", "-"], vec![], "given twice"),
        (
            vec![good.as_str()],
            vec!["--endpoint", "http://x", "--token-file", "y"],
            "is plain HTTP on another machine",
        ),
    ] {
        let ran = import(&data_dir, &files, &more);
        assert_eq!(ran.code, 2, "{ran:?}");
        assert!(ran.stderr.contains(reason), "{reason}: {}", ran.stderr);
    }
    let ran = run(&[
        "import",
        &good,
        "--space",
        "nobody",
        "--data-dir",
        &data_dir,
    ]);
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(
        ran.stderr.contains("there is no space `nobody`"),
        "{}",
        ran.stderr
    );
    let ran = run(&[
        "import",
        &good,
        "--space",
        SPACE,
        "--data-dir",
        "/nonexistent",
    ]);
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(
        ran.stderr.contains("there is no data directory"),
        "{}",
        ran.stderr
    );
}

/// The same five rows from every writer, from a file, packed, and through stdin.
#[test]
fn parquet_of_other_programs_is_loaded() {
    let (folder, data_dir) = data_dir();
    let sample = |name: &str| testdata(&format!("../parquet/{name}.parquet"));
    let summary = "5 rows: new 3, duplicate 0, ignored 1, late 0, quarantined 0, bad 1";
    let again = "5 rows: new 0, duplicate 3, ignored 1, late 0, quarantined 0, bad 1";
    let ran = import(&data_dir, &[&sample("snappy")], &[]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.stderr.contains(summary), "{ran:?}");
    let bad = "snappy.parquet:3: `message_id` is null";
    assert!(ran.stderr.contains(bad), "{ran:?}");
    for name in ["zstd-v2", "int96", "fastparquet"] {
        let ran = import(&data_dir, &[&sample(name)], &[]);
        assert!(ran.stderr.contains(again), "{ran:?}");
    }
    let bytes = std::fs::read(sample("plain-ns")).expect("reads");
    let arguments = ["import", "-", "--space", SPACE, "--data-dir", &data_dir];
    let ran = run_with_input(&arguments, &bytes);
    assert!(ran.stderr.contains(again), "{ran:?}");
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(&bytes).expect("encoded");
    let packed = encoder.finish().expect("encoded");
    let file = write(folder.path(), "packed.parquet.gz", &packed);
    let ran = import(&data_dir, &[&file], &[]);
    assert!(ran.stderr.contains(again), "{ran:?}");
    let ran = import(&data_dir, &[&sample("wrong-double")], &[]);
    assert_eq!(ran.code, 2, "{ran:?}");
    let reason = "the column `number` cannot be read: it is DOUBLE; it can be a string or a whole \
                  number";
    assert!(ran.stderr.contains(reason), "{ran:?}");
}

#[test]
fn receipts_in_a_file_are_those_of_the_webhook() {
    let (folder, data_dir) = data_dir();
    let one = r#"{"MessageId ":"c-1","From ":"+8613800000000","Status":"Delivered","Timestamp":"1767225590000"}"#;
    let text = format!("{one}\n[{},{one}]\nnonsense\n", one.replace("c-1", "c-2"));
    let file = write(folder.path(), "receipts.json", text.as_bytes());
    for more in [&[][..], &["--format", "cams", "--from-start"]] {
        let ran = import(&data_dir, &[&file], more);
        assert_eq!(ran.code, 1, "{ran:?}");
        let (new, duplicate) = if more.is_empty() { (2, 1) } else { (0, 3) };
        let summary = format!("4 rows: new {new}, duplicate {duplicate}, ignored 0,");
        assert!(ran.stderr.contains(&summary), "{ran:?}");
        assert!(
            ran.stderr
                .contains("receipts.json:3: the body has no receipts"),
            "{ran:?}"
        );
    }
}
