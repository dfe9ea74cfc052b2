//! `chatmetric cluster plan`: how many machines a number of messages a day needs.
//!
//! Asks nobody and opens nothing. Not here: the calculation
//! (`chatmetric_cluster::capacity`) and how it is shown (`cluster_plan/shown.rs`).
//! Invariant: whatever is refused names the flag and what would be valid; a cluster that
//! was asked for and is too small is shown, and the exit code is 1.

mod shown;

use super::{CliError, Terminal};
use chatmetric_cluster::capacity::{
    self, CapacityError, Costs, Demand, FIGURES, Limit, Machine, Plan, Spread, Wanted,
};
use clap::Args;

const GB: f64 = 1e9;
const GBIT: f64 = 1.25e8;
/// Most characters of a number.
const NUMBER_BYTES_MAX: usize = 32;

#[derive(Debug, Args)]
#[command(
    after_help = "Exits with 1 when what was asked for is too small.\nEach figure has a source; docs/internals/capacity.md compares plans with simulations.\n\nExamples:\n  chatmetric cluster plan --messages-per-day 1e9\n  chatmetric cluster plan --messages-per-day 1e9 --nodes 6 --cores 16 --memory 256\n  chatmetric cluster plan --messages-per-day 1e9 --numbers 2000 --zipf 1 --json"
)]
pub(super) struct PlanArguments {
    /// Messages a day, on average (`1e9`, `250_000_000`)
    #[arg(long, value_name = "N", value_parser = number)]
    messages_per_day: f64,
    /// Another value for a figure of `--costs`
    #[arg(long = "cost", value_name = "NAME=VALUE", value_parser = cost)]
    changed: Vec<(String, f64)>,
    /// Show also what each piece of work takes, and who measured it
    #[arg(long)]
    costs: bool,
    /// Print the plan as JSON
    #[arg(long)]
    json: bool,
    // Behind what has no heading of its own.
    #[command(flatten)]
    demand: DemandArguments,
    #[command(flatten)]
    wanted: WantedArguments,
    #[command(flatten)]
    machine: MachineArguments,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "What comes in")]
struct DemandArguments {
    /// Reports of a message: sent, delivered, read, failed, repetitions [default: 2.62]
    #[arg(long, value_name = "N", value_parser = number)]
    events_per_message: Option<f64>,
    /// Reports that a webhook brings; each is an entry of the log [default: 30]
    #[arg(long, value_name = "N", value_parser = number)]
    events_per_entry: Option<f64>,
    /// The busiest minutes over the mean of the day [default: 3]
    #[arg(long, value_name = "FACTOR", value_parser = number)]
    peak_factor: Option<f64>,
    /// Business numbers [default: 10000]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    numbers: Option<u32>,
    /// How unequal numbers are: 0 for equal, 1 for Zipf's law [default: 0.5]
    #[arg(long, value_name = "EXPONENT", value_parser = number)]
    zipf: Option<f64>,
    /// The share of the largest number, 0 to 1 [default: by `--zipf`, 1,000 messages/s at most]
    #[arg(long, value_name = "SHARE", value_parser = number)]
    largest_share: Option<f64>,
    /// Calls of the API a second at the peak [default: 100]
    #[arg(long, value_name = "N", value_parser = number)]
    queries_per_second: Option<f64>,
    /// Days that the records of messages are kept [default: 82]
    #[arg(long, value_name = "DAYS", value_parser = number)]
    record_days: Option<f64>,
    /// Days that the log is kept [default: 8]
    #[arg(long, value_name = "DAYS", value_parser = number)]
    log_days: Option<f64>,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "What is decided already")]
struct WantedArguments {
    /// Nodes of chatmetric
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000))]
    nodes: Option<u32>,
    /// nats-servers, on machines of their own
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=500))]
    nats_servers: Option<u32>,
    /// `cluster.partitions`
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1_024))]
    partitions: Option<u16>,
    /// `cluster.replicas`: copies of the log [default: 3]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=5))]
    log_replicas: Option<u32>,
    /// `cluster.tally_replicas`: nodes that count the same partition [default: 2]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=16))]
    tally_replicas: Option<u32>,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "A machine")]
struct MachineArguments {
    /// Cores
    #[arg(long, value_name = "N", default_value = "8", value_parser = number)]
    cores: f64,
    /// Memory, GB
    #[arg(long, value_name = "GB", default_value = "128", value_parser = number)]
    memory: f64,
    /// Disk of a node, GB
    #[arg(long, value_name = "GB", default_value = "8000", value_parser = number)]
    disk: f64,
    /// Disk of a nats-server, GB [default: no limit, what it needs is told]
    #[arg(long, value_name = "GB", value_parser = number)]
    server_disk: Option<f64>,
    /// Network, Gbit/s
    #[arg(long, value_name = "GBIT", default_value = "10", value_parser = number)]
    network: f64,
    /// Random reads of 4 KiB that a disk does in a second
    #[arg(long, value_name = "N", default_value = "400000", value_parser = number)]
    disk_reads: f64,
    /// How much of everything may be used at the peak, 0 to 1
    #[arg(
        long = "use",
        value_name = "SHARE",
        default_value = "0.6",
        value_parser = number
    )]
    share_max: f64,
}

/// A number as people write it: `1e9`, `250_000_000`, `1,5` is refused.
fn number(text: &str) -> Result<f64, String> {
    let plain = text.replace('_', "");
    let value = (plain.len() <= NUMBER_BYTES_MAX).then(|| plain.parse::<f64>());
    match value {
        Some(Ok(value)) if value.is_finite() && value >= 0.0 => Ok(value),
        _ => Err("valid are numbers from 0 on, as `1e9`, `250_000_000` or `2.5`".to_owned()),
    }
}

fn cost(text: &str) -> Result<(String, f64), String> {
    let (name, value) = text
        .split_once('=')
        .ok_or("valid is NAME=VALUE, as `fold_event_us=2.5`")?;
    if !FIGURES.iter().any(|figure| figure.name == name) {
        let names: Vec<&str> = FIGURES.iter().map(|figure| figure.name).collect();
        return Err(format!("valid names are {}", names.join(", ")));
    }
    match number(value)? {
        value if value > 0.0 => Ok((name.to_owned(), value)),
        _ => Err("it must be more than 0".to_owned()),
    }
}

impl PlanArguments {
    fn demand(&self) -> Demand {
        let (given, usual) = (&self.demand, Demand::default());
        let spread = Spread {
            numbers: given.numbers.unwrap_or(usual.spread.numbers),
            exponent: given.zipf.unwrap_or(usual.spread.exponent),
            largest_share: given.largest_share,
            ..usual.spread
        };
        Demand {
            messages_per_day: self.messages_per_day,
            events_per_message: given.events_per_message.unwrap_or(usual.events_per_message),
            peak_factor: given.peak_factor.unwrap_or(usual.peak_factor),
            events_per_entry: given.events_per_entry.unwrap_or(usual.events_per_entry),
            spread,
            record_days: given.record_days.unwrap_or(usual.record_days),
            log_days: given.log_days.unwrap_or(usual.log_days),
            queries_per_s: given.queries_per_second.unwrap_or(usual.queries_per_s),
            log_replicas: self.wanted.log_replicas.unwrap_or(usual.log_replicas),
            tally_replicas: self.wanted.tally_replicas.unwrap_or(usual.tally_replicas),
        }
    }

    fn machine(&self) -> Machine {
        let given = &self.machine;
        Machine {
            cores: given.cores,
            memory_bytes: given.memory * GB,
            disk_bytes: given.disk * GB,
            network_bytes_per_s: given.network * GBIT,
            disk_reads_per_s: given.disk_reads,
            share_max: given.share_max,
            ..Machine::default()
        }
    }

    fn costs(&self) -> Costs {
        let mut costs = Costs::default();
        for (name, value) in &self.changed {
            costs.set(name, *value);
        }
        costs
    }

    fn wanted(&self) -> Wanted {
        Wanted {
            nodes: self.wanted.nodes,
            servers: self.wanted.nats_servers,
            partitions: self.wanted.partitions,
            server_disk_bytes: self.machine.server_disk.map(|gb| gb * GB),
        }
    }
}

pub(super) fn run(arguments: &PlanArguments, terminal: &Terminal) -> Result<(), CliError> {
    let (demand, machine, costs) = (arguments.demand(), arguments.machine(), arguments.costs());
    let wanted = arguments.wanted();
    let planned = capacity::plan(&demand, &costs, &machine, &wanted);
    let plan = planned.map_err(|error| explain(&error))?;
    let shown = shown::Shown {
        plan: &plan,
        demand: &demand,
        machine: &machine,
        costs: arguments.costs.then_some(&costs),
    };
    if arguments.json {
        terminal.data(&format!("{:#}\n", shown.json(&costs)))?;
    } else {
        terminal.data(&shown.text(terminal))?;
    }
    too_small(&plan)
}

/// What was asked for and does not do.
fn too_small(plan: &Plan) -> Result<(), CliError> {
    let short = plan.load.bounds.iter().filter(|bound| !bound.holds());
    let short: Vec<&str> = short.map(|bound| bound.limit.name()).collect();
    if short.is_empty() {
        return Ok(());
    }
    let error = CliError::failed(format!("that is too small: {}", short.join("; ")));
    Err(error
        .hint("leave `--nodes`, `--nats-servers` and `--partitions` out to see what is enough"))
}

fn explain(error: &CapacityError) -> CliError {
    match error {
        CapacityError::Invalid {
            field,
            found,
            valid,
        } => CliError::usage(format!("`--{field} {found}`: {valid}")),
        CapacityError::NumberTooLarge { .. } => CliError::failed(error.to_string())
            .hint("a number is never split: check `--largest-share`, or spread its traffic over several numbers"),
        CapacityError::NodesUseless { .. } => CliError::usage(error.to_string())
            .hint("fewer `--nodes`, or more `--partitions`"),
        CapacityError::TooFew { what, copies, .. } => {
            CliError::usage(error.to_string()).hint(format!("`--{what} {copies}` or more"))
        }
        CapacityError::TooLarge {
            nodes,
            limit,
            used,
            allowed,
        } => CliError::failed(format!(
            "no cluster of up to {nodes} such nodes is enough: {} would need {}, and may use {}",
            limit.name(),
            shown::amount(*limit, *used),
            shown::amount(*limit, *allowed),
        ))
        .hint(wider(*limit)),
    }
}

/// What gives more of it.
const fn wider(limit: Limit) -> &'static str {
    match limit {
        Limit::NodeCores | Limit::NodeCoresOneGone | Limit::ServerCores => {
            "more `--cores`, or more `--events-per-entry` where senders can put more into a webhook"
        }
        Limit::NodeMemory => "more `--memory`, or fewer `--partitions`",
        Limit::NodeDisk => "more `--disk`, or fewer `--record-days`",
        Limit::NodeReads | Limit::Fold => {
            "more `--memory`, so that more filters stay in it, fewer `--record-days`, or more `--disk-reads`"
        }
        Limit::NodeNetwork | Limit::ServerNetwork => "more `--network`",
        Limit::ServerDisk => "more `--server-disk`, or fewer `--log-days` or `--record-days`",
        Limit::Snapshots => "more `--network`, more `--log-days`, or fewer `--record-days`",
        Limit::Stream => {
            "more `--partitions`, or more `--events-per-entry` where senders can put more into a webhook"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_people_write_them() {
        assert_eq!(number("1e9"), Ok(1e9));
        assert_eq!(number("250_000_000"), Ok(2.5e8));
        for wrong in ["", "-1", "1,5", "nan", "inf", "1e999", "ten"] {
            let error = number(wrong).unwrap_err();
            assert!(error.contains("`1e9`"), "{wrong}: {error}");
        }
    }

    #[test]
    fn costs_are_given_by_their_names() {
        assert_eq!(
            cost("fold_event_us=2.5"),
            Ok(("fold_event_us".to_owned(), 2.5))
        );
        assert!(cost("fold=2.5").unwrap_err().contains("fold_event_us"));
        assert!(cost("fold_event_us").unwrap_err().contains("NAME=VALUE"));
        assert!(cost("fold_event_us=0").is_err());
    }
}
