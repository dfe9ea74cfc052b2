//! `chatmetric conformance` against the real program: all cases pass on a good server, and what is
//! not as it should be is named.

use crate::process::{Ran, Served, agent, command, post, run_with_input};
use chatmetric::clock::{Clock as _, SystemClock};
use serde_json::Value;

const DIRECTORY: &str = r#"
[[account]]
id = "1000000000000001"
name = "acme"
[[account.access_key]]
id = "LTAIowner"
secret = "owner-secret-canary"
[[account.space]]
id = "space-a"
default = true
time_zone = "Asia/Kolkata"
[[account.user]]
name = "nobody"
[[account.user.access_key]]
id = "LTAInobody"
secret = "nobody-secret-canary"
[[account.webhook]]
id = "acme-wa"
kind = "whatsapp"
space = "space-a"
app_secrets = ["app-secret-one"]
[[account]]
id = "3000000000000003"
name = "unsubscribed"
subscribed = false
[[account.access_key]]
id = "LTAIunsubscribed"
secret = "unsubscribed-secret-canary"
"#;

fn served() -> (tempfile::TempDir, Served) {
    let folder = tempfile::tempdir().expect("a directory");
    let data_dir = folder.path().join("data").display().to_string();
    let ran = run_with_input(
        &["apply", "-f", "-", "--data-dir", &data_dir],
        DIRECTORY.as_bytes(),
    );
    assert_eq!(ran.code, 0, "{ran:?}");
    (folder, Served::start(&data_dir))
}

/// Two days and several half hours of two numbers.
fn count_messages(url: &str) {
    let now_s = SystemClock::default().now().0 / 1_000;
    let agent = agent();
    for number in ["15550100101", "447700900123"] {
        let statuses: Vec<String> = (0..12)
            .map(|index| {
                let at = now_s - 60 - index * 4 * 3_600;
                format!(
                    r#"{{"id":"wamid.{number}{index}","status":"delivered","timestamp":"{at}"}}"#
                )
            })
            .collect();
        let body = format!(
            r#"{{"object":"whatsapp_business_account","entry":[{{"id":"1","changes":[{{"field":"messages","value":{{"metadata":{{"display_phone_number":"{number}"}},"statuses":[{}]}}}}]}}]}}"#,
            statuses.join(",")
        );
        assert_eq!(post(&agent, url, &body), Some(200));
    }
}

fn conformance(who: &str, url: &str, more: &[&str]) -> Ran {
    let mut arguments = vec!["conformance", "--endpoint", url];
    arguments.extend(more);
    let ran: Ran = command(&arguments)
        .env("ALIBABA_CLOUD_ACCESS_KEY_ID", format!("LTAI{who}"))
        .env(
            "ALIBABA_CLOUD_ACCESS_KEY_SECRET",
            format!("{who}-secret-canary"),
        )
        .output()
        .expect("the program starts")
        .into();
    assert!(!format!("{ran:?}").contains("canary"), "a secret: {ran:?}");
    ran
}

fn outcomes(ran: &Ran) -> Vec<(String, String)> {
    let report: Value =
        serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {ran:?}"));
    let cases = report["cases"].as_array().expect("cases");
    let text = |value: &Value| value.as_str().expect("a string").to_owned();
    let outcomes: Vec<(String, String)> = cases
        .iter()
        .map(|case| (text(&case["name"]), text(&case["outcome"])))
        .collect();
    for (key, outcome) in [
        ("passed", "passed"),
        ("failed", "failed"),
        ("skipped", "skipped"),
    ] {
        let count = outcomes
            .iter()
            .filter(|(_, found)| found == outcome)
            .count();
        assert_eq!(report[key], count);
    }
    outcomes
}

fn with_outcome<'a>(outcomes: &'a [(String, String)], wanted: &str) -> Vec<&'a str> {
    let found = outcomes.iter().filter(|(_, outcome)| outcome == wanted);
    found.map(|(name, _)| name.as_str()).collect()
}

#[test]
fn a_good_server_passes_every_case() {
    let (_folder, served) = served();
    // Without rows, what only rows can show is skipped and not passed.
    let ran = conformance("owner", &served.url, &[]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let empty = outcomes(&ran);
    assert!(
        with_outcome(&empty, "skipped").contains(&"rows-are-sorted"),
        "{ran:?}"
    );
    count_messages(&served.url);
    let ran = conformance("owner", &served.url, &["--throttle"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{ran:?}");
    let found = outcomes(&ran);
    let mut skipped = with_outcome(&found, "skipped");
    // On a machine that is too busy to send 60 calls within a second, it cannot be told.
    skipped.retain(|name| *name != "throttle");
    assert_eq!(skipped, ["detail-is-an-object"], "{}", ran.stdout);
    assert!(found.len() > 60, "{} cases", found.len());
    let mut names: Vec<&str> = found.iter().map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), found.len(), "names are unique");
}

#[test]
fn a_server_that_answers_otherwise_fails_with_names() {
    let (_folder, served) = served();
    let ran = conformance("unsubscribed", &served.url, &[]);
    assert_eq!(ran.code, 1, "{ran:?}");
    let found = outcomes(&ran);
    let failed = with_outcome(&found, "failed");
    for name in [
        "v3-post-daily",
        "v1-xml",
        "missing-start",
        "enable-roi-metric",
        "nonce-twice-v1",
    ] {
        assert!(failed.contains(&name), "{name}: {}", ran.stdout);
    }
    // What comes before the subscription is as it should be.
    let passed = with_outcome(&found, "passed");
    for name in [
        "wrong-secret-v1",
        "unknown-key-v3",
        "anonymous",
        "body-too-large",
    ] {
        assert!(passed.contains(&name), "{name}: {}", ran.stdout);
    }
    let report: Value = serde_json::from_str(&ran.stdout).expect("JSON");
    let first = &report["cases"][0];
    assert_eq!(first["expected"], "HTTP 200 OK");
    let got = first["got"].as_str().expect("a string");
    assert!(got.starts_with("HTTP 400 Product.Unsubscript: "), "{got}");
    assert!(ran.stderr.contains("cases failed"), "{}", ran.stderr);
    // As text, and without what is not the vendor's rule.
    let text = conformance("unsubscribed", &served.url, &["-o", "table", "--vendor"]);
    assert_eq!(text.code, 1, "{text:?}");
    assert!(
        text.stdout.contains("FAIL  v3-post-daily\n"),
        "{}",
        text.stdout
    );
    assert!(
        text.stdout.contains("skip  body-too-large  (ours)\n"),
        "{}",
        text.stdout
    );
    assert!(
        text.stdout
            .contains("      got       HTTP 400 Product.Unsubscript"),
        "{}",
        text.stdout
    );
    assert!(!text.stdout.contains('\u{1b}'), "colours in a pipe");
}

#[test]
fn a_denied_key_shows_the_shape_of_a_denial() {
    let (_folder, served) = served();
    let ran = conformance("nobody", &served.url, &["-o", "junit"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(
        ran.stdout.starts_with("<?xml version=\"1.0\""),
        "{}",
        ran.stdout
    );
    let case = ran
        .stdout
        .lines()
        .find(|line| line.contains("name=\"detail-is-an-object\""));
    assert!(
        case.is_some_and(|line| line.ends_with("/>")),
        "{}",
        ran.stdout
    );
    assert!(
        ran.stdout
            .contains("<failure message=\"ACS3-HMAC-SHA256, POST, DAILY\">"),
        "{}",
        ran.stdout
    );
}

#[test]
fn nobody_there_is_no_report() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    drop(listener);
    let ran = conformance("owner", &url, &[]);
    assert_eq!((ran.code, ran.stdout.as_str()), (1, ""), "{ran:?}");
    assert!(ran.stderr.contains("could not reach"), "{}", ran.stderr);
    for arguments in [
        &["conformance"][..],
        &["conformance", "--endpoint", "ftp://x"],
        &["conformance", "--endpoint", &url],
    ] {
        let ran: Ran = command(arguments).output().expect("starts").into();
        assert_eq!(
            (ran.code, ran.stdout.as_str()),
            (2, ""),
            "{arguments:?}: {ran:?}"
        );
    }
}
