//! `POST import`: a file of events, read while it arrives; lines of progress come back.
//!
//! The same readers and the same loader as `chatmetric import`, so loading a file twice
//! changes nothing. Invariants: a file takes little memory, however long it is; progress
//! that the client does not read never holds the file up.

use super::ask::Ask;
use super::error::ConsoleError;
use super::rights::{Right, SignedIn};
use super::spaces;
use crate::ingest::file::{
    self, Bad, FileEvent, FileFormat, LoadError, Loader, ReadError, Visitor,
};
use crate::server::App;
use crate::server::answer::Answer;
use bytes::{Buf as _, Bytes};
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
/// How long a client may send nothing.
const SILENCE: Duration = Duration::from_secs(60);
const READ_BYTES: usize = 256 * 1024;

/// `POST import`
pub(super) async fn import(
    ask: &Ask<'_>,
    who: &SignedIn,
    body: Incoming,
) -> Result<Answer, ConsoleError> {
    who.require(ask, Right::ImportEvents)?;
    let query = ask.query()?;
    let space = spaces::own(who, query.required("space")?)?;
    let format = match query.get("format") {
        None | Some("auto") => None,
        Some("ndjson") => Some(FileFormat::Ndjson),
        Some("csv") => Some(FileFormat::Csv),
        Some("whatsapp") => Some(FileFormat::Whatsapp),
        Some(_) => {
            let reason = "It is `auto`, `ndjson`, `csv` or `whatsapp`.";
            return Err(ConsoleError::invalid("format", reason));
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
    tracing::info!(
        request_id = %ask.ids.request,
        user = %who.user.id,
        space = %space.id,
        "a file is imported"
    );
    let (lines, told) = mpsc::channel(LINES_MAX);
    let (pieces, arriving) = mpsc::channel(PIECES_MAX);
    tokio::spawn(receive(Arc::clone(app), body, pieces));
    tokio::task::spawn_blocking(move || {
        let mut work = Work {
            loader,
            lines,
            rows: 0,
            bad: 0,
            bad_lines: Vec::new(),
            _turn: turn,
        };
        let failed = work.load(Box::new(Arriving::new(arriving)), format, &name);
        work.tell_the_end(failed);
    });
    Ok(Answer::streaming("application/x-ndjson", told))
}

/// What arrives of the file; an error ends it.
type Piece = Result<Bytes, &'static str>;

/// Hands the file on as it arrives.
async fn receive(app: Arc<App>, mut body: Incoming, pieces: mpsc::Sender<Piece>) {
    let mut bytes: usize = 0;
    loop {
        let frame = tokio::time::timeout(SILENCE, body.frame()).await;
        let piece = match frame {
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

/// One file's work.
struct Work {
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
        let mut input = file::decoded(input).map_err(unreadable)?;
        let prefix = file::peek(&mut input).map_err(unreadable)?;
        let sniffed = file::sniff(&prefix, name).map_err(|error| error.to_string())?;
        let mut input =
            BufReader::with_capacity(READ_BYTES, Read::chain(Cursor::new(prefix), input));
        match file::read(&mut input, format.unwrap_or(sniffed), self) {
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
            "late": report.late,
            "quarantined": report.quarantined,
            "bad": self.bad,
            "done": is_done,
        })
    }

    fn tell_the_end(&self, failed: Option<String>) {
        let mut line = self.progress_line(true);
        if let Some(line) = line.as_object_mut() {
            line.insert("badLines".to_owned(), json!(self.bad_lines));
            if let Some(message) = failed {
                line.insert("error".to_owned(), json!(message));
            }
        }
        // The last line waits for a client that is slow; one that is gone has none.
        drop(self.lines.blocking_send(format!("{line}\n").into()));
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

    fn progress(&mut self, _bytes_read: u64) -> Result<(), LoadError> {
        Ok(())
    }
}
