//! Claiming the logs of a cluster for the counts of one installation.
//!
//! A key beside the manifests says whose they are; it is made while all logs are empty, and
//! never changes. The Base of a log is published as its first entry or not at all, so an
//! event that a node publishes at the same moment is never overtaken. Letting go of the Base
//! keeps replicas from beginning with nothing, over and over.
//!
//! Not here: snapshots. Invariant: nothing but a Base is ever let go of.

use super::BASE_SEQUENCE;
use crate::engine::{Engine, bucket_of};
use crate::entry::Entry;
use crate::error::{ClusterError, chain, failed};
use crate::follow::created_ns;
use crate::partition::Partition;
use crate::snapshot::{self, Manifest};
use crate::topology::{MANIFESTS, Topology};
use async_nats::jetstream::context::{GetStreamError, GetStreamErrorKind};
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::stream::{LastRawMessageErrorKind, Stream};
use async_nats::jetstream::{self, ErrorCode};
use std::time::Duration;

/// The key, in the bucket of the manifests, which begin with `p`.
const KEY: &str = "migration";
/// What is tried when that is asked for.
const OPERATION: &str = "look whose counts the cluster has";
/// How often a log is looked at until it has its Base.
const TRIES_MAX: u32 = 20;
/// The wait between them: a leader may be being elected.
const AGAIN_AFTER: Duration = Duration::from_millis(250);

/// What is there of a partition.
#[derive(Debug)]
pub(super) enum State {
    /// Its log has its Base; there is no snapshot yet.
    Open,
    /// Its snapshot at the Base is the newest.
    There(Manifest),
    /// There are later ones; this is the place of the newest.
    GoneOn(u64),
}

/// Whose counts the cluster `prefix` was given, if they came from an instance; for whoever
/// is about to give it a directory.
///
/// # Errors
/// When the servers fail.
pub async fn installation_in(
    context: &jetstream::Context,
    prefix: &str,
) -> Result<Option<String>, ClusterError> {
    let bucket = bucket_of(prefix, MANIFESTS);
    match context.get_stream(format!("KV_{bucket}")).await {
        Ok(stream) => read(&stream, &bucket).await,
        Err(error) if is_missing(&error) => Ok(None),
        Err(error) => Err(failed(OPERATION, error)),
    }
}

fn is_missing(error: &GetStreamError) -> bool {
    match error.kind() {
        GetStreamErrorKind::JetStream(error) => error.error_code() == ErrorCode::STREAM_NOT_FOUND,
        _ => false,
    }
}

/// The value of the key, as the leader has it: another server may not have it yet.
async fn read(stream: &Stream, bucket: &str) -> Result<Option<String>, ClusterError> {
    let subject = format!("$KV.{bucket}.{KEY}");
    match stream.get_last_raw_message_by_subject(&subject).await {
        Ok(found) => Ok(Some(String::from_utf8_lossy(&found.payload).into_owned())),
        Err(error) if error.kind() == LastRawMessageErrorKind::NoMessageFound => Ok(None),
        Err(error) => Err(failed(OPERATION, error)),
    }
}

/// Gives every log its Base.
pub(super) async fn all(
    engine: &Engine,
    topology: &Topology,
    own: &str,
) -> Result<Vec<State>, ClusterError> {
    let manifests = &topology.manifests;
    let bucket = engine.bucket(MANIFESTS);
    let mut found = read(&manifests.stream, &bucket).await?;
    if found.is_none() {
        for partition in engine.partitions.all() {
            empty(topology, partition).await?;
        }
        match manifests.create(KEY, own.to_owned().into()).await {
            Ok(_) => found = Some(own.to_owned()),
            // Another one was faster, or the answer was lost.
            Err(error) => {
                found = read(&manifests.stream, &bucket).await?;
                if found.is_none() {
                    return Err(failed("note whose counts the cluster has", error));
                }
            }
        }
    }
    if let Some(found) = found.filter(|it| it != own) {
        let reason =
            format!("it was given the counts of installation {found}, and these are of {own}");
        return Err(ClusterError::Occupied { reason });
    }
    let mut states = Vec::new();
    for partition in engine.partitions.all() {
        let stream = topology.stream(partition)?;
        base(engine, stream, partition).await?;
        states.push(state(topology, stream, partition).await?);
    }
    Ok(states)
}

/// Refuses a log that has, or had, entries.
async fn empty(topology: &Topology, partition: Partition) -> Result<(), ClusterError> {
    let info = topology.stream(partition)?.get_info().await;
    let info = info.map_err(|error| failed("look at the log", error))?;
    let last = info.state.last_sequence;
    if last > 0 {
        return Err(occupied(partition, &format!("{last} entries")));
    }
    match snapshot::newest(topology, partition).await? {
        None => Ok(()),
        Some(_) => Err(occupied(partition, "a snapshot")),
    }
}

fn occupied(partition: Partition, what: &str) -> ClusterError {
    ClusterError::Occupied {
        reason: format!("partition {partition} has {what} of its own already"),
    }
}

/// Sees that a log begins behind its Base.
async fn base(engine: &Engine, stream: &Stream, partition: Partition) -> Result<(), ClusterError> {
    let operation = || format!("begin the log of partition {partition}");
    let mut last_error = None;
    for _ in 0..TRIES_MAX {
        let info = stream.get_info().await;
        let state = info
            .map_err(|error| failed("look at the log", error))?
            .state;
        if state.last_sequence == 0 {
            let message = PublishMessage::build()
                .payload(Entry::Base.encode())
                .expected_last_sequence(0);
            let subject = engine.subject(partition);
            let sent = engine.context.send_publish(subject, message).await;
            let acknowledged = match sent {
                Ok(sent) => sent.await,
                Err(error) => Err(error),
            };
            if let Err(error) = acknowledged {
                last_error = Some(chain(&error));
                tokio::time::sleep(AGAIN_AFTER).await;
            }
        } else if state.first_sequence > BASE_SEQUENCE {
            return Ok(());
        } else {
            check_first(stream, partition).await?;
            let purged = stream.purge().sequence(BASE_SEQUENCE + 1).await;
            purged.map_err(|error| failed(operation(), error))?;
        }
    }
    let reason = last_error.unwrap_or_else(|| "the servers do not agree on its end".to_owned());
    Err(failed(operation(), reason))
}

/// Refuses a log whose first entry is not a Base.
async fn check_first(stream: &Stream, partition: Partition) -> Result<(), ClusterError> {
    let first = stream.get_raw_message(BASE_SEQUENCE).await;
    let first = first.map_err(|error| failed("look at the first entry of a log", error))?;
    match Entry::decode(&first.payload) {
        Ok(Entry::Base) => Ok(()),
        Ok(_) | Err(_) => Err(occupied(partition, "entries")),
    }
}

async fn state(
    topology: &Topology,
    stream: &Stream,
    partition: Partition,
) -> Result<State, ClusterError> {
    let Some(newest) = snapshot::newest(topology, partition).await? else {
        return Ok(State::Open);
    };
    let info = stream.get_info().await;
    let info = info.map_err(|error| failed("look at the log", error))?;
    if newest.created_ns != created_ns(&info) {
        return Err(occupied(partition, "a snapshot of another log"));
    }
    Ok(if newest.sequence == BASE_SEQUENCE {
        State::There(newest)
    } else {
        State::GoneOn(newest.sequence)
    })
}
