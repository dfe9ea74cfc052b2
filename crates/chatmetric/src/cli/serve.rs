//! `chatmetric serve`: opens the instance, starts the server, and stops it when
//! it is told to.

use super::data_dir::{DataDirError, Instance, OpenMode, store_options, system_clock};
use super::service_manager;
use super::session::{explain_open, say_key};
use super::stop::Stop;
use super::{CliError, Exit, Terminal};
use crate::clock::Clock;
use crate::config::{ConfigError, Overrides, Settings};
use crate::console;
use crate::control::{ControlServer, Operator};
use crate::directory::{FirstStart, FirstStartError};
use crate::entropy::{Entropy, SystemEntropy};
use crate::server::{Components, RunningServer, Server, ServerError};
use clap::Args;
use std::io::{self, Read as _, Write};
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::signal::unix::{Signal, SignalKind, signal};
use zeroize::Zeroizing;

/// The keys of the first start, below the data directory.
pub(super) const FIRST_START_FILE: &str = "first-start.toml";
/// Most that is read of a file with a password, in bytes.
const PASSWORD_FILE_BYTES_MAX: u64 = 4096;

#[derive(Debug, Args)]
#[command(
    after_help = "The first start makes an account with one AccessKey and writes it to \
<data-dir>/first-start.toml.\nStdout gets one line when the server listens: {\"listening\":\
\"http://ADDRESS\",…}.\nSIGTERM or SIGINT stops it after the requests in flight; everything that \
was acknowledged stays.\nWith TLS the address is https://; changed certificate and key files are \
read again, at once on SIGHUP.\n\nExamples:\n  chatmetric serve\n  chatmetric serve --config \
chatmetric.toml --listen 127.0.0.1:9090"
)]
pub(super) struct ServeArguments {
    /// The configuration; every key is also an environment variable CHATMETRIC_SECTION_KEY
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The data directory [default: ./chatmetric-data]
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Where to listen [default: 127.0.0.1:8080]; port 0 lets the system choose
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,
    /// Listen on an address that is not loopback without TLS
    #[arg(long)]
    insecure_http: bool,
    /// Join a cluster although a power cut could lose what it acknowledged
    #[arg(long)]
    allow_weak_durability: bool,
    /// The file with the master key [default: `<data-dir>.key`]
    #[arg(long, value_name = "FILE", env = "CHATMETRIC_MASTER_KEY_FILE")]
    master_key_file: Option<PathBuf>,
    /// The password of the console's first user, `admin`, whom the first start with this
    /// file makes; without it the user is made at /console/setup
    #[arg(long, value_name = "FILE", env = "CHATMETRIC_ADMIN_PASSWORD_FILE")]
    admin_password_file: Option<PathBuf>,
    /// Take the console's pages from this directory, to develop them
    #[arg(long, value_name = "DIR", hide = true)]
    console_dir: Option<PathBuf>,
}

pub(super) fn run(arguments: ServeArguments, terminal: &Terminal) -> Result<(), CliError> {
    let overrides = Overrides {
        listen: arguments.listen,
        data_dir: arguments.data_dir,
        insecure_http: arguments.insecure_http,
        allow_weak_durability: arguments.allow_weak_durability,
        console_dir: arguments.console_dir.clone(),
        log: match (terminal.quiet(), terminal.verbose()) {
            (true, _) => Some("warn".to_owned()),
            (false, 0) => None,
            (false, 1) => Some("debug".to_owned()),
            (false, _) => Some("trace".to_owned()),
        },
    };
    let environment = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    let settings = Settings::load(arguments.config.as_deref(), environment, &overrides)
        .map_err(|error| explain_config(&error, arguments.config.as_deref()))?;
    let _traces = crate::telemetry::start_log(&settings.telemetry);
    let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy);
    let key_file = arguments.master_key_file.as_deref();
    let instance = open(&settings, key_file, &entropy).map_err(|error| explain_open(&error))?;
    say_key(&instance, terminal);
    let clock = system_clock();
    let result = first_start(
        &instance,
        &settings.store.data_dir,
        clock.as_ref(),
        terminal,
    )
    .and_then(|()| match &arguments.admin_password_file {
        Some(file) => first_user(&instance, file, clock.as_ref(), entropy.as_ref(), terminal),
        None => Ok(()),
    })
    .and_then(|()| serve(settings, &instance, &clock, &entropy, terminal));
    instance.close();
    result
}

fn open(
    settings: &Settings,
    key_file: Option<&Path>,
    entropy: &Arc<dyn Entropy>,
) -> Result<Instance, DataDirError> {
    #[cfg(feature = "nats")]
    if settings.cluster.is_on() {
        return Instance::open_node(settings, key_file, entropy);
    }
    let store = &settings.store;
    let options = store_options(store);
    Instance::open(
        &store.data_dir,
        key_file,
        OpenMode::Create,
        options,
        entropy,
    )
}

pub(super) fn explain_config(error: &ConfigError, file: Option<&Path>) -> CliError {
    let cli = CliError::from_error(Exit::Usage, error);
    match (error, file) {
        (ConfigError::Faults(_), Some(file)) => cli.hint(format!(
            "places are in `{}`; nothing was started",
            file.display()
        )),
        (ConfigError::Faults(_) | ConfigError::Read { .. }, _) => cli,
    }
}

/// Serves until a signal comes.
fn serve(
    settings: Settings,
    instance: &Instance,
    clock: &Arc<dyn Clock>,
    entropy: &Arc<dyn Entropy>,
    terminal: &Terminal,
) -> Result<(), CliError> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| CliError::failed(format!("could not start threads: {error}")))?;
    let stop = Stop::prepare(terminal)
        .map_err(|error| CliError::failed(format!("could not start a thread: {error}")))?;
    let data_dir = settings.store.data_dir.clone();
    let components = Components {
        store: Arc::clone(&instance.store),
        directory: Arc::clone(&instance.directory),
        clock: Arc::clone(clock),
        entropy: Arc::clone(entropy),
    };
    runtime.block_on(async {
        // Before the address is told: whoever reads it may send a signal at once.
        let mut signals = Signals::new()
            .map_err(|error| CliError::failed(format!("could not handle signals: {error}")))?;
        let server = Server::start_node(settings, components, instance.peers())
            .await
            .map_err(|error| explain_start(&error))?;
        instance.decide_with(&server);
        let operator = Operator {
            directory: Arc::clone(&instance.directory),
            store: Arc::clone(&instance.store),
            clock: Arc::clone(clock),
            backups: server.backups(),
            streams: server.streams(),
            peers: instance.peers(),
        };
        let control = ControlServer::start(&data_dir, operator).map_err(|error| {
            CliError::failed(format!("could not open the control socket: {error}"))
        });
        let control = match control {
            Ok(control) => control,
            Err(error) => {
                server.shutdown().await;
                return Err(error);
            }
        };
        let told = tell_address(&server, &data_dir, terminal);
        if told.is_ok() {
            service_manager::ready(&url_of(&server));
            tokio::select! {
                () = signals.wait_for_stop(Some(&server)) => {}
                () = service_manager::alive() => {}
            }
            service_manager::stopping();
        }
        stop.begin();
        if told.is_ok() {
            terminal.say("stopping: requests in flight are finished first");
        }
        // The socket first: no command may begin what cannot end.
        let stopped = tokio::task::spawn_blocking(move || control.stop());
        drop(stopped.await);
        server.shutdown().await;
        told
    })
}

fn url_of(server: &RunningServer) -> String {
    let scheme = if server.is_tls() { "https" } else { "http" };
    format!("{scheme}://{}", server.local_addr())
}

/// One line for programs on stdout, one for people on stderr.
fn tell_address(
    server: &RunningServer,
    data_dir: &Path,
    terminal: &Terminal,
) -> Result<(), CliError> {
    let url = url_of(server);
    terminal.say(&format!(
        "chatmetric {} listens on {url}",
        env!("CARGO_PKG_VERSION")
    ));
    let line = serde_json::json!({
        "listening": url,
        "data_dir": data_dir.display().to_string(),
        "pid": std::process::id(),
    });
    terminal.data(&format!("{line}\n"))
}

pub(super) fn explain_start(error: &ServerError) -> CliError {
    let cli = CliError::from_error(Exit::Failed, error);
    match error {
        ServerError::Listen { source, address } => match source.kind() {
            io::ErrorKind::AddrInUse => cli.hint(format!(
                "another program listens on port {}; use another one with `--listen {}:PORT`",
                address.port(),
                address.ip()
            )),
            io::ErrorKind::PermissionDenied => cli.hint("ports below 1024 need more rights"),
            io::ErrorKind::AddrNotAvailable => cli.hint(format!(
                "no interface of this machine has the address {}",
                address.ip()
            )),
            _ => cli,
        },
        ServerError::Tls(_)
        | ServerError::Floor(_)
        | ServerError::Console(_)
        | ServerError::Nonces { .. }
        | ServerError::Watch(_) => cli,
    }
}

pub(super) struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hang_up: Signal,
}

impl Signals {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    /// Meanwhile, a hang-up has the server read its TLS files again.
    pub(super) async fn wait_for_stop(&mut self, server: Option<&RunningServer>) {
        loop {
            tokio::select! {
                _ = self.interrupt.recv() => return,
                _ = self.terminate.recv() => return,
                _ = self.hang_up.recv() => {
                    let reread = match server {
                        Some(server) => server.reread_tls_files().await,
                        None => false,
                    };
                    if !reread {
                        tracing::info!("hang-up signal: there are no TLS files to read again");
                    }
                }
            }
        }
    }
}

/// Makes the console's first user with the password of a file, once.
fn first_user(
    instance: &Instance,
    file: &Path,
    clock: &dyn Clock,
    entropy: &dyn Entropy,
    terminal: &Terminal,
) -> Result<(), CliError> {
    let failed = |reason: String| {
        CliError::failed(format!(
            "`--admin-password-file {}`: {reason}",
            file.display()
        ))
    };
    let read = || -> io::Result<Zeroizing<String>> {
        let mut text = Zeroizing::new(String::with_capacity(4_096));
        let file = std::fs::File::open(file)?;
        file.take(PASSWORD_FILE_BYTES_MAX)
            .read_to_string(&mut text)?;
        Ok(text)
    };
    let text = read().map_err(|error| failed(error.to_string()))?;
    let password = text.trim_end_matches(['\r', '\n']);
    let made = console::set_up_first_user(&instance.directory, password, clock.now(), entropy)
        .map_err(|error| failed(super::error_chain(&error)))?;
    if let Some(account) = made {
        let user = console::USER_OF_FILE;
        terminal.say(&format!(
            "made the console's user `{user}` of account {account} with the password of `{}`",
            file.display()
        ));
    }
    Ok(())
}

/// Makes the first account of an empty directory and tells where its keys are.
fn first_start(
    instance: &Instance,
    data_dir: &Path,
    clock: &dyn Clock,
    terminal: &Terminal,
) -> Result<(), CliError> {
    let path = data_dir.join(FIRST_START_FILE);
    let start = || {
        let write = |first: &FirstStart| write_secrets(&path, first);
        instance.directory.first_start(clock.now(), write)
    };
    let first = match start() {
        Err(FirstStartError::Directory(error)) if error.is_passing() => {
            // Another node of the cluster was first: these secrets are nobody's.
            let removed = std::fs::remove_file(&path);
            removed
                .map_err(FirstStartError::Keep)
                .and_then(|()| start())
        }
        result => result,
    };
    let first = first
        .map_err(|error: FirstStartError<io::Error>| CliError::from_error(Exit::Failed, &error))?;
    let Some(first) = first else { return Ok(()) };
    terminal.say(&format!(
        "first start: account {} with one AccessKey, written to `{}`",
        first.account,
        path.display()
    ));
    terminal.say("  set the console up at /console/ within an hour, with the token in that file");
    if terminal.stderr_is_terminal() {
        // Only where a person looks, never into a log.
        terminal.say(&format!("  AccessKeyId      {}", first.access_key_id));
        terminal.say(&format!(
            "  AccessKeySecret  {}",
            clear(first.access_key_secret.expose())
        ));
        terminal.say(&format!(
            "  console token    {}",
            clear(first.setup_token.expose())
        ));
    }
    Ok(())
}

fn clear(secret: &[u8]) -> std::borrow::Cow<'_, str> {
    String::from_utf8_lossy(secret)
}

/// Writes the secrets durably: all of them, or the file of before.
fn write_secrets(path: &Path, first: &FirstStart) -> io::Result<()> {
    let text = format!(
        "# Made at the first start of chatmetric. Whoever reads it can call the API: move it to a\n\
         # safe place. `chatmetric directory export --with-secrets` shows the key again.\n\
         account_id = \"{}\"\n\
         access_key_id = \"{}\"\n\
         access_key_secret = \"{}\"\n\
         console_setup_token = \"{}\"\n",
        first.account,
        first.access_key_id,
        clear(first.access_key_secret.expose()),
        clear(first.setup_token.expose()),
    );
    let draft = path.with_extension("toml.new");
    match std::fs::remove_file(&draft) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&draft)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    std::fs::rename(&draft, path)?;
    let parent = path.parent().unwrap_or(Path::new("."));
    std::fs::File::open(parent)?.sync_all()
}
