//! Who sends how much, and who counts it: by the hashes of the product.
//!
//! Numbers are digits that go through `Partitions::of_number`, nodes have names that go
//! through `replicas_of`; nothing is estimated. Not here: time. Invariant: the weights of
//! all partitions add up to 1.

use super::Setup;
use chatmetric_cluster::assignment::replicas_of;
use chatmetric_cluster::members::{Member, View};
use chatmetric_cluster::{Partition, Partitions};
use chatmetric_core::PhoneNumber;
use chatmetric_sim::Random;
use std::collections::BTreeMap;

/// What does not change while a simulation runs.
pub(crate) struct World {
    partitions: Partitions,
    /// The share of each partition in all messages.
    pub(crate) weights: Vec<f64>,
    /// How often the disk is asked for a new message of each partition.
    pub(crate) filter_looks: Vec<f64>,
    /// The servers that keep the log of each partition.
    pub(crate) servers: Vec<Vec<usize>>,
}

/// Shares by Zipf's law: whoever would be above the limit stays at it, and the others
/// share the rest, until nobody is.
fn shares(setup: &Setup<'_>) -> Vec<f64> {
    let spread = &setup.demand.spread;
    let messages_per_s = setup.demand.messages_per_day / 86_400.0 * setup.demand.peak_factor;
    let limit = spread.number_messages_per_s_max / messages_per_s;
    let limit = limit.max(1.0 / f64::from(spread.numbers));
    let zipf = |rank: u32| 1.0 / f64::from(rank).powf(spread.exponent);
    let mut shares: Vec<f64> = (1..=spread.numbers).map(zipf).collect();
    let sum: f64 = shares.iter().sum();
    shares.iter_mut().for_each(|share| *share /= sum);
    for _ in 0..200 {
        let over: f64 = shares.iter().map(|share| (share - limit).max(0.0)).sum();
        if over < 1e-12 {
            break;
        }
        let below: f64 = shares.iter().filter(|share| **share < limit).sum();
        for share in &mut shares {
            *share = if *share < limit {
                *share * (1.0 + over / below)
            } else {
                limit
            };
        }
    }
    shares
}

impl World {
    pub(crate) fn new(setup: &Setup<'_>, random: &mut Random) -> Self {
        let partitions = Partitions::new(setup.shape.partitions).unwrap();
        let mut weights = vec![0.0; usize::from(partitions.count())];
        // Which digits the busy numbers have is drawn, too.
        let first = 15_550_000_000 + random.below(1_000_000_000);
        for (nth, share) in (0_u64..).zip(shares(setup)) {
            let number = PhoneNumber::parse(&(first + nth).to_string()).unwrap();
            weights[usize::from(partitions.of_number(&number).0)] += share;
        }
        let filter_looks = weights.iter().map(|weight| filter_looks(setup, *weight));
        Self {
            filter_looks: filter_looks.collect(),
            servers: servers(setup, random),
            partitions,
            weights,
        }
    }

    /// The nodes that count each partition, of those that are there.
    pub(crate) fn replicas(&self, setup: &Setup<'_>, is_up: &[bool]) -> Vec<Vec<usize>> {
        let name = |node: usize| format!("{}-{node}", setup.name);
        let mut members = BTreeMap::new();
        let mut by_name = BTreeMap::new();
        for (node, _) in is_up.iter().enumerate().filter(|(_, is_up)| **is_up) {
            let member = Member {
                incarnation: 1,
                holds: true,
                ..Member::default()
            };
            members.insert(name(node), member);
            by_name.insert(name(node), node);
        }
        let view = View {
            members,
            ..View::default()
        };
        let count = setup.demand.tally_replicas as usize;
        let of = |partition: Partition| {
            let names = replicas_of(partition, &view, count);
            names.into_iter().map(|name| by_name[name]).collect()
        };
        self.partitions.all().map(of).collect()
    }
}

/// What a filter lets through that is not folded, folded once, twice, and not in memory.
const PASSES: [f64; 4] = [0.002, 0.025, 0.33, 1.0];

/// How often a new message has the disk asked: the filters of all weeks, the largest folded
/// until they fit.
fn filter_looks(setup: &Setup<'_>, weight: f64) -> f64 {
    let replica_bytes = setup.memory_bytes_max / f64::from(setup.shape.partitions);
    let mut weeks = Vec::new();
    let mut days = setup.demand.record_days;
    while days > 0.0 {
        let messages = setup.demand.messages_per_day * weight * days.min(7.0);
        weeks.push((messages * 2.0, 0_usize));
        days -= 7.0;
    }
    let in_memory = |weeks: &[(f64, usize)]| weeks.iter().map(|it| it.0).sum::<f64>();
    while in_memory(&weeks) > replica_bytes * 0.32 {
        let largest = weeks.iter_mut().max_by(|a, b| a.0.total_cmp(&b.0));
        let Some((bytes, fold)) = largest else { break };
        *fold += 1;
        *bytes = if *fold < 3 { *bytes / 2.0 } else { 0.0 };
    }
    weeks.iter().map(|(_, fold)| PASSES[*fold]).sum()
}

/// Each log is kept by the servers that have the fewest.
fn servers(setup: &Setup<'_>, random: &mut Random) -> Vec<Vec<usize>> {
    let mut kept = vec![0_u32; setup.shape.servers as usize];
    let copies = setup.demand.log_replicas as usize;
    let mut of_one = |_| {
        let mut order: Vec<(u32, u64, usize)> = kept
            .iter()
            .enumerate()
            .map(|(server, logs)| (*logs, random.bits(), server))
            .collect();
        order.sort_unstable();
        let chosen: Vec<usize> = order.iter().take(copies).map(|it| it.2).collect();
        for server in &chosen {
            kept[*server] += 1;
        }
        chosen
    };
    (0..setup.shape.partitions).map(&mut of_one).collect()
}
