//! Events that an `import` elsewhere loads into a space.

use super::{Desk, OperatorError};
use crate::control::CHUNK_EVENTS_MAX;
use crate::ingest::file::{FileEvent, Loader};
use crate::ingest::whatsapp::MESSAGE_ID_BYTES_MAX;
use chatmetric_core::{EpochMs, MessageStatus, PhoneNumber};
use serde::Deserialize;
use serde_json::Value;
use std::sync::Arc;

/// An event: channel, number, message id, status, ms.
type WireEvent = (String, String, String, String, i64);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Chunk {
    space: String,
    events: Vec<WireEvent>,
    #[serde(default)]
    ignored: u32,
}

/// Loads a chunk; the answer is its report, after it is durable.
pub(super) fn load(desk: &Desk<'_>, chunk: &Chunk) -> Result<Value, OperatorError> {
    if chunk.events.len() > CHUNK_EVENTS_MAX {
        let reason = format!("a chunk has at most {CHUNK_EVENTS_MAX} events");
        return Err(OperatorError::invalid("events", reason));
    }
    let mut loader = Loader::new(
        Arc::clone(desk.directory),
        Arc::clone(desk.store),
        Arc::clone(desk.clock),
        &chunk.space,
    )?;
    for (at, event) in chunk.events.iter().enumerate() {
        let malformed = || {
            let reason = "an event is [channel, number, message id, status, ms since the epoch]";
            OperatorError::invalid(&format!("events[{at}]"), reason)
        };
        loader.push(&wire_event(event).ok_or_else(malformed)?)?;
    }
    loader.ignored(chunk.ignored);
    loader.finish()?;
    serde_json::to_value(loader.report()).map_err(OperatorError::failed)
}

fn wire_event((channel, number, id, status, ms): &WireEvent) -> Option<FileEvent<'_>> {
    let fits = !id.is_empty() && id.len() <= MESSAGE_ID_BYTES_MAX && !channel.is_empty();
    fits.then_some(FileEvent {
        channel,
        number: PhoneNumber::parse(number).ok()?,
        message_id: id,
        status: MessageStatus::from_word(status)?,
        at: EpochMs::checked(*ms)?,
    })
}
