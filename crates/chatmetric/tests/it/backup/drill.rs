//! The restore drill: backups while four writers post and generations are sealed and
//! merged; the server is killed; each backup is restored, verified, served and asked.
//! Each holds all that was acknowledged before it began, of every number a prefix, and
//! once the writers send everything again each counts everything, once.

use super::remote::{made_remotely, token};
use super::{body, counts, files, list, made, number, restore_with_key};
use crate::process::{Served, agent, data_dir, post, run};
use chatmetric::directory::Directory;
use chatmetric::entropy::SystemEntropy;
use chatmetric::master_key::MasterKey;
use chatmetric_store::{EmbeddedStore, Options, Store as _};
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

const WRITERS: u64 = 4;
/// Of one webhook body.
const MESSAGES: u64 = 1_000;
/// More than any machine posts here; the test ends before.
const BODIES_MAX: u64 = 1_000;

/// What a writer did, in bodies.
#[derive(Default)]
struct Writer {
    begun: AtomicU64,
    acknowledged: AtomicU64,
}

/// Names of the runs in a data directory.
fn runs(data_dir: &str) -> BTreeSet<String> {
    let entries = std::fs::read_dir(Path::new(data_dir).join("store/runs")).expect("there");
    let names = entries.map(|it| it.expect("readable").file_name());
    names.map(|it| it.to_string_lossy().into_owned()).collect()
}

/// Numbers of the runs in a place of backups, as the store names them.
fn backed_up(dest: &Path) -> BTreeSet<String> {
    let entries = std::fs::read_dir(dest.join("runs")).expect("there");
    let names = entries.map(|it| it.expect("readable").file_name());
    names
        .map(|it| {
            format!(
                "{}.run",
                it.to_string_lossy().split('-').next().expect("an id")
            )
        })
        .collect()
}

fn wait_until(what: &str, served: &Served, mut done: impl FnMut() -> bool) {
    for _ in 0..6_000 {
        if done() {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("{what} never came: {}", served.said());
}

/// Bodies of each writer: those acknowledged before a backup, those begun after it.
struct Between {
    before: Vec<u64>,
    after: Vec<u64>,
}

fn backup_between(writers: &[Writer], make: impl FnOnce()) -> Between {
    let acknowledged = writers
        .iter()
        .map(|it| it.acknowledged.load(Ordering::SeqCst));
    let before = acknowledged.collect();
    make();
    let begun = writers.iter().map(|it| it.begun.load(Ordering::SeqCst));
    Between {
        before,
        after: begun.collect(),
    }
}

#[test]
fn a_backup_under_load_is_an_acknowledged_prefix_and_counts_once() {
    drill(Origin::DataDir, |served| {
        made(served.data_dir, served.dest, &[])
    });
}

#[test]
fn a_backup_over_http_under_load_is_an_acknowledged_prefix_and_counts_once() {
    drill(Origin::Elsewhere, |served| {
        made_remotely(served.url, served.token, served.dest, &[])
    });
}

/// A server under load, and where its backups go.
struct UnderLoad<'a> {
    url: &'a str,
    data_dir: &'a str,
    token: &'a Path,
    dest: &'a Path,
}

/// Drills are one after the other: each waits for merges that the load of both would hide.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// Where a backup is made from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Origin {
    DataDir,
    Elsewhere,
}

fn drill(origin: Origin, make: impl Fn(&UnderLoad<'_>) -> serde_json::Value) {
    let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let (folder, data_dir) = data_dir();
    let token = token(&data_dir, "drill", &[]);
    let dest = folder.path().join("backups");
    let config = folder.path().join("small.toml").display().to_string();
    std::fs::write(&config, "[store]\nmemory_bytes_max = 16777216\n").expect("written");
    let serve = |data_dir: &str| {
        let arguments = ["serve", "--listen", "127.0.0.1:0", "--config", &config];
        Served::start_with(&[&arguments[..], &["--data-dir", data_dir]].concat())
    };
    let served = serve(&data_dir);
    let under_load = UnderLoad {
        url: &served.url,
        data_dir: &data_dir,
        token: &token,
        dest: &dest,
    };
    let writers: Vec<Writer> = (0..WRITERS).map(|_| Writer::default()).collect();
    let done = AtomicBool::new(false);
    let (first, second) = std::thread::scope(|scope| {
        for (at, writer) in (0..).zip(&writers) {
            let (url, done) = (&served.url, &done);
            scope.spawn(move || {
                let agent = agent();
                for turn in 0..BODIES_MAX {
                    if done.load(Ordering::SeqCst) {
                        return;
                    }
                    writer.begun.store(turn + 1, Ordering::SeqCst);
                    let body = body(at, turn * MESSAGES, MESSAGES);
                    while post(&agent, url, "acme-wa", &body) != Some(200) {
                        std::thread::sleep(Duration::from_millis(20));
                    }
                    writer.acknowledged.store(turn + 1, Ordering::SeqCst);
                }
            });
        }
        // A run of the higher level, which the next merge leaves alone.
        wait_until("a merge", &served, || {
            let names = runs(&data_dir);
            names.len() > 1 && !names.contains("0000000000000001.run")
        });
        let first = backup_between(&writers, || {
            let told = make(&under_load);
            assert_eq!(told["present_files"], 0);
        });
        let had = backed_up(&dest);
        // Something new beside something that was there. Where a backup is made at once, what
        // was there is partly gone too; one that waits for its turn may have only runs that
        // the next merge takes all or none of.
        wait_until("another run", &served, || {
            let have = runs(&data_dir);
            let is_new = have.iter().any(|it| !had.contains(it));
            let is_left = had.iter().any(|it| have.contains(it));
            let is_gone = had.iter().any(|it| !have.contains(it));
            is_new && is_left && (is_gone || origin == Origin::Elsewhere)
        });
        let second = backup_between(&writers, || {
            let told = make(&under_load);
            assert!(told["present_files"].as_u64() > Some(0), "{told}");
            assert!(told["copied_bytes"].as_u64() < told["bytes"].as_u64());
            assert!(told["bytes"].as_u64() > told["present_bytes"].as_u64());
        });
        done.store(true, Ordering::SeqCst);
        (first, second)
    });
    let ended: Vec<u64> = writers
        .iter()
        .map(|it| it.begun.load(Ordering::SeqCst))
        .collect();
    let all = counts(&served.url);
    served.kill();
    let ids: Vec<String> = list(&dest)
        .iter()
        .map(|it| it["id"].as_str().expect("an id").to_owned())
        .collect();
    assert_eq!(ids.len(), 2);
    for (id, between) in ids.iter().zip([first, second]) {
        let restored = folder.path().join(id);
        let ran = restore_with_key(&data_dir, &dest, &restored, &["--at", id]);
        assert_eq!(ran.code, 0, "{ran:?}");
        let told: serde_json::Value = serde_json::from_str(&ran.stdout).expect("JSON");
        assert!(told["verified"]["records"].as_u64() > Some(0), "{told}");
        assert_eq!(told["master_key_checked"], true);
        let restored = restored.display().to_string();
        let verified = run(&["verify", "--data-dir", &restored]);
        assert_eq!(verified.code, 0, "{verified:?}");
        let served = serve(&restored);
        let found = counts(&served.url);
        for (writer, (before, after)) in (0..).zip(between.before.iter().zip(&between.after)) {
            let (sent, delivered) = found[&number(writer)];
            assert_eq!(sent, delivered, "a body is there as a whole");
            assert_eq!(sent % MESSAGES, 0, "a body is there as a whole");
            let bodies = sent / MESSAGES;
            assert!(
                (*before..=*after).contains(&bodies),
                "{bodies} of {before} acknowledged before and {after} begun"
            );
        }
        std::thread::scope(|scope| {
            for (writer, bodies) in (0..).zip(&ended) {
                let url = &served.url;
                scope.spawn(move || {
                    let agent = agent();
                    for turn in 0..*bodies {
                        let body = body(writer, turn * MESSAGES, MESSAGES);
                        while post(&agent, url, "acme-wa", &body) != Some(200) {
                            std::thread::sleep(Duration::from_millis(20));
                        }
                    }
                });
            }
        });
        assert_eq!(counts(&served.url), all, "backup {id}");
        let (status, log) = served.stop();
        assert!(status.success(), "{log}");
        let verified = run(&["verify", "--data-dir", &restored]);
        assert_eq!(verified.code, 0, "{verified:?}");
    }
    // Of the older one only what the newer one has too stays.
    let told = made(&data_dir, &dest, &["--keep", "1"]);
    assert_eq!(told["removed_backups"], 2);
    let is_less = told["removed_files"].as_u64() > Some(0);
    assert!(is_less || origin == Origin::Elsewhere, "{told}");
    let manifests = files(&dest.join("backups"));
    let manifest = manifests
        .iter()
        .find(|(path, _)| path.ends_with("manifest.json"));
    let text = String::from_utf8_lossy(manifest.expect("one").1);
    let named = text.matches("\"runs/").count();
    assert_eq!(backed_up(&dest).len(), named);
}

/// Numbers that come for the first time are bound in the directory before their events
/// reach the store: no backup has the one without the other.
#[test]
fn a_backup_names_no_number_that_its_directory_does_not_know() {
    let (folder, data_dir) = data_dir();
    let dest = folder.path().join("backups");
    let served = Served::start(&data_dir);
    let (done, next) = (AtomicBool::new(false), AtomicU64::new(0));
    std::thread::scope(|scope| {
        for _ in 0..WRITERS {
            scope.spawn(|| {
                let agent = agent();
                // A space takes a thousand numbers.
                while !done.load(Ordering::SeqCst) {
                    let at = next.fetch_add(1, Ordering::SeqCst);
                    if at >= 1_000 {
                        return;
                    }
                    let body = body(at, 0, 1);
                    assert_eq!(post(&agent, &served.url, "acme-wa", &body), Some(200));
                }
            });
        }
        for turn in 1..=4_u64 {
            wait_until("new numbers", &served, || {
                next.load(Ordering::SeqCst) > turn * 30
            });
            made(&data_dir, &dest, &[]);
        }
        done.store(true, Ordering::SeqCst);
    });
    assert!(
        next.load(Ordering::SeqCst) < 1_000,
        "numbers came to the end"
    );
    served.kill();
    for backup in list(&dest) {
        let id = backup["id"].as_str().expect("an id");
        let restored = folder.path().join(id);
        let ran = restore_with_key(&data_dir, &dest, &restored, &["--at", id]);
        assert_eq!(ran.code, 0, "{ran:?}");
        let key = Path::new(&format!("{data_dir}.key")).to_owned();
        let key = MasterKey::load(&key).expect("a key");
        let directory = Directory::open(&restored, key, Arc::new(SystemEntropy)).expect("opens");
        let snapshot = directory.snapshot();
        let space = snapshot.space("space-a").expect("a space").key;
        let known: BTreeSet<_> = snapshot.numbers_of(space).collect();
        let store = EmbeddedStore::open(restored.join("store"), Options::default());
        let counted = store.expect("opens").numbers(space).expect("readable");
        assert!(counted.len() > 20, "{}", counted.len());
        for number in counted {
            assert!(known.contains(&number), "{number} of {id}");
        }
    }
}
