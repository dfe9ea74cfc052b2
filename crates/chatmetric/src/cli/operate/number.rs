//! `chatmetric number`: numbers of spaces, bound, moved, released.

use super::reach::ReachArguments;
use super::show::{self, Column, ListOutput, OfAccounts};
use crate::cli::text_table::Align;
use crate::cli::{CliError, Terminal};
use crate::operator::{OperatorCall, Verb};
use clap::Subcommand;
use serde_json::{Value, json};

const COLUMNS: &[Column] = &[
    ("number", "NUMBER", Align::Left),
    ("space", "SPACE", Align::Left),
    ("account", "ACCOUNT", Align::Left),
    ("source", "SOURCE", Align::Left),
    ("sinceMs", "SINCE (UTC)", Align::Left),
];
const OUTCOME_COLUMNS: &[Column] = &[
    ("number", "NUMBER", Align::Left),
    ("outcome", "OUTCOME", Align::Left),
    ("space", "SPACE", Align::Left),
];

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum NumberCommand {
    /// List the numbers that spaces have
    #[command(after_help = "Example:\n  chatmetric number list --space 293483938849493")]
    List {
        /// Of this space
        #[arg(long, value_name = "ID")]
        space: Option<String>,
        #[command(flatten)]
        of: OfAccounts,
    },
    /// Bind numbers that nobody has to a space; events that waited for them count at once
    #[command(
        after_help = "Example:\n  chatmetric number bind 15550100101 15550100102 --space 293483938849493"
    )]
    Bind {
        /// The numbers
        #[arg(value_name = "NUMBER", required = true)]
        numbers: Vec<String>,
        /// The space
        #[arg(long, value_name = "ID")]
        space: String,
        #[command(flatten)]
        output: ListOutput,
        #[command(flatten)]
        reach: ReachArguments,
    },
    /// Move a number to another space; what was counted stays where it was
    #[command(
        after_help = "Messages that were seen before go on in the space that saw them: nothing is counted again.\n\nExample:\n  chatmetric number move 15550100101 --to acme-emea"
    )]
    Move {
        /// The number
        number: String,
        /// The CustSpaceId of the other space, of whatever account
        #[arg(long, value_name = "SPACE")]
        to: String,
        #[command(flatten)]
        reach: ReachArguments,
    },
    /// Take a number from its space; its counts stay there
    #[command(after_help = "Example:\n  chatmetric number release 15550100101")]
    Release {
        /// The number
        number: String,
        #[command(flatten)]
        reach: ReachArguments,
    },
}

pub(in crate::cli) fn run(command: NumberCommand, terminal: &Terminal) -> Result<(), CliError> {
    match command {
        NumberCommand::List { space, of } => {
            let call = OperatorCall::new(Verb::Get, &["numbers"]);
            let call = call.with_query("space", space.as_deref());
            of.run(call, ("numbers", COLUMNS), terminal)
        }
        NumberCommand::Bind {
            numbers,
            space,
            output,
            reach,
        } => {
            let body = json!({ "space": space, "numbers": numbers });
            let call = OperatorCall::new(Verb::Post, &["numbers"]).with_body(body);
            let mut value = show::ask(&reach, call, terminal)?;
            let results = show::rows_of(&mut value, "results");
            show::print(&results, OUTCOME_COLUMNS, output.format(terminal), terminal)?;
            let is_bound = |result: &&Value| {
                let outcome = result.get("outcome").and_then(Value::as_str);
                matches!(outcome, Some("bound" | "alreadyBound"))
            };
            let left = results.len() - results.iter().filter(is_bound).count();
            if left > 0 {
                return Err(
                    CliError::failed(format!("{left} of the numbers were not bound"))
                        .hint("`chatmetric number move` takes a number from another space"),
                );
            }
            Ok(())
        }
        NumberCommand::Move { number, to, reach } => {
            let call = OperatorCall::new(Verb::Patch, &["numbers", &number]);
            show::run_one(&reach, call.with_body(json!({ "space": to })), terminal)
        }
        NumberCommand::Release { number, reach } => {
            let call = OperatorCall::new(Verb::Delete, &["numbers", &number]);
            show::run_one(&reach, call, terminal)
        }
    }
}
