//! `chatmetric cluster`: what a node sees of its cluster, and what it is asked to do.
//!
//! All of it goes to the node that runs on this data directory, but for `plan`, which asks
//! nobody (`cluster_plan`). Not here: doing it
//! (`crate::cluster`). Invariant: the exit code of an audit is 1 when anything differs.

#[cfg(feature = "nats")]
use super::cluster_plan;
use super::session::explain_control;
use super::text_table::{Align, TextTable, grouped};
use super::{CliError, DATA_DIR_DEFAULT, Terminal};
use crate::control::{ClusterReport, ClusterTask, ControlClient};
use clap::{Args, Subcommand};
use std::path::PathBuf;
use std::time::Duration;

#[derive(Debug, Subcommand)]
pub(super) enum ClusterCommand {
    /// How many machines a number of messages a day needs, and what bounds them
    #[cfg(feature = "nats")]
    Plan(Box<cluster_plan::PlanArguments>),
    /// Who is there, which partitions each counts, and how far this node is
    #[command(after_help = "Example:\n  chatmetric cluster status")]
    Status(ClusterArguments),
    /// Compare the replicas of every partition with each other and with the log
    #[command(
        after_help = "Exits with 1 when anything differs.\n\nExample:\n  chatmetric cluster audit"
    )]
    Audit(ClusterArguments),
    /// Put a snapshot of each replica of this node on the servers
    #[command(after_help = "Example:\n  chatmetric cluster snapshot")]
    Snapshot(ClusterArguments),
    /// Put a partition on certain nodes, and wait until it is there
    #[command(
        after_help = "Callers notice nothing: the nodes that counted go on until the new ones follow.\n\n\
                      Examples:\n  chatmetric cluster move 3 --to b,c\n  \
                      chatmetric cluster move 3 --back"
    )]
    Move(MoveArguments),
}

#[derive(Debug, Args)]
pub(super) struct ClusterArguments {
    /// The data directory of a node that runs
    #[arg(long, value_name = "DIR", env = "CHATMETRIC_STORE_DATA_DIR", default_value = DATA_DIR_DEFAULT)]
    data_dir: PathBuf,
    /// Print the answer as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(super) struct MoveArguments {
    /// The partition, as `cluster status` numbers it
    partition: u16,
    /// The nodes that count it from now on
    #[arg(
        long,
        value_name = "NODE",
        value_delimiter = ',',
        required_unless_present = "back",
        conflicts_with = "back"
    )]
    to: Vec<String>,
    /// Give it back to the nodes that the hash names
    #[arg(long)]
    back: bool,
    /// Do not wait until it is there
    #[arg(long)]
    no_wait: bool,
    #[command(flatten)]
    node: ClusterArguments,
}

/// How often a move is looked at: for an hour.
const LOOKS_MAX: u32 = 4 * 3_600;
const LOOK_EVERY: Duration = Duration::from_millis(250);

pub(super) fn run(command: &ClusterCommand, terminal: &Terminal) -> Result<(), CliError> {
    let (task, arguments) = match command {
        ClusterCommand::Move(arguments) => return move_partition(arguments, terminal),
        #[cfg(feature = "nats")]
        ClusterCommand::Plan(arguments) => return cluster_plan::run(arguments, terminal),
        ClusterCommand::Status(arguments) => (ClusterTask::Status, arguments),
        ClusterCommand::Audit(arguments) => (ClusterTask::Audit, arguments),
        ClusterCommand::Snapshot(arguments) => (ClusterTask::Snapshot, arguments),
    };
    let is_status = task == ClusterTask::Status;
    let told = ask(arguments, task)?;
    if arguments.json || !is_status {
        return terminal.data(&format!("{told:#}\n"));
    }
    terminal.data(&shown(&report(told)?, terminal))
}

/// Asks the node that runs on the data directory.
fn ask(arguments: &ClusterArguments, task: ClusterTask) -> Result<serde_json::Value, CliError> {
    let client = ControlClient::connect(&arguments.data_dir);
    let mut client = client.ok_or_else(|| {
        CliError::failed(format!(
            "no node runs on the data directory `{}`",
            arguments.data_dir.display()
        ))
        .hint("name the one of a running node with `--data-dir`")
    })?;
    client
        .cluster(task)
        .map_err(|error| explain_control(&error))
}

fn report(told: serde_json::Value) -> Result<ClusterReport, CliError> {
    serde_json::from_value(told)
        .map_err(|error| CliError::failed(format!("the node answers oddly: {error}")))
}

fn move_partition(arguments: &MoveArguments, terminal: &Terminal) -> Result<(), CliError> {
    let partition = arguments.partition;
    let task = ClusterTask::Move {
        partition,
        to: arguments.to.clone(),
    };
    let told = ask(&arguments.node, task)?;
    if arguments.no_wait {
        return terminal.data(&format!("{told:#}\n"));
    }
    let mut looks = 0;
    loop {
        let report = report(ask(&arguments.node, ClusterTask::Status)?)?;
        if let Some(counted_by) = settled(&report, partition, &arguments.to) {
            return terminal.data(&if arguments.node.json {
                let told = serde_json::json!({ "partition": partition, "countedBy": counted_by });
                format!("{told:#}\n")
            } else {
                format!(
                    "partition {partition} is counted by {}\n",
                    counted_by.join(", ")
                )
            });
        }
        looks += 1;
        if looks == LOOKS_MAX {
            let wanted = report.wanted.get(usize::from(partition)).cloned();
            return Err(CliError::failed(format!(
                "partition {partition} is not counted by {} alone yet",
                wanted.unwrap_or_default().join(", ")
            ))
            .hint("it goes on by itself: see `chatmetric cluster status`"));
        }
        std::thread::sleep(LOOK_EVERY);
    }
}

/// Who counts a partition, once those do who should, and the node has heard of the move.
fn settled(report: &ClusterReport, partition: u16, to: &[String]) -> Option<Vec<String>> {
    let heard = report.placed.contains(&partition) != to.is_empty();
    let mut wanted = report.wanted.get(usize::from(partition))?.clone();
    let mut counting: Vec<String> = report
        .members
        .iter()
        .filter(|member| member.follows.contains(&partition))
        .map(|member| member.name.clone())
        .collect();
    wanted.sort_unstable();
    counting.sort_unstable();
    let named = to.iter().all(|name| wanted.contains(name));
    (heard && named && wanted == counting).then_some(counting)
}

/// A line about the node, the partitions with their members, the node's own lag.
fn shown(report: &ClusterReport, terminal: &Terminal) -> String {
    let mut table = TextTable::new(&[
        ("PARTITION", Align::Right),
        ("COUNTED BY", Align::Left),
        ("HERE UP TO", Align::Right),
        ("BEHIND", Align::Right),
    ]);
    for partition in 0..report.partitions {
        let holders: Vec<&str> = report
            .members
            .iter()
            .filter(|member| member.follows.contains(&partition))
            .map(|member| member.name.as_str())
            .collect();
        let own = report.replicas.iter().find(|it| it.partition == partition);
        let behind = own.and_then(|it| it.lag).map(grouped);
        table.row(vec![
            if report.placed.contains(&partition) {
                format!("{partition} (placed)")
            } else {
                partition.to_string()
            },
            if holders.is_empty() {
                "nobody".to_owned()
            } else {
                holders.join(", ")
            },
            own.map(|it| grouped(it.applied)).unwrap_or_default(),
            behind.unwrap_or_default(),
        ]);
    }
    let members: Vec<&str> = report.members.iter().map(|it| it.name.as_str()).collect();
    format!(
        "node {} of {} ({}), {}, directory at change {}\n{}",
        report.node,
        members.len(),
        members.join(", "),
        if report.connected {
            "connected"
        } else {
            "not connected"
        },
        grouped(report.directory_revision),
        terminal.rendered(&table),
    )
}
