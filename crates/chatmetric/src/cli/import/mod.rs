//! `chatmetric import`: bulk load of files.
//!
//! Reads with bounded memory, loads through the running server or by itself, and
//! says what became of every line. Safe to repeat: what was loaded once is a
//! duplicate the second time; what was interrupted goes on where it was.

mod over_http;
mod progress;
mod resume;
mod summary;
mod target;
mod work;

use super::operate::{Reach, ReachArguments};
use super::text_table::grouped;
use super::{CliError, Terminal};
use crate::ingest::file::FileFormat;
use clap::{Args, ValueEnum};
use std::os::unix::fs::FileTypeExt as _;
use std::path::{Path, PathBuf};
use target::Target;
use work::{How, Import, Tally};

#[derive(Debug, Args)]
#[command(
    after_help = "NDJSON: {\"number\",\"message_id\",\"status\",\"ts\",\"channel\"?} a line.\n\
CSV: a header with number,message_id,status,timestamp in any order.\n\
whatsapp: one webhook body a line, or a JSON array of them.\n\
cams: CAMS receipts, an object or an array of them a line.\n\
All of them may be compressed with gzip or zstd. Parquet: the columns of the CSV.\n\
Times are seconds, milliseconds or RFC 3339.\n\n\
Loading a file twice changes nothing. An import that was interrupted goes on where it was\n\
when it is started again, as long as the file is the same.\n\
History older than 45 days must be loaded before the first `serve`.\n\n\
Examples:\n  \
chatmetric import events.ndjson --space 293483938849493\n  \
chatmetric import 2025-*.csv.zst --space 293483938849493\n  \
chatmetric import events.parquet --space 293483938849493 --endpoint https://metrics.example \\\n      \
--token-file token.txt"
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
    reach: ReachArguments,
    /// Stop at the first bad line
    #[arg(long)]
    strict: bool,
    /// Load all of a file, also if an import of it was interrupted
    #[arg(long)]
    from_start: bool,
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
    /// CAMS receipts
    Cams,
    /// Parquet with the columns of the CSV
    Parquet,
}

pub(super) fn run(arguments: ImportArguments, terminal: &Terminal) -> Result<(), CliError> {
    let format = validate(&arguments)?;
    let named = |file: &&PathBuf| file.as_os_str() != "-";
    for file in arguments.files.iter().filter(named) {
        // All of them, before the first is loaded.
        check_file(file)?;
    }
    let reach = Reach::open(&arguments.reach, terminal)?;
    let (mut target, session) = Target::open(reach, &arguments.space)?;
    let bytes_of = |file: &PathBuf| {
        let metadata = std::fs::metadata(file).ok();
        let metadata = metadata.filter(std::fs::Metadata::is_file);
        metadata.map(|metadata| metadata.len())
    };
    let bytes_total = arguments.files.iter().map(bytes_of).sum::<Option<u64>>();
    let how = How {
        format,
        space: &arguments.space,
        // A server elsewhere keeps no notes of our files.
        data_dir: match arguments.reach.endpoint {
            Some(_) => None,
            None => Some(&arguments.reach.instance.data_dir),
        },
        strict: arguments.strict,
        from_start: arguments.from_start,
    };
    let mut import = Import::new(&mut target, &how, terminal, bytes_total);
    let mut files = arguments.files.iter();
    let result = files.try_for_each(|file| import.load(file));
    import.progress.finish();
    let tally = import.tally;
    let report = target.report().clone();
    drop(target);
    if let Some(session) = session {
        session.close();
    }
    summary::summarize(&tally, &report, terminal);
    result?;
    failures(&tally)
}

/// What is not as it should be after all files were read.
fn failures(tally: &Tally) -> Result<(), CliError> {
    let bad = tally.bad + tally.bad_before;
    let changed = tally.changed.join("`, `");
    match (bad, changed.is_empty()) {
        (0, true) => Ok(()),
        (0, false) => Err(
            CliError::failed(format!("`{changed}` changed while it was read")).hint(
                "import it again once nobody writes it: what is loaded already changes nothing",
            ),
        ),
        (_, _) => {
            let lines = if bad == 1 { "line was" } else { "lines were" };
            let before = if tally.bad_before > 0 {
                format!(
                    ", {} of them before the interruption",
                    grouped(tally.bad_before)
                )
            } else {
                String::new()
            };
            let text = format!(
                "{} {lines} bad{before}; the others are loaded",
                grouped(bad)
            );
            let error = CliError::failed(text);
            Err(if changed.is_empty() {
                error
            } else {
                error.hint(format!(
                    "`{changed}` changed while it was read: import it again once nobody writes it"
                ))
            })
        }
    }
}

/// Refuses what cannot be read; a pipe is not opened, its writer would see it closed.
fn check_file(file: &Path) -> Result<(), CliError> {
    let unreadable = |error: &dyn std::fmt::Display| {
        CliError::usage(format!("could not read `{}`: {error}", file.display()))
    };
    let metadata = std::fs::metadata(file).map_err(|error| unreadable(&error))?;
    if metadata.is_dir() {
        return Err(unreadable(&"it is a directory").hint("name the files in it"));
    }
    let kind = metadata.file_type();
    if kind.is_fifo() || kind.is_char_device() {
        return Ok(());
    }
    if !metadata.is_file() {
        return Err(unreadable(&"it is neither a file nor a pipe"));
    }
    let opened = std::fs::File::open(file);
    opened.map(drop).map_err(|error| unreadable(&error))
}

/// `None` for a format that each file tells by itself.
fn validate(arguments: &ImportArguments) -> Result<Option<FileFormat>, CliError> {
    let stdin = |file: &&PathBuf| file.as_os_str() == "-";
    if arguments.files.iter().filter(stdin).count() > 1 {
        return Err(CliError::usage("`-` (stdin) was given twice"));
    }
    Ok(match arguments.format {
        FormatArgument::Auto => None,
        FormatArgument::Ndjson => Some(FileFormat::Ndjson),
        FormatArgument::Csv => Some(FileFormat::Csv),
        FormatArgument::Whatsapp => Some(FileFormat::Whatsapp),
        FormatArgument::Cams => Some(FileFormat::Cams),
        FormatArgument::Parquet => Some(FileFormat::Parquet),
    })
}
