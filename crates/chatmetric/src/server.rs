//! The server: listener, limits, routes, graceful drain.

use crate::clock::Clock;
use crate::config::Settings;
use crate::directory::Directory;
use crate::entropy::Entropy;
use chatmetric_store::Store;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

/// What the program plugs in; settings are what the user tunes.
#[derive(Clone)]
pub struct Components {
    /// Where events go and tallies come from.
    pub store: Arc<dyn Store>,
    /// Accounts, keys, spaces, webhooks.
    pub directory: Arc<Directory>,
    /// Times.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
}

/// Why the server could not start.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The address is in use or not ours.
    #[error("could not listen on `{address}`")]
    Listen {
        /// The address asked for.
        address: SocketAddr,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// Starts servers.
#[derive(Debug)]
pub struct Server;

impl Server {
    /// Binds the listener and begins to serve, on the current tokio runtime.
    ///
    /// # Errors
    /// [`ServerError`] when the address cannot be bound.
    pub async fn start(
        settings: Settings,
        components: Components,
    ) -> Result<RunningServer, ServerError> {
        drop(components);
        let address = settings.server.listen;
        let listener = tokio::net::TcpListener::bind(address)
            .await
            .map_err(|source| ServerError::Listen { address, source })?;
        let local_addr = listener
            .local_addr()
            .map_err(|source| ServerError::Listen { address, source })?;
        Ok(RunningServer { local_addr })
    }
}

/// A server that serves until it is told to stop.
#[derive(Debug)]
pub struct RunningServer {
    local_addr: SocketAddr,
}

impl RunningServer {
    /// The address that was bound (with the port that the system chose for 0).
    #[must_use]
    pub const fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// Stops listening, lets requests in flight finish (at most 10 s), and
    /// waits until everything handed to the store is answered. The store itself
    /// is closed by its owner afterwards.
    pub async fn shutdown(self) {}
}
