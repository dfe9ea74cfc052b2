//! Files of events, read piece by piece with bounded memory: NDJSON, CSV, WhatsApp
//! webhook bodies, CAMS receipts, all of them compressed or not, and Parquet.
//!
//! A reader hands every event to a [`Visitor`] and every line that it could not
//! read as a [`Bad`], with its place and without its content (it may hold
//! personal data). Not here: what becomes of an event, or anything of HTTP.
//!
//! Invariants: no bytes make a reader panic or hold more than one line (or one body, or
//! some pages) of its format's limit in memory; where reading began again at a
//! [`Mark`], nothing behind the mark is left out.

mod bodies;
mod compression;
mod csv;
mod line;
mod load;
mod ndjson;
mod numbers;
#[cfg_attr(not(feature = "parquet"), path = "no_parquet.rs")]
mod parquet;
mod place;
mod scalar;
mod sniff;

use super::whatsapp::MESSAGE_ID_BYTES_MAX;
use crate::directory::{IdFamily, IdForm};
use chatmetric_core::{EpochMs, MessageStatus, PhoneNumber};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::fmt;
use std::fs::File;
use std::io::{self, BufRead};

pub use compression::{Compression, ZSTD_WINDOW_BYTES_MAX, decoded, decoded_within};
pub use line::{Line, LineReader};
pub use load::{BATCH_EVENTS, LoadError, LoadReport, Loader, Reached};
pub(super) use ndjson::{Judged, judge};
pub use sniff::{PEEK_BYTES, SniffError, peek, sniff};

/// Longest line of NDJSON and CSV, in bytes.
pub const LINE_BYTES_MAX: usize = 1024 * 1024;
/// Longest webhook body, in bytes: as over HTTP.
pub const BODY_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Most statuses of one webhook body: as over HTTP.
pub const STATUSES_MAX: usize = chatmetric_store::BATCH_EVENTS_MAX;
/// Longest channel name, in bytes.
pub const CHANNEL_BYTES_MAX: usize = 64;

/// What a file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileFormat {
    /// `{"number","message_id","status","ts","channel"?}` a line.
    Ndjson,
    /// A header, then `number,message_id,status,timestamp` in the header's order.
    Csv,
    /// One webhook body a line, or a JSON array of bodies.
    Whatsapp,
    /// CAMS receipts: an object or an array of them a line.
    Cams,
    /// The columns of the CSV as Parquet.
    Parquet,
}

impl FileFormat {
    /// Its word on the command line.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ndjson => "ndjson",
            Self::Csv => "csv",
            Self::Whatsapp => "whatsapp",
            Self::Cams => "cams",
            Self::Parquet => "parquet",
        }
    }

    /// The format with this word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        let all = [
            Self::Ndjson,
            Self::Csv,
            Self::Whatsapp,
            Self::Cams,
            Self::Parquet,
        ];
        all.into_iter().find(|format| format.as_str() == word)
    }
}

/// A place in a file, all of what is before which was handed over. Reading may begin
/// there again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mark {
    /// Lines, or rows of Parquet, before it.
    pub rows: u64,
    /// Bytes before it, of what is unpacked; of Parquet, the share of the rows.
    pub bytes: u64,
    /// Bodies are cut apart by their braces, not by lines.
    pub is_apart: bool,
}

/// One event of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileEvent<'a> {
    /// Lower case; `whatsapp` unless the line says otherwise.
    pub channel: &'a str,
    /// The business number.
    pub number: PhoneNumber,
    /// The provider's id of the message: personal data, hash it at once.
    pub message_id: &'a str,
    /// What happened.
    pub status: MessageStatus,
    /// When.
    pub at: EpochMs,
    /// Whose ids these are, where the format says it.
    pub family: Option<IdFamily>,
}

impl FileEvent<'_> {
    /// What the event tells of its family of ids.
    pub(in crate::ingest) fn form(&self) -> IdForm {
        let of_id = || IdForm::of_id(self.message_id);
        self.family.map_or_else(of_id, IdForm::Of)
    }
}

/// What cannot be read, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bad {
    /// The line, or the row of Parquet, from 1.
    pub line: u64,
    /// From 1, in bytes; `None` when it is the line as a whole.
    pub column: Option<usize>,
    /// Why; never a value of the line.
    pub reason: String,
}

impl fmt::Display for Bad {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.column {
            Some(column) => write!(f, "{}:{column}: {}", self.line, self.reason),
            None => write!(f, "{}: {}", self.line, self.reason),
        }
    }
}

/// Receives what a file holds, in its order.
pub trait Visitor {
    /// Why reading stops before the end.
    type Stop;

    /// An event.
    ///
    /// # Errors
    /// Stops the reader.
    fn event(&mut self, event: &FileEvent<'_>) -> Result<(), Self::Stop>;

    /// Something that is not counted by rule: a status such as `deleted`, an
    /// inbound message. `word` is the status, where there is one.
    ///
    /// # Errors
    /// Stops the reader.
    fn ignored(&mut self, word: Option<&str>) -> Result<(), Self::Stop>;

    /// A line that could not be read.
    ///
    /// # Errors
    /// Stops the reader.
    fn bad(&mut self, bad: Bad) -> Result<(), Self::Stop>;

    /// Everything before `mark` was handed over; called after every line.
    ///
    /// # Errors
    /// Stops the reader.
    fn progress(&mut self, mark: Mark) -> Result<(), Self::Stop>;
}

/// Why a file was not read to its end.
#[derive(Debug)]
pub enum ReadError<S> {
    /// The input failed.
    Io(io::Error),
    /// The file as a whole is not of the format (a CSV without its header).
    Format(Bad),
    /// The visitor had enough.
    Stopped(S),
}

impl<S> From<io::Error> for ReadError<S> {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Reads a stream of a known format, from `from` on if something was read before.
/// Parquet is read from its end: a stream of it is kept in a temporary file first.
///
/// # Errors
/// [`ReadError`]
pub fn read<V: Visitor>(
    input: &mut dyn BufRead,
    format: FileFormat,
    from: Option<Mark>,
    visitor: &mut V,
) -> Result<(), ReadError<V::Stop>> {
    match format {
        FileFormat::Ndjson => ndjson::read(input, from, visitor),
        FileFormat::Csv => csv::read(input, from, visitor),
        FileFormat::Whatsapp => bodies::read(input, bodies::Kind::Whatsapp, from, visitor),
        FileFormat::Cams => bodies::read(input, bodies::Kind::Cams, from, visitor),
        FileFormat::Parquet => parquet::read(parquet::spooled(input)?, from, visitor),
    }
}

/// Reads a Parquet file, which is not compressed as a whole, where it is.
///
/// # Errors
/// [`ReadError`]
pub fn read_parquet<V: Visitor>(
    file: File,
    from: Option<Mark>,
    visitor: &mut V,
) -> Result<(), ReadError<V::Stop>> {
    parquet::read(file, from, visitor)
}

/// The time of a line: a text, or what a typed column holds (`None` is out of range).
#[derive(Debug, Clone, Copy)]
pub(super) enum RawTime<'a> {
    Text(&'a str),
    /// Seconds or milliseconds.
    Whole(i64),
    #[cfg_attr(not(feature = "parquet"), expect(dead_code))]
    At(Option<EpochMs>),
}

/// The values of one line of NDJSON or CSV, as text, before they are checked.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct RawEvent<'a> {
    pub(super) number: Option<&'a str>,
    pub(super) message_id: Option<&'a str>,
    pub(super) status: Option<&'a str>,
    pub(super) timestamp: Option<RawTime<'a>>,
    pub(super) channel: Option<&'a str>,
}

/// A checked line.
enum Checked<'a> {
    Event(FileEvent<'a>),
    Ignored(&'a str),
}

/// A field of a line, for the place of a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    Number,
    MessageId,
    Status,
    Timestamp,
    Channel,
}

impl<'a> RawEvent<'a> {
    /// Checks every value; `channel` must be lower case already.
    fn check(&self) -> Result<Checked<'a>, (Field, String)> {
        let given = |field, name: &str, value: Option<&'a str>| {
            let value = value.map(str::trim).filter(|value| !value.is_empty());
            value.ok_or_else(|| (field, format!("`{name}` is missing")))
        };
        let number = given(Field::Number, "number", self.number)?;
        let number =
            PhoneNumber::parse(number).map_err(|error| (Field::Number, error.to_string()))?;
        let message_id = given(Field::MessageId, "message_id", self.message_id)?;
        // The same limit as for webhooks: an id that one way takes, the other does too.
        if message_id.len() > MESSAGE_ID_BYTES_MAX {
            let reason = format!("`message_id` has more than {MESSAGE_ID_BYTES_MAX} bytes");
            return Err((Field::MessageId, reason));
        }
        let word = given(Field::Status, "status", self.status)?;
        let at = match self.timestamp {
            Some(RawTime::At(at)) => {
                at.ok_or_else(|| "`timestamp` is not between 1970 and 9998".to_owned())
            }
            Some(RawTime::Whole(value)) => {
                let at = super::whatsapp::time_of(value).filter(|_| value >= 0);
                at.ok_or_else(|| scalar::NO_TIME.to_owned())
            }
            Some(RawTime::Text(text)) => {
                scalar::time(given(Field::Timestamp, "timestamp", Some(text))?)
            }
            None => Err("`timestamp` is missing".to_owned()),
        };
        let at = at.map_err(|reason| (Field::Timestamp, reason))?;
        let channel = self
            .channel
            .map(str::trim)
            .filter(|channel| !channel.is_empty());
        let channel = channel.unwrap_or(chatmetric_core::event::DEFAULT_CHANNEL);
        if channel.len() > CHANNEL_BYTES_MAX {
            return Err((
                Field::Channel,
                format!("`channel` has more than {CHANNEL_BYTES_MAX} bytes"),
            ));
        }
        Ok(match MessageStatus::from_word(word) {
            Some(status) => Checked::Event(FileEvent {
                channel,
                number,
                message_id,
                status,
                at,
                family: None,
            }),
            None => Checked::Ignored(word),
        })
    }
}

/// A channel's name as it is kept, mostly as it stands.
fn lower_case(text: &str) -> Cow<'_, str> {
    if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Cow::Owned(text.to_ascii_lowercase())
    } else {
        Cow::Borrowed(text)
    }
}

#[cfg(test)]
mod tests;
