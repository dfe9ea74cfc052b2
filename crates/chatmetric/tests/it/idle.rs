//! Ten thousand connections that say nothing, or never come to the end of a head: they take
//! bounded memory, and whoever has something to say is answered.

use crate::process::{Served, client, data_dir, raise_file_limit};
use chatmetric::client::MetricCall;
use chatmetric_core::EpochMs;
use std::io::Write as _;
use std::net::TcpStream;

/// Below the limit of connections, so that there is room for the caller.
const IDLE: usize = 9_900;
/// How many are opened at a time.
const THREADS: usize = 8;
/// What each of them may take; a program without optimizations takes more than a release.
const EACH_KIB_MAX: u64 = 40;

/// What the process has in memory.
fn resident_kib(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("it runs");
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let words = line.and_then(|line| line.split_whitespace().nth(1));
    words.and_then(|kib| kib.parse().ok()).expect("a number")
}

/// A connection that says nothing, or begins a head that never ends.
fn connect(address: &str, begins_a_head: bool) -> TcpStream {
    let mut connection = TcpStream::connect(address).expect("accepted");
    if begins_a_head {
        let head = b"POST / HTTP/1.1\r\nhost: h\r\nx-slow: ";
        connection.write_all(head).expect("written");
    }
    connection
}

#[test]
fn ten_thousand_idle_connections_take_bounded_memory_and_hold_nobody_up() {
    raise_file_limit();
    let (_folder, data_dir) = data_dir();
    let served = Served::start(&data_dir);
    let address = served.url.trim_start_matches("http://").to_owned();
    let before_kib = resident_kib(served.pid());
    // Several at a time: the first must not have timed out when the last one comes.
    let open = &|thread: usize| -> Vec<TcpStream> {
        (thread..IDLE)
            .step_by(THREADS)
            .map(|at| connect(&address, at % 2 == 0))
            .collect()
    };
    let connections: Vec<Vec<TcpStream>> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|thread| scope.spawn(move || open(thread)))
            .collect();
        let opened = threads.into_iter().map(|thread| thread.join());
        opened.map(|opened| opened.expect("connected")).collect()
    });
    let answer = client(&served.url).metric(&MetricCall {
        start: EpochMs(1_767_225_600_000),
        end: EpochMs(1_767_312_000_000),
        granularity: "DAILY",
        number: None,
        space: None,
        isv_code: None,
    });
    assert_eq!(answer.expect("answered").rows, []);
    let with_kib = resident_kib(served.pid());
    println!("{IDLE} connections: {before_kib} KiB before, {with_kib} KiB with them");
    let more_kib = with_kib.saturating_sub(before_kib);
    assert!(more_kib < IDLE as u64 * EACH_KIB_MAX, "{more_kib} KiB");
    drop(connections);
    let (status, said) = served.stop();
    assert!(status.success(), "{said}");
}
