//! `chatmetric completions SHELL`.

use super::{CliError, Terminal};
use clap::Args;
use clap_complete::Shell;

#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  chatmetric completions bash > /etc/bash_completion.d/chatmetric"
)]
pub(super) struct CompletionsArguments {
    /// Which shell
    #[arg(value_enum)]
    shell: Shell,
}

pub(super) fn run(arguments: &CompletionsArguments, terminal: &Terminal) -> Result<(), CliError> {
    // Into memory first: the generator panics on a closed pipe.
    let mut script = Vec::new();
    clap_complete::generate(
        arguments.shell,
        &mut super::command_line(),
        "chatmetric",
        &mut script,
    );
    terminal.data(&String::from_utf8_lossy(&script))
}
