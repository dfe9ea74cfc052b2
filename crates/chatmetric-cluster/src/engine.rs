//! The connection to the servers, and the names of everything on them.
//!
//! Not here: what streams and buckets are like (`topology`). Invariant: a name on the
//! servers is made here and nowhere else.

use crate::error::{ClusterError, failed};
use crate::partition::{Partition, Partitions};
use crate::query::own::Own;
use crate::settings::Settings;
use async_nats::jetstream::{self, context::ContextBuilder};
use async_nats::{Client, ConnectOptions, ServerAddr};
use std::sync::Arc;
use std::time::Duration;

/// How long connecting, and each request to a server, may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// See [`CONNECT_TIMEOUT`].
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);
/// How often a silent connection is tried.
const PING_INTERVAL: Duration = Duration::from_secs(5);
/// Room for subject and headers beside the longest entry, in bytes.
const MESSAGE_EXTRA_BYTES: usize = 4 * 1024;
/// Entries are never longer, whatever the servers allow.
const ENTRY_BYTES_MAX: usize = 8 * 1024 * 1024;

/// A connection with the names of one cluster.
#[derive(Debug, Clone)]
pub struct Engine {
    /// The connection.
    pub(crate) client: Client,
    /// Streams and buckets.
    pub(crate) context: jetstream::Context,
    /// How many logs there are.
    pub partitions: Partitions,
    prefix: String,
    /// The name of this member.
    pub(crate) member: String,
    /// The replicas that answer in this process.
    pub(crate) own: Arc<Own>,
}

impl Engine {
    /// Connects to one of the servers.
    ///
    /// # Errors
    /// [`ClusterError::Settings`]; [`ClusterError::Engine`] when none is reached.
    pub async fn connect(settings: &Settings) -> Result<Self, ClusterError> {
        let partitions = settings.check()?;
        let options = options(settings).await?;
        let client = connect(settings, options).await?;
        let context = ContextBuilder::new()
            .timeout(REQUEST_TIMEOUT)
            .ack_timeout(settings.publish_timeout)
            .max_ack_inflight(settings.in_flight_max.saturating_mul(2))
            .build(client.clone());
        Ok(Self {
            client,
            context,
            partitions,
            prefix: settings.prefix.clone(),
            member: settings.member.clone(),
            own: Arc::default(),
        })
    }

    /// Whether a server is connected now.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.client.connection_state() == async_nats::connection::State::Connected
    }

    /// The most bytes of an entry, and of each piece of an answer.
    #[must_use]
    pub fn entry_bytes_max(&self) -> usize {
        let payload = self.client.server_info().max_payload;
        let payload = payload.saturating_sub(MESSAGE_EXTRA_BYTES);
        payload.clamp(64 * 1024, ENTRY_BYTES_MAX)
    }

    pub(crate) fn stream(&self, partition: Partition) -> String {
        format!("{}-events-{partition}", self.prefix)
    }

    pub(crate) fn subject(&self, partition: Partition) -> String {
        format!("{}.events.{partition}", self.prefix)
    }

    /// Where caught-up replicas of a partition take queries, one of them each.
    pub(crate) fn queries(&self, partition: Partition) -> String {
        format!("{}.query.{partition}", self.prefix)
    }

    /// Where one replica takes queries.
    pub(crate) fn replica(&self, partition: Partition, member: &str) -> String {
        format!("{}.replica.{partition}.{member}", self.prefix)
    }

    /// Where a member is asked to decide.
    pub(crate) fn decisions(&self, member: &str) -> String {
        format!("{}.decide.{member}", self.prefix)
    }

    /// The name of a bucket.
    pub(crate) fn bucket(&self, what: &str) -> String {
        bucket_of(&self.prefix, what)
    }
}

/// The name of a bucket of the cluster `prefix`.
pub(crate) fn bucket_of(prefix: &str, what: &str) -> String {
    format!("{prefix}-{what}")
}

async fn options(settings: &Settings) -> Result<ConnectOptions, ClusterError> {
    let Some(path) = &settings.credentials_file else {
        return Ok(ConnectOptions::new());
    };
    let options = ConnectOptions::with_credentials_file(path).await;
    options.map_err(|error| {
        failed(
            format!("read the credentials in `{}`", path.display()),
            error,
        )
    })
}

/// A connection with the system account, if there is one.
pub(crate) async fn connect_system(settings: &Settings) -> Result<Option<Client>, ClusterError> {
    let options = if let Some(path) = &settings.system_credentials_file {
        let options = ConnectOptions::with_credentials_file(path).await;
        options.map_err(|error| {
            failed(
                format!("read the credentials in `{}`", path.display()),
                error,
            )
        })?
    } else if let Some((user, password)) = &settings.system_user {
        ConnectOptions::with_user_and_password(user.clone(), password.clone())
    } else {
        return Ok(None);
    };
    connect(settings, options).await.map(Some)
}

async fn connect(settings: &Settings, options: ConnectOptions) -> Result<Client, ClusterError> {
    let mut servers = Vec::with_capacity(settings.urls.len());
    for url in &settings.urls {
        let server: Result<ServerAddr, _> = url.parse();
        servers.push(server.map_err(|error| failed(format!("read the address `{url}`"), error))?);
    }
    let mut options = options
        .name(format!("chatmetric {}", settings.member))
        .connection_timeout(CONNECT_TIMEOUT)
        .request_timeout(Some(REQUEST_TIMEOUT))
        .ping_interval(PING_INTERVAL)
        .require_tls(settings.tls_required);
    if let Some(path) = &settings.tls_ca_file {
        options = options.add_root_certificates(path.clone());
    }
    let connected = tokio::time::timeout(CONNECT_TIMEOUT, options.connect(servers)).await;
    let connected = connected.map_err(|_| ClusterError::Timeout {
        operation: "connect to the servers".to_owned(),
    })?;
    connected.map_err(|error| failed("connect to the servers", error))
}
