//! Readers, a sealer and a writer of one binding in many orders (`cargo xtask concurrency`).
//!
//! The real paths: [`read::read_days`] with its pin, span and open generations,
//! [`sealer::seal`] with its commit to a real catalog, and [`Published::publish`]. Not here:
//! journals and runs. Invariant: whatever is sealed meanwhile, a reader sees each published
//! difference once.

use super::super::catalog::Catalog;
use super::super::generation::{Finished, Published};
use super::super::hot::{Delta, Deltas, HotTable};
use super::super::journal::Position;
use super::super::options::Options;
use super::super::queue::Queue;
use super::super::shared::{Shard, Shared, Start};
use super::super::{read, sealer};
use super::*;
use chatmetric_core::{Counts, PhoneNumber, Slot, SpaceKey};
use chatmetric_sim::schedules::explore;
use shuttle::thread;
use std::path::Path;

const SPACE: SpaceKey = SpaceKey(1);
/// What the generations hold: no sum of some of them is the sum of others.
const COUNTS: [i32; 2] = [1, 2];
const SEALED: i32 = COUNTS[0] + COUNTS[1];
/// What is published while readers read.
const MORE: i32 = 4;

fn number() -> PhoneNumber {
    PhoneNumber::parse("15550100101").expect("digits")
}

fn deltas(binding: u32, sent: i32) -> Deltas {
    let mut deltas = Deltas::default();
    let counts = Counts::from_array([sent, 0, 0, 0, 0]);
    let slot = Slot(96 * 9);
    let stripe = &mut deltas.stripes[binding as usize % STRIPES];
    stripe.counts.push(Delta {
        binding,
        slot,
        counts,
    });
    deltas
}

/// A store without threads: two finished generations and an active one of a binding that the
/// catalog does not know. The catalog is that of the last execution, so segments go on.
fn store(dir: &Path, catalog: &Catalog, execution: u32) -> Shared {
    let binding = execution;
    let first = 1 + u64::from(execution) * COUNTS.len() as u64;
    let start = Start {
        bindings: [((SPACE, number()), binding)].into(),
        ..Start::default()
    };
    let mut shared = Shared::new(dir, Options::default(), catalog.clone(), start);
    let generation = |(at, sent)| {
        let published = Arc::new(Published::new(at));
        published.publish(&deltas(binding, sent));
        Arc::new(Finished {
            published,
            hot: HotTable::default(),
            next: Position::FIRST,
        })
    };
    let pending = (first..).zip(COUNTS).map(generation).collect();
    let active = Arc::new(Published::new(first + COUNTS.len() as u64));
    let queue = Queue::new(1, 1);
    let shard = Shard::new(0, dir.to_owned(), queue, pending, active);
    shared.shards.push(shard);
    shared
}

fn sent(shared: &Shared) -> i32 {
    let mut sent = 0;
    let days = UtcDay(9)..=UtcDay(9);
    read::read_days(shared, SPACE, &number(), &days, &mut |_, block| {
        sent += block.total().sent;
    })
    .expect("reads");
    sent
}

/// What the thread of the sealer does, without its waiting.
fn seal(shared: &Shared) {
    let shard = &shared.shards[0];
    while let Some(oldest) = shard.view().pending.first() {
        sealer::seal(shared, shard.number, &shard.dir, oldest, || {
            shard.change_view(|view| {
                view.pending.remove(0);
            });
        })
        .expect("seals");
    }
}

#[test]
fn a_reader_counts_every_generation_once_while_they_are_sealed() {
    let folder = tempfile::tempdir().expect("a folder");
    let catalog = Catalog::open(&folder.path().join("catalog"), 1 << 20).expect("opens");
    let executions = std::sync::atomic::AtomicU32::new(0);
    let dir = folder.path().to_owned();
    explore(move || {
        let execution = executions.fetch_add(1, Ordering::Relaxed);
        let shared = Arc::new(store(&dir, &catalog, execution));
        let mut threads = Vec::new();
        for _ in 0..2 {
            let shared = Arc::clone(&shared);
            threads.push(thread::spawn(move || {
                let mut before = SEALED;
                for _ in 0..3 {
                    let now = sent(&shared);
                    assert!(now == SEALED || now == SEALED + MORE, "{now} were counted");
                    assert!(now >= before, "{now} after {before}");
                    before = now;
                }
            }));
        }
        let publisher = Arc::clone(&shared);
        threads.push(thread::spawn(move || {
            let view = publisher.shards[0].view();
            view.active.publish(&deltas(execution, MORE));
        }));
        let sealing = Arc::clone(&shared);
        threads.push(thread::spawn(move || seal(&sealing)));
        for thread in threads {
            thread.join().expect("no panic");
        }
        // From the cache, from the catalog, and from the cache that it filled.
        assert_eq!(sent(&shared), SEALED + MORE);
        let binding = execution;
        lock(shared.day_cache.stripe(binding)).remove(binding);
        assert_eq!([sent(&shared), sent(&shared)], [SEALED + MORE; 2]);
    });
}
