//! Used nonces of all accounts, in a stream in the memory of the servers.
//!
//! A message an admitted call, a subject an account, for as long as a nonce may matter.
//! Memory is enough: a nonce is lost when a majority of the servers stops at once, and then
//! only requests could be sent again that are minutes old. Not here: when a nonce is used.
//! Invariant: a nonce is on a majority of the servers before [`Nonces::keep`] returns.

use crate::cli::error_chain;
use async_nats::jetstream::consumer::{DeliverPolicy, pull};
use async_nats::jetstream::{self, stream};
use chatmetric_core::AccountKey;
use chatmetric_rpc::nonce::{NonceEntry, NonceHash};
use futures_util::StreamExt;
use std::time::Duration;

/// The wait before reading is tried again.
const AGAIN_AFTER: Duration = Duration::from_millis(100);
/// Bytes of an entry.
const ENTRY_BYTES: usize = 24;

/// The stream.
pub(super) struct Nonces {
    context: jetstream::Context,
    name: String,
}

impl Nonces {
    /// Makes the stream when it is not there.
    pub(super) async fn open(
        context: jetstream::Context,
        cluster: &str,
        replicas: usize,
        kept: Duration,
    ) -> Result<Self, String> {
        let name = format!("{cluster}-nonces");
        let config = stream::Config {
            name: name.clone(),
            subjects: vec![format!("{name}.*")],
            description: Some("Nonces of admitted calls".to_owned()),
            num_replicas: replicas,
            storage: stream::StorageType::Memory,
            max_age: kept,
            ..stream::Config::default()
        };
        let made = context.get_or_create_stream(config).await;
        made.map_err(|error| error_chain(&error))?;
        Ok(Self { context, name })
    }

    /// Keeps the nonce of a call that was admitted.
    pub(super) async fn keep(&self, account: AccountKey, entry: NonceEntry) -> Result<(), String> {
        let mut bytes = Vec::with_capacity(ENTRY_BYTES);
        bytes.extend_from_slice(&entry.hash.to_bytes());
        bytes.extend_from_slice(&entry.expires_ms.to_be_bytes());
        let subject = format!("{}.{}", self.name, account.0);
        let sent = self.context.publish(subject, bytes.into()).await;
        let kept = sent.map_err(|error| error_chain(&error))?.await;
        kept.map(drop).map_err(|error| error_chain(&error))
    }

    /// The nonces of an account that are there; tried until it works.
    pub(super) async fn of_account(&self, account: AccountKey) -> Vec<NonceEntry> {
        loop {
            match self.read(account).await {
                Ok(entries) => return entries,
                Err(error) => {
                    tracing::warn!(
                        error,
                        "the nonces of an account cannot be read; trying again"
                    );
                    tokio::time::sleep(AGAIN_AFTER).await;
                }
            }
        }
    }

    async fn read(&self, account: AccountKey) -> Result<Vec<NonceEntry>, String> {
        let stream = self.context.get_stream(&self.name).await;
        let stream = stream.map_err(|error| error_chain(&error))?;
        let consumer = stream
            .create_consumer(pull::OrderedConfig {
                deliver_policy: DeliverPolicy::All,
                filter_subject: format!("{}.{}", self.name, account.0),
                ..pull::OrderedConfig::default()
            })
            .await;
        let mut consumer = consumer.map_err(|error| error_chain(&error))?;
        let info = consumer.info().await.map_err(|error| error_chain(&error))?;
        let mut left = info.num_pending;
        let mut entries = Vec::new();
        if left == 0 {
            return Ok(entries);
        }
        let messages = consumer.messages().await;
        let mut messages = messages.map_err(|error| error_chain(&error))?;
        while let Some(message) = messages.next().await {
            let message = message.map_err(|error| error_chain(&error))?;
            entries.extend(entry(&message.payload));
            left = message.info().map_or(0, |info| info.pending);
            if left == 0 {
                break;
            }
        }
        Ok(entries)
    }
}

fn entry(bytes: &[u8]) -> Option<NonceEntry> {
    let (hash, rest) = bytes.split_first_chunk::<16>()?;
    let expires_ms = i64::from_be_bytes(rest.try_into().ok()?);
    Some(NonceEntry {
        hash: NonceHash::from_bytes(*hash),
        expires_ms,
    })
}
