//! `chatmetric restore`: an instance from a backup, verified before it has its name.

use super::backup::{BackupOutput, Bar, explain, json, key_place, positions};
use super::data_dir::visiting_options;
use super::text_table::grouped;
use super::{CliError, Terminal};
use crate::backup::{Restored, WantedRestore, restore};
use crate::entropy::{Entropy, SystemEntropy};
use clap::Args;
use serde_json::json;
use std::path::PathBuf;
use std::sync::Arc;

#[derive(Debug, Args)]
#[command(
    after_help = "Every file is compared with the backup's manifest, then the counts are \
recomputed from the\nrecords, as `chatmetric verify` does. The data directory gets its name at the \
end: it must not\nexist, or be empty.\nThe instance needs the master key of the one that was backed \
up. Where it is there already, it\nis tried; a wrong one is refused.\n\nExamples:\n  chatmetric \
restore /mnt/backups/chatmetric --data-dir ./restored\n  chatmetric restore /mnt/backups/chatmetric \
--at 000012-20260131T030000Z --data-dir ./restored"
)]
pub(super) struct RestoreArguments {
    /// The directory with the backups
    #[arg(value_name = "SRC")]
    source: PathBuf,
    /// The data directory to make
    #[arg(long, value_name = "DIR", env = "CHATMETRIC_STORE_DATA_DIR")]
    data_dir: PathBuf,
    /// The backup, as `chatmetric backup SRC --list` names it [default: the newest]
    #[arg(long, value_name = "ID")]
    at: Option<String>,
    /// The file with the master key [default: `<data-dir>.key`, if it is there]
    #[arg(long, value_name = "FILE", env = "CHATMETRIC_MASTER_KEY_FILE")]
    master_key_file: Option<PathBuf>,
    /// The form of the output: table or json [default: table on a terminal, else json]
    #[arg(
        short,
        long,
        value_enum,
        value_name = "FORMAT",
        hide_possible_values = true
    )]
    output: Option<BackupOutput>,
}

pub(super) fn run(arguments: &RestoreArguments, terminal: &Terminal) -> Result<(), CliError> {
    let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy);
    let bar = Bar::new(terminal);
    let wanted = WantedRestore {
        source: &arguments.source,
        at: arguments.at.as_deref(),
        data_dir: &arguments.data_dir,
        master_key_file: arguments.master_key_file.as_deref(),
        store: visiting_options(),
    };
    let restored = restore(wanted, &entropy, &mut |progress| {
        bar.show(progress);
        true
    });
    bar.finish();
    let restored = restored.map_err(|error| explain(&error))?;
    let output = BackupOutput::or_default(arguments.output, terminal);
    terminal.data(&render(&restored, output)?)?;
    if restored.key_path.is_none() {
        terminal.warn(&format!(
            "there is no master key at `{}`; nothing can be read without key {}: put it there \
             before you start the server",
            key_place(&arguments.data_dir),
            restored.master_key_id
        ));
    }
    Ok(())
}

fn render(restored: &Restored, output: BackupOutput) -> Result<String, CliError> {
    let verified = &restored.verified;
    match output {
        BackupOutput::Table => Ok(format!(
            "restored {} of {}: {} files, {} bytes; position {}\n\
             ok: {} day blocks are the sum of {} records; {} files with {} bytes are intact\n",
            restored.id,
            restored.created_at,
            grouped(restored.files),
            grouped(restored.bytes),
            positions(&restored.positions),
            grouped(verified.day_blocks),
            grouped(verified.records),
            grouped(verified.files),
            grouped(verified.bytes),
        )),
        BackupOutput::Json => json(&json!({
            "id": restored.id,
            "created_at": restored.created_at,
            "positions": restored.positions,
            "files": restored.files,
            "bytes": restored.bytes,
            "master_key_id": restored.master_key_id,
            "master_key_checked": restored.key_path.is_some(),
            "verified": {
                "day_blocks": verified.day_blocks,
                "records": verified.records,
                "files": verified.files,
                "bytes": verified.bytes,
            },
        })),
    }
}
