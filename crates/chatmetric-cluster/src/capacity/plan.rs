//! The smallest cluster that bears a demand, or why there is none.
//!
//! Partitions are tried by doubling, nodes and servers one more at a time; the fewest
//! machines win, then the fewest partitions. Not here: what a shape has to bear (`load`).
//! Invariants: what is refused is named with what would be valid; a shape that an operator
//! asks for is never replaced by another one.

use super::costs::SHARE_MAX;
use super::load::{Limit, Load, Shape};
use super::spread::{NUMBERS_MAX, Shares};
use super::work::Case;
use super::{Costs, Demand, Machine, NODES_MAX, PARTITIONS_MIN, SERVERS_MAX};
use crate::partition::{PARTITIONS_MAX, Partitions};

/// Up to so many machines the servers may be on those of nodes.
const TOGETHER_MAX: u32 = 6;
const SECOND_US: f64 = 1e6;

/// What an operator has decided already.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Wanted {
    /// Nodes of chatmetric.
    pub nodes: Option<u32>,
    /// nats-servers, on machines of their own.
    pub servers: Option<u32>,
    /// Partitions.
    pub partitions: Option<u16>,
    /// Disk of a nats-server, in bytes; no limit if nothing is said.
    pub server_disk_bytes: Option<f64>,
}

/// A cluster, and what it has to bear.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// What it has to bear; it may be too much if nodes, servers or partitions were given.
    pub load: Load,
}

/// Why there is no plan.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum CapacityError {
    /// A figure makes no sense.
    #[error("`{field}` is {found}: {valid}")]
    Invalid {
        /// Which.
        field: &'static str,
        /// What it is.
        found: f64,
        /// What would be valid.
        valid: &'static str,
    },
    /// A number is in one partition, which one thread counts.
    #[error(
        "one number brings {events_per_s:.0} events a second at the peak, and the one thread that counts its partition does {events_per_s_max:.0}"
    )]
    NumberTooLarge {
        /// What it brings.
        events_per_s: f64,
        /// What can be counted.
        events_per_s_max: f64,
    },
    /// Nodes beyond one for each replica have nothing to count.
    #[error(
        "{nodes} nodes are more than {partitions} partitions x {replicas} replicas: {useless} would count nothing"
    )]
    NodesUseless {
        /// Nodes.
        nodes: u32,
        /// Partitions.
        partitions: u16,
        /// Of each.
        replicas: u32,
        /// Nodes without any.
        useless: u32,
    },
    /// Fewer machines than copies.
    #[error("{found} {what} cannot keep {copies} copies: {copies} are the fewest")]
    TooFew {
        /// Of what.
        what: &'static str,
        /// How many.
        found: u32,
        /// Copies.
        copies: u32,
    },
    /// No count of machines is enough.
    #[error(
        "no cluster of up to {nodes} nodes is enough: {} needs {used:.3e}, and may use {allowed:.3e}", limit.name()
    )]
    TooLarge {
        /// Of so many.
        nodes: u32,
        /// What is short.
        limit: Limit,
        /// What is needed.
        used: f64,
        /// What there is.
        allowed: f64,
    },
}

/// Finds the smallest cluster, as far as nothing was decided.
///
/// # Errors
/// [`CapacityError`]
pub fn plan(
    demand: &Demand,
    costs: &Costs,
    machine: &Machine,
    wanted: &Wanted,
) -> Result<Plan, CapacityError> {
    check(demand, machine)?;
    check_wanted(demand, wanted)?;
    let messages_per_s = demand.messages_per_day / super::DAY_S * demand.peak_factor;
    let shares = demand.spread.summary(messages_per_s);
    check_number(demand, costs, &shares)?;
    let search = Search {
        demand,
        costs,
        machine,
        wanted,
        shares,
    };
    let loads: Vec<Load> = partitions(wanted)
        .flat_map(|partitions| search.of(partitions))
        .collect();
    let fitting = loads.iter().filter(|load| load.fits());
    let size = |load: &&Load| (load.shape.machines(), load.shape.partitions);
    let is_decided = wanted.nodes.is_some() || wanted.servers.is_some();
    match (fitting.min_by_key(size), nearest(&loads)) {
        (Some(load), _) => Ok(Plan { load: load.clone() }),
        (None, Some(load)) if is_decided => Ok(Plan { load: load.clone() }),
        (None, nearest) => Err(too_large(nearest)),
    }
}

/// The one that is the least too small.
fn nearest(loads: &[Load]) -> Option<&Load> {
    let share = |load: &Load| load.tightest().map_or(f64::INFINITY, |it| it.share());
    loads
        .iter()
        .min_by(|one, other| share(one).total_cmp(&share(other)))
}

fn too_large(nearest: Option<&Load>) -> CapacityError {
    let tightest = nearest.and_then(Load::tightest);
    CapacityError::TooLarge {
        nodes: nearest.map_or(NODES_MAX, |load| load.shape.nodes),
        limit: tightest.map_or(Limit::NodeCores, |it| it.limit),
        used: tightest.map_or(0.0, |it| it.used),
        allowed: tightest.map_or(0.0, |it| it.allowed),
    }
}

/// The counts of partitions that are tried.
fn partitions(wanted: &Wanted) -> impl Iterator<Item = u16> {
    let (first, is_fixed) = match wanted.partitions {
        Some(partitions) => (partitions, true),
        None => (PARTITIONS_MIN, false),
    };
    std::iter::successors(Some(first), move |last| {
        let next = last.checked_mul(2)?;
        (!is_fixed && next <= PARTITIONS_MAX).then_some(next)
    })
}

struct Search<'a> {
    demand: &'a Demand,
    costs: &'a Costs,
    machine: &'a Machine,
    wanted: &'a Wanted,
    shares: Shares,
}

impl Search<'_> {
    fn load(&self, shape: Shape) -> Load {
        let case = Case {
            demand: self.demand,
            costs: self.costs,
            machine: self.machine,
            server_disk_bytes: self.wanted.server_disk_bytes,
            shares: self.shares,
            shape,
        };
        case.load()
    }

    /// The smallest clusters with so many partitions: servers on machines of nodes, and
    /// apart. Those that do not fit are given if no smaller or larger ones were left.
    fn of(&self, partitions: u16) -> Vec<Load> {
        let mut loads = Vec::new();
        let copies = self.demand.log_replicas;
        if self.wanted.servers.is_none() {
            let shape = |nodes| Shape {
                nodes,
                servers: copies,
                partitions,
                together: true,
            };
            let counts = self.nodes(partitions, TOGETHER_MAX);
            let counts = counts.filter(|nodes| *nodes >= copies && *nodes <= TOGETHER_MAX);
            loads.extend(self.first(counts.map(shape)));
        }
        let least = self.nodes(partitions, NODES_MAX).next();
        let Some(least) = least else { return loads };
        let servers = match self.wanted.servers {
            Some(servers) => servers..=servers,
            None => copies..=SERVERS_MAX,
        };
        let shape = |nodes, servers| Shape {
            nodes,
            servers,
            partitions,
            together: false,
        };
        // Nodes matter little to servers: the fewest that are enough come first.
        let enough = |servers: &u32| {
            let load = self.load(shape(least, *servers));
            let of_servers = [Limit::ServerCores, Limit::ServerDisk, Limit::ServerNetwork];
            let bounds = load.bounds.iter();
            bounds
                .filter(|bound| of_servers.contains(&bound.limit))
                .all(|bound| bound.holds())
        };
        let fewest = servers.clone().find(enough).unwrap_or(*servers.end());
        let counts = self.nodes(partitions, NODES_MAX);
        loads.extend(self.first(counts.map(|nodes| shape(nodes, fewest))));
        loads
    }

    /// The first that fits, or the last.
    fn first(&self, shapes: impl Iterator<Item = Shape>) -> Option<Load> {
        let mut last = None;
        for shape in shapes {
            let load = self.load(shape);
            if load.fits() {
                return Some(load);
            }
            last = Some(load);
        }
        last
    }

    /// The counts of nodes that are tried: one more than copies, so that one may go.
    fn nodes(&self, partitions: u16, most: u32) -> impl Iterator<Item = u32> + use<> {
        let replicas = self.demand.tally_replicas;
        let useful = u32::from(partitions).saturating_mul(replicas);
        match self.wanted.nodes {
            Some(nodes) => nodes..=nodes,
            None => replicas.saturating_add(1)..=most.min(useful),
        }
    }
}

fn check(demand: &Demand, machine: &Machine) -> Result<(), CapacityError> {
    let positive = "it must be more than 0";
    let share = "it must be more than 0 and at most 1";
    let is_positive = |value: f64| value.is_finite() && value > 0.0;
    let is_share = |value: f64| value > 0.0 && value <= 1.0;
    let spread = &demand.spread;
    let numbers = (1..=NUMBERS_MAX).contains(&spread.numbers);
    let largest = spread.largest_share.unwrap_or(1.0);
    let numbers_share = 1.0 / f64::from(spread.numbers.max(1));
    #[rustfmt::skip]
    let rules = [
        ("messages-per-day", demand.messages_per_day, is_positive(demand.messages_per_day), positive),
        ("events-per-message", demand.events_per_message, is_positive(demand.events_per_message), positive),
        ("peak-factor", demand.peak_factor, demand.peak_factor.is_finite() && demand.peak_factor >= 1.0, "it must be at least 1"),
        ("events-per-entry", demand.events_per_entry, demand.events_per_entry.is_finite() && demand.events_per_entry >= 1.0, "it must be at least 1"),
        ("numbers", f64::from(spread.numbers), numbers, "it must be 1 to 1,000,000"),
        ("zipf", spread.exponent, (0.0..=4.0).contains(&spread.exponent), "it must be 0 to 4"),
        ("largest-share", largest, is_share(largest), share),
        ("largest-share", largest, largest >= numbers_share, "it must be at least 1 / `numbers`"),
        ("record-days", demand.record_days, is_positive(demand.record_days), positive),
        ("log-days", demand.log_days, is_positive(demand.log_days), positive),
        ("queries-per-second", demand.queries_per_s, demand.queries_per_s.is_finite() && demand.queries_per_s >= 0.0, "it must be 0 or more"),
        ("log-replicas", f64::from(demand.log_replicas), (1..=5).contains(&demand.log_replicas), "it must be 1 to 5"),
        ("tally-replicas", f64::from(demand.tally_replicas), (1..=16).contains(&demand.tally_replicas), "it must be 1 to 16"),
        ("cores", machine.cores, is_positive(machine.cores), positive),
        ("memory", machine.memory_bytes, is_positive(machine.memory_bytes), positive),
        ("disk", machine.disk_bytes, is_positive(machine.disk_bytes), positive),
        ("network", machine.network_bytes_per_s, is_positive(machine.network_bytes_per_s), positive),
        ("disk-reads", machine.disk_reads_per_s, is_positive(machine.disk_reads_per_s), positive),
        ("use", machine.share_max, is_share(machine.share_max), share),
    ];
    let wrong = rules.into_iter().find(|(_, _, is_right, _)| !is_right);
    wrong.map_or(Ok(()), |(field, found, _, valid)| {
        Err(CapacityError::Invalid {
            field,
            found,
            valid,
        })
    })
}

fn check_wanted(demand: &Demand, wanted: &Wanted) -> Result<(), CapacityError> {
    if let Some(partitions) = wanted.partitions
        && Partitions::new(partitions).is_none()
    {
        return Err(CapacityError::Invalid {
            field: "partitions",
            found: f64::from(partitions),
            valid: "it must be 1 to 1,024",
        });
    }
    let copies = [
        ("nodes", wanted.nodes, demand.tally_replicas),
        ("nats-servers", wanted.servers, demand.log_replicas),
    ];
    for (what, found, copies) in copies {
        if let Some(found) = found
            && found < copies
        {
            return Err(CapacityError::TooFew {
                what,
                found,
                copies,
            });
        }
    }
    let partitions = wanted.partitions.unwrap_or(PARTITIONS_MAX);
    let useful = u32::from(partitions).saturating_mul(demand.tally_replicas);
    match wanted.nodes {
        Some(nodes) if nodes > useful => Err(CapacityError::NodesUseless {
            nodes,
            partitions,
            replicas: demand.tally_replicas,
            useless: nodes - useful,
        }),
        _ => Ok(()),
    }
}

/// Whether one thread can count the largest number.
fn check_number(demand: &Demand, costs: &Costs, shares: &Shares) -> Result<(), CapacityError> {
    let an_event_us = costs.fold_event_us + costs.read_entry_us / demand.events_per_entry;
    let events_per_s_max = SHARE_MAX * SECOND_US / an_event_us;
    let events_per_s = demand.peak_events_per_s() * shares.largest;
    if events_per_s > events_per_s_max {
        return Err(CapacityError::NumberTooLarge {
            events_per_s,
            events_per_s_max,
        });
    }
    Ok(())
}
