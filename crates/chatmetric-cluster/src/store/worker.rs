//! Threads of our own for what waits on the network, so that blocking callers can wait for
//! it whatever runs them.
//!
//! Not here: what is done. Invariant: whoever waits is woken, also when the threads end.

use crate::error::{ClusterError, failed};
use chatmetric_store::{Completion, Receipt, StoreError};
use std::sync::mpsc;
use tokio::runtime::{Builder, Handle, Runtime};

/// Threads that poll; the work of stores is done by others.
const THREADS: usize = 2;

/// The threads.
#[derive(Debug)]
pub(super) struct Worker {
    runtime: Option<Runtime>,
    handle: Handle,
}

impl Worker {
    pub(super) fn start() -> Result<Self, ClusterError> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(THREADS)
            .thread_name("cluster")
            .enable_all()
            .build()
            .map_err(|error| failed("start threads", error))?;
        Ok(Self {
            handle: runtime.handle().clone(),
            runtime: Some(runtime),
        })
    }

    pub(super) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        drop(self.handle.spawn(work));
    }

    pub(super) fn wait<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, ClusterError>> + Send + 'static,
    ) -> Result<T, ClusterError> {
        let (sender, receiver) = mpsc::sync_channel(1);
        self.spawn(async move { drop(sender.send(work.await)) });
        receiver.recv().unwrap_or(Err(ClusterError::Closed))
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// A completion that is called exactly once, whatever becomes of who has it.
pub(super) struct Once(Option<Completion>);

impl Once {
    pub(super) const fn new(done: Completion) -> Self {
        Self(Some(done))
    }

    pub(super) fn call(mut self, result: Result<Receipt, StoreError>) {
        if let Some(done) = self.0.take() {
            done(result);
        }
    }
}

impl Drop for Once {
    fn drop(&mut self) {
        if let Some(done) = self.0.take() {
            done(Err(StoreError::Closed));
        }
    }
}
