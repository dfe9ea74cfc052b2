//! kill -9 of a process with a small store: at random moments under load and while
//! it starts, with shards that come and go, and at every kind of change of a file.
//!
//! What is acknowledged is compared with the independent model; what was under way
//! is sent again first. The program itself is killed in `chatmetric`'s own tests.

use super::child::Setup;
use super::kill_disk::{ANY, FIRST_KINDS, KINDS, Moment, Point};
use super::process::Child;
use super::world::World;
use super::{cycles, folder};
use chatmetric_sim::Random;
use std::time::Duration;

const SEED: u64 = 20_261_128;
const KILLED: i32 = 9;
/// Random kills, and kills at a change: their shares of a run in CI.
const RANDOM_KILLS: u64 = 60;
const CHANGE_KILLS: u64 = 66;

#[test]
fn random_kills_under_load_and_in_starts_lose_and_double_nothing() {
    let dir = folder();
    let (mut world, mut random) = (World::new(SEED), Random::new(SEED));
    let (mut in_start, mut shards) = (0, 1);
    for cycle in 0..cycles(RANDOM_KILLS) {
        if random.chance(300) {
            shards = [1, 3, 2][random.below(3) as usize];
        }
        let setup = Setup::small(dir.path(), shards);
        let mut child = Child::start(&setup);
        let delay = Duration::from_micros(random.latency(200, 60_000) as u64);
        let killer = if random.chance(400) {
            // Mostly before it takes anything.
            let killer = child.kill_after(delay);
            in_start += u64::from(child.wait_ready().is_err());
            killer
        } else {
            child.wait_ready().expect("ready");
            child.kill_after(delay)
        };
        child.feed(&mut world, u64::MAX);
        let ended = child.end(&mut world);
        killer.join().expect("kills");
        assert_eq!(
            ended.signal,
            Some(KILLED),
            "cycle {cycle}: {}",
            ended.stderr
        );
        if cycle % 10 == 9 {
            println!(
                "cycle {cycle}: {} batches (seed {SEED})",
                world.acknowledged()
            );
            world.settle(dir.path(), &setup.options());
        }
    }
    println!(
        "figure: {} kills at random, {in_start} of them in a start: 0 of {} batches lost or doubled",
        cycles(RANDOM_KILLS),
        world.acknowledged()
    );
    assert!(in_start > 0, "some starts were interrupted");
    assert!(world.acknowledged() > 2 * cycles(RANDOM_KILLS));
    world.settle(dir.path(), &Setup::small(dir.path(), shards).options());
}

/// Every kind of change with every moment at which it can be hit.
fn points(round: u64) -> Vec<Point> {
    let mut points = Vec::new();
    for (at, kind) in (0..).zip(KINDS.into_iter().chain(FIRST_KINDS)) {
        for (turn, moment) in (0..).zip(Moment::ALL) {
            if moment == Moment::Half && !kind.starts_with("write") {
                continue;
            }
            let once = FIRST_KINDS.contains(&kind) || kind == "syncdir-top";
            // Neighbours, so that what is done by twos is met in both of its halves.
            let nth = 1 + (at + turn / 2 + 5 * round) % 9;
            points.push(Point {
                moment,
                kind: kind.to_owned(),
                nth: if once { 1 } else { nth },
            });
        }
    }
    points
}

#[test]
fn a_kill_at_any_change_and_one_in_the_recovery_lose_and_double_nothing() {
    let all = points(0).len() as u64;
    let mut in_recovery = 0;
    for round in 0..cycles(CHANGE_KILLS).div_ceil(2 * all) {
        for (at, point) in (0..).zip(points(round)) {
            let dir = folder();
            let mut world = World::new(SEED + at);
            let setup = |shards, point| Setup {
                kill: Some(point),
                ..Setup::small(dir.path(), shards)
            };
            let shards = [1, 3][(at % 2) as usize];
            let mut child = Child::start(&setup(shards, point.clone()));
            if child.wait_ready().is_ok() {
                child.feed(&mut world, 2_000);
            }
            let ended = child.end(&mut world);
            let why = format!("{point:?}: {}", ended.stderr);
            assert_eq!(ended.signal, Some(KILLED), "{why}");
            // The recovery, at one of its changes; it has some twenty of them.
            let in_start = Point {
                moment: Moment::ALL[(at % 3) as usize],
                kind: ANY.to_owned(),
                nth: 1 + (at * 7 + round) % 20,
            };
            let mut child = Child::start(&setup([1, 3, 3][(at % 3) as usize], in_start));
            let ready = child.wait_ready();
            in_recovery += u64::from(ready.is_err());
            child.feed(&mut world, 100);
            let ended = child.end(&mut world);
            let why = format!("{point:?}, {ready:?}: {}", ended.stderr);
            assert_eq!(ended.signal, Some(KILLED), "{why}");
            world.settle(dir.path(), &Setup::small(dir.path(), shards).options());
        }
    }
    println!("figure: {in_recovery} kills in a recovery");
    assert!(in_recovery > 0, "some recoveries were interrupted");
}
