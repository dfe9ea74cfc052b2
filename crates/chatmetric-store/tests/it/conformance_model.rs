//! Whole workloads against the independent model: a store that takes batches,
//! raises its floor, releases, claims and sees numbers move counts what the
//! model counts; one thread in order, or four threads with overlapping parts.

use crate::subject::{
    ACCOUNT, DAY_MS, HOUR_MS, Make, OTHER_SPACE, SLOT_MS, SPACE, T0, World, slots,
};
use chatmetric_core::{
    Counts, EpochMs, FingerprintKey, MessageStatus, PhoneNumber, SpaceKey, UtcDay,
};
use chatmetric_sim::{Config, Event, Model, Random, Workload};
use chatmetric_store::{Batch, FUTURE_TOLERANCE_MS, Reason, StatusEvent, Target};
use std::collections::BTreeMap;

fn number(rank: u32) -> PhoneNumber {
    PhoneNumber::parse(&Config::number(rank)).expect("digits")
}

/// What an edge would hand to the store.
fn parsed(event: &Event, target: Target) -> StatusEvent {
    let key = FingerprintKey::new(*b"a key for tests!");
    let number = PhoneNumber::parse(&event.number).expect("digits");
    StatusEvent {
        fingerprint: key.fingerprint(event.channel, &number, &event.message_id),
        number,
        status: MessageStatus::from_word(event.status.word()).expect("a counted word"),
        at: EpochMs(event.ts_ms),
        target,
    }
}

fn batch(received_ms: i64, events: Vec<StatusEvent>) -> Batch {
    Batch {
        events,
        ..crate::subject::received(received_ms, &[])
    }
}

/// What the model counts, by slot from [`T0`].
fn modelled(model: &Model, space: SpaceKey, number: &str) -> BTreeMap<i64, Counts> {
    let narrow = |count: u64| i32::try_from(count).expect("small");
    let totals = model.totals(space.0, number).into_iter();
    totals
        .map(|(start_ms, totals)| {
            let counts = Counts {
                sent: narrow(totals.sent),
                delivered: narrow(totals.delivered),
                read: narrow(totals.read),
                failed: narrow(totals.failed),
                delivered_of_sent: narrow(totals.delivered_of_sent),
            };
            ((start_ms - T0) / SLOT_MS, counts)
        })
        .collect()
}

fn compare(world: &mut World, model: &Model) {
    // One step for all the questions: a subject that opens its store again takes
    // milliseconds for each.
    let store = world.store();
    for space in [SPACE, OTHER_SPACE] {
        let expected = model.numbers(space.0);
        let found = store.numbers(space).expect("readable");
        let found: Vec<String> = found.iter().map(ToString::to_string).collect();
        assert_eq!(found, expected, "numbers of {space:?}");
        for text in expected {
            let number = PhoneNumber::parse(&text).expect("digits");
            assert_eq!(
                slots(store, space, number),
                modelled(model, space, &text),
                "`{text}` in {space:?}"
            );
        }
    }
}

/// A report that waits: for its time, or for an owner of its number.
struct Waiting {
    event: Event,
    received_ms: i64,
    held: bool,
    future: bool,
}

/// The model and the world, told the same things.
struct Pair {
    world: World,
    model: Model,
    floor_ms: i64,
    waiting: Vec<Waiting>,
    /// When each event that is refused and still listed was received.
    refused_ms: Vec<i64>,
    /// The number of rank 3 has an owner.
    claimed: bool,
    /// The number of rank 4 belongs to the other space.
    moved: bool,
    late: u64,
    expired: u64,
}

impl Pair {
    fn target(&self, event: &Event) -> Target {
        let is = |rank| *event.number == *Config::number(rank);
        if is(3) && !self.claimed {
            Target::Held(ACCOUNT)
        } else if is(4) && self.moved {
            Target::Space(OTHER_SPACE)
        } else if is(5) {
            Target::Refused(ACCOUNT, Reason::SecondSource)
        } else {
            Target::Space(SPACE)
        }
    }

    fn commit(&mut self, events: &[Event], received_ms: i64) {
        let targets: Vec<Target> = events.iter().map(|event| self.target(event)).collect();
        let parsed = events.iter().zip(&targets).map(|(e, t)| parsed(e, *t));
        self.world.commit(batch(received_ms, parsed.collect()));
        for (event, target) in events.iter().zip(targets) {
            let (held, space) = match target {
                Target::Refused(..) => {
                    self.refused_ms.push(received_ms);
                    continue;
                }
                Target::Held(_) => (true, SPACE),
                Target::Space(space) => (false, space),
            };
            let future = event.ts_ms > received_ms + FUTURE_TOLERANCE_MS;
            if event.ts_ms < self.floor_ms {
                self.late += 1;
            } else if future || held {
                let event = event.clone();
                self.waiting.push(Waiting {
                    event,
                    received_ms,
                    held,
                    future,
                });
            } else {
                self.model.observe_in(space.0, event);
            }
        }
    }

    /// Counts what waits for nothing any more; tells how many.
    fn settle(&mut self) -> u64 {
        let waiting = std::mem::take(&mut self.waiting);
        let (ready, still): (Vec<_>, Vec<_>) =
            waiting.into_iter().partition(|w| !w.held && !w.future);
        self.waiting = still;
        for waiting in &ready {
            self.model.observe_in(SPACE.0, &waiting.event);
        }
        ready.len() as u64
    }

    fn raise_floor(&mut self, floor_ms: i64) {
        self.world.raise_floor(floor_ms - T0);
        self.floor_ms = self.floor_ms.max(floor_ms);
        let before = self.waiting.len() + self.refused_ms.len();
        let floor_ms = self.floor_ms;
        self.waiting
            .retain(|waiting| waiting.received_ms >= floor_ms);
        self.refused_ms.retain(|ms| *ms >= floor_ms);
        self.expired += (before - self.waiting.len() - self.refused_ms.len()) as u64;
    }

    fn release_due(&mut self, now_ms: i64) {
        let released = self.world.release_due(now_ms - T0);
        for waiting in &mut self.waiting {
            waiting.future &= waiting.event.ts_ms > now_ms;
        }
        assert_eq!(released, self.settle(), "released at {now_ms}");
    }

    fn claim(&mut self) {
        self.claimed = true;
        let claimed = self.world.claim(ACCOUNT, number(3), SPACE);
        for waiting in &mut self.waiting {
            waiting.held = false;
        }
        assert_eq!(claimed, self.settle(), "claimed");
    }
}

pub(crate) fn a_workload_is_counted_as_the_model_counts(make: Make) {
    let mut pair = Pair {
        world: World::new(make),
        model: Model::new(),
        floor_ms: 0,
        waiting: Vec::new(),
        refused_ms: Vec::new(),
        claimed: false,
        moved: false,
        late: 0,
        expired: 0,
    };
    let mut workload = Workload::new(Config {
        numbers: 8,
        messages: 3_000,
        start_ms: T0,
        late: 20,
        ..Config::default()
    });
    let mut random = Random::new(42);
    for step in 0.. {
        let size = random.latency(1, 400).unsigned_abs();
        let mut events = workload.next_batch(usize::try_from(size).expect("small"));
        let Some(last) = events.last() else { break };
        let now_ms = last.received_ms;
        for event in &mut events {
            // A source whose clock is ahead; not of the number that moves.
            if random.chance(10) && *event.number != *Config::number(4) {
                event.ts_ms = now_ms + random.between(1, 2 * HOUR_MS);
            }
        }
        pair.commit(&events, now_ms);
        match step % 8 {
            2 => pair.raise_floor(now_ms - 12 * HOUR_MS),
            5 => pair.release_due(now_ms),
            7 => compare(&mut pair.world, &pair.model),
            _ => {}
        }
        pair.moved |= now_ms > T0 + DAY_MS;
        if !pair.claimed && now_ms > T0 + DAY_MS {
            pair.claim();
        }
    }
    pair.release_due(T0 + 30 * DAY_MS);
    assert!(pair.waiting.is_empty() && pair.claimed && pair.moved);
    assert!(pair.late > 10 && pair.expired > 10, "both occurred");
    compare(&mut pair.world, &pair.model);
    let books = pair.world.books("w1");
    let reports = pair.model.reports();
    assert_eq!((books.late, books.expired), (pair.late, pair.expired));
    assert_eq!(
        books.new + books.duplicate + books.released,
        reports.new + reports.duplicate
    );
    pair.world.done();
}

pub(crate) fn threads_with_overlapping_parts_count_as_the_model_counts(make: Make) {
    const THREADS: u64 = 4;
    let mut world = World::new(make);
    let events: Vec<Event> = Workload::new(Config {
        messages: 2_000,
        start_ms: T0,
        ..Config::default()
    })
    .collect();
    let mut model = Model::new();
    for event in &events {
        model.observe(event);
    }
    let received_ms = T0 + 90 * DAY_MS;
    // Every event goes to one thread, and every third to another one as well.
    let parts: Vec<Vec<StatusEvent>> = (0..THREADS)
        .map(|thread| {
            let mine = (0_u64..).zip(&events).filter(|(at, _)| {
                at % THREADS == thread || (at % 3 == 0 && (at + 1) % THREADS == thread)
            });
            mine.map(|(_, event)| parsed(event, Target::Space(SPACE)))
                .collect()
        })
        .collect();
    world.note("w1", parts.iter().map(Vec::len).sum());
    let store = world.store();
    std::thread::scope(|scope| {
        for (thread, part) in (0..THREADS).zip(&parts) {
            scope.spawn(move || {
                let mut random = Random::new(thread);
                let mut rest = &part[..];
                while !rest.is_empty() {
                    let size = random.between(1, 60).unsigned_abs();
                    let size = usize::try_from(size).expect("small").min(rest.len());
                    let (now, later) = rest.split_at(size);
                    let receipt = store.commit(batch(received_ms, now.to_vec()));
                    receipt.expect("taken");
                    rest = later;
                }
            });
        }
    });
    let store = world.store();
    for text in model.numbers(0) {
        let number = PhoneNumber::parse(&text).expect("digits");
        let expected = modelled(&model, SpaceKey(0), &text);
        assert_eq!(slots(store, SPACE, number), expected, "`{text}`");
    }
    assert_eq!(world.books("w1").new, model.reports().new);
    // What a server reads for one day is a part of the same.
    let day = UtcDay(crate::subject::DAY + 1);
    let one_day = world.day_slots(SPACE, number(0), day..=day);
    let mut expected = modelled(&model, SpaceKey(0), &Config::number(0));
    expected.retain(|slot, _| (96..192).contains(slot));
    assert_eq!(one_day, expected);
    world.done();
}
