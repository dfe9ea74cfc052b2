//! Settings: file, environment, flags; all faults are reported at once.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

/// All that a user may tune; defaults are what an empty file gives.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Settings {
    /// `[server]`
    pub server: ServerSettings,
    /// `[store]`
    pub store: StoreSettings,
    /// `[limits]`
    pub limits: LimitSettings,
    /// `[telemetry]`
    pub telemetry: TelemetrySettings,
}

/// `[server]`: the listener.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerSettings {
    /// Where to listen.
    pub listen: SocketAddr,
    /// Allows a listener that is not loopback without TLS.
    pub insecure_http: bool,
    /// The certificate chain, PEM.
    pub tls_cert_file: Option<PathBuf>,
    /// The private key, PEM.
    pub tls_key_file: Option<PathBuf>,
    /// Hosts that a proxy in front may have replaced; signatures are tried with them.
    pub public_hosts: Vec<String>,
    /// Addresses whose forwarded headers are believed.
    pub trusted_proxies: Vec<std::net::IpAddr>,
    /// Most connections at a time.
    pub max_connections: usize,
}

impl Default for ServerSettings {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)),
            insecure_http: false,
            tls_cert_file: None,
            tls_key_file: None,
            public_hosts: Vec::new(),
            trusted_proxies: Vec::new(),
            max_connections: 10_000,
        }
    }
}

/// `[store]`: where and how long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreSettings {
    /// Everything of one instance is below it.
    pub data_dir: PathBuf,
    /// When an acknowledgement is given.
    pub sync: SyncMode,
    /// How far back the floor stays behind the clock, in days.
    pub message_horizon_days: u32,
    /// How long tallies are kept, in days; `None` for ever.
    pub retention_days: Option<u32>,
    /// Most memory of the hot state; `None` leaves it to the store.
    pub memory_bytes_max: Option<u64>,
}

/// When an acknowledgement is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SyncMode {
    /// After the journal was synced. There is no other mode.
    Always,
}

impl Default for StoreSettings {
    fn default() -> Self {
        Self {
            data_dir: PathBuf::from("./chatmetric-data"),
            sync: SyncMode::Always,
            message_horizon_days: 45,
            retention_days: None,
            memory_bytes_max: None,
        }
    }
}

/// `[limits]`: what one request may ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LimitSettings {
    /// Most bytes of a request body.
    pub body_bytes_max: usize,
    /// Most rows of one answer.
    pub rows_max: usize,
    /// Most day buckets of a DAILY query.
    pub daily_days_max: usize,
    /// Most days of a HALF_HOUR query (one more bucket when it is not aligned).
    pub half_hour_days_max: usize,
    /// How far a request's time stamp may be from the clock, in seconds.
    pub clock_skew_seconds: u32,
}

impl Default for LimitSettings {
    fn default() -> Self {
        Self {
            body_bytes_max: 4 * 1024 * 1024,
            rows_max: 100_000,
            daily_days_max: 401,
            half_hour_days_max: 31,
            clock_skew_seconds: 900,
        }
    }
}

/// `[telemetry]`: logs and figures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TelemetrySettings {
    /// A filter as `info` or `chatmetric=debug`.
    pub log: String,
    /// How a line of log looks.
    pub log_format: LogFormat,
    /// A listener of its own for `/metrics`.
    pub metrics_listen: Option<SocketAddr>,
    /// Where traces go (not there yet).
    pub otlp_endpoint: Option<String>,
}

/// How a line of log looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

impl Default for TelemetrySettings {
    fn default() -> Self {
        Self {
            log: "info".to_owned(),
            log_format: LogFormat::Text,
            metrics_listen: None,
            otlp_endpoint: None,
        }
    }
}
