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

/// The fewest days of tallies that are kept behind the floor: one more than the
/// longest time between two statuses of a message.
pub const TALLY_DAYS_BEHIND_FLOOR_MIN: u32 = 31;

/// Most shards.
pub const SHARDS_MAX: u32 = 64;

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
    /// Old weeks left the look-ups; the manifest still names them.
    WeeksTakenOut,
    /// The manifest does not name the old weeks any more; their files are there.
    WeeksDropped,
    /// A start has replayed the journal and not changed anything yet.
    Replayed,
    /// A start with another number of shards has sealed the old journals.
    OldShardsSealed,
    /// A start has committed the new number of shards.
    ShardsCommitted,
}

impl Step {
    /// All steps.
    pub const ALL: [Self; 14] = [
        Self::SegmentPrepared,
        Self::Rotated,
        Self::RunWritten,
        Self::RunSynced,
        Self::RunNamed,
        Self::SealCommitted,
        Self::SegmentRemoved,
        Self::MergeWritten,
        Self::MergeCommitted,
        Self::WeeksTakenOut,
        Self::WeeksDropped,
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
    /// A directory that has another number of shards keeps it: for a visit by
    /// another program than the one that usually writes.
    pub keep_shards: bool,
    /// A generation that takes about this many bytes of memory in all is sealed.
    pub generation_bytes_max: usize,
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
    /// How many frames of folds may be written before they are synced: a power cut takes
    /// some of the last ones, whole and from the end, and their log has them still.
    pub fold_frames_unsynced_max: u64,
    /// How many runs of one size are merged into one; at least 2.
    pub merge_fan_in: usize,
    /// How many days of tallies are kept behind the floor, at least
    /// [`TALLY_DAYS_BEHIND_FLOOR_MIN`]; `None` keeps all.
    pub tally_days_behind_floor: Option<u32>,
    /// Memory for the filters of sealed runs; what does not fit is folded, and then looked
    /// at in its file.
    pub filter_bytes_max: u64,
    /// Memory for the filter of a run that is merged, while it is made.
    pub merge_filter_bytes_max: u64,
    /// Memory for the blocks of the transactional part.
    pub cache_bytes: u64,
    /// Memory for day blocks that were read lately.
    pub day_cache_bytes: usize,
    /// Where changes of files go.
    pub disk: Arc<dyn Disk>,
    /// Whether old weeks are dropped in the background; some tests drop them by hand.
    pub drops_weeks: bool,
    /// Stops the store at a step (tests).
    pub crash: Option<CrashHook>,
}

/// Bytes of memory that a message of an open generation takes, with its index.
pub(crate) const HOT_RECORD_BYTES: usize = 64;
/// Bytes of the sorted copy of a message that a sealer makes.
const SORTED_RECORD_BYTES: usize = 48;
/// Bytes of journal that a message of a generation usually needs, all its reports
/// together.
const JOURNAL_RECORD_BYTES: u64 = 32;
/// Several of the largest groups of events fit into a segment, so that a frame
/// seldom needs more space than was prepared.
const SEGMENT_BYTES_MIN: u64 = 8 * 1024 * 1024;
const SEGMENT_BYTES_STEP: u64 = 1024 * 1024;
const SEGMENT_BYTES_MAX: u64 = 32 * 1024 * 1024;
/// Less memory than this is not asked for: a few generations of a useful size.
pub const MEMORY_BYTES_MIN: u64 = 16 * 1024 * 1024;
/// What a server takes that was told nothing, so that it stays below 256 MiB with
/// 100 million events and 10,000 numbers.
pub const MEMORY_BYTES_DEFAULT: u64 = 192 * 1024 * 1024;
/// Below it fewer generations wait for the sealer, so that each is larger.
const MEMORY_BYTES_ROOMY: u64 = 64 * 1024 * 1024;

impl Options {
    /// Makes the hot window, the filters and the caches fit into `bytes` of memory
    /// (at least [`MEMORY_BYTES_MIN`]). The sparse indexes of sealed runs and
    /// the checksums of their filters come on top: about 0.14 bytes a message.
    #[must_use]
    pub fn with_memory(self, bytes: u64) -> Self {
        let bytes = bytes.max(MEMORY_BYTES_MIN);
        let pending: usize = if bytes < MEMORY_BYTES_ROOMY { 1 } else { 2 };
        let part = |percent: u64| bytes / 100 * percent;
        let size = |bytes: u64| usize::try_from(bytes).unwrap_or(usize::MAX);
        let shards = size(u64::from(self.shards.max(1)));
        // The sealer of each shard sorts a copy of one generation.
        let copy_percent = SORTED_RECORD_BYTES * 100 / HOT_RECORD_BYTES;
        let generations_percent = shards * ((pending + 1) * 100 + copy_percent);
        let generation = size(part(45)) / generations_percent * 100;
        let records = generation / HOT_RECORD_BYTES;
        Self {
            generation_bytes_max: generation,
            generation_records_max: records,
            generation_day_bytes_max: generation,
            generation_quarantine_bytes_max: generation,
            generations_pending_max: pending,
            // Zeros that are never overwritten are written for nothing.
            segment_bytes: (records as u64 * JOURNAL_RECORD_BYTES)
                .next_multiple_of(SEGMENT_BYTES_STEP)
                .clamp(SEGMENT_BYTES_MIN, SEGMENT_BYTES_MAX),
            filter_bytes_max: part(28),
            merge_filter_bytes_max: part(4),
            cache_bytes: part(8),
            day_cache_bytes: size(part(15)),
            ..self
        }
    }

    /// The same memory for another number of shards.
    pub(crate) fn with_shards(self, shards: u32) -> Self {
        let (before, after) = (self.shards.max(1) as usize, shards.max(1) as usize);
        let share = |all: usize| (all.saturating_mul(before) / after).max(1);
        Self {
            shards,
            generation_bytes_max: share(self.generation_bytes_max),
            generation_records_max: share(self.generation_records_max),
            generation_day_bytes_max: share(self.generation_day_bytes_max),
            generation_quarantine_bytes_max: share(self.generation_quarantine_bytes_max),
            ..self
        }
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            shards: 1,
            keep_shards: false,
            generation_bytes_max: 96 * 1024 * 1024,
            generation_records_max: 512 * 1024,
            generation_day_bytes_max: 24 * 1024 * 1024,
            generation_quarantine_bytes_max: 16 * 1024 * 1024,
            generations_pending_max: 3,
            segment_bytes: 16 * 1024 * 1024,
            queue_events_max: 200_000,
            queue_sealed_bytes_max: 64 * 1024 * 1024,
            fold_frames_unsynced_max: 0,
            merge_fan_in: 8,
            tally_days_behind_floor: None,
            filter_bytes_max: 256 * 1024 * 1024,
            merge_filter_bytes_max: 32 * 1024 * 1024,
            cache_bytes: 16 * 1024 * 1024,
            day_cache_bytes: 32 * 1024 * 1024,
            disk: Arc::new(RealDisk),
            drops_weeks: true,
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

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1024 * 1024;

    /// What the parts of `options` may take together.
    fn sum(options: &Options) -> u64 {
        let shards = u64::from(options.shards);
        let generations = shards * (options.generations_pending_max as u64 + 1);
        let copy = options.generation_records_max * SORTED_RECORD_BYTES;
        options.generation_bytes_max as u64 * generations
            + copy as u64 * shards
            + options.filter_bytes_max
            + options.merge_filter_bytes_max
            + options.cache_bytes
            + options.day_cache_bytes as u64
    }

    #[test]
    fn the_parts_fill_the_memory_and_do_not_exceed_it() {
        for shards in [1, 2, 4, 64] {
            for mib in [16, 63, 64, 128, 1024, 16 * 1024] {
                let bytes = mib * MIB;
                let options = Options {
                    shards,
                    ..Options::default()
                };
                let options = options.with_memory(bytes);
                let sum = sum(&options);
                assert!(sum <= bytes, "{shards} shards, {mib} MiB: {sum}");
                assert!(sum >= bytes / 100 * 98, "{shards} shards, {mib} MiB: {sum}");
                assert!(options.generation_records_max > 0);
            }
        }
    }

    #[test]
    fn other_shards_share_the_same_memory() {
        let one = Options::default().with_memory(64 * MIB);
        let three = one.clone().with_shards(3);
        assert_eq!(three.shards, 3);
        assert!(sum(&three) <= 64 * MIB, "{}", sum(&three));
        assert!(three.generation_records_max > one.generation_records_max / 4);
        assert_eq!(three.with_shards(1).day_cache_bytes, one.day_cache_bytes);
    }

    #[test]
    fn less_than_the_least_is_the_least() {
        let least = sum(&Options::default().with_memory(MEMORY_BYTES_MIN));
        assert_eq!(sum(&Options::default().with_memory(1)), least);
    }
}
