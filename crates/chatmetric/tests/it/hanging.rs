//! A disk that does not answer: the real program ends in its time, and what was acknowledged
//! before is counted.
//!
//! Syncs of one thread are held back by strace (of several at once, it lets some go too
//! early); where strace may not be used, a line says that nothing was tested (in CI it must
//! be there). Not here: disks that fail (`disk.rs`). Invariant: spans are compared with the limits of the server, never with
//! the speed of the machine.

use crate::disk::strace_is_usable;
use crate::process::{Served, agent, client, data_dir, post};
use chatmetric::client::MetricCall;
use chatmetric::clock::{Clock as _, SystemClock};
use chatmetric::server::limits::{DRAIN_TIMEOUT, STOP_TIMEOUT};
use chatmetric_core::EpochMs;
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;
use std::time::Duration;

/// How long a sync hangs: whoever waits for it is found out.
const HANG_US: u64 = 60_000_000;

/// Posts one new message.
fn send(url: &str, id: &str, at_s: i64) -> Option<u16> {
    let body = format!(
        r#"{{"entry":[{{"changes":[{{"field":"messages","value":{{"metadata":{{"display_phone_number":"15550100100"}},"statuses":[{{"id":"{id}","status":"sent","timestamp":{at_s}}}]}}}}]}}]}}"#
    );
    post(&agent(), url, "acme-wa", &body)
}

fn sent(url: &str, at_ms: i64) -> u64 {
    let rows = client(url).metric(&MetricCall {
        start: EpochMs(at_ms - 86_400_000),
        end: EpochMs(at_ms + 86_400_000),
        granularity: "DAILY",
        number: None,
        space: None,
        isv_code: None,
    });
    let rows = rows.expect("an answer").rows;
    rows.iter().map(|row| row.sent_count).sum()
}

/// Whether an event waits for the store.
fn queued(url: &str) -> bool {
    let answer = agent().get(format!("{url}/metrics")).call();
    let text = answer.expect("an answer").body_mut().read_to_string();
    let text = text.expect("text");
    text.lines()
        .any(|line| line == "chatmetric_store_queued_events 1")
}

/// The files of the journal.
fn journal(data_dir: &str) -> Vec<PathBuf> {
    let list = |folder: PathBuf| {
        let all = std::fs::read_dir(folder).expect("a folder");
        all.map(|entry| entry.expect("an entry").path())
    };
    let shards = list(PathBuf::from(data_dir).join("store/journal"));
    shards.flat_map(list).collect()
}

/// Holds every sync of these files back from now on.
fn hang(served: &Served, files: &[PathBuf]) -> Child {
    let mut strace = Command::new("strace");
    strace.args(["-f", "-o", "/dev/null", "-p", &served.pid().to_string()]);
    for file in files {
        strace.arg("-P").arg(file);
    }
    let mut strace = strace
        .arg("--trace=fdatasync,fsync")
        .arg(format!("--inject=fdatasync,fsync:delay_enter={HANG_US}"))
        .stderr(Stdio::piped())
        .spawn()
        .expect("strace starts");
    let mut told = String::new();
    let mut lines = BufReader::new(strace.stderr.take().expect("piped"));
    while !told.contains("attached") {
        let before = told.len();
        lines.read_line(&mut told).expect("reads");
        assert!(told.len() > before, "{told}");
    }
    strace
}

fn start(data_dir: &str) -> (Served, i64) {
    let served = Served::start(data_dir);
    let at_ms = SystemClock::default().now().0 - 3_600_000;
    assert_eq!(send(&served.url, "wamid.before", at_ms / 1_000), Some(200));
    (served, at_ms)
}

/// Stops it; tells how long that took.
fn stop(served: Served, mut strace: Child) -> Duration {
    let clock = SystemClock::default();
    let start_ms = clock.monotonic_ms();
    let (status, said) = served.stop();
    let took = Duration::from_millis(clock.monotonic_ms() - start_ms);
    drop(strace.kill());
    drop(strace.wait());
    assert!(status.success(), "{said}");
    assert!(said.contains("what was acknowledged is kept"), "{said}");
    took
}

/// A server whose journal hangs, with a message that is counted, and one that waits.
struct Hanging {
    served: Served,
    strace: Child,
    waiting: JoinHandle<Option<u16>>,
    at_ms: i64,
}

impl Hanging {
    fn start(data_dir: &str) -> Self {
        let (served, at_ms) = start(data_dir);
        let strace = hang(&served, &journal(data_dir));
        let url = served.url.clone();
        let waiting = std::thread::spawn(move || send(&url, "wamid.after", at_ms / 1_000));
        while !queued(&served.url) {
            assert!(!waiting.is_finished(), "nothing is durable yet");
        }
        Self {
            served,
            strace,
            waiting,
            at_ms,
        }
    }

    /// Stops it, and counts again.
    fn stop(self, data_dir: &str) -> Duration {
        let took = stop(self.served, self.strace);
        // Nothing was durable, so nothing said so.
        assert_ne!(self.waiting.join().expect("no panic"), Some(200));
        let served = Served::start(data_dir);
        let counted = sent(&served.url, self.at_ms);
        assert!((1..=2).contains(&counted), "{counted}");
        let again = send(&served.url, "wamid.after", self.at_ms / 1_000);
        assert_eq!(again, Some(200));
        assert_eq!(sent(&served.url, self.at_ms), 2);
        assert!(served.stop().0.success());
        took
    }
}

#[test]
fn the_program_ends_in_its_time_although_the_journal_hangs() {
    if !strace_is_usable() {
        return;
    }
    let (_folder, data_dir) = data_dir();
    let took = Hanging::start(&data_dir).stop(&data_dir);
    let longest = STOP_TIMEOUT * 3 / 2;
    assert!((DRAIN_TIMEOUT..longest).contains(&took), "{took:?}");
}

/// The thread of the work that is done each second.
#[test]
fn the_program_ends_in_its_time_although_a_thread_hangs() {
    if !strace_is_usable() {
        return;
    }
    let (_folder, data_dir) = data_dir();
    let (served, at_ms) = start(&data_dir);
    let nonces = PathBuf::from(&data_dir).join("nonces.log");
    let strace = hang(&served, &[nonces]);
    // Its nonce is synced within a second, which hangs; events are taken all the same.
    assert_eq!(sent(&served.url, at_ms), 1);
    std::thread::sleep(Duration::from_secs(2));
    let answer = send(&served.url, "wamid.after", at_ms / 1_000);
    assert_eq!(answer, Some(200));
    let took = stop(served, strace);
    let longest = STOP_TIMEOUT * 3 / 2;
    assert!((DRAIN_TIMEOUT..longest).contains(&took), "{took:?}");
    let served = Served::start(&data_dir);
    assert_eq!(sent(&served.url, at_ms), 2);
    assert!(served.stop().0.success());
}

#[test]
fn a_second_signal_ends_it_at_once() {
    if !strace_is_usable() {
        return;
    }
    let (_folder, data_dir) = data_dir();
    let hanging = Hanging::start(&data_dir);
    hanging.served.terminate();
    while !hanging.served.said().contains("stopping:") {
        std::thread::sleep(Duration::from_millis(10));
    }
    let took = hanging.stop(&data_dir);
    assert!(took < DRAIN_TIMEOUT / 2, "{took:?}");
}
