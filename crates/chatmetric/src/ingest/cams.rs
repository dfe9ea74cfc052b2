//! The body of CAMS receipts: an array of reports over HTTP push, or the one object of
//! the queue, read leniently. Every report is judged alone.
//!
//! Pure: no HTTP, no token, no directory. The vendor's own examples have white space
//! around keys and numbers with and without `+`.
//!
//! Invariant: whatever valid array or object comes in, each report is an event, a bad
//! one, or ignored; only a body that is neither fails.

use super::lenient::{self, Name, Text};
use super::whatsapp::{BadStatus, is_message_id, read_time};
use chatmetric_core::{EpochMs, MessageStatus, PhoneNumber};
use chatmetric_store::Reason;
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;

/// The channel of these events, in the identity of a message.
pub(super) const CHANNEL: &str = chatmetric_core::event::DEFAULT_CHANNEL;
/// The `NoticeType` of a message that somebody sent to the business.
const INBOUND: &str = "inbound";

/// What a body brought.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Receipts<'a> {
    /// Reports that count.
    pub(super) events: Vec<Event<'a>>,
    /// What should count and cannot be read.
    pub(super) bad: Vec<BadStatus<'a>>,
    /// Inbound messages, words that are not counted.
    pub(super) ignored: u32,
}

/// One report.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Event<'a> {
    /// The business number.
    pub(super) number: PhoneNumber,
    /// CAMS's id of the message.
    pub(super) message_id: Cow<'a, str>,
    /// What happened.
    pub(super) status: MessageStatus,
    /// When.
    pub(super) at: EpochMs,
}

/// Why there are no receipts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum CamsError {
    /// Neither a JSON array nor an object.
    #[error("the body has no receipts")]
    Unparsable,
    /// More reports than one body may have.
    #[error("the body has more than {reports_max} reports")]
    TooMany {
        /// The limit.
        reports_max: usize,
    },
}

/// Reads a body of at most `reports_max` reports; see `whatsapp::text_of` for its text.
///
/// # Errors
/// [`CamsError`].
pub(super) fn parse(body: &str, reports_max: usize) -> Result<Receipts<'_>, CamsError> {
    let body = body.trim_start_matches('\u{feff}');
    let reports = if lenient::is_array(body) {
        lenient::items(body).ok_or(CamsError::Unparsable)?
    } else {
        let one: &RawValue = serde_json::from_str(body).map_err(|_| CamsError::Unparsable)?;
        if !one.get().starts_with('{') {
            return Err(CamsError::Unparsable);
        }
        vec![one]
    };
    if reports.len() > reports_max {
        return Err(CamsError::TooMany { reports_max });
    }
    let mut receipts = Receipts::default();
    receipts.events.reserve(reports.len());
    for report in reports {
        let json = report.get();
        match read_report(json) {
            Ok(Some(event)) => receipts.events.push(event),
            Ok(None) => receipts.ignored = receipts.ignored.saturating_add(1),
            Err(reason) => receipts.bad.push(BadStatus {
                reason,
                json,
                // A report names it.
                number: None,
            }),
        }
    }
    Ok(receipts)
}

/// `None` for what is not counted, whatever else the report lacks.
fn read_report(json: &str) -> Result<Option<Event<'_>>, Reason> {
    let report: Picked<'_> = serde_json::from_str(json).map_err(|_| Reason::Malformed)?;
    let is_inbound = match &report.notice_type {
        Text::String(word) => word.trim().eq_ignore_ascii_case(INBOUND),
        Text::Number(_) | Text::Other | Text::Absent => false,
    };
    if is_inbound {
        return Ok(None);
    }
    let word = match &report.status {
        Text::String(word) if !word.trim().is_empty() => word.trim(),
        // An inbound message of the page that has no NoticeType.
        Text::String(_) | Text::Absent if report.has_message => return Ok(None),
        Text::String(_) | Text::Number(_) | Text::Other | Text::Absent => {
            return Err(Reason::Malformed);
        }
    };
    let Some(status) = MessageStatus::from_word(word) else {
        return Ok(None);
    };
    let number = report.from.plain().ok_or(Reason::Malformed)?;
    let number = PhoneNumber::parse(&number).map_err(|_| Reason::Malformed)?;
    let message_id = report.message_id.plain().map(trimmed);
    let message_id = message_id.filter(|id| is_message_id(id));
    let at = report.timestamp.plain().and_then(|text| read_time(&text));
    Ok(Some(Event {
        number,
        message_id: message_id.ok_or(Reason::Malformed)?,
        status,
        at: at.ok_or(Reason::BadTimestamp)?,
    }))
}

fn trimmed(text: Cow<'_, str>) -> Cow<'_, str> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.trim()),
        Cow::Owned(text) => Cow::Owned(text.trim().to_owned()),
    }
}

/// The members of a report that matter.
#[derive(Debug, Default)]
struct Picked<'a> {
    message_id: Text<'a>,
    from: Text<'a>,
    timestamp: Text<'a>,
    status: Text<'a>,
    notice_type: Text<'a>,
    has_message: bool,
}

impl<'de: 'a, 'a> Deserialize<'de> for Picked<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pick;
        impl<'de> Visitor<'de> for Pick {
            type Value = Picked<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a report")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Picked<'de>, A::Error> {
                let mut report = Picked::default();
                while let Some(Name(name)) = map.next_key()? {
                    let place = match name.trim() {
                        "MessageId" => &mut report.message_id,
                        "From" => &mut report.from,
                        "Timestamp" => &mut report.timestamp,
                        "Status" => &mut report.status,
                        "NoticeType" => &mut report.notice_type,
                        other => {
                            report.has_message |= other == "Message";
                            map.next_value::<IgnoredAny>()?;
                            continue;
                        }
                    };
                    let value = map.next_value::<&RawValue>()?;
                    // Who has nothing to say writes `null`.
                    if value.get() != "null" {
                        *place = Text::of(value);
                    }
                }
                Ok(report)
            }
        }
        deserializer.deserialize_map(Pick)
    }
}

#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
#[cfg(test)]
mod tests;
