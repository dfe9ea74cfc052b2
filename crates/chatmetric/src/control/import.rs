//! An import over the control socket: chunks of events one way, what is durable the
//! other.
//!
//! Some chunks are on the way at a time, so that the file is read while the store works.
//! Invariant: a chunk counts as durable only when the server says so.

use super::wire::Answer;
use super::{ControlClient, ControlError, Refusal};
use crate::directory::IdFamily;
use crate::ingest::file::{
    BATCH_EVENTS, CHANNEL_BYTES_MAX, FileEvent, LoadReport, Loader, Mark, Reached,
};
use crate::ingest::whatsapp::MESSAGE_ID_BYTES_MAX;
use chatmetric_core::{EpochMs, MessageStatus, PhoneNumber};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::VecDeque;

/// Most events of one chunk of an import.
pub const CHUNK_EVENTS_MAX: usize = 10_000;
/// Bytes of texts after which a chunk is sent, however few its events are.
const CHUNK_TEXT_BYTES: usize = 1024 * 1024;
/// Chunks that are on the way at a time. Their answers are short, so that a server that
/// waits for room to write one never waits for a client that does the same.
const CHUNKS_MAX: usize = 4;

/// An event on the way: channel, number, message id, status, ms, and whose ids these are
/// (`meta`, `cams` or `other`) where its file says so.
#[derive(Serialize, Deserialize)]
pub(crate) struct WireEvent<'a>(
    #[serde(borrow)] Cow<'a, str>,
    #[serde(borrow)] Cow<'a, str>,
    #[serde(borrow)] Cow<'a, str>,
    #[serde(borrow)] Cow<'a, str>,
    i64,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")] Option<Cow<'a, str>>,
);

/// What a client sends.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Chunk<'a> {
    #[serde(borrow)]
    events: Vec<WireEvent<'a>>,
    ignored: u32,
    /// Answer when everything is durable.
    wait: bool,
}

/// What the server answers to each.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Progress {
    report: LoadReport,
    /// So many chunks of this connection are durable.
    durable_chunks: u64,
}

pub(super) fn refusal(message: &str) -> Refusal {
    Refusal {
        message: message.to_owned(),
        is_usage: false,
    }
}

/// The server's end.
pub(super) struct ServedImport {
    loader: Loader,
    chunks: u64,
    /// Something failed: what follows might leave a gap.
    is_broken: bool,
}

impl ServedImport {
    pub(super) const fn new(loader: Loader) -> Self {
        Self {
            loader,
            chunks: 0,
            is_broken: false,
        }
    }

    /// Takes a chunk.
    pub(super) fn chunk(&mut self, line: &[u8]) -> Answer {
        if self.is_broken {
            return Err(refusal("the import failed before"));
        }
        let answer = self.load(line);
        self.is_broken = answer.is_err();
        serde_json::to_value(answer?).map_err(|error| Refusal::failed(&error))
    }

    fn load(&mut self, line: &[u8]) -> Result<Progress, Refusal> {
        let chunk: Chunk<'_> =
            serde_json::from_slice(line).map_err(|_| refusal("a chunk of events is malformed"))?;
        if chunk.events.len() > CHUNK_EVENTS_MAX {
            return Err(refusal("a chunk has too many events"));
        }
        for event in &chunk.events {
            let event = event
                .read()
                .ok_or_else(|| refusal("an event is malformed"))?;
            self.loader.push(&event)?;
        }
        self.loader.ignored(chunk.ignored);
        self.chunks += 1;
        self.loader.reach(Reached {
            mark: Mark {
                rows: self.chunks,
                ..Mark::default()
            },
            bad: 0,
        });
        if chunk.wait {
            self.loader.finish()?;
        }
        let durable = self.loader.durable();
        Ok(Progress {
            report: self.loader.report().clone(),
            durable_chunks: durable.map_or(0, |reached| reached.mark.rows),
        })
    }
}

impl WireEvent<'_> {
    /// `None` for one that is malformed.
    pub(crate) fn read(&self) -> Option<FileEvent<'_>> {
        let Self(channel, number, id, status, ms, family) = self;
        // As a file has them after its line was checked: else it would be another message.
        let is_trimmed = |text: &str| !text.is_empty() && text.trim() == text;
        let fits = is_trimmed(id)
            && id.len() <= MESSAGE_ID_BYTES_MAX
            && is_trimmed(channel)
            && channel.len() <= CHANNEL_BYTES_MAX
            && !channel.bytes().any(|byte| byte.is_ascii_uppercase());
        let family = match family {
            Some(word) => Some(IdFamily::parse(word)?),
            None => None,
        };
        fits.then_some(FileEvent {
            family,
            channel,
            number: PhoneNumber::parse(number).ok()?,
            message_id: id,
            status: MessageStatus::from_word(status)?,
            at: EpochMs::checked(*ms)?,
        })
    }
}

/// Loads events through a running server; as [`Loader`].
#[derive(Debug)]
pub struct RemoteLoader {
    client: ControlClient,
    /// The JSON of the events of the chunk that is filled.
    events: Vec<u8>,
    events_count: usize,
    ignored: u32,
    reached: Option<Reached>,
    sent: u64,
    answered: u64,
    /// Chunks that are not known to be durable, each with where the file was then.
    on_the_way: VecDeque<(u64, Option<Reached>)>,
    durable: Option<Reached>,
    /// Something failed: what became durable afterwards may have a gap before it.
    is_broken: bool,
    report: LoadReport,
}

impl RemoteLoader {
    pub(super) fn new(client: ControlClient) -> Self {
        Self {
            client,
            events: Vec::new(),
            events_count: 0,
            ignored: 0,
            reached: None,
            sent: 0,
            answered: 0,
            on_the_way: VecDeque::new(),
            durable: None,
            is_broken: false,
            report: LoadReport::default(),
        }
    }

    /// Takes an event.
    ///
    /// # Errors
    /// [`ControlError`] of a chunk that became full, or of one before it.
    pub fn push(&mut self, event: &FileEvent<'_>) -> Result<(), ControlError> {
        if self.events_count > 0 {
            self.events.push(b',');
        }
        let wire = WireEvent(
            event.channel.into(),
            event.number.as_str().into(),
            event.message_id.into(),
            event.status.as_str().into(),
            event.at.0,
            event.family.map(|family| family.as_str().into()),
        );
        serde_json::to_writer(&mut self.events, &wire).map_err(|_| ControlError::Answer)?;
        self.events_count += 1;
        if self.events_count >= BATCH_EVENTS || self.events.len() >= CHUNK_TEXT_BYTES {
            self.send(false)
        } else {
            Ok(())
        }
    }

    /// Notes something that is not counted by rule.
    pub fn ignored(&mut self, items: u32) {
        self.ignored = self.ignored.saturating_add(items);
    }

    /// As [`Loader::reach`].
    pub const fn reach(&mut self, reached: Reached) {
        self.reached = Some(reached);
    }

    /// As [`Loader::durable`].
    #[must_use]
    pub const fn durable(&self) -> Option<Reached> {
        self.durable
    }

    /// As [`Loader::begin`].
    pub const fn begin(&mut self) {
        self.reached = None;
        self.durable = None;
    }

    /// Sends what is left and waits until everything is durable.
    ///
    /// # Errors
    /// [`ControlError`]
    pub fn finish(&mut self) -> Result<(), ControlError> {
        if self.events_count > 0 || self.ignored > 0 || !self.on_the_way.is_empty() {
            self.send(true)?;
        }
        while self.answered < self.sent {
            self.hear()?;
        }
        if !self.on_the_way.is_empty() {
            return Err(ControlError::Answer);
        }
        if !self.is_broken {
            self.durable = self.reached;
        }
        Ok(())
    }

    fn send(&mut self, wait: bool) -> Result<(), ControlError> {
        while self.sent - self.answered >= u64::try_from(CHUNKS_MAX).unwrap_or(1) {
            self.hear()?;
        }
        let (ignored, wait) = (std::mem::take(&mut self.ignored), wait.to_string());
        let start = b"{\"events\":[";
        let end = format!("],\"ignored\":{ignored},\"wait\":{wait}}}");
        let events = std::mem::take(&mut self.events);
        self.events_count = 0;
        let sent = self.client.send_line(&[start, &events, end.as_bytes()]);
        self.is_broken |= sent.is_err();
        sent?;
        self.events = events;
        self.events.clear();
        self.sent += 1;
        self.on_the_way.push_back((self.sent, self.reached));
        Ok(())
    }

    fn hear(&mut self) -> Result<(), ControlError> {
        let progress: Result<Progress, _> = self.client.hear();
        self.is_broken |= progress.is_err();
        let progress = progress?;
        self.answered += 1;
        // The server's report covers the whole import of this connection.
        self.report = progress.report;
        while let Some((chunk, reached)) = self.on_the_way.front()
            && *chunk <= progress.durable_chunks
        {
            if !self.is_broken {
                self.durable = reached.or(self.durable);
            }
            self.on_the_way.pop_front();
        }
        Ok(())
    }

    /// What became of what is durable.
    #[must_use]
    pub const fn report(&self) -> &LoadReport {
        &self.report
    }
}
