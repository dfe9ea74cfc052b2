//! Takes questions of other members.
//!
//! Not here: whether this member may decide (`lease`). Invariant: what is worked on at a
//! time is bounded; who is not answered asks again.

use super::{Inner, put_verdict};
use crate::error::{ClusterError, failed};
use chatmetric_store::coding::Reader;
use futures_util::StreamExt as _;
use std::sync::Arc;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

/// Questions that are worked on at a time.
const QUESTIONS_MAX: usize = 1_024;

pub(super) async fn start(inner: &Arc<Inner>) -> Result<JoinHandle<()>, ClusterError> {
    let subject = inner.engine.decisions(inner.members.name());
    let subscribed = inner.engine.client.subscribe(subject).await;
    let mut questions = subscribed.map_err(|error| failed("take questions to decide", error))?;
    let open = Arc::new(Semaphore::new(QUESTIONS_MAX));
    let weak = Arc::downgrade(inner);
    Ok(tokio::spawn(async move {
        while let Some(question) = questions.next().await {
            let Some(inner) = weak.upgrade() else {
                return;
            };
            let Ok(permit) = Arc::clone(&open).try_acquire_owned() else {
                continue;
            };
            tokio::spawn(async move {
                if let Some(reply) = question.reply {
                    let answer = decide(&inner, &question.payload).await;
                    // Without a connection the asker asks again.
                    drop(inner.engine.client.publish(reply, answer.into()).await);
                }
                drop(permit);
            });
        }
    }))
}

async fn decide(inner: &Inner, request: &[u8]) -> Vec<u8> {
    let mut reader = Reader::new(request);
    let verdict = match reader.account().zip(reader.bytes()) {
        Some((account, ask)) => {
            let view = inner.members.view();
            let asked = (ask, reader.rest());
            inner.leases.decide(account, asked, &view).await
        }
        None => Err(ClusterError::Message {
            what: "a question to decide".to_owned(),
        }),
    };
    put_verdict(&verdict)
}
