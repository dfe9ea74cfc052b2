//! `chatmetric admin operator-token`: keys to the operator API over HTTP.

use super::data_dir::OpenMode;
use super::operate::{self, ListOutput};
use super::session::{Session, explain_control, explain_refusal};
use super::text_table::Align;
use super::{CliError, InstanceArguments, Terminal};
use crate::control::{TOKEN_DAYS_MAX, TokenTask, TokenTaskDone};
use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub(super) enum OperatorTokenCommand {
    /// Make a token; it is printed once
    #[command(
        after_help = "Whoever holds it acts as the operator on every account, at /operator/v1/ of the server.\n\nExamples:\n  chatmetric admin operator-token create ci --days 90 > token.txt\n  chatmetric admin operator-token create billing --read-only"
    )]
    Create {
        /// Its name, in the audit log of what it changes
        name: String,
        /// It may look and not change anything
        #[arg(long)]
        read_only: bool,
        /// After how many days it is over [default: never]
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=i64::from(TOKEN_DAYS_MAX)))]
        days: Option<u32>,
        #[command(flatten)]
        instance: InstanceArguments,
    },
    /// List the tokens
    #[command(after_help = "Example:\n  chatmetric admin operator-token list")]
    List {
        #[command(flatten)]
        output: ListOutput,
        #[command(flatten)]
        instance: InstanceArguments,
    },
    /// End a token at once
    #[command(after_help = "Example:\n  chatmetric admin operator-token revoke ci")]
    Revoke {
        /// Its name
        name: String,
        #[command(flatten)]
        instance: InstanceArguments,
    },
}

pub(super) fn run(command: OperatorTokenCommand, terminal: &Terminal) -> Result<(), CliError> {
    match command {
        OperatorTokenCommand::Create {
            name,
            read_only,
            days,
            instance,
        } => {
            let task = TokenTask::Create {
                name,
                read_only,
                days,
            };
            let done = ask(&instance, task, terminal)?;
            terminal.data(&format!("{}\n", done.token.unwrap_or_default()))
        }
        OperatorTokenCommand::List { output, instance } => {
            let done = ask(&instance, TokenTask::List {}, terminal)?;
            let rows: Result<Vec<_>, _> = done.tokens.iter().map(serde_json::to_value).collect();
            let rows = rows.map_err(|error| CliError::failed(error.to_string()))?;
            let columns = &[
                ("name", "TOKEN", Align::Left),
                ("scope", "SCOPE", Align::Left),
                ("createdMs", "MADE (UTC)", Align::Left),
                ("expiresMs", "ENDS (UTC)", Align::Left),
            ];
            operate::print(&rows, columns, output.format(terminal), terminal)
        }
        OperatorTokenCommand::Revoke { name, instance } => {
            ask(&instance, TokenTask::Revoke { name }, terminal)?;
            terminal.say("done");
            Ok(())
        }
    }
}

fn ask(
    instance: &InstanceArguments,
    task: TokenTask,
    terminal: &Terminal,
) -> Result<TokenTaskDone, CliError> {
    let mut session = Session::open(instance, OpenMode::Existing, terminal)?;
    let done = match &mut session {
        Session::Server(client) => client
            .operator_token(task)
            .map_err(|error| explain_control(&error)),
        Session::Own { operator, .. } => operator
            .operator_token(&task)
            .map_err(|refusal| explain_refusal(&refusal)),
    };
    session.close();
    done
}
