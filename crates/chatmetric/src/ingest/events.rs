//! Bodies of our own events: CloudEvents 1.0 (one, or an array of them) and NDJSON, each
//! event judged alone.
//!
//! Pure: no HTTP, no token, no directory. Lines and values are checked as those of files
//! are (`file`); a CloudEvent without a time happened when it came in.
//!
//! Invariant: each CloudEvent of an array or object, and each line that is not blank, is
//! an event, a bad one, or ignored; only a body of CloudEvents that is neither array nor
//! object fails.

use super::file::{Field, FileEvent, Judged, LINE_BYTES_MAX, RawEvent, RawTime, judge};
use super::lenient::{self, Members, Text};
use crate::directory::IdForm;
use chatmetric_core::{EpochMs, MessageStatus, PhoneNumber};
use chatmetric_store::Reason;
use std::borrow::Cow;

/// The version of CloudEvents that is read.
const SPEC_VERSION: &str = "1.0";

/// How a body is to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// CloudEvents as JSON: one object or an array of them.
    CloudEvents,
    /// One event a line.
    Ndjson,
    /// What it looks like.
    Unknown,
}

impl Format {
    /// The format that a content type names.
    pub(super) fn of_content_type(value: &str) -> Self {
        let essence = value.split(';').next().unwrap_or_default().trim();
        let is = |name: &str| essence.eq_ignore_ascii_case(name);
        if is("application/cloudevents+json") || is("application/cloudevents-batch+json") {
            Self::CloudEvents
        } else if is("application/x-ndjson") || is("application/ndjson") {
            Self::Ndjson
        } else {
            Self::Unknown
        }
    }

    /// Looks at the body where the content type says nothing. An array is a batch of
    /// CloudEvents; an object that stands alone is one when it says so.
    fn seen_in(self, text: &str) -> Self {
        match self {
            Self::CloudEvents | Self::Ndjson => self,
            Self::Unknown => {
                let says_so =
                    || Members::read(text).is_some_and(|it| it.get("specversion").is_some());
                if lenient::is_array(text) || says_so() {
                    Self::CloudEvents
                } else {
                    Self::Ndjson
                }
            }
        }
    }
}

/// What a body brought.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Events<'a> {
    /// Events that count.
    pub(super) events: Vec<Event>,
    /// What should count and cannot be read. Personal data: seal it.
    pub(super) bad: Vec<(Reason, &'a [u8])>,
    /// Words that are not counted.
    pub(super) ignored: u32,
}

/// One event.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Event {
    /// The business number.
    pub(super) number: PhoneNumber,
    /// Lower case; `None` is the usual one.
    pub(super) channel: Option<Box<str>>,
    /// The provider's id of the message. Personal data: hash it, drop it.
    pub(super) message_id: Box<str>,
    /// By the shape of the id.
    pub(super) family: IdForm,
    /// What happened.
    pub(super) status: MessageStatus,
    /// When.
    pub(super) at: EpochMs,
}

/// Why there are no events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum EventsError {
    /// Neither a JSON array nor an object.
    #[error("the body has no events")]
    Unparsable,
    /// More events than one body may have.
    #[error("the body has more than {events_max} events")]
    TooMany {
        /// The limit.
        events_max: usize,
    },
}

/// A body before it is read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Body<'a> {
    pub(super) format: Format,
    pub(super) bytes: &'a [u8],
    /// The same, as `whatsapp::text_of` gives it.
    pub(super) text: &'a str,
    pub(super) received_at: EpochMs,
}

/// Reads a body of at most `events_max` events.
///
/// # Errors
/// [`EventsError`].
pub(super) fn parse(body: Body<'_>, events_max: usize) -> Result<Events<'_>, EventsError> {
    let text = body.text.trim_start_matches('\u{feff}');
    let mut reader = Reader {
        found: Events::default(),
        events_max,
    };
    match body.format.seen_in(text) {
        Format::CloudEvents => reader.cloud_events(text, body.received_at)?,
        Format::Ndjson | Format::Unknown => reader.lines(body.bytes)?,
    }
    Ok(reader.found)
}

struct Reader<'a> {
    found: Events<'a>,
    events_max: usize,
}

impl<'a> Reader<'a> {
    fn lines(&mut self, bytes: &'a [u8]) -> Result<(), EventsError> {
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        for line in bytes.split(|byte| *byte == b'\n') {
            let line = line.trim_ascii();
            if line.is_empty() {
                continue;
            }
            // As in a file, where a longer one would not be held in memory.
            if line.len() > LINE_BYTES_MAX {
                self.found.bad.push((Reason::Malformed, line));
            } else {
                judge(line, |judged| self.note(judged, line));
            }
            self.check_limit()?;
        }
        Ok(())
    }

    fn cloud_events(&mut self, text: &'a str, received_at: EpochMs) -> Result<(), EventsError> {
        if !lenient::is_array(text) {
            let members = Members::read(text).ok_or(EventsError::Unparsable)?;
            self.cloud_event(text, Some(&members), received_at);
            return Ok(());
        }
        for event in lenient::items(text).ok_or(EventsError::Unparsable)? {
            let members = Members::read(event.get());
            self.cloud_event(event.get(), members.as_ref(), received_at);
            self.check_limit()?;
        }
        Ok(())
    }

    fn cloud_event(&mut self, json: &'a str, members: Option<&Members<'a>>, received_at: EpochMs) {
        let read = members.ok_or(Reason::Malformed);
        let read = read.and_then(|members| CloudEvent::read(members, received_at));
        match read {
            // Other kinds of events may share the feed, and have no message.
            Ok(event) if event.is_uncounted() => {
                self.found.ignored = self.found.ignored.saturating_add(1);
            }
            Ok(event) => self.note(event.raw().judge(), json.as_bytes()),
            Err(reason) => self.found.bad.push((reason, json.as_bytes())),
        }
    }

    fn note(&mut self, judged: Judged<'_>, bytes: &'a [u8]) {
        match judged {
            Judged::Event(event) => self.found.events.push(Event::of(&event)),
            Judged::Ignored(_) => self.found.ignored = self.found.ignored.saturating_add(1),
            Judged::Bad { field, .. } => self.found.bad.push((reason_of(field), bytes)),
        }
    }

    fn check_limit(&self) -> Result<(), EventsError> {
        let events_max = self.events_max;
        if self.found.events.len() + self.found.bad.len() > events_max {
            return Err(EventsError::TooMany { events_max });
        }
        Ok(())
    }
}

const fn reason_of(field: Option<Field>) -> Reason {
    match field {
        Some(Field::Timestamp) => Reason::BadTimestamp,
        Some(Field::Number | Field::MessageId | Field::Status | Field::Channel) | None => {
            Reason::Malformed
        }
    }
}

impl Event {
    fn of(event: &FileEvent<'_>) -> Self {
        let is_usual = event.channel == chatmetric_core::event::DEFAULT_CHANNEL;
        Self {
            number: event.number,
            channel: (!is_usual).then(|| event.channel.into()),
            message_id: event.message_id.into(),
            family: event.form(),
            status: event.status,
            at: event.at,
        }
    }
}

/// The values of a CloudEvent, as text, before they are checked.
struct CloudEvent<'a> {
    number: Option<Cow<'a, str>>,
    message_id: Option<Cow<'a, str>>,
    status: Option<Cow<'a, str>>,
    time: Cow<'a, str>,
    channel: Option<String>,
}

impl<'a> CloudEvent<'a> {
    fn read(members: &Members<'a>, received_at: EpochMs) -> Result<Self, Reason> {
        if members.text("specversion").as_deref() != Some(SPEC_VERSION) {
            return Err(Reason::Malformed);
        }
        let data = members
            .get("data")
            .and_then(|json| Members::read(json.get()));
        let of_data = |name: &str| data.as_ref()?.text(name);
        let last_word = || {
            let kind = members.text("type")?;
            let word = kind.rsplit('.').next()?;
            Some(Cow::Owned(word.to_owned()))
        };
        // A time that is there and no text is wrong, not missing.
        let time = match members.get("time").filter(|json| json.get() != "null") {
            Some(_) => members.text("time").ok_or(Reason::BadTimestamp)?,
            None => Cow::Owned(received_at.0.to_string()),
        };
        // Bytes that were not UTF-8 could make two ids, or two numbers, look the same, and
        // so could numbers that are written in another way.
        let plain = |members: Option<&Members<'a>>, name: &str| {
            let json = members?.get(name)?;
            Some(Text::of(json).plain().ok_or(Reason::Malformed))
        };
        let number =
            plain(data.as_ref(), "phone_number").or_else(|| plain(Some(members), "subject"));
        Ok(Self {
            number: number.transpose()?,
            message_id: plain(data.as_ref(), "message_id").transpose()?,
            status: of_data("status").or_else(last_word),
            time,
            channel: of_data("channel").map(|channel| channel.to_ascii_lowercase()),
        })
    }

    fn is_uncounted(&self) -> bool {
        let word = self.status.as_deref().map(str::trim);
        word.is_some_and(|word| !word.is_empty() && MessageStatus::from_word(word).is_none())
    }

    fn raw(&self) -> RawEvent<'_> {
        RawEvent {
            number: self.number.as_deref(),
            message_id: self.message_id.as_deref(),
            status: self.status.as_deref(),
            timestamp: Some(RawTime::Text(&self.time)),
            channel: self.channel.as_deref(),
        }
    }
}

#[cfg(test)]
mod tests;
