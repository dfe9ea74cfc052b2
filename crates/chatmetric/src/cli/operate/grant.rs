//! `chatmetric grant`: leave of an ISV for its customers to ask about its spaces.

use super::reach::ReachArguments;
use super::show::{self, Column, OfAccounts};
use crate::cli::text_table::Align;
use crate::cli::{CliError, Terminal};
use crate::operator::{OperatorCall, Verb};
use clap::Subcommand;
use serde_json::json;

const COLUMNS: &[Column] = &[
    ("code", "ISV CODE", Align::Left),
    ("isv", "ISV", Align::Left),
    ("account", "ACCOUNT", Align::Left),
    ("users", "USERS", Align::Left),
    ("spaces", "SPACES", Align::Left),
];

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum GrantCommand {
    /// List the grants
    #[command(after_help = "Example:\n  chatmetric grant list --account 1000000000000001")]
    List(OfAccounts),
    /// Let an account ask about spaces of an ISV; prints the IsvCode
    #[command(
        after_help = "Example:\n  chatmetric grant create --isv 1000000000000001 --account 2000000000000002 \\\n      --space 293483938849493"
    )]
    Create {
        /// The account of the ISV
        #[arg(long, value_name = "ID")]
        isv: String,
        /// Who may ask
        #[arg(long, value_name = "ID")]
        account: String,
        /// About which spaces of the ISV
        #[arg(long = "space", value_name = "ID", required = true)]
        spaces: Vec<String>,
        /// Only these users of the account [default: all]
        #[arg(long = "user", value_name = "NAME")]
        users: Vec<String>,
        #[command(flatten)]
        reach: ReachArguments,
    },
    /// Take a grant back
    #[command(
        after_help = "Example:\n  chatmetric grant delete skdi3kksloslikdkkdk 2000000000000002"
    )]
    Delete {
        /// The IsvCode
        code: String,
        /// Who got it
        #[arg(value_name = "ACCOUNT")]
        account: String,
        #[command(flatten)]
        reach: ReachArguments,
    },
}

pub(in crate::cli) fn run(command: GrantCommand, terminal: &Terminal) -> Result<(), CliError> {
    match command {
        GrantCommand::List(of) => {
            let call = OperatorCall::new(Verb::Get, &["grants"]);
            of.run(call, ("grants", COLUMNS), terminal)
        }
        GrantCommand::Create {
            isv,
            account,
            spaces,
            mut users,
            reach,
        } => {
            if users.is_empty() {
                users.push("*".to_owned());
            }
            let body = json!({ "isv": isv, "account": account, "spaces": spaces, "users": users });
            let call = OperatorCall::new(Verb::Post, &["grants"]).with_body(body);
            show::run_one(&reach, call, terminal)
        }
        GrantCommand::Delete {
            code,
            account,
            reach,
        } => {
            let call = OperatorCall::new(Verb::Delete, &["grants", &code, &account]);
            show::run_one(&reach, call, terminal)
        }
    }
}
