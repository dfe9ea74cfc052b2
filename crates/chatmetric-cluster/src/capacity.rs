//! How large a cluster has to be: what a day's messages ask of machines, on paper.
//!
//! Reading order: [`costs`] (what a piece of work takes, and who measured it), [`spread`]
//! (how numbers and names fall unevenly), [`load`] (what a given cluster has to bear; added
//! up in `work`), [`mod@plan`] (the smallest one that bears it).
//!
//! Pure: no I/O, no clock, no randomness. Not here: what runs (`node`), and the simulation
//! that this is checked against (`tests/it/capacity`); the two share the costs and nothing
//! else. Invariants: what a plan calls enough is enough for the machine with the most to
//! do, at the peak, and with one node gone; what is assumed is called so.

pub mod costs;
pub mod load;
pub mod plan;
pub mod spread;
mod work;

pub use costs::{Costs, FIGURES, Figure, Origin};
pub use load::{Bound, Limit, Load, Shape};
pub use plan::{CapacityError, Plan, Wanted, plan};
pub use spread::Spread;

use crate::settings::{PARTITIONS_DEFAULT, REPLICAS_DEFAULT};

/// Seconds of a day.
pub const DAY_S: f64 = 86_400.0;
/// The most nodes that are planned.
pub const NODES_MAX: u32 = 1_000;
/// The most nats-servers that are planned.
pub const SERVERS_MAX: u32 = 500;
/// Partitions of a new cluster, if nothing else is said.
pub const PARTITIONS_MIN: u16 = PARTITIONS_DEFAULT;

/// What comes in, what is asked, and how long things are kept.
#[derive(Debug, Clone, PartialEq)]
pub struct Demand {
    /// Messages a day, on average.
    pub messages_per_day: f64,
    /// Reports of a message: sent, delivered, read, failed, and repetitions.
    pub events_per_message: f64,
    /// The busiest minutes over the mean of the day.
    pub peak_factor: f64,
    /// Reports in an entry of the log: those of one webhook for one partition.
    pub events_per_entry: f64,
    /// Numbers, and how messages are spread over them.
    pub spread: Spread,
    /// Days that the record of a message is kept.
    pub record_days: f64,
    /// Days that an entry of the log is kept.
    pub log_days: f64,
    /// Calls of the API a second at the peak.
    pub queries_per_s: f64,
    /// Copies of the log.
    pub log_replicas: u32,
    /// Nodes that count the same partition.
    pub tally_replicas: u32,
}

impl Default for Demand {
    fn default() -> Self {
        Self {
            messages_per_day: 0.0,
            events_per_message: costs::EVENTS_PER_MESSAGE,
            peak_factor: costs::PEAK_FACTOR,
            events_per_entry: costs::EVENTS_PER_ENTRY,
            spread: Spread::default(),
            record_days: costs::RECORD_DAYS,
            log_days: costs::LOG_DAYS,
            queries_per_s: costs::QUERIES_PER_S,
            log_replicas: u32::try_from(REPLICAS_DEFAULT).unwrap_or(3),
            tally_replicas: 2,
        }
    }
}

impl Demand {
    /// Events a second, the mean of a day.
    #[must_use]
    pub fn events_per_s(&self) -> f64 {
        self.messages_per_day * self.events_per_message / DAY_S
    }

    /// Events a second at the peak.
    #[must_use]
    pub fn peak_events_per_s(&self) -> f64 {
        self.events_per_s() * self.peak_factor
    }

    /// Records that one copy keeps.
    #[must_use]
    pub fn records(&self) -> f64 {
        self.messages_per_day * self.record_days
    }
}

/// One machine, and how much of it may be used.
#[derive(Debug, Clone, PartialEq)]
pub struct Machine {
    /// Cores.
    pub cores: f64,
    /// Memory, in bytes.
    pub memory_bytes: f64,
    /// Disk, in bytes.
    pub disk_bytes: f64,
    /// What the network carries in a second, each way.
    pub network_bytes_per_s: f64,
    /// Reads of 4 KiB at random places that the disk does in a second.
    pub disk_reads_per_s: f64,
    /// How much of everything may be used at the peak.
    pub share_max: f64,
    /// How much may be used at the peak while one node is gone.
    pub share_max_one_gone: f64,
}

impl Default for Machine {
    fn default() -> Self {
        Self {
            cores: 8.0,
            memory_bytes: 128e9,
            disk_bytes: 8e12,
            network_bytes_per_s: 1.25e9,
            disk_reads_per_s: costs::DISK_READS_PER_S,
            share_max: costs::SHARE_MAX,
            share_max_one_gone: costs::SHARE_MAX_ONE_GONE,
        }
    }
}

#[cfg(test)]
mod tests;
