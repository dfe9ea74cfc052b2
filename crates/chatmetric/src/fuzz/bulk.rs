//! Lines of files: reading goes on at any mark as if it had never stopped, and events come back
//! when they are written as the other format and read again.
//!
//! The first byte of an input chooses NDJSON or CSV. Not here: compression, Parquet, bodies of
//! webhooks. Invariant: it returns for any input, or a property is broken.

use crate::ingest::file::{Bad, FileEvent, FileFormat, Mark, Visitor, read};
use chatmetric_core::{EpochMs, MessageStatus, PhoneNumber};
use serde_json::json;
use std::convert::Infallible;

/// Marks at which reading is taken up again.
const MARKS_MAX: usize = 8;

/// See the module.
pub fn bulk(data: &[u8]) {
    let Some((kind, rest)) = data.split_first() else {
        return;
    };
    let formats = [FileFormat::Ndjson, FileFormat::Csv];
    let [format, other] = if kind % 2 == 0 {
        formats
    } else {
        [formats[1], formats[0]]
    };
    let Some(found) = Found::of(rest, format, None) else {
        return;
    };
    for (mark, seen) in found.marks.iter().take(MARKS_MAX) {
        let more = Found::of(rest, format, Some(*mark)).expect("it was read before");
        assert_eq!(
            found.lines.get(*seen..),
            Some(more.lines.as_slice()),
            "taken up at {mark:?}"
        );
    }
    let events: Vec<&Event> = found
        .lines
        .iter()
        .filter_map(|line| match line {
            // A line of CSV cannot hold a line break.
            Seen::Event(event) if !event.breaks_lines() => Some(event),
            Seen::Event(_) | Seen::Ignored(_) | Seen::Bad(_) => None,
        })
        .collect();
    let written = match other {
        FileFormat::Csv => csv(&events),
        _ => ndjson(&events),
    };
    let again = Found::of(written.as_bytes(), other, None).expect("it was written");
    let events: Vec<Seen> = events.into_iter().cloned().map(Seen::Event).collect();
    assert_eq!(again.lines, events, "written as {}", other.as_str());
}

fn ndjson(events: &[&Event]) -> String {
    let line = |event: &&Event| {
        let line = json!({
            "number": event.number.as_str(),
            "message_id": event.message_id,
            "status": event.status.as_str(),
            "ts": event.time(),
            "channel": event.channel,
        });
        format!("{line}\n")
    };
    events.iter().map(line).collect()
}

fn csv(events: &[&Event]) -> String {
    let quoted = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
    let line = |event: &&Event| {
        format!(
            "{};{};{};{};{}\r\n",
            quoted(&event.channel),
            event.time(),
            quoted(&event.message_id),
            event.number.as_str(),
            event.status.as_str()
        )
    };
    let lines: String = events.iter().map(line).collect();
    format!("channel;timestamp;message_id;number;status\n{lines}")
}

#[derive(Clone, Debug, PartialEq)]
struct Event {
    channel: String,
    number: PhoneNumber,
    message_id: String,
    status: MessageStatus,
    at: EpochMs,
}

impl Event {
    fn breaks_lines(&self) -> bool {
        let breaks = |text: &str| text.contains(['\n', '\r']);
        breaks(&self.message_id) || breaks(&self.channel)
    }

    fn time(&self) -> String {
        let time = jiff::Timestamp::from_millisecond(self.at.0);
        time.expect("a time of an event").to_string()
    }
}

#[derive(Clone, Debug, PartialEq)]
enum Seen {
    Event(Event),
    Ignored(Option<String>),
    Bad(Bad),
}

#[derive(Default)]
struct Found {
    lines: Vec<Seen>,
    /// With how many lines were seen before it.
    marks: Vec<(Mark, usize)>,
}

impl Found {
    /// `None` for a file that is not of the format.
    fn of(mut bytes: &[u8], format: FileFormat, from: Option<Mark>) -> Option<Self> {
        let mut found = Self::default();
        read(&mut bytes, format, from, &mut found).ok()?;
        Some(found)
    }
}

impl Visitor for Found {
    type Stop = Infallible;

    fn event(&mut self, event: &FileEvent<'_>) -> Result<(), Infallible> {
        self.lines.push(Seen::Event(Event {
            channel: event.channel.to_owned(),
            number: event.number,
            message_id: event.message_id.to_owned(),
            status: event.status,
            at: event.at,
        }));
        Ok(())
    }

    fn ignored(&mut self, word: Option<&str>) -> Result<(), Infallible> {
        self.lines.push(Seen::Ignored(word.map(str::to_owned)));
        Ok(())
    }

    fn bad(&mut self, bad: Bad) -> Result<(), Infallible> {
        self.lines.push(Seen::Bad(bad));
        Ok(())
    }

    fn progress(&mut self, mark: Mark) -> Result<(), Infallible> {
        self.marks.push((mark, self.lines.len()));
        Ok(())
    }
}
