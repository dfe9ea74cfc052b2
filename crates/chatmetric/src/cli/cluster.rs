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

pub(super) fn run(command: &ClusterCommand, terminal: &Terminal) -> Result<(), CliError> {
    let (task, arguments) = match command {
        #[cfg(feature = "nats")]
        ClusterCommand::Plan(arguments) => return cluster_plan::run(arguments, terminal),
        ClusterCommand::Status(arguments) => (ClusterTask::Status, arguments),
        ClusterCommand::Audit(arguments) => (ClusterTask::Audit, arguments),
        ClusterCommand::Snapshot(arguments) => (ClusterTask::Snapshot, arguments),
    };
    let client = ControlClient::connect(&arguments.data_dir);
    let mut client = client.ok_or_else(|| {
        CliError::failed(format!(
            "no node runs on the data directory `{}`",
            arguments.data_dir.display()
        ))
        .hint("name the one of a running node with `--data-dir`")
    })?;
    let told = client
        .cluster(task)
        .map_err(|error| explain_control(&error))?;
    if arguments.json || task != ClusterTask::Status {
        return terminal.data(&format!("{told:#}\n"));
    }
    let report: ClusterReport = serde_json::from_value(told)
        .map_err(|error| CliError::failed(format!("the node answers oddly: {error}")))?;
    terminal.data(&shown(&report, terminal))
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
            partition.to_string(),
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
