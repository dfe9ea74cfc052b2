//! `chatmetric export`: the counts of a space as a file.
//!
//! The rows are those of the API's operation, for any range, sorted by number and then by
//! start; they come in pages, through the running server or from the data directory.
//! Invariants: a page and a row group are in memory, not the file; the file has its name
//! only when it is whole.

mod destination;
#[cfg(feature = "parquet")]
mod parquet_rows;
mod text_rows;

use super::api_access::GranularityArgument;
use super::data_dir::{OpenMode, system_clock};
use super::session::{Session, explain_control, explain_refusal};
use super::text_table::grouped;
use super::time_argument::TimeArgument;
use super::{CliError, InstanceArguments, Terminal};
use crate::control::{Span, TallyPage, TallyPlace, TallyQuery, TallyRow};
use chatmetric_core::Zone;
use clap::{Args, ValueEnum};
use destination::Destination;
use jiff::Timestamp;
use jiff::tz::{TimeZone, TimeZoneDatabase};
use std::path::{Path, PathBuf};

/// Most `--number` of one command.
const NUMBERS_MAX: usize = 1_000;

#[derive(Debug, Args)]
#[command(
    after_help = "Columns: number, start (RFC 3339 in the zone of the space), start_ms, end_ms, \
granularity,\nsent, delivered. Buckets in which nothing was counted are left out; the first and \
the last\nbucket are whole, as in an answer of the API.\n\nTimes are RFC 3339, YYYY-MM-DD, \
milliseconds since the epoch, or relative: -30d, -6h, now.\n\nExamples:\n  chatmetric export \
counts.csv --space 293483938849493 --start 2026-01-01 --end 2026-02-01\n  chatmetric export \
counts.parquet --space 293483938849493 --start -400d --end now \\\n    --granularity half-hour"
)]
pub(super) struct ExportArguments {
    /// The file to write; `-` is stdout
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The CustSpaceId of the space
    #[arg(long, value_name = "ID")]
    space: String,
    /// The beginning of the range
    #[arg(long, value_name = "T", allow_hyphen_values = true)]
    start: TimeArgument,
    /// The end of the range (not included; the bucket that holds it is)
    #[arg(long, value_name = "T", allow_hyphen_values = true)]
    end: TimeArgument,
    /// What one row covers
    #[arg(long, value_enum, ignore_case = true, default_value = "daily")]
    granularity: GranularityArgument,
    /// A business phone number; may be repeated [default: all of the space]
    #[arg(long, value_name = "N")]
    number: Vec<String>,
    /// What to write [default: as the file's name ends]
    #[arg(short, long, value_enum, value_name = "FORMAT")]
    output: Option<RowFormat>,
    /// Write over a file that is there
    #[arg(long)]
    force: bool,
    /// The zone in which days of `--start` and `--end` are read [default: the space's]
    #[arg(long, value_name = "ZONE")]
    time_zone: Option<String>,
    #[command(flatten)]
    instance: InstanceArguments,
}

/// `-o`
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum RowFormat {
    /// Comma-separated values with a header
    Csv,
    /// One JSON object a line
    #[value(alias = "jsonl")]
    Ndjson,
    /// Parquet, compressed with Snappy
    Parquet,
}

impl RowFormat {
    /// By the end of a file's name.
    fn of(file: &Path) -> Option<Self> {
        let end = file.extension()?.to_str()?.to_ascii_lowercase();
        match end.as_str() {
            "csv" => Some(Self::Csv),
            "ndjson" | "jsonl" => Some(Self::Ndjson),
            "parquet" => Some(Self::Parquet),
            _ => None,
        }
    }
}

/// A row as it is written.
struct Row<'a> {
    number: &'a str,
    start: String,
    start_ms: i64,
    end_ms: i64,
    granularity: &'static str,
    sent: u64,
    delivered: u64,
}

/// Names of the columns, in every format.
const COLUMNS: [&str; 7] = [
    "number",
    "start",
    "start_ms",
    "end_ms",
    "granularity",
    "sent",
    "delivered",
];

/// Takes rows and writes them.
trait Rows {
    fn row(&mut self, row: &Row<'_>) -> std::io::Result<()>;

    /// Writes what is left, and gives the output back.
    fn finish(self: Box<Self>) -> std::io::Result<Destination>;
}

pub(super) fn run(arguments: &ExportArguments, terminal: &Terminal) -> Result<(), CliError> {
    if arguments.number.len() > NUMBERS_MAX {
        return Err(CliError::usage(format!(
            "`--number` was given more than {NUMBERS_MAX} times"
        )));
    }
    let is_stdout = arguments.file.as_os_str() == "-";
    let named = arguments.output.or_else(|| RowFormat::of(&arguments.file));
    let format = named.ok_or_else(|| {
        CliError::usage(if is_stdout {
            "`-` has no name that says what to write".to_owned()
        } else {
            format!(
                "the end of `{}` does not say what to write",
                arguments.file.display()
            )
        })
        .hint("say it with `-o csv`, `-o ndjson` or `-o parquet`, or end the name with it")
    })?;
    if is_stdout && format == RowFormat::Parquet && terminal.stdout_is_terminal() {
        return Err(CliError::usage("Parquet is nothing for a terminal")
            .hint("name a file, or send it into one with `>`"));
    }
    let destination = if is_stdout {
        Destination::stdout()
    } else {
        Destination::create(&arguments.file, arguments.force)?
    };
    let mut session = Session::open(&arguments.instance, OpenMode::Existing, terminal)?;
    let written = write(&mut session, arguments, format, destination);
    session.close();
    let rows = written?;
    terminal.say(&format!(
        "{} {} written",
        grouped(rows),
        if rows == 1 { "row" } else { "rows" }
    ));
    Ok(())
}

/// Writes all rows; how many there were.
fn write(
    session: &mut Session,
    arguments: &ExportArguments,
    format: RowFormat,
    destination: Destination,
) -> Result<u64, CliError> {
    let zone = zone_of(session, &arguments.space)?;
    let query = query(arguments, &zone)?;
    let shown = TimeZoneDatabase::bundled().get(&zone).map_err(|error| {
        CliError::failed(format!(
            "the space's zone `{zone}` is not known here: {error}"
        ))
    })?;
    let granularity = match query.span {
        Span::Daily => "DAILY",
        Span::HalfHour => "HALF_HOUR",
    };
    let failed = |error: std::io::Error| CliError::output(&error);
    let mut rows = open(format, destination).map_err(failed)?;
    let mut count = 0_u64;
    let mut from = None;
    loop {
        let page = page(session, &query, from.as_ref())?;
        for row in &page.rows {
            rows.row(&shown_row(row, granularity, &shown))
                .map_err(failed)?;
            count += 1;
        }
        if page.next.is_none() {
            break;
        }
        from = page.next;
    }
    rows.finish().map_err(failed)?.finish()?;
    Ok(count)
}

fn query(arguments: &ExportArguments, zone: &str) -> Result<TallyQuery, CliError> {
    let zone = arguments.time_zone.as_deref().unwrap_or(zone);
    let zone =
        Zone::parse(zone).map_err(|error| CliError::usage(format!("`--time-zone`: {error}")))?;
    let now = system_clock().now();
    let time = |flag: &str, time: TimeArgument| {
        let resolved = time.resolve(now, &zone);
        resolved.map_err(|error| CliError::usage(format!("`{flag}`: {error}")))
    };
    let start = time("--start", arguments.start)?;
    let end = time("--end", arguments.end)?;
    if start >= end {
        return Err(CliError::usage(format!(
            "`--start` ({start}) is not before `--end` ({end})"
        )));
    }
    Ok(TallyQuery {
        space: arguments.space.clone(),
        start_ms: start.0,
        end_ms: end.0,
        span: match arguments.granularity {
            GranularityArgument::Daily => Span::Daily,
            GranularityArgument::HalfHour => Span::HalfHour,
        },
        numbers: arguments.number.clone(),
    })
}

fn zone_of(session: &mut Session, space: &str) -> Result<String, CliError> {
    let zone = match session {
        Session::Server(client) => client.zone(space).map_err(|error| explain_control(&error)),
        Session::Own { operator, .. } => operator
            .zone(space)
            .map_err(|refusal| explain_refusal(&refusal)),
    };
    zone.map_err(|error| error.hint("`chatmetric directory export` lists the spaces"))
}

fn page(
    session: &mut Session,
    query: &TallyQuery,
    from: Option<&TallyPlace>,
) -> Result<TallyPage, CliError> {
    match session {
        Session::Server(client) => client
            .tallies(query, from)
            .map_err(|error| explain_control(&error)),
        Session::Own { operator, .. } => operator
            .tallies(query, from)
            .map_err(|refusal| explain_refusal(&refusal)),
    }
}

fn shown_row<'a>(
    (number, start_ms, end_ms, sent, delivered): &'a TallyRow,
    granularity: &'static str,
    zone: &TimeZone,
) -> Row<'a> {
    let start = Timestamp::from_millisecond(*start_ms).unwrap_or_default();
    let start = start.display_with_offset(zone.to_offset(start));
    Row {
        number,
        start: start.to_string(),
        start_ms: *start_ms,
        end_ms: *end_ms,
        granularity,
        sent: *sent,
        delivered: *delivered,
    }
}

fn open(format: RowFormat, destination: Destination) -> std::io::Result<Box<dyn Rows>> {
    match format {
        RowFormat::Csv => Ok(Box::new(text_rows::Csv::new(destination)?)),
        RowFormat::Ndjson => Ok(Box::new(text_rows::Ndjson::new(destination))),
        #[cfg(feature = "parquet")]
        RowFormat::Parquet => Ok(Box::new(parquet_rows::Parquet::new(destination)?)),
        #[cfg(not(feature = "parquet"))]
        RowFormat::Parquet => Err(std::io::Error::new(
            std::io::ErrorKind::Unsupported,
            "this program was built without Parquet (its feature `parquet`)",
        )),
    }
}
