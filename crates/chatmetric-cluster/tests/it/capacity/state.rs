//! The steps of a simulation: what comes, what is done, what goes on to the next queue.
//!
//! Not here: who counts what (`world`), how cores are shared (`machine`). Invariant: an
//! event is in exactly one queue: waiting to be acknowledged, or waiting in each replica.

use super::draws::{batch, commits, poisson};
use super::machine::{Job, Machine};
use super::world::World;
use super::{Busy, Seen, Setup};
use chatmetric_sim::Random;
use std::collections::VecDeque;

const STEP_US: f64 = 10_000.0;
const STEP_S: f64 = 0.01;
/// Steps that an event needs at least, which are none of the machines' doing.
const STEPS_LEAST: usize = 2;
/// Until the first queues are as they stay.
const WARM_UP_S: f64 = 3.0;
/// After it a silent node is taken for gone.
const MEMBER_TTL_S: f64 = 3.0;
/// How old a snapshot is, on average, when a replica begins with it.
const SNAPSHOT_AGE_S: f64 = 3.0 * 3_600.0;
/// The hours around the peak: the deviation of a bell.
const PEAK_WIDTH_S: f64 = 2.5 * 3_600.0;

/// What waits for an acknowledgement.
#[derive(Default, Clone)]
struct Waiting {
    /// At ingest nodes: entries, events.
    ingest: [f64; 2],
    /// At servers.
    log: [f64; 2],
    /// When they came, in steps, and how many events.
    came: VecDeque<(usize, f64)>,
}

/// A replica's queue.
#[derive(Clone)]
struct Replica {
    node: usize,
    job: usize,
    events: f64,
    catches_up: bool,
}

struct State<'a> {
    setup: &'a Setup<'a>,
    world: World,
    random: Random,
    machines: Vec<Machine>,
    is_up: Vec<bool>,
    replicas: Vec<Vec<Replica>>,
    /// Where the job of each server of each partition is: machine, job.
    logs: Vec<Vec<(usize, usize)>>,
    waiting: Vec<Waiting>,
    /// Acknowledged events by the steps that they waited.
    waits: Vec<f64>,
    used_us: Vec<f64>,
    caught_up_s: Option<f64>,
    behind_max_s: f64,
    events: f64,
}

/// How much comes at a moment, over the mean of the day; the peak is at 0 s.
fn profile(peak_factor: f64, at_s: f64) -> f64 {
    let bell_mean = PEAK_WIDTH_S * std::f64::consts::TAU.sqrt() / 86_400.0;
    let base = (1.0 - peak_factor * bell_mean) / (1.0 - bell_mean);
    base + (peak_factor - base) * (-(at_s / PEAK_WIDTH_S).powi(2) / 2.0).exp()
}

/// Simulates one node that is gone for long, so that all has moved and caught up.
fn steady_without(setup: &Setup<'_>, lost: usize) -> Busy {
    let mut state = State::new(setup);
    state.lose(lost);
    state.reassign();
    state.begin_level();
    let steps = (setup.seconds / 2.0 / STEP_S) as usize;
    let warm = (WARM_UP_S / STEP_S) as usize;
    for step in 0..steps {
        if step == warm {
            state.forget();
        }
        state.step(step, setup.demand.peak_factor);
    }
    state.busy(steps - warm)
}

/// Simulates.
pub(crate) fn run(setup: &Setup<'_>) -> Seen {
    let mut state = State::new(setup);
    let steps = |seconds: f64| (seconds / STEP_S).round() as usize;
    let (warm, gone, end) = (
        steps(WARM_UP_S),
        steps(setup.seconds / 2.0),
        steps(setup.seconds),
    );
    let gone_seen = gone + steps(MEMBER_TTL_S);
    let mut before = Busy::default();
    let mut lost = 0;
    for step in 0..end {
        if step == warm {
            state.forget();
        }
        if step == gone {
            before = state.busy(gone - warm);
            lost = state.busiest_node();
            state.lose(lost);
        }
        if step == gone_seen {
            state.reassign();
        }
        let rate = profile(
            setup.demand.peak_factor,
            (step as f64 - gone as f64) * STEP_S,
        );
        state.step(step, rate);
        if step >= gone_seen && state.caught_up_s.is_none() && !state.catches_up() {
            state.caught_up_s = Some((step - gone) as f64 * STEP_S);
        }
        if step.is_multiple_of(10) && step > warm {
            state.behind_max_s = state.behind_max_s.max(state.behind_s());
        }
    }
    let one_gone = steady_without(setup, lost);
    state.seen(before, one_gone, lost)
}

impl<'a> State<'a> {
    fn new(setup: &'a Setup<'a>) -> Self {
        let mut random = Random::new(setup.seed);
        let world = World::new(setup, &mut random);
        let nodes = setup.shape.nodes as usize;
        let machine = || Machine {
            cores: setup.machine.cores,
            blocks: setup.machine.disk_reads_per_s * STEP_S,
            is_up: true,
            // The first job of each is ingest and the API.
            jobs: vec![Job::with_threads(setup.machine.cores)],
        };
        let mut machines: Vec<Machine> = (0..setup.shape.machines()).map(|_| machine()).collect();
        let first_server = if setup.shape.together { 0 } else { nodes };
        let mut add = |machine: usize| {
            machines[machine].jobs.push(Job::with_threads(1.0));
            machines[machine].jobs.len() - 1
        };
        let logs = world.servers.iter().map(|servers| {
            let of = servers.iter().map(|server| first_server + server);
            of.map(|machine| (machine, add(machine))).collect()
        });
        let logs: Vec<Vec<(usize, usize)>> = logs.collect();
        let partitions = world.weights.len();
        let mut state = Self {
            setup,
            random,
            used_us: vec![0.0; machines.len()],
            is_up: vec![true; nodes],
            replicas: vec![Vec::new(); partitions],
            waiting: vec![Waiting::default(); partitions],
            waits: Vec::new(),
            caught_up_s: None,
            behind_max_s: 0.0,
            events: 0.0,
            machines,
            logs,
            world,
        };
        state.reassign();
        state.begin_level();
        state
    }

    /// All replicas begin at the end of their logs.
    fn begin_level(&mut self) {
        for replica in self.replicas.iter_mut().flatten() {
            replica.catches_up = false;
            replica.events = 0.0;
            let job = &mut self.machines[replica.node].jobs[replica.job];
            (job.backlog_us, job.stretch, job.blocks) = (0.0, 1.0, 0.0);
        }
    }

    /// Events a second of a partition, the mean of the day.
    fn mean_of(&self, partition: usize) -> f64 {
        let demand = self.setup.demand;
        demand.messages_per_day * demand.events_per_message / 86_400.0
            * self.world.weights[partition]
    }

    /// CPU of counting so many events, the time it takes, and the blocks that are read.
    fn counting_us(&self, partition: usize, events: f64) -> (f64, f64, f64) {
        let costs = self.setup.costs;
        let messages = events / self.setup.demand.events_per_message;
        let blocks = messages * self.world.filter_looks[partition];
        let us = events * costs.fold_event_us + blocks * costs.block_read_us;
        (us, us + blocks * costs.block_wait_us, blocks)
    }

    /// Gives every partition the nodes that should have it; new ones begin hours back.
    fn reassign(&mut self) {
        let wanted = self.world.replicas(self.setup, &self.is_up);
        for (partition, nodes) in wanted.into_iter().enumerate() {
            let old = std::mem::take(&mut self.replicas[partition]);
            let mut kept: Vec<Replica> = old
                .into_iter()
                .filter(|replica| nodes.contains(&replica.node))
                .collect();
            for node in nodes {
                if kept.iter().any(|replica| replica.node == node) {
                    continue;
                }
                let events = self.mean_of(partition) * SNAPSHOT_AGE_S;
                let (us, passes_us, blocks) = self.counting_us(partition, events);
                let mut job = Job::with_threads(1.0);
                job.backlog_us = us;
                job.stretch = passes_us / us.max(1.0);
                job.blocks = blocks / us.max(1.0);
                self.machines[node].jobs.push(job);
                kept.push(Replica {
                    node,
                    job: self.machines[node].jobs.len() - 1,
                    events,
                    catches_up: true,
                });
            }
            self.replicas[partition] = kept;
        }
    }

    fn lose(&mut self, node: usize) {
        self.is_up[node] = false;
        self.machines[node].is_up = false;
        for replicas in &mut self.replicas {
            replicas.retain(|replica| replica.node != node);
        }
    }

    fn step(&mut self, step: usize, rate: f64) {
        self.arrive(step, rate);
        for (machine, used) in self.machines.iter_mut().zip(&mut self.used_us) {
            *used += machine.pass(STEP_US);
        }
        self.move_on(step);
    }

    /// Webhooks and calls of a step.
    fn arrive(&mut self, step: usize, rate: f64) {
        let (demand, costs) = (self.setup.demand, self.setup.costs);
        let up: Vec<usize> = (0..self.is_up.len()).filter(|it| self.is_up[*it]).collect();
        for partition in 0..self.waiting.len() {
            let mean = self.mean_of(partition) * rate * STEP_S / demand.events_per_entry;
            let mut came = 0.0;
            let entries = poisson(&mut self.random, mean);
            for _ in 0..entries {
                let node = up[self.random.below(up.len() as u64) as usize];
                let events = batch(&mut self.random, demand.events_per_entry);
                let us = costs.webhook_us + costs.publish_entry_us;
                self.machines[node].jobs[0].backlog_us += us + events * costs.ingest_event_us;
                came += events;
            }
            let waiting = &mut self.waiting[partition];
            waiting.ingest[0] += entries as f64;
            waiting.ingest[1] += came;
            if came > 0.0 {
                waiting.came.push_back((step, came));
            }
            self.events += came;
            // Calls ask one of the replicas.
            let calls = demand.queries_per_s * STEP_S * self.world.weights[partition];
            let replicas = &self.replicas[partition];
            for replica in replicas {
                let job = &mut self.machines[replica.node].jobs[replica.job];
                job.backlog_us += calls * costs.query_replica_us / replicas.len() as f64;
            }
            let asked = calls * costs.query_log_us / self.logs[partition].len() as f64;
            for (machine, job) in &self.logs[partition] {
                self.machines[*machine].jobs[*job].backlog_us += asked;
            }
        }
        let calls = demand.queries_per_s * STEP_S / up.len() as f64;
        for node in up {
            self.machines[node].jobs[0].backlog_us += calls * costs.query_us;
        }
    }

    /// What was done goes on: from ingest to the log, from there to the replicas.
    fn move_on(&mut self, step: usize) {
        let nodes = self.is_up.iter().enumerate().filter(|(_, is_up)| **is_up);
        let jobs: Vec<&Job> = nodes
            .map(|(node, _)| &self.machines[node].jobs[0])
            .collect();
        let served: f64 = jobs.iter().map(|job| job.served_us).sum();
        let left: f64 = jobs.iter().map(|job| job.backlog_us).sum();
        let ingested = if left > 0.0 {
            served / (served + left)
        } else {
            1.0
        };
        for partition in 0..self.waiting.len() {
            let acknowledged = self.acknowledge(partition, step);
            let waiting = &mut self.waiting[partition];
            let moved = waiting.ingest.map(|it| it * ingested);
            for (at, amount) in moved.into_iter().enumerate() {
                waiting.ingest[at] -= amount;
                waiting.log[at] += amount;
            }
            self.send_on(partition, moved);
            self.fold(partition, acknowledged);
        }
    }

    /// Work of the servers for entries that reach them.
    fn send_on(&mut self, partition: usize, [entries, events]: [f64; 2]) {
        let costs = self.setup.costs;
        let logs = &self.logs[partition];
        let readers = self.replicas[partition].len() as f64;
        // Measured for three servers together; readers are served by all of them.
        let us = (entries * costs.log_entry_us + events * costs.log_event_us) / 3.0
            + entries * costs.log_read_us * readers / logs.len() as f64;
        for (machine, job) in logs {
            self.machines[*machine].jobs[*job].backlog_us += us;
        }
    }

    /// What a majority of the servers has done in this step: entries and events.
    fn acknowledge(&mut self, partition: usize, step: usize) -> [f64; 2] {
        let logs = &self.logs[partition];
        let mut done: Vec<f64> = logs
            .iter()
            .map(|(machine, job)| self.machines[*machine].jobs[*job].done)
            .collect();
        done.sort_by(|one, other| other.total_cmp(one));
        let majority = done[done.len() / 2];
        let waiting = &mut self.waiting[partition];
        let moved = waiting.log.map(|it| it * majority);
        let mut left = moved[1];
        waiting.log[0] -= moved[0];
        waiting.log[1] -= moved[1];
        while let Some((came, events)) = waiting.came.front_mut() {
            let part = events.min(left);
            let waited = (step - *came).saturating_sub(STEPS_LEAST - 1);
            if self.waits.len() <= waited {
                self.waits.resize(waited + 1, 0.0);
            }
            self.waits[waited] += part;
            *events -= part;
            left -= part;
            if *events > 1e-9 {
                break;
            }
            waiting.came.pop_front();
        }
        moved
    }

    /// Work of the replicas for what was acknowledged, and what they have done.
    fn fold(&mut self, partition: usize, [entries, events]: [f64; 2]) {
        let costs = self.setup.costs;
        let committed = commits(&mut self.random, entries, STEP_US, costs.commit_wait_us);
        let (us, passes_us, blocks) = self.counting_us(partition, events);
        let read = entries * costs.read_entry_us;
        for at in 0..self.replicas[partition].len() {
            let replica = &mut self.replicas[partition][at];
            let job = &mut self.machines[replica.node].jobs[replica.job];
            replica.events *= 1.0 - job.done;
            // Who is behind commits all that waits at once.
            let is_behind = job.backlog_us > STEP_US;
            let commits = if is_behind {
                committed.min(1.0)
            } else {
                committed
            };
            if replica.catches_up && job.done >= 1.0 {
                replica.catches_up = false;
                (job.stretch, job.blocks) = (1.0, 0.0);
            }
            let all_us = us + read + commits * costs.commit_us;
            if us > 0.0 && !replica.catches_up {
                job.stretch = ((passes_us + all_us - us) / all_us).max(1.0);
                job.blocks = blocks / all_us;
            }
            replica.events += events;
            job.backlog_us += all_us;
        }
    }

    fn catches_up(&self) -> bool {
        self.replicas.iter().flatten().any(|it| it.catches_up)
    }

    /// How far the farthest replica that follows is behind what has come.
    fn behind_s(&self) -> f64 {
        let peak_factor = self.setup.demand.peak_factor;
        let of = |partition: usize| {
            let waiting = &self.waiting[partition];
            let followers = self.replicas[partition].iter().filter(|it| !it.catches_up);
            let most = followers.map(|it| it.events).fold(0.0, f64::max);
            let usual = self.mean_of(partition) * peak_factor;
            // A partition with a few entries a second is not behind because one waits.
            let one = self.setup.demand.events_per_entry * 4.0;
            (waiting.ingest[1] + waiting.log[1] + most - one).max(0.0) / usual.max(1e-9)
        };
        (0..self.waiting.len()).map(of).fold(0.0, f64::max)
    }

    fn forget(&mut self) {
        self.waits.clear();
        self.events = 0.0;
        self.behind_max_s = 0.0;
        self.used_us.fill(0.0);
    }

    fn busy(&self, steps: usize) -> Busy {
        let passed_us = steps as f64 * STEP_US * self.setup.machine.cores;
        let nodes = self.setup.shape.nodes as usize;
        let first_server = if self.setup.shape.together { 0 } else { nodes };
        let last_server = first_server + self.setup.shape.servers as usize;
        let of = |machines: &mut dyn Iterator<Item = usize>| {
            let up = machines.filter(|it| self.machines[*it].is_up);
            let shares: Vec<f64> = up.map(|it| self.used_us[it] / passed_us).collect();
            let mean = shares.iter().sum::<f64>() / shares.len().max(1) as f64;
            (mean, shares.into_iter().fold(0.0, f64::max))
        };
        let (nodes_mean, nodes_max) = of(&mut (0..nodes));
        let (servers_mean, servers_max) = of(&mut (first_server..last_server));
        Busy {
            nodes_mean,
            nodes_max,
            servers_mean,
            servers_max,
        }
    }

    /// What each node folds of all events.
    fn node_shares(&self, replicas: &[Vec<usize>]) -> Vec<f64> {
        let mut shares = vec![0.0; self.is_up.len()];
        for (nodes, weight) in replicas.iter().zip(&self.world.weights) {
            for node in nodes {
                shares[*node] += weight;
            }
        }
        shares
    }

    fn busiest_node(&self) -> usize {
        let shares = self.node_shares(&self.world.replicas(self.setup, &self.is_up));
        let by_share = |one: &usize, other: &usize| shares[*one].total_cmp(&shares[*other]);
        (0..shares.len()).max_by(by_share).unwrap()
    }

    fn seen(self, before: Busy, one_gone: Busy, lost: usize) -> Seen {
        let demand = self.setup.demand;
        let most = |shares: &[f64]| shares.iter().copied().fold(0.0, f64::max);
        let mut all_up = self.is_up.clone();
        all_up[lost] = true;
        let node_share = most(&self.node_shares(&self.world.replicas(self.setup, &all_up)));
        let mut blocks = vec![0.0; self.is_up.len()];
        for (partition, replicas) in self.replicas.iter().enumerate() {
            for replica in replicas {
                let messages =
                    self.mean_of(partition) * demand.peak_factor / demand.events_per_message;
                blocks[replica.node] += messages * self.world.filter_looks[partition];
            }
        }
        let all: f64 = self.waits.iter().sum();
        let wait_ms = [0.5, 0.99, 1.0].map(|share| {
            let mut left = all * share * (1.0 - 1e-9);
            let at = self.waits.iter().position(|events| {
                left -= events;
                left <= 0.0
            });
            at.unwrap_or(0) as f64 * STEP_S * 1_000.0
        });
        Seen {
            events: self.events,
            before,
            one_gone,
            partition_over_mean: most(&self.world.weights) * self.world.weights.len() as f64,
            node_share,
            blocks_per_s: most(&blocks),
            node_disk_bytes: node_share
                * demand.messages_per_day
                * demand.record_days
                * self.setup.costs.record_bytes,
            wait_ms,
            behind_max_s: self.behind_max_s,
            behind_end_s: self.behind_s(),
            caught_up_s: self.caught_up_s,
        }
    }
}
