//! The store in memory behind a gate: batches can be held back, refused or lost,
//! as a full or failing disk would.

use chatmetric_core::{AccountKey, EpochMs, PhoneNumber, Slot, SpaceKey, UtcDay};
use chatmetric_store::{
    Batch, Books, Completion, DayVisitor, Explanation, Health, MemoryStore, QuarantineFilter,
    QuarantineId, Quarantined, SourceName, StatusEvent, Store, StoreError, StoreStats,
    StreamOffset, VerifyReport,
};
use std::ops::RangeInclusive;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What happens to a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Gate {
    Open,
    /// Batches wait until the gate opens.
    Shut,
    /// No space: try again.
    Refusing,
    /// A sync failed.
    Poisoned,
    /// Every read panics, as a fault of the program would.
    Panicking,
}

pub(crate) struct GatedStore {
    inner: MemoryStore,
    state: Mutex<(Gate, Vec<(Batch, Completion)>)>,
}

impl GatedStore {
    pub(crate) fn new() -> Self {
        Self {
            inner: MemoryStore::new(),
            state: Mutex::new((Gate::Open, Vec::new())),
        }
    }

    /// Changes the gate; what waited goes through when it opens.
    pub(crate) fn set(&self, gate: Gate) {
        let waiting = {
            let mut state = self.state();
            state.0 = gate;
            if gate == Gate::Open {
                std::mem::take(&mut state.1)
            } else {
                Vec::new()
            }
        };
        for (batch, done) in waiting {
            self.inner.submit(batch, done);
        }
    }

    /// Lets the first one that waits through, while the others stay.
    pub(crate) fn pass(&self) {
        let (batch, done) = self.state().1.remove(0);
        self.inner.submit(batch, done);
    }

    /// The sources of the batches that wait.
    pub(crate) fn waiting_sources(&self) -> Vec<String> {
        let state = self.state();
        state
            .1
            .iter()
            .map(|(batch, _)| batch.source.to_string())
            .collect()
    }

    /// How many batches wait.
    pub(crate) fn waiting(&self) -> usize {
        self.state().1.len()
    }

    fn read(&self) {
        let gate = self.state().0;
        assert_ne!(gate, Gate::Panicking, "this read was told to panic");
    }

    fn state(&self) -> MutexGuard<'_, (Gate, Vec<(Batch, Completion)>)> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store for GatedStore {
    fn submit(&self, batch: Batch, done: Completion) {
        let mut state = self.state();
        match state.0 {
            Gate::Open | Gate::Panicking => {
                drop(state);
                self.inner.submit(batch, done);
            }
            Gate::Shut => state.1.push((batch, done)),
            Gate::Refusing => done(Err(StoreError::Unavailable {
                reason: "no space".into(),
            })),
            Gate::Poisoned => done(Err(StoreError::Poisoned {
                reason: "a sync failed".into(),
            })),
        }
    }
    /// Streams pass the gate as webhooks do, but for being held back.
    fn submit_at(&self, batch: Batch, offset: StreamOffset, done: Completion) {
        match self.state().0 {
            Gate::Open | Gate::Panicking | Gate::Shut => {}
            Gate::Refusing => {
                let reason = "no space".into();
                return done(Err(StoreError::Unavailable { reason }));
            }
            Gate::Poisoned => {
                let reason = "a sync failed".into();
                return done(Err(StoreError::Poisoned { reason }));
            }
        }
        self.inner.submit_at(batch, offset, done);
    }
    fn stream_offsets(&self) -> Result<Vec<(SourceName, StreamOffset)>, StoreError> {
        self.inner.stream_offsets()
    }
    fn floor(&self) -> Option<EpochMs> {
        self.inner.floor()
    }
    fn raise_floor(&self, floor: EpochMs) -> Result<(), StoreError> {
        self.inner.raise_floor(floor)
    }
    fn release_due(&self, now: EpochMs) -> Result<u64, StoreError> {
        self.inner.release_due(now)
    }
    fn claim(
        &self,
        account: AccountKey,
        number: PhoneNumber,
        space: SpaceKey,
    ) -> Result<u64, StoreError> {
        self.inner.claim(account, number, space)
    }
    fn replay(&self, item: QuarantineId, events: &[StatusEvent]) -> Result<bool, StoreError> {
        self.inner.replay(item, events)
    }
    fn numbers(&self, space: SpaceKey) -> Result<Vec<PhoneNumber>, StoreError> {
        self.read();
        self.inner.numbers(space)
    }
    fn read_days(
        &self,
        space: SpaceKey,
        number: &PhoneNumber,
        days: RangeInclusive<UtcDay>,
        visit: &mut DayVisitor<'_>,
    ) -> Result<(), StoreError> {
        self.read();
        self.inner.read_days(space, number, days, visit)
    }
    fn explain(
        &self,
        space: SpaceKey,
        number: &PhoneNumber,
        slots: std::ops::Range<Slot>,
    ) -> Result<Explanation, StoreError> {
        self.read();
        self.inner.explain(space, number, slots)
    }
    fn books(&self) -> Result<Vec<(SourceName, Books)>, StoreError> {
        self.inner.books()
    }
    fn quarantine(
        &self,
        filter: QuarantineFilter,
        items_max: usize,
    ) -> Result<Vec<Quarantined>, StoreError> {
        self.inner.quarantine(filter, items_max)
    }
    fn verify(&self) -> Result<VerifyReport, StoreError> {
        self.inner.verify()
    }
    fn health(&self) -> Health {
        match self.state().0 {
            Gate::Open | Gate::Shut | Gate::Panicking => Health::Ready,
            Gate::Refusing => Health::Waiting("no space".into()),
            Gate::Poisoned => Health::Poisoned("a sync failed".into()),
        }
    }
    fn stats(&self) -> StoreStats {
        self.inner.stats()
    }
    fn close(&self) {
        self.inner.close();
    }
}
