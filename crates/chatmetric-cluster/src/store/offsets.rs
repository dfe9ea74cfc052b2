//! How far streams of others were read, in a bucket of the cluster.
//!
//! An offset is put after everything before it was acknowledged, so a reader that starts
//! again on any member counts every message; what it reads twice is counted once. Not here:
//! the reading. Invariant: an offset is never ahead of the logs.

use crate::error::{ClusterError, failed};
use crate::topology::Topology;
use chatmetric_store::coding::{Reader, put_varint};
use chatmetric_store::{SourceName, StreamOffset};
use futures_util::StreamExt as _;

/// A key of the bucket: names of sources may have bytes that keys may not.
fn key_of(source: &str) -> String {
    let digits = source.bytes().map(|byte| format!("{byte:02x}"));
    std::iter::once("s".to_owned()).chain(digits).collect()
}

fn source_of(key: &str) -> Option<SourceName> {
    let hex = key.strip_prefix('s')?;
    let digits = hex.as_bytes().chunks(2);
    let bytes: Option<Vec<u8>> = digits
        .map(|two| u8::from_str_radix(std::str::from_utf8(two).ok()?, 16).ok())
        .collect();
    Some(String::from_utf8(bytes?).ok()?.into())
}

fn read(value: &[u8]) -> Option<StreamOffset> {
    let mut reader = Reader::new(value);
    Some(StreamOffset {
        created_ns: reader.varint()?,
        sequence: reader.varint()?,
        last_ms: reader.varint()?,
        messages: reader.varint()?,
        missing: reader.varint()?,
        recreated: reader.varint()?,
    })
}

pub(super) async fn put(
    topology: &Topology,
    source: &str,
    offset: &StreamOffset,
) -> Result<(), ClusterError> {
    let mut value = Vec::new();
    let fields = [
        offset.created_ns,
        offset.sequence,
        offset.last_ms,
        offset.messages,
        offset.missing,
        offset.recreated,
    ];
    for field in fields {
        put_varint(&mut value, field);
    }
    let put = topology.offsets.put(key_of(source), value.into()).await;
    put.map_err(|error| failed("keep how far a stream was read", error))?;
    Ok(())
}

pub(super) async fn all(
    topology: &Topology,
) -> Result<Vec<(SourceName, StreamOffset)>, ClusterError> {
    let operation = "read how far streams were read";
    let keys = topology.offsets.keys().await;
    let mut keys = keys.map_err(|error| failed(operation, error))?;
    let mut all = Vec::new();
    while let Some(key) = keys.next().await {
        let key = key.map_err(|error| failed(operation, error))?;
        let value = topology.offsets.get(&key).await;
        let value = value.map_err(|error| failed(operation, error))?;
        let offset = value.as_deref().and_then(read);
        if let (Some(source), Some(offset)) = (source_of(&key), offset) {
            all.push((source, offset));
        }
    }
    all.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_sources_come_back() {
        for source in ["", "stream/orders", "Zürich *.>"] {
            assert_eq!(source_of(&key_of(source)).as_deref(), Some(source));
        }
    }
}
