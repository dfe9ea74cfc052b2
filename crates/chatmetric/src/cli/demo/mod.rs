//! `chatmetric demo`: a throw-away instance that shows the whole way.
//!
//! Everything is real: the directory is applied from a document, webhooks are
//! signed and sent over HTTP, the numbers come from the API with a signature.
//! The demo counts what it sends by itself (`traffic`) and compares.

mod compare;
mod live;
mod sender;
mod show;
pub(crate) mod traffic;

use super::data_dir::{Instance, OpenMode, system_clock, visiting_options};
use super::session::{explain_open, explain_refusal};
use super::{CliError, Terminal, serve};
use crate::client::{ApiClient, Endpoint};
use crate::clock::Clock;
use crate::config::Settings;
use crate::control::{ApplyFlags, ControlServer, MadeKey, Operator};
use crate::directory::{Actor, Format, InlineOnly, letters_and_digits};
use crate::entropy::{Entropy, SystemEntropy};
use crate::server::{Components, RunningServer, Server, ServerError};
use chatmetric_core::EpochMs;
use chatmetric_rpc::credential::{AccountId, SecretKey};
use chatmetric_rpc::sign::Credentials;
use clap::Args;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use sender::Webhook;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use traffic::{EVENTS_DEFAULT, PROFILES, Random, Replay};

/// Where the demo listens unless told otherwise.
const LISTEN_DEFAULT: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 8080);
const EVENTS_MAX: u64 = 20_000_000;
const ACCOUNT: &str = "1000000000000001";
const SPACE: &str = "demo";
/// Who signs in to the console.
const CONSOLE_USER: &str = "demo";
/// Letters and digits of the password: 119 bits.
const PASSWORD_CHARS: usize = 20;
const WEBHOOK: &str = "demo-wa";

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  chatmetric demo\n  chatmetric demo --listen 127.0.0.1:9090 \
--data-dir ./demo-data"
)]
pub(super) struct DemoArguments {
    /// Where to listen [default: 127.0.0.1:8080, or a free port when it is taken]
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,
    /// Keep the data in this directory, which must be empty [default: a temporary one]
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// About how many events to replay
    #[arg(long, value_name = "N", default_value_t = EVENTS_DEFAULT)]
    events: u64,
    /// Stop after the replay and the comparison
    #[arg(long)]
    no_live: bool,
}

pub(super) fn run(arguments: DemoArguments, terminal: &Terminal) -> Result<(), CliError> {
    if !(1..=EVENTS_MAX).contains(&arguments.events) {
        return Err(CliError::usage(format!(
            "`--events` must be from 1 to {EVENTS_MAX}"
        )));
    }
    if let Some(listen) = arguments.listen.filter(|listen| !listen.ip().is_loopback()) {
        return Err(
            CliError::usage(format!("`{listen}` is not a loopback address"))
                .hint("the demo prints its keys; it listens on this machine only"),
        );
    }
    let clock = system_clock();
    let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy);
    let place = Place::choose(arguments.data_dir.as_deref(), entropy.as_ref())?;
    let result = Demo::start(arguments, &place.data_dir, clock, entropy, terminal)
        .and_then(|demo| demo.play());
    place.clean_up();
    result
}

/// Where the data is, and whether it goes away afterwards.
struct Place {
    data_dir: PathBuf,
    temporary: Option<PathBuf>,
}

impl Place {
    fn choose(named: Option<&Path>, entropy: &dyn Entropy) -> Result<Self, CliError> {
        if let Some(path) = named {
            let taken = std::fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_some());
            if taken {
                return Err(
                    CliError::usage(format!("`{}` is not empty", path.display()))
                        .hint("`chatmetric serve --data-dir` goes on with an old demo's data"),
                );
            }
            return Ok(Self {
                data_dir: path.to_owned(),
                temporary: None,
            });
        }
        let mut random = [0_u8; 8];
        entropy.fill(&mut random);
        let name = format!("chatmetric-demo-{}", hex::encode(random));
        let path = std::env::temp_dir().join(name);
        let made = std::os::unix::fs::DirBuilderExt::mode(&mut std::fs::DirBuilder::new(), 0o700)
            .create(&path);
        made.map_err(|error| {
            CliError::failed(format!("could not create `{}`: {error}", path.display()))
        })?;
        // The master key lies beside the data, so both are one level below.
        Ok(Self {
            data_dir: path.join("data"),
            temporary: Some(path),
        })
    }

    fn clean_up(&self) {
        if let Some(path) = &self.temporary {
            drop(std::fs::remove_dir_all(path));
        }
    }
}

/// A running demo.
struct Demo<'a> {
    arguments: DemoArguments,
    terminal: &'a Terminal,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    runtime: tokio::runtime::Runtime,
    server: RunningServer,
    control: ControlServer,
    instance: Instance,
    data_dir: PathBuf,
    endpoint: String,
    key: MadeKey,
    /// The console user's.
    password: SecretKey,
    webhook: Webhook,
    stop: Arc<AtomicBool>,
    started_ms: u64,
}

impl<'a> Demo<'a> {
    fn start(
        arguments: DemoArguments,
        data_dir: &Path,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        terminal: &'a Terminal,
    ) -> Result<Self, CliError> {
        let started_ms = clock.monotonic_ms();
        let instance = Instance::open(
            data_dir,
            None,
            OpenMode::Create,
            visiting_options(),
            &entropy,
        )
        .map_err(|error| explain_open(&error))?;
        let operator = Operator {
            directory: Arc::clone(&instance.directory),
            store: Arc::clone(&instance.store),
            clock: Arc::clone(&clock),
            backups: Arc::default(),
            streams: Arc::default(),
            peers: None,
        };
        let mut random = [0_u8; 20];
        entropy.fill(&mut random);
        let app_secret = hex::encode(random.get(..16).unwrap_or_default());
        let run = random
            .iter()
            .skip(16)
            .fold(0_u32, |run, byte| run << 8 | u32::from(*byte));
        let key = make_directory(&operator, &app_secret)?;
        let password = make_password(&operator, entropy.as_ref())?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .map_err(|error| CliError::failed(format!("could not start threads: {error}")))?;
        let components = Components {
            store: Arc::clone(&instance.store),
            directory: Arc::clone(&instance.directory),
            clock: Arc::clone(&clock),
            entropy: Arc::clone(&entropy),
        };
        let server = listen(&runtime, arguments.listen, data_dir, &components, terminal)?;
        let control = ControlServer::start(data_dir, operator).map_err(|error| {
            CliError::failed(format!("could not open the control socket: {error}"))
        })?;
        let endpoint = format!("http://{}", server.local_addr());
        let webhook = Webhook {
            url: format!("{endpoint}/webhooks/whatsapp/{WEBHOOK}"),
            app_secret,
            run,
        };
        let stop = Arc::new(AtomicBool::new(false));
        watch_signals(&runtime, &stop);
        Ok(Self {
            arguments,
            terminal,
            clock,
            entropy,
            runtime,
            server,
            control,
            instance,
            data_dir: data_dir.to_owned(),
            endpoint,
            key,
            password,
            webhook,
            stop,
            started_ms,
        })
    }

    /// Replay, comparison, what to try, live traffic.
    fn play(self) -> Result<(), CliError> {
        let result = self.acts();
        let Self {
            runtime,
            server,
            control,
            instance,
            ..
        } = self;
        control.stop();
        runtime.block_on(server.shutdown());
        instance.close();
        result
    }

    fn acts(&self) -> Result<(), CliError> {
        let now_s = self.clock.now().0.div_euclid(1000);
        let mut random = Random(u64::from(self.webhook.run));
        let mut replay = traffic::replay(&mut random, now_s, self.arguments.events);
        self.terminal.say(&show::opening(self, &replay));
        self.send(&replay)?;
        if self.stop.load(Ordering::Relaxed) {
            self.terminal.say("stopped before the end of the replay");
            return Ok(());
        }
        let client = self.client()?;
        let sent_ms = self.elapsed_ms();
        let begin = compare::begin(EpochMs(now_s * 1000));
        let seen = compare::ask(&client, begin, self.clock.now())?;
        let first_answer_ms = self.elapsed_ms();
        let equal = compare::compare(&seen, &replay.truth, &self.instance)?;
        let summary = show::Summary {
            replay: &replay,
            seen: &seen,
            sent_ms,
            first_answer_ms,
        };
        self.terminal.data(&show::closing(self, &summary, &equal))?;
        if let Some(difference) = equal.difference {
            return Err(CliError::failed(format!("the counts differ: {difference}")));
        }
        if self.arguments.no_live {
            return Ok(());
        }
        live::run(self, &client, begin, random, &mut replay)
    }

    fn elapsed_ms(&self) -> u64 {
        self.clock.monotonic_ms().saturating_sub(self.started_ms)
    }

    fn send(&self, replay: &Replay) -> Result<(), CliError> {
        let total = u64::try_from(replay.reports.len()).unwrap_or(u64::MAX);
        let bar = ProgressBar::new(total);
        let style = ProgressStyle::with_template(
            "  {bar:34.green/dim} {percent:>3} %  {human_pos} events  {per_sec}  {msg}",
        );
        if let Ok(style) = style {
            bar.set_style(style.progress_chars("━╸─"));
        }
        let visible = self.terminal.stderr_is_terminal() && !self.terminal.quiet();
        bar.set_draw_target(if visible {
            ProgressDrawTarget::stderr_with_hz(10)
        } else {
            ProgressDrawTarget::hidden()
        });
        let seed = u64::from(self.webhook.run);
        let result = sender::replay(
            &self.webhook,
            &replay.reports,
            seed,
            &self.stop,
            |count, last| {
                bar.inc(u64::try_from(count).unwrap_or(0));
                bar.set_message(show::day_of(last.arrives_s));
            },
        );
        bar.finish_and_clear();
        result
    }

    fn client(&self) -> Result<ApiClient, CliError> {
        let endpoint =
            Endpoint::parse(&self.endpoint).map_err(|error| CliError::failed(error.to_string()))?;
        let credentials = Credentials {
            access_key_id: self.key.id.clone(),
            secret: SecretKey::new(self.key.secret.clone().unwrap_or_default()),
            security_token: None,
        };
        let (clock, entropy) = (Arc::clone(&self.clock), Arc::clone(&self.entropy));
        Ok(ApiClient::new(endpoint, credentials, clock, entropy))
    }
}

/// The demo's account, space, numbers and webhook, by the way of every document.
fn make_directory(operator: &Operator, app_secret: &str) -> Result<MadeKey, CliError> {
    let numbers: Vec<String> = PROFILES
        .iter()
        .map(|profile| format!("\"{}\"", profile.number))
        .collect();
    let document = format!(
        r#"
[[account]]
id = "{ACCOUNT}"
name = "demo"
[[account.access_key]]
[[account.space]]
id = "{SPACE}"
default = true
time_zone = "{}"
numbers = [{}]
[[account.policy]]
name = "ConsoleAdministrator"
document = '{{"Version":"1","Statement":[{{"Effect":"Allow","Action":"*","Resource":"*"}}]}}'
[[account.user]]
name = "{CONSOLE_USER}"
console = true
policies = ["ConsoleAdministrator"]
[[account.webhook]]
id = "{WEBHOOK}"
kind = "whatsapp"
space = "{SPACE}"
app_secrets = ["{app_secret}"]
verify_token = "demo"
"#,
        traffic::ZONE,
        numbers.join(", ")
    );
    let flags = ApplyFlags {
        prune: false,
        dry_run: false,
    };
    let applied = operator
        .apply(&document, Format::Toml, &InlineOnly, flags)
        .map_err(|refusal| explain_refusal(&refusal))?;
    let key = applied.made_keys.into_iter().next();
    key.ok_or_else(|| CliError::failed("the directory made no AccessKey"))
}

/// A password for the console's user, drawn for this demo.
fn make_password(operator: &Operator, entropy: &dyn Entropy) -> Result<SecretKey, CliError> {
    let password = letters_and_digits(entropy, PASSWORD_CHARS);
    let text = password.expose_text().into_owned();
    let snapshot = operator.directory.snapshot();
    let account = AccountId::parse(ACCOUNT).ok();
    let account = account.and_then(|id| snapshot.account(&id));
    let user = account.and_then(|account| snapshot.user(account.key, CONSOLE_USER));
    let hash = crate::console::password_hash(&text, entropy);
    let (Some(user), Some(hash)) = (user, hash) else {
        return Err(CliError::failed("the console's user was not made"));
    };
    let (actor, now) = (Actor::operator("demo"), operator.clock.now());
    let set = operator
        .directory
        .set_console_password(&user.id, &hash, None, now, &actor);
    set.map_err(|error| CliError::failed(error.to_string()))?;
    Ok(password)
}

/// Listens where it was told, or on the usual port, or on a free one.
fn listen(
    runtime: &tokio::runtime::Runtime,
    chosen: Option<SocketAddr>,
    data_dir: &Path,
    components: &Components,
    terminal: &Terminal,
) -> Result<RunningServer, CliError> {
    let start = |listen: SocketAddr| {
        let mut settings = Settings::default();
        settings.server.listen = listen;
        settings.store.data_dir = data_dir.to_owned();
        settings.console.operator_account = AccountId::parse(ACCOUNT).ok();
        runtime.block_on(Server::start(settings, components.clone()))
    };
    match (start(chosen.unwrap_or(LISTEN_DEFAULT)), chosen) {
        (Ok(server), _) => Ok(server),
        (Err(ServerError::Listen { source, .. }), None)
            if source.kind() == std::io::ErrorKind::AddrInUse =>
        {
            terminal.say(&format!(
                "port {} is taken, using a free one",
                LISTEN_DEFAULT.port()
            ));
            let any = SocketAddr::new(LISTEN_DEFAULT.ip(), 0);
            start(any).map_err(|error| serve::explain_start(&error))
        }
        (Err(error), _) => Err(serve::explain_start(&error)),
    }
}

/// Ctrl-C ends the demo in order; a second one at once.
fn watch_signals(runtime: &tokio::runtime::Runtime, stop: &Arc<AtomicBool>) {
    use tokio::signal::unix::{SignalKind, signal};
    let _guard = runtime.enter();
    for kind in [
        SignalKind::interrupt(),
        SignalKind::terminate(),
        SignalKind::hangup(),
    ] {
        let Ok(mut signals) = signal(kind) else {
            continue;
        };
        let stop = Arc::clone(stop);
        runtime.spawn(async move {
            while signals.recv().await.is_some() {
                if stop.swap(true, Ordering::SeqCst) {
                    rustix::process::kill_process(
                        rustix::process::getpid(),
                        rustix::process::Signal::KILL,
                    )
                    .ok();
                }
            }
        });
    }
}
