//! `chatmetric explain`: what made a count, of a directory and through a running server.

use crate::process::{Served, data_dir, run, testdata};
use expect_test::expect;
use serde_json::Value;

const NUMBER: &str = "15550100101";

/// Two files by two imports: the second brings duplicates, an earlier time and an implied one.
fn loaded() -> (tempfile::TempDir, String) {
    let (folder, data_dir) = data_dir();
    let csv = testdata("bulk_events.csv");
    let lines = format!(
        "number,message_id,status,timestamp\n\
         {NUMBER},m-3,read,1767225600000\n\
         {NUMBER},m-4,sent,1767229200000\n\
         {NUMBER},m-4,sent,1767225600000\n"
    );
    let more = folder.path().join("more.csv");
    std::fs::write(&more, lines).expect("space");
    for file in [csv.as_str(), more.to_str().expect("text")] {
        let ran = run(&[
            "import",
            file,
            "--space",
            "space-a",
            "--data-dir",
            &data_dir,
        ]);
        assert_eq!(ran.code, 0, "{ran:?}");
    }
    (folder, data_dir)
}

fn explain(data_dir: &str, more: &[&str]) -> crate::process::Ran {
    let mut arguments = vec!["explain", "--number", NUMBER, "--data-dir", data_dir];
    arguments.extend(more);
    run(&arguments)
}

/// What depends on the moment of the test: when it was received, and until when it may change.
fn without_moments(text: &str) -> String {
    let lines = text.lines().map(|line| match line.split_once(" since ") {
        Some((what, _)) => format!("{what} since <now>\n"),
        None if line.starts_with("20") => {
            let changes = line.split_once("  ").map_or("", |(_, rest)| rest);
            format!("<now>  {}\n", changes.trim_start())
        }
        None => format!("{line}\n"),
    });
    lines.collect()
}

#[test]
fn a_day_and_a_half_hour_are_explained() {
    let (_folder, data_dir) = loaded();
    let ran = explain(&data_dir, &["--bucket", "2026-01-01", "-o", "table"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    expect![[r#"
        15550100101 in space-a, 2026-01-01 00:00 to 2026-01-02 00:00 (Asia/Kolkata): 4 sent, 3 delivered

        SOURCE  KIND    SENT  REPORTED  IMPLIED  MOVED  DELIVERED  REPORTED  IMPLIED  MOVED  DUPLICATES  LATE
        import  import     4         2        2      0          3         1        2      0           2     0

        changed after it was over:
        RECEIVED (Asia/Kolkata)  SENT  DELIVERED
        <now>  +4         +3

        unchanged since <now>
    "#]].assert_eq(&without_moments(&ran.stdout));
    let ran = explain(
        &data_dir,
        &["--bucket", "2026-01-01T00:10:00Z", "-o", "csv"],
    );
    assert_eq!(ran.code, 0, "{ran:?}");
    expect![[r#"
        source,kind,sent,sentReported,sentImplied,sentMoved,delivered,deliveredReported,deliveredImplied,deliveredMoved,duplicates,late
        import,import,3,0,2,1,3,1,2,0,2,0
    "#]].assert_eq(&ran.stdout.replace("\r\n", "\n"));
    let ran = explain(&data_dir, &["--bucket", "2030-01-01", "-o", "table"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    expect![[r#"
        15550100101 in space-a, 2030-01-01 00:00 to 2030-01-02 00:00 (Asia/Kolkata): 0 sent, 0 delivered

        nothing was reported for it

        it is not over yet
    "#]].assert_eq(&ran.stdout);
}

#[test]
fn a_running_server_tells_the_same() {
    let (_folder, data_dir) = loaded();
    let own = explain(&data_dir, &["--bucket", "2026-01-01", "-o", "json"]);
    assert_eq!(own.code, 0, "{own:?}");
    let served = Served::start(&data_dir);
    let asked = explain(&data_dir, &["--bucket", "2026-01-01", "-o", "json"]);
    drop(served);
    let read = |text: &str| -> Value { serde_json::from_str(text).expect("JSON") };
    let (own, asked) = (read(&own.stdout), read(&asked.stdout));
    for member in ["sent", "delivered", "origins", "revisions", "startMs"] {
        assert_eq!(own[member], asked[member], "{member}");
    }
    // Only who serves has a floor, and with it an end of changes.
    assert_eq!(own["finalMs"], Value::Null);
    assert!(asked["finalMs"].as_i64() > asked["endMs"].as_i64());
}

#[test]
fn what_is_asked_wrongly_says_what_would_be_right() {
    let (_folder, data_dir) = data_dir();
    let refused = |arguments: &[&str], code: i32, said: &str| {
        let mut all = vec!["explain", "--data-dir", &data_dir];
        all.extend(arguments);
        let ran = run(&all);
        assert_eq!(ran.code, code, "{ran:?}");
        assert!(ran.stderr.contains(said), "{said}: {ran:?}");
    };
    refused(&["--number", "abc", "--bucket", "now"], 2, "`abc`");
    refused(
        &["--number", NUMBER, "--bucket", "soon"],
        2,
        "is not a time",
    );
    refused(
        &["--number", "4479990001", "--bucket", "2026-01-01"],
        2,
        "it is needed for a number that no space has now",
    );
    refused(
        &["--number", NUMBER, "--bucket", "now", "--space", "none"],
        1,
        "there is no space `none`",
    );
}
