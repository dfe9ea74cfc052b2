//! `chatmetric man DIR`: manual pages of the program and of every command.

use super::{CliError, Terminal};
use clap::Args;
use std::path::PathBuf;

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  chatmetric man /usr/local/share/man/man1")]
pub(super) struct ManArguments {
    /// Where the pages go; it is made if it is not there
    #[arg(value_name = "DIR")]
    directory: PathBuf,
}

pub(super) fn run(arguments: &ManArguments, terminal: &Terminal) -> Result<(), CliError> {
    let directory = &arguments.directory;
    std::fs::create_dir_all(directory)
        .and_then(|()| clap_mangen::generate_to(super::command_line(), directory))
        .map_err(|error| {
            let shown = directory.display();
            CliError::failed(format!(
                "could not write manual pages to `{shown}`: {error}"
            ))
        })?;
    terminal.say(&format!(
        "manual pages are in `{0}`; read one: man -l {0}/chatmetric.1",
        directory.display()
    ));
    Ok(())
}
