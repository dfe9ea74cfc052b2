//! The body of a WhatsApp Cloud API webhook, read leniently: every status is
//! judged alone, so that one bad status never drops its neighbours.
//!
//! Pure: no HTTP, no signature, no directory. The envelope is walked once with
//! the statuses left as raw JSON; then each status is read for itself. What is kept
//! (sealed) of one that cannot be counted is the same with its number around it. Bodies in
//! which nothing is unusual are read faster, by `straight`.
//!
//! Invariant: whatever valid JSON comes in, the result is events, bad statuses
//! and a number of ignored items; only a body that is no webhook at all fails.
//! Nothing disappears: a part that may hold statuses and has the wrong shape is
//! kept as a bad one.

use super::lenient::{self, Members, Text};
use chatmetric_core::{EpochMs, MessageStatus, PhoneNumber};
use chatmetric_store::Reason;
use serde_json::value::RawValue;
use std::borrow::Cow;

#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
mod straight;

/// The channel of these events, in the identity of a message.
pub const CHANNEL: &str = chatmetric_core::event::DEFAULT_CHANNEL;
/// Longest message id, in bytes; measured ids have about 60.
pub const MESSAGE_ID_BYTES_MAX: usize = 1024;
/// A time at or above it is in ms, below it in s (1e11 s is the year 5138).
pub const MS_FROM: i64 = 100_000_000_000;
/// The `object` of WhatsApp webhooks; other products share the shape.
const OBJECT: &str = "whatsapp_business_account";
/// The `field` that carries statuses.
const FIELD: &str = "messages";
/// The list of statuses.
const STATUSES: &str = "statuses";
/// Lists of things that are not counted, whatever they are.
const UNCOUNTED_LISTS: [&str; 2] = ["messages", "errors"];
/// All lists of a `value`.
const LISTS: [&str; 3] = [STATUSES, "messages", "errors"];

/// What a body brought.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Webhook<'a> {
    /// Statuses that count.
    pub events: Vec<Event<'a>>,
    /// What should count and cannot be read.
    pub bad: Vec<BadStatus<'a>>,
    /// Inbound messages, other fields, words that are not counted.
    pub ignored: u32,
}

impl Webhook<'_> {
    fn ignore(&mut self, items: usize) {
        let items = u32::try_from(items).unwrap_or(u32::MAX);
        self.ignored = self.ignored.saturating_add(items);
    }
}

/// One status.
#[derive(Debug, PartialEq, Eq)]
pub struct Event<'a> {
    /// The business number.
    pub number: PhoneNumber,
    /// The provider's id of the message. Personal data: hash it, drop it.
    pub message_id: Cow<'a, str>,
    /// What happened.
    pub status: MessageStatus,
    /// When, by the provider's clock.
    pub at: EpochMs,
}

/// A status that cannot be read, or a part of the body where statuses should be.
#[derive(Debug, PartialEq, Eq)]
pub struct BadStatus<'a> {
    /// What is wrong with it.
    pub reason: Reason,
    /// Its JSON. Personal data: seal it.
    pub json: &'a str,
    /// The business number of a single status, which stands beside it in the body.
    pub number: Option<PhoneNumber>,
}

impl<'a> BadStatus<'a> {
    /// What is kept of it: a body with this status alone where its number is known, because a
    /// status does not name it and could never be counted.
    #[must_use]
    pub fn kept(&self) -> Cow<'a, [u8]> {
        let Some(number) = self.number else {
            return Cow::Borrowed(self.json.as_bytes());
        };
        let body = format!(
            r#"{{"object":"{OBJECT}","entry":[{{"changes":[{{"field":"{FIELD}","value":{{"metadata":{{"display_phone_number":"{number}"}},"{STATUSES}":[{}]}}}}]}}]}}"#,
            self.json
        );
        Cow::Owned(body.into_bytes())
    }
}

/// Why a body is no webhook.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WebhookError {
    /// Not JSON, or not of the expected shape.
    #[error("the body is not a WhatsApp webhook")]
    Unparsable,
    /// More statuses than one body may have.
    #[error("the body has more than {statuses_max} statuses")]
    TooManyStatuses {
        /// The limit.
        statuses_max: usize,
    },
}

/// Reads a body of at most `statuses_max` statuses. The text must be UTF-8,
/// as JSON is; see [`text_of`].
///
/// # Errors
/// [`WebhookError`].
pub fn parse(body: &str, statuses_max: usize) -> Result<Webhook<'_>, WebhookError> {
    let body = body.trim_start_matches('\u{feff}');
    match straight::parse(body, statuses_max) {
        Some(webhook) => Ok(webhook),
        None => parse_leniently(body, statuses_max),
    }
}

fn parse_leniently(body: &str, statuses_max: usize) -> Result<Webhook<'_>, WebhookError> {
    let mut reader = Reader {
        webhook: Webhook::default(),
        statuses_max,
    };
    if lenient::is_array(body) {
        // Several bodies in one, as the bulk format has them.
        let bodies = lenient::items(body).ok_or(WebhookError::Unparsable)?;
        for body in bodies {
            reader.one_of_many(body.get())?;
        }
    } else {
        reader.envelope(body)?;
    }
    Ok(reader.webhook)
}

/// The body as text. Bytes that are not UTF-8 become U+FFFD, so that they spoil
/// only the status in which they stand.
#[must_use]
pub fn text_of(body: &[u8]) -> Cow<'_, str> {
    // Nearly all bodies are UTF-8, which is seen in a tenth of the time that mending takes.
    std::str::from_utf8(body).map_or_else(|_| String::from_utf8_lossy(body), Cow::Borrowed)
}

struct Reader<'a> {
    webhook: Webhook<'a>,
    statuses_max: usize,
}

impl<'a> Reader<'a> {
    /// A body among others: one that is no webhook is kept like a bad status.
    fn one_of_many(&mut self, json: &'a str) -> Result<(), WebhookError> {
        match self.envelope(json) {
            Err(WebhookError::Unparsable) => {
                let reason = Reason::Unparsable;
                self.webhook.bad.push(BadStatus {
                    reason,
                    json,
                    number: None,
                });
                self.check_limit()
            }
            done => done,
        }
    }

    fn check_limit(&self) -> Result<(), WebhookError> {
        let statuses_max = self.statuses_max;
        if self.webhook.events.len() + self.webhook.bad.len() > statuses_max {
            return Err(WebhookError::TooManyStatuses { statuses_max });
        }
        Ok(())
    }

    fn envelope(&mut self, json: &'a str) -> Result<(), WebhookError> {
        let members = Members::read(json).ok_or(WebhookError::Unparsable)?;
        let entries = members.items("entry");
        let legacy = members.get("statuses").is_some() || members.get("messages").is_some();
        if entries.is_none() && !legacy {
            return Err(WebhookError::Unparsable);
        }
        if let Some(object) = members.text("object")
            && object.as_ref() != OBJECT
        {
            self.ignore(entries.map_or(1, |entries| entries.len()));
            return Ok(());
        }
        // Before the Cloud API, statuses stood at the top.
        self.value(&members)?;
        for entry in self.list(&members, "entry")? {
            self.entry(entry)?;
        }
        Ok(())
    }

    fn entry(&mut self, entry: &'a RawValue) -> Result<(), WebhookError> {
        match Members::read(entry.get()) {
            Some(members) if !is_absent(&members, "changes") => {
                for change in self.list(&members, "changes")? {
                    self.change(change)?;
                }
                Ok(())
            }
            Some(_) | None => self.malformed(entry),
        }
    }

    fn change(&mut self, change: &'a RawValue) -> Result<(), WebhookError> {
        let Some(members) = Members::read(change.get()) else {
            return self.malformed(change);
        };
        if members.text("field").is_some_and(|field| field != FIELD) {
            self.ignore(1);
            return Ok(());
        }
        let value = members
            .get("value")
            .and_then(|value| Members::read(value.get()));
        let Some(value) = value else {
            return self.malformed(change);
        };
        for replaced in members.replaced("value") {
            self.malformed(replaced)?;
        }
        if LISTS.iter().all(|name| is_absent(&value, name)) {
            self.ignore(1);
        }
        self.value(&value)
    }

    fn value(&mut self, value: &Members<'a>) -> Result<(), WebhookError> {
        for name in UNCOUNTED_LISTS {
            let items = value.items(name).map(|items| items.len());
            self.ignore(items.unwrap_or(usize::from(!is_absent(value, name))));
        }
        let statuses = self.list(value, STATUSES)?;
        if statuses.is_empty() {
            return Ok(());
        }
        let metadata = value
            .get("metadata")
            .and_then(|json| Members::read(json.get()));
        let number = metadata
            .as_ref()
            .and_then(|metadata| metadata.text("display_phone_number"))
            .and_then(|text| PhoneNumber::parse(&text).ok());
        self.webhook.events.reserve(statuses.len());
        for status in statuses {
            self.status(number, status.get());
            self.check_limit()?;
        }
        Ok(())
    }

    /// The items of a list. What stands in its place is kept, and so is a list
    /// that another of the same name replaced.
    fn list(
        &mut self,
        members: &Members<'a>,
        name: &str,
    ) -> Result<Vec<&'a RawValue>, WebhookError> {
        for replaced in members.replaced(name) {
            self.malformed(replaced)?;
        }
        if let Some(items) = members.items(name) {
            return Ok(items);
        }
        if let Some(other) = members.get(name)
            && !is_absent(members, name)
        {
            self.malformed(other)?;
        }
        Ok(Vec::new())
    }

    fn malformed(&mut self, part: &'a RawValue) -> Result<(), WebhookError> {
        self.webhook.bad.push(BadStatus {
            reason: Reason::Malformed,
            json: part.get(),
            number: None,
        });
        self.check_limit()
    }

    fn status(&mut self, number: Option<PhoneNumber>, json: &'a str) {
        match read_status(number, json) {
            Ok(Some(event)) => self.webhook.events.push(event),
            Ok(None) => self.ignore(1),
            Err(reason) => self.webhook.bad.push(BadStatus {
                reason,
                json,
                number,
            }),
        }
    }

    fn ignore(&mut self, items: usize) {
        self.webhook.ignore(items);
    }
}

/// Relays write `null` for a member that they do not have.
fn is_absent(members: &Members<'_>, name: &str) -> bool {
    members.get(name).is_none_or(|json| json.get() == "null")
}

/// `None` for a word that is not counted, whatever else the status lacks.
fn read_status(number: Option<PhoneNumber>, json: &str) -> Result<Option<Event<'_>>, Reason> {
    let status = lenient::read_status(json).ok_or(Reason::Malformed)?;
    let word = match status.word {
        Text::String(word) if !word.trim().is_empty() => word,
        Text::String(_) | Text::Number(_) | Text::Other | Text::Absent => {
            return Err(Reason::Malformed);
        }
    };
    let Some(word) = MessageStatus::from_word(word.trim()) else {
        return Ok(None);
    };
    let number = number.ok_or(Reason::Malformed)?;
    let message_id = match status.id {
        Text::String(id) if is_message_id(&id) => id,
        Text::String(_) | Text::Number(_) | Text::Other | Text::Absent => {
            return Err(Reason::Malformed);
        }
    };
    let at = match &status.timestamp {
        Text::String(text) | Text::Number(text) => read_time(text),
        Text::Other | Text::Absent => None,
    };
    Ok(Some(Event {
        number,
        message_id,
        status: word,
        at: at.ok_or(Reason::BadTimestamp)?,
    }))
}

/// An id with a replacement character was not UTF-8: two such ids could be
/// different messages that look the same.
pub(super) fn is_message_id(id: &str) -> bool {
    !id.trim().is_empty()
        && id.len() <= MESSAGE_ID_BYTES_MAX
        && !id.contains(char::REPLACEMENT_CHARACTER)
}

/// Seconds or milliseconds since the epoch, in decimal; a fraction is cut off.
#[must_use]
pub fn read_time(text: &str) -> Option<EpochMs> {
    let text = text.trim();
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let decimal = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    if !decimal(whole) || !decimal(fraction) {
        return None;
    }
    time_of(whole.parse().ok()?)
}

/// Seconds or milliseconds since the epoch.
#[must_use]
pub fn time_of(value: i64) -> Option<EpochMs> {
    let ms = if value >= MS_FROM {
        value
    } else {
        value.checked_mul(1000)?
    };
    EpochMs::checked(ms)
}

#[cfg(test)]
mod tests;
