//! CSV with a header that names the columns in any order: `number`,
//! `message_id`, `status`, `timestamp` (or `ts`), and perhaps `channel`.
//!
//! A record is one line: a quoted field cannot hold a line break, so that a
//! missing quote spoils one line and not the rest. Separators are `,`, `;` or tab,
//! as the header has them.

use super::ndjson::{not_utf8, too_long};
use super::{
    Bad, Checked, Field, LINE_BYTES_MAX, Line, LineReader, Mark, RawEvent, RawTime, ReadError,
    Visitor,
};
use std::borrow::Cow;
use std::io::BufRead;

/// Most columns of a header.
const COLUMNS_MAX: usize = 256;

/// Which column holds what.
#[derive(Debug, Clone, Copy)]
struct Header {
    separator: char,
    columns: usize,
    number: usize,
    message_id: usize,
    status: usize,
    timestamp: usize,
    channel: Option<usize>,
}

pub(super) fn read<V: Visitor>(
    input: &mut dyn BufRead,
    from: Option<Mark>,
    visitor: &mut V,
) -> Result<(), ReadError<V::Stop>> {
    let mut lines = LineReader::new(input, LINE_BYTES_MAX);
    let mut header: Option<Header> = None;
    loop {
        let line_number = lines.line() + 1;
        match (lines.advance()?, &header) {
            (None, Some(_)) => return Ok(()),
            (None, None) => {
                return Err(ReadError::Format(Bad {
                    line: 1,
                    column: None,
                    reason: "the file is empty; a CSV begins with a header".to_owned(),
                }));
            }
            (Some(Line::TooLong), None) => return Err(ReadError::Format(too_long(line_number))),
            (Some(Line::TooLong), Some(_)) => visitor.bad(too_long(line_number)),
            (Some(Line::Whole), _) if lines.bytes().trim_ascii().is_empty() => Ok(()),
            (Some(Line::Whole), None) => {
                let read = Header::read(lines.bytes(), line_number);
                header = Some(read.map_err(ReadError::Format)?);
                if let Some(mark) = from.filter(|mark| mark.bytes > lines.bytes_read()) {
                    lines.go_to(mark)?;
                }
                Ok(())
            }
            (Some(Line::Whole), Some(header)) => {
                read_line(lines.bytes(), line_number, header, visitor)
            }
        }
        .map_err(ReadError::Stopped)?;
        visitor.progress(lines.mark()).map_err(ReadError::Stopped)?;
    }
}

impl Header {
    fn read(bytes: &[u8], line: u64) -> Result<Self, Bad> {
        let fault = |column, reason| Bad {
            line,
            column,
            reason,
        };
        let text = std::str::from_utf8(bytes).map_err(|error| not_utf8(line, error))?;
        let count = |separator| text.matches(separator).count();
        let separator = [',', ';', '\t']
            .into_iter()
            .max_by_key(|s| count(*s))
            .unwrap_or(',');
        let fields = split(text, separator).map_err(|(at, reason)| fault(Some(at + 1), reason))?;
        if fields.len() > COLUMNS_MAX {
            return Err(fault(
                None,
                format!("the header has more than {COLUMNS_MAX} columns"),
            ));
        }
        let names: Vec<String> = fields
            .iter()
            .map(|(_, name)| name.trim().to_ascii_lowercase())
            .collect();
        let find = |wanted: &[&str]| -> Result<Option<usize>, Bad> {
            let mut found = names
                .iter()
                .enumerate()
                .filter(|(_, n)| wanted.contains(&n.as_str()));
            let first = found.next();
            if let Some((index, _)) = found.next() {
                let at = fields.get(index).map(|(at, _)| at + 1);
                return Err(fault(
                    at,
                    format!("the column `{}` is there twice", wanted.join("`/`")),
                ));
            }
            Ok(first.map(|(index, _)| index))
        };
        let required = |wanted: &[&str]| {
            find(wanted)?.ok_or_else(|| {
                let name = wanted.first().copied().unwrap_or_default();
                fault(
                    None,
                    format!(
                        "the header has no column `{name}`; it needs \
                         `number,message_id,status,timestamp` in any order"
                    ),
                )
            })
        };
        Ok(Self {
            separator,
            columns: names.len(),
            number: required(&["number"])?,
            message_id: required(&["message_id"])?,
            status: required(&["status"])?,
            timestamp: required(&["timestamp", "ts"])?,
            channel: find(&["channel"])?,
        })
    }

    const fn column_of(&self, field: Field) -> Option<usize> {
        match field {
            Field::Number => Some(self.number),
            Field::MessageId => Some(self.message_id),
            Field::Status => Some(self.status),
            Field::Timestamp => Some(self.timestamp),
            Field::Channel => self.channel,
        }
    }
}

fn read_line<V: Visitor>(
    bytes: &[u8],
    line: u64,
    header: &Header,
    visitor: &mut V,
) -> Result<(), V::Stop> {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => return visitor.bad(not_utf8(line, error)),
    };
    let fields = match split(text, header.separator) {
        Ok(fields) => fields,
        Err((at, reason)) => {
            return visitor.bad(Bad {
                line,
                column: Some(at + 1),
                reason,
            });
        }
    };
    if fields.len() != header.columns {
        let reason = format!(
            "the line has {} fields, the header has {}",
            fields.len(),
            header.columns
        );
        return visitor.bad(Bad {
            line,
            column: None,
            reason,
        });
    }
    let value = |index: usize| fields.get(index).map(|(_, value)| value.as_ref());
    let channel = header.channel.and_then(value).map(super::lower_case);
    let raw = RawEvent {
        number: value(header.number),
        message_id: value(header.message_id),
        status: value(header.status),
        timestamp: value(header.timestamp).map(RawTime::Text),
        channel: channel.as_deref(),
    };
    match raw.check() {
        Ok(Checked::Event(event)) => visitor.event(&event),
        Ok(Checked::Ignored(word)) => visitor.ignored(Some(word)),
        Err((field, reason)) => {
            let column = header.column_of(field).and_then(|index| fields.get(index));
            visitor.bad(Bad {
                line,
                column: column.map(|(at, _)| at + 1),
                reason,
            })
        }
    }
}

type Fields<'a> = Vec<(usize, Cow<'a, str>)>;

/// The fields of a line, each with the byte at which it begins.
fn split(text: &str, separator: char) -> Result<Fields<'_>, (usize, String)> {
    let mut fields: Fields<'_> = Vec::with_capacity(8);
    let mut at = 0;
    loop {
        let rest = text.get(at..).unwrap_or_default();
        let (value, used) = if let Some(quoted) = rest.strip_prefix('"') {
            let (value, used) = unquote(quoted)
                .ok_or_else(|| (at, "a quoted field does not end on this line".to_owned()))?;
            (value, used + 1)
        } else {
            let end = rest.find(separator).unwrap_or(rest.len());
            (Cow::Borrowed(rest.get(..end).unwrap_or_default()), end)
        };
        fields.push((at, value));
        at += used;
        match text.get(at..).and_then(|rest| rest.chars().next()) {
            None => return Ok(fields),
            Some(next) if next == separator => at += separator.len_utf8(),
            Some(_) => {
                return Err((at, "text after the quote that ends a field".to_owned()));
            }
        }
    }
}

/// What stands before the closing quote (doubled ones are one), and how many
/// bytes that is with the closing quote.
fn unquote(text: &str) -> Option<(Cow<'_, str>, usize)> {
    let mut value = String::new();
    let mut from = 0;
    loop {
        let end = from + text.get(from..)?.find('"')?;
        let part = text.get(from..end)?;
        if text
            .get(end + 1..)
            .is_some_and(|rest| rest.starts_with('"'))
        {
            value.push_str(part);
            value.push('"');
            from = end + 2;
        } else if value.is_empty() {
            return Some((Cow::Borrowed(part), end + 1));
        } else {
            value.push_str(part);
            return Some((Cow::Owned(value), end + 1));
        }
    }
}
