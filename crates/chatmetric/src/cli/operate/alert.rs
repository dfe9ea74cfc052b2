//! `chatmetric alerts`: what the watch found, and that somebody has taken notice.

use super::reach::ReachArguments;
use super::show::{self, Column, OfAccounts};
use crate::cli::text_table::Align;
use crate::cli::{CliError, Terminal};
use crate::operator::{OperatorCall, Verb};
use clap::Subcommand;
use serde_json::json;

const COLUMNS: &[Column] = &[
    ("id", "ALERT", Align::Right),
    ("state", "STATE", Align::Left),
    ("rule", "RULE", Align::Left),
    ("account", "ACCOUNT", Align::Left),
    ("subject", "SUBJECT", Align::Left),
    ("firedMs", "FIRED (UTC)", Align::Left),
    ("acknowledgedBy", "ACKNOWLEDGED BY", Align::Left),
    ("note", "NOTE", Align::Left),
    ("summary", "SUMMARY", Align::Left),
];

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum AlertCommand {
    /// List alerts, the newest first
    #[command(after_help = "Example:\n  chatmetric alerts list --state open")]
    List {
        /// In this state alone
        #[arg(long, value_name = "STATE", value_parser = ["open", "acknowledged", "resolved"])]
        state: Option<String>,
        #[command(flatten)]
        of: OfAccounts,
    },
    /// Say that somebody has taken notice of an alert; it is in the audit log
    #[command(
        after_help = "Again is a new note. The alert goes on until it is over by itself.\n\nExample:\n  chatmetric alerts acknowledge 17 --note \"the provider is at it\""
    )]
    Acknowledge {
        /// Its number
        #[arg(value_name = "ALERT")]
        id: u32,
        /// Why, or what is done about it
        #[arg(long, value_name = "TEXT")]
        note: Option<String>,
        #[command(flatten)]
        reach: ReachArguments,
    },
}

pub(in crate::cli) fn run(command: AlertCommand, terminal: &Terminal) -> Result<(), CliError> {
    match command {
        AlertCommand::List { state, of } => {
            let call = OperatorCall::new(Verb::Get, &["alerts"]);
            let call = call.with_query("state", state.as_deref());
            of.run(call, ("alerts", COLUMNS), terminal)
        }
        AlertCommand::Acknowledge { id, note, reach } => {
            let path = ["alerts", &id.to_string(), "acknowledge"];
            let call = OperatorCall::new(Verb::Post, &path);
            show::run_one(&reach, call.with_body(json!({ "note": note })), terminal)
        }
    }
}
