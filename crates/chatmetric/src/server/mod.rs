//! The server: one listener, its limits, graceful drain.
//!
//! Reading order: this file (start and stop), `listener` (connections), `handshake`
//! (TLS), `connection` (what hyper refuses by itself), `exchange` (a request and its
//! answer), `body`, `route`, `webhook`, `query_text`, `answer`, `stream`, `limits`, `background`;
//! `in_process` is the server without sockets.
//!
//! Invariant: once [`RunningServer::shutdown`] returns, nothing is in flight to
//! the store and every acknowledgement that was given stands.

pub(crate) mod answer;
mod background;
pub(crate) mod body;
mod connection;
pub(crate) mod exchange;
mod handshake;
mod in_process;
pub mod limits;
mod listener;
mod operator;
mod peers;
pub(crate) mod query_text;
mod route;
mod shares;
mod stream;
mod turns;
mod webhook;

use crate::api::action::Action;
use crate::api::{AddressLimit, NonceLog};
use crate::backup::{self, BackupStatus};
use crate::clock::Clock;
use crate::config::Settings;
use crate::console::{Console, ConsoleOpenError};
use crate::directory::Directory;
use crate::entropy::Entropy;
use crate::ingest::pipeline::Pipeline;
use crate::ingest::stream::Streams;
use crate::telemetry::{Metrics, NumberFigures};
use crate::tls::{self, PairError};
use crate::watch::{self, Watch, WatchError, WatchStatus};
use chatmetric_core::FingerprintKey;
use chatmetric_core::time::zone_database_version;
use chatmetric_rpc::admission::{Admission, AdmissionSettings};
use chatmetric_rpc::signature::{Verifier, VerifierSettings};
use chatmetric_store::{Store, StoreError};
pub use in_process::InProcess;
use limits::{BODIES_BYTES_MAX, ByteBudget, COMMIT_EVENTS_MAX, DRAIN_TIMEOUT};
use listener::{Serve, accept_all};
pub use peers::{Decider, Keeping, Peers};
use shares::Shares;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch as watched};
use tokio::task::{JoinHandle, JoinSet};
use turns::Turns;

/// Large queries that run at a time; more wait.
const LARGE_QUERIES_MAX: usize = 4;
/// Calls that wait for the disk at a time, because they change something or give
/// credentials out. The directory writes one after the other.
const DURABLE_CALLS_MAX: usize = 2;

/// Backups that are sent at a time: each holds files of the store that are merged away.
const SENT_BACKUPS_MAX: usize = 1;

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
    /// Certificate or key cannot be used.
    #[error("could not use the TLS files:{}", list(.0))]
    Tls(Vec<PairError>),
    /// The first floor could not be made durable.
    #[error("could not set the floor of the store")]
    Floor(#[source] StoreError),
    /// The watch cannot begin.
    #[error("could not start the watch")]
    Watch(#[source] WatchError),
    /// The sessions of the console, or its files, cannot be read.
    #[error("could not open the console")]
    Console(#[source] ConsoleOpenError),
    /// The used nonces cannot be kept below the data directory.
    #[error("could not open the log of nonces below `{}`", data_dir.display())]
    Nonces {
        /// The data directory.
        data_dir: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

fn list(errors: &[PairError]) -> String {
    let line = |error| format!("\n  {}", crate::cli::error_chain(error));
    errors.iter().map(|error| line(error)).collect()
}

/// What every request can reach.
pub(crate) struct App {
    pub(crate) settings: Settings,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) directory: Arc<Directory>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) verifier: Verifier,
    pub(crate) admission: Admission<Action>,
    pub(crate) nonce_log: NonceLog,
    pub(crate) address_limit: AddressLimit,
    pub(crate) fingerprint_key: FingerprintKey,
    pub(crate) pipeline: Pipeline,
    pub(crate) bodies: ByteBudget,
    pub(crate) shares: Shares,
    pub(crate) turns: Turns,
    pub(crate) commit_turns: Turns,
    pub(crate) large_queries: Arc<Semaphore>,
    pub(crate) durable_turns: Arc<Semaphore>,
    pub(crate) operator_turns: Arc<Semaphore>,
    pub(crate) sent_backups: Arc<Semaphore>,
    pub(crate) console: Console,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) number_figures: NumberFigures,
    pub(crate) metrics_on_main: bool,
    pub(crate) backups: Arc<BackupStatus>,
    pub(crate) watch: WatchStatus,
    pub(crate) streams: Arc<Streams>,
    pub(crate) peers: Option<Arc<dyn Peers>>,
    stopping: AtomicBool,
}

/// Bodies of webhooks that are verified and read at a time: each needs a core, and now and
/// then the directory.
fn turns() -> usize {
    2 * std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

impl App {
    fn new(
        settings: Settings,
        components: Components,
        peers: Option<Arc<dyn Peers>>,
        metrics_on_main: bool,
    ) -> Result<Self, ServerError> {
        let Components {
            store,
            directory,
            clock,
            entropy,
        } = components;
        let skew_ms = i64::from(settings.limits.clock_skew_seconds) * 1_000;
        let metrics = Arc::new(Metrics::default());
        let pipeline = Pipeline::new(Arc::clone(&store), Arc::clone(&clock), Arc::clone(&metrics));
        let now_ms = clock.now().0;
        let data_dir = settings.store.data_dir.clone();
        let (nonce_log, nonces) = NonceLog::open(&data_dir, now_ms)
            .map_err(|source| ServerError::Nonces { data_dir, source })?;
        let admission = Admission::new(AdmissionSettings::for_skew_ms(skew_ms));
        admission.restore_nonces(nonces, now_ms);
        Ok(Self {
            verifier: Verifier::new(VerifierSettings {
                skew_ms,
                public_hosts: settings.server.public_hosts.clone(),
                ..VerifierSettings::default()
            }),
            admission,
            nonce_log,
            address_limit: AddressLimit::default(),
            fingerprint_key: directory.fingerprint_key(),
            pipeline,
            bodies: ByteBudget::new(BODIES_BYTES_MAX),
            shares: Shares::default(),
            turns: Turns::new(turns()),
            commit_turns: Turns::new(COMMIT_EVENTS_MAX),
            large_queries: Arc::new(Semaphore::new(LARGE_QUERIES_MAX)),
            durable_turns: Arc::new(Semaphore::new(DURABLE_CALLS_MAX)),
            operator_turns: Arc::new(Semaphore::new(DURABLE_CALLS_MAX)),
            sent_backups: Arc::new(Semaphore::new(SENT_BACKUPS_MAX)),
            console: Console::open(&directory, &settings.console, clock.as_ref())
                .map_err(ServerError::Console)?,
            metrics,
            number_figures: NumberFigures::new(&settings),
            metrics_on_main,
            backups: Arc::default(),
            watch: WatchStatus::default(),
            streams: Arc::new(Streams::new(&settings.streams, store.as_ref())),
            peers,
            stopping: AtomicBool::new(false),
            settings,
            store,
            directory,
            clock,
            entropy,
        })
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }
}

/// Starts servers.
#[derive(Debug)]
pub struct Server;

impl Server {
    /// Sets the first floor, binds the listeners and begins to serve, on the
    /// current tokio runtime.
    ///
    /// # Errors
    /// [`ServerError`] when an address cannot be bound or the floor not be set.
    pub async fn start(
        settings: Settings,
        components: Components,
    ) -> Result<RunningServer, ServerError> {
        Self::start_node(settings, components, None).await
    }

    /// As [`Server::start`], as one of several nodes when there are peers.
    ///
    /// # Errors
    /// As [`Server::start`].
    pub async fn start_node(
        settings: Settings,
        components: Components,
        peers: Option<Arc<dyn Peers>>,
    ) -> Result<RunningServer, ServerError> {
        let tls = open_tls(&settings, components.clock.as_ref())?;
        let listener = bind(settings.server.listen).await?;
        let metrics_listener = match settings.telemetry.metrics_listen {
            Some(address) => Some(bind(address).await?),
            None => None,
        };
        let local_addr = address_of(&listener, settings.server.listen)?;
        let metrics_addr = metrics_listener
            .as_ref()
            .map(|listener| address_of(listener, local_addr))
            .transpose()?;
        let private = local_addr.ip().is_loopback() && settings.server.public_hosts.is_empty();
        let now = components.clock.now();
        let looking = Watch::open(&settings.watch, &components.directory, now);
        let looking = looking.map_err(ServerError::Watch)?;
        let app = Arc::new(App::new(settings, components, peers, private)?);
        let floor_app = Arc::clone(&app);
        let floor =
            tokio::task::spawn_blocking(move || background::set_first_floor(&floor_app)).await;
        floor
            .unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))
            .map_err(ServerError::Floor)?;

        let (stop, stopped) = watched::channel(false);
        let streams = Streams::start(&app, &stopped);
        let mut helpers = JoinSet::new();
        helpers.spawn(background::run(Arc::clone(&app)));
        helpers.spawn(backup::run_schedule(Arc::clone(&app)));
        helpers.spawn(watch::run(Arc::clone(&app), looking));
        if let Some(listener) = metrics_listener {
            helpers.spawn(accept_all(
                listener,
                Arc::clone(&app),
                stopped.clone(),
                Serve::Metrics,
            ));
        }
        if let Some(tls) = &tls {
            helpers.spawn(watch_files(Arc::clone(tls), Arc::clone(&app.clock)));
        }
        let serve = Serve::Main { tls: tls.clone() };
        let accepting = tokio::spawn(accept_all(listener, Arc::clone(&app), stopped, serve));
        tracing::info!(
            address = %local_addr,
            tls = tls.is_some(),
            version = env!("CARGO_PKG_VERSION"),
            time_zones = zone_database_version(),
            "listening"
        );
        Ok(RunningServer {
            local_addr,
            metrics_addr,
            app,
            tls,
            stop,
            accepting,
            streams,
            helpers,
        })
    }
}

async fn all_ended(tasks: &mut JoinSet<()>) {
    while tasks.join_next().await.is_some() {}
}

fn open_tls(
    settings: &Settings,
    clock: &dyn Clock,
) -> Result<Option<Arc<tls::Served>>, ServerError> {
    let files = settings.server.tls_files();
    files
        .map(|files| tls::Served::open(files, clock.now()).map(Arc::new))
        .transpose()
        .map_err(ServerError::Tls)
}

/// Looks at the TLS files until it is dropped.
async fn watch_files(tls: Arc<tls::Served>, clock: Arc<dyn Clock>) {
    let mut looks = tokio::time::interval(tls::LOOK_INTERVAL);
    looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        looks.tick().await;
        let (tls, clock) = (Arc::clone(&tls), Arc::clone(&clock));
        let look = tokio::task::spawn_blocking(move || tls.look(clock.now()));
        if let Err(error) = look.await {
            tracing::error!(%error, "the TLS files are not looked at any more");
            return;
        }
    }
}

async fn bind(address: SocketAddr) -> Result<TcpListener, ServerError> {
    TcpListener::bind(address)
        .await
        .map_err(|source| ServerError::Listen { address, source })
}

fn address_of(listener: &TcpListener, address: SocketAddr) -> Result<SocketAddr, ServerError> {
    listener
        .local_addr()
        .map_err(|source| ServerError::Listen { address, source })
}

/// A server that serves until it is told to stop.
pub struct RunningServer {
    local_addr: SocketAddr,
    metrics_addr: Option<SocketAddr>,
    app: Arc<App>,
    tls: Option<Arc<tls::Served>>,
    stop: watched::Sender<bool>,
    accepting: JoinHandle<()>,
    streams: JoinSet<()>,
    helpers: JoinSet<()>,
}

impl RunningServer {
    /// The address that was bound (with the port that the system chose for 0).
    #[must_use]
    pub const fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// The address of `telemetry.metrics_listen`, when there is one.
    #[must_use]
    pub const fn metrics_addr(&self) -> Option<SocketAddr> {
        self.metrics_addr
    }

    /// Whether the main listener speaks TLS.
    #[must_use]
    pub const fn is_tls(&self) -> bool {
        self.tls.is_some()
    }

    /// What is known of backups; whoever makes one by hand notes it there.
    #[must_use]
    pub fn backups(&self) -> Arc<BackupStatus> {
        Arc::clone(&self.app.backups)
    }

    /// Who decides on this node for others.
    #[must_use]
    pub fn decider(&self) -> Arc<dyn Decider> {
        let app: Arc<App> = Arc::clone(&self.app);
        app
    }

    /// How the streams go.
    #[must_use]
    pub fn streams(&self) -> Arc<Streams> {
        Arc::clone(&self.app.streams)
    }

    /// Reads the TLS files now, changed or not. `false` when there are none; what
    /// is wrong with them is in the log, and the pair of before is served on.
    pub async fn reread_tls_files(&self) -> bool {
        let Some(tls) = self.tls.clone() else {
            return false;
        };
        let now = self.app.clock.now();
        if let Err(error) = tokio::task::spawn_blocking(move || tls.reread(now)).await {
            tracing::error!(%error, "the TLS files were not read");
        }
        true
    }

    /// Stops listening, lets requests in flight finish, and waits until everything that was
    /// handed to the store is answered: for [`limits::DRAIN_TIMEOUT`] in all, whatever hangs.
    /// The store is closed by its owner afterwards.
    pub async fn shutdown(mut self) {
        // One moment for all: waiting for each in turn would take as long as all of them.
        let until = tokio::time::sleep(DRAIN_TIMEOUT).deadline();
        self.app.stopping.store(true, Ordering::Relaxed);
        self.stop.send_replace(true);
        // No batch of a stream begins after this.
        let streams = tokio::time::timeout_at(until, all_ended(&mut self.streams));
        let (accepting, streams) = tokio::join!(self.accepting, streams);
        if let Err(error) = accepting {
            tracing::error!(%error, "the listener ended badly");
        }
        if streams.is_err() {
            tracing::warn!("a stream has not ended");
            self.streams.shutdown().await;
        }
        let imports = self.app.console.imports_ended();
        if tokio::time::timeout_at(until, imports).await.is_err() {
            tracing::warn!("a file that is imported has not ended");
        }
        if tokio::time::timeout_at(until, self.app.pipeline.drained())
            .await
            .is_err()
        {
            tracing::warn!("the store has not answered everything");
        }
        self.helpers.shutdown().await;
        let app = Arc::clone(&self.app);
        let kept = tokio::task::spawn_blocking(move || background::keep_uses_at_end(&app));
        // It may begin when the time is over, but nobody waits for it then.
        match tokio::time::timeout_at(until, kept).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::error!(%error, "the last uses of keys and sessions were not noted");
            }
            Err(_) => tracing::warn!("the last uses of keys and sessions may not be noted"),
        }
        tracing::info!("stopped");
    }
}

impl std::fmt::Debug for RunningServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RunningServer")
            .field("local_addr", &self.local_addr)
            .finish_non_exhaustive()
    }
}
