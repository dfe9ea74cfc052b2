//! From events of a file to the store: where each belongs, batches, what became
//! of them.
//!
//! Message ids are hashed when an event is pushed; nothing here keeps them. Not
//! here: how files are read, or how progress is shown.
//!
//! Invariant: an event is in the report only after the store made it durable;
//! loading the same events again changes no count.

use super::numbers::{NumberPlace, Numbers};
use super::place::{Judge, Place};
use super::{FileEvent, Mark};
use crate::clock::Clock;
use crate::directory::{BindOutcome, Directory, DirectoryError, IdForm, UnknownNumbers};
use crate::ingest::binding::{self, Seen};
use chatmetric_core::{AccountKey, Fingerprint, FingerprintKey, MessageStatus, PhoneNumber};
use chatmetric_core::{EpochMs, SpaceKey};
use chatmetric_store::{Batch, Reason, Receipt, StatusEvent, Store, StoreError, Target};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::{Arc, mpsc};
use std::time::Duration;

/// Events of one batch.
pub const BATCH_EVENTS: usize = 5_000;
/// Batches that the store may work on at a time.
pub(super) const BATCHES_IN_FLIGHT_MAX: usize = 8;
/// Most numbers that a report names, of each kind.
pub(super) const REPORT_NUMBERS_MAX: usize = 1_000;
/// The name of these events' books.
pub(super) const SOURCE: &str = crate::directory::limits::RESERVED_WEBHOOK_ID;
/// How long to wait for a store that cannot take events.
const UNAVAILABLE_TRIES_MAX: u32 = 600;
/// How long between two tries.
const UNAVAILABLE_WAIT: Duration = Duration::from_millis(100);

/// Why events could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// No such space.
    #[error("there is no space `{space}`")]
    UnknownSpace {
        /// The CustSpaceId.
        space: String,
    },
    /// A number could not be bound.
    #[error("could not bind a number to the space")]
    Bind(#[from] DirectoryError),
    /// The store refused.
    #[error("could not store the events")]
    Store(#[from] StoreError),
}

/// What became of what was loaded.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LoadReport {
    /// First reports of a status of a message.
    pub new: u64,
    /// Further reports.
    pub duplicate: u64,
    /// Of these, with an earlier time.
    pub moved: u64,
    /// Not counted by rule.
    pub ignored: u64,
    /// Older than the floor.
    pub late: u64,
    /// Put into quarantine.
    pub quarantined: u64,
    /// Numbers that were bound to the space.
    pub bound: BTreeSet<String>,
    /// Numbers that nobody has bound: their events wait until they are claimed.
    pub held: BTreeSet<String>,
    /// Numbers of another space: not counted.
    pub foreign: BTreeSet<String>,
    /// Numbers beyond `numbers_max`: not counted.
    pub too_many: BTreeSet<String>,
    /// Numbers for which another family of message ids counts: not counted.
    pub second_source: BTreeSet<String>,
}

impl LoadReport {
    /// Adds another report.
    pub fn add(&mut self, other: &Self) {
        self.new += other.new;
        self.duplicate += other.duplicate;
        self.moved += other.moved;
        self.ignored += other.ignored;
        self.late += other.late;
        self.quarantined += other.quarantined;
        for (own, more) in [
            (&mut self.bound, &other.bound),
            (&mut self.held, &other.held),
            (&mut self.foreign, &other.foreign),
            (&mut self.too_many, &other.too_many),
            (&mut self.second_source, &other.second_source),
        ] {
            let room = REPORT_NUMBERS_MAX.saturating_sub(own.len());
            own.extend(more.iter().take(room).cloned());
        }
    }

    fn add_receipt(&mut self, receipt: &Receipt) {
        self.new += u64::from(receipt.new);
        self.duplicate += u64::from(receipt.duplicate);
        self.moved += u64::from(receipt.moved);
        self.ignored += u64::from(receipt.ignored);
        self.late += u64::from(receipt.late);
        self.quarantined += u64::from(receipt.quarantined);
    }

    /// All events that are accounted for.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.new + self.duplicate + self.ignored + self.late + self.quarantined
    }
}

/// How far a file was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reached {
    /// All events before it were pushed.
    pub mark: Mark,
    /// How many lines before it were bad.
    pub bad: u64,
}

/// A hashed event whose place is not decided yet.
#[derive(Debug, Clone, Copy)]
struct Pending {
    fingerprint: Fingerprint,
    number: NumberPlace,
    family: IdForm,
    status: MessageStatus,
    at: EpochMs,
}

struct InFlight {
    batch: Batch,
    /// Where the file was when the batch was cut: all events before are in this batch or
    /// in one before it.
    reached: Option<Reached>,
    result: mpsc::Receiver<Result<Receipt, StoreError>>,
}

/// Loads events into one space.
pub struct Loader {
    directory: Arc<Directory>,
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    fingerprint_key: FingerprintKey,
    space: SpaceKey,
    pending: Vec<Pending>,
    numbers: Numbers,
    ignored: u32,
    in_flight: VecDeque<InFlight>,
    reached: Option<Reached>,
    durable: Option<Reached>,
    /// Something failed: what became durable afterwards has a gap before it.
    is_broken: bool,
    report: LoadReport,
}

impl Loader {
    /// A loader for the space with this CustSpaceId.
    ///
    /// # Errors
    /// [`LoadError::UnknownSpace`]
    pub fn new(
        directory: Arc<Directory>,
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        space: &str,
    ) -> Result<Self, LoadError> {
        let unknown = || LoadError::UnknownSpace {
            space: space.to_owned(),
        };
        let space = directory.snapshot().space(space).ok_or_else(unknown)?.key;
        Ok(Self {
            fingerprint_key: directory.fingerprint_key(),
            directory,
            store,
            clock,
            space,
            pending: Vec::with_capacity(BATCH_EVENTS),
            numbers: Numbers::default(),
            ignored: 0,
            in_flight: VecDeque::new(),
            reached: None,
            durable: None,
            is_broken: false,
            report: LoadReport::default(),
        })
    }

    /// Takes an event.
    ///
    /// # Errors
    /// [`LoadError`] of a batch that became full, or of one before it.
    pub fn push(&mut self, event: &FileEvent<'_>) -> Result<(), LoadError> {
        let fingerprint =
            self.fingerprint_key
                .fingerprint(event.channel, &event.number, event.message_id);
        self.pending.push(Pending {
            fingerprint,
            number: self.numbers.place(event.number),
            family: event.form(),
            status: event.status,
            at: event.at,
        });
        if self.pending.len() >= BATCH_EVENTS {
            self.submit()
        } else {
            Ok(())
        }
    }

    /// Notes something that is not counted by rule.
    pub fn ignored(&mut self, items: u32) {
        self.ignored = self.ignored.saturating_add(items);
    }

    /// Notes that everything of the file up to here was pushed.
    pub const fn reach(&mut self, reached: Reached) {
        self.reached = Some(reached);
    }

    /// How far everything is durable; `None` when nothing is known to be.
    #[must_use]
    pub const fn durable(&self) -> Option<Reached> {
        self.durable
    }

    /// Forgets how far the file before was read; call it after [`Self::finish`].
    pub const fn begin(&mut self) {
        self.reached = None;
        self.durable = None;
    }

    /// Waits until everything is durable and in the report.
    ///
    /// # Errors
    /// [`LoadError`]
    pub fn finish(&mut self) -> Result<(), LoadError> {
        self.submit()?;
        while !self.in_flight.is_empty() {
            self.wait_for_one()?;
        }
        if !self.is_broken {
            self.durable = self.reached;
        }
        Ok(())
    }

    /// What became of what is durable.
    #[must_use]
    pub const fn report(&self) -> &LoadReport {
        &self.report
    }

    fn submit(&mut self) -> Result<(), LoadError> {
        if self.pending.is_empty() && self.ignored == 0 {
            return Ok(());
        }
        while self.in_flight.len() >= BATCHES_IN_FLIGHT_MAX {
            self.wait_for_one()?;
        }
        let judges = self.judges();
        self.is_broken |= judges.is_err();
        let (account, places) = judges?;
        let (numbers, second) = (&self.numbers, &mut self.report.second_source);
        let mut events = Vec::with_capacity(self.pending.len());
        for pending in self.pending.drain(..) {
            let Some(number) = numbers.number(pending.number) else {
                continue;
            };
            let judge = numbers.judge(pending.number);
            let judge = judge.or_else(|| places.get(&number).copied());
            let target = judge.map_or(Target::Held(account), |judge| {
                judge.target(account, pending.family, pending.at)
            });
            if target == Target::Refused(account, Reason::SecondSource)
                && second.len() < REPORT_NUMBERS_MAX
            {
                second.insert(number.to_string());
            }
            events.push(StatusEvent {
                fingerprint: pending.fingerprint,
                number,
                status: pending.status,
                at: pending.at,
                target,
            });
        }
        self.numbers.bound();
        let batch = Batch {
            source: SOURCE.into(),
            received_at: self.clock.now(),
            events,
            sealed: Vec::new(),
            ignored: std::mem::take(&mut self.ignored),
        };
        let (sender, result) = mpsc::sync_channel(1);
        let done = Box::new(move |outcome| drop(sender.send(outcome)));
        self.store.submit(batch.clone(), done);
        let reached = self.reached;
        self.in_flight.push_back(InFlight {
            batch,
            reached,
            result,
        });
        Ok(())
    }

    fn wait_for_one(&mut self) -> Result<(), LoadError> {
        let Some(InFlight {
            batch,
            reached,
            result,
        }) = self.in_flight.pop_front()
        else {
            return Ok(());
        };
        let mut outcome = result.recv().unwrap_or(Err(StoreError::Closed));
        let mut tries = 0;
        while let Err(StoreError::Unavailable { .. }) = &outcome
            && tries < UNAVAILABLE_TRIES_MAX
        {
            tries += 1;
            std::thread::sleep(UNAVAILABLE_WAIT);
            outcome = self.store.commit(batch.clone());
        }
        self.is_broken |= outcome.is_err();
        self.report.add_receipt(&outcome?);
        if !self.is_broken {
            self.durable = reached.or(self.durable);
        }
        Ok(())
    }

    /// The judges of the batch that are not remembered from one before it.
    fn judges(&mut self) -> Result<(AccountKey, HashMap<PhoneNumber, Judge>), LoadError> {
        let snapshot = self.directory.snapshot();
        self.numbers.under(&snapshot);
        let numbers = &self.numbers;
        let mut pending = self.pending.iter();
        let are_known = pending.all(|pending| numbers.judge(pending.number).is_some());
        if let Some(space) = snapshot.space_by_key(self.space)
            && are_known
        {
            return Ok((space.account.key, HashMap::new()));
        }
        let (account, places) = self.places()?;
        for (number, judge) in &places {
            self.numbers.remember(number, *judge);
        }
        Ok((account, places))
    }

    /// Where the events of each number of the batch belong; binds numbers that the
    /// space may bind, and the families of ids that count.
    fn places(&mut self) -> Result<(AccountKey, HashMap<PhoneNumber, Judge>), LoadError> {
        let snapshot = self.directory.snapshot();
        let Some(space) = snapshot.space_by_key(self.space) else {
            let space = format!("{:?}", self.space);
            return Err(LoadError::UnknownSpace { space });
        };
        let account = space.account.key;
        let mut places = HashMap::new();
        let mut unknown = Vec::new();
        for pending in &self.pending {
            let number = self.numbers.number(pending.number);
            let Some(number) = number.filter(|number| !places.contains_key(number)) else {
                continue;
            };
            let place = Place::of(&snapshot, space.key, &number);
            if place.is_none() {
                unknown.push(number);
            }
            places.insert(
                number,
                place.unwrap_or(Place::Always(Target::Held(account))),
            );
        }
        if space.unknown_numbers == UnknownNumbers::Auto && !unknown.is_empty() {
            let outcomes = self
                .directory
                .bind_numbers(space.key, &unknown, self.clock.now())?;
            for (number, outcome) in unknown.iter().zip(outcomes) {
                let target = binding::bound_target(space.key, account, &outcome);
                if outcome == BindOutcome::Bound {
                    self.report.bound.insert(number.to_string());
                }
                places.insert(*number, Place::Always(target));
            }
        }
        self.note(&places);
        let judges = self.families(account, places)?;
        Ok((account, judges))
    }

    /// Adds the family of ids that counts of each number, decided by the first event
    /// that counts where none is decided yet.
    fn families(
        &self,
        account: AccountKey,
        places: HashMap<PhoneNumber, Place>,
    ) -> Result<HashMap<PhoneNumber, Judge>, LoadError> {
        let snapshot = self.directory.snapshot();
        let known = |number: &PhoneNumber| snapshot.number(number).family(account);
        let undecided = places.iter().filter(|(number, _)| known(number).is_none());
        let undecided: HashMap<_, _> = undecided.collect();
        let seen = self.pending.iter().filter_map(|pending| {
            let number = self.numbers.number(pending.number)?;
            let place = undecided.get(&number)?;
            place.counts(account, pending.at).then_some(Seen {
                number,
                family: pending.family,
                at: pending.at,
            })
        });
        let first = if undecided.is_empty() {
            HashMap::new()
        } else {
            binding::first_families(seen, self.store.floor())
        };
        let bound = binding::bind_families(&self.directory, account, first)?;
        let judge = |number: &PhoneNumber, place: Place| match bound.get(number) {
            Some(None) => Judge {
                place: Place::Always(Target::Refused(account, Reason::TooManyNumbers)),
                counted: None,
            },
            Some(counted @ Some(_)) => Judge {
                place,
                counted: *counted,
            },
            None => Judge {
                place,
                counted: known(number),
            },
        };
        let judges = places
            .iter()
            .map(|(number, place)| (*number, judge(number, *place)));
        Ok(judges.collect())
    }

    fn note(&mut self, places: &HashMap<PhoneNumber, Place>) {
        for (number, place) in places {
            let names = match place {
                Place::Always(Target::Space(_)) | Place::Until { .. } => continue,
                Place::Always(Target::Held(_)) => &mut self.report.held,
                Place::Always(Target::Refused(_, Reason::TooManyNumbers)) => {
                    &mut self.report.too_many
                }
                Place::Always(Target::Refused(_, _)) | Place::Elsewhere => &mut self.report.foreign,
            };
            if names.len() < REPORT_NUMBERS_MAX {
                names.insert(number.to_string());
            }
        }
    }
}

impl std::fmt::Debug for Loader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Loader")
            .field("report", &self.report)
            .finish_non_exhaustive()
    }
}
