//! The command line: raw arguments → validated arguments → one file per command.
//!
//! Data goes to stdout, everything else to stderr. Exit codes: 0 done, 1 the
//! request failed or was refused, 2 usage or configuration. Not here: any rule
//! of counting, of the protocol or of the directory.

mod admin;
mod api_access;
mod apply;
mod backup;
mod chart;
mod cluster;
#[cfg(feature = "nats")]
mod cluster_plan;
mod completions;
mod conformance;
mod data_dir;
pub(crate) mod demo;
mod directory;
mod directory_log;
mod doctor;
mod erase;
mod error;
mod export;
mod import;
mod junit;
mod man;
mod memory_limit;
mod migrate;
mod operate;
mod operator_token;
mod output;
mod policy;
mod profile;
mod query;
mod reconcile;
mod restore;
mod rotate_master_key;
mod serve;
mod service_manager;
mod session;
mod sign;
mod sign_text;
mod stop;
mod terminal;
mod text_table;
mod time_argument;
mod verify;

use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::LazyLock;

pub(crate) use data_dir::STORE_DIR;
pub use data_dir::{DataDirError, Instance, OpenMode};
pub(crate) use error::chain as error_chain;
pub use error::{CliError, Exit};
pub use terminal::{ColorChoice, Terminal};

/// Where the data is when nothing else is said.
pub const DATA_DIR_DEFAULT: &str = "./chatmetric-data";

/// Exact message counts of WhatsApp numbers, served as GetChatappPhoneNumberMetric.
#[derive(Debug, Parser)]
#[command(
    name = "chatmetric",
    version,
    long_version = LONG_VERSION.as_str(),
    max_term_width = 100,
    after_help = "Start here:\n  chatmetric demo          a throw-away instance with 35 days of traffic\n  chatmetric serve         the server, data in ./chatmetric-data"
)]
struct Arguments {
    #[command(flatten)]
    global: GlobalArguments,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Global options")]
struct GlobalArguments {
    /// Colours: auto (on a terminal, unless NO_COLOR is set), always or never
    #[arg(
        long,
        global = true,
        value_enum,
        default_value = "auto",
        value_name = "WHEN",
        hide_possible_values = true,
        hide_default_value = true
    )]
    color: ColorChoice,
    /// Print only data and errors
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    quiet: bool,
    /// Print more (twice: even more)
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    verbose: u8,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// A throw-away instance with 35 days of realistic traffic, then live traffic
    Demo(demo::DemoArguments),
    /// Run the server
    Serve(serve::ServeArguments),
    /// Bring the directory (accounts, keys, spaces, numbers, webhooks) to what a document says
    Apply(apply::ApplyArguments),
    /// Look at the directory
    #[command(
        subcommand,
        after_help = "Example:\n  chatmetric directory export > directory.toml"
    )]
    Directory(directory::DirectoryCommand),
    /// Ask the API for message counts, signed as any SDK would
    Query(query::QueryArguments),
    /// Tell what made a count: its sources, and what came later
    Explain(operate::ExplainArguments),
    /// Compare our counts with the provider's own
    Reconcile(reconcile::ReconcileArguments),
    /// Accounts of customers, and the keys of their owners
    #[command(subcommand, after_help = "Example:\n  chatmetric account list")]
    Account(operate::AccountCommand),
    /// Customer spaces
    #[command(subcommand, after_help = "Example:\n  chatmetric space list")]
    Space(operate::SpaceCommand),
    /// Grants of ISVs
    #[command(subcommand, after_help = "Example:\n  chatmetric grant list")]
    Grant(operate::GrantCommand),
    /// Numbers of spaces
    #[command(subcommand, after_help = "Example:\n  chatmetric number list")]
    Number(operate::NumberCommand),
    /// Webhooks
    #[command(subcommand, after_help = "Example:\n  chatmetric webhook list")]
    Webhook(operate::WebhookCommand),
    /// What the server noticed by itself: delivery rates, silent sources, the disk
    #[command(
        subcommand,
        after_help = "Example:\n  chatmetric alerts list --state open"
    )]
    Alerts(operate::AlertCommand),
    /// What every customer counted, for invoices
    Usage(operate::UsageArguments),
    /// Load events from files
    Import(import::ImportArguments),
    /// Write the counts of a space to a file
    Export(export::ExportArguments),
    /// Check every checksum and recompute the counts from the records
    Verify(verify::VerifyArguments),
    /// Look after a cluster of nodes
    #[command(subcommand, after_help = "Example:\n  chatmetric cluster status")]
    Cluster(cluster::ClusterCommand),
    /// Move the counts of a stopped instance into a new cluster
    Migrate(migrate::MigrateArguments),
    /// Make a backup of an instance, while its server runs or not
    Backup(backup::BackupArguments),
    /// Make an instance from a backup
    Restore(restore::RestoreArguments),
    /// Look at signatures
    #[command(
        subcommand,
        after_help = "Example:\n  chatmetric sign explain request.txt"
    )]
    Sign(sign::SignCommand),
    /// Run the compatibility cases at any endpoint
    Conformance(conformance::ConformanceArguments),
    /// The operator's rescue commands
    #[command(
        subcommand,
        after_help = "Example:\n  chatmetric admin setup-token alice"
    )]
    Admin(admin::AdminCommand),
    /// Take out what is kept of a message or a recipient
    Erase(erase::EraseArguments),
    /// Try policies out
    #[command(
        subcommand,
        after_help = "Example:\n  chatmetric policy simulate --user reader --action cams:GetChatappPhoneNumberMetric"
    )]
    Policy(policy::PolicyCommand),
    /// Look whether the machine and the configuration are fit
    Doctor(doctor::DoctorArguments),
    /// Write manual pages
    Man(man::ManArguments),
    /// Print a completion script for a shell
    Completions(completions::CompletionsArguments),
}

/// Which instance a command works on.
#[derive(Debug, Clone, Args)]
pub(crate) struct InstanceArguments {
    /// The data directory
    #[arg(long, value_name = "DIR", env = "CHATMETRIC_STORE_DATA_DIR", default_value = DATA_DIR_DEFAULT)]
    pub(crate) data_dir: PathBuf,
    /// The file with the master key [default: `<data-dir>.key`]
    #[arg(long, value_name = "FILE", env = "CHATMETRIC_MASTER_KEY_FILE")]
    pub(crate) master_key_file: Option<PathBuf>,
}

/// Runs the program with the arguments and the environment of the process.
#[must_use]
pub fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and version are data and go to stdout; clap decides which.
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { 2 } else { 0 });
        }
    };
    let global = &arguments.global;
    let terminal = Terminal::of_process(global.color, global.quiet, global.verbose);
    match run(arguments.command, &terminal) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            terminal.print_error(&error);
            error.exit().into()
        }
    }
}

fn run(command: Command, terminal: &Terminal) -> Result<(), CliError> {
    match command {
        Command::Demo(arguments) => demo::run(arguments, terminal),
        Command::Serve(arguments) => serve::run(arguments, terminal),
        Command::Apply(arguments) => apply::run(arguments, terminal),
        Command::Directory(command) => directory::run(command, terminal),
        Command::Query(arguments) => query::run(arguments, terminal),
        Command::Explain(arguments) => operate::run_explain(&arguments, terminal),
        Command::Reconcile(arguments) => reconcile::run(arguments, terminal),
        Command::Account(command) => operate::run_account(command, terminal),
        Command::Space(command) => operate::run_space(command, terminal),
        Command::Grant(command) => operate::run_grant(command, terminal),
        Command::Number(command) => operate::run_number(command, terminal),
        Command::Webhook(command) => operate::run_webhook(command, terminal),
        Command::Alerts(command) => operate::run_alert(command, terminal),
        Command::Usage(arguments) => operate::run_usage(&arguments, terminal),
        Command::Import(arguments) => import::run(arguments, terminal),
        Command::Export(arguments) => export::run(&arguments, terminal),
        Command::Verify(arguments) => verify::run(&arguments, terminal),
        Command::Cluster(command) => cluster::run(&command, terminal),
        Command::Migrate(arguments) => migrate::run(&arguments, terminal),
        Command::Backup(arguments) => backup::run(&arguments, terminal),
        Command::Restore(arguments) => restore::run(&arguments, terminal),
        Command::Sign(command) => sign::run(command, terminal),
        Command::Conformance(arguments) => conformance::run(arguments, terminal),
        Command::Admin(command) => admin::run(command, terminal),
        Command::Erase(arguments) => erase::run(&arguments, terminal),
        Command::Policy(command) => policy::run(command, terminal),
        Command::Doctor(arguments) => doctor::run(&arguments, terminal),
        Command::Man(arguments) => man::run(&arguments, terminal),
        Command::Completions(arguments) => completions::run(&arguments, terminal),
    }
}

/// The whole command line, for completions and manual pages.
fn command_line() -> clap::Command {
    <Arguments as clap::CommandFactory>::command()
}

/// The version of the program, and of the time zones that cut its days.
static LONG_VERSION: LazyLock<String> = LazyLock::new(|| {
    format!(
        "{}\ntime zones: IANA {}",
        env!("CARGO_PKG_VERSION"),
        chatmetric_core::time::zone_database_version()
    )
});

#[cfg(test)]
mod tests {
    use super::*;

    fn check_example(command: &clap::Command, path: &str) {
        let path = format!("{path} {}", command.get_name());
        let help = command.get_after_help().map(ToString::to_string);
        let help = help.unwrap_or_default();
        assert!(
            help.contains(&path[1..]),
            "no example below `{path} --help`"
        );
        for below in command.get_subcommands() {
            check_example(below, &path);
        }
    }

    #[test]
    fn the_help_of_every_command_and_subcommand_has_an_example() {
        check_example(&command_line(), "");
    }
}
