//! Snapshots of replicas in the object store: what a new replica begins with, and what
//! allows a log to let go of old entries.
//!
//! A snapshot is a cut of a replica at rest. It is read back, opened and verified before
//! its manifest is written, and only what has a manifest is ever used.
//!
//! Not here: the bytes of a manifest (`snapshot/manifest.rs`), pipes (`snapshot/pipe.rs`).
//! Invariants: a log is purged only behind a verified snapshot, and only of entries older
//! than the retention; a replica that begins with a snapshot goes on right behind it.

mod manifest;
mod pipe;

pub use manifest::Manifest;

use crate::engine::Engine;
use crate::error::{ClusterError, chain, failed};
use crate::follow::created_ns;
use crate::partition::Partition;
use crate::replica::open_store;
use crate::settings::{RETENTION_MIN, Settings};
use crate::tally::{Tally, log_name};
use crate::topology::Topology;
use async_nats::jetstream::stream::Info;
use chatmetric_core::EpochMs;
use chatmetric_store::{
    EmbeddedStore, Options, Store as _, StoreCut, StoreError, StoreRestore, VerifyReport,
};
use manifest::Part;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Snapshots of a partition whose objects are kept.
const KEPT: usize = 2;

/// How often a snapshot is read back until it is taken for unreadable…
const READ_TRIES_MAX: u32 = 5;
/// … with this wait in between.
const READ_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// Takes a snapshot of a replica, proves it and makes it known.
///
/// # Errors
/// When the store or the servers fail, or what was read back is not what was written.
pub async fn take(
    engine: &Engine,
    topology: &Topology,
    settings: &Settings,
    tally: &Arc<Tally>,
) -> Result<Manifest, ClusterError> {
    let nothing_more = |_: &EmbeddedStore, _: VerifyReport| Ok(());
    let (manifest, ()) = take_and(engine, topology, settings, tally, nothing_more).await?;
    Ok(manifest)
}

/// As [`take`]; `inspect` looks at what was read back, before anybody may use it.
///
/// # Errors
/// As [`take`], and those of `inspect`.
pub(crate) async fn take_and<T: Send + 'static>(
    engine: &Engine,
    topology: &Topology,
    settings: &Settings,
    tally: &Arc<Tally>,
    inspect: impl FnOnce(&EmbeddedStore, VerifyReport) -> Result<T, ClusterError> + Send + 'static,
) -> Result<(Manifest, T), ClusterError> {
    let partition = tally.partition();
    let cut_of = Arc::clone(tally);
    let cut = tokio::task::spawn_blocking(move || {
        let (sequence, taken) = cut_of.at_rest(|store| {
            let place = store.place(&log_name(partition)).unwrap_or_default();
            store.cut().map(|cut| (place, cut))
        });
        taken.map(|(place, cut)| (sequence, place, cut))
    });
    let (sequence, place, cut) = cut.await.map_err(|error| failed("take a cut", error))??;
    if sequence == 0 {
        let reason = format!("partition {partition} has nothing to keep yet");
        return Err(StoreError::Invalid { reason }.into());
    }
    let mut manifest = Manifest {
        partition,
        created_ns: tally.created_ns(),
        sequence,
        last_ms: place.last_ms,
        format: cut.format,
        member: engine.member.clone(),
        parts: Vec::new(),
    };
    if manifests(topology, partition)
        .await?
        .contains(&manifest.key())
    {
        let reason = format!("partition {partition} has a snapshot of place {sequence}");
        return Err(StoreError::Invalid { reason }.into());
    }
    upload(topology, cut, &mut manifest).await?;
    let seen = prove(topology, settings, &manifest, inspect).await?;
    let put = topology
        .manifests
        .put(manifest.key(), manifest.encode().into())
        .await;
    put.map_err(|error| failed("make a snapshot known", error))?;
    Ok((manifest, seen))
}

async fn upload(
    topology: &Topology,
    cut: StoreCut,
    manifest: &mut Manifest,
) -> Result<(), ClusterError> {
    for part in cut.parts {
        let name = part.name.clone();
        let object = manifest.object(&name);
        let (writer, mut reader) = pipe::out();
        let read = tokio::task::spawn_blocking(move || {
            part.read(&mut |bytes| writer.give(bytes))
                .map(|_| writer.hash())
        });
        let put = topology.snapshots.put(object.as_str(), &mut reader).await;
        drop(reader);
        let (bytes, hash) = read.await.map_err(|error| failed("read a cut", error))??;
        put.map_err(|error| failed(format!("keep `{object}`"), error))?;
        manifest.parts.push(Part { name, bytes, hash });
    }
    Ok(())
}

/// Reads a snapshot back into a directory of its own, and looks whether it is sound.
pub(crate) async fn prove<T: Send + 'static>(
    topology: &Topology,
    settings: &Settings,
    manifest: &Manifest,
    inspect: impl FnOnce(&EmbeddedStore, VerifyReport) -> Result<T, ClusterError> + Send + 'static,
) -> Result<T, ClusterError> {
    let partition = manifest.partition;
    let dir = settings.dir.join(format!("proof-{:04}", partition.0));
    remove(&dir)?;
    let mut tries = 1;
    // A server that lags gives what an object was before, whose pieces may be gone.
    while let Err(error) = restore(topology, manifest, &dir).await {
        remove(&dir)?;
        if tries == READ_TRIES_MAX {
            return Err(error);
        }
        let reason = chain(&error);
        tracing::debug!(%partition, reason, "a snapshot is read back again");
        tries += 1;
        tokio::time::sleep(READ_AGAIN_AFTER).await;
    }
    let (options, opened) = (settings.store.clone(), dir.clone());
    let wanted = manifest.sequence;
    let checked = tokio::task::spawn_blocking(move || {
        let (store, report) = check(&opened, &options, partition, wanted)?;
        inspect(&store, report)
    });
    let checked = checked
        .await
        .map_err(|error| failed("check a snapshot", error))?;
    remove(&dir)?;
    checked
}

fn check(
    dir: &Path,
    options: &Options,
    partition: Partition,
    wanted: u64,
) -> Result<(EmbeddedStore, VerifyReport), ClusterError> {
    let store = open_store(dir, options)?;
    let place = store.place(&log_name(partition));
    if place.is_none_or(|place| place.sequence != wanted) {
        let detail = format!("a snapshot is of {place:?} and not of {wanted}");
        return Err(ClusterError::Differs { detail });
    }
    let report = store.verify()?;
    Ok((store, report))
}

pub(crate) fn remove(dir: &Path) -> Result<(), ClusterError> {
    match std::fs::remove_dir_all(dir) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(failed(format!("remove `{}`", dir.display()), error)),
    }
}

/// Makes the store of a snapshot in `dir`, which must not exist.
async fn restore(topology: &Topology, manifest: &Manifest, dir: &Path) -> Result<(), ClusterError> {
    if let Some(parent) = dir.parent() {
        let made = std::fs::create_dir_all(parent);
        made.map_err(|error| failed(format!("make `{}`", parent.display()), error))?;
    }
    let mut made = StoreRestore::begin(dir, manifest.format)?;
    for part in &manifest.parts {
        let object = manifest.object(&part.name);
        let reading = topology.snapshots.get(object.as_str()).await;
        let reading = reading.map_err(|error| failed(format!("read `{object}`"), error))?;
        let (writer, mut reader) = pipe::into();
        let name = part.name.clone();
        let written = tokio::task::spawn_blocking(move || {
            let result = made.part(&name, &mut reader);
            (result.map(|()| reader.hash()), made)
        });
        let sent = writer.send_all(reading).await;
        let (result, same) = written
            .await
            .map_err(|error| failed("make a store", error))?;
        made = same;
        sent.map_err(|error| failed(format!("read `{object}`"), error))?;
        if result? != (part.bytes, part.hash) {
            let detail = format!("`{object}` is not what was written");
            return Err(ClusterError::Differs { detail });
        }
    }
    let finished = tokio::task::spawn_blocking(move || made.finish()).await;
    Ok(finished.map_err(|error| failed("make a store", error))??)
}

/// The keys of the snapshots of a partition, the oldest first.
async fn manifests(topology: &Topology, partition: Partition) -> Result<Vec<String>, ClusterError> {
    use futures_util::TryStreamExt as _;
    let operation = "list the snapshots";
    let keys = topology.manifests.keys().await;
    let keys = keys.map_err(|error| failed(operation, error))?;
    let keys: Result<Vec<String>, _> = keys.try_collect().await;
    let mut keys = keys.map_err(|error| failed(operation, error))?;
    let own = manifest::prefix(partition);
    keys.retain(|key| key.starts_with(&own));
    keys.sort_unstable();
    Ok(keys)
}

async fn load(topology: &Topology, key: &str) -> Result<Option<Manifest>, ClusterError> {
    let value = topology.manifests.get(key).await;
    let value = value.map_err(|error| failed("read a manifest", error))?;
    Ok(value.as_deref().and_then(Manifest::decode))
}

/// The newest snapshot of a partition.
///
/// # Errors
/// When the servers fail.
pub async fn newest(
    topology: &Topology,
    partition: Partition,
) -> Result<Option<Manifest>, ClusterError> {
    match manifests(topology, partition).await?.last() {
        Some(key) => load(topology, key).await,
        None => Ok(None),
    }
}

/// Begins a replica: with the newest snapshot of its log, or with nothing if the log is
/// whole.
///
/// # Errors
/// [`ClusterError::Gap`] when neither is there.
pub(crate) async fn bootstrap(
    topology: &Topology,
    settings: &Settings,
    partition: Partition,
    dir: &Path,
    info: &Info,
) -> Result<(), ClusterError> {
    let found = newest(topology, partition).await?;
    let found = found.filter(|it| it.created_ns == created_ns(info));
    let first = info.state.first_sequence.max(1);
    let reaches = found.as_ref().map_or(0, |it| it.sequence).saturating_add(1);
    if reaches < first {
        return Err(ClusterError::Gap {
            partition,
            expected: reaches,
            found: first,
        });
    }
    let Some(manifest) = found else {
        return Ok(());
    };
    let half = settings.dir.join(format!("begun-{:04}", partition.0));
    remove(&half)?;
    restore(topology, &manifest, &half).await?;
    let named = std::fs::rename(&half, dir);
    named.map_err(|error| failed(format!("name `{}`", dir.display()), error))?;
    let sequence = manifest.sequence;
    tracing::info!(%partition, sequence, "a replica begins with a snapshot");
    Ok(())
}

/// Lets go of what is not needed any more: entries that are older than the retention and
/// covered by a snapshot, and the objects of old snapshots. Gives the place up to which
/// entries are gone.
///
/// # Errors
/// When the servers fail.
pub async fn retire(
    topology: &Topology,
    partition: Partition,
    now: EpochMs,
) -> Result<u64, ClusterError> {
    let keys = manifests(topology, partition).await?;
    let retention_ms = i64::try_from(RETENTION_MIN.as_millis()).unwrap_or(i64::MAX);
    let limit_ms = u64::try_from(now.0.saturating_sub(retention_ms)).unwrap_or(0);
    let mut covered = 0;
    let old = keys.len().saturating_sub(KEPT);
    for (nth, key) in keys.iter().enumerate() {
        let Some(manifest) = load(topology, key).await? else {
            continue;
        };
        let is_old = manifest.last_ms <= limit_ms;
        if is_old {
            covered = covered.max(manifest.sequence);
        }
        if nth >= old {
            continue;
        }
        for part in &manifest.parts {
            // Those that are gone were let go of before.
            drop(topology.snapshots.delete(manifest.object(&part.name)).await);
        }
        if is_old {
            let purged = topology.manifests.purge(key).await;
            purged.map_err(|error| failed("forget a snapshot", error))?;
        }
    }
    if covered > 0 {
        let stream = topology.stream(partition)?;
        let purged = stream.purge().sequence(covered.saturating_add(1)).await;
        purged.map_err(|error| failed("let go of old entries", error))?;
    }
    Ok(covered)
}
