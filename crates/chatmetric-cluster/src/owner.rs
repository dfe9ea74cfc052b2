//! Decisions that must be exact over all members: one member decides for an account.
//!
//! The owner has a lease in a bucket: a key that is changed only by who knows its last
//! revision, the fencing token. It decides until its lease ends by its own clock, counted
//! from before the lease was asked for; renewals happen when there is something to decide,
//! so idle accounts cost nothing. Whoever takes a lease over from another member, or from
//! itself before a restart, decides nothing for the length of a lease and a second: the
//! last decision of the owner before is a second old by then, however late it was cut off.
//!
//! Not here: what is decided ([`Decider`]). Invariants: two members never decide for an
//! account at a time; what is decided after a take-over is at least a second behind
//! everything that was decided before it.

mod lease;
mod serve;

use crate::assignment::owner_of;
use crate::engine::Engine;
use crate::error::{ClusterError, failed};
use crate::members::Members;
use crate::topology::Topology;
use bytes::Bytes;
use chatmetric_core::AccountKey;
use chatmetric_store::coding::{Reader, put_varint};
use lease::{Leases, Verdict};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// How long one member may take to decide.
const ANSWER_TIMEOUT: Duration = Duration::from_millis(700);
/// The wait before another member is asked.
const AGAIN_AFTER: Duration = Duration::from_millis(30);
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

/// Asks the owner of an account; this member may be it.
#[derive(Debug, Clone)]
pub struct Owners {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    engine: Engine,
    members: Arc<Members>,
    leases: Leases,
    timeout: Duration,
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
            leases,
            timeout,
            known: Mutex::default(),
            serving: Mutex::default(),
        });
        let serving = serve::start(&inner).await?;
        *lock(&inner.serving) = Some(serving);
        Ok(Self { inner })
    }

    /// Has a question decided by the owner of the account.
    ///
    /// # Errors
    /// [`ClusterError::Undecided`] while an owner changes, or when none is reached in time.
    pub async fn ask(&self, account: AccountKey, question: &[u8]) -> Result<Vec<u8>, ClusterError> {
        let inner = &self.inner;
        let until = Instant::now() + inner.timeout;
        loop {
            let reason = match inner.once(account, question).await {
                Ok(Verdict::Decided(decision)) => return Ok(decision),
                Ok(Verdict::NotYet(wait)) => {
                    inner.forget(account);
                    let reason = format!("the owner changes, for {} ms", wait.as_millis());
                    return Err(ClusterError::Undecided { reason });
                }
                Ok(Verdict::Other(name)) => {
                    inner.know(account, name);
                    "the owner is being looked for".to_owned()
                }
                Err(error) => {
                    inner.forget(account);
                    crate::error::chain(&error)
                }
            };
            if Instant::now() >= until {
                return Err(ClusterError::Undecided { reason });
            }
            tokio::time::sleep(AGAIN_AFTER).await;
        }
    }
}

impl Inner {
    /// Asks the member that is believed to be the owner.
    async fn once(&self, account: AccountKey, question: &[u8]) -> Result<Verdict, ClusterError> {
        let view = self.members.view();
        let known = lock(&self.known).get(&account).cloned();
        let known = known.filter(|name| view.members.contains_key(name));
        let best = known.or_else(|| owner_of(account.0, &view).map(str::to_owned));
        let name = best.unwrap_or_else(|| self.members.name().to_owned());
        if name == self.members.name() {
            return self.leases.decide(account, question, &view).await;
        }
        let mut request = Vec::new();
        put_varint(&mut request, account.0.into());
        request.extend_from_slice(question);
        let subject = self.engine.decisions(&name);
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
