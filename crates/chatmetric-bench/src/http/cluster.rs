//! One node beside three, and an instance alone, on three nats-servers that sync before they
//! acknowledge: webhooks at rates with queries beside, then as fast as they are answered.
//!
//! Servers, nodes and client share one machine, so three nodes cannot be faster than one:
//! what is compared is what they cost. An acknowledgement counts from when the webhook was
//! sent, a query from when it was due, and each is behind everything acknowledged before.
//!
//! Invariant: figures are told only when every node counts exactly what was accepted.

use super::instance::{self, Ask, Instance, KEY};
use super::overload::HEAVY;
use super::overload::bodies::Bodies;
use super::overload::load::{Load, Outcome, Pace};
use crate::arguments::Arguments;
use crate::cluster_shape::servers::Servers;
use crate::{cpu, machine};
use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

/// Nodes of each round; none is an instance without a cluster.
const ROUNDS: [usize; 3] = [0, 1, 3];
/// Numbers that send, so that every partition has some.
const NUMBERS: [&str; 8] = [
    "6590000001",
    "6590000002",
    "6590000003",
    "6590000004",
    "6590000005",
    "6590000006",
    "6590000007",
    "6590000008",
];
const PARTITIONS: u16 = 4;
/// Statuses of a webhook.
const STATUSES: usize = 100;
/// Connections of each number.
const CONNECTIONS: usize = 16;
/// Statuses a second that are offered while queries are asked.
const RATES: [f64; 5] = [5_000.0, 20_000.0, 50_000.0, 100_000.0, 150_000.0];
/// Statuses a second before anything is measured.
const WARM_RATE: f64 = 20_000.0;
/// Queries a second: fewer than an account may ask.
const QUERIES: u64 = 40;
const QUERY_CONNECTIONS: usize = 4;
const SETTLED_TIMEOUT: Duration = Duration::from_secs(120);
const DAY_MS: i64 = 86_400_000;

/// Runs the bench, and fails when a node counts something else than was accepted.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let span = Duration::from_secs(arguments.number("seconds", 10)?);
    println!("{}", machine::describe());
    println!("{HEAD}");
    for nodes in ROUNDS {
        let home = tempfile::tempdir_in(arguments.dir()).context("could not make a directory")?;
        let world = World::start(home.path(), nodes)?;
        // Nothing is warm at first.
        world.send(Pace::Scheduled(WARM_RATE), Duration::from_secs(3))?;
        for rate in RATES {
            world.row(nodes, Some(rate), span)?;
        }
        // Last: what it leaves to be merged would be a load beside the others.
        world.row(nodes, None, span)?;
        world.check()?;
        world.stop()?;
    }
    Ok(())
}

const HEAD: &str = "\
| nodes | offered events/s | accepted events/s | refused | ack p50 ms | p99 ms | query p50 ms | p99 ms | nodes CPU us/event | NATS CPU us/event |
|---|---|---|---|---|---|---|---|---|---|";

struct World {
    servers: Option<Servers>,
    nodes: Vec<Instance>,
    bodies: Vec<Bodies>,
}

impl World {
    fn start(home: &Path, nodes: usize) -> Result<Self> {
        let (servers, nodes) = if nodes == 0 {
            (None, vec![Instance::start(&home.join("alone"))?])
        } else {
            let program = nats_server()?;
            let servers = Servers::start(&program, true)?;
            let homes: Vec<PathBuf> = (0..nodes)
                .map(|nth| home.join(format!("node{nth}")))
                .collect();
            let nodes = start_nodes(&servers, &homes)?;
            wait_until_settled(&homes)?;
            (Some(servers), nodes)
        };
        let of_node = nodes.iter().cycle();
        let bodies = NUMBERS.iter().zip(of_node);
        let bodies =
            bodies.map(|(number, node)| Bodies::new(node.address(), HEAVY, number, STATUSES));
        Ok(Self {
            bodies: bodies.collect(),
            servers,
            nodes,
        })
    }

    /// Webhooks of all numbers at one time, spread over the nodes.
    fn send(&self, pace: Pace, span: Duration) -> Result<Outcome> {
        let pace = match pace {
            Pace::Closed => Pace::Closed,
            Pace::Scheduled(rate) => Pace::Scheduled(rate / NUMBERS.len() as f64),
        };
        let outcomes: Result<Vec<Outcome>> = thread::scope(|scope| {
            let nodes = self.nodes.iter().cycle();
            let loads: Vec<_> = self
                .bodies
                .iter()
                .zip(nodes)
                .map(|(bodies, node)| {
                    let load = Load {
                        address: node.address(),
                        connections: CONNECTIONS,
                        pace,
                        span,
                    };
                    scope.spawn(move || load.run(bodies))
                })
                .collect();
            let joined = loads.into_iter().map(|load| load.join().ok());
            joined
                .map(|outcome| outcome.context("a thread of the client panicked")?)
                .collect()
        });
        Ok(Outcome::at_once(&outcomes?))
    }

    /// One line: without a rate as fast as the answers come and without queries.
    fn row(&self, nodes: usize, rate: Option<f64>, span: Duration) -> Result<()> {
        let before = self.used()?;
        let (outcome, queries_ms) = match rate {
            None => (self.send(Pace::Closed, span)?, Vec::new()),
            Some(rate) => thread::scope(|scope| {
                let asked = scope.spawn(|| self.ask(rate, span));
                let outcome = self.send(Pace::Scheduled(rate / STATUSES as f64), span);
                let asked = asked
                    .join()
                    .ok()
                    .context("a thread of the client panicked")?;
                anyhow::Ok((outcome?, asked?))
            })?,
        };
        let after = self.used()?;
        let events = (outcome.accepted() * STATUSES) as f64;
        let quantile = |part: f64| {
            let at = (queries_ms.len() as f64 * part) as usize;
            let at = at.min(queries_ms.len().saturating_sub(1));
            queries_ms
                .get(at)
                .map_or_else(|| "-".to_owned(), |ms| format!("{ms:.1}"))
        };
        println!(
            "| {} | {} | {:.0} | {} | {:.1} | {:.1} | {} | {} | {:.2} | {:.2} |",
            if nodes == 0 {
                "alone".to_owned()
            } else {
                nodes.to_string()
            },
            rate.map_or_else(
                || "as fast as answered".to_owned(),
                |rate| format!("{rate:.0}")
            ),
            outcome.per_second() * STATUSES as f64,
            outcome.refused(),
            outcome.quantile(0.5),
            outcome.quantile(0.99),
            quantile(0.5),
            quantile(0.99),
            (after.0 - before.0) / events,
            (after.1 - before.1) / events,
        );
        Ok(())
    }

    /// Queries of a month of one number after the other, at each node; times in ms, sorted.
    fn ask(&self, rate: f64, span: Duration) -> Result<Vec<f64>> {
        let count = QUERIES * span.as_secs();
        let now_ms = instance::wall_clock_ms();
        let per_node = usize::try_from(count)?.div_ceil(self.nodes.len());
        let each = (QUERIES / self.nodes.len() as u64).max(1);
        let mut all = Vec::new();
        thread::scope(|scope| -> Result<()> {
            let asked: Vec<_> = self
                .nodes
                .iter()
                .map(|node| {
                    let numbers = NUMBERS.iter().cycle().take(per_node).enumerate();
                    let requests: Vec<Vec<u8>> = numbers
                        .map(|(nth, number)| {
                            let ask = Ask {
                                start_ms: now_ms - 30 * DAY_MS,
                                end_ms: now_ms,
                                granularity: "HALF_HOUR",
                                number: Some(number),
                                space: None,
                            };
                            node.signed(&ask, &format!("ask-{}-{rate}-{nth}", node.address()))
                        })
                        .collect();
                    scope.spawn(move || {
                        super::load::scheduled(node.address(), &requests, QUERY_CONNECTIONS, each)
                    })
                })
                .collect();
            for thread in asked {
                all.extend(
                    thread
                        .join()
                        .ok()
                        .context("a thread of the client panicked")??
                        .1,
                );
            }
            Ok(())
        })?;
        all.sort_by(f64::total_cmp);
        Ok(all)
    }

    /// CPU time of the nodes and of the servers so far, us.
    fn used(&self) -> Result<(f64, f64)> {
        let mut nodes = 0.0;
        for node in &self.nodes {
            nodes += cpu::of_family(node.pid())?.as_secs_f64() * 1e6;
        }
        let servers = self.servers.as_ref().map_or(Ok(0.0), Servers::cpu_us)?;
        Ok((nodes, servers))
    }

    fn check(&self) -> Result<()> {
        let mut all = 0;
        for bodies in &self.bodies {
            let accepted = bodies.accepted() * STATUSES as u64;
            all += accepted;
            for node in &self.nodes {
                let counted = node.sent_of(KEY, bodies.number())?;
                if counted != accepted {
                    bail!(
                        "{accepted} messages of {} were accepted and {counted} are counted",
                        bodies.number()
                    );
                }
            }
        }
        eprintln!("{all} messages were accepted and are counted by every node, each once");
        Ok(())
    }

    fn stop(self) -> Result<()> {
        for node in self.nodes {
            node.stop()?;
        }
        Ok(())
    }
}

fn nats_server() -> Result<PathBuf> {
    let told = std::env::var_os("CHATMETRIC_NATS_SERVER").map(PathBuf::from);
    let program =
        told.unwrap_or_else(|| PathBuf::from("target/compat/python-nats/bin/nats-server"));
    if !program.is_file() {
        bail!(
            "`{}` is missing: `cargo xtask test rust` installs it",
            program.display()
        );
    }
    Ok(program)
}

fn start_nodes(servers: &Servers, homes: &[PathBuf]) -> Result<Vec<Instance>> {
    let first = homes.first().context("no node")?;
    let mut nodes = Vec::new();
    for (nth, home) in homes.iter().enumerate() {
        let config = format!(
            "[cluster]\nnats_urls = {:?}\nnode = \"node{nth}\"\npartitions = {PARTITIONS}\n\
             servers_sync_always = true\n[watch]\nenabled = false\n",
            servers.urls()
        );
        nodes.push(Instance::node_of_cluster(home, &config, first)?);
    }
    Ok(nodes)
}

/// Waits until every partition is counted by as many nodes as should.
fn wait_until_settled(homes: &[PathBuf]) -> Result<()> {
    let first = homes.first().context("no node")?;
    let started = cpu::now();
    while started.elapsed() < SETTLED_TIMEOUT {
        if instance::cluster_status(first).is_ok_and(|status| is_settled(&status, homes.len())) {
            return Ok(());
        }
        thread::sleep(Duration::from_millis(200));
    }
    bail!("the nodes did not settle within {SETTLED_TIMEOUT:?}")
}

fn is_settled(status: &Value, nodes: usize) -> bool {
    let list = |of: &Value, name: &str| of.get(name).and_then(Value::as_array).cloned();
    let (Some(members), Some(wanted)) = (list(status, "members"), list(status, "wanted")) else {
        return false;
    };
    let following = |partition: usize| {
        let follows = members.iter().filter_map(|member| list(member, "follows"));
        follows
            .filter(|all| all.contains(&Value::from(partition)))
            .count()
    };
    members.len() == nodes
        && wanted.iter().enumerate().all(|(partition, wanted)| {
            wanted.as_array().map(Vec::len) == Some(following(partition))
        })
}
