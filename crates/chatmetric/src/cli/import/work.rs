//! Reading the files of one command, one after the other.
//!
//! Invariant: a file's progress is kept only for what is durable; a file that was read to
//! its end leaves none.

use super::progress::{Counted, Progress};
use super::resume::Resume;
use super::target::Target;
use crate::cli::output::plain;
use crate::cli::text_table::grouped;
use crate::cli::{CliError, Terminal};
use crate::ingest::file::{
    self, Bad, FileEvent, FileFormat, Mark, Reached, ReadError, SniffError, Visitor,
};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, Cursor, Read};
use std::path::Path;
use std::rc::Rc;

/// Bytes that are read at once.
const READ_BYTES: usize = 256 * 1024;
/// Bad lines that are shown of one command without `-v`.
const BAD_LINES_SHOWN: u64 = 20;
/// Different words of uncounted statuses that are named.
const IGNORED_WORDS_MAX: usize = 8;

/// What was seen in the files.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) events: u64,
    pub(super) ignored: u64,
    pub(super) ignored_words: BTreeMap<String, u64>,
    pub(super) bad: u64,
    /// Bad lines that earlier, interrupted imports of these files saw.
    pub(super) bad_before: u64,
    /// Files that changed while they were read.
    pub(super) changed: Vec<String>,
}

/// What the command line said of how to read.
pub(super) struct How<'a> {
    /// `None` for a format that each file tells by itself.
    pub(super) format: Option<FileFormat>,
    pub(super) space: &'a str,
    pub(super) data_dir: Option<&'a Path>,
    pub(super) strict: bool,
    pub(super) from_start: bool,
}

/// One command's work.
pub(super) struct Import<'a> {
    pub(super) target: &'a mut Target,
    pub(super) how: &'a How<'a>,
    pub(super) terminal: &'a Terminal,
    pub(super) tally: Tally,
    pub(super) progress: Progress,
    file: Current,
}

/// The file that is being read.
#[derive(Default)]
struct Current {
    name: String,
    resume: Option<Resume>,
    /// Bad lines of this file, with those of interrupted imports before.
    bad: u64,
    /// The bar follows the rows and not what is read.
    is_parquet: bool,
}

impl<'a> Import<'a> {
    pub(super) fn new(
        target: &'a mut Target,
        how: &'a How<'a>,
        terminal: &'a Terminal,
        bytes_total: Option<u64>,
    ) -> Self {
        Self {
            target,
            how,
            terminal,
            tally: Tally::default(),
            progress: Progress::new(bytes_total, terminal),
            file: Current::default(),
        }
    }

    /// Loads a file, or stdin for `-`, and waits until it is durable.
    pub(super) fn load(&mut self, path: &Path) -> Result<(), CliError> {
        let is_stdin = path.as_os_str() == "-";
        self.target.begin();
        self.file = Current {
            name: if is_stdin {
                "stdin".to_owned()
            } else {
                path.display().to_string()
            },
            ..Current::default()
        };
        let read = if is_stdin {
            self.read(Box::new(std::io::stdin()), None)
        } else {
            let file = File::open(path).map_err(|error| self.unreadable(&error))?;
            let whole = file.try_clone().map_err(|error| self.unreadable(&error))?;
            self.file.resume = self.how.data_dir.and_then(|data_dir| {
                Resume::of(data_dir, path, &whole, self.how.space, self.terminal)
            });
            self.read(Box::new(file), Some(whole))
        };
        // What was read before a stop is loaded, so that the summary is true.
        let finished = self.target.finish();
        let result = read.and(finished);
        let durable = self.target.durable();
        if let Some(resume) = &mut self.file.resume {
            if resume.has_changed() {
                self.tally.changed.push(self.file.name.clone());
                resume.forget();
            } else if result.is_ok() {
                resume.forget();
            } else if let Some(durable) = durable {
                resume.keep(durable);
            }
        }
        self.progress.file_done();
        result
    }

    fn unreadable(&self, error: &std::io::Error) -> CliError {
        CliError::failed(format!("could not read `{}`: {error}", self.file.name))
    }

    /// Reads an input; `whole` is the same as a file, if it has a name.
    fn read(&mut self, input: Box<dyn Read>, whole: Option<File>) -> Result<(), CliError> {
        let counted = Box::new(Counted {
            input,
            bytes: Rc::clone(&self.progress.bytes_of_file),
        });
        let (mut input, is_packed) =
            file::decoded(counted).map_err(|error| self.unreadable(&error))?;
        let prefix = file::peek(&mut input).map_err(|error| self.unreadable(&error))?;
        let sniffed =
            file::sniff(&prefix, &self.file.name).map_err(|error| self.no_format(error))?;
        let format = self.how.format.unwrap_or(sniffed);
        let from = self.continue_from(format);
        self.file.is_parquet = format == FileFormat::Parquet;
        let is_regular = self.file.resume.is_some();
        let read = match whole {
            Some(whole) if self.file.is_parquet && is_regular && !is_packed => {
                file::read_parquet(whole, from, self)
            }
            _ => {
                let chained = Cursor::new(prefix).chain(input);
                let mut input = BufReader::with_capacity(READ_BYTES, chained);
                file::read(&mut input, format, from, self)
            }
        };
        match read {
            Ok(()) => Ok(()),
            Err(ReadError::Io(error)) => Err(self.unreadable(&error)),
            Err(ReadError::Format(bad)) => {
                Err(CliError::usage(format!("{}:{bad}", self.file.name)))
            }
            Err(ReadError::Stopped(error)) => Err(error),
        }
    }

    fn no_format(&self, error: SniffError) -> CliError {
        let cli = CliError::usage(format!("`{}`: {error}", self.file.name));
        match error {
            SniffError::Utf16 => cli.hint("convert it: `iconv -f UTF-16 -t UTF-8`"),
            SniffError::CompressedTwice(_) | SniffError::Binary => cli,
        }
    }

    /// Where an import of this file was interrupted, if it was.
    fn continue_from(&mut self, format: FileFormat) -> Option<Mark> {
        let resume = self.file.resume.as_mut()?;
        let reached = resume.begin(format, self.how.from_start)?;
        self.file.bad = reached.bad;
        self.tally.bad_before += reached.bad;
        self.terminal.say(&format!(
            "`{}`: continuing at row {}, an import of it was interrupted there (`--from-start` \
             loads all of it again)",
            self.file.name,
            grouped(reached.mark.rows + 1)
        ));
        Some(reached.mark)
    }
}

impl Visitor for Import<'_> {
    type Stop = CliError;

    fn event(&mut self, event: &FileEvent<'_>) -> Result<(), CliError> {
        self.tally.events += 1;
        self.target.push(event)
    }

    fn ignored(&mut self, word: Option<&str>) -> Result<(), CliError> {
        self.tally.ignored += 1;
        self.target.ignored();
        if let Some(word) = word {
            let known = self.tally.ignored_words.contains_key(word);
            if known || self.tally.ignored_words.len() < IGNORED_WORDS_MAX {
                let word: String = plain(word).chars().take(32).collect();
                *self.tally.ignored_words.entry(word).or_default() += 1;
            }
        }
        Ok(())
    }

    fn bad(&mut self, bad: Bad) -> Result<(), CliError> {
        self.tally.bad += 1;
        self.file.bad += 1;
        let line = format!("{}:{bad}", self.file.name);
        if self.how.strict {
            return Err(CliError::failed(line)
                .hint("without `--strict` the rest is loaded and bad lines are listed"));
        }
        if self.tally.bad <= BAD_LINES_SHOWN || self.terminal.verbose() > 0 {
            self.progress.above(|| self.terminal.warn(&line));
        } else if self.tally.bad == BAD_LINES_SHOWN + 1 {
            self.progress.above(|| {
                self.terminal
                    .warn("more bad lines follow; `-v` shows all of them")
            });
        }
        Ok(())
    }

    fn progress(&mut self, mark: Mark) -> Result<(), CliError> {
        self.target.reach(Reached {
            mark,
            bad: self.file.bad,
        });
        if self.file.is_parquet {
            self.progress.bytes_of_file.set(mark.bytes);
        }
        let is_due = self.progress.tick(&self.tally, self.target.report());
        if is_due
            && let (Some(resume), Some(durable)) = (&mut self.file.resume, self.target.durable())
        {
            resume.keep_now_and_then(durable);
        }
        Ok(())
    }
}
