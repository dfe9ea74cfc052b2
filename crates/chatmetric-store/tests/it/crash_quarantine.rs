//! What waits in quarantine goes through crashes too: held and future events, moves
//! of the floor, releases and claims, in random lives that end at random steps.
//!
//! Like a client, a life repeats what was not acknowledged. A batch that was durable
//! all the same is then held twice; that may not count anything twice.

use crate::crash::{crash_at, cut, open, with_disk};
use crate::embedded::tiny;
use crate::fault_disk::{Fault, FaultDisk};
use crate::model::{Model, Random, T0_MS, cases};
use chatmetric_core::{AccountKey, EpochMs, Fingerprint, MessageStatus, PhoneNumber, SpaceKey};
use chatmetric_store::{
    Batch, EmbeddedStore, FUTURE_TOLERANCE_MS, Options, QuarantineFilter, QuarantineId,
    QuarantinedContent, Reason, SealedItem, StatusEvent, Step, Store, StoreError, Target,
};
use std::path::Path;

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;
const ACCOUNT: AccountKey = AccountKey(9);
const HORIZON_MS: i64 = 2 * DAY_MS;
const OWN: SpaceKey = SpaceKey(0);
const CLAIMED: SpaceKey = SpaceKey(1);

fn own_number() -> PhoneNumber {
    PhoneNumber::parse("15550001").expect("digits")
}

fn held_number() -> PhoneNumber {
    PhoneNumber::parse("4477").expect("digits")
}

/// One thing that a life does.
#[derive(Debug, Clone)]
enum Action {
    Batch(Batch),
    Floor(EpochMs),
    Due(EpochMs),
    Claim,
    /// What was refused has an owner now.
    Replay(QuarantineId, StatusEvent),
}

/// An event that is not counted yet.
#[derive(Debug, Clone)]
struct Waiting {
    event: StatusEvent,
    received_at: EpochMs,
    held: bool,
    future: bool,
}

/// The counts, and what waits.
#[derive(Default)]
struct World {
    counted: Model,
    waiting: Vec<Waiting>,
    floor: Option<EpochMs>,
    claimed: bool,
    now_ms: i64,
    late: u64,
    expired: u64,
    replayed: u64,
}

impl World {
    /// The next thing to do.
    fn next(&mut self, store: &EmbeddedStore, random: &mut Random) -> Action {
        self.now_ms += random.below(8) as i64 * HOUR_MS;
        let now = EpochMs(self.now_ms);
        if random.below(10) == 0
            && let Some(replay) = self.replay(store, random)
        {
            return replay;
        }
        match random.below(10) {
            0 => Action::Floor(EpochMs(self.now_ms - HORIZON_MS)),
            1 => Action::Due(now),
            2 if random.below(4) == 0 => Action::Claim,
            _ => {
                let count = 1 + random.below(12);
                let events = (0..count).map(|_| self.event(random)).collect();
                Action::Batch(Batch {
                    source: ["w1", "import"][random.below(2) as usize].into(),
                    received_at: now,
                    events,
                    sealed: Vec::new(),
                    ignored: 0,
                })
            }
        }
    }

    /// The replay of an item that may be counted by its time.
    fn replay(&self, store: &EmbeddedStore, random: &mut Random) -> Option<Action> {
        let filter = QuarantineFilter {
            reason: Some(Reason::ForeignNumber),
            ..QuarantineFilter::default()
        };
        let items = store.quarantine(filter, usize::MAX).expect("readable");
        let events = items.into_iter().filter_map(|item| match item.content {
            QuarantinedContent::Event {
                fingerprint,
                number,
                status,
                at,
            } => {
                let target = Target::Space(OWN);
                let in_time = Some(at) >= self.floor && at.0 <= self.now_ms;
                in_time.then_some((
                    item.id,
                    StatusEvent {
                        fingerprint,
                        number,
                        status,
                        at,
                        target,
                    },
                ))
            }
            QuarantinedContent::Sealed(_) => None,
        });
        let events: Vec<_> = events.collect();
        let chosen = random.below(events.len().max(1) as u64) as usize;
        let (id, event) = *events.get(chosen)?;
        Some(Action::Replay(id, event))
    }

    /// An event of a message of these days, so that no report is later than the
    /// counts promise.
    fn event(&self, random: &mut Random) -> StatusEvent {
        let message = (self.now_ms / DAY_MS) as u64 * 20 + random.below(60);
        let (number, target) = match message % 3 {
            0 if self.claimed => (held_number(), Target::Space(CLAIMED)),
            0 => (held_number(), Target::Held(ACCOUNT)),
            1 if random.below(6) == 0 => {
                let refused = Target::Refused(ACCOUNT, Reason::ForeignNumber);
                (own_number(), refused)
            }
            _ => (own_number(), Target::Space(OWN)),
        };
        let at_ms = match random.below(12) {
            0 => self.now_ms + random.below(6) as i64 * HOUR_MS,
            _ => self.now_ms - random.below(3 * 24) as i64 * HOUR_MS,
        };
        StatusEvent {
            fingerprint: Fingerprint(
                u128::from(message + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835),
            ),
            number,
            status: MessageStatus::ALL[random.below(4) as usize],
            at: EpochMs(at_ms),
            target,
        }
    }

    /// What an acknowledged action means.
    fn take(&mut self, action: &Action) {
        match action {
            Action::Batch(batch) => self.take_batch(batch),
            Action::Floor(floor) => {
                let floor = self.floor.max(Some(*floor));
                self.floor = floor;
                let before = self.waiting.len();
                self.waiting.retain(|it| Some(it.received_at) >= floor);
                self.expired += (before - self.waiting.len()) as u64;
            }
            Action::Due(now) => {
                for waiting in &mut self.waiting {
                    waiting.future &= waiting.event.at > *now;
                }
            }
            Action::Claim => {
                self.claimed = true;
                for waiting in &mut self.waiting {
                    waiting.held = false;
                }
            }
            Action::Replay(_, event) => {
                self.replayed += 1;
                self.count(vec![Waiting {
                    event: *event,
                    received_at: EpochMs(self.now_ms),
                    held: false,
                    future: false,
                }]);
            }
        }
        let (ready, waiting) = std::mem::take(&mut self.waiting)
            .into_iter()
            .partition(|it| !it.held && !it.future);
        self.waiting = waiting;
        self.count(ready);
    }

    fn take_batch(&mut self, batch: &Batch) {
        for event in &batch.events {
            let held = match event.target {
                Target::Refused(..) => continue,
                Target::Held(_) => true,
                Target::Space(_) => false,
            };
            if self.floor.is_some_and(|floor| event.at < floor) {
                self.late += 1;
                continue;
            }
            self.waiting.push(Waiting {
                event: *event,
                received_at: batch.received_at,
                held,
                future: event.at.0 > batch.received_at.0 + FUTURE_TOLERANCE_MS,
            });
        }
    }

    fn count(&mut self, ready: Vec<Waiting>) {
        let space = |event: &StatusEvent| match event.target {
            Target::Space(space) => space,
            Target::Held(_) | Target::Refused(..) => CLAIMED,
        };
        let events = ready.into_iter().map(|it| StatusEvent {
            target: Target::Space(space(&it.event)),
            ..it.event
        });
        self.counted.take(&Batch {
            source: "w1".into(),
            received_at: EpochMs(0),
            events: events.collect(),
            sealed: Vec::new(),
            ignored: 0,
        });
    }

    fn check(&self, store: &EmbeddedStore) {
        let seen = crate::model::counts_of(store).expect("readable");
        assert_eq!(seen, self.counted.counts());
        for (source, books) in store.books().expect("readable") {
            assert!(books.balanced(), "`{source}`: {books:?}");
        }
        // What was received before the floor is gone.
        let listed = store.quarantine(QuarantineFilter::default(), usize::MAX);
        for item in listed.expect("readable") {
            assert!(Some(item.received_at) >= self.floor, "{item:?}");
        }
    }
}

fn act(store: &EmbeddedStore, action: &Action) -> Result<(), StoreError> {
    match action {
        Action::Batch(batch) => store.commit(batch.clone()).map(drop),
        Action::Floor(floor) => store.raise_floor(*floor),
        Action::Due(now) => store.release_due(*now).map(drop),
        Action::Claim => store.claim(ACCOUNT, held_number(), CLAIMED).map(drop),
        Action::Replay(item, event) => store.replay(*item, &[*event]).map(drop),
    }
}

/// Lives until an action is refused, and gives that one.
fn live(
    store: &EmbeddedStore,
    world: &mut World,
    random: &mut Random,
    actions: u64,
) -> Option<Action> {
    for _ in 0..actions {
        let action = world.next(store, random);
        if act(store, &action).is_err() {
            return Some(action);
        }
        world.take(&action);
    }
    None
}

/// Repeats what was refused, as a client does, and compares everything.
fn settle(dir: &Path, options: &Options, world: &mut World, again: Option<Action>) {
    let store = open(dir, options);
    if let Some(action) = again {
        act(&store, &action).expect("taken");
        world.take(&action);
    }
    world.check(&store);
    store.verify().expect("exact");
    world.check(&store);
}

#[test]
fn random_lives_with_a_quarantine_end_at_any_step() {
    let (mut late, mut expired, mut refusals, mut replayed) = (0, 0, 0, 0);
    for seed in 0..cases(12) {
        println!("seed {seed}");
        let dir = tempfile::tempdir().expect("a directory");
        let mut random = Random(seed);
        let mut world = World {
            now_ms: T0_MS,
            ..World::default()
        };
        for _ in 0..6 {
            let options = Options {
                generation_records_max: 1 + random.below(40) as usize,
                segment_bytes: 1 << (11 + random.below(4)),
                ..tiny()
            };
            let step = Step::ALL[random.below(Step::ALL.len() as u64) as usize];
            let (crashing, _) = crash_at(step, 1 + random.below(6) as u32, options.clone());
            let refused = match EmbeddedStore::open(dir.path(), crashing) {
                Ok(store) => live(&store, &mut world, &mut random, 60),
                Err(StoreError::Poisoned { .. }) => None,
                Err(other) => panic!("{other}"),
            };
            refusals += u64::from(refused.is_some());
            settle(dir.path(), &options, &mut world, refused);
        }
        for last in [Action::Claim, Action::Due(EpochMs(world.now_ms + DAY_MS))] {
            settle(dir.path(), &tiny(), &mut world, Some(last));
        }
        assert!(world.waiting.is_empty(), "{:?}", world.waiting);
        late += world.late;
        expired += world.expired;
        replayed += world.replayed;
    }
    assert!(
        late > 50 && expired > 5 && refusals > 10 && replayed > 50,
        "{late} {expired} {refusals} {replayed}"
    );
}

#[test]
fn a_power_cut_keeps_the_quarantine_and_its_moves() {
    for seed in 0..cases(8) {
        println!("seed {seed}");
        let dir = tempfile::tempdir().expect("a directory");
        let (disk, mut random) = (FaultDisk::new(), Random(seed));
        let mut world = World {
            now_ms: T0_MS,
            ..World::default()
        };
        let store = open(dir.path(), &with_disk(&disk));
        assert!(live(&store, &mut world, &mut random, 80).is_none());
        let image = cut(dir.path(), &disk, &mut random);
        drop(store);
        settle(image.path(), &tiny(), &mut world, Some(Action::Claim));
    }
}

/// A floor that is durable before what it ages out has gone: the same call, sent
/// again after the crash, ends what it began.
#[test]
fn an_interrupted_expiry_goes_on_with_the_same_floor() {
    let dir = tempfile::tempdir().expect("a directory");
    let (disk, options) = quiet(dir.path());
    let store = open(dir.path(), &options);
    commit_held(&store, 20);
    settle_down(&disk);
    disk.fail(Fault::Sync { nth: 2 });
    let floor = EpochMs(T0_MS + DAY_MS);
    assert!(
        store.raise_floor(floor).is_err(),
        "the second frame is not synced"
    );
    let image = cut(dir.path(), &disk, &mut Random(1));
    drop(store);
    let store = open(image.path(), &tiny());
    let books = store.books().expect("readable")[0].1;
    assert_eq!((books.expired, books.quarantined), (0, 20));
    assert_eq!(store.floor(), Some(floor), "the first frame is durable");
    store.raise_floor(floor).expect("goes on");
    let listed = store.quarantine(QuarantineFilter::default(), usize::MAX);
    assert_eq!(listed.expect("readable"), []);
    let books = store.books().expect("readable")[0].1;
    assert_eq!((books.expired, books.quarantined), (20, 0));
    store.verify().expect("exact");
}

/// The events of an item may belong to several shards. They are counted before the item
/// goes, so that whatever sync fails, the same call counts what is missing.
#[test]
fn a_replay_over_shards_is_repeated_after_any_failed_sync() {
    let event = |at: u64| StatusEvent {
        fingerprint: Fingerprint(u128::from(at + 1) << 64 | u128::from(at + 1)),
        number: PhoneNumber::parse(&format!("15550{at:03}")).expect("digits"),
        status: MessageStatus::Sent,
        at: EpochMs(T0_MS),
        target: Target::Space(OWN),
    };
    let events: Vec<StatusEvent> = (0..40).map(event).collect();
    for nth in 1..=3 {
        let dir = tempfile::tempdir().expect("a directory");
        let (disk, options) = quiet(dir.path());
        let options = Options {
            shards: 3,
            ..options
        };
        let store = open(dir.path(), &options);
        let sealed = SealedItem {
            account: ACCOUNT,
            reason: Reason::Unparsable,
            sealed: [7].into(),
        };
        let batch = Batch {
            source: "w1".into(),
            received_at: EpochMs(T0_MS),
            events: Vec::new(),
            sealed: vec![sealed],
            ignored: 0,
        };
        store.commit(batch).expect("taken");
        let listed = |store: &EmbeddedStore| {
            let listed = store.quarantine(QuarantineFilter::default(), usize::MAX);
            listed.expect("readable")
        };
        let item = listed(&store)[0].id;
        settle_down(&disk);
        disk.fail(Fault::Sync { nth });
        let replayed = store.replay(item, &events);
        assert!(
            matches!(replayed, Err(StoreError::Poisoned { .. })),
            "sync {nth}: {replayed:?}"
        );
        let image = cut(dir.path(), &disk, &mut Random(nth));
        drop(store);
        let again = Options {
            shards: 3,
            ..tiny()
        };
        let store = open(image.path(), &again);
        assert_eq!(listed(&store).len(), 1, "sync {nth}");
        assert!(store.replay(item, &events).expect("taken"));
        assert_eq!(listed(&store), []);
        let seen = crate::model::counts_of(&store).expect("readable");
        let sent: Vec<_> = seen.values().map(|fields| fields[0]).collect();
        assert_eq!(sent, [1; 40], "sync {nth}");
        let books = store.books().expect("readable")[0].1;
        assert_eq!((books.released, books.quarantined), (1, 0));
        store.verify().expect("exact");
    }
}

#[test]
fn a_claim_of_two_frames_goes_on_where_it_stopped() {
    const EVENTS: u64 = 10_001;
    let dir = tempfile::tempdir().expect("a directory");
    let (disk, options) = quiet(dir.path());
    let store = open(dir.path(), &options);
    commit_held(&store, EVENTS);
    settle_down(&disk);
    disk.fail(Fault::Sync { nth: 2 });
    let claimed = store.claim(ACCOUNT, held_number(), CLAIMED);
    assert!(
        matches!(claimed, Err(StoreError::Poisoned { .. })),
        "{claimed:?}"
    );
    let sent = |store: &EmbeddedStore| {
        let seen = crate::model::counts_of(store).expect("readable");
        seen.values().map(|fields| fields[0] as u64).sum::<u64>()
    };
    assert_eq!(
        sent(&store),
        10_000,
        "one frame is whole, the other one is not seen"
    );
    // The second frame never reached the disk: the power goes.
    let image = cut(dir.path(), &disk, &mut Random(1));
    drop(store);
    let store = open(image.path(), &tiny());
    assert_eq!(sent(&store), 10_000);
    assert_eq!(
        store
            .claim(ACCOUNT, held_number(), CLAIMED)
            .expect("claimed"),
        1
    );
    assert_eq!(
        store
            .claim(ACCOUNT, held_number(), CLAIMED)
            .expect("claimed"),
        0
    );
    assert_eq!(sent(&store), EVENTS);
    let books = store.books().expect("readable")[0].1;
    assert_eq!((books.released, books.quarantined), (EVENTS, 0));
    store.verify().expect("exact");
}

/// A store that seals nothing by itself, so that only its writer syncs.
fn quiet(dir: &Path) -> (FaultDisk, Options) {
    let disk = FaultDisk::new();
    let options = Options {
        generation_records_max: 1_000_000,
        generation_day_bytes_max: 1 << 30,
        generation_quarantine_bytes_max: 1 << 30,
        segment_bytes: 32 * 1024 * 1024,
        ..with_disk(&disk)
    };
    // The directory is there, and with it the prepared segment of a start.
    drop(open(dir, &options));
    (disk, options)
}

/// Waits until no thread changes the disk any more.
pub(crate) fn settle_down(disk: &FaultDisk) {
    let mut seen = disk.changes();
    loop {
        std::thread::sleep(std::time::Duration::from_millis(200));
        let now = disk.changes();
        if now == seen {
            return;
        }
        seen = now;
    }
}

fn commit_held(store: &EmbeddedStore, events: u64) {
    let held = |message: u64| StatusEvent {
        fingerprint: Fingerprint(
            u128::from(message + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835),
        ),
        number: held_number(),
        status: MessageStatus::Sent,
        at: EpochMs(T0_MS),
        target: Target::Held(ACCOUNT),
    };
    for first in (0..events).step_by(5_000) {
        let batch = Batch {
            source: "w1".into(),
            received_at: EpochMs(T0_MS),
            events: (first..events.min(first + 5_000)).map(held).collect(),
            sealed: Vec::new(),
            ignored: 0,
        };
        store.commit(batch).expect("taken");
    }
}
