//! System calls that fail: EIO and ENOSPC by strace at the calls of every kind of
//! file, those of the transactional part included.
//!
//! Invariants as in `io`; a failure of the transactional part stops the store too,
//! because what is on disk is unknown then.

use super::child::Setup;
use super::kill_traced::calls_of_a_life;
use super::process::Child;
use super::strace;
use super::world::World;
use super::{cycles, folder};

const SEED: u64 = 20_261_129;
/// Calls that fail in CI.
const POINTS: u64 = 28;
const BATCHES: u64 = 120;

#[test]
fn a_system_call_that_fails_anywhere_is_never_a_false_acknowledgement() {
    if !strace::usable() {
        return;
    }
    let watched = folder();
    let calls = calls_of_a_life(watched.path(), cycles(POINTS));
    let (mut met, mut poisoned) = (0, 0);
    for (at, call) in (0..).zip(&calls) {
        let dir = folder();
        let (store, log) = (dir.path().join("s"), dir.path().join("log"));
        let call = strace::moved(call, &watched.path().join("s"), &store);
        let errors = match &*call.call {
            "write" | "pwrite64" => ["EIO", "ENOSPC"],
            _ => ["EIO", "EIO"],
        };
        let error = errors[at % 2];
        println!("{error} {call:?}");
        let mut world = World::new(SEED);
        let setup = Setup::small(&store, 1);
        let wrapper = strace::inject(&log, &call, &format!("error={error}"));
        let mut child = Child::start_in(&setup, &wrapper);
        if child.wait_ready().is_ok() {
            let taken = child.feed(&mut world, BATCHES);
            match child.ask("health", &mut world).as_deref() {
                Some("poisoned") => {
                    poisoned += 1;
                    let offered = child.offer(&mut world, 3);
                    assert_eq!(offered, 0, "{call:?}: acknowledged after the end");
                }
                Some(_) => assert!(taken > 0),
                None => panic!("{call:?}: the child is gone"),
            }
            child.drain(&mut world);
            let expected = format!("Ok({:?})", world.counts());
            assert!(
                child.ask("counts", &mut world) == Some(expected),
                "{call:?}: queries go on"
            );
        }
        let ended = child.end(&mut world);
        assert_eq!(ended.signal, None, "{call:?}: {}", ended.stderr);
        met += u64::from(strace::met(&log));
        world.settle(&store, &setup.options());
    }
    let all = calls.len() as u64;
    println!("figure: {met} of {all} system calls failed, {poisoned} stopped the store");
    assert!(met * 10 >= all * 7, "{met} of {all} were met");
    assert!(poisoned > 0);
}
