//! `backup` and `restore` of the real program: what is in a backup is an acknowledged
//! prefix, and whatever is not a whole backup is refused with nothing touched.

// Four writers, two backups, kill -9, and each backup served.
mod drill;
// Places and sources that are refused.
mod refused;
// kill -9 in the middle of a backup; no space.
mod interrupted;
// Backups that the server makes by itself.
mod scheduled;
// Backups over HTTP.
mod remote;

use crate::process::{Ran, agent, client, post, run};
use chatmetric::client::MetricCall;
use chatmetric::clock::{Clock, SystemClock};
use chatmetric_core::EpochMs;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

const DAY_MS: i64 = 86_400_000;

fn now_ms() -> i64 {
    SystemClock::default().now().0
}

fn number(writer: u64) -> String {
    format!("15550100{writer:04}")
}

/// A webhook body of a writer: so many messages from `first` on, sent and delivered.
fn body(writer: u64, first: u64, messages: u64) -> String {
    let time = now_ms() / 1_000 - 3_600;
    let mut statuses = String::new();
    for id in first..first + messages {
        for status in ["sent", "delivered"] {
            let comma = if statuses.is_empty() { "" } else { "," };
            let _ = write!(
                statuses,
                "{comma}{{\"id\":\"wamid.w{writer}.{id}\",\"status\":\"{status}\",\
                 \"timestamp\":\"{time}\",\"recipient_id\":\"4915100000000\"}}"
            );
        }
    }
    format!(
        "{{\"object\":\"whatsapp_business_account\",\"entry\":[{{\"id\":\"1\",\"changes\":\
         [{{\"field\":\"messages\",\"value\":{{\"messaging_product\":\"whatsapp\",\"metadata\":\
         {{\"display_phone_number\":\"{}\",\"phone_number_id\":\"1\"}},\"statuses\":[{statuses}]\
         }}}}]}}]}}",
        number(writer)
    )
}

/// Posts so many messages of a writer, which must be taken.
fn send(url: &str, writer: u64, first: u64, messages: u64) {
    let answer = post(&agent(), url, "acme-wa", &body(writer, first, messages));
    assert_eq!(answer, Some(200));
}

/// Messages that were sent and delivered, by writer, as signed queries tell them.
fn counts(url: &str) -> BTreeMap<String, (u64, u64)> {
    let now = now_ms();
    let answer = client(url).metric(&MetricCall {
        start: EpochMs(now - 3 * DAY_MS),
        end: EpochMs(now + DAY_MS),
        granularity: "DAILY",
        number: None,
        space: None,
        isv_code: None,
    });
    let mut counts = BTreeMap::<String, (u64, u64)>::new();
    for row in answer.expect("an answer").rows {
        let (sent, delivered) = counts.entry(row.phone_number).or_default();
        *sent += row.sent_count;
        *delivered += row.delivered_count;
    }
    counts
}

fn backup(data_dir: &str, dest: &Path, more: &[&str]) -> Ran {
    let dest = dest.display().to_string();
    let arguments = ["backup", &dest, "--data-dir", data_dir, "-o", "json"];
    run(&[&arguments[..], more].concat())
}

/// A backup that is made, as its JSON tells it.
fn made(data_dir: &str, dest: &Path, more: &[&str]) -> Value {
    let ran = backup(data_dir, dest, more);
    assert_eq!(ran.code, 0, "{ran:?}");
    serde_json::from_str(&ran.stdout).expect("JSON")
}

fn list(dest: &Path) -> Vec<Value> {
    let ran = run(&[
        "backup",
        &dest.display().to_string(),
        "--list",
        "-o",
        "json",
    ]);
    assert_eq!(ran.code, 0, "{ran:?}");
    serde_json::from_str(&ran.stdout).expect("JSON")
}

/// Restores into `data_dir`, with the key of `of` beside it.
fn restore_with_key(of: &str, source: &Path, data_dir: &Path, more: &[&str]) -> Ran {
    let key = PathBuf::from(format!("{}.key", data_dir.display()));
    std::fs::copy(format!("{of}.key"), key).expect("a key");
    restore(source, data_dir, more)
}

fn restore(source: &Path, data_dir: &Path, more: &[&str]) -> Ran {
    let (source, data_dir) = (source.display().to_string(), data_dir.display().to_string());
    let arguments = ["restore", &source, "--data-dir", &data_dir, "-o", "json"];
    run(&[&arguments[..], more].concat())
}

/// Every file below a directory, with its bytes.
fn files(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut all = BTreeMap::new();
    let mut folders = vec![dir.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("readable") {
            let path = entry.expect("readable").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                // Reading a pipe would wait for somebody to write to it.
                let is_file = path.symlink_metadata().is_ok_and(|it| it.is_file());
                let bytes = is_file.then(|| std::fs::read(&path).expect("readable"));
                all.insert(path, bytes.unwrap_or_default());
            }
        }
    }
    all
}
