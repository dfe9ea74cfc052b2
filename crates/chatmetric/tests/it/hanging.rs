//! A disk that does not answer: the real program ends in its time, and what was acknowledged
//! before is counted.
//!
//! Writes and syncs are held back in the process itself, by a library that is loaded before
//! the system's (a process below strace does not end before the call that is held back).
//! Not here: disks that fail (`disk.rs`). Invariant: spans are compared with the limits of the
//! server, never with the speed of the machine.

use crate::process::{Served, agent, client, command, data_dir, post};
use chatmetric::client::MetricCall;
use chatmetric::clock::{Clock as _, SystemClock};
use chatmetric::server::limits::{DRAIN_TIMEOUT, STOP_TIMEOUT};
use chatmetric_core::EpochMs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::JoinHandle;
use std::time::Duration;

/// Files hang while a file is there.
const HANGING: &str = r#"
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>
static void hang(void) {
    while (access(getenv("HANGS_WHILE"), F_OK) == 0) usleep(100000);
}
int fdatasync(int fd) { hang(); return syscall(SYS_fdatasync, fd); }
int fsync(int fd) { hang(); return syscall(SYS_fsync, fd); }
ssize_t pwrite64(int fd, const void *bytes, size_t count, off_t at) {
    hang();
    return syscall(SYS_pwrite64, fd, bytes, count, at);
}
"#;

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

/// A server whose disk hangs, with a message that is counted, and one that waits.
struct Hanging {
    served: Served,
    hangs: PathBuf,
    waiting: JoinHandle<Option<u16>>,
    at_ms: i64,
}

impl Hanging {
    fn start(folder: &Path, data_dir: &str) -> Self {
        let (source, library, hangs) = (folder.join("h.c"), folder.join("h.so"), folder.join("h"));
        std::fs::write(&source, HANGING).expect("written");
        let made = Command::new("cc")
            .args(["-shared", "-fPIC", "-o"])
            .args([&library, &source])
            .output();
        let made = made.expect("a compiler, as the libraries of the program need one");
        assert!(made.status.success(), "{made:?}");
        let mut serve = command(&["serve", "--listen", "127.0.0.1:0", "--data-dir", data_dir]);
        serve.env("LD_PRELOAD", &library).env("HANGS_WHILE", &hangs);
        let served = Served::start_command(serve);
        let at_ms = SystemClock::default().now().0 - 3_600_000;
        assert_eq!(send(&served.url, "wamid.before", at_ms / 1_000), Some(200));
        std::fs::write(&hangs, "").expect("written");
        // Its nonce waits for the disk too, in the work that is done each second.
        assert_eq!(sent(&served.url, at_ms), 1);
        let url = served.url.clone();
        let waiting = std::thread::spawn(move || send(&url, "wamid.after", at_ms / 1_000));
        std::thread::sleep(Duration::from_secs(2));
        assert!(!waiting.is_finished(), "nothing is durable yet");
        Self {
            served,
            hangs,
            waiting,
            at_ms,
        }
    }

    /// Stops it, and counts again; tells how long the stop took.
    fn stop(self, data_dir: &str) -> Duration {
        // Whoever waits for the disk is found out, and not waited for.
        let hangs = self.hangs;
        std::thread::spawn(move || {
            std::thread::sleep(STOP_TIMEOUT * 2);
            drop(std::fs::remove_file(hangs));
        });
        let clock = SystemClock::default();
        let start_ms = clock.monotonic_ms();
        let (status, said) = self.served.stop();
        let took = Duration::from_millis(clock.monotonic_ms() - start_ms);
        assert!(status.success(), "{said}");
        assert!(said.contains("what was acknowledged is kept"), "{said}");
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
fn the_program_ends_in_its_time_although_the_disk_hangs() {
    let (folder, data_dir) = data_dir();
    let took = Hanging::start(folder.path(), &data_dir).stop(&data_dir);
    let longest = STOP_TIMEOUT * 3 / 2;
    assert!((DRAIN_TIMEOUT..longest).contains(&took), "{took:?}");
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let (folder, data_dir) = data_dir();
    let hanging = Hanging::start(folder.path(), &data_dir);
    hanging.served.terminate();
    while !hanging.served.said().contains("stopping:") {
        std::thread::sleep(Duration::from_millis(10));
    }
    let took = hanging.stop(&data_dir);
    assert!(took < DRAIN_TIMEOUT / 2, "{took:?}");
}
