//! Events that an `import` elsewhere loads into a space.

use super::{Desk, OperatorError};
use crate::control::{CHUNK_EVENTS_MAX, WireEvent};
use crate::ingest::file::Loader;
use serde::Deserialize;
use serde_json::Value;
use std::sync::Arc;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Chunk<'a> {
    space: String,
    #[serde(borrow)]
    events: Vec<WireEvent<'a>>,
    #[serde(default)]
    ignored: u32,
}

/// Loads a chunk; the answer is its report, after it is durable.
pub(super) fn load(desk: &Desk<'_>, chunk: &Chunk<'_>) -> Result<Value, OperatorError> {
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
            let reason = "an event is [channel, number, message id, status, ms since the epoch]: the channel \
                          in lower case, nothing with white space around it; `meta`, `cams` or `other` may \
                          follow";
            OperatorError::invalid(&format!("events[{at}]"), reason)
        };
        loader.push(&event.read().ok_or_else(malformed)?)?;
    }
    loader.ignored(chunk.ignored);
    loader.finish()?;
    serde_json::to_value(loader.report()).map_err(OperatorError::failed)
}
