//! Asks replicas: one of a partition's group, or a certain one.
//!
//! The place that an answer must hold is the end of the log as its leader tells it when the
//! question is asked, and never before what was acknowledged to this member. A replica that
//! stays silent is asked again, which the group gives to another one. The replica of this
//! member is asked first.
//!
//! Not here: merging (`store`). Invariant: an answer holds everything that was acknowledged
//! before the question, or is an error.

use super::answer::{Answer, Refusal};
use super::end::End;
use super::{ANSWER_BYTES_MAX, Piece, Question};
use crate::engine::Engine;
use crate::error::{ClusterError, failed};
use crate::follow::last_of;
use crate::log::Log;
use crate::partition::Partition;
use crate::topology::Topology;
use async_nats::StatusCode;
use chatmetric_store::StoreError;
use chatmetric_store::coding::Reader;
use futures_util::StreamExt as _;
use futures_util::future::try_join_all;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// A replica that has not said anything after so long is asked no more: one that works on
/// an answer says so more often.
const SILENCE_MAX: Duration = Duration::from_millis(500);
/// How long the leader of a log may take to tell its end.
const LEADER_TIMEOUT: Duration = Duration::from_secs(1);
/// The wait before a question is asked again.
const AGAIN_AFTER: Duration = Duration::from_millis(30);
/// How long a question may take whose answer takes work.
const LONG_TIMEOUT: Duration = Duration::from_secs(3_600);

/// Asks replicas.
#[derive(Debug, Clone)]
pub struct Asker {
    engine: Engine,
    topology: Topology,
    log: Log,
    ends: Arc<[End]>,
    timeout: Duration,
}

/// What became of one try.
enum Tried {
    Done(Answer),
    /// Another replica may know better.
    Again(ClusterError),
    Failed(ClusterError),
}

impl Asker {
    /// Answers must be there after `timeout`, however often is tried.
    #[must_use]
    pub fn new(engine: Engine, topology: Topology, log: Log, timeout: Duration) -> Self {
        let partitions = engine.partitions.all();
        Self {
            ends: partitions.map(|_| End::default()).collect(),
            engine,
            topology,
            log,
            timeout,
        }
    }

    /// Asks any replica of a partition; the answer holds all that is acknowledged by now.
    ///
    /// # Errors
    /// When nobody knows, or not in time.
    pub async fn ask(
        &self,
        partition: Partition,
        question: &Question,
    ) -> Result<Answer, ClusterError> {
        let asked = async {
            let wanted = self.end(partition).await?;
            if let Some(own) = self.engine.own.get(partition)
                && let Some(answer) = own.ask(question, wanted).await
            {
                return Ok(answer);
            }
            self.ask_on(partition, None, question, wanted).await
        };
        self.limited(partition, question, asked).await
    }

    /// Asks all partitions at once; the answers are in their order.
    ///
    /// # Errors
    /// The first failure.
    pub async fn ask_all(&self, question: &Question) -> Result<Vec<Answer>, ClusterError> {
        let all = self.engine.partitions.all();
        try_join_all(all.map(|partition| self.ask(partition, question))).await
    }

    /// Asks about a state that holds at least `wanted`; of the replica of `member`, if one
    /// is named.
    ///
    /// # Errors
    /// As [`Self::ask`].
    pub async fn ask_at(
        &self,
        partition: Partition,
        member: Option<&str>,
        question: &Question,
        wanted: u64,
    ) -> Result<Answer, ClusterError> {
        let asked = self.ask_on(partition, member, question, wanted);
        self.limited(partition, question, asked).await
    }

    /// The end of a log: everything acknowledged is before it.
    ///
    /// # Errors
    /// When there is no leader; the caller's time limit ends the tries.
    pub async fn end(&self, partition: Partition) -> Result<u64, ClusterError> {
        let stream = self.topology.stream(partition)?;
        let end = self.ends.get(usize::from(partition.0));
        let end = end.ok_or(ClusterError::NoReplica { partition })?;
        loop {
            let told = end.get(|| last_of(stream));
            let told = tokio::time::timeout(LEADER_TIMEOUT, told).await;
            if let Ok(Ok(last)) = told {
                return Ok(last.max(self.log.acknowledged(partition)));
            }
            tokio::time::sleep(AGAIN_AFTER).await;
        }
    }

    async fn limited(
        &self,
        partition: Partition,
        question: &Question,
        asked: impl Future<Output = Result<Answer, ClusterError>>,
    ) -> Result<Answer, ClusterError> {
        let limit = if question.is_long() {
            LONG_TIMEOUT
        } else {
            self.timeout
        };
        let asked = tokio::time::timeout(limit, asked).await;
        asked.unwrap_or(Err(ClusterError::NoReplica { partition }))
    }

    /// Where the `nth` try goes. The group first, where the servers choose; it has who lost
    /// its power until the servers miss it, so after a silence those of whom is heard, one
    /// after the other.
    fn subject(&self, partition: Partition, member: Option<&str>, nth: usize) -> String {
        if let Some(member) = member {
            return self.engine.replica(partition, member);
        }
        let (followers, some_silent) = self.engine.own.followers(partition);
        let Some(nth) = nth.checked_sub(usize::from(!some_silent)) else {
            return self.engine.queries(partition);
        };
        let next = nth.checked_rem(followers.len());
        match next.and_then(|next| followers.get(next)) {
            Some(member) => self.engine.replica(partition, member),
            None => self.engine.queries(partition),
        }
    }

    async fn ask_on(
        &self,
        partition: Partition,
        member: Option<&str>,
        question: &Question,
        wanted: u64,
    ) -> Result<Answer, ClusterError> {
        let request: bytes::Bytes = question.encode(wanted).into();
        let mut tries = tokio::time::interval(AGAIN_AFTER);
        tries.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        // The first failure is reported after as long as a short question may take.
        let patience = Instant::now() + self.timeout;
        for nth in 0_usize.. {
            tries.tick().await;
            let subject = self.subject(partition, member, nth);
            match self.once(partition, &subject, request.clone()).await? {
                Tried::Done(answer) => return Ok(answer),
                Tried::Failed(error) => return Err(error),
                Tried::Again(error) if Instant::now() >= patience => return Err(error),
                Tried::Again(_) => {}
            }
        }
        Err(ClusterError::NoReplica { partition })
    }

    async fn once(
        &self,
        partition: Partition,
        subject: &str,
        request: bytes::Bytes,
    ) -> Result<Tried, ClusterError> {
        let operation = || format!("ask a replica of partition {partition}");
        let client = &self.engine.client;
        let inbox = client.new_inbox();
        let pieces = client.subscribe(inbox.clone()).await;
        let mut pieces = pieces.map_err(|error| failed(operation(), error))?;
        let sent = client.publish_with_reply(subject.to_owned(), inbox, request);
        sent.await.map_err(|error| failed(operation(), error))?;
        let mut bytes: Vec<u8> = Vec::new();
        let mut nth = 0;
        let nobody = || Ok(Tried::Again(ClusterError::NoReplica { partition }));
        loop {
            let Ok(Some(message)) = tokio::time::timeout(SILENCE_MAX, pieces.next()).await else {
                return nobody();
            };
            if message.status == Some(StatusCode::NO_RESPONDERS) {
                return nobody();
            }
            let (kind, number, piece) = piece(&message.payload).ok_or_else(|| unread(partition))?;
            match kind {
                Piece::Working => continue,
                Piece::Error => return refused(partition, piece),
                // A piece was lost on the way.
                Piece::More | Piece::Last if number != nth => return nobody(),
                Piece::More | Piece::Last => bytes.extend_from_slice(piece),
            }
            nth += 1;
            if bytes.len() > ANSWER_BYTES_MAX {
                return Err(ClusterError::TooLarge {
                    what: "an answer".to_owned(),
                    bytes: bytes.len(),
                    bytes_max: ANSWER_BYTES_MAX,
                });
            }
            if kind == Piece::Last {
                let answer = Answer::decode(&bytes).ok_or_else(|| unread(partition))?;
                return Ok(Tried::Done(answer));
            }
        }
    }
}

fn unread(partition: Partition) -> ClusterError {
    ClusterError::Message {
        what: format!("an answer of a replica of partition {partition}"),
    }
}

fn piece(payload: &[u8]) -> Option<(Piece, u64, &[u8])> {
    let mut reader = Reader::new(payload);
    let kind = Piece::of(reader.byte()?)?;
    let number = reader.varint()?;
    Some((kind, number, reader.rest()))
}

fn refused(partition: Partition, refusal: &[u8]) -> Result<Tried, ClusterError> {
    let refusal = Refusal::decode(refusal).ok_or_else(|| unread(partition))?;
    let unavailable = |reason: String| StoreError::Unavailable { reason }.into();
    Ok(match refusal {
        Refusal::Behind { applied, wanted } => Tried::Failed(ClusterError::Behind {
            partition,
            applied,
            wanted,
        }),
        Refusal::Invalid(reason) => Tried::Failed(StoreError::Invalid { reason }.into()),
        Refusal::Differs(detail) => Tried::Failed(StoreError::Differs { detail }.into()),
        Refusal::Busy => Tried::Again(unavailable("a replica has too much to do".to_owned())),
        Refusal::Failed(reason) => Tried::Again(unavailable(reason)),
    })
}
