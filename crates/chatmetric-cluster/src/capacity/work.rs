//! The work of a cluster, added up.
//!
//! Work is added up by role for the whole cluster, then given to the machine that has the
//! most of it (`spread`). Not here: what can be short (`load`). Invariant: a bound that
//! holds for the busiest machine holds for all.

use super::costs::{
    FILTER_MEMORY_SHARE, FILTER_PASSES, RUN_DAYS, SNAPSHOT_EVERY_S, SNAPSHOTS_KEPT,
    STORE_MEMORY_SHARE, STORE_MEMORY_SHARE_TOGETHER, STREAM_ENTRIES_PER_S_MAX,
};
use super::load::{Bound, Cores, Limit, Load, Shape};
use super::spread::{Shares, most_replicas};
use super::{Costs, Demand, Machine};

/// Microseconds of a second.
const SECOND_US: f64 = 1e6;
/// The copies of the log for which its costs were measured.
const COPIES_MEASURED: f64 = 3.0;

/// Everything that the parts of the calculation ask for.
pub(super) struct Case<'a> {
    pub(super) demand: &'a Demand,
    pub(super) costs: &'a Costs,
    pub(super) machine: &'a Machine,
    /// Disk of a nats-server; none is no limit.
    pub(super) server_disk_bytes: Option<f64>,
    pub(super) shares: Shares,
    pub(super) shape: Shape,
}

/// How the memory of a node is used.
struct Memory {
    /// What each replica gets.
    replica_bytes: f64,
    used: f64,
    allowed: f64,
}

impl Case<'_> {
    fn peak(&self) -> f64 {
        self.demand.peak_events_per_s()
    }

    fn entries_per_s(&self) -> f64 {
        self.peak() / self.demand.events_per_entry
    }

    fn new_messages_per_s(&self) -> f64 {
        self.peak() / self.demand.events_per_message
    }

    fn partitions(&self) -> f64 {
        f64::from(self.shape.partitions)
    }

    fn replicas(&self) -> f64 {
        f64::from(self.demand.tally_replicas.min(self.shape.nodes))
    }

    fn node_share(&self, nodes: u32) -> f64 {
        let replicas = self.demand.tally_replicas;
        self.shares
            .busiest_node(nodes, self.shape.partitions, replicas)
    }

    fn server_share(&self) -> f64 {
        let (servers, copies) = (self.shape.servers, self.demand.log_replicas);
        self.shares
            .busiest_node(servers, self.shape.partitions, copies)
    }

    fn partition_share(&self) -> f64 {
        self.shares.busiest_partition(self.shape.partitions)
    }

    /// The share of the partition in which an event usually is: busy ones have more.
    fn usual_share(&self) -> f64 {
        let squares = self.shares.largest.powi(2) + self.shares.rest_squares;
        squares + (1.0 - squares) / self.partitions()
    }

    fn ingest_cores(&self) -> f64 {
        let costs = self.costs;
        let an_entry = costs.webhook_us + costs.publish_entry_us;
        (self.entries_per_s() * an_entry + self.peak() * costs.ingest_event_us) / SECOND_US
    }

    fn api_cores(&self) -> f64 {
        self.demand.queries_per_s * self.costs.query_us / SECOND_US
    }

    fn log_cores(&self) -> f64 {
        let costs = self.costs;
        let copies = f64::from(self.demand.log_replicas) / COPIES_MEASURED;
        let written = self.entries_per_s() * costs.log_entry_us + self.peak() * costs.log_event_us;
        let read = self.entries_per_s() * costs.log_read_us * self.replicas();
        let asked = self.demand.queries_per_s * costs.query_log_us;
        (written * copies + read + asked) / SECOND_US
    }

    /// Counting one copy of everything.
    fn fold_cores(&self, filter_looks: f64) -> f64 {
        let costs = self.costs;
        let entries = self.entries_per_s();
        let commits = self.partitions()
            * commits_per_s(
                entries / self.partitions(),
                costs.commit_wait_us / SECOND_US,
            );
        let blocks = self.new_messages_per_s() * filter_looks;
        let us = self.peak() * costs.fold_event_us
            + entries * costs.read_entry_us
            + commits * costs.commit_us
            + blocks * costs.block_read_us;
        us / SECOND_US
    }

    fn answer_cores(&self) -> f64 {
        self.demand.queries_per_s * self.costs.query_replica_us / SECOND_US
    }

    /// A round of snapshots: each node carries its own both ways and proves them, and all
    /// of them go through the server that leads their stream, to its copies and back.
    fn snapshots_within_s(&self) -> f64 {
        let all_bytes = self.demand.records() * self.costs.record_bytes;
        let nodes = f64::from(self.shape.nodes);
        let proven = self.demand.records() / nodes / self.costs.proof_records_per_s;
        let carried = 2.0 * all_bytes / nodes / self.machine.network_bytes_per_s;
        let copies = f64::from(self.demand.log_replicas);
        // Half of its network: the logs need the rest.
        let led = all_bytes * copies / (self.machine.network_bytes_per_s / 2.0);
        (proven + carried).max(led)
    }

    fn snapshot_period_s(&self) -> f64 {
        SNAPSHOT_EVERY_S + self.snapshots_within_s()
    }

    fn proof_cores(&self) -> f64 {
        self.demand.records() / self.costs.proof_records_per_s / self.snapshot_period_s()
    }

    /// The rest of a node's work goes by the number of nodes.
    fn node_cores(&self, nodes: u32, filter_looks: f64) -> f64 {
        let even = self.ingest_cores() + self.api_cores() + self.proof_cores();
        let counted = self.fold_cores(filter_looks);
        let answered = self.answer_cores() / self.replicas();
        even / f64::from(nodes.max(1)) + (counted + answered) * self.node_share(nodes)
    }

    fn server_cores(&self) -> f64 {
        self.log_cores() / f64::from(self.demand.log_replicas) * self.server_share()
    }

    fn memory(&self) -> Memory {
        let share = if self.shape.together {
            STORE_MEMORY_SHARE_TOGETHER
        } else {
            STORE_MEMORY_SHARE
        };
        // What a node has while another one is gone: the share of a replica is a setting.
        let nodes = self.shape.nodes.saturating_sub(1).max(1);
        let replicas = self.demand.tally_replicas;
        let most = most_replicas(nodes, self.shape.partitions, replicas) * self.partitions();
        let indexes = self.demand.records() * self.node_share(nodes) * self.costs.index_bytes;
        let allowed = self.machine.memory_bytes * share;
        let least = self.costs.replica_memory_bytes_min;
        Memory {
            replica_bytes: ((allowed - indexes) / most.max(1.0)).max(least),
            used: indexes + most * least,
            allowed,
        }
    }

    /// How often the disk is asked for each new message of a partition with this share: its
    /// filters are folded until they fit.
    fn filter_looks(&self, memory: &Memory, share: f64) -> f64 {
        let weeks = (self.demand.record_days / RUN_DAYS).ceil();
        let all = self.demand.records() * share * self.costs.filter_bytes;
        let part = memory.replica_bytes * FILTER_MEMORY_SHARE / all.max(1.0);
        weeks * passes(part)
    }

    /// What the one thread of the busiest partition does in a second. Commits are left
    /// out: the busier it is, the more entries share one.
    fn fold_share(&self, memory: &Memory) -> f64 {
        let costs = self.costs;
        let share = self.partition_share();
        let looks = self.filter_looks(memory, share);
        let blocks = self.new_messages_per_s() * share * looks;
        let us = self.peak() * share * costs.fold_event_us
            + self.entries_per_s() * share * costs.read_entry_us
            + blocks * (costs.block_read_us + costs.block_wait_us);
        us / SECOND_US
    }

    fn node_disk_bytes(&self, nodes: u32) -> f64 {
        let records = self.demand.records() * self.costs.record_bytes;
        // A week that is closed is there twice while it becomes one run; and beside the
        // replicas a snapshot is proven.
        let merged = 1.0 + RUN_DAYS / self.demand.record_days.max(1.0);
        records * (self.node_share(nodes) * merged + self.partition_share())
    }

    /// Of the fullest server: its copies of logs, and all snapshots, which are one stream.
    fn server_disk_bytes(&self) -> f64 {
        let seconds = self.demand.log_days * super::DAY_S;
        let log = self.log_bytes_per_s() / self.demand.peak_factor * seconds;
        let records = self.demand.records() * self.costs.record_bytes;
        log * self.server_share() + records * (SNAPSHOTS_KEPT + self.partition_share())
    }

    fn log_bytes_per_s(&self) -> f64 {
        self.peak() * self.costs.log_event_bytes + self.entries_per_s() * self.costs.log_entry_bytes
    }

    fn snapshot_bytes_per_s(&self) -> f64 {
        self.demand.records() * self.costs.record_bytes / self.snapshot_period_s()
    }

    fn node_network(&self) -> f64 {
        let nodes = f64::from(self.shape.nodes);
        let webhooks = self.peak() * self.costs.webhook_event_bytes / nodes;
        let read = self.log_bytes_per_s() * self.node_share(self.shape.nodes);
        let snapshots = self.snapshot_bytes_per_s() / nodes;
        (webhooks + read + snapshots).max(self.log_bytes_per_s() / nodes + snapshots)
    }

    fn server_network(&self) -> f64 {
        let share = self.server_share();
        let copies = f64::from(self.demand.log_replicas);
        // A leader sends to the other copies and to the readers.
        let sent = (copies - 1.0 + self.replicas()) * share / copies;
        let snapshots = self.snapshot_bytes_per_s() * copies;
        self.log_bytes_per_s() * sent.max(share) + snapshots
    }

    pub(super) fn load(&self) -> Load {
        let memory = self.memory();
        let filter_looks = self.filter_looks(&memory, self.usual_share());
        let records_bytes = self.demand.records() * self.costs.record_bytes;
        let moved_bytes = records_bytes * self.node_share(self.shape.nodes);
        let tally = self.fold_cores(filter_looks) * self.replicas() + self.answer_cores();
        Load {
            shape: self.shape,
            events_per_s: self.demand.events_per_s(),
            peak_events_per_s: self.peak(),
            number_events_per_s: self.peak() * self.shares.largest,
            partition_events_per_s: self.peak() * self.partition_share(),
            entries_per_s: self.entries_per_s(),
            cores: Cores {
                ingest: self.ingest_cores(),
                log: self.log_cores(),
                tally,
                proof: self.proof_cores(),
                api: self.api_cores(),
            },
            node_share: self.node_share(self.shape.nodes),
            memory_bytes_max: memory.replica_bytes * self.partitions(),
            filter_looks,
            node_disk_bytes: self.node_disk_bytes(self.shape.nodes),
            server_disk_bytes: self.server_disk_bytes(),
            moved_bytes,
            moved_within_s: moved_bytes / (self.machine.network_bytes_per_s / 2.0),
            snapshots_within_s: self.snapshots_within_s(),
            bounds: self.bounds(&memory, filter_looks),
        }
    }

    fn bounds(&self, memory: &Memory, filter_looks: f64) -> Vec<Bound> {
        let machine = self.machine;
        let bound = |limit, used, allowed| Bound {
            limit,
            used,
            allowed,
        };
        let with = if self.shape.together {
            self.server_cores()
        } else {
            0.0
        };
        let now = self.node_cores(self.shape.nodes, filter_looks) + with;
        let left = self.shape.nodes.saturating_sub(1).max(1);
        let one_gone = self.node_cores(left, filter_looks) + with;
        let blocks = self.new_messages_per_s() * filter_looks * self.node_share(left);
        let (share, one_gone_share) = (machine.share_max, machine.share_max_one_gone);
        let server_disk = self.server_disk_bytes.unwrap_or(f64::INFINITY);
        // When a node goes, what it had is loaded by the others.
        let (node_disk, on_server) = (self.node_disk_bytes(left), self.server_disk_bytes());
        let beside = if self.shape.together { on_server } else { 0.0 };
        vec![
            bound(Limit::NodeCores, now, machine.cores * share),
            bound(
                Limit::NodeCoresOneGone,
                one_gone,
                machine.cores * one_gone_share,
            ),
            bound(Limit::NodeMemory, memory.used, memory.allowed),
            bound(
                Limit::NodeDisk,
                node_disk + beside,
                machine.disk_bytes * one_gone_share,
            ),
            bound(
                Limit::NodeReads,
                blocks,
                machine.disk_reads_per_s * one_gone_share,
            ),
            bound(
                Limit::NodeNetwork,
                self.node_network(),
                machine.network_bytes_per_s * share,
            ),
            bound(
                Limit::ServerCores,
                self.server_cores(),
                machine.cores * share,
            ),
            bound(Limit::ServerDisk, on_server, server_disk * one_gone_share),
            bound(
                Limit::ServerNetwork,
                self.server_network(),
                machine.network_bytes_per_s * share,
            ),
            bound(Limit::Fold, self.fold_share(memory), share),
            bound(
                Limit::Snapshots,
                self.snapshots_within_s(),
                self.demand.log_days * super::DAY_S / 2.0,
            ),
            bound(
                Limit::Stream,
                self.entries_per_s() * self.partition_share(),
                STREAM_ENTRIES_PER_S_MAX,
            ),
        ]
    }
}

/// Commits of a replica that gets `entries_per_s` at random and needs `wait_s` for one:
/// after a commit the next begins at once if something waits, else with the next entry.
fn commits_per_s(entries_per_s: f64, wait_s: f64) -> f64 {
    if entries_per_s <= 0.0 {
        return 0.0;
    }
    let idle_s = (-entries_per_s * wait_s).exp() / entries_per_s;
    1.0 / (wait_s + idle_s)
}

/// What filters let through of which so much is in memory, whole ones beside folded ones.
fn passes(part: f64) -> f64 {
    let [(_, least), folded @ ..] = FILTER_PASSES;
    let mut between = FILTER_PASSES.iter().zip(&folded);
    let found = between.find(|(_, (less, _))| part >= *less);
    found.map_or(1.0, |((more, few), (less, many))| {
        let share = ((part - less) / (more - less)).min(1.0);
        (many + (few - many) * share).max(least)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rare_entries_have_a_commit_each_and_many_share_one() {
        let close = |found: f64, wanted: f64| (found / wanted - 1.0).abs() < 0.01;
        assert!(close(commits_per_s(1.0, 0.000_46), 1.0));
        assert!(close(commits_per_s(100_000.0, 0.001), 1_000.0));
        assert!(close(commits_per_s(0.001, 0.001), 0.001));
        assert!(commits_per_s(0.0, 0.001).abs() < f64::EPSILON);
    }
}
