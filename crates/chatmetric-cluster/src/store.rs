//! The store of a program on a cluster: what comes in is published, what is asked for is
//! asked of replicas.
//!
//! Differences to the embedded store, all of them: the receipt of a batch is empty but for
//! what was ignored, because what became of it is decided when it is folded (the books have
//! it); ids of the quarantine are in the order of arrival within a partition alone; the
//! floor is the one that this member knew last; there is no cut (`snapshot` is the backup
//! of a replica).
//!
//! Not here: how. Invariant: a call that was acknowledged is in the answer of every later
//! one, on every member.

mod inner;
pub(crate) mod merge;
mod offsets;
mod worker;

use crate::engine::Engine;
use crate::entry::{Entry, split::split};
use crate::error::ClusterError;
use crate::log::Log;
use crate::query::{Answer, Asker, Question};
use crate::settings::Settings;
use crate::topology::Topology;
use chatmetric_core::{AccountKey, EpochMs, PhoneNumber, Slot, SpaceKey, UtcDay};
use chatmetric_store::{
    Batch, Books, Completion, DayVisitor, Explanation, Health, QuarantineFilter, QuarantineId,
    Quarantined, Receipt, SourceName, StatusEvent, Store, StoreError, StoreStats, StreamOffset,
    VerifyReport,
};
use inner::{Inner, NO_FLOOR, odd, parts};
use std::ops::{Range, RangeInclusive};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;
use tokio::sync::Semaphore;
use worker::{Once, Worker};

/// Items that may wait for their acknowledgement.
const QUEUED_ITEMS_MAX: usize = 200_000;
/// How often the floor is asked for.
const FLOOR_EVERY: Duration = Duration::from_secs(5);

/// A store that is spread over machines.
#[derive(Debug)]
pub struct ClusterStore {
    inner: Arc<Inner>,
    worker: Worker,
}

impl ClusterStore {
    /// Connects, makes what is missing on the servers and checks it.
    ///
    /// # Errors
    /// [`ClusterError`], [`ClusterError::WeakDurability`] among them.
    pub fn open(settings: Settings) -> Result<Self, ClusterError> {
        let worker = Worker::start()?;
        let inner = worker.wait(async move {
            let engine = Engine::connect(&settings).await?;
            let topology = Topology::open(&engine, &settings).await?;
            let log = Log::new(
                engine.clone(),
                settings.in_flight_max,
                settings.publish_timeout,
            );
            let timeout = settings.answer_timeout;
            let asker = Asker::new(engine.clone(), topology.clone(), log.clone(), timeout);
            Ok(Arc::new(Inner {
                settings,
                engine,
                topology,
                log,
                asker,
                queued: Arc::new(Semaphore::new(QUEUED_ITEMS_MAX)),
                floor_ms: AtomicI64::new(NO_FLOOR),
                is_closed: AtomicBool::new(false),
            }))
        })?;
        let watched = Arc::downgrade(&inner);
        worker.spawn(async move {
            while let Some(inner) = watched.upgrade() {
                if let Ok(floor) = inner.ask_floor().await {
                    inner.note_floor(floor);
                }
                drop(inner);
                tokio::time::sleep(FLOOR_EVERY).await;
            }
        });
        Ok(Self { inner, worker })
    }

    /// The connection.
    #[must_use]
    pub fn engine(&self) -> &Engine {
        &self.inner.engine
    }

    /// What there is on the servers.
    #[must_use]
    pub fn topology(&self) -> &Topology {
        &self.inner.topology
    }

    /// What it was opened with.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.inner.settings
    }

    /// The publisher.
    #[must_use]
    pub fn log(&self) -> &Log {
        &self.inner.log
    }

    /// Who asks.
    #[must_use]
    pub fn asker(&self) -> &Asker {
        &self.inner.asker
    }

    /// Runs something on the threads of the cluster and waits for it. Not for threads that
    /// run an executor's tasks, unless they may block.
    ///
    /// # Errors
    /// Those of what runs; [`ClusterError::Closed`] when it was ended.
    pub fn wait<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, ClusterError>> + Send + 'static,
    ) -> Result<T, ClusterError> {
        self.worker.wait(work)
    }

    /// Runs something on the threads of the cluster.
    pub fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        self.worker.spawn(work);
    }

    fn run<T, F>(&self, work: impl FnOnce(Arc<Inner>) -> F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, ClusterError>> + Send + 'static,
    {
        self.inner.check()?;
        Ok(self.worker.wait(work(Arc::clone(&self.inner)))?)
    }

    fn put(&self, batch: Batch, place: Option<StreamOffset>, done: Completion) {
        let done = Once::new(done);
        let receipt = Receipt {
            ignored: batch.ignored,
            ..Receipt::default()
        };
        let inner = Arc::clone(&self.inner);
        let items = u32::try_from(batch.events.len() + batch.sealed.len()).unwrap_or(u32::MAX);
        let source = SourceName::clone(&batch.source);
        let prepared = inner.check().and_then(|()| {
            let queued = Arc::clone(&inner.queued).try_acquire_many_owned(items.max(1));
            let queued = queued.map_err(|_| StoreError::Unavailable {
                reason: "too many events wait for the log".to_owned(),
            })?;
            let bytes_max = inner.engine.entry_bytes_max();
            Ok((split(batch, inner.engine.partitions, bytes_max)?, queued))
        });
        let (entries, queued) = match prepared {
            Ok(prepared) => prepared,
            Err(error) => return done.call(Err(error)),
        };
        self.worker.spawn(async move {
            let published = inner.log.publish_parts(entries).await;
            drop(queued);
            let kept = match (published, place) {
                (Ok(_), Some(place)) => offsets::put(&inner.topology, &source, &place).await,
                (published, _) => published.map(drop),
            };
            done.call(kept.map(|()| receipt).map_err(StoreError::from));
        });
    }
}

impl Store for ClusterStore {
    fn submit(&self, batch: Batch, done: Completion) {
        self.put(batch, None, done);
    }

    fn submit_at(&self, batch: Batch, offset: StreamOffset, done: Completion) {
        self.put(batch, Some(offset), done);
    }

    fn stream_offsets(&self) -> Result<Vec<(SourceName, StreamOffset)>, StoreError> {
        self.run(|inner| async move { offsets::all(&inner.topology).await })
    }

    fn floor(&self) -> Option<EpochMs> {
        let floor_ms = self.inner.floor_ms.load(Ordering::Acquire);
        (floor_ms != NO_FLOOR).then_some(EpochMs(floor_ms))
    }

    fn raise_floor(&self, floor: EpochMs) -> Result<(), StoreError> {
        self.run(move |inner| async move {
            let entry = Entry::RaiseFloor(floor).encode();
            let all = inner.engine.partitions.all();
            let entries = all.map(|partition| (partition, entry.clone())).collect();
            inner.log.publish(entries).await?;
            inner.note_floor(Some(floor));
            Ok(())
        })
    }

    fn release_due(&self, now: EpochMs) -> Result<u64, StoreError> {
        self.run(move |inner| async move {
            let all = inner.engine.partitions.all();
            let each = all.map(|partition| inner.release_due(partition, now));
            let counts = futures_util::future::try_join_all(each).await?;
            Ok(counts.into_iter().sum())
        })
    }

    fn claim(
        &self,
        account: AccountKey,
        number: PhoneNumber,
        space: SpaceKey,
    ) -> Result<u64, StoreError> {
        self.run(move |inner| async move {
            let partition = inner.engine.partitions.of_number(&number);
            let entry = Entry::Claim {
                account,
                number,
                space,
            };
            inner.command(partition, entry).await
        })
    }

    fn replay(&self, item: QuarantineId, events: &[StatusEvent]) -> Result<bool, StoreError> {
        let events = events.to_vec();
        self.run(move |inner| async move { inner.replay(item, events).await })
    }

    fn numbers(&self, space: SpaceKey) -> Result<Vec<PhoneNumber>, StoreError> {
        self.run(move |inner| async move {
            let answers = inner.asker.ask_all(&Question::Numbers(space)).await?;
            let mut numbers = parts!(answers, Numbers)?.concat();
            numbers.sort_unstable();
            Ok(numbers)
        })
    }

    fn read_days(
        &self,
        space: SpaceKey,
        number: &PhoneNumber,
        days: RangeInclusive<UtcDay>,
        visit: &mut DayVisitor<'_>,
    ) -> Result<(), StoreError> {
        if days.is_empty() {
            return Ok(());
        }
        let question = Question::Days {
            space,
            number: *number,
            from: *days.start(),
            to: *days.end(),
        };
        let partition = self.inner.engine.partitions.of_number(number);
        let answer =
            self.run(move |inner| async move { inner.asker.ask(partition, &question).await })?;
        let Answer::Days(days) = answer else {
            return Err(odd().into());
        };
        for (day, block) in &days {
            visit(*day, block);
        }
        Ok(())
    }

    fn explain(
        &self,
        space: SpaceKey,
        number: &PhoneNumber,
        slots: Range<Slot>,
    ) -> Result<Explanation, StoreError> {
        let question = Question::Explain {
            space,
            number: *number,
            from: slots.start,
            to: slots.end,
        };
        let partition = self.inner.engine.partitions.of_number(number);
        self.run(move |inner| async move {
            match inner.asker.ask(partition, &question).await? {
                Answer::Explained(explanation) => Ok(explanation),
                _ => Err(odd()),
            }
        })
    }

    fn books(&self) -> Result<Vec<(SourceName, Books)>, StoreError> {
        self.run(|inner| async move {
            let answers = inner.asker.ask_all(&Question::Books).await?;
            Ok(merge::books(parts!(answers, Books)?))
        })
    }

    fn quarantine(
        &self,
        filter: QuarantineFilter,
        items_max: usize,
    ) -> Result<Vec<Quarantined>, StoreError> {
        self.run(move |inner| async move {
            let partitions = inner.engine.partitions;
            let each = partitions.all().map(|partition| {
                let after = filter.after;
                let after = after.and_then(|it| partitions.id_up_to(partition, it.0));
                let own = QuarantineFilter {
                    after: after.map(QuarantineId),
                    ..filter
                };
                let asker = &inner.asker;
                async move {
                    asker
                        .ask(partition, &Question::Quarantine(own, items_max))
                        .await
                }
            });
            let answers = futures_util::future::try_join_all(each).await?;
            Ok(merge::items(partitions, parts!(answers, Items)?, items_max))
        })
    }

    fn verify(&self) -> Result<VerifyReport, StoreError> {
        self.run(|inner| async move {
            let answers = inner.asker.ask_all(&Question::Verify).await?;
            Ok(merge::reports(parts!(answers, Verified)?))
        })
    }

    fn health(&self) -> Health {
        if self.inner.check().is_err() {
            return Health::Poisoned("the store is closed".to_owned());
        }
        if self.inner.engine.is_connected() {
            return Health::Ready;
        }
        Health::Waiting("no server of the cluster is connected".to_owned())
    }

    fn stats(&self) -> StoreStats {
        let asked = self.run(|inner| async move {
            let answers = inner.asker.ask_all(&Question::Stats).await?;
            Ok(merge::stats(parts!(answers, Stats)?))
        });
        asked.unwrap_or_default()
    }

    fn close(&self) {
        self.inner.is_closed.store(true, Ordering::Release);
    }
}
