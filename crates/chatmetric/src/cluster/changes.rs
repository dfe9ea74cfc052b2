//! The changes of the directory in a stream of JetStream: change n is message n.
//!
//! The server gives numbers out and takes a message only with the number that the node
//! expected: what buckets of keys do with their revisions, and of them it keeps 64. A
//! thread with a runtime of its own talks to the servers, so that whoever changes the
//! directory may wait here without being on one.
//!
//! Not here: what a change is (`directory::shared`), pictures of the whole. Invariant:
//! what came in is handed out once, in order, without a gap.

use super::JoinError;
use super::connection::connect;
use crate::config::ClusterSettings;
use crate::directory::{ChangeLog, ProposeError};
use async_nats::jetstream::consumer::{DeliverPolicy, pull};
use async_nats::jetstream::context::PublishErrorKind;
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::{self, stream};
use chatmetric_cluster::migrate::installation_in;
use futures_util::StreamExt;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How long a change may take, with everything that may be slow in it.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
/// What the name of the stream ends with, behind that of the cluster.
const SUFFIX: &str = "-directory";
/// How long to wait before reading is tried again.
const PAUSE: Duration = Duration::from_millis(250);
/// How often the stream is tried to be made.
const MAKE_TRIES_MAX: u32 = 60;
/// A picture is due every so many changes.
const PICTURE_EVERY: u64 = 500;
/// Room for subject and headers beside the longest change, in bytes.
const MESSAGE_EXTRA_BYTES: usize = 4_096;

/// What came in and was not handed out yet.
#[derive(Default)]
struct Arrived {
    changes: BTreeMap<u64, Vec<u8>>,
    /// All up to this one came in, here or in the file before.
    last: u64,
}

/// The stream, and what came from it.
pub(crate) struct ChangeStream {
    runtime: Option<tokio::runtime::Runtime>,
    handle: tokio::runtime::Handle,
    pub(super) context: jetstream::Context,
    name: String,
    pub(super) replicas: usize,
    arrived: Arc<Places>,
    picture_due: AtomicBool,
}

#[derive(Default)]
struct Places {
    arrived: Mutex<Arrived>,
    came: Condvar,
}

impl Places {
    fn lock(&self) -> MutexGuard<'_, Arrived> {
        // Entries are put in whole.
        self.arrived.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ChangeStream {
    /// Connects, and makes the stream when it is not there.
    ///
    /// # Errors
    /// [`JoinError::Connect`], [`JoinError::Servers`].
    pub(crate) fn open(settings: &ClusterSettings) -> Result<Self, JoinError> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("directory-changes")
            .enable_all()
            .build()
            .map_err(|error| JoinError::servers("start a thread", &error))?;
        let name = format!("{}{SUFFIX}", settings.name);
        let config = stream::Config {
            name: name.clone(),
            subjects: vec![name.clone()],
            description: Some("Changes of chatmetric's directory, one a message".to_owned()),
            num_replicas: settings.replicas,
            storage: stream::StorageType::File,
            deny_delete: true,
            ..stream::Config::default()
        };
        let context = runtime.block_on(async {
            let context = jetstream::new(connect(settings).await?);
            make(&context, &config).await?;
            Ok::<_, JoinError>(context)
        })?;
        Ok(Self {
            handle: runtime.handle().clone(),
            runtime: Some(runtime),
            context,
            name,
            replicas: settings.replicas,
            arrived: Arc::default(),
            picture_due: AtomicBool::new(false),
        })
    }

    /// Waits for something of the servers.
    pub(super) fn wait<T>(&self, work: impl Future<Output = T>) -> T {
        self.handle.block_on(work)
    }

    /// The name of the bucket of pictures.
    pub(super) fn bucket(&self) -> String {
        format!("{}-pictures", self.name)
    }

    /// The numbers of the first and the last change that are on the servers; the last is 0
    /// while nobody made one.
    pub(super) fn numbers(&self) -> Result<(u64, u64), JoinError> {
        self.wait(numbers(&self.context, &self.name))
    }

    /// Whose counts the cluster was given, if they came from an instance.
    pub(super) fn counts_of(&self) -> Result<Option<String>, JoinError> {
        let prefix = self.name.strip_suffix(SUFFIX).unwrap_or(&self.name);
        let counts = self.wait(installation_in(&self.context, prefix));
        counts.map_err(|error| JoinError::servers("look whose counts the cluster has", &error))
    }

    /// Waits.
    pub(super) fn pause(&self, pause: Duration) {
        self.wait(async { tokio::time::sleep(pause).await });
    }

    /// A change, sealed.
    pub(super) fn change(&self, sequence: u64) -> Result<Vec<u8>, JoinError> {
        let read = "read a change of the directory";
        self.wait(async {
            let stream = self.context.get_stream(&self.name).await;
            let stream = stream.map_err(|error| JoinError::servers(read, &error))?;
            let message = stream.get_raw_message(sequence).await;
            let message = message.map_err(|error| JoinError::servers(read, &error))?;
            Ok(message.payload.to_vec())
        })
    }

    /// Lets go of changes before this one.
    pub(super) fn purge_before(&self, sequence: u64) -> Result<(), JoinError> {
        let purge = "let old changes of the directory go";
        self.wait(async {
            let stream = self.context.get_stream(&self.name).await;
            let stream = stream.map_err(|error| JoinError::servers(purge, &error))?;
            let purged = stream.purge().sequence(sequence).await;
            purged.map_err(|error| JoinError::servers(purge, &error))?;
            Ok(())
        })
    }

    /// Begins to read behind this change.
    pub(crate) fn read_behind(&self, sequence: u64) {
        self.arrived.lock().last = sequence;
        let (context, name) = (self.context.clone(), self.name.clone());
        let places = Arc::downgrade(&self.arrived);
        self.handle.spawn(async move {
            loop {
                let Some(now) = places.upgrade() else { return };
                if let Err(error) = read(&context, &name, &now).await {
                    tracing::warn!(
                        error,
                        "changes of the directory cannot be read; trying again"
                    );
                }
                drop(now);
                tokio::time::sleep(PAUSE).await;
            }
        });
    }

    /// Waits until more came in than `seen`, or for `most`; tells the last that did.
    pub(crate) fn wait_beyond(&self, seen: u64, most: Duration) -> u64 {
        let arrived = self.arrived.lock();
        let waited = self
            .arrived
            .came
            .wait_timeout_while(arrived, most, |arrived| arrived.last <= seen);
        waited.map_or(seen, |(arrived, _)| arrived.last)
    }

    /// Whether a picture of the directory is due that this node has to make.
    pub(crate) fn take_picture_due(&self) -> bool {
        self.picture_due.swap(false, Ordering::Relaxed)
    }
}

/// Servers that have just started have no leader yet.
async fn make(context: &jetstream::Context, config: &stream::Config) -> Result<(), JoinError> {
    let mut tries = 0;
    loop {
        match context.get_or_create_stream(config.clone()).await {
            Ok(_) => return Ok(()),
            Err(error) if tries == MAKE_TRIES_MAX => {
                return Err(JoinError::servers(
                    "make the stream of the directory",
                    &error,
                ));
            }
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
        tries += 1;
    }
}

async fn numbers(context: &jetstream::Context, name: &str) -> Result<(u64, u64), JoinError> {
    let stream = context.get_stream(name).await;
    let stream = stream
        .map_err(|error| JoinError::servers("look at the stream of the directory", &error))?;
    let state = &stream.cached_info().state;
    Ok((state.first_sequence, state.last_sequence))
}

/// Reads until something breaks.
async fn read(context: &jetstream::Context, name: &str, places: &Places) -> Result<(), String> {
    let said = |error: &(dyn std::error::Error + 'static)| crate::cli::error_chain(error);
    let start_sequence = places.lock().last.saturating_add(1);
    let stream = context.get_stream(name).await;
    let consumer = stream
        .map_err(|error| said(&error))?
        .create_consumer(pull::OrderedConfig {
            deliver_policy: DeliverPolicy::ByStartSequence { start_sequence },
            ..pull::OrderedConfig::default()
        })
        .await;
    let messages = consumer.map_err(|error| said(&error))?.messages().await;
    let mut messages = messages.map_err(|error| said(&error))?;
    while let Some(message) = messages.next().await {
        let message = message.map_err(|error| said(&error))?;
        let info = message.info().map_err(|error| said(error.as_ref()))?;
        let mut arrived = places.lock();
        let next = arrived.last.saturating_add(1);
        if info.stream_sequence < next {
            continue;
        }
        if info.stream_sequence > next {
            return Err(format!(
                "change {next} is gone, {} comes next: restart this node, which begins with a \
                 picture then",
                info.stream_sequence
            ));
        }
        arrived.changes.insert(next, message.payload.to_vec());
        arrived.last = next;
        drop(arrived);
        places.came.notify_all();
    }
    Ok(())
}

impl Drop for ChangeStream {
    fn drop(&mut self) {
        // The last holder may be on a runtime, where nobody may wait.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl ChangeLog for ChangeStream {
    fn propose(&self, revision: u64, change: Vec<u8>) -> Result<(), ProposeError> {
        let most = self.context.client().server_info().max_payload;
        let most = most.saturating_sub(MESSAGE_EXTRA_BYTES);
        if change.len() > most {
            let bytes = change.len();
            return Err(ProposeError::Unknown(format!(
                "it has {bytes} bytes, and messages of the servers at most {most}: make it in \
                 several steps"
            )));
        }
        let message = PublishMessage::build()
            .payload(change.into())
            .expected_last_sequence(revision.saturating_sub(1));
        let (context, subject) = (self.context.clone(), self.name.clone());
        let (tell, told) = std::sync::mpsc::channel();
        self.handle.spawn(async move {
            let sent = context.send_publish(subject, message).await;
            let acknowledged = match sent {
                Ok(sent) => sent.await.map(drop),
                Err(error) => Err(error),
            };
            drop(tell.send(acknowledged));
        });
        match told.recv_timeout(ANSWER_TIMEOUT) {
            Ok(Ok(())) => {
                if revision.is_multiple_of(PICTURE_EVERY) {
                    self.picture_due.store(true, Ordering::Relaxed);
                }
                Ok(())
            }
            Ok(Err(error)) if error.kind() == PublishErrorKind::WrongLastSequence => {
                Err(ProposeError::Taken)
            }
            Ok(Err(error)) => Err(ProposeError::Unknown(crate::cli::error_chain(&error))),
            Err(_) => Err(ProposeError::Unknown("no answer in time".to_owned())),
        }
    }

    fn take(&self, revision: u64) -> Option<Vec<u8>> {
        let mut arrived = self.arrived.lock();
        // What came before it is in the file.
        arrived.changes = arrived.changes.split_off(&revision);
        arrived.changes.get(&revision).cloned()
    }

    fn refresh(&self) -> Result<(), String> {
        let (context, name) = (self.context.clone(), self.name.clone());
        let (tell, told) = std::sync::mpsc::channel();
        self.handle.spawn(async move {
            let looked = numbers(&context, &name).await;
            drop(tell.send(looked.map_err(|error| crate::cli::error_chain(&error))));
        });
        let looked = told.recv_timeout(ANSWER_TIMEOUT);
        let (_, last) = looked.map_err(|_| "no answer in time".to_owned())??;
        if self.wait_beyond(last.saturating_sub(1), ANSWER_TIMEOUT) < last {
            return Err(format!("change {last} does not come"));
        }
        Ok(())
    }
}
