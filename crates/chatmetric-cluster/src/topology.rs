//! The streams and buckets of a cluster: made at the first start, looked at by every one.
//!
//! One stream and one subject a partition: a stream has one leader, so partitions spread
//! over the servers; its sequence is the position of a replica; one can be purged behind its
//! snapshot without the others. Streams keep entries without limit of age: what is covered
//! by a verified snapshot and old enough is purged (`snapshot`), nothing else goes away.
//!
//! Not here: connecting. Invariant: a program that comes through here has logs that keep
//! what they acknowledge, or an operator who said that they need not.

mod durability;

use crate::engine::Engine;
use crate::error::{ClusterError, failed};
use crate::partition::Partition;
use crate::settings::{REPLICAS_DEFAULT, RETENTION_MIN, Settings};
use async_nats::jetstream::kv;
use async_nats::jetstream::object_store::{self, ObjectStore};
use async_nats::jetstream::stream::{
    Config, DiscardPolicy, Info, RetentionPolicy, StorageType, Stream,
};
use std::fmt;
use std::time::Duration;

/// The server forgets duplicates after the shortest time that it can: we find them.
const DUPLICATE_WINDOW: Duration = Duration::from_millis(100);
/// After so long nothing is left of a member that is gone.
const MEMBER_AGE_MAX: Duration = Duration::from_secs(600);
/// The longest value of a bucket, in bytes.
const VALUE_BYTES_MAX: i32 = 256 * 1024;

/// The bucket that says which snapshots there are.
pub(crate) const MANIFESTS: &str = "manifests";

/// What there is on the servers.
#[derive(Clone)]
pub struct Topology {
    /// The log of each partition, in order.
    pub(crate) streams: Vec<Stream>,
    /// Who is there, and what it holds.
    pub(crate) members: kv::Store,
    /// Who decides what.
    pub(crate) leases: kv::Store,
    /// Which partitions were put on certain members.
    pub(crate) placements: kv::Store,
    /// How far streams of others were read.
    pub(crate) offsets: kv::Store,
    /// Accounts, for the program.
    pub(crate) directory: kv::Store,
    /// Which snapshots there are.
    pub(crate) manifests: kv::Store,
    /// Stores to begin with.
    pub(crate) snapshots: ObjectStore,
}

impl fmt::Debug for Topology {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Topology")
            .field("streams", &self.streams.len())
            .finish_non_exhaustive()
    }
}

impl Topology {
    /// Makes what is missing and checks everything.
    ///
    /// # Errors
    /// [`ClusterError::WeakDurability`] and [`ClusterError::Settings`] say what to change;
    /// else the servers failed.
    pub async fn open(engine: &Engine, settings: &Settings) -> Result<Self, ClusterError> {
        durability::check(engine, settings).await?;
        let mut streams = Vec::new();
        for partition in engine.partitions.all() {
            let stream = open_stream(engine, settings, partition).await?;
            weak(
                settings,
                check_stream(engine, partition, stream.cached_info())?,
            )?;
            streams.push(stream);
        }
        check_count(engine).await?;
        let forever = Duration::ZERO;
        let bucket = |what: &'static str, max_age| open_bucket(engine, settings, what, max_age);
        Ok(Self {
            streams,
            members: bucket("members", MEMBER_AGE_MAX).await?,
            leases: bucket("leases", forever).await?,
            placements: bucket("placements", forever).await?,
            offsets: bucket("offsets", forever).await?,
            directory: bucket("directory", forever).await?,
            manifests: bucket(MANIFESTS, forever).await?,
            snapshots: open_objects(engine, settings).await?,
        })
    }

    /// The log of a partition.
    pub(crate) fn stream(&self, partition: Partition) -> Result<&Stream, ClusterError> {
        let stream = self.streams.get(usize::from(partition.0));
        stream.ok_or_else(|| ClusterError::Settings {
            reason: format!("there is no partition {partition}"),
        })
    }

    /// The bucket that is kept for the accounts of the program.
    #[must_use]
    pub const fn directory(&self) -> &kv::Store {
        &self.directory
    }
}

/// Refuses what is weak, or warns of it.
pub(crate) fn weak(settings: &Settings, reason: Option<String>) -> Result<(), ClusterError> {
    match reason {
        None => Ok(()),
        Some(reason) if settings.allow_weak_durability => {
            tracing::warn!(reason, "the cluster may lose what it acknowledged");
            Ok(())
        }
        Some(reason) => Err(ClusterError::WeakDurability { reason }),
    }
}

async fn open_stream(
    engine: &Engine,
    settings: &Settings,
    partition: Partition,
) -> Result<Stream, ClusterError> {
    let name = engine.stream(partition);
    let config = Config {
        name: name.clone(),
        subjects: vec![engine.subject(partition)],
        description: Some(format!("chatmetric, partition {partition}")),
        retention: RetentionPolicy::Limits,
        discard: DiscardPolicy::New,
        storage: StorageType::File,
        num_replicas: settings.replicas,
        duplicate_window: DUPLICATE_WINDOW,
        deny_delete: true,
        ..Config::default()
    };
    let stream = engine.context.get_or_create_stream(config).await;
    stream.map_err(|error| failed(format!("open the stream `{name}`"), error))
}

/// What is weak about a stream, as it is.
///
/// # Errors
/// [`ClusterError::Settings`] for one that is no log of ours.
fn check_stream(
    engine: &Engine,
    partition: Partition,
    info: &Info,
) -> Result<Option<String>, ClusterError> {
    let config = &info.config;
    let wrong = |reason: String| {
        let name = &config.name;
        let reason = format!("the stream `{name}` {reason}");
        Err(ClusterError::Settings { reason })
    };
    if config.subjects != [engine.subject(partition)] {
        return wrong(format!("has the subjects {:?}", config.subjects));
    }
    if config.retention != RetentionPolicy::Limits {
        return wrong("lets go of what was read".to_owned());
    }
    if config.no_ack {
        return wrong("acknowledges nothing".to_owned());
    }
    let name = &config.name;
    let short = !config.max_age.is_zero() && config.max_age < RETENTION_MIN;
    let limits = [config.max_messages, config.max_bytes];
    let discards = config.discard == DiscardPolicy::Old && limits.iter().any(|max| *max > 0);
    let weak = [
        (
            config.num_replicas < REPLICAS_DEFAULT,
            format!(
                "the stream `{name}` has {} replicas, {REPLICAS_DEFAULT} are needed",
                config.num_replicas
            ),
        ),
        (
            config.storage != StorageType::File,
            format!("the stream `{name}` is in memory alone"),
        ),
        (
            short,
            format!("the stream `{name}` keeps entries for less than 8 days"),
        ),
        (
            discards,
            format!("the stream `{name}` lets go of old entries when it is full"),
        ),
    ];
    let mut weak = weak.into_iter().filter(|(is_weak, _)| *is_weak);
    Ok(weak.next().map(|(_, reason)| reason))
}

/// A cluster keeps the count of partitions that it was made with.
async fn check_count(engine: &Engine) -> Result<(), ClusterError> {
    let next = Partition(engine.partitions.count());
    let found = engine.context.get_stream(engine.stream(next)).await;
    if found.is_err() {
        return Ok(());
    }
    Err(ClusterError::Settings {
        reason: format!(
            "the cluster was made with more than {} partitions",
            engine.partitions.count()
        ),
    })
}

async fn open_bucket(
    engine: &Engine,
    settings: &Settings,
    what: &str,
    max_age: Duration,
) -> Result<kv::Store, ClusterError> {
    let bucket = engine.bucket(what);
    if let Ok(found) = engine.context.get_key_value(&bucket).await {
        return Ok(found);
    }
    let config = kv::Config {
        bucket: bucket.clone(),
        history: 1,
        max_age,
        max_value_size: VALUE_BYTES_MAX,
        storage: StorageType::File,
        num_replicas: settings.replicas,
        ..kv::Config::default()
    };
    let made = engine.context.create_key_value(config).await;
    made.map_err(|error| failed(format!("make the bucket `{bucket}`"), error))
}

async fn open_objects(engine: &Engine, settings: &Settings) -> Result<ObjectStore, ClusterError> {
    let bucket = engine.bucket("snapshots");
    if let Ok(found) = engine.context.get_object_store(&bucket).await {
        return Ok(found);
    }
    let config = object_store::Config {
        bucket: bucket.clone(),
        storage: StorageType::File,
        num_replicas: settings.replicas,
        ..object_store::Config::default()
    };
    let made = engine.context.create_object_store(config).await;
    made.map_err(|error| failed(format!("make the bucket `{bucket}`"), error))
}
