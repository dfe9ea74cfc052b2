//! The bounded queue before a writer: what is queued together is committed
//! together.
//!
//! No timer: the writer takes what is there when it is free. Invariant: every
//! job that goes in comes out, or goes back to its sender at once.

use super::fold::Fold;
use super::generation::lock;
use super::options::BATCH_SEALED_BYTES_MAX;
use crate::api::{
    BATCH_EVENTS_MAX, Batch, Completion, QuarantineId, SourceName, StatusEvent, StoreError,
};
use crate::stream_offset::StreamOffset;
use crate::sync::{Condvar, Mutex};
use chatmetric_core::{AccountKey, EpochMs, PhoneNumber, SpaceKey};
use std::collections::VecDeque;
use std::sync::PoisonError;

/// Called once with the number of items that a command moved.
pub(crate) type CommandDone = Box<dyn FnOnce(Result<u64, StoreError>) + Send>;

/// What a writer can be asked.
pub(crate) enum Job {
    /// Count a batch, and keep how far its source was read.
    Batch(Batch, Option<StreamOffset>, Completion),
    /// Do something alone.
    Command(Command, CommandDone),
    /// Apply changes of a log in one frame, and keep their place in it.
    Fold(Fold, CommandDone),
}

/// A change that is not a batch.
#[derive(Debug, Clone)]
pub(crate) enum Command {
    /// Raise the floor.
    Floor(EpochMs),
    /// Count the future events that are due.
    ReleaseDue(EpochMs),
    /// Count what an account holds for a number.
    Claim(AccountKey, PhoneNumber, SpaceKey),
    /// Count events in the place of an item.
    Replay(Replay),
    /// Finish the generation.
    Rotate,
}

/// What is counted in the place of an item.
#[derive(Debug, Clone)]
pub(crate) struct Replay {
    /// The item; only the shard that has it is given it.
    pub(crate) item: Option<QuarantineId>,
    /// Which source brought it.
    pub(crate) source: SourceName,
    /// When the item came.
    pub(crate) received_at: EpochMs,
    /// The events of this shard, each with its space.
    pub(crate) events: Vec<(StatusEvent, SpaceKey)>,
}

/// The queue of one writer.
pub(crate) struct Queue {
    state: Mutex<State>,
    filled: Condvar,
    events_max: usize,
    sealed_bytes_max: usize,
}

#[derive(Default)]
struct State {
    jobs: VecDeque<Job>,
    weight: Weight,
    closed: bool,
}

#[derive(Debug, Clone, Copy, Default)]
struct Weight {
    events: usize,
    sealed_bytes: usize,
}

/// How much a batch weighs in the queue; an empty one weighs one event.
fn weight(job: &Job) -> Weight {
    match job {
        Job::Batch(batch, ..) => Weight {
            events: (batch.events.len() + batch.sealed.len()).max(1),
            sealed_bytes: batch.sealed.iter().map(|item| item.sealed.len()).sum(),
        },
        Job::Command(..) | Job::Fold(..) => Weight {
            events: 1,
            sealed_bytes: 0,
        },
    }
}

/// A job that was not taken, and why.
pub(crate) struct Refused(pub(crate) Job, pub(crate) StoreError);

impl Refused {
    /// Tells the sender.
    pub(crate) fn answer(self) {
        match self.0 {
            Job::Batch(.., done) => done(Err(self.1)),
            Job::Command(_, done) | Job::Fold(_, done) => done(Err(self.1)),
        }
    }
}

impl Queue {
    pub(crate) fn new(events_max: usize, sealed_bytes_max: usize) -> Self {
        Self {
            state: Mutex::default(),
            filled: Condvar::new(),
            events_max,
            sealed_bytes_max,
        }
    }

    /// Puts a job in; an idle queue takes any single job.
    #[expect(clippy::result_large_err, reason = "the job goes back to its sender")]
    pub(crate) fn push(&self, job: Job) -> Result<(), Refused> {
        let more = weight(&job);
        let mut state = lock(&self.state);
        if state.closed {
            return Err(Refused(job, StoreError::Closed));
        }
        let full = state.weight.events + more.events > self.events_max
            || state.weight.sealed_bytes + more.sealed_bytes > self.sealed_bytes_max;
        if full && !state.jobs.is_empty() && matches!(job, Job::Batch(..)) {
            let reason = format!("{} events are queued", state.weight.events);
            return Err(Refused(job, StoreError::Unavailable { reason }));
        }
        state.weight.events += more.events;
        state.weight.sealed_bytes += more.sealed_bytes;
        state.jobs.push_back(job);
        drop(state);
        self.filled.notify_one();
        Ok(())
    }

    /// Waits for jobs and takes those of one frame; `false`: closed and empty.
    pub(crate) fn take(&self, into: &mut Vec<Job>) -> bool {
        let mut state = lock(&self.state);
        while state.jobs.is_empty() {
            if state.closed {
                return false;
            }
            state = self
                .filled
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
        let mut sum = Weight::default();
        while let Some(job) = state.jobs.front() {
            let more = weight(job);
            let alone = matches!(job, Job::Command(..) | Job::Fold(..));
            let full = sum.events + more.events > BATCH_EVENTS_MAX
                || sum.sealed_bytes + more.sealed_bytes > BATCH_SEALED_BYTES_MAX;
            if !into.is_empty() && (alone || full) {
                break;
            }
            into.extend(state.jobs.pop_front());
            sum.events += more.events;
            sum.sealed_bytes += more.sealed_bytes;
            if alone {
                break;
            }
        }
        state.weight.events -= sum.events;
        state.weight.sealed_bytes -= sum.sealed_bytes;
        true
    }

    /// Refuses what comes from now on.
    pub(crate) fn close(&self) {
        lock(&self.state).closed = true;
        self.filled.notify_all();
    }

    pub(crate) fn is_closed(&self) -> bool {
        lock(&self.state).closed
    }

    pub(crate) fn events(&self) -> usize {
        lock(&self.state).weight.events
    }
}

#[cfg(all(test, shuttle))]
mod concurrency;
