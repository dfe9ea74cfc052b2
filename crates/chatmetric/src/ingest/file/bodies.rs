//! Bodies of webhooks in a file, of WhatsApp or CAMS: one body a line, or JSON arrays of
//! bodies, or bodies that are written over many lines.
//!
//! With one body a line, a bad line spoils itself alone. Otherwise bodies are cut
//! apart by their braces, so a missing brace spoils what follows it, up to the
//! limit of a body.

use super::line::{Line, LineReader, pass};
use super::{BODY_BYTES_MAX, Bad, FileEvent, Mark, ReadError, STATUSES_MAX, Visitor};
use crate::directory::IdFamily;
use crate::ingest::{cams, whatsapp};
use std::io::{self, BufRead, Cursor, Read};

/// Whose bodies they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Whatsapp,
    /// An array of reports on one line is one body, too.
    Cams,
}

pub(super) fn read<V: Visitor>(
    input: &mut dyn BufRead,
    kind: Kind,
    from: Option<Mark>,
    visitor: &mut V,
) -> Result<(), ReadError<V::Stop>> {
    if let Some(mark) = from.filter(|mark| mark.is_apart) {
        pass(input, mark.bytes)?;
        return read_values(input, kind, mark, visitor);
    }
    let start = input.fill_buf()?;
    let start = start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(start);
    if from.is_none() && kind == Kind::Whatsapp && start.trim_ascii_start().first() == Some(&b'[') {
        return read_values(input, kind, Mark::default(), visitor);
    }
    let mut lines = LineReader::new(input, BODY_BYTES_MAX);
    if let Some(mark) = from {
        lines.go_to(mark)?;
    }
    let mut is_first = from.is_none();
    loop {
        let before = lines.mark();
        let line_number = before.rows + 1;
        match lines.advance()? {
            None => return Ok(()),
            Some(Line::TooLong) => visitor.bad(too_long(line_number)),
            Some(Line::Whole) if lines.bytes().trim_ascii().is_empty() => continue,
            Some(Line::Whole) if is_first && is_cut_off(lines.bytes()) => {
                // The body goes on below: put its first line back.
                let (mut first, rest) = lines.into_rest();
                first.push(b'\n');
                let mut input = io::BufReader::new(Cursor::new(first).chain(rest));
                return read_values(&mut input, kind, before, visitor);
            }
            Some(Line::Whole) => read_body(lines.bytes(), kind, line_number, visitor),
        }
        .map_err(ReadError::Stopped)?;
        is_first = false;
        visitor.progress(lines.mark()).map_err(ReadError::Stopped)?;
    }
}

fn too_long(line: u64) -> Bad {
    Bad {
        line,
        column: None,
        reason: format!("the body has more than {BODY_BYTES_MAX} bytes"),
    }
}

/// Whether this is the beginning of JSON that does not end on its line.
fn is_cut_off(bytes: &[u8]) -> bool {
    serde_json::from_slice::<serde::de::IgnoredAny>(bytes).is_err_and(|error| error.is_eof())
}

fn read_body<V: Visitor>(
    bytes: &[u8],
    kind: Kind,
    line: u64,
    visitor: &mut V,
) -> Result<(), V::Stop> {
    let text = whatsapp::text_of(bytes);
    let bad = |reason| Bad {
        line,
        column: None,
        reason,
    };
    let not_readable = |reason: chatmetric_store::Reason| {
        bad(format!(
            "a part of the body is not readable (`{}`)",
            reason.as_str()
        ))
    };
    let ignored = match kind {
        Kind::Whatsapp => {
            let webhook = match whatsapp::parse(&text, STATUSES_MAX) {
                Ok(webhook) => webhook,
                Err(error) => return visitor.bad(bad(error.to_string())),
            };
            for event in &webhook.events {
                visitor.event(&FileEvent {
                    channel: whatsapp::CHANNEL,
                    number: event.number,
                    message_id: &event.message_id,
                    status: event.status,
                    at: event.at,
                    family: Some(IdFamily::Meta),
                })?;
            }
            let mut all = webhook.bad.iter();
            all.try_for_each(|part| visitor.bad(not_readable(part.reason)))?;
            webhook.ignored
        }
        Kind::Cams => {
            let receipts = match cams::parse(&text, STATUSES_MAX) {
                Ok(receipts) => receipts,
                Err(error) => return visitor.bad(bad(error.to_string())),
            };
            for event in &receipts.events {
                visitor.event(&FileEvent {
                    channel: cams::CHANNEL,
                    number: event.number,
                    message_id: &event.message_id,
                    status: event.status,
                    at: event.at,
                    family: Some(IdFamily::Cams),
                })?;
            }
            let mut all = receipts.bad.iter();
            all.try_for_each(|part| visitor.bad(not_readable(part.reason)))?;
            receipts.ignored
        }
    };
    (0..ignored).try_for_each(|_| visitor.ignored(None))
}

/// Cuts JSON objects apart by their braces; what is between them (commas,
/// brackets, white space) is skipped.
struct Cutter {
    value: Vec<u8>,
    depth: usize,
    in_string: bool,
    escaped: bool,
    too_long: bool,
    line: u64,
    value_line: u64,
    stray_line: Option<u64>,
}

/// What a byte completed.
enum Cut {
    Nothing,
    Value,
    TooLong,
}

impl Cutter {
    fn push(&mut self, byte: u8) -> Cut {
        if byte == b'\n' {
            self.line += 1;
        }
        if self.depth == 0 {
            if byte == b'{' {
                self.value_line = self.line;
            } else {
                let between = byte.is_ascii_whitespace() || matches!(byte, b',' | b'[' | b']');
                if !between && self.stray_line.is_none() {
                    self.stray_line = Some(self.line);
                }
                return Cut::Nothing;
            }
        }
        self.follow(byte);
        if !self.too_long {
            self.value.push(byte);
            if self.value.len() > BODY_BYTES_MAX {
                self.too_long = true;
                self.value.clear();
            }
        }
        match (self.depth, self.too_long) {
            (0, false) => Cut::Value,
            (0, true) => Cut::TooLong,
            (_, _) => Cut::Nothing,
        }
    }

    /// Braces outside strings decide the depth.
    fn follow(&mut self, byte: u8) {
        if self.in_string {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' => self.escaped = true,
                b'"' => self.in_string = false,
                _ => {}
            }
            return;
        }
        match byte {
            b'"' => self.in_string = true,
            b'{' => self.depth += 1,
            b'}' => self.depth -= 1,
            _ => {}
        }
    }

    fn reset(&mut self) {
        self.value.clear();
        self.too_long = false;
    }
}

/// Reads bodies that are cut apart, from a place that is none of them.
fn read_values<V: Visitor>(
    input: &mut dyn BufRead,
    kind: Kind,
    from: Mark,
    visitor: &mut V,
) -> Result<(), ReadError<V::Stop>> {
    let first_line = from.rows + 1;
    let mut cutter = Cutter {
        value: Vec::new(),
        depth: 0,
        in_string: false,
        escaped: false,
        too_long: false,
        line: first_line,
        value_line: first_line,
        stray_line: None,
    };
    let mut bytes_read = from.bytes;
    let mut is_start = from.bytes == 0;
    loop {
        let available = match input.fill_buf() {
            Ok(available) => available,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error.into()),
        };
        if available.is_empty() {
            break;
        }
        let used = available.len();
        let skip = if is_start && available.starts_with(b"\xef\xbb\xbf") {
            3
        } else {
            0
        };
        is_start = false;
        for (place, byte) in (1_u64..).zip(available).skip(skip) {
            match cutter.push(*byte) {
                Cut::Nothing => continue,
                Cut::Value => read_body(&cutter.value, kind, cutter.value_line, visitor),
                Cut::TooLong => visitor.bad(too_long(cutter.value_line)),
            }
            .map_err(ReadError::Stopped)?;
            cutter.reset();
            let mark = Mark {
                rows: cutter.line - 1,
                bytes: bytes_read + place,
                is_apart: true,
            };
            visitor.progress(mark).map_err(ReadError::Stopped)?;
        }
        input.consume(used);
        bytes_read += u64::try_from(used).unwrap_or(u64::MAX);
        if let Some(line) = cutter.stray_line.take() {
            let reason = "something that is no webhook body".to_owned();
            visitor
                .bad(Bad {
                    line,
                    column: None,
                    reason,
                })
                .map_err(ReadError::Stopped)?;
        }
    }
    if cutter.depth > 0 {
        let reason = "the file ends within a webhook body".to_owned();
        let line = cutter.value_line;
        visitor
            .bad(Bad {
                line,
                column: None,
                reason,
            })
            .map_err(ReadError::Stopped)?;
    }
    Ok(())
}
