//! The border of the crate: what goes in, what comes out, and the trait that
//! the embedded store, the store in memory (tests) and later a replicated one
//! implement.
//!
//! Blocking and free of async: callers bring their own executor and get woken
//! through a [`Completion`].

use crate::embedded::cut::StoreCut;
use crate::explanation::{EXPLAINED_SLOTS_MAX, Explanation};
use crate::stream_offset::StreamOffset;
use chatmetric_core::{
    AccountKey, DayBlock, EpochMs, Fingerprint, MessageStatus, PhoneNumber, Slot, SpaceKey, UtcDay,
};
use std::ops::{Range, RangeInclusive};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc;

/// Most events of one batch.
pub const BATCH_EVENTS_MAX: usize = 10_000;

/// How far ahead of its receipt an event may be, in ms; beyond it is quarantined
/// as [`Reason::Future`] until it is due.
pub const FUTURE_TOLERANCE_MS: i64 = 5 * 60 * 1000;

/// Where an event belongs, as the directory knew it when the event came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Target {
    /// The number is bound to this space: count it.
    Space(SpaceKey),
    /// Nobody has bound the number: keep the event, in its place, until the
    /// account claims the number.
    Held(AccountKey),
    /// Do not count it; visible to this account.
    Refused(AccountKey, Reason),
}

/// One status event, parsed, verified and hashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StatusEvent {
    /// Which message.
    pub fingerprint: Fingerprint,
    /// The business number that sent it.
    pub number: PhoneNumber,
    /// What happened.
    pub status: MessageStatus,
    /// When it happened, by the provider's clock.
    pub at: EpochMs,
    /// Where it belongs.
    pub target: Target,
}

/// Something that could not be read as an event; the bytes are sealed by the
/// caller, because they may hold personal data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedItem {
    /// Who may see that it exists.
    pub account: AccountKey,
    /// Why it is not counted.
    pub reason: Reason,
    /// AES-GCM ciphertext of the body or of the single status.
    pub sealed: Box<[u8]>,
}

/// The name of a source in the books: a webhook's id, `import`, a stream.
pub type SourceName = Arc<str>;

/// What one request, file chunk or stream read brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// Which books to write.
    pub source: SourceName,
    /// When it was received; decides what is in the future.
    pub received_at: EpochMs,
    /// At most [`BATCH_EVENTS_MAX`] events.
    pub events: Vec<StatusEvent>,
    /// What could not be read.
    pub sealed: Vec<SealedItem>,
    /// Inbound messages, `deleted`, `warning`, other fields: seen, not counted.
    pub ignored: u32,
}

/// Why something is in quarantine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// Before the floor of its moment.
    Late,
    /// Too far ahead of its receipt; released when due.
    Future,
    /// The number is bound to nobody yet.
    UnknownNumber,
    /// The number belongs to another account.
    ForeignNumber,
    /// Another family of message ids is bound to this number.
    SecondSource,
    /// A provider that always gives a time did not, or gave an impossible one.
    BadTimestamp,
    /// A status without an id, a number or a word.
    Malformed,
    /// A signed body that is not JSON of the expected shape.
    Unparsable,
    /// The space may not bind more numbers.
    TooManyNumbers,
}

impl Reason {
    /// All of them, in the order of their codes: new ones come last.
    pub const ALL: [Self; 9] = [
        Self::Late,
        Self::Future,
        Self::UnknownNumber,
        Self::ForeignNumber,
        Self::SecondSource,
        Self::BadTimestamp,
        Self::Malformed,
        Self::Unparsable,
        Self::TooManyNumbers,
    ];

    /// The word in the books, the console and the command line.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Late => "late",
            Self::Future => "future",
            Self::UnknownNumber => "unknown_number",
            Self::ForeignNumber => "foreign_number",
            Self::SecondSource => "second_source",
            Self::BadTimestamp => "bad_timestamp",
            Self::Malformed => "malformed",
            Self::Unparsable => "unparsable",
            Self::TooManyNumbers => "too_many_numbers",
        }
    }
}

/// The books: received = new + duplicate + ignored + late + quarantined +
/// released + expired, always.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Books {
    /// All that came in, item by item.
    pub received: u64,
    /// First reports of a status of a message.
    pub new: u64,
    /// Further reports of it.
    pub duplicate: u64,
    /// Of the duplicates, those that carried an earlier slot.
    pub moved: u64,
    /// Seen and not counted by rule.
    pub ignored: u64,
    /// Before the floor.
    pub late: u64,
    /// In quarantine now, for another reason than lateness.
    pub quarantined: u64,
    /// Left the quarantine to be counted.
    pub released: u64,
    /// Left the quarantine with the horizon, uncounted.
    pub expired: u64,
}

impl Books {
    /// Whether every received item is accounted for.
    #[must_use]
    pub const fn balanced(&self) -> bool {
        self.received
            == self.new
                + self.duplicate
                + self.ignored
                + self.late
                + self.quarantined
                + self.released
                + self.expired
    }
}

impl std::ops::AddAssign for Books {
    fn add_assign(&mut self, other: Self) {
        // All of them, by name: one that is new is not forgotten.
        let Self {
            received,
            new,
            duplicate,
            moved,
            ignored,
            late,
            quarantined,
            released,
            expired,
        } = other;
        self.received += received;
        self.new += new;
        self.duplicate += duplicate;
        self.moved += moved;
        self.ignored += ignored;
        self.late += late;
        self.quarantined += quarantined;
        self.released += released;
        self.expired += expired;
    }
}

/// What became of one batch; the same words as [`Books`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Receipt {
    /// First reports.
    pub new: u32,
    /// Further reports.
    pub duplicate: u32,
    /// Of these, with an earlier slot.
    pub moved: u32,
    /// Not counted by rule.
    pub ignored: u32,
    /// Before the floor.
    pub late: u32,
    /// Put into quarantine.
    pub quarantined: u32,
}

/// Called exactly once, from a thread of the store: the batch is durable and in
/// the tallies, or it failed. Must not block.
pub type Completion = Box<dyn FnOnce(Result<Receipt, StoreError>) + Send>;

/// The position of an item in the quarantine, in the order of arrival.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QuarantineId(pub u64);

/// One item of the quarantine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quarantined {
    /// Its place.
    pub id: QuarantineId,
    /// Which source brought it.
    pub source: SourceName,
    /// When it came.
    pub received_at: EpochMs,
    /// Who may see it.
    pub account: Option<AccountKey>,
    /// The space it was meant for, when that was known.
    pub space: Option<SpaceKey>,
    /// Why it is here.
    pub reason: Reason,
    /// What it is.
    pub content: QuarantinedContent,
}

/// What is kept of a quarantined item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum QuarantinedContent {
    /// A readable event.
    Event {
        /// Which message.
        fingerprint: Fingerprint,
        /// The business number.
        number: PhoneNumber,
        /// What happened.
        status: MessageStatus,
        /// When.
        at: EpochMs,
    },
    /// Sealed bytes.
    Sealed(Box<[u8]>),
}

/// Which part of the quarantine to list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct QuarantineFilter {
    /// Only items after this one.
    pub after: Option<QuarantineId>,
    /// Only items with this reason.
    pub reason: Option<Reason>,
    /// Only items of this account.
    pub account: Option<AccountKey>,
}

/// Whether the store takes events and answers queries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Health {
    /// Takes events.
    Ready,
    /// Cannot take events now, will try again by itself (no space).
    Waiting(String),
    /// Takes no events until restart (a write or sync failed); answers queries.
    Poisoned(String),
}

/// Figures for `/metrics`, the console and the bench.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StoreStats {
    /// Bytes of all files.
    pub disk_bytes: u64,
    /// Messages in sealed runs (a message in two runs counts twice).
    pub run_records: u64,
    /// Number of runs.
    pub runs: u64,
    /// Messages of the open and the sealing generations.
    pub hot_records: u64,
    /// Bytes appended to the journal since the start.
    pub journal_bytes: u64,
    /// Syncs of the journal since the start.
    pub syncs: u64,
    /// Events that wait for the writer now.
    pub queued_events: u64,
}

/// What `verify` looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct VerifyReport {
    /// Records read.
    pub records: u64,
    /// Day blocks recomputed and compared.
    pub day_blocks: u64,
    /// Files whose checksums were read.
    pub files: u64,
    /// Bytes read.
    pub bytes: u64,
}

/// Few kinds, by what the caller should do.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// Try again after a while: no space, or too much is queued.
    #[error("the store cannot take events now: {reason}")]
    Unavailable {
        /// What is short.
        reason: String,
    },
    /// The request itself breaks a limit; trying again does not help.
    #[error("the batch is refused: {reason}")]
    Invalid {
        /// Which limit.
        reason: String,
    },
    /// Bytes on disk are not what was written. Nothing was changed.
    #[error("`{file}` is damaged at byte {offset}: {detail}")]
    Corrupt {
        /// The damaged file.
        file: PathBuf,
        /// Where in it.
        offset: u64,
        /// What is wrong.
        detail: String,
    },
    /// The tallies are not the fold of the records.
    #[error("the tallies differ from the records: {detail}")]
    Differs {
        /// The first difference.
        detail: String,
    },
    /// The directory was written by a newer version. Nothing was changed.
    #[error("the data has format {found}, this program reads up to {supported}")]
    NewerFormat {
        /// What the directory says.
        found: u32,
        /// What we can read.
        supported: u32,
    },
    /// An operation of the operating system or of the embedded engine failed.
    #[error("could not {operation}")]
    Io {
        /// What was tried, with the path.
        operation: String,
        /// Why it failed.
        #[source]
        source: Arc<dyn std::error::Error + Send + Sync>,
    },
    /// A write or sync failed earlier; nothing is acknowledged until restart.
    #[error("the store stopped taking events: {reason}")]
    Poisoned {
        /// The first failure.
        reason: String,
    },
    /// The store is shutting down.
    #[error("the store is closed")]
    Closed,
}

/// The events of a replay with their spaces, if the item can be replayed with them.
pub(crate) fn check_replay(
    item: &Quarantined,
    events: &[StatusEvent],
) -> Result<Vec<(StatusEvent, SpaceKey)>, StoreError> {
    let invalid = |reason: String| StoreError::Invalid { reason };
    if item.reason == Reason::Late {
        return Err(invalid("what came late is never counted".to_owned()));
    }
    if events.len() > BATCH_EVENTS_MAX {
        return Err(invalid(format!("more than {BATCH_EVENTS_MAX} events")));
    }
    let with_space = |event: &StatusEvent| match event.target {
        Target::Space(space) => Ok((*event, space)),
        Target::Held(_) | Target::Refused(..) => Err(invalid("an event has no space".to_owned())),
    };
    events.iter().map(with_space).collect()
}

/// Refuses slots that cannot be explained in one answer.
pub(crate) fn check_explained(slots: &Range<Slot>) -> Result<(), StoreError> {
    let count = slots.end.0.saturating_sub(slots.start.0);
    if (1..=EXPLAINED_SLOTS_MAX).contains(&count) {
        return Ok(());
    }
    Err(StoreError::Invalid {
        reason: format!("{count} quarter-hours to explain, 1 to {EXPLAINED_SLOTS_MAX} are allowed"),
    })
}

/// Receives the day blocks of a read, in the order of the days. It is called while the
/// store holds what it reads: it is short, and calls nothing of the store.
pub type DayVisitor<'a> = dyn FnMut(UtcDay, &DayBlock) + 'a;

/// An exact, durable counter of messages.
pub trait Store: Send + Sync {
    /// Queues a batch. `done` is called exactly once, also on refusal.
    fn submit(&self, batch: Batch, done: Completion);

    /// Commits a batch and waits until it is durable and visible.
    ///
    /// # Errors
    /// As [`StoreError`] says; on an error nothing of the batch may be taken as
    /// counted, and sending it again is safe.
    fn commit(&self, batch: Batch) -> Result<Receipt, StoreError> {
        let (sender, receiver) = mpsc::sync_channel(1);
        self.submit(batch, Box::new(move |result| drop(sender.send(result))));
        receiver.recv().unwrap_or(Err(StoreError::Closed))
    }

    /// As [`Store::submit`], and keeps how far the source was read: in the same commit,
    /// or after all commits of the batch where there are several. Whoever reads a stream
    /// gives one batch after the other, each once the one before was taken.
    fn submit_at(&self, batch: Batch, offset: StreamOffset, done: Completion);

    /// As [`Store::commit`], with an offset.
    ///
    /// # Errors
    /// As [`Store::commit`]; the offset of before stands then.
    fn commit_at(&self, batch: Batch, offset: StreamOffset) -> Result<Receipt, StoreError> {
        let (sender, receiver) = mpsc::sync_channel(1);
        let done = Box::new(move |result| drop(sender.send(result)));
        self.submit_at(batch, offset, done);
        receiver.recv().unwrap_or(Err(StoreError::Closed))
    }

    /// How far each stream was read, sorted by source.
    ///
    /// # Errors
    /// When they cannot be read.
    fn stream_offsets(&self) -> Result<Vec<(SourceName, StreamOffset)>, StoreError>;

    /// The floor: events before it are late. `None` before the first `serve`.
    fn floor(&self) -> Option<EpochMs>;

    /// Raises the floor, durably, by an entry of the log; a lower value changes
    /// nothing. Quarantined bodies received before it age out.
    ///
    /// # Errors
    /// When it cannot be made durable.
    fn raise_floor(&self, floor: EpochMs) -> Result<(), StoreError>;

    /// Counts the quarantined future events that are due at `now`; tells how many.
    ///
    /// # Errors
    /// When it cannot be made durable.
    fn release_due(&self, now: EpochMs) -> Result<u64, StoreError>;

    /// Replays, in order, the events that `account` holds for `number` into
    /// `space`; each was judged by the floor of its own moment. Tells how many.
    ///
    /// # Errors
    /// When it cannot be made durable.
    fn claim(
        &self,
        account: AccountKey,
        number: PhoneNumber,
        space: SpaceKey,
    ) -> Result<u64, StoreError>;

    /// Counts `events` in the place of a quarantined item, which is gone afterwards; the
    /// caller has judged them: by the cause that is gone, by owner and by time. Tells
    /// whether the item was there. A call that failed or found the item gone may have
    /// counted a part of the events; to repeat it is safe.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] for a late item, which is in the books for good, for an
    /// event without a space, and for more than [`BATCH_EVENTS_MAX`] events; else when it
    /// cannot be made durable.
    fn replay(&self, item: QuarantineId, events: &[StatusEvent]) -> Result<bool, StoreError>;

    /// The numbers for which something was ever counted in `space`, sorted.
    ///
    /// # Errors
    /// When the tallies cannot be read.
    fn numbers(&self, space: SpaceKey) -> Result<Vec<PhoneNumber>, StoreError>;

    /// Reads the tallies of a number in a space: one consistent state of all
    /// days; days without counts are left out.
    ///
    /// # Errors
    /// When the tallies cannot be read or are damaged.
    fn read_days(
        &self,
        space: SpaceKey,
        number: &PhoneNumber,
        days: RangeInclusive<UtcDay>,
        visit: &mut DayVisitor<'_>,
    ) -> Result<(), StoreError>;

    /// What made the counts of a number in some slots: one consistent state of the counts
    /// and of their explanation. Slots before the kept days have nothing.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] for no slots, or more than [`EXPLAINED_SLOTS_MAX`]; else
    /// when it cannot be read or is damaged.
    fn explain(
        &self,
        space: SpaceKey,
        number: &PhoneNumber,
        slots: Range<Slot>,
    ) -> Result<Explanation, StoreError>;

    /// The books of every source, sorted by name.
    ///
    /// # Errors
    /// When they cannot be read.
    fn books(&self) -> Result<Vec<(SourceName, Books)>, StoreError>;

    /// Lists at most `items_max` items of the quarantine in the order of arrival.
    ///
    /// # Errors
    /// When it cannot be read.
    fn quarantine(
        &self,
        filter: QuarantineFilter,
        items_max: usize,
    ) -> Result<Vec<Quarantined>, StoreError>;

    /// Checks every checksum and recomputes the tallies from the records, while
    /// the store goes on working.
    ///
    /// # Errors
    /// The first damage or difference found.
    fn verify(&self) -> Result<VerifyReport, StoreError>;

    /// Takes a cut, for a backup: everything that was acknowledged before the call is
    /// in it. The store goes on; files of the cut stay readable while it is held.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] for a store that keeps no files; else when they cannot
    /// be read.
    fn cut(&self) -> Result<StoreCut, StoreError> {
        Err(StoreError::Invalid {
            reason: "this store keeps no files".to_owned(),
        })
    }

    /// Whether events are taken now.
    fn health(&self) -> Health;

    /// Figures.
    fn stats(&self) -> StoreStats;

    /// Finishes what is queued and stops the threads; what follows is refused
    /// with [`StoreError::Closed`]. Queries go on.
    fn close(&self);
}
