//! A plan beside its simulation, and beside half of what was planned.
//!
//! Not here: what must hold (`capacity_checks`). Invariant: the simulated cluster has the
//! shape and the memory of the plan.

use super::{Seen, Setup, run};
use chatmetric_cluster::capacity::{Costs, Demand, Limit, Load, Machine, Shape, Wanted, plan};

/// A plan and what was seen of it.
pub(crate) struct Compared {
    pub(crate) messages_per_day: f64,
    pub(crate) load: Load,
    pub(crate) seen: Seen,
    /// The same on half of it.
    pub(crate) half: Seen,
    cores: f64,
}

/// The share of what was planned, as the plan says it.
pub(crate) struct Told {
    pub(crate) nodes_mean: f64,
    pub(crate) nodes_max: f64,
    pub(crate) servers_mean: f64,
    pub(crate) servers_max: f64,
    pub(crate) one_gone_max: f64,
}

/// What is compared: messages a day, and the costs that are taken.
#[derive(Clone)]
pub(crate) struct Case {
    pub(crate) messages_per_day: f64,
    pub(crate) costs: Costs,
    pub(crate) machine: Machine,
    /// What the names of nodes begin with, and the seed.
    pub(crate) drawn: (&'static str, u64),
    pub(crate) seconds: f64,
}

impl Case {
    /// Ordinary machines, and stores as they are.
    pub(crate) fn of(messages_per_day: f64, seconds: f64) -> Self {
        Self {
            messages_per_day,
            costs: Costs::default(),
            machine: Machine::default(),
            drawn: ("node", 1),
            seconds,
        }
    }

    fn demand(&self) -> Demand {
        Demand {
            messages_per_day: self.messages_per_day,
            ..Demand::default()
        }
    }

    fn simulated_as(&self, shape: Shape, memory_bytes_max: f64) -> Seen {
        run(&Setup {
            demand: &self.demand(),
            costs: &self.costs,
            shape,
            machine: &self.machine,
            memory_bytes_max,
            name: self.drawn.0,
            seed: self.drawn.1,
            seconds: self.seconds,
        })
    }

    /// Simulates what was planned.
    pub(crate) fn simulated(&self, load: &Load) -> Seen {
        self.simulated_as(load.shape, load.memory_bytes_max)
    }

    /// The smallest cluster that is enough.
    pub(crate) fn planned(&self) -> Load {
        let planned = plan(
            &self.demand(),
            &self.costs,
            &self.machine,
            &Wanted::default(),
        );
        planned.unwrap().load
    }

    /// Half of the nodes and of the servers, each replica with half of its memory; half of
    /// each machine, where there are none to spare.
    fn half(&self, load: &Load) -> Seen {
        let (mut half, mut shape) = (self.clone(), load.shape);
        let demand = self.demand();
        if shape.together {
            half.machine.cores /= 2.0;
            half.machine.disk_reads_per_s /= 2.0;
        } else {
            shape.nodes = (shape.nodes / 2).max(demand.tally_replicas + 1);
            shape.servers = (shape.servers / 2).max(demand.log_replicas);
        }
        half.simulated_as(shape, load.memory_bytes_max / 2.0)
    }
}

/// Plans, and simulates what was planned.
pub(crate) fn compare(case: &Case) -> Compared {
    let load = case.planned();
    Compared {
        messages_per_day: case.messages_per_day,
        seen: case.simulated(&load),
        half: case.half(&load),
        load,
        cores: case.machine.cores,
    }
}

impl Compared {
    /// What the plan says about what was seen; snapshots are not simulated.
    pub(crate) fn told(&self) -> Told {
        let (cores, shape) = (&self.load.cores, self.load.shape);
        let with = if shape.together { cores.log } else { 0.0 };
        let all = cores.ingest + cores.api + cores.tally + with;
        let of = |limit| self.load.bound(limit).unwrap().used / self.cores;
        Told {
            nodes_mean: all / f64::from(shape.nodes) / self.cores,
            nodes_max: of(Limit::NodeCores),
            servers_mean: cores.log / f64::from(shape.servers) / self.cores,
            servers_max: of(Limit::ServerCores),
            one_gone_max: of(Limit::NodeCoresOneGone),
        }
    }

    /// A row of `docs/internals/capacity.md`.
    pub(crate) fn row(&self) -> String {
        let (told, seen, shape) = (self.told(), &self.seen, self.load.shape);
        let percent = |share: f64| format!("{:.1}", share * 100.0);
        let pair = |plan: f64, seen: f64| format!("{} / {}", percent(plan), percent(seen));
        let servers = if shape.together {
            ("on them".to_owned(), "-".to_owned(), "-".to_owned())
        } else {
            let mean = pair(told.servers_mean, seen.before.servers_mean);
            let most = pair(told.servers_max, seen.before.servers_max);
            (shape.servers.to_string(), mean, most)
        };
        let half = if self.half.is_overloaded() {
            format!("overloaded, {:.0} s behind", self.half.behind_end_s)
        } else {
            format!("{:.1} s behind at most", self.half.behind_max_s)
        };
        let cells = [
            format!("{:.0e}", self.messages_per_day),
            shape.nodes.to_string(),
            servers.0,
            shape.partitions.to_string(),
            pair(told.nodes_mean, seen.before.nodes_mean),
            pair(told.nodes_max, seen.before.nodes_max),
            servers.1,
            servers.2,
            pair(told.one_gone_max, seen.one_gone.nodes_max),
            format!(
                "{:.1} / {:.1}",
                self.partition_told(),
                seen.partition_over_mean
            ),
            format!(
                "{:.2} / {:.2}",
                self.load.node_disk_bytes / 1e12,
                seen.node_disk_bytes / 1e12
            ),
            format!("{:.0} / {:.0}", seen.wait_ms[1], seen.wait_ms[2]),
            format!("{:.2}", seen.behind_max_s),
            seen.caught_up_s
                .map_or_else(|| "later".to_owned(), |it| format!("{it:.0}")),
            half,
        ];
        format!("| {} |", cells.join(" | "))
    }

    /// The busiest partition over the mean, as the plan has it.
    pub(crate) fn partition_told(&self) -> f64 {
        let mean = self.load.peak_events_per_s / f64::from(self.load.shape.partitions);
        self.load.partition_events_per_s / mean
    }
}

/// The head of the table of which [`Compared::row`] is a row.
pub(crate) const HEAD: &str = "| messages a day | nodes | nats-servers | partitions | nodes, mean % | busiest node % | nats-servers, mean % | busiest nats-server % | busiest node, one gone % | busiest partition, times the mean | fullest node TB | acknowledgement waits ms, p99 / longest | farthest behind s | moved replicas caught up after s | half of it |\n|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|";
