//! `chatmetric doctor`: whether the machine and the configuration are fit, and what to do
//! about what is not.
//!
//! Looks only: nothing is opened that a server could have open, and nothing is changed
//! but a file of a few bytes that is made, synced and removed.

use super::data_dir::{LOCK_FILE, system_clock};
use super::operate::ListOutput;
use super::operate::print;
use super::text_table::{Align, grouped};
use super::{CliError, Terminal};
use crate::config::{Overrides, Settings};
use crate::control::ControlClient;
use crate::ingest::stream::{StreamReport, StreamState};
use crate::master_key::{MasterKey, key_path_beside};
use chatmetric_core::EpochMs;
use clap::Args;
use serde_json::{Value, json};
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

/// Free bytes below which the disk is short.
const FREE_BYTES_MIN: u64 = 2 * 1024 * 1024 * 1024;
/// Open files that many connections and many runs need.
const OPEN_FILES_MIN: u64 = 4_096;
/// Syncs that are timed.
const SYNCS: u64 = 16;
/// A sync longer than this, in microseconds, holds acknowledgements up.
const SLOW_SYNC_US: u64 = 20_000;
/// The day on which this program was young, in ms: a clock before it is wrong.
const CLOCK_MIN_MS: i64 = 1_767_225_600_000;

#[derive(Debug, Args)]
#[command(
    after_help = "Exit code 1 when something is bad; what is only doubtful is `warn`.\n\nExamples:\n  chatmetric doctor\n  chatmetric doctor --config chatmetric.toml -o json"
)]
pub(super) struct DoctorArguments {
    /// The configuration of the server
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The data directory [default: that of the configuration]
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// The file with the master key [default: `<data-dir>.key`]
    #[arg(long, value_name = "FILE", env = "CHATMETRIC_MASTER_KEY_FILE")]
    master_key_file: Option<PathBuf>,
    #[command(flatten)]
    output: ListOutput,
}

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Ok,
    Warn,
    Bad,
}

#[derive(Debug)]
struct Checked {
    check: &'static str,
    state: State,
    told: String,
}

fn checked(check: &'static str, state: State, told: impl Into<String>) -> Checked {
    Checked {
        check,
        state,
        told: told.into(),
    }
}

pub(super) fn run(arguments: &DoctorArguments, terminal: &Terminal) -> Result<(), CliError> {
    let overrides = Overrides {
        data_dir: arguments.data_dir.clone(),
        ..Overrides::default()
    };
    let settings = Settings::load(arguments.config.as_deref(), std::env::vars(), &overrides);
    let mut all = vec![clock(), open_files()];
    match settings {
        Err(error) => {
            let told = super::error_chain(&error);
            all.push(checked("configuration", State::Bad, told));
        }
        Ok(settings) => {
            all.push(checked("configuration", State::Ok, "it is read"));
            all.extend(of_data(&settings, arguments.master_key_file.as_deref()));
            all.extend(reachability(&settings));
        }
    }
    let rows: Vec<Value> = all.iter().map(row).collect();
    let columns = &[
        ("check", "CHECK", Align::Left),
        ("state", "STATE", Align::Left),
        ("told", "", Align::Left),
    ];
    print(&rows, columns, arguments.output.format(terminal), terminal)?;
    let bad = all.iter().filter(|one| one.state == State::Bad).count();
    match bad {
        0 => Ok(()),
        1 => Err(CliError::failed("one check is bad")),
        bad => Err(CliError::failed(format!("{bad} checks are bad"))),
    }
}

fn row(one: &Checked) -> Value {
    let state = match one.state {
        State::Ok => "ok",
        State::Warn => "warn",
        State::Bad => "bad",
    };
    json!({ "check": one.check, "state": state, "told": one.told })
}

fn clock() -> Checked {
    let now = system_clock().now();
    if now.0 < CLOCK_MIN_MS {
        let told = format!("it says {now}: signatures and floors would be wrong; set it (NTP)");
        return checked("clock", State::Bad, told);
    }
    let told = format!("{now}; callers may differ by 15 minutes");
    checked("clock", State::Ok, told)
}

fn open_files() -> Checked {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    match limit.current {
        Some(files) if files < OPEN_FILES_MIN => {
            let told = format!(
                "{}: many connections need {}; raise it (`ulimit -n`, LimitNOFILE=)",
                grouped(files),
                grouped(OPEN_FILES_MIN)
            );
            checked("open files", State::Warn, told)
        }
        Some(files) => checked("open files", State::Ok, grouped(files)),
        None => checked("open files", State::Ok, "without a limit"),
    }
}

fn of_data(settings: &Settings, key_file: Option<&Path>) -> Vec<Checked> {
    let data_dir = &settings.store.data_dir;
    let shown = data_dir.display();
    if !data_dir.is_dir() {
        let parent = data_dir
            .parent()
            .filter(|path| !path.as_os_str().is_empty());
        let told = format!("`{shown}` is not there yet; `serve` makes it");
        return vec![
            checked("data directory", State::Warn, told),
            disk(parent.unwrap_or(Path::new("."))),
        ];
    }
    let mut all = vec![permissions(data_dir), disk(data_dir), sync(data_dir)];
    all.push(key(data_dir, key_file));
    let server = match ControlClient::connect(data_dir) {
        Some(mut client) => {
            all.extend(streams(&mut client, settings));
            checked("server", State::Ok, "it runs and has this directory open")
        }
        None if data_dir.join(LOCK_FILE).exists() => {
            checked("server", State::Warn, "none has this directory open")
        }
        None => checked("server", State::Warn, "none was ever started here"),
    };
    all.push(server);
    all
}

/// How the streams of the running server go.
fn streams(client: &mut ControlClient, settings: &Settings) -> Vec<Checked> {
    if settings.streams.is_empty() {
        return Vec::new();
    }
    match client.streams() {
        Ok(reports) => reports.iter().map(stream).collect(),
        Err(error) => vec![checked("stream", State::Warn, super::error_chain(&error))],
    }
}

fn stream(report: &StreamReport) -> Checked {
    let mut told = format!("`{}` is {}", report.name, report.state.as_str());
    if let Some(why) = &report.why {
        told.push_str(&format!(" ({why})"));
    }
    told.push_str(&format!(", counted up to {}", grouped(report.sequence)));
    if let Some(lag) = report.lag {
        told.push_str(&format!(", {} behind", grouped(lag)));
    }
    if let Some(last_ms) = report.last_ms {
        told.push_str(&format!(", the last of {}", EpochMs(last_ms)));
    }
    if report.missing > 0 || report.recreated > 0 {
        told.push_str(&format!(
            "; {} messages were gone before they were read, the stream was made anew {} times",
            grouped(report.missing),
            grouped(report.recreated)
        ));
    }
    let is_whole = report.missing == 0 && report.recreated == 0;
    let state = match report.state {
        StreamState::Reading if is_whole => State::Ok,
        StreamState::Reading
        | StreamState::Connecting
        | StreamState::Paused
        | StreamState::Away => State::Warn,
        StreamState::Stopped => State::Bad,
    };
    checked("stream", state, told)
}

fn permissions(data_dir: &Path) -> Checked {
    let shown = data_dir.display();
    match std::fs::metadata(data_dir) {
        Err(error) => {
            let told = format!("`{shown}` cannot be looked at: {error}");
            checked("data directory", State::Bad, told)
        }
        Ok(metadata) => match metadata.permissions().mode() & 0o777 {
            mode if mode & 0o077 != 0 => {
                let told = format!("`{shown}` is open to others ({mode:o}): chmod 700 {shown}");
                checked("data directory", State::Bad, told)
            }
            _ => checked("data directory", State::Ok, format!("`{shown}`, private")),
        },
    }
}

fn disk(path: &Path) -> Checked {
    let shown = path.display();
    let Ok(space) = rustix::fs::statvfs(path) else {
        let told = format!("the file system of `{shown}` cannot be asked");
        return checked("disk", State::Bad, told);
    };
    let free = space.f_bavail.saturating_mul(space.f_frsize);
    let told = format!("{} MiB free", grouped(free / 1_048_576));
    if free < FREE_BYTES_MIN {
        let told = format!("{told}: events are refused once it is full; make room");
        checked("disk", State::Warn, told)
    } else {
        checked("disk", State::Ok, told)
    }
}

/// What every acknowledgement waits for.
fn sync(data_dir: &Path) -> Checked {
    match time_syncs(data_dir) {
        Err(error) => {
            let told = format!("nothing can be written: {error}");
            checked("durable writes", State::Bad, told)
        }
        Ok(us) if us > SLOW_SYNC_US => {
            let told = format!(
                "one takes {} us: acknowledgements wait for it; use a faster disk",
                grouped(us)
            );
            checked("durable writes", State::Warn, told)
        }
        Ok(us) => checked(
            "durable writes",
            State::Ok,
            format!("one takes {} us", grouped(us)),
        ),
    }
}

fn time_syncs(data_dir: &Path) -> std::io::Result<u64> {
    let path = data_dir.join(format!(".doctor-{}", std::process::id()));
    let mut file = std::fs::File::create_new(&path)?;
    let clock = system_clock();
    let began_ns = clock.monotonic_ns();
    let timed = (0..SYNCS).try_for_each(|_| {
        file.write_all(b"doctor\n")?;
        file.sync_data()
    });
    let took_ns = clock.monotonic_ns().saturating_sub(began_ns);
    std::fs::remove_file(&path)?;
    timed.map(|()| took_ns / SYNCS / 1_000)
}

fn key(data_dir: &Path, file: Option<&Path>) -> Checked {
    let path = match file {
        Some(file) => Ok(file.to_owned()),
        None => key_path_beside(data_dir),
    };
    let loaded = path.and_then(|path| MasterKey::load(&path).map(|_| path));
    match loaded {
        Err(error) => checked("master key", State::Bad, super::error_chain(&error)),
        Ok(path) => {
            let told = format!(
                "`{}`; keep a copy apart from the data and from backups",
                path.display()
            );
            checked("master key", State::Ok, told)
        }
    }
}

/// Whether senders can reach webhooks here, as far as it shows from inside.
fn reachability(settings: &Settings) -> Vec<Checked> {
    let server = &settings.server;
    let is_loopback = server.listen.ip().is_loopback();
    let has_tls = server.tls_files().is_some();
    let told = match (is_loopback, has_tls, server.trusted_proxies.is_empty()) {
        (true, _, true) => (
            State::Warn,
            format!(
                "{} is for this machine alone: Meta and CAMS need a public https address; put a \
                 proxy in front (and name it in server.trusted_proxies)",
                server.listen
            ),
        ),
        (true, _, false) => (State::Ok, "behind a proxy on this machine".to_owned()),
        (false, true, _) => (State::Ok, format!("{} speaks TLS", server.listen)),
        (false, false, _) if server.insecure_http => (
            State::Warn,
            format!(
                "{} is plain HTTP: secrets can be read on the way",
                server.listen
            ),
        ),
        (false, false, _) => (
            State::Bad,
            format!(
                "{} is public without TLS: set server.tls_cert_file and server.tls_key_file",
                server.listen
            ),
        ),
    };
    let (state, told) = told;
    vec![checked("webhooks", state, told)]
}
