//! The rules of what is not counted at once: the floor, the future, events of
//! numbers without an owner, refusals, sealed items, and how all that is listed,
//! released and aged out.

use crate::subject::{
    ACCOUNT, DAY_MS, HOUR_MS, Make, OTHER_ACCOUNT, OTHER_SPACE, SLOT_MS, SPACE, Slots, T0, World,
    batch, counts, event, home, number, of, received, to,
};
use MessageStatus::{Delivered, Sent};
use chatmetric_core::{AccountKey, EpochMs, MessageStatus};
use chatmetric_store::{
    BATCH_EVENTS_MAX, Batch, FUTURE_TOLERANCE_MS, QuarantineFilter, QuarantineId, Quarantined,
    QuarantinedContent, Reason, Receipt, SealedItem, StatusEvent, StoreError, Target,
};

/// An event of the number 15550100101 that nobody owns yet.
fn held(account: AccountKey, id: u128, after_ms: i64) -> StatusEvent {
    to(Target::Held(account), event(id, Sent, after_ms))
}

fn refused(reason: Reason, id: u128, after_ms: i64) -> StatusEvent {
    to(Target::Refused(ACCOUNT, reason), event(id, Sent, after_ms))
}

fn quarantined(count: u32) -> Receipt {
    Receipt {
        quarantined: count,
        ..Receipt::default()
    }
}

fn late(count: u32) -> Receipt {
    Receipt {
        late: count,
        ..Receipt::default()
    }
}

fn reasons(items: &[Quarantined]) -> Vec<Reason> {
    items.iter().map(|item| item.reason).collect()
}

pub(crate) fn without_a_floor_nothing_is_late(make: Make) {
    let mut world = World::new(make);
    assert_eq!(world.store().floor(), None);
    let ancient = StatusEvent {
        at: EpochMs(0),
        ..event(1, Sent, 0)
    };
    assert_eq!(world.events(&[ancient]).new, 1);
    assert_eq!(world.total().sent, 1);
    world.done();
}

pub(crate) fn the_floor_is_monotone(make: Make) {
    let mut world = World::new(make);
    world.raise_floor(0);
    assert_eq!(world.store().floor(), Some(EpochMs(T0)));
    world.raise_floor(-1);
    assert_eq!(
        world.store().floor(),
        Some(EpochMs(T0)),
        "a lower one changes nothing"
    );
    world.raise_floor(1);
    assert_eq!(world.store().floor(), Some(EpochMs(T0 + 1)));
    world.done();
}

pub(crate) fn late_is_before_the_floor(make: Make) {
    let mut world = World::new(make);
    world.raise_floor(500);
    let receipt = world.events(&[event(1, Sent, 499), event(2, Sent, 500)]);
    assert_eq!((receipt.late, receipt.new), (1, 1));
    assert_eq!(world.total().sent, 1);
    let items = world.quarantine();
    assert_eq!(reasons(&items), [Reason::Late]);
    assert_eq!((items[0].account, items[0].space), (None, Some(SPACE)));
    let content = QuarantinedContent::Event {
        fingerprint: event(1, Sent, 0).fingerprint,
        number: home(),
        status: Sent,
        at: EpochMs(T0 + 499),
    };
    assert_eq!(items[0].content, content);
    assert_eq!(items[0].received_at, EpochMs(T0 + DAY_MS));
    assert_eq!(&*items[0].source, "w1");
    // Nothing lets it in again.
    assert_eq!(world.release_due(DAY_MS), 0);
    assert_eq!(world.claim(ACCOUNT, home(), SPACE), 0);
    assert_eq!(world.total().sent, 1);
    let books = world.books("w1");
    assert_eq!((books.late, books.new, books.quarantined), (1, 1, 0));
    world.done();
}

pub(crate) fn a_late_report_changes_no_message(make: Make) {
    let mut world = World::new(make);
    world.events(&[event(1, Sent, HOUR_MS)]);
    world.raise_floor(HOUR_MS);
    let receipt = world.events(&[event(1, Sent, 0), event(1, Delivered, HOUR_MS - 1)]);
    assert_eq!(receipt, late(2));
    assert_eq!(
        world.slots(SPACE, home()),
        Slots::from([(4, counts(1, 0, 0, 0, 0))])
    );
    // The late report of a status was not the first one.
    assert_eq!(world.events(&[event(1, Delivered, HOUR_MS)]).new, 1);
    world.done();
}

pub(crate) fn the_future_waits_until_it_is_due(make: Make) {
    let mut world = World::new(make);
    let edge = FUTURE_TOLERANCE_MS;
    let receipt = world.commit(received(
        T0,
        &[event(1, Sent, edge), event(2, Sent, edge + 1)],
    ));
    assert_eq!((receipt.new, receipt.quarantined), (1, 1));
    assert_eq!(world.total().sent, 1);
    let items = world.quarantine();
    assert_eq!(reasons(&items), [Reason::Future]);
    assert_eq!((items[0].account, items[0].space), (None, Some(SPACE)));
    assert_eq!(world.release_due(edge), 0, "a millisecond too early");
    assert_eq!(world.total().sent, 1);
    assert_eq!(world.release_due(edge + 1), 1);
    assert_eq!(world.total().sent, 2);
    assert_eq!(world.quarantine(), []);
    assert_eq!(world.release_due(DAY_MS), 0, "once");
    let books = world.books("w1");
    assert_eq!((books.new, books.released, books.quarantined), (1, 1, 0));
    world.done();
}

pub(crate) fn a_released_report_is_counted_once(make: Make) {
    let mut world = World::new(make);
    let ahead = event(1, Sent, HOUR_MS);
    // A client that retries, and then a report of the same message in time.
    assert_eq!(world.commit(received(T0, &[ahead, ahead])), quarantined(2));
    assert_eq!(world.commit(received(T0 + HOUR_MS, &[ahead])).new, 1);
    assert_eq!(world.release_due(HOUR_MS), 2);
    assert_eq!(world.total().sent, 1);
    let again = world.commit(received(T0 + HOUR_MS, &[ahead]));
    assert_eq!((again.new, again.duplicate), (0, 1));
    let books = world.books("w1");
    assert_eq!((books.new, books.duplicate, books.released), (1, 1, 2));
    world.done();
}

pub(crate) fn held_events_wait_for_the_claim(make: Make) {
    let mut world = World::new(make);
    let receipt = world.events(&[held(ACCOUNT, 1, 0), held(ACCOUNT, 2, SLOT_MS)]);
    assert_eq!(receipt, quarantined(2));
    assert_eq!(world.numbers(SPACE), []);
    let items = world.quarantine();
    assert_eq!(
        reasons(&items),
        [Reason::UnknownNumber, Reason::UnknownNumber]
    );
    assert_eq!((items[0].account, items[0].space), (Some(ACCOUNT), None));
    assert_eq!(world.release_due(DAY_MS), 0, "time does not give an owner");
    assert_eq!(world.claim(ACCOUNT, home(), SPACE), 2);
    let one = counts(1, 0, 0, 0, 0);
    assert_eq!(
        world.slots(SPACE, home()),
        Slots::from([(0, one), (1, one)])
    );
    assert_eq!(world.quarantine(), []);
    assert_eq!(world.claim(ACCOUNT, home(), SPACE), 0, "once");
    let books = world.books("w1");
    assert_eq!((books.released, books.quarantined, books.new), (2, 0, 0));
    world.done();
}

pub(crate) fn a_claim_is_of_one_account_and_number(make: Make) {
    let mut world = World::new(make);
    let other_number = number("4930123");
    world.events(&[
        held(ACCOUNT, 1, 0),
        held(OTHER_ACCOUNT, 2, 0),
        of(other_number, held(ACCOUNT, 3, 0)),
    ]);
    assert_eq!(world.claim(OTHER_ACCOUNT, other_number, SPACE), 0);
    assert_eq!(world.claim(ACCOUNT, home(), SPACE), 1);
    assert_eq!(world.total().sent, 1);
    assert_eq!(world.numbers(SPACE), [home()]);
    assert_eq!(world.quarantine().len(), 2);
    assert_eq!(world.claim(OTHER_ACCOUNT, home(), OTHER_SPACE), 1);
    assert_eq!(world.claim(ACCOUNT, other_number, SPACE), 1);
    assert_eq!(world.numbers(SPACE), [home(), other_number]);
    assert_eq!(world.numbers(OTHER_SPACE), [home()]);
    world.done();
}

pub(crate) fn held_events_are_judged_by_the_floor_of_their_arrival(make: Make) {
    let mut world = World::new(make);
    world.raise_floor(0);
    let receipt = world.events(&[held(ACCOUNT, 1, -1), held(ACCOUNT, 2, 0)]);
    assert_eq!((receipt.late, receipt.quarantined), (1, 1));
    // The floor passes the event, but not the time when it came.
    world.raise_floor(HOUR_MS);
    assert_eq!(world.claim(ACCOUNT, home(), SPACE), 1);
    assert_eq!(
        world.slots(SPACE, home()),
        Slots::from([(0, counts(1, 0, 0, 0, 0))]),
        "it was not late when it came"
    );
    assert_eq!(reasons(&world.quarantine()), [Reason::Late]);
    assert_eq!(world.quarantine()[0].account, Some(ACCOUNT));
    world.done();
}

pub(crate) fn a_held_event_of_the_future_needs_both(make: Make) {
    let mut world = World::new(make);
    let ahead = |id| held(ACCOUNT, id, HOUR_MS);
    // First the claim, then the time.
    assert_eq!(world.commit(received(T0, &[ahead(1)])), quarantined(1));
    assert_eq!(world.claim(ACCOUNT, home(), SPACE), 0, "not due");
    assert_eq!(world.total().sent, 0);
    assert_eq!(world.release_due(HOUR_MS), 1);
    assert_eq!(world.total().sent, 1);
    // First the time, then the claim.
    assert_eq!(world.commit(received(T0, &[ahead(2)])), quarantined(1));
    assert_eq!(world.release_due(HOUR_MS), 0, "nobody's");
    assert_eq!(world.total().sent, 1);
    assert_eq!(world.claim(ACCOUNT, home(), SPACE), 1);
    assert_eq!(world.total().sent, 2);
    assert_eq!(world.books("w1").released, 2);
    world.done();
}

pub(crate) fn a_claim_binds_in_the_order_of_the_log(make: Make) {
    let mut world = World::new(make);
    // The message is first *counted* in the other space: there it belongs.
    world.events(&[held(ACCOUNT, 1, 0)]);
    let counted = to(Target::Space(OTHER_SPACE), event(1, Delivered, SLOT_MS));
    world.events(&[counted]);
    assert_eq!(world.claim(ACCOUNT, home(), SPACE), 1);
    assert_eq!(world.numbers(SPACE), []);
    assert_eq!(
        world.slots(OTHER_SPACE, home()),
        Slots::from([(0, counts(1, 0, 0, 0, 1)), (1, counts(0, 1, 0, 0, 0))])
    );
    world.done();
}

pub(crate) fn refused_events_are_never_counted(make: Make) {
    let mut world = World::new(make);
    world.raise_floor(0);
    let all = [
        Reason::Future,
        Reason::UnknownNumber,
        Reason::ForeignNumber,
        Reason::SecondSource,
        Reason::BadTimestamp,
        Reason::Malformed,
        Reason::TooManyNumbers,
    ];
    let events: Vec<StatusEvent> = (1_u128..)
        .zip(all)
        .map(|(id, reason)| refused(reason, id, 0))
        .collect();
    assert_eq!(world.events(&events), quarantined(7));
    // The directory's reason stands, whatever the time of the event is.
    let old_and_new = [
        refused(Reason::ForeignNumber, 8, -DAY_MS),
        refused(Reason::ForeignNumber, 9, 30 * DAY_MS),
    ];
    assert_eq!(world.events(&old_and_new), quarantined(2));
    assert_eq!(world.release_due(60 * DAY_MS), 0);
    assert_eq!(world.claim(ACCOUNT, home(), SPACE), 0);
    assert_eq!(world.numbers(SPACE), []);
    let items = world.quarantine();
    assert_eq!(reasons(&items)[..7], all);
    assert_eq!(reasons(&items)[7..], [Reason::ForeignNumber; 2]);
    assert!(
        items
            .iter()
            .all(|item| (item.account, item.space) == (Some(ACCOUNT), None))
    );
    world.done();
}

pub(crate) fn a_replay_counts_in_the_place_of_the_item(make: Make) {
    let mut world = World::new(make);
    let sealed = SealedItem {
        account: ACCOUNT,
        reason: Reason::Unparsable,
        sealed: [1, 2, 3].into(),
    };
    world.events(&[event(1, Sent, 0), refused(Reason::ForeignNumber, 2, 0)]);
    world.commit(Batch {
        sealed: vec![sealed],
        ..batch(&[])
    });
    let items = world.quarantine();
    let ids: Vec<_> = items.iter().map(|item| item.id).collect();
    assert_eq!(reasons(&items), [Reason::ForeignNumber, Reason::Unparsable]);
    // The account has the number by now.
    let store = world.store();
    assert!(store.replay(ids[0], &[event(2, Sent, 0)]).expect("taken"));
    assert!(!store.replay(ids[0], &[event(2, Sent, 0)]).expect("taken"));
    assert_eq!(world.total().sent, 2);
    // A body that can be read by now: of many numbers, and of messages that are known.
    let numbers: Vec<_> = (0..40).map(|at| number(&format!("49301{at:03}"))).collect();
    let mut events: Vec<StatusEvent> = (100_u128..)
        .zip(&numbers)
        .map(|(id, number)| of(*number, event(id, Sent, 0)))
        .collect();
    events.push(event(1, Sent, 0));
    assert!(world.store().replay(ids[1], &events).expect("taken"));
    assert_eq!(world.total().sent, 2, "message 1 was counted before");
    for number in numbers {
        assert_eq!(
            world.slots(SPACE, number),
            Slots::from([(0, counts(1, 0, 0, 0, 0))])
        );
    }
    assert_eq!(world.quarantine(), []);
    let books = world.books("w1");
    assert_eq!(
        (books.received, books.new, books.released, books.quarantined),
        (3, 1, 2, 0)
    );
    world.done();
}

pub(crate) fn a_replay_is_refused_as_a_whole(make: Make) {
    let mut world = World::new(make);
    world.raise_floor(0);
    world.events(&[
        event(1, Sent, -1),
        refused(Reason::ForeignNumber, 2, 0),
        event(3, Sent, 0),
    ]);
    let items = world.quarantine();
    assert_eq!(reasons(&items), [Reason::Late, Reason::ForeignNumber]);
    let store = world.store();
    let invalid = |result| matches!(result, Err(StoreError::Invalid { .. }));
    assert!(invalid(store.replay(items[0].id, &[event(1, Sent, 0)])));
    let id = items[1].id;
    assert!(invalid(
        store.replay(id, &[event(2, Sent, 0), held(ACCOUNT, 4, 0)])
    ));
    let many = vec![event(2, Sent, 0); BATCH_EVENTS_MAX + 1];
    assert!(invalid(store.replay(id, &many)));
    let unknown = QuarantineId(id.0 + 1);
    assert!(!store.replay(unknown, &[event(2, Sent, 0)]).expect("none"));
    assert_eq!(world.total().sent, 1);
    assert_eq!(world.quarantine(), items);
    let books = world.books("w1");
    assert_eq!((books.quarantined, books.released, books.late), (1, 0, 1));
    world.done();
}

pub(crate) fn sealed_items_are_kept_and_listed(make: Make) {
    let mut world = World::new(make);
    let sealed = |reason, bytes: &[u8]| SealedItem {
        account: OTHER_ACCOUNT,
        reason,
        sealed: bytes.into(),
    };
    let receipt = world.commit(Batch {
        sealed: vec![
            sealed(Reason::Unparsable, &[0, 255, 7]),
            sealed(Reason::Malformed, &[]),
        ],
        ignored: 3,
        ..batch(&[event(1, Sent, 0)])
    });
    assert_eq!(
        (receipt.new, receipt.quarantined, receipt.ignored),
        (1, 2, 3)
    );
    let items = world.quarantine();
    assert_eq!(reasons(&items), [Reason::Unparsable, Reason::Malformed]);
    assert_eq!(
        items[0].content,
        QuarantinedContent::Sealed([0, 255, 7].into())
    );
    assert_eq!(items[1].content, QuarantinedContent::Sealed([].into()));
    assert!(items.iter().all(|item| item.account == Some(OTHER_ACCOUNT)));
    assert!(items.iter().all(|item| item.space.is_none()));
    world.done();
}

pub(crate) fn the_quarantine_is_listed_in_pages(make: Make) {
    let mut world = World::new(make);
    for chunk in 0..5_u128 {
        let events: Vec<StatusEvent> = (0..5)
            .map(|at| refused(Reason::ForeignNumber, chunk * 5 + at + 1, 0))
            .collect();
        world.events(&events);
    }
    let mut pages = Vec::new();
    let mut filter = QuarantineFilter::default();
    loop {
        let page = world.quarantine_of(filter, 7);
        let Some(last) = page.last() else { break };
        assert!(page.len() <= 7);
        filter.after = Some(last.id);
        pages.extend(page);
    }
    assert_eq!(pages.len(), 25);
    assert!(pages.is_sorted_by(|a, b| a.id < b.id), "each once");
    let expected = (1..=25).map(|id| event(id, Sent, 0).fingerprint);
    let listed = pages.iter().map(|item| match item.content {
        QuarantinedContent::Event { fingerprint, .. } => fingerprint,
        QuarantinedContent::Sealed(_) => panic!("nothing was sealed"),
    });
    assert!(listed.eq(expected), "in the order of arrival");
    assert_eq!(world.quarantine(), pages, "one page of all is the same");
    assert_eq!(world.quarantine_of(QuarantineFilter::default(), 0), []);
    world.done();
}

pub(crate) fn the_quarantine_is_listed_by_reason_and_account(make: Make) {
    let mut world = World::new(make);
    world.raise_floor(0);
    world.events(&[
        event(1, Sent, -1),
        held(ACCOUNT, 2, 0),
        held(OTHER_ACCOUNT, 3, 0),
        refused(Reason::ForeignNumber, 4, 0),
        event(5, Sent, 30 * DAY_MS),
        held(ACCOUNT, 6, 0),
    ]);
    let mut count = |reason: Option<Reason>, account: Option<AccountKey>| {
        let filter = QuarantineFilter {
            reason,
            account,
            after: None,
        };
        let items = world.quarantine_of(filter, usize::MAX);
        assert!(items.iter().all(|it| reason.is_none_or(|r| it.reason == r)));
        items.len()
    };
    assert_eq!(count(None, None), 6);
    assert_eq!(count(Some(Reason::Late), None), 1);
    assert_eq!(count(Some(Reason::Future), None), 1);
    assert_eq!(count(Some(Reason::UnknownNumber), None), 3);
    assert_eq!(count(Some(Reason::Malformed), None), 0);
    assert_eq!(count(None, Some(ACCOUNT)), 3);
    assert_eq!(count(None, Some(OTHER_ACCOUNT)), 1);
    assert_eq!(count(None, Some(AccountKey(99))), 0);
    assert_eq!(count(Some(Reason::UnknownNumber), Some(ACCOUNT)), 2);
    assert_eq!(count(Some(Reason::Late), Some(ACCOUNT)), 0);
    // A page of a filtered list begins after an item of that list.
    let mut filter = QuarantineFilter {
        reason: Some(Reason::UnknownNumber),
        account: Some(ACCOUNT),
        after: None,
    };
    let first = world.quarantine_of(filter, 1);
    assert_eq!(first.len(), 1);
    filter.after = Some(first[0].id);
    let second = world.quarantine_of(filter, 5);
    assert_eq!(second.len(), 1);
    assert!(second[0].id > first[0].id);
    world.done();
}

pub(crate) fn quarantined_bodies_age_out_with_the_floor(make: Make) {
    let mut world = World::new(make);
    world.raise_floor(0);
    let at = |after_ms: i64, events: &[StatusEvent]| received(T0 + after_ms, events);
    world.commit(Batch {
        sealed: vec![SealedItem {
            account: ACCOUNT,
            reason: Reason::Unparsable,
            sealed: [1].into(),
        }],
        ..at(
            HOUR_MS - 1,
            &[
                event(1, Sent, -1),
                held(ACCOUNT, 2, 0),
                refused(Reason::ForeignNumber, 3, 0),
                event(4, Sent, 90 * DAY_MS),
                event(5, Sent, 0),
            ],
        )
    });
    world.commit(at(HOUR_MS, &[event(6, Sent, -1), held(ACCOUNT, 7, 0)]));
    assert_eq!(world.quarantine().len(), 7);
    world.raise_floor(-1);
    assert_eq!(
        world.quarantine().len(),
        7,
        "a floor that does not move ages nothing"
    );
    world.raise_floor(HOUR_MS);
    let items = world.quarantine();
    assert_eq!(
        reasons(&items),
        [Reason::Late, Reason::UnknownNumber],
        "received at the floor"
    );
    let books = world.books("w1");
    assert_eq!((books.late, books.expired), (2, 4), "late stays late");
    assert_eq!((books.quarantined, books.new), (1, 1));
    assert_eq!(world.claim(ACCOUNT, home(), SPACE), 1, "what is left of it");
    assert_eq!(world.release_due(100 * DAY_MS), 0);
    assert_eq!(world.total().sent, 2);
    world.done();
}
