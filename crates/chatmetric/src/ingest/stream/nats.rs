//! Reads a stream of NATS JetStream: connects, finds its place, fetches, and begins anew
//! when anything is in doubt.
//!
//! Without `durable` the consumer is of this connection alone and acknowledges nothing:
//! the place is ours. What is lost between server and here shows as a hole in the numbers
//! of deliveries, and the reading begins again behind the last durable message. With
//! `durable` the server keeps what was not acknowledged, for streams that let go of what
//! was; what it delivers again is counted again, which changes no tally.
//!
//! Invariants: a message is acknowledged after it is durable; what is in flight is
//! bounded by the pull request, since the next batch is fetched while one is committed.

use super::feed::{Ended, Message, Reader};
use super::place::{self, Begin, Follow, Found, Plan};
use super::{Feed, StreamState, told};
use crate::cli::error_chain;
use crate::config::{StreamSettings, nats_credentials, secret};
use crate::server::App;
use async_nats::jetstream::consumer::pull::{Config, Stream as Messages};
use async_nats::jetstream::consumer::{AckPolicy, Consumer, DeliverPolicy};
use async_nats::jetstream::stream::{Info, RetentionPolicy, Stream};
use async_nats::jetstream::{self, Message as Delivered};
use async_nats::{Client, ConnectErrorKind, ConnectOptions, Event, ServerAddr};
use chatmetric_core::EpochMs;
use chatmetric_store::StreamOffset;
use futures_util::{FutureExt as _, StreamExt as _};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// How long connecting, and each request, may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// See [`CONNECT_TIMEOUT`].
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
/// How often a silent connection is tried.
const PING_INTERVAL: Duration = Duration::from_secs(10);
/// How often the server says that there is nothing new.
const HEARTBEAT: Duration = Duration::from_secs(5);
/// How long a request for messages stands.
const PULL_EXPIRES: Duration = Duration::from_secs(30);
/// How often the end of the stream is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// How long the server keeps a consumer of ours that nobody reads.
const INACTIVE_THRESHOLD: Duration = Duration::from_secs(60);
/// After which time a message that was not acknowledged is delivered again.
const ACK_WAIT: Duration = Duration::from_secs(300);
/// How far a place is moved over messages of other subjects before it is kept.
const SKIPPED_KEEP_MIN: u64 = 1_000;
/// Room for subject and headers beside the longest message, in bytes.
const MESSAGE_EXTRA_BYTES: usize = 64 * 1024;
/// The first wait before connecting again, and the longest one, in ms.
const BACKOFF_MS: (u64, u64) = (250, 15_000);

/// Why a connection was given up.
#[derive(Debug)]
enum Broken {
    Ended(Ended),
    /// To be tried again.
    Again(String),
}

impl From<Ended> for Broken {
    fn from(ended: Ended) -> Self {
        Self::Ended(ended)
    }
}

/// What failed, with its causes.
fn again(what: &str, error: &(dyn std::error::Error + 'static)) -> Broken {
    Broken::Again(format!("{what}: {}", error_chain(error)))
}

/// Reads a stream until the server stops.
pub(super) async fn run(app: Arc<App>, feed: Arc<Feed>, mut stop: watch::Receiver<bool>) {
    let mut wait_ms = BACKOFF_MS.0;
    loop {
        let began_ms = app.clock.monotonic_ms();
        let why = match session(&app, &feed, &stop).await {
            Ok(()) | Err(Broken::Ended(Ended::Stop)) => return,
            Err(Broken::Ended(Ended::Gap(gap))) => {
                let why = format!("{gap}. Set `on_gap = \"continue\"` to go on without them");
                feed.note(StreamState::Stopped, Some(why));
                told(&mut stop).await;
                return;
            }
            Err(Broken::Again(why)) => why,
        };
        feed.note(StreamState::Away, Some(why));
        // One that held for a while is tried again at once.
        if app.clock.monotonic_ms().saturating_sub(began_ms) > BACKOFF_MS.1 {
            wait_ms = BACKOFF_MS.0;
        }
        let mut jitter = [0; 1];
        app.entropy.fill(&mut jitter);
        let jitter_ms = wait_ms * u64::from(u8::from_le_bytes(jitter)) / 1_024;
        tokio::select! {
            () = tokio::time::sleep(Duration::from_millis(wait_ms + jitter_ms)) => {}
            () = told(&mut stop) => return,
        }
        wait_ms = (wait_ms * 2).min(BACKOFF_MS.1);
    }
}

/// One connection, from its place on.
async fn session(app: &App, feed: &Feed, stop: &watch::Receiver<bool>) -> Result<(), Broken> {
    let mut stopped = stop.clone();
    tokio::select! {
        ended = Box::pin(read(app, feed, stop)) => ended,
        () = told(&mut stopped) => Err(Ended::Stop.into()),
    }
}

async fn read(app: &App, feed: &Feed, stop: &watch::Receiver<bool>) -> Result<(), Broken> {
    let settings = &feed.settings;
    let (lost, mut disconnected) = watch::channel(false);
    let client = connect(settings, lost).await?;
    let mut context = jetstream::new(client.clone());
    context.set_timeout(REQUEST_TIMEOUT);
    let stream = context.get_stream(&settings.stream).await;
    let stream = stream.map_err(|error| {
        again(
            &format!("stream `{}` cannot be read", settings.stream),
            &error,
        )
    })?;
    let info = stream.cached_info();
    check_retention(settings, info)?;
    let mut reader = Reader {
        app,
        feed,
        stop: stop.clone(),
        follow: match (&settings.durable, settings.subjects.is_empty()) {
            (None, true) => Follow::All,
            (Some(_), _) | (None, false) => Follow::Some,
        },
        offset: StreamOffset::default(),
    };
    let plan = place::plan(kept(app, feed)?, found(info), settings.start);
    if let Some(gap) = &plan.gap {
        if place::ends(true, settings.on_gap) {
            return Err(Ended::Gap(gap.clone()).into());
        }
        tracing::warn!(stream = settings.name, gap, "a gap in the stream");
    }
    reader.offset = plan.offset;
    if plan.changed {
        reader.keep(plan.offset).await?;
    }
    let mut consumer = consumer(&stream, settings, &plan).await?;
    let mut fetched = Fetched {
        messages: messages(&client, settings, &consumer).await?,
        next_delivery: match settings.durable {
            None => Some(1),
            Some(_) => None,
        },
        // The place of the first message of a time is not known before it comes.
        is_placed: matches!(plan.begin, Begin::Behind(_)),
        failed: None,
    };
    feed.note(StreamState::Reading, None);
    let mut looks = tokio::time::interval(LOOK_EVERY);
    looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = told(&mut disconnected) => {
                return Err(Broken::Again("the connection was lost".to_owned()));
            }
            first = fetched.messages.next() => {
                let delivered = fetched.gather(first, settings);
                if !delivered.is_empty() {
                    count(&mut reader, &mut fetched, &delivered).await?;
                }
                if let Some(why) = fetched.failed.take() {
                    return Err(Broken::Again(why));
                }
            }
            _ = looks.tick() => look(&mut reader, &stream, &mut consumer, &fetched).await?,
        }
    }
}

/// Counts what was delivered, and acknowledges it then.
async fn count(
    reader: &mut Reader<'_>,
    fetched: &mut Fetched,
    delivered: &[Delivered],
) -> Result<(), Broken> {
    let mut messages = Vec::with_capacity(delivered.len());
    let mut pending = 0;
    for one in delivered {
        let info = one.info();
        let info = info.map_err(|error| again("a message has no place", error.as_ref()))?;
        fetched.follows(info.consumer_sequence)?;
        if !std::mem::replace(&mut fetched.is_placed, true) {
            reader.offset.sequence = info.stream_sequence.saturating_sub(1);
        }
        pending = info.pending;
        messages.push(Message {
            payload: one.payload.clone(),
            sequence: info.stream_sequence,
            at: EpochMs(ms_of(info.published.unix_timestamp_nanos())),
        });
    }
    reader.count(&messages).await?;
    acknowledge(reader.feed, delivered).await?;
    reader.feed.note_lag(pending);
    Ok(())
}

/// Tells the server of a durable consumer what needs not come again.
async fn acknowledge(feed: &Feed, delivered: &[Delivered]) -> Result<(), Broken> {
    if feed.settings.durable.is_none() {
        return Ok(());
    }
    for one in delivered {
        let sent = one.ack().await;
        sent.map_err(|error| again("a message could not be acknowledged", error.as_ref()))?;
    }
    Ok(())
}

/// What comes from the server.
struct Fetched {
    messages: Messages,
    /// The number of the next delivery; `None` where messages are delivered again.
    next_delivery: Option<u64>,
    is_placed: bool,
    /// Why nothing more comes.
    failed: Option<String>,
}

impl Fetched {
    /// The message that came, and those that are here already.
    fn gather(
        &mut self,
        first: Option<Result<Delivered, async_nats::jetstream::consumer::pull::MessagesError>>,
        settings: &StreamSettings,
    ) -> Vec<Delivered> {
        let mut all = Vec::new();
        let (mut next, mut bytes) = (first, 0_usize);
        loop {
            match next {
                Some(Ok(message)) => {
                    bytes = bytes.saturating_add(message.payload.len());
                    all.push(message);
                }
                // What came before it is counted first.
                Some(Err(error)) => {
                    self.failed = Some(format!("no messages come: {}", error_chain(&error)));
                    break;
                }
                None => {
                    self.failed = Some("the messages ended".to_owned());
                    break;
                }
            }
            if all.len() >= settings.batch_messages_max || bytes >= settings.batch_bytes_max {
                break;
            }
            // Without the scheduler's say: what is here is taken together.
            let here = tokio::task::unconstrained(self.messages.next()).now_or_never();
            let Some(here) = here else { break };
            next = here;
        }
        all
    }

    /// Sees that no delivery was lost on the way.
    fn follows(&mut self, delivery: u64) -> Result<(), Broken> {
        let Some(expected) = self.next_delivery else {
            return Ok(());
        };
        if delivery != expected {
            let why = format!("delivery {expected} was lost on the way, {delivery} came");
            return Err(Broken::Again(why));
        }
        self.next_delivery = Some(expected.saturating_add(1));
        Ok(())
    }
}

/// Looks at the end of the stream.
async fn look(
    reader: &mut Reader<'_>,
    stream: &Stream,
    consumer: &mut Consumer<Config>,
    fetched: &Fetched,
) -> Result<(), Broken> {
    let info = stream.get_info().await;
    let info = info.map_err(|error| again("the stream cannot be looked at", &error))?;
    let here = found(&info);
    if here.created_ns != reader.offset.created_ns || here.last < reader.offset.sequence {
        return Err(Broken::Again("the stream is another one now".to_owned()));
    }
    let state = consumer.info().await;
    let state = state.map_err(|error| again("the consumer cannot be looked at", &error))?;
    let on_the_way = match fetched.next_delivery {
        Some(next) => state
            .delivered
            .consumer_sequence
            .saturating_sub(next.saturating_sub(1)),
        None => u64::try_from(state.num_ack_pending).unwrap_or(u64::MAX),
    };
    let lag = state.num_pending.saturating_add(on_the_way);
    reader.feed.note_lag(lag);
    if lag == 0 && fetched.is_placed {
        skip(reader, here.last).await?;
    }
    Ok(())
}

/// Goes on to the end of the stream: it was asked for first, so all of ours before it
/// were counted, or are gone.
async fn skip(reader: &mut Reader<'_>, last: u64) -> Result<(), Broken> {
    let skipped = last.saturating_sub(reader.offset.sequence);
    let mut offset = StreamOffset {
        sequence: last,
        ..reader.offset
    };
    match reader.follow {
        // Messages of other subjects come and go; a place far behind them would look like
        // a gap.
        Follow::Some if skipped < SKIPPED_KEEP_MIN => return Ok(()),
        Follow::Some => {}
        Follow::All if skipped == 0 => return Ok(()),
        Follow::All => {
            let gap = format!("{skipped} messages are gone that were not read, up to {last}");
            let settings = &reader.feed.settings;
            if place::ends(true, settings.on_gap) {
                return Err(Ended::Gap(gap).into());
            }
            tracing::warn!(stream = settings.name, gap, "a gap in the stream");
            offset.missing = offset.missing.saturating_add(skipped);
        }
    }
    Ok(reader.keep(offset).await?)
}

fn kept(app: &App, feed: &Feed) -> Result<Option<StreamOffset>, Broken> {
    let all = app.store.stream_offsets();
    let all = all.map_err(|error| again("the place cannot be read", &error))?;
    let own = all.into_iter().find(|(source, _)| *source == feed.source);
    Ok(own.map(|(_, offset)| offset))
}

fn found(info: &Info) -> Found {
    let state = &info.state;
    Found {
        created_ns: u64::try_from(info.created.unix_timestamp_nanos())
            .unwrap_or(1)
            .max(1),
        // A stream that never had a message begins with 1.
        first: state.first_sequence.max(1),
        last: state.last_sequence,
    }
}

fn ms_of(ns: i128) -> i64 {
    i64::try_from(ns.div_euclid(1_000_000)).unwrap_or(0)
}

/// A stream that lets go of what was acknowledged needs somebody who acknowledges.
fn check_retention(settings: &StreamSettings, info: &Info) -> Result<(), Broken> {
    let word = match info.config.retention {
        RetentionPolicy::Limits => return Ok(()),
        RetentionPolicy::Interest => "until all consumers have acknowledged them",
        RetentionPolicy::WorkQueue => "until one consumer has acknowledged them",
    };
    if settings.durable.is_some() {
        return Ok(());
    }
    Err(Broken::Again(format!(
        "stream `{}` keeps messages {word}: name a consumer with `durable`",
        settings.stream
    )))
}

/// The consumer, from the place on.
async fn consumer(
    stream: &Stream,
    settings: &StreamSettings,
    plan: &Plan,
) -> Result<Consumer<Config>, Broken> {
    let failed =
        |error: &(dyn std::error::Error + 'static)| again("no consumer could be made", error);
    if let Some(name) = &settings.durable
        && let Ok(consumer) = stream.get_consumer::<Config>(name).await
    {
        let acknowledged = consumer.cached_info().ack_floor.stream_sequence;
        let retention = stream.cached_info().config.retention;
        let is_ahead = acknowledged > plan.offset.sequence;
        if !is_ahead {
            return Ok(consumer);
        }
        // More was acknowledged than we have: this is an older state of ours.
        match retention {
            RetentionPolicy::Limits => {
                let deleted = stream.delete_consumer(name).await;
                deleted.map_err(|error| failed(&error))?;
            }
            RetentionPolicy::Interest | RetentionPolicy::WorkQueue => {
                tracing::warn!(
                    stream = settings.name,
                    acknowledged,
                    counted = plan.offset.sequence,
                    "messages were acknowledged that are not counted here: the stream has let go of them"
                );
                return Ok(consumer);
            }
        }
    }
    let retention = stream.cached_info().config.retention;
    let config = config(settings, plan, retention)?;
    let made = stream.create_consumer(config).await;
    made.map_err(|error| failed(&error))
}

fn config(
    settings: &StreamSettings,
    plan: &Plan,
    retention: RetentionPolicy,
) -> Result<Config, Broken> {
    let deliver_policy = match plan.begin {
        // All that is there was not acknowledged, and the server allows nothing else.
        _ if matches!(retention, RetentionPolicy::WorkQueue) => DeliverPolicy::All,
        Begin::Behind(place) => DeliverPolicy::ByStartSequence {
            start_sequence: place.saturating_add(1),
        },
        Begin::Time(EpochMs(ms)) => {
            let time = async_nats::datetime::from_nanos(i128::from(ms) * 1_000_000);
            let start_time = time.map_err(|error| again("`start` is no time", error.as_ref()))?;
            DeliverPolicy::ByStartTime { start_time }
        }
    };
    let mut config = Config {
        deliver_policy,
        description: Some("chatmetric".to_owned()),
        ..Config::default()
    };
    match settings.subjects.as_slice() {
        [] => {}
        [one] => config.filter_subject.clone_from(one),
        more => config.filter_subjects = more.to_vec(),
    }
    match &settings.durable {
        Some(name) => {
            config.durable_name = Some(name.clone());
            config.ack_policy = AckPolicy::Explicit;
            config.ack_wait = ACK_WAIT;
            let most = settings.batch_messages_max.saturating_mul(4);
            config.max_ack_pending = i64::try_from(most).unwrap_or(i64::MAX);
        }
        None => {
            config.ack_policy = AckPolicy::None;
            config.inactive_threshold = INACTIVE_THRESHOLD;
            config.memory_storage = true;
            config.num_replicas = 1;
        }
    }
    Ok(config)
}

/// Messages as they come; so many are on the way at a time.
async fn messages(
    client: &Client,
    settings: &StreamSettings,
    consumer: &Consumer<Config>,
) -> Result<Messages, Broken> {
    // A message that is longer than the request would never come.
    let longest = client
        .server_info()
        .max_payload
        .saturating_add(MESSAGE_EXTRA_BYTES);
    let messages = consumer
        .stream()
        .max_messages_per_batch(settings.batch_messages_max)
        .max_bytes_per_batch(settings.batch_bytes_max.max(longest))
        .expires(PULL_EXPIRES)
        .heartbeat(HEARTBEAT)
        .messages()
        .await;
    messages.map_err(|error| again("no messages could be asked for", &error))
}

/// Connects. The files are read each time, so that changed ones count.
async fn connect(settings: &StreamSettings, lost: watch::Sender<bool>) -> Result<Client, Broken> {
    let mut servers = Vec::with_capacity(settings.urls.len());
    for url in &settings.urls {
        let server: Result<ServerAddr, _> = url.parse();
        servers.push(server.map_err(|error| again("`urls`", &error))?);
    }
    let options = options(settings)?;
    let lost = Arc::new(lost);
    let options = options
        .name(format!("chatmetric {}", settings.source()))
        .connection_timeout(CONNECT_TIMEOUT)
        .request_timeout(Some(REQUEST_TIMEOUT))
        .ping_interval(PING_INTERVAL)
        .require_tls(settings.tls)
        .event_callback(move |event| {
            let lost = Arc::clone(&lost);
            async move {
                match event {
                    Event::Disconnected | Event::Closed | Event::SlowConsumer(_) => {
                        lost.send_replace(true);
                    }
                    Event::Connected
                    | Event::LameDuckMode
                    | Event::Draining
                    | Event::ServerError(_)
                    | Event::ClientError(_) => {}
                }
            }
        });
    let connected = tokio::time::timeout(CONNECT_TIMEOUT, options.connect(servers)).await;
    let connected = connected.map_err(|_| Broken::Again("the servers do not answer".to_owned()))?;
    connected.map_err(|error| match error.kind() {
        ConnectErrorKind::AuthorizationViolation | ConnectErrorKind::Authentication => {
            Broken::Again(format!(
                "the server refuses the credentials of stream `{}` ({})",
                settings.name,
                error_chain(&error)
            ))
        }
        ConnectErrorKind::ServerParse
        | ConnectErrorKind::Dns
        | ConnectErrorKind::TimedOut
        | ConnectErrorKind::Tls
        | ConnectErrorKind::Io
        | ConnectErrorKind::MaxReconnects => again("the servers are not reached", &error),
    })
}

fn options(settings: &StreamSettings) -> Result<ConnectOptions, Broken> {
    let read = |path: &Path| secret(path).map_err(Broken::Again);
    let mut options = ConnectOptions::new();
    if let Some(path) = &settings.credentials_file {
        let text = nats_credentials(path).map_err(Broken::Again)?;
        options = options
            .credentials(&text)
            .map_err(|error| again(&format!("`{}` has no credentials", path.display()), &error))?;
    } else if let Some(path) = &settings.token_file {
        options = options.token((*read(path)?).clone());
    } else if let (Some(user), Some(path)) = (&settings.user, &settings.password_file) {
        options = options.user_and_password(user.clone(), (*read(path)?).clone());
    }
    if let Some(path) = &settings.tls_ca_file {
        options = options.add_root_certificates(path.clone());
    }
    if let (Some(certificate), Some(key)) = (&settings.tls_cert_file, &settings.tls_key_file) {
        options = options.add_client_certificate(certificate.clone(), key.clone());
    }
    Ok(options)
}
