//! The accounts of older releases: the real program opens their files with all that was in
//! them, also when it is killed in the middle of that.
//!
//! Not here: the counts (`old_formats.rs` of the store) and what each migration does with
//! which row (beside the schema). Invariant: what an old file must say was written down when
//! it was made, and never by the build that is tested.

use crate::disk::strace_is_usable;
use crate::process::{DIRECTORY, command, run, run_with_input};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rusqlite::Connection;
use std::collections::BTreeMap;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/directory");
/// Schemas of which there is a file; the last one is what this build writes.
const SCHEMAS: [i64; 2] = [4, 8];
/// The key that seals them all.
const KEY: [u8; 32] = [3; 32];
/// Writes the file of the newest schema, once it has changed.
const WRITE: &str = "CHATMETRIC_WRITE_FIXTURE";
/// Calls of each kind at which the program is killed.
const KILLS_MAX: usize = 12;
/// What changes a file of SQLite.
const CALLS: &str = "pwrite64,write,fdatasync,fsync,ftruncate,unlink";

fn fixture(schema: i64, end: &str) -> PathBuf {
    Path::new(FIXTURES).join(format!("v{schema}.{end}"))
}

/// A data directory that is to be.
struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut options = std::fs::File::options();
        let key = options.write(true).create_new(true).mode(0o600);
        let mut key = key.open(folder.path().join("data.key")).expect("new");
        std::io::Write::write_all(&mut key, STANDARD.encode(KEY).as_bytes()).expect("written");
        Self { folder }
    }

    fn of(schema: i64) -> Self {
        let place = Self::new();
        std::fs::create_dir(place.folder.path().join("data")).expect("made");
        std::fs::copy(fixture(schema, "sqlite"), place.file("")).expect("copied");
        place
    }

    fn data_dir(&self) -> String {
        self.folder.path().join("data").display().to_string()
    }

    fn file(&self, suffix: &str) -> PathBuf {
        let name = format!("data/directory.sqlite{suffix}");
        self.folder.path().join(name)
    }

    fn export(&self) -> [String; 5] {
        let words = ["directory", "export", "--with-secrets", "--data-dir"];
        let mut all = words.map(str::to_owned).to_vec();
        all.push(self.data_dir());
        all.try_into().expect("five")
    }

    fn exported(&self) -> String {
        let words = self.export();
        let ran = run(&words.each_ref().map(String::as_str));
        assert_eq!(ran.code, 0, "{ran:?}");
        ran.stdout
    }

    fn schema(&self) -> i64 {
        let connection = Connection::open(self.file("")).expect("opens");
        let version = connection.pragma_query_value(None, "user_version", |row| row.get(0));
        version.expect("reads")
    }

    /// Opens it below strace, which writes what it traces to `log`; tells whether it ended
    /// well.
    fn traced(&self, log: &Path, more: &[&str]) -> bool {
        let words = self.export();
        let program = command(&words.each_ref().map(String::as_str));
        let mut strace = Command::new("strace");
        strace.args(["-f", "-qq", "-o"]).arg(log);
        for suffix in ["", "-wal"] {
            strace.arg("-P").arg(self.file(suffix));
        }
        strace.args(more).arg(program.get_program());
        let output = strace.args(program.get_args()).output();
        output.expect("strace starts").status.success()
    }
}

/// How often each call was made.
fn counted(log: &Path) -> BTreeMap<String, usize> {
    let text = std::fs::read_to_string(log).expect("a log");
    let mut counts = BTreeMap::new();
    for line in text.lines() {
        let call = line.split_whitespace().nth(1).and_then(|it| {
            let (name, _) = it.split_once('(')?;
            Some(name.to_owned())
        });
        if let Some(call) = call {
            *counts.entry(call).or_default() += 1;
        }
    }
    counts
}

#[test]
fn accounts_of_older_releases_are_all_there() {
    let newest = SCHEMAS.last().copied().expect("one");
    for schema in SCHEMAS {
        let place = Place::of(schema);
        assert_eq!(place.schema(), schema);
        let told = std::fs::read_to_string(fixture(schema, "toml")).expect("what it must say");
        // Twice: brought forward, then as it is.
        for _ in 0..2 {
            assert_eq!(place.exported(), told, "schema {schema}");
            assert_eq!(place.schema(), newest);
        }
    }
}

#[test]
fn this_build_writes_the_newest_schema() {
    let newest = SCHEMAS.last().copied().expect("one");
    let place = Place::new();
    let data_dir = place.data_dir();
    let ran = run_with_input(
        &["apply", "-f", "-", "--data-dir", &data_dir],
        DIRECTORY.as_bytes(),
    );
    assert_eq!(ran.code, 0, "{ran:?}");
    if std::env::var_os(WRITE).is_some() {
        std::fs::copy(place.file(""), fixture(place.schema(), "sqlite")).expect("copied");
        std::fs::write(fixture(place.schema(), "toml"), place.exported()).expect("written");
    }
    let advice = format!("the schema is new: add it to SCHEMAS and run this test with {WRITE}=1");
    assert_eq!(place.schema(), newest, "{advice}");
}

#[test]
fn a_migration_of_accounts_that_is_killed_at_any_call_is_repeated() {
    if !strace_is_usable() {
        return;
    }
    let newest = SCHEMAS.last().copied().expect("one");
    let trace = format!("--trace={CALLS}");
    for schema in SCHEMAS.into_iter().filter(|schema| *schema < newest) {
        let told = std::fs::read_to_string(fixture(schema, "toml")).expect("what it must say");
        let watched = Place::of(schema);
        let log = watched.folder.path().join("log");
        assert!(watched.traced(&log, &[&trace]), "it is only watched");
        let calls = counted(&log);
        println!("schema {schema}: {calls:?}");
        // The migration, and its way from the log into the file.
        assert!(calls.values().sum::<usize>() > 20, "{calls:?}");
        for (call, count) in calls {
            let step = count.div_ceil(KILLS_MAX).max(1);
            for nth in (1..=count).step_by(step).chain([count]) {
                let place = Place::of(schema);
                let log = place.folder.path().join("log");
                let inject = format!("--inject={call}:signal=KILL:when={nth}");
                let ended_well = place.traced(&log, &[&trace, &inject]);
                assert!(!ended_well, "{inject} was not met");
                // The next start may be killed as well.
                place.traced(&log, &[&trace, &inject]);
                assert_eq!(place.exported(), told, "{inject}");
                assert_eq!(place.schema(), newest, "{inject}");
            }
        }
    }
}
