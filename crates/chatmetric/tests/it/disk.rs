//! The real program on a disk that fails or is full: what webhooks, health, queries
//! and the log say, and that a restart counts exactly what was acknowledged.
//!
//! Failing calls are injected by strace, a full disk is a file system of its own;
//! where neither may be used, a line says that nothing was tested (in CI, strace
//! must be there).

use crate::process::{Served, agent, client, data_dir, post_for, run};
use chatmetric::client::MetricCall;
use chatmetric::clock::{Clock as _, SystemClock};
use chatmetric_core::EpochMs;
use std::collections::BTreeMap;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::Duration;

const DAY_MS: i64 = 86_400_000;

/// What is printed although the test passes; where CI runs it, it fails.
pub(crate) fn skipped(why: &str) {
    let required = std::env::var_os("CI").is_some();
    assert!(!required, "{why}, and CI needs it");
    drop(writeln!(std::io::stderr(), "SKIPPED: {why}"));
}

pub(crate) fn strace_is_usable() -> bool {
    let tried = Command::new("strace")
        .args(["-f", "-o", "/dev/null", "true"])
        .stderr(Stdio::null())
        .status();
    let usable = tried.is_ok_and(|status| status.success());
    if !usable {
        skipped("strace is missing or may not trace; no call of the program failed");
    }
    usable
}

/// A server, what it was sent and what it acknowledged.
struct Client {
    now_ms: i64,
    agent: ureq::Agent,
    next: u64,
    /// Messages that were acknowledged, by number.
    counted: BTreeMap<String, u64>,
}

impl Client {
    fn new() -> Self {
        Self {
            now_ms: SystemClock::default().now().0,
            agent: agent(),
            next: 0,
            counted: BTreeMap::new(),
        }
    }

    /// A webhook about `messages` new ones, each reported twice.
    fn body(&self, messages: u64) -> (String, String) {
        let number = format!("1555010010{}", self.next % 3);
        let at_s = self.now_ms / 1_000 - 3_600;
        let statuses: Vec<String> = (0..messages)
            .flat_map(|at| {
                let id = format!("wamid.{}-{at}", self.next);
                ["sent", "sent"]
                    .map(|word| format!(r#"{{"id":"{id}","status":"{word}","timestamp":{at_s}}}"#))
            })
            .collect();
        let body = format!(
            r#"{{"entry":[{{"changes":[{{"field":"messages","value":{{"metadata":{{"display_phone_number":"{number}"}},"statuses":[{}]}}}}]}}]}}"#,
            statuses.join(",")
        );
        (number, body)
    }

    /// Posts the next webhook; the same one again while it is refused.
    fn post(&mut self, url: &str, messages: u64) -> (u16, Option<String>) {
        let (number, body) = self.body(messages);
        let answer = post_for(&self.agent, url, "acme-wa", &body).expect("an answer");
        if answer.0 == 200 {
            *self.counted.entry(number).or_default() += messages;
            self.next += 1;
        }
        answer
    }

    /// Compares what a signed query says with what was acknowledged.
    fn check(&self, url: &str) {
        let answer = client(url).metric(&MetricCall {
            start: EpochMs(self.now_ms - 3 * DAY_MS),
            end: EpochMs(self.now_ms + DAY_MS),
            granularity: "DAILY",
            number: None,
            space: None,
            isv_code: None,
        });
        let mut seen: BTreeMap<String, u64> = BTreeMap::new();
        for row in answer.expect("an answer").rows {
            *seen.entry(row.phone_number).or_default() += row.sent_count;
        }
        assert_eq!(seen, self.counted);
    }

    fn status(&self, url: &str, path: &str) -> u16 {
        let answer = self.agent.get(format!("{url}{path}")).call();
        answer.expect("an answer").status().as_u16()
    }

    /// Nothing is taken any more; everything else goes on.
    fn check_refusing(&mut self, url: &str) {
        for _ in 0..3 {
            let (status, retry_after) = self.post(url, 2);
            assert_eq!(status, 503);
            let seconds = retry_after.and_then(|text| text.parse::<u32>().ok());
            assert!(
                seconds.is_some_and(|seconds| seconds > 0),
                "when to come again"
            );
        }
        for (path, expected) in [("/readyz", 503), ("/readyz/query", 200), ("/healthz", 200)] {
            assert_eq!(self.status(url, path), expected, "{path}");
        }
        self.check(url);
    }
}

/// Waits for something that the program does by itself.
fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    for _ in 0..600 {
        if done() {
            return;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("not in time: {what}");
}

/// Writes of another thread that fill a segment with zeros: 8 MiB, 256 KiB each.
const PREPARING_WRITES: u32 = 32;

/// One life in which a call of the writer fails; the calls of other threads to the
/// same file are fewer than `nth`.
fn life(call: &str, error: &str, nth: u32) {
    println!("{error} at {call} {nth}");
    let (_folder, data_dir) = data_dir();
    let segment = format!("{data_dir}/store/journal/0000/{:016}.log", 1);
    let wrapper = [
        "strace",
        "-D",
        "-f",
        "-qq",
        "--seccomp-bpf",
        "-o",
        "/dev/null",
        "-P",
        &segment,
        &format!("--trace={call}"),
        &format!("--inject={call}:error={error}:when={nth}"),
    ];
    let wrapper = wrapper.map(str::to_owned);
    // The smallest segments: fewer calls to prepare one.
    let config = format!("{data_dir}.toml");
    std::fs::write(&config, "[store]\nmemory_bytes_max = 16777216\n").expect("written");
    let arguments = ["serve", "--listen", "127.0.0.1:0", "--config", &config];
    let arguments = [&arguments[..], &["--data-dir", &data_dir]].concat();
    let served = Served::start_below(&wrapper, &arguments);
    let mut client = Client::new();
    let mut refused = false;
    for _ in 0..60 {
        match client.post(&served.url, 3).0 {
            200 => {}
            503 => {
                refused = true;
                break;
            }
            other => panic!("{other}"),
        }
    }
    assert!(refused, "the call was met");
    assert!(
        !client.counted.is_empty(),
        "and not before something was taken"
    );
    client.check_refusing(&served.url);
    let said = served.said();
    for told in ["the store stopped taking events", "could not append to"] {
        assert!(said.contains(told), "`{told}` in {said}");
    }
    served.kill();
    let served = Served::start(&data_dir);
    assert_eq!(client.status(&served.url, "/readyz"), 200);
    // What was refused may be on disk or not; it is sent again, as providers do.
    assert_eq!(client.post(&served.url, 3).0, 200);
    client.check(&served.url);
    let (status, log) = served.stop();
    assert!(status.success(), "{log}");
    let verified = run(&["verify", "--data-dir", &data_dir]);
    assert_eq!(verified.code, 0, "{verified:?}");
}

#[test]
fn a_failed_write_or_sync_ends_acknowledgements_and_nothing_else() {
    if !strace_is_usable() {
        return;
    }
    for (call, error, nth) in [
        ("fdatasync", "EIO", 3),
        ("fdatasync", "EIO", 8),
        ("fdatasync", "ENOSPC", 5),
        // A frame, and a mark behind a frame.
        ("pwrite64", "EIO", PREPARING_WRITES + 5),
        ("pwrite64", "ENOSPC", PREPARING_WRITES + 8),
        ("pwrite64", "ENOSPC", PREPARING_WRITES + 11),
    ] {
        life(call, error, nth);
    }
}

/// A file system of its own; `None` where that may not be made.
pub(crate) struct Mount(pub(crate) tempfile::TempDir);

impl Mount {
    pub(crate) fn new(mib: u32) -> Option<Self> {
        let dir = tempfile::tempdir().expect("a directory");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={mib}m"), "tmpfs"])
            .arg(dir.path())
            .output();
        let mounted = mounted.is_ok_and(|output| output.status.success());
        if !mounted {
            skipped("no file system may be mounted here; none was filled");
        }
        mounted.then_some(Self(dir))
    }

    pub(crate) fn ballast(&self) -> std::path::PathBuf {
        self.0.path().join("ballast")
    }

    /// Takes all the space that is left.
    pub(crate) fn fill(&self) {
        let mut file = std::fs::File::create(self.ballast()).expect("a file");
        let filled = std::io::copy(&mut std::io::repeat(1), &mut file);
        let error = filled.expect_err("it is full in the end");
        assert_eq!(error.kind(), std::io::ErrorKind::StorageFull, "{error}");
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        drop(Command::new("umount").arg(self.0.path()).output());
    }
}

#[test]
fn a_full_file_system_is_answered_with_503_until_there_is_room_again() {
    let Some(mount) = Mount::new(110) else {
        return;
    };
    let (_folder, elsewhere) = data_dir();
    let data_dir = mount.0.path().join("data").display().to_string();
    let copied = Command::new("cp")
        .args(["-a", &elsewhere, &data_dir])
        .status();
    assert!(copied.is_ok_and(|status| status.success()), "copied");
    let key = format!("{elsewhere}.key");
    let config = format!("{elsewhere}.toml");
    // Small generations, so that segments are used up after some ten thousand messages.
    std::fs::write(&config, "[store]\nmemory_bytes_max = 16777216\n").expect("written");
    let with_key = ["--data-dir", &data_dir, "--master-key-file", &key];
    let arguments = ["serve", "--listen", "127.0.0.1:0", "--config", &config];
    let served = Served::start_with(&[&arguments[..], &with_key].concat());
    let mut client = Client::new();
    // Every number is known before there is no room for a new one.
    for _ in 0..3 {
        assert_eq!(client.post(&served.url, 2).0, 200);
    }
    mount.fill();
    let mut bodies = 0;
    while client.post(&served.url, 4_000).0 == 200 {
        bodies += 1;
        assert!(bodies < 60, "it is never full: {}", served.said());
    }
    assert!(bodies > 0, "frames have their space");
    client.check_refusing(&served.url);
    let said = served.said();
    let told = "the store cannot take events now";
    assert!(said.contains(told), "`{told}` in {said}");
    assert!(!said.contains("stopped taking events"), "{said}");
    std::fs::remove_file(mount.ballast()).expect("it was there");
    wait_until("it takes events again", || {
        client.post(&served.url, 2).0 == 200
    });
    wait_until("it is ready", || {
        client.status(&served.url, "/readyz") == 200
    });
    client.check(&served.url);
    let said = served.said();
    assert!(said.contains("the store takes events again"), "{said}");
    served.kill();
    let served = Served::start_with(&[&arguments[..], &with_key].concat());
    client.check(&served.url);
    let (status, log) = served.stop();
    assert!(status.success(), "{log}");
    let verified = run(&[&["verify"][..], &with_key].concat());
    assert_eq!(verified.code, 0, "{verified:?}");
}
