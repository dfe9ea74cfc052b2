//! `chatmetric verify`: proves that the counts are the sum of the records.

use super::data_dir::OpenMode;
use super::session::{Session, explain_control, explain_refusal};
use super::text_table::grouped;
use super::{CliError, InstanceArguments, Terminal};
use clap::Args;

#[derive(Debug, Args)]
#[command(
    after_help = "Exits with 1 and the first difference when there is one. Works while the \
server runs.\n\nExample:\n  chatmetric verify --data-dir ./chatmetric-data && echo sound"
)]
pub(super) struct VerifyArguments {
    #[command(flatten)]
    instance: InstanceArguments,
}

pub(super) fn run(arguments: &VerifyArguments, terminal: &Terminal) -> Result<(), CliError> {
    let mut session = Session::open(&arguments.instance, OpenMode::Existing, terminal)?;
    let verified = match &mut session {
        Session::Server(client) => client.verify().map_err(|error| explain_control(&error)),
        Session::Own { operator, .. } => operator
            .verify()
            .map_err(|refusal| explain_refusal(&refusal)),
    };
    session.close();
    let verified = verified?;
    terminal.data(&format!(
        "ok: {} day blocks are the sum of {} records; {} files with {} bytes are intact\n",
        grouped(verified.day_blocks),
        grouped(verified.records),
        grouped(verified.files),
        grouped(verified.bytes),
    ))
}
