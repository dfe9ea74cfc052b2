//! The offsets of streams in the catalog and in the journal, and their verification.
//!
//! They are entries of `meta`, so that a snapshot, a cut and a restore carry them as they
//! carry the floor. In a journal they are written by the first shard alone: with several,
//! an offset is queued there after every shard committed its part of the batch.
//! Invariant: the offset of a source is never ahead of its books.

use super::catalog::{Catalog, View};
use super::fault;
use super::generation::lock;
use super::queue::Job;
use super::shared::Shared;
use crate::api::{Batch, Completion, SourceName, StoreError};
use crate::coding::{Reader, put_varint};
use crate::stream_offset::StreamOffset;
use fjall::OwnedWriteBatch;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The offsets of all sources.
pub(crate) type Offsets = BTreeMap<SourceName, StreamOffset>;

/// Before the name of the source, in `meta`.
const PREFIX: &str = "offset/";

pub(crate) fn encode(out: &mut Vec<u8>, offset: &StreamOffset) {
    for field in offset.fields() {
        put_varint(out, field);
    }
}

pub(crate) fn decode(reader: &mut Reader<'_>) -> Option<StreamOffset> {
    let mut fields = [0; 6];
    for field in &mut fields {
        *field = reader.varint()?;
    }
    Some(StreamOffset::of_fields(fields))
}

pub(crate) fn put(catalog: &Catalog, batch: &mut OwnedWriteBatch, source: &str, it: &StreamOffset) {
    let mut value = Vec::new();
    encode(&mut value, it);
    batch.insert(&catalog.meta, format!("{PREFIX}{source}"), value);
}

pub(crate) fn all(catalog: &Catalog, view: &View) -> Result<Offsets, StoreError> {
    let mut all = Offsets::new();
    catalog.each(view, &catalog.meta, PREFIX.as_bytes(), |key, value| {
        let read = || {
            let source = std::str::from_utf8(key).ok()?.strip_prefix(PREFIX)?;
            let mut reader = Reader::new(value);
            let offset = decode(&mut reader).filter(|_| reader.is_empty())?;
            Some((SourceName::from(source), offset))
        };
        let (source, offset) = read().ok_or_else(|| {
            let detail = format!("the offset under {key:02x?} makes no sense");
            fault::corrupt(catalog.path(), 0, detail)
        })?;
        all.insert(source, offset);
        Ok(true)
    })?;
    Ok(all)
}

/// What answers a batch of several shards: stores its offset once all of them have
/// committed, and only then tells the sender.
pub(crate) fn after_all(
    shared: &Arc<Shared>,
    batch: &Batch,
    offset: StreamOffset,
    done: Completion,
) -> Completion {
    let shared = Arc::clone(shared);
    let nothing = Batch {
        source: Arc::clone(&batch.source),
        received_at: batch.received_at,
        events: Vec::new(),
        sealed: Vec::new(),
        ignored: 0,
    };
    Box::new(move |result| match result {
        Err(error) => done(Err(error)),
        Ok(receipt) => {
            let done: Completion = Box::new(move |stored| done(stored.map(|_| receipt)));
            let job = Job::Batch(nothing, Some(offset), done);
            if let Err(refused) = shared.shards[0].queue.push(job) {
                refused.answer();
            }
        }
    })
}

/// No offset is ahead of what is counted, and the catalog has none that memory lacks.
pub(crate) fn verify(shared: &Shared, view: &View) -> Result<(), StoreError> {
    let differs = |source: &str, what: &str| StoreError::Differs {
        detail: format!("the offset of `{source}` {what}"),
    };
    let sealed = all(&shared.catalog, view)?;
    // Offsets first: what they stand behind is in the books by then.
    let seen = lock(&shared.offsets).clone();
    let books = lock(&shared.books).clone();
    for (source, offset) in &sealed {
        let newest = seen.get(source);
        if newest.is_none_or(|newest| newest.messages < offset.messages) {
            return Err(differs(source, "is not the newest one"));
        }
    }
    for (source, offset) in &seen {
        let received = books.get(source).map_or(0, |books| books.received);
        if received < offset.messages {
            let what = format!("is behind {} messages of {received}", offset.messages);
            return Err(differs(source, &what));
        }
    }
    Ok(())
}
