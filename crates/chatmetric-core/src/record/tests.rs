//! Unit tests of the record; the property tests against the independent model
//! are in `tests/it`.

use super::*;
use MessageStatus::{Delivered, Failed, Read, Sent};

fn record(events: &[(MessageStatus, u32)]) -> MessageRecord {
    let mut record = MessageRecord::EMPTY;
    for (status, slot) in events {
        record.apply(*status, Slot(*slot));
    }
    record
}

fn contribution(record: &MessageRecord) -> Vec<(u32, Counts)> {
    let mut all = Vec::new();
    record.contribute(|slot, counts| all.push((slot.0, counts)));
    all
}

#[test]
fn read_implies_delivered_and_sent() {
    let record = record(&[(Read, 9)]);
    assert_eq!(
        (record.sent(), record.delivered(), record.read()),
        (Slot(9), Slot(9), Slot(9))
    );
    assert_eq!(record.reported(), Read.bit());
}

#[test]
fn delivered_before_sent_pulls_sent_back() {
    assert_eq!(record(&[(Sent, 7), (Delivered, 5)]).sent(), Slot(5));
    assert_eq!(record(&[(Delivered, 5), (Sent, 7)]).sent(), Slot(5));
}

#[test]
fn failed_alone_counts_neither_and_delivered_after_failed_counts_delivered() {
    let failed = contribution(&record(&[(Failed, 3)]));
    assert_eq!(
        failed,
        [(
            3,
            Counts {
                failed: 1,
                ..Counts::ZERO
            }
        )]
    );
    let sent_then_failed = contribution(&record(&[(Sent, 2), (Failed, 3)]));
    assert_eq!(sent_then_failed.iter().map(|(_, c)| c.sent).sum::<i32>(), 1);
    assert_eq!(
        sent_then_failed.iter().map(|(_, c)| c.failed).sum::<i32>(),
        1
    );
    let recovered = contribution(&record(&[(Failed, 3), (Delivered, 8)]));
    assert_eq!(recovered.iter().map(|(_, c)| c.failed).sum::<i32>(), 0);
    assert_eq!(recovered.iter().map(|(_, c)| c.delivered).sum::<i32>(), 1);
}

#[test]
fn the_books_tell_new_duplicate_and_moved_apart() {
    let mut record = MessageRecord::EMPTY;
    assert_eq!(record.apply(Sent, Slot(10)), Report::New);
    assert_eq!(record.apply(Sent, Slot(10)), Report::Duplicate);
    assert_eq!(record.apply(Sent, Slot(11)), Report::Duplicate);
    assert_eq!(record.apply(Sent, Slot(9)), Report::Moved);
    assert_eq!(record.apply(Read, Slot(12)), Report::New);
    // Implied by the read, but reported for the first time: new.
    assert_eq!(record.apply(Delivered, Slot(12)), Report::New);
}

#[test]
fn stored_parts_cannot_break_the_status_rule() {
    let record = MessageRecord::from_parts(Slot::NEVER, Slot(8), Slot(5), Slot::NEVER, 0xff);
    assert_eq!(
        (record.sent(), record.delivered(), record.read()),
        (Slot(5), Slot(5), Slot(5))
    );
    assert_eq!(record.reported(), 0x0f);
}
