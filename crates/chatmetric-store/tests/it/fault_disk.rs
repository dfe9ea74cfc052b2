//! A disk that fails on demand and remembers what a power cut would leave: the
//! synced bytes of every file, and the writes since, of which any may be lost.
//!
//! It is as nasty as a kernel may be: what a failed sync did not write is marked
//! as written, so that it can be read until the power goes and no later sync
//! brings it to the disk. A new directory is lost unless its parent was synced.
//!
//! The real files are written too, so that the store can read them.

use crate::model::Random;
use chatmetric_store::{Disk, DiskFile, RealDisk};
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Which calls fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    None,
    /// The write with this number, and all later writes while `forever`.
    Write {
        nth: u64,
        forever: bool,
    },
    /// The sync with this number.
    Sync {
        nth: u64,
    },
    /// The call of this kind with this number.
    At {
        call: Call,
        nth: u64,
        how: How,
    },
}

/// The kinds of calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Call {
    Write,
    Sync,
    Create,
    Remove,
    SyncDir,
}

/// What a failing call says, and what a failing write leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct How {
    pub(crate) errno: i32,
    pub(crate) written: Written,
}

/// How much of a failed write is there all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Written {
    Nothing,
    Half,
    Everything,
}

/// The call that a fault of [`Fault::At`] hit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Met {
    pub(crate) call: Call,
    /// It was to write or sync a frame: in a segment whose name was durable.
    pub(crate) frame: bool,
}

#[derive(Default)]
struct Image {
    synced: Vec<u8>,
    unsynced: Vec<(u64, Vec<u8>)>,
    /// Whether the name is durable.
    named: bool,
}

struct State {
    fault: Fault,
    calls: u64,
    met: Option<Met>,
    writes: u64,
    syncs: u64,
    /// All changes so far.
    changes: u64,
    /// What a build without syncs would do: nothing is ever durable.
    sync_does_nothing: bool,
    files: BTreeMap<PathBuf, Arc<Mutex<Image>>>,
    /// Directories that were made here and whose name is not durable yet.
    unnamed_dirs: BTreeSet<PathBuf>,
    /// Files whose removal is not durable yet.
    removed: BTreeMap<PathBuf, Arc<Mutex<Image>>>,
}

#[derive(Clone)]
pub(crate) struct FaultDisk {
    state: Arc<Mutex<State>>,
}

struct FaultFile {
    is_segment: bool,
    real: Box<dyn DiskFile>,
    image: Arc<Mutex<Image>>,
    state: Arc<Mutex<State>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn write_into(bytes: &mut Vec<u8>, offset: u64, piece: &[u8]) {
    let (start, end) = (offset as usize, offset as usize + piece.len());
    if bytes.len() < end {
        bytes.resize(end, 0);
    }
    bytes[start..end].copy_from_slice(piece);
}

impl FaultDisk {
    pub(crate) fn new() -> Self {
        Self {
            state: Arc::new(Mutex::new(State {
                fault: Fault::None,
                calls: 0,
                met: None,
                writes: 0,
                syncs: 0,
                changes: 0,
                sync_does_nothing: false,
                files: BTreeMap::new(),
                removed: BTreeMap::new(),
                unnamed_dirs: BTreeSet::new(),
            })),
        }
    }

    /// How many changes there were: as long as it stands still, so does the disk.
    pub(crate) fn changes(&self) -> u64 {
        lock(&self.state).changes
    }

    /// From now on this fails; the calls are counted from here.
    pub(crate) fn fail(&self, fault: Fault) {
        let mut state = lock(&self.state);
        state.fault = fault;
        state.calls = 0;
        state.met = None;
        state.writes = 0;
        state.syncs = 0;
    }

    /// What the fault hit, once it did.
    pub(crate) fn met(&self) -> Option<Met> {
        lock(&self.state).met
    }

    /// Takes everything that is below `dir` for durable, except the part that does
    /// not pass this disk.
    pub(crate) fn adopt(&self, dir: &Path) {
        let mut state = lock(&self.state);
        for path in files_below(dir) {
            if path.components().any(|it| it.as_os_str() == "catalog") {
                continue;
            }
            let image = Image {
                synced: std::fs::read(&path).expect("readable"),
                unsynced: Vec::new(),
                named: true,
            };
            state.files.insert(path, Arc::new(Mutex::new(image)));
        }
    }

    /// The control: syncs report success and do nothing.
    pub(crate) fn without_sync(&self) {
        lock(&self.state).sync_does_nothing = true;
    }

    /// Writes into `to` what a power cut leaves of the files below `from`. Each
    /// sector of an unsynced write survives or not, as `random` says. Gives the
    /// directories whose names were lost, with all that is in them.
    pub(crate) fn power_cut(&self, from: &Path, to: &Path, random: &mut Random) -> Vec<PathBuf> {
        let state = lock(&self.state);
        let lost: Vec<PathBuf> = state.unnamed_dirs.iter().cloned().collect();
        let mut left: Vec<_> = state.files.iter().collect();
        let again = state.removed.iter().filter(|_| random.below(2) == 0);
        let again: Vec<_> = again.collect();
        left.extend(again);
        for (path, image) in left {
            let Ok(inside) = path.strip_prefix(from) else {
                continue;
            };
            if lost.iter().any(|dir| path.starts_with(dir)) {
                continue;
            }
            let image = lock(image);
            if !image.named && random.below(2) == 0 {
                continue;
            }
            let mut bytes = image.synced.clone();
            for (offset, piece) in &image.unsynced {
                for (number, sector) in piece.chunks(512).enumerate() {
                    if random.below(2) == 0 {
                        write_into(&mut bytes, offset + (number * 512) as u64, sector);
                    }
                }
            }
            let target = to.join(inside);
            std::fs::create_dir_all(target.parent().expect("inside")).expect("space");
            std::fs::write(target, bytes).expect("space");
        }
        lost
    }
}

/// All files below a directory.
pub(crate) fn files_below(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).expect("a directory").flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(files_below(&path));
        } else {
            found.push(path);
        }
    }
    found.sort();
    found
}

impl State {
    /// Counts a call, and gives how it fails if it is the one.
    fn fails(&mut self, call: Call, frame: bool) -> Option<How> {
        let Fault::At {
            call: wanted,
            nth,
            how,
        } = self.fault
        else {
            return None;
        };
        self.calls += u64::from(call == wanted);
        if call != wanted || self.calls != nth {
            return None;
        }
        self.met = Some(Met { call, frame });
        Some(how)
    }

    /// For calls that leave nothing when they fail.
    fn pass(&mut self, call: Call) -> io::Result<()> {
        self.changes += 1;
        self.fails(call, false)
            .map_or(Ok(()), |how| Err(io::Error::from_raw_os_error(how.errno)))
    }
}

impl FaultFile {
    /// Whether the file is in use by a writer, and no longer being prepared.
    fn is_frame(&self) -> bool {
        self.is_segment && lock(&self.image).named
    }

    /// A write that fails: a part of it is there.
    fn fail_write(&self, how: How, bytes: &[u8], offset: u64) -> io::Result<()> {
        let part = match how.written {
            Written::Nothing => &bytes[..0],
            Written::Half => &bytes[..bytes.len() / 2],
            Written::Everything => bytes,
        };
        lock(&self.image).unsynced.push((offset, part.to_vec()));
        self.real.write_at(part, offset)?;
        Err(io::Error::from_raw_os_error(how.errno))
    }
}

impl DiskFile for FaultFile {
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let frame = self.is_frame();
        let mut state = lock(&self.state);
        if let Some(how) = state.fails(Call::Write, frame) {
            drop(state);
            return self.fail_write(how, bytes, offset);
        }
        state.writes += 1;
        state.changes += 1;
        if let Fault::Write { nth, forever } = state.fault
            && (state.writes == nth || (forever && state.writes > nth))
        {
            // Half of it is there, as after a full disk.
            let half = &bytes[..bytes.len() / 2];
            self.real.write_at(half, offset)?;
            return Err(io::Error::from(io::ErrorKind::StorageFull));
        }
        drop(state);
        lock(&self.image).unsynced.push((offset, bytes.to_vec()));
        self.real.write_at(bytes, offset)
    }

    fn sync(&self) -> io::Result<()> {
        let frame = self.is_frame();
        let mut state = lock(&self.state);
        state.syncs += 1;
        state.changes += 1;
        if let Some(how) = state.fails(Call::Sync, frame) {
            drop(state);
            lock(&self.image).unsynced.clear();
            return Err(io::Error::from_raw_os_error(how.errno));
        }
        if state.fault == (Fault::Sync { nth: state.syncs }) {
            drop(state);
            // Readable until the power goes, and clean for every later sync.
            lock(&self.image).unsynced.clear();
            return Err(io::Error::other("injected sync error"));
        }
        if state.sync_does_nothing {
            return Ok(());
        }
        drop(state);
        let mut image = lock(&self.image);
        let Image {
            synced, unsynced, ..
        } = &mut *image;
        for (offset, piece) in unsynced.drain(..) {
            write_into(synced, offset, &piece);
        }
        Ok(())
    }
}

impl FaultDisk {
    fn file(&self, path: &Path, real: Box<dyn DiskFile>, new: bool) -> Box<dyn DiskFile> {
        let mut state = lock(&self.state);
        state.changes += 1;
        if new {
            state.files.remove(path);
        }
        let image = Arc::clone(state.files.entry(path.to_owned()).or_default());
        drop(state);
        Box::new(FaultFile {
            is_segment: path.extension().is_some_and(|it| it == "log"),
            real,
            image,
            state: Arc::clone(&self.state),
        })
    }
}

impl Disk for FaultDisk {
    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        lock(&self.state).pass(Call::Create)?;
        Ok(self.file(path, RealDisk.create(path)?, true))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        Ok(self.file(path, RealDisk.open(path)?, false))
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        RealDisk.create_dir(path)?;
        lock(&self.state).unnamed_dirs.insert(path.to_owned());
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        lock(&self.state).pass(Call::Remove)?;
        RealDisk.remove(path)?;
        let mut state = lock(&self.state);
        state.changes += 1;
        if let Some(image) = state.files.remove(path) {
            state.removed.insert(path.to_owned(), image);
        }
        Ok(())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        RealDisk.rename(from, to)?;
        let mut state = lock(&self.state);
        if let Some(image) = state.files.remove(from) {
            state.files.insert(to.to_owned(), image);
        }
        Ok(())
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        let mut state = lock(&self.state);
        state.pass(Call::SyncDir)?;
        if state.sync_does_nothing {
            return Ok(());
        }
        for (file, image) in &state.files {
            if file.parent() == Some(path) {
                lock(image).named = true;
            }
        }
        state.removed.retain(|file, _| file.parent() != Some(path));
        state.unnamed_dirs.retain(|dir| dir.parent() != Some(path));
        Ok(())
    }
}
