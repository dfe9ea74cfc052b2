//! `reconcile`: recorded shapes of Meta from a server in the test, the vendor's side by a
//! second instance, and everything that cannot be compared.

use crate::process::{DIRECTORY, Ran, Served, command, data_dir, run_with_input, testdata};
use chatmetric::clock::{Clock as _, SystemClock};
use expect_test::{Expect, expect};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::process::Command;
use std::sync::{Arc, Mutex};

const DAY_S: i64 = 86_400;
/// Midnight of Asia/Kolkata, in seconds after midnight of UTC.
const KOLKATA_S: i64 = 19_800;
const ONE: &str = "15550100101";
const TWO: &str = "15550100102";
const TOKEN: &str = "EAAG-canary-token-0123456789";
const WABA: &str = "102290129340398";

/// The first of the days with traffic: three weeks ago, in Asia/Kolkata.
fn first_day_s() -> i64 {
    let now_s = SystemClock::default().now().0 / 1_000;
    (now_s + KOLKATA_S).div_euclid(DAY_S) * DAY_S - KOLKATA_S - 21 * DAY_S
}

/// Messages by number and day: sent and delivered.
type Traffic = BTreeMap<(&'static str, i64), (u64, u64)>;

fn traffic() -> Traffic {
    let one = (0..4).map(|day| ((ONE, day), (5 + u64::from(day == 1), 4)));
    let two = (1..3).map(|day| ((TWO, day), (2, 2)));
    one.chain(two).collect()
}

fn events(traffic: &Traffic, first_s: i64) -> String {
    let mut text = "number,message_id,status,timestamp\n".to_owned();
    for ((number, day), (sent, delivered)) in traffic {
        let at = first_s + day * DAY_S + 3_600;
        for id in 0..*sent {
            writeln!(text, "{number},{day}-{id},sent,{at}").expect("written");
            if id < *delivered {
                writeln!(text, "{number},{day}-{id},delivered,{}", at + 60).expect("written");
            }
        }
    }
    text
}

/// A server whose space has counted this.
struct Instance {
    _folder: tempfile::TempDir,
    served: Served,
}

impl Instance {
    fn of(document: &str, traffic: &Traffic) -> Self {
        let folder = tempfile::tempdir().expect("a temporary directory");
        let data_dir = folder.path().join("data").display().to_string();
        let apply = ["apply", "-f", "-", "--data-dir", &data_dir];
        let ran = run_with_input(&apply, document.as_bytes());
        assert_eq!(ran.code, 0, "{ran:?}");
        let import = ["import", "-", "--space", "space-a", "--data-dir", &data_dir];
        let ran = run_with_input(&import, events(traffic, first_day_s()).as_bytes());
        assert_eq!(ran.code, 0, "{ran:?}");
        Self {
            served: Served::start(&data_dir),
            _folder: folder,
        }
    }

    fn reconcile(&self, arguments: &[&str]) -> Command {
        let mut command = command(&["reconcile", "-o", "json"]);
        command
            .args(arguments)
            .env("CHATMETRIC_ENDPOINT", &self.served.url)
            .env("ALIBABA_CLOUD_ACCESS_KEY_ID", "LTAIowner")
            .env("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "owner-secret")
            .env("CHATMETRIC_META_TOKEN", TOKEN);
        command
    }
}

fn ran(command: &mut Command) -> Ran {
    command.output().expect("runs").into()
}

/// The report of a command that ended so.
#[track_caller]
fn report(ran: &Ran, code: i32) -> Value {
    assert_eq!(ran.code, code, "{ran:?}");
    assert!(!format!("{ran:?}").contains(TOKEN), "{ran:?}");
    serde_json::from_str(&ran.stdout).expect("JSON")
}

/// The range that holds all days, as arguments.
fn range() -> [String; 4] {
    let first_s = first_day_s();
    let ms = |days: i64| ((first_s + days * DAY_S) * 1_000).to_string();
    ["--start".to_owned(), ms(0), "--end".to_owned(), ms(6)]
}

/// What a request is answered: status, body, and how many bytes it is said to have more.
struct Said {
    status: u16,
    body: Vec<u8>,
    missing: usize,
}

fn said(body: impl Into<Vec<u8>>) -> Said {
    Said {
        status: 200,
        body: body.into(),
        missing: 0,
    }
}

/// A server that answers each target as the closure says, and keeps what it was asked.
struct Graph {
    url: String,
    asked: Arc<Mutex<Vec<(String, String)>>>,
}

impl Graph {
    fn start(answer: impl Fn(&str, &str) -> Said + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (keeping, own) = (Arc::clone(&asked), url.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let mut reader = BufReader::new(&stream);
                let (mut target, mut token) = (String::new(), String::new());
                let mut line = String::new();
                while reader.read_line(&mut line).is_ok_and(|read| read > 2) {
                    if target.is_empty() {
                        target = line.split(' ').nth(1).unwrap_or_default().to_owned();
                    }
                    let lower = line.to_ascii_lowercase();
                    if lower.starts_with("authorization:") {
                        token = line["authorization:".len()..].trim().to_owned();
                    }
                    line.clear();
                }
                keeping
                    .lock()
                    .expect("no panic")
                    .push((target.clone(), token));
                let Said {
                    status,
                    body,
                    missing,
                } = answer(&own, &target);
                let head = format!(
                    "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: \
                     {}\r\nconnection: close\r\n\r\n",
                    body.len() + missing
                );
                // A client may have had enough.
                drop((&stream).write_all(head.as_bytes()));
                drop((&stream).write_all(&body));
            }
        });
        Self { url, asked }
    }

    fn asked(&self) -> Vec<(String, String)> {
        self.asked.lock().expect("no panic").clone()
    }
}

/// The number whose analytics a target asks for.
fn number_of(target: &str) -> Option<&'static str> {
    let is_of = |number: &str| target.contains(&format!("phone_numbers%28%5B%22{number}%22%5D%29"));
    [ONE, TWO].into_iter().find(|number| is_of(number))
}

/// Meta's answer for a number, in the shape of its documentation.
fn analytics(number: &str, traffic: &Traffic, first_s: i64) -> Value {
    let points: Vec<Value> = traffic
        .iter()
        .filter(|((of, _), _)| *of == number)
        .map(|((_, day), (sent, delivered))| {
            let start = first_s + day * DAY_S;
            json!({"start": start, "end": start + DAY_S, "sent": sent, "delivered": delivered})
        })
        .collect();
    json!({
        "analytics": {"phone_numbers": [number], "granularity": "DAY", "data_points": points},
        "id": WABA,
    })
}

/// The account's numbers, a page each, with the token in the address of the next one, as
/// Meta does.
fn numbers(own: &str, target: &str) -> Value {
    let entry = |number: &str| json!({"display_phone_number": number, "id": "1"});
    if target.contains("after=second") {
        return json!({"data": [entry("+1 555-010-0102")], "paging": {"cursors": {"before": "x"}}});
    }
    let next = format!("{own}{target}&access_token={TOKEN}&after=second");
    json!({"data": [entry("+1 555-010-0101")], "paging": {"cursors": {}, "next": next}})
}

/// An account that counts this.
fn graph(traffic: Traffic, first_s: i64) -> Graph {
    Graph::start(move |own, target| {
        let body = match number_of(target) {
            Some(number) => analytics(number, &traffic, first_s),
            None => numbers(own, target),
        };
        said(body.to_string())
    })
}

fn against_graph(instance: &Instance, url: &str, more: &[&str]) -> Ran {
    let range = range();
    let mut arguments: Vec<&str> = range.iter().map(String::as_str).collect();
    let url = format!("{url}/v24.0");
    arguments.extend(["--against", "meta", "--waba", WABA, "--graph-url", &url]);
    arguments.extend(more);
    ran(&mut instance.reconcile(&arguments))
}

/// Rows beyond the tolerance: number, day, differences.
fn beyond(report: &Value) -> Vec<(String, i64, i64, i64)> {
    let first_ms = first_day_s() * 1_000;
    let rows = report["rows"].as_array().expect("rows");
    let integer = |value: &Value| value.as_i64().expect("an integer");
    rows.iter()
        .filter(|row| row["within"] == false)
        .map(|row| {
            (
                row["number"].as_str().expect("a number").to_owned(),
                (integer(&row["startMs"]) - first_ms) / (DAY_S * 1_000),
                integer(&row["difference"]["sent"]),
                integer(&row["difference"]["delivered"]),
            )
        })
        .collect()
}

#[test]
fn counts_of_an_account_are_asked_for_number_by_number() {
    let instance = Instance::of(DIRECTORY, &traffic());
    let graph = graph(traffic(), first_day_s());
    let same = report(&against_graph(&instance, &graph.url, &[]), 0);
    assert_eq!(same["status"], "within");
    assert_eq!(same["totals"]["matched"], 6);
    assert_eq!(same["totals"]["buckets"], 6);
    let asked = graph.asked();
    assert_eq!(asked.len(), 4, "{asked:?}");
    for (target, token) in &asked {
        assert!(target.starts_with(&format!("/v24.0/{WABA}")), "{target}");
        assert!(!target.contains(TOKEN), "{target}");
        assert_eq!(token, &format!("Bearer {TOKEN}"));
    }

    // A difference on either side, and the tolerance of each bucket.
    let mut planted = traffic();
    planted.insert((ONE, 2), (9, 4));
    planted.insert((TWO, 1), (2, 1));
    let planted = self::graph(planted, first_day_s());
    let told = against_graph(&instance, &planted.url, &["--time-zone", "Asia/Kolkata"]);
    assert!(
        told.stderr
            .contains("error: 2 of 6 buckets differ by more than the tolerance (0)"),
        "{}",
        told.stderr
    );
    assert_eq!(
        beyond(&report(&told, 1)),
        [(TWO.to_owned(), 1, 0, 1), (ONE.to_owned(), 2, -4, 0)]
    );
    let told = against_graph(&instance, &planted.url, &["--tolerance", "1"]);
    assert_eq!(beyond(&report(&told, 1)), [(ONE.to_owned(), 2, -4, 0)]);
    let told = against_graph(&instance, &planted.url, &["--tolerance", "50%"]);
    assert_eq!(beyond(&report(&told, 0)), []);
    let told = against_graph(&instance, &planted.url, &["--number", "+1 555 010 0102"]);
    assert_eq!(beyond(&report(&told, 1)), [(TWO.to_owned(), 1, 0, 1)]);

    // The token in a file; the one in the variable is not looked at.
    let mut file = tempfile::NamedTempFile::new().expect("a file");
    writeln!(file, "{TOKEN}").expect("written");
    let path = file.path().display().to_string();
    let range = range();
    let mut command = instance.reconcile(&["--against", "meta", "--waba", WABA]);
    command
        .args(["--token-file", &path, "--graph-url", &graph.url])
        .args(&range)
        .env("CHATMETRIC_META_TOKEN", "another");
    report(&ran(&mut command), 0);
    assert_eq!(
        graph.asked().last().expect("asked").1,
        format!("Bearer {TOKEN}")
    );
}

#[test]
fn a_number_that_left_the_account_is_no_difference() {
    let instance = Instance::of(DIRECTORY, &traffic());
    let graph = Graph::start(|_, target| {
        let body = match number_of(target) {
            Some(number) => analytics(number, &traffic(), first_day_s()),
            None => json!({"data": [{"display_phone_number": ONE, "id": "1"}]}),
        };
        said(body.to_string())
    });
    let told = against_graph(&instance, &graph.url, &[]);
    let told = report(&told, 1);
    assert_eq!(told["status"], "not_comparable");
    assert_eq!(told["totals"]["matched"], 4);
    assert_eq!(told["totals"]["buckets"], 4);
    assert_eq!(told["notComparable"][0]["number"], TWO);
    assert_eq!(told["notComparable"][0]["reason"], "number_left");
}

#[test]
fn what_meta_cannot_mean_is_told_in_its_own_words() {
    let instance = Instance::of(DIRECTORY, &traffic());
    // Each is the answer for the first number; the numbers are answered as they should be.
    let whole = analytics(ONE, &traffic(), first_day_s()).to_string();
    let utc = analytics(ONE, &traffic(), first_day_s() + KOLKATA_S).to_string();
    let half = whole[..whole.len() / 2].to_owned();
    let monthly = whole.replace("\"DAY\"", "\"MONTH\"");
    let others = whole.replace(ONE, "15550100199");
    let refused = r#"{"error":{"message":"Session has expired","code":190}}"#;
    let cases: Vec<(Said, &str, &str)> = vec![
        (said(half), "cut", "ends at line 1"),
        (
            Said {
                missing: 10,
                ..said(whole)
            },
            "cut",
            "the connection ended",
        ),
        (said(""), "empty", "no bytes"),
        (
            said(r#"{"analytics":{"granularity":"DAY","data_points":[]}}"#),
            "empty",
            "counts nothing",
        ),
        (
            said(utc),
            "other_zone",
            "00:00 UTC, which is midnight at UTC+00:00",
        ),
        (said(monthly), "other_granularity", "months"),
        (said(others), "number_left", ONE),
        (
            Said {
                status: 400,
                ..said(refused)
            },
            "refused",
            "Session has expired (code 190)",
        ),
        (
            Said {
                status: 502,
                ..said("<html>")
            },
            "refused",
            "HTTP 502",
        ),
        (said("<html>"), "malformed", "not as expected"),
        (said(vec![b' '; 8 * 1024 * 1024 + 1]), "too_large", "bytes"),
    ];
    for (answer, reason, words) in cases {
        let status = answer.status;
        let answer = Mutex::new(Some(answer));
        let graph = Graph::start(move |own, target| match number_of(target) {
            Some(_) => answer.lock().expect("once").take().expect("once"),
            None => said(numbers(own, target).to_string()),
        });
        let told = against_graph(&instance, &graph.url, &["--number", ONE]);
        assert!(
            told.stderr.contains("error: not comparable: "),
            "{reason} {status}: {told:?}"
        );
        let told = report(&told, 1);
        assert_eq!(told["status"], "not_comparable", "{reason}");
        assert_eq!(told["rows"], json!([]), "{reason}");
        assert_eq!(told["notComparable"][0]["reason"], reason, "{told}");
        let message = told["notComparable"][0]["message"].as_str();
        assert!(message.expect("text").contains(words), "{told}");
    }
}

#[test]
fn pages_end_and_stay_on_their_host() {
    let instance = Instance::of(DIRECTORY, &traffic());
    let elsewhere = Graph::start(|_, _| said("{}"));
    let next = format!("{}/v24.0/1?after=x", elsewhere.url);
    let graph =
        Graph::start(move |_, _| said(json!({"data": [], "paging": {"next": next}}).to_string()));
    let told = report(&against_graph(&instance, &graph.url, &[]), 1);
    assert_eq!(told["notComparable"][0]["reason"], "malformed");
    assert_eq!(elsewhere.asked(), []);

    let endless = Graph::start(|own, target| {
        let next = format!("{own}{target}");
        said(json!({"data": [], "paging": {"next": next}}).to_string())
    });
    let told = report(&against_graph(&instance, &endless.url, &[]), 1);
    assert_eq!(told["notComparable"][0]["reason"], "too_large");
    assert_eq!(endless.asked().len(), 100);

    // An edge with a page for each point is put together.
    let paged = Graph::start(|own, target| {
        let Some(number) = number_of(target) else {
            return said(json!({"data": [{"display_phone_number": ONE}]}).to_string());
        };
        let page: usize = target
            .split_once("page=")
            .map_or(0, |(_, page)| page.parse().expect("a page"));
        let whole = analytics(number, &traffic(), first_day_s());
        let points = whole["analytics"]["data_points"].as_array().expect("some");
        let target = target.split("&page=").next().expect("one");
        let paging = if page + 1 < points.len() {
            json!({"next": format!("{own}{target}&page={}", page + 1)})
        } else {
            json!({})
        };
        let entry = json!({"granularity": "DAY", "data_points": [points[page]]});
        said(json!({"data": [entry], "paging": paging}).to_string())
    });
    let told = against_graph(&instance, &paged.url, &["--number", ONE]);
    assert_eq!(report(&told, 0)["totals"]["matched"], 4);
    assert_eq!(paged.asked().len(), 5);
}

#[test]
fn a_file_is_compared_as_it_says() {
    let (_folder, data_dir) = data_dir();
    let csv = testdata("bulk_events.csv");
    let import = [
        "import",
        &csv,
        "--space",
        "space-a",
        "--data-dir",
        &data_dir,
    ];
    assert_eq!(crate::process::run(&import).code, 0);
    let served = Served::start(&data_dir);
    // The day of Asia/Kolkata that begins 2025-12-31T18:30:00Z.
    let file = |points: &str| {
        format!(
            r#"{{"analytics":{{"phone_numbers":["{ONE}"],"granularity":"DAY","data_points":[{points}]}},"id":"{WABA}"}}"#
        )
    };
    let day = |start: i64, sent: u64, delivered: u64| {
        format!(
            r#"{{"start":{start},"end":{},"sent":{sent},"delivered":{delivered}}}"#,
            start + DAY_S
        )
    };
    let first = 1_767_205_800;
    let reconcile = |body: &str, more: &[&str]| {
        let mut file = tempfile::NamedTempFile::new().expect("a file");
        file.write_all(body.as_bytes()).expect("written");
        let path = file.path().display().to_string();
        let mut command = command(&["reconcile", "--against", "meta", "--file", &path]);
        command
            .args(more)
            .env("CHATMETRIC_ENDPOINT", &served.url)
            .env("ALIBABA_CLOUD_ACCESS_KEY_ID", "LTAIowner")
            .env("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "owner-secret");
        ran(&mut command)
    };
    let check = |ran: &Ran, code: i32, expected: &Expect| {
        assert_eq!(ran.code, code, "{ran:?}");
        expected.assert_eq(&ran.stdout.replace("\r\n", "\n"));
    };
    let same = file(&day(first, 2, 2));
    let ran = reconcile(&same, &["-o", "table"]);
    check(
        &ran,
        0,
        &expect![[r#"
            1 bucket, 1 matched
        "#]],
    );
    let other = file(&format!(
        "{},{}",
        day(first, 1_002, 1),
        day(first + DAY_S, 3, 0)
    ));
    let in_kolkata = ["--time-zone", "Asia/Kolkata"];
    let ran = reconcile(&other, &[&["-o", "table"], &in_kolkata[..]].concat());
    check(
        &ran,
        1,
        &expect![[r#"
        START             NUMBER       STATUS       SENT  THEIRS    DIFF  DELIVERED  THEIRS  DIFF
        2026-01-01 00:00  15550100101  differs         2   1,002  -1,000          2       1    +1
        2026-01-02 00:00  15550100101  theirs only     0       3      -3          0       0     0
        ─────────────────────────────────────────────────────────────────────────────────────────
        total                                          2   1,005  -1,003          2       1    +1
        2 buckets, 1 theirs only, 1 differs
        times in Asia/Kolkata
    "#]],
    );
    check(
        &reconcile(&other, &["-o", "csv"]),
        1,
        &expect![[r#"
        start_ms,end_ms,number,status,within,ours_sent,theirs_sent,sent_apart,ours_delivered,theirs_delivered,delivered_apart,message
        1767205800000,1767292200000,15550100101,differs,false,2,1002,1000,2,1,1,
        1767292200000,1767378600000,15550100101,theirs_only,false,0,3,3,0,0,0,
    "#]],
    );
    let ran = reconcile(&other, &["-o", "ndjson", "--tolerance", "2000"]);
    let lines: Vec<Value> = ran
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(lines.len(), 3);
    assert_eq!(lines[0]["status"], "differs");
    assert_eq!(lines[0]["within"], true);
    assert_eq!(lines[2]["totals"]["theirsOnly"], 1);
    assert_eq!(lines[2].get("rows"), None);

    // Days of UTC, a half of the file, another number, and stdin.
    let ran = reconcile(&file(&day(first + KOLKATA_S, 2, 2)), &in_kolkata);
    assert_eq!(report(&ran, 1)["notComparable"][0]["reason"], "other_zone");
    assert!(
        ran.stderr.contains("Asia/Kolkata") && ran.stderr.contains("18:30 UTC"),
        "{}",
        ran.stderr
    );
    let ran = reconcile(&same[..same.len() - 5], &[]);
    assert_eq!(report(&ran, 1)["notComparable"][0]["reason"], "cut");
    let ran = reconcile(&same, &["--number", ONE, "--number", "15550100103"]);
    assert_eq!(report(&ran, 1)["notComparable"][0]["reason"], "number_left");
    let ran = reconcile(&same, &["--granularity", "half-hour"]);
    let told = report(&ran, 1);
    assert_eq!(told["notComparable"][0]["reason"], "other_granularity");
    let ran = reconcile(&file(""), &[]);
    assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{ran:?}");
    assert!(ran.stderr.contains("`--start`"), "{}", ran.stderr);
    let range = ["--start", "2025-12-31", "--end", "2026-01-03"];
    let told = report(&reconcile(&file(""), &range), 1);
    assert_eq!(told["notComparable"][0]["reason"], "empty");
    let range = ["--start", "2025-11-01", "--end", "2025-11-03"];
    assert_eq!(report(&reconcile(&file(""), &range), 0)["status"], "within");
}

#[test]
fn the_vendor_is_asked_with_a_key_of_its_own() {
    let ours = Instance::of(DIRECTORY, &traffic());
    let keyed = DIRECTORY
        .replace("LTAIowner", "LTAIvendor")
        .replace("owner-secret", "vendor-secret");
    let against = |theirs: &str, more: &[&str]| {
        let range = range();
        let mut command = ours.reconcile(&["--against", "cams", "--provider-endpoint", theirs]);
        command
            .args(&range)
            .args(more)
            .env("CHATMETRIC_PROVIDER_ACCESS_KEY_ID", "LTAIvendor")
            .env("CHATMETRIC_PROVIDER_ACCESS_KEY_SECRET", "vendor-secret");
        command
    };
    let same = Instance::of(&keyed, &traffic());
    let told = report(&ran(&mut against(&same.served.url, &[])), 0);
    assert_eq!(told["totals"]["matched"], 6);
    assert_eq!(told["against"], "cams");
    let half_hours = ["--granularity", "half-hour"];
    let told = report(&ran(&mut against(&same.served.url, &half_hours)), 0);
    assert_eq!(told["totals"]["matched"], 6);

    // One message more there; one number that is not there.
    let mut planted = traffic();
    planted.retain(|(number, _), _| *number == ONE);
    planted.insert((ONE, 3), (6, 4));
    let planted = Instance::of(&keyed, &planted);
    let told = ran(&mut against(&planted.served.url, &[]));
    assert!(told.stderr.contains(TWO), "{}", told.stderr);
    let told = report(&told, 1);
    assert_eq!(told["status"], "beyond");
    assert_eq!(beyond(&told), [(ONE.to_owned(), 3, -1, 0)]);
    assert_eq!(told["notComparable"][0]["number"], TWO);
    assert_eq!(told["notComparable"][0]["reason"], "number_left");
    let named = ["--number", TWO];
    let told = report(&ran(&mut against(&planted.served.url, &named)), 1);
    assert_eq!(told["status"], "not_comparable");

    // Its days are of another zone.
    let zoned = keyed.replace("Asia/Kolkata", "Europe/Berlin");
    let zoned = Instance::of(&zoned, &traffic());
    let told = report(&ran(&mut against(&zoned.served.url, &[])), 1);
    assert_eq!(told["notComparable"][0]["reason"], "other_zone");

    // A profile of the vendor's command line; neither key is tried in the other's place.
    let home = tempfile::tempdir().expect("a temporary directory");
    std::fs::create_dir(home.path().join(".aliyun")).expect("makes");
    let profile = json!({"current": "vendor", "profiles": [{"name": "vendor", "mode": "AK",
        "access_key_id": "LTAIvendor", "access_key_secret": "vendor-secret"}]});
    std::fs::write(home.path().join(".aliyun/config.json"), profile.to_string()).expect("writes");
    let mut command = against(&same.served.url, &["--provider-profile", "vendor"]);
    command
        .env("HOME", home.path())
        .env_remove("CHATMETRIC_PROVIDER_ACCESS_KEY_ID")
        .env_remove("CHATMETRIC_PROVIDER_ACCESS_KEY_SECRET");
    report(&ran(&mut command), 0);
    let mut command = against(&same.served.url, &[]);
    command
        .env("HOME", home.path())
        .env_remove("CHATMETRIC_PROVIDER_ACCESS_KEY_ID")
        .env_remove("CHATMETRIC_PROVIDER_ACCESS_KEY_SECRET");
    let told = ran(&mut command);
    assert_eq!((told.code, told.stdout.as_str()), (2, ""), "{told:?}");
    assert!(told.stderr.contains("--provider-profile"), "{told:?}");
    let mut command = against(&same.served.url, &[]);
    command.env("CHATMETRIC_PROVIDER_ACCESS_KEY_SECRET", "wrong");
    let told = ran(&mut command);
    assert_eq!((told.code, told.stdout.as_str()), (1, ""), "{told:?}");
    assert!(
        told.stderr
            .contains("the provider refused: SignatureDoesNotMatch"),
        "{told:?}"
    );

    // An answer that ends too early, and rows of another granularity.
    let row = json!({"Start": 1, "End": 2, "PhoneNumber": ONE, "Granularity": "HALF_HOUR",
        "SentCount": 1, "DeliveredCount": 1});
    let whole = json!({"RequestId": "R", "Code": "OK", "Message": "None", "Data": [row]});
    let whole = whole.to_string();
    let half = whole[..whole.len() / 2].to_owned();
    for (answer, missing, reason) in [
        (half, 0, "cut"),
        (whole.clone(), 9, "cut"),
        (whole, 0, "other_granularity"),
    ] {
        let fake = Graph::start(move |_, _| Said {
            missing,
            ..said(answer.clone())
        });
        let told = report(&ran(&mut against(&fake.url, &[])), 1);
        assert_eq!(told["notComparable"][0]["reason"], reason);
    }
}

#[test]
fn mistakes_of_usage_ask_nobody() {
    let instance = Instance::of(DIRECTORY, &Traffic::new());
    let silent = Graph::start(|_, _| said("{}"));
    let meta = ["--against", "meta"];
    let graph = [
        "--against",
        "meta",
        "--waba",
        WABA,
        "--graph-url",
        &silent.url,
    ];
    let day = ["--start", "-2d", "--end", "now"];
    for (arguments, words) in [
        (vec![&meta[..]], "--file"),
        (vec![&meta, &["--file", "/nonexistent/x"]], "/nonexistent/x"),
        (vec![&meta, &["--file", "x", "--waba", "1"]], "--waba"),
        (vec![&graph], "`--start` is missing"),
        (vec![&graph, &["--start", "-2d"]], "`--end` is missing"),
        (
            vec![&graph, &["--start", "now", "--end", "-2d"]],
            "is not before",
        ),
        (
            vec![&graph, &["--start", "-367d", "--end", "now"]],
            "365 days",
        ),
        (vec![&graph, &day, &["--tolerance", "x"]], "--tolerance"),
        (vec![&graph, &day, &["--number", "x"]], "--number"),
        (vec![&graph, &day, &["--time-zone", "x"]], "--time-zone"),
        (
            vec![&graph, &day, &["--token-file", "/nonexistent/x"]],
            "--token-file",
        ),
        (vec![&meta, &day, &["--waba", "a/b"]], "--waba"),
        (
            vec![
                &meta,
                &day,
                &["--waba", "1", "--graph-url", "http://graph.example"],
            ],
            "plain HTTP",
        ),
        (
            vec![
                &meta,
                &day,
                &["--file", "x", "--provider-endpoint", "https://x"],
            ],
            "--provider-endpoint",
        ),
        (
            vec![&["--against", "cams"][..], &day],
            "--provider-endpoint",
        ),
        (
            vec![&["--against", "cams"][..], &day, &["--file", "x"]],
            "--file",
        ),
        (
            vec![
                &["--against", "cams", "--provider-endpoint", "https://x"][..],
                &day,
            ],
            "no AccessKey of the provider",
        ),
    ] {
        let told = ran(&mut instance.reconcile(&arguments.concat()));
        assert_eq!((told.code, told.stdout.as_str()), (2, ""), "{told:?}");
        assert!(told.stderr.contains(words), "{words}: {}", told.stderr);
    }
    let mut command = instance.reconcile(&[&graph[..], &day].concat());
    command.env_remove("CHATMETRIC_META_TOKEN");
    let told = ran(&mut command);
    assert_eq!((told.code, told.stdout.as_str()), (2, ""), "{told:?}");
    assert!(told.stderr.contains("CHATMETRIC_META_TOKEN"), "{told:?}");
    assert_eq!(silent.asked(), []);
}
