//! A machine whose power can be cut: a file system on a loop device on the disk of a
//! [`Supply`], and the process of the test in a mount namespace of its own.
//!
//! Invariant: whatever happens to that process, its mounts and loop devices go with
//! it, after the disk. Needs root, `/dev/fuse` and loop devices; where one is missing the tests say so,
//! and in CI they fail.

use super::supply::Supply;
use super::volatile::Cut;
use chatmetric_sim::Random;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The variable of the process that has its own mounts.
const VARIABLE: &str = "CHATMETRIC_TORTURE_MACHINE";
/// Printed by that process when it cannot do what it is for.
const CANNOT: &str = "CANNOT: ";
/// Enough for the smallest xfs there is; what is never written takes no memory.
const DISK_BYTES: u64 = 512 * 1024 * 1024;
/// A cut comes at one of so many writes and flushes of the disk: by time alone it
/// would come between them, when the cache is empty.
const EVENTS: u64 = 8;
/// How often, and after which pause each, something is unmounted that is still in use:
/// every `mount` on the machine looks at every loop device for a moment.
const TRIES: u32 = 100;
const PAUSE: Duration = Duration::from_millis(50);

/// Runs `work` in a process with its own mounts: this test once more. `name` is the
/// test as the runner knows it.
///
/// # Panics
/// When the work fails; in CI also when there can be no such process.
pub(crate) fn alone(name: &str, work: impl FnOnce() -> Result<(), String>) {
    if std::env::var_os(VARIABLE).is_some() {
        // The runner may have begun a line of its own.
        return work().unwrap_or_else(|why| println!("\n{CANNOT}{why}"));
    }
    let told = match possible() {
        Err(why) => Err(why),
        Ok(()) => {
            let own = std::env::current_exe().expect("this binary");
            let output = Command::new("unshare")
                // The process that waits keeps the mounts until the others are gone.
                .args(["--mount", "--propagation", "private", "--fork"])
                .arg(own)
                .args([name, "--exact", "--nocapture"])
                .env(VARIABLE, "1")
                .stdin(Stdio::null())
                .output()
                .expect("it starts");
            let said = String::from_utf8_lossy(&output.stdout).into_owned();
            print!("{said}");
            eprint!("{}", String::from_utf8_lossy(&output.stderr));
            assert!(output.status.success(), "{}", output.status);
            // A name that is wrong would be a test that does nothing.
            assert!(said.contains("1 passed"), "`{name}` ran: {said}");
            let cannot = said.lines().find_map(|line| line.strip_prefix(CANNOT));
            cannot.map_or(Ok(()), |why| Err(why.to_owned()))
        }
    };
    if let Err(why) = told {
        super::skipped(&format!("no power was cut: {why}"));
    }
}

/// What can be known before anything is tried.
fn possible() -> Result<(), String> {
    if !rustix::process::geteuid().is_root() {
        return Err("only root may mount file systems".to_owned());
    }
    for needed in ["/dev/fuse", "/dev/loop-control"] {
        if !Path::new(needed).exists() {
            return Err(format!("`{needed}` does not exist"));
        }
    }
    run("unshare", &["--mount", "--propagation", "private", "true"])
}

/// Runs a command of the system and gives what it says when it fails.
fn run(program: &str, arguments: &[&str]) -> Result<(), String> {
    let output = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("`{program}`: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(format!("`{program} {}`: {said}", arguments.join(" ")))
}

/// A file system that a data directory may be on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Files {
    Ext4,
    /// The same that never flushes the cache of the disk: a control.
    Ext4WithoutBarriers,
    Xfs,
}

impl Files {
    const fn name(self) -> &'static str {
        match self {
            Self::Ext4 | Self::Ext4WithoutBarriers => "ext4",
            Self::Xfs => "xfs",
        }
    }

    const fn mount_options(self) -> &'static str {
        match self {
            // Tables are zeros already; writing them would only be noise.
            Self::Ext4 => "loop,noinit_itable",
            Self::Ext4WithoutBarriers => "loop,noinit_itable,nobarrier",
            Self::Xfs => "loop",
        }
    }

    fn make(self, device: &Path) -> Result<(), String> {
        let device = device.to_string_lossy();
        match self {
            Self::Ext4 | Self::Ext4WithoutBarriers => {
                let lazy = "nodiscard,lazy_itable_init=1,lazy_journal_init=1";
                run("mkfs.ext4", &["-q", "-F", "-E", lazy, &device])
            }
            Self::Xfs => run("mkfs.xfs", &["-q", "-K", "-f", &device]),
        }
    }
}

/// A machine that is off, or on between [`Self::start`] and a stop or a cut.
pub(crate) struct Machine {
    supply: Arc<Mutex<Supply>>,
    folder: tempfile::TempDir,
}

/// A machine with its file system mounted.
pub(crate) struct Running<'m>(&'m Machine);

fn lock(supply: &Mutex<Supply>) -> MutexGuard<'_, Supply> {
    supply.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Unmounts what may be in use for a moment more.
fn unmount(place: &Path) -> Result<(), String> {
    let place = place.to_string_lossy();
    let mut tried = run("umount", &[&place]);
    for _ in 0..TRIES {
        if tried.is_ok() {
            return tried;
        }
        std::thread::sleep(PAUSE);
        tried = run("umount", &[&place]);
    }
    tried
}

impl Machine {
    /// One with an empty file system.
    pub(crate) fn new(files: Files) -> Result<Self, String> {
        let folder = super::folder();
        for place in ["device", "mounted"] {
            std::fs::create_dir(folder.path().join(place)).expect("space");
        }
        let supply = Arc::new(Mutex::new(Supply::start(DISK_BYTES)));
        let machine = Self { supply, folder };
        let device = machine.attach()?;
        let made = files.make(&device);
        machine.detach()?;
        made.map(|()| machine)
    }

    /// What it is now is what [`Self::restore`] makes of it.
    pub(crate) fn save(&self) -> Result<(), String> {
        lock(&self.supply).save()
    }

    pub(crate) fn restore(&self) -> Result<(), String> {
        lock(&self.supply).restore()
    }

    fn place(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn attach(&self) -> Result<PathBuf, String> {
        let attached = lock(&self.supply).attach(&self.place("device"));
        attached.map_err(|why| format!("a file system of our own (FUSE): {why}"))
    }

    fn detach(&self) -> Result<(), String> {
        // A loop device lets go of it a little later.
        unmount(&self.place("device"))?;
        lock(&self.supply).detached()
    }

    /// Switches it on.
    pub(crate) fn start(&self, files: Files) -> Result<Running<'_>, String> {
        lock(&self.supply).power_on()?;
        let device = self.attach()?;
        let (from, to) = (device.to_string_lossy(), self.place("mounted"));
        let words = ["-t", files.name(), "-o", files.mount_options(), &from];
        let mounted = run("mount", &[&words[..], &[&to.to_string_lossy()]].concat());
        if let Err(why) = mounted {
            self.detach()?;
            return Err(why);
        }
        Ok(Running(self))
    }
}

impl Running<'_> {
    /// Where a store may be.
    pub(crate) fn dir(&self) -> PathBuf {
        self.0.place("mounted").join("s")
    }

    /// A thread may cut the power of this.
    pub(crate) fn plug(&self) -> Plug {
        Plug(Arc::clone(&self.0.supply))
    }

    /// Stops it in order, or takes away what is left after a cut; nothing may use its
    /// files any more.
    pub(crate) fn stop(self) {
        unmount(&self.0.place("mounted")).expect("unmounts");
        self.0.detach().expect("unmounts");
    }
}

/// What can be pulled out.
pub(crate) struct Plug(Arc<Mutex<Supply>>);

impl Plug {
    /// Pulls it out at one of the next writes or flushes, or when there are none.
    pub(crate) fn pull(&self, random: &mut Random) -> Cut {
        let event = 1 + random.below(EVENTS);
        lock(&self.0).cut(event, random).expect("it is there")
    }
}
