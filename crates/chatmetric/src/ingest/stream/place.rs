//! Where reading begins, and what is missing: pure, so that every case can be tried.
//!
//! A place is kept with the stream's time of creation. A stream of the same name that was
//! created at another time, or that ends before the place, is another one: it is read
//! from its first message. Invariant: no message between two places is passed over
//! without being counted as missing.

use crate::config::{OnGap, StreamStart};
use chatmetric_core::EpochMs;
use chatmetric_store::StreamOffset;

/// The stream as the server describes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) created_ns: u64,
    /// The first message that there is; one behind the last when there is none.
    pub(super) first: u64,
    pub(super) last: u64,
}

/// Where to begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Begin {
    /// Behind this place.
    Behind(u64),
    /// With the first message of this time.
    Time(EpochMs),
}

/// What is to be done before the first message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Plan {
    pub(super) begin: Begin,
    /// The place as it is now; to be kept at once when `changed`.
    pub(super) offset: StreamOffset,
    pub(super) changed: bool,
    /// What people must hear.
    pub(super) gap: Option<String>,
}

/// Compares what is kept with what is there.
pub(super) fn plan(kept: Option<StreamOffset>, found: Found, start: StreamStart) -> Plan {
    let Some(kept) = kept.filter(|it| it.created_ns != 0) else {
        return first_plan(found, start);
    };
    let is_same = kept.created_ns == found.created_ns && found.last >= kept.sequence;
    // Before the first message of another stream nothing of it was ever read.
    let behind = if is_same { kept.sequence } else { 0 };
    let missing = found.first.saturating_sub(behind).saturating_sub(1);
    let offset = StreamOffset {
        created_ns: found.created_ns,
        sequence: behind.saturating_add(missing),
        missing: kept.missing.saturating_add(missing),
        recreated: kept.recreated.saturating_add(u64::from(!is_same)),
        ..kept
    };
    let gap = if !is_same {
        let last = kept.sequence;
        Some(format!(
            "the stream is another one than the one of which message {last} was read last: \
             what else that one had is lost here; this one begins at {}",
            found.first
        ))
    } else if missing > 0 {
        Some(format!(
            "up to {missing} messages are gone that were not read: behind {behind}, the first one \
             is {}",
            found.first
        ))
    } else {
        None
    };
    Plan {
        begin: Begin::Behind(offset.sequence),
        changed: offset != kept,
        offset,
        gap,
    }
}

/// Nothing was read yet: what is gone already was never ours.
fn first_plan(found: Found, start: StreamStart) -> Plan {
    let behind = match start {
        StreamStart::All | StreamStart::At(_) => found.first.saturating_sub(1),
        StreamStart::New => found.last,
    };
    Plan {
        begin: match start {
            StreamStart::At(time) => Begin::Time(time),
            StreamStart::All | StreamStart::New => Begin::Behind(behind),
        },
        offset: StreamOffset {
            created_ns: found.created_ns,
            sequence: behind,
            ..StreamOffset::default()
        },
        // "New" is decided once: what comes while nobody reads is new, too. A time is
        // looked up again until the first message came.
        changed: !matches!(start, StreamStart::At(_)),
        gap: None,
    }
}

/// How the places of messages follow one another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Follow {
    /// One after the other: what is left out is gone.
    All,
    /// Only some subjects, or what is delivered again: places in between say nothing.
    Some,
}

/// The place behind a message, and how many are missing before it.
pub(super) fn behind(
    offset: StreamOffset,
    message: (u64, EpochMs),
    follow: Follow,
) -> (StreamOffset, u64) {
    let (sequence, at) = message;
    let missing = match follow {
        Follow::All => sequence.saturating_sub(offset.sequence).saturating_sub(1),
        Follow::Some => 0,
    };
    let is_last = sequence >= offset.sequence;
    let last_ms = u64::try_from(at.0).unwrap_or(0);
    let next = StreamOffset {
        sequence: offset.sequence.max(sequence),
        last_ms: if is_last { last_ms } else { offset.last_ms },
        messages: offset.messages.saturating_add(1),
        missing: offset.missing.saturating_add(missing),
        ..offset
    };
    (next, missing)
}

/// Whether a gap ends the reading.
pub(super) const fn ends(gap: bool, on_gap: OnGap) -> bool {
    gap && matches!(on_gap, OnGap::Stop)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FOUND: Found = Found {
        created_ns: 5,
        first: 1,
        last: 100,
    };

    fn kept(sequence: u64) -> Option<StreamOffset> {
        Some(StreamOffset {
            created_ns: 5,
            sequence,
            last_ms: 9,
            messages: sequence,
            missing: 2,
            recreated: 0,
        })
    }

    #[test]
    fn the_first_start_follows_the_settings() {
        let found = Found { first: 40, ..FOUND };
        let all = plan(None, found, StreamStart::All);
        assert_eq!((all.begin, all.offset.sequence), (Begin::Behind(39), 39));
        // What was gone before the first start is not missing.
        assert_eq!((all.offset.missing, all.gap), (0, None));
        let new = plan(None, found, StreamStart::New);
        assert_eq!((new.begin, new.changed), (Begin::Behind(100), true));
        let time = plan(None, found, StreamStart::At(EpochMs(7)));
        assert_eq!((time.begin, time.changed), (Begin::Time(EpochMs(7)), false));
        let empty = Found {
            first: 101,
            ..FOUND
        };
        assert_eq!(
            plan(None, empty, StreamStart::All).begin,
            Begin::Behind(100)
        );
    }

    #[test]
    fn a_kept_place_wins_over_the_settings() {
        for start in [
            StreamStart::All,
            StreamStart::New,
            StreamStart::At(EpochMs(7)),
        ] {
            let plan = plan(kept(60), FOUND, start);
            assert_eq!(
                (plan.begin, plan.changed, plan.gap),
                (Begin::Behind(60), false, None)
            );
        }
        // Read to the end, and all of it gone since.
        let purged = Found {
            first: 101,
            ..FOUND
        };
        let plan = plan(kept(100), purged, StreamStart::All);
        assert_eq!((plan.begin, plan.gap), (Begin::Behind(100), None));
    }

    #[test]
    fn what_is_gone_is_counted() {
        let found = Found { first: 71, ..FOUND };
        let plan = plan(kept(60), found, StreamStart::All);
        assert_eq!((plan.begin, plan.changed), (Begin::Behind(70), true));
        assert_eq!((plan.offset.missing, plan.offset.recreated), (12, 0));
        let gap = plan.gap.expect("told");
        assert!(gap.starts_with("up to 10 messages are gone"), "{gap}");
    }

    #[test]
    fn another_stream_is_read_from_its_first_message() {
        let newer = Found {
            created_ns: 6,
            ..FOUND
        };
        let shorter = Found { last: 59, ..FOUND };
        for found in [newer, shorter] {
            let plan = plan(kept(60), found, StreamStart::New);
            assert_eq!((plan.begin, plan.changed), (Begin::Behind(0), true));
            assert_eq!((plan.offset.recreated, plan.offset.missing), (1, 2));
            assert_eq!(plan.offset.created_ns, found.created_ns);
            assert!(plan.gap.expect("told").contains("another one"));
        }
        let late = Found {
            created_ns: 6,
            first: 4,
            last: 100,
        };
        let plan = plan(kept(60), late, StreamStart::All);
        assert_eq!((plan.begin, plan.offset.missing), (Begin::Behind(3), 5));
    }

    #[test]
    fn a_message_left_out_is_missing_unless_others_are_left_out_too() {
        let before = kept(60).expect("kept");
        let (next, missing) = behind(before, (64, EpochMs(50)), Follow::All);
        assert_eq!((next.sequence, next.missing, missing), (64, 5, 3));
        assert_eq!((next.messages, next.last_ms), (61, 50));
        let (next, missing) = behind(before, (64, EpochMs(50)), Follow::Some);
        assert_eq!((next.sequence, next.missing, missing), (64, 2, 0));
        // Delivered again.
        let (next, missing) = behind(before, (12, EpochMs(3)), Follow::Some);
        assert_eq!((next.sequence, next.last_ms, missing), (60, 9, 0));
        assert_eq!(next.messages, 61);
    }
}
