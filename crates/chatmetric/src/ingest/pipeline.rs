//! The way from a request to the store: a batch goes in whole, the answer comes
//! when it is durable and visible, and what is in flight is bounded.
//!
//! It splits and joins nothing: the store groups batches into commits.
//!
//! Invariants: `Ok` only for what the store acknowledged; a refused batch left
//! nothing behind in memory.

use crate::clock::Clock;
use crate::ingest::arrivals::{Arrival, Arrivals};
use crate::server::limits::ByteBudget;
use crate::telemetry::{Metrics, spans};
use chatmetric_store::{Batch, Receipt, StatusEvent, Store, StoreError, StreamOffset};
use std::sync::Arc;
use tokio::sync::oneshot;

/// All batches that wait for the store, in bytes of memory.
pub const IN_FLIGHT_BYTES_MAX: usize = 64 * 1024 * 1024;
/// What a batch costs besides its events.
const BATCH_BYTES: usize = 1024;

/// Why a batch is not acknowledged. It may be sent again.
#[derive(Debug, thiserror::Error)]
pub enum PipelineError {
    /// Too much waits for the store already.
    #[error("the queue to the store is full")]
    Full,
    /// The store refused or failed.
    #[error("the store did not take the batch")]
    Store(#[source] StoreError),
}

/// Hands batches to the store.
#[derive(Clone)]
pub struct Pipeline {
    store: Arc<dyn Store>,
    budget: ByteBudget,
    clock: Arc<dyn Clock>,
    metrics: Arc<Metrics>,
    arrivals: Arc<Arrivals>,
}

impl Pipeline {
    pub(crate) fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>, metrics: Arc<Metrics>) -> Self {
        Self {
            store,
            budget: ByteBudget::new(IN_FLIGHT_BYTES_MAX),
            clock,
            metrics,
            arrivals: Arc::default(),
        }
    }

    /// Commits a batch.
    ///
    /// # Errors
    /// [`PipelineError`]; then nothing of it may be taken as counted.
    pub async fn commit(&self, batch: Batch) -> Result<Receipt, PipelineError> {
        self.send(batch, None).await
    }

    /// Commits a batch with the place behind it.
    ///
    /// # Errors
    /// [`PipelineError`]; then the place of before stands.
    #[cfg(feature = "nats")]
    pub(crate) async fn commit_at(
        &self,
        batch: Batch,
        offset: StreamOffset,
    ) -> Result<Receipt, PipelineError> {
        self.send(batch, Some(offset)).await
    }

    async fn send(
        &self,
        batch: Batch,
        offset: Option<StreamOffset>,
    ) -> Result<Receipt, PipelineError> {
        let reserved = self
            .budget
            .try_reserve(bytes_of(&batch))
            .ok_or(PipelineError::Full)?;
        let arrival = Arrival::of(&batch);
        let events = batch.events.len();
        let (sender, receiver) = oneshot::channel();
        let started_ns = self.clock.monotonic_ns();
        // The reservation travels with the batch: it is given back when the store
        // is done with it, even if the caller has gone away meanwhile.
        let arrivals = Arc::clone(&self.arrivals);
        let completion = Box::new(move |result: Result<Receipt, StoreError>| {
            drop(reserved);
            if result.is_ok() {
                arrivals.note(&arrival);
            }
            // Nobody may be waiting any more; the batch is counted all the same.
            drop(sender.send(result));
        });
        match offset {
            None => self.store.submit(batch, completion),
            Some(offset) => self.store.submit_at(batch, offset, completion),
        }
        let result = spans::commit(events, receiver).await;
        let result = result.unwrap_or(Err(StoreError::Closed));
        let ended_ns = self.clock.monotonic_ns();
        self.metrics
            .commit_took(ended_ns.saturating_sub(started_ns));
        result.map_err(PipelineError::Store)
    }

    /// When sources last brought something.
    pub(crate) fn arrivals(&self) -> &Arrivals {
        &self.arrivals
    }

    /// Waits until the store has answered everything.
    pub(crate) async fn drained(&self) {
        self.budget.all_free().await;
    }

    pub(crate) fn in_flight_bytes(&self) -> usize {
        self.budget.used_bytes()
    }
}

fn bytes_of(batch: &Batch) -> usize {
    let events = batch.events.len() * size_of::<StatusEvent>();
    let sealed: usize = batch.sealed.iter().map(|item| item.sealed.len() + 64).sum();
    BATCH_BYTES + events + sealed
}
