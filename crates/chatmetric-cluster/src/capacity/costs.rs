//! What a piece of work takes: each figure with who measured it, or that nobody did.
//!
//! Sources are tables of this repository: `RESULTS` is `crates/chatmetric-bench/RESULTS.md`,
//! `shapes` is `docs/internals/cluster-measurements.md`. They were measured on two virtual
//! cores, those of `shapes` beside compilers; where there are several figures the larger
//! one is taken. Not here: sums over a cluster (`load`). Invariant: every figure is in
//! [`Costs::explained`], so an operator sees what a plan rests on.

/// 100,000,000 events of 38.2 million messages: RESULTS, "A hundred million events".
pub const EVENTS_PER_MESSAGE: f64 = 2.62;
/// Assumed: campaigns and office hours.
pub const PEAK_FACTOR: f64 = 3.0;
/// The middle of "webhooks of 20 to 40 statuses", shapes, "Three nodes": nothing gathers
/// webhooks, each is an entry of the partition of its number.
pub const EVENTS_PER_ENTRY: f64 = 30.0;
/// 45 days until the floor, 30 more, and up to a week, because weeks go as a whole.
pub const RECORD_DAYS: f64 = 82.0;
/// The shortest time that a log may have (`settings::RETENTION_MIN`).
pub const LOG_DAYS: f64 = 8.0;
/// Assumed.
pub const QUERIES_PER_S: f64 = 100.0;
/// Assumed: the provider lets a number send no more.
pub const NUMBER_MESSAGES_PER_S_MAX: f64 = 1_000.0;
/// Assumed: above it queues grow at every burst.
pub const SHARE_MAX: f64 = 0.6;
/// Assumed: for as long as a node is gone at the peak.
pub const SHARE_MAX_ONE_GONE: f64 = 0.85;
/// Assumed: an NVMe of a data centre; random reads of 4 KiB.
pub const DISK_READS_PER_S: f64 = 400_000.0;
/// Numbers are so unequal. Assumed: with ten thousand, the largest has 50 times the mean.
pub const ZIPF_EXPONENT: f64 = 0.5;
/// Reads of a disk that are under way at a time: what events will need is announced to the
/// kernel so many events ahead (`LOOK_AHEAD` of the store's writer).
pub const READS_AHEAD: f64 = 32.0;
/// Of a machine's memory, what the stores may have. Assumed: the rest is for connections,
/// for the indexes and for the page cache.
pub const STORE_MEMORY_SHARE: f64 = 0.6;
/// The same where a nats-server is on the machine. Assumed.
pub const STORE_MEMORY_SHARE_TOGETHER: f64 = 0.4;
/// Of the messages that a run does not have, those that its filter lets through, by how much
/// of it is in memory: all of it, half, a quarter (as calculated; the tests of
/// `embedded::filter` bound it), nothing. Each takes a read of the disk.
pub const FILTER_PASSES: [(f64, f64); 4] = [(1.0, 0.002), (0.5, 0.025), (0.25, 0.33), (0.0, 1.0)];
/// Of a store's memory, what is for filters (`Options::with_memory`).
pub const FILTER_MEMORY_SHARE: f64 = 0.28;
/// Snapshots of a partition that are kept (`snapshot::KEPT`).
pub const SNAPSHOTS_KEPT: f64 = 2.0;
/// How often they are made.
pub const SNAPSHOT_EVERY_S: f64 = 6.0 * 3_600.0;
/// A week of records is one run once it is closed (`merger::pick`).
pub const RUN_DAYS: f64 = 7.0;
/// A log with replicas takes no more entries in a second: 925 with 16 under way of 100
/// events each, shapes, 1 stream; two cores for three servers, so a lower limit.
pub const STREAM_ENTRIES_PER_S_MAX: f64 = 900.0;

/// Who says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// A measurement of this repository.
    Measured(&'static str),
    /// The code itself.
    Code(&'static str),
    /// Nobody: to be replaced by what an operator knows.
    Assumed(&'static str),
}

/// What a plan rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Figure {
    /// Its name among the [`Costs`].
    pub name: &'static str,
    /// What it is.
    pub what: &'static str,
    /// Of what.
    pub unit: &'static str,
    /// Who says so.
    pub origin: Origin,
}

/// What each piece of work takes.
#[derive(Debug, Clone, PartialEq)]
pub struct Costs {
    /// CPU of a node for a webhook, but for its events.
    pub webhook_us: f64,
    /// CPU of a node to verify, read and hash an event.
    pub ingest_event_us: f64,
    /// CPU of a node to publish an entry.
    pub publish_entry_us: f64,
    /// CPU of all nats-servers for an entry with three copies, but for its events.
    pub log_entry_us: f64,
    /// CPU of all nats-servers for an event of it.
    pub log_event_us: f64,
    /// CPU of a nats-server for each replica that reads an entry.
    pub log_read_us: f64,
    /// CPU of a replica to read an entry.
    pub read_entry_us: f64,
    /// CPU of a replica to count an event, sealing and merging included.
    pub fold_event_us: f64,
    /// CPU of a replica for a commit.
    pub commit_us: f64,
    /// How long a commit takes; entries that come meanwhile share the next one.
    pub commit_wait_us: f64,
    /// CPU of a replica for a page of a filter that is read because it is not in memory.
    pub block_read_us: f64,
    /// How long the thread that counts waits for such a read.
    pub block_wait_us: f64,
    /// CPU of the node that answers a call.
    pub query_us: f64,
    /// CPU of the replica that is asked.
    pub query_replica_us: f64,
    /// CPU of the nats-servers for a call.
    pub query_log_us: f64,
    /// Records that one core proves in a second when a snapshot is read back.
    pub proof_records_per_s: f64,
    /// Disk of a record of a message, with its share of the counts.
    pub record_bytes: f64,
    /// Memory of the filter of a record.
    pub filter_bytes: f64,
    /// Memory of the index of a record.
    pub index_bytes: f64,
    /// Bytes of an event in the log.
    pub log_event_bytes: f64,
    /// Bytes of an entry in the log, but for its events.
    pub log_entry_bytes: f64,
    /// Bytes of an event in a webhook.
    pub webhook_event_bytes: f64,
    /// Memory of a replica, at least.
    pub replica_memory_bytes_min: f64,
}

impl Default for Costs {
    fn default() -> Self {
        Self {
            webhook_us: 45.0,
            ingest_event_us: 1.4,
            publish_entry_us: 120.0,
            log_entry_us: 1_420.0,
            log_event_us: 0.95,
            log_read_us: 33.0,
            read_entry_us: 25.0,
            fold_event_us: 3.0,
            commit_us: 170.0,
            commit_wait_us: 460.0,
            block_read_us: 5.0,
            block_wait_us: 100.0 / READS_AHEAD,
            query_us: 310.0,
            query_replica_us: 90.0,
            query_log_us: 100.0,
            proof_records_per_s: 1.71e6,
            record_bytes: 37.7,
            filter_bytes: 2.0,
            index_bytes: 0.14,
            log_event_bytes: 22.0,
            log_entry_bytes: 120.0,
            webhook_event_bytes: 250.0,
            replica_memory_bytes_min: 16.0 * 1_048_576.0,
        }
    }
}

const SCHEDULE: Origin = Origin::Measured("RESULTS, on a schedule, webhooks of 1 status");
const CONNECTIONS_64: Origin = Origin::Measured("RESULTS, with 64 connections, without the store");
const FOUR_UNDER_WAY: Origin = Origin::Measured("shapes, four under way, no readers");
const READERS: Origin = Origin::Measured("shapes, with and without two readers; noisy");
const NOT_APART: Origin = Origin::Assumed("not measured apart");
const SSD: Origin = Origin::Assumed("an NVMe");
const QUERIES: Origin = Origin::Measured("RESULTS, on a schedule, 1,440 rows at 1000/s");
const SERIES: Origin = Origin::Measured("RESULTS, a hundred million, the series while loading");
const FOLDED: Origin = Origin::Measured("RESULTS, a hundred million: 2.34, 30 % for explanations");
const STORED: Origin = Origin::Measured("RESULTS, a hundred million: 34.3, 10 % for explanations");
const PROVEN: Origin = Origin::Measured("RESULTS, ten million events, verify");
const TESTED: Origin = Origin::Measured("a test compares");

const fn figure(
    name: &'static str,
    what: &'static str,
    unit: &'static str,
    origin: Origin,
) -> Figure {
    Figure {
        name,
        what,
        unit,
        origin,
    }
}

const FIGURES_COUNT: usize = 23;

/// Every figure, in the order of [`Costs`].
#[rustfmt::skip]
pub const FIGURES: [Figure; FIGURES_COUNT] = [
    figure("webhook_us", "ingest: a webhook", "us", CONNECTIONS_64),
    figure("ingest_event_us", "ingest: an event", "us", CONNECTIONS_64),
    figure("publish_entry_us", "ingest: publish an entry", "us", FOUR_UNDER_WAY),
    figure("log_entry_us", "log: an entry, 3 servers", "us", FOUR_UNDER_WAY),
    figure("log_event_us", "log: an event, 3 servers", "us", FOUR_UNDER_WAY),
    figure("log_read_us", "log: an entry read by a replica", "us", READERS),
    figure("read_entry_us", "tally: read an entry", "us", READERS),
    figure("fold_event_us", "tally: count an event", "us", FOLDED),
    figure("commit_us", "tally: a commit, 210 - 36", "us", SCHEDULE),
    figure("commit_wait_us", "tally: time of a commit", "us", SCHEDULE),
    figure("block_read_us", "tally: look at a filter on disk", "us", NOT_APART),
    figure("block_wait_us", "tally: wait for that read", "us", SSD),
    figure("query_us", "api: a call", "us", QUERIES),
    figure("query_replica_us", "tally: answer a call", "us", SERIES),
    figure("query_log_us", "log: a call", "us", NOT_APART),
    figure("proof_records_per_s", "tally: records proven", "a second", PROVEN),
    figure("record_bytes", "a record on disk", "bytes", STORED),
    figure("filter_bytes", "its filter in memory", "bytes", Origin::Code("16 bits a message")),
    figure("index_bytes", "its index in memory", "bytes", Origin::Code("docs/internals/store.md")),
    figure("log_event_bytes", "an event in the log", "bytes", TESTED),
    figure("log_entry_bytes", "an entry in the log", "bytes", Origin::Assumed("head, subject, the server's record")),
    figure("webhook_event_bytes", "an event in a webhook", "bytes", TESTED),
    figure("replica_memory_bytes_min", "a replica's memory, at least", "bytes", Origin::Code("MEMORY_BYTES_MIN")),
];

impl Costs {
    fn values(&mut self) -> [&mut f64; FIGURES_COUNT] {
        [
            &mut self.webhook_us,
            &mut self.ingest_event_us,
            &mut self.publish_entry_us,
            &mut self.log_entry_us,
            &mut self.log_event_us,
            &mut self.log_read_us,
            &mut self.read_entry_us,
            &mut self.fold_event_us,
            &mut self.commit_us,
            &mut self.commit_wait_us,
            &mut self.block_read_us,
            &mut self.block_wait_us,
            &mut self.query_us,
            &mut self.query_replica_us,
            &mut self.query_log_us,
            &mut self.proof_records_per_s,
            &mut self.record_bytes,
            &mut self.filter_bytes,
            &mut self.index_bytes,
            &mut self.log_event_bytes,
            &mut self.log_entry_bytes,
            &mut self.webhook_event_bytes,
            &mut self.replica_memory_bytes_min,
        ]
    }

    /// Puts another value in the place of one; `false` if none has this name.
    pub fn set(&mut self, name: &str, value: f64) -> bool {
        let figures = FIGURES.iter().zip(self.values());
        let mut named = figures.filter(|(figure, _)| figure.name == name);
        let found = named.next();
        found.map(|(_, own)| *own = value).is_some()
    }

    /// Every figure with its value.
    #[must_use]
    pub fn explained(&self) -> Vec<(Figure, f64)> {
        let mut own = self.clone();
        let values = own.values().map(|value| *value);
        FIGURES.into_iter().zip(values).collect()
    }
}
