//! `POST import`: a file of events, read while it arrives; lines of progress come back.
//!
//! The same readers and the same loader as `chatmetric import`, so loading a file twice
//! changes nothing. Invariants: a file takes little memory, however long it is; progress
//! that the client does not read never holds the file up.

use super::ask::Ask;
use super::error::ConsoleError;
use super::rights::{Right, SignedIn};
use super::spaces;
use crate::directory::Space;
use crate::ingest::file::{
    self, Bad, FileEvent, FileFormat, LoadError, Loader, Mark, ReadError, Visitor,
};
use crate::server::App;
use crate::server::answer::Answer;
use crate::server::body::discard;
use bytes::{Buf as _, Bytes};
use http::header;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use serde_json::{Value, json};
use std::io::{self, BufReader, Cursor, Read};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, mpsc};

/// Longest file, in bytes as it is sent.
pub(super) const FILE_BYTES_MAX: usize = 256 * 1024 * 1024;
/// Bad lines that are told.
const BAD_LINES_MAX: usize = 100;
/// Pieces of the file that wait to be read.
const PIECES_MAX: usize = 16;
/// Lines of progress that wait for the client.
const LINES_MAX: usize = 64;
/// Lines of the file between two lines of progress.
const STEP_LINES: u64 = 5_000;
/// Longest file, in bytes when it is unpacked.
const UNPACKED_BYTES_MAX: u64 = 4 * 1024 * 1024 * 1024;
/// Largest window of a zstd frame, in bytes: what its format asks every reader to have.
const WINDOW_BYTES_MAX: u64 = 8 * 1024 * 1024;
/// How long a client may send nothing, and how long the last line waits for it.
const SILENCE: Duration = Duration::from_secs(60);
/// How long a file may take to arrive, in ms.
const ARRIVAL_MS_MAX: u64 = 30 * 60_000;
const READ_BYTES: usize = 256 * 1024;

/// `POST import`
pub(super) async fn import(
    ask: &Ask<'_>,
    who: &SignedIn,
    mut body: Incoming,
) -> Result<Answer, ConsoleError> {
    match prepare(ask, who) {
        Ok(ready) => Ok(start(ask, who, ready, body)),
        Err(refusal) => {
            // Without it, a client that still sends may never read why. Who waits for
            // `100 Continue` sends nothing.
            if !ask.parts.headers.contains_key(header::EXPECT) {
                discard(&mut body).await;
            }
            Err(refusal)
        }
    }
}

/// What is known of a file before it arrives.
struct Ready {
    space: Arc<Space>,
    format: Option<FileFormat>,
    name: String,
    turn: OwnedSemaphorePermit,
    loader: Loader,
}

fn prepare(ask: &Ask<'_>, who: &SignedIn) -> Result<Ready, ConsoleError> {
    who.require(ask, Right::ImportEvents)?;
    let query = ask.query()?;
    let space = spaces::own(who, query.required("space")?)?;
    let format = match query.get("format") {
        None | Some("auto") => None,
        Some(word) => {
            let reason = "It is `auto`, `ndjson`, `csv`, `whatsapp`, `cams` or `parquet`.";
            let format = FileFormat::from_word(word);
            Some(format.ok_or_else(|| ConsoleError::invalid("format", reason))?)
        }
    };
    let name = query.get("name").unwrap_or("file").to_owned();
    let turn = Arc::clone(&ask.app.console.imports).try_acquire_owned();
    let turn = turn.map_err(|_| ConsoleError::Unavailable)?;
    let app = ask.app;
    let loader = Loader::new(
        Arc::clone(&app.directory),
        Arc::clone(&app.store),
        Arc::clone(&app.clock),
        space.id.as_str(),
    );
    let loader = loader.map_err(|_| ConsoleError::NotFound)?;
    Ok(Ready {
        space,
        format,
        name,
        turn,
        loader,
    })
}

fn start(ask: &Ask<'_>, who: &SignedIn, ready: Ready, body: Incoming) -> Answer {
    let Ready {
        space,
        format,
        name,
        turn,
        loader,
    } = ready;
    let app = ask.app;
    tracing::info!(
        request_id = %ask.ids.request,
        user = %who.user.id,
        space = %space.id,
        "a file is imported"
    );
    let (lines, told) = mpsc::channel(LINES_MAX);
    let (pieces, arriving) = mpsc::channel(PIECES_MAX);
    tokio::spawn(receive(Arc::clone(app), body, pieces));
    let last = lines.clone();
    let mut work = Work {
        app: Arc::clone(app),
        loader,
        lines,
        rows: 0,
        bad: 0,
        bad_lines: Vec::new(),
        _turn: turn,
    };
    let task = tokio::task::spawn_blocking(move || {
        let failed = work.load(Box::new(Arriving::new(arriving)), format, &name);
        work.last_line(failed)
    });
    tokio::spawn(async move {
        if let Ok(line) = task.await {
            // It waits for a client that is slow, without a turn; one that is gone has none.
            drop(tokio::time::timeout(SILENCE, last.send(line)).await);
        }
    });
    Answer::streaming("application/x-ndjson", told)
}

/// What arrives of the file; an error ends it.
type Piece = Result<Bytes, &'static str>;

/// Hands the file on as it arrives.
async fn receive(app: Arc<App>, mut body: Incoming, pieces: mpsc::Sender<Piece>) {
    let mut bytes: usize = 0;
    let began_ms = app.clock.monotonic_ms();
    loop {
        let frame = tokio::time::timeout(SILENCE, body.frame()).await;
        let taken_ms = app.clock.monotonic_ms().saturating_sub(began_ms);
        let piece = match frame {
            _ if taken_ms > ARRIVAL_MS_MAX => Err("the file did not arrive in half an hour"),
            Err(_) => Err("the file did not arrive in time"),
            Ok(None) => return,
            Ok(Some(Err(_))) => Err("the file did not arrive whole"),
            Ok(Some(Ok(_))) if app.is_stopping() => Err("the server is stopping"),
            Ok(Some(Ok(frame))) => match frame.into_data() {
                Ok(data) => {
                    bytes = bytes.saturating_add(data.len());
                    if bytes > FILE_BYTES_MAX {
                        Err("the file is longer than 256 MiB; split it, or use `chatmetric import`")
                    } else {
                        Ok(data)
                    }
                }
                Err(_) => continue,
            },
        };
        let is_end = piece.is_err();
        if pieces.send(piece).await.is_err() || is_end {
            return;
        }
    }
}

/// The file as something to read from, on a thread of its own.
struct Arriving {
    pieces: mpsc::Receiver<Piece>,
    piece: Bytes,
}

impl Arriving {
    fn new(pieces: mpsc::Receiver<Piece>) -> Self {
        Self {
            pieces,
            piece: Bytes::new(),
        }
    }
}

impl Read for Arriving {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        while self.piece.is_empty() {
            match self.pieces.blocking_recv() {
                None => return Ok(0),
                Some(Ok(piece)) => self.piece = piece,
                Some(Err(reason)) => return Err(io::Error::other(reason)),
            }
        }
        let read = self.piece.len().min(to.len());
        if let Some(to) = to.get_mut(..read) {
            self.piece.copy_to_slice(to);
        }
        Ok(read)
    }
}

/// What was unpacked, up to a length and while somebody wants it.
struct Bounded<R, W> {
    input: R,
    bytes_left: u64,
    /// Why nothing more is read, if so.
    why_stop: W,
}

impl<R: Read, W: Fn() -> Option<&'static str>> Read for Bounded<R, W> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        if let Some(reason) = (self.why_stop)() {
            return Err(io::Error::other(reason));
        }
        let read = self.input.read(to)?;
        let left = u64::try_from(read)
            .ok()
            .and_then(|read| self.bytes_left.checked_sub(read));
        self.bytes_left =
            left.ok_or_else(|| io::Error::other("the file is longer than 4 GiB when unpacked"))?;
        Ok(read)
    }
}

/// One file's work.
struct Work {
    app: Arc<App>,
    loader: Loader,
    lines: mpsc::Sender<Bytes>,
    rows: u64,
    bad: u64,
    bad_lines: Vec<Value>,
    _turn: OwnedSemaphorePermit,
}

impl Work {
    /// Loads the file; what it was refused with, if it was.
    fn load(
        &mut self,
        input: Box<dyn Read>,
        format: Option<FileFormat>,
        name: &str,
    ) -> Option<String> {
        let read = self.read(input, format, name);
        // What was read before a stop is loaded, so that the figures are true.
        let finished = self.loader.finish().map_err(|error| load_error(&error));
        read.and(finished).err()
    }

    fn read(
        &mut self,
        input: Box<dyn Read>,
        format: Option<FileFormat>,
        name: &str,
    ) -> Result<(), String> {
        let unreadable = |error: io::Error| format!("the file cannot be read: {error}");
        let input = file::decoded_within(input, WINDOW_BYTES_MAX).map_err(unreadable)?;
        let (app, lines) = (Arc::clone(&self.app), self.lines.clone());
        let why_stop = move || {
            if app.is_stopping() {
                Some("the server is stopping")
            } else {
                lines.is_closed().then_some("the client is gone")
            }
        };
        let mut input = Bounded {
            input,
            bytes_left: UNPACKED_BYTES_MAX,
            why_stop,
        };
        let prefix = file::peek(&mut input).map_err(unreadable)?;
        // Whoever names the format knows better than its first bytes.
        let format = match format {
            Some(format) => format,
            None => file::sniff(&prefix, name).map_err(|error| error.to_string())?,
        };
        let mut input =
            BufReader::with_capacity(READ_BYTES, Read::chain(Cursor::new(prefix), input));
        match file::read(&mut input, format, None, self) {
            Ok(()) => Ok(()),
            Err(ReadError::Io(error)) => Err(unreadable(error)),
            Err(ReadError::Format(bad)) => Err(bad.to_string()),
            Err(ReadError::Stopped(error)) => Err(load_error(&error)),
        }
    }

    fn progress_line(&self, is_done: bool) -> Value {
        let report = self.loader.report();
        json!({
            "rows": self.rows,
            "new": report.new,
            "duplicate": report.duplicate,
            "ignored": report.ignored,
            "late": report.late,
            "quarantined": report.quarantined,
            "bad": self.bad,
            "done": is_done,
        })
    }

    fn last_line(&self, failed: Option<String>) -> Bytes {
        let mut line = self.progress_line(true);
        if let Some(line) = line.as_object_mut() {
            line.insert("badLines".to_owned(), json!(self.bad_lines));
            if let Some(message) = failed {
                line.insert("error".to_owned(), json!(message));
            }
        }
        format!("{line}\n").into()
    }

    fn step(&mut self) {
        self.rows += 1;
        if self.rows.is_multiple_of(STEP_LINES) {
            let line = format!("{}\n", self.progress_line(false));
            // A client that does not read gets fewer lines.
            drop(self.lines.try_send(line.into()));
        }
    }
}

fn load_error(error: &LoadError) -> String {
    tracing::warn!(
        error = crate::cli::error_chain(error),
        "a file was not loaded to its end"
    );
    error.to_string()
}

impl Visitor for Work {
    type Stop = LoadError;

    fn event(&mut self, event: &FileEvent<'_>) -> Result<(), LoadError> {
        self.step();
        self.loader.push(event)
    }

    fn ignored(&mut self, _word: Option<&str>) -> Result<(), LoadError> {
        self.step();
        self.loader.ignored(1);
        Ok(())
    }

    fn bad(&mut self, bad: Bad) -> Result<(), LoadError> {
        self.step();
        self.bad += 1;
        if self.bad_lines.len() < BAD_LINES_MAX {
            let line = json!({ "line": bad.line, "message": bad.reason });
            self.bad_lines.push(line);
        }
        Ok(())
    }

    fn progress(&mut self, _mark: Mark) -> Result<(), LoadError> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: u64, why_stop: impl Fn() -> Option<&'static str>) -> Result<usize, String> {
        let mut input = Bounded {
            input: io::repeat(b'x').take(bytes),
            bytes_left: 5,
            why_stop,
        };
        let read = input.read_to_end(&mut Vec::new());
        read.map_err(|error| error.to_string())
    }

    #[test]
    fn a_file_unpacks_to_so_many_bytes_and_while_it_is_wanted() {
        assert_eq!(read(5, || None), Ok(5));
        assert_eq!(
            read(6, || None),
            Err("the file is longer than 4 GiB when unpacked".to_owned())
        );
        let gone = read(5, || Some("the client is gone"));
        assert_eq!(gone, Err("the client is gone".to_owned()));
    }
}
