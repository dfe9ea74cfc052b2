//! The server's end of the control socket, on a thread of its own.
//!
//! Not here: what a request does ([`Operator`]). Invariant: nothing begins once the
//! server stops.

use super::import::{self, ServedImport};
use super::wire::{Answer, Request, SOCKET_FILE, read_message, with_short_path};
use super::{Operator, Refusal, backup};
use crate::directory::Format;
use std::io::{self, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

/// Most connections at a time.
pub const CONNECTIONS_MAX: usize = 16;
/// How long a connection may be silent.
const IDLE_TIMEOUT: Duration = Duration::from_secs(600);

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
        Request::Streams {} => value(serde_json::to_value(operator.streams.reports())),
        Request::Cluster { task } => operator.cluster(task),
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

const fn format_of(json: bool) -> Format {
    if json { Format::Json } else { Format::Toml }
}
