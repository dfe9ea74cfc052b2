//! kill -9 while a directory of an older format is opened: at every change of a file,
//! and at the system calls of the transactional part.
//!
//! Invariant: the next start, killed too, and the one after it make of the directory
//! what one start would have made: the same answers, and the format of this build.

use super::child::Setup;
use super::kill_disk::{ANY, Moment, Point};
use super::process::Child;
use super::{cycles, folder, strace};
use crate::crash::{copy_all, open};
use crate::old_formats::{Fixture, answers, format_line, lazy};
use chatmetric_store::Store as _;
use std::path::Path;

const KILLED: i32 = 9;
/// Traced kills of each directory in CI, at least one for each kind of call and file.
const TRACED: u64 = 8;

/// Directories that a start has to migrate.
fn older() -> Vec<Fixture> {
    let all = Fixture::all().into_iter();
    let older: Vec<Fixture> = all.filter(|it| !it.is_newest()).collect();
    assert!(!older.is_empty(), "there is something to migrate");
    older
}

/// Starts and stops a store there; tells whether that was killed.
fn start(setup: &Setup, wrapper: &[String]) -> bool {
    let mut child = Child::start_in(setup, wrapper);
    drop(child.wait_ready());
    let ended = child.end(&mut super::world::World::new(1));
    assert!(
        matches!(ended.signal, None | Some(KILLED)),
        "{}",
        ended.stderr
    );
    ended.signal.is_some()
}

/// Demands what one start would have made.
fn settle(dir: &Path, fixture: &Fixture, shards: u32) {
    let store = open(dir, &lazy(shards));
    let told = answers(&store).expect("readable");
    assert!(told == fixture.answers(), "{}", fixture.name());
    store.verify().expect("exact");
    let format = std::fs::read_to_string(dir.join("FORMAT")).expect("readable");
    assert_eq!(format, format_line(), "{}", fixture.name());
}

#[test]
fn a_migration_that_is_killed_at_any_change_is_repeated() {
    for fixture in older() {
        let (mut nth, mut again) = (1, 0);
        loop {
            let dir = folder();
            copy_all(&fixture.place(), dir.path());
            // The number of shards may change in the same start.
            let shards = [1, 3][(nth % 2) as usize];
            let at = |moment, nth| Setup {
                kill: Some(Point {
                    moment,
                    kind: ANY.to_owned(),
                    nth,
                }),
                ..Setup::small(dir.path(), shards)
            };
            // In the middle of a write; before any other change, so after the last one.
            let killed = start(&at(Moment::Half, nth), &[]);
            again += u64::from(start(&at(Moment::After, 1 + nth * 7 % 10), &[]));
            settle(dir.path(), &fixture, shards);
            if !killed && nth > 1 {
                break;
            }
            nth += 1;
        }
        println!(
            "{}: {} changes, {again} killed again",
            fixture.name(),
            nth - 1
        );
        // At least: the format, written, synced and renamed; a segment; the clean end.
        assert!(nth > 8, "{nth}");
        assert!(again > nth / 2, "{again} of {nth}");
    }
}

#[test]
fn a_migration_that_is_killed_at_the_calls_of_any_file_is_repeated() {
    if !strace::usable() {
        return;
    }
    for fixture in older() {
        let watched = folder();
        let (store, log) = (watched.path().join("s"), watched.path().join("log"));
        copy_all(&fixture.place(), &store);
        let setup = Setup::small(&store, 1);
        assert!(!start(&setup, &strace::watch(&log)), "it is only watched");
        // As many of each kind as are needed for so many in total; all, if there are less.
        let wanted = cycles(TRACED) as usize;
        let mut calls = Vec::new();
        for each in 1..=wanted {
            calls = strace::calls(&log, &store, each);
            if calls.len() >= wanted {
                break;
            }
        }
        let mut killed = 0;
        for (at, call) in calls.iter().enumerate() {
            let dir = folder();
            let (place, log) = (dir.path().join("s"), dir.path().join("log"));
            copy_all(&fixture.place(), &place);
            let shards = [1, 3][at % 2];
            let setup = Setup::small(&place, shards);
            let call = strace::moved(call, &store, &place);
            killed += usize::from(start(&setup, &strace::inject(&log, &call, "signal=KILL")));
            settle(&place, &fixture, shards);
        }
        let all = calls.len();
        println!("{}: {killed} of {all} calls were met", fixture.name());
        assert!(killed * 2 >= all, "{killed} of {all} were killed");
    }
}
