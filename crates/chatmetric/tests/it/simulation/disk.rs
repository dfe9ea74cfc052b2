//! The disk under the simulated store: real files that the store can read, and beside
//! them the pure picture ([`CachedDisk`]) of what a crash would leave of them.
//!
//! Not here: when what fails (`Plan`), and the files of the transactional part, which do
//! not pass a `Disk`. No call waits for a real disk: a sync is an entry in the picture,
//! and a slow one only adds to the virtual time that was spent.
//!
//! Invariant: once the disk is down no call changes anything any more.

use chatmetric_sim::{CachedDisk, Crash, FileId, FrameCall, Random};
use chatmetric_store::{Disk, DiskFile, RealDisk};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What the journal writes, unsynced, behind a frame that was answered.
const MARK_BYTES: usize = 32;

/// What the disk does next.
#[derive(Debug)]
struct State {
    picture: CachedDisk,
    random: Random,
    /// The process or the power is gone.
    down: bool,
    /// Calls on frames until it goes.
    down_in: Option<u64>,
    error: Option<(FrameCall, u64)>,
    /// Calls that failed without the disk going down.
    failed: u64,
    full: bool,
    sync_ms: i64,
    spent_ms: i64,
}

/// What becomes of a call on a frame.
enum Fate {
    Works,
    Fails,
    /// The machine ends in the middle of it.
    Ends,
}

#[derive(Clone)]
pub(super) struct SimDisk {
    root: PathBuf,
    state: Arc<Mutex<State>>,
}

struct SimFile {
    id: FileId,
    is_segment: bool,
    real: Box<dyn DiskFile>,
    disk: SimDisk,
}

fn io_error() -> io::Error {
    io::Error::from(rustix::io::Errno::IO)
}

impl State {
    fn alive(&self) -> io::Result<()> {
        if self.down { Err(io_error()) } else { Ok(()) }
    }

    /// Counts a call on a frame.
    fn fate(&mut self, call: FrameCall) -> Fate {
        if let Some(left) = &mut self.down_in {
            if *left <= 1 {
                self.down = true;
                return Fate::Ends;
            }
            *left -= 1;
        }
        if let Some((wanted, nth)) = &mut self.error
            && *wanted == call
        {
            *nth -= 1;
            if *nth == 0 {
                self.error = None;
                self.failed += 1;
                return Fate::Fails;
            }
        }
        Fate::Works
    }
}

impl SimDisk {
    /// A disk with these files, which are written below `root`.
    pub(super) fn new(root: &Path, picture: CachedDisk, seed: u64) -> Self {
        for (path, bytes) in picture.files() {
            let target = root.join(path);
            std::fs::create_dir_all(target.parent().expect("inside")).expect("space");
            std::fs::write(target, bytes).expect("space");
        }
        let state = State {
            picture,
            random: Random::new(seed),
            down: false,
            down_in: None,
            error: None,
            failed: 0,
            full: false,
            sync_ms: 0,
            spent_ms: 0,
        };
        Self {
            root: root.to_owned(),
            state: Arc::new(Mutex::new(state)),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn inside<'p>(&self, path: &'p Path) -> &'p Path {
        path.strip_prefix(&self.root).expect("below the root")
    }

    /// Everything ends here.
    pub(super) fn go_down(&self) {
        self.state().down = true;
    }

    /// Everything ends at the call on a frame after so many others.
    pub(super) fn go_down_after(&self, calls: u64) {
        self.state().down_in = Some(calls);
    }

    pub(super) fn is_down(&self) -> bool {
        self.state().down
    }

    /// The `nth` such call on a frame fails.
    pub(super) fn fail(&self, call: FrameCall, nth: u64) {
        self.state().error = Some((call, nth));
    }

    /// How many calls were made to fail.
    pub(super) fn failed(&self) -> u64 {
        self.state().failed
    }

    pub(super) fn set_full(&self, full: bool) {
        self.state().full = full;
    }

    pub(super) fn is_full(&self) -> bool {
        self.state().full
    }

    pub(super) fn set_sync_ms(&self, sync_ms: i64) {
        self.state().sync_ms = sync_ms;
    }

    /// The virtual time that syncs took since the last call.
    pub(super) fn take_spent_ms(&self) -> i64 {
        std::mem::take(&mut self.state().spent_ms)
    }

    /// Nothing goes wrong any more.
    pub(super) fn mend(&self) {
        let mut state = self.state();
        (state.down_in, state.error) = (None, None);
    }

    /// What the next life finds.
    pub(super) fn after(&self, crash: Crash, random: &mut Random) -> CachedDisk {
        self.state().picture.after(crash, random)
    }

    fn file(&self, id: FileId, path: &Path, real: Box<dyn DiskFile>) -> Box<dyn DiskFile> {
        Box::new(SimFile {
            id,
            is_segment: path.extension().is_some_and(|it| it == "log"),
            real,
            disk: self.clone(),
        })
    }
}

impl SimFile {
    /// The file of a writer, not one that is still being prepared.
    fn is_frame(&self, state: &State) -> bool {
        self.is_segment && state.picture.is_named(self.id)
    }
}

impl DiskFile for SimFile {
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let mut state = self.disk.state();
        state.alive()?;
        let grows = offset + bytes.len() as u64 > state.picture.bytes_of(self.id);
        if state.full && grows {
            return Err(io::Error::from(io::ErrorKind::StorageFull));
        }
        // A mark follows an answer by its own time, so it is not counted.
        let fate = if self.is_frame(&state) && bytes.len() != MARK_BYTES {
            state.fate(FrameCall::Write)
        } else {
            Fate::Works
        };
        let written = match fate {
            Fate::Works => bytes.len(),
            Fate::Fails | Fate::Ends => state.random.below(bytes.len() as u64 + 1) as usize,
        };
        state.picture.write(self.id, offset, &bytes[..written]);
        self.real.write_at(&bytes[..written], offset)?;
        match fate {
            Fate::Works => Ok(()),
            Fate::Fails | Fate::Ends => Err(io_error()),
        }
    }

    fn sync(&self) -> io::Result<()> {
        let mut state = self.disk.state();
        state.alive()?;
        state.spent_ms += state.sync_ms;
        if self.is_frame(&state) {
            match state.fate(FrameCall::Sync) {
                Fate::Works => {}
                Fate::Fails => {
                    state.picture.fail_sync(self.id);
                    return Err(io_error());
                }
                Fate::Ends => return Err(io_error()),
            }
        }
        state.picture.sync(self.id);
        Ok(())
    }
}

impl Disk for SimDisk {
    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let mut state = self.state();
        state.alive()?;
        if state.full {
            return Err(io::Error::from(io::ErrorKind::StorageFull));
        }
        let real = RealDisk.create(path)?;
        let id = state.picture.create(self.inside(path));
        Ok(self.file(id, path, real))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let state = self.state();
        state.alive()?;
        let real = RealDisk.open(path)?;
        let id = state.picture.open(self.inside(path));
        let id = id.ok_or(io::ErrorKind::NotFound)?;
        Ok(self.file(id, path, real))
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.alive()?;
        RealDisk.create_dir(path)?;
        state.picture.create_dir(self.inside(path));
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.alive()?;
        RealDisk.remove(path)?;
        state.picture.remove(self.inside(path));
        Ok(())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.alive()?;
        RealDisk.rename(from, to)?;
        state.picture.rename(self.inside(from), self.inside(to));
        Ok(())
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.alive()?;
        state.spent_ms += state.sync_ms;
        let inside = self.inside(path).to_owned();
        state.picture.sync_dir(&inside);
        Ok(())
    }
}
