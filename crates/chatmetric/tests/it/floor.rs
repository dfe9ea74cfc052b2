//! The floor of a running server: it follows the clock, at most so fast, and what
//! waited for too long goes with a warning.

use crate::log;
use crate::world::{NOW_MS, World};
use chatmetric_core::{EpochMs, Fingerprint, MessageStatus, PhoneNumber};
use chatmetric_store::{
    Batch, EmbeddedStore, MemoryStore, Options, Reason, StatusEvent, Store, Target,
};
use std::sync::Arc;
use std::time::Duration;

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;
const DAY_MS: i64 = 24 * HOUR_MS;
const HORIZON_MS: i64 = 45 * DAY_MS;
/// How much faster than time the floor may catch up.
const CATCH_UP_FACTOR: i64 = 24;

/// Waits for the periodic work to bring the floor to this time.
#[track_caller]
fn wait_for_floor(world: &World, floor_ms: i64) {
    for _ in 0..200 {
        if world.store.floor() == Some(EpochMs(floor_ms)) {
            return;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    let found = world.store.floor().map(|it| it.0 - floor_ms);
    panic!("the floor is {found:?} ms from where it should be");
}

#[test]
fn the_floor_follows_the_clock() {
    let world = World::start();
    assert_eq!(world.store.floor(), Some(EpochMs(NOW_MS - HORIZON_MS)));
    world.clock.advance_ms(HOUR_MS);
    wait_for_floor(&world, NOW_MS + HOUR_MS - HORIZON_MS);
    world.clock.advance_ms(DAY_MS);
    wait_for_floor(&world, NOW_MS + HOUR_MS + DAY_MS - HORIZON_MS);
}

#[test]
fn a_clock_that_jumps_moves_the_floor_by_the_allowed_step_only() {
    let world = World::start();
    let start_ms = NOW_MS - HORIZON_MS;
    world.clock.jump_ms(100 * DAY_MS);
    // A minute of uptime allows 24 minutes, whatever the clock says.
    world.clock.advance_ms(MINUTE_MS);
    wait_for_floor(&world, start_ms + CATCH_UP_FACTOR * MINUTE_MS);
    world.clock.advance_ms(HOUR_MS);
    wait_for_floor(&world, start_ms + CATCH_UP_FACTOR * (MINUTE_MS + HOUR_MS));
}

fn event(id: u128, target: Target) -> StatusEvent {
    StatusEvent {
        fingerprint: Fingerprint(id << 64 | id),
        number: PhoneNumber::parse("6590000000").expect("digits"),
        status: MessageStatus::Sent,
        at: EpochMs(NOW_MS),
        target,
    }
}

fn commit(store: &dyn Store, events: Vec<StatusEvent>) {
    let batch = Batch {
        source: "acme-sg".into(),
        received_at: EpochMs(NOW_MS),
        events,
        sealed: Vec::new(),
        ignored: 0,
    };
    store.commit(batch).expect("taken");
}

#[test]
fn what_is_held_for_too_long_goes_with_a_warning() {
    log::collect();
    let folder = tempfile::tempdir().expect("a directory");
    let store = EmbeddedStore::open(folder.path(), Options::default()).expect("opens");
    let world = World::start_with(|_| {}, Arc::new(store));
    let account = world.account_key();
    let held = |id| event(id, Target::Held(account));
    let foreign = event(3, Target::Refused(account, Reason::ForeignNumber));
    commit(world.store.as_ref(), vec![held(1), held(2), foreign]);
    // As long as the horizon reaches, they wait.
    world.clock.advance_ms(HORIZON_MS);
    wait_for_floor(&world, NOW_MS);
    let books = || world.store.books().expect("readable")[0].1;
    assert_eq!((books().quarantined, books().expired), (3, 0));
    world.clock.advance_ms(MINUTE_MS);
    wait_for_floor(&world, NOW_MS + MINUTE_MS);
    for _ in 0..200 {
        if books().expired > 0 {
            break;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!((books().quarantined, books().expired), (0, 3));
    let text = log::text();
    let line = text
        .lines()
        .find(|line| line.contains("aged out with the floor"));
    let line = line.expect("a warning");
    assert!(line.contains("WARN"), "{line}");
    assert!(
        line.contains("2 unknown_number, 1 foreign_number"),
        "{line}"
    );
}

/// More is held than one look of the periodic work takes, and what can be claimed
/// comes last.
#[test]
fn a_claim_is_found_behind_everything_else_that_is_held() {
    const OTHERS: u128 = 100_500;
    let world = World::start_with(|_| {}, Arc::new(MemoryStore::new()));
    let account = world.account_key();
    let nobodys = PhoneNumber::parse("6599999999").expect("digits");
    let others: Vec<_> = (1..=OTHERS)
        .map(|id| StatusEvent {
            number: nobodys,
            ..event(id, Target::Held(account))
        })
        .collect();
    for chunk in others.chunks(10_000) {
        commit(world.store.as_ref(), chunk.to_vec());
    }
    commit(
        world.store.as_ref(),
        vec![event(OTHERS + 1, Target::Held(account))],
    );
    world.apply("[[account]]\nid = \"1000000000000001\"\n[[account.space]]\nid = \"space-sg\"\nnumbers = [\"6591234567\", \"6590000000\"]\n");
    for _ in 0..200 {
        if world.store.books().expect("readable")[0].1.released > 0 {
            break;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    let books = world.store.books().expect("readable")[0].1;
    assert_eq!((books.released, u128::from(books.quarantined)), (1, OTHERS));
}
