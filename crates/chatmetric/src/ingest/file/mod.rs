//! Files of events, read line by line with bounded memory: NDJSON, CSV, and
//! WhatsApp webhook bodies, compressed or not.
//!
//! A reader hands every event to a [`Visitor`] and every line that it could not
//! read as a [`Bad`], with its place and without its content (it may hold
//! personal data). Not here: what becomes of an event, or anything of HTTP.
//!
//! Invariant: no bytes make a reader panic or hold more than one line (or one
//! webhook body) of its format's limit in memory.

mod compression;
mod csv;
mod line;
mod load;
mod ndjson;
mod place;
mod scalar;
mod sniff;
mod whatsapp;

use super::whatsapp::MESSAGE_ID_BYTES_MAX;
use chatmetric_core::{EpochMs, MessageStatus, PhoneNumber};
use std::fmt;
use std::io::{self, BufRead};

pub use compression::{Compression, ZSTD_WINDOW_BYTES_MAX, decoded, decoded_within};
pub use line::{Line, LineReader};
pub use load::{BATCH_EVENTS, LoadError, LoadReport, Loader};
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
}

/// What cannot be read, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bad {
    /// From 1.
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

    /// How many bytes of the input were read so far; called after every line.
    ///
    /// # Errors
    /// Stops the reader.
    fn progress(&mut self, bytes_read: u64) -> Result<(), Self::Stop>;
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

/// Reads a file of a known format.
///
/// # Errors
/// [`ReadError`]
pub fn read<V: Visitor>(
    input: &mut dyn BufRead,
    format: FileFormat,
    visitor: &mut V,
) -> Result<(), ReadError<V::Stop>> {
    match format {
        FileFormat::Ndjson => ndjson::read(input, visitor),
        FileFormat::Csv => csv::read(input, visitor),
        FileFormat::Whatsapp => whatsapp::read(input, visitor),
    }
}

/// The values of one line of NDJSON or CSV, as text, before they are checked.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct RawEvent<'a> {
    pub(super) number: Option<&'a str>,
    pub(super) message_id: Option<&'a str>,
    pub(super) status: Option<&'a str>,
    pub(super) timestamp: Option<&'a str>,
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
        let timestamp = given(Field::Timestamp, "timestamp", self.timestamp)?;
        let at = scalar::time(timestamp).map_err(|reason| (Field::Timestamp, reason))?;
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
            }),
            None => Checked::Ignored(word),
        })
    }
}

#[cfg(test)]
mod tests;
