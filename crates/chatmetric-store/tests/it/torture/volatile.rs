//! A block device with a volatile write cache, whose power can be cut.
//!
//! It is a file in a file system of its own (FUSE), for a loop device to stand on. What
//! is written is in the cache until a flush; a cut keeps each block of the cache or
//! loses it, as a toss says, and from then on every call fails.
//! Invariants: only a flush or a cut changes what is durable; what was flushed stays.
//!
//! Not here: the process that it lives in (`supply`), file systems on it, who writes.

use chatmetric_sim::Random;
use fuser::{
    BackgroundSession, Config, Errno, FileAttr, FileHandle, FileType, Filesystem, Generation,
    INodeNo, LockOwner, MountOption, OpenFlags, ReplyAttr, ReplyData, ReplyDirectory, ReplyEmpty,
    ReplyEntry, ReplyWrite, Request, WriteFlags,
};
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

/// What survives or not, as a whole.
pub(crate) const BLOCK_BYTES: usize = 4096;
/// The name of the device in its file system.
const NAME: &str = "disk";
const FILE: INodeNo = INodeNo(2);
const TTL: Duration = Duration::from_secs(1);

type Blocks = BTreeMap<u64, Box<[u8]>>;

/// What a cut found and left.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Cut {
    /// Blocks that were in the cache.
    pub(crate) unflushed: u64,
    /// Those of them that are durable now.
    pub(crate) survived: u64,
    /// Flushes since the power came.
    pub(crate) flushes: u64,
}

#[derive(Clone)]
struct State {
    /// Blocks that are not here are zeros.
    durable: Blocks,
    cache: Blocks,
    flushes: u64,
    /// Writes and flushes until the power goes, and how it is tossed then.
    armed: Option<(u64, Random)>,
    /// What the power left; `None` while it is there.
    cut: Option<Cut>,
}

/// The medium with its cache; clones are the same one.
#[derive(Clone)]
pub(crate) struct Medium {
    bytes: u64,
    state: Arc<Mutex<State>>,
    /// The power went.
    dark: Arc<Condvar>,
}

/// A call to a device without power.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NoPower;

impl Medium {
    /// All zeros.
    pub(crate) fn new(bytes: u64) -> Self {
        let state = State {
            durable: Blocks::new(),
            cache: Blocks::new(),
            flushes: 0,
            armed: None,
            cut: None,
        };
        Self::with(bytes, state)
    }

    fn with(bytes: u64, state: State) -> Self {
        Self {
            bytes,
            state: Arc::new(Mutex::new(state)),
            dark: Arc::default(),
        }
    }

    /// Another medium with the same content.
    pub(crate) fn copy(&self) -> Self {
        Self::with(self.bytes, self.lock().clone())
    }

    /// Where the device is below the directory that it is attached at.
    pub(crate) fn path_below(place: &Path) -> PathBuf {
        place.join(NAME)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn powered(&self) -> Result<MutexGuard<'_, State>, NoPower> {
        let state = self.lock();
        if state.cut.is_none() {
            Ok(state)
        } else {
            Err(NoPower)
        }
    }

    /// A write was taken or a flush is about to be done: a cut that waits for it comes.
    fn event(&self, state: &mut State) -> Result<(), NoPower> {
        let Some((left, random)) = &mut state.armed else {
            return Ok(());
        };
        *left = left.saturating_sub(1);
        if *left > 0 {
            return Ok(());
        }
        let mut random = random.clone();
        state.cut(&mut random);
        self.dark.notify_all();
        Err(NoPower)
    }

    pub(crate) fn read(&self, offset: u64, bytes: usize) -> Result<Vec<u8>, NoPower> {
        let state = self.powered()?;
        let end = self.bytes.min(offset.saturating_add(bytes as u64));
        let mut read = Vec::with_capacity(bytes);
        let mut at = offset;
        while at < end {
            let (block, inside) = (at / BLOCK_BYTES as u64, at as usize % BLOCK_BYTES);
            let part = (BLOCK_BYTES - inside).min((end - at) as usize);
            let found = state
                .cache
                .get(&block)
                .or_else(|| state.durable.get(&block));
            match found {
                Some(block) => read.extend_from_slice(&block[inside..inside + part]),
                None => read.resize(read.len() + part, 0),
            }
            at += part as u64;
        }
        Ok(read)
    }

    pub(crate) fn write(&self, offset: u64, bytes: &[u8]) -> Result<(), NoPower> {
        let mut state = self.powered()?;
        let State { durable, cache, .. } = &mut *state;
        let (mut at, mut rest) = (offset, bytes);
        while !rest.is_empty() {
            let (block, inside) = (at / BLOCK_BYTES as u64, at as usize % BLOCK_BYTES);
            let (part, more) = rest.split_at(rest.len().min(BLOCK_BYTES - inside));
            let blank = || durable.get(&block).cloned();
            let cached = cache
                .entry(block)
                .or_insert_with(|| blank().unwrap_or_else(|| vec![0; BLOCK_BYTES].into()));
            cached[inside..inside + part.len()].copy_from_slice(part);
            (at, rest) = (at + part.len() as u64, more);
        }
        self.event(&mut state)
    }

    /// Makes everything that was written durable.
    pub(crate) fn flush(&self) -> Result<(), NoPower> {
        let mut state = self.powered()?;
        self.event(&mut state)?;
        state.flushes += 1;
        let mut cache = std::mem::take(&mut state.cache);
        state.durable.append(&mut cache);
        Ok(())
    }

    /// The power goes now: each block of the cache survives with a chance of one half.
    pub(crate) fn cut(&self, random: &mut Random) -> Cut {
        self.lock().cut(random)
    }

    /// The power goes at the write or flush with this number from here, a write being
    /// in the cache then and a flush not done; or after a while without them.
    pub(crate) fn cut_at(&self, event: u64, mut random: Random, patience: Duration) -> Cut {
        let mut state = self.lock();
        state.armed = Some((event, random.clone()));
        let waits = |state: &mut State| state.cut.is_none();
        let waited = self.dark.wait_timeout_while(state, patience, waits);
        state = waited.unwrap_or_else(PoisonError::into_inner).0;
        match state.cut {
            Some(cut) => cut,
            None => state.cut(&mut random),
        }
    }

    /// The power comes back, to what is durable.
    pub(crate) fn power_on(&self) {
        let mut state = self.lock();
        (state.armed, state.cut) = (None, None);
        state.flushes = 0;
    }
}

impl State {
    fn cut(&mut self, random: &mut Random) -> Cut {
        let cache = std::mem::take(&mut self.cache);
        let mut cut = Cut {
            unflushed: cache.len() as u64,
            survived: 0,
            flushes: self.flushes,
        };
        for (block, bytes) in cache {
            if random.chance(500) {
                self.durable.insert(block, bytes);
                cut.survived += 1;
            }
        }
        self.cut = Some(cut);
        cut
    }
}

/// A medium as a file that a loop device can stand on.
pub(crate) struct Device(BackgroundSession);

impl Device {
    /// Mounts the file system with the file at an empty directory.
    pub(crate) fn attach(medium: &Medium, place: &Path) -> std::io::Result<Self> {
        let mut config = Config::default();
        config.mount_options = vec![MountOption::FSName("chatmetric-power".to_owned())];
        fuser::spawn_mount(Files(medium.clone()), place, &config).map(Self)
    }

    /// Waits until the file system is gone, which was unmounted by its path: the
    /// kernel lets go of it when the last loop device has.
    pub(crate) fn detached(self) -> std::io::Result<()> {
        self.0.join()
    }
}

/// The directory and its one file.
struct Files(Medium);

impl Files {
    fn attributes(&self, file: INodeNo) -> FileAttr {
        let is_file = file == FILE;
        let bytes = if is_file { self.0.bytes } else { 0 };
        FileAttr {
            ino: file,
            size: bytes,
            blocks: bytes / 512,
            atime: SystemTime::UNIX_EPOCH,
            mtime: SystemTime::UNIX_EPOCH,
            ctime: SystemTime::UNIX_EPOCH,
            crtime: SystemTime::UNIX_EPOCH,
            kind: [FileType::Directory, FileType::RegularFile][usize::from(is_file)],
            perm: [0o700, 0o600][usize::from(is_file)],
            nlink: 1,
            uid: 0,
            gid: 0,
            rdev: 0,
            blksize: BLOCK_BYTES as u32,
            flags: 0,
        }
    }
}

impl Filesystem for Files {
    fn lookup(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        if parent == INodeNo::ROOT && name == NAME {
            reply.entry(&TTL, &self.attributes(FILE), Generation(0));
        } else {
            reply.error(Errno::ENOENT);
        }
    }

    fn getattr(&self, _: &Request, file: INodeNo, _: Option<FileHandle>, reply: ReplyAttr) {
        reply.attr(&TTL, &self.attributes(file));
    }

    fn readdir(
        &self,
        _: &Request,
        _: INodeNo,
        _: FileHandle,
        offset: u64,
        mut reply: ReplyDirectory,
    ) {
        if offset == 0 {
            let _full = reply.add(FILE, 1, FileType::RegularFile, NAME);
        }
        reply.ok();
    }

    fn read(
        &self,
        _: &Request,
        _: INodeNo,
        _: FileHandle,
        offset: u64,
        bytes: u32,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyData,
    ) {
        match self.0.read(offset, bytes as usize) {
            Ok(bytes) => reply.data(&bytes),
            Err(NoPower) => reply.error(Errno::EIO),
        }
    }

    fn write(
        &self,
        _: &Request,
        _: INodeNo,
        _: FileHandle,
        offset: u64,
        bytes: &[u8],
        _: WriteFlags,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyWrite,
    ) {
        match self.0.write(offset, bytes) {
            Ok(()) => reply.written(bytes.len() as u32),
            Err(NoPower) => reply.error(Errno::EIO),
        }
    }

    fn fsync(&self, _: &Request, _: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
        match self.0.flush() {
            Ok(()) => reply.ok(),
            Err(NoPower) => reply.error(Errno::EIO),
        }
    }
}

#[test]
fn a_cut_keeps_what_was_flushed_and_about_half_of_the_rest() {
    const BLOCKS: u64 = 1_000;
    let place = |block: u64| block * BLOCK_BYTES as u64;
    let medium = Medium::new(place(2 * BLOCKS));
    // Across the border of two blocks, and read back from the cache.
    medium.write(place(1) - 2, b"abcd").expect("power");
    assert_eq!(medium.read(place(1) - 3, 6), Ok(b"\0abcd\0".to_vec()));
    medium.flush().expect("power");
    for block in 0..BLOCKS {
        medium.write(place(block) + 8, b"new").expect("power");
    }
    let cut = medium.cut(&mut Random::new(1));
    assert_eq!((cut.unflushed, cut.flushes), (BLOCKS, 1));
    assert!((400..600).contains(&cut.survived), "{cut:?}");
    assert_eq!(medium.read(0, 1), Err(NoPower));
    assert_eq!(medium.write(0, b"x"), Err(NoPower));
    assert_eq!(medium.flush(), Err(NoPower));
    medium.power_on();
    assert_eq!(medium.read(place(1) - 3, 6), Ok(b"\0abcd\0".to_vec()));
    let news = (0..BLOCKS).filter(|block| {
        let read = medium.read(place(*block) + 8, 3).expect("power");
        assert!(read == b"new" || read == [0; 3], "a block is whole");
        read == b"new"
    });
    assert_eq!(news.count() as u64, cut.survived);
    // At the end there is no more.
    assert_eq!(medium.read(place(2 * BLOCKS) - 1, 9), Ok(vec![0]));
}

#[test]
fn a_cut_that_waits_comes_between_a_write_and_its_flush() {
    let lasting = |event| {
        let medium = Medium::new(8 * BLOCK_BYTES as u64);
        let waits = medium.clone();
        let long = Duration::from_secs(60);
        let cut = std::thread::spawn(move || waits.cut_at(event, Random::new(1), long));
        while medium.lock().armed.is_none() {
            std::thread::yield_now();
        }
        let calls = [
            medium.write(0, b"x"),
            medium.flush(),
            medium.write(0, b"y"),
            medium.flush(),
        ];
        (calls.map(|done| done.is_ok()), cut.join().expect("cuts"))
    };
    // A write that was taken and not answered is in the cache; a flush is not done.
    for (event, blocks, flushes) in [(1, 1, 0), (2, 1, 0), (3, 1, 1), (4, 1, 1)] {
        let (done, cut) = lasting(event);
        let expected = [1, 2, 3, 4].map(|call| call < event);
        assert_eq!(done, expected, "at {event}");
        assert_eq!(
            (cut.unflushed, cut.flushes),
            (blocks, flushes),
            "at {event}"
        );
    }
    // Nobody comes.
    let cut = Medium::new(1).cut_at(1, Random::new(1), Duration::from_millis(1));
    assert_eq!(cut, Cut::default());
}
