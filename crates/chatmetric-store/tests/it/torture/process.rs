//! Starts children, feeds them, reads their answers until they are gone.
//!
//! Invariant: an answer counts from the moment its line is read here, and every
//! line that a child wrote before it was killed is read.

use super::child::{self, Setup};
use super::world::World;
use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::{ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread::JoinHandle;
use std::time::Duration;

/// How long a child may say nothing before that is a fault of its own.
const PATIENCE: Duration = Duration::from_secs(60);
/// Batches that are under way at once.
const WINDOW: usize = 24;

/// A running child.
pub(crate) struct Child {
    process: std::process::Child,
    stdin: Option<ChildStdin>,
    answers: Receiver<String>,
    stdout: Option<JoinHandle<()>>,
    stderr: Option<JoinHandle<String>>,
    /// Batches without an answer of this child.
    asked: BTreeSet<u64>,
}

/// How a child ended.
pub(crate) struct Ended {
    /// The signal, if one ended it.
    pub(crate) signal: Option<i32>,
    pub(crate) stderr: String,
}

/// The command that is a child.
pub(crate) fn command(setup: &Setup, wrapper: &[String]) -> Command {
    let own = std::env::current_exe().expect("this binary");
    let mut command = match wrapper.split_first() {
        None => Command::new(own),
        Some((program, arguments)) => {
            let mut command = Command::new(program);
            command.args(arguments).arg(own);
            command
        }
    };
    command
        .args([child::TEST, "--exact", "--nocapture", "--test-threads=2"])
        .env(child::VARIABLE, setup.to_text());
    if !setup.synced {
        command.env(child::UNSYNCED_VARIABLE, "1");
    }
    command
}

impl Child {
    pub(crate) fn start(setup: &Setup) -> Self {
        Self::start_in(setup, &[])
    }

    /// Starts it as the last words of another command.
    pub(crate) fn start_in(setup: &Setup, wrapper: &[String]) -> Self {
        let mut process = command(setup, wrapper)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the child starts");
        let (sender, answers) = channel();
        let stdout = BufReader::new(process.stdout.take().expect("piped"));
        let stdout = std::thread::spawn(move || {
            // A short line is one write to the pipe: it comes whole or not at all.
            for line in stdout.split(b'\n').map_while(Result::ok) {
                let sent = sender.send(String::from_utf8_lossy(&line).into_owned());
                if sent.is_err() {
                    return;
                }
            }
        });
        let mut stderr = process.stderr.take().expect("piped");
        let stderr = std::thread::spawn(move || {
            let mut text = String::new();
            drop(stderr.read_to_string(&mut text));
            text
        });
        Self {
            stdin: process.stdin.take(),
            process,
            answers,
            stdout: Some(stdout),
            stderr: Some(stderr),
            asked: BTreeSet::new(),
        }
    }

    /// kill -9, from another thread, after a while.
    pub(crate) fn kill_after(&self, delay: Duration) -> JoinHandle<()> {
        self.kill_after_that(delay, || ())
    }

    /// The same right behind something else, whose result is given.
    pub(crate) fn kill_after_that<T: Send + 'static>(
        &self,
        delay: Duration,
        first: impl FnOnce() -> T + Send + 'static,
    ) -> JoinHandle<T> {
        let pid = rustix::process::Pid::from_child(&self.process);
        std::thread::spawn(move || {
            std::thread::sleep(delay);
            let result = first();
            // It is not waited for before this thread is: the number is still its own.
            rustix::process::kill_process(pid, rustix::process::Signal::KILL).expect("kills");
            result
        })
    }

    pub(crate) fn say(&mut self, line: &str) {
        // A child that is gone hears nothing.
        if let Some(stdin) = &mut self.stdin {
            drop(stdin.write_all(line.as_bytes()));
        }
    }

    /// The next line that this module understands; `None`: the child is gone.
    pub(crate) fn hear(&mut self) -> Option<String> {
        loop {
            let line = match self.answers.recv_timeout(PATIENCE) {
                Ok(line) => line,
                Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => return None,
                Err(std::sync::mpsc::RecvTimeoutError::Timeout) => {
                    drop(self.process.kill());
                    panic!("the child said nothing for {PATIENCE:?}");
                }
            };
            let first = line.split(' ').next().unwrap_or_default();
            if ["ready", "ack", "no", "health", "counts", "refused"].contains(&first) {
                return Some(line);
            }
        }
    }

    /// Waits until it takes batches; gives what it said instead.
    pub(crate) fn wait_ready(&mut self) -> Result<(), Option<String>> {
        match self.hear() {
            Some(line) if line == "ready" => Ok(()),
            other => Err(other),
        }
    }

    /// Asks one question and gives the rest of its answer; answers to batches that
    /// come first are taken.
    pub(crate) fn ask(&mut self, word: &str, world: &mut World) -> Option<String> {
        self.say(&format!("{word}\n"));
        loop {
            let line = self.hear()?;
            if let Some(rest) = line.strip_prefix(word) {
                return Some(rest.trim_start().to_owned());
            }
            self.take(&line, world);
        }
    }

    fn take(&mut self, line: &str, world: &mut World) -> bool {
        let mut words = line.split(' ');
        let verb = words.next();
        let id = words.next().and_then(|id| id.parse().ok()).expect("an id");
        assert!(self.asked.remove(&id), "{line}: it was not asked, or twice");
        let taken = verb == Some("ack");
        if taken {
            world.acknowledge(id);
        }
        taken
    }

    /// Sends what waits and then new batches, until so many were acknowledged or
    /// one was refused or the child is gone. Gives how many were acknowledged.
    pub(crate) fn feed(&mut self, world: &mut World, batches: u64) -> u64 {
        let mut again = world.waiting();
        again.reverse();
        let (mut acknowledged, mut sent) = (0, 0);
        while acknowledged < batches {
            while self.asked.len() < WINDOW && sent < batches {
                let id = again.pop().unwrap_or_else(|| world.next());
                self.asked.insert(id);
                self.say(&child::to_line(id, &world.batch(id)));
                sent += 1;
            }
            let Some(line) = self.hear() else { break };
            if !self.take(&line, world) {
                break;
            }
            acknowledged += 1;
        }
        acknowledged
    }

    /// Waits for the answers to all that was sent: what is counted but not yet
    /// answered would be missing in the model.
    pub(crate) fn drain(&mut self, world: &mut World) {
        while !self.asked.is_empty() {
            let Some(line) = self.hear() else { return };
            self.take(&line, world);
        }
    }

    /// Sends what waits once more; gives how many of them were acknowledged.
    pub(crate) fn offer(&mut self, world: &mut World, batches: usize) -> u64 {
        self.drain(world);
        let mut taken = 0;
        while world.waiting().len() < batches {
            world.next();
        }
        for id in world.waiting().into_iter().take(batches) {
            self.asked.insert(id);
            self.say(&child::to_line(id, &world.batch(id)));
            let Some(line) = self.hear() else { break };
            taken += u64::from(self.take(&line, world));
        }
        taken
    }

    /// Closes its input and takes every answer until it is gone.
    pub(crate) fn end(mut self, world: &mut World) -> Ended {
        use std::os::unix::process::ExitStatusExt as _;
        drop(self.stdin.take());
        while let Some(line) = self.hear() {
            if line.starts_with("ack ") || line.starts_with("no ") {
                self.take(&line, world);
            }
        }
        let status = self.process.wait().expect("it ends");
        self.stdout.take().expect("once").join().expect("reads");
        let stderr = self.stderr.take().expect("once").join().expect("reads");
        Ended {
            signal: status.signal(),
            stderr,
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}
