//! Who is there: heart-beats in a bucket, seen by everyone.
//!
//! A member is there while its key changes: what counts is when *we* saw a change, so no
//! clocks are compared. Who does not see its own beats is cut off, and keeps what it
//! believed: it must not take everybody else for gone.
//!
//! Not here: who holds what. Invariant: this member is in every view.

use crate::engine::Engine;
use crate::error::{ClusterError, chain, failed};
use crate::partition::Partition;
use crate::placement;
use crate::topology::Topology;
use async_nats::jetstream::kv::{self, Operation};
use chatmetric_store::coding::{Reader, put_length, put_varint};
use futures_util::StreamExt as _;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;

const VERSION: u8 = 1;
/// Beats in the time after which a silent member is taken for gone.
const BEATS: u32 = 5;
/// The wait before the bucket is watched again.
const AGAIN_AFTER: Duration = Duration::from_millis(200);

/// What a member says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Member {
    /// Another one after every start.
    pub incarnation: u64,
    /// Whether it holds replicas at all.
    pub holds: bool,
    /// The partitions whose log it follows.
    pub follows: BTreeSet<Partition>,
}

/// The members that are there.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct View {
    /// By name.
    pub members: BTreeMap<String, Member>,
    /// Partitions that an operator has put on certain members.
    pub placed: BTreeMap<Partition, Vec<String>>,
}

/// This member, and what it sees of the others.
#[derive(Debug)]
pub struct Members {
    shared: Arc<Shared>,
    tasks: Vec<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    name: String,
    bucket: kv::Store,
    ttl: Duration,
    own: Mutex<Member>,
    changed: Notify,
    view: watch::Sender<View>,
    seen: Mutex<BTreeMap<String, Instant>>,
    has_rival: AtomicBool,
}

impl Member {
    fn encode(&self) -> Vec<u8> {
        let mut out = vec![VERSION, u8::from(self.holds)];
        put_varint(&mut out, self.incarnation);
        put_length(&mut out, self.follows.len());
        for partition in &self.follows {
            put_varint(&mut out, partition.0.into());
        }
        out
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(bytes);
        if reader.byte()? != VERSION {
            return None;
        }
        let holds = reader.byte()? != 0;
        let incarnation = reader.varint()?;
        let count = reader.length(1)?;
        let mut follows = BTreeSet::new();
        for _ in 0..count {
            follows.insert(Partition(u16::try_from(reader.varint()?).ok()?));
        }
        Some(Self {
            incarnation,
            holds,
            follows,
        })
    }
}

impl Members {
    /// Joins.
    ///
    /// # Errors
    /// When the first beat fails.
    pub async fn join(
        engine: &Engine,
        topology: &Topology,
        ttl: Duration,
        holds: bool,
    ) -> Result<Self, ClusterError> {
        let name = engine.member.clone();
        let mut own = Member {
            holds,
            ..Member::default()
        };
        let bucket = topology.members.clone();
        // The revision of the first beat is nobody else's, before or after.
        let first = bucket.put(&name, own.encode().into()).await;
        own.incarnation = first.map_err(|error| failed("join the members", error))?;
        let mut view = View::default();
        view.members.insert(name.clone(), own.clone());
        let shared = Arc::new(Shared {
            name,
            bucket,
            ttl,
            own: Mutex::new(own),
            changed: Notify::new(),
            view: watch::Sender::new(view),
            seen: Mutex::default(),
            has_rival: AtomicBool::new(false),
        });
        let tasks = vec![
            tokio::spawn(beat(Arc::clone(&shared))),
            tokio::spawn(look(Arc::clone(&shared))),
            tokio::spawn(look_where(Arc::clone(&shared), topology.placements.clone())),
        ];
        Ok(Self { shared, tasks })
    }

    /// This member's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.shared.name
    }

    /// What tells this start from every other one.
    #[must_use]
    pub fn incarnation(&self) -> u64 {
        lock(&self.shared.own).incarnation
    }

    /// Who is there now.
    #[must_use]
    pub fn view(&self) -> View {
        self.shared.view.borrow().clone()
    }

    /// Tells of every change.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<View> {
        self.shared.view.subscribe()
    }

    /// Whether another process was started later with the name of this member.
    #[must_use]
    pub fn has_rival(&self) -> bool {
        self.shared.has_rival.load(Ordering::Relaxed)
    }

    /// Says which logs this member follows.
    pub fn follow(&self, follows: BTreeSet<Partition>) {
        let mut own = lock(&self.shared.own);
        if own.follows != follows {
            own.follows = follows;
            self.shared.changed.notify_one();
        }
    }

    /// Stops beating, as if it were cut off while it goes on. For tests of what the others
    /// do then.
    #[doc(hidden)]
    pub fn fall_silent(&self) {
        if let Some(beats) = self.tasks.first() {
            beats.abort();
        }
    }

    /// Leaves: the others need not wait until they miss it.
    pub async fn leave(&self) {
        for task in &self.tasks {
            task.abort();
        }
        if let Err(error) = self.shared.bucket.delete(&self.shared.name).await {
            tracing::debug!(%error, "could not leave the members");
        }
    }
}

impl Drop for Members {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

async fn beat(shared: Arc<Shared>) {
    loop {
        let value = lock(&shared.own).encode();
        if let Err(error) = shared.bucket.put(&shared.name, value.into()).await {
            let reason = chain(&error);
            tracing::debug!(reason, "a beat failed");
        }
        tokio::select! {
            () = tokio::time::sleep(shared.ttl / BEATS) => {}
            () = shared.changed.notified() => {}
        }
    }
}

async fn look(shared: Arc<Shared>) {
    loop {
        if let Err(error) = watched(&shared).await {
            let reason = chain(&error);
            tracing::debug!(reason, "the members are watched anew");
        }
        tokio::time::sleep(AGAIN_AFTER).await;
    }
}

/// Learns where partitions are wanted.
async fn look_where(shared: Arc<Shared>, placements: kv::Store) {
    let operation = "watch the placements";
    loop {
        let watched = async {
            let watch = placements.watch_with_history(">").await;
            let mut watch = watch.map_err(|error| failed(operation, error))?;
            while let Some(entry) = watch.next().await {
                shared.place(&entry.map_err(|error| failed(operation, error))?);
            }
            Err::<(), _>(failed(operation, "it ended"))
        };
        if let Err(error) = watched.await {
            let reason = chain(&error);
            tracing::debug!(reason, "the placements are watched anew");
        }
        tokio::time::sleep(AGAIN_AFTER).await;
    }
}

async fn watched(shared: &Shared) -> Result<(), ClusterError> {
    let operation = "watch the members";
    let watch = shared.bucket.watch_with_history(">").await;
    let mut watch = watch.map_err(|error| failed(operation, error))?;
    let mut ticks = tokio::time::interval(shared.ttl / BEATS);
    loop {
        tokio::select! {
            entry = watch.next() => match entry {
                Some(Ok(entry)) => shared.note(&entry),
                Some(Err(error)) => return Err(failed(operation, error)),
                None => return Err(failed(operation, "it ended")),
            },
            _ = ticks.tick() => shared.expire(),
        }
    }
}

impl Shared {
    fn note(&self, entry: &kv::Entry) {
        let member = match entry.operation {
            Operation::Put => Member::decode(&entry.value),
            Operation::Delete | Operation::Purge => None,
        };
        let name = &entry.key;
        let is_later =
            |it: &Member| *name == self.name && it.incarnation > lock(&self.own).incarnation;
        if member.as_ref().is_some_and(is_later) && !self.has_rival.swap(true, Ordering::Relaxed) {
            // Harmless for the counts, but one replica instead of two.
            tracing::error!(name, "another process is a member of the same name");
        }
        match &member {
            Some(_) => drop(lock(&self.seen).insert(name.clone(), Instant::now())),
            None => drop(lock(&self.seen).remove(name)),
        }
        self.view.send_if_modified(|view| match member {
            Some(member) => {
                let before = view.members.insert(name.clone(), member.clone());
                before.as_ref() != Some(&member)
            }
            None if *name == self.name => false,
            None => view.members.remove(name).is_some(),
        });
    }

    fn place(&self, entry: &kv::Entry) {
        let Some((partition, names)) = placement::of_entry(entry) else {
            tracing::warn!(key = entry.key, "a placement makes no sense");
            return;
        };
        self.view.send_if_modified(|view| {
            let before = match names.clone() {
                Some(names) => view.placed.insert(partition, names),
                None => view.placed.remove(&partition),
            };
            before != names
        });
    }

    fn expire(&self) {
        let mut seen = lock(&self.seen);
        let is_fresh = |at: &Instant| at.elapsed() < self.ttl;
        if !seen.get(&self.name).is_some_and(is_fresh) {
            // Cut off: the others may be well, and have to be heard anew.
            let now = Instant::now();
            for (name, at) in seen.iter_mut() {
                if *name != self.name {
                    *at = now;
                }
            }
            return;
        }
        seen.retain(|_, at| is_fresh(at));
        self.view.send_if_modified(|view| {
            let before = view.members.len();
            view.members.retain(|name, _| seen.contains_key(name));
            view.members.len() != before
        });
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_member_says_comes_back() {
        let member = Member {
            incarnation: 700,
            holds: true,
            follows: [Partition(0), Partition(300)].into(),
        };
        assert_eq!(Member::decode(&member.encode()), Some(member));
        assert_eq!(Member::decode(&[2, 0, 0, 0]), None);
        assert_eq!(Member::decode(&[]), None);
    }
}
