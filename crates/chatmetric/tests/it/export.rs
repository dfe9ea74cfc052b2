//! `export`: the rows of the API, in three formats, with a server and without; files that
//! are whole or not there.

use crate::process::{Ran, Served, client, data_dir, run, run_with_input};
use chatmetric::client::MetricCall;
use chatmetric_core::EpochMs;
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use parquet::record::RowAccessor as _;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

const SPACE: &str = "space-a";
const HALF_HOUR_MS: i64 = 1_800_000;
const DAY_MS: i64 = 86_400_000;
/// 2026-01-01T00:00:00Z
const START_MS: i64 = 1_767_225_600_000;
const DAYS: i64 = 65;
const NUMBERS: [&str; 4] = ["15550100101", "15550100102", "447700900123", "6590000101"];

/// (number, start) → (end, sent, delivered)
type Rows = BTreeMap<(String, i64), (i64, u64, u64)>;

/// A message in every half hour of four numbers, some of them delivered later: more rows
/// than a page has, which ends between the pieces that the last number is read in.
fn load(data_dir: &str) {
    let mut text = String::new();
    for half_hour in 0..DAYS * 48 {
        for (place, number) in NUMBERS.iter().enumerate() {
            let at_ms = START_MS + half_hour * HALF_HOUR_MS + 60_000;
            let id = format!("{number}-{half_hour}");
            let mut line = |status: &str, at_ms: i64| {
                let _ = writeln!(
                    text,
                    r#"{{"number":"{number}","message_id":"{id}","status":"{status}","ts":{at_ms}}}"#
                );
            };
            line("sent", at_ms);
            if (half_hour + i64::try_from(place).expect("small")) % 3 == 0 {
                line("delivered", at_ms + 5 * HALF_HOUR_MS);
            }
        }
    }
    let arguments = ["import", "-", "--space", SPACE, "--data-dir", data_dir];
    let ran = run_with_input(&arguments, text.as_bytes());
    assert_eq!(ran.code, 0, "{ran:?}");
}

fn export(data_dir: &str, file: &str, more: &[&str]) -> Ran {
    let mut arguments = vec!["export", file, "--space", SPACE, "--data-dir", data_dir];
    arguments.extend(more);
    run(&arguments)
}

/// What the API says, in pieces that it answers.
fn of_the_api(url: &str, granularity: &'static str, start_ms: i64, end_ms: i64) -> Rows {
    let mut rows = Rows::new();
    let mut at = start_ms;
    while at < end_ms {
        let end = (at + 20 * DAY_MS).min(end_ms);
        let answer = client(url).metric(&MetricCall {
            start: EpochMs(at),
            end: EpochMs(end),
            granularity,
            number: None,
            space: None,
            isv_code: None,
        });
        for row in answer.expect("an answer").rows {
            let counts = (row.end, row.sent_count, row.delivered_count);
            rows.insert((row.phone_number, row.start), counts);
        }
        at = end;
    }
    rows
}

fn of_csv(text: &str) -> Rows {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let header = reader
        .headers()
        .expect("a header")
        .iter()
        .collect::<Vec<_>>()
        .join(",");
    assert_eq!(
        header,
        "number,start,start_ms,end_ms,granularity,sent,delivered"
    );
    let mut rows = Rows::new();
    let mut last = None;
    for record in reader.records() {
        let record = record.expect("a record");
        let figure = |place: usize| record[place].parse::<i64>().expect("a figure");
        let start: jiff::Timestamp = record[1].parse().expect("RFC 3339");
        assert!(record[1].ends_with("+05:30"), "{record:?}");
        assert_eq!(start.as_millisecond(), figure(2));
        let place = (record[0].to_owned(), figure(2));
        assert!(last.replace(place.clone()) < Some(place.clone()), "sorted");
        let count = |place| u64::try_from(figure(place)).expect("a count");
        rows.insert(place, (figure(3), count(5), count(6)));
    }
    rows
}

fn of_ndjson(text: &str) -> Rows {
    let row = |line: &str| {
        let value: serde_json::Value = serde_json::from_str(line).expect("JSON");
        let whole = |name: &str| value[name].as_i64().expect("a figure");
        let count = |name: &str| value[name].as_u64().expect("a count");
        let number = value["number"].as_str().expect("a number").to_owned();
        (
            (number, whole("start_ms")),
            (whole("end_ms"), count("sent"), count("delivered")),
        )
    };
    text.lines().map(row).collect()
}

fn of_parquet(file: &Path) -> Rows {
    let file = std::fs::File::open(file).expect("there");
    let reader = SerializedFileReader::new(file).expect("Parquet");
    let row = |row: parquet::errors::Result<parquet::record::Row>| {
        let row = row.expect("a row");
        let whole = |place| row.get_long(place).expect("a figure");
        let count = |place| u64::try_from(whole(place)).expect("a count");
        let number = row.get_string(0).expect("a number").clone();
        ((number, whole(2)), (whole(3), count(5), count(6)))
    };
    reader.get_row_iter(None).expect("rows").map(row).collect()
}

#[test]
fn an_export_is_what_the_api_says() {
    let (folder, data_dir) = data_dir();
    load(&data_dir);
    // Neither end is one of a bucket: these are exported whole.
    let (start_ms, end_ms) = (START_MS + 7_000_000, START_MS + 60 * DAY_MS + 7_000_000);
    let range = [
        "--start".to_owned(),
        start_ms.to_string(),
        "--end".to_owned(),
        end_ms.to_string(),
    ];
    let range: Vec<&str> = range.iter().map(String::as_str).collect();
    let daily = folder.path().join("daily.csv").display().to_string();
    // By itself.
    let ran = export(&data_dir, &daily, &range);
    assert_eq!(ran.code, 0, "{ran:?}");
    let daily = of_csv(&std::fs::read_to_string(&daily).expect("there"));
    let half_hours = [&range[..], &["--granularity", "half-hour"]].concat();
    let parquet = folder.path().join("half-hours.parquet");
    let ran = export(&data_dir, &parquet.display().to_string(), &half_hours);
    assert_eq!(ran.code, 0, "{ran:?}");
    let half_hours_own = of_parquet(&parquet);
    // Through the server.
    let served = Served::start(&data_dir);
    let ran = export(
        &data_dir,
        "-",
        &[&half_hours[..], &["-o", "ndjson"]].concat(),
    );
    assert_eq!(ran.code, 0, "{ran:?}");
    let half_hours_served = of_ndjson(&ran.stdout);
    let ran = export(&data_dir, "-", &[&range[..], &["-o", "csv"]].concat());
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(of_csv(&ran.stdout), daily);
    assert_eq!(half_hours_own, half_hours_served);
    // The API's pieces overlap where they meet within a bucket; that bucket is the same.
    assert_eq!(of_the_api(&served.url, "DAILY", start_ms, end_ms), daily);
    let api = of_the_api(&served.url, "HALF_HOUR", start_ms, end_ms);
    assert!(api.len() > 10_000, "more than a page: {}", api.len());
    assert_eq!(api, half_hours_served);
    // One number, and all of time.
    let all = [
        "--start",
        "0",
        "--end",
        "9000-01-01",
        "--number",
        "+1 555-010-0102",
        "-o",
        "csv",
    ];
    let ran = export(&data_dir, "-", &all);
    assert_eq!(ran.code, 0, "{ran:?}");
    let rows = of_csv(&ran.stdout);
    let sent: u64 = rows.values().map(|(_, sent, _)| sent).sum();
    assert_eq!(sent, u64::try_from(DAYS * 48).expect("a count"));
    assert!(rows.keys().all(|(number, _)| number == "15550100102"));
}

#[test]
fn a_file_is_whole_or_not_there() {
    let (folder, data_dir) = data_dir();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let range = ["--start", "2026-01-01", "--end", "2026-02-01"];
    let with = |more: &[&'static str]| [&range[..], more].concat();
    for (file, more, code, reason) in [
        (path("x.txt"), vec![], 2, "does not say what to write"),
        ("-".to_owned(), vec![], 2, "`-` has no name"),
        (path("."), vec!["-o", "csv"], 2, "is a directory"),
        (
            "/dev/null".to_owned(),
            vec!["-o", "csv"],
            2,
            "is not a plain file",
        ),
        (path("nowhere/x.csv"), vec![], 2, "could not write into"),
        (
            path("x.csv"),
            vec!["--number", "999"],
            2,
            "the number `999` is not one of the space",
        ),
        (
            path("x.csv"),
            vec!["--number", "abc"],
            2,
            "the number `abc`: a phone number needs",
        ),
        (
            path("x.csv"),
            vec!["--space", "nobody"],
            2,
            "cannot be used multiple times",
        ),
        (
            path("x.csv"),
            vec!["--time-zone", "Mars"],
            2,
            "`--time-zone`",
        ),
    ] {
        let ran = export(&data_dir, &file, &with(&more));
        assert_eq!(ran.code, code, "{ran:?}");
        assert!(ran.stderr.contains(reason), "{reason}: {ran:?}");
    }
    let backwards = export(
        &data_dir,
        &path("x.csv"),
        &["--start", "2026-02-01", "--end", "2026-01-01"],
    );
    assert_eq!(backwards.code, 2, "{backwards:?}");
    // Nothing was left behind by what was refused.
    let mut left: Vec<String> = std::fs::read_dir(folder.path())
        .expect("there")
        .map(|entry| {
            entry
                .expect("an entry")
                .file_name()
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    left.sort();
    assert_eq!(left, ["data", "data.key"]);
    let file = path("x.csv");
    let ran = export(&data_dir, &file, &range);
    assert_eq!(ran.code, 0, "{ran:?}");
    let written = std::fs::read_to_string(&file).expect("there");
    assert_eq!(
        written,
        "number,start,start_ms,end_ms,granularity,sent,delivered\n"
    );
    std::fs::write(&file, "precious").expect("written");
    let ran = export(&data_dir, &file, &range);
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.stderr.contains("is there already"), "{ran:?}");
    assert_eq!(std::fs::read_to_string(&file).expect("there"), "precious");
    let ran = export(&data_dir, &file, &with(&["--force"]));
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(std::fs::read_to_string(&file).expect("there"), written);
}
