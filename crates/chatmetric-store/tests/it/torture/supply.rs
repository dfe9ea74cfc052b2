//! The process that a disk with a volatile cache lives in, behind stdin and stdout.
//!
//! It is this test binary once more. Invariant: it never touches what is on its disk.
//! A process that serves a disk and waits for it could not be killed: the kernel would
//! wait for an answer of a process that is ending. When this one goes, whoever waits
//! for its disk gets an error.

use super::volatile::{Cut, Device, Medium};
use chatmetric_sim::Random;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

/// The variable that turns the test into the process: the size of the disk.
const VARIABLE: &str = "CHATMETRIC_TORTURE_SUPPLY";
/// The test that is the process, as the runner knows it.
const TEST: &str = "torture::supply::a_supply_does_what_it_is_told";
/// Before every answer: the runner writes lines of its own.
const ANSWER: &str = "supply: ";
/// How long a cut waits for a write or a flush.
const PATIENCE: Duration = Duration::from_millis(400);

/// The process, told what to do.
pub(crate) struct Supply {
    process: Child,
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
}

impl Supply {
    /// Starts it with a disk of zeros.
    pub(crate) fn start(bytes: u64) -> Self {
        let mut process = Command::new(std::env::current_exe().expect("this binary"))
            .args([TEST, "--exact", "--nocapture"])
            .env(VARIABLE, bytes.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("it starts");
        Self {
            stdin: process.stdin.take(),
            stdout: BufReader::new(process.stdout.take().expect("piped")),
            process,
        }
    }

    /// Gives the answer to a line; an error is its own, or that it is gone.
    fn ask(&mut self, line: &str) -> Result<String, String> {
        let gone = |error: std::io::Error| format!("the supply is gone: {error}");
        let stdin = self.stdin.as_mut().expect("open");
        stdin
            .write_all(format!("{line}\n").as_bytes())
            .map_err(gone)?;
        loop {
            let mut said = String::new();
            if self.stdout.read_line(&mut said).map_err(gone)? == 0 {
                return Err("the supply is gone".to_owned());
            }
            // The runner may have begun the line.
            if let Some((_, answer)) = said.trim_end().split_once(ANSWER) {
                let answer = answer.strip_prefix("ok").map(|rest| rest.trim().to_owned());
                return answer.ok_or_else(|| said.trim_end().to_owned());
            }
        }
    }

    /// Attaches the disk below a directory and gives its path.
    pub(crate) fn attach(&mut self, place: &Path) -> Result<PathBuf, String> {
        self.ask(&format!("attach {}", place.display()))?;
        Ok(Medium::path_below(place))
    }

    /// Waits until the disk is free again, whose directory was unmounted.
    pub(crate) fn detached(&mut self) -> Result<(), String> {
        self.ask("detached").map(drop)
    }

    /// Keeps what is on the disk, for [`Self::restore`].
    pub(crate) fn save(&mut self) -> Result<(), String> {
        self.ask("save").map(drop)
    }

    /// The disk is again what was saved.
    pub(crate) fn restore(&mut self) -> Result<(), String> {
        self.ask("restore").map(drop)
    }

    /// Cuts the power at the write or flush with this number from now.
    pub(crate) fn cut(&mut self, event: u64, random: &mut Random) -> Result<Cut, String> {
        let said = self.ask(&format!("cut {event} {}", random.bits()))?;
        let numbers: Vec<u64> = said.split(' ').filter_map(|it| it.parse().ok()).collect();
        let &[unflushed, survived, flushes] = numbers.as_slice() else {
            return Err(said);
        };
        Ok(Cut {
            unflushed,
            survived,
            flushes,
        })
    }

    /// The power comes back.
    pub(crate) fn power_on(&mut self) -> Result<(), String> {
        self.ask("on").map(drop)
    }
}

impl Drop for Supply {
    fn drop(&mut self) {
        // It ends with its input, or is ended.
        drop(self.stdin.take());
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

/// What the process has.
struct Served {
    medium: Medium,
    saved: Option<Medium>,
    device: Option<Device>,
}

impl Served {
    fn obey(&mut self, line: &str) -> Result<String, String> {
        let told = |error: std::io::Error| error.to_string();
        let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
        match verb {
            "attach" => {
                let device = Device::attach(&self.medium, Path::new(rest)).map_err(told)?;
                self.device = Some(device);
            }
            "detached" => {
                let device = self.device.take().ok_or("nothing is attached")?;
                device.detached().map_err(told)?;
            }
            "save" => self.saved = Some(self.medium.copy()),
            "restore" => self.medium = self.saved.as_ref().ok_or("nothing is saved")?.copy(),
            "on" => self.medium.power_on(),
            "cut" => {
                let (event, seed) = rest.split_once(' ').ok_or("two numbers")?;
                let number = |text: &str| text.parse().map_err(|_| format!("`{text}`"));
                let random = Random::new(number(seed)?);
                let cut = self.medium.cut_at(number(event)?, random, PATIENCE);
                let (unflushed, survived) = (cut.unflushed, cut.survived);
                return Ok(format!("{unflushed} {survived} {}", cut.flushes));
            }
            unknown => return Err(format!("unknown: `{unknown}`")),
        }
        Ok(String::new())
    }
}

#[test]
fn a_supply_does_what_it_is_told() {
    if let Ok(bytes) = std::env::var(VARIABLE) {
        let mut served = Served {
            medium: Medium::new(bytes.parse().expect("a number")),
            saved: None,
            device: None,
        };
        for line in std::io::stdin().lock().lines() {
            match served.obey(&line.expect("text")) {
                Ok(more) => println!("\n{ANSWER}ok {more}"),
                Err(why) => println!("\n{ANSWER}{why}"),
            }
        }
        // What is attached ends with this process; to unmount it may have to wait.
        std::mem::forget(served.device);
        return;
    }
    let mut supply = Supply::start(1 << 20);
    assert!(supply.restore().is_err(), "nothing was saved");
    assert_eq!(supply.save(), Ok(()));
    let cut = supply.cut(1, &mut Random::new(1));
    assert_eq!(cut, Ok(Cut::default()), "nobody writes");
    assert_eq!(supply.power_on(), Ok(()));
    assert_eq!(supply.restore(), Ok(()));
    assert!(supply.attach(Path::new("/no/such/place")).is_err());
    assert!(supply.detached().is_err(), "nothing was attached");
}
