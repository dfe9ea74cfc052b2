//! `chatmetric migrate --to-cluster`: the counts of an instance that was alone become those
//! of a new cluster, compared bucket by bucket.
//!
//! Not here: moving them (`chatmetric_cluster::migrate`); accounts, which the first node
//! brings along. Invariant: nothing in the old store changes but what opening and sealing
//! it changes; a cluster that has other counts or accounts is refused.

#[cfg(feature = "nats")]
mod moving;

use clap::Args;
use std::path::PathBuf;

#[derive(Debug, Args)]
#[command(
    after_help = "Stop the server first. The configuration is that of the first node, with its \
`[cluster]`; the logs\nof the cluster must be empty. What was counted is put on the servers, read \
back, and compared\nwith the instance: every quarter-hour of every number, the books, the \
quarantine. Until that is\ndone, nobody answers for it. What was cut off is finished by the same \
command.\nIt takes as much disk again as `<data-dir>/store`, for as long as it runs.\n\nExample:\n  \
chatmetric migrate --to-cluster --config node-a.toml --data-dir ./chatmetric-data"
)]
pub(super) struct MigrateArguments {
    /// Into the cluster of the configuration
    #[arg(long, required = true)]
    to_cluster: bool,
    /// The configuration of the first node
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The data directory of the instance [default: that of the configuration]
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// The file with the master key [default: `<data-dir>.key`]
    #[arg(long, value_name = "FILE", env = "CHATMETRIC_MASTER_KEY_FILE")]
    master_key_file: Option<PathBuf>,
    /// Go on although a power cut could lose what the servers acknowledged
    #[arg(long)]
    allow_weak_durability: bool,
}

#[cfg(feature = "nats")]
pub(super) use moving::run;

#[cfg(not(feature = "nats"))]
pub(super) fn run(_: &MigrateArguments, _: &super::Terminal) -> Result<(), super::CliError> {
    let message = "this program was built without the feature `nats`";
    Err(super::CliError::usage(message))
}
