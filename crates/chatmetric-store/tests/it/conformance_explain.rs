//! What made a count: the rules of explanations that every store obeys, and whole
//! histories against the reference in memory, which writes everything down plainly.

use crate::model::{Over, Random, cases};
use crate::subject::{
    ACCOUNT, DAY_MS, HOUR_MS, Make, SLOT_MS, SPACE, T0, World, event, home, number, of, received,
    to,
};
use MessageStatus::{Delivered, Read, Sent};
use chatmetric_core::{EpochMs, MessageStatus, PhoneNumber, Slot};
use chatmetric_store::{
    Batch, EXPLAINED_SLOTS_MAX, Explanation, MemoryStore, Origin, Revision, Share, StatusEvent,
    Store, StoreError, Target,
};
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};

/// Slots by their distance to [`T0`].
fn from_t0(slots: Range<i64>) -> Range<Slot> {
    let slot = |at: i64| EpochMs(T0 + at * SLOT_MS).slot();
    slot(slots.start)..slot(slots.end)
}

fn explained(world: &mut World, slots: Range<i64>) -> Explanation {
    let store = world.store();
    store
        .explain(SPACE, &home(), from_t0(slots))
        .expect("readable")
}

fn by(source: &str, batch: Batch) -> Batch {
    Batch {
        source: source.into(),
        ..batch
    }
}

fn share(reported: i64, implied: i64, moved: i64) -> Share {
    Share {
        reported,
        implied,
        moved,
    }
}

fn origin(source: &str, sent: Share, delivered: Share, duplicates: u64, late: u64) -> Origin {
    Origin {
        source: Some(source.into()),
        sent,
        delivered,
        duplicates,
        late,
    }
}

pub(crate) fn a_count_is_what_its_sources_reported(make: Make) {
    let mut world = World::new(make);
    let nothing = explained(&mut world, 0..2);
    assert_eq!(nothing, Explanation::default());
    let life = [event(1, Sent, 0), event(1, Delivered, 1_000)];
    world.commit(received(T0 + 2_000, &life));
    world.commit(received(T0 + 3_000, &[event(2, Read, 2_000)]));
    // Another source brings one of its own and one that is known.
    let more = [event(3, Sent, 4_000), event(1, Sent, 0)];
    world.commit(by("import", received(T0 + 5_000, &more)));
    let told = explained(&mut world, 0..2);
    assert_eq!((told.sent, told.delivered), (3, 2));
    let expected = [
        origin("import", share(1, 0, 0), share(0, 0, 0), 1, 0),
        origin("w1", share(1, 1, 0), share(1, 1, 0), 0, 0),
    ];
    assert_eq!(told.origins, expected);
    assert_eq!(told.revisions, [], "all came in its quarter");
    assert_eq!(explained(&mut world, 2..4), Explanation::default());
    world.done();
}

pub(crate) fn what_comes_after_a_bucket_is_a_revision_of_it(make: Make) {
    let mut world = World::new(make);
    world.commit(received(T0 + 2_000, &[event(1, Sent, 1_000)]));
    let hour = received(
        T0 + HOUR_MS,
        &[event(2, Sent, 0), event(1, Delivered, 5_000)],
    );
    world.commit(hour);
    // An earlier time moves the message out of the half hour, hours later.
    world.commit(received(T0 + 9 * HOUR_MS, &[event(1, Sent, -SLOT_MS)]));
    let told = explained(&mut world, 0..2);
    let revision = |after_ms: i64, sent, delivered| Revision {
        received: EpochMs(T0 + after_ms).slot(),
        sent,
        delivered,
    };
    let expected = [revision(HOUR_MS, 1, 1), revision(9 * HOUR_MS, -1, 0)];
    assert_eq!(told.revisions, expected);
    assert_eq!((told.sent, told.delivered), (1, 1));
    let expected = [origin("w1", share(2, 0, -1), share(1, 0, 0), 0, 0)];
    assert_eq!(told.origins, expected);
    // For the day, what came within the day is no revision.
    let day = explained(&mut world, 0..96);
    assert_eq!(day.revisions, []);
    let before = explained(&mut world, -1..0);
    assert_eq!((before.sent, before.revisions.len()), (1, 1));
    // A report that moves a count is a further one of its status, in its own slot.
    let expected = [origin("w1", share(0, 0, 1), share(0, 0, 0), 1, 0)];
    assert_eq!(before.origins, expected);
    world.done();
}

pub(crate) fn late_reports_and_released_ones_are_told(make: Make) {
    let mut world = World::new(make);
    world.commit(received(T0 + 2_000, &[event(1, Sent, 1_000)]));
    let future = event(2, Sent, HOUR_MS);
    world.commit(by("w2", received(T0 + 3_000, &[future])));
    assert_eq!(explained(&mut world, 4..6), Explanation::default());
    world.release_due(2 * HOUR_MS);
    let told = explained(&mut world, 4..6);
    let expected = [origin("w2", share(1, 0, 0), share(0, 0, 0), 0, 0)];
    assert_eq!(told.origins, expected);
    assert_eq!(told.revisions.len(), 1, "it was counted an hour later");
    world.raise_floor(HOUR_MS);
    world.commit(by("w2", received(T0 + DAY_MS, &[event(3, Sent, 1_000)])));
    let told = explained(&mut world, 0..2);
    let expected = [
        origin("w1", share(1, 0, 0), share(0, 0, 0), 0, 0),
        origin("w2", share(0, 0, 0), share(0, 0, 0), 0, 1),
    ];
    assert_eq!((told.sent, &told.origins[..]), (1, &expected[..]));
    world.done();
}

pub(crate) fn slots_to_explain_have_a_limit(make: Make) {
    let mut world = World::new(make);
    let store = world.store();
    for count in [0, EXPLAINED_SLOTS_MAX + 1] {
        let refused = store.explain(SPACE, &home(), Slot(5)..Slot(5 + count));
        let Err(StoreError::Invalid { reason }) = refused else {
            panic!("{count} slots: {refused:?}");
        };
        assert!(reason.contains("1 to 3224 are allowed"), "{reason}");
    }
    let most = store.explain(SPACE, &home(), Slot(5)..Slot(5 + EXPLAINED_SLOTS_MAX));
    assert_eq!(most.expect("readable"), Explanation::default());
    world.done();
}

/// Everybody reports while a reader asks again and again: the shares are those of one
/// moment, so their sum never goes back and is always that of the counts.
pub(crate) fn notes_are_counted_once_while_they_are_sealed(make: Make) {
    const MESSAGES: u128 = 600;
    let mut world = World::new(make);
    world.note("w1", 2 * MESSAGES as usize);
    let done = AtomicBool::new(false);
    let store = world.store();
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut last = 0;
            while !done.load(Ordering::Acquire) {
                let told = store.explain(SPACE, &home(), from_t0(0..96));
                let told = told.expect("readable");
                sums_up(&told);
                let implied: i64 = told.origins.iter().map(|it| it.sent.implied).sum();
                let duplicates: u64 = told.origins.iter().map(|it| it.duplicates).sum();
                assert!(told.sent >= last, "{} after {last}", told.sent);
                // Each message is implied by its delivery, and repeated once.
                assert_eq!(implied, told.sent, "{told:?}");
                assert!(duplicates <= implied as u64, "{told:?}");
                last = told.sent;
            }
        });
        let over = Over(&done);
        for message in 0..MESSAGES {
            let report = event(message, Delivered, (message % 96) as i64 * SLOT_MS);
            store
                .commit(received(T0 + DAY_MS, &[report, report]))
                .expect("taken");
        }
        drop(over);
        reader.join().expect("no difference");
    });
    let told = explained(&mut world, 0..96);
    assert_eq!(told.origins[0].duplicates, MESSAGES as u64);
    assert_eq!(told.sent, MESSAGES as i64);
    world.done();
}

/// Two sources take turns, a day each: whoever sees a count sees whose it is.
pub(crate) fn a_count_is_never_seen_without_its_source(make: Make) {
    const DAYS: i64 = 30;
    let mut world = World::new(make);
    let done = AtomicBool::new(false);
    world.note("w1", 15 * 40);
    world.note("w2", 15 * 40);
    let store = world.store();
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut wrong = Vec::new();
            while !done.load(Ordering::Acquire) {
                for line in 0..40 {
                    let told = store.explain(SPACE, &line_number(line), from_t0(0..DAYS * 96));
                    let told = told.expect("readable");
                    let of = |name: &str| {
                        let mut origins = told.origins.iter();
                        let found = origins.find(|it| it.source.as_deref() == Some(name));
                        found.map_or(0, |it| it.sent.reported)
                    };
                    let (even, odd) = (of("w1"), of("w2"));
                    if even + odd != told.sent || !(0..=1).contains(&(even - odd)) {
                        wrong.push(told);
                    }
                }
            }
            wrong
        });
        let over = Over(&done);
        for day in 0..DAYS {
            for line in 0..40 {
                let id = (day as u128) << 8 | line as u128;
                let report = of(line_number(line), event(id, Sent, day * DAY_MS));
                let source = if day % 2 == 0 { "w1" } else { "w2" };
                let batch = by(source, received(T0 + day * DAY_MS, &[report]));
                store.commit(batch).expect("taken");
            }
        }
        drop(over);
        let wrong = reader.join().expect("it ends");
        assert_eq!(wrong, []);
    });
    world.done();
}

fn line_number(line: u32) -> PhoneNumber {
    number(&format!("1555010{line:04}"))
}

/// Reports of one quarter-hour that come in again and again for a month.
pub(crate) fn revisions_of_a_slot_are_put_together(make: Make) {
    let mut world = World::new(make);
    let rounds = 120;
    for round in 0..rounds {
        let report = event(round as u128, Sent, 0);
        world.commit(received(T0 + (round + 1) * HOUR_MS, &[report]));
    }
    world.store().verify().expect("sealed");
    let told = explained(&mut world, 0..1);
    let sum: i64 = told.revisions.iter().map(|it| it.sent).sum();
    assert_eq!((told.sent, sum), (rounds, rounds));
    let last = told.revisions.last().expect("some").received;
    assert_eq!(last, EpochMs(T0 + rounds * HOUR_MS).slot());
    // The reference writes everything down; a store on disk puts the oldest together.
    let is_on_disk = world.store().stats().disk_bytes > 0;
    let expected = if is_on_disk { 48 } else { rounds as usize };
    assert_eq!(told.revisions.len(), expected);
    world.done();
}

/// Tells the same story to a store and to the reference.
struct Twins {
    world: World,
    reference: MemoryStore,
    random: Random,
    now_ms: i64,
    claimed: bool,
}

const NUMBERS: [&str; 3] = ["15550100101", "15550001", "4477"];

impl Twins {
    fn event(&mut self) -> StatusEvent {
        let message = self.random.below(40);
        let status = MessageStatus::ALL[self.random.below(4) as usize];
        // Mostly of now; some of days ago, some ahead of time.
        let ago_ms = match self.random.below(8) {
            0 => self.random.below(5 * DAY_MS as u64) as i64,
            1 => -(self.random.below(2 * HOUR_MS as u64) as i64),
            _ => self.random.below(SLOT_MS as u64) as i64,
        };
        let at_ms = self.now_ms - ago_ms - T0;
        let number = number(NUMBERS[(message % 3) as usize]);
        let event = of(number, event(u128::from(message), status, at_ms));
        if message % 3 == 2 && !self.claimed {
            return to(Target::Held(ACCOUNT), event);
        }
        event
    }

    fn step(&mut self) {
        self.now_ms += self.random.below(3 * HOUR_MS as u64) as i64;
        let source = ["w1", "w1", "w1", "import", "stream/a"][self.random.below(5) as usize];
        let count = 1 + self.random.below(6);
        let events: Vec<StatusEvent> = (0..count).map(|_| self.event()).collect();
        let batch = by(source, received(self.now_ms, &events));
        self.reference.commit(batch.clone()).expect("taken");
        self.world.commit(batch);
        match self.random.below(12) {
            0 => {
                let floor = self.now_ms - 3 * DAY_MS;
                self.reference.raise_floor(EpochMs(floor)).expect("raised");
                self.world.raise_floor(floor - T0);
            }
            1 => {
                let now = self.now_ms;
                self.reference.release_due(EpochMs(now)).expect("released");
                self.world.release_due(now - T0);
            }
            2 if self.now_ms > T0 + 2 * DAY_MS => {
                let held = number(NUMBERS[2]);
                self.reference.claim(ACCOUNT, held, SPACE).expect("claimed");
                self.world.claim(ACCOUNT, held, SPACE);
                self.claimed = true;
            }
            _ => {}
        }
    }

    fn compare(&mut self) {
        let store = self.world.store();
        let end = (self.now_ms - T0) / SLOT_MS;
        for number in NUMBERS.map(number) {
            for slots in [
                -500..end + 96,
                end - 3..end,
                end - 100..end - 4,
                end - 200..end - 104,
            ] {
                let slots = from_t0(slots);
                let right = self.reference.explain(SPACE, &number, slots.clone());
                let told = store.explain(SPACE, &number, slots.clone());
                let (told, right) = (told.expect("readable"), right.expect("readable"));
                assert_eq!(told, right, "`{number}` {slots:?}");
                sums_up(&told);
            }
        }
    }
}

/// The shares of all sources are the counts.
fn sums_up(told: &Explanation) {
    let sum = |of: fn(&Origin) -> &Share| -> i64 {
        told.origins.iter().map(|origin| of(origin).total()).sum()
    };
    assert_eq!(sum(|it| &it.sent), told.sent, "{told:?}");
    assert_eq!(sum(|it| &it.delivered), told.delivered, "{told:?}");
}

pub(crate) fn any_history_is_explained_as_the_reference_explains_it(make: Make) {
    for seed in 0..cases(6) {
        let mut twins = Twins {
            world: World::new(make),
            reference: MemoryStore::new(),
            random: Random(seed),
            now_ms: T0,
            claimed: false,
        };
        for step in 0..120 {
            twins.step();
            if step % 10 == 9 {
                twins.compare();
            }
        }
        twins.world.done();
    }
}

/// What all numbers of two spaces are told to be made of: the sum of each source's
/// duplicates, and whether anything was counted before sources were kept.
pub(crate) fn duplicates_told(
    store: &dyn Store,
    numbers: &[(chatmetric_core::SpaceKey, PhoneNumber)],
    first: Slot,
) -> Result<(std::collections::BTreeMap<String, u64>, bool), StoreError> {
    let mut duplicates = std::collections::BTreeMap::new();
    let mut unknown = false;
    for (space, number) in numbers {
        for part in 0..8 {
            let start = Slot(first.0 + part * EXPLAINED_SLOTS_MAX);
            let slots = start..Slot(start.0 + EXPLAINED_SLOTS_MAX);
            let told = store.explain(*space, number, slots)?;
            sums_up(&told);
            for origin in told.origins {
                match origin.source {
                    None => unknown = true,
                    Some(name) => {
                        *duplicates.entry(name.to_string()).or_default() += origin.duplicates;
                    }
                }
            }
        }
    }
    Ok((duplicates, unknown))
}
