//! `chatmetric space`: customer spaces.

use super::reach::ReachArguments;
use super::show::{self, Column, OfAccounts};
use crate::cli::text_table::Align;
use crate::cli::{CliError, Terminal};
use crate::operator::{OperatorCall, Verb};
use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Value, json};

const COLUMNS: &[Column] = &[
    ("id", "SPACE", Align::Left),
    ("account", "ACCOUNT", Align::Left),
    ("isDefault", "DEFAULT", Align::Left),
    ("timeZone", "TIME ZONE", Align::Left),
    ("unknownNumbers", "UNKNOWN NUMBERS", Align::Left),
    ("numbers", "NUMBERS", Align::Right),
    ("numbersMax", "AT MOST", Align::Right),
];

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum SpaceCommand {
    /// List the spaces
    #[command(after_help = "Example:\n  chatmetric space list --account 1000000000000001")]
    List(OfAccounts),
    /// Make a space
    #[command(
        after_help = "Example:\n  chatmetric space create acme-emea --account 1000000000000001 --time-zone Europe/Berlin"
    )]
    Create {
        /// Its CustSpaceId
        #[arg(value_name = "SPACE")]
        space: String,
        /// Whose it is
        #[arg(long, value_name = "ID")]
        account: String,
        #[command(flatten)]
        values: Values,
        #[command(flatten)]
        reach: ReachArguments,
    },
    /// Change a space
    #[command(
        after_help = "Another time zone cuts other days, also of the past.\n\nExample:\n  chatmetric space update acme-emea --unknown-numbers hold"
    )]
    Update {
        /// Its CustSpaceId
        #[arg(value_name = "SPACE")]
        space: String,
        #[command(flatten)]
        values: Values,
        #[command(flatten)]
        reach: ReachArguments,
    },
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Values {
    /// The IANA zone of its days
    #[arg(long, value_name = "ZONE")]
    time_zone: Option<String>,
    /// What becomes of events of numbers that nobody has
    #[arg(long, value_enum, value_name = "POLICY")]
    unknown_numbers: Option<Policy>,
    /// Most numbers that `auto` binds
    #[arg(long, value_name = "N")]
    numbers_max: Option<u32>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Policy {
    /// The number is bound to the space
    Auto,
    /// They wait until the number is claimed
    Hold,
}

impl Values {
    fn json(&self) -> Value {
        let policy = self.unknown_numbers.map(|policy| match policy {
            Policy::Auto => "auto",
            Policy::Hold => "hold",
        });
        json!({
            "timeZone": self.time_zone,
            "unknownNumbers": policy,
            "numbersMax": self.numbers_max,
        })
    }
}

pub(in crate::cli) fn run(command: SpaceCommand, terminal: &Terminal) -> Result<(), CliError> {
    match command {
        SpaceCommand::List(of) => {
            let call = OperatorCall::new(Verb::Get, &["spaces"]);
            of.run(call, ("spaces", COLUMNS), terminal)
        }
        SpaceCommand::Create {
            space,
            account,
            values,
            reach,
        } => {
            let mut body = values.json();
            if let Some(members) = body.as_object_mut() {
                members.insert("id".to_owned(), space.into());
                members.insert("account".to_owned(), account.into());
            }
            let call = OperatorCall::new(Verb::Post, &["spaces"]).with_body(body);
            show::run_one(&reach, call, terminal)
        }
        SpaceCommand::Update {
            space,
            values,
            reach,
        } => {
            let call = OperatorCall::new(Verb::Patch, &["spaces", &space]);
            show::run_one(&reach, call.with_body(values.json()), terminal)
        }
    }
}
