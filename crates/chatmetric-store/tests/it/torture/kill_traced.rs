//! kill -9 at the system calls of every kind of file, those of the transactional
//! part included: the calls of a watched life are killed one by one.

use super::child::Setup;
use super::process::Child;
use super::strace::{self, Call};
use super::world::World;
use super::{cycles, folder};
use std::path::Path;

const SEED: u64 = 20_261_129;
const KILLED: i32 = 9;
/// Pairs of kills, one in a life and one in the start after it, in CI.
const PAIRS: u64 = 20;
/// Batches of a life: seals and merges, and a flush of the transactional part.
const BATCHES: u64 = 120;

/// More than a life makes of one kind.
const EVERY: usize = 1_000_000;

/// Watches one life and gives its calls, the kinds in turn: as many as are asked for,
/// or every one.
pub(super) fn calls_of_a_life(dir: &Path, most: u64) -> Vec<Call> {
    let log = dir.join("log");
    let store = dir.join("s");
    let mut world = World::new(SEED);
    let mut child = Child::start_in(&Setup::small(&store, 1), &strace::watch(&log));
    child.wait_ready().expect("ready");
    assert_eq!(child.feed(&mut world, BATCHES), BATCHES);
    assert_eq!(child.end(&mut world).signal, None);
    let all = strace::calls(&log, &store, EVERY);
    if all.len() as u64 <= most {
        return all;
    }
    // As many of each kind as are needed for so many in total.
    (1..)
        .map(|each| strace::calls(&log, &store, each))
        .find(|calls| calls.len() as u64 >= most)
        .expect("enough calls")
}

#[test]
fn a_kill_at_the_calls_of_every_kind_of_file_loses_and_doubles_nothing() {
    if !strace::usable() {
        return;
    }
    let watched = folder();
    let calls = calls_of_a_life(watched.path(), cycles(PAIRS));
    let (mut killed, mut killed_again) = (0, 0);
    for (at, call) in (0..).zip(&calls) {
        let dir = folder();
        let (store, log) = (dir.path().join("s"), dir.path().join("log"));
        let call = strace::moved(call, &watched.path().join("s"), &store);
        let mut world = World::new(SEED);
        let setup = Setup::small(&store, 1);
        let wrapper = strace::inject(&log, &call, "signal=KILL");
        let mut child = Child::start_in(&setup, &wrapper);
        if child.wait_ready().is_ok() {
            child.feed(&mut world, BATCHES);
        }
        killed += u64::from(child.end(&mut world).signal == Some(KILLED));
        // And once more while it starts, at the same place of some thread.
        let wrapper = strace::inject_any(&log, 1 + at % 9, "signal=KILL");
        let mut child = Child::start_in(&Setup::small(&store, [1, 3][(at % 2) as usize]), &wrapper);
        if child.wait_ready().is_ok() {
            child.feed(&mut world, 20);
        }
        killed_again += u64::from(child.end(&mut world).signal == Some(KILLED));
        println!("{call:?}");
        world.settle(&store, &setup.options());
    }
    let all = calls.len() as u64;
    println!("figure: {killed} of {all} system calls killed, {killed_again} again");
    // Threads take turns as they like: a few calls are not met again.
    assert!(killed * 10 >= all * 7, "{killed} of {all} were killed");
    assert!(killed_again * 10 >= all * 7, "{killed_again} of {all}");
}
