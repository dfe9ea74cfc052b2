//! What a scan says of whole, torn and damaged segments.

use super::*;

const SEGMENT: u64 = 5;

/// A segment with frames 10, 11, 12 and a mark behind the last one.
fn segment() -> (Vec<u8>, Vec<usize>) {
    let header = SegmentHeader {
        shard: 2,
        shards: 3,
        segment: SEGMENT,
        first: Position(10),
    };
    let mut bytes = header.to_bytes().to_vec();
    let mut starts = Vec::new();
    for (seq, payload) in [(10, "first"), (11, "the second frame"), (12, "third")] {
        starts.push(bytes.len());
        let place = Position(seq);
        build_frame(
            &mut bytes,
            SEGMENT,
            (place, place.before()),
            payload.as_bytes(),
        );
    }
    starts.push(bytes.len());
    bytes.extend_from_slice(&build_mark(SEGMENT, Position(12)));
    bytes.resize(1024, 0);
    (bytes, starts)
}

fn scanned(bytes: &[u8]) -> Result<(Scanned, usize), StoreError> {
    let mut frames = 0;
    let scanned = scan(Path::new("x.log"), bytes, (2, SEGMENT), |_, _| {
        frames += 1;
        Ok(())
    })?;
    Ok((scanned, frames))
}

fn corrupt_at(bytes: &[u8]) -> Option<u64> {
    match scanned(bytes) {
        Err(StoreError::Corrupt { offset, .. }) => Some(offset),
        _ => None,
    }
}

#[test]
fn a_whole_segment_gives_its_frames() {
    let (bytes, starts) = segment();
    let (scanned, frames) = scanned(&bytes).expect("whole");
    assert_eq!(
        (frames, scanned.next, scanned.torn_bytes),
        (3, Position(13), 0)
    );
    assert_eq!(scanned.end, starts[3] as u64);
}

#[test]
fn a_bad_frame_is_corrupt_when_a_mark_covers_it() {
    let (bytes, starts) = segment();
    for (number, start) in starts[..3].iter().enumerate() {
        for at in [0, 4, 8, 16, 24, 33] {
            let mut bad = bytes.clone();
            bad[start + at] ^= 0x10;
            assert_eq!(
                corrupt_at(&bad),
                Some(*start as u64),
                "frame {number}, byte {at}"
            );
        }
    }
    let mut bad = bytes;
    bad[20] ^= 1;
    assert_eq!(corrupt_at(&bad), Some(0));
}

#[test]
fn a_bad_last_frame_without_a_mark_is_torn() {
    let (mut bytes, starts) = segment();
    bytes[starts[3]..].fill(0);
    bytes[starts[2] + 34] ^= 1;
    let (scanned, frames) = scanned(&bytes).expect("cut");
    assert_eq!((frames, scanned.next), (2, Position(12)));
    assert_eq!(scanned.end, starts[2] as u64);
    assert_eq!(scanned.torn_bytes, 32 + 5);
}

#[test]
fn old_bytes_and_other_files_are_not_taken() {
    let (bytes, _) = segment();
    let other = scan(Path::new("x.log"), &bytes, (2, SEGMENT + 1), |_, _| Ok(()));
    assert!(matches!(other, Err(StoreError::Corrupt { offset: 0, .. })));
    let unused = scanned(&[0; 512]).expect("never used").0;
    assert_eq!((unused.header, unused.torn_bytes), (None, 0));
    // A power cut may keep the first frame and lose the header.
    let mut lost = vec![0; 64];
    build_frame(&mut lost, SEGMENT, (Position(10), Position(9)), b"first");
    lost.resize(512, 0);
    assert_eq!(scanned(&lost).expect("never acknowledged").0.header, None);
    lost.extend_from_slice(&build_mark(SEGMENT, Position(10)));
    assert_eq!(corrupt_at(&lost), Some(0));
}
