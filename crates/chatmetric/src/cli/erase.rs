//! `chatmetric erase`: takes out what is kept of a message or a recipient.

use super::operate::{self, ReachArguments, secret_of};
use super::text_table::grouped;
use super::{CliError, Terminal};
use crate::operator::{OperatorCall, Verb};
use clap::Args;
use serde_json::{Value, json};
use std::path::PathBuf;

#[derive(Debug, Args)]
#[command(
    group(clap::ArgGroup::new("what").required(true).multiple(false)),
    after_help = "Recipients are kept nowhere but in sealed bodies that could not be read; those go. Of a\nmessage that was counted a keyed hash is kept until its week is dropped: it cannot be turned\nback into an id, and without it the message would be counted again. Counts stay.\n\nWhat is asked for is read from a file or stdin, because other users of a machine can see\narguments.\n\nExamples:\n  printf 16505551234 | chatmetric erase --recipient - --dry-run\n  chatmetric erase --message-id id.txt"
)]
pub(super) struct EraseArguments {
    /// The file with a message id; `-` is stdin
    #[arg(long, value_name = "FILE", group = "what")]
    message_id: Option<PathBuf>,
    /// The file with a recipient's phone number; `-` is stdin
    #[arg(long, value_name = "FILE", group = "what")]
    recipient: Option<PathBuf>,
    /// In this account alone
    #[arg(long, value_name = "ID")]
    account: Option<String>,
    /// Only tell what would go
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    reach: ReachArguments,
}

pub(super) fn run(arguments: &EraseArguments, terminal: &Terminal) -> Result<(), CliError> {
    let read = |file: &Option<PathBuf>, flag: &str| {
        let read = file.as_deref().map(|file| secret_of(file, flag));
        read.transpose()
    };
    let body = json!({
        "messageId": read(&arguments.message_id, "--message-id")?,
        "recipient": read(&arguments.recipient, "--recipient")?,
        "account": arguments.account,
        "dryRun": arguments.dry_run,
    });
    let call = OperatorCall::new(Verb::Post, &["erase"]).with_body(body);
    let told = operate::ask(&arguments.reach, call, terminal)?;
    let count = |name: &str| told.get(name).and_then(Value::as_u64).unwrap_or(0);
    let verb = if arguments.dry_run {
        "would go"
    } else {
        "went"
    };
    terminal.say(&format!(
        "sealed bodies: {} looked at, {} {verb}; counts stay",
        grouped(count("bodies")),
        grouped(count("found"))
    ));
    if count("unreadable") > 0 {
        terminal.warn(&format!(
            "{} bodies could not be opened, so they stay until they age out",
            grouped(count("unreadable"))
        ));
    }
    let text = serde_json::to_string_pretty(&told);
    let text = text.map_err(|error| CliError::failed(error.to_string()))?;
    terminal.data(&format!("{text}\n"))
}
