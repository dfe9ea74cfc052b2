//! Parquet: the columns of the CSV, decoded some rows at a time.
//!
//! Parquet is read from its end, so it needs a file; what comes as a stream is kept in an
//! unnamed temporary file first. Decoding is the library's; what a file claims of itself
//! is checked here before (`footer`, `pages`), because the library makes room for it.
//!
//! Invariant: whatever the bytes, memory is bounded by the limits of `footer` and `pages`
//! times five columns.

mod codec;
mod columns;
mod footer;
mod pages;
mod thrift;

#[cfg(test)]
mod tests;

use super::{Bad, Checked, Mark, RawEvent, RawTime, ReadError, Visitor};
use chatmetric_core::EpochMs;
use columns::{Cell, Column, ROWS_AT_ONCE, Unit};
use std::borrow::Cow;
use std::fs::File;
use std::io::{self, BufRead, Read as _};
use std::os::unix::fs::FileExt as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// Why a file is not read on.
#[derive(Debug, thiserror::Error)]
enum ParquetFault {
    /// The file as a whole.
    #[error("{0}")]
    File(String),
    /// A column of it.
    #[error("the column `{column}` cannot be read: {reason}")]
    Column {
        column: &'static str,
        reason: String,
    },
    /// The disk.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// What is wanted of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wanted {
    Number,
    MessageId,
    Status,
    Timestamp,
    Channel,
}

impl Wanted {
    const ALL: [Self; 5] = [
        Self::Number,
        Self::MessageId,
        Self::Status,
        Self::Timestamp,
        Self::Channel,
    ];

    const fn names(self) -> &'static [&'static str] {
        match self {
            Self::Number => &["number"],
            Self::MessageId => &["message_id"],
            Self::Status => &["status"],
            Self::Timestamp => &["timestamp", "ts"],
            Self::Channel => &["channel"],
        }
    }

    fn name(self) -> &'static str {
        self.names().first().copied().unwrap_or_default()
    }

    /// What its column may be.
    const fn types(self) -> &'static str {
        match self {
            Self::Number => "a string or a whole number",
            Self::MessageId | Self::Status | Self::Channel => "a string",
            Self::Timestamp => {
                "a timestamp, a whole number (seconds, or milliseconds from 100,000,000,000 on), or \
                 a string with one of them or RFC 3339"
            }
        }
    }
}

/// Longest stream that is kept in a temporary file, in bytes.
const SPOOL_BYTES_MAX: u64 = 4 * 1024 * 1024 * 1024;

/// What comes as a stream, as a file without a name, which is gone when it is closed.
///
/// # Errors
/// What the input or the disk says, and when the input is longer than 4 GiB.
pub(super) fn spooled(input: &mut dyn BufRead) -> io::Result<File> {
    spooled_within(input, SPOOL_BYTES_MAX)
}

fn spooled_within(input: &mut dyn BufRead, bytes_max: u64) -> io::Result<File> {
    let mut file = tempfile::tempfile()?;
    let copied = io::copy(&mut input.take(bytes_max + 1), &mut file)?;
    if copied > bytes_max {
        return Err(io::Error::other(format!(
            "a stream of Parquet may have {bytes_max} bytes; give the file itself, uncompressed, by its name"
        )));
    }
    Ok(file)
}

/// Reads the rows of a file, from those on that are not before `from`.
///
/// # Errors
/// [`ReadError`]; a file that is not Parquet, or not as it should be, is
/// [`ReadError::Format`] at the row that was reached.
pub(super) fn read<V: Visitor>(
    file: File,
    from: Option<Mark>,
    visitor: &mut V,
) -> Result<(), ReadError<V::Stop>> {
    let from = from.map_or(0, |mark| mark.rows);
    let mut reached = 0;
    // The library has assertions about damage that it did not foresee.
    let read = catch_unwind(AssertUnwindSafe(|| {
        read_groups(file, from, visitor, &mut reached)
    }));
    let stopped = match read {
        Ok(Ok(())) => return Ok(()),
        Ok(Err(stopped)) => stopped,
        Err(_) => {
            let reason = "the file is damaged in a way that nobody foresaw".to_owned();
            Stopped::Fault(ParquetFault::File(reason))
        }
    };
    Err(match stopped {
        Stopped::ByVisitor(stop) => ReadError::Stopped(stop),
        Stopped::Fault(ParquetFault::Io(error)) => ReadError::Io(error),
        Stopped::Fault(fault) => ReadError::Format(Bad {
            line: reached + 1,
            column: None,
            reason: fault.to_string(),
        }),
    })
}

enum Stopped<S> {
    ByVisitor(S),
    Fault(ParquetFault),
}

impl<S> From<ParquetFault> for Stopped<S> {
    fn from(fault: ParquetFault) -> Self {
        Self::Fault(fault)
    }
}

fn read_groups<V: Visitor>(
    file: File,
    from: u64,
    visitor: &mut V,
    reached: &mut u64,
) -> Result<(), Stopped<V::Stop>> {
    let file_bytes = file.metadata().map_err(ParquetFault::Io)?.len();
    let footer = footer::read(&file, file_bytes)?;
    let sources = columns::find(footer.file_metadata().schema_descr())?;
    let rows_total: u64 = footer
        .row_groups()
        .iter()
        .map(|group| u64::try_from(group.num_rows()).unwrap_or(0))
        .fold(0, u64::saturating_add);
    let file = Arc::new(file);
    for group in footer.row_groups() {
        let rows = u64::try_from(group.num_rows())
            .map_err(|_| ParquetFault::File("a row group has fewer than no rows".to_owned()))?;
        if *reached + rows <= from {
            *reached += rows;
            continue;
        }
        let open = |source: &columns::Source| Column::open(*source, &file, file_bytes, group);
        let mut columns: Vec<Column> = sources.iter().map(open).collect::<Result<_, _>>()?;
        let mut left = rows;
        while left > 0 {
            let wanted = usize::try_from(left).map_or(ROWS_AT_ONCE, |left| left.min(ROWS_AT_ONCE));
            load(&mut columns, wanted)?;
            for row in 0..wanted {
                let line = *reached + 1;
                hand_over(&mut columns, row, line, line <= from, visitor)
                    .map_err(Stopped::ByVisitor)?;
                *reached = line;
            }
            left -= u64::try_from(wanted).unwrap_or(left);
            let share = u128::from(file_bytes) * u128::from(*reached);
            let bytes = share / u128::from(rows_total.max(1));
            let mark = Mark {
                rows: *reached,
                bytes: u64::try_from(bytes).unwrap_or(file_bytes),
                is_apart: false,
            };
            if *reached >= from {
                visitor.progress(mark).map_err(Stopped::ByVisitor)?;
            }
        }
    }
    Ok(())
}

fn load(columns: &mut [Column], wanted: usize) -> Result<(), ParquetFault> {
    for column in columns {
        if column.load(wanted)? != wanted {
            return Err(ParquetFault::Column {
                column: column.wanted().name(),
                reason: "it has fewer values than its row group has rows".to_owned(),
            });
        }
    }
    Ok(())
}

/// Takes one row out of the columns, and hands it over unless it is passed over.
fn hand_over<V: Visitor>(
    columns: &mut [Column],
    row: usize,
    line: u64,
    is_passed_over: bool,
    visitor: &mut V,
) -> Result<(), V::Stop> {
    let mut digits = itoa::Buffer::new();
    let mut number = None;
    let mut raw = RawEvent::default();
    let mut channel: Option<Cow<'_, str>> = None;
    let mut fault: Option<String> = None;
    for column in columns {
        let wanted = column.wanted();
        let text = match column.next(row) {
            Cell::Null if wanted == Wanted::Channel => continue,
            Cell::Null => {
                fault.get_or_insert_with(|| format!("`{}` is null", wanted.name()));
                continue;
            }
            Cell::Millis(ms) => {
                raw.timestamp = Some(RawTime::At(EpochMs::checked(ms)));
                continue;
            }
            Cell::Whole(value, unit) if wanted == Wanted::Timestamp => {
                raw.timestamp = Some(RawTime::At(moment(value, unit)));
                continue;
            }
            Cell::Whole(value, _) => {
                if value < 0 {
                    fault.get_or_insert_with(|| "`number` is negative".to_owned());
                }
                number = Some(value);
                continue;
            }
            Cell::Text(text) => text,
        };
        let Ok(text) = std::str::from_utf8(text) else {
            fault.get_or_insert_with(|| format!("`{}` is not UTF-8", wanted.name()));
            continue;
        };
        match wanted {
            Wanted::Number => raw.number = Some(text),
            Wanted::MessageId => raw.message_id = Some(text),
            Wanted::Status => raw.status = Some(text),
            Wanted::Timestamp => raw.timestamp = Some(RawTime::Text(text)),
            Wanted::Channel => channel = Some(super::lower_case(text)),
        }
    }
    if is_passed_over {
        return Ok(());
    }
    let bad = |reason| Bad {
        line,
        column: None,
        reason,
    };
    if let Some(reason) = fault {
        return visitor.bad(bad(reason));
    }
    let digits = number.map(|number| digits.format(number));
    let raw = RawEvent {
        number: digits.or(raw.number),
        channel: channel.as_deref(),
        ..raw
    };
    match raw.check() {
        Ok(Checked::Event(event)) => visitor.event(&event),
        Ok(Checked::Ignored(word)) => visitor.ignored(Some(word)),
        Err((_, reason)) => visitor.bad(bad(reason)),
    }
}

fn moment(value: i64, unit: Unit) -> Option<EpochMs> {
    match unit {
        Unit::Plain => crate::ingest::whatsapp::time_of(value),
        Unit::Millis => EpochMs::checked(value),
        Unit::Micros => EpochMs::checked(value.div_euclid(1_000)),
        Unit::Nanos => EpochMs::checked(value.div_euclid(1_000_000)),
    }
}

/// So many bytes of a file from a place on, which the file must have.
fn read_at(file: &File, at: u64, bytes: u64) -> io::Result<Vec<u8>> {
    let bytes = usize::try_from(bytes).map_err(io::Error::other)?;
    let mut read = vec![0; bytes];
    file.read_exact_at(&mut read, at)?;
    Ok(read)
}
