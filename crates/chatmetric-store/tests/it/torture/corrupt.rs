//! Damage of every kind to directories with everything in them: a flipped bit, a file
//! cut short, a page of zeros, two files in each other's place, anywhere.
//!
//! Invariant: right answers, or a refusal that names the file and the offset. Never a
//! wrong count, a panic or a hang. Flips by every part of every file are in `damage`.

use super::{cycles, folder};
use crate::crash::{copy_all, open};
use crate::damage::{Fate, options, refusal, subject};
use crate::fault_disk::files_below;
use crate::old_formats::answers;
use chatmetric_sim::Random;
use chatmetric_store::StoreError;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

const SEED: u64 = 20_261_201;
/// Trials in CI.
const TRIALS: u64 = 200;
/// A trial takes a fraction of a second.
const PATIENCE: Duration = Duration::from_secs(60);
/// Days that are another thing than what was written, in CI.
const VALUES: u64 = 20;
const PAGE_BYTES: usize = 4096;
/// The most that one checksum covers, in these directories.
const CHECKED_BYTES_MAX: u64 = 4096;

/// The directories: whether the transactional part is in its tables, and shards.
const SUBJECTS: [(bool, u32); 4] = [(false, 1), (true, 1), (false, 3), (true, 3)];

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Damage {
    Flip,
    Truncate,
    ZeroPage,
    Swap,
}

impl Damage {
    const ALL: [Self; 4] = [Self::Flip, Self::Truncate, Self::ZeroPage, Self::Swap];
}

/// A directory and what it must answer.
struct Subject {
    dir: tempfile::TempDir,
    shards: u32,
    expected: String,
}

impl Subject {
    fn make((in_tables, shards): (bool, u32)) -> Self {
        let dir = subject(in_tables, shards);
        let copy = folder();
        copy_all(dir.path(), copy.path());
        let store = open(copy.path(), &options(shards));
        let expected = answers(&store).expect("readable");
        Self {
            dir,
            shards,
            expected,
        }
    }
}

/// The bytes up to the last one that is not zero: files are prepared in full ahead.
fn used(bytes: &[u8]) -> usize {
    let last = bytes.iter().rposition(|byte| *byte != 0);
    last.map_or(0, |at| at + 1)
}

fn choose<'a>(files: &'a [PathBuf], random: &mut Random) -> &'a PathBuf {
    &files[random.below(files.len() as u64) as usize]
}

/// What was done to a directory.
struct Done {
    what: String,
    /// The part of the directory.
    part: String,
    /// The files that it was done to: one, or the two that were swapped.
    files: Vec<PathBuf>,
    /// The only byte that is another one.
    byte: Option<u64>,
}

/// Damages something in a directory.
fn damage(dir: &Path, damage: Damage, random: &mut Random) -> Done {
    let mut files = files_below(dir);
    // What is prepared and was never used is worth a few trials.
    let unused = random.chance(50);
    files.retain(|path| unused || used(&std::fs::read(path).expect("readable")) > 0);
    // Each part as often as the others, however many files it has.
    let part = ["catalog", "journal", "runs", ""][random.below(4) as usize];
    let inside = |path: &Path| path.strip_prefix(dir).expect("inside").to_owned();
    let of_part = |path: &&PathBuf| inside(path).starts_with(part);
    let some: Vec<PathBuf> = files.iter().filter(of_part).cloned().collect();
    let path = choose(&some, random);
    let mut bytes = std::fs::read(path).expect("readable");
    let length = bytes.len();
    // Mostly where something is.
    let end = if random.chance(850) {
        used(&bytes)
    } else {
        length
    };
    let at = random.below(end as u64) as usize;
    let mut damaged = vec![path.clone()];
    let mut byte = None;
    let what = match damage {
        Damage::Flip if length > 0 => {
            let bit = random.below(8);
            bytes[at] ^= 1 << bit;
            byte = Some(at as u64);
            format!("bit {bit} of byte {at} of {length} is flipped")
        }
        Damage::Flip | Damage::Truncate => {
            bytes.truncate(at);
            format!("cut from {length} to {at} bytes")
        }
        Damage::ZeroPage => {
            let page = at / PAGE_BYTES * PAGE_BYTES;
            let past = length.min(page + PAGE_BYTES);
            bytes[page..past].fill(0);
            format!("{} zeros at {page} of {length}", past - page)
        }
        Damage::Swap => {
            // Neighbours most often: they look alike.
            let near = |other: &&PathBuf| other.parent() == path.parent() && *other != path;
            let near: Vec<PathBuf> = some.iter().filter(near).cloned().collect();
            let far = near.is_empty() || random.chance(300);
            let other = choose(if far { &files } else { &near }, random);
            bytes = std::fs::read(other).expect("readable");
            std::fs::copy(path, other).expect("space");
            damaged.push(other.clone());
            format!("swapped with {}", inside(other).display())
        }
    };
    std::fs::write(path, bytes).expect("space");
    let inside = inside(path);
    let first = inside.iter().next().expect("a name").to_string_lossy();
    Done {
        what: format!("{}: {what}", inside.display()),
        part: first.into_owned(),
        files: damaged,
        byte,
    }
}

/// What becomes of it; a panic and a hang are told like wrong answers.
fn judge(dir: &Path, subject: &Subject, done: &Done) -> Result<Fate, String> {
    let (sender, result) = std::sync::mpsc::channel();
    let (copy, shards, expected) = (dir.to_owned(), subject.shards, subject.expected.clone());
    // It is left alone when it hangs; the test ends.
    std::thread::spawn(move || drop(sender.send(refusal(&copy, shards, &expected))));
    let named = result.recv_timeout(PATIENCE).unwrap_or_else(|error| {
        Err(match error {
            std::sync::mpsc::RecvTimeoutError::Timeout => "a hang".to_owned(),
            std::sync::mpsc::RecvTimeoutError::Disconnected => "a panic".to_owned(),
        })
    })?;
    let Some(named) = named else {
        return Ok(Fate::Harmless);
    };
    // The transactional part is named as a whole at least, or a file that it says should be
    // another one.
    let catalog = dir.join("catalog");
    if done.files.iter().any(|file| file.starts_with(&catalog)) {
        return Ok(Fate::Refused);
    }
    let blamed = named.file.display();
    if !done.files.contains(&named.file) {
        return Err(format!("`{blamed}` was blamed"));
    }
    match (named.offset, done.byte) {
        // What its number is newer than is not told apart by bytes.
        (None, _) if named.file.ends_with("FORMAT") => Ok(Fate::Refused),
        (None, _) => Err(format!("`{blamed}` was blamed without an offset")),
        // A block and a frame are checked as a whole, and begin before it.
        (Some(offset), Some(byte)) if offset > byte || byte - offset >= CHECKED_BYTES_MAX => {
            Err(format!("byte {offset} of `{blamed}` was blamed"))
        }
        (Some(_), _) => Ok(Fate::Refused),
    }
}

#[test]
fn damage_of_any_kind_is_found_or_harmless() {
    let subjects = SUBJECTS.map(Subject::make);
    let mut seen: BTreeMap<(Damage, String, Fate), u64> = BTreeMap::new();
    let mut wrong = Vec::new();
    for trial in 0..cycles(TRIALS) {
        let mut random = Random::new(SEED + trial);
        let kind = Damage::ALL[(trial % 4) as usize];
        let subject = &subjects[(trial / 4 % 4) as usize];
        let copy = folder();
        copy_all(subject.dir.path(), copy.path());
        let done = damage(copy.path(), kind, &mut random);
        match judge(copy.path(), subject, &done) {
            Ok(fate) => *seen.entry((kind, done.part, fate)).or_default() += 1,
            Err(why) => wrong.push(format!("trial {trial}, {}: {why}", done.what)),
        }
    }
    for ((kind, part, fate), trials) in &seen {
        println!("{kind:?} of {part}: {fate:?} {trials}");
    }
    let of = |wanted| {
        let found = seen.iter().filter(|((.., fate), _)| *fate == wanted);
        found.map(|(_, trials)| trials).sum::<u64>()
    };
    println!(
        "figure: {} damages, {} served wrong, {} refused with the name of a file, in journals and runs with the byte",
        cycles(TRIALS),
        wrong.len(),
        of(Fate::Refused)
    );
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    for kind in Damage::ALL {
        for part in ["catalog", "journal", "runs"] {
            let refused = seen.get(&(kind, part.to_owned(), Fate::Refused));
            assert!(refused.is_some(), "{kind:?} of {part} was never refused");
        }
    }
}

/// Checksums of the engine do not know what a value was before it came to the engine,
/// nor that it belongs to another key.
#[test]
fn a_day_that_is_not_what_was_written_is_refused() {
    let subject = Subject::make(SUBJECTS[0]);
    for trial in 0..cycles(VALUES) {
        let mut random = Random::new(SEED + trial);
        let copy = folder();
        copy_all(subject.dir.path(), copy.path());
        let path = copy.path().join("catalog");
        let database = fjall::Database::builder(&path).open().expect("opens");
        let defaults = fjall::KeyspaceCreateOptions::default;
        let days = database.keyspace("tallies", defaults).expect("opens");
        let pairs = days
            .iter()
            .map(|guard| guard.into_inner().expect("readable"));
        let pairs: Vec<_> = pairs.collect();
        let mut chosen = || &pairs[random.below(pairs.len() as u64) as usize];
        let ((key, value), (_, other)) = (chosen(), chosen());
        let mut bytes = value.to_vec();
        if trial % 4 == 0 && value != other {
            bytes = other.to_vec();
        } else {
            let at = random.below(bytes.len() as u64) as usize;
            bytes[at] ^= 1 << random.below(8);
        }
        days.insert(&**key, bytes).expect("taken");
        let synced = database.persist(fjall::PersistMode::SyncAll);
        synced.expect("written");
        drop((days, database));
        // By the first query: that it is not the fold of the records would be told late.
        let store = open(copy.path(), &options(subject.shards));
        match answers(&store) {
            Err(StoreError::Corrupt { file, .. }) => assert_eq!(file, path, "trial {trial}"),
            other => panic!("trial {trial}: {other:?}"),
        }
    }
}
