//! The replicas of this member, which answer it without a message to anybody, and who else
//! has some.
//!
//! Not here: how far an answer must be (`query/ask.rs`), and questions of others
//! (`query/serve.rs`). Invariant: a replica that would not answer others now does not answer
//! here, and one that is late gives the question to the others.

use super::answer::Answer;
use super::question::Question;
use super::serve::Server;
use crate::follow::Progress;
use crate::members::View;
use crate::partition::Partition;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;

/// How long the own replica may need to reach the place of a question, before another one
/// is asked.
const REACHED_WITHIN: Duration = Duration::from_millis(100);
/// Who was silent is passed over for so long: then it is no member any more, or is back.
const SILENT_FOR: Duration = Duration::from_secs(4);

/// A replica of this member. It answers as long as somebody keeps it.
#[derive(Debug)]
pub(crate) struct OwnReplica {
    pub(crate) server: Server,
    pub(crate) progress: watch::Receiver<Progress>,
}

impl OwnReplica {
    /// The answer, if it has one soon.
    pub(crate) async fn ask(&self, question: &Question, wanted: u64) -> Option<Answer> {
        let _one_of_many = self.server.open.try_acquire().ok()?;
        let mut positions = self.server.tally.positions();
        let reached = positions.wait_for(|position| *position >= wanted);
        tokio::time::timeout(REACHED_WITHIN, reached)
            .await
            .ok()?
            .ok()?;
        self.server.look_up(question.clone()).await.ok()
    }
}

/// The replicas of this member, by their partitions, and what it sees of the others.
#[derive(Debug, Default)]
pub(crate) struct Own {
    replicas: Mutex<BTreeMap<Partition, Weak<OwnReplica>>>,
    view: OnceLock<watch::Receiver<View>>,
    /// Who did not answer, and when.
    silent: Mutex<BTreeMap<String, Instant>>,
}

impl Own {
    /// From now on it answers.
    pub(crate) fn put(&self, replica: &Arc<OwnReplica>) {
        let partition = replica.server.tally.partition();
        let mut all = self.replicas.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(partition, Arc::downgrade(replica));
    }

    /// The one that can be asked.
    pub(crate) fn get(&self, partition: Partition) -> Option<Arc<OwnReplica>> {
        let all = self.replicas.lock().unwrap_or_else(PoisonError::into_inner);
        let replica = all.get(&partition)?.upgrade()?;
        let follows = replica.progress.borrow().follows();
        follows.then_some(replica)
    }

    /// From now on others are seen.
    pub(crate) fn see(&self, view: watch::Receiver<View>) {
        // A member joins once.
        drop(self.view.set(view));
    }

    /// A member did not answer.
    pub(crate) fn note_silent(&self, member: &str) {
        let mut silent = self.silent.lock().unwrap_or_else(PoisonError::into_inner);
        silent.retain(|_, at| at.elapsed() < SILENT_FOR);
        silent.insert(member.to_owned(), Instant::now());
    }

    /// Members of whom is heard that they follow the log of a partition, and whether some
    /// who do were silent and are left out.
    pub(crate) fn followers(&self, partition: Partition) -> (Vec<String>, bool) {
        let Some(view) = self.view.get() else {
            return (Vec::new(), false);
        };
        let view = view.borrow();
        let silent = self.silent.lock().unwrap_or_else(PoisonError::into_inner);
        let is_silent =
            |name: &String| silent.get(name).is_some_and(|at| at.elapsed() < SILENT_FOR);
        let follow = view.members.iter();
        let follow = follow.filter(|(_, it)| it.follows.contains(&partition));
        let (silent, well): (Vec<String>, Vec<String>) =
            follow.map(|(name, _)| name.clone()).partition(is_silent);
        (well, !silent.is_empty())
    }
}
