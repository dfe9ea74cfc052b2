//! Data directories of every release, committed, that this build must open with the
//! same answers, with one shard and with three; and the proof that this build still
//! writes the newest of them.
//!
//! `tests/fixtures/README.md` says how one is added.

use crate::crash::{copy_all, open, wait_until};
use crate::fault_disk::files_below;
use crate::model::{Model, Random, T0_MS, counts_of};
use chatmetric_core::{AccountKey, EpochMs, Fingerprint, PhoneNumber, SpaceKey};
use chatmetric_store::{
    Batch, EmbeddedStore, Options, QuarantineFilter, Reason, SealedItem, Store, StoreError,
    StreamOffset, Target,
};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

const DAY_MS: i64 = 86_400_000;
/// Asks the test below to write the fixture instead of comparing with it.
const WRITE: &str = "CHATMETRIC_WRITE_FIXTURE";
/// The format that this build writes.
const FORMAT: u32 = 4;
const SHARDS: [u32; 2] = [1, 3];
const ACCOUNT: AccountKey = AccountKey(9);

/// Seals when it is told to, and merges nothing.
pub(crate) fn lazy(shards: u32) -> Options {
    Options {
        shards,
        generation_records_max: 100_000,
        segment_bytes: 8 * 1024,
        merge_fan_in: 1_000,
        ..Options::default()
    }
}

fn day(at: i64) -> EpochMs {
    EpochMs(T0_MS + at * DAY_MS)
}

/// A batch of one week: messages of its own, reports of two days.
fn weekly(random: &mut Random, start_day: i64) -> Batch {
    let mut batch = random.batch(90);
    batch.received_at = day(start_day + 3);
    for event in &mut batch.events {
        event.fingerprint = Fingerprint(event.fingerprint.0 ^ ((start_day as u128) << 64));
        event.at = EpochMs(day(start_day).0 + event.at.0 % (2 * DAY_MS));
    }
    batch
}

/// Everything that a directory can hold: a dropped week whose days stay, runs of two
/// weeks, all kinds of quarantine, books, a floor, tallies, and an open journal.
pub(crate) fn generate(dir: &Path, shards: u32) -> Model {
    let (mut model, mut random) = (Model::default(), Random(1));
    let store = open(dir, &lazy(shards));
    let mut commit = |batch: Batch| {
        store.commit(batch.clone()).expect("taken");
        model.take(&batch);
    };
    for start_day in [0, 70, 77] {
        for _ in 0..14 {
            commit(weekly(&mut random, start_day));
        }
        store.verify().expect("exact");
        if start_day == 0 {
            store.raise_floor(day(50)).expect("raised");
            store.verify().expect("exact");
            wait_until("the old week goes", || store.stats().run_records == 0);
        }
    }
    let refused = |target, at| {
        let mut event = weekly(&mut Random(2), 84).events[0];
        (event.target, event.at) = (target, at);
        event
    };
    store
        .commit(Batch {
            source: "waits".into(),
            received_at: day(84),
            events: vec![
                refused(Target::Held(ACCOUNT), day(84)),
                refused(Target::Refused(ACCOUNT, Reason::ForeignNumber), day(84)),
                refused(Target::Space(SpaceKey(0)), day(40)),
                refused(Target::Space(SpaceKey(0)), day(85)),
            ],
            sealed: vec![SealedItem {
                account: ACCOUNT,
                reason: Reason::Unparsable,
                sealed: b"sealed bytes of a body".to_vec().into(),
            }],
            ignored: 2,
        })
        .expect("taken");
    read_stream(&store, "stream/sealed");
    store.verify().expect("exact");
    for _ in 0..10 {
        commit(weekly(&mut random, 84));
    }
    read_stream(&store, "stream/open");
    drop(store);
    model
}

/// A stream that brought nothing that counts.
fn read_stream(store: &dyn Store, source: &str) {
    let batch = Batch {
        source: source.into(),
        received_at: day(84),
        events: Vec::new(),
        sealed: Vec::new(),
        ignored: 3,
    };
    let offset = StreamOffset {
        created_ns: 1_767_225_600_000_000_000,
        sequence: 7,
        last_ms: 1_767_225_600_000,
        messages: 3,
        missing: 4,
        recreated: 1,
    };
    store.commit_at(batch, offset).expect("taken");
}

/// Everything that a store answers, as text.
pub(crate) fn answers(store: &dyn Store) -> Result<String, StoreError> {
    let mut text = String::new();
    let mut line = |what: &dyn std::fmt::Debug| writeln!(text, "{what:?}").expect("it grows");
    for (place, fields) in counts_of(store)? {
        line(&(place, fields));
    }
    for (source, books) in store.books()? {
        line(&(source, books));
    }
    for item in store.quarantine(QuarantineFilter::default(), usize::MAX)? {
        line(&item);
    }
    line(&store.floor());
    for offset in store.stream_offsets()? {
        line(&offset);
    }
    Ok(text)
}

/// What it explains, as text; it begins with format 4.
fn explanations(store: &dyn Store) -> Result<String, StoreError> {
    let mut text = String::new();
    for space in [SpaceKey(0), SpaceKey(1)] {
        for number in store.numbers(space)? {
            for week in [0, 70, 77, 84] {
                let slots = day(week).slot()..day(week + 2).slot();
                let told = store.explain(space, &number, slots)?;
                writeln!(text, "{space:?} {number} {week}: {told:?}").expect("it grows");
            }
        }
    }
    Ok(text)
}

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

/// One committed directory.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fixture {
    version: u32,
    shards: u32,
}

impl Fixture {
    /// All of them, of every format that there was.
    pub(crate) fn all() -> Vec<Self> {
        let of = |version| SHARDS.map(|shards| Self { version, shards });
        (1..=FORMAT).flat_map(of).collect()
    }

    pub(crate) fn name(&self) -> String {
        format!("v{}/shards-{}", self.version, self.shards)
    }

    pub(crate) fn place(&self) -> PathBuf {
        fixtures().join(self.name())
    }

    /// What it must answer.
    pub(crate) fn answers(&self) -> String {
        let path = self.place().with_extension("answers");
        std::fs::read_to_string(path).expect("told")
    }

    pub(crate) fn is_newest(&self) -> bool {
        self.version == FORMAT
    }
}

/// What the file `FORMAT` of this build says.
pub(crate) fn format_line() -> String {
    format!("chatmetric store {FORMAT}\n")
}

/// The part of a journal that is not zeros behind everything: such files are made in
/// full ahead. Other files as they are.
fn trimmed(path: &Path) -> Vec<u8> {
    let mut bytes = std::fs::read(path).expect("readable");
    if !path
        .extension()
        .is_some_and(|it| it == "log" || it == "jnl")
    {
        return bytes;
    }
    let used = bytes
        .iter()
        .rposition(|byte| *byte != 0)
        .map_or(0, |it| it + 1);
    bytes.truncate(used);
    bytes
}

/// What the engine of the transactional part holds, whatever its files look like.
fn catalog(dir: &Path) -> BTreeMap<(String, Vec<u8>), Vec<u8>> {
    let copy = tempfile::tempdir().expect("a directory");
    copy_all(&dir.join("catalog"), copy.path());
    let database = fjall::Database::builder(copy.path()).open().expect("opens");
    let mut all = BTreeMap::new();
    for name in database.list_keyspace_names() {
        let options = fjall::KeyspaceCreateOptions::default;
        let keyspace = database.keyspace(&name, options).expect("opens");
        for guard in keyspace.iter() {
            let (key, value) = guard.into_inner().expect("readable");
            all.insert((name.to_string(), key.to_vec()), value.to_vec());
        }
    }
    all
}

/// What a directory holds, by its parts.
fn written(dir: &Path) -> BTreeMap<&'static str, BTreeMap<String, Vec<u8>>> {
    let files = |part: &str| {
        let used = files_below(&dir.join(part)).into_iter().map(|path| {
            let inside = path.strip_prefix(dir).expect("inside");
            (inside.display().to_string(), trimmed(&path))
        });
        // A prepared segment may be there or not yet.
        used.filter(|(_, bytes)| !bytes.is_empty()).collect()
    };
    let entries = catalog(dir).into_iter();
    let entries = entries.map(|((name, key), value)| (format!("{name} {key:?}"), value));
    let catalog = entries.collect();
    [
        ("runs", files("runs")),
        ("journal", files("journal")),
        ("catalog", catalog),
    ]
    .into()
}

/// Copies a directory in the form in which it is committed.
fn commit_fixture(from: &Path, to: &Path) {
    drop(std::fs::remove_dir_all(to));
    for path in files_below(from) {
        let inside = path.strip_prefix(from).expect("inside");
        let target = to.join(inside);
        std::fs::create_dir_all(target.parent().expect("inside")).expect("space");
        std::fs::write(target, trimmed(&path)).expect("space");
    }
}

#[test]
fn this_build_writes_the_newest_fixture() {
    for shards in SHARDS {
        let dir = tempfile::tempdir().expect("a directory");
        let model = generate(dir.path(), shards);
        let place = fixtures().join(format!("v{FORMAT}/shards-{shards}"));
        if std::env::var_os(WRITE).is_some() {
            commit_fixture(dir.path(), &place);
            // A start changes what it opens.
            let copy = tempfile::tempdir().expect("a directory");
            copy_all(&place, copy.path());
            let store = open(copy.path(), &lazy(shards));
            let told = answers(&store).expect("readable");
            std::fs::write(place.with_extension("answers"), told).expect("space");
            let told = explanations(&store).expect("readable");
            std::fs::write(place.with_extension("explained"), told).expect("space");
        }
        let format = std::fs::read_to_string(dir.path().join("FORMAT")).expect("readable");
        assert_eq!(format, format_line(), "see {WRITE}");
        let changed = "what this build writes is not what `tests/fixtures` holds: the format \
                       changed. A release needs a new number of it, code that reads the old one, \
                       and a fixture more: see `tests/fixtures/README.md`";
        // Several shards number what they write in the order in which it comes.
        if shards == 1 {
            let (ours, told) = (written(dir.path()), written(&place));
            for part in ["runs", "journal", "catalog"] {
                assert!(ours[part] == told[part], "{part}: {changed}");
                assert!(!told[part].is_empty(), "{part} of the fixture");
            }
        }
        // What is committed is what the model counts.
        let copy = tempfile::tempdir().expect("a directory");
        copy_all(&place, copy.path());
        let store = open(copy.path(), &lazy(shards));
        assert_eq!(counts_of(&store).expect("readable"), model.counts());
    }
}

#[test]
fn directories_of_every_release_open_with_their_answers() {
    let mut opened = 0;
    for fixture in Fixture::all() {
        let (place, expected) = (fixture.place(), fixture.answers());
        for shards in SHARDS {
            let copy = tempfile::tempdir().expect("a directory");
            copy_all(&place, copy.path());
            // Twice: what the first start made of it must be as good.
            for _ in 0..2 {
                let store = open(copy.path(), &lazy(shards));
                let told = answers(&store).expect("readable");
                assert_eq!(told, expected, "{} in {shards} shards", place.display());
                check_explanations(&store, &place);
                store.verify().expect("exact");
                opened += 1;
            }
            still_counts(copy.path(), shards);
        }
    }
    assert_eq!(opened, 8 * FORMAT);
}

/// From format 4 on as it was written; before, nobody had written down who reported.
fn check_explanations(store: &dyn Store, place: &Path) {
    let told = explanations(store).expect("readable");
    match std::fs::read_to_string(place.with_extension("explained")) {
        Ok(expected) => assert_eq!(told, expected, "{}", place.display()),
        Err(_) => {
            assert!(told.contains("source: None, sent: Share { reported: "));
            assert!(!told.contains("import"), "{told}");
        }
    }
}

/// A directory that nothing above opens would be a release that is forgotten.
#[test]
fn every_committed_directory_is_opened() {
    let mut found: Vec<String> = Vec::new();
    for version in std::fs::read_dir(fixtures()).expect("fixtures").flatten() {
        let Ok(dirs) = std::fs::read_dir(version.path()) else {
            continue;
        };
        let dirs = dirs.flatten().filter(|entry| entry.path().is_dir());
        let name = |path: PathBuf| {
            let inside = path.strip_prefix(fixtures()).expect("inside");
            inside.display().to_string()
        };
        found.extend(dirs.map(|entry| name(entry.path())));
    }
    found.sort();
    let mut known: Vec<String> = Fixture::all().iter().map(Fixture::name).collect();
    known.sort();
    assert_eq!(found, known);
}

/// What a program of before must not touch: whatever is in it, by its number alone.
#[test]
fn a_newer_format_in_any_directory_is_refused_and_no_byte_is_changed() {
    let state = |dir: &Path| {
        let files = files_below(dir).into_iter();
        let read = files.map(|path| (std::fs::read(&path).expect("readable"), path));
        read.collect::<Vec<_>>()
    };
    for (fixture, newer) in Fixture::all()
        .into_iter()
        .zip([FORMAT + 1, u32::MAX].iter().cycle())
    {
        let copy = tempfile::tempdir().expect("a directory");
        copy_all(&fixture.place(), copy.path());
        let line = format!("chatmetric store {newer}\n");
        std::fs::write(copy.path().join("FORMAT"), line).expect("space");
        let before = state(copy.path());
        for shards in SHARDS {
            match EmbeddedStore::open(copy.path(), lazy(shards)) {
                Err(StoreError::NewerFormat { found, supported }) => {
                    assert_eq!((found, supported), (*newer, FORMAT));
                }
                other => panic!("{}: {:?}", fixture.name(), other.err()),
            }
            assert!(
                state(copy.path()) == before,
                "{} was changed",
                fixture.name()
            );
        }
    }
}

/// A known message is a duplicate, a new one is new.
fn still_counts(dir: &Path, shards: u32) {
    let store = open(dir, &lazy(shards));
    let mut batch = weekly(&mut Random(1), 84);
    batch.events.truncate(1);
    batch.ignored = 0;
    batch.events[0].number = PhoneNumber::parse("15550001").expect("digits");
    batch.events[0].fingerprint = Fingerprint(7);
    let first = store.commit(batch.clone()).expect("taken");
    let again = store.commit(batch).expect("taken");
    assert_eq!((first.new, again.duplicate), (1, 1));
    assert!(store.verify().expect("exact").day_blocks > 0);
}
