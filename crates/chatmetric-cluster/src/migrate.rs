//! The counts of an instance that was alone become those of a cluster.
//!
//! ```text
//! claim   all logs are empty; the cluster is this installation's; a Base at place 1 of
//!         every log, and it is let go of: who begins now needs a snapshot of place 1
//! split   the instance's store becomes a store for each partition, here
//! move    each of them, at place 1 of its log, becomes a snapshot, which is read back
//!         and compared with the instance bucket by bucket before it is made known
//! ```
//!
//! A replica that runs meanwhile stops at the Base and waits for the snapshot; until it is
//! there, nobody answers for the partition. Each step looks what is done already, so the
//! whole may be run again whenever it was cut off.
//!
//! Not here: splitting (`chatmetric-store`), snapshots (`snapshot`), accounts. Invariants:
//! the instance's store is read alone; no snapshot is made known that differs from it; no
//! replica can pass a Base without the counts that belong before it.

mod claim;
mod compare;

use crate::error::{ClusterError, failed};
use crate::follow::created_ns;
use crate::partition::{Partition, Partitions};
use crate::replica::open_store;
use crate::snapshot::{self, Manifest};
use crate::store::{ClusterStore, merge};
use crate::tally::{Tally, log_name};
use chatmetric_core::PhoneNumber;
use chatmetric_store::{
    Books, EmbeddedStore, PartOf, SourceName, Store as _, StoreSplit, StreamOffset, VerifyReport,
};
use claim::State;
pub use claim::installation_in;
pub use compare::Compared;
use compare::Expected;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The place of a Base, and of the snapshots that are made here.
pub(crate) const BASE_SEQUENCE: u64 = 1;

/// Books by source.
type AllBooks = Vec<(SourceName, Books)>;

/// What has just been done.
#[derive(Debug, Clone)]
pub enum Told {
    /// The instance's store is sound.
    Verified(VerifyReport),
    /// All logs have their Base; so many partitions have their snapshot already.
    Claimed {
        /// How many.
        already: usize,
    },
    /// The stores of the others are made.
    Split {
        /// How many.
        parts: usize,
        /// What is in them.
        records: u64,
    },
    /// A partition is on the servers, and what was read back is what the instance has.
    Moved {
        /// Which.
        partition: Partition,
        /// Whether it was there before.
        was_there: bool,
        /// What was compared.
        compared: Compared,
    },
    /// A partition was moved before, and nodes have gone on from it: it is not compared.
    GoneOn {
        /// Which.
        partition: Partition,
        /// The place of its newest snapshot.
        sequence: u64,
    },
}

/// What a migration did.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// Partitions that were moved now.
    pub moved: usize,
    /// Partitions that had been moved before.
    pub already: usize,
    /// Of these, those that nodes have gone on from, which were not compared.
    pub gone_on: usize,
    /// What was compared, all of it together.
    pub compared: Compared,
    /// Sources that are streams: how far they were read is left behind.
    pub streams: Vec<SourceName>,
}

impl PartOf for Partitions {
    fn parts(&self) -> usize {
        usize::from(self.count())
    }

    fn of_number(&self, number: &PhoneNumber) -> usize {
        usize::from(Self::of_number(*self, number).0)
    }

    fn of_source(&self, source: &str) -> usize {
        usize::from(Self::of_source(*self, source).0)
    }
}

/// Moves the counts of `old`, which nobody may write to meanwhile, into the cluster of
/// `store`. `installation` names whose they are; `tell` hears of every step. Stores on the
/// way are below the directory of the settings, and are removed.
///
/// # Errors
/// [`ClusterError::Occupied`] before anything is changed, when the cluster has counts that
/// are not these; [`ClusterError::Unlike`] when what was read back differs: nobody can use
/// it then. After any error the same may be called again.
pub fn migrate(
    store: &ClusterStore,
    old: &Arc<EmbeddedStore>,
    installation: &str,
    tell: &mut dyn FnMut(Told),
) -> Result<Report, ClusterError> {
    let verified = old.verify()?;
    tell(Told::Verified(verified));
    let partitions = store.engine().partitions;
    let split = StoreSplit::begin(old, &partitions)?;
    let books: Vec<_> = (0..partitions.parts()).map(|it| split.books(it)).collect();
    if merge::books(books.clone()) != old.books()? {
        let detail = "the books of the partitions do not sum up to the instance's".to_owned();
        return Err(ClusterError::Unlike { detail });
    }
    let states = claim(store, installation)?;
    let open = states.iter().filter(|it| matches!(it, State::Open)).count();
    tell(Told::Claimed {
        already: states.len().saturating_sub(open),
    });
    let dir = store.settings().dir.join("split");
    snapshot::remove(&dir)?;
    write(&split, &states, &dir, tell)?;
    drop(split);
    let mut report = Report {
        streams: old
            .stream_offsets()?
            .into_iter()
            .map(|(it, _)| it)
            .collect(),
        ..Report::default()
    };
    for ((partition, state), books) in partitions.all().zip(states).zip(books) {
        let expected = Expected {
            old: Arc::clone(old),
            partitions,
            partition,
            books,
        };
        let told = one(store, &dir, expected, state)?;
        report.add(&told);
        tell(told);
    }
    snapshot::remove(&store.settings().dir)?;
    report.check(verified)?;
    Ok(report)
}

impl Report {
    fn add(&mut self, told: &Told) {
        match told {
            Told::Moved {
                was_there,
                compared,
                ..
            } => {
                let count = if *was_there {
                    &mut self.already
                } else {
                    &mut self.moved
                };
                *count += 1;
                self.compared.add(*compared);
            }
            Told::GoneOn { .. } => {
                self.already += 1;
                self.gone_on += 1;
            }
            Told::Verified(_) | Told::Claimed { .. } | Told::Split { .. } => {}
        }
    }

    /// Nothing was left out between the partitions.
    fn check(&self, verified: VerifyReport) -> Result<(), ClusterError> {
        let found = (self.compared.records, self.compared.day_blocks);
        let wanted = (verified.records, verified.day_blocks);
        if self.gone_on > 0 || found == wanted {
            return Ok(());
        }
        let detail = format!(
            "{} records and {} days, the instance has {} and {}",
            found.0, found.1, wanted.0, wanted.1
        );
        Err(ClusterError::Unlike { detail })
    }
}

fn claim(store: &ClusterStore, installation: &str) -> Result<Vec<State>, ClusterError> {
    let (engine, topology) = (store.engine().clone(), store.topology().clone());
    let installation = installation.to_owned();
    store.wait(async move { claim::all(&engine, &topology, &installation).await })
}

fn dir_of(dir: &Path, partition: usize) -> PathBuf {
    dir.join(format!("{partition:04}"))
}

/// Makes the stores of the partitions that have no snapshot yet.
fn write(
    split: &StoreSplit<'_>,
    states: &[State],
    dir: &Path,
    tell: &mut dyn FnMut(Told),
) -> Result<(), ClusterError> {
    let open = states.iter().enumerate();
    let open = open.filter(|(_, state)| matches!(state, State::Open));
    let open: Vec<(usize, PathBuf)> = open.map(|(it, _)| (it, dir_of(dir, it))).collect();
    if open.is_empty() {
        return Ok(());
    }
    let made = std::fs::create_dir_all(dir);
    made.map_err(|error| failed(format!("make `{}`", dir.display()), error))?;
    let wanted: Vec<(usize, &Path)> = open.iter().map(|(it, dir)| (*it, &**dir)).collect();
    let written = split.write(&wanted)?;
    tell(Told::Split {
        parts: written.len(),
        records: written.iter().map(|part| part.records).sum(),
    });
    Ok(())
}

/// Moves a partition, or looks at what was moved before.
fn one(
    store: &ClusterStore,
    dir: &Path,
    expected: Expected,
    state: State,
) -> Result<Told, ClusterError> {
    let partition = expected.partition;
    let (compared, was_there) = match state {
        State::GoneOn(sequence) => {
            return Ok(Told::GoneOn {
                partition,
                sequence,
            });
        }
        State::There(manifest) => (look(store, expected, manifest)?, true),
        State::Open => {
            let dir = dir_of(dir, usize::from(partition.0));
            (put(store, dir, expected)?, false)
        }
    };
    Ok(Told::Moved {
        partition,
        was_there,
        compared,
    })
}

/// Compares a snapshot that is on the servers.
fn look(
    store: &ClusterStore,
    expected: Expected,
    manifest: Manifest,
) -> Result<Compared, ClusterError> {
    let (topology, settings) = (store.topology().clone(), store.settings().clone());
    store.wait(async move {
        let inspect = move |new: &EmbeddedStore, report| expected.compare(new, report);
        let compared = snapshot::prove(&topology, &settings, &manifest, inspect).await?;
        Ok(compared.with_bytes(manifest.bytes()))
    })
}

/// Puts the store in `dir` on the servers, and removes it here.
fn put(store: &ClusterStore, dir: PathBuf, expected: Expected) -> Result<Compared, ClusterError> {
    let (engine, topology) = (store.engine().clone(), store.topology().clone());
    let settings = store.settings().clone();
    store.wait(async move {
        let partition = expected.partition;
        let info = topology.stream(partition)?.get_info().await;
        let info = info.map_err(|error| failed("look at the log", error))?;
        let place = StreamOffset {
            created_ns: created_ns(&info),
            sequence: BASE_SEQUENCE,
            // The entry is gone; it is as old as the log.
            last_ms: created_ns(&info) / 1_000_000,
            ..StreamOffset::default()
        };
        let (opened, options) = (dir.clone(), settings.store.clone());
        let based = tokio::task::spawn_blocking(move || {
            let store = open_store(&opened, &options)?;
            store.fold(Vec::new(), log_name(partition), place)?;
            Tally::new(Arc::new(store), partition, place.created_ns)
        });
        let tally = based
            .await
            .map_err(|error| failed("open a store", error))??;
        let tally = Arc::new(tally);
        let inspect = move |new: &EmbeddedStore, report| expected.compare(new, report);
        let taken = snapshot::take_and(&engine, &topology, &settings, &tally, inspect).await;
        let closed = tokio::task::spawn_blocking(move || {
            tally.store().close();
            drop(tally);
            snapshot::remove(&dir)
        });
        let closed = closed.await.map_err(|error| failed("close a store", error));
        let (manifest, compared) = taken?;
        closed??;
        Ok(compared.with_bytes(manifest.bytes()))
    })
}
