//! `chatmetric directory export`: the directory as a document. Its other command
//! is in `directory_log`.

use super::data_dir::OpenMode;
use super::directory_log::{self, LogArguments};
use super::session::{Session, explain_control, explain_refusal};
use super::{CliError, InstanceArguments, Terminal};
use crate::directory::Format;
use clap::{Args, Subcommand, ValueEnum};

#[derive(Debug, Subcommand)]
pub(super) enum DirectoryCommand {
    /// Print the directory as a document that `apply` reads
    Export(ExportArguments),
    /// Print who changed what in the directory, and when
    Log(LogArguments),
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  chatmetric directory export > directory.toml\n  chatmetric \
directory export -o json | jq '.account[].space[].numbers'"
)]
pub(super) struct ExportArguments {
    #[command(flatten)]
    instance: InstanceArguments,
    /// How to print
    #[arg(short, long, value_enum, value_name = "FORMAT", default_value = "toml")]
    output: DocumentFormat,
    /// With the secrets in clear: whoever reads the output can sign
    #[arg(long)]
    with_secrets: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum DocumentFormat {
    /// As in the manual
    Toml,
    /// With the same names
    Json,
}

pub(super) fn run(command: DirectoryCommand, terminal: &Terminal) -> Result<(), CliError> {
    match command {
        DirectoryCommand::Export(arguments) => export(&arguments, terminal),
        DirectoryCommand::Log(arguments) => directory_log::run(&arguments, terminal),
    }
}

fn export(arguments: &ExportArguments, terminal: &Terminal) -> Result<(), CliError> {
    let format = match arguments.output {
        DocumentFormat::Toml => Format::Toml,
        DocumentFormat::Json => Format::Json,
    };
    let mut session = Session::open(&arguments.instance, OpenMode::Existing, terminal)?;
    let text = match &mut session {
        Session::Server(client) => client
            .export(format, arguments.with_secrets)
            .map_err(|error| explain_control(&error)),
        Session::Own { operator, .. } => operator
            .export(format, arguments.with_secrets)
            .map_err(|refusal| explain_refusal(&refusal)),
    };
    session.close();
    let mut text = text?;
    if !text.ends_with('\n') {
        text.push('\n');
    }
    terminal.data(&text)
}
