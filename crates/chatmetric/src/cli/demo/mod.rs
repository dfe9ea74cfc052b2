//! placeholder
use super::{CliError, Terminal};
#[derive(Debug, clap::Args)]
pub(super) struct DemoArguments {}
pub(super) fn run(_arguments: DemoArguments, _terminal: &Terminal) -> Result<(), CliError> { Ok(()) }
