//! Streams of events: what is read of them, how it goes, and whose they are.
//!
//! `place` decides where to begin and what is missing, `feed` makes durable batches of
//! messages, `nats` fetches them. This file is what the rest of the program sees: the
//! streams by name with their state. Not here: formats, which are those of the webhooks.
//!
//! Invariant: how far a stream was read is kept in the commit of what it brought; a
//! message is acknowledged, where it is at all, after that.

#[cfg(feature = "nats")]
mod feed;
#[cfg(feature = "nats")]
mod nats;
#[cfg(feature = "nats")]
mod place;

use crate::config::{StreamFormat, StreamSettings};
use crate::directory::{Snapshot, Webhook, WebhookKind};
use crate::server::App;
use chatmetric_core::{AccountKey, EpochMs};
use chatmetric_rpc::credential::{AccountId, SecretKey};
use chatmetric_store::{SourceName, Store, StreamOffset};
use serde::{Deserialize, Serialize};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// All streams of the configuration.
#[derive(Debug, Default)]
pub struct Streams {
    feeds: Vec<Arc<Feed>>,
}

/// A stream and how it goes.
#[derive(Debug)]
pub(crate) struct Feed {
    settings: StreamSettings,
    source: SourceName,
    status: Mutex<Status>,
}

/// How a stream goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StreamState {
    /// Not connected yet.
    #[default]
    Connecting,
    /// Messages are read as they come.
    Reading,
    /// What was read cannot be made durable now; it is tried again.
    Paused,
    /// The servers are not reached, or refuse; it is tried again.
    Away,
    /// Somebody has to decide; see the reason.
    Stopped,
}

impl StreamState {
    /// Its word in answers.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Connecting => "connecting",
            Self::Reading => "reading",
            Self::Paused => "paused",
            Self::Away => "away",
            Self::Stopped => "stopped",
        }
    }
}

#[derive(Debug, Clone, Default)]
struct Status {
    state: StreamState,
    why: Option<String>,
    offset: StreamOffset,
    lag: Option<u64>,
}

/// What is told of a stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StreamReport {
    /// Its name.
    pub name: String,
    /// Its name in the books.
    pub source: String,
    /// How it goes.
    pub state: StreamState,
    /// Why it does not go, or did not before.
    pub why: Option<String>,
    /// The place of the last message that is counted.
    pub sequence: u64,
    /// Messages behind the end, where that is known.
    pub lag: Option<u64>,
    /// When the last counted message came into the stream.
    pub last_ms: Option<i64>,
    /// Messages that were counted.
    pub messages: u64,
    /// Messages that were gone before they were read, at most.
    pub missing: u64,
    /// How often the stream was another one than before.
    pub recreated: u64,
}

impl Streams {
    /// The streams of the settings, as far as the store knows them.
    pub(crate) fn new(settings: &[StreamSettings], store: &dyn Store) -> Self {
        let known = store.stream_offsets().unwrap_or_default();
        let feeds = settings.iter().map(|settings| {
            let source = SourceName::from(settings.source());
            let offset = known.iter().find(|(name, _)| *name == source);
            let status = Status {
                offset: offset.map(|(_, offset)| *offset).unwrap_or_default(),
                ..Status::default()
            };
            Arc::new(Feed {
                settings: settings.clone(),
                source,
                status: Mutex::new(status),
            })
        });
        Self {
            feeds: feeds.collect(),
        }
    }

    /// How all streams go, in the order of the configuration.
    #[must_use]
    pub fn reports(&self) -> Vec<StreamReport> {
        self.feeds.iter().map(|feed| feed.report()).collect()
    }

    /// What a stream counts as: a webhook that nobody can post to.
    pub(crate) fn webhook(&self, snapshot: &Snapshot, source: &str) -> Option<Arc<Webhook>> {
        let feed = self.feeds.iter().find(|feed| *feed.source == *source)?;
        feed.webhook(snapshot).ok()
    }

    /// Whether a source is a stream of this account. One that is not in the configuration
    /// any more is nobody's.
    pub(crate) fn is_of(&self, snapshot: &Snapshot, source: &str, account: AccountKey) -> bool {
        let webhook = self.webhook(snapshot, source);
        webhook.is_some_and(|webhook| webhook.account.key == account)
    }

    /// Whether a source is one of these streams.
    pub(crate) fn has(&self, source: &str) -> bool {
        self.feeds.iter().any(|feed| *feed.source == *source)
    }

    /// Begins to read all of them, until `stop` says so.
    pub(crate) fn start(app: &Arc<App>, stop: &watch::Receiver<bool>) -> JoinSet<()> {
        let mut reading = JoinSet::new();
        for feed in &app.streams.feeds {
            spawn(&mut reading, app, feed, stop);
        }
        reading
    }
}

#[cfg(feature = "nats")]
fn spawn(
    reading: &mut JoinSet<()>,
    app: &Arc<App>,
    feed: &Arc<Feed>,
    stop: &watch::Receiver<bool>,
) {
    reading.spawn(nats::run(Arc::clone(app), Arc::clone(feed), stop.clone()));
}

/// Settings with streams are refused in a program without the feature.
#[cfg(not(feature = "nats"))]
fn spawn(_: &mut JoinSet<()>, _: &Arc<App>, _: &Arc<Feed>, _: &watch::Receiver<bool>) {}

/// Waits until it is told, or nobody can tell any more.
async fn told(receiver: &mut watch::Receiver<bool>) {
    drop(receiver.wait_for(|it| *it).await);
}

/// The webhook that brought what a source name says: one of the directory, or a stream.
pub(crate) fn webhook_of(app: &App, snapshot: &Snapshot, source: &str) -> Option<Arc<Webhook>> {
    let webhook = snapshot.webhook(source).map(Arc::clone);
    webhook.or_else(|| app.streams.webhook(snapshot, source))
}

impl Feed {
    fn status(&self) -> std::sync::MutexGuard<'_, Status> {
        self.status.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whose events these are, as the directory is now.
    fn webhook(&self, snapshot: &Snapshot) -> Result<Arc<Webhook>, String> {
        let settings = &self.settings;
        let account = AccountId::parse(&settings.account).ok();
        let account = account.and_then(|id| snapshot.account(&id).map(Arc::clone));
        let unknown = || format!("there is no account `{}`", settings.account);
        let account = account.ok_or_else(unknown)?;
        let space = match &settings.space {
            None => None,
            Some(id) => {
                let space = snapshot
                    .space(id)
                    .filter(|it| it.account.key == account.key);
                let unknown = || format!("account {} has no space `{id}`", settings.account);
                Some(Arc::clone(space.ok_or_else(unknown)?))
            }
        };
        // Nothing compares these secrets: there is no path to a stream.
        let token = || SecretKey::new("");
        let kind = match settings.format {
            Some(StreamFormat::Whatsapp) => WebhookKind::Whatsapp {
                app_secrets: Vec::new(),
                verify_token: None,
            },
            Some(StreamFormat::Cams) => WebhookKind::Cams { token: token() },
            Some(StreamFormat::Ndjson | StreamFormat::CloudEvents) | None => {
                WebhookKind::Events { token: token() }
            }
        };
        Ok(Arc::new(Webhook {
            id: self.source.to_string(),
            account,
            space,
            kind,
        }))
    }

    /// Notes how it goes, and says in the log what changed.
    fn note(&self, state: StreamState, why: Option<String>) {
        let mut status = self.status();
        if status.state == state && status.why == why {
            return;
        }
        let before = status.state;
        status.state = state;
        status.why.clone_from(&why);
        drop(status);
        let (stream, why) = (&*self.settings.name, why.unwrap_or_default());
        match state {
            StreamState::Reading if before != state => tracing::info!(stream, "the stream is read"),
            StreamState::Connecting | StreamState::Reading => {}
            StreamState::Paused => tracing::warn!(stream, why, "the stream waits; trying again"),
            StreamState::Away => {
                tracing::warn!(stream, why, "the stream is not read; trying again");
            }
            StreamState::Stopped => tracing::error!(stream, why, "the stream is not read any more"),
        }
    }

    fn note_offset(&self, offset: StreamOffset) {
        self.status().offset = offset;
    }

    fn note_lag(&self, lag: u64) {
        self.status().lag = Some(lag);
    }

    fn report(&self) -> StreamReport {
        let Status {
            state,
            why,
            offset,
            lag,
        } = self.status().clone();
        StreamReport {
            name: self.settings.name.clone(),
            source: self.source.to_string(),
            state,
            why,
            sequence: offset.sequence,
            lag,
            last_ms: offset.last_at().map(|EpochMs(ms)| ms),
            messages: offset.messages,
            missing: offset.missing,
            recreated: offset.recreated,
        }
    }
}
