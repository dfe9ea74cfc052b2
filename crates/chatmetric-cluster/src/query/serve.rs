//! A replica that answers.
//!
//! It takes questions of its own subject always, and those of its partition's group from
//! the moment on when it has counted the whole log. It stays in the group while the servers
//! elect a leader: each question says how far the replica must be, so a late replica makes
//! callers wait, never wrong. Far behind, or stopped, it leaves.
//!
//! Not here: the fold. Invariant: a question is answered from a state that holds all that
//! its asker wants to be in it; what is worked on at a time is bounded.

use super::answer::{Answer, Refusal};
use super::{ANSWER_BYTES_MAX, Piece, Question};
use crate::engine::Engine;
use crate::error::{ClusterError, failed};
use crate::follow::Progress;
use crate::tally::Tally;
use async_nats::{Client, Message, Subject, Subscriber};
use chatmetric_store::coding::put_length;
use chatmetric_store::{Store as _, StoreError};
use futures_util::StreamExt as _;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, watch};

/// Questions that are worked on at a time.
pub(crate) const QUESTIONS_MAX: usize = 256;
/// A replica that is so many entries behind leaves the group.
const BEHIND_MAX: u64 = 20_000;
/// When an asker is told that there is work on the answer, and how often then.
const WORKING_EVERY: Duration = Duration::from_millis(200);

/// What a replica needs to answer.
#[derive(Debug, Clone)]
pub(crate) struct Server {
    pub(crate) engine: Engine,
    pub(crate) tally: Arc<Tally>,
    pub(crate) catch_up_timeout: Duration,
    /// For what is worked on at a time.
    pub(crate) open: Arc<Semaphore>,
}

impl Server {
    /// Answers until it is dropped.
    pub(crate) async fn run(self, mut progress: watch::Receiver<Progress>) {
        let (mut own, mut group) = (None, None);
        loop {
            let now = progress.borrow_and_update().clone();
            if let Err(error) = self.join(&now, &mut own, &mut group).await {
                let reason = crate::error::chain(&error);
                tracing::warn!(reason, "a replica cannot take questions");
                tokio::time::sleep(WORKING_EVERY).await;
            }
            let question = tokio::select! {
                changed = progress.changed() => match changed {
                    Ok(()) => continue,
                    Err(_) => return,
                },
                question = next(&mut own) => question,
                question = next(&mut group) => question,
            };
            let Some(question) = question else {
                // The client subscribes again by itself; without it there is nothing.
                (own, group) = (None, None);
                continue;
            };
            let server = self.clone();
            match Arc::clone(&self.open).try_acquire_owned() {
                Ok(permit) => {
                    tokio::spawn(async move {
                        server.take(question).await;
                        drop(permit);
                    });
                }
                Err(_) => server.refuse(&question, &Refusal::Busy).await,
            }
        }
    }

    /// Subscribes to what it should answer now.
    async fn join(
        &self,
        now: &Progress,
        own: &mut Option<Subscriber>,
        group: &mut Option<Subscriber>,
    ) -> Result<(), ClusterError> {
        let partition = self.tally.partition();
        let client = &self.engine.client;
        let operation = || format!("take questions for partition {partition}");
        if own.is_none() {
            let subject = self.engine.replica(partition, &self.engine.member);
            let subscribed = client.subscribe(subject).await;
            *own = Some(subscribed.map_err(|error| failed(operation(), error))?);
        }
        let (joins, leaves) = match now {
            Progress::Following => (true, false),
            Progress::Away { .. } => (false, false),
            Progress::CatchingUp { last } => {
                let behind = last.saturating_sub(self.tally.position());
                (false, behind > BEHIND_MAX)
            }
            Progress::Stopped(_) => (false, true),
        };
        if joins && group.is_none() {
            let subject = self.engine.queries(partition);
            let subscribed = client.queue_subscribe(subject.clone(), subject).await;
            *group = Some(subscribed.map_err(|error| failed(operation(), error))?);
        }
        if leaves && let Some(mut left) = group.take() {
            drop(left.unsubscribe().await);
        }
        Ok(())
    }

    async fn refuse(&self, question: &Message, refusal: &Refusal) {
        if let Some(reply) = &question.reply {
            send(
                &self.engine.client,
                reply,
                Piece::Error,
                0,
                &refusal.encode(),
            )
            .await;
        }
    }

    async fn take(&self, request: Message) {
        let Some(reply) = request.reply.clone() else {
            return;
        };
        let client = &self.engine.client;
        let answering = self.answer(&request.payload);
        tokio::pin!(answering);
        let answered = loop {
            tokio::select! {
                answered = &mut answering => break answered,
                () = tokio::time::sleep(WORKING_EVERY) => {
                    send(client, &reply, Piece::Working, 0, &[]).await;
                }
            }
        };
        let bytes = match answered {
            Ok(bytes) => bytes,
            Err(refusal) => {
                send(client, &reply, Piece::Error, 0, &refusal.encode()).await;
                return;
            }
        };
        let mut pieces = bytes
            .chunks(self.engine.entry_bytes_max())
            .enumerate()
            .peekable();
        while let Some((nth, piece)) = pieces.next() {
            let kind = match pieces.peek() {
                Some(_) => Piece::More,
                None => Piece::Last,
            };
            send(client, &reply, kind, nth, piece).await;
        }
    }

    async fn answer(&self, request: &[u8]) -> Result<Vec<u8>, Refusal> {
        let (wanted, question) = Question::decode(request)
            .ok_or_else(|| Refusal::Invalid("the question makes no sense".to_owned()))?;
        self.wait_for(wanted).await?;
        let bytes = self.look_up(question).await?.encode();
        if bytes.len() > ANSWER_BYTES_MAX {
            let reason = format!("the answer has more than {ANSWER_BYTES_MAX} bytes");
            return Err(Refusal::Invalid(reason));
        }
        Ok(bytes)
    }

    /// The answer as the replica is now.
    pub(crate) async fn look_up(&self, question: Question) -> Result<Answer, Refusal> {
        let tally = Arc::clone(&self.tally);
        let answered = tokio::task::spawn_blocking(move || answer(&tally, &question)).await;
        let answer = answered.map_err(|error| Refusal::Failed(error.to_string()))?;
        answer.map_err(|error| Refusal::of(&error))
    }

    async fn wait_for(&self, wanted: u64) -> Result<(), Refusal> {
        let mut positions = self.tally.positions();
        let reached = positions.wait_for(|position| *position >= wanted);
        match tokio::time::timeout(self.catch_up_timeout, reached).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(_)) => Err(Refusal::Failed("the replica has stopped".to_owned())),
            Err(_) => Err(Refusal::Behind {
                applied: self.tally.position(),
                wanted,
            }),
        }
    }
}

async fn next(from: &mut Option<Subscriber>) -> Option<Message> {
    match from {
        Some(subscriber) => subscriber.next().await,
        None => std::future::pending().await,
    }
}

/// Sends a piece; without a connection the asker asks elsewhere.
async fn send(client: &Client, reply: &Subject, kind: Piece, nth: usize, piece: &[u8]) {
    let mut bytes = Vec::with_capacity(piece.len() + 8);
    bytes.push(kind.code());
    put_length(&mut bytes, nth);
    bytes.extend_from_slice(piece);
    if let Err(error) = client.publish(reply.clone(), bytes.into()).await {
        tracing::debug!(%error, "an answer could not be sent");
    }
}

fn answer(tally: &Tally, question: &Question) -> Result<Answer, StoreError> {
    let store = tally.store();
    Ok(match question {
        Question::Floor => Answer::Floor(store.floor()),
        Question::Numbers(space) => Answer::Numbers(store.numbers(*space)?),
        Question::Days {
            space,
            number,
            from,
            to,
        } => {
            let mut days = Vec::new();
            store.read_days(*space, number, *from..=*to, &mut |day, block| {
                days.push((day, block.clone()));
            })?;
            Answer::Days(days)
        }
        Question::Explain {
            space,
            number,
            from,
            to,
        } => Answer::Explained(store.explain(*space, number, *from..*to)?),
        Question::Books => Answer::Books(store.books()?),
        Question::Quarantine(filter, items_max) => {
            Answer::Items(store.quarantine(*filter, *items_max)?)
        }
        Question::Verify => Answer::Verified(store.verify()?),
        Question::Stats => Answer::Stats(store.stats()),
        Question::Outcome(sequence) => Answer::Outcome(tally.outcome(*sequence)),
    })
}
