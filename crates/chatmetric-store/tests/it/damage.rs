//! Damaged directories: a flipped bit in every part of every file is found, by the
//! start, by a query or by a verification, or it is provably harmless.
//!
//! Never a wrong count, whatever was flipped; and what is refused is named.

use crate::crash::copy_all;
use crate::fault_disk::files_below;
use crate::model::{Random, cases};
use crate::old_formats::{answers, generate};
use crate::torture::folder;
use chatmetric_store::{EmbeddedStore, Options, Store, StoreError};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Flips in CI, over all files.
const FLIPS: u64 = 240;

pub(crate) fn options(shards: u32) -> Options {
    Options {
        shards,
        generation_records_max: 100_000,
        segment_bytes: 8 * 1024,
        merge_fan_in: 1_000,
        ..Options::default()
    }
}

/// A directory with everything in it; the transactional part once in its journal,
/// once in its sorted tables.
pub(crate) fn subject(in_tables: bool, shards: u32) -> tempfile::TempDir {
    let dir = folder();
    generate(dir.path(), shards);
    let path = dir.path().join("catalog");
    let database = fjall::Database::builder(&path).open().expect("opens");
    if in_tables {
        for name in database.list_keyspace_names() {
            let options = fjall::KeyspaceCreateOptions::default;
            let keyspace = database.keyspace(&name, options).expect("opens");
            keyspace.rotate_memtable_and_wait().expect("written");
        }
    }
    drop(database);
    // Its journal is prepared with many zeros, which would only be copied.
    for path in files_below(&path) {
        let bytes = std::fs::read(&path).expect("readable");
        let used = bytes
            .iter()
            .rposition(|byte| *byte != 0)
            .map_or(0, |it| it + 1);
        if bytes.len() - used > 4096 {
            std::fs::write(&path, &bytes[..used]).expect("space");
        }
    }
    dir
}

/// Offsets of a file to try: its beginning and its end densely, its middle evenly.
fn offsets(bytes: &[u8]) -> Vec<usize> {
    let used = bytes
        .iter()
        .rposition(|byte| *byte != 0)
        .map_or(0, |it| it + 1);
    let mut all: Vec<usize> = (0..used.min(96)).collect();
    all.extend(used.saturating_sub(48)..used);
    all.extend((0..64).map(|part| used * part / 64));
    // Zeros behind everything: nothing may be read into them.
    all.extend((used < bytes.len()).then_some(used));
    all.sort_unstable();
    all.dedup();
    all.retain(|at| *at < bytes.len());
    all
}

/// What became of one damage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fate {
    /// A start, a query or a verification refused, and named the file.
    Refused,
    /// The answers are the same, and verified.
    Harmless,
}

/// What a refusal names.
#[derive(Debug)]
pub(crate) struct Named {
    pub(crate) file: PathBuf,
    /// The byte that the part begins at that is not what was written.
    pub(crate) offset: Option<u64>,
}

/// Opens, asks and verifies. Gives what a refusal names, or `None` when the answers are
/// right; an error is a wrong answer, or a refusal without a name.
pub(crate) fn refusal(dir: &Path, shards: u32, expected: &str) -> Result<Option<Named>, String> {
    let answer = EmbeddedStore::open(dir, options(shards)).and_then(|store| {
        let first = answers(&store)?;
        store.verify()?;
        Ok((first, answers(&store)?))
    });
    let whole = |name| {
        let file = dir.join(name);
        Ok(Some(Named { file, offset: None }))
    };
    match answer {
        Ok((first, second)) if first == expected && second == expected => Ok(None),
        Ok(_) => Err("wrong answers".to_owned()),
        Err(StoreError::Corrupt { file, offset, .. }) if file.starts_with(dir) => {
            let offset = Some(offset);
            Ok(Some(Named { file, offset }))
        }
        Err(StoreError::NewerFormat { .. }) => whole("FORMAT"),
        // The engine says what, and not always where: the catalog is one directory. And
        // tallies that are not those of the records are there too.
        Err(StoreError::Differs { .. }) => whole("catalog"),
        Err(StoreError::Io { operation, .. }) if operation.contains("the catalog") => {
            whole("catalog")
        }
        Err(other) => Err(format!("{other:?}")),
    }
}

fn fate(dir: &Path, expected: &str) -> Result<Fate, String> {
    let refused = refusal(dir, 1, expected)?;
    Ok(refused.map_or(Fate::Harmless, |_| Fate::Refused))
}

fn flips(in_tables: bool, random: &mut Random) -> BTreeMap<(String, Fate), u64> {
    let dir = subject(in_tables, 1);
    let copy = || {
        let copy = folder();
        copy_all(dir.path(), copy.path());
        copy
    };
    let sound = copy();
    let store = EmbeddedStore::open(sound.path(), options(1)).expect("opens");
    let expected = answers(&store).expect("readable");
    drop(store);
    let mut candidates: Vec<(PathBuf, usize)> = Vec::new();
    for path in files_below(dir.path()) {
        let inside = path.strip_prefix(dir.path()).expect("inside").to_owned();
        let catalog = inside.starts_with("catalog");
        if catalog != in_tables && in_tables {
            continue;
        }
        let bytes = std::fs::read(&path).expect("readable");
        candidates.extend(offsets(&bytes).into_iter().map(|at| (inside.clone(), at)));
    }
    // A part of them, another one with each seed; every file has its share.
    let wanted = cases(FLIPS) / 2;
    let step = (candidates.len() as u64).div_ceil(wanted).max(1);
    let mut seen: BTreeMap<(String, Fate), u64> = BTreeMap::new();
    let first = random.below(step) as usize;
    let mut wrong = Vec::new();
    for (inside, at) in candidates.iter().skip(first).step_by(step as usize) {
        let copy = copy();
        let path = copy.path().join(inside);
        let mut bytes = std::fs::read(&path).expect("readable");
        let bit = random.below(8);
        bytes[*at] ^= 1 << bit;
        std::fs::write(&path, bytes).expect("space");
        // A panic is a fault of its own, and is told like all others.
        println!("{} byte {at} bit {bit}", inside.display());
        let fate = || fate(copy.path(), &expected);
        match std::panic::catch_unwind(fate).unwrap_or_else(|_| Err("a panic".to_owned())) {
            Ok(fate) => {
                let part = inside.iter().next().expect("a name").to_string_lossy();
                *seen.entry((part.into_owned(), fate)).or_default() += 1;
            }
            Err(why) => wrong.push(format!("{} byte {at} bit {bit}: {why}", inside.display())),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    seen
}

#[test]
fn a_flipped_bit_in_any_part_of_any_file_is_found_or_harmless() {
    let mut random = Random(cases(FLIPS));
    for in_tables in [false, true] {
        let seen = flips(in_tables, &mut random);
        println!("tables {in_tables}: {seen:?}");
        let refused = |part: &str| {
            let found = seen.get(&(part.to_owned(), Fate::Refused));
            found.copied().unwrap_or(0)
        };
        assert!(refused("catalog") > 5, "{seen:?}");
        if !in_tables {
            assert!(refused("runs") > 5 && refused("journal") > 5, "{seen:?}");
        }
    }
}
