//! The leases of this member.
//!
//! Not here: whom to ask. Invariants: a decision falls between the take-over's silence and
//! the end of the lease, both by the clock of this machine that never goes back; a lease of
//! a member that is there is left alone.

use super::{Decider, KEPT_WITHIN, lock};
use crate::error::{ClusterError, failed};
use crate::members::{Members, View};
use async_nats::jetstream::kv::{self, CreateErrorKind, Operation, UpdateErrorKind};
use chatmetric_core::AccountKey;
use chatmetric_store::coding::{Reader, put_bytes, put_varint};
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::time::Instant;

/// How often a lease that changes under our hands is looked at again.
const TRIES: usize = 3;

/// What became of a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The decision.
    Decided(Vec<u8>),
    /// The lease is new; nothing is decided for so long.
    NotYet(Duration),
    /// Another member is the owner.
    Other(String),
}

/// A lease that this member has, or had.
#[derive(Debug, Clone, Copy)]
struct Held {
    /// The revision of the key: whoever has changed it since has another lease.
    revision: u64,
    opens_at: Instant,
    ends_at: Instant,
}

type Account = Arc<tokio::sync::Mutex<Option<Held>>>;

pub(super) struct Leases {
    bucket: kv::Store,
    name: String,
    incarnation: u64,
    ttl: Duration,
    decider: Arc<dyn Decider>,
    accounts: Mutex<HashMap<AccountKey, Account>>,
}

impl fmt::Debug for Leases {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Leases")
            .field("name", &self.name)
            .field("ttl", &self.ttl)
            .finish_non_exhaustive()
    }
}

impl Leases {
    pub(super) fn new(
        bucket: kv::Store,
        members: &Members,
        ttl: Duration,
        decider: Arc<dyn Decider>,
    ) -> Self {
        Self {
            bucket,
            name: members.name().to_owned(),
            incarnation: members.incarnation(),
            ttl,
            decider,
            accounts: Mutex::default(),
        }
    }

    /// Decides, if this member is the owner or can become it.
    pub(super) async fn decide(
        &self,
        account: AccountKey,
        question: &[u8],
        view: &View,
    ) -> Result<Verdict, ClusterError> {
        let held = Arc::clone(lock(&self.accounts).entry(account).or_default());
        let mut held = held.lock().await;
        let now = Instant::now();
        // Renewed ahead, so that a lease in use does not end.
        let lasts = held.is_some_and(|it| it.ends_at > now + self.ttl / 2);
        if !lasts {
            match self.acquire(account, &mut held, view).await {
                Ok(None) => {}
                Ok(Some(other)) => {
                    *held = None;
                    return Ok(Verdict::Other(other));
                }
                // What is left of the lease is ours all the same.
                Err(error) if held.is_none() => return Err(error),
                Err(error) => {
                    let reason = crate::error::chain(&error);
                    tracing::debug!(reason, "a lease could not be renewed yet");
                }
            }
        }
        let Some(lease) = *held else {
            return Err(undecided("the lease could not be taken"));
        };
        let now = Instant::now();
        if now < lease.opens_at {
            return Ok(Verdict::NotYet(lease.opens_at - now));
        }
        if now >= lease.ends_at {
            return Err(undecided("the lease has ended"));
        }
        let decision = self.decider.decide(account, question);
        // It may have taken longer than the lease.
        if Instant::now() >= lease.ends_at {
            return Err(undecided("the lease ended meanwhile"));
        }
        Ok(Verdict::Decided(decision))
    }

    /// Takes or renews the lease; gives the owner if that is another one.
    async fn acquire(
        &self,
        account: AccountKey,
        held: &mut Option<Held>,
        view: &View,
    ) -> Result<Option<String>, ClusterError> {
        let key = format!("a{}", account.0);
        for _ in 0..TRIES {
            // The lease counts from before it was asked for.
            let asked_at = Instant::now();
            if let Some(lease) = *held {
                match self.update(&key, lease.revision).await? {
                    Some(revision) => {
                        *held = Some(Held {
                            revision,
                            ends_at: asked_at + self.ttl,
                            ..lease
                        });
                        return Ok(None);
                    }
                    None => *held = self.still_ours(&key, lease).await?,
                }
                continue;
            }
            let found = self.entry(&key).await?;
            let Some((revision, owner, _)) = found else {
                if let Some(revision) = self.create(&key).await? {
                    // There was no owner before.
                    self.begin(account, held, revision, asked_at, asked_at);
                    return Ok(None);
                }
                continue;
            };
            if owner != self.name && view.members.contains_key(&owner) {
                return Ok(Some(owner));
            }
            if let Some(revision) = self.update(&key, revision).await? {
                // From now on the owner before cannot renew; what it has lasts as long as
                // a lease at most. A tenth for clocks that run at different speeds.
                let opens_at = Instant::now() + self.ttl + self.ttl / 10 + KEPT_WITHIN;
                self.begin(account, held, revision, opens_at, asked_at);
                return Ok(None);
            }
        }
        Ok(None)
    }

    fn begin(
        &self,
        account: AccountKey,
        held: &mut Option<Held>,
        revision: u64,
        opens_at: Instant,
        asked_at: Instant,
    ) {
        let silent_for = opens_at.saturating_duration_since(Instant::now());
        self.decider.begin(account, revision, silent_for);
        *held = Some(Held {
            revision,
            opens_at,
            ends_at: asked_at + self.ttl,
        });
    }

    /// A renewal may have been made although its answer was lost: the key tells.
    async fn still_ours(&self, key: &str, lease: Held) -> Result<Option<Held>, ClusterError> {
        let found = self.entry(key).await?;
        let own = found.filter(|(_, owner, incarnation)| {
            *owner == self.name && *incarnation == self.incarnation
        });
        Ok(own.map(|(revision, ..)| Held { revision, ..lease }))
    }

    fn value(&self) -> bytes::Bytes {
        let mut out = Vec::new();
        put_bytes(&mut out, self.name.as_bytes());
        put_varint(&mut out, self.incarnation);
        out.into()
    }

    /// Revision, owner and its incarnation.
    async fn entry(&self, key: &str) -> Result<Option<(u64, String, u64)>, ClusterError> {
        let entry = self.bucket.entry(key).await;
        let entry = entry.map_err(|error| failed("read a lease", error))?;
        let Some(entry) = entry.filter(|it| it.operation == Operation::Put) else {
            return Ok(None);
        };
        let mut reader = Reader::new(&entry.value);
        let owner = reader.text().map(str::to_owned);
        let incarnation = reader.varint();
        let read = owner
            .zip(incarnation)
            .ok_or_else(|| ClusterError::Message {
                what: format!("the lease `{key}`"),
            })?;
        Ok(Some((entry.revision, read.0, read.1)))
    }

    /// `None`: somebody else has made it.
    async fn create(&self, key: &str) -> Result<Option<u64>, ClusterError> {
        match self.bucket.create(key, self.value()).await {
            Ok(revision) => Ok(Some(revision)),
            Err(error) if error.kind() == CreateErrorKind::AlreadyExists => Ok(None),
            Err(error) => Err(failed("take a lease", error)),
        }
    }

    /// `None`: it was changed since.
    async fn update(&self, key: &str, revision: u64) -> Result<Option<u64>, ClusterError> {
        match self.bucket.update(key, self.value(), revision).await {
            Ok(revision) => Ok(Some(revision)),
            Err(error) if error.kind() == UpdateErrorKind::WrongLastRevision => Ok(None),
            Err(error) => Err(failed("take a lease", error)),
        }
    }
}

fn undecided(reason: &str) -> ClusterError {
    ClusterError::Undecided {
        reason: reason.to_owned(),
    }
}
