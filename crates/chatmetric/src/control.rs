//! The control socket: how commands reach a running server.
//!
//! A UNIX socket below the data directory, mode 0600 in a directory of mode
//! 0700: whoever may open it may read the data anyway. One JSON request a line,
//! one JSON answer a line, both of bounded length. Not here: what `apply`,
//! `import`, `verify` or `export` mean; both sides of the socket use [`Operator`],
//! and so do commands that work without a server.

mod audit;
mod backup;
mod import;
mod operator_token;
mod source;
mod tallies;
mod token;

pub use audit::{LogPage, LoggedChange};
use import::ServedImport;
pub use import::{CHUNK_EVENTS_MAX, RemoteLoader};
pub use operator_token::{TOKEN_DAYS_MAX, TokenInfo, TokenTask, TokenTaskDone};
pub use source::{SourceSwitch, SwitchedSource};
pub use tallies::{Span, TallyPage, TallyPlace, TallyQuery, TallyRow};
pub use token::{MadeToken, TokenFor};

use crate::backup::{BackupStatus, Wanted};
use crate::clock::Clock;
use crate::directory::{
    Actor, ApplyError, ApplyOptions, Directory, Document, DocumentSecrets, Format, GatheredSecrets,
};
use crate::ingest::claim::claim_held;
use crate::ingest::file::{LoadError, Loader};
use crate::operator::{self, Desk, OperatorCall, OperatorError, OperatorReply};
use chatmetric_store::{Store, StoreError, VerifyReport};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

/// The socket below the data directory.
pub const SOCKET_FILE: &str = "control.sock";
/// Longest request and answer, in bytes: a document of the longest kind, escaped.
pub const MESSAGE_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Most connections at a time.
pub const CONNECTIONS_MAX: usize = 16;
/// Paths longer than this do not fit into a socket's address.
const SOCKET_PATH_BYTES_MAX: usize = 100;
/// How long a connection may be silent.
const IDLE_TIMEOUT: Duration = Duration::from_secs(600);

/// What to do with a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApplyFlags {
    /// Remove what the document does not list.
    pub prune: bool,
    /// Only say what would change.
    pub dry_run: bool,
}

/// A key that was made, with its secret: shown once.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MadeKey {
    /// The account's id.
    pub account: String,
    /// The RAM user; `None` for the owner.
    pub user: Option<String>,
    /// The key's id.
    pub id: String,
    /// Its secret, where that was made too.
    pub secret: Option<String>,
}

impl std::fmt::Debug for MadeKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "MadeKey({}, redacted)", self.id)
    }
}

/// What applying a document did.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Applied {
    /// The changes, one a line, each with its sign.
    pub changes: Vec<String>,
    /// For people.
    pub notes: Vec<String>,
    /// Keys that were made.
    pub made_keys: Vec<MadeKey>,
}

/// What `verify` looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Verified {
    /// Records read.
    pub records: u64,
    /// Day blocks recomputed and compared.
    pub day_blocks: u64,
    /// Files whose checksums were read.
    pub files: u64,
    /// Bytes read.
    pub bytes: u64,
}

impl From<VerifyReport> for Verified {
    fn from(report: VerifyReport) -> Self {
        Self {
            records: report.records,
            day_blocks: report.day_blocks,
            files: report.files,
            bytes: report.bytes,
        }
    }
}

/// Something was not done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
#[serde(deny_unknown_fields)]
pub struct Refusal {
    /// Why.
    pub message: String,
    /// Whether the caller's input is wrong (a document with faults), not the
    /// instance.
    pub is_usage: bool,
}

impl Refusal {
    fn failed(error: &dyn std::error::Error) -> Self {
        Self {
            message: crate::cli::error_chain(error),
            is_usage: false,
        }
    }

    fn usage(error: &dyn std::error::Error) -> Self {
        Self {
            message: crate::cli::error_chain(error),
            is_usage: true,
        }
    }
}

impl From<LoadError> for Refusal {
    fn from(error: LoadError) -> Self {
        match error {
            LoadError::UnknownSpace { .. } => Self::usage(&error),
            LoadError::Bind(_) | LoadError::Store(_) => Self::failed(&error),
        }
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        Self::failed(&error)
    }
}

/// Does what commands ask, in the process that has the instance open.
#[derive(Clone)]
pub struct Operator {
    /// Accounts, keys, spaces, webhooks.
    pub directory: Arc<Directory>,
    /// Events and tallies.
    pub store: Arc<dyn Store>,
    /// Times.
    pub clock: Arc<dyn Clock>,
    /// What is known of backups.
    pub backups: Arc<BackupStatus>,
}

impl Operator {
    /// Brings the directory to what the document says, and counts what was held
    /// for numbers that it claims before it answers: else the next document could
    /// move such a number first and take what was held along.
    ///
    /// # Errors
    /// [`Refusal`]: the document's faults, or the disk's.
    pub fn apply(
        &self,
        text: &str,
        format: Format,
        secrets: &dyn DocumentSecrets,
        flags: ApplyFlags,
    ) -> Result<Applied, Refusal> {
        let document =
            Document::parse(text, format, secrets).map_err(|faults| Refusal::usage(&faults))?;
        let options = ApplyOptions {
            prune: flags.prune,
            dry_run: flags.dry_run,
        };
        let report = self.directory.apply(&document, options, self.clock.now());
        let report = report.map_err(|error| match &error {
            ApplyError::Faults(faults) => Refusal::usage(faults),
            ApplyError::Directory(_) => Refusal::failed(&error),
        })?;
        if !flags.dry_run
            && let Err(error) = claim_held(self.store.as_ref(), &self.directory.snapshot())
        {
            // The document stands all the same; a server goes on with the claims.
            tracing::warn!(%error, "could not claim held events; a running server tries again");
        }
        let made_keys = report.generated.iter().map(|key| MadeKey {
            account: key.account.to_string(),
            user: key.user.clone(),
            id: key.id.to_string(),
            secret: key
                .secret
                .as_ref()
                .map(|secret| String::from_utf8_lossy(secret.expose()).into_owned()),
        });
        Ok(Applied {
            made_keys: made_keys.collect(),
            changes: report.changes.iter().map(ToString::to_string).collect(),
            notes: report.notes,
        })
    }

    /// The directory as a document.
    ///
    /// # Errors
    /// [`Refusal`]
    pub fn export(&self, format: Format, with_secrets: bool) -> Result<String, Refusal> {
        let export = self
            .directory
            .export(with_secrets)
            .map_err(|error| Refusal::failed(&error))?;
        let text = match format {
            Format::Toml => export.to_toml(),
            Format::Json => export.to_json(),
        };
        Ok(text.map_err(|error| Refusal::failed(&error))?.to_string())
    }

    /// A page of the audit log, the newest entry first.
    ///
    /// # Errors
    /// [`Refusal`]
    pub fn audit_log(&self, page: LogPage) -> Result<Vec<LoggedChange>, Refusal> {
        audit::page(&self.directory, page)
    }

    /// Makes a one-time token for the console.
    ///
    /// # Errors
    /// [`Refusal`] when there is no such user.
    pub fn setup_token(&self, whose: &TokenFor) -> Result<MadeToken, Refusal> {
        token::make(&self.directory, whose, self.clock.now())
    }

    /// Lets another feed count for a number from now on.
    ///
    /// # Errors
    /// [`Refusal`] when nobody has the number and no account is named.
    pub fn switch_source(&self, wanted: &SourceSwitch) -> Result<SwitchedSource, Refusal> {
        source::switch(&self.directory, wanted, self.clock.now())
    }

    /// Checks every checksum and recomputes the tallies.
    ///
    /// # Errors
    /// [`Refusal`] with the first difference.
    pub fn verify(&self) -> Result<Verified, Refusal> {
        Ok(self.store.verify()?.into())
    }

    /// Makes, lists or revokes tokens of the operator API.
    ///
    /// # Errors
    /// [`Refusal`]
    pub fn operator_token(&self, task: &TokenTask) -> Result<TokenTaskDone, Refusal> {
        operator_token::run(&self.directory, task, self.clock.now())
    }

    /// Does what a call of the operator says.
    ///
    /// # Errors
    /// [`Refusal`]
    pub fn call(&self, call: &OperatorCall) -> Result<OperatorReply, Refusal> {
        let desk = Desk {
            directory: &self.directory,
            store: &self.store,
            clock: &self.clock,
            actor: Actor::operator("operator"),
        };
        operator::call(&desk, call).map_err(|error| {
            let is_usage = error.field().is_some();
            match &error {
                // Whoever reaches the socket may read the log, and this is where it would be.
                OperatorError::Failed(source) => Refusal::failed(source.as_ref()),
                OperatorError::NoSuchCall
                | OperatorError::NotFound(_)
                | OperatorError::Invalid { .. }
                | OperatorError::Conflict(_) => Refusal {
                    message: error.to_string(),
                    is_usage,
                },
            }
        })
    }

    /// The zone that cuts the days of a space.
    ///
    /// # Errors
    /// [`Refusal`] when there is no such space.
    pub fn zone(&self, space: &str) -> Result<String, Refusal> {
        tallies::zone(&self.directory, space)
    }

    /// A page of the tallies of a space, from a place on that the page before told.
    ///
    /// # Errors
    /// [`Refusal`] for a space, number or range that is not there, or tallies that cannot
    /// be read.
    pub fn tallies(
        &self,
        query: &TallyQuery,
        from: Option<&TallyPlace>,
    ) -> Result<TallyPage, Refusal> {
        tallies::page(&self.directory, self.store.as_ref(), query, from)
    }

    /// Starts to load events into a space.
    ///
    /// # Errors
    /// [`Refusal`] when there is no such space.
    pub fn loader(&self, space: &str) -> Result<Loader, Refusal> {
        let (directory, store) = (Arc::clone(&self.directory), Arc::clone(&self.store));
        Ok(Loader::new(
            directory,
            store,
            Arc::clone(&self.clock),
            space,
        )?)
    }
}

impl std::fmt::Debug for Operator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Operator").finish_non_exhaustive()
    }
}

/// A request; secrets in it never leave the machine.
#[derive(Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case", deny_unknown_fields)]
enum Request {
    Apply {
        text: String,
        json: bool,
        secrets: GatheredSecrets,
        flags: ApplyFlags,
    },
    Export {
        json: bool,
        with_secrets: bool,
    },
    AuditLog {
        page: LogPage,
    },
    SetupToken {
        whose: TokenFor,
    },
    SwitchSource {
        wanted: SourceSwitch,
    },
    OperatorToken {
        task: TokenTask,
    },
    Operate {
        call: OperatorCall,
    },
    Verify {},
    Backup {
        wanted: Wanted,
    },
    Zone {
        space: String,
    },
    Tallies {
        query: TallyQuery,
        from: Option<TallyPlace>,
    },
    /// What follows on the connection are chunks of events.
    ImportOpen {
        space: String,
    },
}

const fn format_of(json: bool) -> Format {
    if json { Format::Json } else { Format::Toml }
}

/// The server's end of the socket.
#[derive(Debug)]
pub struct ControlServer {
    path: PathBuf,
    stopping: Arc<AtomicBool>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl ControlServer {
    /// Listens below the data directory, on a thread of its own. The caller
    /// holds the lock of the directory, so an old socket there is a dead one.
    ///
    /// # Errors
    /// What the system says.
    pub fn start(data_dir: &Path, operator: Operator) -> io::Result<Self> {
        let path = data_dir.join(SOCKET_FILE);
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        let listener = with_short_path(&path, |short| UnixListener::bind(short))?;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
        let stopping = Arc::new(AtomicBool::new(false));
        let thread_stopping = Arc::clone(&stopping);
        let thread = std::thread::Builder::new()
            .name("control".to_owned())
            .spawn(move || accept(&listener, &operator, &thread_stopping))?;
        Ok(Self {
            path,
            stopping,
            thread: Some(thread),
        })
    }

    /// Takes no more connections and no more requests of open ones, and removes the
    /// socket.
    pub fn stop(mut self) {
        self.stopping.store(true, Ordering::SeqCst);
        // Wakes the thread from its wait for a connection.
        drop(with_short_path(&self.path, |short| {
            UnixStream::connect(short)
        }));
        if let Some(thread) = self.thread.take() {
            // A panic there was reported by its own thread.
            drop(thread.join());
        }
        drop(std::fs::remove_file(&self.path));
    }
}

/// A socket's address holds about 100 bytes of path; a data directory may be
/// deeper. Its own file descriptor gives it a short name.
fn with_short_path<T>(path: &Path, open: impl Fn(&Path) -> io::Result<T>) -> io::Result<T> {
    if path.as_os_str().len() <= SOCKET_PATH_BYTES_MAX {
        return open(path);
    }
    let parent = path.parent().unwrap_or(Path::new("."));
    let directory = std::fs::File::open(parent)?;
    let short = PathBuf::from(format!("/proc/self/fd/{}", directory.as_raw_fd()));
    open(&short.join(path.file_name().unwrap_or_default()))
}

fn accept(listener: &UnixListener, operator: &Operator, stopping: &Arc<AtomicBool>) {
    let connections = Arc::new(AtomicUsize::new(0));
    for stream in listener.incoming() {
        if stopping.load(Ordering::SeqCst) {
            return;
        }
        let Ok(stream) = stream else { continue };
        if connections.fetch_add(1, Ordering::SeqCst) >= CONNECTIONS_MAX {
            connections.fetch_sub(1, Ordering::SeqCst);
            continue;
        }
        let (operator, counter) = (operator.clone(), Arc::clone(&connections));
        let stopping = Arc::clone(stopping);
        let spawned = std::thread::Builder::new()
            .name("control".to_owned())
            .spawn(move || {
                if let Err(error) = converse(stream, &operator, &stopping) {
                    tracing::debug!(%error, "a control connection broke");
                }
                counter.fetch_sub(1, Ordering::SeqCst);
            });
        if spawned.is_err() {
            connections.fetch_sub(1, Ordering::SeqCst);
        }
    }
}

fn converse(stream: UnixStream, operator: &Operator, stopping: &AtomicBool) -> io::Result<()> {
    stream.set_read_timeout(Some(IDLE_TIMEOUT))?;
    let mut writer = stream.try_clone()?;
    let mut reader = BufReader::new(stream);
    let mut import: Option<ServedImport> = None;
    while let Some(line) = read_message(&mut reader)? {
        let refuse = |message: &str| Err(import::refusal(message));
        let answer = if stopping.load(Ordering::SeqCst) {
            // What begins now might not end before the store closes.
            refuse("the server is stopping; try again once it has stopped")
        } else if let Some(import) = &mut import {
            import.chunk(&line)
        } else {
            match serde_json::from_slice::<Request>(&line) {
                Ok(Request::ImportOpen { space }) => operator.loader(&space).map(|loader| {
                    import = Some(ServedImport::new(loader));
                    serde_json::Value::Null
                }),
                Ok(Request::Backup { wanted }) => {
                    backup::answer(&wanted, operator, &mut writer, stopping)
                }
                Ok(request) => answer(request, operator),
                Err(_) => {
                    refuse("the server does not know this request; is it of another version?")
                }
            }
        };
        let mut text = serde_json::to_vec(&answer).map_err(io::Error::other)?;
        text.push(b'\n');
        writer.write_all(&text)?;
    }
    Ok(())
}

type Answer = Result<serde_json::Value, Refusal>;

fn answer(request: Request, operator: &Operator) -> Answer {
    let value = |value: Result<serde_json::Value, serde_json::Error>| {
        value.map_err(|error| Refusal::failed(&error))
    };
    match request {
        Request::Apply {
            text,
            json,
            secrets,
            flags,
        } => value(serde_json::to_value(operator.apply(
            &text,
            format_of(json),
            &secrets,
            flags,
        )?)),
        Request::Export { json, with_secrets } => {
            Ok(operator.export(format_of(json), with_secrets)?.into())
        }
        Request::AuditLog { page } => value(serde_json::to_value(operator.audit_log(page)?)),
        Request::SetupToken { whose } => value(serde_json::to_value(operator.setup_token(&whose)?)),
        Request::SwitchSource { wanted } => {
            value(serde_json::to_value(operator.switch_source(&wanted)?))
        }
        Request::OperatorToken { task } => {
            value(serde_json::to_value(operator.operator_token(&task)?))
        }
        Request::Operate { call } => value(serde_json::to_value(operator.call(&call)?)),
        Request::Verify {} => value(serde_json::to_value(operator.verify()?)),
        // Answered in several lines, before it comes here.
        Request::Backup { .. } => Err(Refusal {
            message: "a backup has a conversation of its own".to_owned(),
            is_usage: false,
        }),
        Request::Zone { space } => value(serde_json::to_value(operator.zone(&space)?)),
        Request::Tallies { query, from } => value(serde_json::to_value(
            operator.tallies(&query, from.as_ref())?,
        )),
        // Whoever reads a request opens an import.
        Request::ImportOpen { .. } => Err(import::refusal("an import is open")),
    }
}

/// One line, without its end; `None` at the end of the connection.
fn read_message(reader: &mut impl BufRead) -> io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    let read = reader
        .by_ref()
        .take(MESSAGE_BYTES_MAX + 1)
        .read_until(b'\n', &mut line)?;
    if read == 0 {
        return Ok(None);
    }
    if line.pop() != Some(b'\n') {
        let whole = u64::try_from(read).unwrap_or(u64::MAX) <= MESSAGE_BYTES_MAX;
        let kind = if whole {
            io::ErrorKind::UnexpectedEof
        } else {
            io::ErrorKind::InvalidData
        };
        return Err(io::Error::new(
            kind,
            "a message on the control socket is cut off or too long",
        ));
    }
    Ok(Some(line))
}

/// Why a running server could not be asked.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// The connection broke.
    #[error("the connection to the running server broke")]
    Broken(#[source] io::Error),
    /// The answer is not one of ours.
    #[error("the running server gave an answer that is not understood; is it of another version?")]
    Answer,
    /// It refused.
    #[error(transparent)]
    Refused(#[from] Refusal),
}

/// A command's end of the socket.
#[derive(Debug)]
pub struct ControlClient {
    reader: BufReader<UnixStream>,
}

impl ControlClient {
    /// Connects to the server of a data directory; `None` when none runs there.
    #[must_use]
    pub fn connect(data_dir: &Path) -> Option<Self> {
        let path = data_dir.join(SOCKET_FILE);
        let stream = with_short_path(&path, |short| UnixStream::connect(short)).ok()?;
        Some(Self {
            reader: BufReader::new(stream),
        })
    }

    fn ask<T: DeserializeOwned>(&mut self, request: &Request) -> Result<T, ControlError> {
        self.send(request)?;
        self.hear()
    }

    fn send(&mut self, message: &impl Serialize) -> Result<(), ControlError> {
        let line = serde_json::to_vec(message).map_err(|_| ControlError::Answer)?;
        self.send_line(&[&line])
    }

    /// Sends the parts of one line.
    fn send_line(&mut self, parts: &[&[u8]]) -> Result<(), ControlError> {
        let socket = self.reader.get_mut();
        let mut parts = parts.iter();
        let sent = parts.try_for_each(|part| socket.write_all(part));
        sent.and_then(|()| socket.write_all(b"\n"))
            .map_err(ControlError::Broken)
    }

    fn hear<T: DeserializeOwned>(&mut self) -> Result<T, ControlError> {
        let line = read_message(&mut self.reader)
            .map_err(ControlError::Broken)?
            .ok_or_else(|| ControlError::Broken(io::ErrorKind::UnexpectedEof.into()))?;
        let answer: Answer = serde_json::from_slice(&line).map_err(|_| ControlError::Answer)?;
        serde_json::from_value(answer?).map_err(|_| ControlError::Answer)
    }

    /// As [`Operator::apply`].
    ///
    /// # Errors
    /// [`ControlError`]
    pub fn apply(
        &mut self,
        text: String,
        format: Format,
        secrets: GatheredSecrets,
        flags: ApplyFlags,
    ) -> Result<Applied, ControlError> {
        self.ask(&Request::Apply {
            text,
            json: format == Format::Json,
            secrets,
            flags,
        })
    }

    /// As [`Operator::export`].
    ///
    /// # Errors
    /// [`ControlError`]
    pub fn export(&mut self, format: Format, with_secrets: bool) -> Result<String, ControlError> {
        self.ask(&Request::Export {
            json: format == Format::Json,
            with_secrets,
        })
    }

    /// As [`Operator::audit_log`].
    ///
    /// # Errors
    /// [`ControlError`]
    pub fn audit_log(&mut self, page: LogPage) -> Result<Vec<LoggedChange>, ControlError> {
        self.ask(&Request::AuditLog { page })
    }

    /// As [`Operator::setup_token`].
    ///
    /// # Errors
    /// [`ControlError`]
    pub fn setup_token(&mut self, whose: TokenFor) -> Result<MadeToken, ControlError> {
        self.ask(&Request::SetupToken { whose })
    }

    /// As [`Operator::switch_source`].
    ///
    /// # Errors
    /// [`ControlError`]
    pub fn switch_source(&mut self, wanted: SourceSwitch) -> Result<SwitchedSource, ControlError> {
        self.ask(&Request::SwitchSource { wanted })
    }

    /// As [`Operator::operator_token`].
    ///
    /// # Errors
    /// [`ControlError`]
    pub fn operator_token(&mut self, task: TokenTask) -> Result<TokenTaskDone, ControlError> {
        self.ask(&Request::OperatorToken { task })
    }

    /// As [`Operator::call`].
    ///
    /// # Errors
    /// [`ControlError`]
    pub fn operate(&mut self, call: OperatorCall) -> Result<OperatorReply, ControlError> {
        self.ask(&Request::Operate { call })
    }

    /// As [`Operator::verify`].
    ///
    /// # Errors
    /// [`ControlError`]
    pub fn verify(&mut self) -> Result<Verified, ControlError> {
        self.ask(&Request::Verify {})
    }

    /// As [`Operator::zone`].
    ///
    /// # Errors
    /// [`ControlError`]
    pub fn zone(&mut self, space: &str) -> Result<String, ControlError> {
        self.ask(&Request::Zone {
            space: space.to_owned(),
        })
    }

    /// As [`Operator::tallies`].
    ///
    /// # Errors
    /// [`ControlError`]
    pub fn tallies(
        &mut self,
        query: &TallyQuery,
        from: Option<&TallyPlace>,
    ) -> Result<TallyPage, ControlError> {
        self.ask(&Request::Tallies {
            query: query.clone(),
            from: from.cloned(),
        })
    }

    /// Begins an import.
    ///
    /// # Errors
    /// [`ControlError`] when there is no such space.
    pub fn import(mut self, space: &str) -> Result<RemoteLoader, ControlError> {
        self.ask::<()>(&Request::ImportOpen {
            space: space.to_owned(),
        })?;
        Ok(RemoteLoader::new(self))
    }
}
