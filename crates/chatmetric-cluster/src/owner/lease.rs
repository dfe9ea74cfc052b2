//! The leases of this member.
//!
//! A lease of another member is taken over when that one is gone, or when it has not been
//! renewed for its length since it was seen here first; whoever asks about an account asks
//! its owner first, and the owner renews. What was seen first was written before, so the
//! silence begins then and not with the take-over.
//!
//! A lease in use is renewed beside the questions: nobody waits for the servers to sync it
//! while the one before lasts.
//!
//! Not here: whom to ask. Invariant: a decision falls between the take-over's silence and
//! the end of the lease, both by the clock of this machine that never goes back.

use super::recent::Recent;
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

/// How long what was read of another member's lease is believed.
const BELIEVED: Duration = Duration::from_millis(100);

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
    /// A renewal is on its way.
    renewing: bool,
}

/// Another member's lease, as it was seen here.
#[derive(Debug, Clone)]
struct Seen {
    owner: String,
    revision: u64,
    /// When it was seen first. It was written before, and ends so much earlier.
    first_at: Instant,
    last_at: Instant,
}

#[derive(Debug, Default)]
enum State {
    #[default]
    Unknown,
    Ours(Held),
    Theirs(Seen),
}

type Account = Arc<tokio::sync::Mutex<State>>;

pub(super) struct Leases {
    bucket: kv::Store,
    name: String,
    incarnation: u64,
    ttl: Duration,
    decider: Arc<dyn Decider>,
    accounts: Mutex<HashMap<AccountKey, Account>>,
    recent: Mutex<Recent>,
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
            recent: Mutex::default(),
        }
    }

    /// Decides, if this member is the owner or can become it. What was decided for `ask` is
    /// said again: its asker has not heard it.
    pub(super) async fn decide(
        self: &Arc<Self>,
        account: AccountKey,
        (ask, question): (&[u8], &[u8]),
        view: &View,
    ) -> Result<Verdict, ClusterError> {
        let slot = Arc::clone(lock(&self.accounts).entry(account).or_default());
        let mut state = slot.lock().await;
        let now = Instant::now();
        let needs_look = match &mut *state {
            State::Unknown => true,
            State::Ours(held) => {
                // Ahead, so that a lease in use does not end.
                let is_due = now < held.ends_at && held.ends_at <= now + self.ttl / 2;
                if is_due && !std::mem::replace(&mut held.renewing, true) {
                    let renewed = Arc::clone(self).renew(account, Arc::clone(&slot), *held);
                    tokio::spawn(renewed);
                }
                held.ends_at <= now
            }
            State::Theirs(seen) => now >= seen.last_at + BELIEVED || self.is_over(seen, view),
        };
        if needs_look && let Err(error) = self.acquire(account, &mut state, view).await {
            // What is left of the lease is ours all the same.
            let State::Ours(_) = &*state else {
                return Err(error);
            };
            let reason = crate::error::chain(&error);
            tracing::debug!(reason, "a lease could not be renewed yet");
        }
        let lease = match &*state {
            State::Ours(held) => *held,
            State::Theirs(seen) => return Ok(Verdict::Other(seen.owner.clone())),
            State::Unknown => return Err(undecided("the lease could not be taken")),
        };
        let now = Instant::now();
        if now < lease.opens_at {
            return Ok(Verdict::NotYet(lease.opens_at - now));
        }
        if now >= lease.ends_at {
            return Err(undecided("the lease has ended"));
        }
        if let Some(decision) = lock(&self.recent).get(account, ask) {
            return Ok(Verdict::Decided(decision));
        }
        let decision = self.decider.decide(account, question);
        lock(&self.recent).put(account, ask, &decision, now);
        // It may have taken longer than the lease.
        if Instant::now() >= lease.ends_at {
            return Err(undecided("the lease ended meanwhile"));
        }
        Ok(Verdict::Decided(decision))
    }

    /// Renews a lease that lasts a while yet; what is asked meanwhile is decided under it.
    async fn renew(self: Arc<Self>, account: AccountKey, slot: Account, held: Held) {
        let key = key_of(account);
        let asked_at = Instant::now();
        let renewed = match self.update(&key, held.revision).await {
            Ok(Some(revision)) => Ok(Some(Held {
                revision,
                ends_at: asked_at + self.ttl,
                renewing: false,
                ..held
            })),
            Ok(None) => self.still_ours(&key, held).await,
            Err(error) => Err(error),
        };
        let mut state = slot.lock().await;
        let State::Ours(now) = &mut *state else {
            return;
        };
        if now.revision != held.revision {
            // A question came after its end, and renewed it for itself.
            return;
        }
        now.renewing = false;
        match renewed {
            Ok(Some(lease)) => *now = lease,
            Ok(None) => *state = State::Unknown,
            Err(error) => {
                let reason = crate::error::chain(&error);
                tracing::debug!(reason, "a lease could not be renewed yet");
            }
        }
    }

    /// Takes or renews the lease, or learns whose it is.
    async fn acquire(
        &self,
        account: AccountKey,
        state: &mut State,
        view: &View,
    ) -> Result<(), ClusterError> {
        let key = key_of(account);
        for _ in 0..TRIES {
            // The lease counts from before it was asked for.
            let asked_at = Instant::now();
            if let State::Ours(lease) = *state {
                if let Some(revision) = self.update(&key, lease.revision).await? {
                    *state = State::Ours(Held {
                        revision,
                        ends_at: asked_at + self.ttl,
                        renewing: false,
                        ..lease
                    });
                    return Ok(());
                }
                *state = match self.still_ours(&key, lease).await? {
                    Some(lease) => State::Ours(lease),
                    None => State::Unknown,
                };
                continue;
            }
            let Some((revision, owner, _)) = self.entry(&key).await? else {
                if let Some(revision) = self.create(&key).await? {
                    // There was no owner before.
                    *state = self.begin(account, revision, asked_at, asked_at);
                    return Ok(());
                }
                continue;
            };
            // From when it was read, not from before: it may have been written meanwhile.
            let seen = see(state, revision, owner, Instant::now());
            if seen.owner != self.name && !self.is_over(&seen, view) {
                *state = State::Theirs(seen);
                return Ok(());
            }
            if let Some(revision) = self.update(&key, revision).await? {
                // Nobody has renewed it since it was seen first, and nobody will.
                let opens_at = (self.end_of(&seen) + KEPT_WITHIN).max(Instant::now());
                *state = self.begin(account, revision, opens_at, asked_at);
                return Ok(());
            }
        }
        Ok(())
    }

    /// When another one's lease ends for sure: a tenth more, for clocks that run at
    /// different speeds.
    fn end_of(&self, seen: &Seen) -> Instant {
        seen.first_at + self.ttl + self.ttl / 10
    }

    /// Whether the owner of a lease is to be followed by another one: it is gone, or has
    /// not renewed it although somebody asked.
    fn is_over(&self, seen: &Seen, view: &View) -> bool {
        !view.members.contains_key(&seen.owner) || Instant::now() >= self.end_of(seen)
    }

    fn begin(
        &self,
        account: AccountKey,
        revision: u64,
        opens_at: Instant,
        asked_at: Instant,
    ) -> State {
        let silent_for = opens_at.saturating_duration_since(Instant::now());
        lock(&self.recent).forget(account);
        self.decider.begin(account, revision, silent_for);
        State::Ours(Held {
            revision,
            opens_at,
            ends_at: asked_at + self.ttl,
            renewing: false,
        })
    }

    /// A renewal may have been made although its answer was lost: the key tells.
    async fn still_ours(&self, key: &str, lease: Held) -> Result<Option<Held>, ClusterError> {
        let found = self.entry(key).await?;
        let own = found.filter(|(_, owner, incarnation)| {
            *owner == self.name && *incarnation == self.incarnation
        });
        Ok(own.map(|(revision, ..)| Held {
            revision,
            renewing: false,
            ..lease
        }))
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

/// The key of an account's lease.
fn key_of(account: AccountKey) -> String {
    format!("a{}", account.0)
}

/// What is known of a lease that has just been read.
fn see(state: &State, revision: u64, owner: String, now: Instant) -> Seen {
    let first_at = match state {
        State::Theirs(before) if before.revision == revision => before.first_at,
        _ => now,
    };
    Seen {
        owner,
        revision,
        first_at,
        last_at: now,
    }
}

fn undecided(reason: &str) -> ClusterError {
    ClusterError::Undecided {
        reason: reason.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_renewed_lease_is_a_new_one() {
        let began = Instant::now();
        let later = began + Duration::from_secs(1);
        let first = see(&State::Unknown, 7, "a".to_owned(), began);
        assert_eq!(first.first_at, began);
        let same = see(&State::Theirs(first.clone()), 7, "a".to_owned(), later);
        assert_eq!((same.first_at, same.last_at), (began, later));
        // Otherwise the silence would be over before the owner's lease is.
        let renewed = see(&State::Theirs(first), 8, "a".to_owned(), later);
        assert_eq!(renewed.first_at, later);
    }
}
