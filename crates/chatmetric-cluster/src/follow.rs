//! Reads a partition's log for its replica: finds its place, asks for what follows, begins
//! anew when anything is in doubt.
//!
//! The consumer is of this connection alone and acknowledges nothing: the place is in the
//! replica's store. Entries that come while some are committed go into the next commit.
//!
//! Not here: what entries do (`tally`). Invariant: entries are given on in the order of the
//! log; one that is missing ends the reading, and what can be read again is.

use crate::engine::Engine;
use crate::error::{ClusterError, chain, failed};
use crate::tally::{Placed, Tally};
use async_nats::jetstream::Message;
use async_nats::jetstream::consumer::pull::{Config, Stream as Messages};
use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy};
use async_nats::jetstream::stream::{Info, LastRawMessageErrorKind, Stream};
use futures_util::StreamExt as _;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// How often the server says that there is nothing new.
const HEARTBEAT: Duration = Duration::from_millis(500);
/// How long a request for entries stands.
const PULL_EXPIRES: Duration = Duration::from_secs(10);
/// How long the server keeps a consumer that nobody reads.
const INACTIVE_THRESHOLD: Duration = Duration::from_secs(30);
/// Entries that may be on the way, and may wait for a commit.
const ENTRIES_MAX: usize = 2_048;
/// Bytes of entries that may wait for a commit.
const WAITING_BYTES_MAX: usize = 16 * 1024 * 1024;
/// The first wait before reading again, and the longest one.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(2));

/// How far a replica is.
#[derive(Debug, Clone)]
pub enum Progress {
    /// It cannot read the log now, and tries again.
    Away {
        /// Why.
        reason: String,
        /// Whether it followed before.
        followed: bool,
    },
    /// It has not reached the end that the log had when the reading began.
    CatchingUp {
        /// The end.
        last: u64,
    },
    /// It has counted the whole log, but for what comes in now.
    Following,
    /// It has stopped, and needs help.
    Stopped(ClusterError),
}

impl Progress {
    /// Whether it follows the log, but for a break in the connection.
    #[must_use]
    pub const fn follows(&self) -> bool {
        match self {
            Self::Following => true,
            Self::Away { followed, .. } => *followed,
            Self::CatchingUp { .. } | Self::Stopped(_) => false,
        }
    }
}

/// When a log was made.
#[must_use]
pub(crate) fn created_ns(info: &Info) -> u64 {
    let created = info.created.unix_timestamp_nanos();
    u64::try_from(created).unwrap_or(1).max(1)
}

/// The last place of a log, as its leader has it.
pub(crate) async fn last_of(stream: &Stream) -> Result<u64, ClusterError> {
    let info = stream.get_info().await;
    let info = info.map_err(|error| failed("ask the leader of a log for its end", error))?;
    Ok(info.state.last_sequence)
}

/// Reads until it is told to stop, or cannot go on.
pub(crate) async fn follow(
    engine: Engine,
    stream: Stream,
    tally: Arc<Tally>,
    progress: Arc<watch::Sender<Progress>>,
) {
    let mut wait = BACKOFF.0;
    loop {
        let before = tally.position();
        let Err(error) = session(&engine, &stream, &tally, &progress).await;
        let is_final = match &error {
            ClusterError::OtherLog { .. }
            | ClusterError::Gap { .. }
            | ClusterError::Entry { .. } => true,
            ClusterError::Store(_) => !matches!(
                &error,
                ClusterError::Store(chatmetric_store::StoreError::Unavailable { .. })
            ),
            _ => false,
        };
        let partition = tally.partition();
        if is_final {
            let reason = chain(&error);
            tracing::error!(%partition, reason, "a replica has stopped");
            progress.send_replace(Progress::Stopped(error));
            return;
        }
        let reason = chain(&error);
        tracing::debug!(%partition, reason, "the log is read anew");
        progress.send_modify(|now| {
            let followed = now.follows();
            *now = Progress::Away { reason, followed };
        });
        if tally.position() > before {
            wait = BACKOFF.0;
        }
        tokio::time::sleep(wait).await;
        wait = (wait * 2).min(BACKOFF.1);
    }
}

/// Nothing: a session ends with an error.
enum Never {}

async fn session(
    engine: &Engine,
    stream: &Stream,
    tally: &Arc<Tally>,
    progress: &watch::Sender<Progress>,
) -> Result<Never, ClusterError> {
    let info = stream.get_info().await;
    let info = info.map_err(|error| failed("look at the log", error))?;
    let last = check(&info, tally)?;
    compare(stream, tally).await?;
    let mut messages = messages(engine, stream, tally.position()).await?;
    let mut reading = Reading {
        tally: Arc::clone(tally),
        waiting: Vec::new(),
        waiting_bytes: 0,
        applying: None,
        has_begun: false,
    };
    report(progress, tally, last);
    loop {
        reading.apply();
        let has_room = reading.has_room();
        tokio::select! {
            done = finished(&mut reading.applying) => {
                reading.applying = None;
                done?;
                reading.has_begun = true;
                report(progress, tally, last);
            }
            next = messages.next(), if has_room => match next {
                Some(Ok(message)) => reading.take(&message)?,
                Some(Err(error)) => return Err(failed("read the log", error)),
                None => return Err(failed("read the log", "it ended")),
            },
        }
    }
}

/// The end of the log, if the replica can go on in it.
fn check(info: &Info, tally: &Tally) -> Result<u64, ClusterError> {
    let partition = tally.partition();
    let position = tally.position();
    let state = &info.state;
    if created_ns(info) != tally.created_ns() {
        return Err(ClusterError::OtherLog { partition });
    }
    if state.last_sequence < position {
        // A leader that was just elected may not know all of its log yet.
        let reason = format!("it ends at {}, before {position}", state.last_sequence);
        return Err(failed("go on in the log", reason));
    }
    let expected = position.saturating_add(1);
    // An empty log has its first place behind its last one.
    let first = state.first_sequence.max(1);
    if first > expected {
        return Err(ClusterError::Gap {
            partition,
            expected,
            found: first,
        });
    }
    Ok(state.last_sequence)
}

/// Sees that the last entry that is counted is still the one at its place: servers that lost
/// the end of a log would put other entries there.
async fn compare(stream: &Stream, tally: &Tally) -> Result<(), ClusterError> {
    let Some((sequence, at_ms)) = tally.last() else {
        return Ok(());
    };
    let entry = match stream.get_raw_message(sequence).await {
        Ok(entry) => entry,
        // It is old, and gone: what follows decides.
        Err(error) if error.kind() == LastRawMessageErrorKind::NoMessageFound => return Ok(()),
        Err(error) => return Err(failed("look at the last entry that is counted", error)),
    };
    if ms_of(entry.time) == at_ms {
        return Ok(());
    }
    let partition = tally.partition();
    Err(ClusterError::OtherLog { partition })
}

fn ms_of(time: async_nats::datetime::DateTime) -> u64 {
    u64::try_from(time.unix_timestamp_nanos() / 1_000_000).unwrap_or(0)
}

fn report(progress: &watch::Sender<Progress>, tally: &Tally, last: u64) {
    let is_there = tally.position() >= last;
    progress.send_if_modified(|now| {
        let changes = match now {
            Progress::Following => !is_there,
            Progress::CatchingUp { last: before } => is_there || *before != last,
            Progress::Away { .. } | Progress::Stopped(_) => true,
        };
        if changes {
            *now = if is_there {
                Progress::Following
            } else {
                Progress::CatchingUp { last }
            };
        }
        changes
    });
}

async fn messages(
    engine: &Engine,
    stream: &Stream,
    position: u64,
) -> Result<Messages, ClusterError> {
    let config = Config {
        deliver_policy: DeliverPolicy::ByStartSequence {
            start_sequence: position.saturating_add(1),
        },
        description: Some(format!("chatmetric, replica of {}", engine.member)),
        ack_policy: AckPolicy::None,
        inactive_threshold: INACTIVE_THRESHOLD,
        memory_storage: true,
        num_replicas: 1,
        ..Config::default()
    };
    let consumer = stream.create_consumer(config).await;
    let consumer = consumer.map_err(|error| failed("make a consumer of the log", error))?;
    let messages = consumer
        .stream()
        .max_messages_per_batch(ENTRIES_MAX)
        .expires(PULL_EXPIRES)
        .heartbeat(HEARTBEAT)
        .messages()
        .await;
    messages.map_err(|error| failed("read the log", error))
}

/// What came and is not counted yet.
struct Reading {
    tally: Arc<Tally>,
    waiting: Vec<Placed>,
    waiting_bytes: usize,
    applying: Option<JoinHandle<Result<(), ClusterError>>>,
    /// Whether something was counted: a hole before that is one in the log.
    has_begun: bool,
}

impl Reading {
    fn has_room(&self) -> bool {
        self.waiting.len() < ENTRIES_MAX && self.waiting_bytes < WAITING_BYTES_MAX
    }

    fn take(&mut self, message: &Message) -> Result<(), ClusterError> {
        let info = message.info();
        let info = info.map_err(|error| failed("read the place of an entry", error))?;
        let before = match self.waiting.last() {
            Some(last) => Some(last.sequence),
            None if self.applying.is_none() => Some(self.tally.position()),
            None => None,
        };
        let expected = before.map(|before| before.saturating_add(1));
        if self.has_begun && expected.is_some_and(|it| it < info.stream_sequence) {
            return Err(failed("read the log", "an entry was lost on the way"));
        }
        self.waiting_bytes += message.payload.len();
        self.waiting.push(Placed {
            sequence: info.stream_sequence,
            at_ms: ms_of(info.published),
            payload: message.payload.clone(),
        });
        Ok(())
    }

    /// Counts what waits, if nothing is being counted.
    fn apply(&mut self) {
        if self.applying.is_some() || self.waiting.is_empty() {
            return;
        }
        let entries = std::mem::take(&mut self.waiting);
        self.waiting_bytes = 0;
        let tally = Arc::clone(&self.tally);
        self.applying = Some(tokio::task::spawn_blocking(move || tally.apply(&entries)));
    }
}

async fn finished(
    applying: &mut Option<JoinHandle<Result<(), ClusterError>>>,
) -> Result<(), ClusterError> {
    match applying {
        Some(task) => task
            .await
            .unwrap_or_else(|error| Err(failed("count entries", error))),
        None => std::future::pending().await,
    }
}
