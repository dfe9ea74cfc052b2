//! Backups through the control socket: one request, lines that say how far it is, and
//! the line with the answer.
//!
//! Invariant: a backup is broken off when its caller is gone or the server stops; it has
//! left nothing behind then.

use super::wire::{Answer, Request, read_message};
use super::{ControlClient, ControlError, Operator, Refusal};
use crate::backup::{BackupError, Made, Progress, Source, Wanted};
use serde::{Deserialize, Serialize};
use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};

/// How often the caller is told how far it is, in ms.
const TELL_EVERY_MS: u64 = 250;

/// A line of an answer.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    Progress(Progress),
    Made(Made),
}

impl From<BackupError> for Refusal {
    fn from(error: BackupError) -> Self {
        Self::failed(&error)
    }
}

impl Operator {
    /// Makes a backup of the instance; `watch` is told how far it is and says `false`
    /// to break it off.
    ///
    /// # Errors
    /// [`Refusal`]; the backups of before are as they were.
    pub fn backup(
        &self,
        wanted: &Wanted,
        watch: &mut dyn FnMut(Progress) -> bool,
    ) -> Result<Made, Refusal> {
        let source = Source {
            directory: &self.directory,
            store: self.store.as_ref(),
            clock: self.clock.as_ref(),
        };
        Ok(self.backups.make(source, wanted, watch)?)
    }
}

/// Makes a backup for a caller on the socket; gives the last line.
pub(super) fn answer(
    wanted: &Wanted,
    operator: &Operator,
    writer: &mut impl Write,
    stopping: &AtomicBool,
) -> Answer {
    let mut told_ms = operator.clock.monotonic_ms();
    let made = operator.backup(wanted, &mut |progress| {
        if stopping.load(Ordering::SeqCst) {
            return false;
        }
        let now_ms = operator.clock.monotonic_ms();
        if now_ms.saturating_sub(told_ms) < TELL_EVERY_MS {
            return true;
        }
        told_ms = now_ms;
        tell(writer, progress).is_ok()
    })?;
    serde_json::to_value(Line::Made(made)).map_err(|error| Refusal::failed(&error))
}

fn tell(writer: &mut impl Write, progress: Progress) -> io::Result<()> {
    let line: Answer = Ok(serde_json::to_value(Line::Progress(progress))?);
    let mut text = serde_json::to_vec(&line)?;
    text.push(b'\n');
    writer.write_all(&text)
}

impl ControlClient {
    /// As [`Operator::backup`].
    ///
    /// # Errors
    /// [`ControlError`]
    pub fn backup(
        &mut self,
        wanted: Wanted,
        watch: &mut dyn FnMut(Progress),
    ) -> Result<Made, ControlError> {
        let mut line = self.ask::<Line>(&Request::Backup { wanted })?;
        loop {
            match line {
                Line::Made(made) => return Ok(made),
                Line::Progress(progress) => watch(progress),
            }
            let text = read_message(&mut self.reader)
                .map_err(ControlError::Broken)?
                .ok_or_else(|| ControlError::Broken(io::ErrorKind::UnexpectedEof.into()))?;
            let answer: Answer = serde_json::from_slice(&text).map_err(|_| ControlError::Answer)?;
            line = serde_json::from_value(answer?).map_err(|_| ControlError::Answer)?;
        }
    }
}
