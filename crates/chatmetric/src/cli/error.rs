//! What a command says when it does not succeed: a message with its causes,
//! hints, and an exit code.

use std::fmt;
use std::process::ExitCode;

/// The exit codes, apart from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// 1: the request failed or was refused.
    Failed,
    /// 2: usage or configuration.
    Usage,
    /// 0, without a word: nobody reads our output any more.
    BrokenPipe,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        match exit {
            Exit::Failed => Self::from(1),
            Exit::Usage => Self::from(2),
            Exit::BrokenPipe => Self::SUCCESS,
        }
    }
}

/// Why a command did not succeed.
#[derive(Debug)]
pub struct CliError {
    exit: Exit,
    message: String,
    hints: Vec<String>,
}

impl CliError {
    /// The request failed or was refused.
    pub fn failed(message: impl Into<String>) -> Self {
        Self {
            exit: Exit::Failed,
            message: message.into(),
            hints: Vec::new(),
        }
    }

    /// Usage or configuration.
    pub fn usage(message: impl Into<String>) -> Self {
        Self {
            exit: Exit::Usage,
            message: message.into(),
            hints: Vec::new(),
        }
    }

    /// What an error and its causes say, in one line.
    pub fn from_error(exit: Exit, error: &dyn std::error::Error) -> Self {
        Self {
            exit,
            message: chain(error),
            hints: Vec::new(),
        }
    }

    /// Output that nobody reads any more, or cannot be written.
    pub fn output(error: &std::io::Error) -> Self {
        if error.kind() == std::io::ErrorKind::BrokenPipe {
            Self {
                exit: Exit::BrokenPipe,
                message: String::new(),
                hints: Vec::new(),
            }
        } else {
            Self::failed(format!("could not write the output: {error}"))
        }
    }

    /// Adds a line that says what to do.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// The exit code.
    #[must_use]
    pub const fn exit(&self) -> Exit {
        self.exit
    }

    /// What to do about it.
    #[must_use]
    pub fn hints(&self) -> &[String] {
        &self.hints
    }
}

impl fmt::Display for CliError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for CliError {}

/// An error and its causes, joined by colons.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let next = error.to_string();
        // Some libraries repeat the cause in their own text.
        if !text.ends_with(&next) {
            text.push_str(": ");
            text.push_str(&next);
        }
        cause = error.source();
    }
    text
}
