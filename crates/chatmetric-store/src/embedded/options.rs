//! The settings of an embedded store and the hooks of its tests.
//!
//! Every limit of the store is here, with its unit in its name.

use super::disk::{Disk, RealDisk};
use std::fmt;
use std::sync::Arc;

/// Longest name of a source, in bytes.
pub const SOURCE_NAME_BYTES_MAX: usize = 256;

/// Most sealed bytes that one batch may bring.
pub const BATCH_SEALED_BYTES_MAX: usize = 16 * 1024 * 1024;

/// A named point in the life of a generation, where a test can stop the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Step {
    /// The next segment's file is full of zeros, its name is not synced yet.
    SegmentPrepared,
    /// The writer went on to the next segment.
    Rotated,
    /// The run is written, not synced.
    RunWritten,
    /// The run is synced, its name is not.
    RunSynced,
    /// The run and its name are durable; the manifest does not know it.
    RunNamed,
    /// The manifest and the tallies are committed; the segment is still there.
    SealCommitted,
    /// The segment is gone.
    SegmentRemoved,
    /// A merged run is durable; the manifest does not know it.
    MergeWritten,
    /// The manifest names the merged run; its inputs are still there.
    MergeCommitted,
    /// A start has replayed the journal and not changed anything yet.
    Replayed,
    /// A start with another number of shards has sealed the old journals.
    OldShardsSealed,
    /// A start has committed the new number of shards.
    ShardsCommitted,
}

impl Step {
    /// All steps.
    pub const ALL: [Self; 12] = [
        Self::SegmentPrepared,
        Self::Rotated,
        Self::RunWritten,
        Self::RunSynced,
        Self::RunNamed,
        Self::SealCommitted,
        Self::SegmentRemoved,
        Self::MergeWritten,
        Self::MergeCommitted,
        Self::Replayed,
        Self::OldShardsSealed,
        Self::ShardsCommitted,
    ];
}

/// Asked at each step; `true` stops the store right there, as a crash would.
pub type CrashHook = Arc<dyn Fn(Step) -> bool + Send + Sync>;

/// Settings of an embedded store.
#[derive(Clone)]
pub struct Options {
    /// How many writers; the numbers are spread over them.
    pub shards: u32,
    /// A generation with this many messages is sealed.
    pub generation_records_max: usize,
    /// A generation whose differences of days take this many bytes of memory is
    /// sealed.
    pub generation_day_bytes_max: usize,
    /// A generation that holds this many bytes of quarantine is sealed.
    pub generation_quarantine_bytes_max: usize,
    /// How many finished generations may wait for the sealer, per shard.
    pub generations_pending_max: usize,
    /// Size of a prepared journal segment.
    pub segment_bytes: u64,
    /// How many events may wait for a writer.
    pub queue_events_max: usize,
    /// How many sealed bytes may wait for a writer.
    pub queue_sealed_bytes_max: usize,
    /// How many runs of one size are merged into one; at least 2.
    pub merge_fan_in: usize,
    /// Memory for the blocks of the transactional part.
    pub cache_bytes: u64,
    /// Memory for day blocks that were read lately.
    pub day_cache_bytes: usize,
    /// Where changes of files go.
    pub disk: Arc<dyn Disk>,
    /// Stops the store at a step (tests).
    pub crash: Option<CrashHook>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            shards: 1,
            generation_records_max: 512 * 1024,
            generation_day_bytes_max: 24 * 1024 * 1024,
            generation_quarantine_bytes_max: 16 * 1024 * 1024,
            generations_pending_max: 3,
            segment_bytes: 32 * 1024 * 1024,
            queue_events_max: 200_000,
            queue_sealed_bytes_max: 64 * 1024 * 1024,
            merge_fan_in: 8,
            cache_bytes: 16 * 1024 * 1024,
            day_cache_bytes: 32 * 1024 * 1024,
            disk: Arc::new(RealDisk),
            crash: None,
        }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("shards", &self.shards)
            .field("generation_records_max", &self.generation_records_max)
            .field("segment_bytes", &self.segment_bytes)
            .field("queue_events_max", &self.queue_events_max)
            .field("merge_fan_in", &self.merge_fan_in)
            .finish_non_exhaustive()
    }
}
