//! `chatmetric account`: customers, and the keys of their owners.

use super::reach::ReachArguments;
use super::show::{self, Column, ListOutput};
use crate::cli::text_table::Align;
use crate::cli::{CliError, Terminal};
use crate::operator::{OperatorCall, Verb};
use clap::{Args, Subcommand};
use serde_json::{Value, json};

const COLUMNS: &[Column] = &[
    ("id", "ACCOUNT", Align::Left),
    ("name", "NAME", Align::Left),
    ("subscribed", "SUBSCRIBED", Align::Left),
    ("spaces", "SPACES", Align::Right),
    ("numbers", "NUMBERS", Align::Right),
    ("users", "USERS", Align::Right),
    ("callsPerSecond", "CALLS/S", Align::Right),
];
const KEY_COLUMNS: &[Column] = &[
    ("id", "KEY", Align::Left),
    ("status", "STATUS", Align::Left),
];

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum AccountCommand {
    /// List the accounts
    #[command(after_help = "Example:\n  chatmetric account list -o csv > accounts.csv")]
    List {
        #[command(flatten)]
        output: ListOutput,
        #[command(flatten)]
        reach: ReachArguments,
    },
    /// Make an account with a default space and a key of its owner
    #[command(
        after_help = "The secret of the key is printed once.\n\nExample:\n  chatmetric account create \"Acme Ltd\""
    )]
    Create {
        /// Its name
        name: String,
        /// Its id [default: drawn]
        #[arg(long, value_name = "ID")]
        id: Option<String>,
        #[command(flatten)]
        reach: ReachArguments,
    },
    /// Rename or throttle an account
    #[command(
        after_help = "Example:\n  chatmetric account update 1000000000000001 --calls-per-second 20"
    )]
    Update {
        #[command(flatten)]
        of: Of,
        /// Another name
        #[arg(
            long,
            value_name = "NAME",
            required_unless_present = "calls_per_second"
        )]
        name: Option<String>,
        /// Calls a second of GetChatappPhoneNumberMetric; 0 is the server's setting
        #[arg(long, value_name = "N")]
        calls_per_second: Option<u32>,
    },
    /// Answer calls of an account with Product.Unsubscript; its events still count
    #[command(after_help = "Example:\n  chatmetric account suspend 1000000000000001")]
    Suspend(Of),
    /// End a suspension
    #[command(after_help = "Example:\n  chatmetric account resume 1000000000000001")]
    Resume(Of),
    /// List the keys of an account's owner
    #[command(after_help = "Example:\n  chatmetric account keys 1000000000000001")]
    Keys {
        #[command(flatten)]
        of: Of,
        #[command(flatten)]
        output: ListOutput,
    },
    /// Make another key of the owner; the one before works until it is disabled or deleted
    #[command(
        after_help = "The secret is printed once. An owner has at most two keys.\n\nExample:\n  chatmetric account rotate 1000000000000001"
    )]
    Rotate(Of),
    /// Switch a key of the owner off
    #[command(
        after_help = "Example:\n  chatmetric account disable-key 1000000000000001 LTAIexample"
    )]
    DisableKey(OfKey),
    /// Switch a key of the owner on
    #[command(
        after_help = "Example:\n  chatmetric account enable-key 1000000000000001 LTAIexample"
    )]
    EnableKey(OfKey),
    /// Delete a key of the owner
    #[command(
        after_help = "Example:\n  chatmetric account delete-key 1000000000000001 LTAIexample"
    )]
    DeleteKey(OfKey),
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Of {
    /// The account's id
    #[arg(value_name = "ACCOUNT")]
    account: String,
    #[command(flatten)]
    reach: ReachArguments,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct OfKey {
    #[command(flatten)]
    of: Of,
    /// The AccessKeyId
    #[arg(value_name = "KEY")]
    key: String,
}

impl Of {
    fn call(&self, verb: Verb, more: &[&str]) -> OperatorCall {
        let path: Vec<&str> = ["accounts", &self.account]
            .into_iter()
            .chain(more.iter().copied())
            .collect();
        OperatorCall::new(verb, &path)
    }

    fn change(self, body: Value) -> (OperatorCall, ReachArguments) {
        (self.call(Verb::Patch, &[]).with_body(body), self.reach)
    }
}

impl OfKey {
    fn call(self, verb: Verb, body: Value) -> (OperatorCall, ReachArguments) {
        let call = self.of.call(verb, &["access-keys", &self.key]);
        (call.with_body(body), self.of.reach)
    }
}

pub(in crate::cli) fn run(command: AccountCommand, terminal: &Terminal) -> Result<(), CliError> {
    let (call, reach) = match command {
        AccountCommand::List { output, reach } => {
            let call = OperatorCall::new(Verb::Get, &["accounts"]);
            return show::run_list(&reach, &call, ("accounts", COLUMNS), &output, terminal);
        }
        AccountCommand::Keys { of, output } => {
            let call = of.call(Verb::Get, &["access-keys"]);
            let listed = ("accessKeys", KEY_COLUMNS);
            return show::run_list(&of.reach, &call, listed, &output, terminal);
        }
        AccountCommand::Create { name, id, reach } => {
            let call = OperatorCall::new(Verb::Post, &["accounts"]);
            (call.with_body(json!({ "id": id, "name": name })), reach)
        }
        AccountCommand::Update {
            of,
            name,
            calls_per_second,
        } => of.change(json!({ "name": name, "callsPerSecond": calls_per_second })),
        AccountCommand::Suspend(of) => of.change(json!({ "subscribed": false })),
        AccountCommand::Resume(of) => of.change(json!({ "subscribed": true })),
        AccountCommand::Rotate(of) => {
            let call = of.call(Verb::Post, &["access-keys"]);
            (call.with_body(json!({})), of.reach)
        }
        AccountCommand::DisableKey(key) => key.call(Verb::Patch, json!({ "status": "Inactive" })),
        AccountCommand::EnableKey(key) => key.call(Verb::Patch, json!({ "status": "Active" })),
        AccountCommand::DeleteKey(key) => key.call(Verb::Delete, Value::Null),
    };
    show::run_one(&reach, call, terminal)
}
