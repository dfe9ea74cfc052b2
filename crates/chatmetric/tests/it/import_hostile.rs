//! `import` of what is hostile or no file of events: refused by name or line, in memory
//! that does not grow with it.

use crate::process::{Ran, command, data_dir, run};
use std::io::{Read as _, Write};
use std::path::Path;
use std::process::Stdio;

const SPACE: &str = "space-a";
const GOOD: &str = r#"{"number":"1555","message_id":"a","status":"sent","ts":1767225590}"#;
/// What an import may take: the store takes most of it.
const MEMORY_KIB_MAX: u64 = 160 * 1024;

fn import(data_dir: &str, file: &str, more: &[&str]) -> Ran {
    let mut arguments = vec!["import", file, "--space", SPACE, "--data-dir", data_dir];
    arguments.extend(more);
    run(&arguments)
}

fn write(folder: &Path, name: &str, bytes: &[u8]) -> String {
    let path = folder.join(name);
    std::fs::write(&path, bytes).expect("writes");
    path.display().to_string()
}

/// Imports with something on stdin, and tells the most memory that it took, in KiB.
fn measured(
    data_dir: &str,
    file: &str,
    feed: impl FnOnce(&mut dyn Write) -> std::io::Result<()> + Send + 'static,
) -> (Ran, u64) {
    let mut child = command(&["import", file, "--space", SPACE, "--data-dir", data_dir])
        .args(["--format", "ndjson"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut stdin = child.stdin.take().expect("piped");
    let feeder = std::thread::spawn(move || drop(feed(&mut stdin)));
    let mut peak_kib = 0;
    let status = loop {
        let text = std::fs::read_to_string(format!("/proc/{}/status", child.id()));
        let text = text.unwrap_or_default();
        let peak = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let peak = peak.and_then(|peak| peak.trim().trim_end_matches(" kB").parse().ok());
        peak_kib = peak.unwrap_or(peak_kib).max(peak_kib);
        if let Some(status) = child.try_wait().expect("asks") {
            break status;
        }
        std::thread::sleep(std::time::Duration::from_millis(5));
    };
    feeder.join().expect("fed");
    let mut stderr = String::new();
    let mut pipe = child.stderr.take().expect("piped");
    pipe.read_to_string(&mut stderr).expect("read");
    let ran = Ran {
        code: status.code().unwrap_or(-1),
        stdout: String::new(),
        stderr,
    };
    (ran, peak_kib)
}

fn check_long_line(ran: &Ran, peak_kib: u64) {
    println!("at most {} MiB", peak_kib / 1024);
    assert_eq!(ran.code, 1, "{ran:?}");
    let reason = ":1: the line has more than 1048576 bytes";
    assert!(ran.stderr.contains(reason), "{ran:?}");
    assert!(ran.stderr.contains("2 rows: "), "{ran:?}");
    assert!(peak_kib > 0 && peak_kib < MEMORY_KIB_MAX, "{peak_kib} KiB");
}

#[test]
fn a_line_of_a_gigabyte_takes_no_memory() {
    let (_folder, data_dir) = data_dir();
    let (ran, peak_kib) = measured(&data_dir, "-", |to| {
        let part = vec![b'x'; 1024 * 1024];
        for _ in 0..1024 {
            to.write_all(&part)?;
        }
        write!(to, "\n{GOOD}\n")
    });
    check_long_line(&ran, peak_kib);
}

#[test]
fn bombs_take_no_memory() {
    let (folder, data_dir) = data_dir();
    let part = vec![b'x'; 16 * 1024 * 1024];
    let gzip = |bytes: &[u8]| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).expect("encoded");
        encoder.finish().expect("encoded")
    };
    let level = ruzstd::encoding::CompressionLevel::Fastest;
    let zstd = |bytes: &[u8]| ruzstd::encoding::compress_to_vec(bytes, level);
    let end = format!("\n{GOOD}\n");
    let bombs = [
        (
            "bomb.gz",
            [gzip(&part).repeat(16), gzip(end.as_bytes())].concat(),
        ),
        (
            "bomb.zst",
            [zstd(&part).repeat(16), zstd(end.as_bytes())].concat(),
        ),
    ];
    for (name, bytes) in bombs {
        assert!(bytes.len() < 4 << 20, "{name} has {} bytes", bytes.len());
        let file = write(folder.path(), name, &bytes);
        let (ran, peak_kib) = measured(&data_dir, &file, |_| Ok(()));
        check_long_line(&ran, peak_kib);
    }
}

#[test]
fn what_is_no_file_of_events_is_refused_by_name() {
    let (folder, data_dir) = data_dir();
    let utf16: Vec<u8> = "\u{feff}number,message_id,status,timestamp\n"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    let refused = |bytes: &[u8], name: &str, reason: &str| {
        let file = write(folder.path(), name, bytes);
        let ran = import(&data_dir, &file, &[]);
        assert_eq!(ran.code, 2, "{ran:?}");
        assert!(ran.stderr.contains(name), "{ran:?}");
        assert!(ran.stderr.contains(reason), "{reason}: {ran:?}");
    };
    refused(&utf16, "excel.csv", "the file is UTF-16, not UTF-8");
    refused(b"a\0b\n", "zero.csv", "the file is binary, not text");
    refused(
        b"",
        "empty.csv",
        "the file is empty; a CSV begins with a header",
    );
    refused(b"PAR1 and no end", "cut.parquet", "has no end (`PAR1`)");
    let folder_name = folder.path().display().to_string();
    let ran = import(&data_dir, &folder_name, &[]);
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.stderr.contains("it is a directory"), "{ran:?}");
    let socket = folder.path().join("socket");
    let _listener = std::os::unix::net::UnixListener::bind(&socket).expect("bound");
    let ran = import(&data_dir, &socket.display().to_string(), &[]);
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(
        ran.stderr.contains("it is neither a file nor a pipe"),
        "{ran:?}"
    );
}

#[test]
fn odd_text_is_read_as_it_should_be() {
    let (folder, data_dir) = data_dir();
    let header = "number,message_id,status,timestamp";
    for (name, text, rows) in [
        ("empty.ndjson", String::new(), "0 rows: new 0"),
        ("header.csv", format!("{header}\n"), "0 rows: new 0"),
        (
            "crlf.csv",
            format!("\u{feff}{header}\r\n1555,a,sent,1767225590\r\n"),
            "1 row: new 1",
        ),
        (
            "crlf.ndjson",
            format!("\u{feff}{GOOD}\r\n\r\n{GOOD}"),
            "2 rows: new 0, duplicate 2",
        ),
    ] {
        let file = write(folder.path(), name, text.as_bytes());
        let ran = import(&data_dir, &file, &[]);
        assert_eq!(ran.code, 0, "{ran:?}");
        assert!(ran.stderr.contains(rows), "{name}: {ran:?}");
    }
    // A zero byte far down spoils its line alone.
    let lines = format!("{GOOD}\n").repeat(2_000);
    let file = write(
        folder.path(),
        "late.ndjson",
        format!("{lines}a\0b\n{GOOD}\n").as_bytes(),
    );
    let ran = import(&data_dir, &file, &[]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(
        ran.stderr.contains("late.ndjson:2001:1: this is not JSON"),
        "{ran:?}"
    );
    assert!(ran.stderr.contains("duplicate 2,001,"), "{ran:?}");
}

/// Its writer is not turned away by a look before the reading.
#[test]
fn a_pipe_with_a_name_is_read_to_its_end() {
    let (folder, data_dir) = data_dir();
    let pipe = folder.path().join("pipe");
    let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, mode, 0).expect("made");
    let path = pipe.clone();
    let writer = std::thread::spawn(move || {
        let mut pipe = std::fs::File::create(path).expect("opens");
        writeln!(pipe, "{GOOD}").expect("written");
    });
    let ran = import(&data_dir, &pipe.display().to_string(), &[]);
    writer.join().expect("written");
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.stderr.contains("1 row: new 1,"), "{ran:?}");
}
