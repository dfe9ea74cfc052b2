//! The ceiling of ingest: the same server, with everything that it does before the
//! store (HTTP, signature, parsing, hashing), and a store that acknowledges at
//! once and keeps nothing.
//!
//! Runs as a child process, as the program does. Not a mode of the product.

use crate::arguments::Arguments;
use anyhow::{Context, Result};
use chatmetric::cli::{Instance, OpenMode};
use chatmetric::clock::SystemClock;
use chatmetric::config::{Overrides, Settings};
use chatmetric::entropy::{Entropy, SystemEntropy};
use chatmetric::server::{Components, Server};
use chatmetric_core::{AccountKey, EpochMs, PhoneNumber, Slot, SpaceKey, UtcDay};
use chatmetric_store::{
    Batch, Books, Completion, DayVisitor, Explanation, Health, Options, QuarantineFilter,
    QuarantineId, Quarantined, Receipt, SourceName, StatusEvent, Store, StoreError, StoreStats,
    StreamOffset, VerifyReport,
};
use std::ops::RangeInclusive;
use std::sync::Arc;

/// Serves until it is killed.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let data_dir = arguments.path("data-dir")?;
    let listen = arguments.text("listen").context("`--listen` is missing")?;
    let overrides = Overrides {
        listen: Some(listen.parse()?),
        data_dir: Some(data_dir.clone()),
        ..Overrides::default()
    };
    let settings = Settings::load(None, std::iter::empty(), &overrides)?;
    let _traces = chatmetric::telemetry::start_log(&settings.telemetry);
    let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy);
    let options = Options::default();
    let instance = Instance::open(&data_dir, None, OpenMode::Existing, options, &entropy)?;
    let components = Components {
        store: Arc::new(Ceiling(Arc::clone(&instance.store))),
        directory: Arc::clone(&instance.directory),
        clock: Arc::new(SystemClock::default()),
        entropy,
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let server = Server::start(settings, components)
            .await
            .context("could not start the server")?;
        std::future::pending::<()>().await;
        server.shutdown().await;
        Ok(())
    })
}

/// Reads of the real store, and no writes.
struct Ceiling(Arc<dyn Store>);

impl Store for Ceiling {
    fn submit(&self, batch: Batch, done: Completion) {
        let new = u32::try_from(batch.events.len()).unwrap_or(u32::MAX);
        done(Ok(Receipt {
            new,
            ..Receipt::default()
        }));
    }

    fn submit_at(&self, batch: Batch, _: StreamOffset, done: Completion) {
        self.submit(batch, done);
    }

    fn stream_offsets(&self) -> Result<Vec<(SourceName, StreamOffset)>, StoreError> {
        self.0.stream_offsets()
    }

    fn floor(&self) -> Option<EpochMs> {
        self.0.floor()
    }

    fn raise_floor(&self, _: EpochMs) -> Result<(), StoreError> {
        Ok(())
    }

    fn release_due(&self, _: EpochMs) -> Result<u64, StoreError> {
        Ok(0)
    }

    fn claim(&self, _: AccountKey, _: PhoneNumber, _: SpaceKey) -> Result<u64, StoreError> {
        Ok(0)
    }

    fn replay(&self, item: QuarantineId, events: &[StatusEvent]) -> Result<bool, StoreError> {
        self.0.replay(item, events)
    }

    fn numbers(&self, space: SpaceKey) -> Result<Vec<PhoneNumber>, StoreError> {
        self.0.numbers(space)
    }

    fn read_days(
        &self,
        space: SpaceKey,
        number: &PhoneNumber,
        days: RangeInclusive<UtcDay>,
        visit: &mut DayVisitor<'_>,
    ) -> Result<(), StoreError> {
        self.0.read_days(space, number, days, visit)
    }

    fn explain(
        &self,
        space: SpaceKey,
        number: &PhoneNumber,
        slots: std::ops::Range<Slot>,
    ) -> Result<Explanation, StoreError> {
        self.0.explain(space, number, slots)
    }

    fn books(&self) -> Result<Vec<(SourceName, Books)>, StoreError> {
        self.0.books()
    }

    fn quarantine(
        &self,
        filter: QuarantineFilter,
        items_max: usize,
    ) -> Result<Vec<Quarantined>, StoreError> {
        self.0.quarantine(filter, items_max)
    }

    fn verify(&self) -> Result<VerifyReport, StoreError> {
        self.0.verify()
    }

    fn health(&self) -> Health {
        self.0.health()
    }

    fn stats(&self) -> StoreStats {
        self.0.stats()
    }

    fn close(&self) {
        self.0.close();
    }
}
