//! Settings: what a user may tune. Read from `chatmetric.toml`, then the
//! environment (`CHATMETRIC_SECTION_KEY`), then flags; the later wins.
//!
//! Not here: what the program plugs in (store, clock, entropy); those are
//! [`crate::server::Components`].
//!
//! Invariant: every key is declared once, in `keys.rs`, for file and environment
//! alike; all faults are reported at once, each with its key.

mod cluster;
mod cluster_keys;
mod keys;
mod streams;
mod watch;
mod watch_keys;

pub use cluster::{
    CLUSTER_NAME_BYTES_MAX, CLUSTER_PARTITIONS_MAX, CLUSTER_REPLICAS_DURABLE,
    CLUSTER_TALLY_REPLICAS_MAX, ClusterRole, ClusterSettings,
};
pub(crate) use streams::is_stream;
pub use streams::{
    NATS_NAME_BYTES_MAX, OnGap, STREAM_BATCH_BYTES, STREAM_BATCH_MESSAGES_MAX,
    STREAM_NAME_BYTES_MAX, STREAM_SUBJECTS_MAX, STREAM_URLS_MAX, STREAMS_MAX, StreamFormat,
    StreamSettings, StreamStart,
};
#[cfg(feature = "nats")]
pub(crate) use streams::{nats_credentials, secret};

use crate::backup::BACKUPS_MAX;
use crate::tls::{Pair, PairFiles};
use chatmetric_core::PhoneNumber;
use chatmetric_rpc::credential::AccountId;
use chatmetric_store::{MEMORY_BYTES_MIN, TALLY_DAYS_BEHIND_FLOOR_MIN};
use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::ops::Range;
use std::path::{Path, PathBuf};

pub use watch::{
    WATCH_SECRET_BYTES_MAX, WATCH_SECRET_BYTES_MIN, WatchSecret, WatchSettings, WatchUrl,
};

/// The name that the configuration file has by custom.
pub const FILE_NAME: &str = "chatmetric.toml";
/// Longest configuration file, in bytes.
pub const FILE_BYTES_MAX: u64 = 1024 * 1024;
/// Days that must be kept beyond the horizon, so that no record outlives its tallies.
pub const RETENTION_BEYOND_HORIZON_DAYS: u32 = TALLY_DAYS_BEHIND_FLOOR_MIN;

/// Most numbers with counters of their own: each is two series.
pub const METRICS_NUMBERS_MAX: usize = 1_000;
/// Longest time from one scheduled backup to the next: a year, in hours.
pub const BACKUP_EVERY_HOURS_MAX: u32 = 8_760;

/// All that a user may tune; the defaults are what an empty file gives.
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
    /// `[console]`
    pub console: ConsoleSettings,
    /// `[backup]`
    pub backup: BackupSettings,
    /// `[watch]`
    pub watch: WatchSettings,
    /// `[[stream]]`
    pub streams: Vec<StreamSettings>,
    /// `[cluster]`
    pub cluster: ClusterSettings,
}

/// `[backup]`: backups that the server makes by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackupSettings {
    /// The directory for them; `None` makes none.
    pub dir: Option<PathBuf>,
    /// Hours from one to the next.
    pub every_hours: u32,
    /// How many stay.
    pub keep: u32,
}

impl Default for BackupSettings {
    fn default() -> Self {
        Self {
            dir: None,
            every_hours: 24,
            keep: 7,
        }
    }
}

/// `[console]`: the web console.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ConsoleSettings {
    /// Whose users may operate the installation; without it the account that the first
    /// start made.
    pub operator_account: Option<AccountId>,
    /// `--console-dir`: pages from disk instead of those in the program, to develop them.
    pub dir: Option<PathBuf>,
}

/// `[server]`: the listener.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerSettings {
    /// Where to listen.
    pub listen: SocketAddr,
    /// Allows a listener that is not loopback without TLS.
    pub insecure_http: bool,
    /// The certificate chain, PEM; with it the listener speaks TLS.
    pub tls_cert_file: Option<PathBuf>,
    /// The private key of the certificate, PEM.
    pub tls_key_file: Option<PathBuf>,
    /// Host names under which clients know us, when a proxy rewrites `Host`.
    pub public_hosts: Vec<String>,
    /// Addresses whose `X-Forwarded-*` headers are believed.
    pub trusted_proxies: Vec<IpAddr>,
    /// Most connections at a time.
    pub max_connections: usize,
}

impl ServerSettings {
    /// Certificate and key, when the listener speaks TLS.
    #[must_use]
    pub fn tls_files(&self) -> Option<PairFiles> {
        Some(PairFiles {
            certificate: self.tls_cert_file.clone()?,
            key: self.tls_key_file.clone()?,
        })
    }
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
    /// Most memory of the hot state, in bytes; `None` leaves it to the store.
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
    /// Most days of a HALF_HOUR query; one more bucket when it is not aligned.
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
    /// How many numbers have counters of their own; 0: none.
    pub metrics_numbers_max: usize,
    /// Which; empty: those with the most traffic.
    pub metrics_numbers: Vec<PhoneNumber>,
    /// Where traces go, when the program is built with them.
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
            metrics_numbers_max: 50,
            metrics_numbers: Vec::new(),
            otlp_endpoint: None,
        }
    }
}

/// What the command line sets; it wins over file and environment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Overrides {
    /// `--listen`
    pub listen: Option<SocketAddr>,
    /// `--data-dir`
    pub data_dir: Option<PathBuf>,
    /// `--insecure-http`
    pub insecure_http: bool,
    /// `--allow-weak-durability`
    pub allow_weak_durability: bool,
    /// `--console-dir`
    pub console_dir: Option<PathBuf>,
    /// `-v` and `-q`
    pub log: Option<String>,
}

/// One thing that is wrong with the settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The key, as `server.listen`, or the variable.
    pub key: String,
    /// Line and column in the file, both from 1, when it came from there.
    pub place: Option<(usize, usize)>,
    /// What is wrong and what would be right.
    pub message: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((line, column)) = self.place {
            write!(f, "line {line}, column {column}: ")?;
        }
        write!(f, "`{}`: {}", self.key, self.message)
    }
}

/// Faults that a [`ConfigError`] tells with their places.
const FAULTS_TOLD_MAX: usize = 20;

/// Why there are no settings.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("could not read the configuration `{}`", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Everything that is wrong, in the order of the file, then the environment.
    #[error("the configuration has {} fault(s):{}", .0.len(), list(.0))]
    Faults(Vec<Fault>),
}

/// The first of them: a file that is no configuration has a fault in every line.
fn list(faults: &[Fault]) -> String {
    let told = faults.iter().take(FAULTS_TOLD_MAX);
    let mut list: String = told.map(|fault| format!("\n  {fault}")).collect();
    let more = faults.len().saturating_sub(FAULTS_TOLD_MAX);
    if more > 0 {
        list.push_str(&format!("\n  and {more} more"));
    }
    list
}

impl Settings {
    /// Reads `file` if one is given, then `environment`, then `overrides`, and
    /// checks the whole.
    ///
    /// # Errors
    /// [`ConfigError`], with all faults at once.
    pub fn load(
        file: Option<&Path>,
        environment: impl IntoIterator<Item = (String, String)>,
        overrides: &Overrides,
    ) -> Result<Self, ConfigError> {
        let text = file.map(read).transpose()?.unwrap_or_default();
        Self::from_parts(&text, environment, overrides)
    }

    /// As [`Settings::load`], with the file's text.
    ///
    /// # Errors
    /// [`ConfigError::Faults`].
    pub fn from_parts(
        text: &str,
        environment: impl IntoIterator<Item = (String, String)>,
        overrides: &Overrides,
    ) -> Result<Self, ConfigError> {
        let mut settings = Self::default();
        let mut faults = Vec::new();
        let mut places = Vec::new();
        keys::apply_file(&mut settings, text, &mut faults, &mut places);
        keys::apply_environment(&mut settings, environment, &mut faults);
        settings.apply_overrides(overrides);
        for mut fault in settings.validate() {
            // A value that could not be read already has its fault.
            if faults.iter().any(|known: &Fault| known.key == fault.key) {
                continue;
            }
            // What is missing in an item of a list is missing where the item begins.
            let item = fault
                .key
                .split_once("].")
                .map(|(item, _)| format!("{item}]"));
            let span = places.iter().find(|(key, _)| *key == fault.key);
            let span = span.or_else(|| places.iter().find(|(key, _)| Some(key) == item.as_ref()));
            fault.place = span.map(|(_, span): &(String, Range<usize>)| place(text, span.start));
            faults.push(fault);
        }
        if faults.is_empty() {
            Ok(settings)
        } else {
            Err(ConfigError::Faults(faults))
        }
    }

    fn apply_overrides(&mut self, overrides: &Overrides) {
        if let Some(listen) = overrides.listen {
            self.server.listen = listen;
        }
        if let Some(data_dir) = &overrides.data_dir {
            self.store.data_dir.clone_from(data_dir);
        }
        if let Some(log) = &overrides.log {
            self.telemetry.log.clone_from(log);
        }
        if overrides.console_dir.is_some() {
            self.console.dir.clone_from(&overrides.console_dir);
        }
        self.server.insecure_http |= overrides.insecure_http;
        self.cluster.allow_weak_durability |= overrides.allow_weak_durability;
    }

    /// Everything that is wrong with the values, each with its key.
    #[must_use]
    pub fn validate(&self) -> Vec<Fault> {
        let mut faults = Vec::new();
        let mut fault = |key: &str, message: String| {
            faults.push(Fault {
                key: key.to_owned(),
                place: None,
                message,
            });
        };
        self.validate_server(&mut fault);
        self.validate_store(&mut fault);
        self.validate_limits(&mut fault);
        self.validate_telemetry(&mut fault);
        self.validate_backup(&mut fault);
        self.watch.validate(&mut fault);
        streams::validate(&self.streams, &mut fault);
        cluster::validate(self, &mut fault);
        faults
    }

    fn validate_server(&self, fault: &mut impl FnMut(&str, String)) {
        let server = &self.server;
        validate_tls(server, fault);
        // Half of the TLS settings has its own fault; the other half is meant.
        let tls_meant = server.tls_cert_file.is_some() || server.tls_key_file.is_some();
        if !server.listen.ip().is_loopback() && !server.insecure_http && !tls_meant {
            fault(
                "server.listen",
                format!(
                    "`{}` is not a loopback address and TLS is off: signatures do not hide what \
                     is asked and answered. Set `server.tls_cert_file` and `server.tls_key_file`, \
                     use a loopback address behind a TLS proxy, or say `--insecure-http` \
                     (`server.insecure_http = true`)",
                    server.listen
                ),
            );
        }
        if !(1..=1_000_000).contains(&server.max_connections) {
            fault(
                "server.max_connections",
                "must be from 1 to 1000000".to_owned(),
            );
        }
        for host in &server.public_hosts {
            let plain = !host.is_empty()
                && host.len() <= 255
                && host
                    .bytes()
                    .all(|b| b.is_ascii_graphic() && !matches!(b, b'/' | b'@' | b',' | b'"'));
            if !plain {
                fault(
                    "server.public_hosts",
                    format!("`{host}` is not a host name with an optional port"),
                );
            }
        }
    }

    fn validate_store(&self, fault: &mut impl FnMut(&str, String)) {
        let store = &self.store;
        if store.data_dir.as_os_str().is_empty() {
            fault("store.data_dir", "must not be empty".to_owned());
        }
        if !(1..=366).contains(&store.message_horizon_days) {
            fault(
                "store.message_horizon_days",
                "must be from 1 to 366".to_owned(),
            );
        }
        let least = store
            .message_horizon_days
            .saturating_add(RETENTION_BEYOND_HORIZON_DAYS);
        if store.retention_days.is_some_and(|days| days < least) {
            fault(
                "store.retention_days",
                format!(
                    "must be at least {least} (`message_horizon_days` + \
                     {RETENTION_BEYOND_HORIZON_DAYS}), or left out to keep everything"
                ),
            );
        }
        if store
            .memory_bytes_max
            .is_some_and(|bytes| bytes < MEMORY_BYTES_MIN)
        {
            fault(
                "store.memory_bytes_max",
                format!("must be at least {MEMORY_BYTES_MIN} (16 MiB)"),
            );
        }
    }

    fn validate_backup(&self, fault: &mut impl FnMut(&str, String)) {
        let backup = &self.backup;
        if let Some(dir) = &backup.dir {
            let absolute = |path: &Path| std::path::absolute(path).unwrap_or_default();
            if dir.as_os_str().is_empty() {
                fault(
                    "backup.dir",
                    "must not be empty; leave it out for no backups".to_owned(),
                );
            } else if absolute(dir).starts_with(absolute(&self.store.data_dir)) {
                fault(
                    "backup.dir",
                    format!(
                        "`{}` is inside `store.data_dir`: what destroys the data would destroy \
                         its backups",
                        dir.display()
                    ),
                );
            }
        }
        if !(1..=BACKUP_EVERY_HOURS_MAX).contains(&backup.every_hours) {
            fault(
                "backup.every_hours",
                format!("must be from 1 to {BACKUP_EVERY_HOURS_MAX}"),
            );
        }
        let most = u32::try_from(BACKUPS_MAX).unwrap_or(u32::MAX);
        if !(1..=most).contains(&backup.keep) {
            fault("backup.keep", format!("must be from 1 to {most}"));
        }
    }

    fn validate_limits(&self, fault: &mut impl FnMut(&str, String)) {
        let limits = &self.limits;
        let mut range = |key: &str, value: usize, least: usize, most: usize| {
            if !(least..=most).contains(&value) {
                fault(key, format!("must be from {least} to {most}"));
            }
        };
        range(
            "limits.body_bytes_max",
            limits.body_bytes_max,
            64 * 1024,
            16_000_000,
        );
        range("limits.rows_max", limits.rows_max, 1, 10_000_000);
        range("limits.daily_days_max", limits.daily_days_max, 1, 36_600);
        range(
            "limits.half_hour_days_max",
            limits.half_hour_days_max,
            1,
            3_660,
        );
        let skew_seconds = usize::try_from(limits.clock_skew_seconds).unwrap_or(usize::MAX);
        range("limits.clock_skew_seconds", skew_seconds, 1, 86_400);
    }

    fn validate_telemetry(&self, fault: &mut impl FnMut(&str, String)) {
        let telemetry = &self.telemetry;
        if let Err(error) = crate::telemetry::log_filter(&telemetry.log) {
            fault(
                "telemetry.log",
                format!("is not a filter such as `info` or `chatmetric=debug`: {error}"),
            );
        }
        let (most, named) = (
            telemetry.metrics_numbers_max,
            telemetry.metrics_numbers.len(),
        );
        if most > METRICS_NUMBERS_MAX {
            fault(
                "telemetry.metrics_numbers_max",
                format!("`{most}` is not in 0..={METRICS_NUMBERS_MAX}"),
            );
        }
        if named > most {
            fault(
                "telemetry.metrics_numbers",
                format!("has {named} numbers, more than `metrics_numbers_max` ({most})"),
            );
        }
        let endpoint = telemetry.otlp_endpoint.as_deref();
        if let Some(wrong) = endpoint.and_then(crate::telemetry::fault_of_otlp) {
            fault("telemetry.otlp_endpoint", wrong);
        }
        if telemetry.metrics_listen == Some(self.server.listen) && self.server.listen.port() != 0 {
            fault(
                "telemetry.metrics_listen",
                "must differ from `server.listen`".to_owned(),
            );
        }
    }
}

/// The files are read as the server will read them: what it would refuse is a
/// fault now.
fn validate_tls(server: &ServerSettings, fault: &mut impl FnMut(&str, String)) {
    let missing = |given: &str| format!("is missing: `{given}` is set, and TLS needs both");
    match (&server.tls_cert_file, &server.tls_key_file) {
        (None, None) => {}
        (Some(_), None) => fault("server.tls_key_file", missing("server.tls_cert_file")),
        (None, Some(_)) => fault("server.tls_cert_file", missing("server.tls_key_file")),
        (Some(_), Some(_)) => {
            let read = server.tls_files().map(|files| Pair::read(&files));
            for error in read.and_then(Result::err).into_iter().flatten() {
                fault(error.setting(), crate::cli::error_chain(&error));
            }
        }
    }
}

fn read(path: &Path) -> Result<String, ConfigError> {
    let fail = |source| ConfigError::Read {
        path: path.to_owned(),
        source,
    };
    let bytes = std::fs::metadata(path).map_err(fail)?.len();
    if bytes > FILE_BYTES_MAX {
        let reason = format!("it has {bytes} bytes, more than {FILE_BYTES_MAX}");
        return Err(fail(io::Error::new(io::ErrorKind::FileTooLarge, reason)));
    }
    std::fs::read_to_string(path).map_err(fail)
}

/// Line and column of a byte offset, both from 1; the column counts characters.
fn place(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    // Every fault has its place, and a file that is no TOML has thousands of them.
    let line = memchr::memchr_iter(b'\n', before.as_bytes()).count() + 1;
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    let column = before
        .get(line_start..)
        .map_or(0, |rest| rest.chars().count())
        + 1;
    (line, column)
}

#[cfg(test)]
mod tests;
