//! The rules of counting that every store obeys: what a batch does to the
//! tallies, the books and the binding of a message; limits, completions,
//! concurrency, closing. Floor and quarantine: `conformance_quarantine`.

use crate::model::Over;
use crate::subject::{
    ACCOUNT, DAY, DAY_MS, HOUR_MS, Make, OTHER_SPACE, SLOT_MS, SPACE, Slots, T0, World, batch,
    counts, event, home, number, of, slots, to,
};
use MessageStatus::{Delivered, Failed, Read, Sent};
use chatmetric_core::{EpochMs, MessageStatus, UtcDay};
use chatmetric_store::{
    BATCH_EVENTS_MAX, Batch, Books, FUTURE_TOLERANCE_MS, Receipt, StatusEvent, Store, StoreError,
    Target,
};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, mpsc};

pub(crate) fn a_message_is_counted_once(make: Make) {
    let mut world = World::new(make);
    let life = [
        event(1, Sent, 0),
        event(1, Delivered, SLOT_MS),
        event(1, Read, HOUR_MS),
    ];
    let first = world.events(&life);
    assert_eq!((first.new, first.duplicate, first.moved), (3, 0, 0));
    let expected = Slots::from([
        (0, counts(1, 0, 0, 0, 1)),
        (1, counts(0, 1, 0, 0, 0)),
        (4, counts(0, 0, 1, 0, 0)),
    ]);
    assert_eq!(world.slots(SPACE, home()), expected);
    for _ in 0..3 {
        let again = world.events(&life);
        assert_eq!((again.new, again.duplicate, again.moved), (0, 3, 0));
    }
    // Another source is no other message.
    let imported = world.commit(Batch {
        source: "import".into(),
        ..batch(&life)
    });
    assert_eq!((imported.new, imported.duplicate), (0, 3));
    assert_eq!(world.slots(SPACE, home()), expected);
    world.done();
}

pub(crate) fn reports_of_one_batch_are_judged_in_order(make: Make) {
    let mut world = World::new(make);
    let receipt = world.events(&[
        event(1, Delivered, 2 * SLOT_MS),
        event(1, Delivered, 2 * SLOT_MS),
        event(1, Delivered, SLOT_MS),
        event(2, Sent, 0),
        event(1, Delivered, 3 * SLOT_MS),
        event(1, Sent, 3 * SLOT_MS),
    ]);
    let expected = Receipt {
        new: 3,
        duplicate: 3,
        moved: 1,
        ..Receipt::default()
    };
    assert_eq!(receipt, expected);
    let expected = Slots::from([(0, counts(1, 0, 0, 0, 0)), (1, counts(1, 1, 0, 0, 1))]);
    assert_eq!(world.slots(SPACE, home()), expected);
    world.done();
}

pub(crate) fn a_report_of_an_earlier_slot_moves_the_count(make: Make) {
    let mut world = World::new(make);
    world.events(&[event(1, Sent, DAY_MS - 1)]);
    assert_eq!(
        world.slots(SPACE, home()),
        Slots::from([(95, counts(1, 0, 0, 0, 0))])
    );
    // Earlier within the slot: nothing to move.
    let same = world.events(&[event(1, Sent, DAY_MS - SLOT_MS)]);
    assert_eq!((same.duplicate, same.moved), (1, 0));
    let later = world.events(&[event(1, Sent, DAY_MS)]);
    assert_eq!((later.duplicate, later.moved), (1, 0));
    let earlier = world.events(&[event(1, Sent, -SLOT_MS)]);
    assert_eq!((earlier.new, earlier.duplicate, earlier.moved), (0, 1, 1));
    assert_eq!(
        world.slots(SPACE, home()),
        Slots::from([(-1, counts(1, 0, 0, 0, 0))]),
        "the old slot, in another day, is empty again"
    );
    assert_eq!(world.books("w1").moved, 1);
    world.done();
}

pub(crate) fn what_was_read_was_delivered_and_sent(make: Make) {
    let mut world = World::new(make);
    world.events(&[event(1, Read, HOUR_MS)]);
    let implied = Slots::from([(4, counts(1, 1, 1, 0, 1))]);
    assert_eq!(world.slots(SPACE, home()), implied);
    // Later reports of the implied statuses are first reports, and change nothing.
    let late = world.events(&[
        event(1, Sent, 2 * HOUR_MS),
        event(1, Delivered, 2 * HOUR_MS),
    ]);
    assert_eq!((late.new, late.duplicate), (2, 0));
    assert_eq!(world.slots(SPACE, home()), implied);
    // Earlier ones pull their count, and only theirs, to their own slot.
    let early = world.events(&[event(1, Sent, 0)]);
    assert_eq!((early.new, early.duplicate, early.moved), (0, 1, 1));
    let expected = Slots::from([(0, counts(1, 0, 0, 0, 1)), (4, counts(0, 1, 1, 0, 0))]);
    assert_eq!(world.slots(SPACE, home()), expected);
    world.done();
}

pub(crate) fn failures_count_only_while_nothing_was_delivered(make: Make) {
    let mut world = World::new(make);
    world.events(&[event(1, Failed, 0)]);
    assert_eq!(world.total(), counts(0, 0, 0, 1, 0));
    world.events(&[event(2, Sent, 0), event(2, Failed, SLOT_MS)]);
    assert_eq!(world.total(), counts(1, 0, 0, 2, 0));
    world.events(&[event(1, Delivered, HOUR_MS)]);
    assert_eq!(
        world.total(),
        counts(2, 1, 0, 1, 1),
        "delivered after failed"
    );
    assert_eq!(world.numbers(SPACE), [home()]);
    world.done();
}

pub(crate) fn the_cohort_counter_follows_the_send_time(make: Make) {
    let mut world = World::new(make);
    world.events(&[event(1, Sent, -2 * DAY_MS), event(2, Sent, -2 * DAY_MS)]);
    let nothing_delivered = Slots::from([(-192, counts(2, 0, 0, 0, 0))]);
    assert_eq!(world.slots(SPACE, home()), nothing_delivered);
    world.events(&[event(1, Delivered, DAY_MS)]);
    let expected = Slots::from([(-192, counts(2, 0, 0, 0, 1)), (96, counts(0, 1, 0, 0, 0))]);
    assert_eq!(world.slots(SPACE, home()), expected);
    world.done();
}

pub(crate) fn slots_are_quarter_hours_and_days_are_utc(make: Make) {
    let mut world = World::new(make);
    let edges = [
        -1,
        0,
        SLOT_MS - 1,
        SLOT_MS,
        DAY_MS - 1,
        DAY_MS,
        DAY_MS + FUTURE_TOLERANCE_MS,
    ];
    let events: Vec<StatusEvent> = (1_u128..)
        .zip(edges)
        .map(|(id, at)| event(id, Sent, at))
        .collect();
    world.events(&events);
    let one = counts(1, 0, 0, 0, 0);
    let two = counts(2, 0, 0, 0, 0);
    assert_eq!(
        world.slots(SPACE, home()),
        Slots::from([(-1, one), (0, two), (1, one), (95, one), (96, two)])
    );
    world.done();
}

pub(crate) fn days_are_read_by_range(make: Make) {
    let mut world = World::new(make);
    let days = [-2_i64, -1, 1];
    let events: Vec<StatusEvent> = (1_u128..)
        .zip(days)
        .map(|(id, day)| event(id, Sent, day * DAY_MS))
        .collect();
    world.events(&events);
    let one = counts(1, 0, 0, 0, 0);
    let day = |offset: i32| UtcDay(DAY.saturating_add_signed(offset));
    let read = world.days(day(-2)..=day(1));
    assert_eq!(read, [(DAY - 2, one), (DAY - 1, one), (DAY + 1, one)]);
    assert_eq!(
        world.days(day(-1)..=day(0)),
        [(DAY - 1, one)],
        "both ends are in"
    );
    assert_eq!(world.days(day(0)..=day(0)), []);
    assert_eq!(world.days(day(2)..=UtcDay(u32::MAX)), []);
    let reversed = UtcDay(DAY + 1)..=UtcDay(DAY - 2);
    assert_eq!(world.days(reversed), []);
    world.done();
}

pub(crate) fn numbers_and_spaces_are_kept_apart(make: Make) {
    let mut world = World::new(make);
    assert_eq!(world.numbers(SPACE), []);
    let texts = ["9", "10", "0010", "15550100101"];
    for (id, text) in (1_u128..).zip(texts) {
        let mine = of(number(text), event(id, Sent, 0));
        world.events(&[mine]);
    }
    let foreign = of(number("9"), event(9, Sent, SLOT_MS));
    world.events(&[to(Target::Space(OTHER_SPACE), foreign)]);
    let sorted = ["0010", "10", "15550100101", "9"].map(number);
    assert_eq!(world.numbers(SPACE), sorted, "sorted bytewise");
    assert_eq!(world.numbers(OTHER_SPACE), [number("9")]);
    let one = counts(1, 0, 0, 0, 0);
    assert_eq!(
        world.slots(SPACE, number("9")),
        Slots::from([(0, one)]),
        "only its own"
    );
    assert_eq!(
        world.slots(OTHER_SPACE, number("9")),
        Slots::from([(1, one)])
    );
    assert_eq!(world.slots(OTHER_SPACE, number("10")), Slots::new());
    world.done();
}

pub(crate) fn a_message_keeps_the_binding_of_first_sight(make: Make) {
    let mut world = World::new(make);
    let moved = |id, status, at| to(Target::Space(OTHER_SPACE), event(id, status, at));
    world.events(&[event(1, Sent, 0)]);
    // The number moves; what the old space has begun stays there.
    let receipt = world.events(&[
        moved(1, Sent, 0),
        moved(1, Delivered, SLOT_MS),
        moved(1, Sent, -SLOT_MS),
    ]);
    assert_eq!((receipt.new, receipt.duplicate, receipt.moved), (1, 2, 1));
    assert_eq!(
        world.slots(SPACE, home()),
        Slots::from([(-1, counts(1, 0, 0, 0, 1)), (1, counts(0, 1, 0, 0, 0))])
    );
    assert_eq!(
        world.numbers(OTHER_SPACE),
        [],
        "nothing was counted there yet"
    );
    world.events(&[moved(2, Sent, HOUR_MS)]);
    assert_eq!(world.numbers(OTHER_SPACE), [home()]);
    assert_eq!(
        world.slots(OTHER_SPACE, home()),
        Slots::from([(4, counts(1, 0, 0, 0, 0))])
    );
    assert_eq!(world.numbers(SPACE), [home()]);
    world.done();
}

pub(crate) fn an_empty_batch_and_ignored_items_are_booked(make: Make) {
    let mut world = World::new(make);
    assert_eq!(world.events(&[]), Receipt::default());
    let receipt = world.commit(Batch {
        ignored: 12,
        ..batch(&[event(1, Sent, 0)])
    });
    assert_eq!((receipt.ignored, receipt.new), (12, 1));
    let books = world.books("w1");
    assert_eq!((books.received, books.ignored, books.new), (13, 12, 1));
    world.done();
}

pub(crate) fn books_are_kept_per_source(make: Make) {
    let mut world = World::new(make);
    let from = |source: &str, events: &[StatusEvent]| Batch {
        source: source.into(),
        ..batch(events)
    };
    world.commit(from("w2", &[event(1, Sent, 0), event(1, Sent, 0)]));
    world.commit(from("a", &[event(1, Sent, -SLOT_MS)]));
    world.commit(from(
        "w10",
        &[event(1, Sent, 30 * DAY_MS), event(1, Read, 0)],
    ));
    let all = world.store().books().expect("readable");
    let names: Vec<&str> = all.iter().map(|(name, _)| &**name).collect();
    assert_eq!(names, ["a", "w10", "w2"], "sorted by name");
    let a = Books {
        received: 1,
        duplicate: 1,
        moved: 1,
        ..Books::default()
    };
    let w10 = Books {
        received: 2,
        new: 1,
        quarantined: 1,
        ..Books::default()
    };
    let w2 = Books {
        received: 2,
        new: 1,
        duplicate: 1,
        ..Books::default()
    };
    let expected = [a, w10, w2];
    assert_eq!(all.iter().map(|(_, b)| *b).collect::<Vec<_>>(), expected);
    world.done();
}

pub(crate) fn a_batch_has_a_limit(make: Make) {
    let mut world = World::new(make);
    let events = |count: usize| -> Vec<StatusEvent> {
        (1..=count as u128).map(|id| event(id, Sent, 0)).collect()
    };
    let refused = world.try_commit(batch(&events(BATCH_EVENTS_MAX + 1)));
    assert!(
        matches!(refused, Err(StoreError::Invalid { .. })),
        "{refused:?}"
    );
    assert_eq!(world.total(), counts(0, 0, 0, 0, 0), "nothing of it counts");
    let taken = world.events(&events(BATCH_EVENTS_MAX));
    assert_eq!(taken.new as usize, BATCH_EVENTS_MAX);
    assert_eq!(world.total().sent as usize, BATCH_EVENTS_MAX);
    world.done();
}

pub(crate) fn a_completion_is_called_exactly_once(make: Make) {
    let mut world = World::new(make);
    let (sender, receiver) = mpsc::channel();
    let submit = |store: &dyn Store, tag: u32, batch: Batch| {
        let sender = sender.clone();
        let done = Box::new(move |result: Result<Receipt, StoreError>| {
            drop(sender.send((tag, result)));
        });
        store.submit(batch, done);
    };
    let too_many: Vec<StatusEvent> = (0..=BATCH_EVENTS_MAX as u128)
        .map(|id| event(id, Sent, 0))
        .collect();
    world.note("w1", 1);
    let store = world.store();
    submit(store, 0, batch(&[event(1, Sent, 0)]));
    submit(store, 1, batch(&too_many));
    submit(store, 2, batch(&[]));
    store.close();
    submit(store, 3, batch(&[event(2, Sent, 0)]));
    drop(sender);
    // Every sender is gone when every completion was called or dropped.
    let mut results: Vec<_> = receiver.iter().collect();
    results.sort_by_key(|(tag, _)| *tag);
    let tags: Vec<u32> = results.iter().map(|(tag, _)| *tag).collect();
    assert_eq!(tags, [0, 1, 2, 3], "each once");
    assert!(matches!(results[0].1, Ok(Receipt { new: 1, .. })));
    assert!(matches!(results[1].1, Err(StoreError::Invalid { .. })));
    assert!(matches!(results[2].1, Ok(Receipt { new: 0, .. })));
    assert!(matches!(results[3].1, Err(StoreError::Closed)));
    world.done();
}

pub(crate) fn submissions_keep_their_order(make: Make) {
    const SUBMISSIONS: i64 = 200;
    let mut world = World::new(make);
    let (sender, receiver) = mpsc::channel();
    world.note("w1", usize::try_from(SUBMISSIONS).expect("small"));
    let store = world.store();
    for at in 0..SUBMISSIONS {
        let sender = sender.clone();
        // Each reports the same status a slot earlier than the one before.
        let report = event(1, Sent, -at * SLOT_MS);
        let done = Box::new(move |result| drop(sender.send(result)));
        store.submit(batch(&[report]), done);
    }
    drop(sender);
    let receipts: Vec<Receipt> = receiver.iter().map(|r| r.expect("taken")).collect();
    let moved = receipts.iter().map(|r| i64::from(r.moved)).sum::<i64>();
    assert_eq!(moved, SUBMISSIONS - 1, "in order, every one but the first");
    assert_eq!(
        world.slots(SPACE, home()),
        Slots::from([(1 - SUBMISSIONS, counts(1, 0, 0, 0, 0))])
    );
    world.done();
}

pub(crate) fn four_threads_count_exactly_once(make: Make) {
    const THREADS: u32 = 4;
    const MESSAGES: u128 = 300;
    let mut world = World::new(make);
    world.note("w1", (THREADS as usize) * (MESSAGES as usize) * 3);
    let store = world.store();
    let new = AtomicU32::new(0);
    let duplicate = AtomicU32::new(0);
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let (new, duplicate) = (&new, &duplicate);
            scope.spawn(move || {
                // All threads bring the same messages, each in another order.
                for step in 0..MESSAGES {
                    let turned = step * u128::from(thread * 2 + 1) * 7 + u128::from(thread) * 75;
                    let id = turned % MESSAGES + 1;
                    let receipt = store.commit(batch(&[
                        event(id, Delivered, SLOT_MS),
                        event(id, Sent, 0),
                        event(id, Sent, SLOT_MS),
                    ]));
                    let receipt = receipt.expect("taken");
                    new.fetch_add(receipt.new, Ordering::Relaxed);
                    duplicate.fetch_add(receipt.duplicate, Ordering::Relaxed);
                    // What was answered is visible to whoever answered it.
                    let seen = slots(store, SPACE, home());
                    assert!(seen.values().any(|counts| counts.delivered > 0));
                }
            });
        }
    });
    let messages = u32::try_from(MESSAGES).expect("small");
    let new = new.into_inner();
    assert_eq!(new, messages * 2);
    assert_eq!(duplicate.into_inner(), messages * 3 * THREADS - new);
    let sent = i32::try_from(MESSAGES).expect("small");
    assert_eq!(
        world.slots(SPACE, home()),
        Slots::from([
            (0, counts(sent, 0, 0, 0, sent)),
            (1, counts(0, sent, 0, 0, 0))
        ])
    );
    world.done();
}

pub(crate) fn readers_see_whole_batches(make: Make) {
    const BATCHES: u128 = 300;
    let mut world = World::new(make);
    world.note("w1", usize::try_from(BATCHES).expect("small") * 2);
    let store = world.store();
    let finished = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let _over = Over(&finished);
            for id in 1..=BATCHES {
                let pair = [event(2 * id, Sent, 0), event(2 * id + 1, Sent, DAY_MS)];
                store.commit(batch(&pair)).expect("taken");
            }
        });
        let mut last = 0;
        loop {
            let over = finished.load(Ordering::Acquire);
            let seen = slots(store, SPACE, home());
            let sent = |slot| seen.get(&slot).map_or(0, |counts| counts.sent);
            assert_eq!(sent(0), sent(96), "both days of a batch, or neither");
            assert!(sent(0) >= last, "what was seen stays");
            last = sent(0);
            if over {
                break;
            }
        }
        assert_eq!(u128::try_from(last).expect("positive"), BATCHES);
    });
    world.done();
}

pub(crate) fn a_closed_store_refuses_and_answers(make: Make) {
    let mut world = World::new(make);
    world.raise_floor(-DAY_MS);
    world.events(&[event(1, Sent, 0)]);
    let called = Arc::new(AtomicU32::new(0));
    world.note("w1", 1);
    let store = world.store();
    let counter = called.clone();
    let done = Box::new(move |result: Result<Receipt, StoreError>| {
        result.expect("queued before the close");
        counter.fetch_add(1, Ordering::Release);
    });
    store.submit(batch(&[event(2, Sent, 0)]), done);
    store.close();
    assert_eq!(
        called.load(Ordering::Acquire),
        1,
        "what was queued is finished"
    );
    store.close();
    let closed = |result: Result<u64, StoreError>| matches!(result, Err(StoreError::Closed));
    let report = store.commit(batch(&[event(3, Sent, 0)]));
    assert!(closed(report.map(|receipt| receipt.new.into())));
    assert!(closed(
        store.raise_floor(EpochMs(T0)).map(|()| Default::default())
    ));
    assert!(closed(store.release_due(EpochMs(T0))));
    assert!(closed(store.claim(ACCOUNT, home(), SPACE)));
    let store = world.store_now();
    assert_eq!(
        slots(store, SPACE, home()),
        Slots::from([(0, counts(2, 0, 0, 0, 0))])
    );
    assert_eq!(store.numbers(SPACE).expect("readable"), [home()]);
    assert_eq!(store.floor(), Some(EpochMs(T0 - DAY_MS)));
    assert_eq!(store.books().expect("readable").len(), 1);
    world.done();
}

pub(crate) fn verify_reads_every_record(make: Make) {
    let mut world = World::new(make);
    let empty = world.store().verify().expect("nothing differs");
    assert_eq!((empty.records, empty.day_blocks), (0, 0));
    let events: Vec<StatusEvent> = (1..=50_i64)
        .map(|id| event(id.unsigned_abs().into(), Sent, -id * HOUR_MS))
        .collect();
    world.events(&events);
    let report = world.store().verify().expect("nothing differs");
    assert!(report.records >= 50, "{report:?}");
    assert_eq!(report.day_blocks, 3, "{report:?}");
    world.done();
}
