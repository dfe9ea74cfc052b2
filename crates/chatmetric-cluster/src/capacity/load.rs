//! What a cluster of a given shape has to bear, and how that compares with its machines.
//!
//! Not here: adding it up (`work`) and choosing a shape (`plan`). Invariant: everything
//! that can be short is one [`Bound`], and its busiest machine stands for all.

/// How many of what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// Nodes of chatmetric, each with all roles.
    pub nodes: u32,
    /// Machines with a nats-server.
    pub servers: u32,
    /// Partitions.
    pub partitions: u16,
    /// Whether the servers are on machines of nodes.
    pub together: bool,
}

impl Shape {
    /// Machines in all.
    #[must_use]
    pub fn machines(&self) -> u32 {
        if self.together {
            self.nodes.max(self.servers)
        } else {
            self.nodes.saturating_add(self.servers)
        }
    }
}

/// What can be short.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Limit {
    /// Cores of a node.
    NodeCores,
    /// Cores of a node while another one is gone.
    NodeCoresOneGone,
    /// Memory of a node.
    NodeMemory,
    /// Disk of a node while another one is gone.
    NodeDisk,
    /// Random reads of a node's disk while another one is gone.
    NodeReads,
    /// Network of a node.
    NodeNetwork,
    /// Cores of a nats-server.
    ServerCores,
    /// Disk of a nats-server.
    ServerDisk,
    /// Network of a nats-server.
    ServerNetwork,
    /// The one thread that counts a partition.
    Fold,
    /// Entries of the log of one partition.
    Stream,
    /// A round of snapshots: logs keep what none covers.
    Snapshots,
}

impl Limit {
    /// In words.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::NodeCores => "cores of a node",
            Self::NodeCoresOneGone => "cores of a node, one gone",
            Self::NodeMemory => "memory of a node",
            Self::NodeDisk => "disk of a node, one gone",
            Self::NodeReads => "random reads of a node, one gone",
            Self::NodeNetwork => "network of a node",
            Self::ServerCores => "cores of a nats-server",
            Self::ServerDisk => "disk of a nats-server",
            Self::ServerNetwork => "network of a nats-server",
            Self::Fold => "counting one partition",
            Self::Stream => "log of one partition",
            Self::Snapshots => "a round of snapshots",
        }
    }
}

/// One thing that can be short: what is needed of it, and what there is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bound {
    /// What.
    pub limit: Limit,
    /// What the busiest one needs at the peak.
    pub used: f64,
    /// What may be used.
    pub allowed: f64,
}

impl Bound {
    /// What is needed over what may be used: more than 1 does not fit.
    #[must_use]
    pub fn share(&self) -> f64 {
        if self.allowed > 0.0 {
            self.used / self.allowed
        } else {
            f64::INFINITY
        }
    }

    /// Whether it is enough.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.used <= self.allowed
    }
}

/// Cores that are busy at the peak, in the whole cluster.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cores {
    /// Verifying and publishing.
    pub ingest: f64,
    /// nats-servers.
    pub log: f64,
    /// Counting, all copies, and what calls ask of it.
    pub tally: f64,
    /// Proving snapshots.
    pub proof: f64,
    /// Answering.
    pub api: f64,
}

/// What a cluster has to bear.
#[derive(Debug, Clone, PartialEq)]
pub struct Load {
    /// Of which cluster.
    pub shape: Shape,
    /// Events a second, the mean of a day.
    pub events_per_s: f64,
    /// Events a second at the peak.
    pub peak_events_per_s: f64,
    /// Of these, those of the largest number.
    pub number_events_per_s: f64,
    /// And those of the busiest partition.
    pub partition_events_per_s: f64,
    /// Entries of all logs a second at the peak.
    pub entries_per_s: f64,
    /// Busy cores, by role.
    pub cores: Cores,
    /// What the busiest node folds of all events.
    pub node_share: f64,
    /// `store.memory_bytes_max` of each node.
    pub memory_bytes_max: f64,
    /// How often the disk is asked for each new message of a partition of the usual size.
    pub filter_looks: f64,
    /// Disk of the fullest node, while all are there.
    pub node_disk_bytes: f64,
    /// Disk of the fullest nats-server.
    pub server_disk_bytes: f64,
    /// What is loaded by other nodes when the fullest node goes.
    pub moved_bytes: f64,
    /// How long that takes through half of a server's network.
    pub moved_within_s: f64,
    /// How long a round of snapshots takes.
    pub snapshots_within_s: f64,
    /// Everything that can be short.
    pub bounds: Vec<Bound>,
}

impl Load {
    /// What is nearest to its limit, or farthest beyond it.
    #[must_use]
    pub fn tightest(&self) -> Option<&Bound> {
        let by_share = |one: &&Bound, other: &&Bound| one.share().total_cmp(&other.share());
        self.bounds.iter().max_by(by_share)
    }

    /// Whether everything is enough.
    #[must_use]
    pub fn fits(&self) -> bool {
        self.bounds.iter().all(Bound::holds)
    }

    /// The need of one thing.
    #[must_use]
    pub fn bound(&self, limit: Limit) -> Option<&Bound> {
        self.bounds.iter().find(|bound| bound.limit == limit)
    }
}
