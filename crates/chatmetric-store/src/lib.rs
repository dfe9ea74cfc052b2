//! Durability: journal, hot state, cold records, tallies, quarantine, books.
//! The only crate that knows bytes on disk.
//!
//! Not here: parsing of webhooks, accounts, who owns a number, clocks. Callers
//! decide the [`Target`] of an event and pass every time in.
//!
//! Invariants:
//! 1. A batch is acknowledged only when it is durable *and* visible to readers.
//! 2. tallies(committed) + replay of the open segments = the fold of all records.
//! 3. After a failed write or sync nothing is acknowledged until restart.

mod api;
pub mod coding;
mod embedded;
mod explanation;
mod memory;
mod stream_offset;
mod sync;

pub use api::{
    BATCH_EVENTS_MAX, Batch, Books, Completion, DayVisitor, FUTURE_TOLERANCE_MS, Health,
    QuarantineFilter, QuarantineId, Quarantined, QuarantinedContent, Reason, Receipt, SealedItem,
    SourceName, StatusEvent, Store, StoreError, StoreStats, Target, VerifyReport,
};
pub use embedded::EmbeddedStore;
pub use embedded::cut::{CutPart, StoreCut};
pub use embedded::disk::{Disk, DiskFile, RealDisk};
pub use embedded::fold::Change;
#[cfg(any(test, fuzzing))]
pub use embedded::fuzz;
pub use embedded::options::{
    BATCH_SEALED_BYTES_MAX, CrashHook, MEMORY_BYTES_DEFAULT, MEMORY_BYTES_MIN, Options, SHARDS_MAX,
    SOURCE_NAME_BYTES_MAX, Step, TALLY_DAYS_BEHIND_FLOOR_MIN,
};
pub use embedded::restore::StoreRestore;
pub use embedded::split::{PartOf, SplitPart, StoreSplit};
pub use explanation::{EXPLAINED_SLOTS_MAX, Explanation, Origin, Revision, Share};
pub use memory::MemoryStore;
pub use stream_offset::StreamOffset;
