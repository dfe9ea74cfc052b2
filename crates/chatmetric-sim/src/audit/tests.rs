//! Unit tests of the auditor: what it must notice, and what it must not complain about.

use super::*;
use crate::event::{CHANNEL, Status};
use crate::source::SourceKind;
use crate::webhook::{BodyStyle, render_body};

const NOW_MS: i64 = 1_767_139_200_000;
const HOUR_MS: i64 = 3_600_000;
const SPACE: u32 = 7;

fn post(id: u64, events: &[(&str, Status, i64)]) -> Arc<Post> {
    let events: Vec<Event> = events
        .iter()
        .map(|(message_id, status, ts_ms)| Event {
            channel: CHANNEL,
            number: "1555".into(),
            message_id: (*message_id).into(),
            status: *status,
            ts_ms: *ts_ms,
            received_ms: *ts_ms,
        })
        .collect();
    Arc::new(Post {
        id,
        source: 0,
        kind: SourceKind::Whatsapp,
        ready_ms: NOW_MS,
        body: render_body(&events, &BodyStyle::default()),
        events,
    })
}

fn audit() -> Audit {
    Audit::new(vec![SPACE], NOW_MS - 1_000 * HOUR_MS)
}

/// What a sound server counts of these posts.
fn counts(posts: &[&Arc<Post>]) -> Counts {
    let mut model = Model::new();
    for event in posts.iter().flat_map(|post| &post.events) {
        model.observe_in(SPACE, event);
    }
    counts_of(&model, &[SPACE])
}

#[test]
fn what_was_acknowledged_must_be_there() {
    let post = post(0, &[("a", Status::Sent, NOW_MS)]);
    let mut audit = audit();
    audit.given(&post, NOW_MS, Outcome::Acknowledged);
    assert_eq!(audit.check(&counts(&[&post]), true), Ok(Finding::Equal));
    let error = audit.check(&Counts::new(), true).unwrap_err();
    assert!(error.contains("found None"), "{error}");
    assert_eq!(audit.received(), Bounds { low: 1, high: 1 });
}

#[test]
fn what_was_refused_or_never_sent_must_not_be_there() {
    let refused = post(0, &[("a", Status::Sent, NOW_MS)]);
    let mut audit = audit();
    audit.given(&refused, NOW_MS, Outcome::Refused);
    assert_eq!(audit.check(&Counts::new(), true), Ok(Finding::Equal));
    assert!(audit.check(&counts(&[&refused]), true).is_err());
    assert_eq!(audit.received(), Bounds::default());
}

#[test]
fn a_post_of_unknown_fate_is_there_whole_or_not_at_all() {
    let first = post(0, &[("a", Status::Sent, NOW_MS)]);
    let second = post(
        1,
        &[
            ("b", Status::Sent, NOW_MS),
            ("c", Status::Read, NOW_MS + HOUR_MS),
        ],
    );
    let part = post(2, &[("b", Status::Sent, NOW_MS)]);
    for is_there in [false, true] {
        let mut audit = audit();
        audit.given(&first, NOW_MS + HOUR_MS, Outcome::Acknowledged);
        audit.given(&second, NOW_MS + HOUR_MS, Outcome::Unknown);
        assert_eq!(audit.received(), Bounds { low: 1, high: 3 });
        assert!(audit.check(&counts(&[&first, &part]), true).is_err());
        assert_eq!(audit.check(&Counts::new(), false), Ok(Finding::Undecided));
        let (with, without) = (counts(&[&first, &second]), counts(&[&first]));
        let (found, other) = if is_there {
            (&with, &without)
        } else {
            (&without, &with)
        };
        assert_eq!(audit.check(found, true), Ok(Finding::Equal));
        // From now on its fate is known.
        assert_eq!(audit.unknown(), 0);
        assert!(audit.check(other, true).is_err());
    }
}

#[test]
fn what_the_counts_do_not_tell_stays_unknown() {
    // One of two, and nothing tells which.
    let first = post(0, &[("a", Status::Sent, NOW_MS)]);
    let second = post(1, &[("b", Status::Sent, NOW_MS)]);
    let mut audit = audit();
    audit.given(&first, NOW_MS, Outcome::Unknown);
    audit.given(&second, NOW_MS, Outcome::Unknown);
    assert_eq!(audit.check(&counts(&[&first]), true), Ok(Finding::Equal));
    assert_eq!(audit.unknown(), 2);
    // Acknowledged after all: the other one may be there or not.
    audit.given(&second, NOW_MS, Outcome::Acknowledged);
    assert_eq!(audit.check(&counts(&[&second]), true), Ok(Finding::Equal));
    assert_eq!(audit.unknown(), 0);
}

#[test]
fn late_events_never_count_and_early_ones_wait_for_their_time() {
    let late_ms = NOW_MS - 1_000 * HOUR_MS - 1;
    let early_ms = NOW_MS + AHEAD_MS_MAX + 1;
    let post = post(
        0,
        &[
            ("a", Status::Sent, NOW_MS),
            ("a", Status::Sent, late_ms),
            ("b", Status::Sent, early_ms),
        ],
    );
    let mut audit = audit();
    let expected = Expected {
        counted: 1,
        late: 1,
        quarantined: 1,
        ignored: 0,
    };
    assert_eq!(audit.expect(&post, NOW_MS), expected);
    audit.given(&post, NOW_MS, Outcome::Acknowledged);
    assert_eq!(audit.late(), Bounds { low: 1, high: 1 });
    let at_once = self::post(1, &[("a", Status::Sent, NOW_MS)]);
    let released = self::post(2, &[("b", Status::Sent, early_ms)]);
    assert_eq!(audit.check(&counts(&[&at_once]), true), Ok(Finding::Equal));
    audit.looked(early_ms - 1, true);
    assert_eq!(
        (audit.waiting(), audit.check(&counts(&[&at_once]), true)),
        (1, Ok(Finding::Equal))
    );
    // Due, and the server failed while it looked: nobody knows.
    audit.looked(early_ms, false);
    assert_eq!(audit.check(&Counts::new(), true), Ok(Finding::Undecided));
    audit.looked(early_ms, true);
    assert_eq!(audit.waiting(), 0);
    assert_eq!(
        audit.check(&counts(&[&at_once, &released]), true),
        Ok(Finding::Equal)
    );
    assert!(audit.check(&counts(&[&at_once]), true).is_err());
}

#[test]
fn another_try_of_what_was_acknowledged_is_no_riddle_unless_it_waits() {
    let early_ms = NOW_MS + AHEAD_MS_MAX + 1;
    let post = post(
        0,
        &[("a", Status::Sent, NOW_MS), ("b", Status::Sent, early_ms)],
    );
    let now = self::post(1, &[("a", Status::Sent, NOW_MS)]);
    let mut audit = audit();
    audit.given(&post, NOW_MS, Outcome::Acknowledged);
    audit.given(&post, NOW_MS, Outcome::Unknown);
    assert_eq!(audit.unknown(), 0);
    // By a later clock, the same post may have counted what waits.
    audit.given(&post, early_ms, Outcome::Unknown);
    assert_eq!(audit.unknown(), 1);
    for found in [counts(&[&now]), counts(&[&post])] {
        let mut audit = self::audit();
        audit.given(&post, NOW_MS, Outcome::Acknowledged);
        audit.given(&post, early_ms, Outcome::Unknown);
        assert_eq!(audit.check(&found, true), Ok(Finding::Equal));
        audit.looked(early_ms, true);
        assert_eq!(audit.unknown(), 0);
        assert_eq!(audit.check(&counts(&[&post]), true), Ok(Finding::Equal));
    }
    audit.looked(early_ms, true);
    assert_eq!((audit.unknown(), audit.waiting()), (0, 0));
}

#[test]
fn what_is_held_is_counted_once_its_number_has_an_owner_and_its_time_has_come() {
    let early_ms = NOW_MS + AHEAD_MS_MAX + 1;
    let post = post(
        0,
        &[
            ("a", Status::Sent, NOW_MS),
            ("b", Status::Sent, early_ms),
            ("c", Status::Sent, NOW_MS - 1_001 * HOUR_MS),
        ],
    );
    let now = self::post(1, &[("a", Status::Sent, NOW_MS)]);
    let all = self::post(
        2,
        &[("a", Status::Sent, NOW_MS), ("b", Status::Sent, early_ms)],
    );
    let mut audit = audit();
    audit.hold(0);
    let expected = Expected {
        counted: 0,
        late: 1,
        quarantined: 2,
        ignored: 0,
    };
    assert_eq!(audit.expect(&post, NOW_MS), expected);
    audit.given(&post, NOW_MS, Outcome::Acknowledged);
    audit.looked(NOW_MS, true);
    assert_eq!(audit.check(&Counts::new(), true), Ok(Finding::Equal));
    audit.bound(&"1555".into());
    assert_eq!(audit.check(&Counts::new(), true), Ok(Finding::Equal));
    // The server failed while it looked.
    audit.looked(NOW_MS, false);
    assert_eq!(audit.check(&Counts::new(), true), Ok(Finding::Undecided));
    audit.looked(NOW_MS, true);
    assert_eq!(audit.check(&counts(&[&now]), true), Ok(Finding::Equal));
    assert!(audit.check(&Counts::new(), true).is_err());
    assert_eq!(audit.waiting(), 1);
    audit.looked(early_ms, true);
    assert_eq!(audit.check(&counts(&[&all]), true), Ok(Finding::Equal));
    // From now on at once.
    assert_eq!(audit.expect(&now, NOW_MS).counted, 1);
}

#[test]
fn what_is_reported_of_a_foreign_number_never_counts() {
    let late_ms = NOW_MS - 1_001 * HOUR_MS;
    let post = post(
        0,
        &[("a", Status::Sent, NOW_MS), ("b", Status::Sent, late_ms)],
    );
    let mut audit = audit();
    audit.foreign_number("1555");
    let expected = Expected {
        counted: 0,
        late: 0,
        quarantined: 2,
        ignored: 0,
    };
    assert_eq!(audit.expect(&post, NOW_MS), expected);
    audit.given(&post, NOW_MS, Outcome::Acknowledged);
    audit.given(&post, NOW_MS, Outcome::Unknown);
    assert_eq!(audit.foreign(), Bounds { low: 2, high: 4 });
    audit.looked(NOW_MS, true);
    assert_eq!(audit.check(&Counts::new(), true), Ok(Finding::Equal));
    assert!(audit.check(&counts(&[&post]), true).is_err());
}
