//! `chatmetric import`: bulk load of files.
//!
//! Reads with bounded memory, loads through the running server or by itself, and
//! says what became of every line. Safe to repeat: what was loaded once is a
//! duplicate the second time.

use super::data_dir::OpenMode;
use super::session::{Session, explain_control, explain_refusal};
use super::text_table::grouped;
use super::{CliError, InstanceArguments, Terminal};
use crate::clock::Clock;
use crate::control::{Refusal, RemoteLoader};
use crate::ingest::file::{
    self, Bad, FileEvent, FileFormat, LoadReport, Loader, ReadError, Visitor,
};
use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::cell::Cell;
use std::collections::BTreeMap;
use std::io::{BufReader, Cursor, Read};
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;

/// Bytes that are read at once.
const READ_BYTES: usize = 256 * 1024;
/// Bad lines that are shown of one command without `-v`.
const BAD_LINES_SHOWN: u64 = 20;
/// Different words of uncounted statuses that are named.
const IGNORED_WORDS_MAX: usize = 8;
/// Lines between two looks at the clock.
const TICK_LINES: u64 = 2_000;

#[derive(Debug, Args)]
#[command(
    after_help = "NDJSON: {\"number\",\"message_id\",\"status\",\"ts\",\"channel\"?} a line.\n\
CSV: a header with number,message_id,status,timestamp in any order.\n\
whatsapp: one webhook body a line, or a JSON array of them.\n\
All of them may be compressed with gzip or zstd.\n\
Times are seconds, milliseconds or RFC 3339.\n\n\
Loading a file twice changes nothing; after an interruption, load it again.\n\
History older than 45 days must be loaded before the first `serve`.\n\n\
Examples:\n  \
chatmetric import events.ndjson --space 293483938849493\n  \
chatmetric import 2025-*.csv.zst --space 293483938849493"
)]
pub(super) struct ImportArguments {
    /// The files; `-` is stdin
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The CustSpaceId of the space that the events belong to
    #[arg(long, value_name = "ID")]
    space: String,
    /// What the files hold
    #[arg(long, value_enum, value_name = "FORMAT", default_value = "auto")]
    format: FormatArgument,
    #[command(flatten)]
    instance: InstanceArguments,
    /// Stop at the first bad line
    #[arg(long)]
    strict: bool,
    /// Load into a server elsewhere (not there yet)
    #[arg(long, value_name = "URL", requires = "token_file")]
    endpoint: Option<String>,
    /// The token for `--endpoint` (not there yet)
    #[arg(long, value_name = "F")]
    token_file: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum FormatArgument {
    /// By the content of each file
    Auto,
    /// One JSON object a line
    Ndjson,
    /// Comma-separated values with a header
    Csv,
    /// WhatsApp webhook bodies
    Whatsapp,
    /// (not there yet)
    Parquet,
    /// (not there yet)
    Cams,
}

pub(super) fn run(arguments: ImportArguments, terminal: &Terminal) -> Result<(), CliError> {
    let format = validate(&arguments)?;
    for file in arguments
        .files
        .iter()
        .filter(|file| file.as_os_str() != "-")
    {
        // All of them, before the first is loaded.
        std::fs::File::open(file).map_err(|error| {
            CliError::usage(format!("could not read `{}`: {error}", file.display()))
        })?;
    }
    let session = Session::open(&arguments.instance, OpenMode::Existing, terminal)?;
    let (mut target, session) = Target::open(session, &arguments.space)?;
    let bytes_total = arguments
        .files
        .iter()
        .map(|file| {
            std::fs::metadata(file)
                .ok()
                .filter(std::fs::Metadata::is_file)
        })
        .map(|metadata| metadata.map(|metadata| metadata.len()))
        .sum::<Option<u64>>();
    let mut import = Import {
        target: &mut target,
        strict: arguments.strict,
        terminal,
        tally: Tally::default(),
        progress: Progress::new(bytes_total, terminal),
        file_name: String::new(),
    };
    let result = import_files(&mut import, &arguments, format);
    import.progress.finish();
    let tally = import.tally;
    // What was read before a stop is loaded, so that the summary is true.
    let finished = target.finish();
    let result = result.and(finished);
    let report = target.report().clone();
    drop(target);
    if let Some(session) = session {
        session.close();
    }
    summarize(&tally, &report, terminal);
    result?;
    if tally.bad > 0 {
        let lines = if tally.bad == 1 {
            "line was"
        } else {
            "lines were"
        };
        return Err(CliError::failed(format!(
            "{} {lines} bad; the others are loaded",
            grouped(tally.bad)
        )));
    }
    Ok(())
}

/// `None` for a format that each file tells by itself.
fn validate(arguments: &ImportArguments) -> Result<Option<FileFormat>, CliError> {
    if arguments.endpoint.is_some() || arguments.token_file.is_some() {
        return Err(CliError::usage("`--endpoint` and `--token-file` are not there yet")
            .hint("run `chatmetric import` where the data directory is; it works beside a running server"));
    }
    if arguments
        .files
        .iter()
        .filter(|file| file.as_os_str() == "-")
        .count()
        > 1
    {
        return Err(CliError::usage("`-` (stdin) was given twice"));
    }
    Ok(match arguments.format {
        FormatArgument::Auto => None,
        FormatArgument::Ndjson => Some(FileFormat::Ndjson),
        FormatArgument::Csv => Some(FileFormat::Csv),
        FormatArgument::Whatsapp => Some(FileFormat::Whatsapp),
        FormatArgument::Parquet => return Err(not_yet("parquet")),
        FormatArgument::Cams => return Err(not_yet("cams")),
    })
}

fn not_yet(format: &str) -> CliError {
    CliError::usage(format!("the format `{format}` is not there yet"))
        .hint("`ndjson`, `csv` and `whatsapp` are")
}

fn import_files(
    import: &mut Import<'_>,
    arguments: &ImportArguments,
    format: Option<FileFormat>,
) -> Result<(), CliError> {
    for file in &arguments.files {
        import.file_name = if file.as_os_str() == "-" {
            "stdin".to_owned()
        } else {
            file.display().to_string()
        };
        let input: Box<dyn Read> = if file.as_os_str() == "-" {
            Box::new(std::io::stdin())
        } else {
            let opened = std::fs::File::open(file).map_err(|error| import.unreadable(&error))?;
            Box::new(opened)
        };
        import.read_file(input, format)?;
        import.progress.file_done();
    }
    Ok(())
}

/// Where events go.
enum Target {
    Own(Box<Loader>),
    Server(Box<RemoteLoader>),
}

impl Target {
    /// Gives the session back when it must be closed afterwards.
    fn open(session: Session, space: &str) -> Result<(Self, Option<Session>), CliError> {
        let unknown_space = |error: CliError| {
            error.hint(
                "`chatmetric directory export` lists the spaces; `chatmetric apply` makes one",
            )
        };
        match session {
            Session::Server(client) => {
                let loader = client.import(space);
                let loader = loader.map_err(|error| unknown_space(explain_control(&error)))?;
                Ok((Self::Server(Box::new(loader)), None))
            }
            Session::Own { operator, instance } => match operator.loader(space) {
                Ok(loader) => Ok((
                    Self::Own(Box::new(loader)),
                    Some(Session::Own { operator, instance }),
                )),
                Err(refusal) => {
                    instance.close();
                    Err(unknown_space(explain_refusal(&refusal)))
                }
            },
        }
    }

    fn push(&mut self, event: &FileEvent<'_>) -> Result<(), CliError> {
        match self {
            Self::Own(loader) => loader.push(event).map_err(own_error),
            Self::Server(loader) => loader.push(event).map_err(|error| explain_control(&error)),
        }
    }

    fn ignored(&mut self) {
        match self {
            Self::Own(loader) => loader.ignored(1),
            Self::Server(loader) => loader.ignored(1),
        }
    }

    fn finish(&mut self) -> Result<(), CliError> {
        match self {
            Self::Own(loader) => loader.finish().map_err(own_error),
            Self::Server(loader) => loader.finish().map_err(|error| explain_control(&error)),
        }
    }

    fn report(&self) -> &LoadReport {
        match self {
            Self::Own(loader) => loader.report(),
            Self::Server(loader) => loader.report(),
        }
    }
}

fn own_error(error: file::LoadError) -> CliError {
    explain_refusal(&Refusal::from(error))
}

/// What was seen in the files.
#[derive(Debug, Default)]
struct Tally {
    events: u64,
    ignored: u64,
    ignored_words: BTreeMap<String, u64>,
    bad: u64,
}

/// One command's work.
struct Import<'a> {
    target: &'a mut Target,
    strict: bool,
    terminal: &'a Terminal,
    tally: Tally,
    progress: Progress,
    file_name: String,
}

impl Import<'_> {
    fn unreadable(&self, error: &std::io::Error) -> CliError {
        CliError::failed(format!("could not read `{}`: {error}", self.file_name))
    }

    fn read_file(
        &mut self,
        input: Box<dyn Read>,
        format: Option<FileFormat>,
    ) -> Result<(), CliError> {
        let input = Box::new(Counted {
            input,
            bytes: Rc::clone(&self.progress.bytes_of_file),
        });
        let mut input = file::decoded(input).map_err(|error| self.unreadable(&error))?;
        let prefix = file::peek(&mut input).map_err(|error| self.unreadable(&error))?;
        let sniffed = file::sniff(&prefix, &self.file_name).map_err(|error| {
            let cli = CliError::usage(format!("`{}`: {error}", self.file_name));
            match error {
                file::SniffError::Utf16 => cli.hint("convert it: `iconv -f UTF-16 -t UTF-8`"),
                file::SniffError::CompressedTwice(_)
                | file::SniffError::Parquet
                | file::SniffError::Binary => cli,
            }
        })?;
        let format = format.unwrap_or(sniffed);
        let mut input = BufReader::with_capacity(READ_BYTES, Cursor::new(prefix).chain(input));
        match file::read(&mut input, format, self) {
            Ok(()) => Ok(()),
            Err(ReadError::Io(error)) => Err(self.unreadable(&error)),
            Err(ReadError::Format(bad)) => {
                Err(CliError::usage(format!("{}:{bad}", self.file_name)))
            }
            Err(ReadError::Stopped(error)) => Err(error),
        }
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
                let word: String = super::output::plain(word).chars().take(32).collect();
                *self.tally.ignored_words.entry(word).or_default() += 1;
            }
        }
        Ok(())
    }

    fn bad(&mut self, bad: Bad) -> Result<(), CliError> {
        self.tally.bad += 1;
        let line = format!("{}:{bad}", self.file_name);
        if self.strict {
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

    fn progress(&mut self, _bytes_read: u64) -> Result<(), CliError> {
        self.progress.tick(&self.tally, self.target.report());
        Ok(())
    }
}

/// Counts what is read of a file, before it is decompressed.
struct Counted {
    input: Box<dyn Read>,
    bytes: Rc<Cell<u64>>,
}

impl Read for Counted {
    fn read(&mut self, to: &mut [u8]) -> std::io::Result<usize> {
        let read = self.input.read(to)?;
        let more = u64::try_from(read).unwrap_or(u64::MAX);
        self.bytes.set(self.bytes.get().saturating_add(more));
        Ok(read)
    }
}

/// The progress bar; on a terminal only.
struct Progress {
    bar: ProgressBar,
    clock: Arc<dyn Clock>,
    started_ms: u64,
    bytes_before: u64,
    bytes_of_file: Rc<Cell<u64>>,
    lines: u64,
}

impl Progress {
    fn new(bytes_total: Option<u64>, terminal: &Terminal) -> Self {
        let bar = match bytes_total {
            Some(total) => ProgressBar::new(total),
            None => ProgressBar::no_length(),
        };
        let template = if bytes_total.is_some() {
            "{wide_bar:.green/dim} {percent:>3} %  ETA {eta}\n{msg}"
        } else {
            "{spinner} {bytes} read\n{msg}"
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.progress_chars("━╸─"));
        }
        bar.set_draw_target(if terminal.stderr_is_terminal() && !terminal.quiet() {
            ProgressDrawTarget::stderr_with_hz(10)
        } else {
            ProgressDrawTarget::hidden()
        });
        let clock = super::data_dir::system_clock();
        let started_ms = clock.monotonic_ms();
        Self {
            bar,
            clock,
            started_ms,
            bytes_before: 0,
            bytes_of_file: Rc::default(),
            lines: 0,
        }
    }

    fn tick(&mut self, tally: &Tally, report: &LoadReport) {
        self.lines += 1;
        if !self.lines.is_multiple_of(TICK_LINES) {
            return;
        }
        let elapsed_ms = (self.clock.monotonic_ms() - self.started_ms).max(1);
        let rows = tally.events + tally.ignored + tally.bad;
        self.bar
            .set_position(self.bytes_before + self.bytes_of_file.get());
        self.bar.set_message(format!(
            "{} rows, {} rows/s  new {}  duplicate {}  late {}  quarantined {}  bad {}",
            grouped(rows),
            grouped(rows.saturating_mul(1000) / elapsed_ms),
            grouped(report.new),
            grouped(report.duplicate),
            grouped(report.late),
            grouped(report.quarantined),
            grouped(tally.bad),
        ));
    }

    fn file_done(&mut self) {
        self.bytes_before += self.bytes_of_file.take();
    }

    fn above(&self, write: impl FnOnce()) {
        self.bar.suspend(write);
    }

    fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

fn summarize(tally: &Tally, report: &LoadReport, terminal: &Terminal) {
    let rows = tally.events + tally.ignored + tally.bad;
    terminal.say(&format!(
        "{} {}: new {}, duplicate {}, ignored {}, late {}, quarantined {}, bad {}",
        grouped(rows),
        if rows == 1 { "row" } else { "rows" },
        grouped(report.new),
        grouped(report.duplicate),
        grouped(report.ignored),
        grouped(report.late),
        grouped(report.quarantined),
        grouped(tally.bad),
    ));
    if !tally.ignored_words.is_empty() {
        let words: Vec<String> = tally
            .ignored_words
            .iter()
            .map(|(word, count)| format!("`{word}` {}", grouped(*count)))
            .collect();
        terminal.say(&format!(
            "statuses that are not counted: {}",
            words.join(", ")
        ));
    }
    if report.late > 0 {
        terminal.say(
            "late events are older than the floor: history must be loaded before the first `serve`",
        );
    }
    for (numbers, what) in [
        (&report.bound, "bound to the space"),
        (
            &report.held,
            "held until they are claimed (the space holds unknown numbers)",
        ),
        (&report.foreign, "not counted: they belong to another space"),
        (
            &report.too_many,
            "not counted: the space has its `numbers_max`",
        ),
        (
            &report.second_source,
            "not counted: another feed is counted for them (`chatmetric admin switch-source`)",
        ),
    ] {
        if !numbers.is_empty() {
            let shown: Vec<&str> = numbers.iter().take(10).map(String::as_str).collect();
            let more = numbers.len() - shown.len();
            let more = if more > 0 {
                format!(" and {more} more")
            } else {
                String::new()
            };
            terminal.say(&format!("numbers {what}: {}{more}", shown.join(", ")));
        }
    }
}
