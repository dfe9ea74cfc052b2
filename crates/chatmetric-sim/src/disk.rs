//! A disk with a volatile cache, as data: what every file reads as, and what would be
//! left of it after a crash.
//!
//! Not here: real files, and when something fails. It is as nasty as a kernel may be:
//! each sector that was not synced may be lost by itself, what a failed sync did not
//! write is marked as written, a new name may be lost and a removed one come back until
//! the directory was synced, and a new directory is lost.
//!
//! Invariant: what was synced is never lost, and no crash makes up a byte.

use crate::random::Random;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// What a power cut keeps or loses as a whole.
const SECTOR_BYTES: usize = 512;

/// A file, whatever its name is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct FileId(u64);

/// What goes down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Crash {
    /// The process: what was written can be read afterwards, and is as volatile as before.
    Process,
    /// The power: the cache is gone.
    Power,
}

#[derive(Debug, Clone, Default)]
struct Content {
    /// What can be read.
    cached: Vec<u8>,
    /// What no crash takes.
    synced: Vec<u8>,
    /// Writes since the last sync.
    unsynced: Vec<(u64, Vec<u8>)>,
    /// Whether the name is durable.
    named: bool,
}

/// Files by their names below one root.
#[derive(Debug, Clone, Default)]
pub struct CachedDisk {
    contents: BTreeMap<FileId, Content>,
    names: BTreeMap<PathBuf, FileId>,
    /// Names whose removal is not durable yet.
    removed: BTreeMap<PathBuf, FileId>,
    /// Directories whose names are not durable yet.
    unnamed: BTreeSet<PathBuf>,
    next: u64,
}

fn write_into(bytes: &mut Vec<u8>, offset: u64, piece: &[u8]) {
    let start = offset as usize;
    let end = start + piece.len();
    if bytes.len() < end {
        bytes.resize(end, 0);
    }
    bytes[start..end].copy_from_slice(piece);
}

impl Content {
    /// What the power leaves.
    fn after_power_cut(&self, random: &mut Random) -> Vec<u8> {
        let mut bytes = self.synced.clone();
        for (offset, piece) in &self.unsynced {
            for (at, sector) in (0_u64..).zip(piece.chunks(SECTOR_BYTES)) {
                if random.chance(500) {
                    write_into(&mut bytes, offset + at * SECTOR_BYTES as u64, sector);
                }
            }
        }
        bytes
    }
}

impl CachedDisk {
    /// An empty file under that name, in place of what was there.
    pub fn create(&mut self, path: &Path) -> FileId {
        let id = FileId(self.next);
        self.next += 1;
        self.contents.insert(id, Content::default());
        self.names.insert(path.to_owned(), id);
        id
    }

    /// The file of that name.
    #[must_use]
    pub fn open(&self, path: &Path) -> Option<FileId> {
        self.names.get(path).copied()
    }

    /// Whether the name of the file survives.
    #[must_use]
    pub fn is_named(&self, id: FileId) -> bool {
        self.contents.get(&id).is_some_and(|file| file.named)
    }

    /// How long the file is.
    #[must_use]
    pub fn bytes_of(&self, id: FileId) -> u64 {
        self.contents
            .get(&id)
            .map_or(0, |file| file.cached.len() as u64)
    }

    /// Writes, into the cache.
    pub fn write(&mut self, id: FileId, offset: u64, bytes: &[u8]) {
        if let Some(file) = self.contents.get_mut(&id) {
            write_into(&mut file.cached, offset, bytes);
            file.unsynced.push((offset, bytes.to_vec()));
        }
    }

    /// Makes durable what was written.
    pub fn sync(&mut self, id: FileId) {
        if let Some(file) = self.contents.get_mut(&id) {
            for (offset, piece) in file.unsynced.drain(..) {
                write_into(&mut file.synced, offset, &piece);
            }
        }
    }

    /// A sync that fails: what was written can be read, and no later sync writes it.
    pub fn fail_sync(&mut self, id: FileId) {
        if let Some(file) = self.contents.get_mut(&id) {
            file.unsynced.clear();
        }
    }

    /// Makes a directory.
    pub fn create_dir(&mut self, path: &Path) {
        self.unnamed.insert(path.to_owned());
    }

    /// Removes a name.
    pub fn remove(&mut self, path: &Path) {
        if let Some(id) = self.names.remove(path) {
            self.removed.insert(path.to_owned(), id);
        }
    }

    /// Puts a file into the place of another name.
    pub fn rename(&mut self, from: &Path, to: &Path) {
        if let Some(id) = self.names.remove(from) {
            self.names.insert(to.to_owned(), id);
        }
    }

    /// Makes the names in a directory durable.
    pub fn sync_dir(&mut self, path: &Path) {
        let inside = |name: &Path| name.parent() == Some(path);
        for (_, id) in self.names.iter().filter(|(name, _)| inside(name)) {
            if let Some(file) = self.contents.get_mut(id) {
                file.named = true;
            }
        }
        self.removed.retain(|name, _| !inside(name));
        self.unnamed.retain(|name| !inside(name));
    }

    /// The disk that the next life finds.
    #[must_use]
    pub fn after(&self, crash: Crash, random: &mut Random) -> Self {
        match crash {
            Crash::Process => self.clone(),
            Crash::Power => self.after_power_cut(random),
        }
    }

    fn after_power_cut(&self, random: &mut Random) -> Self {
        let mut left = Self {
            next: self.next,
            ..Self::default()
        };
        let came_back = self.removed.iter().filter(|_| random.chance(500));
        let came_back: Vec<_> = came_back.collect();
        for (path, id) in self.names.iter().chain(came_back) {
            let Some(file) = self.contents.get(id) else {
                continue;
            };
            let lost_with = self.unnamed.iter().any(|dir| path.starts_with(dir));
            if lost_with || (!file.named && random.chance(500)) {
                continue;
            }
            let bytes = file.after_power_cut(random);
            let content = Content {
                cached: bytes.clone(),
                synced: bytes,
                unsynced: Vec::new(),
                named: true,
            };
            left.names.insert(path.clone(), *id);
            left.contents.insert(*id, content);
        }
        left
    }

    /// All files as they read, by name.
    pub fn files(&self) -> impl Iterator<Item = (&Path, &[u8])> {
        let read = |(path, id): (_, &FileId)| Some((path, &*self.contents.get(id)?.cached));
        self.names
            .iter()
            .map(|(path, id)| (path.as_path(), id))
            .filter_map(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAME: &str = "journal/1.log";

    fn reads(disk: &CachedDisk) -> Option<Vec<u8>> {
        let mut files = disk.files();
        files.find_map(|(path, bytes)| (path == Path::new(NAME)).then(|| bytes.to_vec()))
    }

    /// Different outcomes of many power cuts.
    fn cuts(disk: &CachedDisk) -> BTreeSet<Option<Vec<u8>>> {
        let mut random = Random::new(1);
        let all = (0..200).map(|_| reads(&disk.after(Crash::Power, &mut random)));
        all.collect()
    }

    fn named() -> (CachedDisk, FileId) {
        let mut disk = CachedDisk::default();
        let id = disk.create(Path::new(NAME));
        disk.sync_dir(Path::new("journal"));
        (disk, id)
    }

    #[test]
    fn a_power_cut_keeps_what_was_synced_and_any_part_of_the_rest() {
        let (mut disk, id) = named();
        disk.write(id, 0, &[1; 1024]);
        disk.sync(id);
        disk.write(id, 0, &[2; 1024]);
        let sector = |byte| [byte; SECTOR_BYTES];
        let expected = [[1, 1], [1, 2], [2, 1], [2, 2]];
        let expected = expected.map(|[a, b]| Some([sector(a), sector(b)].concat()));
        assert_eq!(cuts(&disk), BTreeSet::from(expected));
        disk.sync(id);
        assert_eq!(cuts(&disk), BTreeSet::from([Some(vec![2; 1024])]));
    }

    #[test]
    fn a_failed_sync_can_be_read_until_the_power_goes() {
        let (mut disk, id) = named();
        disk.write(id, 0, b"x");
        disk.fail_sync(id);
        disk.sync(id);
        assert_eq!(reads(&disk), Some(b"x".to_vec()));
        let mut random = Random::new(1);
        let killed = disk.after(Crash::Process, &mut random);
        assert_eq!(reads(&killed), Some(b"x".to_vec()));
        assert_eq!(cuts(&killed), BTreeSet::from([Some(Vec::new())]));
    }

    #[test]
    fn names_are_volatile_until_their_directory_is_synced() {
        let mut disk = CachedDisk::default();
        let id = disk.create(Path::new(NAME));
        disk.sync(id);
        assert!(!disk.is_named(id));
        assert_eq!(cuts(&disk), BTreeSet::from([None, Some(Vec::new())]));
        disk.sync_dir(Path::new("journal"));
        assert_eq!(cuts(&disk), BTreeSet::from([Some(Vec::new())]));
        disk.remove(Path::new(NAME));
        assert_eq!(cuts(&disk), BTreeSet::from([None, Some(Vec::new())]));
        disk.sync_dir(Path::new("journal"));
        assert_eq!(cuts(&disk), BTreeSet::from([None]));
    }

    #[test]
    fn a_new_directory_is_lost_with_what_is_in_it() {
        let mut disk = CachedDisk::default();
        disk.create_dir(Path::new("journal"));
        let id = disk.create(Path::new(NAME));
        disk.write(id, 3, b"x");
        disk.sync(id);
        disk.sync_dir(Path::new("journal"));
        assert_eq!(disk.bytes_of(id), 4);
        assert_eq!(cuts(&disk), BTreeSet::from([None]));
        disk.sync_dir(Path::new(""));
        assert_eq!(cuts(&disk), BTreeSet::from([Some(b"\0\0\0x".to_vec())]));
    }

    #[test]
    fn an_open_file_follows_its_name() {
        let (mut disk, id) = named();
        disk.rename(Path::new(NAME), Path::new("journal/2.log"));
        disk.write(id, 0, b"x");
        assert_eq!(reads(&disk), None);
        assert_eq!(disk.open(Path::new("journal/2.log")), Some(id));
        let newer = disk.create(Path::new("journal/2.log"));
        assert_ne!(newer, id);
        assert_eq!(disk.bytes_of(newer), 0);
    }
}
