//! `import` that is killed goes on where it was: no row is left out, and not all are read
//! again.

use crate::process::{Ran, Served, command, data_dir, run};
use parquet::data_type::{ByteArray, ByteArrayType, Int64Type};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::Arc;

const SPACE: &str = "space-a";
const ROWS: usize = 600_000;
/// Of Parquet, which is read faster.
const PARQUET_ROWS: usize = 1_500_000;
/// Numbers of the file.
const NUMBERS: usize = 50;

struct Rows {
    number: Vec<String>,
    id: Vec<String>,
    at_ms: Vec<i64>,
}

/// Messages of the last hour: a server takes them too.
fn rows(count: usize) -> Rows {
    let now_s = std::time::UNIX_EPOCH
        .elapsed()
        .expect("after 1970")
        .as_secs();
    let start_ms = i64::try_from(now_s).expect("fits") * 1000 - 3_600_000;
    let mut rows = Rows {
        number: Vec::new(),
        id: Vec::new(),
        at_ms: Vec::new(),
    };
    for row in 0..count {
        rows.number.push(format!("1555{:04}", row % NUMBERS));
        rows.id.push(format!("wamid.{row:012}"));
        rows.at_ms
            .push(start_ms + i64::try_from(row).expect("fits") / 1_000);
    }
    rows
}

fn ndjson(path: &Path, rows: &Rows) {
    let mut text = String::new();
    for ((number, id), at_ms) in rows.number.iter().zip(&rows.id).zip(&rows.at_ms) {
        let _ = writeln!(
            text,
            r#"{{"number":"{number}","message_id":"{id}","status":"sent","ts":{at_ms}}}"#
        );
    }
    std::fs::write(path, text).expect("written");
}

fn csv_gz(path: &Path, rows: &Rows) {
    let file = std::fs::File::create(path).expect("made");
    let mut encoder = flate2::write::GzEncoder::new(file, flate2::Compression::fast());
    let mut text = "number,message_id,status,timestamp\n".to_owned();
    for ((number, id), at_ms) in rows.number.iter().zip(&rows.id).zip(&rows.at_ms) {
        let _ = writeln!(text, "{number},{id},sent,{at_ms}");
    }
    encoder.write_all(text.as_bytes()).expect("encoded");
    encoder.finish().expect("encoded");
}

fn parquet_file(path: &Path, rows: &Rows) {
    let schema = "message m { required binary number (UTF8); required binary message_id (UTF8);
        required binary status (UTF8); required int64 timestamp (TIMESTAMP_MILLIS); }";
    let schema = Arc::new(parse_message_type(schema).expect("a schema"));
    let file = std::fs::File::create(path).expect("made");
    let properties = Arc::new(WriterProperties::builder().build());
    let mut writer = SerializedFileWriter::new(file, schema, properties).expect("a writer");
    for group in 0..4 {
        let part = group * PARQUET_ROWS / 4..(group + 1) * PARQUET_ROWS / 4;
        let mut writer = writer.next_row_group().expect("a group");
        let texts = |texts: &[String]| -> Vec<ByteArray> {
            texts.iter().map(|text| text.as_str().into()).collect()
        };
        for column in [
            texts(&rows.number[part.clone()]),
            texts(&rows.id[part.clone()]),
            vec!["sent".into(); part.len()],
        ] {
            let mut to = writer.next_column().expect("works").expect("a column");
            let typed = to.typed::<ByteArrayType>();
            typed.write_batch(&column, None, None).expect("written");
            to.close().expect("closed");
        }
        let mut to = writer.next_column().expect("works").expect("a column");
        let typed = to.typed::<Int64Type>();
        typed
            .write_batch(&rows.at_ms[part], None, None)
            .expect("written");
        to.close().expect("closed");
        writer.close().expect("closed");
    }
    writer.close().expect("closed");
}

fn arguments<'a>(file: &'a str, data_dir: &'a str) -> Vec<&'a str> {
    vec!["import", file, "--space", SPACE, "--data-dir", data_dir]
}

fn start(file: &str, data_dir: &str) -> Child {
    command(&arguments(file, data_dir))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts")
}

/// The note of an import that is under way, once there is one.
fn note(data_dir: &str, child: &mut Child) -> PathBuf {
    let folder = Path::new(data_dir).join("imports");
    loop {
        let notes = std::fs::read_dir(&folder).ok();
        let notes = notes.into_iter().flatten().map_while(Result::ok);
        let mut notes = notes.map(|entry| entry.path());
        if let Some(note) = notes.find(|path| path.extension().is_some_and(|end| end == "json")) {
            return note;
        }
        let ended = child.try_wait().expect("asks");
        assert_eq!(ended, None, "it ended before it noted anything");
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
}

fn rows_noted(note: &Path) -> u64 {
    let text = std::fs::read(note).expect("there");
    let value: serde_json::Value = serde_json::from_slice(&text).expect("JSON");
    value["reached"]["mark"]["rows"].as_u64().expect("a count")
}

/// A figure of the summary.
fn figure(ran: &Ran, before: &str, after: &str) -> u64 {
    let line = ran.stderr.lines().find(|line| line.contains(" rows: new "));
    let line = line.expect("the summary");
    let start = line.find(before).expect("the figure") + before.len();
    let rest = &line[start..];
    let end = rest.find(|c: char| !c.is_ascii_digit() && c != ',');
    let end = end.unwrap_or(rest.len());
    assert!(rest[end..].starts_with(after), "{line}");
    rest[..end].replace(',', "").parse().expect("a number")
}

/// All rows are counted, whatever happened.
fn check_counts(data_dir: &str, rows: u64) {
    let ran = run(&[
        "export",
        "-",
        "-o",
        "csv",
        "--space",
        SPACE,
        "--start",
        "-2d",
        "--end",
        "now",
        "--data-dir",
        data_dir,
    ]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let sent = |line: &str| {
        line.split(',')
            .nth(5)
            .and_then(|sent| sent.parse::<u64>().ok())
    };
    let sent: u64 = ran.stdout.lines().filter_map(sent).sum();
    assert_eq!(sent, rows);
}

/// The second run of an interrupted import.
fn go_on(file: &str, data_dir: &str, all: usize, noted: u64) {
    let ran = run(&arguments(file, data_dir));
    assert_eq!(ran.code, 0, "{ran:?}");
    let all = u64::try_from(all).expect("fits");
    let lines_before = u64::from(file.ends_with(".gz"));
    let read = figure(&ran, "", " rows");
    assert_eq!(read, all + lines_before - noted, "{ran:?}");
    assert!(read < all, "{ran:?}");
    assert!(ran.stderr.contains("continuing at row "), "{ran:?}");
    check_counts(data_dir, all);
    let left = std::fs::read_dir(Path::new(data_dir).join("imports")).expect("there");
    assert_eq!(left.count(), 0, "a whole import leaves no note");
    // There is nothing to go on with, so all of it is read again.
    let ran = run(&arguments(file, data_dir));
    assert_eq!(figure(&ran, "duplicate ", ""), all, "{ran:?}");
    check_counts(data_dir, all);
}

#[test]
fn a_killed_import_goes_on_where_it_was() {
    let (folder, data_dir) = data_dir();
    let file = folder.path().join("events.ndjson");
    ndjson(&file, &rows(ROWS));
    let file = file.display().to_string();
    let mut child = start(&file, &data_dir);
    let note = note(&data_dir, &mut child);
    child.kill().expect("killed");
    child.wait().expect("ended");
    let noted = rows_noted(&note);
    assert!(noted > 0);
    // Nothing that is noted as loaded is missing: what follows the note is enough.
    let ran = run(&["verify", "--data-dir", &data_dir]);
    assert_eq!(ran.code, 0, "{ran:?}");
    go_on(&file, &data_dir, ROWS, noted);
}

#[test]
fn an_import_through_a_server_goes_on_where_it_was() {
    let (folder, data_dir) = data_dir();
    let file = folder.path().join("events.csv.gz");
    csv_gz(&file, &rows(ROWS));
    let file = file.display().to_string();
    let served = Served::start(&data_dir);
    let mut child = start(&file, &data_dir);
    let note = note(&data_dir, &mut child);
    child.kill().expect("killed");
    child.wait().expect("ended");
    go_on(&file, &data_dir, ROWS, rows_noted(&note));
    let (status, log) = served.stop();
    assert!(status.success(), "{log}");
}

#[test]
fn an_import_goes_on_after_its_server_was_killed() {
    let (folder, data_dir) = data_dir();
    let file = folder.path().join("events.parquet");
    parquet_file(&file, &rows(PARQUET_ROWS));
    let file = file.display().to_string();
    let served = Served::start(&data_dir);
    let mut child = start(&file, &data_dir);
    let note = note(&data_dir, &mut child);
    served.kill();
    let ran: Ran = child.wait_with_output().expect("it ends").into();
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(
        ran.stderr
            .contains("the connection to the running server broke"),
        "{ran:?}"
    );
    // What the server said last was noted when the connection broke.
    let noted = rows_noted(&note);
    let served = Served::start(&data_dir);
    go_on(&file, &data_dir, PARQUET_ROWS, noted);
    served.kill();
}

#[test]
fn a_file_that_changes_is_told_and_begins_at_the_start() {
    let (folder, data_dir) = data_dir();
    let path = folder.path().join("events.ndjson");
    ndjson(&path, &rows(ROWS));
    let file = path.display().to_string();
    let mut child = start(&file, &data_dir);
    let _note = note(&data_dir, &mut child);
    let mut appended = std::fs::File::options()
        .append(true)
        .open(&path)
        .expect("opens");
    appended.write_all(b"nonsense\n").expect("appended");
    let ran: Ran = child.wait_with_output().expect("it ends").into();
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.stderr.contains("changed while it was read"), "{ran:?}");
    let again = run(&arguments(&file, &data_dir));
    assert!(!again.stderr.contains("continuing"), "{again:?}");
    assert_eq!(figure(&again, "bad ", ""), 1, "{again:?}");
    check_counts(&data_dir, u64::try_from(ROWS).expect("fits"));
    // An interrupted import, taken up from the start on demand.
    let mut child = start(&file, &data_dir);
    let _note = note(&data_dir, &mut child);
    child.kill().expect("killed");
    child.wait().expect("ended");
    let again = run(&[&arguments(&file, &data_dir)[..], &["--from-start"]].concat());
    assert_eq!(
        figure(&again, "", " rows"),
        u64::try_from(ROWS).expect("fits") + 1,
        "{again:?}"
    );
}
