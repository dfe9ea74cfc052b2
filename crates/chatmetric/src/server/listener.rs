//! A listener and its connections: how many at a time, over TLS or not, and how
//! they end when the server stops.
//!
//! Invariant: accepting waits for free connections and for nothing else; a
//! connection counts from before its handshake to its end.

use super::connection::Translated;
use super::exchange::{self, CallerOf};
use super::handshake::shake_hands;
use super::limits::{DRAIN_TIMEOUT, HEAD_BUFFER_BYTES, HEAD_TIMEOUT, HEADERS_PARSED_MAX};
use crate::server::App;
use crate::tls;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulConnection, GracefulShutdown, Watcher};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

/// How long to wait after `accept` failed, for example for want of files.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// What a listener serves.
#[derive(Clone)]
pub(super) enum Serve {
    /// Everything, over TLS when there is a certificate.
    Main { tls: Option<Arc<tls::Served>> },
    /// Figures, without TLS.
    Metrics,
}

/// Accepts until it is told to stop, then drains its connections.
pub(super) async fn accept_all(
    listener: TcpListener,
    app: Arc<App>,
    mut stopped: watch::Receiver<bool>,
    serve: Serve,
) {
    let free = Arc::new(Semaphore::new(app.settings.server.max_connections));
    let graceful = GracefulShutdown::new();
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            _ = stopped.changed() => break,
            // More connections than allowed wait in the kernel's queue.
            accepted = accept(&listener, &free) => accepted,
        };
        while connections.try_join_next().is_some() {}
        let (stream, peer, permit) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "could not accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let connection = Connection {
            app: Arc::clone(&app),
            peer,
            serve: serve.clone(),
            watcher: graceful.watcher(),
            stopped: stopped.clone(),
        };
        let metrics = Arc::clone(&app.metrics);
        connections.spawn(async move {
            metrics.connection_opened();
            connection.run(stream).await;
            metrics.connection_closed();
            drop(permit);
        });
    }
    drop(listener);
    if tokio::time::timeout(DRAIN_TIMEOUT, graceful.shutdown())
        .await
        .is_err()
    {
        tracing::warn!("requests are still in flight; closing their connections");
    }
    connections.shutdown().await;
}

async fn accept(
    listener: &TcpListener,
    free: &Arc<Semaphore>,
) -> io::Result<(TcpStream, SocketAddr, tokio::sync::OwnedSemaphorePermit)> {
    let permit = Arc::clone(free)
        .acquire_owned()
        .await
        .map_err(io::Error::other)?;
    let (stream, peer) = listener.accept().await?;
    stream.set_nodelay(true)?;
    Ok((stream, peer, permit))
}

/// One connection before it is known what comes over it.
struct Connection {
    app: Arc<App>,
    peer: SocketAddr,
    serve: Serve,
    watcher: Watcher,
    stopped: watch::Receiver<bool>,
}

impl Connection {
    async fn run(mut self, stream: TcpStream) {
        let served = match self.serve.clone() {
            Serve::Main { tls: Some(tls) } => {
                let shaken = tokio::select! {
                    // There is no request yet that would have to be finished.
                    _ = self.stopped.changed() => None,
                    shaken = shake_hands(&self.app, &tls, stream, self.peer) => shaken,
                };
                let Some(stream) = shaken else { return };
                self.serve(stream, true).await
            }
            Serve::Main { tls: None } | Serve::Metrics => self.serve(stream, false).await,
        };
        if let Err(error) = served {
            tracing::debug!(%error, "a connection ended early");
        }
    }

    async fn serve<S>(self, stream: S, tls: bool) -> Result<(), hyper::Error>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let Self {
            app,
            peer,
            serve,
            watcher,
            stopped: _,
        } = self;
        let peer = CallerOf { ip: peer.ip(), tls };
        watcher.watch(http(app, stream, peer, serve)).await
    }
}

fn http<S>(
    app: Arc<App>,
    stream: S,
    peer: CallerOf,
    serve: Serve,
) -> impl GracefulConnection<Error = hyper::Error> + Send
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let io = TokioIo::new(Translated::new(stream, Arc::clone(&app.entropy)));
    let service = service_fn(move |request| {
        let app = Arc::clone(&app);
        let serve = serve.clone();
        // hyper keeps room for the future of a request in every connection, also while there
        // is none: in a box it is 8 bytes, and not those of the largest exchange.
        Box::pin(async move {
            let response = match serve {
                Serve::Main { tls: _ } => exchange::exchange(app, peer, request).await,
                Serve::Metrics => exchange::metrics_only(&app, &request).await,
            };
            Ok::<_, std::convert::Infallible>(response)
        })
    });
    hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(HEAD_BUFFER_BYTES)
        .max_headers(HEADERS_PARSED_MAX)
        .half_close(true)
        .serve_connection(io, service)
}
