//! Decisions that must be exact over all members: one member decides for an account.
//!
//! The owner has a lease in a bucket: a key that is changed only by who knows its last
//! revision, the fencing token. It decides until its lease ends by its own clock, counted
//! from before the lease was asked for; renewals happen when there is something to decide,
//! so idle accounts cost nothing. Whoever takes a lease over from another member, or from
//! itself before a restart, decides nothing until the length of a lease and a second after
//! it saw that lease first: the last decision of the owner before is a second old by then,
//! however late it was cut off. Callers wait meanwhile, and are told only if it takes long.
//!
//! Not here: what is decided ([`Decider`]). Invariants: two members never decide for an
//! account at a time; what is decided after a take-over is at least a second behind
//! everything that was decided before it.

mod lease;
mod recent;
mod serve;

use crate::assignment::owner_of;
use crate::engine::Engine;
use crate::error::{ClusterError, failed};
use crate::members::Members;
use crate::topology::Topology;
use bytes::Bytes;
use chatmetric_core::AccountKey;
use chatmetric_store::coding::{Reader, put_bytes, put_varint};
use lease::{Leases, Verdict};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// How long one member may take to decide.
const ANSWER_TIMEOUT: Duration = Duration::from_millis(400);
/// The wait before another member is asked.
const AGAIN_AFTER: Duration = Duration::from_millis(30);
/// The wait before an owner that was silent is asked again.
const SILENT_AGAIN_AFTER: Duration = Duration::from_millis(100);
/// Calls that wait at a time because an owner changes; each holds a thread of its server.
const WAITING_MAX: usize = 256;
/// Accounts whose owner is remembered.
const KNOWN_MAX: usize = 100_000;

/// The last decision of an owner is so old when the next one begins. Whoever keeps
/// something for the next owner does it within this time from when the decision was asked
/// for, or does not act on it.
pub const KEPT_WITHIN: Duration = Duration::from_secs(1);

/// What decides. Calls for one account never overlap.
pub trait Decider: Send + Sync + 'static {
    /// This member begins to decide for `account`, and has to forget what it knew of it.
    /// Tokens grow with every owner. It is asked nothing for `silent_for`, and until then the
    /// owner before may have decided: what others keep of decisions is complete only after
    /// that, if they keep it within [`KEPT_WITHIN`].
    fn begin(&self, account: AccountKey, token: u64, silent_for: Duration);

    /// Decides. It must be quick, and must not block.
    fn decide(&self, account: AccountKey, question: &[u8]) -> Vec<u8>;
}

/// What the owner of an account said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decided {
    /// The decision.
    pub bytes: Vec<u8>,
    /// It was made after this: [`KEPT_WITHIN`] counts from here.
    pub asked_at: Instant,
}

/// Asks the owner of an account; this member may be it.
#[derive(Debug, Clone)]
pub struct Owners {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    engine: Engine,
    members: Arc<Members>,
    leases: Arc<Leases>,
    timeout: Duration,
    waiting: Semaphore,
    known: Mutex<HashMap<AccountKey, String>>,
    serving: Mutex<Option<JoinHandle<()>>>,
}

impl Owners {
    /// Takes part in deciding. To be called on the threads of the cluster
    /// ([`ClusterStore::wait`](crate::ClusterStore::wait)).
    ///
    /// # Errors
    /// When questions of others cannot be taken.
    pub async fn start(
        engine: &Engine,
        topology: &Topology,
        members: Arc<Members>,
        lease_ttl: Duration,
        timeout: Duration,
        decider: Arc<dyn Decider>,
    ) -> Result<Self, ClusterError> {
        let leases = Leases::new(topology.leases.clone(), &members, lease_ttl, decider);
        let inner = Arc::new(Inner {
            engine: engine.clone(),
            members,
            leases: Arc::new(leases),
            timeout,
            waiting: Semaphore::new(WAITING_MAX),
            known: Mutex::default(),
            serving: Mutex::default(),
        });
        let serving = serve::start(&inner).await?;
        *lock(&inner.serving) = Some(serving);
        Ok(Self { inner })
    }

    /// Has a question decided by the owner of the account; waits while that changes.
    ///
    /// # Errors
    /// [`ClusterError::Undecided`] when nobody decides in time, and when too many wait.
    pub async fn ask(&self, account: AccountKey, question: &[u8]) -> Result<Decided, ClusterError> {
        let inner = &self.inner;
        let until = Instant::now() + inner.timeout;
        // Nobody else's, also of another process of this name.
        let ask = inner.engine.client.new_inbox();
        let mut waits = None;
        // Whom to ask next, and who has just been silent.
        let (mut next, mut silent): (Option<String>, Option<String>) = (None, None);
        loop {
            let name = match next.take() {
                Some(name) => name,
                None => inner.best(account, silent.as_deref()),
            };
            let asked_at = Instant::now();
            let (reason, pause) = match inner.once(account, (&ask, question), &name).await {
                Ok(Verdict::Decided(bytes)) => {
                    inner.know(account, name);
                    return Ok(Decided { bytes, asked_at });
                }
                Ok(Verdict::NotYet(wait)) => {
                    inner.know(account, name);
                    let reason = format!("the owner changes, for {} ms", wait.as_millis());
                    (reason, wait)
                }
                Ok(Verdict::Other(owner)) => {
                    // One that was silent is asked again, after a while: it may be back.
                    let was_silent = silent.take().is_some_and(|it| it == owner);
                    let pause = if was_silent {
                        SILENT_AGAIN_AFTER
                    } else {
                        Duration::ZERO
                    };
                    next = Some(owner);
                    ("the owner is being looked for".to_owned(), pause)
                }
                Err(error) => {
                    inner.forget(account);
                    if name != inner.members.name() {
                        inner.engine.own.note_silent(&name);
                    }
                    silent = Some(name);
                    (crate::error::chain(&error), AGAIN_AFTER)
                }
            };
            if Instant::now() + pause >= until {
                return Err(ClusterError::Undecided { reason });
            }
            if waits.is_none() {
                let permit = inner.waiting.try_acquire();
                waits = Some(permit.map_err(|_| ClusterError::Undecided {
                    reason: format!("more than {WAITING_MAX} calls wait for an owner"),
                })?);
            }
            tokio::time::sleep(pause).await;
        }
    }
}

impl Inner {
    /// The member that is believed to be the owner; another one than that which is silent.
    fn best(&self, account: AccountKey, silent: Option<&str>) -> String {
        let mut view = self.members.view();
        if let Some(silent) = silent {
            view.members.remove(silent);
        }
        let known = lock(&self.known).get(&account).cloned();
        let known = known.filter(|name| view.members.contains_key(name));
        let best = known.or_else(|| owner_of(account.0, &view).map(str::to_owned));
        best.unwrap_or_else(|| self.members.name().to_owned())
    }

    async fn once(
        &self,
        account: AccountKey,
        (ask, question): (&str, &[u8]),
        name: &str,
    ) -> Result<Verdict, ClusterError> {
        if name == self.members.name() {
            let view = self.members.view();
            let asked = (ask.as_bytes(), question);
            return self.leases.decide(account, asked, &view).await;
        }
        let mut request = Vec::new();
        put_varint(&mut request, account.0.into());
        put_bytes(&mut request, ask.as_bytes());
        request.extend_from_slice(question);
        let subject = self.engine.decisions(name);
        let asked = self.engine.client.request(subject, Bytes::from(request));
        let operation = || format!("ask `{name}` to decide");
        let answer = tokio::time::timeout(ANSWER_TIMEOUT, asked).await;
        let answer = answer.map_err(|_| ClusterError::Timeout {
            operation: operation(),
        })?;
        let answer = answer.map_err(|error| failed(operation(), error))?;
        verdict(&answer.payload).ok_or_else(|| ClusterError::Message {
            what: "a decision".to_owned(),
        })
    }

    fn know(&self, account: AccountKey, name: String) {
        let mut known = lock(&self.known);
        if known.len() >= KNOWN_MAX {
            known.clear();
        }
        known.insert(account, name);
    }

    fn forget(&self, account: AccountKey) {
        lock(&self.known).remove(&account);
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        if let Some(serving) = lock(&self.serving).take() {
            serving.abort();
        }
    }
}

fn put_verdict(verdict: &Result<Verdict, ClusterError>) -> Vec<u8> {
    let mut out = Vec::new();
    match verdict {
        Ok(Verdict::Decided(decision)) => {
            out.push(0);
            out.extend_from_slice(decision);
        }
        Ok(Verdict::NotYet(wait)) => {
            out.push(1);
            put_varint(
                &mut out,
                u64::try_from(wait.as_millis()).unwrap_or(u64::MAX),
            );
        }
        Ok(Verdict::Other(name)) => {
            out.push(2);
            out.extend_from_slice(name.as_bytes());
        }
        Err(_) => out.push(3),
    }
    out
}

fn verdict(bytes: &[u8]) -> Option<Verdict> {
    let mut reader = Reader::new(bytes);
    Some(match reader.byte()? {
        0 => Verdict::Decided(reader.rest().to_vec()),
        1 => Verdict::NotYet(Duration::from_millis(reader.varint()?)),
        2 => Verdict::Other(std::str::from_utf8(reader.rest()).ok()?.to_owned()),
        _ => return None,
    })
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
