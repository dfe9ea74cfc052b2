//! The connection to the servers of the cluster.
//!
//! Not here: what is on them. Invariant: credentials are read when a connection is made
//! and are in no log.

use super::JoinError;
use crate::config::{ClusterSettings, nats_credentials};
use async_nats::{Client, ConnectOptions, ServerAddr};
use std::time::Duration;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);
const PING_INTERVAL: Duration = Duration::from_secs(5);

pub(super) async fn connect(settings: &ClusterSettings) -> Result<Client, JoinError> {
    let failed = |reason: String| JoinError::Connect { reason };
    let servers: Result<Vec<ServerAddr>, _> =
        settings.nats_urls.iter().map(|url| url.parse()).collect();
    let servers = servers.map_err(|error| failed(format!("`cluster.nats_urls`: {error}")))?;
    let mut options = ConnectOptions::new();
    if let Some(path) = &settings.credentials_file {
        let text = nats_credentials(path).map_err(failed)?;
        options = options
            .credentials(&text)
            .map_err(|error| failed(format!("`{}`: {error}", path.display())))?;
    }
    if let Some(path) = &settings.tls_ca_file {
        options = options.add_root_certificates(path.clone());
    }
    let connecting = options
        .name(format!("chatmetric {} directory", settings.node))
        .connection_timeout(CONNECT_TIMEOUT)
        .request_timeout(Some(REQUEST_TIMEOUT))
        .ping_interval(PING_INTERVAL)
        .connect(servers);
    let connected = tokio::time::timeout(CONNECT_TIMEOUT, connecting).await;
    let connected = connected.map_err(|_| failed("the servers do not answer".to_owned()))?;
    connected.map_err(|error| failed(crate::cli::error_chain(&error)))
}
