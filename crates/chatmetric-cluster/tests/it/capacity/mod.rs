//! A simulation of a cluster at its busiest, that plans are checked against.
//!
//! Virtual time in steps of 10 ms. Webhooks come at random to each partition, as many as
//! its numbers send at that moment of a day; each goes to some node, which verifies it,
//! then as an entry to the servers of its log, and when a majority has it, to the nodes
//! that count the partition. Every machine shares its cores, and the reads of its
//! disk, among what waits there. At the
//! peak the busiest node goes, and what it counted moves to others, which begin hours back.
//!
//! It shares the costs of pieces of work with the plan and nothing else: no formula of
//! `chatmetric_cluster::capacity` is used. Waits shorter than a step are not seen. Not here:
//! syncs and networks as queues. Invariant: the same setup gives the same result.

mod compare;
mod draws;
mod machine;
mod state;
mod world;

pub(crate) use compare::{Case, Compared, HEAD, compare};
pub(crate) use state::run;

use chatmetric_cluster::capacity::{Costs, Demand, Machine, Shape};

/// What is simulated.
#[derive(Clone)]
pub(crate) struct Setup<'a> {
    pub(crate) demand: &'a Demand,
    pub(crate) costs: &'a Costs,
    pub(crate) shape: Shape,
    /// Each machine: its cores and its disk's reads matter here.
    pub(crate) machine: &'a Machine,
    /// `store.memory_bytes_max` of each node.
    pub(crate) memory_bytes_max: f64,
    /// What the names of the nodes begin with.
    pub(crate) name: &'a str,
    pub(crate) seed: u64,
    /// How long, with the peak in the middle, where a node goes.
    pub(crate) seconds: f64,
}

/// How busy machines were: 1 is all cores.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Busy {
    pub(crate) nodes_mean: f64,
    pub(crate) nodes_max: f64,
    pub(crate) servers_mean: f64,
    pub(crate) servers_max: f64,
}

/// What was seen.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Seen {
    /// Events that came.
    pub(crate) events: f64,
    /// Before the node goes.
    pub(crate) before: Busy,
    /// A node gone for long, what it had moved and caught up.
    pub(crate) one_gone: Busy,
    /// The busiest partition over the mean.
    pub(crate) partition_over_mean: f64,
    /// What of all events the busiest node folds.
    pub(crate) node_share: f64,
    /// Blocks that the busiest node reads in a second, one node gone.
    pub(crate) blocks_per_s: f64,
    /// Records of the fullest node, in bytes.
    pub(crate) node_disk_bytes: f64,
    /// How long acknowledgements waited for cores: half of them, 99 of 100, all of them.
    pub(crate) wait_ms: [f64; 3],
    /// How far the farthest replica that followed was behind what had come, at most.
    pub(crate) behind_max_s: f64,
    /// And in the end.
    pub(crate) behind_end_s: f64,
    /// When all that moved had caught up, after the node went.
    pub(crate) caught_up_s: Option<f64>,
}

impl Seen {
    /// Whether replicas, or acknowledgements, stay behind more and more.
    pub(crate) fn is_overloaded(&self) -> bool {
        self.behind_end_s > 1.0 && self.behind_end_s > self.behind_max_s * 0.8
    }
}
