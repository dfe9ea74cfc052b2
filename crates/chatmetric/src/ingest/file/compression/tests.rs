//! Both formats: whole, in parts, cut at every byte, damaged at every byte.

use super::*;
use flate2::write::GzEncoder;
use std::io::Write as _;

const NDJSON: &[u8] = include_bytes!("../../../../../../testdata/webhooks/bulk_events.ndjson");
const CSV: &[u8] = include_bytes!("../../../../../../testdata/webhooks/bulk_events.csv");
/// Written by the tools `zstd` and `gzip`.
const NDJSON_ZST: &[u8] =
    include_bytes!("../../../../../../testdata/webhooks/bulk_events.ndjson.zst");
const CSV_GZ: &[u8] = include_bytes!("../../../../../../testdata/webhooks/bulk_events.csv.gz");
/// A skippable frame, as parallel compressors write them.
const SKIPPED: &[u8] = b"\x50\x2a\x4d\x18\x03\0\0\0any";

/// Hands out a byte at a time, as a slow pipe does.
struct Slow<'a>(&'a [u8]);

impl Read for Slow<'_> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let one = to.len().min(1);
        self.0.read(&mut to[..one])
    }
}

fn read_all(bytes: &[u8]) -> Result<Vec<u8>, String> {
    let mut plain = Vec::new();
    let (mut input, _) = decoded(Box::new(bytes)).map_err(|error| error.to_string())?;
    let read = input.read_to_end(&mut plain);
    read.map(|_| plain).map_err(|error| error.to_string())
}

#[test]
fn files_of_the_usual_tools_are_read() {
    assert_eq!(read_all(NDJSON_ZST).as_deref(), Ok(NDJSON));
    assert_eq!(read_all(CSV_GZ).as_deref(), Ok(CSV));
    assert_eq!(read_all(CSV).as_deref(), Ok(CSV));
    assert_eq!(read_all(b"").as_deref(), Ok(&b""[..]));
    assert_eq!(read_all(b"\x1f").as_deref(), Ok(&b"\x1f"[..]));
}

#[test]
fn members_and_frames_may_follow_each_other() {
    let twice = |part: &[u8]| part.repeat(2);
    assert_eq!(read_all(&twice(CSV_GZ)), Ok(twice(CSV)));
    let frames = [SKIPPED, NDJSON_ZST, SKIPPED, SKIPPED, NDJSON_ZST, SKIPPED].concat();
    assert_eq!(read_all(&frames), Ok(twice(NDJSON)));
    let mut slow = Vec::new();
    let (mut input, _) = decoded(Box::new(Slow(&frames))).expect("zstd");
    input.read_to_end(&mut slow).expect("whole");
    assert_eq!(slow, twice(NDJSON));
}

#[test]
fn a_file_that_is_cut_off_anywhere_is_an_error() {
    for (name, whole) in [("gzip", &CSV_GZ.repeat(2)), ("zstd", &NDJSON_ZST.repeat(2))] {
        for length in 4..whole.len() {
            if length == whole.len() / 2 {
                continue;
            }
            let cut_off = Err(format!("the {name} data is cut off"));
            assert_eq!(read_all(&whole[..length]), cut_off, "{length} bytes");
        }
    }
    let skipped = [NDJSON_ZST, &SKIPPED[..10]].concat();
    assert_eq!(read_all(&skipped), Err("the zstd data is cut off".into()));
}

#[test]
fn damage_is_never_read_as_something_else() {
    for (whole, plain) in [(CSV_GZ, CSV), (NDJSON_ZST, NDJSON)] {
        for at in 4..whole.len() {
            for bit in 0..8 {
                let mut damaged = whole.to_vec();
                damaged[at] ^= 1 << bit;
                if let Ok(seen) = read_all(&damaged) {
                    assert_eq!(seen, plain, "byte {at}, bit {bit}");
                }
            }
        }
    }
}

#[test]
fn something_else_behind_the_data_is_an_error() {
    for (name, whole) in [("gzip", CSV_GZ), ("zstd", NDJSON_ZST)] {
        for tail in [&b"number"[..], b"\0\0\0\0\0\0\0\0", b"x"] {
            let expected = format!("something else follows the {name} data");
            assert_eq!(read_all(&[whole, tail].concat()), Err(expected));
        }
    }
}

#[test]
fn a_window_without_bounds_is_refused() {
    // Magic, no flags, a window of 2 GiB, one empty last block.
    let frame = b"\x28\xb5\x2f\xfd\x00\xa8\x01\0\0";
    assert_eq!(
        read_all(frame),
        Err(format!(
            "the zstd data needs a window of 2147483648 bytes, at most {ZSTD_WINDOW_BYTES_MAX} are kept"
        ))
    );
    let frame = b"\x28\xb5\x2f\xfd\x00\x88\x01\0\0";
    assert_eq!(read_all(frame), Ok(Vec::new()));
}

/// 256 MB from one: as much passes through, not more than a buffer is held.
#[test]
fn a_bomb_is_a_long_stream() {
    const PART_BYTES: usize = 16 * 1024 * 1024;
    let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(&vec![b'x'; PART_BYTES]).expect("encoded");
    let bomb = encoder.finish().expect("encoded").repeat(16);
    assert!(bomb.len() < 2 * 1024 * 1024);
    let (mut input, _) = decoded(Box::new(bomb.as_slice())).expect("gzip");
    let mut input = io::BufReader::new(&mut input);
    let mut lines = crate::ingest::file::LineReader::new(&mut input, 1024 * 1024);
    assert_eq!(
        lines.advance().expect("reads"),
        Some(crate::ingest::file::Line::TooLong)
    );
    assert_eq!(lines.bytes_read(), 16 * 16 * 1024 * 1024);
}
