//! NDJSON: one event a line, `{"number","message_id","status","ts","channel"?}`.
//! Unknown names are ignored; `timestamp` is another name of `ts`.

use super::scalar::Scalar;
use super::{
    Bad, Checked, Field, FileEvent, LINE_BYTES_MAX, Line, LineReader, Mark, RawEvent, ReadError,
    Visitor,
};
use serde::Deserialize;
use std::io::BufRead;

#[derive(Deserialize)]
struct WireEvent<'a> {
    #[serde(borrow)]
    number: Option<Scalar<'a>>,
    #[serde(borrow)]
    message_id: Option<Scalar<'a>>,
    #[serde(borrow)]
    status: Option<Scalar<'a>>,
    #[serde(borrow, alias = "timestamp")]
    ts: Option<Scalar<'a>>,
    #[serde(borrow)]
    channel: Option<Scalar<'a>>,
}

pub(super) fn read<V: Visitor>(
    input: &mut dyn BufRead,
    from: Option<Mark>,
    visitor: &mut V,
) -> Result<(), ReadError<V::Stop>> {
    let mut lines = LineReader::new(input, LINE_BYTES_MAX);
    if let Some(mark) = from {
        lines.go_to(mark)?;
    }
    loop {
        let line_number = lines.line() + 1;
        match lines.advance()? {
            None => return Ok(()),
            Some(Line::TooLong) => visitor.bad(too_long(line_number)),
            Some(Line::Whole) if lines.bytes().trim_ascii().is_empty() => Ok(()),
            Some(Line::Whole) => read_line(lines.bytes(), line_number, visitor),
        }
        .map_err(ReadError::Stopped)?;
        visitor.progress(lines.mark()).map_err(ReadError::Stopped)?;
    }
}

pub(super) fn too_long(line: u64) -> Bad {
    Bad {
        line,
        column: None,
        reason: format!("the line has more than {LINE_BYTES_MAX} bytes"),
    }
}

/// The first byte that is not UTF-8, from 1.
pub(super) fn not_utf8(line: u64, error: std::str::Utf8Error) -> Bad {
    let reason = "the line is not UTF-8 here".to_owned();
    Bad {
        line,
        column: Some(error.valid_up_to() + 1),
        reason,
    }
}

/// What a line is.
pub(in crate::ingest) enum Judged<'a> {
    Event(FileEvent<'a>),
    /// The word of a status that is not counted.
    Ignored(&'a str),
    Bad {
        /// The value that is wrong, when the rest of the line was read.
        field: Option<Field>,
        /// From 1, in bytes.
        column: Option<usize>,
        /// Without any value.
        reason: String,
    },
}

fn read_line<V: Visitor>(bytes: &[u8], line: u64, visitor: &mut V) -> Result<(), V::Stop> {
    judge(bytes, |judged| match judged {
        Judged::Event(event) => visitor.event(&event),
        Judged::Ignored(word) => visitor.ignored(Some(word)),
        Judged::Bad { column, reason, .. } => visitor.bad(Bad {
            line,
            column,
            reason,
        }),
    })
}

/// Reads one line and tells what it is; its texts live as long as the telling.
pub(in crate::ingest) fn judge<T>(bytes: &[u8], tell: impl FnOnce(Judged<'_>) -> T) -> T {
    let bad = |column, reason| Judged::Bad {
        field: None,
        column,
        reason,
    };
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            let Bad { column, reason, .. } = not_utf8(0, error);
            return tell(bad(column, reason));
        }
    };
    let wire: WireEvent<'_> = match serde_json::from_str(text) {
        Ok(wire) => wire,
        Err(error) => {
            let column = Some(error.column()).filter(|column| *column > 0);
            return tell(bad(column, json_reason(&error)));
        }
    };
    let channel = wire.channel.as_ref().map(Scalar::text);
    let channel = channel.as_deref().map(super::lower_case);
    let (number, id) = (
        wire.number.as_ref().map(Scalar::text),
        wire.message_id.as_ref().map(Scalar::text),
    );
    let status = wire.status.as_ref().map(Scalar::text);
    let raw = RawEvent {
        number: number.as_deref(),
        message_id: id.as_deref(),
        status: status.as_deref(),
        timestamp: wire.ts.as_ref().map(Scalar::time),
        channel: channel.as_deref(),
    };
    tell(raw.judge())
}

impl<'a> RawEvent<'a> {
    /// The check, as what a line is.
    pub(in crate::ingest) fn judge(&self) -> Judged<'a> {
        match self.check() {
            Ok(Checked::Event(event)) => Judged::Event(event),
            Ok(Checked::Ignored(word)) => Judged::Ignored(word),
            Err((field, reason)) => Judged::Bad {
                field: Some(field),
                column: None,
                reason,
            },
        }
    }
}

/// What the JSON parser says, without its own place and without any value.
pub(super) fn json_reason(error: &serde_json::Error) -> String {
    match error.classify() {
        serde_json::error::Category::Syntax => "this is not JSON".to_owned(),
        serde_json::error::Category::Eof => "the JSON ends too early".to_owned(),
        serde_json::error::Category::Io => "could not be read".to_owned(),
        serde_json::error::Category::Data => {
            let text = error.to_string();
            let text = text.split(" at line ").next().unwrap_or_default();
            // Serde repeats values in `invalid type` messages; our own never do.
            if text.starts_with("invalid") {
                "this is not an object with `number`, `message_id`, `status`, `ts`".to_owned()
            } else {
                text.to_owned()
            }
        }
    }
}
