//! Events for a server elsewhere: chunks over the operator API, each durable before the
//! next is sent.
//!
//! Nothing is noted for going on after an interruption: loading again changes nothing.

use crate::cli::CliError;
use crate::cli::operate::Reach;
use crate::control::CHUNK_EVENTS_MAX;
use crate::ingest::file::{FileEvent, LoadReport};
use crate::operator::{OperatorCall, OperatorReply, Verb};
use serde_json::{Value, json};

/// Events of a chunk.
const EVENTS: usize = CHUNK_EVENTS_MAX / 2;
/// Bytes of ids after which a chunk is sent, however few its events are: a body has its
/// limit.
const ID_BYTES: usize = 1024 * 1024;

/// Loads events over HTTP.
pub(super) struct HttpLoader {
    reach: Reach,
    space: String,
    events: Vec<Value>,
    id_bytes: usize,
    ignored: u32,
    report: LoadReport,
}

impl HttpLoader {
    /// A loader into a space; the first call tells whether there is one.
    ///
    /// # Errors
    /// What the server says to a chunk of nothing.
    pub(super) fn open(reach: Reach, space: &str) -> Result<Self, CliError> {
        let mut loader = Self {
            reach,
            space: space.to_owned(),
            events: Vec::new(),
            id_bytes: 0,
            ignored: 0,
            report: LoadReport::default(),
        };
        loader.send()?;
        Ok(loader)
    }

    pub(super) fn push(&mut self, event: &FileEvent<'_>) -> Result<(), CliError> {
        self.id_bytes += event.message_id.len();
        let mut wire = vec![
            event.channel.into(),
            event.number.as_str().into(),
            event.message_id.into(),
            event.status.as_str().into(),
            event.at.0.into(),
        ];
        wire.extend(event.family.map(|family| family.as_str().into()));
        self.events.push(Value::Array(wire));
        if self.events.len() >= EVENTS || self.id_bytes >= ID_BYTES {
            self.send()?;
        }
        Ok(())
    }

    pub(super) fn ignored(&mut self, items: u32) {
        self.ignored = self.ignored.saturating_add(items);
    }

    pub(super) fn finish(&mut self) -> Result<(), CliError> {
        if self.events.is_empty() && self.ignored == 0 {
            return Ok(());
        }
        self.send()
    }

    pub(super) const fn report(&self) -> &LoadReport {
        &self.report
    }

    fn send(&mut self) -> Result<(), CliError> {
        let events = std::mem::take(&mut self.events);
        self.id_bytes = 0;
        let ignored = std::mem::take(&mut self.ignored);
        let body = json!({ "space": self.space, "events": events, "ignored": ignored });
        let call = OperatorCall::new(Verb::Post, &["events"]).with_body(body);
        let not_ours = || CliError::failed("the server's answer to a chunk is not understood");
        let report = match self.reach.call(call)? {
            OperatorReply::Json(value) => serde_json::from_value(value).map_err(|_| not_ours())?,
            OperatorReply::Csv(_) => return Err(not_ours()),
        };
        self.report.add(&report);
        Ok(())
    }
}
