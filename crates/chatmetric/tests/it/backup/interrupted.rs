//! kill -9 at calls in the middle of a backup and of a restore, a file system that is
//! full: what is a backup is whole, and the next one works.

use super::{files, list, made, restore_with_key, send};
use crate::disk::{Mount, strace_is_usable};
use crate::process::{Served, command, data_dir, run};
use chatmetric::backup::{BackupError, BackupStatus, Source, Wanted};
use chatmetric::clock::SystemClock;
use chatmetric::directory::Directory;
use chatmetric::entropy::SystemEntropy;
use chatmetric::master_key::MasterKey;
use chatmetric_store::{EmbeddedStore, Options};
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

/// Runs the program below strace, which kills it at its `nth` call of this kind; tells
/// whether it came that far.
fn killed_at(call: &str, nth: u32, arguments: &[&str]) -> bool {
    let program = command(arguments);
    let mut strace = Command::new("strace");
    strace
        .args([
            "-f",
            "-qq",
            "-e",
            &format!("trace={call}"),
            "-o",
            "/dev/null",
            "-e",
        ])
        .arg(format!("inject={call}:signal=KILL:when={nth}"))
        .arg(program.get_program())
        .args(program.get_args());
    let ended = strace.output().expect("strace runs").status;
    !ended.success()
}

/// What may be in a place of backups besides whole backups: nothing after the next one.
fn check_clean(dest: &Path) {
    for path in files(dest).keys() {
        let path = path.display().to_string();
        assert!(!path.contains(".new") && !path.contains(".gone"), "{path}");
    }
}

#[test]
fn a_kill_in_a_backup_leaves_the_backups_of_before_and_the_next_one_works() {
    if !strace_is_usable() {
        return;
    }
    let (folder, data_dir) = data_dir();
    let served = Served::start(&data_dir);
    send(&served.url, 0, 0, 200);
    let dest = folder.path().join("backups");
    let dest_text = dest.display().to_string();
    let backup = ["backup", &dest_text, "--data-dir", &data_dir, "--keep", "2"];
    // The same command works by itself once nothing serves.
    served.kill();
    let (mut kills, mut whole) = (0, BTreeSet::new());
    for call in ["fsync", "rename", "unlink", "mkdir"] {
        for nth in 1.. {
            if !killed_at(call, nth, &backup) {
                break;
            }
            kills += 1;
            let to = folder.path().join(format!("restored-{call}-{nth}"));
            if dest.join("chatmetric-backup.json").exists() {
                for backup in list(&dest) {
                    assert!(backup["damage"].is_null(), "{backup}");
                    whole.insert(backup["id"].to_string());
                }
                // The newest is whole, whatever stands beside it.
                if nth % 8 == 1 && !list(&dest).is_empty() {
                    let ran = restore_with_key(&data_dir, &dest, &to, &[]);
                    assert_eq!(ran.code, 0, "{ran:?}");
                }
            }
        }
        let told = made(&data_dir, &dest, &["--keep", "2"]);
        assert_eq!(told["damaged"].as_array().map(Vec::len), Some(0), "{told}");
        check_clean(&dest);
        assert!(list(&dest).len() <= 2);
    }
    assert!(kills > 20, "{kills}");
    assert!(
        whole.len() > 1,
        "some kills came after a backup had its name"
    );
}

#[test]
fn a_kill_in_a_restore_leaves_no_instance_and_the_next_one_works() {
    if !strace_is_usable() {
        return;
    }
    let (folder, data_dir) = data_dir();
    let served = Served::start(&data_dir);
    send(&served.url, 0, 0, 200);
    let dest = folder.path().join("backups");
    made(&data_dir, &dest, &[]);
    served.kill();
    let before = files(&dest);
    let (source, to) = (dest.display().to_string(), folder.path().join("restored"));
    let to_text = to.display().to_string();
    std::fs::copy(format!("{data_dir}.key"), format!("{to_text}.key")).expect("copied");
    let restore = ["restore", &source, "--data-dir", &to_text];
    let mut kills = 0;
    for nth in (1..).step_by(3) {
        if !killed_at("fsync,rename", nth, &restore) {
            break;
        }
        kills += 1;
        if to.exists() {
            // Killed behind the last step: the whole instance is there.
            let ran = run(&["verify", "--data-dir", &to_text]);
            assert_eq!(ran.code, 0, "{nth}: {ran:?}");
            std::fs::remove_dir_all(&to).expect("removed");
        }
    }
    assert!(kills > 5, "{kills}");
    assert_eq!(run(&["verify", "--data-dir", &to_text]).code, 0);
    assert!(!folder.path().join("restored.restoring").exists());
    assert_eq!(files(&dest), before);
}

#[test]
fn without_space_nothing_half_valid_is_left() {
    let Some(mount) = Mount::new(24) else {
        return;
    };
    let (_folder, data_dir) = data_dir();
    let served = Served::start(&data_dir);
    send(&served.url, 0, 0, 200);
    let dest = mount.0.path().join("backups");
    made(&data_dir, &dest, &[]);
    let before = files(&dest);
    mount.fill();
    send(&served.url, 0, 200, 2_000);
    let ballast = std::fs::OpenOptions::new()
        .write(true)
        .open(mount.ballast());
    let ballast = ballast.expect("opens");
    let mut refused = 0;
    // A little more room each time, so that each kind of file meets the end of it.
    loop {
        let ran = super::backup(&data_dir, &dest, &[]);
        if ran.code == 0 {
            break;
        }
        let full = ["No space left on device", "no storage space"];
        assert!(full.iter().any(|it| ran.stderr.contains(it)), "{ran:?}");
        assert!(ran.stderr.contains("backups/000002-"), "{ran:?}");
        assert_eq!(files(&dest), before);
        refused += 1;
        let length = ballast.metadata().expect("there").len();
        ballast.set_len(length - 24 * 1024).expect("shorter");
    }
    assert!(refused > 3, "{refused}");
    // Its space is free once nobody has it open.
    drop(ballast);
    std::fs::remove_file(mount.ballast()).expect("it was there");
    let told = made(&data_dir, &dest, &["--keep", "1"]);
    assert_eq!(told["removed_backups"], 2, "{told}");
    check_clean(&dest);
    let (status, log) = served.stop();
    assert!(status.success(), "{log}");
}

/// The caller is gone, or the server stops: at each file, and in each.
#[test]
fn a_backup_that_is_broken_off_leaves_nothing_and_is_no_failure() {
    let (folder, data_dir) = data_dir();
    let served = Served::start(&data_dir);
    send(&served.url, 0, 0, 500);
    served.kill();
    let dest = folder.path().join("backups");
    made(&data_dir, &dest, &[]);
    let before = files(&dest);
    let data_dir = Path::new(&data_dir);
    let key = MasterKey::load(&data_dir.with_extension("key")).expect("a key");
    let directory = Directory::open(data_dir, key, Arc::new(SystemEntropy)).expect("opens");
    let store = EmbeddedStore::open(data_dir.join("store"), Options::default()).expect("opens");
    let clock = SystemClock::default();
    let source = Source {
        directory: &directory,
        store: &store,
        clock: &clock,
    };
    let wanted = Wanted {
        dest: dest.clone(),
        keep: Some(1),
    };
    let status = BackupStatus::default();
    let mut turns = 0;
    loop {
        let mut left = turns;
        let made = status.make(source, &wanted, &mut |_| {
            left -= 1;
            left >= 0
        });
        match made {
            Ok(_) => break,
            Err(error) => assert!(matches!(error, BackupError::Stopped), "{error}"),
        }
        let after = files(&dest);
        // Runs that were copied in whole stay, for the next one.
        for (path, bytes) in &after {
            let known = before.get(path).is_some_and(|it| it == bytes);
            assert!(
                known || path.starts_with(dest.join("runs")),
                "{}",
                path.display()
            );
        }
        assert!(before.keys().all(|path| after.contains_key(path)));
        turns += 1;
    }
    assert!(turns > 4, "{turns}");
    check_clean(&dest);
    let state = status.get();
    assert_eq!((state.made, state.failed, state.last_error), (1, 0, None));
    assert_eq!(list(&dest).len(), 1);
}
